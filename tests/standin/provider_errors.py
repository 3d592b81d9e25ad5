"""What the server says when a provider refuses, cannot be reached, is too slow, or answers what can't be read.

Only words and statuses; who decides that something went wrong is `provider.py`.
"""

from __future__ import annotations

from tests.standin.errors import ElasticsearchError, status_error
from tests.standin.messages import NoReply
from tests.standin.reading import shown_seconds
from tests.standin.version import Version

# All but the 401 are unverified: provider answers of each status, behind an endpoint with a `url`, settle them.
_WORDS = {
    401: "Received an authentication error status code",
    413: "Received a content too large status code",
    429: "Received a rate limit status code",
}


def refused(inference_id: str, status: int, message: str | None) -> ElasticsearchError:
    """An HTTP status that is no success. A provider's 5xx is no 5xx of the server: it becomes a 400."""
    if status in _WORDS:
        what = _WORDS[status]
    elif status >= 500:
        what = "Received a server error status code"
    elif status >= 400:
        what = "Received an unsuccessful status code"
    else:
        what = "Unhandled redirection"
    told = f". Error message: [{message}]" if message else ""
    reason = f"{what} for request from inference entity id [{inference_id}] status [{status}]{told}"
    return status_error(status if status < 500 else 400, reason)


def unreachable(inference_id: str) -> ElasticsearchError:
    """The exception behind a refused connection is unverified: a create with a url on a closed port settles it."""
    reason = f"Failed to send request from inference entity id [{inference_id}]: Connection refused"
    return ElasticsearchError(500, "connect_exception", reason)


def cut(inference_id: str) -> ElasticsearchError:
    """A connection that ended in the middle; words unverified: a provider that closes after half a body settles them."""
    reason = f"Failed to send request from inference entity id [{inference_id}]: Connection closed"
    return ElasticsearchError(500, "connection_closed_exception", reason)


def unreadable(inference_id: str, field: str) -> ElasticsearchError:
    """A success whose body lacks what was expected; words unverified: a provider that answers `{}` settles them."""
    reason = f"Failed to find required field [{field}] in the response for inference entity id [{inference_id}]"
    return ElasticsearchError(500, "illegal_state_exception", reason)


def without_reply(reply: NoReply, version: Version, inference_id: str, timeout: float) -> ElasticsearchError:
    """The error for a provider that did not answer."""
    match reply.why:
        case "slow":
            return timed_out(version, inference_id, timeout)
        case "cut":
            return cut(inference_id)
        case "refused":
            return unreachable(inference_id)


def timed_out(version: Version, inference_id: str, timeout: float) -> ElasticsearchError:
    """A call that took too long, as each version words it (9.3 patches of 2026-05 and newer answer like 9.4)."""
    waited = shown_seconds(timeout)
    if version.since("9.4"):
        reason = f"Request timed out after [{waited}] for inference id [{inference_id}]"
        return ElasticsearchError(429, "timeout_exception", reason, extra={"timed_out": True})
    if version.since("8.18", "9.0"):
        return status_error(408, f"Request timed out waiting to be sent after [{waited}]")
    return ElasticsearchError(503, "timeout_exception", f"Request timed out waiting to be sent after [{waited}]")
