"""What has to be there before a pod starts, and what the kubelet says while it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.suite.installed import CONNECTION
from tests.e2e.suite.stages import operator

if TYPE_CHECKING:
    from tests.e2e.cluster import Cluster
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

    cluster.eventually(said, "an event that names the Secret")
    (pod,) = installed.pods()
    (status,) = pod["status"]["containerStatuses"]
    assert status["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert installed.asked() == []

    cluster.apply(installed.namespace, elasticsearch.secret())
    installed.await_ready()
