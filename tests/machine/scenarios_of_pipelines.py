"""Scenarios of pipelines only: what they need, their tests, who uses them, and whose mark they carry."""

from __future__ import annotations

from typing import Any

from tests.machine.scenarios import Scenario
from tests.machine.stage import READY, Stage, at_rest, pipeline_status, ready
from tests.machine.things_of_endpoints import ENDPOINT
from tests.machine.things_of_pipelines import PIPELINE, SEEN, UNSEEN, body, mark, stored, unmarked, write

WAITING = ("False", "WaitingForReference")
BLOCKED = ("True", "InUse")


def calling(stage: Stage, *names: str) -> dict[str, Any]:
    """A spec that calls the pipelines of these objects."""
    return {"processors": [{"pipeline": {"name": stage.id_of(name)}} for name in names]}


def asking(model_id: str) -> dict[str, Any]:
    """A spec that asks an inference endpoint or a model."""
    fields = {"input_output": [{"input_field": "text", "output_field": "vector"}]}
    return {"processors": [{"inference": {"model_id": model_id, **fields}}]}


def expecting(value: bool) -> dict[str, Any]:
    """A test that holds for `SEEN` when `value` is true, for `UNSEEN` when it is false."""
    test = {"name": "marks", "documents": [{"_source": {"text": "shoe"}}], "expect": [{"_source": {"seen": value}}]}
    return {"tests": [test]}


async def waits_for_its_endpoint(stage: Stage) -> None:
    await stage.apply("a", asking(stage.id_of("e")))
    await stage.sees("a", WAITING, "ReferencesResolved", within=stage.id_of("e"))
    assert stored(stage) is None
    await stage.put_key()
    await stage.apply("e", thing=ENDPOINT)
    await stage.sees("a", READY)
    assert (await pipeline_status(stage)).endpoints == (stage.id_of("e"),)
    await stage.compare()  # by whom the endpoint is used is known after a round
    assert (used := (await stage.status("e")).used_by) is not None
    assert used.pipelines == (stage.id_of("a"),)
    await at_rest(stage)


async def waits_for_an_endpoint_that_is_not_ready(stage: Stage) -> None:
    stage.standin.refuse_key("refused")
    await stage.put_key("refused")
    await stage.apply("e", thing=ENDPOINT)
    await stage.sees("e", ("False", "ProviderRefused"))
    await stage.apply("a", asking(stage.id_of("e")))
    await stage.sees("a", WAITING, within="not Ready (ProviderRefused)")
    assert stored(stage) is None
    await stage.put_key()
    await stage.sees("a", READY)


async def keeps_serving_while_its_endpoint_does_not(stage: Stage) -> None:
    """What is there is not taken away, and it is told that it can't work."""
    await stage.put_key()
    await stage.apply("e", thing=ENDPOINT)
    await stage.apply("a", asking(stage.id_of("e")))
    await stage.sees("a", READY)
    there = stored(stage)
    await stage.edit("e", **ENDPOINT.other)
    await stage.sees("e", ("False", "ReplaceRequired"))
    await stage.sees("a", WAITING, within="/e is not Ready (ReplaceRequired)")
    await stage.compare()
    assert stored(stage) == there
    await at_rest(stage)
    await stage.edit("e", serviceSettings=ENDPOINT.plain["serviceSettings"])
    await stage.sees("a", READY)


async def missing_model(stage: Stage) -> None:
    await stage.apply("a", asking(stage.id_of("nobodys")))
    await stage.sees("a", WAITING, "ReferencesResolved", within=f"no trained model {stage.id_of('nobodys')}")
    await stage.sees("a", WAITING, within="spec.processors[0].inference.model_id")
    assert stored(stage) is None
    await stage.edit("a", processors=SEEN)
    await stage.sees("a", READY)
    await at_rest(stage)


