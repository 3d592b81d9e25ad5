"""What a step writes of an endpoint: settings before and after, secrets by their source only. Pure."""

from __future__ import annotations

from inference_operator.core.deed import Change, Deed
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.endpoint.status import drift
from inference_operator.core.paths import at
from inference_operator.core.values import DesiredEndpoint, Path, Tree, dotted, leaves, sealed
from inference_operator.core.verdict import Create, Step, Update, Validate

_LONGEST = 256


def deed(s: EndpointSituation, step: Step) -> Deed:
    """A create is told by its paths: its values are the spec of that generation."""
    if s.desired is None or not isinstance(step, Create | Update | Validate):
        return Deed()
    sources = tuple(f"{ref}@{version.resource_version}" for ref, version in sorted(s.desired.sources.items()))
    if isinstance(step, Update):
        return Deed(tuple(_update(s, s.desired, path) for path in sorted(step.paths)), sources)
    return Deed(tuple(Change(dotted(path), after=_source(value)) for path, value in leaves(s.desired.tree) if path[1:]), sources)


def _update(s: EndpointSituation, desired: DesiredEndpoint, path: Path) -> Change:
    entry = next((entry for entry in drift(s) if entry.path == dotted(path)), None)
    if entry is None:
        return Change(dotted(path), after=_source(at(desired.tree, path)))
    return Change(entry.path, _bounded(entry.observed), _bounded(entry.desired))


def _source(value: Tree) -> str | None:
    """Which Secret a value comes from; nothing of any other value."""
    names = sorted({str(each) for each in sealed(value)})
    return ", ".join(names) or None


def _bounded(told: str | None) -> str | None:
    return told if told is None or len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"
