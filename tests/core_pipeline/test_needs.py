"""What a pipeline needs, and where its spec says so first."""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.core.pipeline.needs import calls_of, needs_of


def inference(model_id: Any, **more: Any) -> dict[str, Any]:
    return {"inference": {"model_id": model_id, **more}}


def call(name: Any, **more: Any) -> dict[str, Any]:
    return {"pipeline": {"name": name, **more}}


def foreach(processor: Any, **more: Any) -> dict[str, Any]:
    return {"foreach": {"field": "a", "processor": processor, **more}}


ROWS: list[tuple[str, dict[str, Any], dict[str, str], dict[str, str]]] = [
    ("nothing", {"processors": []}, {}, {}),
    ("an endpoint", {"processors": [inference("e")]}, {"e": "spec.processors[0].inference.model_id"}, {}),
    ("a pipeline", {"processors": [{"drop": {}}, call("p")]}, {}, {"p": "spec.processors[1].pipeline.name"}),
    (
        "in a loop",
        {"processors": [foreach(inference("e"))]},
        {"e": "spec.processors[0].foreach.processor.inference.model_id"},
        {},
    ),
    (
        "in the handler of the pipeline",
        {"processors": [], "on_failure": [call("p")]},
        {},
        {"p": "spec.onFailure[0].pipeline.name"},
    ),
    (
        "in the handler of a processor in the handler of a loop",
        {"processors": [foreach({"drop": {}}, on_failure=[{"set": {"on_failure": [{"drop": {}}, inference("e")]}}])]},
        {"e": "spec.processors[0].foreach.on_failure[0].set.on_failure[1].inference.model_id"},
        {},
    ),
    (
        "in the handler of an inference",
        {"processors": [inference("e", on_failure=[inference("f")])]},
        {"e": "spec.processors[0].inference.model_id", "f": "spec.processors[0].inference.on_failure[0].inference.model_id"},
        {},
    ),
    (
        "twice: the first mention counts",
        {"on_failure": [inference("e")], "processors": [{"drop": {"on_failure": [inference("e")]}}, inference("e")]},
        {"e": "spec.processors[0].drop.on_failure[0].inference.model_id"},
        {},
    ),
    ("templates", {"processors": [inference("{{m}}"), call("{{{p}}}-x")]}, {}, {}),
    ("a pipeline that may be missing", {"processors": [call("p", ignore_missing_pipeline=True)]}, {}, {}),
    (
        "a pipeline that may be missing, and must not",
        {"processors": [call("p", ignore_missing_pipeline=True), call("p", ignore_missing_pipeline=False)]},
        {},
        {"p": "spec.processors[1].pipeline.name"},
    ),
    (
        "an endpoint and a pipeline of one name",
        {"processors": [inference("n"), call("n")]},
        {"n": "spec.processors[0].inference.model_id"},
        {"n": "spec.processors[1].pipeline.name"},
    ),
    (
        "several processors in one object",
        {"processors": [{**inference("e"), **call("p")}]},
        {"e": "spec.processors[0].inference.model_id"},
        {"p": "spec.processors[0].pipeline.name"},
    ),
    ("no names", {"processors": [inference(7), inference(""), call(None), call(["p"]), {"inference": None}]}, {}, {}),
    ("a name elsewhere", {"processors": [{"set": {"model_id": "e", "name": "p"}}]}, {}, {}),
]


@pytest.mark.parametrize(("body", "endpoints", "pipelines"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_needs(body: dict[str, Any], endpoints: dict[str, str], pipelines: dict[str, str]) -> None:
    needs = needs_of(body)

    assert (needs.endpoint_paths, needs.pipeline_paths) == (endpoints, pipelines)
    assert (needs.endpoints, needs.pipelines) == (frozenset(endpoints), frozenset(pipelines))


def test_a_call_of_what_may_be_missing_is_a_call() -> None:
    assert calls_of({"processors": [call("p", ignore_missing_pipeline=True), foreach(call("q"))]}) == {"p", "q"}


def test_nesting_has_no_limit_of_ours() -> None:
    nested: Any = inference("e")
    for _ in range(2_000):
        nested = {"drop": {"on_failure": [foreach(nested)]}}
    assert needs_of({"processors": [nested]}).endpoints == {"e"}
