"""What goes out to create and to update: all that is needed, secrets in clear, and nothing that would be refused."""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.core.values import UNREAD, DesiredEndpoint, ObservedEndpoint, Path, Sealed
from inference_operator.elasticsearch.bodies import create_body, update_body

KEY = Sealed("openai", "api-key", "s3cret")


def desired(**changes: Any) -> DesiredEndpoint:
    fields: dict[str, Any] = {
        "inference_id": "a",
        "task_type": "text_embedding",
        "service": "openai",
        "service_settings": {"model_id": "m", "api_key": KEY, "rate_limit": {"requests_per_minute": 500}},
        "task_settings": {"user": "u", "headers": {"x": "y"}},
        "chunking_settings": {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1},
        "sources": {},
    }
    return DesiredEndpoint(**{**fields, **changes})


def observed(**service_settings: Any) -> ObservedEndpoint:
    return ObservedEndpoint("a", "text_embedding", "openai", service_settings, {}, None)


def test_create_sends_everything_in_clear() -> None:
    assert create_body(desired()) == {
        "service": "openai",
        "service_settings": {"model_id": "m", "api_key": "s3cret", "rate_limit": {"requests_per_minute": 500}},
        "task_settings": {"user": "u", "headers": {"x": "y"}},
        "chunking_settings": {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1},
    }


def test_create_leaves_out_what_the_user_left_out() -> None:
    spare = desired(service="elser", service_settings={}, task_settings={}, chunking_settings=None)
    assert create_body(spare) == {"service": "elser", "service_settings": {}}


def test_create_sends_secrets_inside_lists_and_objects() -> None:
    nested = desired(service_settings={"secret_parameters": {"list": [1, {"deep": KEY}]}})
    assert create_body(nested)["service_settings"] == {"secret_parameters": {"list": [1, {"deep": "s3cret"}]}}


SECRET = {"api_key": "s3cret"}


@pytest.mark.parametrize(
    ("paths", "body"),
    [
        pytest.param([], {"service_settings": SECRET}, id="nothing changed: the secrets alone, as for adoption"),
        pytest.param([("serviceSettings", "api_key")], {"service_settings": SECRET}, id="rotation"),
        pytest.param(
            [("serviceSettings", "rate_limit", "requests_per_minute")],
            {"service_settings": {"rate_limit": {"requests_per_minute": 500}, **SECRET}},
            id="a nested setting goes with its whole first level",
        ),
        pytest.param([("taskSettings", "user")], {"service_settings": SECRET, "task_settings": {"user": "u"}}, id="task setting"),
        pytest.param(
            [("taskSettings", "headers", "x")],
            {"service_settings": SECRET, "task_settings": {"headers": {"x": "y"}}},
            id="nested task setting",
        ),
        pytest.param(
            [("chunkingSettings", "max_chunk_size")],
            {
                "service_settings": SECRET,
                "chunking_settings": {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1},
            },
            id="chunking settings go as a whole",
        ),
        pytest.param(
            [("serviceSettings", "gone"), ("taskSettings", "gone")],
            {"service_settings": SECRET},
            id="what the spec no longer has can't be unset",
        ),
        pytest.param(
            [("taskSettings",)],
            {"service_settings": SECRET, "task_settings": {"user": "u", "headers": {"x": "y"}}},
            id="a whole block",
        ),
    ],
)
def test_updates(paths: list[Path], body: dict[str, Any]) -> None:
    assert update_body(desired(), paths) == body


def test_chunking_that_the_spec_no_longer_has_is_not_sent() -> None:
    assert "chunking_settings" not in update_body(desired(chunking_settings=None), [("chunkingSettings", "strategy")])


def test_nothing_to_send_is_an_empty_body() -> None:
    assert update_body(desired(service_settings={"model_id": "m"}), [("serviceSettings", "gone")]) == {}


def test_a_sealed_setting_that_elasticsearch_shows_unchanged_is_no_secret_to_it_and_is_not_sent() -> None:
    model = Sealed("config", "model", "m")
    wanted = desired(service_settings={"model_id": model, "api_key": KEY})
    assert update_body(wanted, [], observed(model_id="m")) == {"service_settings": SECRET}
    assert update_body(wanted, [], observed(model_id="old")) == {"service_settings": {"model_id": "m", **SECRET}}
    assert update_body(wanted, []) == {"service_settings": {"model_id": "m", **SECRET}}


def test_a_secret_that_was_not_read_is_never_sent_as_something_else() -> None:
    unread = desired(service_settings={"api_key": Sealed("openai", "api-key", UNREAD)})
    for make in (create_body, lambda wanted: update_body(wanted, [])):
        with pytest.raises(ValueError, match="was not read"):
            make(unread)
