"""Who is woken by what is heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inference_operator.api.status import SourceKind
from inference_operator.core.values import ObjectRef
from inference_operator.kinds.pipeline.needs import ENDPOINTS, PIPELINES
from inference_operator.kubernetes.values import KubernetesFailure
from inference_operator.shell.queue import Priority
from inference_operator.shell.store import Identity
from tests.elasticsearch.pipeline_bodies import call, inference
from tests.shell.bodies import body, key_of, pipeline_body, pipeline_key
from tests.shell.house import House

SECRET, ANOTHER = (ObjectRef(SourceKind.SECRET, "search", name) for name in ("openai", "another"))
LATER = {"resourceVersion": "2"}
EDITED: dict[str, Any] = {"resourceVersion": "2", "generation": 2}
GOES = {"resourceVersion": "2", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["f"]}


def endpoint(**metadata: Any) -> Any:
    """`e` provides the id `x`."""
    return body("e", {"inferenceId": "x"}, **metadata)


def unreadable(name: str = "e", **metadata: Any) -> Any:
    broken = body(name, {"inferenceId": "x"}, **metadata)
    del broken["spec"]["service"]
    return broken


@pytest.fixture
async def house() -> House:
    """`twin` wants the same id as `e`, `embeds` needs it, `calls` calls `embeds`; `bystander` is a stranger to all of them."""
    house = House()
    house.knows(endpoint(), SECRET)
    house.knows(body("twin", {"inferenceId": "x"}))
    house.knows(pipeline_body("embeds", {"processors": [inference("x")]}))
    house.knows(pipeline_body("calls", {"processors": [call("embeds")]}))
    house.knows(body("bystander"), ANOTHER)
    await house.clock.settle()
    return house


ROWS: tuple[Any, ...] = (
    pytest.param(
        lambda h: h.hear(body("third", {"inferenceId": "x"})), {"third", "e", "twin", "embeds"}, id="came: and all of the same id"
    ),
    pytest.param(lambda h: h.hear(body("third"), None), {"third"}, id="came with the first listing"),
    pytest.param(lambda h: h.hear(endpoint(**EDITED), "MODIFIED"), {"e", "twin", "embeds"}, id="edited"),
    pytest.param(
        lambda h: h.hear(endpoint(**LATER, annotations={"inference-operator.io/a": "b"}), "MODIFIED"),
        {"e", "twin", "embeds"},
        id="annotated by one of ours",
    ),
    pytest.param(
        lambda h: h.hear(endpoint(**LATER, annotations={"a": "b"}), "MODIFIED"), set(), id="annotated otherwise: nobody"
    ),
    pytest.param(lambda h: h.hear(endpoint(**LATER, labels={"a": "b"}), "MODIFIED"), set(), id="labelled: nobody"),
    pytest.param(
        lambda h: h.hear(endpoint(**LATER) | {"status": {"observedGeneration": 1}}, "MODIFIED"),
        set(),
        id="its status alone, mostly our own doing: nobody",
    ),
    pytest.param(lambda h: h.hear(endpoint(**GOES), "MODIFIED"), {"e", "twin", "embeds"}, id="is to go"),
    pytest.param(lambda h: h.hear(endpoint(), "DELETED"), {"twin", "embeds"}, id="went: all but itself"),
    pytest.param(lambda h: h.hear(endpoint(uid="older"), "DELETED"), set(), id="a predecessor went: nobody"),
    pytest.param(lambda h: h.hear(endpoint(resourceVersion="0", generation=9), "MODIFIED"), set(), id="old news: nobody"),
    pytest.param(lambda h: h.hear(endpoint(uid="new"), "ADDED"), {"e", "twin", "embeds"}, id="another object of the same name"),
    pytest.param(
        lambda h: h.hear(body("e", {"inferenceId": "y"}, uid="new"), "ADDED"),
        {"e", "twin", "embeds"},
        id="another object of the same name with another id: also those of the id that it leaves",
    ),
    pytest.param(lambda h: h.hear(unreadable("new")), {"new"}, id="came and can't be read: itself"),
    pytest.param(
        lambda h: h.hear(unreadable(**EDITED), "MODIFIED"), {"e", "twin", "embeds"}, id="can't be read any more: provides nothing"
    ),
    pytest.param(
        lambda h: h.hear(pipeline_body("embeds", **EDITED), "MODIFIED"), {"embeds", "calls"}, id="a pipeline was edited"
    ),
    pytest.param(
        lambda h: h.hear(pipeline_body("embeds"), "DELETED"),
        {"calls", "e", "twin"},
        id="a pipeline went: who calls it, and what it used, which may go now",
    ),
    pytest.param(lambda h: h.hear(pipeline_body("calls"), "DELETED"), {"embeds"}, id="a caller went: what it called may go now"),
    pytest.param(lambda h: h.intake.changed(SECRET), {"e"}, id="a Secret changed: who takes a value from it"),
    pytest.param(
        lambda h: h.intake.changed(ObjectRef(SourceKind.CONFIG_MAP, "search", "openai")), set(), id="a ConfigMap of that name"
    ),
    pytest.param(
        lambda h: h.intake.changed(ObjectRef(SourceKind.SECRET, "other", "openai")), set(), id="a Secret of another namespace"
    ),
    pytest.param(
        lambda h: h.intake.wake_dependants(Identity(ENDPOINTS, "x")), {"embeds"}, id="an endpoint turned Ready: who needs it"
    ),
    pytest.param(
        lambda h: h.intake.wake_dependants(Identity(PIPELINES, "embeds")), {"calls"}, id="a pipeline turned Ready: who calls it"
    ),
    pytest.param(
        lambda h: h.intake.wake_dependants(Identity(PIPELINES, "x")), set(), id="a pipeline of the endpoint's id is another thing"
    ),
    pytest.param(
        lambda h: h.intake.wake_holders([Identity(ENDPOINTS, "x"), Identity(PIPELINES, "none")]),
        {"e", "twin"},
        id="a user was lost or won: who provides it",
    ),
)


@pytest.mark.parametrize(("happens", "woken"), ROWS)
async def test_who_is_woken(house: House, happens: Callable[[House], None], woken: set[str]) -> None:
    assert await house.woken_by(lambda: happens(house)) == woken


async def test_resync_wakes_all_and_forgets_who_vanished_unseen() -> None:
    house = House()
    house.kubernetes.subscribe(lambda event, heard: house.hear(heard, event))
    for name in ("stays", "vanishes"):
        house.kubernetes.create(body(name))
    house.kubernetes.store.hold_events()
    house.kubernetes.delete(key_of("vanishes"))
    assert await house.woken_by(house.intake.resync) == {"stays"}
    assert [key.name for key in house.store] == ["stays"]


async def test_object_that_was_replaced_unseen_is_forgotten_by_its_uid() -> None:
    house = House()
    house.kubernetes.create(body("a"))
    house.hear(body("a", uid="an earlier one"))
    await house.intake.resync()
    assert house.store.get(key_of("a")) is None


async def test_resync_that_can_not_list_forgets_nobody(house: House) -> None:
    house.kubernetes.interceptor = lambda request, moment: KubernetesFailure("list", "not now")
    assert await house.woken_by(house.intake.resync) == {"e", "twin", "embeds", "calls", "bystander"}


async def test_who_went_is_not_worked_on_and_names_nothing_any_more(house: House) -> None:
    house.operator.queue.retry(key_of("e"), Priority.RESYNC, at_least=60.0)
    house.hear(endpoint(), "DELETED")
    assert await house.woken_by(lambda: house.intake.changed(SECRET)) == set()
    await house.clock.advance(3600.0)
    assert await house.woken_by(lambda: None) == set()


async def test_pipeline_that_went_needs_nothing_any_more(house: House) -> None:
    house.hear(pipeline_body("embeds"), "DELETED")
    assert await house.woken_by(lambda: house.intake.wake_dependants(Identity(ENDPOINTS, "x"))) == set()
    assert house.store.needs_of(pipeline_key("embeds")) == frozenset()


async def test_another_object_of_the_same_name_has_its_secrets_asked_for_anew(house: House) -> None:
    house.hear(body("bystander", uid="another", resourceVersion="2"))
    assert house.store.refer(key_of("bystander"), [ANOTHER]), "what polls its Secret has forgotten it"
