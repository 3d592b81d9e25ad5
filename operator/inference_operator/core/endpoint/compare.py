"""Is what Elasticsearch holds what the spec says? Only what the user set counts.

Decides when two values mean the same (Elasticsearch adds defaults, changes the case of enums and numbers written as
strings, moves `num_allocations` by itself), and which differences can be mended in place. Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from inference_operator.api.services import Setting, catalogue
from inference_operator.core.difference import Difference, Mutability
from inference_operator.core.paths import MISSING, at, is_inside, put
from inference_operator.core.values import (
    UNREAD,
    DesiredEndpoint,
    Json,
    ObservedEndpoint,
    Path,
    Sealed,
    Tree,
    Version,
    dotted,
    leaves,
    reveal,
    sealed,
    show,
)

IN_CLUSTER = "elasticsearch"
_UPDATES_ALLOCATIONS = Version(8, 18)
_UPDATES_SETTINGS = Version(9, 4)
_UPDATES_CHUNKING = Version(9, 5)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
# Elasticsearch keeps it and, for some models, does not show it.
_SOMETIMES_UNSEEN = frozenset({"max_input_tokens"})
_DEFAULT_CHUNKING: Mapping[str, Json] = {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1}


def is_in_cluster(desired: DesiredEndpoint) -> bool:
    """True when the model runs inside the Elasticsearch cluster, as a deployment."""
    return catalogue().canonical(desired.service) == IN_CLUSTER


def digest(desired: DesiredEndpoint) -> str:
    """Identifies what the spec says, references in place of secret values. The same for an equal spec, for ever."""
    content = [desired.task_type, desired.service, show(desired.tree)]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def set_paths(desired: DesiredEndpoint) -> tuple[Path, ...]:
    """Every setting that the user gave, sorted. An empty object gives none."""
    return tuple(sorted(path for path, value in leaves(desired.tree) if len(path) > 1 and value is not None and value != {}))


def secret_paths(desired: DesiredEndpoint) -> frozenset[Path]:
    """The settings that hold a value from a Secret."""
    return frozenset(path for path, value in leaves(desired.tree) if any(True for _ in sealed(value)))


def hides_values(desired: DesiredEndpoint, observed: ObservedEndpoint) -> bool:
    """True when Elasticsearch returns a setting whose secret value is not at hand, so that nothing can be said yet."""
    return any(
        leaf.value is UNREAD
        for path, value in leaves(desired.tree)
        for leaf in sealed(value)
        if at(observed.tree, path) is not MISSING
    )


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What decides a comparison besides the two sides.

    `absent_counts`: whether a setting that Elasticsearch does not return counts as a difference. It hides some settings,
    so it counts only when the spec changed since it was last written. `once_set` are the paths that were last written.
    """

    version: Version | None
    absent_counts: bool = False
    once_set: frozenset[str] = frozenset()


def compare(desired: DesiredEndpoint, observed: ObservedEndpoint, yardstick: Yardstick) -> tuple[Difference, ...]:
    """Every difference that matters, in the order of the spec, then what the spec no longer has."""
    return (
        *_identity(desired, observed),
        *_settings(desired, observed, yardstick),
        *_left_out(desired, observed, yardstick),
    )


def _identity(desired: DesiredEndpoint, observed: ObservedEndpoint) -> Iterator[Difference]:
    if desired.task_type != observed.task_type:
        yield Difference(("taskType",), desired.task_type, observed.task_type, Mutability.IMMUTABLE)
    if catalogue().canonical(desired.service) != catalogue().canonical(observed.service):
        yield Difference(("service",), desired.service, observed.service, Mutability.IMMUTABLE)


def _settings(desired: DesiredEndpoint, observed: ObservedEndpoint, yardstick: Yardstick) -> Iterator[Difference]:
    for path, wanted in leaves(desired.tree):
        if len(path) < 2 or wanted is None or _moves_by_itself(path, desired, observed):  # noqa: PLR2004 - an empty block
            continue
        found = at(observed.tree, path)
        can_change = mutability(desired, path, yardstick.version)
        if found is MISSING:
            if not yardstick.absent_counts or _is_hidden(desired, path, wanted):
                continue
            if path[1] in _SOMETIMES_UNSEEN and can_change is Mutability.IMMUTABLE:
                continue
            found = None
        elif same(wanted, found, is_enum=_is_enum(desired, path)):
            continue
        yield Difference(path, wanted, found, can_change)


def _left_out(desired: DesiredEndpoint, observed: ObservedEndpoint, yardstick: Yardstick) -> Iterator[Difference]:
    """What was written once and is no longer in the spec counts as a change back to the default."""
    wanted = frozenset(set_paths(desired))
    for path, found in leaves(observed.tree):
        is_given = at(desired.tree, path) not in (MISSING, None) or is_inside(path, wanted)
        if len(path) < 2 or is_given:  # noqa: PLR2004 - an empty block
            continue
        if not _was_set(path, yardstick.once_set) or _moves_by_itself(path, desired, observed):
            continue
        default = _default(desired, path)
        if default is None:
            can_change = mutability(desired, path, yardstick.version) if _goes_as_a_whole(desired, path) else Mutability.IMMUTABLE
            yield Difference(path, None, found, can_change)
        elif not same(default, found, is_enum=_is_enum(desired, path)):
            yield Difference(path, default, found, mutability(desired, path, yardstick.version))


