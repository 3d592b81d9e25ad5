"""Scenarios: whose an endpoint is, and what becomes of it when its object goes."""

from __future__ import annotations

from tests.machine.scenarios import Scenario
from tests.machine.scenarios_of_life import at_rest, ready
from tests.machine.stage import KEY, READY, Refused, Stage, holds, settings, stored

LARGE = "text-embedding-3-large"


async def foreign(stage: Stage, name: str = "a", model: str = "text-embedding-3-small") -> None:
    """Somebody else makes the endpoint that object `name` wants."""
    body = {"service": "openai", "service_settings": {"model_id": model, "api_key": "theirs"}}
    answer = await stage.ask("PUT", f"/_inference/text_embedding/{stage.id_of(name)}", body)
    assert answer.status_code == 200, answer.text


async def use(stage: Stage, name: str = "a") -> None:
    """An index of the endpoint's name begins to use it."""
    mapping = {"mappings": {"properties": {"body": {"type": "semantic_text", "inference_id": stage.id_of(name)}}}}
    answer = await stage.ask("PUT", f"/{stage.id_of(name)}", mapping)
    assert answer.status_code == 200, answer.text


async def unuse(stage: Stage, name: str = "a") -> None:
    assert (await stage.ask("DELETE", f"/{stage.id_of(name)}")).status_code == 200


def secrets(stage: Stage, name: str = "a") -> dict[str, str]:
    return dict(holds(stage, name).secrets)


async def delete_in_use(stage: Stage) -> None:
    await ready(stage)
    await use(stage)
    await stage.delete("a")
    await stage.sees("a", ("True", "InUse"), "DeletionBlocked", within=stage.id_of("a"))
    used = (await stage.status("a")).used_by
    assert used is not None
    assert (used.indices, used.total) == ((stage.id_of("a"),), 1)
    assert stored(stage, "a")
    await unuse(stage)
    await stage.compare()
    await stage.is_gone("a")
    assert stored(stage, "a") is None


async def force(stage: Stage) -> None:
    await ready(stage)
    await use(stage)
    await stage.delete("a")
    await stage.sees("a", ("True", "InUse"), "DeletionBlocked")
    await stage.edit("a", forceDelete=True)
    await stage.is_gone("a")
    assert stored(stage, "a") is None


async def retain(stage: Stage) -> None:
    await ready(stage, deletionPolicy="Retain")
    assert await stage.finalizers("a") == ()
    await stage.delete("a")
    await stage.is_gone("a")
    assert secrets(stage) == {"api_key": KEY}


async def retain_lets_a_blocked_deletion_go(stage: Stage) -> None:
    await ready(stage)
    await use(stage)
    await stage.delete("a")
    await stage.sees("a", ("True", "InUse"), "DeletionBlocked")
    await stage.edit("a", deletionPolicy="Retain")
    await stage.is_gone("a")
    assert stored(stage, "a")


async def adopt_never(stage: Stage) -> None:
    await foreign(stage)
    await stage.put_key()
    await stage.apply("a", {"adoptionPolicy": "Never"})
    await stage.sees("a", ("False", "AlreadyExists"))
    await at_rest(stage)
    assert secrets(stage) == {"api_key": "theirs"}
    await stage.delete("a")
    await stage.is_gone("a")
    assert secrets(stage) == {"api_key": "theirs"}


async def adopt_identical(stage: Stage) -> None:
    await foreign(stage)
    await stage.forget_writes()
    await ready(stage, adoptionPolicy="IfIdentical")
    assert secrets(stage) == {"api_key": KEY}
    assert (await stage.writes())[1] == ["PUT /_inference/text_embedding/_update"]
    await at_rest(stage)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stored(stage, "a") is None, "what was adopted goes with the object"


async def adopt_identical_leaves_what_differs(stage: Stage) -> None:
    await foreign(stage, model=LARGE)
    await stage.put_key()
    await stage.apply("a", {"adoptionPolicy": "IfIdentical"})
    await stage.sees("a", ("False", "AlreadyExists"), within="spec.serviceSettings.model_id")
    await at_rest(stage)
    assert secrets(stage) == {"api_key": "theirs"}
    await stage.delete("a")
    await stage.is_gone("a")
    assert secrets(stage) == {"api_key": "theirs"}


async def adopt_always(stage: Stage) -> None:
    await foreign(stage)
    await ready(stage, adoptionPolicy="Always", taskSettings={"user": "ours"})
    assert dict(holds(stage, "a").task_settings) == {"user": "ours"}
    assert secrets(stage) == {"api_key": KEY}
    await at_rest(stage)


async def adopt_always_does_not_replace_by_itself(stage: Stage) -> None:
    await foreign(stage, model=LARGE)
    await stage.put_key()
    await stage.apply("a", {"adoptionPolicy": "Always"})
    await stage.sees("a", ("False", "ReplaceRequired"), within="spec.serviceSettings.model_id")
    assert holds(stage, "a").service_settings["model_id"] == LARGE
    await stage.edit("a", replacePolicy="WhenUnused")
    await stage.sees("a", READY)
    assert holds(stage, "a").service_settings["model_id"] == "text-embedding-3-small"
    await at_rest(stage)


