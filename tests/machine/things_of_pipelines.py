"""The thing of an IngestPipeline: an ingest pipeline that sets a field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inference_operator.core.pipeline.stamp import OWNER_KEY
from inference_operator.core.pipeline.values import SYSTEM_KEYS
from inference_operator.kinds.pipeline.kind import PLURAL
from tests.machine.things import Place, Thing
from tests.standin.state import Pipeline

SEEN: list[Any] = [{"set": {"field": "seen", "value": True}}]
UNSEEN: list[Any] = [{"set": {"field": "seen", "value": False}}]
HANDLER: list[Any] = [{"set": {"field": "error", "value": "{{ _ingest.on_failure_message }}"}}]
_PATH = "/_ingest/pipeline"


def stored(place: Place, name: str = "a") -> Pipeline | None:
    """What Elasticsearch holds for an object."""
    return place.standin.state.pipelines.get(place.id_of(name))


def body(place: Place, name: str = "a") -> dict[str, Any]:
    """The pipeline that Elasticsearch holds for an object, mark included. Raises AssertionError where there is none."""
    found = stored(place, name)
    assert found is not None, f"{place.id_of(name)} is not in Elasticsearch"
    return dict(found.body)


def mark(place: Place, name: str = "a") -> Mapping[str, Any]:
    """The operator's mark in the pipeline; empty without one."""
    return dict((body(place, name).get("_meta") or {}).get(OWNER_KEY) or {})


def unmarked(place: Place, name: str = "a") -> dict[str, Any]:
    """The pipeline without the mark."""
    found = body(place, name)
    meta = {key: value for key, value in (found.pop("_meta", None) or {}).items() if key != OWNER_KEY}
    return found | ({"_meta": meta} if meta else {})


async def write(place: Place, wanted: Mapping[str, Any], name: str = "a") -> None:
    """Somebody else writes the pipeline of an object."""
    answer = await place.ask("PUT", f"{_PATH}/{place.id_of(name)}", dict(wanted))
    assert answer.status_code == 200, answer.text


class Pipelines:
    """A `Thing`."""

    kind = "IngestPipeline"
    plural = PLURAL
    id_field = "pipelineId"
    round = _PATH
    create = f"PUT {_PATH}"
    update = f"PUT {_PATH}"
    said_path = "description"
    other_path = "processors[0].set.value"
    plain: Mapping[str, Any] = {"processors": SEEN}
    full: Mapping[str, Any] = {
        "description": "marks what was seen",
        "version": 3,
        "processors": SEEN,
        "onFailure": HANDLER,
        "meta": {"team": "search"},
        "deprecated": True,
        "fieldAccessPattern": "classic",
        "tests": [{"name": "marks", "documents": [{"_source": {"text": "shoe"}}], "expect": [{"_source": {"seen": True}}]}],
        "adoptionPolicy": "Always",
        "driftPolicy": "Correct",
        "deletionPolicy": "Delete",
        "managementPolicy": "Manage",
        "forceDelete": False,
        "suspend": False,
    }
    other: Mapping[str, Any] = {"processors": UNSEEN}

    def __str__(self) -> str:
        return self.kind

    def saying(self, words: str) -> dict[str, Any]:
        return {"description": words}

    def said(self, place: Place, name: str = "a") -> str | None:
        return body(place, name).get("description")

    def stored(self, place: Place, name: str = "a") -> Pipeline | None:
        return stored(place, name)

    def is_full(self, place: Place, name: str = "a") -> bool:
        return unmarked(place, name) == {
            "description": "marks what was seen",
            "version": 3,
            "processors": SEEN,
            "on_failure": HANDLER,
            "_meta": {"team": "search"},
            "deprecated": True,
        }

    def is_other(self, place: Place, name: str = "a") -> bool:
        return bool(body(place, name)["processors"] == UNSEEN)

    def is_from(self, owner: str, place: Place, name: str = "a") -> bool:
        return mark(place, name).get("name") == owner

    async def appear(self, place: Place, name: str = "a", *, other: bool = False) -> None:
        await write(place, {"processors": UNSEEN if other else SEEN}, name)

    async def meddle(self, place: Place, words: str, name: str = "a") -> None:
        """As a person does it in Kibana: what is there with one thing changed, the mark included."""
        path = f"{_PATH}/{place.id_of(name)}"
        found = (await place.ask("GET", path)).json()[place.id_of(name)]
        await write(place, {key: value for key, value in found.items() if key not in SYSTEM_KEYS} | {"description": words}, name)

    async def vanish(self, place: Place, name: str = "a") -> None:
        assert (await place.ask("DELETE", f"{_PATH}/{place.id_of(name)}")).status_code == 200

    async def use(self, place: Place, name: str = "a") -> str:
        """An index template of the same name makes it the default of indices to come."""
        pipeline = {"settings": {"index": {"default_pipeline": place.id_of(name)}}}
        template = {"index_patterns": [f"{place.id_of(name)}-*"], "template": pipeline}
        answer = await place.ask("PUT", f"/_index_template/{place.id_of(name)}", template)
        assert answer.status_code == 200, answer.text
        return f"index template {place.id_of(name)}"

    async def unuse(self, place: Place, name: str = "a") -> None:
        assert (await place.ask("DELETE", f"/_index_template/{place.id_of(name)}")).status_code == 200


PIPELINE: Final[Thing] = Pipelines()
