"""Any pipeline that Elasticsearch takes: stored as it was written, and never drift, not even to an operator that starts anew."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from inference_operator.core.pipeline.stamp import OWNER_KEY
from tests.machine.scenarios import NEWEST, VERSIONS
from tests.machine.world import World

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(("text", "a.b", "vector", "_id", "{{ name }}", "ünï"))
CONDITIONS = st.sampled_from(("ctx.a == null", "ctx.text != 'x'", "ctx.a?.b == 1"))


def _options(**required: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    common = {"tag": TEXTS, "description": TEXTS, "if": CONDITIONS, "ignore_failure": st.booleans()}
    return st.fixed_dictionaries(required, optional=common)


LEAVES = st.one_of(
    st.builds(lambda options: {"set": options}, _options(field=FIELDS, value=JSON)),
    st.builds(lambda options: {"append": options}, _options(field=FIELDS, value=JSON)),
    st.builds(lambda options: {"remove": options}, _options(field=st.lists(FIELDS, min_size=1, max_size=3) | FIELDS)),
    st.builds(lambda options: {"rename": options}, _options(field=FIELDS, target_field=FIELDS)),
    st.builds(
        lambda options: {"gsub": options}, _options(field=FIELDS, pattern=st.sampled_from(["a+", "\\s"]), replacement=TEXTS)
    ),
    st.builds(lambda options: {"convert": options}, _options(field=FIELDS, type=st.sampled_from(["integer", "auto"]))),
    st.builds(lambda options: {"json": options}, _options(field=FIELDS)),
    st.builds(lambda options: {"fail": options}, _options(message=TEXTS)),
    st.builds(lambda options: {"pipeline": options}, _options(name=st.sampled_from(["{{ route }}", "theirs"]))),
    st.builds(lambda options: {"lowercase": options}, _options(field=FIELDS)),
    st.just({"drop": {}}),
    st.just({"inference": {"model_id": "e", "input_output": [{"input_field": "text", "output_field": "vector"}]}}),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    handled = st.builds(
        lambda leaf, handlers: {kind: {**options, "on_failure": handlers} for kind, options in leaf.items()},
        LEAVES,
        st.lists(inner, min_size=1, max_size=2),
    )
    looped = st.builds(lambda processor: {"foreach": {"field": "parts", "processor": processor}}, inner)
    return handled | looped


PROCESSORS = st.lists(st.recursive(LEAVES, _nested, max_leaves=4), max_size=4)
SPECS = st.fixed_dictionaries(
    {"processors": PROCESSORS},
    optional={
        "description": TEXTS,
        "version": st.integers(-(2**31), 2**31 - 1),
        "onFailure": PROCESSORS.filter(bool),
        "meta": st.dictionaries(TEXTS, JSON, min_size=1, max_size=3),
        "deprecated": st.just(True),
        "fieldAccessPattern": st.just("flexible"),
    },
)
NAMES = {"onFailure": "on_failure", "meta": "_meta", "fieldAccessPattern": "field_access_pattern"}


def text_of(document: Any) -> str:
    """Equal for equal JSON only: 1, 1.0 and true are three things, and lists keep their order."""
    return json.dumps(document, sort_keys=True)


def without_mark(body: Any) -> dict[str, Any]:
    meta = {key: value for key, value in body["_meta"].items() if key != OWNER_KEY}
    return {key: value for key, value in body.items() if key != "_meta"} | ({"_meta": meta} if meta else {})


async def round_trip(version: str, spec: dict[str, Any]) -> None:
    body = {NAMES.get(key, key): value for key, value in spec.items()}
    async with World(version=version) as world:
        openai = {"service": "openai", "service_settings": {"model_id": "text-embedding-3-small", "api_key": "k"}}
        assert (await world.ask("PUT", "/_inference/text_embedding/e", openai)).status_code == 200
        assert (await world.ask("PUT", "/_ingest/pipeline/theirs", {"processors": []})).status_code == 200
        assume((await world.ask("PUT", "/_ingest/pipeline/tried", body)).status_code == 200)
        await world.start()
        key = world.apply_pipeline("a", spec)
        await world.rest()
        assert world.condition(key) == ("True", "Available"), world.message(key)
        assert text_of(without_mark(world.standin.state.pipelines["a"].body)) == text_of(body)
        world.forget_requests()
        await world.resync(2)
        await world.restart()
        await world.rest()
        assert world.writes == (0, 0)
        assert world.pipeline_status(key).drift == ()


CHECKS = [HealthCheck.filter_too_much, HealthCheck.too_slow]


@given(spec=SPECS)
@settings(deadline=None, suppress_health_check=CHECKS, max_examples=10)
def test_what_elasticsearch_takes_is_stored_as_it_was_written_and_is_never_drift(spec: dict[str, Any]) -> None:
    asyncio.run(round_trip(NEWEST, spec))


@pytest.mark.full
@pytest.mark.parametrize("version", VERSIONS)
@given(spec=SPECS)
@settings(deadline=None, suppress_health_check=CHECKS)
def test_many_a_round_trip(version: str, spec: dict[str, Any]) -> None:
    asyncio.run(round_trip(version, spec))
