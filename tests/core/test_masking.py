"""What `status` shows of an endpoint: never what a Secret feeds, wherever Elasticsearch returns it, now or before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from inference_operator.core.difference import Difference, Mutability
from inference_operator.core.endpoint.masking import HIDDEN, bounded, masked, shows
from inference_operator.core.values import DesiredEndpoint, Json, ObservedEndpoint, Sealed
from tests.core.situations import CANARY, ID

SEALED = Sealed("s", "k", CANARY)


def custom(task: Mapping[str, Any] | None = None, chunks: Mapping[str, Any] | None = None, **settings: Any) -> DesiredEndpoint:
    return DesiredEndpoint(ID, "text_embedding", "custom", settings, task or {}, chunks, {})


def found(task: Mapping[str, Any] | None = None, chunks: Mapping[str, Any] | None = None, **settings: Any) -> ObservedEndpoint:
    return ObservedEndpoint(ID, "text_embedding", "custom", settings, task or {}, chunks)


def shown(service: Mapping[str, Json], **more: Json) -> dict[str, Json]:
    return {"inference_id": ID, "task_type": "text_embedding", "service": "custom", "service_settings": dict(service), **more}


HEADER = "<secret s/k>"
BEFORE = shown({"headers": {"A": HEADER}})

MASKS = (
    pytest.param(
        custom(url="u"), found(url="u", batch_size=1), None, shown({"url": "u", "batch_size": 1}), id="plain settings are shown"
    ),
    pytest.param(
        custom(headers={"A": SEALED}),
        found(headers={"A": CANARY, "B": "b"}),
        None,
        shown({"headers": {"A": HEADER, "B": "b"}}),
        id="fed",
    ),
    pytest.param(
        custom(headers={"A": SEALED}),
        found(headers={"A": "not ours"}),
        None,
        shown({"headers": {"A": HEADER}}),
        id="fed, and another value is there: it may be the old one",
    ),
    pytest.param(
        custom(headers=Sealed("s", "k", {"A": CANARY})),
        found(headers={"A": CANARY}),
        None,
        shown({"headers": HEADER}),
        id="fed as a whole",
    ),
    pytest.param(
        custom(query_parameters=[["key", SEALED]]),
        found(query_parameters=[["key", CANARY]]),
        None,
        shown({"query_parameters": [["key", HEADER]]}),
        id="fed inside a list",
    ),
    pytest.param(
        custom(task={"parameters": {"a": SEALED}}, chunks={"separators": [SEALED]}),
        found(task={"parameters": {"a": CANARY}}, chunks={"separators": [CANARY]}),
        None,
        shown({}, task_settings={"parameters": {"a": HEADER}}, chunking_settings={"separators": [HEADER]}),
        id="fed in the other blocks",
    ),
    pytest.param(
        custom(), found(secret_parameters={"a": CANARY}), None, shown({"secret_parameters": HIDDEN}), id="a secret by its name"
    ),
    pytest.param(None, found(url="u"), None, shown({"url": "u"}), id="the spec can't be resolved"),
    pytest.param(
        custom(secret_parameters={"a": SEALED}),
        found(secret_parameters={"a": CANARY, "b": CANARY}),
        None,
        shown({"secret_parameters": HIDDEN}),
        id="a secret by its name hides all that is inside",
    ),
    pytest.param(custom(), found(headers={"A": CANARY}), BEFORE, BEFORE, id="left out of the spec since: stays masked"),
    pytest.param(None, found(headers={"A": CANARY}), BEFORE, BEFORE, id="the spec can't be resolved any more: stays masked"),
    pytest.param(
        custom(headers={"A": "plain"}),
        found(headers={"A": CANARY}),
        BEFORE,
        BEFORE,
        id="now plain in the spec, but not sent yet: stays masked",
    ),
    pytest.param(
        custom(headers={"A": "plain"}),
        found(headers={"A": "plain"}),
        BEFORE,
        shown({"headers": {"A": "plain"}}),
        id="now plain in the spec and in Elasticsearch: shown",
    ),
    pytest.param(custom(), found(headers={}), BEFORE, shown({"headers": {}}), id="gone from Elasticsearch: nothing to mask"),
    pytest.param(
        custom(),
        found(query_parameters=[["key", CANARY]]),
        shown({"query_parameters": [["key", HEADER]]}),
        shown({"query_parameters": [["key", HEADER]]}),
        id="a mask inside a list stays, too",
    ),
    pytest.param(
        custom(query_parameters=[{"key": SEALED}]),
        found(query_parameters=[{"key": CANARY}]),
        shown({"query_parameters": [{"key": HIDDEN}]}),
        shown({"query_parameters": [{"key": HEADER}]}),
        id="the spec of today knows better than the mask of yesterday",
    ),
)


@pytest.mark.parametrize(("desired", "observed", "before", "expected"), MASKS)
def test_masked(
    desired: DesiredEndpoint | None, observed: ObservedEndpoint, before: dict[str, Json] | None, expected: dict[str, Json]
) -> None:
    document = masked(desired, observed, before)
    assert document == expected
    assert masked(desired, observed, document) == document, "masking again adds nothing"
    assert CANARY not in str(document)


def test_the_observed_endpoint_is_left_alone() -> None:
    observed = found(headers={"A": CANARY})
    masked(custom(headers={"A": SEALED}), observed)
    assert observed == found(headers={"A": CANARY})


DIFFERENCES = (
    pytest.param(("serviceSettings", "url"), "u", {}, True, id="plain"),
    pytest.param(("serviceSettings", "headers", "A"), SEALED, {}, False, id="fed by a Secret"),
    pytest.param(("serviceSettings", "headers", "A"), None, BEFORE, False, id="left out, masked in the status"),
    pytest.param(("serviceSettings", "headers", "A"), "plain", BEFORE, False, id="plain by now, masked in the status"),
    pytest.param(("serviceSettings", "headers", "B"), "plain", BEFORE, True, id="plain, beside a masked one"),
    pytest.param(
        ("serviceSettings", "headers", "A"), None, shown({"headers": HEADER}), False, id="inside what is masked as a whole"
    ),
    pytest.param(("taskType",), "rerank", {}, True, id="the task"),
)


@pytest.mark.parametrize(("path", "wanted", "document", "expected"), DIFFERENCES)
def test_observed_value_of_a_difference(path: tuple[str, ...], wanted: Any, document: dict[str, Json], expected: bool) -> None:
    assert shows(Difference(path, wanted, CANARY, Mutability.MUTABLE), document) is expected


def test_a_document_too_long_for_a_status_keeps_its_name_and_its_masks() -> None:
    long = shown({"request": "x" * 300_000, "headers": {"A": HEADER, "B": "b"}, "query_parameters": [["key", HEADER]]})
    short = shown({"headers": {"A": HEADER}, "query_parameters": HIDDEN})
    assert bounded(long) == short
    observed = found(headers={"A": CANARY}, query_parameters=[["key", CANARY]])
    assert masked(None, observed, bounded(long)) == short, "what was masked stays so"


def test_a_document_that_fits_is_shown_as_it_is() -> None:
    document = shown({"request": "x" * 200_000})
    assert bounded(document) == document
