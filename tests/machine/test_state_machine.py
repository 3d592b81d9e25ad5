"""Hypothesis drives the whole operator through whatever users, strangers, networks and kills do, and looks for a counter-example.

What it found became a named test beside the code that was wrong. `make test` takes some hundred steps, `make test-full` 20,000.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from inference_operator.kinds.pipeline.kind import PLURAL as PIPELINES
from tests.machine import wild
from tests.machine.tripwire import Fate
from tests.machine.wild import Wild
from tests.standin.faults import Answer, Fault

NAMES = st.sampled_from(["one", "two", "three"])
ENDPOINT_IDS = st.sampled_from(["a", "b", wild.THEIRS])
PIPELINE_IDS = st.sampled_from(["p", "q"])
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "adoptionPolicy": st.sampled_from(["Never", "IfIdentical", "Always"]),
        "replacePolicy": st.sampled_from(["Never", "WhenUnused", "Always"]),
        "driftPolicy": st.sampled_from(["Correct", "Detect"]),
        "deletionPolicy": st.sampled_from(["Delete", "Retain"]),
        "managementPolicy": st.sampled_from(["Manage", "Observe"]),
        "forceDelete": st.booleans(),
        "suspend": st.booleans(),
    },
)
MODELS = st.sampled_from(["text-embedding-3-small", "text-embedding-3-large"])
SETTINGS = st.builds(wild.settings, MODELS, st.none() | st.integers(1, 3))
BODIES = st.builds(wild.processors, st.none() | ENDPOINT_IDS, st.none() | PIPELINE_IDS)
BUSY = Answer(503, '{"error":{"type":"cluster_block_exception","reason":"blocked"},"status":503}')
SLOW_DOWN = Answer(429, '{"error":{"type":"x","reason":"too many"},"status":429}', (("Retry-After", "7"),))
FAULTS = st.builds(
    Fault,
    method=st.sampled_from(["*", "GET", "PUT", "DELETE"]),
    path=st.sampled_from(["*", "/_inference*", "/_ingest*"]),
    skip=st.integers(0, 3),
    times=st.integers(1, 3),
    lose=st.sampled_from(["before", "after", "half"]),
) | st.builds(Fault, skip=st.integers(0, 3), times=st.integers(1, 3), answer=st.sampled_from([BUSY, SLOW_DOWN]))


class Machine(RuleBasedStateMachine):
    """Each rule is one deed of somebody; after it the world settles, and the laws are checked."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.wild = self.does(self._begin())

    async def _begin(self) -> Wild:
        found = Wild()
        await found.begin()
        return found

    def does(self, deed: Any) -> Any:
        """Carry out, and let the operator do what it can without time passing."""
        return self.runner.run(self._settled(deed))

    async def _settled(self, deed: Any) -> Any:
        result = await deed if asyncio.iscoroutine(deed) else deed()
        if hasattr(self, "wild"):
            await self.wild.pass_time(0)
        return result

    def some_key(self, number: int) -> Any:
        keys = self.wild.keys
        return keys[number % len(keys)]

    # --- users --------------------------------------------------------------------------------------------------------

    @initialize(name=NAMES, inference_id=ENDPOINT_IDS, policies=POLICIES)
    def begins_with_an_endpoint(self, name: str, inference_id: str, policies: dict[str, Any]) -> None:
        self.does(lambda: self.wild.apply_endpoint(name, inference_id, policies))

    @rule(name=NAMES, inference_id=ENDPOINT_IDS, policies=POLICIES)
    def applies_an_endpoint(self, name: str, inference_id: str, policies: dict[str, Any]) -> None:
        self.does(lambda: self.wild.apply_endpoint(name, inference_id, policies))

    @rule(name=NAMES, pipeline_id=PIPELINE_IDS, body=BODIES, policies=POLICIES)
    def applies_a_pipeline(self, name: str, pipeline_id: str, body: list[Any], policies: dict[str, Any]) -> None:
        self.does(lambda: self.wild.apply_pipeline(name, pipeline_id, body, policies))

    @precondition(lambda self: self.wild.keys)
    @rule(number=st.integers(0, 5), policies=POLICIES)
    def changes_policies(self, number: int, policies: dict[str, Any]) -> None:
        self.does(lambda: self.wild.edit(self.some_key(number), policies))

    @precondition(lambda self: self.wild.keys)
    @rule(number=st.integers(0, 5), settings=SETTINGS, body=BODIES)
    def changes_settings(self, number: int, settings: dict[str, Any], body: list[Any]) -> None:
        key = self.some_key(number)
        changes = {"processors": body} if key.plural == PIPELINES else {"serviceSettings": settings}
        self.does(lambda: self.wild.edit(key, changes))

    @precondition(lambda self: self.wild.keys)
    @rule(number=st.integers(0, 5))
    def deletes(self, number: int) -> None:
        self.does(lambda: self.wild.delete(self.some_key(number)))

    @rule()
    def rotates_the_key(self) -> None:
        self.does(self.wild.rotate)

    @rule()
    def loses_the_secret(self) -> None:
        self.does(self.wild.lose_secret)

    # --- strangers ----------------------------------------------------------------------------------------------------

    @rule(inference_id=st.sampled_from(["a", "b"]), what=st.sampled_from(["put", "change", "delete"]))
    def a_stranger_meddles_with_an_endpoint(self, inference_id: str, what: str) -> None:
        match what:
            case "put":
                self.does(self.wild.stranger_puts_endpoint(inference_id))
            case "change":
                self.does(self.wild.stranger_changes_endpoint(inference_id, 5))
            case _:
                self.does(self.wild.stranger_deletes_endpoint(inference_id))

    @rule(pipeline_id=PIPELINE_IDS, deletes=st.booleans())
    def a_stranger_meddles_with_a_pipeline(self, pipeline_id: str, deletes: bool) -> None:
        deed = self.wild.stranger_deletes_pipeline if deletes else self.wild.stranger_puts_pipeline
        self.does(deed(pipeline_id))

    @rule(inference_id=st.sampled_from(["a", "b"]), pipeline_id=PIPELINE_IDS)
    def an_index_uses_them(self, inference_id: str, pipeline_id: str) -> None:
        self.does(self.wild.index_uses(inference_id, pipeline_id))

    @rule()
    def the_index_goes(self) -> None:
        self.does(self.wild.index_goes())

    # --- faults -------------------------------------------------------------------------------------------------------

    @rule(fault=FAULTS)
    def requests_fail(self, fault: Fault) -> None:
        self.does(lambda: self.wild.fault(fault))

    @rule(reachable=st.booleans())
    def the_network_is_cut_or_healed(self, reachable: bool) -> None:
        self.does(lambda: self.wild.cut(reachable=reachable))

    @rule(reachable=st.booleans())
    def the_network_to_kubernetes_is_cut_or_healed(self, reachable: bool) -> None:
        self.does(lambda: self.wild.cut_kubernetes(reachable=reachable))

    @rule(endpoints=st.sets(st.sampled_from(["a", "b"])), pipelines=st.sets(PIPELINE_IDS))
    def the_cluster_is_replaced(self, endpoints: set[str], pipelines: set[str]) -> None:
        self.does(self.wild.replace_cluster(endpoints, pipelines))

    @rule(at=st.integers(1, 12), fate=st.sampled_from(Fate))
    def the_next_requests_are_not_safe(self, at: int, fate: Fate) -> None:
        self.does(lambda: self.wild.strike(at, fate))

    @rule()
    def the_operator_is_restarted(self) -> None:
        self.does(self.wild.restart())

    @rule(seconds=st.sampled_from([1.0, 15.0, 120.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.does(self.wild.pass_time(seconds))

    @rule()
    def everything_is_healed_and_comes_to_rest(self) -> None:
        self.does(self.wild.heal())
        self.does(self.wild.assert_rest())

    # --- laws ---------------------------------------------------------------------------------------------------------

    @invariant()
    def laws_hold(self) -> None:
        self.wild.assert_laws()

    def teardown(self) -> None:
        try:
            self.does(self.wild.heal())
            self.wild.assert_laws()
            self.does(self.wild.assert_rest())
            self.does(self.wild.assert_end())
        finally:
            self.runner.run(self.wild.world.kill())
            self.runner.close()


_HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def run(machine: type[Machine], *, examples: int, steps: int) -> None:
    """Drive it through so many lives of so many steps."""
    chosen = settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=_HEALTH)
    run_state_machine_as_test(machine, settings=chosen)


def test_some_hundred_steps() -> None:
    run(Machine, examples=12, steps=25)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_twenty_thousand_steps() -> None:
    run(Machine, examples=500, steps=40)
