"""The optional admission policies on a real API server: what they refuse, and what they never hold up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.chart.release import CRDS, Release
from tests.controlplane import CommandFailedError
from tests.controlplane.api import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chart.rendering import Json
    from tests.controlplane import ControlPlane

HOME, TEAM, STRICT = "policies-home", "policies-team", "policies-strict"
CANARY = "sk-canary-5d1e"
ALL: Json = {"plainTextSecrets": {"enabled": True}, "forceDelete": {"enabled": True}, "allowedServices": {"enabled": True}}
USER, ADMIN = "ursula", "ada"
REFERENCE: Json = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}}
API = "/apis/inference-operator.io/v1alpha1/namespaces/{}/{}"


def endpoint(name: str, **spec: object) -> Json:
    plain: Json = {"service": "openai", "serviceSettings": {"model_id": "m", "api_key": REFERENCE}}
    return {
        "apiVersion": "inference-operator.io/v1alpha1",
        "kind": "InferenceEndpoint",
        "metadata": {"name": name},
        "spec": {"taskType": "text_embedding"} | plain | spec,
    }


def settings(value: object) -> Json:
    return endpoint("deep", serviceSettings={"model_id": "m", "nested": value})


def levels(count: int, innermost: object) -> object:
    for _ in range(count):
        innermost = {"a": [innermost]}
    return innermost


@pytest.fixture(scope="module")
def guarded(plane: ControlPlane) -> Iterator[ControlPlane]:
    """The plane with all policies in force, users, and in each namespace objects that were there before."""
    for name in (HOME, TEAM, STRICT):
        plane.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    release = Release(plane, "guards", HOME)
    release.install({})
    for role, user in (("edit", USER), ("admin", ADMIN)):
        for namespace in (TEAM, STRICT):
            plane.kubectl("create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}", f"--namespace={namespace}")
    old = {"nested": {"api_key": CANARY}, "model_id": "m"}
    for name in ("old", "leaving", "freed"):
        _ask(plane, endpoint(name, serviceSettings=old, forceDelete=True))
    plane.kubectl("annotate", "namespace", STRICT, "inference-operator.io/allowed-services=cohere, elasticsearch")
    release.upgrade({"admissionPolicies": ALL})
    plane.eventually(lambda: "plain text" in _refusal(plane, settings({"api_key": "x"})), "the policies in force")
    plane.eventually(lambda: "not allowed" in _refusal(plane, endpoint("x"), namespace=STRICT), "the other one as well")
    plane.eventually(lambda: "force-delete" in _refusal(plane, endpoint("x", forceDelete=True), user=USER), "and the third")
    yield plane
    release.uninstall()
    plane.kubectl("delete", "crd", *CRDS, "--timeout=150s", timeout=160)


def _ask(plane: ControlPlane, body: Json, query: str = "", *, namespace: str = TEAM, user: str = "") -> None:
    path = API.format(namespace, f"{body['kind'].lower()}s")
    plane.api.ask("POST", f"{path}?fieldValidation=Strict{query}", body, user=user)


def _refusal(plane: ControlPlane, body: Json, *, namespace: str = TEAM, user: str = "") -> str:
    """Why the API server would not let it in; empty if it would."""
    try:
        _ask(plane, body, "&dryRun=All", namespace=namespace, user=user)
    except RefusedError as refused:
        return str(refused)
    return ""


REFUSED_SETTINGS: dict[str, object] = {
    "in an object": {"api_key": CANARY},
    "in a list": [{"api_key": CANARY}],
    "a list of them": {"api_key": [CANARY]},
    "behind a good one": [{"api_key": REFERENCE}, {"secret_key": CANARY}],
    "before a good one": [{"secret_key": CANARY, "x": {"api_key": REFERENCE}}],
    "one of the names of an object": {"api_key": {"first": CANARY}},
    "beside a reference": {"secret_parameters": {"good": REFERENCE, "bad": CANARY}},
    "a number": {"client_secret": 12345678},
    "empty": {"api_key": ""},
    "twelve levels deep": levels(12, {"api_key": CANARY}),
    "ninety levels deep": levels(45, {"service_account_json": CANARY}),
    "a text that looks like the end of a reference": {"api_key": "}} " + CANARY},
    "a text that looks like a reference": {"api_key": "{valueFrom: {secretKeyRef: {name: a, key: b}}} " + CANARY, "k": 1},
}
ACCEPTED_SETTINGS: dict[str, object] = {
    "references": {"api_key": REFERENCE, "secret_key": REFERENCE},
    "a reference to a part": {
        "api_key": {"valueFrom": {"configMapKeyRef": {"name": "a", "key": "b", "optional": True}, "as": "json"}}
    },
    "a map of references": {"secret_parameters": {"one": REFERENCE, "two": REFERENCE}},
    "deep references": levels(45, {"api_key": REFERENCE}),
    "names that are not secret": {"api_keys": "x", "my_api_key": "y", "model": "api_key"},
    "texts": {"prompt": 'Say "api_key" or {braces}, and: colons'},
}


@pytest.mark.parametrize("name", REFUSED_SETTINGS)
def test_a_secret_in_plain_text_is_refused_however_deep_and_not_repeated(guarded: ControlPlane, name: str) -> None:
    refusal = _refusal(guarded, settings(REFUSED_SETTINGS[name]))
    assert "a secret stands in plain text in the settings" in refusal
    assert CANARY not in refusal


@pytest.mark.parametrize("name", ACCEPTED_SETTINGS)
def test_what_is_no_secret_or_a_reference_is_let_in(guarded: ControlPlane, name: str) -> None:
    assert _refusal(guarded, settings(ACCEPTED_SETTINGS[name])) == ""


def test_a_large_object_stays_within_what_a_policy_may_cost(guarded: ControlPlane) -> None:
    large = {f"key-{number}": "x" * 1000 for number in range(300)}
    assert _refusal(guarded, settings({**large, "api_key": REFERENCE})) == ""
    assert "plain text" in _refusal(guarded, settings({**large, "api_key": "x"}))


def test_only_who_has_the_verb_sets_force_delete(guarded: ControlPlane) -> None:
    forced = endpoint("forced", forceDelete=True)
    refusal = _refusal(guarded, forced, user=USER)
    assert "only who has the verb force-delete on inferenceendpoints in this namespace may set spec.forceDelete" in refusal
    assert _refusal(guarded, forced, user=ADMIN) == ""
    assert _refusal(guarded, endpoint("plain", forceDelete=False), user=USER) == ""
    pipeline = {
        "apiVersion": "inference-operator.io/v1alpha1",
        "kind": "IngestPipeline",
        "metadata": {"name": "p"},
        "spec": {"processors": [{"set": {"field": "a", "value": 1}}], "forceDelete": True},
    }
    assert "on ingestpipelines in this namespace" in _refusal(guarded, pipeline, user=USER)


@pytest.mark.parametrize("service", ["cohere", "elasticsearch"])
def test_services_of_the_annotation_are_let_in(guarded: ControlPlane, service: str) -> None:
    allowed = endpoint("allowed", service=service, serviceSettings={"model_id": "m"})
    assert _refusal(guarded, allowed, namespace=STRICT) == ""


def test_other_services_are_refused_there_and_nowhere_else(guarded: ControlPlane) -> None:
    refusal = _refusal(guarded, endpoint("other"), namespace=STRICT)
    assert f"the service openai is not allowed in the namespace {STRICT}; allowed: cohere, elasticsearch" in refusal
    assert _refusal(guarded, endpoint("other")) == ""


def test_what_breaks_a_policy_already_can_be_written_by_the_operator_and_deleted(guarded: ControlPlane) -> None:
    path = API.format(TEAM, "inferenceendpoints")
    _patch(guarded, "old", {"metadata": {"finalizers": ["inference-operator.io/finalizer"], "annotations": {"a": "b"}}})
    _patch(guarded, "old", {"status": {"observedGeneration": 1}}, "--subresource=status")
    guarded.kubectl("delete", "infep", "old", f"--namespace={TEAM}", "--wait=false")
    # On its way out even the spec may change, so that it can be freed.
    _patch(guarded, "old", {"spec": {"deletionPolicy": "Retain"}})
    _patch(guarded, "old", {"metadata": {"finalizers": []}})
    assert guarded.api.get(f"{path}/old") is None


def test_what_breaks_a_policy_already_does_not_break_it_again(guarded: ControlPlane) -> None:
    with pytest.raises(CommandFailedError, match="plain text"):
        _patch(guarded, "leaving", {"spec": {"suspend": True}})
    _patch(guarded, "freed", {"spec": {"serviceSettings": {"nested": {"api_key": REFERENCE}}}}, f"--as={USER}")


def _patch(plane: ControlPlane, name: str, change: Json, *arguments: str) -> None:
    plane.kubectl("patch", "infep", name, f"--namespace={TEAM}", "--type=merge", f"--patch={json.dumps(change)}", *arguments)