async def model_provided_by_elasticsearch(stage: Stage) -> None:
    """An endpoint that somebody made by hand, and a model that was uploaded."""
    await ENDPOINT.appear(stage, "e")
    await stage.apply("a", asking(stage.id_of("e")))
    await stage.sees("a", READY)
    stage.standin.load_model(stage.id_of("model"), "text_embedding")
    await stage.apply("b", asking(stage.id_of("model")))
    await stage.sees("b", READY)
    await at_rest(stage)


async def template_of_a_name_is_left_alone(stage: Stage) -> None:
    await stage.apply("a", {"processors": [{"pipeline": {"name": "{{ route }}"}}]})
    await stage.sees("a", READY)


async def circle(stage: Stage) -> None:
    await stage.apply("a", calling(stage, "b"))
    await stage.sees("a", WAITING)
    await stage.apply("b", calling(stage, "c"))
    await stage.apply("c", calling(stage, "a"))
    for name in "abc":
        await stage.sees(name, ("False", "ReferenceCycle"), within=" → ".join(map(stage.id_of, "abca")) if name == "a" else "")
        assert stored(stage, name) is None
    await at_rest(stage)
    await stage.edit("c", processors=SEEN)
    for name in "cba":
        await stage.sees(name, READY)
    await at_rest(stage)


async def failing_test(stage: Stage) -> None:
    """It blocks the write, and the old pipeline stays."""
    await ready(stage, **expecting(True))
    there = stored(stage)
    await stage.edit("a", processors=UNSEEN)
    await stage.sees("a", ("False", "TestsFailed"), within="the old pipeline stays")
    assert stored(stage) == there
    trials = (await pipeline_status(stage)).tests
    assert trials is not None
    assert trials.outcome == "Failed"
    [failure] = trials.failures
    assert (failure.name, failure.document) == ("marks", 0)
    assert ('"seen": true' in failure.expected, '"seen": false' in failure.actual) == (True, True)
    await at_rest(stage)
    await stage.edit("a", **expecting(False))
    await stage.sees("a", READY)
    assert PIPELINE.is_other(stage)
    await at_rest(stage)


async def failing_test_of_a_new_pipeline(stage: Stage) -> None:
    await stage.apply("a", expecting(False))
    await stage.sees("a", ("False", "TestsFailed"), within="nothing was written")
    assert stored(stage) is None
    await stage.delete("a")
    await stage.is_gone("a")


async def default_pipeline(stage: Stage) -> None:
    """Elasticsearch itself refuses, and force does not help; this is told with the index."""
    await ready(stage)
    index = stage.id_of("index")
    settings = {"settings": {"index.default_pipeline": stage.id_of("a")}}
    assert (await stage.ask("PUT", f"/{index}", settings)).status_code == 200
    await stage.delete("a")
    await stage.sees("a", BLOCKED, "DeletionBlocked", within=index)
    await stage.edit("a", forceDelete=True)
    await stage.sees("a", BLOCKED, "DeletionBlocked", within="although spec.forceDelete is true")
    assert stored(stage)
    assert (await stage.ask("DELETE", f"/{index}")).status_code == 200
    await stage.compare()
    await stage.is_gone("a")
    assert stored(stage) is None


async def called_by_a_stranger(stage: Stage) -> None:
    await ready(stage)
    await write(stage, calling(stage, "a"), "theirs")
    await stage.delete("a")
    await stage.sees("a", BLOCKED, "DeletionBlocked", within=stage.id_of("theirs"))
    used = (await stage.status("a")).used_by
    assert used is not None
    assert (used.pipelines, used.total) == ((stage.id_of("theirs"),), 1)
    await stage.edit("a", forceDelete=True)
    await stage.is_gone("a")
    assert stored(stage) is None
    assert stored(stage, "theirs")


async def called_by_another_object(stage: Stage) -> None:
    """The one waits for the other to go, and is woken by it."""
    await ready(stage)
    await stage.apply("b", calling(stage, "a"))
    await stage.sees("b", READY)
    await stage.delete("a")
    await stage.sees("a", BLOCKED, "DeletionBlocked", within=stage.id_of("b"))
    await stage.sees("b", WAITING, within="(Deleting)")
    await stage.delete("b")
    await stage.is_gone("b")
    await stage.is_gone("a")
    assert stored(stage) is None


