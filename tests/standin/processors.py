"""Checking the processors of a pipeline: which exist, what they require, and the rules of `inference`.

A first, honest subset: required properties of the common processors, and their names. Options that are merely unknown are
refused only for processors listed in `_OPTIONS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.standin.errors import ElasticsearchError, bad_request, parse_error
from tests.standin.java_text import java_class, java_text

_COMMON = frozenset({"tag", "description", "if", "ignore_failure", "on_failure"})
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "append": ("field", "value"),
    "attachment": ("field",),
    "bytes": ("field",),
    "circle": ("field", "error_distance", "shape_type"),
    "community_id": (),
    "convert": ("field", "type"),
    "csv": ("field", "target_fields"),
    "date": ("field", "formats"),
    "date_index_name": ("field", "date_rounding"),
    "dissect": ("field", "pattern"),
    "dot_expander": ("field",),
    "drop": (),
    "enrich": ("field", "policy_name", "target_field"),
    "fail": ("message",),
    "fingerprint": ("fields",),
    "foreach": ("field", "processor"),
    "geo_grid": ("field", "tile_type"),
    "geoip": ("field",),
    "grok": ("field", "patterns"),
    "gsub": ("field", "pattern", "replacement"),
    "html_strip": ("field",),
    "inference": ("model_id",),
    "ip_location": ("field",),
    "join": ("field", "separator"),
    "json": ("field",),
    "kv": ("field", "field_split", "value_split"),
    "lowercase": ("field",),
    "network_direction": (),
    "pipeline": ("name",),
    "redact": ("field", "patterns"),
    "registered_domain": ("field",),
    "remove": (),
    "rename": ("field", "target_field"),
    "reroute": (),
    "script": (),
    "set": ("field",),
    "set_security_user": ("field",),
    "sort": ("field",),
    "split": ("field", "separator"),
    "terminate": (),
    "trim": ("field",),
    "uppercase": ("field",),
    "uri_parts": ("field",),
    "urldecode": ("field",),
    "user_agent": ("field",),
}
_OPTIONS: Mapping[str, frozenset[str]] = {
    "inference": frozenset(
        {
            "model_id",
            "input_output",
            "target_field",
            "field_map",
            "field_mappings",
            "inference_config",
            "ignore_missing",
        }
    ),
    "set": frozenset({"field", "value", "copy_from", "override", "media_type", "ignore_empty_value"}),
    "pipeline": frozenset({"name", "ignore_missing_pipeline"}),
    "foreach": frozenset({"field", "processor", "ignore_missing"}),
    "drop": frozenset(),
    "fail": frozenset({"message"}),
}
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


def check_processors(value: Any, name: str) -> None:
    """Check a list of processors. Raises the server's parse error for the first thing wrong."""
    if not isinstance(value, list):
        raise wrong_type(name, value, "a list")
    for item in value:
        if not isinstance(item, Mapping) or len(item) != 1:
            # Several keys in one object are several processors to the server; none at all is unverified.
            raise parse_error(f"[{name}] must be a list of objects with one key each, the type of the processor")
        ((kind, options),) = item.items()
        _check_one(kind, options)


def wrong_type(name: str, value: Any, wanted: str) -> ElasticsearchError:
    return parse_error(f"[{name}] property isn't {wanted}, but of type [{java_class(value)}]", property_name=name)


def _check_one(kind: str, options: Any) -> None:
    if kind not in _REQUIRED:
        raise parse_error(f"No processor type exists with name [{kind}]", processor_type=kind)
    if not isinstance(options, Mapping):
        raise wrong_type(kind, options, "a map")
    context = {"processor_type": kind} | ({"processor_tag": options["tag"]} if "tag" in options else {})
    for name in _REQUIRED[kind]:
        if options.get(name) is None:
            raise parse_error(f"[{name}] required property is missing", **context, property_name=name)
    _check_on_failure(options, context)
    if kind in _OPTIONS and (unknown := set(options) - _OPTIONS[kind] - _COMMON):
        names = ", ".join(sorted(unknown))
        raise parse_error(
            f"processor [{kind}] doesn't support one or more provided configuration parameters [{names}]", **context
        )
    if kind == "foreach":
        check_processors([options["processor"]], "processor")
    if kind == "inference":
        _check_inference(options, context)


def _check_on_failure(options: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    handlers = options.get("on_failure")
    if handlers is None:
        return
    if handlers == []:
        raise parse_error("[on_failure] processors list cannot be empty", **{**context, "property_name": "on_failure"})
    check_processors(handlers, "on_failure")


def _check_inference(options: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    if not isinstance(options["model_id"], str):
        raise parse_error(
            f"[model_id] property isn't a string, but of type [{java_class(options['model_id'])}]",
            **context,
            property_name="model_id",
        )
    if "input_output" in options:
        _check_input_output(options, context)
    if "inference_config" in options:
        _check_config(options["inference_config"])


def _check_input_output(options: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    given = options["input_output"]
    pairs = [given] if isinstance(given, Mapping) else given
    if not pairs:
        raise parse_error("[input_output] property cannot be empty at least one is required", **context)
    for name in ("target_field", "field_map"):
        if name in options:
            # Unverified wording; a pipeline with both settles it.
            raise parse_error(f"option [{name}] must not be specified with [input_output]", **context)
    if not isinstance(pairs, list) or not all(isinstance(pair, Mapping) for pair in pairs):
        raise wrong_type("input_output", given, "a list of maps")
    for key in ("input_field", "output_field"):
        _check_names(key, [pair.get(key) for pair in pairs], context)


def _check_names(key: str, names: list[Any], context: Mapping[str, Any]) -> None:
    """Each pair has a name, and no two have the same (that wording is unverified; such a pipeline settles it)."""
    if None in names:
        raise parse_error(f"[{key}] required property is missing", **context, property_name=key)
    if not all(isinstance(name, str) for name in names):
        raise wrong_type(key, names, "a string")
    if len(set(names)) < len(names):
        raise parse_error(f"[{key}] names must be unique but {java_text(names)} has duplicates", **context)


def _check_config(config: Any) -> None:
    if not isinstance(config, Mapping) or len(config) != 1 or not isinstance(next(iter(config.values())), Mapping):
        raise bad_request("inference_config must be an object with one inference type mapped to an object.")
    (kind,) = config
    if kind not in _INFERENCE_TYPES:
        supported = java_text(list(_INFERENCE_TYPES))
        raise bad_request(f"unrecognized inference configuration type [{kind}]. Supported types {supported}")


def inference_processors(processors: Any) -> Iterator[Mapping[str, Any]]:
    """Every inference processor in a list, at the top and in handlers."""
    for item in processors if isinstance(processors, list) else ():
        for kind, options in item.items():
            if kind == "inference":
                yield options
            if isinstance(options, Mapping):
                yield from inference_processors(options.get("on_failure"))
                if kind == "foreach":
                    yield from inference_processors([options.get("processor")])
