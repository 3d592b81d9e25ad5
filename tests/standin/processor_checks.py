"""What the server checks in a processor beyond the types of its options: combinations, patterns, templates, names.

Raises 400; runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.standin import mustache
from tests.standin.dates import check_output_format
from tests.standin.errors import bad_request, illegal_argument
from tests.standin.ingest_errors import configuration, wrong_type
from tests.standin.java_text import java_text
from tests.standin.messages import Json

CONVERT_TYPES = ("integer", "long", "double", "float", "boolean", "ip", "string", "auto")
_INFERENCE_TYPES = (
    "classification",
    "fill_mask",
    "ner",
    "pass_through",
    "question_answering",
    "regression",
    "text_classification",
    "text_embedding",
    "text_expansion",
    "text_similarity",
    "zero_shot_classification",
)
_TEMPLATED: Mapping[str, tuple[str, ...]] = {
    "append": ("field", "value"),
    "date": ("timezone", "locale"),
    "fail": ("message",),
    "pipeline": ("name",),
    "remove": ("field", "keep"),
    "rename": ("field", "target_field"),
    "set": ("field", "value"),
}


def check_further(kind: str, tag: str | None, given: Json) -> None:
    """Raise what the factory of this processor raises beside missing and mistyped options."""
    if kind in _CHECKS:
        _CHECKS[kind](tag, given)
    for name in _TEMPLATED.get(kind, ()):
        mustache.check_deep(given.get(name))
    media_type = given.get("media_type")
    if media_type is not None and media_type not in mustache.MEDIA_TYPES:
        raise configuration(kind, tag, "media_type", f"property does not contain a supported media type [{media_type}]")


def _set(tag: str | None, given: Json) -> None:
    if given.get("copy_from") is None:
        if given.get("value") is None:
            raise configuration("set", tag, "value", "required property is missing")
    elif given.get("value") is not None:
        raise configuration("set", tag, "copy_from", "cannot set `copy_from` while also setting `value`")


def _remove(tag: str | None, given: Json) -> None:
    if not given.get("field") and not given.get("keep"):
        raise configuration("remove", tag, "keep", "or [field] must be specified")
    if given.get("field") and given.get("keep"):
        raise configuration("remove", tag, "keep", "and [field] cannot both be used in the same processor")


def _convert(tag: str | None, given: Json) -> None:
    if given["type"].lower() not in CONVERT_TYPES:
        raise configuration("convert", tag, "type", f"type [{given['type']}] not supported, cannot convert field.")


def _gsub(tag: str | None, given: Json) -> None:
    try:
        re.compile(given["pattern"])
    except re.error as error:
        # The rest of the sentence is Java's: unverified, and not worth settling.
        raise configuration("gsub", tag, "pattern", f"Invalid regex pattern. {error}") from None


def _json(tag: str | None, given: Json) -> None:
    strategy = given.get("add_to_root_conflict_strategy")
    name = "add_to_root_conflict_strategy"
    if strategy is not None and strategy.lower() not in ("replace", "merge"):
        raise configuration("json", tag, name, f"conflict strategy [{strategy}] not supported, cannot convert field.")
    if given.get("add_to_root") and given.get("target_field") is not None:
        raise configuration("json", tag, "target_field", "Cannot set a target field while also setting `add_to_root` to true")
    if not given.get("add_to_root") and strategy is not None:
        raise configuration("json", tag, name, "Cannot set `add_to_root_conflict_strategy` if `add_to_root` is false")


def _sort(tag: str | None, given: Json) -> None:
    if given.get("order", "asc").lower() not in ("asc", "desc"):
        raise configuration(
            "sort", tag, "order", f"Sort direction [{given['order']}] not recognized. Valid values are: [asc, desc]"
        )


def _date(tag: str | None, given: Json) -> None:
    check_output_format(given.get("output_format"))


def _script(tag: str | None, given: Json) -> None:
    """A node without Painless, with Mustache and expressions only: no language can change a document."""
    lang = given.get("lang", "painless")
    if given.get("id") is not None:
        raise illegal_argument(f"unable to find script [{given['id']}] in cluster state")
    if given.get("source", given.get("inline")) is None:
        raise illegal_argument("must specify either [source] for an inline script or [id] for a stored script")
    raise illegal_argument(f"script_lang not supported [{lang}]")


def _inference(tag: str | None, given: Json) -> None:
    if given.get("inference_config") is not None:
        _check_config(given["inference_config"])
    pairs = _pairs(tag, given.get("input_output"))
    if pairs is None:
        return
    if not pairs:
        raise configuration("inference", tag, "input_output", "property cannot be empty at least one is required")
    names: dict[str, set[str]] = {"input_field": set(), "output_field": set()}
    for pair in pairs:
        for name, seen in names.items():
            _check_name(tag, pair, name, seen)
    if given.get("target_field") is not None:
        problem = "option is incompatible with [input_output]. "
        problem += "Use the [output_field] option to specify where to write the inference results to."
        raise configuration("inference", tag, "target_field", problem)
    # With `input_output` nobody reads the field maps, so they are left over.
    unread = [name for name in ("field_map", "field_mappings") if name in given]
    if unread:
        listed = ", ".join(unread)
        problem = f"processor [inference] doesn't support one or more provided configuration parameters [{listed}]"
        raise configuration(None, None, None, problem)


def _pairs(tag: str | None, given: Any) -> list[Json] | None:
    if given is None or (isinstance(given, list) and (not given or isinstance(given[0], dict))):
        return given
    if isinstance(given, dict):
        return [given]
    problem = "property isn't a list of maps" if isinstance(given, list) else "property isn't a map or list of maps"
    raise configuration("inference", tag, "input_output", problem)


def _check_name(tag: str | None, pair: Json, name: str, seen: set[str]) -> None:
    value = pair.get(name)
    if value is None:
        raise configuration("inference", tag, name, "required property is missing")
    if not isinstance(value, str):
        raise wrong_type("inference", tag, name, value, "a string")
    if value in seen:
        raise configuration("inference", tag, name, f"names must be unique but [{value}] is repeated")
    seen.add(value)


def _check_config(config: Json) -> None:
    if len(config) != 1 or not isinstance(next(iter(config.values())), dict):
        raise bad_request("inference_config must be an object with one inference type mapped to an object.")
    (kind,) = config
    if kind not in _INFERENCE_TYPES:
        supported = java_text(list(_INFERENCE_TYPES))
        raise bad_request(f"unrecognized inference configuration type [{kind}]. Supported types {supported}")


_CHECKS: Mapping[str, Callable[[str | None, Json], None]] = {
    "convert": _convert,
    "date": _date,
    "gsub": _gsub,
    "inference": _inference,
    "json": _json,
    "remove": _remove,
    "script": _script,
    "set": _set,
    "sort": _sort,
}
