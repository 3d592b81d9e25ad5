"""Index templates and component templates: stored, shown and applied to new indices; a reference in them never counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.index_settings import flat_settings, nested
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.reading import json_body
from tests.standin.state import Settings, State, drop, put
from tests.standin.version import Version

INDEX = "_index_template"
_WORDS = {INDEX: "index template", "_component_template": "component template"}
_PLURALS = {INDEX: "index_templates", "_component_template": "component_templates"}


def _stored(state: State, kind: str) -> Mapping[str, Settings]:
    return state.index_templates if kind == INDEX else state.component_templates


def _with(state: State, kind: str, templates: Mapping[str, Settings]) -> State:
    if kind == INDEX:
        return replace(state, index_templates=templates)
    return replace(state, component_templates=templates)


def prepare_put(request: Request, version: Version) -> Action:
    """`PUT /_index_template/{name}` and `PUT /_component_template/{name}`."""
    kind, name = request.segments
    body = json_body(request)

    def run(state: State, _now: float) -> Step:
        if kind == INDEX and not body.get("index_patterns"):
            raise illegal_argument("Required [index_patterns]")
        if kind != INDEX and body.get("template") is None:
            raise illegal_argument("Required [template]")
        stored = put(_stored(state, kind), name, _normalised(body))
        return Step(_with(state, kind, stored), Response(200, {"acknowledged": True}))

    return run


def _normalised(body: Json) -> Json:
    """Patterns as a list, settings as text: as the server shows them."""
    shown = dict(body)
    if isinstance(shown.get("index_patterns"), str):
        shown["index_patterns"] = [shown["index_patterns"]]
    template = shown.get("template")
    if isinstance(template, dict) and isinstance(template.get("settings"), dict):
        shown["template"] = {**template, "settings": nested(flat_settings(template["settings"]))}
    return shown


def prepare_get(request: Request, version: Version) -> Action:
    """All templates of a kind, or those that a name or pattern stands for."""
    kind = request.segments[0]
    wanted = request.segments[1] if len(request.segments) > 1 else "*"

    def run(state: State, _now: float) -> Step:
        found = {name: body for name, body in _stored(state, kind).items() if fnmatchcase(name, wanted)}
        if not found and "*" not in wanted:
            raise _missing(kind, wanted)
        key = kind.removeprefix("_")
        return Step(state, Response(200, {_PLURALS[kind]: [{"name": n, key: body} for n, body in found.items()]}))

    return run


def prepare_delete(request: Request, version: Version) -> Action:
    """`DELETE` of one template, a list, or a pattern."""
    kind, wanted = request.segments

    def run(state: State, _now: float) -> Step:
        stored = _stored(state, kind)
        found = [name for name in stored if any(fnmatchcase(name, part) for part in wanted.split(","))]
        if not found and "*" not in wanted:
            raise _missing(kind, wanted)
        return Step(_with(state, kind, drop(stored, *found)), Response(200, {"acknowledged": True}))

    return run


def template_for(state: State, index: str) -> Json:
    """The `template` that a new index gets: that of the matching index template of the highest priority, over its components."""
    matching = [
        body for body in state.index_templates.values() if any(fnmatchcase(index, pattern) for pattern in body["index_patterns"])
    ]
    if not matching:
        return {}
    best = max(matching, key=lambda body: int(body.get("priority", 0)))
    parts = [
        state.component_templates[name].get("template")
        for name in best.get("composed_of", ())
        if name in state.component_templates
    ]
    found: Json = {}
    for part in (*parts, best.get("template")):
        found = merged(found, part or {})
    return found


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Json:
    """Two objects as one; where both have a value the second wins."""
    both = dict(under)
    for name, value in over.items():
        below = both.get(name)
        both[name] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return both


def _missing(kind: str, name: str) -> ElasticsearchError:
    return ElasticsearchError(404, "resource_not_found_exception", f"{_WORDS[kind]} matching [{name}] not found")
