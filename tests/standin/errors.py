"""The server's refusals: error type, HTTP status and the JSON shape they are answered in.

Decides how a Java exception looks on the wire; it knows no endpoint, index or pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.standin.messages import Headers, Json, Response


class ElasticsearchError(Exception):
    """A refusal with the server's `type`, `reason` and status; `extra` are fields beside them, such as `property_name`."""

    def __init__(
        self,
        status: int,
        error_type: str,
        reason: str | None,
        *,
        caused_by: ElasticsearchError | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Headers = (),
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.error_type = error_type
        self.reason = reason
        self.caused_by = caused_by
        self.extra = dict(extra or {})
        self.headers = headers

    def fields(self) -> Json:
        """Type, reason and extras as they appear in `error`, in `root_cause` and in `caused_by`."""
        return {"type": self.error_type, "reason": self.reason} | self.extra

    def root(self) -> ElasticsearchError:
        """The innermost cause: what the server lists as `root_cause`."""
        return self.caused_by.root() if self.caused_by else self

    def detail(self) -> Json:
        """`fields` with the chain of causes."""
        cause = {"caused_by": self.caused_by.detail()} if self.caused_by else {}
        return self.fields() | cause

    def body(self) -> Json:
        """The whole error body."""
        return {"error": {"root_cause": [self.root().fields()]} | self.detail(), "status": self.status}

    def response(self) -> Response:
        return Response(self.status, self.body(), self.headers)


def status_error(status: int, reason: str, caused_by: ElasticsearchError | None = None) -> ElasticsearchError:
    return ElasticsearchError(status, "status_exception", reason, caused_by=caused_by)


def bad_request(reason: str, caused_by: ElasticsearchError | None = None) -> ElasticsearchError:
    return status_error(400, reason, caused_by)


def illegal_argument(reason: str) -> ElasticsearchError:
    return ElasticsearchError(400, "illegal_argument_exception", reason)


def parse_error(reason: str, **extra: Any) -> ElasticsearchError:
    return ElasticsearchError(400, "parse_exception", reason, extra=extra)


def content_error(reason: str, caused_by: ElasticsearchError | None = None) -> ElasticsearchError:
    return ElasticsearchError(400, "x_content_parse_exception", reason, caused_by=caused_by)


def not_found(reason: str) -> ElasticsearchError:
    return ElasticsearchError(404, "resource_not_found_exception", reason)


def already_exists(reason: str, **extra: Any) -> ElasticsearchError:
    """The server answers 400 here, not 409."""
    return ElasticsearchError(400, "resource_already_exists_exception", reason, extra=extra)


def _numbered(reasons: Sequence[str]) -> str:
    return "Validation Failed: " + "".join(f"{number}: {reason};" for number, reason in enumerate(reasons, 1))


def validation_error(reasons: Sequence[str]) -> ElasticsearchError:
    """Settings that do not parse."""
    return ElasticsearchError(400, "validation_exception", _numbered(reasons))


def request_invalid(reasons: Sequence[str]) -> ElasticsearchError:
    """A request refused before its action runs."""
    return ElasticsearchError(400, "action_request_validation_exception", _numbered(reasons))


def license_error() -> ElasticsearchError:
    return ElasticsearchError(
        403,
        "security_exception",
        "current license is non-compliant for [inference]",
        extra={"license.expired.feature": "inference"},
    )
