"""Which endpoints a template's mappings name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.core.references_in_templates import endpoints_in_template
from tests.elasticsearch.laws import LAW

FIELD = {"type": "semantic_text", "inference_id": "e"}


def template(**properties: Any) -> dict[str, Any]:
    return {"index_patterns": ["i*"], "template": {"mappings": {"properties": properties}}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(template(text=FIELD), id="for indexing"),
        pytest.param(template(text={"type": "semantic_text", "search_inference_id": "e"}), id="for searching"),
        pytest.param(template(product={"properties": {"text": FIELD}}), id="in an object"),
        pytest.param(template(lines={"type": "nested", "properties": {"text": FIELD}}), id="in nested documents"),
        pytest.param(template(title={"type": "text", "fields": {"semantic": FIELD}}), id="a second way to index a field"),
        pytest.param(template(**{"product.text": FIELD}), id="a dotted name"),
        pytest.param(template(text={"type": "semantic", "inference_id": "e"}), id="another type of field"),
        pytest.param({"template": {"mappings": {"_doc": {"properties": {"text": FIELD}}}}}, id="below a type name"),
        pytest.param(
            {"template": {"mappings": {"dynamic_templates": [{"all": {"match": "*_text", "mapping": FIELD}}]}}},
            id="a dynamic template",
        ),
    ],
)
def test_an_endpoint_is_found(body: dict[str, Any]) -> None:
    assert endpoints_in_template(body) == {"e"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"index_patterns": ["i*"]}, id="no mappings"),
        pytest.param({"template": {"settings": {"index": {"inference_id": "e"}}}}, id="settings"),
        pytest.param(template(inference_id={"type": "keyword"}), id="a field of that name"),
        pytest.param(template(text={"type": "semantic_text"}), id="an endpoint of Elasticsearch's own"),
        pytest.param({"template": {"mappings": {"_meta": {"inference_id": "e"}}}}, id="what is said of it"),
        pytest.param({"_meta": {"inference_id": "e"}, "template": {}}, id="what is said of the template"),
        pytest.param(template(text={"type": "semantic_text", "inference_id": ""}), id="no name"),
    ],
)
def test_nothing_is_found(body: dict[str, Any]) -> None:
    assert endpoints_in_template(body) == frozenset()


@st.composite
def drawn(draw: st.DrawFn, depth: int = 3) -> tuple[dict[str, Any], frozenset[str]]:
    """Properties, and the ids that were put into them."""
    properties: dict[str, Any] = {}
    names: set[str] = set()
    for number in range(draw(st.integers(0, 3))):
        field: dict[str, Any] = {"type": "semantic_text"}
        for key in ("inference_id", "search_inference_id"):
            if draw(st.booleans()):
                field[key] = draw(st.sampled_from(["a", "b", "c"]))
                names.add(field[key])
        for key in ("properties", "fields"):
            if depth and draw(st.booleans()):
                field[key], inner = draw(drawn(depth - 1))
                names |= inner
        properties[f"f{number}"] = field
    return properties, frozenset(names)


@LAW
@given(drawn())
def test_what_was_put_in_is_found_and_nothing_else(case: tuple[dict[str, Any], frozenset[str]]) -> None:
    properties, names = case
    assert endpoints_in_template(template(**properties)) == names


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["template", "mappings", "properties", "fields", "inference_id", "dynamic_templates", "mapping"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=20,
)


@LAW
@given(JSON)
def test_a_body_of_whatever_shape_has_references_or_has_none(body: Any) -> None:
    assert "" not in endpoints_in_template(body)
