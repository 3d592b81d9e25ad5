"""What `plan` does about a changed spec while nothing may be replaced: by setting, by version, by what the server says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference_operator.api.inference_endpoint import InferenceEndpointSpec
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import HttpFailure
from inference_operator.core.paths import put
from inference_operator.core.reasons import Reason
from inference_operator.core.values import ObservedEndpoint, Path, Server
from inference_operator.core.verdict import Held, Inspect, Nothing, Update
from tests.core.situations import (
    ADDRESS,
    DOWN,
    REFUSED,
    UUID,
    deployed,
    edited,
    elser_spec,
    openai_spec,
    ours,
    secret_ref,
    stored,
    told,
    written,
)
from tests.core.stories import End, Story, ending, tell

RATE: Path = ("serviceSettings", "rate_limit", "requests_per_minute")
MODEL: Path = ("serviceSettings", "model_id")
KEY: Path = ("serviceSettings", "api_key")
USER: Path = ("taskSettings", "user")
NOVEL: Path = ("serviceSettings", "novelty")
CHUNKS: Path = ("chunkingSettings", "max_chunk_size")

SPEC = openai_spec({"rate_limit": {"requests_per_minute": 10}})
SAME = stored(SPEC)
UNKNOWN_SETTING = HttpFailure(
    400, "status_exception", "Configuration contains settings [{novelty=2}] unknown to the [openai] service"
)
UNKNOWN_FIELD = HttpFailure(400, "x_content_parse_exception", "[1:2] [openai] unknown field [novelty]")


def sends(*paths: Path) -> Update:
    return Update(frozenset(paths))


def server(version: str | None, *, serverless: bool = False) -> Server:
    return Server(ADDRESS, UUID, version, serverless=serverless)


def change(path: Path, **fields: Any) -> tuple[InferenceEndpointSpec, InferenceEndpointSpec, ObservedEndpoint]:
    """Before, after, and the endpoint once the change is made. The key changes in its Secret, not in the spec."""
    old, new = ("a", "b") if path in (MODEL, USER) else (30, 60)
    before, after = (_with(path, value, fields) for value in (old, new))
    return before, after, stored(after)


def _with(path: Path, value: object, fields: dict[str, Any]) -> InferenceEndpointSpec:
    chunks = {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 1}
    blocks: dict[str, Any] = {
        "serviceSettings": {"model_id": "m", "api_key": secret_ref(), "rate_limit": {"requests_per_minute": 1}},
        "taskSettings": {"user": "u"},
        "chunkingSettings": chunks,
    }
    if path != KEY:
        put(blocks, path, value)
    return InferenceEndpointSpec.model_validate({"taskType": "text_embedding", "service": "openai", **blocks, **fields})


IN_PLACE, SILENT, STUCK = "in place", "silently ignored", "stuck"

MATRIX = [
    *[(version, KEY, IN_PLACE) for version in ("8.17.0", "8.19.3", "9.2.0", "9.4.0", "9.5.0", "serverless", None)],
    *[(version, USER, IN_PLACE) for version in ("8.17.0", "8.19.3", "9.2.0", "9.4.0", "9.5.0", "serverless", None)],
    *[(version, MODEL, STUCK) for version in ("8.17.0", "8.19.3", "9.2.0", "9.4.0", "9.5.0", "serverless", None)],
    *[(version, RATE, STUCK) for version in ("8.17.0", "8.19.3", "9.2.0")],
    *[(version, RATE, IN_PLACE) for version in ("9.4.0", "9.5.0-SNAPSHOT", "serverless", None)],
    (None, RATE, SILENT),
    *[(version, CHUNKS, STUCK) for version in ("8.17.0", "8.19.3", "9.2.0", "9.4.0")],
    *[(version, CHUNKS, IN_PLACE) for version in ("9.5.0", "serverless", None)],
    (None, CHUNKS, SILENT),
    *[(version, NOVEL, SILENT) for version in ("8.17.0", "8.19.3", "9.2.0", "9.4.0", None)],
    *[(version, NOVEL, IN_PLACE) for version in ("9.5.0", "serverless")],
]


@pytest.mark.parametrize(
    ("version", "path", "outcome"),
    [pytest.param(*row, id=f"{row[0] or 'unknown version'}: {row[1][-1]} is {row[2]}") for row in MATRIX],
)
def test_change_of_one_setting(version: str | None, path: Path, outcome: str) -> None:
    at = server("9.6.0", serverless=True) if version == "serverless" else server(version)
    before, after, mended = change(path)
    situation = edited(before, after, server=at, observed=stored(before), secrets_changed=path == KEY)
    expected: dict[str, tuple[Story, End]] = {
        IN_PLACE: ([(sends(path), mended)], Nothing),
        SILENT: ([(sends(path), stored(before))], Reason.UPDATE_IGNORED),
        STUCK: ([], Reason.REPLACE_REQUIRED),
    }
    final = tell(situation, *expected[outcome])
    if outcome is not IN_PLACE:
        verdict = ending(final, expected[outcome][1])
        assert isinstance(verdict, Held)
        assert f"spec.{'.'.join(path)}" in verdict.disposition.message


ALLOCATIONS: Path = ("serviceSettings", "num_allocations")
ADAPTIVE: Path = ("serviceSettings", "adaptive_allocations", "enabled")
THREADS: Path = ("serviceSettings", "num_threads")

IN_CLUSTER = [
    *[(version, ALLOCATIONS, True) for version in ("8.17.0", "8.18.0", "9.5.0", None)],
    ("8.17.0", ADAPTIVE, False),
    *[(version, ADAPTIVE, True) for version in ("8.18.0", "9.5.0", None)],
    *[(version, THREADS, False) for version in ("8.17.0", "9.5.0", None)],
]


@pytest.mark.parametrize(
    ("version", "path", "mendable"),
    [
        pytest.param(*row, id=f"{row[0] or 'unknown version'}: {row[1][1]} {'can' if row[2] else 'can not'} change in place")
        for row in IN_CLUSTER
    ],
)
def test_change_of_an_in_cluster_model(version: str | None, path: Path, mendable: bool) -> None:
    before = elser_spec()
    settings = dict(before.service_settings)
    if path is ADAPTIVE:
        del settings["num_allocations"]
    settings[path[1]] = {"enabled": True} if path is ADAPTIVE else 2
    after = elser_spec(serviceSettings=settings)
    situation = edited(before, after, server=server(version), observed=stored(before))
    if mendable:
        tell(situation, [(sends(path), stored(after)), (Inspect(), deployed())], Nothing)
    else:
        tell(situation, [], Reason.REPLACE_REQUIRED)


def test_every_immutable_path_is_named_also_service_and_task() -> None:
    before = openai_spec({"dimensions": 8})
    after = InferenceEndpointSpec.model_validate(
        {"taskType": "completion", "service": "cohere", "serviceSettings": {"model_id": "large", "api_key": secret_ref()}}
    )
    verdict = ending(edited(before, after, observed=stored(before)), Reason.REPLACE_REQUIRED)
    assert isinstance(verdict, Held)
    for path in ("spec.taskType", "spec.service", "spec.serviceSettings.model_id", "spec.serviceSettings.dimensions"):
        assert path in verdict.disposition.message


BOTH = openai_spec({"model_id": "large", "rate_limit": {"requests_per_minute": 20}})
NOVELTY = openai_spec({"novelty": 2})
NOVELTY_AND_RATE = openai_spec({"novelty": 2, "rate_limit": {"requests_per_minute": 20}})
HALF = stored(SPEC, rate_limit={"requests_per_minute": 20})

REFUSES = (
    pytest.param(
        edited(SPEC, BOTH), [(sends(RATE), HALF)], Reason.REPLACE_REQUIRED, id="what can be mended is mended, the rest is named"
    ),
    pytest.param(
        edited(openai_spec({"novelty": 1}), NOVELTY),
        [(sends(NOVEL), UNKNOWN_SETTING)],
        Reason.REPLACE_REQUIRED,
        id="9.5 says unknown of a setting that it does not take: a replacement",
    ),
    pytest.param(
        edited(openai_spec({"novelty": 1}), NOVELTY),
        [(sends(NOVEL), UNKNOWN_FIELD)],
        Reason.REPLACE_REQUIRED,
        id="services with the newer parser say unknown field",
    ),
    pytest.param(
        edited(openai_spec({"novelty": 1, "rate_limit": {"requests_per_minute": 10}}), NOVELTY_AND_RATE),
        [
            (sends(NOVEL, RATE), UNKNOWN_SETTING),
            (sends(RATE), stored(NOVELTY_AND_RATE, novelty=1)),
            (sends(NOVEL), UNKNOWN_SETTING),
        ],
        Reason.REPLACE_REQUIRED,
        id="one refused setting does not hold up the others",
    ),
    pytest.param(
        edited(openai_spec({"novelty": 1}), NOVELTY, secrets_changed=True),
        [
            (sends(NOVEL, KEY), UNKNOWN_SETTING),
            (sends(KEY), stored(NOVELTY, novelty=1)),
            (sends(NOVEL), UNKNOWN_SETTING),
        ],
        Reason.REPLACE_REQUIRED,
        id="nor a rotated key",
    ),
    pytest.param(
        edited(SPEC, openai_spec({"rate_limit": {"requests_per_minute": 20}})),
        [(sends(RATE), UNKNOWN_SETTING)],
        Reason.VALIDATION_FAILED,
        id="a refusal of a setting that is known to be mutable is told as it is",
    ),
    pytest.param(
        edited(SPEC, openai_spec({"rate_limit": {"requests_per_minute": 20}})),
        [(sends(RATE), REFUSED)],
        Reason.PROVIDER_REFUSED,
        id="the provider refuses the update",
    ),
    pytest.param(
        edited(SPEC, openai_spec({"rate_limit": {"requests_per_minute": 20}})),
        [(sends(RATE), DOWN)],
        Reason.UNREACHABLE,
        id="the update is lost",
    ),
    pytest.param(
        edited(SPEC, openai_spec({"novelty": 2, "rate_limit": {"requests_per_minute": 10}}), server=server("9.2.0")),
        [(sends(NOVEL), SAME)],
        Reason.UPDATE_IGNORED,
        id="a new setting that is taken without a word and not there afterwards was ignored",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), REFUSES)
def test_change_under_replace_policy_never(situation: EndpointSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


def test_mutable_setting_that_the_answer_does_not_show_is_believed() -> None:
    after = openai_spec({"rate_limit": {"requests_per_minute": 10}, "max_input_tokens": 99})
    tell(edited(SPEC, after), [(sends(("serviceSettings", "max_input_tokens")), SAME)], Nothing)


SAID = told(openai_spec({"novelty": 1}), "UpdateIgnored", "serviceSettings.novelty", server=server("9.2.0"))
IGNORED_BEFORE = edited(
    openai_spec({"novelty": 1}), NOVELTY, generation=1, previous=SAID, server=server("9.2.0"), observed=stored(NOVELTY, novelty=1)
)

REMEMBERS = (
    pytest.param(IGNORED_BEFORE, [], Reason.UPDATE_IGNORED, id="not tried again for the same generation and version"),
    pytest.param(
        replace(IGNORED_BEFORE, generation=2),
        [(sends(NOVEL), stored(NOVELTY, novelty=1))],
        Reason.UPDATE_IGNORED,
        id="tried again for another generation",
    ),
    pytest.param(
        replace(IGNORED_BEFORE, server=server("9.5.0")),
        [(sends(NOVEL), stored(NOVELTY))],
        Nothing,
        id="tried again for another version",
    ),
    pytest.param(
        replace(IGNORED_BEFORE, secrets_changed=True),
        [(sends(KEY), stored(NOVELTY, novelty=1))],
        Reason.UPDATE_IGNORED,
        id="a rotated key is sent all the same",
    ),
    pytest.param(
        replace(IGNORED_BEFORE, observed=stored(NOVELTY, novelty=1, model_id="drifted")),
        [],
        Reason.REPLACE_REQUIRED,
        id="an immutable difference beside it asks for a replacement",
    ),
    pytest.param(
        replace(
            IGNORED_BEFORE,
            previous=told(openai_spec({"novelty": 1}), "ReplaceRequired", "serviceSettings.novelty", server=server("9.2.0")),
        ),
        [],
        Reason.REPLACE_REQUIRED,
        id="what was refused before is still called refused",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), REMEMBERS)
def test_ignored_update(situation: EndpointSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


SENTENCES = {"strategy": "sentence", "max_chunk_size": 100, "sentence_overlap": 1}
CHUNKED = openai_spec({"rate_limit": {"requests_per_minute": 10}}, chunkingSettings=SENTENCES)
WITHOUT_CHUNKS = {"strategy": "word", "max_chunk_size": 250, "overlap": 100}


@pytest.mark.parametrize("version", ["8.19.0", "9.2.0"])
def test_chunking_settings_that_an_update_dropped_are_called_lost(version: str) -> None:
    there = replace(stored(CHUNKED), chunking_settings=WITHOUT_CHUNKS)
    situation = ours(CHUNKED, previous=written(CHUNKED, server(version)), server=server(version), observed=there, fresh=True)
    verdict = ending(situation, Reason.REPLACE_REQUIRED)
    assert isinstance(verdict, Held)
    assert "lost by Elasticsearch" in verdict.disposition.message
