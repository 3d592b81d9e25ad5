"""What is known of a cluster's endpoints, or of its pipelines, from one reading of all of them.

Decides which of two pieces of knowledge is the newer one: the list of all, asked at some moment, or what one of our own
requests told about one id. Time is counted in questions asked, not in seconds, so that two events of one instant keep
their order. A snapshot may be old; it proves equality and nothing else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, TypeVar

from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.values import ABSENT, Absent
from inference_operator.elasticsearch.requests import is_single
from inference_operator.elasticsearch.shared_read import SharedRead

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from inference_operator.core.clock import Clock
    from inference_operator.elasticsearch.shapes import Listing

_T = TypeVar("_T")

# With these the cluster as a whole can't answer; reading its endpoints one by one would only add to its troubles.
_WHOLE_CLUSTER = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The moment at which a question was asked."""

    tick: int
    at: float
    generation: int


@dataclass(frozen=True, slots=True)
class _Record(Generic[_T]):
    stamp: Stamp
    value: _T | Absent | None  # None: unknown, a write was lost


@dataclass(frozen=True, slots=True)
class _Known(Generic[_T]):
    stamp: Stamp
    listing: Listing[_T]


@dataclass(frozen=True, slots=True)
class _Failed:
    """The last reading of all. Kept for those who want all, so that it is not tried again for each of them."""

    stamp: Stamp
    failure: Failure


@dataclass(frozen=True, slots=True)
class _Merged(Generic[_T]):
    """All of them, as of one list and so many recordings."""

    known: _Known[_T]
    recordings: int
    entries: Mapping[str, _T]


