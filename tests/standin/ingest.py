"""Ingest pipelines: PUT, GET and DELETE, with versions, dates, owners and the indices that hold a pipeline.

What the body of a pipeline may look like is decided in `ingest_parse.py`, what it does in `ingest_run.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from tests.standin.errors import illegal_argument, not_found, status_error
from tests.standin.index_names import name_problem
from tests.standin.ingest_errors import first_with_the_rest, in_processor
from tests.standin.ingest_parse import read_pipeline
from tests.standin.java_text import java_equal
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.processors import inference_processors
from tests.standin.reading import flag, json_body, whole_number
from tests.standin.references import count_inference_processors
from tests.standin.state import Pipeline, State, drop, put
from tests.standin.version import Version
from tests.standin.warning_headers import warnings

_MANAGED = ("created_date_millis", "created_date", "modified_date_millis", "modified_date")
_MAX_SETTING = "xpack.ml.max_inference_processors"
_DEFAULT_MAX = 50
_NAMED_INDICES = 3
_ACKNOWLEDGED = {"acknowledged": True}


def prepare_put(request: Request, version: Version) -> Action:
    """`PUT /_ingest/pipeline/{id}`."""
    name, body = request.segments[2], json_body(request)
    wanted = whole_number(request.query["if_version"], "if_version") if "if_version" in request.query else None
    return lambda state, now: _put(name, body, wanted, state, now)


def _put(name: str, body: Json, wanted: int | None, state: State, now: float) -> Step:
    current = state.pipelines.get(name)
    _check_owner(name, current, "PutPipelineRequest")
    _check_managed(body, state.version)
    if wanted is None and current is not None and java_equal(current.body, body):
        return Step(state, Response(200, _ACKNOWLEDGED))
    _check_inference_limit(state, body)
    read_pipeline(name, body, state.version)
    if wanted is not None:
        body = _versioned(name, body, wanted, current)
    created = current.created if current else now
    changed = replace(state, pipelines=put(state.pipelines, name, Pipeline(body, created, now)))
    return Step(changed, Response(200, _ACKNOWLEDGED, warnings(state.version, _deprecations(name, body))))


def _check_owner(name: str, current: Pipeline | None, request: str) -> None:
    if current is not None and current.by_file:
        # For pipelines the sentence is inferred from the other handlers of file-based settings; a PUT settles it.
        raise illegal_argument(
            f"Failed to process request [org.elasticsearch.action.ingest.{request}/unset] with errors: "
            f"[[{name}] set as read-only by [file_settings]]"
        )


def _check_managed(body: Json, version: Version) -> None:
    for key in _MANAGED:
        if key in body and version.since("9.2"):
            # The type is unverified; a PUT with created_date settles it.
            raise illegal_argument(f"Provided a pipeline property which is managed by the system: {key}.")


def _deprecations(name: str, body: Json) -> Iterator[str]:
    problem = name_problem(name)
    if problem:
        yield f"Pipeline name [{name}] will be disallowed in a future version for the following reason: {problem}"
    for key in ("processors", "on_failure"):
        if any("field_mappings" in options for options in inference_processors(body.get(key))):
            yield "Deprecated field [field_mappings] used, expected [field_map] instead"


def _versioned(name: str, body: Json, wanted: int, current: Pipeline | None) -> Json:
    """The body to store under `if_version`."""
    conflict = f"version conflict, required version [{wanted}] for pipeline [{name}] but"
    if current is None:
        raise illegal_argument(f"{conflict} no pipeline was found")
    have = current.body.get("version")
    if have != wanted:
        raise illegal_argument(f"{conflict} current version is [{'null' if have is None else have}]")
    if body.get("version") is None:
        return body | {"version": wanted + 1}
    if body["version"] == wanted:
        raise illegal_argument(f"cannot update pipeline [{name}] with the same version [{wanted}]")
    return body


def _check_inference_limit(state: State, body: Json) -> None:
    """At the limit no inference processor can be read any more; what the new body brings is not counted."""
    most = whole_number(state.cluster.settings.get(_MAX_SETTING, _DEFAULT_MAX), _MAX_SETTING)
    total = count_inference_processors(state)
    if total < most:
        return
    reason = (
        f"Max number of inference processors reached, total inference processors [{total}]. "
        f"Adjust the setting [{_MAX_SETTING}]: [{most}] if a greater number is desired."
    )
    tags = [options.get("tag") for key in ("processors", "on_failure") for options in inference_processors(body.get(key))]
    if tags:
        raise first_with_the_rest([in_processor(status_error(409, reason), "inference", tag) for tag in tags])


def apply_file_settings(state: State, pipelines: Mapping[str, Json], now: float) -> State:
    """The state after file-based settings with exactly these pipelines: theirs that are not named any more are gone.

    Raises the parse error that keeps the whole file from being applied.
    """
    for name, body in pipelines.items():
        read_pipeline(name, body, state.version)
    kept = {name: one for name, one in state.pipelines.items() if not one.by_file or name in pipelines}
    for name, body in pipelines.items():
        before = kept.get(name)
        kept[name] = Pipeline(body, before.created if before else now, now, by_file=True)
    return replace(state, pipelines=kept)


def prepare_get(request: Request, version: Version) -> Action:
    """`GET /_ingest/pipeline[/{id}]`; nothing found, whatever was asked for, is a 404 with an empty object."""
    wanted = request.segments[2].split(",") if len(request.segments) > 2 else ["*"]
    summary, human = flag(request, "summary"), flag(request, "human")

    def run(state: State, _now: float) -> Step:
        found = [name for pattern in wanted for name in _matching(state.pipelines, pattern)]
        body = {name: {} if summary else _shown(state.pipelines[name], state.version, human=human) for name in found}
        return Step(state, Response(200 if body else 404, body))

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
    """`DELETE /_ingest/pipeline/{id}`: refused while an existing index uses it as default or final pipeline.

    The id may be a pattern, but not a list: the server takes a comma as a part of the name.
    """
    wanted = request.segments[2]

    def run(state: State, _now: float) -> Step:
        # The server looks at the id as it was sent, so that a pattern gets around the owner:
        # unverified, a DELETE of `own*` settles it.
        _check_owner(wanted, state.pipelines.get(wanted), "DeletePipelineRequest")
        found = _matching(state.pipelines, wanted)
        if not found and wanted != "*":
            raise not_found(f"pipeline [{wanted}] is missing")
        for name in found:
            _check_unused(state, name)
        return Step(replace(state, pipelines=drop(state.pipelines, *found)), Response(200, _ACKNOWLEDGED))

    return run


def _matching(names: Iterable[str], pattern: str) -> list[str]:
    """Names that a pattern stands for; `*` is the only wildcard."""
    escaped = pattern.replace("[", "[[]").replace("?", "[?]")
    return [name for name in names if fnmatchcase(name, escaped)]


def _check_unused(state: State, name: str) -> None:
    uses = []
    for setting, word in (("index.default_pipeline", "default"), ("index.final_pipeline", "final")):
        indices = sorted(index.name for index in state.indices.values() if index.settings.get(setting) == name)
        if indices:
            named = ",".join(indices[:_NAMED_INDICES])
            uses.append(f"the {word} pipeline for {len(indices)} index(es) including [{named}]")
    if uses:
        raise illegal_argument(f"pipeline [{name}] cannot be deleted because it is {' and '.join(uses)}")
