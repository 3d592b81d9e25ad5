"""What several tests stand on: namespaces, installed operators, and objects that a user would apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.cluster.operating import endpoint, secret
from tests.e2e.suite.installed import Installed, container_of, is_ready

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.cluster import Cluster, Json
    from tests.e2e.suite.installed import Elasticsearch

KINDS = ("inferenceendpoints", "ingestpipelines")
_GROUP = "/apis/inference-operator.io/v1alpha1"


OPERATORS = "operators"
"""The namespace of the release that has the CRDs: Helm takes them for somebody else's in any other."""


def make_namespace(cluster: Cluster, name: str) -> None:
    """It may be there."""
    cluster.apply("default", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def pipeline(name: str, calls: str) -> Json:
    """One that embeds with an endpoint."""
    processor = {"inference": {"model_id": calls, "input_output": [{"input_field": "text", "output_field": "vector"}]}}
    return {
        "apiVersion": "inference-operator.io/v1alpha1",
        "kind": "IngestPipeline",
        "metadata": {"name": name},
        "spec": {"processors": [processor]},
    }


def endpoints(names: Sequence[str], user: str) -> list[Json]:
    """With the Secret that holds their key; `user` is a setting that can be edited."""
    return [secret(), *(endpoint(name, taskSettings={"user": user}) for name in names)]


def objects_of(cluster: Cluster, namespace: str) -> list[Json]:
    """Of both kinds."""
    return [one for kind in KINDS for one in cluster.api.list(f"{_GROUP}/namespaces/{namespace}/{kind}")]


def await_ready(cluster: Cluster, namespace: str, count: int) -> list[Json]:
    """Wait until so many objects are there and Ready; returns them."""

    def found() -> list[Json] | None:
        items = objects_of(cluster, namespace)
        return items if len(items) == count and all(map(is_ready, items)) else None

    return cluster.eventually(found, f"{count} objects in {namespace} to be Ready")


def operator(
    cluster: Cluster, elasticsearch: Elasticsearch, namespace: str, *, replicas: int = 2, only_itself: bool = False, **more: Any
) -> Installed:
    """Not installed yet, in a namespace of its own with the connection's Secret.

    Args:
        cluster: where.
        elasticsearch: what it is connected to.
        namespace: of the release; made here if need be.
        replicas: how many pods.
        only_itself: it looks after its own namespace, and after no other.
        **more: further values of the chart.

    """
    make_namespace(cluster, namespace)
    cluster.apply(namespace, elasticsearch.secret())
    return Installed(cluster, namespace, replicas, (namespace,) if only_itself else (), dict(more))


def leave_crds(cluster: Cluster, elasticsearch: Elasticsearch) -> None:
    """As a release does that is uninstalled: operators that look after one namespace need them, and don't install them."""
    installed = operator(cluster, elasticsearch, OPERATORS, nodeSelector={"kubernetes.io/hostname": "no-such-node"})
    installed.install(wait=False)
    installed.uninstall()


class Frozen(NamedTuple):
    """A release of one pod whose process was stopped; `holder` is who held the Lease then, empty for nobody."""

    installed: Installed
    holder: str


def frozen_operator(cluster: Cluster, elasticsearch: Elasticsearch) -> Frozen:
    """One pod, Ready once, whose process was stopped then."""
    installed = operator(cluster, elasticsearch, "frozen", replicas=1, only_itself=True, shutdownGraceSeconds=1)
    installed.install()
    (pod,) = installed.await_ready()
    assert container_of(pod)["restartCount"] == 0
    cluster.signal(container_of(pod)["containerID"], "STOP")
    return Frozen(installed, installed.holder())