async def endpoint_and_pipeline_go_together(stage: Stage) -> None:
    await stage.put_key()
    await stage.apply("e", thing=ENDPOINT)
    await stage.apply("a", asking(stage.id_of("e")))
    await stage.sees("a", READY)
    await stage.delete("e")
    await stage.delete("a")
    await stage.is_gone("a")
    await stage.is_gone("e")
    assert stored(stage) is None
    assert ENDPOINT.stored(stage, "e") is None


async def mark_removed(stage: Stage) -> None:
    """It is put back, in one write."""
    await ready(stage)
    marked = mark(stage)
    assert marked["name"] == "a"
    await stage.forget_writes()
    await write(stage, unmarked(stage))
    await stage.compare()
    assert (await stage.writes())[1] == [PIPELINE.update] * 2, "theirs, and one of ours"
    assert mark(stage) == marked
    await at_rest(stage)


async def mark_removed_where_only_detected(stage: Stage) -> None:
    await ready(stage, driftPolicy="Detect")
    await write(stage, unmarked(stage))
    await stage.compare()
    await stage.sees("a", ("False", "Drifted"), within="spec.meta.inference-operator.io/owner")
    assert mark(stage) == {}
    await at_rest(stage)


async def mark_of_an_object_that_is_no_more(stage: Stage) -> None:
    """It is nobody's: what a namesake left behind is taken up as adoptionPolicy says."""
    await ready(stage, deletionPolicy="Retain")
    left = mark(stage)
    await stage.delete("a")
    await stage.is_gone("a")
    await stage.apply("a", {"adoptionPolicy": "Never"})
    await stage.sees("a", ("False", "AlreadyExists"))
    assert mark(stage) == left
    await stage.edit("a", adoptionPolicy="IfIdentical")
    await stage.sees("a", READY)
    assert mark(stage)["uid"] != left["uid"]
    await at_rest(stage)


async def file_settings(stage: Stage) -> None:
    """A pipeline that file-based settings own can only be observed."""
    stage.standin.apply_file_settings({stage.id_of("a"): {"processors": []}})
    theirs = stored(stage)
    await stage.apply("a", {"adoptionPolicy": "Always"})
    await stage.sees("a", ("False", "ManagedElsewhere"))
    await stage.edit("a", managementPolicy="Observe", processors=[])
    await stage.sees("a", ("True", "Observed"))
    await stage.delete("a")
    await stage.is_gone("a")
    assert stored(stage) == theirs
    stage.standin.apply_file_settings({})


async def body_with_all_kinds_of_values(stage: Stage) -> None:
    """Unknown settings of a processor are Elasticsearch's business; what it stores is what was written."""
    values = {"a": [1, 2.5, None, True, {"b": []}], "ü": "{{{x}}}", "n": -9007199254740993}
    meta = {"values": values, "empty": {}}
    spec = {"processors": [{"set": {"field": "x", "value": values, "tag": "t"}}, {"drop": {"if": "ctx.x == null"}}], "meta": meta}
    await ready(stage, **spec)
    assert body(stage)["processors"] == spec["processors"]
    assert unmarked(stage)["_meta"] == meta
    await at_rest(stage)


SCENARIOS = tuple(
    Scenario(play.__name__.replace("_", " "), play, (PIPELINE,))
    for play in (
        waits_for_its_endpoint,
        waits_for_an_endpoint_that_is_not_ready,
        keeps_serving_while_its_endpoint_does_not,
        missing_model,
        model_provided_by_elasticsearch,
        template_of_a_name_is_left_alone,
        circle,
        failing_test,
        failing_test_of_a_new_pipeline,
        default_pipeline,
        called_by_a_stranger,
        called_by_another_object,
        endpoint_and_pipeline_go_together,
        mark_removed,
        mark_removed_where_only_detected,
        mark_of_an_object_that_is_no_more,
        file_settings,
        body_with_all_kinds_of_values,
    )
)
