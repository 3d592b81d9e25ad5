"""A folder of endpoints and pipelines that name each other in every way there is. Not a test; orders of it are tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.machine.things import Thing
from tests.machine.things_of_endpoints import ENDPOINT
from tests.machine.things_of_pipelines import PIPELINE

IdOf = Callable[[str], str]


def _inference(model_id: str) -> dict[str, Any]:
    fields = {"input_output": [{"input_field": "text", "output_field": f"by_{model_id}"}], "ignore_missing": True}
    return {"inference": {"model_id": model_id, **fields}}


def _call(pipeline_id: str) -> dict[str, Any]:
    return {"pipeline": {"name": pipeline_id}}


def graph(id_of: IdOf) -> Mapping[str, tuple[Thing, Mapping[str, Any]]]:
    """By name of the object its kind and what it says beyond a plain spec; ids of what it names come from `id_of`."""
    e1, e2, e3, p1, p2, p3 = map(id_of, ("e1", "e2", "e3", "p1", "p2", "p3"))
    fallback = {"set": {"field": "failed", "value": True, "on_failure": [_inference(e3)]}}
    each = {"foreach": {"field": "parts", "ignore_missing": True, "processor": _inference(e1)}}
    return {
        "e1": (ENDPOINT, {}),
        "e2": (ENDPOINT, {}),
        "e3": (ENDPOINT, {}),
        "p1": (PIPELINE, {"processors": [_inference(e1)]}),
        "p2": (PIPELINE, {"processors": [each, _call(p1)], "onFailure": [_inference(e2)]}),
        "p3": (PIPELINE, {"processors": [_call(p1), _call(p2), fallback]}),
        "p4": (PIPELINE, {"processors": [_inference(e2)], "onFailure": [_call(p3)]}),
    }


NAMES = tuple(graph(str))
