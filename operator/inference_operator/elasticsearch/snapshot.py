"""What is known of a cluster's endpoints, from one reading of all of them.

Decides which of two pieces of knowledge is the newer one: the list of all, asked at some moment, or what one of our own
requests told about one id. Time is counted in questions asked, not in seconds, so that two events of one instant keep
their order. A snapshot may be old; it proves equality and nothing else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.values import ABSENT, Absent, Observed
from inference_operator.elasticsearch.shared_read import SharedRead

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from inference_operator.core.clock import Clock
    from inference_operator.elasticsearch.documents import Listing

# With these the cluster as a whole can't answer; reading its endpoints one by one would only add to its troubles.
_WHOLE_CLUSTER = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The moment at which a question was asked."""

    tick: int
    at: float
    generation: int


@dataclass(frozen=True, slots=True)
class _Record:
    stamp: Stamp
    value: Observed | Absent | None  # None: unknown, a write was lost


@dataclass(frozen=True, slots=True)
class _Known:
    stamp: Stamp
    listing: Listing


class Snapshot:
    """Endpoints by id.

    Args:
        read_all: `GET _inference/_all`.
        read_one: GET of one id.
        clock: tells the age of what is known.
        address: of the cluster.
        single_reads: reads of one id at the same moment while the list can't be had.
    """

    def __init__(
        self,
        read_all: Callable[[], Awaitable[Listing | Failure]],
        read_one: Callable[[str], Awaitable[Observed | Absent | Failure]],
        clock: Clock,
        address: str,
        single_reads: int,
    ) -> None:
        self._read_all = read_all
        self._read_one = read_one
        self._clock = clock
        self._tick = 0
        self._generation = 0
        self._records: dict[str, _Record] = {}
        self._all_is_broken = False
        self._one_by_one = asyncio.Semaphore(single_reads)
        self._listing: SharedRead[_Known] = SharedRead(self._list, clock, address)

    async def endpoint(self, inference_id: str, max_age: float | None = None) -> Observed | Absent | Failure:
        """One endpoint, as it was less than `max_age` seconds ago; None takes whatever was read since the last `invalidate`."""
        record = self._fresh_record(inference_id, max_age)
        if record is not None:
            return record.value or await self._single(inference_id, max_age)
        if self._all_is_broken:
            return await self._single(inference_id, max_age)
        known = await self._listing.get(max_age)
        if isinstance(known, Failure):
            if not _one_endpoint_is_enough(known):
                return known
            return await self._single(inference_id, max_age)
        return self._newest(inference_id, known) or await self._single(inference_id, max_age)

    def stamp(self) -> Stamp:
        """Take one before a question is asked, and give it to `record` with the answer."""
        self._tick += 1
        return Stamp(self._tick, self._clock.monotonic(), self._generation)

    def record(self, inference_id: str, value: Observed | Absent | None, stamp: Stamp | None = None) -> None:
        """What one of our own requests told: the endpoint, its absence, or None where a write's end is unknown.

        Without a stamp it holds from now on. What was asked before something newer was recorded is dropped.
        """
        stamp = stamp or self.stamp()
        older = self._records.get(inference_id)
        if older is None or older.stamp.tick < stamp.tick:
            self._records[inference_id] = _Record(stamp, value)

    def last_seen(self, inference_id: str) -> Observed | None:
        """The endpoint as it was last read, however long ago since the last `invalidate`; asks nobody."""
        known = self._listing.kept(None)
        record = self._records.get(inference_id)
        value = self._newest(inference_id, known) if known else (record.value if record else None)
        return value if isinstance(value, Observed) else None

    def invalidate(self) -> None:
        """The next question is asked anew."""
        self._generation += 1
        self._all_is_broken = False
        self._listing.invalidate()

    async def aclose(self) -> None:
        """Give up what is being read."""
        await self._listing.aclose()

    async def _list(self) -> _Known | Failure:
        stamp = self.stamp()
        listing = await self._read_all()
        if isinstance(listing, Failure):
            if _one_endpoint_is_enough(listing) and stamp.generation == self._generation:
                self._all_is_broken = True
            return listing
        if stamp.generation == self._generation:
            self._records = {key: kept for key, kept in self._records.items() if kept.stamp.tick > stamp.tick}
        return _Known(stamp, listing)

    async def _single(self, inference_id: str, max_age: float | None) -> Observed | Absent | Failure:
        async with self._one_by_one:
            record = self._fresh_record(inference_id, max_age)  # read by somebody else while we queued
            if record is not None and record.value is not None:
                return record.value
            stamp = self.stamp()
            value = await self._read_one(inference_id)
            if isinstance(value, Observed | Absent):
                self.record(inference_id, value, stamp)
            return value

    def _newest(self, inference_id: str, known: _Known) -> Observed | Absent | None:
        record = self._records.get(inference_id)
        if record is not None and record.stamp.tick > known.stamp.tick:
            return record.value
        if inference_id in known.listing.unreadable:
            return None
        return known.listing.endpoints.get(inference_id, ABSENT)

    def _fresh_record(self, inference_id: str, max_age: float | None) -> _Record | None:
        """What was recorded since the last `invalidate`, not too old, and not overtaken by a list."""
        record = self._records.get(inference_id)
        if record is None or record.stamp.generation != self._generation:
            return None
        if max_age is not None and self._clock.monotonic() - record.stamp.at >= max_age:
            return None
        return record


def _one_endpoint_is_enough(failure: Failure) -> bool:
    """True for an error of the reading itself: one endpoint that can't be loaded fails the list of all."""
    match failure:
        case HttpFailure(status=status):
            return status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _WHOLE_CLUSTER
        case _:
            return False
