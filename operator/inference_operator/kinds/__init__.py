"""The kinds: what each says of itself to the shell, which works on all of them alike. `KINDS` is the registration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_operator.kinds.endpoint.kind import InferenceEndpoints
from inference_operator.kinds.pipeline.kind import IngestPipelines

if TYPE_CHECKING:
    from inference_operator.shell.kind import MakeKind

KINDS: tuple[MakeKind, ...] = (InferenceEndpoints, IngestPipelines)
