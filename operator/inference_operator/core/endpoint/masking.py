"""What may be shown of an endpoint that Elasticsearch returned.

Decides which values read `<secret name/key>` or `<hidden>`: what a Secret feeds, also where Elasticsearch returns it (the
headers of service `custom`); what is a secret by its name; and what was masked in the status before and is no longer in the
spec, since Elasticsearch holds the value still. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from inference_operator.api.services import catalogue
from inference_operator.core.difference import Difference
from inference_operator.core.endpoint.compare import same, secret_paths
from inference_operator.core.paths import MISSING, at, is_inside, put
from inference_operator.core.status import fits
from inference_operator.core.values import DesiredEndpoint, Json, ObservedEndpoint, Path, leaves, show

HIDDEN = "<hidden>"
_NAMES = {
    "serviceSettings": "service_settings",
    "taskSettings": "task_settings",
    "chunkingSettings": "chunking_settings",
}
_BLOCKS = {theirs: ours for ours, theirs in _NAMES.items()}
_IDENTITY = ("inference_id", "task_type", "service")
_MASK = re.compile(r"<hidden>|<secret [^<>/]+/[^<>/]+>")


def masked(
    desired: DesiredEndpoint | None, observed: ObservedEndpoint, before: Mapping[str, Json] | None = None
) -> dict[str, Json]:
    """The endpoint as `status.observed` shows it. `before` is what the status showed last time."""
    found = _document(observed)
    masks = _masks(desired, observed, before)
    for path, mask in masks.items():
        if at(observed.tree, path) is not MISSING and not is_inside(path[:-1], masks):
            put(found, (_NAMES[path[0]], *path[1:]), mask)
    return found


def bounded(document: dict[str, Json]) -> dict[str, Json]:
    """A masked document; of one that is too long for a status only which endpoint it is, and its masks.

    The masks are kept since the next status knows from them what to mask.
    """
    if fits(document):
        return document
    short = {name: document[name] for name in _IDENTITY}
    for path, value in leaves({name: block for name, block in document.items() if name in _BLOCKS}):
        if path and _is_mask(value):
            put(short, path, value if isinstance(value, str) else HIDDEN)
    return short


def shows(difference: Difference, document: Mapping[str, Json]) -> bool:
    """True when the observed value of a difference may be shown beside a masked `document`."""
    path = (_NAMES.get(difference.path[0], difference.path[0]), *difference.path[1:])
    above = (at(document, path[:length]) for length in range(2, len(path)))
    is_inside_a_mask = any(isinstance(value, str) and _is_mask(value) for value in above)
    return show(difference.desired) == difference.desired and not is_inside_a_mask and not _is_mask(at(document, path))


def _document(observed: ObservedEndpoint) -> dict[str, Json]:
    found: dict[str, Json] = {
        "inference_id": observed.inference_id,
        "task_type": observed.task_type,
        "service": observed.service,
        "service_settings": dict(observed.service_settings),
    }
    if observed.task_settings:
        found["task_settings"] = dict(observed.task_settings)
    if observed.chunking_settings is not None:
        found["chunking_settings"] = dict(observed.chunking_settings)
    return found


def _masks(desired: DesiredEndpoint | None, observed: ObservedEndpoint, before: Mapping[str, Json] | None) -> dict[Path, Json]:
    """What to show in place of a value, by path; later ones go over earlier ones."""
    known = catalogue()
    masks: dict[Path, Json] = {
        ("serviceSettings", name): HIDDEN for name in observed.service_settings if known.is_sensitive(observed.service, name)
    }
    for path, value in leaves({name: block for name, block in (before or {}).items() if name in _BLOCKS}):
        if path and _is_mask(value):
            ours = (_BLOCKS[path[0]], *path[1:])
            masks |= {} if _is_public(ours, desired, observed) else {ours: value}
    if desired is not None:
        masks |= {path: show(at(desired.tree, path)) for path in secret_paths(desired)}
    return masks


def _is_public(path: Path, desired: DesiredEndpoint | None, observed: ObservedEndpoint) -> bool:
    """True when the spec says in plain text what Elasticsearch holds, so that it is no secret any more."""
    wanted = MISSING if desired is None else at(desired.tree, path)
    return wanted is not MISSING and show(wanted) == wanted and same(wanted, at(observed.tree, path))


def _is_mask(value: Json) -> bool:
    """A mask, or a list that holds one: lists are leaves."""
    if isinstance(value, list):
        return any(map(_is_mask, value))
    if isinstance(value, Mapping):
        return any(map(_is_mask, value.values()))
    return isinstance(value, str) and _MASK.fullmatch(value) is not None
