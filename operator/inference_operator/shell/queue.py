"""The work queue: which object is next, when, and how many of one Elasticsearch cluster at once.

De-duplicating (a key that waits is merged, a key in work runs once more afterwards), delaying, prioritised, with
backoff per key and at most one worker on a key. Keys belong to groups, and each group has a limit of its own, so that
a cluster that hangs holds up its own objects only. Knows nothing of objects; the clock and the dice are handed in.

A wish lies in `_again` while its key is in work, in `_later` until its time, then in `_ready` until it is looked at, and in
`held_up` of its group while that has as many in work as it may. Once the queue is open, this holds between any two calls:

* `_ready` is empty: a key that is due waits for nothing but a place in its group.
* A group that holds up a key is full: for each place that it gets back, its best key goes to `_ready` again.

So no call looks at more than it is about, however many groups there are: it takes a few steps in heaps.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from typing import Any, Generic, TypeVar

from inference_operator.core.clock import Clock, Timer


class Priority(IntEnum):
    """Lower goes first."""

    DELETION = 0
    EDIT = 1
    SECRET = 2
    DEPENDENCY = 3
    RESYNC = 4


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts on one key: doubling from `first` to `longest` seconds, each shortened by up to half."""

    first: float = 1.0
    longest: float = 300.0

    def pause(self, attempt: int, dice: float) -> float:
        """Return the pause before attempt `attempt` (0 is the first retry); `dice` is in [0, 1)."""
        # The exponent is bounded: an object may fail for months.
        return min(self.longest, self.first * 2.0 ** min(attempt, 32)) * (1.0 - dice / 2)


@dataclass(frozen=True, slots=True)
class Load:
    """What a queue holds at a moment: keys that are due, that wait for their time, that are in work, whose last attempt failed.

    `oldest_due`: seconds for which the key that is due for longest has been; 0 without one. `retries`: attempts after a failure
    that were ever put in.
    """

    due: int
    delayed: int
    working: int
    failing: int
    oldest_due: float
    retries: int


Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class _Entry(Generic[Key]):
    """A wish to work on a key. It is replaced by a better one: an entry in a heap that is no longer the key's own is stale."""

    key: Key
    priority: Priority
    due: float
    number: int
    group: _Group[Key] | None = None  # that held it up

    def __lt__(self, other: _Entry[Key]) -> bool:
        return (self.priority, self.number) < (other.priority, other.number)


@dataclass(slots=True)
class _Group(Generic[Key]):
    working: int = 0
    held_up: list[_Entry[Key]] = field(default_factory=list)


