"""When each watch of an informer that is not ours last said something, seen from its HTTP session.

Decides what counts as a word: bytes of a watch. That it was opened, or answered with headers alone, does not, for one that is
opened again and again and never tells anything is as deaf as one that hangs. One that is refused is not deaf, as long as
another of its kind may be watched: the rights of one namespace were withdrawn, or the namespace is gone.
Must not import the informer.
"""

import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp

from inference_operator.core.clock import Clock


class StreamAges:
    """Knows every path that was watched through one of its sessions."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: dict[str, float] = {}
        self._refused: set[str] = set()

    @property
    def last_heard(self) -> float:
        """When the watch that is silent for longest last said something, on the monotonic clock; now, before there is one."""
        of_kinds: defaultdict[str, list[str]] = defaultdict(list)
        for path in self._heard:
            of_kinds[path.rpartition("/")[2]].append(path)
        counted = ([path for path in paths if path not in self._refused] or paths for paths in of_kinds.values())
        return min((self._heard[path] for paths in counted for path in paths), default=self._clock.monotonic())

    def session(self, *, headers: Mapping[str, str], tls: ssl.SSLContext, proxy: str | None) -> aiohttp.ClientSession:
        """A session for all requests of the informer, which closes it. Connections are not limited: each watch holds one."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls),
            headers=dict(headers),
            proxy=proxy,
            response_class=_listening_to(self),
        )

    def opened(self, path: str) -> None:
        """A watch of this path begins. It goes on where the last one of the path was, unless that was refused since."""
        if path in self._refused:
            self._refused.remove(path)
            self.heard(path)
        self._heard.setdefault(path, self._clock.monotonic())

    def refused(self, path: str, *, watch: bool) -> None:
        """It may be neither watched nor listed now. A watch is deaf from then on, also when it was never opened."""
        self._refused.add(path)
        if watch:
            self._heard.setdefault(path, self._clock.monotonic())

    def heard(self, path: str) -> None:
        """Its watch told something."""
        self._heard[path] = self._clock.monotonic()


def _listening_to(ages: StreamAges) -> type[aiohttp.ClientResponse]:
    """Responses that tell when something arrives."""

    class Response(aiohttp.ClientResponse):
        async def start(self, connection: Any) -> aiohttp.ClientResponse:
            await super().start(connection)
            watch = self.url.query.get("watch") == "true"
            if self.status == HTTPStatus.FORBIDDEN:
                ages.refused(self.url.path, watch=watch)
            elif watch:
                ages.opened(self.url.path)
                self.content = _Listened(self.content, ages, self.url.path)  # type: ignore[assignment]  # it reads as one
            return self

    return Response


class _Listened:
    """The body of a watch: the one way in which the informer reads it is heard, the others are as they were."""

    def __init__(self, content: aiohttp.StreamReader, ages: StreamAges, path: str) -> None:
        self._content = content
        self._ages = ages
        self._path = path

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        async for chunk in self._content.iter_chunked(size):
            self._ages.heard(self._path)
            yield chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)
