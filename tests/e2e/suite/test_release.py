"""A release for all namespaces, with two pods, one default connection, and closed to whoever need not reach it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest

from tests.e2e.suite.installed import Installed, container_of
from tests.e2e.suite.stages import OPERATORS, await_ready, endpoints, make_namespace, operator, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster, Json
    from tests.e2e.suite.installed import Elasticsearch

NAMES = [f"endpoint-{number:02}" for number in range(12)]
HOME = "search"
WRITTEN = {"inferenceendpoints/status", "ingestpipelines/status", "leases"}

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


# What metrics answer to a token that may read them (the input), to the operator's own, to one of nobody, and to none.
SCRAPE = """
import json, sys, urllib.error, urllib.request
def status(token):
    headers = {"Authorization": "Bearer " + token} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers=headers), timeout=30) as answer:
            return answer.status, "inference_operator_" in answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, False
own = open("/var/run/secrets/kubernetes.io/serviceaccount/token").read()
print(json.dumps([status(token) for token in (sys.stdin.read().strip(), own, "nobody", "")]))
"""
READER = {"name": "prometheus", "namespace": OPERATORS}


@pytest.fixture(scope="module")
def installed(cluster: Cluster, elasticsearch: Elasticsearch) -> Iterator[Installed]:
    closed: Json = {
        "networkPolicy": {"enabled": True, "elasticsearch": {"ports": [urlsplit(elasticsearch.connection["url"]).port]}},
        "metrics": {"authentication": {"enabled": True, "readers": [READER]}},
    }
    release = operator(cluster, elasticsearch, OPERATORS, **closed)
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


def test_metrics_are_for_those_whom_kubernetes_lets_read_them(cluster: Cluster, installed: Installed) -> None:
    cluster.apply(OPERATORS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": READER["name"]}})
    token = cluster.kubectl("create", "token", READER["name"], f"--namespace={OPERATORS}")
    for pod in installed.ready_pods():
        (port,) = [port["containerPort"] for port in pod["spec"]["containers"][0]["ports"] if port["name"] == "metrics"]
        where = ("--stdin", pod["metadata"]["name"], f"--namespace={installed.namespace}")
        url = f"http://{pod['status']['podIP']}:{port}/metrics"
        answers = json.loads(cluster.kubectl("exec", *where, "--", "python3", "-c", SCRAPE, url, input=token))
        assert answers == [[200, True], [403, False], [401, False], [401, False]]


def test_the_network_policy_is_about_both_pods_and_about_ports_that_they_have(cluster: Cluster, installed: Installed) -> None:
    """Whether it holds is up to the network: the node made here has none that looks at policies."""
    (policy,) = cluster.api.list(f"/apis/networking.k8s.io/v1/namespaces/{installed.namespace}/networkpolicies")
    pods = installed.ready_pods()
    selector = ",".join(f"{name}={value}" for name, value in policy["spec"]["podSelector"]["matchLabels"].items())
    chosen = cluster.api.list(f"/api/v1/namespaces/{installed.namespace}/pods?labelSelector={quote(selector)}")
    assert {pod["metadata"]["uid"] for pod in chosen} == {pod["metadata"]["uid"] for pod in pods}
    opened = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
    assert [{port["name"] for port in pod["spec"]["containers"][0]["ports"]} for pod in pods] == [opened] * 2


def test_endpoints_and_a_pipeline_become_ready_by_the_rights_of_the_serviceaccount(
    cluster: Cluster, installed: Installed, objects: str, elasticsearch: Elasticsearch
) -> None:
    assert set(NAMES) <= set(elasticsearch.standin.endpoints)
    assert "embed" in elasticsearch.standin.state.pipelines
    assert elasticsearch.origins_since(0) == [cluster.origin_of(installed.leader())], "only the leader wrote"
    # The audit log has a write a moment after others see it.
    cluster.eventually(lambda: {entry.resource for entry in installed.asked() if entry.is_write} >= WRITTEN, "its writes")
    assert [entry for entry in installed.asked() if entry.code == 403] == []


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
    before = installed.await_ready()
    leader, mark = installed.leader(), len(elasticsearch.standin.log.writes)
    holder, container = installed.holder(), container_of(leader)["containerID"]
    cluster.signal(container, "KILL")
    edit(cluster, "after-the-kill")
    assert_converged(cluster, elasticsearch, "after-the-kill")
    assert installed.holder() not in {"", holder}, "a new process leads"

    def restarted() -> Json | None:
        same = [container_of(pod) for pod in installed.ready_pods() if pod["metadata"]["uid"] == leader["metadata"]["uid"]]
        return next((status for status in same if status["containerID"] != container), None)

    ended = cluster.eventually(restarted, "the killed container to be there again")["lastState"]["terminated"]
    assert (ended["containerID"].rpartition("/")[2], ended["exitCode"]) == (container, 137)
    assert_one_at_a_time(cluster, elasticsearch, mark, before)


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