def _was_set(path: Path, once_set: frozenset[str]) -> bool:
    """Also true below a path that was set as a whole, as an object out of one Secret is."""
    return any(dotted(path[:length]) in once_set for length in range(2, len(path) + 1))


def _goes_as_a_whole(desired: DesiredEndpoint, path: Path) -> bool:
    """True when an update replaces what stands around the setting, so that leaving it out removes it."""
    return path[0] == "chunkingSettings" or at(desired.tree, path[:2]) is not MISSING


def same(wanted: Tree, found: Json, *, is_enum: bool = False) -> bool:
    """True when both mean the same to Elasticsearch. A value that was not read counts as the same."""
    if any(leaf.value is UNREAD for leaf in sealed(wanted)):
        return True  # told apart by the version of its Secret
    wanted = reveal(wanted)
    if is_enum and isinstance(wanted, str) and isinstance(found, str):
        return wanted.casefold() == found.casefold()
    return _equal(wanted, found)


def _equal(one: Json, other: Json) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(key in other and _equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if type(one) is type(other):
        return bool(one == other)
    return _number(one) is not None and _number(one) == _number(other)


def _number(value: Json) -> float | None:
    """A number, also one written as a string, and booleans likewise: `"256"` and 256, `"true"` and true mean the same."""
    if value in ("true", "false"):
        return float(value == "true")
    if not isinstance(value, int | float) and not (isinstance(value, str) and _NUMBER.fullmatch(value)):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer beyond all floats
        return None


def _moves_by_itself(path: Path, desired: DesiredEndpoint, observed: ObservedEndpoint) -> bool:
    """With adaptive allocations on, Elasticsearch sets `num_allocations` by itself, so it says nothing."""
    if path != ("serviceSettings", "num_allocations"):
        return False
    return any(_is_adaptive(settings) for settings in (desired.service_settings, observed.service_settings))


def _is_adaptive(settings: Mapping[str, Tree]) -> bool:
    adaptive = settings.get("adaptive_allocations")
    return isinstance(adaptive, Mapping) and adaptive.get("enabled") is True


def _setting(desired: DesiredEndpoint, path: Path) -> Setting | None:
    known = catalogue()
    match path[0]:
        case "serviceSettings":
            return known.setting(desired.service, path[1])
        case "taskSettings":
            return known.task_setting(desired.service, path[1])
        case _:
            return None


def _is_hidden(desired: DesiredEndpoint, path: Path, wanted: Tree) -> bool:
    """Secrets are never returned."""
    if isinstance(wanted, Sealed):
        return True
    return path[0] == "serviceSettings" and catalogue().is_sensitive(desired.service, path[1])


def _is_enum(desired: DesiredEndpoint, path: Path) -> bool:
    if path[0] == "chunkingSettings":
        return path[1] == "strategy"
    setting = _setting(desired, path)
    return setting is not None and setting.type == "enum"


def _default(desired: DesiredEndpoint, path: Path) -> Json:
    if path[0] == "chunkingSettings":
        strategy = (desired.chunking_settings or _DEFAULT_CHUNKING).get("strategy")
        return _DEFAULT_CHUNKING.get(path[1]) if same(_DEFAULT_CHUNKING["strategy"], strategy, is_enum=True) else None
    setting = _setting(desired, path)
    default: Json = setting.default(desired.task_type) if setting else None
    for step in path[2:]:
        default = default.get(step) if isinstance(default, Mapping) else None
    return default


def mutability(desired: DesiredEndpoint, path: Path, version: Version | None) -> Mutability:
    """What `_update` of this server version does with a setting, as far as is known before asking."""
    block, name = path[0], path[1]
    if block == "taskSettings":
        return Mutability.MUTABLE
    if block == "chunkingSettings":
        return _since(version, _UPDATES_CHUNKING)
    if is_in_cluster(desired) and name == "num_allocations":
        return Mutability.MUTABLE
    if is_in_cluster(desired) and name == "adaptive_allocations":
        return _since(version, _UPDATES_ALLOCATIONS)
    setting = _setting(desired, path)
    if setting is None:
        return Mutability.UNKNOWN
    if setting.sensitive:
        return Mutability.MUTABLE
    return _since(version, _UPDATES_SETTINGS) if setting.updatable else Mutability.IMMUTABLE


def _since(version: Version | None, first: Version) -> Mutability:
    if version is None:
        return Mutability.UNKNOWN
    return Mutability.MUTABLE if version >= first else Mutability.IMMUTABLE


def with_defaults(desired: DesiredEndpoint, differences: Iterable[Difference]) -> DesiredEndpoint:
    """The endpoint to send in an update: settings that the spec no longer has are written back as their default."""
    trees = {block: dict(tree) for block, tree in desired.tree.items()}
    known = set(set_paths(desired))
    for difference in differences:
        if len(difference.path) > 1 and difference.path not in known and difference.desired is not None:
            put(trees.setdefault(difference.path[0], {}), difference.path[1:], difference.desired)
    return DesiredEndpoint(
        inference_id=desired.inference_id,
        task_type=desired.task_type,
        service=desired.service,
        service_settings=trees["serviceSettings"],
        task_settings=trees["taskSettings"],
        chunking_settings=trees.get("chunkingSettings"),
        sources=desired.sources,
    )
