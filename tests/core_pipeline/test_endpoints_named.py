"""Which endpoints a pipeline names: everywhere where Elasticsearch looks, and everywhere where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.core.pipeline.needs import needs_of
from tests.elasticsearch.laws import LAW
from tests.standin.references import pipelines_using
from tests.standin.state import Pipeline, State
from tests.standin.version import Version


def endpoints_of(pipeline: Any) -> frozenset[str]:
    return needs_of(pipeline).endpoints


SET = {"set": {"field": "f", "value": "v"}}


def infer(model_id: Any = "e", **more: Any) -> dict[str, Any]:
    return {"inference": {"model_id": model_id, "input_output": {"input_field": "x", "output_field": "y"}, **more}}


def nested(depth: int, innermost: dict[str, Any]) -> dict[str, Any]:
    for _ in range(depth):
        innermost = {"set": {"field": "f", "value": "v", "on_failure": [innermost]}}
    return innermost


@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param({"processors": [SET, infer()]}, id="a processor"),
        pytest.param({"processors": [infer(**{"if": "ctx.never != null", "ignore_failure": True})]}, id="under a condition"),
        pytest.param({"processors": [], "on_failure": [SET, infer()]}, id="on_failure of the pipeline"),
        pytest.param({"processors": [nested(1, infer())]}, id="on_failure of a processor"),
        pytest.param({"processors": [infer("other", on_failure=[infer()])]}, id="on_failure of an inference processor"),
        pytest.param({"processors": [], "on_failure": [infer("x", on_failure=[nested(2, infer())])]}, id="on_failure of it all"),
        pytest.param({"processors": [{"foreach": {"field": "f", "processor": infer()}}]}, id="in foreach"),
        pytest.param(
            {"processors": [{"foreach": {"field": "f", "processor": SET, "on_failure": [infer()]}}]}, id="on_failure of foreach"
        ),
        pytest.param(
            {"processors": [{"foreach": {"field": "f", "processor": {"foreach": {"field": "g", "processor": infer()}}}}]},
            id="foreach in foreach",
        ),
        pytest.param({"processors": [nested(11, infer())]}, id="deeper than Elasticsearch looks"),
        pytest.param({"processors": [nested(5000, infer())]}, id="deeper than anybody writes"),
    ],
)
def test_an_endpoint_is_found(pipeline: dict[str, Any]) -> None:
    assert "e" in endpoints_of(pipeline)


@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param({"processors": [infer("{{e}}"), infer("{{{model}}}")]}, id="a template"),
        pytest.param({"processors": [{"set": {"field": "model_id", "value": "e", "model_id": "e"}}]}, id="another processor"),
        pytest.param({"processors": [{"set": {"field": "f", "processor": infer()}}]}, id="a processor that runs no other"),
        pytest.param({"processors": [{"script": {"source": "e", "params": {"on_failure": [infer()]}}}]}, id="mere data"),
        pytest.param({"processors": [{"pipeline": {"name": "e"}}]}, id="a pipeline of that name"),
        pytest.param({"processors": [], "_meta": {"inference": {"model_id": "e"}}, "description": "e"}, id="what is said of it"),
        pytest.param({"processors": [infer(""), infer(None), infer(["e"])]}, id="no name"),
    ],
)
def test_nothing_is_found(pipeline: dict[str, Any]) -> None:
    assert endpoints_of(pipeline) == frozenset()


def test_all_endpoints_of_a_pipeline_are_found() -> None:
    looped = {"foreach": {"field": "f", "processor": infer("c", on_failure=[infer("d")])}}
    pipeline = {"processors": [infer("a"), nested(3, infer("b")), looped], "on_failure": [infer("a"), infer("f")]}
    assert endpoints_of(pipeline) == {"a", "b", "c", "d", "f"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["processors", "on_failure", "inference", "foreach", "processor", "model_id", "set"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=20,
)


@LAW
@given(JSON)
def test_a_body_of_whatever_shape_has_references_or_has_none(body: Any) -> None:
    assert "" not in endpoints_of(body)


@dataclass(frozen=True)
class Drawn:
    """Processors, and the ids that were put into them."""

    processors: list[dict[str, Any]]
    names: frozenset[str]


@st.composite
def drawn(draw: st.DrawFn, depth: int = 3) -> Drawn:
    processors: list[dict[str, Any]] = []
    names: set[str] = set()
    for _ in range(draw(st.integers(0, 3))):
        options: dict[str, Any] = {}
        kind = draw(st.sampled_from(["inference", "foreach", "set", "drop"]))
        if kind == "inference":
            options["model_id"] = draw(st.sampled_from(["a", "b", "c", "{{t}}"]))
            names |= {options["model_id"]} - {"{{t}}"}
        if depth and draw(st.booleans()):
            inner = draw(drawn(depth - 1))
            options["on_failure"] = inner.processors
            names |= inner.names
        if depth and kind == "foreach":
            inner = draw(drawn(depth - 1))
            options["processor"] = inner.processors[0] if len(inner.processors) == 1 else SET
            names |= inner.names if len(inner.processors) == 1 else frozenset()
        processors.append({kind: options})
    return Drawn(processors, frozenset(names))


@LAW
@given(drawn(), drawn())
def test_what_was_put_in_is_found_and_nothing_else(processors: Drawn, on_failure: Drawn) -> None:
    pipeline = {"processors": processors.processors, "on_failure": on_failure.processors}
    assert endpoints_of(pipeline) == processors.names | on_failure.names


@LAW
@given(drawn(), drawn())
def test_what_elasticsearch_finds_is_found(processors: Drawn, on_failure: Drawn) -> None:
    pipeline = {"processors": processors.processors, "on_failure": on_failure.processors}
    state = State(version=Version.parse("9.5.0"), pipelines={"p": Pipeline(pipeline, 0.0, 0.0)})
    told = {name for name in ("a", "b", "c") if pipelines_using(state, name)}
    assert told <= endpoints_of(pipeline)
