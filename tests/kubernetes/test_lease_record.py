"""Who leads, as a table: what was seen and for how long, and what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from inference_operator.kubernetes.lease_record import (
    Create,
    Decision,
    LeaseRecord,
    LeaseTiming,
    Lost,
    Observation,
    Renew,
    Take,
    Wait,
    decide,
    kept,
    micro_time,
    observe,
    parse_lease,
    renewed_at,
    taken,
)

TIMING = LeaseTiming()
NOW = datetime(2026, 5, 6, 7, 8, 9, 10, tzinfo=UTC)


def lease(holder: str | None = "other", version: str = "1", **changes: Any) -> LeaseRecord:
    given: dict[str, Any] = {"duration": 15.0, "transitions": 3, "acquire_time": "a", "renew_time": "r"} | changes
    return LeaseRecord(uid="uid", resource_version=version, holder=holder, **given)


def seen(record: LeaseRecord | None, ago: float, held_for: float = 15.0, *, free: bool = False) -> Observation:
    return Observation(record, 100.0 - ago, held_for, free)


OURS, OTHERS, FREE, CLEARED = lease("me"), lease("other"), lease(None, duration=1.0), lease(None)
EMPTY = lease(None, duration=0.0, transitions=0, acquire_time="", renew_time="")
CANDIDATE = [
    ("another one's, just renewed: look again soon", seen(OTHERS, 0.0), Wait(1.0)),
    ("another one's, about to expire: look when it does", seen(OTHERS, 14.75), Wait(0.25)),
    ("another one's, unchanged for its whole duration: take it", seen(OTHERS, 15.0), Take(OTHERS)),
    ("another one's, promised for longer than ours: wait that long", seen(OTHERS, 20.0, 60.0), Wait(1.0)),
    ("released: take it at once", seen(FREE, 0.0, free=True), Take(FREE)),
    ("nobody's, but not released: its holder may not know yet", seen(CLEARED, 0.0), Wait(1.0)),
    ("nobody's for a whole duration: take it", seen(CLEARED, 15.0), Take(CLEARED)),
    ("ours by an attempt whose answer got lost: take it", seen(OURS, 0.0), Take(OURS)),
    ("none: make one, to be watched", seen(None, 0.0), Create()),
    ("just made: who held one before may not know yet", seen(EMPTY, 0.0), Wait(1.0)),
]
LEADER = [
    ("ours: renew it", seen(OURS, 1.0), Renew(OURS)),
    ("another one's: lost", seen(OTHERS, 0.0), Lost("other")),
    ("cleared by hand: take it back", seen(CLEARED, 0.0), Take(CLEARED)),
    ("deleted, and made by one that waits: take it back", seen(EMPTY, 0.0), Take(EMPTY)),
    ("deleted: make it anew", seen(None, 0.0), Create()),
]


@pytest.mark.parametrize(("_", "what", "decision"), CANDIDATE, ids=[row[0] for row in CANDIDATE])
def test_a_replica_that_waits(_: str, what: Observation, decision: Decision) -> None:
    assert decide(what, "me", 100.0, TIMING, leading=False) == decision


@pytest.mark.parametrize(("_", "what", "decision"), LEADER, ids=[row[0] for row in LEADER])
def test_a_replica_that_leads(_: str, what: Observation, decision: Decision) -> None:
    assert decide(what, "me", 100.0, TIMING, leading=True) == decision


OBSERVATIONS = [
    ("the first look starts the clock", None, OTHERS, Observation(OTHERS, 100.0, 15.0, free=False)),
    ("unchanged: the clock goes on", seen(OTHERS, 9.0), OTHERS, seen(OTHERS, 9.0)),
    ("an annotation is no renewal", seen(OTHERS, 9.0), lease(version="2"), seen(lease(version="2"), 9.0)),
    ("renewed: the clock starts anew", seen(OTHERS, 9.0), lease(renew_time="s"), seen(lease(renew_time="s"), 0.0)),
    ("a longer promise is kept", None, lease(duration=60.0), Observation(lease(duration=60.0), 100.0, 60.0, free=False)),
    ("a shorter one is not trusted", None, lease(duration=1.0), Observation(lease(duration=1.0), 100.0, 15.0, free=False)),
    ("released", seen(OTHERS, 9.0), FREE, seen(FREE, 0.0, free=True)),
    ("cleared by hand is not released", seen(OTHERS, 9.0), CLEARED, seen(CLEARED, 0.0)),
    ("none at the first look", None, None, seen(None, 0.0)),
    ("vanished: what was promised counts", seen(OTHERS, 9.0, 60.0), None, seen(None, 0.0, 60.0)),
    ("vanished after its release: taken and deleted, perhaps", seen(FREE, 9.0, free=True), None, seen(None, 0.0)),
    ("made anew: what was promised before counts", seen(None, 9.0, 60.0), EMPTY, seen(EMPTY, 0.0, 60.0)),
    ("renewed with a shorter promise", seen(lease(duration=60.0), 9.0, 60.0), OTHERS, seen(OTHERS, 0.0)),
]


@pytest.mark.parametrize(("_", "before", "record", "after"), OBSERVATIONS, ids=[row[0] for row in OBSERVATIONS])
def test_what_is_seen(_: str, before: Observation | None, record: LeaseRecord | None, after: Observation) -> None:
    found = observe(before, record, 100.0, TIMING)
    assert found == after
    assert (found.record and found.record.resource_version) == (record and record.resource_version)


def test_taking_counts_a_change_of_hands_and_only_that() -> None:
    assert taken("me", EMPTY, TIMING, NOW)["leaseTransitions"] == 0
    assert taken("me", OTHERS, TIMING, NOW)["leaseTransitions"] == 4
    assert taken("me", FREE, TIMING, NOW)["leaseTransitions"] == 4
    assert taken("me", OURS, TIMING, NOW)["leaseTransitions"] == 3
    assert taken("me", OTHERS, LeaseTiming(duration=15.2), NOW)["leaseDurationSeconds"] == 16


def test_a_lease_that_is_made_anew_keeps_its_history() -> None:
    before = lease("me", acquire_time="2026-01-01T00:00:00.000000Z", renew_time="2026-01-02T00:00:00.000000Z")
    spec = kept("me", before, TIMING, NOW)
    assert (spec["acquireTime"], spec["leaseTransitions"]) == (before.acquire_time, 3)
    assert spec["renewTime"] == "2026-05-06T07:08:09.000010Z"


def test_times_are_utc_wherever_we_are() -> None:
    assert micro_time(NOW.astimezone(timezone(timedelta(hours=-7)))) == "2026-05-06T07:08:09.000010Z"


def test_a_renewal_is_later_than_the_last_even_if_the_wall_clock_is_not() -> None:
    future = lease(renew_time="2030-01-01T00:00:00.000000Z")
    assert renewed_at(future, NOW) == "2030-01-01T00:00:00.000001Z"
    assert renewed_at(lease(renew_time=""), NOW) == micro_time(NOW)


def test_a_lease_with_hardly_a_field_can_be_read() -> None:
    metadata = {"uid": "u", "resourceVersion": "7"}
    assert parse_lease({"metadata": metadata}) == LeaseRecord("u", "7", None, 0.0, 0, "", "")
    assert parse_lease({"metadata": metadata, "spec": {"holderIdentity": ""}}).holder is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"renew_deadline": 15.0}, "shorter than the lease"),
        ({"request_timeout": 5.0}, "two request timeouts"),
        ({"poll_interval": 0.0}, "above 0"),
        ({"renew_interval": -1.0}, "above 0"),
    ],
)
def test_a_timing_that_is_not_safe_is_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LeaseTiming(**wrong)
