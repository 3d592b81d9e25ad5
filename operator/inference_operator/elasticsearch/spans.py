"""What a trace is told about a request to Elasticsearch, in the words of OpenTelemetry's conventions for HTTP and databases.

No query and nothing out of a body, a header or an answer's text, so that it may be shown to anybody.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inference_operator.core.failure import HttpFailure, TransportFailure
from inference_operator.elasticsearch.answers import Response

if TYPE_CHECKING:
    from inference_operator.core.failure import Failure
    from inference_operator.core.tracing import Attributes, Span
    from inference_operator.elasticsearch.requests import Request

_PORTS = {"http": 80, "https": 443}


def named(request: Request, address: str) -> tuple[str, Attributes]:
    """The name and the attributes of a request that is about to be sent. `address` has no credentials."""
    route = request.route or request.path
    url = urlsplit(address)
    return f"{request.method} {route}", {
        "db.system.name": "elasticsearch",
        "db.operation.name": request.operation,
        "http.request.method": request.method,
        "url.template": route,
        "url.full": address + request.path,
        "server.address": url.hostname or "",
        "server.port": url.port or _PORTS.get(url.scheme, 0),
    }


def tell(span: Span, result: Response | Failure) -> None:
    """How it ended. That there is nothing of that id is an answer like any other, and no error."""
    match result:
        case TransportFailure(kind=kind):
            span.fail(kind.value)
        case HttpFailure(status=status):
            span.note({"http.response.status_code": int(status)})
            if status != HTTPStatus.NOT_FOUND:
                span.fail(str(int(status)))
        case Response(status=status):
            span.note({"http.response.status_code": status})
        case _:
            pass  # is never about a request
