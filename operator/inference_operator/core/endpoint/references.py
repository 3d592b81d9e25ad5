"""`valueFrom`: which values a spec takes from Secrets and ConfigMaps, and the spec with those values put in.

Decides what counts as a reference, what a missing one means, and that a setting known as sensitive must be one. Values
of Secrets leave this module only inside `Sealed`. Must not do I/O: the contents are handed in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Never, TypeAlias

from pydantic import ValidationError

from inference_operator.api.inference_endpoint import InferenceEndpointSpec
from inference_operator.api.meta import KeySelector, ValueFrom, ValueType
from inference_operator.api.services import catalogue
from inference_operator.api.status import SourceKind
from inference_operator.core.failure import ReferenceFailure, ReferenceKind
from inference_operator.core.values import (
    UNREAD,
    DesiredEndpoint,
    Json,
    ObjectRef,
    ObjectVersion,
    Path,
    Sealed,
    Tree,
    Unread,
    dotted,
)

_REFERENCE_KEY = "valueFrom"
_NEWLINE = re.compile(r"\r?\n\Z")


@dataclass(frozen=True, slots=True)
class Reference:
    """One `valueFrom` of a spec."""

    path: Path
    kind: SourceKind
    selector: KeySelector
    value_type: ValueType

    def object_in(self, namespace: str) -> ObjectRef:
        """The Secret or ConfigMap that it names; always in the object's own namespace."""
        return ObjectRef(self.kind, namespace, self.selector.name)