class WorkQueue(Generic[Key]):
    """Start with `open`, end with `drain`. Not thread-safe: belongs to one event loop."""

    def __init__(
        self,
        clock: Clock,
        *,
        dice: Callable[[], float],
        backoff: Backoff,
        group_of: Callable[[Key], Hashable],
        limit: int,
    ) -> None:
        """`group_of` must answer at once; `limit`, at least 1, is the most in work per group.

        `group_of` may change its mind about a key. Who waits in a group hears of it with the next `add` of the key.
        """
        self._clock = clock
        self._dice = dice
        self._backoff = backoff
        self._group_of = group_of
        self._limit = limit
        self._work: Callable[[Key], Coroutine[Any, Any, None]] | None = None
        self._waiting: dict[Key, _Entry[Key]] = {}
        self._again: dict[Key, _Entry[Key]] = {}
        self._later: list[tuple[float, int, _Entry[Key]]] = []
        self._ready: list[_Entry[Key]] = []
        self._groups: defaultdict[Hashable, _Group[Key]] = defaultdict(_Group[Key])
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._taken: dict[Key, Priority] = {}
        self._attempts: dict[Key, int] = {}
        self._looks: dict[Key, int] = {}
        self._numbers = count()
        self._retries = 0
        self._timer: Timer | None = None

    def __len__(self) -> int:
        """Return how many keys wait, due or not."""
        return len(self._waiting) + len(self._again)

    @property
    def busy(self) -> bool:
        """True while a key is in work or due."""
        return bool(self._tasks) or any(entry.due <= self._clock.monotonic() for entry in self._waiting.values())

    def load(self) -> Load:
        """What it holds now."""
        now = self._clock.monotonic()
        entries = (*self._waiting.values(), *self._again.values())
        ages = [now - entry.due for entry in entries if entry.due <= now]
        delayed = len(entries) - len(ages)
        return Load(len(ages), delayed, len(self._tasks), len(self._attempts), max(ages, default=0.0), self._retries)

    def priority_of(self, key: Key) -> Priority | None:
        """With which priority a key that is in work was taken; None for others."""
        return self._taken.get(key)

    def open(self, work: Callable[[Key], Coroutine[Any, Any, None]]) -> None:
        """Start working off. Until then keys are only collected. `work` must not raise."""
        self._work = work
        self._pump()

    def add(self, key: Key, priority: Priority, delay: float = 0.0) -> None:
        """Work on the key, `delay` seconds from now at the latest; a wish that is there already is kept where it is sooner."""
        entry = _Entry(key, priority, self._clock.monotonic() + delay, next(self._numbers))
        shelf = self._again if key in self._tasks else self._waiting
        known = shelf.get(key)
        if known is not None:
            entry = _sooner(known, entry)
            if entry is known and not self._has_moved(entry):
                return
        shelf[key] = entry
        if shelf is self._waiting:
            self._file(entry)
            self._pump()

    def retry(self, key: Key, priority: Priority, *, at_least: float = 0.0) -> float:
        """Work on the key again after its backoff, which grows with each failure; return the pause."""
        attempt = self._attempts.get(key, 0)
        self._attempts[key] = attempt + 1
        self._retries += 1
        pause = max(self._backoff.pause(attempt, self._dice()), at_least)
        self.add(key, priority, pause)
        return pause

    def poll(self, key: Key, priority: Priority, *, at_most: float) -> float:
        """Look at the key again after a pause that grows with each look up to `at_most` seconds; return the pause.

        What it waits for has not come yet, which is no failure: one that comes in between is tried again soon, and leaves the
        pace of the looks as it was.
        """
        self._attempts.pop(key, None)
        look = self._looks.get(key, 0)
        self._looks[key] = look + 1
        pause = min(self._backoff.pause(look, self._dice()), at_most)
        self.add(key, priority, pause)
        return pause

    def succeeded(self, key: Key) -> None:
        """Forget the failures of a key, and how often it was looked at."""
        self._attempts.pop(key, None)
        self._looks.pop(key, None)

    def drop(self, key: Key) -> None:
        """Forget a key whose object is gone. Work in hand goes on."""
        self._waiting.pop(key, None)
        self._again.pop(key, None)
        self.succeeded(key)

    async def drain(self, grace: float) -> int:
        """Take nothing new, wait for the work in hand, cancel what takes longer than `grace` seconds; return how many."""
        self._work = None
        if self._timer is not None:
            self._timer.cancel()
        late: list[asyncio.Task[None]] = []

        def cut_off() -> None:
            late.extend(self._tasks.values())
            for task in late:
                task.cancel()

        timer = self._clock.call_later(grace, cut_off)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        timer.cancel()
        return len(late)

    def _file(self, entry: _Entry[Key]) -> None:
        if entry.due > self._clock.monotonic():
            heapq.heappush(self._later, (entry.due, entry.number, entry))
        else:
            heapq.heappush(self._ready, entry)

    def _pump(self) -> None:
        """Start what may start, in the order of priority, and put what may not to its group."""
        if self._work is None:
            return
        self._ripen()
        while self._ready:
            entry = heapq.heappop(self._ready)
            if not self._is_stale(entry):
                self._start_or_hold_up(entry)
        self._set_timer()

    def _ripen(self) -> None:
        now = self._clock.monotonic()
        while self._later and self._later[0][0] <= now:
            heapq.heappush(self._ready, heapq.heappop(self._later)[2])

    def _start_or_hold_up(self, entry: _Entry[Key]) -> None:
        name = self._group_of(entry.key)
        group = self._groups[name]
        if group.working < self._limit:
            group.working += 1
            self._start(entry, name)
        else:
            entry.group = group
            heapq.heappush(group.held_up, entry)

    def _start(self, entry: _Entry[Key], name: Hashable) -> None:
        assert self._work is not None
        key = entry.key
        del self._waiting[key]
        self._taken[key] = entry.priority
        # Whoever made the wish is often another piece of work, whose trace and log fields are none of this one's.
        self._tasks[key] = task = asyncio.get_running_loop().create_task(self._work(key), context=Context())
        task.add_done_callback(lambda _: self._finished(key, name))

    def _finished(self, key: Key, name: Hashable) -> None:
        del self._tasks[key], self._taken[key]
        entry = self._again.pop(key, None)
        if entry is not None:
            self._waiting[key] = entry
            self._file(entry)
        self._give_back(name)
        self._pump()

    def _give_back(self, name: Hashable) -> None:
        """A place in a group is free: its best key is ready, and so is every better one that belongs elsewhere by now."""
        group = self._groups[name]
        group.working -= 1
        while group.held_up:
            entry = heapq.heappop(group.held_up)
            if self._is_stale(entry):
                continue
            heapq.heappush(self._ready, entry)
            if self._group_of(entry.key) == name:
                return
        if not group.working:
            del self._groups[name]

    def _is_stale(self, entry: _Entry[Key]) -> bool:
        return self._waiting.get(entry.key) is not entry

    def _has_moved(self, entry: _Entry[Key]) -> bool:
        """True when the group that holds it up is not its own any more."""
        return entry.group is not None and entry.group is not self._groups.get(self._group_of(entry.key))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._later and self._is_stale(self._later[0][2]):
            heapq.heappop(self._later)
        if self._later:
            self._timer = self._clock.call_later(self._later[0][0] - self._clock.monotonic(), self._pump)


def _sooner(one: _Entry[Key], other: _Entry[Key]) -> _Entry[Key]:
    """Both wishes in one: the sooner time with the better priority. The first itself where the second adds nothing."""
    if one.due <= other.due and one.priority <= other.priority:
        return one
    return _Entry(one.key, min(one.priority, other.priority), min(one.due, other.due), other.number)
