"""The audit log: who, what, with what outcome, and where it goes. `test_scenarios` and the kill walks hold it to every write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference_operator.core.failure import TransportFailure
from inference_operator.elasticsearch.connection import ApiKey, Connection
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.shell.audit import AuditLog, audit_log
from tests.machine.audit_trail import assert_no_secret, pairs, schema
from tests.machine.world import CANARY, World
from tests.standin import Fault, StandIn, StandInTransport
from tests.virtual_clock import VirtualClock

OPERATOR = {"pod": "one", "namespace": "operators", "version": "0"}


async def outcome_of_create(world: World, fault: Fault) -> dict[str, Any]:
    world.put_key()
    await world.start()
    world.standin.faults.add(fault)
    world.apply("a")
    await world.clock.settle()
    intent, outcome = next(iter(pairs(world.audit).values()))
    assert "result" not in intent
    return outcome


async def test_an_answer_that_was_lost_is_unknown() -> None:
    async with World() as world:
        outcome = await outcome_of_create(world, Fault(method="PUT", path="/_inference/*", lose="after", times=1))
        assert (outcome["result"], outcome["lost"], outcome["status"]) == ("unknown", "reset", None)


async def test_a_refusal_is_told_by_status_and_type_and_never_by_its_words() -> None:
    async with World() as world:
        world.standin.refuse_key(CANARY)
        outcome = await outcome_of_create(world, Fault(method="PUT", path="/nowhere", lose="before", times=1))
        assert (outcome["result"], outcome["status"]) == ("error", 400)
        assert outcome["errorType"] == "status_exception"
        assert_no_secret(world.audit)


async def test_who_what_and_where_is_told() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        key = world.apply("a", {"taskSettings": {"user": "one"}})
        await world.rest()
        world.kubernetes.edit_spec(key, {"taskSettings": {"user": "two"}})
        world.put_key("rotated-key-which-nobody-may-see")
        await world.rest()
        created, updated = (each for each in world.audit if each["phase"] == "outcome")
        assert created["operator"] == OPERATOR
        assert created["credentials"][0].startswith("Secret operators/default@")
        assert created["object"] == {
            "kind": "InferenceEndpoint",
            "namespace": "search",
            "name": "a",
            "uid": world.found(key).metadata.uid,
            "generation": 1,
        }
        assert created["cluster"]["url"] == "http://standin:9200"
        assert created["cluster"]["uuid"] == world.status(key).cluster.uuid  # type: ignore[union-attr]
        assert {"path": "serviceSettings.api_key", "from": None, "to": "<secret openai/api-key>"} in created["changes"]
        assert {"path": "taskSettings.user", "from": None, "to": None} in created["changes"]
        assert (updated["step"], updated["result"], updated["status"]) == ("Update", "done", 200)
        assert {"path": "taskSettings.user", "from": '"one"', "to": '"two"'} in updated["changes"]
        assert updated["object"]["generation"] == 2
        assert updated["sources"][0].startswith("Secret search/openai@")
        assert updated["sources"] != created["sources"]
        assert created["pass"] != updated["pass"]


async def test_what_the_fence_refuses_has_an_outcome_only() -> None:
    lines: list[str] = []
    clock = VirtualClock()
    trail = AuditLog(clock, OPERATOR, lines.append)
    pool = ClusterPool(clock, lambda _: StandInTransport(StandIn()), may_write=lambda: False, trail=trail)
    cluster = pool.get(Connection("http://standin:9200", ApiKey("key")))
    failure = await cluster.delete("a")
    assert isinstance(failure, TransportFailure)
    [record] = map(json.loads, lines)
    assert (record["phase"], record["result"], record["lost"]) == ("outcome", "unsent", "fenced")
    await pool.aclose_all()


async def write_one(trail: AuditLog | None) -> None:
    pool = ClusterPool(VirtualClock(), lambda _: StandInTransport(StandIn()), trail=trail)
    await pool.get(Connection("http://standin:9200")).delete("a")
    await pool.aclose_all()


async def test_a_file_is_appended_to_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text("before\n")
    with audit_log(str(path), VirtualClock(), OPERATOR) as trail:
        await write_one(trail)
    before, *records = path.read_text().splitlines()
    assert before == "before"
    assert [json.loads(record)["phase"] for record in records] == ["intent", "outcome"]


async def test_standard_output_is_the_other_place(capsys: pytest.CaptureFixture[str]) -> None:
    with audit_log("-", VirtualClock(), OPERATOR) as trail:
        await write_one(trail)
    assert [json.loads(record)["phase"] for record in capsys.readouterr().out.splitlines()] == ["intent", "outcome"]
    with audit_log("off", VirtualClock(), OPERATOR) as trail:
        assert trail is None


async def test_a_record_that_can_not_be_written_holds_nothing_up() -> None:
    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    await write_one(AuditLog(VirtualClock(), OPERATOR, full))


def test_the_page_has_a_schema() -> None:
    assert len(schema()) > 25
