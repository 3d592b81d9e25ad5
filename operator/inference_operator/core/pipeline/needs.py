"""What a pipeline needs in order to work: the endpoints or trained models, and the pipelines, that its processors name.

Decides what is no need: a template, which names something only when a document comes, and a pipeline that may be missing
(`ignore_missing_pipeline`). Pure, and total.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inference_operator.core.pipeline.compare import SPEC_NAMES
from inference_operator.core.pipeline.walk import Processor, literal, processors_of
from inference_operator.core.values import Json, Path, dotted


@dataclass(frozen=True, slots=True)
class Needs:
    """By name the field of the spec that mentions it first: `spec.processors[0].inference.model_id`."""

    endpoint_paths: Mapping[str, str]
    pipeline_paths: Mapping[str, str]

    @property
    def endpoints(self) -> frozenset[str]:
        """Ids of inference endpoints; also of trained models, which share the processor with them."""
        return frozenset(self.endpoint_paths)

    @property
    def pipelines(self) -> frozenset[str]:
        """Ids of pipelines that are called and must be there."""
        return frozenset(self.pipeline_paths)


def needs_of(body: Json) -> Needs:
    """What a body in Elasticsearch's form needs."""
    endpoints: dict[str, str] = {}
    pipelines: dict[str, str] = {}
    for processor in processors_of(body):
        for name in _models(processor):
            endpoints.setdefault(name, _in_spec((*processor.path, "model_id")))
        if processor.settings.get("ignore_missing_pipeline") is not True:
            for name in _called(processor):
                pipelines.setdefault(name, _in_spec((*processor.path, "name")))
    return Needs(endpoints, pipelines)


def calls_of(body: Json) -> frozenset[str]:
    """Every pipeline that is called, also one that may be missing: a circle of calls fails all the same."""
    return frozenset(name for processor in processors_of(body) for name in _called(processor))


def _models(processor: Processor) -> Iterator[str]:
    if processor.kind == "inference" and (name := literal(processor.settings.get("model_id"))):
        yield name


def _called(processor: Processor) -> Iterator[str]:
    if processor.kind == "pipeline" and (name := literal(processor.settings.get("name"))):
        yield name


def _in_spec(path: Path) -> str:
    return dotted(("spec", SPEC_NAMES[path[0]], *path[1:]))
