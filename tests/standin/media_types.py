"""Which media types a request may carry and ask for: 406 for a foreign one, 400 for a compatibility version that does not fit.

Source: the Elasticsearch source of the compatibility headers. It sees headers only.
"""

from __future__ import annotations

import re

from tests.standin.errors import ElasticsearchError
from tests.standin.messages import Request, Response
from tests.standin.version import Version

_KNOWN = re.compile(r"^application/(?:(?:x-)?json|x-ndjson|vnd\.elasticsearch\+(?:x-nd)?json)\s*(?:;\s*[^;]+)*$", re.IGNORECASE)
_COMPATIBLE = re.compile(r"compatible-with\s*=\s*(\d+)", re.IGNORECASE)
_BOTH = (
    "A compatible version is required on both Content-Type and Accept headers if either one has requested a compatible version"
)


def refusal(request: Request, version: Version) -> Response | None:
    """The answer to a request whose headers don't fit; None when they do. Without a body its type does not matter."""
    accept = request.headers.get("accept", "")
    content_type = request.headers.get("content-type", "") if request.body else ""
    if request.body and not _KNOWN.match(content_type):
        return Response(406, {"error": f"Content-Type header [{content_type}] is not supported", "status": 406})
    reason = _mismatch(accept, content_type, version, has_body=bool(request.body))
    return ElasticsearchError(400, "media_type_header_exception", reason).response() if reason else None


def _mismatch(accept: str, content_type: str, version: Version, *, has_body: bool) -> str | None:
    asked, carried = _asked(accept), _asked(content_type)
    for name, header, found in (("Accept", accept, asked), ("Content-Type", content_type, carried)):
        if found not in (None, version.major, version.major - 1):
            wanted = f"{name} version must be either version {version.major} or {version.major - 1}"
            return f"{wanted}, but found {found}. {name}={header}"
    shown = f"Accept={accept}, Content-Type={content_type}"
    if has_body and (asked or version.major) != (carried or version.major):
        return f"{_BOTH} and the compatible versions must match. {shown}"
    if has_body and (asked is None) != (carried is None):
        return f"{_BOTH}. {shown}"
    return None


def _asked(header: str) -> int | None:
    found = _COMPATIBLE.search(header)
    return int(found[1]) if found else None
