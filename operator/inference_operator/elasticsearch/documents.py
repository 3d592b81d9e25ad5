"""From the JSON of an answer to the values of `core`.

Decides what each document must look like. Lenient about what is not used, strict about what is: a document of another
shape is malformed, never an empty one. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.scrub import scrub
from inference_operator.core.values import Deployment, Json, ObservedEndpoint, Server, Usage
from inference_operator.elasticsearch.shapes import Listing, MalformedError, a_list, a_text, acknowledged, an_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PIPELINES = "referenced by pipelines: ["
_INDICES = "in the mapping for indexes: ["
# The lists end where their sentence goes on; a pipeline's name may hold a bracket itself.
_END = re.compile(r"\](?:\. Ensure|\s*\Z)")
_UUID = re.compile(r"[\x21-\x7e]{1,128}")
_MAX_NAME = 64
_MAX_COUNT = 2**31 - 1
_REFERENCED = ("referenced by pipelines", "in the mapping for indexes")


def observed(document: Json) -> ObservedEndpoint:
    """The bare object that PUT and `_update` answer with."""
    fields = an_object(document, "an endpoint")
    chunking = fields.get("chunking_settings")
    return ObservedEndpoint(
        inference_id=a_text(fields, "inference_id"),
        task_type=a_text(fields, "task_type"),
        service=a_text(fields, "service"),
        service_settings=an_object(fields.get("service_settings"), "service_settings"),
        task_settings=an_object(fields.get("task_settings") or {}, "task_settings"),
        chunking_settings=None if chunking is None else an_object(chunking, "chunking_settings"),
    )


def single(inference_id: str) -> Callable[[Json], ObservedEndpoint]:
    """The one endpoint of a GET by id; any other content is malformed."""

    def parse(document: Json) -> ObservedEndpoint:
        for entry in a_list(an_object(document, "an object"), "endpoints"):
            if isinstance(entry, dict) and entry.get("inference_id") == inference_id:
                return observed(entry)
        raise MalformedError("it lacks the endpoint that was asked for")

    return parse


def listing(document: Json) -> Listing[ObservedEndpoint]:
    """All endpoints of `GET _inference/_all`."""
    endpoints: dict[str, ObservedEndpoint] = {}
    unreadable: set[str] = set()
    for entry in a_list(an_object(document, "an object"), "endpoints"):
        inference_id = a_text(an_object(entry, "an endpoint"), "inference_id")
        try:
            endpoints[inference_id] = observed(entry)
        except MalformedError:
            unreadable.add(inference_id)
    return Listing(endpoints, frozenset(unreadable))


def usage(document: Json) -> Usage:
    """Of a delete or a dry run. Servers before 8.15 give no lists."""
    fields = an_object(document, "an object")
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
    acknowledged(document)
    return usage(document)


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
        fields = an_object(document, "an object")
        version = an_object(fields.get("version"), "version")
        uuid = fields.get("cluster_uuid")
        return Server(
            address=address,
            uuid=uuid if isinstance(uuid, str) and _UUID.fullmatch(uuid) and uuid != "_na_" else None,
            version=scrub(a_text(version, "number"), ())[:_MAX_NAME],
            serverless=version.get("build_flavor") == "serverless",
        )

    return parse


@dataclass(frozen=True, slots=True)
class ModelStats:
    """Trained models: the deployments by id, and every name that an inference processor may use, aliases excepted."""

    deployments: Mapping[str, Deployment]
    names: frozenset[str]


def model_stats(document: Json) -> ModelStats:
    """Of `_ml/trained_models/…/_stats`."""
    entries = [entry for entry in a_list(an_object(document, "an object"), "trained_model_stats") if isinstance(entry, dict)]
    found: dict[str, Deployment] = {}
    for entry in entries:
        stats = entry.get("deployment_stats")
        if isinstance(stats, dict) and isinstance(stats.get("deployment_id"), str):
            found[stats["deployment_id"]] = _deployment(stats)
    models = {name for entry in entries if isinstance(name := entry.get("model_id"), str)}
    return ModelStats(found, frozenset({*found, *models}))


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


def _text_or_none(value: Json) -> str | None:
    return scrub(value, ()) if isinstance(value, str) else None


def _count_or_none(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_COUNT else None


def _names(value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise MalformedError("a list of names is none")
    return tuple(sorted(value))


def _named_in(opening: str, reason: str) -> tuple[str, ...]:
    """The names of the first list of its kind. Takes time in proportion to the text, whatever it holds."""
    _, _, rest = reason.partition(opening)
    end = _END.search(rest)
    return tuple(sorted(name for name in rest[: end.start()].split(", ") if name)) if end else ()
