"""Each right of the chart's role is needed, and its lack is told: taken away one at a time, from a running release.

What is told is the API server's own refusal, which names verb and resource, in the log or in a condition of an object that
needs it; or a line of ours where the operator gets by in another way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.chart.rights import RIGHTS, Right
from tests.cluster.operating import Operating, endpoint, eventually, operating, secret
from tests.controlplane import ControlPlane

pytestmark = pytest.mark.full

CRDS = Path(__file__).parents[2] / "crds"
KINDS = ("inferenceendpoints.inference-operator.io", "ingestpipelines.inference-operator.io")
SECONDS = 45.0
# Used only where the API server can't stream what is there at the start of a watch; this one can.
FOR_OLDER_SERVERS = {Right("", "secrets", "list"), Right("", "configmaps", "list")}
REPEATED = Right("events.k8s.io", "events", "patch")
# Where the operator gets by in another way, it says which.
GETS_BY = {
    Right("", "secrets", "watch"): "secrets in all namespaces may not be watched: what objects refer to is polled instead",
    Right("", "configmaps", "watch"): "configmaps in all namespaces may not be watched: what objects refer to is polled instead",
}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of its own: the operator looks after all namespaces."""
    with ControlPlane() as started:
        started.kubectl("apply", "--server-side", f"--filename={CRDS}")
        started.await_established(*KINDS)
        yield started


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operating]:
    with operating(plane, tmp_path_factory.mktemp("operating")) as running:
        running.kill()
        yield running


@pytest.fixture(scope="module")
def role(operator: Operating) -> dict[str, Any]:
    """The role as the chart makes it."""
    found: list[dict[str, Any]] = json.loads(operator.plane.kubectl("get", "clusterroles", "--output=json"))["items"]
    (one,) = (item for item in found if "inference-operator" in item["metadata"]["name"])
    return one


def without(rules: list[dict[str, Any]], right: Right) -> list[dict[str, Any]]:
    """The rules less one verb on one resource."""
    left: list[dict[str, Any]] = []
    for rule in deepcopy(rules):
        if right.group not in rule["apiGroups"] or right.resource not in rule["resources"] or right.verb not in rule["verbs"]:
            left.append(rule)
            continue
        others = [resource for resource in rule["resources"] if resource != right.resource]
        verbs = [verb for verb in rule["verbs"] if verb != right.verb]
        left += [rule | {"resources": others}] if others else []
        left += [rule | {"resources": [right.resource], "verbs": verbs}] if verbs else []
    return left


def things(namespace: str) -> list[dict[str, Any]]:
    """Objects that together use every right: values of both kinds, an ECK cluster, a pipeline, something to tell as an event."""
    model = {"valueFrom": {"configMapKeyRef": {"name": "model", "key": "id"}}}
    key = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}}
    pipeline = {
        "apiVersion": "inference-operator.io/v1alpha1",
        "kind": "IngestPipeline",
        "metadata": {"name": "products"},
        "spec": {"pipelineId": f"{namespace}-products", "processors": [{"set": {"field": "seen", "value": True}}]},
    }
    return [
        secret(),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "model"}, "data": {"id": "text-embedding-3-small"}},
        endpoint("fed", inferenceId=f"{namespace}-fed", serviceSettings={"model_id": model, "api_key": key}),
        endpoint("of-eck", inferenceId=f"{namespace}-of-eck", elasticsearchRef={"name": "quickstart"}),
        endpoint("lacking", inferenceId=f"{namespace}-lacking", serviceSettings=LACKING),
        pipeline,
    ]


LACKING = {"model_id": "x", "api_key": {"valueFrom": {"secretKeyRef": {"name": "nobody-made-it", "key": "api-key"}}}}


def told(operator: Operating, namespace: str, log: Path) -> str:
    """All that a person can read."""
    kinds = "inferenceendpoints,ingestpipelines"
    return log.read_text() + operator.plane.kubectl("get", kinds, f"--namespace={namespace}", "--output=json")


@pytest.mark.parametrize("right", sorted(RIGHTS - FOR_OLDER_SERVERS), ids=lambda right: f"{right.verb} {right.resource}")
def test_its_lack_is_told(operator: Operating, role: dict[str, Any], namespace: str, right: Right) -> None:
    name, rules = role["metadata"]["name"], without(role["rules"], right)
    assert rules != role["rules"], "the role has the right"
    _set_rules(operator, name, rules)
    try:
        operator.apply(namespace, *things(namespace))
        log = operator.launch()
        if right == REPEATED:
            _repeat_an_event(operator, namespace)
        lack = re.compile(rf"cannot {right.verb} resource \\*\"{right.resource}\\*\"")
        wanted = GETS_BY.get(right)

        def seen() -> bool:
            text = told(operator, namespace, log)
            return wanted in text if wanted else bool(lack.search(text))

        eventually(seen, f"the lack of {right} to be told", SECONDS)
    finally:
        operator.kill()
        _set_rules(operator, name, role["rules"])


def _repeat_an_event(operator: Operating, namespace: str) -> None:
    """What is told twice within minutes is one event that is counted."""
    operator.await_condition(namespace, "lacking", ("False", "SecretNotFound"))
    operator.apply(namespace, secret("nobody-made-it"))
    operator.await_condition(namespace, "lacking", ("True", "Available"))
    operator.plane.kubectl("delete", "secret", "nobody-made-it", f"--namespace={namespace}")


def _set_rules(operator: Operating, name: str, rules: list[dict[str, Any]]) -> None:
    operator.plane.kubectl("patch", "clusterrole", name, "--type=merge", f"--patch={json.dumps({'rules': rules})}")
