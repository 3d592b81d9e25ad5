"""A namespace goes, the operator was started anew, and the way to Elasticsearch is broken: what may be given up, and what not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from inference_operator.api.meta import ALLOW_NAMESPACES_ANNOTATION
from inference_operator.shell.ports import KubernetesFailure, ObjectKey
from tests.fake_kubernetes_requests import Moment, Request
from tests.machine.world import NAMESPACE, World

ELSEWHERE = "elastic"
CONNECTION = {"url": "http://standin:9200"}
ALLOWED = {ALLOW_NAMESPACES_ANNOTATION: NAMESPACE}
BUSY = KubernetesFailure("get secrets", "too many requests", status=429)

SHARED: Mapping[str, object] = {"elasticsearchRef": {"namespace": ELSEWHERE, "secretName": "es"}}
OWN: Mapping[str, object] = {"elasticsearchRef": {"secretName": "es"}}
ECK: Mapping[str, object] = {"elasticsearchRef": {"namespace": ELSEWHERE, "name": "es"}}
ECK_WITH_OWN_LOGIN: Mapping[str, object] = {"elasticsearchRef": {"namespace": ELSEWHERE, "name": "es", "authSecretName": "login"}}
DEFAULT: Mapping[str, object] = {}


def provide(world: World) -> None:
    """Everything that the references need."""
    world.put_connection()
    for namespace in (NAMESPACE, ELSEWHERE):
        world.kubernetes.put_secret(namespace, "es", CONNECTION, ALLOWED)
    world.kubernetes.put_secret(NAMESPACE, "login", {"api-key": "anything"})
    world.kubernetes.put_elasticsearch(ELSEWHERE, "es", annotations=ALLOWED, tls=False)
    world.kubernetes.put_secret(ELSEWHERE, "es-es-elastic-user", {"elastic": "anything"})


def can_not_be_read(*targets: str) -> Callable[[World], None]:
    def fail(request: Request, _: Moment) -> KubernetesFailure | None:
        return BUSY if request.target in targets else None

    def breaks(world: World) -> None:
        world.kubernetes.interceptor = fail

    return breaks


def mend(world: World) -> None:
    """What lies outside of the namespace that goes is as it was."""
    world.kubernetes.interceptor = None
    world.put_connection()
    world.kubernetes.put_secret(ELSEWHERE, "es", CONNECTION, ALLOWED)
    world.kubernetes.put_secret(ELSEWHERE, "es-es-elastic-user", {"elastic": "anything"})


def goes(world: World) -> None:
    world.kubernetes.terminate_namespace(NAMESPACE)


async def cut_off(world: World, spec: Mapping[str, object], *deeds: Callable[[World], None]) -> ObjectKey:
    """An endpoint is there, the operator ends, its namespace goes and more happens, and it starts anew."""
    provide(world)
    world.put_key()
    await world.start()
    key = world.apply("a", spec)
    await world.rest()
    assert world.condition(key) == ("True", "Available"), world.message(key)
    await world.kill()
    for deed in (goes, *deeds):
        deed(world)
    await world.start()
    await world.rest()
    return key


def half_edited(world: World) -> None:
    world.kubernetes.put_secret(ELSEWHERE, "es", {"api-key": "without a url"}, ALLOWED)


def not_allowed(world: World) -> None:
    world.kubernetes.put_secret(ELSEWHERE, "es", CONNECTION)


def without_default(world: World) -> None:
    world.kubernetes.delete_secret("operators", "default")


def without_superuser(world: World) -> None:
    world.kubernetes.delete_secret(ELSEWHERE, "es-es-elastic-user")


MENDABLE = [
    pytest.param(SHARED, can_not_be_read(f"secrets/{ELSEWHERE}/es"), "WaitingForReference", id="the API server is busy"),
    pytest.param(DEFAULT, can_not_be_read("secrets/operators/default"), "WaitingForReference", id="so it is for the default"),
    pytest.param(OWN, can_not_be_read(f"secrets/{NAMESPACE}/es"), "WaitingForReference", id="whether it went can't be told"),
    pytest.param(SHARED, half_edited, "ConnectionNotFound", id="somebody is editing the connection"),
    pytest.param(SHARED, not_allowed, "CrossNamespaceDenied", id="its owner does not allow it just now"),
    pytest.param(DEFAULT, without_default, "ConnectionNotFound", id="the default connection is missing"),
    pytest.param(ECK, without_superuser, "ConnectionNotFound", id="ECK's Secret is missing in a namespace that stays"),
]


@pytest.mark.parametrize(("spec", "breaks", "reason"), MENDABLE)
async def test_what_may_be_mended_holds_the_deletion_and_says_how_to_let_go(
    spec: Mapping[str, object], breaks: Callable[[World], None], reason: str
) -> None:
    async with World() as world:
        key = await cut_off(world, spec, breaks)
        assert world.condition(key) == ("False", reason), world.message(key)
        assert "spec.deletionPolicy: Retain" in world.message(key)
        mend(world)
        await world.resync()
        assert world.is_gone(key)
        assert ("a" in world.standin.endpoints) == (spec is OWN), "deleted, unless its connection went with the namespace"


@pytest.mark.parametrize("spec", [OWN, ECK_WITH_OWN_LOGIN], ids=["the connection", "the login"])
async def test_a_secret_that_went_with_the_namespace_does_not_hold_it_up(spec: Mapping[str, object]) -> None:
    async with World() as world:
        key = await cut_off(world, spec)
        assert world.is_gone(key)
        assert "a" in world.standin.endpoints


async def test_an_eck_cluster_that_is_gone_does_not_hold_the_namespace_up() -> None:
    async with World() as world:
        key = await cut_off(world, ECK, lambda world: world.kubernetes.delete_elasticsearch(ELSEWHERE, "es"))
        assert world.is_gone(key)
