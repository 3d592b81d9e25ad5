"""From the JSON of an answer to the values of `core`.

Decides what each document must look like. Lenient about what is not used, strict about what is: a document of another
shape is malformed, never an empty one. Pure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from inference_operator.core.failure import Failure, HttpFailure, TransportFailure, TransportKind
from inference_operator.core.references_in_pipelines import endpoints_in_pipeline
from inference_operator.core.references_in_templates import endpoints_in_template
from inference_operator.core.values import ABSENT, Absent, Deployment, Json, Observed, Server, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inference_operator.elasticsearch.answers import Response

_T = TypeVar("_T")

# The lists end where their sentence goes on; a pipeline's name may hold a bracket itself.
_PIPELINES = re.compile(r"referenced by pipelines: \[(.*?)\](?:\. Ensure|\s*$)", re.DOTALL)
_INDICES = re.compile(r"in the mapping for indexes: \[(.*?)\](?:\. Ensure|\s*$)", re.DOTALL)
_REFERENCED = ("referenced by pipelines", "in the mapping for indexes")


class MalformedError(Exception):
    """A document is not of the shape that Elasticsearch answers with. The message says what is missing, without values."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All endpoints. `unreadable` are ids whose entry could not be understood: known to exist, nothing more."""

    endpoints: Mapping[str, Observed]
    unreadable: frozenset[str] = frozenset()


def parsed(response: Response | Failure, parse: Callable[[Json], _T]) -> _T | Failure:
    """The document of a response; a failure passes through, and a document of another shape becomes one."""
    if isinstance(response, Failure):
        return response
    try:
        return parse(response.body)
    except MalformedError as error:
        detail = f"the answer to {response.operation} is malformed: {error}"
        return TransportFailure(TransportKind.GARBLED, response.address, detail)


def absent_or(result: _T | Failure) -> _T | Absent | Failure:
    """Elasticsearch's own "no such endpoint" is knowledge, not a failure."""
    match result:
        case HttpFailure(status=HTTPStatus.NOT_FOUND, type="resource_not_found_exception"):
            return ABSENT
        case _:
            return result


def observed(document: Json) -> Observed:
    """The bare object that PUT and `_update` answer with."""
    fields = _object(document, "an endpoint")
    chunking = fields.get("chunking_settings")
    return Observed(
        inference_id=_text(fields, "inference_id"),
        task_type=_text(fields, "task_type"),
        service=_text(fields, "service"),
        service_settings=_object(fields.get("service_settings"), "service_settings"),
        task_settings=_object(fields.get("task_settings") or {}, "task_settings"),
        chunking_settings=None if chunking is None else _object(chunking, "chunking_settings"),
    )


def single(inference_id: str) -> Callable[[Json], Observed]:
    """The one endpoint of a GET by id; any other content is malformed."""

    def parse(document: Json) -> Observed:
        for entry in _list(_object(document, "an object"), "endpoints"):
            if isinstance(entry, dict) and entry.get("inference_id") == inference_id:
                return observed(entry)
        raise MalformedError("it lacks the endpoint that was asked for")

    return parse


def listing(document: Json) -> Listing:
    """All endpoints of `GET _inference/_all`."""
    endpoints: dict[str, Observed] = {}
    unreadable: set[str] = set()
    for entry in _list(_object(document, "an object"), "endpoints"):
        inference_id = _text(_object(entry, "an endpoint"), "inference_id")
        try:
            endpoints[inference_id] = observed(entry)
        except MalformedError:
            unreadable.add(inference_id)
    return Listing(endpoints, frozenset(unreadable))


def usage(document: Json) -> Usage:
    """Of a delete or a dry run. Servers before 8.15 give no lists."""
    fields = _object(document, "an object")
    if not isinstance(fields.get("acknowledged"), bool):
        raise MalformedError("it has no acknowledged")
    message = fields.get("error_message")
    return Usage(
        pipelines=_names(fields.get("pipelines")),
        indices=_names(fields.get("indexes")),
        message=message.strip() if isinstance(message, str) else "",
    )


def deleted(document: Json) -> Usage:
    """Of a delete that must have been done."""
    cut_loose = usage(document)
    if document["acknowledged"] is not True:
        raise MalformedError("the deletion is not acknowledged")
    return cut_loose


