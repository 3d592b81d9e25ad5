"""The catalogue: lookups, and what must hold for every entry of the data."""

from __future__ import annotations

import pytest

from inference_operator.api.services import Service, Setting, catalogue

CATALOGUE = catalogue()
SERVICES = list(CATALOGUE.services.values())
SETTINGS = [
    pytest.param(service, setting, id=f"{service.name}-{setting.name}")
    for service in SERVICES
    for setting in (*service.service_settings.values(), *service.task_settings.values())
]
TASK_TYPES = {"text_embedding", "sparse_embedding", "rerank", "completion", "chat_completion", "embedding"}


def test_the_services_that_users_ask_for_are_known() -> None:
    assert set(CATALOGUE.services) >= {
        "alibabacloud-ai-search",
        "amazonbedrock",
        "anthropic",
        "azureaistudio",
        "azureopenai",
        "cohere",
        "custom",
        "deepseek",
        "elasticsearch",
        "elser",
        "googleaistudio",
        "googlevertexai",
        "hugging_face",
        "jinaai",
        "mistral",
        "openai",
        "tencent_cloud_ai_search",
        "voyageai",
        "watsonxai",
    }


def test_a_service_is_found_by_its_name_and_its_aliases() -> None:
    assert CATALOGUE.find("openai") is CATALOGUE.services["openai"]
    assert CATALOGUE.find("sagemaker") is CATALOGUE.services["amazon_sagemaker"]
    assert CATALOGUE.find("tomorrow") is None


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("elser", "elasticsearch"),
        ("elasticsearch", "elasticsearch"),
        ("sagemaker", "amazon_sagemaker"),
        ("openai", "openai"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_names_are_compared_by_what_elasticsearch_returns(name: str, canonical: str) -> None:
    assert CATALOGUE.canonical(name) == canonical


def test_secrets_are_known_by_service() -> None:
    assert CATALOGUE.services["amazonbedrock"].sensitive_names == {"access_key", "secret_key"}
    assert CATALOGUE.services["custom"].sensitive_names == {"secret_parameters"}
    assert CATALOGUE.services["googlevertexai"].sensitive_names == {"service_account_json"}
    assert CATALOGUE.services["azureopenai"].sensitive_names == {"api_key", "entra_id", "client_secret"}
    assert CATALOGUE.services["tencent_cloud_ai_search"].sensitive_names == {"secret_id", "secret_key"}
    assert CATALOGUE.services["elasticsearch"].sensitive_names == frozenset()


@pytest.mark.parametrize(
    ("service", "name", "expected"),
    [
        ("openai", "api_key", True),
        ("openai", "model_id", False),
        ("openai", "secret_key", True),
        ("tomorrow", "api_key", True),
        ("tomorrow", "model_id", False),
        ("sagemaker", "access_key", True),
    ],
)
def test_a_secret_of_any_service_is_a_secret_where_it_is_not_known(service: str, name: str, expected: bool) -> None:
    assert CATALOGUE.is_sensitive(service, name) is expected


def test_a_default_may_depend_on_the_task_type() -> None:
    setting = CATALOGUE.setting("openai", "rate_limit")

    assert setting is not None
    assert setting.default("completion") == {"requests_per_minute": 500}
    assert setting.default("text_embedding") == {"requests_per_minute": 3000}


def test_what_is_not_known_has_no_setting() -> None:
    assert CATALOGUE.setting("tomorrow", "api_key") is None
    assert CATALOGUE.setting("openai", "user") is None
    assert CATALOGUE.task_setting("tomorrow", "user") is None


def test_task_settings_are_apart_from_service_settings() -> None:
    setting = CATALOGUE.task_setting("openai", "user")

    assert setting is not None
    assert (setting.type, setting.sensitive, setting.updatable) == ("string", False, True)


@pytest.mark.parametrize("service", SERVICES, ids=[service.name for service in SERVICES])
def test_every_service_is_consistent(service: Service) -> None:
    assert service.task_types
    assert set(service.task_types) <= TASK_TYPES
    assert service.min_version is None or service.min_version >= (8, 11, 0)
    assert service.alias_of is None or service.alias_of in CATALOGUE.services
    assert all(alias not in CATALOGUE.services for alias in service.aliases)


@pytest.mark.parametrize(("service", "setting"), SETTINGS)
def test_every_setting_is_consistent(service: Service, setting: Setting) -> None:
    assert setting.description
    assert set(setting.task_types) <= set(service.task_types)
    assert bool(setting.values) == (setting.type == "enum")
    assert not setting.sensitive or setting.updatable, "Elasticsearch updates secrets in every version"
    for task_type in service.task_types:
        default = setting.default(task_type)
        assert default is None or not setting.values or default in setting.values
        assert setting.type != "integer" or default is None or type(default) is int
        assert setting.type != "object" or default is None or isinstance(default, dict)


def test_a_name_is_secret_in_all_services_that_have_it_or_in_none() -> None:
    # The CRD has one schema for all services: a name with two meanings could not be typed.
    secret = CATALOGUE.sensitive_names()
    plain = {name for service in SERVICES for name, setting in service.service_settings.items() if not setting.sensitive}

    assert secret & plain == set()
