"""What is sent to create and to update an endpoint.

The only place where values out of Secrets are laid bare: `reveal` is called at this edge, its result goes into a
request and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inference_operator.core.values import DesiredEndpoint, Json, ObservedEndpoint, Path, Tree, reveal, sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SERVICE, _TASK, _CHUNKING = "serviceSettings", "taskSettings", "chunkingSettings"


def create_body(desired: DesiredEndpoint) -> dict[str, Json]:
    """The whole endpoint. `service` as the user wrote it: `elser` has defaults that `elasticsearch` has not."""
    body: dict[str, Json] = {"service": desired.service, "service_settings": reveal(desired.service_settings)}
    if desired.task_settings:
        body["task_settings"] = reveal(desired.task_settings)
    if desired.chunking_settings is not None:
        body["chunking_settings"] = reveal(desired.chunking_settings)
    return body


def update_body(desired: DesiredEndpoint, paths: Iterable[Path], observed: ObservedEndpoint | None = None) -> dict[str, Json]:
    """What must be sent so that `paths` become as desired; empty when nothing can be.

    Settings are merged by the server at their first level, so the whole first-level setting goes out. Secrets go with
    every update (servers before 9.5 demand them); one that `observed` shows with the very same value is no
    secret to Elasticsearch and stays at home: an immutable one would be refused. Chunking settings are replaced as a
    whole. A setting that `desired` no longer has can't be unset and is not mentioned.
    """
    changed = tuple(paths)
    body: dict[str, Json] = {}
    shown_service = observed.service_settings if observed else {}
    shown_task = observed.task_settings if observed else {}
    if service_settings := _changed(desired.service_settings, changed, _SERVICE, shown_service):
        body["service_settings"] = service_settings
    if task_settings := _changed(desired.task_settings, changed, _TASK, shown_task):
        body["task_settings"] = task_settings
    if desired.chunking_settings is not None and any(path[:1] == (_CHUNKING,) for path in changed):
        body["chunking_settings"] = reveal(desired.chunking_settings)
    return body


def _changed(settings: Mapping[str, Tree], paths: tuple[Path, ...], block: str, shown: Mapping[str, Json]) -> dict[str, Any]:
    whole_block = (block,) in paths
    keys = {path[1] for path in paths if len(path) > 1 and path[0] == block}
    return {
        key: reveal(value)
        for key, value in settings.items()
        if whole_block or key in keys or (_is_sealed(value) and not _is_shown(key, value, shown))
    }


def _is_sealed(value: Tree) -> bool:
    return any(True for _ in sealed(value))


def _is_shown(key: str, value: Tree, shown: Mapping[str, Json]) -> bool:
    return key in shown and bool(shown[key] == reveal(value))
