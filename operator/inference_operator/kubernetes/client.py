"""One request to the API server, with a timeout, and its answer as a value.

Decides what every request has in common: time limits, user agent, the form of the answer, and how a refusal or a lost
answer reads. The only module that sends; what is asked for is decided by its neighbours.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp
from kubernetes.aio.client import ApiClient
from kubernetes.aio.client.exceptions import ApiException

from inference_operator.core.tracing import SILENT, Span, Tracer
from inference_operator.core.values import Json
from inference_operator.kubernetes.connector import AccountableRest, WatchingRest
from inference_operator.kubernetes.credentials import Credentials
from inference_operator.kubernetes.values import KubernetesFailure

_log = logging.getLogger(__name__)

USER_AGENT = "inference-operator"
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)

# The HTTP client takes `%2E%2E` for a step up as well. So it is quoted twice, and names what the API server refuses by its name.
_DOTS = {".": "%252E", "..": "%252E%252E"}
_LONGEST_MESSAGE = 500
_LONGEST_PATIENCE = 300.0
_NEEDS_A_PERSON = frozenset({400, 403, 405, 406, 413, 415, 422})
LOST = (aiohttp.ClientError, TimeoutError, OSError, ApiException, asyncio.IncompleteReadError)


def path_of(*segments: str) -> str:
    """`/api/v1/namespaces/search`, each segment quoted, so that none is more or less than one."""
    return "/" + "/".join(_DOTS.get(segment) or quote(segment, safe="") for segment in segments)


def route_of(path: str) -> str:
    """`/api/v1/namespaces/{namespace}/secrets/{name}` of a path: the same for all objects of a kind."""
    segments = path.strip("/").split("/")
    first = 2 if segments[0] == "api" else 3
    head, rest = segments[:first], segments[first:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:  # noqa: PLR2004 - what is in a namespace, not the namespace itself
        head, rest = [*head, "namespaces", "{namespace}"], rest[2:]
    return "/" + "/".join([*head, *rest[:1], *(["{name}"] if rest[1:] else []), *rest[2:]])


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the API server. `path` comes from `path_of`."""

    path: str
    method: str = "GET"
    query: Sequence[tuple[str, str]] = ()
    body: Mapping[str, Json] | None = field(default=None, repr=False)
    content_type: str = JSON
    accept: str = JSON


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the API server. `body` is the object, or the `Status` of a refusal; never shown, it may be a Secret."""

    status: int
    body: dict[str, Json] = field(repr=False)
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def message(self) -> str:
        message = self.body.get("message")
        return (message if message and isinstance(message, str) else f"HTTP {self.status}")[:_LONGEST_MESSAGE]

    @property
    def subject(self) -> str | None:
        """The name of the object that a `Status` is about. None when it is about a whole kind."""
        name = self._details.get("name")
        return name if name and isinstance(name, str) else None

    def blames(self, name: str) -> bool:
        """True if a cause of the refusal is that field, or has that reason."""
        causes = self._details.get("causes")
        listed = [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []
        return any(name in (cause.get("field"), cause.get("reason")) for cause in listed)

    @property
    def _details(self) -> dict[str, Json]:
        details = self.body.get("details")
        return details if isinstance(details, dict) else {}


def refused(operation: str, reply: Reply) -> KubernetesFailure:
    """What an answer other than 2xx means for whoever asked."""
    # A status that does not fit the schema of the CRD is answered with 500, not with 422, when it is applied.
    misfit = reply.status == HTTPStatus.INTERNAL_SERVER_ERROR and "typed patch object" in reply.message
    return KubernetesFailure(
        operation=operation,
        message=reply.message,
        status=reply.status,
        retryable=reply.status not in _NEEDS_A_PERSON and not misfit,
        retry_after=reply.retry_after,
    )


class KubernetesClient:
    """Connections to one API server: a pool for requests, of which a hundred are answered at once, and one for each watch.

    `tracer` hears of the writes that belong to a trace.
    """

    def __init__(
        self, credentials: Credentials, timeout: aiohttp.ClientTimeout = REQUEST_TIMEOUT, tracer: Tracer = SILENT
    ) -> None:
        self.credentials = credentials
        self._tracer = tracer
        self._timeout = timeout
        self._api = _api(credentials, AccountableRest)
        self._watching: Any = None  # made for the first watch: the client of the Lease has none

    async def close(self) -> None:
        """End every connection, those of abandoned requests as well."""
        await self._api.close()
        if self._watching is not None:
            await self._watching.close()

    async def ask(self, operation: str, request: Request) -> Reply | KubernetesFailure:
        """Send one request and read its whole answer. `operation` names it in messages: `get Secret search/openai`."""
        if request.method == "GET":
            return await self._ask(operation, request)
        route = route_of(request.path)
        about = {"http.request.method": request.method, "url.template": route, "url.path": request.path}
        with self._tracer.within(f"{request.method} {route}", about, calls=True) as span:
            answer = await self._ask(operation, request)
            _tell(span, answer)
        return answer

    async def _ask(self, operation: str, request: Request) -> Reply | KubernetesFailure:
        try:
            async with self._send(self._api, request, self._timeout) as response:
                return await self._reply(response)
        except LOST as error:
            return lost(operation, error)
        except ValueError:
            return KubernetesFailure(operation, "the answer is not JSON", retryable=True)

    @asynccontextmanager
    async def stream(self, request: Request, *, quiet: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a watch that ends with the block, or when nothing came for `quiet` seconds. Raises one of `LOST`."""
        self._watching = self._watching or _api(self.credentials, WatchingRest)
        limits = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=quiet)
        async with self._send(self._watching, request, limits) as response:
            if response.status == HTTPStatus.UNAUTHORIZED:
                self.credentials.expire()
            yield response

    @asynccontextmanager
    async def _send(self, api: Any, request: Request, limits: aiohttp.ClientTimeout) -> AsyncIterator[aiohttp.ClientResponse]:
        prepared = await api.param_serialize(
            request.method,
            request.path,
            query_params=list(request.query),
            header_params={"Accept": request.accept, "Content-Type": request.content_type},
            body=dict(request.body) if request.body is not None else None,
            auth_settings=["BearerToken"],
        )
        answer = await api.call_api(*prepared, _request_timeout=limits)
        async with answer.response as response:
            yield response

    async def _reply(self, response: aiohttp.ClientResponse) -> Reply:
        if response.status == HTTPStatus.UNAUTHORIZED:
            self.credentials.expire()
        text = await response.read()
        return Reply(response.status, _document(response.status, text), retry_after(response.headers))


