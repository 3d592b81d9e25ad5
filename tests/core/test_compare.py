"""When two settings mean the same, which differences count, and what may be shown or remembered of a spec."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.core.difference import Difference, Mutability
from inference_operator.core.endpoint.compare import Yardstick, compare, same, set_paths, with_defaults
from inference_operator.core.values import UNREAD, DesiredEndpoint, Json, ObservedEndpoint, Path, Sealed, Version, dotted
from tests.core.sides import have, want
from tests.core.situations import CANARY
from tests.elasticsearch.laws import LAW

NEWEST = Version(9, 5)
SEALED = Sealed("openai", "api-key", CANARY)


def differing(desired: DesiredEndpoint, observed: ObservedEndpoint, **yardstick: Any) -> list[str]:
    return [dotted(d.path) for d in compare(desired, observed, Yardstick(NEWEST, **yardstick))]


ADAPTIVE = {"enabled": True, "min_number_of_allocations": 0, "max_number_of_allocations": 4}

EQUAL = (
    pytest.param(want(), have(model_id="m", similarity="cosine"), id="what Elasticsearch adds is no difference"),
    pytest.param(want(model_id=None), have(model_id="m"), id="null in the spec leaves it to Elasticsearch"),
    pytest.param(
        want(rate_limit={"requests_per_minute": "500"}), have(rate_limit={"requests_per_minute": 500}), id="number as text"
    ),
    pytest.param(want(dimensions=256), have(dimensions="256"), id="text as number"),
    pytest.param(want(dimensions=256.0), have(dimensions=256), id="float without a fraction"),
    pytest.param(want(flag="true"), have(flag=True), id="boolean as text"),
    pytest.param(want(similarity="COSINE"), have(similarity="cosine"), id="case of an enum"),
    pytest.param(
        want(chunks={"strategy": "SENTENCE"}),
        have(chunks={"strategy": "sentence", "max_chunk_size": 250}),
        id="case of the strategy",
    ),
    pytest.param(want("elser"), have("elasticsearch"), id="elser reads back as elasticsearch"),
    pytest.param(want("sagemaker"), have("amazon_sagemaker"), id="an alias of a service"),
    pytest.param(
        want("elasticsearch", num_allocations=1, adaptive_allocations=ADAPTIVE),
        have("elasticsearch", num_allocations=7, adaptive_allocations=ADAPTIVE),
        id="num_allocations moves by itself with adaptive allocations",
    ),
    pytest.param(
        want("elasticsearch", num_allocations=1),
        have("elasticsearch", num_allocations=7, adaptive_allocations=ADAPTIVE),
        id="also when adaptive allocations were switched on by others",
    ),
    pytest.param(want(api_key=SEALED), have(), id="a secret is never returned"),
    pytest.param(
        want("custom", headers={"A": SEALED}), have("custom", headers={"A": CANARY}), id="a returned secret of equal value"
    ),
    pytest.param(
        want("custom", headers={"A": Sealed("s", "k", UNREAD)}),
        have("custom", headers={"A": "whatever"}),
        id="a value that was not read says nothing",
    ),
    pytest.param(
        want("custom", headers=Sealed("s", "k", {"A": "1"})),
        have("custom", headers={"A": "1", "B": "2"}),
        id="an object from a Secret",
    ),
    pytest.param(
        want("custom", query_parameters=[["a", "b"]]), have("custom", query_parameters=[["a", "b"]]), id="a nested list"
    ),
    pytest.param(want("novel", depth={"a": {"b": 1}}), have("novel", depth={"a": {"b": 1, "c": 2}}), id="nested, with additions"),
    pytest.param(want(rate_limit={}), have(rate_limit={"requests_per_minute": 3000}), id="an empty object asks for nothing"),
    pytest.param(want(client_id="x"), have(), id="what Elasticsearch does not show is not known to differ"),
)


@pytest.mark.parametrize(("desired", "observed"), EQUAL)
def test_means_the_same(desired: DesiredEndpoint, observed: ObservedEndpoint) -> None:
    assert differing(desired, observed) == []


UNEQUAL = (
    pytest.param(want(task_type="completion"), have(), ["taskType"], id="another task"),
    pytest.param(want("cohere"), have(), ["service"], id="another service"),
    pytest.param(want(model_id="M"), have(model_id="m"), ["serviceSettings.model_id"], id="case counts where it is no enum"),
    pytest.param(want(dimensions="1_0"), have(dimensions=10), ["serviceSettings.dimensions"], id="not every text is a number"),
    pytest.param(want(dimensions=10**400), have(dimensions="10"), ["serviceSettings.dimensions"], id="beyond every float"),
    pytest.param(want(flag="false"), have(flag=True), ["serviceSettings.flag"], id="boolean as text, the other one"),
    pytest.param(want(scopes=["a", "b"]), have(scopes=["b", "a"]), ["serviceSettings.scopes"], id="order of a list"),
    pytest.param(want(scopes=["a"]), have(scopes=["a", "b"]), ["serviceSettings.scopes"], id="length of a list"),
    pytest.param(want(rate_limit={"a": 1}), have(rate_limit=1), [], id="a plain value where an object was hides what is inside"),
    pytest.param(want(rate_limit=1), have(rate_limit={"a": 1}), ["serviceSettings.rate_limit"], id="an object where a value was"),
    pytest.param(
        want("custom", headers={"A": SEALED}),
        have("custom", headers={"A": "other"}),
        ["serviceSettings.headers.A"],
        id="returned secret",
    ),
    pytest.param(
        want(chunks={"strategy": "word", "overlap": 5}),
        have(chunks={"strategy": "sentence"}),
        ["chunkingSettings.strategy"],
        id="another strategy",
    ),
    pytest.param(want(task={"user": "a"}), have(task={"user": "b"}), ["taskSettings.user"], id="a task setting"),
    pytest.param(
        want("elasticsearch", num_allocations=1),
        have("elasticsearch", num_allocations=2),
        ["serviceSettings.num_allocations"],
        id="allocations",
    ),
)


@pytest.mark.parametrize(("desired", "observed", "paths"), UNEQUAL)
def test_differs(desired: DesiredEndpoint, observed: ObservedEndpoint, paths: list[str]) -> None:
    assert differing(desired, observed) == paths


def test_all_kinds_of_differences_come_in_the_order_of_the_spec() -> None:
    desired = want("cohere", "rerank", task={"top_n": 2}, model_id="a", rate_limit={"requests_per_minute": 1})
    observed = have(task={"top_n": 3}, model_id="b", rate_limit={"requests_per_minute": 2}, scopes=["x"])
    assert differing(desired, observed, once_set=frozenset({"serviceSettings.scopes"})) == [
        "taskType",
        "service",
        "serviceSettings.model_id",
        "serviceSettings.rate_limit.requests_per_minute",
        "taskSettings.top_n",
        "serviceSettings.scopes",
    ]


ABSENT_SETTINGS = (
    pytest.param(want(client_id="x"), ["serviceSettings.client_id"], id="a plain setting counts"),
    pytest.param(want(task={"user": "x"}), ["taskSettings.user"], id="a task setting counts: empty blocks are left out"),
    pytest.param(want(api_key=SEALED), [], id="a secret does not"),
    pytest.param(want(api_key="plain"), [], id="nor does a secret by its name"),
    pytest.param(
        want(max_input_tokens=9), ["serviceSettings.max_input_tokens"], id="a setting often hidden counts where it can change"
    ),
)


@pytest.mark.parametrize(("desired", "paths"), ABSENT_SETTINGS)
def test_setting_that_is_not_returned_while_absence_counts(desired: DesiredEndpoint, paths: list[str]) -> None:
    assert differing(desired, have(), absent_counts=True) == paths
    assert differing(desired, have()) == []


def test_setting_often_hidden_is_not_held_against_a_server_that_can_not_change_it() -> None:
    assert compare(want(max_input_tokens=9), have(), Yardstick(Version(9, 2), absent_counts=True)) == ()


WORD = {"strategy": "word", "max_chunk_size": 100, "overlap": 50}
SENTENCE = {"strategy": "sentence", "max_chunk_size": 100, "sentence_overlap": 0}
LEFT_OUT = (
    pytest.param(
        want(),
        have(rate_limit={"requests_per_minute": 7}),
        {"serviceSettings.rate_limit.requests_per_minute"},
        [("serviceSettings.rate_limit.requests_per_minute", 3000, Mutability.MUTABLE)],
        id="a known default is written back",
    ),
    pytest.param(
        want(),
        have(rate_limit={"requests_per_minute": 3000}),
        {"serviceSettings.rate_limit.requests_per_minute"},
        [],
        id="which is nothing to do where it is the default already",
    ),
    pytest.param(
        want(),
        have(similarity="L2_NORM"),
        {"serviceSettings.similarity"},
        [("serviceSettings.similarity", "dot_product", Mutability.IMMUTABLE)],
        id="a known default of what can't change needs a replacement",
    ),
    pytest.param(
        want(),
        have(organization_id="o"),
        {"serviceSettings.organization_id"},
        [("serviceSettings.organization_id", None, Mutability.IMMUTABLE)],
        id="no default is known: nothing unsets it but a replacement",
    ),
    pytest.param(want(), have(organization_id="o"), set(), [], id="what was never ours is none of our business"),
    pytest.param(
        want("custom", headers={"A": "1"}),
        have("custom", headers={"A": "1", "B": "2"}),
        {"serviceSettings.headers.A", "serviceSettings.headers.B"},
        [("serviceSettings.headers.B", None, Mutability.MUTABLE)],
        id="one entry of a map that goes out as a whole is unset by sending the others",
    ),
    pytest.param(
        want("custom", headers={}),
        have("custom", headers={"B": "2"}),
        {"serviceSettings.headers.B"},
        [("serviceSettings.headers.B", None, Mutability.MUTABLE)],
        id="so is the last one",
    ),
    pytest.param(
        want("custom", headers=Sealed("s", "k", {"B": "2"})),
        have("custom", headers={"B": "2"}),
        {"serviceSettings.headers.B"},
        [],
        id="what a Secret now gives as a whole is not left out",
    ),
    pytest.param(
        want("custom"),
        have("custom", headers={"B": "2"}),
        {"serviceSettings.headers"},
        [("serviceSettings.headers.B", None, Mutability.IMMUTABLE)],
        id="what a Secret once gave as a whole is",
    ),
    pytest.param(
        want("custom", headers={"A": "1"}),
        have("custom", headers={}),
        {"serviceSettings.headers"},
        [],
        id="what holds a wanted setting is not",
    ),
    pytest.param(
        want(chunks=SENTENCE),
        have(chunks=WORD),
        {"chunkingSettings.strategy", "chunkingSettings.overlap"},
        [
            ("chunkingSettings.strategy", "sentence", Mutability.MUTABLE),
            ("chunkingSettings.overlap", None, Mutability.MUTABLE),
        ],
        id="from word to sentence: the old strategy's field goes with the block",
    ),
    pytest.param(
        want(chunks=WORD),
        have(chunks=SENTENCE),
        {"chunkingSettings.strategy", "chunkingSettings.sentence_overlap"},
        [
            ("chunkingSettings.strategy", "word", Mutability.MUTABLE),
            ("chunkingSettings.sentence_overlap", None, Mutability.MUTABLE),
        ],
        id="from sentence to word: no default of the other strategy is mixed in",
    ),
    pytest.param(
        want(),
        have(chunks=SENTENCE),
        {"chunkingSettings.strategy", "chunkingSettings.max_chunk_size", "chunkingSettings.sentence_overlap"},
        [
            ("chunkingSettings.max_chunk_size", 250, Mutability.MUTABLE),
            ("chunkingSettings.sentence_overlap", 1, Mutability.MUTABLE),
        ],
        id="the block is left out: back to the default of Elasticsearch",
    ),
    pytest.param(
        want("elasticsearch"),
        have("elasticsearch", num_allocations=3, adaptive_allocations=ADAPTIVE),
        {"serviceSettings.num_allocations"},
        [],
        id="allocations that move by themselves",
    ),
)


@pytest.mark.parametrize(("desired", "observed", "once_set", "expected"), LEFT_OUT)
def test_setting_that_the_spec_no_longer_has(
    desired: DesiredEndpoint, observed: ObservedEndpoint, once_set: set[str], expected: list[tuple[str, Json, Mutability]]
) -> None:
    found = compare(desired, observed, Yardstick(NEWEST, once_set=frozenset(once_set)))
    shown = [(dotted(d.path), d.desired, d.mutability) for d in found]
    strategy_and_left_out = [
        line for line in shown if line[0] not in set(map(dotted, set_paths(desired))) or line[0].endswith("strategy")
    ]
    assert strategy_and_left_out == expected


def test_defaults_are_written_back_beside_what_is_wanted() -> None:
    limit: Path = ("serviceSettings", "rate_limit", "requests_per_minute")
    size: Path = ("chunkingSettings", "max_chunk_size")
    model: Path = ("serviceSettings", "model_id")
    spec = want(model_id="m", rate_limit={"other": 1})
    back = with_defaults(
        spec,
        [
            Difference(limit, 3000, 7, Mutability.MUTABLE),
            Difference(size, 250, 100, Mutability.MUTABLE),
            Difference(model, "m", "n", Mutability.IMMUTABLE),
            Difference(("taskType",), "rerank", "completion", Mutability.IMMUTABLE),
            Difference(("taskSettings", "user"), None, "u", Mutability.IMMUTABLE),
        ],
    )
    assert back.service_settings == {"model_id": "m", "rate_limit": {"other": 1, "requests_per_minute": 3000}}
    assert back.chunking_settings == {"max_chunk_size": 250}
    assert back.task_settings == {}
    assert spec.service_settings["rate_limit"] == {"other": 1}, "the original is left alone"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3),
    max_leaves=8,
)
SETTINGS = st.dictionaries(st.sampled_from(["a", "b", "rate_limit", "similarity", "api_key", "headers"]), JSON, max_size=4)


@LAW
@given(SETTINGS, SETTINGS, st.none() | SETTINGS)
def test_every_endpoint_is_equal_to_itself(
    service: dict[str, Json], task: dict[str, Json], chunks: dict[str, Json] | None
) -> None:
    desired, observed = want(task=task, chunks=chunks, **service), have(task=task, chunks=chunks, **service)
    everything = frozenset(map(dotted, set_paths(desired)))
    assert differing(desired, observed, absent_counts=True, once_set=everything) == []


@LAW
@given(JSON, JSON)
def test_sameness_is_total(one: Json, other: Json) -> None:
    assert same(one, other) in (True, False)
    assert same(one, one)
