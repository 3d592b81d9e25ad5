"""Stories about what a spec refers to: Secrets, ConfigMaps, connections; and about values that must not stand in it."""

from __future__ import annotations

from typing import Any

from inference_operator.api.meta import ALLOW_NAMESPACES_ANNOTATION
from inference_operator.core.reasons import Reason
from inference_operator.shell.ports import KubernetesFailure, ObjectKey
from tests.docs.story import MISSING, REFUSED, UNUSABLE, Deed, Goes, Story, edit
from tests.fake_kubernetes import Request
from tests.machine.world import CANARY, NAMESPACE, World, openai

URL = {"url": "http://standin:9200"}
PLAIN = openai()["serviceSettings"]


def secret(name: str, key: str = "api-key", namespace: str = NAMESPACE, value: str = CANARY) -> Any:
    return lambda world, *_: world.kubernetes.put_secret(namespace, name, {key: value})


def from_secret(name: str, key: str = "api-key", **more: str) -> dict[str, Any]:
    return openai(api_key={"valueFrom": {"secretKeyRef": {"name": name, "key": key}, **more}})


def connection(name: str, namespace: str = NAMESPACE, data: dict[str, str] = URL, allowed: str = "") -> Any:
    annotations = {ALLOW_NAMESPACES_ANNOTATION: allowed}
    return lambda world, *_: world.kubernetes.put_secret(namespace, name, data, annotations)


def to(**reference: str) -> dict[str, Any]:
    return {"elasticsearchRef": reference}


def eck(allowed: str = "") -> Any:
    """A cluster of ECK in namespace `elastic`, with what ECK makes beside it."""

    def make(world: World, *_: object) -> None:
        annotations = {ALLOW_NAMESPACES_ANNOTATION: allowed}
        world.kubernetes.put_elasticsearch("elastic", "quickstart", annotations=annotations, tls=False)
        world.kubernetes.put_secret("elastic", "quickstart-es-elastic-user", {"elastic": "changeme"})

    return make


def refuse_reading(target: str) -> Deed:
    """The API server answers 500 to reads of one object."""
    failure = KubernetesFailure(f"get {target}", "HTTP 500: etcdserver: request timed out", status=500)

    def intercept(request: Request, _: object) -> KubernetesFailure | None:
        return failure if request.target == target else None

    def set_up(world: World) -> None:
        world.kubernetes.interceptor = intercept

    return set_up


def mend(world: World, key: ObjectKey) -> None:
    world.kubernetes.interceptor = None


STORIES = (
    Story(
        title="a Secret that does not exist",
        reason=Reason.SECRET_NOT_FOUND,
        shown=MISSING,
        goes=Goes.AT_ONCE,
        spec=from_secret("later"),
        cure=secret("later"),
    ),
    Story(
        title="a Secret without the key",
        reason=Reason.SECRET_KEY_MISSING,
        shown=MISSING,
        goes=Goes.AT_ONCE,
        spec=from_secret("openai", "apikey"),
        cure=secret("openai", "apikey"),
    ),
    Story(
        title="a ConfigMap that does not exist",
        reason=Reason.WAITING_FOR_REFERENCE,
        shown=MISSING,
        goes=Goes.AT_ONCE,
        spec=openai(model_id={"valueFrom": {"configMapKeyRef": {"name": "models", "key": "embedding"}}}),
        cure=lambda world, key: world.kubernetes.put_config_map(NAMESPACE, "models", {"embedding": "text-embedding-3-small"}),
    ),
    Story(
        title="a Secret that the API server does not give out",
        reason=Reason.WAITING_FOR_REFERENCE,
        shown=MISSING,
        goes=Goes.RETRIED,
        before=refuse_reading("secrets/search/openai"),
        cure=mend,
    ),
    Story(
        title="a key in plain text",
        reason=Reason.INLINE_SECRET,
        shown=REFUSED,
        goes=Goes.EDITED,
        spec=openai(nested={"api_key": CANARY}),
        cure=edit(serviceSettings=PLAIN),
    ),
    Story(
        title="a connection Secret that does not exist",
        reason=Reason.CONNECTION_NOT_FOUND,
        shown=MISSING,
        goes=Goes.AT_ONCE,
        spec=to(secretName="es"),
        cure=connection("es"),
    ),
    Story(
        title="a connection Secret that lacks the address",
        reason=Reason.CONNECTION_NOT_FOUND,
        shown=UNUSABLE,
        goes=Goes.AT_ONCE,
        spec=to(secretName="es"),
        before=connection("es", data={"username": "elastic", "password": "changeme"}),
        cure=connection("es"),
    ),
    Story(
        title="a cluster of ECK that does not exist",
        reason=Reason.CONNECTION_NOT_FOUND,
        shown=MISSING,
        goes=Goes.RETRIED,
        spec=to(name="quickstart"),
        before=secret("quickstart-es-elastic-user", "elastic"),
        cure=lambda world, key: world.kubernetes.put_elasticsearch(NAMESPACE, "quickstart", tls=False),
    ),
    Story(
        title="a connection Secret of another namespace that does not allow it",
        reason=Reason.CROSS_NAMESPACE_DENIED,
        shown=UNUSABLE,
        goes=Goes.AT_ONCE,
        spec=to(secretName="es", namespace="elastic"),
        before=connection("es", "elastic"),
        cure=connection("es", "elastic", allowed=NAMESPACE),
    ),
    Story(
        title="a cluster of ECK in another namespace that does not allow it",
        reason=Reason.CROSS_NAMESPACE_DENIED,
        shown=UNUSABLE,
        goes=Goes.RETRIED,
        spec=to(name="quickstart", namespace="elastic"),
        before=eck(),
        cure=eck(allowed=f"shop,{NAMESPACE}"),
    ),
)
