"""Scenarios: an endpoint from its first day, through edits, rotations, pauses and the troubles of its cluster."""

from __future__ import annotations

from inference_operator.api.meta import FINALIZER
from tests.machine.scenarios import Scenario
from tests.machine.stage import READY, Stage, holds, settings, stored
from tests.standin import Version

ELSER = {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 2}
_UPDATES_SETTINGS = Version(9, 4, 0)
_KEEPS_CHUNKING = Version(9, 2, 6)
CHUNKING = {"strategy": "sentence", "max_chunk_size": 120, "sentence_overlap": 0}


def _is_since(stage: Stage, version: Version) -> bool:
    return Version.parse(stage.version) >= version


async def ready(stage: Stage, **spec: object) -> None:
    """Object `a`, with the key that it needs."""
    await stage.put_key()
    await stage.apply("a", spec)
    await stage.sees("a", READY)


async def at_rest(stage: Stage) -> None:
    """Whole comparisons cost no write."""
    await stage.forget_writes()
    await stage.compare()
    await stage.compare()
    assert await stage.writes() == (0, [])


async def minimal(stage: Stage) -> None:
    await stage.put_key()
    await stage.forget_writes()
    await stage.apply("a")
    await stage.sees("a", READY)
    assert await stage.writes() == (2, ["PUT /_inference/text_embedding"])
    assert await stage.events("a") == []
    assert FINALIZER in await stage.finalizers("a")
    status = await stage.status("a")
    assert status.observed is not None
    assert status.observed["service_settings"]["rate_limit"], "what Elasticsearch added is shown"
    assert status.drift == (), "and is no drift"
    await at_rest(stage)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stored(stage, "a") is None


async def full(stage: Stage) -> None:
    wanted = settings(dimensions=256, similarity="cosine", rate_limit={"requests_per_minute": 77})
    await ready(
        stage,
        serviceSettings=wanted,
        taskSettings={"user": "search-team"},
        chunkingSettings=CHUNKING,
        adoptionPolicy="Always",
        replacePolicy="WhenUnused",
        driftPolicy="Correct",
        deletionPolicy="Delete",
        managementPolicy="Manage",
        timeout="20s",
    )
    found = holds(stage, "a")
    assert (found.service_settings["dimensions"], found.service_settings["similarity"]) == (256, "cosine")
    assert found.service_settings["rate_limit"] == {"requests_per_minute": 77}
    assert dict(found.task_settings) == {"user": "search-team"}
    assert dict(found.chunking_settings or {}) == CHUNKING
    status = await stage.status("a")
    assert status.model is not None
    assert (status.model.id, status.model.dimensions) == ("text-embedding-3-small", 256)
    await at_rest(stage)


async def update_in_place(stage: Stage) -> None:
    await ready(stage, taskSettings={"user": "one"})
    await stage.forget_writes()
    await stage.edit("a", taskSettings={"user": "two"})
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").task_settings) == {"user": "two"}
    assert (await stage.writes())[1] == ["PUT /_inference/text_embedding/_update"]
    await at_rest(stage)


async def update_of_a_service_setting(stage: Stage) -> None:
    """In place from 9.4 on; before, Elasticsearch would answer 200 and change nothing."""
    await ready(stage)
    await stage.edit("a", serviceSettings=settings(rate_limit={"requests_per_minute": 7}))
    if _is_since(stage, _UPDATES_SETTINGS):
        await stage.sees("a", READY)
        assert holds(stage, "a").service_settings["rate_limit"] == {"requests_per_minute": 7}
    else:
        await stage.sees("a", ("False", "ReplaceRequired"), within="spec.serviceSettings.rate_limit.requests_per_minute")
        assert holds(stage, "a").service_settings["rate_limit"] != {"requests_per_minute": 7}
    await at_rest(stage)


async def a_key_left_out_again(stage: Stage) -> None:
    """What was set once and is no longer in the spec goes back to what Elasticsearch would have chosen."""
    await ready(stage, serviceSettings=settings(rate_limit={"requests_per_minute": 7}))
    await stage.edit("a", serviceSettings=settings())
    if _is_since(stage, _UPDATES_SETTINGS):
        await stage.sees("a", READY)
        assert holds(stage, "a").service_settings["rate_limit"] == {"requests_per_minute": 3000}
    else:
        await stage.sees("a", ("False", "ReplaceRequired"), within="spec.serviceSettings.rate_limit")
    await at_rest(stage)


async def immutable(stage: Stage) -> None:
    await ready(stage)
    await stage.edit("a", serviceSettings=settings(model_id="text-embedding-3-large"))
    await stage.sees("a", ("False", "ReplaceRequired"), within="spec.serviceSettings.model_id")
    assert [entry.path for entry in (await stage.status("a")).drift] == ["serviceSettings.model_id"]
    assert holds(stage, "a").service_settings["model_id"] == "text-embedding-3-small"
    await at_rest(stage)
    await stage.edit("a", serviceSettings=settings())
    await stage.sees("a", READY)


async def rotation(stage: Stage) -> None:
    await ready(stage)
    await stage.forget_writes()
    await stage.put_key("rotated")
    await stage.compare()
    assert dict(holds(stage, "a").secrets) == {"api_key": "rotated"}
    assert await stage.writes() == (1, ["PUT /_inference/text_embedding/_update"])
    await stage.sees("a", READY)
    await at_rest(stage)


