"""Paths into a document, in both ways a pipeline can read them: `classic` (`a.0.b`) and `flexible` (`a[0].b`, dotted names).

Pure operations on JSON containers that are changed in place; every reason is the server's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.java_text import java_class

Element = str | int
MISSING: Final = object()
INGEST = "_ingest."
SOURCE = "_source."
_FLEXIBLE_PART = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_WHOLE = re.compile(r"[+-]?\d+")


def elements(path: str, *, flexible: bool) -> tuple[Element, ...]:
    """The steps of a path inside its root; array indices are numbers in flexible paths only. Raises 400 for what is no path."""
    if not path:
        raise illegal_argument("path cannot be null nor empty")
    parts = next((path.removeprefix(prefix) for prefix in (INGEST, SOURCE) if path.startswith(prefix)), path).split(".")
    while len(parts) > 1 and not parts[-1]:
        parts.pop()  # Java's split drops what is empty at the end
    if parts == [""]:
        raise _invalid(path)
    if not flexible:
        return tuple(parts)
    return tuple(step for part in parts for step in _flexible(path, part))


def _flexible(path: str, part: str) -> list[Element]:
    match = _FLEXIBLE_PART.fullmatch(part)
    if match is None:
        raise _invalid(path)
    steps: list[Element] = [match[1]]
    for index in re.findall(r"\[([^\]]*)\]", match[2]):
        if not _WHOLE.fullmatch(index):
            raise _not_integer(path, index)
        steps.append(int(index))
    return steps


def _invalid(path: str) -> ElasticsearchError:
    return illegal_argument(f"path [{path}] is not valid")


def _not_integer(path: str, key: str) -> ElasticsearchError:
    return illegal_argument(f"[{key}] is not an integer, cannot be used as an index as part of path [{path}]")


def _not_present(path: str, key: str) -> ElasticsearchError:
    return illegal_argument(f"field [{key}] not present as part of path [{path}]")


def _unresolved(path: str, step: Element, value: Any) -> ElasticsearchError:
    what = f"array index [{step}]" if isinstance(step, int) else f"[{step}]"
    where = "null" if value is None else f"object of type [{java_class(value)}]"
    return illegal_argument(f"cannot resolve {what} from {where} as part of path [{path}]")


def _index(path: str, items: Sequence[Any], step: Element, *, flexible: bool) -> int:
    if flexible and isinstance(step, str):
        raise _unresolved(path, step, items)
    if isinstance(step, str) and not _WHOLE.fullmatch(step):
        raise _not_integer(path, step)
    index = int(step)
    if not 0 <= index < len(items):
        raise illegal_argument(f"[{index}] is out of bounds for array with length [{len(items)}] as part of path [{path}]")
    return index


def parent_of(root: dict[str, Any], path: str, *, flexible: bool, create: bool) -> tuple[Any, Element]:
    """The container that holds the last step of a path, and that step. Raises 400 where the way ends before.

    In a flexible path the names that no container has become a dotted prefix of the last one.
    """
    steps = list(elements(path, flexible=flexible))
    node: Any = root
    position = 0
    while position < len(steps) - 1:
        step = steps[position]
        if isinstance(node, dict):
            if flexible:
                found, used = _dotted(path, node, steps, position)
                if found is MISSING:
                    return node, ".".join(str(part) for part in steps[position:])
                node, position = found, position + used
                continue
            node = _child(node, str(step), path, create=create)
        elif isinstance(node, list):
            node = node[_index(path, node, step, flexible=flexible)]
        else:
            raise _unresolved(path, step, node)
        position += 1
    return node, steps[-1]


def _child(node: dict[str, Any], name: str, path: str, *, create: bool) -> Any:
    if name not in node:
        if not create:
            raise _not_present(path, name)
        node[name] = {}
    return node[name]


def _dotted(path: str, node: dict[str, Any], steps: list[Element], start: int) -> tuple[Any, int]:
    """The child under the shortest dotted name that exists, and how many steps that name takes."""
    if isinstance(steps[start], int):
        raise _unresolved(path, steps[start], node)
    name = ""
    for offset, step in enumerate(steps[start:-1]):
        if isinstance(step, int):
            raise _not_present(path, name)
        name = f"{name}.{step}" if name else step
        if name in node:
            return node[name], offset + 1
    if isinstance(steps[-1], int):
        raise _not_present(path, name)
    return MISSING, 0


def get(root: dict[str, Any], path: str, *, flexible: bool) -> Any:
    """The value at a path. Raises 400 when there is none."""
    node, last = parent_of(root, path, flexible=flexible, create=False)
    if isinstance(node, dict):
        if isinstance(last, int):
            raise _unresolved(path, last, node)
        if last not in node:
            raise _not_present(path, last)
        return node[last]
    if isinstance(node, list):
        return node[_index(path, node, last, flexible=flexible)]
    raise _unresolved(path, last, node)


def has(root: dict[str, Any], path: str, *, flexible: bool, fail_out_of_range: bool = False) -> bool:
    """Whether a path leads to something, null included."""
    try:
        get(root, path, flexible=flexible)
    except ElasticsearchError as error:
        if fail_out_of_range and "is out of bounds" in str(error.reason):
            raise
        return False
    return True


def put(root: dict[str, Any], path: str, value: Any, *, flexible: bool) -> None:
    """Set a path, creating the objects on its way."""
    node, last = parent_of(root, path, flexible=flexible, create=True)
    if isinstance(node, dict) and isinstance(last, str):
        node[last] = value
    elif isinstance(node, list):
        node[_index(path, node, last, flexible=flexible)] = value
    else:
        _cannot_set(path, last, node)


def _cannot_set(path: str, last: Element, node: Any) -> NoReturn:
    if isinstance(node, dict):
        raise _unresolved(path, last, node)
    where = "null parent" if node is None else f"parent object of type [{java_class(node)}]"
    raise illegal_argument(f"cannot set [{last}] with {where} as part of path [{path}]")


def remove(root: dict[str, Any], path: str, *, flexible: bool) -> None:
    """Take a field or an array element away. Raises 400 when it is not there."""
    node, last = parent_of(root, path, flexible=flexible, create=False)
    if isinstance(node, dict):
        if isinstance(last, int):
            raise _unresolved(path, f"[{last}]", node)
        if last not in node:
            raise _not_present(path, last)
        del node[last]
    elif isinstance(node, list):
        del node[_index(path, node, last, flexible=flexible)]
    else:
        where = "null" if node is None else f"object of type [{java_class(node)}]"
        raise illegal_argument(f"cannot remove [{last}] from {where} as part of path [{path}]")
