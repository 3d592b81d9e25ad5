"""One HTTP client for one cluster: a request goes in, a response or a failure comes out, never an exception.

Decides on limits, timeouts and what a lost request means. It never retries: whether to try again is decided above, where
it is known what was asked. Redirects are not followed. Proxies of the environment (HTTPS_PROXY, NO_PROXY) are
honoured, since that is how some clusters are reached; credentials come from the connection alone, never from `.netrc` or
a URL. httpx is imported here, in `losses` and in `event_stream`, nowhere else.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from contextlib import nullcontext
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

import httpx

from inference_operator.core.clock import Clock
from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.elasticsearch.answers import MAX_BODY, Answer, Response, read
from inference_operator.elasticsearch.breaker import Breaker, Outcome, Permit
from inference_operator.elasticsearch.budget import Budget
from inference_operator.elasticsearch.connection import ApiKey, BasicAuth, Bearer, Connection
from inference_operator.elasticsearch.event_stream import MAX_STREAM, read_events
from inference_operator.elasticsearch.losses import kind_of, why
from inference_operator.elasticsearch.requests import root
from inference_operator.elasticsearch.spans import named, tell
from inference_operator.elasticsearch.timing import deadline
from inference_operator.elasticsearch.tls import UnusableTlsMaterialError, client_context
from inference_operator.elasticsearch.traffic import Exchange, Unsent, Witnesses, Write, status_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from inference_operator.core.failure import Failure
    from inference_operator.elasticsearch.limits import Limits
    from inference_operator.elasticsearch.requests import Request

_USER_AGENT = f"inference-operator/{version('inference-operator')}"
# One for all requests: the throttle of Elasticsearch's deprecation log counts by it, and many different ones would defeat that.
_OPAQUE_ID = "inference-operator"
_CLOSED = "the connection was closed, because its Secret changed or the operator is stopping"


class ElasticsearchClient:
    """Sends requests to one cluster, within its limits.

    Args:
        connection: where to and as whom.
        clock: for the breaker, the budget and the deadline of each request.
        limits: see `Limits`.
        transport: instead of the network, for tests; then the environment's proxies are not asked.
        may_write: asked right before every write.
        witnesses: who is told of requests.
    """

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        limits: Limits,
        transport: httpx.AsyncBaseTransport | None = None,
        may_write: Callable[[], bool] = lambda: True,
        witnesses: Witnesses | None = None,
        extra_ca_file: Path | None = None,
    ) -> None:
        witnesses = witnesses or Witnesses()
        self._extra_ca_file = extra_ca_file
        self._may_write = may_write
        self._listener = witnesses.listener
        self._trail = witnesses.trail
        self._tracer = witnesses.tracer
        self._connection = connection
        self._address = connection.address
        self._clock = clock
        self._limits = limits
        self._breaker = Breaker(clock, limits)
        self._budget = Budget(clock, limits)
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._last_loss: TransportFailure | HttpFailure | None = None
        self._closing = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._http = self._open(transport)

    @property
    def address(self) -> str:
        """Scheme, host, port and path of the cluster."""
        return self._address

    @property
    def left_alone(self) -> bool:
        """True from the breaker's opening until a request came through again."""
        return self._breaker.is_open

    async def send(self, request: Request) -> Response | Failure:
        """Send once, when it is this request's turn. Raises only CancelledError."""
        if isinstance(self._http, TransportFailure):
            return self._http
        if self._closing:
            return TransportFailure(TransportKind.CONNECT, self._address, _CLOSED)
        if (wait := self._breaker.wait()) is not None:
            return self._left_alone(wait)
        self._under_way += 1
        self._idle.clear()
        try:
            return await self._in_turn(self._http, request)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def aclose(self) -> None:
        """Take no more requests, let those under way end (each has a deadline), close the connections."""
        self._closing = True
        await self._idle.wait()
        if isinstance(self._http, httpx.AsyncClient):
            await self._http.aclose()

    async def _in_turn(self, http: httpx.AsyncClient, request: Request) -> Response | Failure:
        if (wait := await self._budget.turn()) is not None:
            return self._put_off(wait)
        # An inference waits for a model or a provider, and takes nobody's place meanwhile; whoever sends them bounds them.
        async with nullcontext() if request.infers else self._slots:
            permit = await self._admitted(http, request)
            if not isinstance(permit, Permit):
                return self._left_alone(permit)
            if request.writes and not self._may_write():  # the last thing to ask: whatever is awaited takes time
                permit.settle(Outcome.UNTOLD)
                return self._fenced(request)
            return await self._traced(permit, http, request)

    async def _admitted(self, http: httpx.AsyncClient, request: Request) -> Permit | float:
        """A permit, or the seconds after which to ask again.

        A call that waits for a provider is no trial of whether the cluster is back: it may hang for an hour and tell nothing,
        and everybody else would wait for it. A short question goes before it.
        """
        permit = self._breaker.enter()
        if not isinstance(permit, Permit) or not permit.is_probe or not request.calls_provider:
            return permit
        await self._traced(permit, http, root())
        return self._breaker.enter()

    async def _traced(self, permit: Permit, http: httpx.AsyncClient, request: Request) -> Response | Failure:
        with self._tracer.request(*named(request, self._address)) as span:
            result = await self._settled(permit, http, request)
            tell(span, result)
        return result

    async def _settled(self, permit: Permit, http: httpx.AsyncClient, request: Request) -> Response | Failure:
        """Send it, and tell the breaker and the listener how it went, also where it was cancelled."""
        outcome = Outcome.UNTOLD
        result: Response | Failure | None = None
        trail = self._trail if request.writes else None
        name = trail.intended(self._told(request)) if trail is not None else ""
        begun = self._clock.monotonic()
        try:
            result = answer = await self._exchange(http, request)
            outcome = _outcome(request, answer)
            if (patience := _asked_patience(answer)) is not None:
                self._budget.hold(patience, _for_others(answer))
            if outcome is not Outcome.UNTOLD:
                self._last_loss = _for_others(answer) if outcome is Outcome.LOST else None
        finally:
            permit.settle(outcome)
            seconds = self._clock.monotonic() - begun
            self._listener.exchanged(Exchange(self._address, request.operation, status_of(result), seconds))
            if trail is not None:
                trail.ended(name, self._told(request), result, seconds)
        return answer

    def _told(self, request: Request) -> Write:
        return Write(self._address, request.operation, request.method, request.path)

    async def _exchange(self, http: httpx.AsyncClient, request: Request) -> Response | Failure:
        patience = request.allowance + self._limits.read_margin
        timeout = httpx.Timeout(patience, connect=self._limits.connect_timeout, pool=None)
        most, meaning = (MAX_STREAM, read_events) if request.streams else (MAX_BODY, read)
        try:
            async with deadline(self._clock, self._limits.connect_timeout + patience):
                answer = await self._fetch(http, self._message(http, request, timeout), most)
        except TimeoutError:
            return self._lost(TransportKind.TIMEOUT, f"no complete answer to {request.operation} in {patience:.0f} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:
            return self._lost(kind_of(error), why(error))
        return meaning(answer, request.operation, self._address, self._clock.now())

    async def _fetch(self, http: httpx.AsyncClient, message: httpx.Request, most: int) -> Answer:
        response = await http.send(message, stream=True)
        try:
            body, cut = await _bounded(response.aiter_bytes(), most)
        finally:
            await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body, cut=cut)

    def _message(self, http: httpx.AsyncClient, request: Request, timeout: httpx.Timeout) -> httpx.Request:
        content = None if request.body is None else json.dumps(request.body).encode()
        headers = {**self._tracer.headers(), **({"content-type": "application/json"} if content is not None else {})}
        return http.build_request(
            request.method,
            self._address + request.path,
            params=request.params or None,
            content=content,
            headers=headers,
            timeout=timeout,
        )

    def _open(self, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient | TransportFailure:
        headers = {"accept": "application/json", "user-agent": _USER_AGENT, "x-opaque-id": _OPAQUE_ID}
        headers |= _authorization(self._connection)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self._limits.concurrency)
        try:
            return httpx.AsyncClient(headers=headers, verify=self._tls_context(), transport=transport, limits=limits)
        except UnusableTlsMaterialError as error:
            return self._lost(TransportKind.TLS, str(error))
        except (httpx.InvalidURL, ValueError, ImportError):
            # Not quoted: the address of a proxy may hold a password.
            detail = "the environment of the operator names a proxy that can't be used: check HTTP_PROXY and HTTPS_PROXY"
            return self._lost(TransportKind.CONNECT, detail)

    def _tls_context(self) -> ssl.SSLContext:
        if not self._address.startswith("https://"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; loading the system's trust store takes a while
        certificate = self._connection.client_certificate
        pair = (certificate.cert_pem, certificate.key_pem) if certificate else None
        ca_pem, verify = self._connection.ca_pem, self._connection.verify
        return client_context(ca_pem, pair, verify=verify, extra_ca_file=self._extra_ca_file)

    def _left_alone(self, wait: float) -> TransportFailure:
        self._listener.unsent(self._address, Unsent.BREAKER)
        detail = "not sent: the last requests to this cluster were lost, so it is left alone for a moment"
        return TransportFailure(TransportKind.BREAKER, self._address, detail, retry_after=wait, because=self._last_loss)

    def _fenced(self, request: Request) -> TransportFailure:
        self._listener.unsent(self._address, Unsent.FENCED)
        if self._trail is not None:
            self._trail.fenced(self._told(request))
        return TransportFailure(TransportKind.FENCED, self._address, f"{request.operation} was not sent")

    def _put_off(self, wait: float) -> TransportFailure:
        self._listener.unsent(self._address, Unsent.BUDGET)
        detail = "not sent: too many requests of the operator are waiting for their turn"
        # Without an answer that asked for patience, it is the 429 that the server would give to so many.
        because = self._budget.held_by or HttpFailure(HTTPStatus.TOO_MANY_REQUESTS, reason=detail)
        return TransportFailure(TransportKind.BREAKER, self._address, detail, retry_after=wait, because=because)

    def _lost(self, kind: TransportKind, detail: str) -> TransportFailure:
        return TransportFailure(kind, self._address, detail)


async def _bounded(chunks: AsyncIterator[bytes], most: int) -> tuple[bytes, bool]:
    """The first `most` bytes of the body, and whether there was more of it."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            return bytes(body[:most]), True
    return bytes(body), False


def _authorization(connection: Connection) -> dict[str, str]:
    match connection.credentials:
        case BasicAuth(username, password):
            return {"authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}
        case ApiKey(encoded):
            return {"authorization": f"ApiKey {encoded}"}
        case Bearer(token):
            return {"authorization": f"Bearer {token}"}
        case None:
            return {}


def _asked_patience(result: Response | Failure) -> float | None:
    """Seconds that Elasticsearch, or a proxy in its name, wants to be left alone."""
    match result:
        case HttpFailure(status=HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE) | TransportFailure():
            return result.retry_after
        case _:
            return None


def _for_others(result: Response | Failure) -> TransportFailure | HttpFailure | None:
    """What other requests are told of a failure. Not the server's own words: they may quote the settings of this one."""
    match result:
        case HttpFailure(status=status, type=name):
            return HttpFailure(status, name)
        case TransportFailure():
            return result
        case _:
            return None


def _outcome(request: Request, result: Response | Failure) -> Outcome:
    """What a result says about the cluster, for the breaker."""
    match result:
        case TransportFailure(kind=TransportKind.TIMEOUT) if request.calls_provider:
            return Outcome.UNTOLD
        case HttpFailure(type="timeout_exception") if request.calls_provider:
            return Outcome.ALIVE  # it is the provider that took too long, which 8.17 tells by a 503
        case TransportFailure() | HttpFailure(status=HTTPStatus.SERVICE_UNAVAILABLE):
            return Outcome.LOST
        case _:
            return Outcome.ALIVE
