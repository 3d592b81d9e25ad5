"""Is the pipeline that Elasticsearch holds the one that the spec describes?

Decides what counts: every key that a spec can have, also one that it leaves out, since PUT replaces the whole. Keys that
no spec can have are the server's own. All can be changed in place. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Final

from inference_operator.core.difference import Difference, Mutability
from inference_operator.core.paths import MISSING
from inference_operator.core.pipeline.mismatch import first_mismatch
from inference_operator.core.pipeline.values import DesiredPipeline, ObservedPipeline
from inference_operator.core.values import Json, Path

SPEC_NAMES: Final[Mapping[str, str]] = {
    "description": "description",
    "version": "version",
    "processors": "processors",
    "on_failure": "onFailure",
    "_meta": "meta",
    "deprecated": "deprecated",
    "field_access_pattern": "fieldAccessPattern",
}
"""By Elasticsearch's name of a key the name that users write."""

_LISTS = ("processors", "on_failure")
# What leaving a key out means.
_DEFAULTS: Final[Mapping[str, Json]] = {"processors": [], "_meta": {}, "deprecated": False, "field_access_pattern": "classic"}


def differences(desired: DesiredPipeline, observed: ObservedPipeline) -> tuple[Difference, ...]:
    """Every difference: one for each processor and each other key, at the first place where they differ."""
    return tuple(
        difference
        for key in SPEC_NAMES
        for difference in _differences(key, _value(desired.body, key), _value(observed.body, key))
    )


def digest(desired: DesiredPipeline) -> str:
    """Identifies what the spec says. The same for an equal spec, for ever."""
    return digest_of(desired.body)


def digest_of(document: Json) -> str:
    """The digest of any JSON; the order of keys does not count, and 1.0 counts as 1."""
    text = json.dumps(_plain(document), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def set_paths(desired: DesiredPipeline) -> tuple[Path, ...]:
    """Every key that the user gave, sorted."""
    return tuple(sorted((SPEC_NAMES[key],) for key in desired.body))


def _value(body: Mapping[str, Json], key: str) -> Json:
    """What a body says or means by saying nothing."""
    value = body.get(key)
    return _DEFAULTS.get(key) if value is None else value


def _differences(key: str, wanted: Json, found: Json) -> Iterator[Difference]:
    if key in _LISTS and isinstance(wanted, list) and isinstance(found, list):
        for index in range(max(len(wanted), len(found))):
            sides = (values[index] if index < len(values) else MISSING for values in (wanted, found))
            yield from _difference((SPEC_NAMES[key], f"[{index}]"), *sides)
    else:
        yield from _difference((SPEC_NAMES[key],), wanted, found)


def _difference(path: Path, wanted: Json, found: Json) -> Iterator[Difference]:
    mismatch = first_mismatch(wanted, found)
    if mismatch is not None:
        wanted, found = (None if side is MISSING else side for side in (mismatch.wanted, mismatch.found))
        yield Difference((*path, *mismatch.path), wanted, found, Mutability.MUTABLE)


def _plain(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