async def rotation_where_updates_lose_chunking_settings(stage: Stage) -> None:
    """Elasticsearch issue 139574: the new key must arrive all the same, and what was lost is told."""
    await ready(stage, chunkingSettings=CHUNKING)
    await stage.put_key("rotated")
    await stage.compare()
    assert dict(holds(stage, "a").secrets) == {"api_key": "rotated"}
    if _is_since(stage, _KEEPS_CHUNKING):
        await stage.sees("a", READY)
        assert dict(holds(stage, "a").chunking_settings or {}) == CHUNKING
        return
    await stage.sees("a", ("False", "ReplaceRequired"), within="lost")
    await at_rest(stage)
    await stage.edit("a", replacePolicy="WhenUnused")
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").chunking_settings or {}) == CHUNKING
    assert dict(holds(stage, "a").secrets) == {"api_key": "rotated"}
    await at_rest(stage)


async def restart(stage: Stage) -> None:
    await ready(stage)
    await stage.forget_writes()
    await stage.restart()
    await stage.compare()
    assert await stage.writes() == (0, [])
    await stage.put_key("rotated")
    await stage.compare()
    assert dict(holds(stage, "a").secrets) == {"api_key": "rotated"}
    await stage.sees("a", READY)


async def suspend(stage: Stage) -> None:
    await ready(stage, taskSettings={"user": "one"})
    await stage.edit("a", suspend=True)
    await stage.sees("a", ("True", "Suspended"), "Suspended")
    await stage.sees("a", READY)
    await stage.edit("a", taskSettings={"user": "two"})
    await stage.sees("a", ("Unknown", "Suspended"))
    await stage.sees("a", ("Unknown", "Suspended"), "Synced")
    assert dict(holds(stage, "a").task_settings) == {"user": "one"}
    await at_rest(stage)
    await stage.edit("a", suspend=False)
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").task_settings) == {"user": "two"}
    await stage.edit("a", suspend=True)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stored(stage, "a") is None


async def suspend_with_a_missing_reference(stage: Stage) -> None:
    await ready(stage)
    elsewhere = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "no-such-key"}}}
    await stage.edit("a", suspend=True, serviceSettings=settings(api_key=elsewhere))
    await stage.sees("a", ("True", "Suspended"), "Suspended")
    await stage.sees("a", ("False", "SecretKeyMissing"), "ReferencesResolved", within="no-such-key")


async def suspend_a_model(stage: Stage) -> None:
    await ready(stage, taskType="sparse_embedding", service="elasticsearch", serviceSettings=ELSER)
    await stage.edit("a", suspend=True)
    await stage.sees("a", READY, "ModelReady")
    stage.standin.fail_deployment(stage.id_of("a"), "node left the cluster")
    await stage.compare()
    await stage.sees("a", ("False", "ModelFailed"), "ModelReady", within="node left the cluster")
    deployment = (await stage.status("a")).deployment
    assert deployment is not None
    assert (deployment.state, deployment.reason) == ("failed", "node left the cluster")


async def backend_down(stage: Stage) -> None:
    await ready(stage, taskSettings={"user": "one"})
    stage.standin.reachable = False
    await stage.edit("a", taskSettings={"user": "two"})
    await stage.sees("a", ("Unknown", "Unreachable"))
    stage.standin.reachable = True
    await stage.compare()
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").task_settings) == {"user": "two"}
    assert await stage.events("a") == ["Unreachable", "Available"]


async def backend_replaced(stage: Stage) -> None:
    """Another cluster behind the same address: everything is put back, and told."""
    await ready(stage)
    before = (await stage.status("a")).cluster
    stage.standin.replace_cluster(f"another-{stage.id_of('')}")
    await stage.compare()
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").secrets)
    assert await stage.events("a") == ["Creating"]
    after = (await stage.status("a")).cluster
    assert before is not None
    assert after is not None
    assert (before.uuid, after.uuid) != (after.uuid, before.uuid)
    await at_rest(stage)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stored(stage, "a") is None


async def backend_restored_to_an_older_state(stage: Stage) -> None:
    await ready(stage, taskSettings={"user": "one"})
    before = stage.standin.state
    await stage.edit("a", taskSettings={"user": "two"})
    await stage.sees("a", READY)
    stage.standin.restore(before)
    await stage.compare()
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").task_settings) == {"user": "two"}
    await at_rest(stage)


async def in_cluster_model(stage: Stage) -> None:
    await ready(stage, taskType="sparse_embedding", service="elser", serviceSettings={"num_threads": 1, "num_allocations": 2})
    await stage.sees("a", READY, "ModelReady")
    await stage.edit("a", serviceSettings={"num_threads": 1, "num_allocations": 3})
    await stage.sees("a", READY)
    assert holds(stage, "a").service_settings["num_allocations"] == 3
    deployment = (await stage.status("a")).deployment
    assert deployment is not None
    assert (deployment.allocation_count, deployment.target_allocation_count) == (3, 3)
    await at_rest(stage)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stage.id_of("a") not in stage.standin.state.deployments


SCENARIOS = (
    Scenario("minimal", minimal),
    Scenario("full", full),
    Scenario("update in place", update_in_place),
    Scenario("update of a service setting", update_of_a_service_setting),
    Scenario("a key left out again", a_key_left_out_again),
    Scenario("immutable", immutable),
    Scenario("rotation", rotation),
    Scenario("rotation where updates lose chunking settings", rotation_where_updates_lose_chunking_settings),
    Scenario("restart", restart),
    Scenario("suspend", suspend),
    Scenario("suspend with a missing reference", suspend_with_a_missing_reference),
    Scenario("suspend a model", suspend_a_model),
    Scenario("backend down", backend_down),
    Scenario("backend replaced", backend_replaced),
    Scenario("backend restored to an older state", backend_restored_to_an_older_state),
    Scenario("in-cluster model", in_cluster_model),
)
