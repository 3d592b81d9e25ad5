"""Faults by name: the usual ways in which a cluster, or what stands before it, goes wrong.

Only makes rules of `faults.py`. Each takes the fields of a rule (`path`, `times`, …) beside its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tests.standin.faults import Answer, Fault, too_many_requests, unavailable

_JSON = ("Content-Type", "application/json")
_PRODUCT = ("X-elastic-product", "Elasticsearch")
_LOGIN = "<html><head><title>Sign in</title></head><body><form action='/login'></form></body></html>"


def _refusal(status: int, kind: str, reason: str | None, **extra: Any) -> Answer:
    """An error of Elasticsearch itself, as it looks on the wire."""
    fields = {"type": kind, "reason": reason} | extra
    body = {"error": {"root_cause": [fields]} | fields, "status": status}
    return Answer(status, json.dumps(body), (_JSON, _PRODUCT))


def breaker(**rule: Any) -> Fault:
    """The parent circuit breaker: too little heap for the request, to be tried again."""
    reason = (
        "[parent] Data too large, data for [<http_request>] would be [1020054016/972.7mb], "
        "which is larger than the limit of [986932838/941.2mb]"
    )
    figures = {"bytes_wanted": 1020054016, "bytes_limit": 986932838, "durability": "TRANSIENT"}
    return Fault(answer=_refusal(429, "circuit_breaking_exception", reason, **figures), **rule)


def no_master(**rule: Any) -> Fault:
    """An answer of a node that knows no master. To lose the master for all calls use `Cluster.master`."""
    return Fault(answer=_refusal(503, "master_not_discovered_exception", None), **rule)


def blocked(**rule: Any) -> Fault:
    """The store of endpoints can't be reached because the cluster state was not recovered yet."""
    reason = "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];"
    return Fault(answer=_refusal(503, "cluster_block_exception", reason), **rule)


def server_error(**rule: Any) -> Fault:
    """A 500 of Elasticsearch itself."""
    return Fault(answer=_refusal(500, "null_pointer_exception", "Cannot invoke a method of null"), **rule)


def login_page(**rule: Any) -> Fault:
    """A proxy that wants a login: 200, and HTML."""
    return Fault(answer=Answer(200, _LOGIN, (("Content-Type", "text/html"),)), **rule)


def garbage(**rule: Any) -> Fault:
    """A 200 that says it is JSON, and is cut off in the middle of it."""
    return Fault(answer=Answer(200, '{"endpoints":[{"inference_id":', (_JSON, _PRODUCT)), **rule)


def expired_credentials(**rule: Any) -> Fault:
    """A 401 whatever the credentials are. To let one API key expire use `Security`."""
    challenge = 'Basic realm="security" charset="UTF-8"'
    reason = "unable to authenticate with provided credentials and anonymous access is not allowed for this request"
    answer = _refusal(401, "security_exception", reason, header={"WWW-Authenticate": [challenge, "ApiKey"]})
    headers = (*answer.headers, ("WWW-Authenticate", challenge), ("WWW-Authenticate", "ApiKey"))
    return Fault(answer=Answer(401, answer.body, headers), **rule)


def reset_before(**rule: Any) -> Fault:
    """The connection is reset before anything was done."""
    return Fault(lose="before", **rule)


def reset_after(**rule: Any) -> Fault:
    """The request was carried out, and its answer is lost."""
    return Fault(lose="after", **rule)


def half_body(**rule: Any) -> Fault:
    """The connection ends in the middle of the answer."""
    return Fault(lose="half", **rule)


KINDS: Mapping[str, Callable[..., Fault]] = MappingProxyType(
    {
        "unavailable": unavailable,
        "too_many_requests": too_many_requests,
        "breaker": breaker,
        "no_master": no_master,
        "blocked": blocked,
        "server_error": server_error,
        "login_page": login_page,
        "garbage": garbage,
        "expired_credentials": expired_credentials,
        "reset_before": reset_before,
        "reset_after": reset_after,
        "half_body": half_body,
    }
)


def parse_fault(data: Mapping[str, Any]) -> Fault:
    """A rule from JSON: `kind` with its own fields, or all fields of a rule. Raises ValueError or TypeError for nonsense."""
    given = dict(data)
    kind = given.pop("kind", None)
    if kind is None:
        return Fault.parse(given)
    if kind not in KINDS:
        msg = f"unknown kind {kind!r}; known are {sorted(KINDS)}"
        raise ValueError(msg)
    return KINDS[kind](**given)
