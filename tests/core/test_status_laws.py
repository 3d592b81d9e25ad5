"""Whatever the settings, whatever the end of a pass: the status is lawful, steady, and tells no secret, now or an edit later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.api.inference_endpoint import InferenceEndpointSpec, InferenceEndpointStatus
from inference_operator.core.disposition import Area, Disposition, Mood
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Pass
from inference_operator.core.values import ObservedEndpoint, Usage, reveal
from inference_operator.core.verdict import Blocked, Conclusion, Held, Nothing, Suspended, Unusable, Watching
from tests.core.reports import report
from tests.core.situations import ID, desire, new, openai_spec, secret_ref
from tests.elasticsearch.laws import LAW

NAMES = st.sampled_from(["headers", "url", "query_parameters", "secret_parameters", "api_key", "novel", "model_id", "dimensions"])
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
NODES = st.recursive(
    PLAIN | st.just(secret_ref("k")) | st.just(secret_ref("other", **{"as": "json"})),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=6,
)
SPECS = st.builds(
    lambda service, settings, task, chunks: InferenceEndpointSpec.model_validate(
        {
            "taskType": "text_embedding",
            "service": service,
            "serviceSettings": settings,
            "taskSettings": task,
            "chunkingSettings": chunks,
        }
    ),
    st.sampled_from(["openai", "custom", "elasticsearch", "novel"]),
    st.dictionaries(NAMES, NODES, max_size=4),
    st.dictionaries(NAMES, NODES, max_size=2),
    st.none() | st.dictionaries(st.sampled_from(["strategy", "separators"]), NODES, max_size=2),
)
CAUSES = st.builds(
    Disposition,
    st.sampled_from(Mood),
    st.sampled_from(Reason),
    st.text(min_size=1).map(lambda text: f"said: {text}"),
    st.sampled_from(Area),
    blind=st.booleans(),
)
NOT_SERVING = CAUSES.filter(lambda cause: cause.area is Area.MODEL)
NOT_USABLE = CAUSES.filter(lambda cause: cause.area is not Area.SYNC)
ENDS: list[Conclusion] = [Nothing(), Watching(), Suspended(), Blocked(Usage(("p",), ("i",)))]
CONCLUSIONS: st.SearchStrategy[Conclusion] = (
    st.sampled_from(ENDS)
    | st.builds(Held, CAUSES)
    | st.builds(Unusable, NOT_USABLE)
    | st.builds(Suspended, st.none() | NOT_SERVING)
)
STALL = Disposition(Mood.STALL, Reason.REPLACE_REQUIRED, "can't change in place")
JSON_SECRET = '"canary-7d1e-secret"'


def seen(spec: InferenceEndpointSpec, stored: InferenceEndpointSpec, **fields: Any) -> EndpointSituation:
    """`spec` is what the object says, `stored` what Elasticsearch holds and returns in full, as service custom does."""
    there = reveal(desire(stored, value=JSON_SECRET).tree)
    observed = ObservedEndpoint(
        ID, stored.task_type, stored.service, there["serviceSettings"], there["taskSettings"], there.get("chunkingSettings")
    )
    wanted = desire(spec, value=JSON_SECRET)
    return replace(new(openai_spec()), spec=spec, desired=wanted, observed=observed, fresh=True, **fields)


def end(s: EndpointSituation, conclusion: Conclusion) -> InferenceEndpointStatus:
    """Report; that all is well is never concluded while something differs."""
    well = isinstance(conclusion, Nothing | Unusable)
    return report(s, Held(STALL) if well and s.differences else conclusion)


@LAW
@given(SPECS, SPECS, CONCLUSIONS, CONCLUSIONS)
def test_no_status_tells_a_secret(
    before: InferenceEndpointSpec, after: InferenceEndpointSpec, first: Conclusion, then: Conclusion
) -> None:
    one = end(seen(before, before), first)
    two = end(seen(after, before, previous=one, generation=2), then)
    end(seen(after, after, previous=two, generation=3), then)


@LAW
@given(SPECS, CONCLUSIONS, st.booleans(), st.booleans(), st.sampled_from([Pass(), Pass(inspected=True), Pass(written=True)]))
def test_every_end_gives_a_lawful_status(
    spec: InferenceEndpointSpec, conclusion: Conclusion, looked: bool, resolved: bool, done: Pass
) -> None:
    s = seen(spec, spec, done=done)
    s = replace(s, observed=s.observed if looked and resolved else None, desired=s.desired if resolved else None)
    end(s, conclusion)


@pytest.mark.parametrize("conclusion", [Nothing(), Watching(), Suspended()])
def test_the_laws_have_something_to_search(conclusion: Conclusion) -> None:
    spec = InferenceEndpointSpec.model_validate(
        {"taskType": "rerank", "service": "custom", "serviceSettings": {"headers": {"a": secret_ref("k")}}}
    )
    status: InferenceEndpointStatus = report(seen(spec, spec), conclusion)
    assert status.observed is not None
    assert status.observed["service_settings"] == {"headers": {"a": "<secret openai/k>"}}
