"""One watch of metadata: of Secrets or ConfigMaps, of one namespace or of all; or of the namespaces that carry a label.

Decides when such a watch goes on, starts anew, waits or is given up for a while, and what changed across a gap: after every
new start the old map is compared with the new one, so that nothing that happened meanwhile is missed. Holds names and
versions, never contents. What may not be watched is `metadata_poll`'s.
"""

import logging
import random
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Generic, Protocol, TypeVar

import aiohttp
from aiohttp.http import HttpProcessingError

from inference_operator.api.status import SourceKind
from inference_operator.core.clock import Clock
from inference_operator.core.values import ObjectRef, ObjectVersion
from inference_operator.kubernetes.client import LOST, METADATA, KubernetesClient, Request, lost, path_of, retry_after
from inference_operator.kubernetes.listing import list_metadata
from inference_operator.kubernetes.metadata_stream import Bookmark, Broken, Changed, Deleted, Event, Expired, parse_event
from inference_operator.kubernetes.timing import backoff, pause
from inference_operator.kubernetes.values import KubernetesFailure

_log = logging.getLogger(__name__)

PLURALS = {SourceKind.SECRET: "secrets", SourceKind.CONFIG_MAP: "configmaps"}
SERVER_TIMEOUT = 290
"""Seconds after which the API server ends a watch by itself, so that none lives on unnoticed."""
QUIET = 120.0
"""Seconds of silence after which a watch counts as dead. Bookmarks come about once a minute."""
DENIED_FIRST, DENIED_LONGEST = 15.0, 300.0
"""Seconds after which a watch that was forbidden is tried again, at first and in the end: rights may have been granted, and
an API server that starts together with the operator forbids everything until it has read them."""
STOOD = 30.0
"""Seconds after which a watch that ends had come to stand, and is opened anew without the pauses that failures before it
earned. As long as the longest pause: who starts over no more often than that asks for no more than who still waits."""
REFUSED_FOR = 60.0
"""Seconds for which a watch that was allowed must be refused until that is believed: an API server that has just started
forbids what it allows once it has read all roles."""

OnChange = Callable[[ObjectRef], None]

_Ref = TypeVar("_Ref", bound=Hashable)


class Seen(Protocol[_Ref]):
    """What one watch sees, and by which names it is told."""

    def covers(self, ref: _Ref) -> bool:
        """True when the watch tells of it."""
        ...

    def ref(self, namespace: str, name: str) -> _Ref: ...

    @property
    def path(self) -> str: ...

    @property
    def selector(self) -> str:
        """By label; empty: everything."""
        ...

    @property
    def denied(self) -> str:
        """What it means that it may not be watched, for the log."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """A kind, in one namespace or (None) in all."""

    kind: SourceKind
    namespace: str | None
    selector: str = ""

    def covers(self, ref: ObjectRef) -> bool:
        return ref.kind is self.kind and self.namespace in (None, ref.namespace)

    def ref(self, namespace: str, name: str) -> ObjectRef:
        return ObjectRef(self.kind, namespace, name)

    @property
    def denied(self) -> str:
        return "what objects refer to is polled instead"

    @property
    def path(self) -> str:
        within = ("namespaces", self.namespace) if self.namespace is not None else ()
        return path_of("api", "v1", *within, PLURALS[self.kind])

    def __str__(self) -> str:
        return f"{PLURALS[self.kind]} in {self.namespace or 'all namespaces'}"


class Phase(Enum):
    """What is known of a scope."""

    STARTING = auto()
    SYNCED = auto()
    DENIED = auto()


class _End(Enum):
    """Why a watch ended, where that is no failure."""

    CLOSED = auto()
    """The server's own time limit."""
    EXPIRED = auto()
    DENIED = auto()
    OTHER_WAY = auto()
    """The server can't stream the objects that are there at the start: list them instead."""


@dataclass(frozen=True, slots=True)
class _Failed:
    why: str
    retry_after: float | None = None


