"""What kopf is told to listen to. It is the informer and nothing else: no handler of ours leaves a trace on an object."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import kopf

from inference_operator.api.meta import GROUP, VERSION
from inference_operator.kubernetes.credentials import ConnectionInfo
from inference_operator.kubernetes.stream_ages import StreamAges

Heard = Callable[[str | None, dict[str, Any]], None]
Login = Callable[[], Awaitable[ConnectionInfo]]


def register(registry: kopf.OperatorRegistry, plural: str, heard: Heard) -> None:
    """Call `heard` for every watch event of the kind: None as its type for an object of the first listing.

    `on.event` handlers write nothing, need no finalizer and miss no DELETED. A plain function would go through a thread for every
    event.
    """

    @kopf.on.event(GROUP, VERSION, plural, registry=registry, id=f"{plural}-are-heard")
    async def on_event(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - kopf's name
        heard(type, _plain(body))


def register_login(registry: kopf.OperatorRegistry, login: Login, ages: StreamAges) -> None:
    """Let kopf use the same credentials as the rest of the operator. A registry of one's own has none otherwise.

    `ages` hears what its watches tell: kopf itself does not say whether they still do. Equal credentials make the same context,
    by which kopf knows those that were refused already, and ends.
    """
    last: tuple[ConnectionInfo, kopf.AiohttpSession] | None = None

    @kopf.on.login(registry=registry, id="login")
    async def on_login(**_: Any) -> kopf.AiohttpSession:
        nonlocal last
        info = await login()
        if last is None or last[0] != info:
            last = info, _context(info, ages)
        return last[1]


def _context(info: ConnectionInfo, ages: StreamAges) -> kopf.AiohttpSession:
    pieces = kopf.ConnectionInfo(
        server=info.server,
        ca_path=info.ca_path,
        insecure=info.insecure,
        scheme=info.scheme,
        token=info.token,
        certificate_path=info.certificate_path,
        private_key_path=info.private_key_path,
    )
    session = ages.session(headers=pieces.as_http_headers(), tls=pieces.as_ssl_context(), proxy=info.proxy_url)
    return kopf.AiohttpSession(server=info.server, aiohttp_session=session, expiration=info.expiration)


def settings() -> kopf.OperatorSettings:
    """How kopf watches."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False  # events are ours, on transitions only
    chosen.scanning.disabled = True  # no rights on CRDs and namespaces needed
    chosen.watching.server_timeout = 300
    chosen.watching.inactivity_timeout = 120  # bookmarks come once a minute: a watch that fell silent is replaced
    chosen.networking.enforce_retry_after = True
    chosen.networking.error_backoffs = _Forever()  # an API server that is away comes back
    chosen.process.ultimate_exiting_timeout = 30
    chosen.watching.chunk_size = 250  # all at once, ten thousand would be read in one piece
    chosen.queueing.idle_timeout = 0.5  # kopf keeps a task and the last body for each object that it heard of so lately
    chosen.persistence.diffbase_storage = _NothingKept()
    chosen.persistence.progress_storage = _NoProgress()
    # Not set: persistence.finalizer (kopf would remove ours) and queueing.worker_limit (10 objects per 5 s).
    return chosen


class _NothingKept(kopf.DiffBaseStorage):
    """What kopf compares to find out what changed: nothing, since we never ask. The default copies each object for each event."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing is kept on an object."""


class _NoProgress(kopf.ProgressStorage):
    """Where kopf keeps how far its handlers came: nowhere, since ours can't fail half-way."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing is kept on an object."""

    def purge(self, **_: Any) -> None:
        """Nothing was kept on an object."""

    def touch(self, **_: Any) -> None:
        """Nothing is written to an object."""

    def clear(self, *, essence: Any) -> Any:
        return essence


class _Forever:
    """Pauses between requests that failed: short at first, then half a minute, without an end."""

    def __iter__(self) -> Any:
        yield from (0.5, 1, 2, 5, 10)
        while True:
            yield 30


def _plain(body: kopf.Body) -> dict[str, Any]:
    found = dict(body)
    found["metadata"] = {name: value for name, value in found["metadata"].items() if name != "managedFields"}
    return found
