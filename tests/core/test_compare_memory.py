"""What is known of a spec beside its differences: what may change, what was set, and a digest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference_operator.core.difference import Mutability
from inference_operator.core.endpoint.compare import digest, hides_values, mutability, set_paths
from inference_operator.core.values import UNREAD, Path, Sealed, Version, dotted
from tests.core.sides import have, want
from tests.core.situations import CANARY, desire, openai_spec, secret_ref

SEALED = Sealed("openai", "api-key", CANARY)
VERSIONS = [Version(8, 17), Version(8, 18), Version(9, 3, 9), Version(9, 4), Version(9, 5), Version(999, 0), None]
M, I, U = Mutability.MUTABLE, Mutability.IMMUTABLE, Mutability.UNKNOWN  # noqa: E741 - a table of letters
TABLE = (
    ("openai", ("serviceSettings", "api_key"), [M, M, M, M, M, M, M]),
    ("openai", ("serviceSettings", "rate_limit", "requests_per_minute"), [I, I, I, M, M, M, U]),
    ("openai", ("serviceSettings", "model_id"), [I, I, I, I, I, I, I]),
    ("openai", ("serviceSettings", "novel"), [U, U, U, U, U, U, U]),
    ("novel", ("serviceSettings", "model_id"), [U, U, U, U, U, U, U]),
    ("openai", ("taskSettings", "user"), [M, M, M, M, M, M, M]),
    ("openai", ("chunkingSettings", "strategy"), [I, I, I, I, M, M, U]),
    ("elasticsearch", ("serviceSettings", "num_allocations"), [M, M, M, M, M, M, M]),
    ("elser", ("serviceSettings", "num_allocations"), [M, M, M, M, M, M, M]),
    ("elasticsearch", ("serviceSettings", "adaptive_allocations", "enabled"), [I, M, M, M, M, M, U]),
    ("elasticsearch", ("serviceSettings", "num_threads"), [I, I, I, I, I, I, I]),
)


@pytest.mark.parametrize(("service", "path", "expected"), TABLE, ids=[f"{row[0]}: {row[1][1]}" for row in TABLE])
def test_mutability_by_version(service: str, path: Path, expected: list[Mutability]) -> None:
    assert [mutability(want(service), path, version) for version in VERSIONS] == expected


def test_digest_is_the_same_for_ever() -> None:
    spec = openai_spec({"rate_limit": {"requests_per_minute": 5}}, taskSettings={"user": "ü"})
    assert digest(desire(spec)) == "sha256:fc69aab168dfbb53474149eb9b459a46f1448fa020721f5e3801874b1f84403b"


def test_digest_ignores_order_and_values_of_secrets() -> None:
    one = desire(openai_spec({"a": 1, "b": 2}))
    assert digest(one) == digest(desire(openai_spec({"b": 2, "a": 1}), value="another"))
    assert digest(one) == digest(desire(openai_spec({"a": 1, "b": 2}), read=False))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(openai_spec({"a": 2}), id="another value"),
        pytest.param(openai_spec({"a": "1"}), id="another type"),
        pytest.param(openai_spec({"a": 1, "api_key": secret_ref("other-key")}), id="another key of the Secret"),
        pytest.param(openai_spec({"a": 1}, taskType="completion"), id="another task"),
        pytest.param(openai_spec({"a": 1}, service="cohere"), id="another service"),
        pytest.param(openai_spec({}, taskSettings={"a": 1}), id="another block"),
    ],
)
def test_digest_tells_specs_apart(other: Any) -> None:
    assert digest(desire(openai_spec({"a": 1}))) != digest(desire(other))


def test_digest_of_policies_is_none_of_its_business() -> None:
    assert digest(desire(openai_spec(replacePolicy="Always"))) == digest(desire(openai_spec()))


def test_set_paths_are_sorted_leaves_without_nulls_and_empty_objects() -> None:
    spec = want(task={"user": "u", "none": None}, chunks={"strategy": "none"}, b=[1, {"c": 2}], a={"x": {}, "y": 1})
    assert [dotted(path) for path in set_paths(spec)] == [
        "chunkingSettings.strategy",
        "serviceSettings.a.y",
        "serviceSettings.b",
        "taskSettings.user",
    ]


def test_unread_value_hides_something_only_where_elasticsearch_returns_it() -> None:
    spec = want("custom", headers={"A": Sealed("s", "k", UNREAD)}, secret_parameters={"p": Sealed("s", "p", UNREAD)})
    assert hides_values(spec, have("custom", headers={"A": "x"}))
    assert not hides_values(spec, have("custom", headers={"B": "x"}))
    assert not hides_values(replace(spec, service_settings={"headers": {"A": SEALED}}), have("custom", headers={"A": "x"}))
