"""Every profile of the chart, installed on a real API server, lets the operator do all that it is for."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.operating import endpoint, eventually, secret
from tests.cluster.profiles import LABEL, PROFILES, Installed, installed

READY = ("True", "Available")
PIPELINES = "/apis/inference-operator.io/v1alpha1/namespaces/{}/ingestpipelines"
# What is looked at instead where it may not be watched: that is found out by asking.
TRIED = {"restricted": {("watch", "secrets"), ("watch", "configmaps")}}


@pytest.fixture(scope="module", params=PROFILES)
def profile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    with installed(request.param, tmp_path_factory.mktemp("profile"), 2) as running:
        yield running


def pipeline(name: str, model: str) -> dict[str, Any]:
    uses = {"inference": {"model_id": model, "input_output": [{"input_field": "text", "output_field": "vector"}]}}
    return {
        "apiVersion": "inference-operator.io/v1alpha1",
        "kind": "IngestPipeline",
        "metadata": {"name": name},
        "spec": {"processors": [uses]},
    }


def _pipeline_is_ready(profile: Installed, namespace: str, name: str) -> bool:
    found = profile.operator.plane.api.get(f"{PIPELINES.format(namespace)}/{name}")
    conditions = (found or {}).get("status", {}).get("conditions", ())
    return ("Ready", "True") in {(each["type"], each["status"]) for each in conditions}


def _events(profile: Installed, namespace: str) -> set[str]:
    found = profile.operator.plane.api.list(f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")
    return {event["reason"] for event in found}


@pytest.mark.full
@pytest.mark.parametrize("number", [0, 1])
def test_the_whole_life_of_objects(profile: Installed, number: int) -> None:
    operator, namespace = profile.operator, profile.inside[number]
    kubectl, here, name = operator.plane.kubectl, f"--namespace={namespace}", f"{namespace}-embeds"
    operator.apply(namespace, secret(), endpoint(name), pipeline(f"{namespace}-uses", name))
    operator.await_condition(namespace, name, READY)
    eventually(lambda: _pipeline_is_ready(profile, namespace, f"{namespace}-uses"), "the pipeline to be Ready")

    operator.apply(namespace, endpoint(name, taskSettings={"user": "edited"}))
    eventually(lambda: operator.standin.endpoints[name].task_settings == {"user": "edited"}, "the edit in Elasticsearch")
    operator.apply(namespace, secret(value="rotated"))
    eventually(lambda: operator.standin.endpoints[name].secrets == {"api_key": "rotated"}, "the new key in Elasticsearch")
    operator.await_condition(namespace, name, READY)

    kubectl("delete", "infep", name, here, "--wait=false")
    operator.await_condition(namespace, name, ("True", "InUse"), "DeletionBlocked")
    eventually(lambda: "InUse" in _events(profile, namespace), "an event that says so")
    kubectl("delete", "ingp", f"{namespace}-uses", here, "--timeout=60s", timeout=70)
    operator.await_gone(namespace, name)
    assert name not in operator.standin.endpoints


@pytest.mark.full
@pytest.mark.parametrize("profile", ["cluster-wide"], indirect=True)
def test_nothing_is_outside_of_all_namespaces(profile: Installed) -> None:
    profile.operator.apply(profile.outside, secret(), endpoint("everywhere"))
    profile.operator.await_condition(profile.outside, "everywhere", READY)


@pytest.mark.full
@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "cluster-wide"], indirect=True)
def test_what_is_outside_is_left_alone(profile: Installed) -> None:
    profile.operator.apply(profile.outside, secret(), endpoint("foreign"))
    profile.operator.apply(profile.inside[0], secret(), endpoint("known"))
    profile.operator.await_condition(profile.inside[0], "known", READY)
    body = profile.operator.get(profile.outside, "foreign")
    assert body is not None
    assert "finalizers" not in body["metadata"]
    assert "conditions" not in body.get("status", {})
    assert "foreign" not in profile.operator.standin.endpoints


@pytest.mark.full
def test_nothing_was_refused_that_the_operator_relies_on(profile: Installed) -> None:
    profile.operator.apply(profile.inside[0], secret(), endpoint("asked"))
    profile.operator.await_condition(profile.inside[0], "asked", READY)
    refused = {(entry.verb, entry.resource) for entry in profile.operator.asked() if entry.code == HTTPStatus.FORBIDDEN}
    # Which Kubernetes cluster this is, is told by a namespace of others: where that may not be read, marks do without.
    named = {("get", "namespaces")} if profile.lists_namespaces else set()
    assert refused == TRIED.get(profile.profile, set()) | named


@pytest.mark.parametrize("profile", ["namespace-selector"], indirect=True)
def test_a_label_that_comes_and_goes_is_followed(profile: Installed) -> None:
    operator, kubectl = profile.operator, profile.operator.plane.kubectl
    kubectl("create", "namespace", "later")
    operator.apply("later", secret(), endpoint("awaiting"), pipeline("uses-awaiting", "awaiting"))
    operator.apply(profile.inside[0], secret(), endpoint("witness"))
    operator.await_condition(profile.inside[0], "witness", READY)
    assert "awaiting" not in operator.standin.endpoints
    kubectl("label", "namespace", "later", LABEL)
    operator.await_condition("later", "awaiting", READY)
    eventually(lambda: _pipeline_is_ready(profile, "later", "uses-awaiting"), "the pipeline to be Ready")

    kubectl("label", "namespace", "later", f"{LABEL.partition('=')[0]}-")
    eventually(lambda: "its objects are left alone" in operator.log, "the operator to notice")
    mark = len(operator.asked())
    operator.apply("later", endpoint("awaiting", taskSettings={"user": "nobody-looks"}), secret(value="unseen"))
    operator.apply(profile.inside[0], endpoint("witness", taskSettings={"user": "seen"}))
    eventually(lambda: operator.standin.endpoints["witness"].task_settings == {"user": "seen"}, "an edit elsewhere")
    assert operator.standin.endpoints["awaiting"].task_settings == {}
    assert [entry for entry in operator.asked()[mark:] if entry.is_write and entry.namespace == "later"] == []

    kubectl("label", "namespace", "later", LABEL)
    eventually(lambda: operator.standin.endpoints["awaiting"].task_settings == {"user": "nobody-looks"}, "the edit after all")
    eventually(lambda: operator.standin.endpoints["awaiting"].secrets == {"api_key": "unseen"}, "the key after all")


@pytest.mark.full  # what the watch then says is proven by its own tests
@pytest.mark.parametrize("profile", ["namespace-selector"], indirect=True)
def test_a_selector_that_cannot_be_read_is_told_by_the_readiness_probe(profile: Installed) -> None:
    operator = profile.operator
    operator.kill()
    operator.settings["INFERENCE_OPERATOR_NAMESPACE_SELECTOR"] = "team in (a"
    try:
        log = operator.launch()
        wanted = "`team in (a` (--namespace-selector) can't be listed: unable to parse requirement"
        eventually(lambda: wanted in _unready(log), "the readiness probe to name the setting")
    finally:
        operator.kill()
        del operator.settings["INFERENCE_OPERATOR_NAMESPACE_SELECTOR"]
        operator.start()


def _unready(log: Path) -> str:
    """What a kubelet is told; empty while the operator does not listen, or when nothing is missing."""
    ports = [json.loads(line)["port"] for line in log.read_text().splitlines() if '"probes listen"' in line]
    if not ports:
        return ""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/readyz", timeout=5):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


@pytest.mark.full
def test_nothing_of_a_restricted_release_stands_outside_of_namespaces(profile: Installed) -> None:
    kinds = "clusterroles,clusterrolebindings,customresourcedefinitions,validatingadmissionpolicies"
    selector = "--selector=app.kubernetes.io/instance=cluster"
    found = profile.operator.plane.kubectl("get", kinds, selector, "--output=name").split()
    bound = [name for name in found if name.startswith("clusterrolebinding")]
    assert (found == []) == (profile.profile == "restricted")
    assert (bound == []) == profile.lists_namespaces
