"""Processors that change a value: convert, date, gsub, json, lowercase, uppercase, trim, urldecode, bytes.

Each takes the options as they were written and changes the document; refusals are the server's.
"""

from __future__ import annotations

import ipaddress
import json
import re
import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from tests.standin.dates import DEFAULT_OUTPUT, DateError, format_date, parse_date, zone
from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.ingest_document import IngestDocument
from tests.standin.java_regex import replace_all
from tests.standin.java_text import java_class, java_text
from tests.standin.mustache import render

Options = Mapping[str, Any]
_STRING = "java.lang.String"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?")


def _text_processor(change: Callable[[str, Options], Any]) -> Callable[[Options, IngestDocument], None]:
    """A processor that changes a text, or each text of a list."""

    def run(options: Options, document: IngestDocument) -> None:
        field, ignore_missing = options["field"], options.get("ignore_missing", False)
        value = document.get(field, ignore_missing=ignore_missing)
        if value is None:
            if ignore_missing:
                return
            raise illegal_argument(f"field [{field}] is null, cannot process it.")
        changed = [_element(item, field, change, options) for item in value] if isinstance(value, list) else None
        if changed is None:
            if not isinstance(value, str):
                raise illegal_argument(f"field [{field}] of type [{java_class(value)}] cannot be cast to [{_STRING}]")
            changed = change(value, options)
        document.set(options.get("target_field") or field, changed)

    return run


def _element(item: Any, field: str, change: Callable[[str, Options], Any], options: Options) -> Any:
    if isinstance(item, str):
        return change(item, options)
    raise illegal_argument(
        f"value [{java_text(item)}] of type [{java_class(item)}] in list field [{field}] cannot be cast to [{_STRING}]"
    )


_UNITS = {"b": 0, "kb": 1, "mb": 2, "gb": 3, "tb": 4, "pb": 5}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?b)", re.IGNORECASE)


def _bytes(text: str, options: Options) -> int:
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ElasticsearchError(
            400,
            "parse_exception",
            f"failed to parse setting [Ingest Field] with value [{text}] as a size in bytes: unit is missing or unrecognized",
        )
    return int(float(match[1]) * 1024 ** _UNITS[match[2].lower()])


def convert(options: Options, document: IngestDocument) -> None:
    """`convert`, also each element of a list."""
    field, kind, ignore_missing = options["field"], options["type"].lower(), options.get("ignore_missing", False)
    value = document.get(field, ignore_missing=ignore_missing)
    if value is None:
        if ignore_missing:
            return
        raise illegal_argument(f"Field [{field}] is null, cannot be converted to type [{kind}]")
    one = _CONVERTERS[kind]
    changed = [one(item) for item in value] if isinstance(value, list) else one(value)
    document.set(options.get("target_field") or field, changed)


def _whole(kind: str, bits: int) -> Callable[[Any], int]:
    def run(value: Any) -> int:
        text = java_text(value)
        number = int(text, 16) if re.fullmatch(r"-?0x[0-9a-fA-F]+", text) else None
        if number is None and re.fullmatch(r"[+-]?\d+", text):
            number = int(text)
        if number is None or not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise illegal_argument(f"unable to convert [{text}] to {kind}")
        return number

    return run


def _fraction(kind: str) -> Callable[[Any], float]:
    def run(value: Any) -> float:
        text = java_text(value).strip()
        if not _NUMBER.fullmatch(text):
            raise illegal_argument(f"unable to convert [{java_text(value)}] to {kind}")
        number = float(text.rstrip("fFdD"))
        return single(number) if kind == "float" else number

    return run


def single(number: float) -> float:
    """A number with the precision of a Java float, printed in as few digits as tell it."""
    exact: float = struct.unpack("f", struct.pack("f", number))[0]
    return next(
        found for digits in range(1, 18) if struct.pack("f", found := float(f"{exact:.{digits}g}")) == struct.pack("f", exact)
    )


def _boolean(value: Any) -> bool:
    text = java_text(value)
    if text.lower() not in ("true", "false"):
        raise illegal_argument(f"[{text}] is not a boolean value, cannot convert to boolean")
    return text.lower() == "true"


