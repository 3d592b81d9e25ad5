"""What has to be there before a pod starts, and what the kubelet says while it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.suite.installed import CONNECTION
from tests.e2e.suite.stages import operator

if TYPE_CHECKING:
    from tests.e2e.cluster import Cluster, Json
    from tests.e2e.suite.installed import Elasticsearch


def test_a_pod_waits_for_its_connection_and_an_event_names_the_secret(cluster: Cluster, elasticsearch: Elasticsearch) -> None:
    installed = operator(cluster, elasticsearch, "unconnected", replicas=1, only_itself=True)
    cluster.kubectl("delete", "secret", CONNECTION, f"--namespace={installed.namespace}")
    installed.install(wait=False)
    (pod,) = cluster.eventually(installed.pods, "the pod to be made")

    def said() -> bool:
        return any(
            reason == "FailedMount" and f'secret "{CONNECTION}" not found' in text for reason, text in installed.events(pod)
        )

    def statuses() -> list[Json]:
        """The kubelet tells them apart from its events, and maybe later."""
        (same,) = installed.pods()
        found: list[Json] = same["status"].get("containerStatuses", [])
        return found

    cluster.eventually(said, "an event that names the Secret")
    (status,) = cluster.eventually(statuses, "the state of the container")
    assert status["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert installed.asked() == []

    cluster.apply(installed.namespace, elasticsearch.secret())
    installed.await_ready()
