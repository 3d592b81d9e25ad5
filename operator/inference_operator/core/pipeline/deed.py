"""What a step writes of a pipeline: paths only, since nobody can tell which values of a processor are secret. Pure."""

from __future__ import annotations

from inference_operator.core.deed import Change, Deed
from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.values import dotted
from inference_operator.core.verdict import Create, Step, Update


def deed(s: PipelineSituation, step: Step) -> Deed:
    """A create is told by the keys of the body."""
    if isinstance(step, Update):
        return Deed(tuple(Change(dotted(path)) for path in sorted(step.paths)))
    if isinstance(step, Create) and s.desired is not None:
        return Deed(tuple(Change(key) for key in sorted(s.desired.body)))
    return Deed()
