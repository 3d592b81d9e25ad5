"""A pipeline as its object wants it, and one as Elasticsearch returned it, in Elasticsearch's own key names.

Decides what of a document is the pipeline: the dates that the server adds are not, nor is the operator's mark. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inference_operator.api.ingest_pipeline import IngestPipelineSpec
from inference_operator.api.policies import FieldAccessPattern
from inference_operator.core.pipeline.stamp import META, OWNER_KEY, Ownership, Stamp, stamp_in, without_stamp
from inference_operator.core.values import Desired, Json, Observed

SYSTEM_KEYS: Final = frozenset({"created_date", "created_date_millis", "modified_date", "modified_date_millis"})
"""What Elasticsearch 9.2 and later adds, and refuses when it is sent back."""


@dataclass(frozen=True, slots=True)
class DesiredPipeline(Desired):
    """One pipeline as its object wants it. `body` is what a PUT sends, but for the mark; defaults are left out of it."""

    pipeline_id: str
    body: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ObservedPipeline(Observed):
    """One pipeline as Elasticsearch returned it, without dates; the mark stands beside the body.

    `ownership` is what the mark means to the object that asks; nobody's while nobody asked.
    """

    pipeline_id: str
    body: Mapping[str, Json]
    stamp: Stamp | None = None
    ownership: Ownership = Ownership.NOBODY

    @property
    def processors(self) -> int:
        """How many processors there are, handlers of failures not counted."""
        found = self.body.get("processors")
        return len(found) if isinstance(found, list) else 0


def desired_of(spec: IngestPipelineSpec, pipeline_id: str) -> DesiredPipeline:
    """What the spec wants. Defaults are not written out: older versions of Elasticsearch would refuse the key."""
    body: dict[str, Json] = {"processors": list(spec.processors)}
    if spec.description is not None:
        body["description"] = spec.description
    if spec.version is not None:
        body["version"] = spec.version
    if spec.on_failure is not None:
        body["on_failure"] = list(spec.on_failure)
    meta = {key: value for key, value in (spec.meta or {}).items() if key != OWNER_KEY}
    if meta:
        body[META] = meta
    if spec.deprecated:
        body["deprecated"] = True
    if spec.field_access_pattern is not FieldAccessPattern.CLASSIC:
        body["field_access_pattern"] = spec.field_access_pattern.value
    return DesiredPipeline(pipeline_id, body)


def observed_of(pipeline_id: str, document: Mapping[str, Json]) -> ObservedPipeline:
    """What Elasticsearch returned under an id."""
    body = {key: value for key, value in document.items() if key not in SYSTEM_KEYS}
    return ObservedPipeline(pipeline_id, without_stamp(body), stamp_in(body))
