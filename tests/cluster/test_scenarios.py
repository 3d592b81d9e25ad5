"""The scenario matrix before a real API server, with the newest Elasticsearch: the operator is a process of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.operating import Operating, operating
from tests.cluster.stage import THINGS, ClusterStage
from tests.controlplane import ControlPlane
from tests.machine.graph import NAMES, graph
from tests.machine.scenarios import Performance
from tests.machine.stage import READY
from tests.machine.test_scenarios import PERFORMANCES
from tests.machine.things_of_endpoints import ENDPOINT

CRDS = Path(__file__).parents[2] / "crds"
ORDERS = 20


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of its own: the operator looks after all namespaces, so it would meddle with other tests, and they with its counts."""
    with ControlPlane() as started:
        started.kubectl("apply", "--server-side", f"--filename={CRDS}")
        started.await_established(*(f"{thing.plural}.inference-operator.io" for thing in THINGS))
        yield started


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operating]:
    with operating(plane, tmp_path_factory.mktemp("scenarios")) as running:
        running.standin.change_pace(deployment=0.0)
        yield running


@pytest.fixture
def stage(operator: Operating, namespace: str, plane: ControlPlane) -> Iterator[ClusterStage]:
    operator.ensure_running()
    played = ClusterStage(operator, namespace, ENDPOINT)
    plane.kubectl("create", "namespace", played.other)
    yield played
    operator.standin.reachable = True
    kinds = ",".join(thing.plural for thing in THINGS)
    plane.kubectl("delete", kinds, "--all", f"--namespace={namespace}", "--wait=false")
    plane.kubectl("delete", "namespace", played.other, "--wait=false", "--ignore-not-found")


@pytest.mark.full
@pytest.mark.parametrize("performance", PERFORMANCES, ids=str)
async def test_scenario(performance: Performance, stage: ClusterStage) -> None:
    stage.thing = performance.thing
    await performance.scenario.play(stage)


def left(stage: ClusterStage) -> set[str]:
    """What Elasticsearch holds of the folder."""
    there = {*stage.standin.endpoints, *stage.standin.state.pipelines}
    return {name for name in NAMES if stage.id_of(name) in there}


@pytest.mark.full
@pytest.mark.parametrize("seed", range(ORDERS))
async def test_a_folder_ends_ready_in_any_order_of_apply_and_clean_in_any_order_of_delete(seed: int, stage: ClusterStage) -> None:
    dice = random.Random(seed)  # noqa: S311 - any order will do, as long as it is the same one again
    await stage.put_key()
    for name in dice.sample(NAMES, len(NAMES)):
        thing, spec = graph(stage.id_of)[name]
        await stage.apply(name, spec, thing=thing)
    for name in NAMES:
        await stage.sees(name, READY)
    assert left(stage) == set(NAMES)
    for name in dice.sample(NAMES, len(NAMES)):
        await stage.delete(name)
    for name in NAMES:
        await stage.is_gone(name)
    assert left(stage) == set()


@pytest.mark.full
async def test_a_namespace_goes_with_all_that_is_in_it_and_with_its_connection(stage: ClusterStage, plane: ControlPlane) -> None:
    await stage.put_key(other_namespace=True)
    for name, (thing, spec) in graph(stage.id_of).items():
        await stage.apply(name, spec, thing=thing, other_namespace=True)
    for name in NAMES:
        await stage.sees(name, READY)
    plane.kubectl("delete", "namespace", stage.other, "--wait=false")
    for name in NAMES:
        await stage.is_gone(name)
    assert left(stage) == set()
