"""Reading a list of processors: the checks of the server, in its order, and the tree that runs.

Decides what a PUT and an inline simulation refuse. The options of each type are in `processor_options.py`, what goes beyond
their types in `processor_checks.py`; running them is the business of `ingest_run.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.standin.conditions import Condition, compile_condition
from tests.standin.errors import ElasticsearchError
from tests.standin.ingest_errors import configuration, first_with_the_rest, in_processor, wrong_type
from tests.standin.java_text import java_class
from tests.standin.messages import Json
from tests.standin.processor_checks import check_further
from tests.standin.processor_options import COMMON, SINCE, check_kind, options_of, read_options
from tests.standin.version import Version


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor that was read. `inner`: the one that a foreach applies to each element."""

    kind: str
    options: Mapping[str, Any]
    tag: str | None = None
    description: str | None = None
    condition: Condition | None = None
    ignore_failure: bool = False
    on_failure: tuple[Processor, ...] = ()
    inner: Processor | None = None


def read_processors(value: Any, version: Version) -> tuple[Processor, ...]:
    """Read a list of processors. Raises the first error, which carries the others as suppressed.

    An object with several keys is several processors, as for the server.
    """
    found: list[Processor] = []
    errors: list[ElasticsearchError] = []
    for item in value:
        if not isinstance(item, dict):
            # A class cast error of the server: its words are unverified; a list of strings as processors settles them.
            raise wrong_type(None, None, "processors", item, "a map")
        for kind, options in item.items():
            try:
                found.append(_read(kind, options, version))
            except ElasticsearchError as error:
                errors.append(error)
    if errors:
        raise first_with_the_rest(errors)
    return tuple(found)


def _read(kind: str, given: Any, version: Version) -> Processor:
    if given is None:
        raise configuration(kind, None, None, "processor config cannot be [null]")
    if isinstance(given, str) and kind == "script":
        given = {"source": given}
    if not isinstance(given, dict):
        raise wrong_type(kind, None, None, given, "a map")
    tag = _optional(given, "tag", "string", None)
    description = _optional(given, "description", "string", tag)
    condition = _condition_source(given)
    if kind not in options_of() or not version.since(*SINCE.get(kind, ("7.0",))):
        raise configuration(kind, tag, None, f"No processor type exists with name [{kind}]")
    ignore_failure = bool(_optional(given, "ignore_failure", "bool", None))
    handlers = _handlers(kind, tag, given, version)
    try:
        inner = _created(kind, tag, given, version)
        compiled = None if condition is None else compile_condition(condition)
    except ElasticsearchError as error:
        raise in_processor(error, kind, tag) from error
    return Processor(kind, given, tag, description, compiled, ignore_failure, handlers, inner)


def _optional(given: Json, name: str, kind: str, tag: str | None) -> Any:
    value = given.get(name)
    if value is not None:
        check_kind(None, tag, name, value, kind)
    return value


def _condition_source(given: Json) -> str | None:
    """The source of `if`: a text, or a script object. Stored scripts do not exist here."""
    value = given.get("if")
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise configuration("conditional", None, "script", "property isn't a map or string, but of type " + _class_of(value))
    source = value.get("source", value.get("inline"))
    if not isinstance(source, str):
        raise configuration("conditional", None, "script", "must specify either [source] for an inline script or [id]")
    return source


def _class_of(value: Any) -> str:
    return f"[{java_class(value)}]"


def _handlers(kind: str, tag: str | None, given: Json, version: Version) -> tuple[Processor, ...]:
    value = _optional(given, "on_failure", "list", None)
    if value is None:
        return ()
    handlers = read_processors(value, version)
    if not handlers:
        raise configuration(kind, tag, "on_failure", "processors list cannot be empty")
    return handlers


def _created(kind: str, tag: str | None, given: Json, version: Version) -> Processor | None:
    """What the factory of a processor checks, and the inner processor of a foreach."""
    read_options(kind, tag, given)
    inner = _inner(kind, tag, given, version)
    check_further(kind, tag, given)
    known = {option.name for option in options_of()[kind]} | COMMON
    unknown = [name for name in given if name not in known]
    if unknown:
        raise configuration(
            None,
            None,
            None,
            f"processor [{kind}] doesn't support one or more provided configuration parameters [{', '.join(unknown)}]",
        )
    return inner


def _inner(kind: str, tag: str | None, given: Json, version: Version) -> Processor | None:
    if kind != "foreach":
        return None
    entries = list(given["processor"].items())
    if len(entries) != 1:
        raise configuration(kind, tag, "processor", "Must specify exactly one processor type")
    ((inner_kind, options),) = entries
    return _read(inner_kind, options, version)


def inference_processors(processors: Any) -> Iterator[Mapping[str, Any]]:
    """Options of every inference processor in a list, at the top, in handlers and in foreach; nothing was checked before."""
    for item in processors if isinstance(processors, list) else ():
        for kind, options in item.items() if isinstance(item, Mapping) else ():
            if not isinstance(options, Mapping):
                continue
            if kind == "inference":
                yield options
            yield from inference_processors(options.get("on_failure"))
            if kind == "foreach":
                yield from inference_processors([options.get("processor")])
