"""From the bytes of an answer to JSON, or to a failure.

Decides whether an answer is Elasticsearch's at all. A proxy's page, half a body or somebody else's 404 is GARBLED: it
says nothing about endpoints, least of all that one was deleted. Pure: the moment is an argument.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.core.values import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a body that are read at most."""

MAX_RETRY_AFTER = 300.0
"""Seconds. A server that asks for more is asked again after this long: one odd header must not stop a cluster for a day."""

_MAX_CAUSES = 16
_MAX_REASON = 256 * 1024  # characters; a refused delete names all who use it, and what is shown is far shorter
_MAX_CAUSE = 16 * 1024
_MAX_TYPE = 256
_WORD = re.compile(r"\w{1,128}", re.ASCII)
_HUGE = re.compile(rb"\d{308}")
_SECONDS = re.compile(r"\s*\d{1,18}(\.\d{1,9})?\s*", re.ASCII)
_PRODUCT = "x-elastic-product"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came over the wire. Header names are in lower case; `cut` when the body was longer than `MAX_BODY`."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of Elasticsearch that is no error: 2xx with JSON, or "nothing found", a 404 with an empty object.

    `address` and `operation` name it in messages.
    """

    status: int
    body: Json = field(repr=False)
    address: str
    operation: str


def read(answer: Answer, operation: str, address: str, now: datetime) -> Response | HttpFailure | TransportFailure:
    """What an answer means."""
    retry_after = parse_retry_after(answer.headers.get("retry-after", ""), now)

    def garbled(detail: str) -> TransportFailure:
        return TransportFailure(TransportKind.GARBLED, address, detail, retry_after)

    if answer.cut:
        return garbled(f"the answer is longer than {MAX_BODY // (1024 * 1024)} MiB")
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return garbled(f"HTTP {answer.status} redirects to {_target(answer.headers)}; redirects are not followed")
    is_elasticsearch = answer.headers.get(_PRODUCT, "").strip() == "Elasticsearch"
    if _is_success(answer):
        if not is_elasticsearch:
            return garbled(f"HTTP {answer.status} without the header X-elastic-product: this is not Elasticsearch")
        try:
            return Response(answer.status, parse_json(answer.body), address, operation)
        except ValueError:
            return garbled(f"HTTP {answer.status} with a body that is cut off or not JSON")
    failure = None
    if answer.status >= HTTPStatus.BAD_REQUEST:
        failure = _failure(answer, operation, retry_after, is_elasticsearch=is_elasticsearch)
    kind = answer.headers.get("content-type", "").split(";")[0].strip()[:80] or "no content type"
    return failure or garbled(f"HTTP {answer.status} with {kind}, not an error of Elasticsearch")


def _is_success(answer: Answer) -> bool:
    """True for 2xx, and for the way in which `GET _ingest/pipeline` says that there is none."""
    nothing_found = answer.status == HTTPStatus.NOT_FOUND and answer.body.strip() == b"{}"
    return nothing_found or HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES


def parse_json(body: bytes) -> Json:
    """JSON, strictly: UTF-8, only finite numbers, no lone surrogates, since others can't be written to anywhere else.

    Raises ValueError for anything else.
    """
    parse_int = _finite_int if _HUGE.search(body) else None
    try:
        tree = json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite, parse_int=parse_int)
        if b"\\ud" in body or b"\\uD" in body:
            json.dumps(tree, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return tree


def parse_retry_after(text: str, now: datetime) -> float | None:
    """Seconds of a Retry-After header (a number or an HTTP date), at most `MAX_RETRY_AFTER`; None without a usable one."""
    if _SECONDS.fullmatch(text):
        return min(float(text), MAX_RETRY_AFTER)
    if not text.strip():
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), MAX_RETRY_AFTER)


def _failure(answer: Answer, operation: str, retry_after: float | None, *, is_elasticsearch: bool) -> HttpFailure | None:
    """The error of a body `{"error": {...}, "status": n}`, None where that is not what the body is.

    Errors made before Elasticsearch's own dispatching may lack the product header, so their shape decides; but a 404 and
    an error that is mere text count only with the header.
    """
    try:
        body = parse_json(answer.body)
    except ValueError:
        return None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str) and is_elasticsearch:
        return HttpFailure(answer.status, reason=error[:_MAX_REASON], retry_after=retry_after, operation=operation)
    if not isinstance(error, dict) or not isinstance(error.get("type"), str):
        return None
    if answer.status == HTTPStatus.NOT_FOUND and not is_elasticsearch:
        return None
    return HttpFailure(
        status=answer.status,
        type=_word(error["type"]),
        reason=_string(error.get("reason"))[:_MAX_REASON],
        caused_by=_causes(error),
        retry_after=retry_after,
        licence_feature=_word(_string(error.get("license.expired.feature"))) or None,
        operation=operation,
    )


def _causes(error: Mapping[str, Json]) -> tuple[str, ...]:
    causes: list[str] = []
    cause = error.get("caused_by")
    while isinstance(cause, dict) and len(causes) < _MAX_CAUSES:
        texts = (_string(cause.get("type"))[:_MAX_TYPE], _string(cause.get("reason"))[:_MAX_CAUSE])
        causes.append(": ".join(text for text in texts if text))
        cause = cause.get("caused_by")
    return tuple(text for text in causes if text)


def _string(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _word(text: str) -> str:
    """A type, as Elasticsearch words them: it goes into logs. Whatever else stands in its place is not repeated."""
    return text if not text or _WORD.fullmatch(text) else "unreadable"


def _target(headers: Mapping[str, str]) -> str:
    """Scheme and host of a Location; its path and query may hold a session."""
    try:
        parts = urlsplit(headers.get("location", ""))
        host = parts.hostname or ""
    except ValueError:
        return "an unreadable location"
    return f"{parts.scheme or 'http'}://{host}"[:_MAX_TYPE] if host else "another path"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    """Kubernetes takes no number beyond a double, so a status that holds one could never be written."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond measure")
    return number


def _finite_int(text: str) -> int:
    _finite(text)
    return int(text)
