"""Who uses an endpoint, put together: what Elasticsearch told, what our own search found, and what was known before.

Decides what status says where only a part of it could be looked at: the rest stays as it was last checked. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from inference_operator.api.status import UsedBy
from inference_operator.core.values import Usage

INDEX_TEMPLATE = "index template "
COMPONENT_TEMPLATE = "component template "
"""A template stands among the indices that it makes, under its name with this in front."""


@dataclass(frozen=True, slots=True)
class Referrers:
    """What the readings of this round say, names sorted. None: it could not be read.

    Indices and component templates are no part of it: they are looked at before a deletion or a replacement only.
    """

    pipelines: tuple[str, ...] | None = None
    index_templates: tuple[str, ...] | None = None


def joined(told: Usage, found: Usage) -> Usage:
    """What Elasticsearch told together with what it passes over."""
    pipelines, indices = _union(told.pipelines, found.pipelines), _union(told.indices, found.indices)
    overlooked = len(pipelines) + len(indices) - told.total
    return replace(told, pipelines=pipelines, indices=indices, overlooked=overlooked)


def refreshed(before: UsedBy | None, found: Referrers) -> Usage:
    """What was known before, renewed where it was read again."""
    known = before or UsedBy()
    pipelines = known.pipelines if found.pipelines is None else found.pipelines
    indices = known.indices
    if found.index_templates is not None:
        others = (name for name in known.indices if not name.startswith(INDEX_TEMPLATE))
        indices = _union(others, found.index_templates)
    return Usage(pipelines, indices)


def _union(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*one, *other}))
