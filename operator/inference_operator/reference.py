"""The field reference of a kind's guide: Markdown made from the schema that the API server is given.

Decides what a field's row says. The guide around it is written by hand; what stands between the two markers is replaced as a
whole. Reads and writes no file: that is the business of `inference_operator.manifests`. Imports only the models.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from inference_operator.api.crd import KINDS, Kind, schema

BEGIN = "<!-- Generated from the models by `make generate`. Do not edit between this line and the next marker. -->"
END = "<!-- End of what is generated. -->"

Schema: TypeAlias = Mapping[str, Any]

_SPEC, _STATUS = "spec", "status"
_RULES = "x-kubernetes-validations"
_BOUNDS = (
    ("maxLength", "at most {} characters"),
    ("maxItems", "at most {} entries"),
    ("maxProperties", "at most {} keys"),
)


class NoPlaceError(ValueError):
    """A guide has no place for the reference: one of the two markers is missing, or they stand in the wrong order."""


def guides() -> dict[str, Kind]:
    """The guides by file name, as `KIND.md` in lower case, each with its kind."""
    return {f"{kind.name.lower()}.md": kind for kind in KINDS}


def refreshed(name: str, guide: str, kind: Kind) -> str:
    """The text of a guide with the reference of today. `name` is that of its file, for the error.

    Raises:
        NoPlaceError: The guide does not have the markers.
    """
    before, begin, rest = guide.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoPlaceError(f"{name} needs the line {BEGIN!r}, and after it the line {END!r}")
    return f"{before}{BEGIN}\n\n{render(kind)}\n{END}{after}"


def render(kind: Kind) -> str:
    """Every field of the spec and the status: a table for each object, parents first."""
    root = schema(kind.model)
    blocks = root["properties"]
    spec = {_RULES: [*root.get(_RULES, ()), *blocks[_SPEC].get(_RULES, ())]}
    tables = [_of_spec(path, node) for path, node in _objects(_SPEC, blocks[_SPEC] | spec)]
    tables += [_of_status(path, node) for path, node in _objects(_STATUS, blocks[_STATUS])]
    return "\n".join(tables)


def _objects(path: str, node: Schema) -> Iterator[tuple[str, Schema]]:
    """An object and every object below it that has fields of its own; open blocks have none."""
    yield path, node
    for name, field in node["properties"].items():
        inner = field.get("items", field)
        if "properties" in inner and not _is_open(inner):
            yield from _objects(f"{path}.{name}{'[]' if 'items' in field else ''}", inner)


def _is_open(node: Schema) -> bool:
    return bool(node.get("x-kubernetes-preserve-unknown-fields"))


def _of_spec(path: str, node: Schema) -> str:
    required = frozenset(node.get("required", ()))
    rows = [
        (f"`{name}`", _type(field), "required" if name in required else _default(field), _meaning(field))
        for name, field in node["properties"].items()
    ]
    refused = [f"* {_escaped(message)}" for message in _rules(node)]
    said = ["The API server says no with these words:", "", *refused, ""] if refused else []
    return "\n".join([*_head(path, node), *_table(("field", "type", "default", "meaning"), rows), "", *said])


def _of_status(path: str, node: Schema) -> str:
    rows = [(f"`{name}`", _type(field), field["description"]) for name, field in node["properties"].items()]
    return "\n".join([*_head(path, node), *_table(("field", "type", "meaning"), rows), ""])


def _head(path: str, node: Schema) -> Iterator[str]:
    yield from (f"### `{path}`", "", _escaped(node["description"]), "")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for row in rows:
        yield f"| {' | '.join(_escaped(cell) for cell in row)} |"


def _type(field: Schema) -> str:
    if "enum" in field:
        return " | ".join(f"`{value}`" for value in field["enum"])
    if "items" in field:
        return f"list of {_type(field['items'])}s"
    return "open object" if _is_open(field) else str(field["type"])


def _default(field: Schema) -> str:
    return f"`{json.dumps(field['default'])}`" if "default" in field else ""


def _meaning(field: Schema) -> str:
    bounds = ", ".join(text.format(field[key]) for key, text in _BOUNDS if key in field)
    secrets = ", ".join(f"`{name}`" for name in field["properties"]) if _is_open(field) and "properties" in field else ""
    return str(field["description"]) + (f" ({bounds})" if bounds else "") + (f" Known secrets: {secrets}." if secrets else "")


def _rules(node: Schema) -> list[str]:
    """What the rules of an object and of its plain fields say, each once."""
    fields = [field for field in node["properties"].values() if "properties" not in field]
    messages = [rule["message"] for holder in (node, *fields) for rule in holder.get(_RULES, ())]
    return list(dict.fromkeys(messages))


def _escaped(text: str) -> str:
    """Markdown would take `<secret name/key>` for HTML, and a bar for the end of a cell."""
    return text.replace("<", "&lt;").replace("|", "\\|")
