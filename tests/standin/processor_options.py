"""Which processors there are, and the options of each: name, kind, whether it is required, and since when.

A table and its reader; what an option means is decided where the processor runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.standin.ingest_errors import configuration, wrong_type
from tests.standin.messages import Json

# One line per processor: options in the order in which the server reads them. `!` is required; after the colon the kind:
# string (none given), bool, int, list, map, any, strings (one or a list), text (string or int).
_TABLE = """
append: field! value!:any allow_duplicates:bool media_type
attachment: field! target_field properties:list indexed_chars:int ignore_missing:bool indexed_chars_field resource_name
    remove_binary:bool
bytes: field! ignore_missing:bool target_field
circle: field! target_field ignore_missing:bool error_distance!:any shape_type!
community_id: source_ip source_port destination_ip destination_port iana_number icmp_type icmp_code transport target_field
    seed:int ignore_missing:bool
convert: field! type! target_field ignore_missing:bool
csv: field! target_fields!:list quote separator ignore_missing:bool trim:bool empty_value:any
date: field! target_field timezone locale formats!:list output_format
date_index_name: locale timezone date_formats:list field! index_name_prefix date_rounding! index_name_format
dissect: field! pattern! append_separator ignore_missing:bool
dot_expander: field! path override:bool
drop:
enrich: policy_name! field! target_field! override:bool ignore_missing:bool max_matches:any shape_relation
fail: message!
fingerprint: fields!:list salt method target_field ignore_missing:bool
foreach: field! ignore_missing:bool processor!:map
geo_grid: field! tile_type! target_field parent_field children_field non_children_field precision_field ignore_missing:bool
    target_format
geoip: field! target_field database_file properties:list ignore_missing:bool first_only:bool
    download_database_on_pipeline_creation:bool
grok: field! patterns!:list ignore_missing:bool ecs_compatibility trace_match:bool pattern_definitions:map
gsub: field! ignore_missing:bool target_field pattern! replacement!
html_strip: field! ignore_missing:bool target_field
inference: model_id! inference_config:map input_output:any ignore_missing:bool target_field field_map:map field_mappings:map
ip_location: field! target_field database_file properties:list ignore_missing:bool first_only:bool
    download_database_on_pipeline_creation:bool
join: field! separator! target_field
json: field! target_field add_to_root:bool allow_duplicate_keys:bool add_to_root_conflict_strategy strict_json_parsing:bool
kv: field! field_split! value_split! target_field include_keys:list exclude_keys:list ignore_missing:bool prefix trim_key
    trim_value strip_brackets:bool
lowercase: field! ignore_missing:bool target_field
network_direction: source_ip destination_ip target_field internal_networks:list internal_networks_field ignore_missing:bool
pipeline: name! ignore_missing_pipeline:bool
redact: field! patterns!:list ignore_missing:bool skip_if_unlicensed:bool prefix suffix trace_redact:bool
    pattern_definitions:map
registered_domain: field! target_field ignore_missing:bool
remove: field:strings keep:strings ignore_missing:bool
rename: field! target_field! ignore_missing:bool override:bool
reroute: dataset:strings namespace:strings type:strings destination
script: lang id source inline params:map options:map
set: field! copy_from value:any media_type override:bool ignore_empty_value:bool
set_security_user: field! properties:list
sort: field! target_field order
split: field! ignore_missing:bool preserve_trailing:bool target_field separator!
terminate:
trim: field! ignore_missing:bool target_field
uppercase: field! ignore_missing:bool target_field
uri_parts: field! target_field remove_if_successful:bool keep_original:bool ignore_missing:bool
urldecode: field! ignore_missing:bool target_field
user_agent: field! target_field regex_file properties:list ignore_missing:bool extract_device_type:bool
"""
# A processor that came with a release line; everything else is older than the oldest version played.
SINCE: Mapping[str, tuple[str, ...]] = {"terminate": ("8.16",)}
COMMON = frozenset({"tag", "description", "if", "ignore_failure", "on_failure"})


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a processor."""

    name: str
    kind: str = "string"
    required: bool = False


@functools.cache
def options_of() -> Mapping[str, tuple[Option, ...]]:
    """All processors with their options, in the order of reading."""
    joined = _TABLE.replace("\n    ", " ")
    lines = (line.partition(":") for line in joined.strip().splitlines())
    return {name: tuple(map(_option, rest.split())) for name, _, rest in lines}


def _option(text: str) -> Option:
    name, _, kind = text.partition(":")
    return Option(name.removesuffix("!"), kind or "string", name.endswith("!"))


def read_options(kind: str, tag: str | None, given: Json) -> None:
    """Raise the server's parse error for the first option that is missing or of a wrong type."""
    for option in options_of()[kind]:
        value = given.get(option.name)
        if value is None:
            if option.required:
                raise configuration(kind, tag, option.name, "required property is missing")
            continue
        check_kind(kind, tag, option.name, value, option.kind)


def check_kind(kind: str | None, tag: str | None, name: str, value: Any, wanted: str) -> None:
    """Raise the server's parse error for a value that is not of the wanted kind."""
    fits, words = _KINDS[wanted]
    if fits(value):
        return
    if wanted == "int":
        raise configuration(kind, tag, name, f"property cannot be converted to an int [{value}]")
    raise wrong_type(kind, tag, name, value, words)


def _is_int(value: Any) -> bool:
    """Java's `parseInt` of the printed value."""
    text = str(value)
    return text.removeprefix("-").removeprefix("+").isdigit() and -(2**31) <= int(text) < 2**31


_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "a string"),
    "bool": (lambda value: isinstance(value, bool), "a boolean"),
    "int": (_is_int, "an int"),
    "list": (lambda value: isinstance(value, list), "a list"),
    "map": (lambda value: isinstance(value, dict), "a map"),
    "any": (lambda value: True, "anything"),
    # A list of other things than strings is a class cast error of the server: unverified words,
    # a PUT with `[1]` settles them.
    "strings": (
        lambda value: isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value)),
        "a string",
    ),
    "text": (lambda value: isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)), "a string or int"),
}