def _ip(value: Any) -> Any:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        raise illegal_argument(f"'{value}' is not an IP string literal.") from None
    return value


def _auto(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    for kind in ("boolean", "integer", "long", "float", "double"):
        try:
            return _CONVERTERS[kind](value)
        except (ElasticsearchError, OverflowError):
            continue
    return value


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "integer": _whole("integer", 32),
    "long": _whole("long", 64),
    "float": _fraction("float"),
    "double": _fraction("double"),
    "boolean": _boolean,
    "ip": _ip,
    "string": java_text,
    "auto": _auto,
}


def date(options: Options, document: IngestDocument) -> None:
    """`date`: the first format that reads the text decides."""
    value = document.get(options["field"])
    text = java_text(value)
    try:
        where = zone(_rendered(options.get("timezone"), document))
    except DateError as error:
        raise _unparsable(text, error) from None
    failure: DateError | None = None
    for pattern in options["formats"]:
        try:
            moment = parse_date(text, pattern, where, _now(document))
        except DateError as error:
            failure = failure or error
            continue
        document.set(
            options.get("target_field") or "@timestamp", format_date(moment, options.get("output_format") or DEFAULT_OUTPUT)
        )
        return
    raise _unparsable(text, failure)


def _rendered(template: str | None, document: IngestDocument) -> str | None:
    return None if template is None else render(template, document.model(), "text/plain")


def _now(document: IngestDocument) -> float:
    """The moment of the run: a date without a year is of this one."""
    return datetime.fromisoformat(document.ingest["timestamp"][:26] + "+00:00").timestamp()


def _unparsable(text: str, failure: Exception | None) -> ElasticsearchError:
    cause = None if failure is None else illegal_argument(str(failure))
    return ElasticsearchError(400, "illegal_argument_exception", f"unable to parse date [{text}]", caused_by=cause)


def parse_json(options: Options, document: IngestDocument) -> None:
    """`json`: the parsed text goes into a field, or over the root."""
    field = options["field"]
    text = java_text(document.fields.get(field) if options.get("add_to_root", False) else document.get(field))
    value = _parsed(text, strict=options.get("strict_json_parsing", True), duplicates=options.get("allow_duplicate_keys", False))
    if not options.get("add_to_root", False):
        document.set(options.get("target_field") or field, value)
        return
    if not isinstance(value, dict):
        raise illegal_argument("cannot add non-map fields to root of document")
    if (options.get("add_to_root_conflict_strategy") or "replace").lower() == "merge":
        _merge(document.fields, value)
    else:
        document.fields.update(value)


def _parsed(text: str, *, strict: bool, duplicates: bool) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items) and not duplicates:
            name = next(name for position, (name, _) in enumerate(items) if name in [other for other, _ in items[:position]])
            raise illegal_argument(f"Duplicate field '{name}'")
        return found

    try:
        value, end = json.JSONDecoder(object_pairs_hook=pairs).raw_decode(text.strip())
    except ValueError:
        # The parser's own words (line, column, expected tokens) are unverified; a bad text settles them.
        raise illegal_argument(f"Unrecognized token in [{text}]: was expecting (JSON String, Number, Array, Object)") from None
    if strict and end < len(text.strip()):
        raise illegal_argument(f"The input {text} is not valid JSON and the strict_json_parsing parameter is true")
    return value


def _merge(target: dict[str, Any], given: dict[str, Any]) -> None:
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _merge(target[name], value)
        else:
            target[name] = value


RUNNERS: Mapping[str, Callable[[Options, IngestDocument], None]] = {
    "bytes": _text_processor(_bytes),
    "convert": convert,
    "date": date,
    "gsub": _text_processor(lambda text, options: replace_all(options["pattern"], options["replacement"], text)),
    "json": parse_json,
    "lowercase": _text_processor(lambda text, options: text.lower()),
    "trim": _text_processor(lambda text, options: text.strip()),
    "uppercase": _text_processor(lambda text, options: text.upper()),
    "urldecode": _text_processor(lambda text, options: unquote_plus(text)),
}