@dataclass(frozen=True, slots=True)
class MalformedReference:
    """Something under `valueFrom` that is no reference."""

    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a Secret or ConfigMap holds. `data` is None where it was not read because its version is the known one."""

    version: ObjectVersion
    data: Mapping[str, bytes] | None = field(repr=False)


Contents: TypeAlias = Mapping[ObjectRef, Content | None]
"""What was found under each name; None: there is no such object."""


def blocks(spec: InferenceEndpointSpec) -> dict[str, Any]:
    """The settings of a spec under the names that users write."""
    found: dict[str, Any] = {"serviceSettings": spec.service_settings, "taskSettings": spec.task_settings}
    if spec.chunking_settings is not None:
        found["chunkingSettings"] = spec.chunking_settings
    return found


def references(spec: InferenceEndpointSpec) -> tuple[Reference | MalformedReference, ...]:
    """Every `valueFrom` of the spec, at any depth."""
    return tuple(_references(blocks(spec), ()))


def _references(node: Json, path: Path) -> Iterator[Reference | MalformedReference]:
    if isinstance(node, Mapping):
        if _REFERENCE_KEY in node:
            yield _reference(node, path)
            return
        for key, value in node.items():
            yield from _references(value, (*path, str(key)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _references(value, (*path, f"[{index}]"))


def _reference(node: Mapping[str, Json], path: Path) -> Reference | MalformedReference:
    if len(path) == 1:
        return MalformedReference(path, "valueFrom may stand for a value inside, not for the settings as a whole")
    if len(node) != 1:
        return MalformedReference(path, "valueFrom stands for the whole value, so no other key can stand beside it")
    try:
        value_from = ValueFrom.model_validate(node[_REFERENCE_KEY])
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = "".join(f".{step}" for step in fault["loc"])
        return MalformedReference(path, f"valueFrom{where}: {fault['msg'].removeprefix('Value error, ')}")
    if value_from.secret_key_ref is not None:
        return Reference(path, SourceKind.SECRET, value_from.secret_key_ref, value_from.as_)
    assert value_from.config_map_key_ref is not None
    return Reference(path, SourceKind.CONFIG_MAP, value_from.config_map_key_ref, value_from.as_)


def inline_secrets(tree: Mapping[str, Json], sensitive: frozenset[str]) -> tuple[Path, ...]:
    """Where a setting known as sensitive is written in plain text, at any depth. Values are not part of the answer."""
    return tuple(_inline_secrets(tree, (), sensitive, inside=False))


def _inline_secrets(node: Json, path: Path, sensitive: frozenset[str], *, inside: bool) -> Iterator[Path]:
    if isinstance(node, Mapping):
        if _REFERENCE_KEY in node:
            return
        for key, value in node.items():
            yield from _inline_secrets(value, (*path, str(key)), sensitive, inside=inside or key in sensitive)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _inline_secrets(value, (*path, f"[{index}]"), sensitive, inside=inside)
    elif inside and node is not None:
        yield path


class _LeftOut:
    """Stands for an optional value that is not there: the setting is left out."""


_LEFT_OUT = _LeftOut()


class _Unresolved(Exception):  # noqa: N818 - carries a failure value out of the recursion, never leaves this module
    def __init__(self, failure: ReferenceFailure) -> None:
        super().__init__()
        self.failure = failure


def resolve(
    spec: InferenceEndpointSpec, *, inference_id: str, namespace: str, contents: Contents
) -> DesiredEndpoint | ReferenceFailure:
    """The endpoint that the spec wants, each reference replaced by its value; the first that can't be is the failure.

    `contents` must have an entry for every object that `references` names.
    """
    try:
        tree = _resolved(blocks(spec), (), namespace, contents)
    except _Unresolved as unresolved:
        return unresolved.failure
    return DesiredEndpoint(
        inference_id=inference_id,
        task_type=spec.task_type,
        service=spec.service,
        service_settings=tree["serviceSettings"],
        task_settings=tree["taskSettings"],
        chunking_settings=tree.get("chunkingSettings"),
        sources={ref: content.version for ref, content in sorted(contents.items()) if content is not None},
    )


def _resolved(node: Json, path: Path, namespace: str, contents: Contents) -> Tree:
    if isinstance(node, Mapping):
        if _REFERENCE_KEY in node:
            return _value(node, path, namespace, contents)
        found = {str(key): _resolved(value, (*path, str(key)), namespace, contents) for key, value in node.items()}
        return {key: value for key, value in found.items() if value is not _LEFT_OUT}
    if isinstance(node, list):
        items = [_resolved(value, (*path, f"[{i}]"), namespace, contents) for i, value in enumerate(node)]
        return [item for item in items if item is not _LEFT_OUT]
    return node


def _value(node: Mapping[str, Json], path: Path, namespace: str, contents: Contents) -> Tree:
    reference = _reference(node, path)
    if isinstance(reference, MalformedReference):
        raise _Unresolved(_failure(ReferenceKind.NOT_CONVERTIBLE, path, reference.message))
    raw = _raw(reference, namespace, contents)
    if isinstance(raw, _LeftOut):
        return raw
    value = raw if isinstance(raw, Unread) else _converted(raw, reference)
    # A sensitive setting stays sensitive when somebody keeps it in a ConfigMap.
    if reference.kind is SourceKind.SECRET or not catalogue().sensitive_names().isdisjoint(path):
        return Sealed(reference.selector.name, reference.selector.key, value)
    return value


def _raw(reference: Reference, namespace: str, contents: Contents) -> bytes | Unread | _LeftOut:
    ref, selector = reference.object_in(namespace), reference.selector
    content = contents[ref]
    if content is not None and content.data is None:
        return UNREAD
    if content is not None and content.data is not None and selector.key in content.data:
        return content.data[selector.key]
    if selector.optional:
        return _LEFT_OUT
    if content is None:
        kind = ReferenceKind.SECRET_NOT_FOUND if reference.kind is SourceKind.SECRET else ReferenceKind.CONFIG_MAP_NOT_FOUND
        raise _Unresolved(_failure(kind, reference.path, f"{ref} does not exist; create it, or correct the name"))
    message = f"{ref} has no key {selector.key!r}; add it, or correct the key"
    raise _Unresolved(_failure(ReferenceKind.KEY_MISSING, reference.path, message))


def _converted(raw: bytes, reference: Reference) -> Json:
    source = f"key {reference.selector.key!r} of {reference.kind} {reference.selector.name!r}"
    try:
        text = _NEWLINE.sub("", raw.decode())
    except UnicodeDecodeError:
        raise _Unresolved(_failure(ReferenceKind.NOT_CONVERTIBLE, reference.path, f"{source} is not UTF-8 text")) from None
    try:
        return _parsed(text, reference.value_type)
    except ValueError:
        # `from None`, and no detail: a JSON error quotes the text around the fault.
        message = f"{source} can't be read as {reference.value_type}; correct its content, or `as`"
        raise _Unresolved(_failure(ReferenceKind.NOT_CONVERTIBLE, reference.path, message)) from None


def _parsed(text: str, value_type: ValueType) -> Json:
    if value_type is ValueType.STRING:
        return text
    try:
        value = json.loads(text, parse_constant=_refused, parse_float=_finite)
    except RecursionError:
        raise ValueError from None
    json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair can't be sent
    if value_type is ValueType.NUMBER and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError
    if value_type is ValueType.BOOLEAN and not isinstance(value, bool):
        raise ValueError
    return value


def _refused(constant: str) -> Never:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _failure(kind: ReferenceKind, path: Path, message: str) -> ReferenceFailure:
    return ReferenceFailure(kind, f"spec.{dotted(path)}", message)
