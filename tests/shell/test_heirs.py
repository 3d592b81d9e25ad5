"""Who comes after an object that goes: somebody who wants the same id on the same cluster, and just what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.core.pipeline.values import ObservedPipeline
from inference_operator.core.values import Observed, ObservedEndpoint, Server
from inference_operator.shell.heirs import Heirs
from inference_operator.shell.ports import Body, ObjectKey
from tests.shell.bodies import body, key_of, pipeline_body, pipeline_key
from tests.shell.house import House

HERE = Server("https://es.example:9200", "cluster-1", "9.5.0")
ELSEWHERE = Server("https://elsewhere.example:9200", "cluster-2", "9.5.0")
LEAVES = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["f"]}


@dataclass(frozen=True)
class Side:
    """One kind: how its objects are written, and what is there."""

    there: Observed
    same: Mapping[str, Any]
    other: Mapping[str, Any]

    def body(self, name: str, spec: Mapping[str, Any], **metadata: Any) -> Body:
        if isinstance(self.there, ObservedEndpoint):
            return body(name, {"inferenceId": "x", **spec}, **metadata)
        return pipeline_body(name, {"pipelineId": "x", **spec}, **metadata)

    def key(self, name: str) -> ObjectKey:
        return key_of(name) if isinstance(self.there, ObservedEndpoint) else pipeline_key(name)


SIDES = (
    pytest.param(
        Side(
            ObservedEndpoint("x", "text_embedding", "openai", {"model_id": "small"}, {}, None),
            {"serviceSettings": {"model_id": "small"}},
            {"serviceSettings": {"model_id": "large"}},
        ),
        id="InferenceEndpoint",
    ),
    pytest.param(
        Side(ObservedPipeline("x", {"processors": [{"drop": {}}]}), {"processors": [{"drop": {}}]}, {"processors": []}),
        id="IngestPipeline",
    ),
)


class Succession:
    """`a` goes; `b`, and perhaps others, want the same id."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.house = House()
        self.places: dict[ObjectKey, Server] = {}
        self.house.hear(side.body("a", side.same, **LEAVES))

    def wants(self, name: str, spec: Mapping[str, Any], on: Server | None = HERE, **metadata: Any) -> None:
        self.house.hear(self.side.body(name, spec, **metadata))
        if on is not None:
            self.places[self.side.key(name)] = on

    async def is_on(self, key: ObjectKey, ref: ElasticsearchRef | None, server: Server) -> bool:
        return key in self.places and self.places[key].is_same(server)

    async def heir(self) -> str | None:
        key = self.side.key("a")
        heirs = Heirs(self.house.store, self)
        return await heirs.of(key, self.house.found(key), self.house.operator.kinds[key.plural], HERE, self.side.there)


@pytest.fixture(params=SIDES)
async def succession(request: pytest.FixtureRequest) -> Succession:
    return Succession(request.param)


ROWS: tuple[Any, ...] = (
    pytest.param({}, {}, HERE, "search/b", id="wants just what is there: inherits"),
    pytest.param({"adoptionPolicy": "Always"}, {}, HERE, "search/b", id="Always: inherits, too"),
    pytest.param({"adoptionPolicy": "Never"}, {}, HERE, None, id="Never: would not take it"),
    pytest.param({"managementPolicy": "Observe"}, {}, HERE, None, id="Observe: takes nothing"),
    pytest.param({"suspend": True}, {}, HERE, None, id="suspended: takes nothing now"),
    pytest.param({}, LEAVES, HERE, None, id="goes itself"),
    pytest.param({}, {}, ELSEWHERE, None, id="wants it on another cluster"),
    pytest.param({}, {}, None, None, id="nobody knows where it is"),
)


@pytest.mark.parametrize(("spec", "metadata", "on", "heir"), ROWS)
async def test_heir(
    succession: Succession, spec: Mapping[str, Any], metadata: Mapping[str, Any], on: Server | None, heir: str | None
) -> None:
    succession.wants("b", {**succession.side.same, **spec}, on, **metadata)
    assert await succession.heir() == heir


@pytest.mark.parametrize("policy", ["IfIdentical", "Always"])
async def test_who_wants_something_else_does_not_inherit(succession: Succession, policy: str) -> None:
    succession.wants("b", {**succession.side.other, "adoptionPolicy": policy})
    assert await succession.heir() is None


async def test_nobody_else_no_heir(succession: Succession) -> None:
    assert await succession.heir() is None


async def test_the_first_who_wants_just_that_inherits(succession: Succession) -> None:
    succession.wants("b", succession.side.other)
    succession.wants("d", succession.side.same)
    succession.wants("c", succession.side.same)
    assert await succession.heir() == "search/c"
