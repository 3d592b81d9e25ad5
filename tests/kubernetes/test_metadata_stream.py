"""What a line of a metadata watch means."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.core.values import ObjectVersion
from inference_operator.kubernetes.metadata_stream import Bookmark, Broken, Changed, Deleted, Expired, parse_event
from tests.kubernetes.scripted_api import bookmark, error, event

VERSION = ObjectVersion("uid-openai", "7")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(event("ADDED", "openai", "7"), Changed("search", "openai", VERSION), id="a new object is a change"),
        pytest.param(event("MODIFIED", "openai", "7"), Changed("search", "openai", VERSION), id="an edit is a change"),
        pytest.param(event("DELETED", "openai", "7"), Deleted("search", "openai", VERSION), id="a deletion"),
        pytest.param(bookmark("9"), Bookmark("9", complete=False), id="a bookmark on the way"),
        pytest.param(bookmark("9", complete=True), Bookmark("9", complete=True), id="the end of the initial objects"),
        pytest.param(error(410, "Expired"), Expired(), id="410 means to start anew"),
        pytest.param(error(0, "Expired"), Expired(), id="as does the reason alone"),
        pytest.param(error(500), Broken("the API server reported 500 in the watch"), id="another error breaks the stream"),
        pytest.param('{"type": "NEW", "object": {}}', Broken("a line of the watch is of an unknown kind"), id="an unknown type"),
        pytest.param("<html>", Broken("a line of the watch is no event"), id="a proxy's page"),
        pytest.param(event("ADDED", "openai", "7")[:40], Broken("a line of the watch is no event"), id="half a line"),
        pytest.param('{"type": "ADDED", "object": {}}', Broken("a line of the watch is no event"), id="no metadata"),
        pytest.param("[]", Broken("a line of the watch is no event"), id="a list"),
        pytest.param('{"type": "ADDED", "object": null}', Broken("a line of the watch is no event"), id="null"),
    ],
)
def test_a_line(line: str, expected: object) -> None:
    assert parse_event(line.encode()) == expected


@given(st.binary())
def test_any_bytes_have_a_meaning(line: bytes) -> None:
    assert parse_event(line) is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.sampled_from(["ADDED", "DELETED", "BOOKMARK", "ERROR"]), json_values)
def test_any_object_has_a_meaning(kind: str, value: object) -> None:
    assert parse_event(json.dumps({"type": kind, "object": value}).encode()) is not None


def test_annotations_leave_no_trace() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "canary-77"}
    assert "canary-77" not in repr(parse_event(event("ADDED", "openai", "7", annotations=annotations).encode()))
