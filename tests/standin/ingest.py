"""Ingest pipelines: PUT, GET and DELETE, with versions, dates and the indices that hold a pipeline.

What a processor may look like is decided in `processors.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from tests.standin.errors import illegal_argument, not_found, parse_error, status_error
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.processors import check_processors, inference_processors, wrong_type
from tests.standin.reading import flag, json_body, whole_number
from tests.standin.state import Pipeline, State, drop, put
from tests.standin.version import Version

_MANAGED = ("created_date_millis", "created_date", "modified_date_millis", "modified_date")
_MAX_SETTING = "xpack.ml.max_inference_processors"
_DEFAULT_MAX = 50
_NAMED_INDICES = 3


def prepare_put(request: Request, version: Version) -> Action:
    """`PUT /_ingest/pipeline/{id}`."""
    name, body = request.segments[2], json_body(request)
    wanted = whole_number(request.query["if_version"], "if_version") if "if_version" in request.query else None
    return lambda state, now: _put(name, body, wanted, state, now)


def _put(name: str, body: Json, wanted: int | None, state: State, now: float) -> Step:
    _check_managed(body, state.version)
    current = state.pipelines.get(name)
    if wanted is not None:
        body = _versioned(name, body, wanted, current)
    elif current is not None and current.body == body:
        return Step(state, Response(200, {"acknowledged": True}))
    _check_body(name, body, state.version)
    created = current.created if current else now
    changed = replace(state, pipelines=put(state.pipelines, name, Pipeline(body, created, now)))
    _check_inference_limit(changed)
    return Step(changed, Response(200, {"acknowledged": True}))


def _check_managed(body: Json, version: Version) -> None:
    for key in _MANAGED:
        if key in body and version.since("9.2"):
            # The type is unverified; a PUT with created_date settles it.
            raise illegal_argument(f"Provided a pipeline property which is managed by the system: {key}.")


def _versioned(name: str, body: Json, wanted: int, current: Pipeline | None) -> Json:
    """The body to store under `if_version`."""
    conflict = f"version conflict, required version [{wanted}] for pipeline [{name}] but"
    if current is None:
        raise illegal_argument(f"{conflict} no pipeline was found")
    have = current.body.get("version")
    if have != wanted:
        raise illegal_argument(f"{conflict} current version is [{'null' if have is None else have}]")
    if "version" not in body:
        return body | {"version": wanted + 1}
    if body["version"] == wanted:
        raise illegal_argument(f"cannot update pipeline [{name}] with the same version [{wanted}]")
    return body


def _check_body(name: str, body: Json, version: Version) -> None:
    if body.get("processors") is None:
        raise parse_error("[processors] required property is missing", property_name="processors")
    _check_types(body)
    check_processors(body["processors"], "processors")
    if "on_failure" in body:
        if body["on_failure"] == []:
            raise parse_error(f"pipeline [{name}] cannot have an empty on_failure option defined")
        check_processors(body["on_failure"], "on_failure")
    known = {"description", "processors", "on_failure", "version", "_meta", "deprecated"}
    known |= {"field_access_pattern"} if version.since("9.2") else set()
    unknown = sorted(set(body) - known)
    if unknown:
        raise parse_error(
            f"pipeline [{name}] doesn't support one or more provided configuration parameters [{', '.join(unknown)}]"
        )


def _check_types(body: Json) -> None:
    kinds: dict[str, tuple[type, str]] = {
        "description": (str, "a string"),
        "version": (int, "an integer"),
        "_meta": (dict, "a map"),
        "deprecated": (bool, "a boolean"),
        "field_access_pattern": (str, "a string"),
    }
    for key, (kind, wanted) in kinds.items():
        value = body.get(key)
        if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise wrong_type(key, value, wanted)


def _check_inference_limit(state: State) -> None:
    most = whole_number(state.cluster.settings.get(_MAX_SETTING, _DEFAULT_MAX), _MAX_SETTING)
    total = sum(1 for one in state.pipelines.values() for _ in inference_processors(one.body.get("processors")))
    if total > most:
        raise status_error(
            409,
            f"Max number of inference processors reached, total inference processors [{total}]. "
            f"Adjust the setting [{_MAX_SETTING}]: [{most}] if a greater number is desired.",
        )


def prepare_get(request: Request, version: Version) -> Action:
    """`GET /_ingest/pipeline[/{id}]`; nothing found is a 404 with an empty object."""
    wanted = request.segments[2] if len(request.segments) > 2 else "*"
    summary, human = flag(request, "summary"), flag(request, "human")

    def run(state: State, _now: float) -> Step:
        found = _matching(state.pipelines, wanted)
        body = {name: {} if summary else _shown(state.pipelines[name], state.version, human=human) for name in found}
        return Step(state, Response(200 if body or wanted == "*" else 404, body))

    return run


def _shown(pipeline: Pipeline, version: Version, *, human: bool) -> Json:
    shown: dict[str, Any] = dict(pipeline.body)
    if version.since("9.2"):
        for key, seconds in (("created_date", pipeline.created), ("modified_date", pipeline.modified)):
            shown[f"{key}_millis"] = int(seconds * 1000)
            if human:
                iso = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
                shown[key] = iso.replace("+00:00", "Z")
    return shown


def prepare_delete(request: Request, version: Version) -> Action:
    """`DELETE /_ingest/pipeline/{id}`: refused while an existing index uses it as default or final pipeline."""
    wanted = request.segments[2]

    def run(state: State, _now: float) -> Step:
        found = _matching(state.pipelines, wanted)
        if not found and wanted != "*":
            raise not_found(f"pipeline [{wanted}] is missing")
        for name in found:
            _check_unused(state, name)
        return Step(replace(state, pipelines=drop(state.pipelines, *found)), Response(200, {"acknowledged": True}))

    return run


def _matching(names: Iterable[str], wanted: str) -> list[str]:
    patterns = wanted.split(",")
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _check_unused(state: State, name: str) -> None:
    uses = []
    for setting, word in (("index.default_pipeline", "default"), ("index.final_pipeline", "final")):
        indices = sorted(index.name for index in state.indices.values() if index.settings.get(setting) == name)
        if indices:
            named = ",".join(indices[:_NAMED_INDICES])
            uses.append(f"the {word} pipeline for {len(indices)} index(es) including [{named}]")
    if uses:
        raise illegal_argument(f"pipeline [{name}] cannot be deleted because it is {' and '.join(uses)}")
