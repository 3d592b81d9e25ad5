"""Scenarios of endpoints only: settings that can and can't change, keys that rotate, models in the cluster."""

from __future__ import annotations

from tests.machine.scenarios import Scenario
from tests.machine.stage import READY, Stage, at_rest, endpoint_status, ready
from tests.machine.things_of_endpoints import CHUNKING, ENDPOINT, holds, settings, stored
from tests.standin import Version

ELSER = {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 2}
_UPDATES_SETTINGS = Version(9, 4, 0)
_KEEPS_CHUNKING = Version(9, 2, 6)


def _is_since(stage: Stage, version: Version) -> bool:
    return Version.parse(stage.version) >= version


async def what_is_known_of_it(stage: Stage) -> None:
    """What Elasticsearch added is shown, and the model is told."""
    await ready(stage, serviceSettings=settings(dimensions=256))
    status = await endpoint_status(stage)
    assert status.observed is not None
    assert status.observed["service_settings"]["rate_limit"]
    assert status.model is not None
    assert (status.model.id, status.model.dimensions) == ("text-embedding-3-small", 256)


async def update_of_a_service_setting(stage: Stage) -> None:
    """In place from 9.4 on; before, Elasticsearch would answer 200 and change nothing."""
    await ready(stage)
    await stage.edit("a", serviceSettings=settings(rate_limit={"requests_per_minute": 7}))
    if _is_since(stage, _UPDATES_SETTINGS):
        await stage.sees("a", READY)
        assert holds(stage).service_settings["rate_limit"] == {"requests_per_minute": 7}
    else:
        await stage.sees("a", ("False", "ReplaceRequired"), within="spec.serviceSettings.rate_limit.requests_per_minute")
        assert holds(stage).service_settings["rate_limit"] != {"requests_per_minute": 7}
    await at_rest(stage)


async def a_key_left_out_again(stage: Stage) -> None:
    """What was set once and is no longer in the spec goes back to what Elasticsearch would have chosen."""
    await ready(stage, serviceSettings=settings(rate_limit={"requests_per_minute": 7}))
    await stage.edit("a", serviceSettings=settings())
    if _is_since(stage, _UPDATES_SETTINGS):
        await stage.sees("a", READY)
        assert holds(stage).service_settings["rate_limit"] == {"requests_per_minute": 3000}
    else:
        await stage.sees("a", ("False", "ReplaceRequired"), within="spec.serviceSettings.rate_limit")
    await at_rest(stage)


async def immutable(stage: Stage) -> None:
    await ready(stage)
    await stage.edit("a", serviceSettings=settings(model_id="text-embedding-3-large"))
    await stage.sees("a", ("False", "ReplaceRequired"), within="spec.serviceSettings.model_id")
    assert [entry.path for entry in (await stage.status("a")).drift] == ["serviceSettings.model_id"]
    assert holds(stage).service_settings["model_id"] == "text-embedding-3-small"
    await at_rest(stage)
    await stage.edit("a", serviceSettings=settings())
    await stage.sees("a", READY)


async def rotation(stage: Stage) -> None:
    await ready(stage)
    await stage.forget_writes()
    await stage.put_key("rotated")
    await stage.compare()
    assert dict(holds(stage).secrets) == {"api_key": "rotated"}
    assert await stage.writes() == (1, ["PUT /_inference/text_embedding/_update"])
    await stage.sees("a", READY)
    await at_rest(stage)


async def rotation_where_updates_lose_chunking_settings(stage: Stage) -> None:
    """Elasticsearch issue 139574: the new key must arrive all the same, and what was lost is told."""
    await ready(stage, chunkingSettings=CHUNKING)
    await stage.put_key("rotated")
    await stage.compare()
    assert dict(holds(stage).secrets) == {"api_key": "rotated"}
    if _is_since(stage, _KEEPS_CHUNKING):
        await stage.sees("a", READY)
        assert dict(holds(stage).chunking_settings or {}) == CHUNKING
        return
    await stage.sees("a", ("False", "ReplaceRequired"), within="lost")
    await at_rest(stage)
    await stage.edit("a", replacePolicy="WhenUnused")
    await stage.sees("a", READY)
    assert dict(holds(stage).chunking_settings or {}) == CHUNKING
    assert dict(holds(stage).secrets) == {"api_key": "rotated"}
    await at_rest(stage)


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
    deployment = (await endpoint_status(stage)).deployment
    assert deployment is not None
    assert (deployment.state, deployment.reason) == ("failed", "node left the cluster")


async def in_cluster_model(stage: Stage) -> None:
    await ready(stage, taskType="sparse_embedding", service="elser", serviceSettings={"num_threads": 1, "num_allocations": 2})
    await stage.sees("a", READY, "ModelReady")
    await stage.edit("a", serviceSettings={"num_threads": 1, "num_allocations": 3})
    await stage.sees("a", READY)
    assert holds(stage).service_settings["num_allocations"] == 3
    deployment = (await endpoint_status(stage)).deployment
    assert deployment is not None
    assert (deployment.allocation_count, deployment.target_allocation_count) == (3, 3)
    await at_rest(stage)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stage.id_of("a") not in stage.standin.state.deployments


async def rotation_after_a_restart(stage: Stage) -> None:
    await ready(stage)
    await stage.restart()
    await stage.put_key("rotated")
    await stage.compare()
    assert dict(holds(stage).secrets) == {"api_key": "rotated"}
    await stage.sees("a", READY)


async def rotation_of_what_is_being_missed(stage: Stage) -> None:
    """Under `Detect` a rotation has nowhere to go while the endpoint is deleted."""
    await ready(stage, driftPolicy="Detect")
    await ENDPOINT.vanish(stage)
    await stage.compare()
    await stage.sees("a", ("False", "Drifted"))
    await stage.put_key("rotated")
    await stage.compare()
    await stage.sees("a", ("False", "Drifted"))
    assert stored(stage) is None
    await stage.edit("a", driftPolicy="Correct")
    await stage.sees("a", READY)
    assert dict(holds(stage).secrets) == {"api_key": "rotated"}
    await at_rest(stage)


SCENARIOS = tuple(
    Scenario(name, play, (ENDPOINT,))
    for name, play in (
        ("what is known of it", what_is_known_of_it),
        ("update of a service setting", update_of_a_service_setting),
        ("a key left out again", a_key_left_out_again),
        ("immutable", immutable),
        ("rotation", rotation),
        ("rotation where updates lose chunking settings", rotation_where_updates_lose_chunking_settings),
        ("rotation after a restart", rotation_after_a_restart),
        ("rotation of what is being missed", rotation_of_what_is_being_missed),
        ("suspend with a missing reference", suspend_with_a_missing_reference),
        ("suspend a model", suspend_a_model),
        ("in-cluster model", in_cluster_model),
    )
)
