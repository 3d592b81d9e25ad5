"""What follows from the content of each pipeline, worked out once for each, however often all of them are asked for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_operator.core.pipeline.values import ObservedPipeline

_T = TypeVar("_T")


class Derived(Generic[_T]):
    """Keeps what was worked out as long as a pipeline is the very same object: one that was read or written is another."""

    def __init__(self, derive: Callable[[ObservedPipeline], _T]) -> None:
        self._derive = derive
        self._kept: dict[str, tuple[ObservedPipeline, _T]] = {}

    def of(self, pipelines: Mapping[str, ObservedPipeline]) -> dict[str, _T]:
        """By id what follows from each pipeline."""
        kept = self._kept
        self._kept = {
            name: known if (known := kept.get(name)) and known[0] is pipeline else (pipeline, self._derive(pipeline))
            for name, pipeline in pipelines.items()
        }
        return {name: value for name, (_, value) in self._kept.items()}
