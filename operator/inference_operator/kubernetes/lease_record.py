"""A Lease as a value, and what to do about the one that was seen.

Decides who leads, without a request and without anybody else's clock: the times that a Lease holds are written for people
and never read as times. What counts is how long, on our own monotonic clock, we have seen a Lease unchanged. Pure; must not
import the client.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from inference_operator.core.values import Json

RELEASED = 1
"""`leaseDurationSeconds` of a Lease that its holder released, as client-go writes it. One without a holder and without this was
never held, or was cleared by hand, and its holder may not know yet."""
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """How long a lease lasts, in seconds. Raises ValueError for a combination under which two replicas could write at once.

    The holder stops writing `renew_deadline` after the start of its last renewal that succeeded; nobody else begins before
    `duration` has passed since then. What lies between is the margin for requests on their way and for clocks that run unevenly.
    """

    duration: float = 15.0
    renew_deadline: float = 10.0
    renew_interval: float = 2.0
    """From the start of one renewal to the start of the next."""
    poll_interval: float = 1.0
    """Between two looks of a replica that waits. Bounds the time of a hand-over; one small GET each."""
    request_timeout: float = 2.5

    def __post_init__(self) -> None:
        if min(self.renew_interval, self.poll_interval, self.request_timeout) <= 0:
            raise ValueError("renew interval, poll interval and request timeout of the lease must be above 0")
        if self.renew_deadline >= self.duration:
            raise ValueError("the renew deadline must be shorter than the lease, or two replicas may write at once")
        if self.renew_interval + 2 * self.request_timeout > self.renew_deadline:
            raise ValueError("the renew deadline must leave time for two renewals: the renew interval and two request timeouts")


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What matters of a Lease object. `holder` is None when it was released; times are the texts that the object holds.

    `resource_version` does not count in comparisons: an annotation that somebody sets does not renew a Lease.
    """

    uid: str
    resource_version: str = field(compare=False)
    holder: str | None
    duration: float
    transitions: int
    acquire_time: str
    renew_time: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen last (None: no Lease), and since when on our clock it has been so.

    `free` once its holder released it; otherwise somebody may hold it for `held_for` seconds from `since` on.
    """

    record: LeaseRecord | None
    since: float
    held_for: float
    free: bool


@dataclass(frozen=True, slots=True)
class Create:
    """There is no Lease. Its holder makes it anew; anybody else makes one without a holder, to wait for that one to expire."""


@dataclass(frozen=True, slots=True)
class Take:
    """The Lease is free, or its holder let it expire."""

    record: LeaseRecord


@dataclass(frozen=True, slots=True)
class Renew:
    """The Lease is ours."""

    record: LeaseRecord


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else may hold it. Worth another look after so many seconds at the latest."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Lost:
    """It was ours, and is not any more."""

    to: str


Decision: TypeAlias = Create | Take | Renew | Wait | Lost


def observe(before: Observation | None, record: LeaseRecord | None, now: float, timing: LeaseTiming) -> Observation:
    """Take in what was just read. A Lease counts as new for as long as nobody has seen it unchanged.

    A Lease that is not there proves nothing, however often one looks: it may have been taken and deleted between two looks, and
    its holder notices at its next renewal only. So somebody makes one without a holder, which is then watched like any other:
    who held one that was deleted before has stopped by the time that this one expires.
    """
    if before is not None and before.record == record:
        return replace(before, record=record)  # with the version of now, which a patch has to name
    promised = before.held_for if before is not None and (before.record is None or record is None) else 0.0
    if record is None:
        return Observation(None, now, max(timing.duration, promised), free=False)
    free = record.holder is None and record.duration == RELEASED
    return Observation(record, now, max(timing.duration, record.duration, promised), free)


def decide(seen: Observation, identity: str, now: float, timing: LeaseTiming, *, leading: bool) -> Decision:
    """What the replica `identity` does about what it saw; `leading` while it holds the lease itself."""
    record = seen.record
    if record is None:
        return Create()
    if leading:
        if record.holder is None:
            return Take(record)  # made by one that waits after somebody deleted ours, or cleared by hand
        return Renew(record) if record.holder == identity else Lost(record.holder)
    left = seen.since + seen.held_for - now
    # With our name on it, the answer to our own attempt got lost.
    if seen.free or record.holder == identity or left <= 0:
        return Take(record)
    return Wait(min(left, timing.poll_interval))


def parse_lease(body: Mapping[str, Json]) -> LeaseRecord:
    """Read a Lease object of `coordination.k8s.io/v1`. Raises ValueError where it is none."""
    metadata, spec = _object(body.get("metadata")), _object(body.get("spec"))
    uid, version = _text(metadata.get("uid")), _text(metadata.get("resourceVersion"))
    if not uid or not version:
        raise ValueError("without uid or version")
    return LeaseRecord(
        uid=uid,
        resource_version=version,
        holder=_text(spec.get("holderIdentity")) or None,
        duration=float(_count(spec.get("leaseDurationSeconds"))),
        transitions=_count(spec.get("leaseTransitions")),
        acquire_time=_text(spec.get("acquireTime")),
        renew_time=_text(spec.get("renewTime")),
    )


def _object(value: Json) -> Mapping[str, Json]:
    if value is None or isinstance(value, Mapping):
        return value or {}
    raise ValueError("not an object")


def _text(value: Json) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise ValueError("not a text")


def _count(value: Json) -> int:
    """What the API server stores as int32."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31):
        return value or 0
    raise ValueError("not a number of seconds or transitions")


def taken(identity: str, before: LeaseRecord, timing: LeaseTiming, now: datetime) -> dict[str, Json]:
    """What changes in the spec of a Lease when it is taken. A change of hands counts as a transition, the first holder not."""
    moment = micro_time(now)
    changed = before.acquire_time != "" and before.holder != identity
    return {
        "holderIdentity": identity,
        "leaseDurationSeconds": math.ceil(timing.duration),
        "acquireTime": moment,
        "renewTime": moment,
        "leaseTransitions": before.transitions + changed,
    }


def released() -> dict[str, Json]:
    """What changes in the spec of a Lease that another one may take at once."""
    return {"holderIdentity": None, "leaseDurationSeconds": RELEASED}


def kept(identity: str, record: LeaseRecord, timing: LeaseTiming, now: datetime) -> dict[str, Json]:
    """The whole spec of a Lease that its holder keeps although somebody deleted or cleared it: the history goes on."""
    return {
        "holderIdentity": identity,
        "leaseDurationSeconds": math.ceil(timing.duration),
        "acquireTime": record.acquire_time,
        "renewTime": renewed_at(record, now),
        "leaseTransitions": record.transitions,
    }


def renewed_at(record: LeaseRecord, now: datetime) -> str:
    """The next `renewTime`: now, but later than the last one in any case.

    Where the wall clock was set back or stands still, a renewal would otherwise change nothing, and who waits would not see it.
    """
    try:
        last = datetime.strptime(record.renew_time, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return micro_time(now)
    return micro_time(max(now, last + _MICROSECOND))


_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def micro_time(moment: datetime) -> str:
    """Kubernetes' MicroTime: UTC, with six digits of a second."""
    return moment.astimezone(UTC).strftime(_FORMAT)
