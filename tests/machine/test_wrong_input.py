"""Wrong input of each sort ends in a condition that names the field and says what to do, and heals by itself once cured."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from inference_operator.shell.ports import ObjectKey
from tests.machine.world import CANARY, NAMESPACE, World, openai
from tests.standin import Cluster, Role, Security, User
from tests.standin.faults import unavailable

Cure = Callable[[World, ObjectKey], object]


@dataclass(frozen=True)
class Case:
    """An object, what must be read on it, and what cures it (an edit of the spec, or something in the world)."""

    name: str
    reason: str
    names: tuple[str, ...]
    cure: Cure
    spec: dict[str, Any] = field(default_factory=openai)
    prepare: Callable[[World], object] = lambda world: None
    ready: str = "False"
    mood: str = "Stalled"
    standin: dict[str, Any] = field(default_factory=dict)
    namespace: str = NAMESPACE
    heals: bool = True

    def __str__(self) -> str:
        return self.name


def edit(**changes: Any) -> Cure:
    return lambda world, key: world.kubernetes.edit_spec(key, changes)


def from_secret(name: str, key: str) -> dict[str, Any]:
    return openai(api_key={"valueFrom": {"secretKeyRef": {"name": name, "key": key}}})


async def lose_contact(world: World) -> None:
    world.standin.reachable = False


async def regain_contact(world: World, key: ObjectKey) -> None:
    world.standin.reachable = True


async def refuse_key(world: World) -> None:
    world.standin.refuse_key(CANARY)


async def accept_key(world: World, key: ObjectKey) -> None:
    world.standin.accept_key(CANARY)


async def take_id(world: World) -> None:
    body = {"service": "openai", "service_settings": {"model_id": "other", "api_key": "theirs"}}
    assert (await world.ask("PUT", "/_inference/text_embedding/a", body)).status_code == 200


async def free_id(world: World, key: ObjectKey) -> None:
    assert (await world.ask("DELETE", "/_inference/a")).status_code == 200


async def break_server(world: World) -> None:
    world.standin.faults.add(unavailable())


async def mend_server(world: World, key: ObjectKey) -> None:
    world.standin.faults.clear()


SECURED = Security(
    users={"operator": User("right", ("inference_admin", "reader")), "weak": User("right", ("reader",))},
    roles={"reader": Role(("monitor",))},
)


def log_in(user: str, password: str) -> Callable[..., None]:
    return lambda world, *_: world.put_connection(username=user, password=password)


def buy_licence(world: World, key: ObjectKey) -> None:
    cluster = replace(world.standin.state.cluster, license_type="trial")
    world.standin.change(lambda state: replace(state, cluster=cluster))


CASES = (
    Case(
        "credentials that are not accepted",
        "Unauthorized",
        ("credentials", "Secret"),
        log_in("operator", "right"),
        prepare=log_in("operator", "wrong"),
        ready="Unknown",
        standin={"security": SECURED},
    ),
    Case(
        "a user who lacks a privilege",
        "Forbidden",
        ("cluster:admin/xpack/inference/put", "manage_inference"),
        log_in("operator", "right"),
        prepare=log_in("weak", "right"),
        standin={"security": SECURED},
    ),
    Case(
        "a licence without inference",
        "LicenseNonCompliant",
        ("licence",),
        buy_licence,
        standin={"cluster": Cluster(license_type="basic")},
    ),
    Case(
        "a namespace that the default connection does not serve",
        "CrossNamespaceDenied",
        ("elasticsearchRef", "elsewhere"),
        lambda world, key: None,
        namespace="elsewhere",
        heals=False,
    ),
    Case(
        "an id that only Elasticsearch may have",
        "ValidationFailed",
        ("leading dot", "Observe", "CRD"),
        edit(managementPolicy="Observe"),
        spec=openai() | {"inferenceId": ".elser-2-elasticsearch", "service": "elasticsearch", "taskType": "sparse_embedding"},
        heals=False,
    ),
    Case(
        "a key in plain text",
        "InlineSecret",
        ("spec.serviceSettings.api_key", "valueFrom"),
        edit(serviceSettings=openai()["serviceSettings"]),
        spec=openai(api_key=CANARY),
    ),
    Case(
        "a key in plain text, deep inside",
        "InlineSecret",
        ("spec.serviceSettings.nested.api_key",),
        edit(serviceSettings=openai()["serviceSettings"]),
        spec=openai(nested={"api_key": CANARY}),
    ),
    Case(
        "a missing Secret",
        "SecretNotFound",
        ("spec.serviceSettings.api_key", "search/nowhere"),
        lambda world, key: world.kubernetes.put_secret("search", "nowhere", {"api-key": CANARY}),
        spec=from_secret("nowhere", "api-key"),
        mood="Reconciling",
    ),
    Case(
        "a missing key of a Secret",
        "SecretKeyMissing",
        ("spec.serviceSettings.api_key", "search/openai", "'apikey'"),
        lambda world, key: world.kubernetes.put_secret("search", "openai", {"apikey": CANARY}),
        spec=from_secret("openai", "apikey"),
        mood="Reconciling",
    ),
    Case(
        "a reference that is none",
        "ValidationFailed",
        ("spec.serviceSettings.model_id", "valueFrom"),
        edit(serviceSettings=openai()["serviceSettings"]),
        spec=openai(model_id={"valueFrom": {"secretRef": {"name": "x", "key": "y"}}}),
    ),
    Case(
        "an unknown service",
        "UnknownService",
        ("spec.service", "opanai"),
        edit(service="openai"),
        spec=openai() | {"service": "opanai"},
    ),
    Case(
        "a task type that the service does not offer",
        "UnsupportedTaskType",
        ("spec.taskType", "rerank"),
        edit(taskType="text_embedding"),
        spec=openai() | {"taskType": "rerank"},
    ),
    Case(
        "a setting that the service does not know",
        "ValidationFailed",
        ("modle_id",),
        edit(serviceSettings=openai()["serviceSettings"]),
        spec=openai(modle_id="text-embedding-3-small"),
    ),
    Case("a key that the provider refuses", "ProviderRefused", ("key",), accept_key, prepare=refuse_key),
    Case(
        "a server that can't be reached",
        "Unreachable",
        ("http://standin:9200",),
        regain_contact,
        prepare=lose_contact,
        ready="Unknown",
        mood="Reconciling",
    ),
    Case(
        "a server behind a broken proxy",
        "Unreachable",
        ("http://standin:9200", "proxy"),
        mend_server,
        prepare=break_server,
        ready="Unknown",
        mood="Reconciling",
    ),
    Case("an id that is taken", "AlreadyExists", ("spec.inferenceId", "adoptionPolicy"), free_id, prepare=take_id),
    Case(
        "a missing connection Secret",
        "ConnectionNotFound",
        ("spec.elasticsearchRef.secretName", "search/es"),
        lambda world, key: world.kubernetes.put_secret("search", "es", {"url": "http://standin:9200"}),
        spec=openai() | {"elasticsearchRef": {"secretName": "es"}},
        mood="Reconciling",
    ),
    Case(
        "a connection without url",
        "ConnectionNotFound",
        ("search/es", "url"),
        lambda world, key: world.kubernetes.put_secret("search", "es", {"url": "http://standin:9200"}),
        prepare=lambda world: world.kubernetes.put_secret("search", "es", {"username": "elastic"}),
        spec=openai() | {"elasticsearchRef": {"secretName": "es"}},
    ),
)


async def settle(value: object) -> None:
    if inspect.isawaitable(value):
        await value


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_wrong_input_is_named_and_heals(case: Case) -> None:
    async with World(**case.standin) as world:
        world.put_key()
        await settle(case.prepare(world))
        await world.start()
        if case.namespace != NAMESPACE:
            world.kubernetes.put_secret(case.namespace, "openai", {"api-key": CANARY})
        key = world.apply("a", case.spec, namespace=case.namespace)
        await world.rest()
        assert world.condition(key) == (case.ready, case.reason)
        assert world.condition(key, case.mood) == ("True", case.reason)
        for name in case.names:
            assert name in world.message(key)
        assert CANARY not in world.status(key).model_dump_json()
        if not case.heals:
            return
        await settle(case.cure(world, key))
        await world.rest()
        await world.resync()
        await world.rest()
        assert world.condition(key) == ("True", "Available"), world.message(key)
        assert world.standin.endpoints["a"].secrets == {"api_key": CANARY}
