"""`skip` and `requires`: whether a test is for this server and this runner, and if not, why not.

Reading is pure; judging asks the target for its version, features and capabilities.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.yaml_rest.documents import Entry, SuiteError

Version = tuple[int, int, int]
SUPPORTED_FEATURES = frozenset(
    {
        "allowed_warnings",
        "allowed_warnings_regex",
        "arbitrary_key",
        "capabilities",
        "catch_unauthorized",
        "close_to",
        "contains",
        "default_shards",
        "embedded_stash_key",
        "headers",
        "is_after",
        "stash_in_key",
        "stash_in_path",
        "transform_and_set",
        "warnings",
        "warnings_regex",
    }
)
_FIELDS = {
    "skip": {"reason", "version", "features", "cluster_features", "known_issues", "capabilities", "awaits_fix", "os"},
    "requires": {"reason", "test_runner_features", "cluster_features", "capabilities"},
}
_CAPABILITY_FIELDS = {"method", "path", "parameters", "capabilities"}
_ISSUE_FIELDS = {"cluster_feature", "fixed_by"}
_SYNTHETIC = re.compile(r"gte_v(\d+)\.(\d+)\.(\d+)")
_NUMBER = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


class Target(Protocol):
    """What a server and this run of the runner offer. `None` answers mean: the server does not tell."""

    @property
    def version(self) -> Version: ...

    @property
    def offers(self) -> frozenset[str]:
        """Test runner features beside SUPPORTED_FEATURES: what the one who started the run says is there."""
        ...

    async def has_xpack(self) -> bool: ...

    async def has_feature(self, name: str) -> bool | None: ...

    async def has_capability(self, check: Mapping[str, str]) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """One `skip` or `requires`. `versions` are closed ranges; `awaits_fix` mutes the test."""

    line: int
    kind: str
    reason: str = ""
    versions: tuple[tuple[Version, Version], ...] = ()
    runner_features: tuple[str, ...] = ()
    cluster_features: tuple[str, ...] = ()
    known_issues: tuple[Mapping[str, str], ...] = ()
    capabilities: tuple[Mapping[str, str], ...] = ()
    awaits_fix: str = ""


def read_prerequisite(file: str, entry: Entry) -> Prerequisite:
    """Read the value of a `skip` or `requires` step. Raises SuiteError."""
    given = entry.value
    _check_fields(file, entry, given)
    return Prerequisite(
        entry.line,
        entry.key,
        reason=str(given.get("reason", "")).strip(),
        versions=tuple(_range(file, entry, text) for text in str(given["version"]).split(",")) if "version" in given else (),
        runner_features=_texts(given.get("features", given.get("test_runner_features"))),
        cluster_features=_texts(given.get("cluster_features")),
        known_issues=_objects(file, entry, "known_issues", _ISSUE_FIELDS, _ISSUE_FIELDS),
        capabilities=_objects(file, entry, "capabilities", _CAPABILITY_FIELDS, {"path"}),
        awaits_fix=str(given.get("awaits_fix", "")),
    )


def _check_fields(file: str, entry: Entry, given: Any) -> None:
    if not isinstance(given, Mapping):
        raise SuiteError(file, entry.line, f"[{entry.key}] must be an object")
    unknown = sorted(set(given) - _FIELDS[entry.key])
    if unknown:
        raise SuiteError(file, entry.line, f"[{entry.key}] does not know [{', '.join(unknown)}]")
    if "os" in given:
        raise SuiteError(file, entry.line, "[skip] by [os] is not supported: a server does not tell a client its system")
    if not set(given) - {"reason"}:
        raise SuiteError(file, entry.line, f"[{entry.key}] must name at least one condition")
    if not given.get("reason") and set(given) - {"features", "test_runner_features", "awaits_fix"}:
        raise SuiteError(file, entry.line, f"[{entry.key}] must give a reason")


def parse_version(text: str) -> Version | None:
    """The three numbers of `9.5.0-SNAPSHOT`; None for text that is no version."""
    found = _NUMBER.match(text.strip())
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def _range(file: str, entry: Entry, text: str) -> tuple[Version, Version]:
    lowest, highest = (0, 0, 0), (999, 999, 999)
    if text.strip().lower() == "all":
        return lowest, highest
    low, dash, high = (part.strip() for part in text.partition("-"))
    first, last = (parse_version(low) if low else lowest), (parse_version(high) if high else highest)
    if not dash or first is None or last is None:
        raise SuiteError(file, entry.line, f"[version] must be like `8.1.0 - 8.7.99`, ` - 8.0.99` or `all`, not [{text.strip()}]")
    return first, last


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _objects(file: str, entry: Entry, name: str, known: set[str], needed: set[str]) -> tuple[dict[str, str], ...]:
    found = []
    for one in entry.value.get(name, ()):
        if not isinstance(one, Mapping) or not needed <= set(one) <= known:
            wanted, possible = ", ".join(sorted(needed)), ", ".join(sorted(known))
            raise SuiteError(file, entry.line, f"[{name}] expects objects with [{wanted}], out of [{possible}]")
        found.append({key: ",".join(_texts(value)) for key, value in one.items()})
    return tuple(found)


async def obstacle(prerequisites: Sequence[Prerequisite], target: Target) -> str | None:
    """Why a test is not for this target, or None when it is."""
    for one in prerequisites:
        conditions = _unmet(one, target) if one.kind == "requires" else _met(one, target)
        async for condition in conditions:
            return f"{condition} ({one.reason})" if one.reason else condition
    return None


async def _runner_obstacles(one: Prerequisite, target: Target) -> AsyncIterator[str]:
    for name in one.runner_features:
        if name in ("xpack", "no_xpack"):
            if await target.has_xpack() is not (name == "xpack"):
                yield f"the server has {'no ' if name == 'xpack' else ''}X-Pack"
        elif name not in SUPPORTED_FEATURES | target.offers:
            yield f"this run does not offer [{name}]"


async def _unmet(one: Prerequisite, target: Target) -> AsyncIterator[str]:
    async for condition in _runner_obstacles(one, target):
        yield condition
    for name in one.cluster_features:
        if not await _feature(name, target):
            yield f"the server does not have the feature [{name}], or does not tell"
    for check in one.capabilities:
        if not await target.has_capability(check):
            yield f"the server does not have the capability {dict(check)}, or does not tell"


async def _met(one: Prerequisite, target: Target) -> AsyncIterator[str]:
    async for condition in _runner_obstacles(one, target):
        yield condition
    if one.awaits_fix:
        yield f"muted until {one.awaits_fix} is fixed"
    for low, high in one.versions:
        if low <= target.version <= high:
            yield f"not for {'.'.join(map(str, target.version))}"
    async for condition in _present(one, target):
        yield condition


async def _present(one: Prerequisite, target: Target) -> AsyncIterator[str]:
    for name in one.cluster_features:
        if await _feature(name, target):
            yield f"the server has the feature [{name}]"
    for issue in one.known_issues:
        if await _feature(issue["cluster_feature"], target) and not await _feature(issue["fixed_by"], target):
            yield f"the server has [{issue['cluster_feature']}] but not its fix [{issue['fixed_by']}]"
    for check in one.capabilities:
        if await target.has_capability(check):
            yield f"the server has the capability {dict(check)}"


async def _feature(name: str, target: Target) -> bool:
    synthetic = _SYNTHETIC.fullmatch(name)
    if synthetic:
        return target.version >= tuple(map(int, synthetic.groups()))
    return bool(await target.has_feature(name))
