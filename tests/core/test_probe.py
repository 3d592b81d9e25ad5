"""When an endpoint is probed, what a failure means to a person, and when an outcome is news."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from inference_operator.api.policies import ManagementPolicy
from inference_operator.api.status import LastProbe
from inference_operator.core.disposition import Disposition, Mood
from inference_operator.core.endpoint.probe import NoProbe, Subject, failed, is_news, secrets_to_cut, succeeded, to_probe
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.endpoint.status import next_status
from inference_operator.core.failure import Failure, HttpFailure, TransportFailure, TransportKind
from inference_operator.core.news import news
from inference_operator.core.reasons import Reason
from inference_operator.core.values import ABSENT, ProbeOutcome
from inference_operator.core.verdict import Conclusion, Held, Nothing, Released, Suspended, Unusable, Watching
from tests.core.situations import (
    CANARY,
    DOWN,
    ID,
    LATER,
    NOW,
    THEN,
    UID,
    condition,
    deployed,
    desire,
    elser_spec,
    going,
    new,
    openai_spec,
    ours,
    stored,
    written,
)

PROBE = {"enabled": True, "interval": "30m", "input": "hello"}
SPEC = openai_spec(probe=PROBE, timeout="5s")
OBSERVING = openai_spec(probe=PROBE, managementPolicy="Observe")
MODEL = elser_spec(probe=PROBE)
HELD = Held(Disposition(Mood.STALL, Reason.REPLACE_REQUIRED, "no"))
DEPLOYING = Unusable(Disposition(Mood.WAIT, Reason.MODEL_DEPLOYING, "wait"))
SUBJECT = Subject(UID, ID, "text_embedding", "hello", 1800.0, 5.0)


def in_cluster(**deployment: Any) -> EndpointSituation:
    return ours(MODEL, desired=desire(MODEL), deployment=deployed(**deployment))


def test_what_is_probed() -> None:
    assert to_probe(ours(SPEC), Nothing()) == SUBJECT


PROBED: dict[str, tuple[EndpointSituation, Conclusion]] = {
    "as written": (ours(SPEC), Nothing()),
    "not as written, and serving with its old settings": (ours(SPEC), HELD),
    "only observed": (new(OBSERVING, observed=stored(OBSERVING)), Watching()),
    "a model in the cluster that serves": (in_cluster(), Nothing()),
    "a model in the cluster whose allocations are hidden": (in_cluster(target_allocation_count=None), Nothing()),
}


@pytest.mark.parametrize(("situation", "conclusion"), PROBED.values(), ids=PROBED)
def test_it_is_probed(situation: EndpointSituation, conclusion: Conclusion) -> None:
    assert isinstance(to_probe(situation, conclusion), Subject)


NOT_PROBED: dict[str, tuple[EndpointSituation, Conclusion, NoProbe]] = {
    "switched off": (ours(openai_spec()), Nothing(), NoProbe.UNWANTED),
    "suspended": (ours(openai_spec(probe=PROBE, suspend=True)), Suspended(), NoProbe.UNWANTED),
    "going": (going(SPEC), HELD, NoProbe.UNWANTED),
    "gone": (going(SPEC), Released(), NoProbe.UNWANTED),
    "somebody else's": (new(SPEC, observed=stored(SPEC)), HELD, NoProbe.UNTIMELY),
    "claimed twice": (ours(SPEC, rival="search/other"), HELD, NoProbe.UNTIMELY),
    "not there": (ours(SPEC, observed=ABSENT), HELD, NoProbe.UNTIMELY),
    "not known": (ours(SPEC, observed=None, failure=DOWN), HELD, NoProbe.UNTIMELY),
    "a model that is being deployed": (in_cluster(), DEPLOYING, NoProbe.UNTIMELY),
    "a model that sleeps": (in_cluster(target_allocation_count=0), Nothing(), NoProbe.UNTIMELY),
    "a model that was never deployed": (replace(in_cluster(), deployment=None), Watching(), NoProbe.UNTIMELY),
}


@pytest.mark.parametrize(("situation", "conclusion", "why"), NOT_PROBED.values(), ids=NOT_PROBED)
def test_it_is_not_probed(situation: EndpointSituation, conclusion: Conclusion, why: NoProbe) -> None:
    assert to_probe(situation, conclusion) is why


WHAT = f"A text_embedding inference through {ID} failed"
REFUSED = HttpFailure(401, "status_exception", f"refused from inference entity id [{ID}]: bad key {CANARY}")
TOLD: dict[str, tuple[Failure, str]] = {
    "a provider that refuses the key": (
        REFUSED,
        (
            f"{WHAT}. The provider refused it; check the key, the model and the account:"
            f" HTTP 401: refused from inference entity id [{ID}]: bad key <secret>"
        ),
    ),
    "an unpaid account": (
        HttpFailure(402, "status_exception", "pay"),
        f"{WHAT}. The provider refused it; check the key, the model and the account: HTTP 402: pay",
    ),
    "an operator without the right": (
        HttpFailure(403, "security_exception", "unauthorized"),
        (
            f"{WHAT}. Elasticsearch refused it; check the credentials of the connection, their privilege monitor_inference,"
            " the licence: HTTP 403: unauthorized"
        ),
    ),
    "a slow model, newest": (
        HttpFailure(429, "timeout_exception", "timed out"),
        f"{WHAT}. No answer within spec.timeout (5 s); raise it if the model needs longer: HTTP 429: timed out",
    ),
    "a slow model, 9.2": (
        HttpFailure(408, "status_exception", "timed out"),
        f"{WHAT}. No answer within spec.timeout (5 s); raise it if the model needs longer: HTTP 408: timed out",
    ),
    "a slow model, 8.17": (
        HttpFailure(503, "timeout_exception", "timed out"),
        f"{WHAT}. No answer within spec.timeout (5 s); raise it if the model needs longer: HTTP 503: timed out",
    ),
    "too many requests": (
        HttpFailure(429, "status_exception", "quota"),
        f"{WHAT}. Elasticsearch or the provider asks for fewer requests: HTTP 429: quota",
    ),
    "a provider that can't be reached": (
        HttpFailure(500, "connect_exception", "Failed to send request from inference entity id [a]"),
        (
            f"{WHAT}. The provider could not be used; check the address, the model and the settings:"
            " HTTP 500: Failed to send request from inference entity id [a]"
        ),
    ),
    "Elasticsearch out of order": (
        HttpFailure(500, "illegal_state_exception", "no"),
        f"{WHAT}. Elasticsearch could not carry it out: HTTP 500: no",
    ),
    "an endpoint that went": (
        HttpFailure(404, "resource_not_found_exception", "not found"),
        f"{WHAT}. Elasticsearch refused it: HTTP 404: not found",
    ),
    "a stream that broke off": (
        TransportFailure(TransportKind.RESET, "https://es:9200", "the stream ended"),
        f"{WHAT}: Elasticsearch at https://es:9200 closed the connection before it answered (the stream ended)",
    ),
}


@pytest.mark.parametrize(("failure", "message"), TOLD.values(), ids=TOLD)
def test_what_is_told_of_a_failure(failure: Failure, message: str) -> None:
    assert failed(SUBJECT, failure, frozenset({CANARY})) == ProbeOutcome("Failed", message)


def test_what_could_quote_an_unknown_secret_is_not_repeated() -> None:
    message = failed(SUBJECT, REFUSED, None).message
    assert "HTTP 401 status_exception. The reason given is not repeated here" in message
    assert CANARY not in message


READ, UNREAD = desire(SPEC), None
SECRETS = {
    "read, and what Elasticsearch holds": (ManagementPolicy.MANAGE, READ, True, frozenset({CANARY})),
    "replaced meanwhile": (ManagementPolicy.MANAGE, READ, False, None),
    "not to be read": (ManagementPolicy.MANAGE, UNREAD, True, None),
    "an endpoint of others": (ManagementPolicy.OBSERVE, READ, True, None),
    "a model in the cluster has none": (ManagementPolicy.OBSERVE, desire(MODEL), True, frozenset()),
}


@pytest.mark.parametrize(("management", "desired", "is_current", "secrets"), SECRETS.values(), ids=SECRETS)
def test_secrets_to_cut(management: ManagementPolicy, desired: Any, is_current: bool, secrets: frozenset[str] | None) -> None:
    assert secrets_to_cut(management, desired, is_current=is_current) == secrets


def failure_of(message: str) -> ProbeOutcome:
    return ProbeOutcome("Failed", message)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("HTTP 401: bad key, request req_1a", "HTTP 401: bad key, request req_2b", False),
        ("HTTP 429: try again in 20s [id-77]", "HTTP 429: try again in 1.5s [id-78]", False),
        ("HTTP 401: bad key", "HTTP 500: bad key", True),
        ("HTTP 401: bad key", "HTTP 401: no such model", True),
        ("HTTP 401: bad key", "HTTP 401: bad key", False),
    ],
)
def test_figures_are_no_news(before: str, after: str, expected: bool) -> None:
    assert is_news(LastProbe(outcome="Failed", message=before, since=THEN), failure_of(after)) is expected


def test_another_outcome_is_news_and_so_is_the_first() -> None:
    assert is_news(None, succeeded(SUBJECT))
    assert is_news(LastProbe(outcome="Failed", message=succeeded(SUBJECT).message, since=THEN), succeeded(SUBJECT))


def status_after(outcome: ProbeOutcome | None, before: InferenceEndpointStatus, now: str = NOW, **fields: Any) -> Any:
    return next_status(ours(SPEC, previous=before, probe=outcome, **fields), Nothing(), now=now, handled=None)


def test_status_tells_the_last_probe_since_when_and_nothing_twice() -> None:
    before = written(SPEC)
    first = status_after(failure_of("HTTP 401: bad key, request 1"), before)
    assert first.last_probe == LastProbe(outcome="Failed", message="HTTP 401: bad key, request 1", since=NOW)
    assert condition_of(first) == ("False", "ProbeFailed", "HTTP 401: bad key, request 1", NOW)
    assert next(c.status for c in first.conditions if c.type == "Ready") == "True"
    assert status_after(failure_of("HTTP 401: bad key, request 2"), first, LATER) == first
    assert status_after(None, first, LATER) == first, "after a restart"
    other = status_after(failure_of("HTTP 500: down"), first, LATER)
    assert other.last_probe == LastProbe(outcome="Failed", message="HTTP 500: down", since=NOW)
    healed = status_after(succeeded(SUBJECT), other, LATER)
    assert condition_of(healed) == ("True", "Available", succeeded(SUBJECT).message, LATER)


def test_an_edit_brings_the_latest_words() -> None:
    first = status_after(failure_of("HTTP 404: no model gpt-4"), written(SPEC))
    edited = status_after(failure_of("HTTP 404: no model gpt-5"), first, LATER, generation=2)
    assert edited.last_probe == LastProbe(outcome="Failed", message="HTTP 404: no model gpt-5", since=NOW)


def test_before_the_first_probe_there_is_nothing_to_tell() -> None:
    status = status_after(None, written(SPEC))
    assert status.last_probe is None
    assert condition_of(status) is None


def test_switched_off_nothing_is_left() -> None:
    before = status_after(succeeded(SUBJECT), written(SPEC))
    off = ours(openai_spec(), previous=before, probe=succeeded(SUBJECT))
    status = next_status(off, Nothing(), now=LATER, handled=None)
    assert status.last_probe is None
    assert condition_of(status) is None


def condition_of(status: InferenceEndpointStatus) -> tuple[str, str, str, str] | None:
    return next(
        ((c.status, c.reason, c.message, c.last_transition_time) for c in status.conditions if c.type == "Probed"),
        None,
    )


def probed(truth: str | None) -> InferenceEndpointStatus:
    reason = "Available" if truth == "True" else "ProbeFailed"
    ready = condition("Ready", "True", "Available")
    return InferenceEndpointStatus(conditions=(ready,) if truth is None else (ready, condition("Probed", truth, reason)))


EVENTS: dict[str, tuple[str | None, str | None, list[tuple[str, str]]]] = {
    "all well from the first": (None, "True", []),
    "wrong from the first": (None, "False", [("Warning", "ProbeFailed")]),
    "still wrong": ("False", "False", []),
    "gone wrong": ("True", "False", [("Warning", "ProbeFailed")]),
    "right again": ("False", "True", [("Normal", "Available")]),
    "switched off": ("False", None, []),
}


@pytest.mark.parametrize(("before", "after", "expected"), EVENTS.values(), ids=EVENTS)
def test_events(before: str | None, after: str | None, expected: list[tuple[str, str]]) -> None:
    told = [(item.type, item.reason) for item in news(probed(before), probed(after))]
    assert told == expected