class ScopeWatch(Generic[_Ref]):
    """Follows one scope until cancelled.

    `on_change` hears of every object that changed or went after the first sync, and then of what is referred to: it may
    have been read before. `on_settled` is called when the scope becomes synced or denied. Neither may wait or raise.
    """

    def __init__(
        self,
        client: KubernetesClient,
        scope: Seen[_Ref],
        clock: Clock,
        *,
        on_change: Callable[[_Ref], None],
        on_settled: Callable[[], None],
        referred: Callable[[], Collection[_Ref]],
        chance: Callable[[], float] = random.random,
        quiet: float = QUIET,
    ) -> None:
        self.scope = scope
        self.phase = Phase.STARTING
        self.versions: dict[_Ref, ObjectVersion] = {}
        self.failure: str | None = None
        """Why it broke; None once it has said something again."""
        self._client = client
        self._clock = clock
        self._on_change = on_change
        self._on_settled = on_settled
        self._referred = referred
        self._chance = chance
        self._quiet = quiet
        self._heard = clock.monotonic()
        self._position: str | None = None  # the resourceVersion to go on from; None: start anew
        self._incoming: dict[_Ref, ObjectVersion] = {}
        self._streams_lists = True
        self._refused_since: float | None = None

    @property
    def last_heard(self) -> float:
        """When it last said something, on the monotonic clock. Now, while it is forbidden: nothing is to be heard then."""
        return self._clock.monotonic() if self.phase is Phase.DENIED else self._heard

    async def run(self) -> None:
        """Watch for ever."""
        failures = 0
        while True:
            opened = self._clock.monotonic()
            end = self._weigh(await self._follow())
            earlier = failures if self._clock.monotonic() - opened < STOOD else 0
            failures = 0 if end in (_End.CLOSED, _End.OTHER_WAY) else earlier + 1
            if delay := self._delay(end, failures):
                await pause(self._clock, delay)

    def _weigh(self, end: _End | _Failed) -> _End | _Failed:
        """A refusal is believed at once where nothing was ever allowed, and later only if it lasts."""
        if end is not _End.DENIED:
            self._refused_since = None
            return end
        now = self._clock.monotonic()
        self._refused_since = now if self._refused_since is None else self._refused_since
        if self.phase is Phase.SYNCED and now - self._refused_since < REFUSED_FOR:
            return _Failed("it is forbidden; what was known last is kept for a while")
        self._deny()
        return end

    def _delay(self, end: _End | _Failed, failures: int) -> float:
        match end:
            case _End.CLOSED | _End.OTHER_WAY:
                return 0.0
            case _End.DENIED:
                return backoff(failures, self._chance(), DENIED_FIRST, DENIED_LONGEST)
            case _End.EXPIRED:
                _log.info("the watch of %s fell behind and starts anew", self.scope)
                return backoff(failures, self._chance())
            case _Failed(why, after):
                self.failure = why
                _log.warning("the watch of %s broke (%d in a row): %s", self.scope, failures, why)
                return max(backoff(failures, self._chance()), after or 0.0)

    async def _follow(self) -> _End | _Failed:
        """One request, from opening to end."""
        if self._position is None and not self._streams_lists and (end := await self._list()) is not None:
            return end
        self._incoming = {}
        try:
            async with self._client.stream(
                Request(self.scope.path, query=self._query(), accept=METADATA), quiet=self._quiet
            ) as response:
                if response.status != HTTPStatus.OK:
                    return self._refused(response)
                return await self._read(response.content)
        except LOST as error:
            return _Failed(lost(f"watch {self.scope}", error).message)
        except (ValueError, HttpProcessingError):
            self._position = None  # the error quotes the line, so it is not repeated
            return _Failed("a line of the watch is too long")

    def _query(self) -> list[tuple[str, str]]:
        query = [("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", str(SERVER_TIMEOUT))]
        query += [("labelSelector", self.scope.selector)] if self.scope.selector else []
        if self._position is not None:
            return [*query, ("resourceVersion", self._position)]
        return [*query, ("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]

    def _refused(self, response: aiohttp.ClientResponse) -> _End | _Failed:
        starting, self._position = self._position is None, None
        match response.status:
            case HTTPStatus.GONE:
                return _End.EXPIRED
            case HTTPStatus.FORBIDDEN:
                return _End.DENIED
            case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY if starting and self._streams_lists:
                self._streams_lists = False
                return _End.OTHER_WAY
        return _Failed(f"HTTP {response.status}", retry_after(response.headers))

    async def _read(self, lines: aiohttp.StreamReader) -> _End | _Failed:
        heard = False
        async for line in lines:
            heard = True
            self._hear()
            if (end := self._take(parse_event(line))) is not None:
                self._position = None
                return end
        return _End.CLOSED if heard else _Failed("closed before anything was said")

    def _hear(self) -> None:
        self._heard, self.failure = self._clock.monotonic(), None

    def _take(self, event: Event) -> _End | _Failed | None:
        match event:
            case Changed(namespace, name, version):
                self._put(self.scope.ref(namespace, name), version)
            case Deleted(namespace, name, version):
                self._drop(self.scope.ref(namespace, name), version)
            case Bookmark(position, complete):
                if complete:
                    self._adopt(self._incoming, position)
                elif self._position is not None:
                    self._position = position
            case Expired():
                return _End.EXPIRED
            case Broken(why):
                return _Failed(why)
        return None

    def _put(self, ref: _Ref, version: ObjectVersion) -> None:
        if self._position is None:
            self._incoming[ref] = version
            return
        self._position = version.resource_version
        if self.versions.get(ref) != version:
            self.versions[ref] = version
            self._on_change(ref)

    def _drop(self, ref: _Ref, version: ObjectVersion) -> None:
        if self._position is None:
            self._incoming.pop(ref, None)
            return
        self._position = version.resource_version
        if self.versions.pop(ref, None) is not None:
            self._on_change(ref)

    async def _list(self) -> _End | _Failed | None:
        """What `sendInitialEvents` would have sent, for servers without it. None: it is there, watch from its version."""
        listing = await list_metadata(self._client, f"list {self.scope}", self.scope.path, selector=self.scope.selector)
        if isinstance(listing, KubernetesFailure):
            denied = listing.status == HTTPStatus.FORBIDDEN
            return _End.DENIED if denied else _Failed(listing.message, listing.retry_after)
        self._hear()
        found = {
            self.scope.ref(item.get("namespace", ""), item["name"]): ObjectVersion(item["uid"], item["resourceVersion"])
            for item in listing.items
        }
        self._adopt(found, listing.resource_version)
        return None

    def _adopt(self, found: dict[_Ref, ObjectVersion], position: str) -> None:
        """Replace the whole map, and tell what differs."""
        before, self.versions, self._position = self.versions, found, position
        if self.phase is Phase.SYNCED:
            changed = {ref for ref in before.keys() | found.keys() if before.get(ref) != found.get(ref)}
        else:
            changed = {ref for ref in self._referred() if self.scope.covers(ref)}
        self._settle(Phase.SYNCED)
        for ref in sorted(changed, key=str):
            self._on_change(ref)

    def _deny(self) -> None:
        if self.phase is not Phase.DENIED:
            _log.warning("%s may not be watched: %s", self.scope, self.scope.denied)
        self.versions = {}
        self._settle(Phase.DENIED)

    def _settle(self, phase: Phase) -> None:
        if self.phase is not phase:
            self.phase = phase
            self._on_settled()