def usage_of(failure: Failure) -> Usage | None:
    """Who refers to the endpoint, when that is why a delete was refused; else None (a 409 has other causes, too)."""
    if not isinstance(failure, HttpFailure) or failure.status not in (HTTPStatus.CONFLICT, HTTPStatus.FORBIDDEN):
        return None
    if not any(text in failure.reason for text in _REFERENCED):
        return None
    return Usage(_named_in(_PIPELINES, failure.reason), _named_in(_INDICES, failure.reason), failure.reason.strip())


def server(address: str) -> Callable[[Json], Server]:
    """Of `GET /`."""

    def parse(document: Json) -> Server:
        fields = _object(document, "an object")
        version = _object(fields.get("version"), "version")
        uuid = fields.get("cluster_uuid")
        return Server(
            address=address,
            uuid=uuid if isinstance(uuid, str) and uuid not in ("", "_na_") else None,
            version=_text(version, "number"),
            serverless=version.get("build_flavor") == "serverless",
        )

    return parse


def deployments(document: Json) -> dict[str, Deployment]:
    """By deployment id, of `_ml/trained_models/_all/_stats`. Models without a deployment are left out."""
    found: dict[str, Deployment] = {}
    for entry in _list(_object(document, "an object"), "trained_model_stats"):
        stats = entry.get("deployment_stats") if isinstance(entry, dict) else None
        if isinstance(stats, dict) and isinstance(stats.get("deployment_id"), str):
            found[stats["deployment_id"]] = _deployment(stats)
    return found


def users_among_pipelines(document: Json) -> dict[str, tuple[str, ...]]:
    """By endpoint the pipelines that use it, of `GET _ingest/pipeline`."""
    bodies = _object(document, "an object")
    return _by_endpoint((name, endpoints_in_pipeline(body)) for name, body in bodies.items())


def users_among_templates(kind: str, prefix: str) -> Callable[[Json], dict[str, tuple[str, ...]]]:
    """By endpoint the templates that use it, of `GET _index_template` or `GET _component_template`.

    `kind` is the key of one template's body; `prefix` goes before its name.
    """

    def parse(document: Json) -> dict[str, tuple[str, ...]]:
        entries = [_object(entry, "a template") for entry in _list(_object(document, "an object"), f"{kind}s")]
        return _by_endpoint((prefix + _text(entry, "name"), endpoints_in_template(entry.get(kind))) for entry in entries)

    return parse


def _by_endpoint(users: Iterable[tuple[str, frozenset[str]]]) -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, endpoints in users:
        for endpoint in endpoints:
            found[endpoint].add(name)
    return {endpoint: tuple(sorted(names)) for endpoint, names in found.items()}


def _deployment(stats: Mapping[str, Json]) -> Deployment:
    allocations = stats.get("allocation_status")
    allocations = allocations if isinstance(allocations, dict) else {}
    adaptive = stats.get("adaptive_allocations")
    return Deployment(
        deployment_id=stats["deployment_id"],
        model_id=_text_or_none(stats.get("model_id")),
        state=_text_or_none(stats.get("state")),
        reason=_text_or_none(stats.get("reason")),
        allocation_state=_text_or_none(allocations.get("state")),
        allocation_count=_count_or_none(allocations.get("allocation_count")),
        target_allocation_count=_count_or_none(allocations.get("target_allocation_count")),
        adaptive=isinstance(adaptive, dict) and adaptive.get("enabled") is True,
    )


def _object(value: Json, what: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is missing or not an object")
    return value


def _list(fields: Mapping[str, Json], key: str) -> list[Json]:
    value = fields.get(key)
    if not isinstance(value, list):
        raise MalformedError(f"{key} is missing or not a list")
    return value


def _text(fields: Mapping[str, Json], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise MalformedError(f"{key} is missing or not a text")
    return value


def _text_or_none(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _count_or_none(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _names(value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise MalformedError("a list of names is none")
    return tuple(sorted(value))


def _named_in(pattern: re.Pattern[str], reason: str) -> tuple[str, ...]:
    match = pattern.search(reason)
    return tuple(sorted(name for name in match.group(1).split(", ") if name)) if match else ()
