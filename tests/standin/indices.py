"""Indices: mappings with semantic fields, settings with pipelines. Documents are the business of `documents.py`.

Shapes and errors of these calls are the well-known ones of the server; they are not part of the inference facts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from tests.standin.errors import ElasticsearchError, already_exists
from tests.standin.index_names import name_problem
from tests.standin.index_settings import flat_settings, flatten, nested
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.reading import flag, json_body, object_in
from tests.standin.state import Index, InferenceField, State, drop
from tests.standin.templates import merged, template_for
from tests.standin.version import Version

_SEMANTIC = frozenset({"semantic_text", "semantic"})
_DEFAULT_INFERENCE_ID = ".elser-2-elasticsearch"


def prepare_create(request: Request, version: Version) -> Action:
    """`PUT /{index}`."""
    name = request.segments[0]
    body = json_body(request) if request.body.strip() else {}

    def run(state: State, now: float) -> Step:
        if name in state.indices:
            uuid = state.indices[name].uuid
            raise already_exists(f"index [{name}/{uuid}] already exists", index_uuid=uuid, index=name)
        index = new_index(state, name, body, now)
        answer = {"acknowledged": True, "shards_acknowledged": True, "index": name}
        return Step(state.with_index(index), Response(200, answer))

    return run


def _check_name(name: str) -> None:
    problem = "must be lowercase" if name != name.lower() else name_problem(name)
    if problem:
        reason = f"Invalid index name [{name}], {problem}"
        raise ElasticsearchError(400, "invalid_index_name_exception", reason, extra={"index_uuid": "_na_", "index": name})


def new_index(state: State, name: str, body: Json, now: float) -> Index:
    """An index as it is made by a request, over what its template says. Raises 400 for a bad name."""
    _check_name(name)
    template = template_for(state, name)
    mappings = merged(object_in(template, "mappings"), object_in(body, "mappings"))
    aliases = merged(object_in(template, "aliases"), object_in(body, "aliases"))
    uuid = hashlib.sha256(f"{name}{now}".encode()).hexdigest()[:22]
    settings = {
        "index.creation_date": str(int(now * 1000)),
        "index.number_of_shards": "1",
        "index.number_of_replicas": "1",
        "index.uuid": uuid,
        "index.provided_name": name,
    }
    settings |= flat_settings(object_in(template, "settings")) | flat_settings(object_in(body, "settings"))
    return with_mappings(Index(name, uuid, mappings, settings, aliases, now), mappings)


def with_mappings(index: Index, mappings: Mapping[str, Any]) -> Index:
    """The index with other mappings, and what its metadata then remembers of semantic fields."""
    return replace(index, mappings=mappings, inference_fields=tuple(_inference_fields(mappings)))


def _inference_fields(mappings: Mapping[str, Any], prefix: str = "") -> Iterator[InferenceField]:
    """Semantic fields at any depth of the mappings, multi-fields included."""
    for children in (object_in(mappings, "properties"), object_in(mappings, "fields")):
        for name in children:
            field = object_in(children, name)
            if str(field.get("type")) in _SEMANTIC:
                inference_id = str(field.get("inference_id", _DEFAULT_INFERENCE_ID))
                search_id = str(field.get("search_inference_id", inference_id))
                remembered = object_in(field, "model_settings") or None
                yield InferenceField(f"{prefix}{name}", inference_id, search_id, remembered)
            yield from _inference_fields(field, f"{prefix}{name}.")


def missing_index(name: str) -> ElasticsearchError:
    extra = {"resource.type": "index_or_alias", "resource.id": name, "index_uuid": "_na_", "index": name}
    return ElasticsearchError(404, "index_not_found_exception", f"no such index [{name}]", extra=extra)


def resolve(state: State, expression: str) -> list[Index]:
    """Indices that a name, a comma list or a pattern stands for. Raises 404 for a name that is missing."""
    found: dict[str, Index] = {}
    for part in expression.split(","):
        if part.startswith("_") and part != "_all":
            _check_name(part)
        pattern = "*" if part == "_all" else part
        matching = [index for name, index in state.indices.items() if fnmatchcase(name, pattern)]
        if not matching and "*" not in pattern:
            raise missing_index(part)
        found |= {index.name: index for index in matching}
    return list(found.values())


def prepare_delete(request: Request, version: Version) -> Action:
    """`DELETE /{index}`."""
    expression = request.segments[0]

    def run(state: State, _now: float) -> Step:
        names = [index.name for index in resolve(state, expression)]
        left = replace(state, indices=drop(state.indices, *names), documents=drop(state.documents, *names))
        return Step(left, Response(200, {"acknowledged": True}))

    return run


def _prepare_show(request: Request, parts: tuple[str, ...]) -> Action:
    literal = request.segments[0] if request.segments else "_all"
    expression = "_all" if literal in ("_mapping", "_settings") else literal
    flat = flag(request, "flat_settings")

    def run(state: State, _now: float) -> Step:
        shown = {index.name: {part: _part(index, part, flat=flat) for part in parts} for index in resolve(state, expression)}
        return Step(state, Response(200, shown))

    return run


def _part(index: Index, part: str, *, flat: bool) -> Any:
    match part:
        case "mappings":
            return index.mappings
        case "aliases":
            return index.aliases
        case _:
            return index.settings if flat else nested(index.settings)


def prepare_get(request: Request, version: Version) -> Action:
    """`GET /{index}` and `HEAD /{index}`."""
    return _prepare_show(request, ("aliases", "mappings", "settings"))


def prepare_get_mapping(request: Request, version: Version) -> Action:
    """`GET /_mapping` and `GET /{index}/_mapping`."""
    return _prepare_show(request, ("mappings",))


def prepare_get_settings(request: Request, version: Version) -> Action:
    """`GET /_settings` and `GET /{index}/_settings`."""
    return _prepare_show(request, ("settings",))


def prepare_get_named_settings(request: Request, version: Version) -> Action:
    """`GET /{index}/_settings/{name}`: names by comma and wildcard; an index that has none of them is left out."""
    expression, wanted = request.segments[0], request.segments[2].split(",")
    flat = flag(request, "flat_settings")

    def run(state: State, _now: float) -> Step:
        found = {index.name: _named(index.settings, wanted) for index in resolve(state, expression)}
        shown = {name: {"settings": chosen if flat else nested(chosen)} for name, chosen in found.items() if chosen}
        return Step(state, Response(200, shown))

    return run


def _named(settings: Mapping[str, Any], wanted: list[str]) -> Json:
    return {name: value for name, value in settings.items() if any(fnmatchcase(name, pattern) for pattern in wanted)}


def prepare_put_mapping(request: Request, version: Version) -> Action:
    """`PUT /{index}/_mapping`: fields are added; an existing one is replaced."""
    body = json_body(request)

    def change(index: Index) -> Index:
        properties = {**object_in(index.mappings, "properties"), **object_in(body, "properties")}
        mappings = {**index.mappings, **body, "properties": properties}
        return with_mappings(index, mappings)

    return _prepare_change(request, change)


def prepare_put_settings(request: Request, version: Version) -> Action:
    """`PUT /{index}/_settings`: null takes a setting away."""
    body = json_body(request)
    given = object_in(body, "settings") if "settings" in body else body
    removed = {name if name.startswith("index.") else f"index.{name}" for name, value in flatten(given, "") if value is None}

    def change(index: Index) -> Index:
        merged = {**index.settings, **flat_settings(given)}
        return replace(index, settings={name: value for name, value in merged.items() if name not in removed})

    return _prepare_change(request, change)


def _prepare_change(request: Request, change: Callable[[Index], Index]) -> Action:
    expression = request.segments[0]

    def run(state: State, _now: float) -> Step:
        changed = {index.name: change(index) for index in resolve(state, expression)}
        return Step(replace(state, indices={**state.indices, **changed}), Response(200, {"acknowledged": True}))

    return run
