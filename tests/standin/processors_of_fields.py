"""Processors that move fields about: set, remove, rename, append, sort, join, split.

Each takes the options as they were written and changes the document; refusals are the server's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.standin.errors import illegal_argument
from tests.standin.ingest_document import METADATA, IngestDocument
from tests.standin.java_regex import split_java
from tests.standin.java_text import java_class, java_text
from tests.standin.mustache import render, render_deep

Options = Mapping[str, Any]


def _field(options: Options, document: IngestDocument, name: str = "field") -> str:
    return render(options[name], document.model(), "text/plain")


def set_field(options: Options, document: IngestDocument) -> None:
    """`set`: a value, filled from templates, or a copy of another field."""
    field = _field(options, document)
    if not options.get("override", True) and document.has(field) and document.get(field) is not None:
        return
    ignore_empty = options.get("ignore_empty_value", False)
    if options.get("copy_from") is not None:
        value = document.get(options["copy_from"], ignore_missing=ignore_empty)
        skip = ignore_empty and value in (None, "")
    else:
        value = render_deep(options["value"], document.model(), options.get("media_type") or "application/json")
        skip = ignore_empty and isinstance(options["value"], str) and value == ""
    if not skip:
        document.set(field, value)


def remove(options: Options, document: IngestDocument) -> None:
    """`remove`: the named fields, or everything but those to keep."""
    named = options.get("field") or options["keep"]
    fields = [render(name, document.model(), "text/plain") for name in ([named] if isinstance(named, str) else named)]
    if options.get("field"):
        for field in fields:
            if not options.get("ignore_missing", False) or document.has(field):
                document.remove(field)
        return
    for path in _all_fields(document.source):
        if not any(path == kept or kept.startswith(f"{path}.") or path.startswith(f"{kept}.") for kept in fields):
            _remove_if_present(document, path)


def _remove_if_present(document: IngestDocument, path: str) -> None:
    if path not in METADATA and document.has(path):
        document.remove(path)


def _all_fields(value: Any, prefix: str = "") -> list[str]:
    """Paths of all fields, objects before what is in them."""
    found: list[str] = []
    if isinstance(value, dict):
        for name, item in value.items():
            found.append(f"{prefix}{name}")
            found += _all_fields(item, f"{prefix}{name}.")
    return found


def rename(options: Options, document: IngestDocument) -> None:
    """`rename`, which refuses a target that is already there unless told to override it."""
    field, target = _field(options, document), _field(options, document, "target_field")
    if not field or not document.has(field, fail_out_of_range=True):
        if options.get("ignore_missing", False):
            return
        raise illegal_argument(f"field [{field}] doesn't exist")
    if document.has(target, fail_out_of_range=True) and not options.get("override", False):
        raise illegal_argument(f"field [{target}] already exists")
    value = document.get(field)
    document.remove(field)
    try:
        document.set(target, value)
    except Exception:
        document.set(field, value)
        raise


def append(options: Options, document: IngestDocument) -> None:
    """`append`: one value or several, at the end of a list that is made if need be."""
    value = render_deep(options["value"], document.model(), options.get("media_type") or "application/json")
    document.append(_field(options, document), value, allow_duplicates=options.get("allow_duplicates", True))


def join(options: Options, document: IngestDocument) -> None:
    """`join`: the elements of a list as one text."""
    items = document.get(options["field"], list)
    if items is None:
        raise illegal_argument(f"field [{options['field']}] is null, cannot join.")
    document.set(options.get("target_field") or options["field"], options["separator"].join(java_text(item) for item in items))


def split(options: Options, document: IngestDocument) -> None:
    """`split`: a text at a regular expression; empty pieces at the end are dropped unless preserved."""
    ignore_missing = options.get("ignore_missing", False)
    text = document.get(options["field"], str, ignore_missing=ignore_missing)
    if text is None:
        if ignore_missing:
            return
        raise illegal_argument(f"field [{options['field']}] is null, cannot split.")
    pieces = split_java(options["separator"], text, keep_trailing=options.get("preserve_trailing", False))
    document.set(options.get("target_field") or options["field"], pieces)


def sort(options: Options, document: IngestDocument) -> None:
    """`sort`: the elements of a list, all numbers or all texts."""
    items = document.get(options["field"], list)
    if items is None:
        raise illegal_argument(f"field [{options['field']}] is null, cannot sort.")
    if len({java_class(item) for item in items}) > 1:
        # Java's own words for elements that can't be compared are a class cast error: unverified, a
        # `sort` of `[1, "a"]` settles them.
        raise illegal_argument(f"field [{options['field']}] has elements of several types, cannot sort.")
    document.set(
        options.get("target_field") or options["field"], sorted(items, reverse=options.get("order", "asc").lower() == "desc")
    )


RUNNERS: Mapping[str, Callable[[Options, IngestDocument], None]] = {
    "append": append,
    "join": join,
    "remove": remove,
    "rename": rename,
    "set": set_field,
    "sort": sort,
    "split": split,
}
