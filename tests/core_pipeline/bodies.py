"""Pipelines of any content, for hypothesis, and the marks that they may carry."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from inference_operator.api.ingest_pipeline import IngestPipelineSpec
from inference_operator.core.pipeline.stamp import Stamp

NUMBERS = st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PROCESSORS = st.lists(st.dictionaries(st.text(max_size=8), JSON, min_size=1, max_size=1), max_size=4)
SPECS = st.fixed_dictionaries(
    {"processors": PROCESSORS},
    optional={
        "description": st.text(max_size=8),
        "version": st.integers(-(2**31), 2**31 - 1),
        "onFailure": PROCESSORS.filter(bool),
        "meta": st.dictionaries(st.text(max_size=5), JSON, max_size=3),
        "deprecated": st.booleans(),
        "fieldAccessPattern": st.sampled_from(["classic", "flexible"]),
    },
).map(IngestPipelineSpec.model_validate)
_NAME = st.text(min_size=1, max_size=5)
STAMPS = st.builds(Stamp, st.none() | _NAME, _NAME, _NAME, _NAME)


def spec(**fields: Any) -> IngestPipelineSpec:
    """A spec, with a processor where the test does not say."""
    return IngestPipelineSpec.model_validate({"processors": [{"drop": {}}], **fields})
