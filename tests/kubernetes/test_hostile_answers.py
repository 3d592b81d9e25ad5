"""Whatever is answered in the place of the API server: a value or the one declared end, bounded, and without a word of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.kubernetes.client import Reply, refused, retry_after
from inference_operator.kubernetes.lease_record import parse_lease
from inference_operator.kubernetes.lease_requests import LeaseName, LeaseRequests
from inference_operator.kubernetes.listing import page
from inference_operator.kubernetes.metadata_stream import Bookmark, Broken, Changed, Deleted, Expired, parse_event
from inference_operator.kubernetes.values import KubernetesFailure
from tests.elasticsearch.laws import LAW
from tests.hostile import CANARY, nested, spoiled, spoiled_bytes
from tests.virtual_clock import VirtualClock

T = TypeVar("T")

METADATA = {
    "name": "openai",
    "namespace": "search",
    "uid": "u",
    "resourceVersion": "7",
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": CANARY},
}
EVENTS: list[Any] = [
    {"type": "ADDED", "object": {"metadata": METADATA, "data": {"key": CANARY}}},
    {"type": "MODIFIED", "object": {"metadata": METADATA}},
    {"type": "DELETED", "object": {"metadata": METADATA}},
    {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}}}},
    {"type": "ERROR", "object": {"code": 500, "reason": "InternalError", "message": CANARY}},
]
LEASE = {
    "metadata": METADATA,
    "spec": {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 3,
        "acquireTime": "2026-01-01T00:00:00.000000Z",
        "renewTime": "2026-01-01T00:00:10.000000Z",
    },
}
LIST = {"metadata": {"resourceVersion": "9", "continue": "t"}, "items": [{"metadata": METADATA}, {"metadata": METADATA}]}
STATUS = {
    "kind": "Status",
    "message": "the object has been modified",
    "details": {"name": "a", "causes": [{"field": "metadata.uid", "reason": "FieldValueInvalid", "message": CANARY}]},
}


def check_line(line: bytes) -> None:
    match parse_event(line):
        case Broken(why):
            assert CANARY not in why
            assert len(why) <= 80
        case Changed(namespace, name, version) | Deleted(namespace, name, version):
            assert max(map(len, (namespace, name, version.uid, version.resource_version))) <= 1024
        case Bookmark(resource_version):
            assert len(resource_version) <= 1024
        case Expired():
            pass


LINES = st.sampled_from(EVENTS).flatmap(spoiled_bytes)


@LAW
@given(LINES)
def test_a_line_of_a_watch_is_an_event_or_breaks_it_and_is_not_repeated(line: bytes) -> None:
    check_line(line)


@pytest.mark.full
@LAW
@given(LINES)
def test_lines_for_long(line: bytes) -> None:
    check_line(line)


@pytest.mark.parametrize("opening", [b"[", b'{"type":'])
def test_a_line_nested_without_end_breaks_the_watch_and_nothing_else(opening: bytes) -> None:
    assert isinstance(parse_event(opening * 200_000), Broken)


def unless_refused(parse: Callable[[], T]) -> T | None:
    """What was read; None where it was refused, by the one declared error, which repeats nothing."""
    said = ""
    try:
        return parse()
    except ValueError as error:
        said = str(error)
    assert CANARY not in said
    return None


@LAW
@given(spoiled(LEASE))
def test_a_lease_is_read_or_is_none(body: Any) -> None:
    if not isinstance(body, dict):
        return
    record = unless_refused(lambda: parse_lease(body))
    if record is not None:
        assert math.isfinite(record.duration)
        assert 0 <= record.duration < 2**31
        assert 0 <= record.transitions < 2**31
        assert record.uid
        assert record.holder is None or record.holder


class Answering:
    """A client that has one answer to everything."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def ask(self, operation: str, request: object) -> Reply:
        return self._reply


@pytest.mark.parametrize(
    "spec", [{"leaseDurationSeconds": math.inf}, {"leaseDurationSeconds": "long"}, {"holderIdentity": {"a": 1}}, [], "x"]
)
async def test_what_is_no_lease_is_a_failure(spec: Any) -> None:
    requests = LeaseRequests(Answering(Reply(200, {**LEASE, "spec": spec})), LeaseName("o", "l"), VirtualClock(), 1.0)
    answer = await requests.read()
    assert isinstance(answer, KubernetesFailure)
    assert answer.message == "the answer is no Lease"


@LAW
@given(spoiled(LIST))
def test_a_page_of_a_listing_is_read_whole_or_refused(body: Any) -> None:
    if not isinstance(body, dict):
        return
    found = unless_refused(lambda: page(body))
    if found is not None:
        items, version, token = found
        assert len(items) == len(body.get("items") or ())
        assert CANARY not in repr([item.get("annotations") for item in items])
        assert all(isinstance(item["name"], str) and isinstance(item["uid"], str) for item in items)
        assert isinstance(version, str)
        assert isinstance(token, str)


@LAW
@given(spoiled(STATUS), st.integers(300, 599))
def test_a_refusal_is_told_in_bounds(body: Any, status: int) -> None:
    reply = Reply(status, body if isinstance(body, dict) else {})
    assert len(refused("get a", reply).message) <= 500
    assert isinstance(reply.subject, str | None)
    assert reply.blames("metadata.uid") in (True, False)
    assert CANARY not in repr(reply)


@LAW
@given(st.text(max_size=12) | st.from_regex(r"\d{1,400}"))
def test_any_retry_after_is_some_seconds_or_none(text: str) -> None:
    seconds = retry_after({"Retry-After": text})
    assert seconds is None or 0.0 <= seconds <= 300.0


def test_a_lease_of_any_depth_is_none() -> None:
    with pytest.raises(ValueError, match="not a text"):
        parse_lease({**LEASE, "spec": {"holderIdentity": nested(5_000)}})