class Snapshot(Generic[_T]):
    """What there is by id.

    Args:
        read_all: one GET of all.
        read_one: GET of one id. Never asked for what the server would not read as one.
        clock: tells the age of what is known.
        address: of the cluster.
        single_reads: reads of one id at the same moment while the list can't be had.
    """

    def __init__(
        self,
        read_all: Callable[[], Awaitable[Listing[_T] | Failure]],
        read_one: Callable[[str], Awaitable[_T | Absent | Failure]],
        clock: Clock,
        address: str,
        single_reads: int,
    ) -> None:
        self._read_all = read_all
        self._read_one = read_one
        self._clock = clock
        self._tick = 0
        self._generation = 0
        self._records: dict[str, _Record[_T]] = {}
        self._recordings = 0
        self._all_is_broken = False
        self._failed: _Failed | None = None
        self._merged: _Merged[_T] | None = None
        self._one_by_one = asyncio.Semaphore(single_reads)
        self._listing: SharedRead[_Known[_T]] = SharedRead(self._list, clock, address)

    async def entry(self, key: str, max_age: float | None = None) -> _T | Absent | Failure:
        """One of them, as it was less than `max_age` seconds ago; None takes whatever was read since the last `invalidate`."""
        record = self._fresh_record(key, max_age)
        if record is not None:
            return await self._single(key, max_age) if record.value is None else record.value
        if self._all_is_broken:
            return await self._single(key, max_age)
        known = await self._listing.get(max_age)
        if isinstance(known, Failure):
            if not _one_is_enough(known):
                return known
            return await self._single(key, max_age)
        newest = self._newest(key, known)
        return await self._single(key, max_age) if newest is None else newest

    async def entry_now(self, key: str) -> _T | Absent | Failure:
        """One of them, as it is now: one reading of it alone, or of all for an id that can't be asked for alone."""
        if not is_single(key):
            listed = await self.all_since(self._clock.monotonic())
            return listed if isinstance(listed, Failure) else listed.get(key, ABSENT)
        stamp = self.stamp()
        value = await self._read_one(key)
        if not isinstance(value, Failure):
            self.record(key, value, stamp)
        return value

    async def all(self, max_age: float | None = None) -> Mapping[str, _T] | Failure:
        """All that can be understood, as they were less than `max_age` seconds ago, our own writes since then included.

        A reading that failed is told to all who ask in that time, and not tried again for each of them.
        """
        kept = self.kept_all(max_age)
        return self._of(await self._listing.get(max_age)) if kept is None else kept

    async def all_since(self, moment: float) -> Mapping[str, _T] | Failure:
        """All that can be understood, by a reading that began after a moment on the clock."""
        return self._of(await self._listing.get_since(moment))

    def kept_all(self, max_age: float | None = None) -> Mapping[str, _T] | Failure | None:
        """What `all` would tell without a reading; None where it needs one."""
        known = self._listing.kept(max_age)
        if known is not None:
            return self._of(known)
        failed = self._failed
        if failed is None or (max_age is not None and self._clock.monotonic() - failed.stamp.at >= max_age):
            return None
        return failed.failure

    def stamp(self) -> Stamp:
        """Take one before a question is asked, and give it to `record` with the answer."""
        self._tick += 1
        return Stamp(self._tick, self._clock.monotonic(), self._generation)

    def record(self, key: str, value: _T | Absent | None, stamp: Stamp | None = None) -> None:
        """What one of our own requests told: what there is, its absence, or None where a write's end is unknown.

        Without a stamp it holds from now on. What was asked before something newer was recorded is dropped.
        """
        stamp = stamp or self.stamp()
        older = self._records.get(key)
        if older is None or older.stamp.tick < stamp.tick:
            self._records[key] = _Record(stamp, value)
            self._recordings += 1

    def last_seen(self, key: str) -> _T | None:
        """What it was when it was last read, however long ago since the last `invalidate`; asks nobody."""
        known = self._listing.kept(None)
        record = self._records.get(key)
        value = self._newest(key, known) if known else (record.value if record else None)
        return None if isinstance(value, Absent) else value

    def invalidate(self) -> None:
        """The next question is asked anew."""
        self._generation += 1
        self._all_is_broken = False
        self._failed = None
        self._listing.invalidate()

    async def aclose(self) -> None:
        """Give up what is being read."""
        await self._listing.aclose()

    async def _list(self) -> _Known[_T] | Failure:
        stamp = self.stamp()
        listing = await self._read_all()
        is_current = stamp.generation == self._generation
        if isinstance(listing, Failure):
            if is_current:
                self._failed = _Failed(stamp, listing)
                self._all_is_broken = self._all_is_broken or _one_is_enough(listing)
            return listing
        if is_current:
            self._failed = None
            self._records = {key: kept for key, kept in self._records.items() if kept.stamp.tick > stamp.tick}
        return _Known(stamp, listing)

    async def _single(self, key: str, max_age: float | None) -> _T | Absent | Failure:
        async with self._one_by_one:
            record = self._fresh_record(key, max_age)  # read by somebody else while we queued
            if record is not None and record.value is not None:
                return record.value
            return await self.entry_now(key)

    def _of(self, known: _Known[_T] | Failure) -> Mapping[str, _T] | Failure:
        """The list with what was recorded since; the same object as long as nothing was."""
        if isinstance(known, Failure):
            return known
        merged = self._merged
        if merged is None or merged.known is not known or merged.recordings != self._recordings:
            self._merged = merged = _Merged(known, self._recordings, self._merge(known))
        return merged.entries

    def _merge(self, known: _Known[_T]) -> Mapping[str, _T]:
        entries = dict(known.listing.entries)
        for key, record in self._records.items():
            if record.stamp.tick < known.stamp.tick or record.value is None:
                continue
            if isinstance(record.value, Absent):
                entries.pop(key, None)
            else:
                entries[key] = record.value
        return entries

    def _newest(self, key: str, known: _Known[_T]) -> _T | Absent | None:
        record = self._records.get(key)
        if record is not None and record.stamp.tick > known.stamp.tick:
            return record.value
        if key in known.listing.unreadable:
            return None
        return known.listing.entries.get(key, ABSENT)

    def _fresh_record(self, key: str, max_age: float | None) -> _Record[_T] | None:
        """What was recorded since the last `invalidate`, not too old, and not overtaken by a list."""
        record = self._records.get(key)
        if record is None or record.stamp.generation != self._generation:
            return None
        if max_age is not None and self._clock.monotonic() - record.stamp.at >= max_age:
            return None
        return record


def _one_is_enough(failure: Failure) -> bool:
    """True for an error of the reading itself: one endpoint that can't be loaded fails the list of all."""
    match failure:
        case HttpFailure(status=status):
            return status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _WHOLE_CLUSTER
        case _:
            return False
