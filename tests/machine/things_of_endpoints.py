"""The thing of an InferenceEndpoint: an OpenAI endpoint with its key from a Secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inference_operator.kinds.endpoint.kind import PLURAL
from tests.machine.things import KEY, OTHER_KEY, Place, Thing
from tests.machine.world import openai
from tests.standin.state import Endpoint

LARGE = "text-embedding-3-large"
CHUNKING = {"strategy": "sentence", "max_chunk_size": 120, "sentence_overlap": 0}
_KEYS = {"a": KEY, "b": OTHER_KEY}
_TASK = "/_inference/text_embedding"


def settings(**changes: Any) -> dict[str, Any]:
    """`serviceSettings` of an OpenAI endpoint."""
    return dict(openai(**changes)["serviceSettings"])


def stored(place: Place, name: str = "a") -> Endpoint | None:
    """What Elasticsearch holds for an object, secrets included."""
    return place.standin.endpoints.get(place.id_of(name))


def holds(place: Place, name: str = "a") -> Endpoint:
    """What Elasticsearch holds for an object. Raises AssertionError where that is nothing."""
    found = stored(place, name)
    assert found is not None, f"{place.id_of(name)} is not in Elasticsearch"
    return found


class Endpoints:
    """A `Thing`."""

    kind = "InferenceEndpoint"
    plural = PLURAL
    id_field = "inferenceId"
    round = "/_inference/_all"
    create = f"PUT {_TASK}"
    update = f"PUT {_TASK}/_update"
    said_path = "taskSettings.user"
    other_path = "serviceSettings.model_id"
    plain: Mapping[str, Any] = openai()
    full: Mapping[str, Any] = {
        "serviceSettings": settings(dimensions=256, similarity="cosine", rate_limit={"requests_per_minute": 77}),
        "taskSettings": {"user": "search-team"},
        "chunkingSettings": CHUNKING,
        "adoptionPolicy": "Always",
        "replacePolicy": "WhenUnused",
        "driftPolicy": "Correct",
        "deletionPolicy": "Delete",
        "managementPolicy": "Manage",
        "timeout": "20s",
    }
    other: Mapping[str, Any] = {"serviceSettings": settings(model_id=LARGE)}

    def __str__(self) -> str:
        return self.kind

    def saying(self, words: str) -> dict[str, Any]:
        return {"taskSettings": {"user": words}}

    def said(self, place: Place, name: str = "a") -> str | None:
        return holds(place, name).task_settings.get("user")

    def stored(self, place: Place, name: str = "a") -> Endpoint | None:
        return stored(place, name)

    def is_full(self, place: Place, name: str = "a") -> bool:
        found = holds(place, name)
        service = found.service_settings
        return (
            (service["dimensions"], service["similarity"], service["rate_limit"]) == (256, "cosine", {"requests_per_minute": 77})
            and dict(found.task_settings) == {"user": "search-team"}
            and dict(found.chunking_settings or {}) == CHUNKING
        )

    def is_other(self, place: Place, name: str = "a") -> bool:
        return bool(holds(place, name).service_settings["model_id"] == LARGE)

    def is_from(self, owner: str, place: Place, name: str = "a") -> bool:
        return dict(holds(place, name).secrets) == {"api_key": _KEYS[owner]}

    async def appear(self, place: Place, name: str = "a", *, other: bool = False) -> None:
        model = LARGE if other else "text-embedding-3-small"
        body = {"service": "openai", "service_settings": {"model_id": model, "api_key": "a stranger's"}}
        answer = await place.ask("PUT", f"{_TASK}/{place.id_of(name)}", body)
        assert answer.status_code == 200, answer.text

    async def meddle(self, place: Place, words: str, name: str = "a") -> None:
        answer = await place.ask("PUT", f"{_TASK}/{place.id_of(name)}/_update", {"task_settings": {"user": words}})
        assert answer.status_code == 200, answer.text

    async def vanish(self, place: Place, name: str = "a") -> None:
        assert (await place.ask("DELETE", f"/_inference/{place.id_of(name)}?force=true")).status_code == 200

    async def use(self, place: Place, name: str = "a") -> str:
        """An index of the same name has a semantic field."""
        mapping = {"mappings": {"properties": {"body": {"type": "semantic_text", "inference_id": place.id_of(name)}}}}
        answer = await place.ask("PUT", f"/{place.id_of(name)}", mapping)
        assert answer.status_code == 200, answer.text
        return place.id_of(name)

    async def unuse(self, place: Place, name: str = "a") -> None:
        assert (await place.ask("DELETE", f"/{place.id_of(name)}")).status_code == 200


ENDPOINT: Final[Thing] = Endpoints()
