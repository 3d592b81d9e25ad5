"""Stories about pipelines: what they need, their tests, and who else writes them."""

from __future__ import annotations

import json
from typing import Any

from inference_operator.core.reasons import Reason
from inference_operator.shell.ports import ObjectKey
from tests.docs.deeds import ask, heal
from tests.docs.story import REFUSED, UNDER_WAY, UNUSABLE, Goes, Story, edit, shown
from tests.machine.world import World
from tests.standin.faults import Answer, Fault

SEEN: list[Any] = [{"set": {"field": "seen", "value": True}}]
FAILING: list[Any] = [{"name": "shoe", "documents": [{"_source": {"text": "shoe"}}], "expect": [{"_source": {"seen": False}}]}]
WAITS = shown("Ready=False", "ReferencesResolved=False", "Synced=Unknown", "Reconciling=True")


def calls(name: str) -> list[Any]:
    return [{"pipeline": {"name": name}}]


def outrun(world: World, key: ObjectKey) -> None:
    """Every write is acknowledged, and undone before anybody looks."""
    undone = Answer(
        200, json.dumps({"acknowledged": True}), (("X-Elastic-Product", "Elasticsearch"), ("Content-Type", "application/json"))
    )
    world.standin.faults.add(Fault(method="PUT", path="/_ingest/pipeline/*", answer=undone))
    world.kubernetes.edit_spec(key, {"description": "new"})


def own_by_file(world: World) -> None:
    """An administrator keeps the pipeline in a file of the nodes."""
    world.standin.apply_file_settings({"a": {"processors": []}})


def call_each_other(world: World, key: ObjectKey) -> None:
    world.apply_pipeline("b", {"processors": calls("a")})


STORIES = (
    Story(
        title="an endpoint that nobody provides yet",
        reason=Reason.WAITING_FOR_REFERENCE,
        shown=WAITS,
        goes=Goes.AT_ONCE,
        pipeline=True,
        spec={"processors": [{"inference": {"model_id": "e", "input_output": {"input_field": "t", "output_field": "v"}}}]},
        cure=lambda world, key: world.apply("e"),
    ),
    Story(
        title="a pipeline that somebody makes in Elasticsearch",
        reason=Reason.WAITING_FOR_REFERENCE,
        shown=WAITS,
        goes=Goes.RETRIED,
        pipeline=True,
        spec={"processors": calls("b")},
        cure=ask("PUT", "/_ingest/pipeline/b", {"processors": []}),
    ),
    Story(
        title="pipelines in a circle",
        reason=Reason.REFERENCE_CYCLE,
        shown=UNUSABLE,
        goes=Goes.EDITED,
        pipeline=True,
        spec={"processors": calls("b")},
        after=call_each_other,
        cure=edit(processors=SEEN),
    ),
    Story(
        title="a test inside the object fails",
        reason=Reason.TESTS_FAILED,
        shown=REFUSED,
        goes=Goes.EDITED,
        pipeline=True,
        spec={"tests": FAILING},
        cure=edit(tests=[]),
    ),
    Story(
        title="somebody else writes at the same time",
        reason=Reason.UPDATING,
        shown=UNDER_WAY,
        goes=Goes.RETRIED,
        pipeline=True,
        after=outrun,
        cure=heal,
    ),
    Story(
        title="file-based settings own the pipeline",
        reason=Reason.MANAGED_ELSEWHERE,
        shown=REFUSED,
        goes=Goes.EDITED,
        pipeline=True,
        spec={"adoptionPolicy": "Always"},
        before=own_by_file,
        cure=edit(managementPolicy="Observe"),
        end=("True", "Observed"),
    ),
)
