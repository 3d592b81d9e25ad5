"""Each right that a profile of the chart grants is needed, and its lack is told: taken away one at a time, from a new start.

What is told is the API server's own refusal, which names verb and resource, in the log or in a condition of an object that
needs it; or a line of ours where the operator gets by in another way. Of the default profile each verb is taken away, of the
others each rule.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from inference_operator.api.meta import FINALIZER
from tests.chart.rights import RIGHTS, Right
from tests.cluster.operating import Operating, endpoint, eventually, secret
from tests.cluster.profiles import PROFILES, Installed, installed

pytestmark = pytest.mark.full

SECONDS = 45.0
# Used only where the API server can't stream what is there at the start of a watch; this one can.
FOR_OLDER_SERVERS = {Right("", "secrets", "list"), Right("", "configmaps", "list")}
REPEATED = Right("events.k8s.io", "events", "patch")
# Where the operator gets by in another way, it says which; where nothing can be chosen, that as well.
SAID = {
    Right("", "secrets", "watch"): "secrets in .* may not be watched: what objects refer to is polled instead",
    Right("", "configmaps", "watch"): "configmaps in .* may not be watched: what objects refer to is polled instead",
    Right("", "namespaces", "watch"): "namespaces with the labels .* may not be watched: none is chosen",
}
MOST_RULES = 8


@pytest.fixture(scope="module")
def profile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A namespace for each rule that is taken away."""
    with installed(request.param, tmp_path_factory.mktemp("profile"), MOST_RULES) as running:
        running.operator.kill()
        yield running


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


@pytest.mark.parametrize("profile", ["cluster-wide"], indirect=True)
@pytest.mark.parametrize("right", sorted(RIGHTS - FOR_OLDER_SERVERS), ids=lambda right: f"{right.verb} {right.resource}")
def test_the_lack_of_a_verb_is_told(profile: Installed, right: Right) -> None:
    namespace = f"test-{secrets.token_hex(4)}"
    profile.operator.plane.kubectl("create", "namespace", namespace)
    rules = profile.rules(namespace)
    left = without(rules, right)
    assert left != rules, "the role has the right"
    _lack_is_told(profile, namespace, left, [right])


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "cluster-wide"], indirect=True)
@pytest.mark.parametrize("number", range(MOST_RULES))
def test_the_lack_of_a_rule_is_told(profile: Installed, number: int) -> None:
    namespace = profile.inside[number]
    rules = profile.rules(namespace)
    if number >= len(rules):
        granted = {Right(*right) for rule in rules for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])}
        assert granted == profile.rights, "all that is granted was taken away by the other rows"
        return
    rule = rules[number]
    rights = [Right(*right) for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])]
    _lack_is_told(profile, namespace, [*rules[:number], *rules[number + 1 :]], rights)


def _lack_is_told(profile: Installed, namespace: str, left: list[dict[str, Any]], rights: list[Right]) -> None:
    operator, rules = profile.operator, profile.rules(namespace)
    profile.set_rules(namespace, left)
    try:
        operator.apply(namespace, *things(namespace))
        _leave_one(operator, namespace)
        log = operator.launch()
        if rights == [REPEATED]:
            _repeat_an_event(operator, namespace)
        lacks = [_words(profile, namespace, right) for right in rights]
        eventually(
            lambda: any(lack.search(told(operator, namespace, log)) for lack in lacks),
            f"the lack of {rights} to be told",
            SECONDS,
        )
    finally:
        operator.kill()
        profile.set_rules(namespace, rules)


def _words(profile: Installed, namespace: str, right: Right) -> re.Pattern[str]:
    """By which a lack is told. Where the rights are those of one namespace, it is named: others may be refused at any time."""
    if right in SAID:
        return re.compile(SAID[right])
    where = rf".{{0,90}}in the namespace \\*\"{namespace}\\*\"" if profile.lists_namespaces else ""
    return re.compile(rf"cannot {right.verb} resource \\*\"{right.resource}\\*\"{where}")


def _leave_one(operator: Operating, namespace: str) -> None:
    """An object of ours that is being deleted, and nobody knows any more where it was. Is the namespace going as well?"""
    orphan = endpoint("orphan", elasticsearchRef={"secretName": "nobody-has-it"})
    orphan["metadata"]["finalizers"] = [FINALIZER]
    operator.apply(namespace, orphan)
    operator.plane.kubectl("delete", "infep", "orphan", f"--namespace={namespace}", "--wait=false")


def _repeat_an_event(operator: Operating, namespace: str) -> None:
    """What is told twice within minutes is one event that is counted."""
    operator.await_condition(namespace, "lacking", ("False", "SecretNotFound"))
    operator.apply(namespace, secret("nobody-made-it"))
    operator.await_condition(namespace, "lacking", ("True", "Available"))
    operator.plane.kubectl("delete", "secret", "nobody-made-it", f"--namespace={namespace}")
