"""What an `_update` may change on an endpoint of a third-party service, per version.

8.17 to 9.3: secrets and task settings; 9.4 and newer: also the settings that the catalogue marks as updatable.
Stores nothing and does not ask the provider.
"""

from __future__ import annotations

from dataclasses import replace

from tests.standin.catalogue import Service, Setting
from tests.standin.messages import Json
from tests.standin.setting_parsers import (
    SERVICE_SETTINGS,
    TASK_SETTINGS,
    Block,
    parse_block,
    parse_rate_limit,
    refuse_leftovers,
)
from tests.standin.state import Endpoint
from tests.standin.version import Version


def merge(
    service: Service, endpoint: Endpoint, service_settings: Json | None, task_settings: Json | None, version: Version
) -> Endpoint:
    """The endpoint with the given settings over the stored ones. Raises 400 for what the version refuses."""
    merged = endpoint
    if service_settings is not None:
        merged = _with_service_settings(service, merged, Block(SERVICE_SETTINGS, dict(service_settings)), version)
    if task_settings is not None:
        merged = _with_task_settings(service, merged, Block(TASK_SETTINGS, dict(task_settings)), version)
    return merged


def _with_service_settings(service: Service, endpoint: Endpoint, block: Block, version: Version) -> Endpoint:
    settings = [one for one in service.service_settings if one.applies(endpoint.task_type, version)]
    secrets = parse_block(block, [one for one in settings if one.secret], required=_must_repeat_secrets(version))
    changed = _plain_changes(service, endpoint, block, settings, version)
    block.check()
    if version.since("9.5"):
        refuse_leftovers(block.left, service.name, version)
    return replace(
        endpoint,
        service_settings={**endpoint.service_settings, **changed},
        secrets={**endpoint.secrets, **secrets},
    )


def _must_repeat_secrets(version: Version) -> bool:
    """Issue 139651: up to 9.2 an update of service settings had to hold the secret again."""
    return not version.since("9.3")


def _plain_changes(service: Service, endpoint: Endpoint, block: Block, settings: list[Setting], version: Version) -> Json:
    if not version.since("9.4"):
        return {}
    mutable = [one for one in settings if one.updatable and not one.secret]
    changed = parse_block(block, [one for one in mutable if one.name != "rate_limit"], required=False)
    if "rate_limit" in block.left and any(one.name == "rate_limit" for one in mutable):
        limit = parse_rate_limit(block, service.default_rate_limit(endpoint.task_type))
        changed |= {"rate_limit": limit} if limit else {}
    return changed


def _with_task_settings(service: Service, endpoint: Endpoint, block: Block, version: Version) -> Endpoint:
    settings = [one for one in service.task_settings if one.applies(endpoint.task_type, version)]
    changed = parse_block(block, settings, required=False)
    block.check()
    if version.since("9.5"):
        refuse_leftovers(block.left, service.name, version)
    return replace(endpoint, task_settings={**endpoint.task_settings, **changed})