async def observe(stage: Stage) -> None:
    await stage.put_key()
    await stage.apply("a", {"managementPolicy": "Observe"})
    await stage.sees("a", ("False", "WaitingForReference"))
    await foreign(stage)
    await stage.compare()
    await stage.sees("a", ("True", "Observed"))
    assert await stage.finalizers("a") == ()
    answer = await stage.ask(
        "PUT",
        f"/_inference/text_embedding/{stage.id_of('a')}/_update",
        {"service_settings": {"api_key": "theirs"}, "task_settings": {"user": "them"}},
    )
    assert answer.status_code == 200, answer.text
    await stage.edit("a", taskSettings={"user": "us"})
    await stage.compare()
    await stage.sees("a", ("True", "Observed"), "Drifted", within="spec.taskSettings.user")
    await stage.sees("a", ("True", "Observed"))
    assert "Drifted" in await stage.events("a")
    await stage.edit("a", taskSettings={"user": "them"})
    await stage.sees("a", ("True", "Observed"), "Synced")
    await stage.forget_writes()
    await stage.put_key("rotated")
    await stage.compare()
    assert (await stage.writes())[1] == []
    await stage.delete("a")
    await stage.is_gone("a")
    assert secrets(stage) == {"api_key": "theirs"}


async def reserved_id(stage: Stage) -> None:
    """The CRD refuses it where it can; what gets through is told by the operator."""
    await stage.put_key()
    elser = {
        "inferenceId": ".elser-2-elasticsearch",
        "taskType": "sparse_embedding",
        "service": "elasticsearch",
        "serviceSettings": {"model_id": ".elser_model_2", "num_threads": 1},
    }
    try:
        await stage.apply("a", elser)
    except Refused as refusal:
        assert "Observe" in str(refusal)  # noqa: PT017 - the other way out is as good
    else:
        await stage.sees("a", ("False", "ValidationFailed"), within="Observe")
    elser["serviceSettings"] = {"model_id": ".elser_model_2_linux-x86_64", "num_threads": 1}
    await stage.apply("b", elser | {"managementPolicy": "Observe"})
    await stage.sees("b", ("True", "Observed"))
    await stage.sees("b", ("True", "Observed"), "Synced")
    await stage.sees("b", READY, "ModelReady", within="first request")
    await at_rest(stage)


async def conflict(stage: Stage) -> None:
    await ready(stage)
    await stage.put_key("theirs", other_namespace=True)
    await stage.apply("b", {"inferenceId": stage.id_of("a"), "adoptionPolicy": "Always"}, other_namespace=True)
    await stage.sees("b", ("False", "IdConflict"), within="/a")
    await stage.sees("a", READY)
    assert await stage.finalizers("b") == ()
    await at_rest(stage)
    await stage.delete("b")
    await stage.is_gone("b")
    assert secrets(stage) == {"api_key": KEY}, "the loser takes nothing along"


async def hand_over(stage: Stage) -> None:
    """The younger wants the same, so the endpoint never goes away."""
    await ready(stage)
    await use(stage)
    await stage.put_key("theirs", other_namespace=True)
    await stage.apply("b", {"inferenceId": stage.id_of("a")}, other_namespace=True)
    await stage.sees("b", ("False", "IdConflict"))
    await stage.forget_writes()
    await stage.delete("a")
    await stage.is_gone("a")
    await stage.sees("b", READY)
    assert (await stage.writes())[1] == ["PUT /_inference/text_embedding/_update"], "no delete, no create"
    assert secrets(stage) == {"api_key": "theirs"}
    await at_rest(stage)


async def hand_over_at_once(stage: Stage) -> None:
    """As a renamed manifest does it: the new object comes and the old one goes in one breath."""
    await ready(stage)
    await stage.forget_writes()
    await stage.apply("b", {"inferenceId": stage.id_of("a")})
    await stage.delete("a")
    await stage.is_gone("a")
    await stage.sees("b", READY)
    assert (await stage.writes())[1] == ["PUT /_inference/text_embedding/_update"]
    await at_rest(stage)


async def hand_over_to_other_settings(stage: Stage) -> None:
    await ready(stage)
    wanted = {"inferenceId": stage.id_of("a"), "adoptionPolicy": "Always", "serviceSettings": settings(model_id=LARGE)}
    await stage.apply("b", wanted)
    await stage.sees("b", ("False", "IdConflict"))
    await stage.delete("a")
    await stage.is_gone("a")
    await stage.sees("b", READY)
    assert holds(stage, "a").service_settings["model_id"] == LARGE
    await at_rest(stage)


async def no_hand_over_to_one_that_adopts_nothing(stage: Stage) -> None:
    await ready(stage)
    await stage.apply("b", {"inferenceId": stage.id_of("a"), "adoptionPolicy": "Never"})
    await stage.sees("b", ("False", "IdConflict"))
    await stage.delete("a")
    await stage.is_gone("a")
    await stage.sees("b", READY)
    await at_rest(stage)


SCENARIOS = (
    Scenario("delete in use", delete_in_use),
    Scenario("force", force),
    Scenario("retain", retain),
    Scenario("retain lets a blocked deletion go", retain_lets_a_blocked_deletion_go),
    Scenario("adopt: Never", adopt_never),
    Scenario("adopt: IfIdentical", adopt_identical),
    Scenario("adopt: IfIdentical leaves what differs", adopt_identical_leaves_what_differs),
    Scenario("adopt: Always", adopt_always),
    Scenario("adopt: Always does not replace by itself", adopt_always_does_not_replace_by_itself),
    Scenario("observe", observe),
    Scenario("reserved id", reserved_id),
    Scenario("conflict", conflict),
    Scenario("hand-over", hand_over),
    Scenario("hand-over at once", hand_over_at_once),
    Scenario("hand-over to other settings", hand_over_to_other_settings),
    Scenario("no hand-over to one that adopts nothing", no_hand_over_to_one_that_adopts_nothing),
)
