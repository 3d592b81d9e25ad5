"""What follows from a pipeline is worked out once, and again only when there is another pipeline."""

from __future__ import annotations

from inference_operator.core.pipeline.values import ObservedPipeline
from inference_operator.elasticsearch.derived import Derived


def test_only_what_changed_is_worked_out_again() -> None:
    worked_out: list[str] = []

    def derive(pipeline: ObservedPipeline) -> int:
        worked_out.append(pipeline.pipeline_id)
        return pipeline.processors

    derived = Derived(derive)
    one, other = ObservedPipeline("a", {"processors": []}), ObservedPipeline("b", {"processors": [{}]})

    assert derived.of({"a": one, "b": other}) == {"a": 0, "b": 1}
    assert derived.of({"a": one, "b": other}) == {"a": 0, "b": 1}
    assert derived.of({"a": ObservedPipeline("a", {"processors": [{}, {}]}), "b": other}) == {"a": 2, "b": 1}
    assert derived.of({"b": other}) == {"b": 1}
    assert derived.of({"a": one}) == {"a": 0}
    assert worked_out == ["a", "b", "a", "a"]
