"""Which tests run: by version, features, capabilities and what the run offers; each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.yaml_rest import parse
from tests.yaml_rest.prerequisites import Version, obstacle


@dataclass(frozen=True)
class Cluster:
    """A target that is known beforehand."""

    version: Version = (9, 2, 1)
    offers: frozenset[str] = frozenset({"provider"})
    features: frozenset[str] | None = frozenset({"a", "b"})

    async def has_xpack(self) -> bool:
        return True

    async def has_feature(self, name: str) -> bool | None:
        return None if self.features is None else name in self.features

    async def has_capability(self, check: Mapping[str, str]) -> bool | None:
        return {"/old": True, "/new": False}.get(check["path"])


async def why_not(step: str, cluster: Cluster) -> str | None:
    (test,) = parse("a.yml", f"t:\n  - {step}\n").tests
    return await obstacle(test.prerequisites, cluster)


RUNS = [
    "skip: { version: ' - 9.2.0', reason: r }",
    "skip: { version: '9.2.2 - ', reason: r }",
    "skip: { version: '8.0.0 - 8.99.99, 9.3.0 - ', reason: r }",
    "skip: { features: [headers, xpack] }",
    "skip: { cluster_features: c, reason: r }",
    "skip: { cluster_features: gte_v9.3.0, reason: r }",
    "skip: { known_issues: [{ cluster_feature: a, fixed_by: b }], reason: r }",
    "skip: { known_issues: [{ cluster_feature: c, fixed_by: d }], reason: r }",
    "skip: { capabilities: [{ path: /new }, { path: /unknown }], reason: r }",
    "requires: { test_runner_features: [warnings, provider] }",
    "requires: { cluster_features: [a, gte_v9.2.1], reason: r }",
    "requires: { capabilities: [{ method: GET, path: /old, parameters: [x, y] }], reason: r }",
]
DOES_NOT_RUN = [
    ("skip: { version: ' - 9.2.1', reason: r }", "not for 9.2.1 (r)"),
    ("skip: { version: '9.2.1 - ', reason: r }", "not for 9.2.1 (r)"),
    ("skip: { version: '8.0.0 - 8.99.99, 9.0.0 - 9.2.99', reason: r }", "not for 9.2.1 (r)"),
    ("skip: { version: all, reason: r }", "not for 9.2.1 (r)"),
    ("skip: { features: [headers, node_selector] }", "this run does not offer [node_selector]"),
    ("skip: { features: no_xpack }", "the server has X-Pack"),
    ("skip: { awaits_fix: issue-1 }", "muted until issue-1 is fixed"),
    ("skip: { cluster_features: [c, b], reason: r }", "the server has the feature [b] (r)"),
    ("skip: { cluster_features: gte_v9.2.0, reason: r }", "the server has the feature [gte_v9.2.0] (r)"),
    (
        "skip: { known_issues: [{ cluster_feature: a, fixed_by: d }], reason: r }",
        "the server has [a] but not its fix [d] (r)",
    ),
    ("skip: { capabilities: [{ path: /old }], reason: r }", "the server has the capability {'path': '/old'} (r)"),
    ("requires: { test_runner_features: in_cluster_models, reason: r }", "this run does not offer [in_cluster_models] (r)"),
    ("requires: { cluster_features: [a, c], reason: r }", "the server does not have the feature [c], or does not tell (r)"),
    (
        "requires: { cluster_features: gte_v9.3.0, reason: r }",
        "the server does not have the feature [gte_v9.3.0], or does not tell (r)",
    ),
    (
        "requires: { capabilities: [{ path: /unknown }], reason: r }",
        "the server does not have the capability {'path': '/unknown'}, or does not tell (r)",
    ),
]


@pytest.mark.parametrize("step", RUNS)
async def test_runs(step: str) -> None:
    assert await why_not(step, Cluster()) is None


@pytest.mark.parametrize(("step", "reason"), DOES_NOT_RUN)
async def test_does_not_run_and_says_why(step: str, reason: str) -> None:
    assert await why_not(step, Cluster()) == reason


async def test_a_server_that_does_not_tell_its_features_runs_no_test_that_needs_one() -> None:
    silent = Cluster(features=None)
    assert await why_not("requires: { cluster_features: a, reason: r }", silent) is not None
    assert await why_not("skip: { cluster_features: a, reason: r }", silent) is None
