"""Reading the body of a pipeline: the checks of a PUT and of an inline simulation, in the server's order.

Answers a tree that `ingest_run.py` runs; what a processor may look like is decided in `processors.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.standin.errors import ElasticsearchError, parse_error
from tests.standin.ingest_errors import configuration
from tests.standin.processor_options import check_kind
from tests.standin.processors import Processor, read_processors
from tests.standin.version import Version

PATTERNS = ("classic", "flexible")
# In the order in which the server reads them. `deprecated` is older than the oldest version played.
_TOP_LEVEL: Mapping[str, str] = {
    "description": "string",
    "version": "int",
    "_meta": "map",
    "deprecated": "bool",
    "field_access_pattern": "string",
}
_ACCESS_PATTERN_SINCE = ("9.2",)


@dataclass(frozen=True, slots=True)
class ReadPipeline:
    """A pipeline that can run."""

    name: str
    processors: tuple[Processor, ...]
    on_failure: tuple[Processor, ...]
    access_pattern: str = "classic"


def read_pipeline(name: str, body: Mapping[str, Any], version: Version) -> ReadPipeline:
    """Read a body. Raises the server's parse error for the first thing wrong."""
    known = set(_TOP_LEVEL) | {"processors", "on_failure"}
    if not version.since(*_ACCESS_PATTERN_SINCE):
        known.discard("field_access_pattern")
    for key, kind in _TOP_LEVEL.items():
        if key in known and body.get(key) is not None:
            check_kind(None, None, key, body[key], kind)
    pattern = body.get("field_access_pattern") if "field_access_pattern" in known else None
    if pattern is not None and pattern not in PATTERNS:
        # The words are unverified; a PUT with another pattern settles them.
        raise configuration(None, None, "field_access_pattern", f"unknown field access pattern [{pattern}]")
    processors = _list(body, "processors", version)
    if processors is None:
        raise parse_error("[processors] required property is missing", property_name="processors")
    handlers = _list(body, "on_failure", version)
    unknown = [key for key in body if key not in known]
    if unknown:
        raise _unknown(name, unknown)
    if handlers == ():
        raise parse_error(f"pipeline [{name}] cannot have an empty on_failure option defined")
    return ReadPipeline(name, processors, handlers or (), pattern or "classic")


def _list(body: Mapping[str, Any], key: str, version: Version) -> tuple[Processor, ...] | None:
    value = body.get(key)
    if value is None:
        return None
    check_kind(None, None, key, value, "list")
    return read_processors(value, version)


def _unknown(name: str, keys: list[str]) -> ElasticsearchError:
    listed = ", ".join(keys)
    return parse_error(f"pipeline [{name}] doesn't support one or more provided configuration parameters [{listed}]")
