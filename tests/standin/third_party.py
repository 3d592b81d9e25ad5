"""Services that call a provider: from a request's settings to the endpoint that is stored, for any service of the catalogue.

Decides what is required, unknown or filled in. It stores nothing and does not ask the provider.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.standin import provider
from tests.standin.catalogue import CHUNKING_TASKS, DENSE_TASKS, Service, Setting
from tests.standin.chunking import parse_chunking
from tests.standin.errors import bad_request
from tests.standin.java_text import java_text
from tests.standin.messages import Json
from tests.standin.results import Result
from tests.standin.setting_parsers import (
    SERVICE_SETTINGS,
    TASK_SETTINGS,
    Block,
    Context,
    apply_conditions,
    parse_block,
    parse_rate_limit,
    refuse_leftovers,
)
from tests.standin.state import NOTHING, Endpoint, Settings
from tests.standin.version import Version

_NOT_FROM_USERS = "dimensions_set_by_user"


def take_object(config: Json, name: str) -> Json | None:
    """Take one settings block out of the request, as a copy that parsers may empty."""
    value = config.pop(name, None)
    if value is None:
        return None
    if not isinstance(value, dict):
        # Unverified: the server fails while it casts; a create with "service_settings": 1 settles status and words.
        raise bad_request(f"Failed to parse [{name}] of the request [{java_text(value)}]")
    return dict(value)


def take_chunking(config: Json, service: Service, task_type: str, version: Version) -> Settings | None:
    """The chunking settings to store; for tasks without chunking the key stays in the request, as an unknown one."""
    if task_type not in CHUNKING_TASKS:
        return None
    given = config.pop("chunking_settings", None)
    parsed = parse_chunking(given, version)
    return parsed if service.chunking or given else NOTHING


def parse_request(service: Service, inference_id: str, task_type: str, config: Json, version: Version) -> Endpoint:
    """The endpoint that a create request describes. `config` is emptied; raises 400 for whatever is wrong with it."""
    service_settings = take_object(config, SERVICE_SETTINGS)
    if service_settings is None:
        raise bad_request("Missing required field [service_settings]")
    task_settings = take_object(config, TASK_SETTINGS) or {}
    chunking = take_chunking(config, service, task_type, version)
    if task_type not in service.supported_tasks(version):
        raise bad_request(f"The [{service.name}] service does not support task type [{task_type}]")

    block = Block(SERVICE_SETTINGS, service_settings)
    settings = _parse_service_settings(block, service, task_type, version)
    tasks = Block(TASK_SETTINGS, task_settings)
    parsed_tasks = parse_block(tasks, _applicable(service.task_settings, task_type, version))
    tasks.check()
    secrets = _parse_secrets(block, service, task_type, version, settings)
    for left in (config, block.left, tasks.left):
        refuse_leftovers(left, service.name, version)
    return Endpoint(
        inference_id,
        task_type,
        service.name,
        settings,
        secrets,
        _with_defaults(parsed_tasks, service.task_settings, task_type, version),
        chunking,
    )


def _applicable(settings: tuple[Setting, ...], task_type: str, version: Version) -> list[Setting]:
    return [setting for setting in settings if setting.applies(task_type, version)]


def _parse_service_settings(block: Block, service: Service, task_type: str, version: Version) -> Json:
    applicable = _applicable(service.service_settings, task_type, version)
    plain = [setting for setting in applicable if not setting.secret and setting.name != "rate_limit"]
    settings = parse_block(block, plain)
    if any(setting.name == "dimensions" for setting in plain) and block.left.pop(_NOT_FROM_USERS, None) is not None:
        block.errors.append(f"[{block.scope}] does not allow the setting [{_NOT_FROM_USERS}]")
    if any(setting.name == "rate_limit" for setting in applicable):
        limit = parse_rate_limit(block, service.default_rate_limit(task_type))
        settings |= {"rate_limit": limit} if limit else {}
    with_secrets = settings | {name: block.left[name] for name in service.secret_names() if name in block.left}
    defaulted = _with_defaults(with_secrets, tuple(plain), task_type, version)
    conditions = [rule for rule in service.conditions if not _about_secrets(rule.settings, service)]
    known = frozenset(setting.name for setting in applicable)
    apply_conditions(block, conditions, Context(task_type, version, defaulted, known))
    block.check()
    return _with_defaults(settings, tuple(plain), task_type, version)


def _about_secrets(names: tuple[str, ...], service: Service) -> bool:
    return any(name in service.secret_names() for name in names)


def _parse_secrets(block: Block, service: Service, task_type: str, version: Version, settings: Json) -> Json:
    applicable = _applicable(service.service_settings, task_type, version)
    given = settings | {name: value for name, value in block.left.items() if value is not None}
    secrets = parse_block(block, [setting for setting in applicable if setting.secret])
    conditions = [rule for rule in service.conditions if _about_secrets(rule.settings, service)]
    known = frozenset(setting.name for setting in applicable)
    apply_conditions(block, conditions, Context(task_type, version, given, known))
    block.check()
    return secrets


def _with_defaults(given: Json, settings: tuple[Setting, ...], task_type: str, version: Version) -> Json:
    """What was given, filled up with the defaults of the catalogue.

    Whether each task setting's default is stored, or only used at call time, is unverified: a GET of such an endpoint settles it.
    """
    defaults = {
        setting.name: setting.default
        for setting in settings
        if setting.default is not None and setting.name not in given and setting.applies(task_type, version)
    }
    return given | defaults


def with_embedding_details(endpoint: Endpoint, verdict: Result) -> Endpoint:
    """The endpoint after the validation call: measured dimensions and the default similarity are filled in."""
    if endpoint.task_type not in DENSE_TASKS:
        return endpoint
    wanted = endpoint.service_settings.get("dimensions")
    length = provider.measure(verdict, endpoint, wanted)
    filled: dict[str, Any] = dict(endpoint.service_settings)
    filled.setdefault("similarity", _default_similarity(endpoint))
    filled["dimensions"] = length
    hidden = {"dimensions_set_by_user": wanted is not None}
    return replace(endpoint, service_settings=_rate_limit_last(filled), hidden=hidden)


def _default_similarity(endpoint: Endpoint) -> str:
    # For services without a default in the facts this is unverified: a create without `similarity` settles each.
    match endpoint.service, endpoint.service_settings.get("embedding_type"):
        case "cohere", "int8" | "byte":
            return "cosine"
        case _, "bit" | "binary":
            return "l2_norm"
        case _:
            return "dot_product"


def _rate_limit_last(settings: Json) -> Json:
    limit = settings.pop("rate_limit", None)
    return settings | ({"rate_limit": limit} if limit else {})
