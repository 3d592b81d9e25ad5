"""A release as most people have it: all namespaces, two pods, one default connection."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.e2e.suite.installed import Installed, container_of
from tests.e2e.suite.stages import OPERATORS, await_ready, endpoints, make_namespace, operator, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster, Json
    from tests.e2e.suite.installed import Elasticsearch

NAMES = [f"endpoint-{number:02}" for number in range(12)]
HOME = "search"

# Of the first process in the container: what the kernel grants it, and what becomes of a write to the root file system.
LOOK = """
import errno, json, os
fields = dict(line.split(":", 1) for line in open("/proc/1/status"))
seen = {name: fields[name].split() for name in ("Uid", "Gid", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}
try:
    open("/somewhere", "w")
except OSError as error:
    seen["write"] = errno.errorcode[error.errno]
seen["token"] = os.path.exists("/var/run/secrets/kubernetes.io/serviceaccount/token")
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def installed(cluster: Cluster, elasticsearch: Elasticsearch) -> Iterator[Installed]:
    release = operator(cluster, elasticsearch, OPERATORS)
    release.install()
    yield release
    release.uninstall()  # others look after all namespaces, too


@pytest.fixture(scope="module")
def objects(cluster: Cluster, installed: Installed) -> str:
    """The namespace of endpoints and of a pipeline, all Ready."""
    make_namespace(cluster, HOME)
    cluster.apply(HOME, pipeline("embed", NAMES[0]), *endpoints(NAMES, "first"))
    await_ready(cluster, HOME, len(NAMES) + 1)
    return HOME


def test_helm_waits_until_two_pods_are_ready(installed: Installed) -> None:
    pods = installed.ready_pods()
    assert len(pods) == installed.replicas == 2
    assert [(container_of(pod)["started"], container_of(pod)["restartCount"]) for pod in pods] == [(True, 0)] * 2
    assert len({pod["status"]["podIP"] for pod in pods}) == 2


def test_the_process_has_no_rights_on_its_node(cluster: Cluster, installed: Installed) -> None:
    for pod in installed.ready_pods():
        where = (pod["metadata"]["name"], f"--namespace={installed.namespace}")
        seen = json.loads(cluster.kubectl("exec", *where, "--", "python3", "-c", LOOK))
        assert seen == {
            "Uid": ["65532"] * 4,
            "Gid": ["65532"] * 4,
            "CapPrm": ["0" * 16],
            "CapEff": ["0" * 16],
            "CapBnd": ["0" * 16],
            "NoNewPrivs": ["1"],
            "Seccomp": ["2"],  # a filter
            "write": "EROFS",
            "token": True,
        }


def test_endpoints_and_a_pipeline_become_ready_by_the_rights_of_the_serviceaccount(
    cluster: Cluster, installed: Installed, objects: str, elasticsearch: Elasticsearch
) -> None:
    assert set(NAMES) <= set(elasticsearch.standin.endpoints)
    assert "embed" in elasticsearch.standin.state.pipelines
    assert elasticsearch.origins_since(0) == [cluster.origin_of(installed.leader())], "only the leader wrote"
    asked = installed.asked()
    assert {entry.resource for entry in asked if entry.is_write} >= {
        "inferenceendpoints/status",
        "ingestpipelines/status",
        "leases",
    }
    assert [entry for entry in asked if entry.code == 403] == []


def edit(cluster: Cluster, user: str) -> None:
    cluster.apply(HOME, *endpoints(NAMES, user))


def assert_converged(cluster: Cluster, elasticsearch: Elasticsearch, user: str) -> None:
    await_ready(cluster, HOME, len(NAMES) + 1)
    assert {elasticsearch.standin.endpoints[name].task_settings["user"] for name in NAMES} == {user}


def assert_one_at_a_time(cluster: Cluster, elasticsearch: Elasticsearch, mark: int, pods: list[Json]) -> None:
    origins = elasticsearch.origins_since(mark)
    assert len(origins) == len(set(origins)), "two wrote at once"
    assert set(origins) <= {cluster.origin_of(pod) for pod in pods}


def test_leadership_is_handed_over_in_a_rollout_while_objects_are_edited(
    cluster: Cluster, installed: Installed, objects: str, elasticsearch: Elasticsearch
) -> None:
    before, mark = installed.pods(), len(elasticsearch.standin.log.writes)
    old_leader = installed.leader()
    with ThreadPoolExecutor(1) as user:
        editing = user.submit(edit, cluster, "during-the-rollout")
        where = (f"deployment/{installed.release}", f"--namespace={installed.namespace}")
        cluster.kubectl("rollout", "restart", *where)
        cluster.kubectl("rollout", "status", *where, "--timeout=80s")
        editing.result()
    assert_converged(cluster, elasticsearch, "during-the-rollout")
    after = installed.await_ready()
    assert not {pod["metadata"]["name"] for pod in before} & {pod["metadata"]["name"] for pod in after}
    assert installed.leader()["metadata"]["name"] != old_leader["metadata"]["name"]
    edit(cluster, "after-the-rollout")
    assert_converged(cluster, elasticsearch, "after-the-rollout")
    assert_one_at_a_time(cluster, elasticsearch, mark, before + after)


def test_leadership_passes_on_when_the_leading_pod_is_deleted(
    cluster: Cluster, installed: Installed, objects: str, elasticsearch: Elasticsearch
) -> None:
    before, mark = installed.await_ready(), len(elasticsearch.standin.log.writes)
    old_leader = installed.leader()
    with ThreadPoolExecutor(1) as user:
        editing = user.submit(edit, cluster, "while-a-pod-goes")
        cluster.kubectl("delete", "pod", old_leader["metadata"]["name"], f"--namespace={installed.namespace}")
        editing.result()
    assert_converged(cluster, elasticsearch, "while-a-pod-goes")
    after = installed.await_ready()
    assert old_leader["metadata"]["uid"] not in {pod["metadata"]["uid"] for pod in after}
    edit(cluster, "after-the-pod-went")
    assert_converged(cluster, elasticsearch, "after-the-pod-went")
    assert_one_at_a_time(cluster, elasticsearch, mark, before + after)


def test_leadership_passes_on_when_the_leading_process_is_killed(
    cluster: Cluster, installed: Installed, objects: str, elasticsearch: Elasticsearch
) -> None:
    installed.await_ready()
    mark, holder = len(elasticsearch.standin.log.writes), installed.holder()
    cluster.signal(container_of(installed.leader())["containerID"], "KILL")
    edit(cluster, "after-the-kill")
    assert_converged(cluster, elasticsearch, "after-the-kill")
    assert installed.holder() != holder, "a new process leads"
    after = installed.await_ready(restarts=1)
    (killed,) = [container_of(pod)["lastState"]["terminated"] for pod in after if container_of(pod)["lastState"]]
    assert killed["exitCode"] == 137
    assert_one_at_a_time(cluster, elasticsearch, mark, after)


def test_a_namespace_can_be_deleted_with_all_that_is_in_it(
    cluster: Cluster, installed: Installed, objects: str, elasticsearch: Elasticsearch
) -> None:
    mark = len(elasticsearch.standin.log.writes)
    cluster.kubectl("delete", "namespace", objects, "--wait", "--timeout=80s")
    assert not set(NAMES) & set(elasticsearch.standin.endpoints)
    assert "embed" not in elasticsearch.standin.state.pipelines
    deleted = [entry for entry in elasticsearch.standin.log.writes[mark:] if (entry.method, entry.status) == ("DELETE", 200)]
    names = [entry.path.rpartition("/")[2] for entry in deleted]
    assert sorted(names) == sorted(["embed", *NAMES])
    assert names.index("embed") < names.index(NAMES[0]), "what uses goes before what is used"
