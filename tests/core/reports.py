"""A status as it is reported after a conclusion, held to all laws at once."""

from __future__ import annotations

from dataclasses import replace

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.endpoint.status import next_status
from inference_operator.core.verdict import (
    Conclusion,
)
from tests.core.situations import (
    CANARY,
    LATER,
    NOW,
)
from tests.lawful import assert_lawful, assert_succession


def report(s: EndpointSituation, conclusion: Conclusion, now: str = NOW, handled: str | None = None) -> InferenceEndpointStatus:
    """The next status, after checking that it is lawful, steady and tells nothing."""
    status = next_status(s, conclusion, now=now, handled=handled)
    assert_lawful(status, s.generation)
    assert_succession(s.previous, status, now)
    assert CANARY not in repr(status)
    again = next_status(replace(s, previous=status), conclusion, now=LATER, handled=handled)
    assert again == status, "a later report of the same is the same"
    assert InferenceEndpointStatus.model_validate(status.body()) == status, "survives the API server"
    return status