def _api(credentials: Credentials, rest: type[AccountableRest]) -> Any:
    api: Any = ApiClient(credentials.configuration)
    api.rest_client = rest(credentials.configuration)
    api.user_agent = USER_AGENT
    return api


def _tell(span: Span, answer: Reply | KubernetesFailure) -> None:
    if isinstance(answer, KubernetesFailure):
        span.fail("lost")
        return
    span.note({"http.response.status_code": answer.status})
    if not answer.ok:
        span.fail(str(answer.status))


def lost(operation: str, error: BaseException) -> KubernetesFailure:
    """No answer. A write may have been done all the same."""
    detail = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return KubernetesFailure(operation, f"the API server can't be reached: {detail}"[:_LONGEST_MESSAGE])


def _document(status: int, text: bytes) -> dict[str, Any]:
    """The JSON object of an answer. Refusals may be plain text (`404 page not found`). Raises ValueError."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        if status < HTTPStatus.BAD_REQUEST:
            raise
        return {"message": text.decode("utf-8", "replace").strip()}
    if isinstance(document, dict):
        return document
    raise ValueError("not an object")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, bounded. The API server sends no dates here."""
    text = headers.get("Retry-After", "")
    return min(float(text), _LONGEST_PATIENCE) if text.isascii() and text.isdecimal() else None
