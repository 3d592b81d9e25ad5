"""No tool sees a difference that the operator made: it owns its finalizer, its annotation and status, and nothing of spec."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import pytest

from inference_operator.api.meta import CLAIM_ANNOTATION, FINALIZER
from tests.cluster.operating import Operating, endpoint, eventually, secret
from tests.controlplane import CommandFailedError
from tests.gitops.kstatus import Kstatus, kstatus
from tests.standin.state import drop

ARGO_CD, TEAM = "argocd-controller", "search-team"
PIPELINE = {
    "apiVersion": "inference-operator.io/v1alpha1",
    "kind": "IngestPipeline",
    "metadata": {"name": "owned-pipeline"},
    "spec": {"processors": [{"trim": {"field": "text"}}]},
}
each_kind = pytest.mark.parametrize("manifest", [endpoint("owned-endpoint"), PIPELINE], ids=lambda manifest: manifest["kind"])


@dataclass(frozen=True)
class Owned:
    """A manifest that tools apply to a namespace, the operator at work."""

    operator: Operating
    namespace: str
    manifest: Mapping[str, Any]

    def apply(self, manager: str, **spec: Any) -> dict[str, Any]:
        """Server-side apply of the manifest, or of `spec` alone; returns the answer."""
        body = dict(self.manifest) | ({"spec": spec} if spec else {})
        arguments = ("apply", "--server-side", f"--field-manager={manager}", f"--namespace={self.namespace}")
        answer: dict[str, Any] = json.loads(
            self.operator.plane.kubectl(*arguments, "--filename=-", "--output=json", input=json.dumps(body))
        )
        return answer

    def get(self) -> dict[str, Any]:
        """As it is stored, `managedFields` included."""
        plural, name = f"{self.manifest['kind'].lower()}s", self.manifest["metadata"]["name"]
        path = f"/apis/{self.manifest['apiVersion']}/namespaces/{self.namespace}/{plural}/{name}"
        return self.operator.plane.api.ask("GET", path)

    def await_current(self) -> dict[str, Any]:
        """Wait until a tool that knows kstatus would go on."""

        def found() -> dict[str, Any] | None:
            body = self.get()
            return body if kstatus(body) is Kstatus.CURRENT else None

        return eventually(found, f"{self.manifest['metadata']['name']} to be Current")


@pytest.fixture
def owned(operator: Operating, namespace: str, manifest: Mapping[str, Any]) -> Owned:
    operator.apply(namespace, secret())
    id_field = "inferenceId" if manifest["kind"] == "InferenceEndpoint" else "pipelineId"
    spec = manifest["spec"] | {id_field: f"{namespace}-owned"}
    return Owned(operator, namespace, dict(manifest) | {"spec": spec})


def fields_of(entry: Mapping[str, Any]) -> set[str]:
    """What an entry of managedFields covers, as paths of two names, `metadata` opened one further."""
    paths: set[str] = set()
    for top, below in entry["fieldsV1"].items():
        if top == "f:metadata":
            paths |= {f"metadata.{name[2:]}.{key[2:]}" for name, keys in below.items() for key in keys if key != "."}
        else:
            paths.add(top[2:])
    return paths


@each_kind
def test_the_operator_owns_its_finalizer_its_claim_and_status(owned: Owned) -> None:
    owned.apply(ARGO_CD)
    entries = owned.await_current()["metadata"]["managedFields"]
    theirs = [entry for entry in entries if entry["manager"] == ARGO_CD]
    ours = [entry for entry in entries if entry["manager"] != ARGO_CD]
    assert {path for entry in ours for path in fields_of(entry)} == {
        f'metadata.finalizers."{FINALIZER}"',
        f"metadata.annotations.{CLAIM_ANNOTATION}",
        "status",
    }
    assert {path for entry in theirs for path in fields_of(entry)} == {"spec"}
    assert {entry["operation"] for entry in theirs} == {"Apply"}


@each_kind
def test_a_new_object_is_under_way_and_applying_it_again_changes_nothing(owned: Owned) -> None:
    assert kstatus(owned.apply(ARGO_CD)) is Kstatus.IN_PROGRESS, "from its very first version on, before the operator saw it"
    before = owned.await_current()
    after = owned.apply(ARGO_CD)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert owned.get() == before


@each_kind
def test_what_is_put_back_in_elasticsearch_is_no_edit_of_the_object(owned: Owned) -> None:
    owned.apply(ARGO_CD)
    before = owned.await_current()
    external_id = f"{owned.namespace}-owned"
    owned.operator.standin.change(
        lambda state: replace(state, endpoints=drop(state.endpoints, external_id), pipelines=drop(state.pipelines, external_id))
    )
    stored = owned.operator.standin.log.matching
    eventually(lambda: [e for e in stored("PUT", f"/_in*/{external_id}") if e.status == HTTPStatus.OK][1:], "a second PUT")
    after = owned.await_current()
    assert (after["spec"], after["metadata"]) == (before["spec"], before["metadata"])


@each_kind
def test_two_managers_share_an_object_and_only_they_can_conflict(owned: Owned) -> None:
    owned.apply(ARGO_CD)
    owned.await_current()
    owned.apply(TEAM, driftPolicy="Detect")
    current = owned.await_current()
    assert owned.apply(ARGO_CD)["metadata"]["resourceVersion"] == current["metadata"]["resourceVersion"]
    assert owned.get()["spec"]["driftPolicy"] == "Detect"
    required = next(iter(owned.manifest["spec"]))
    with pytest.raises(CommandFailedError) as refused:
        owned.apply(TEAM, **{required: "other" if required == "taskType" else []})
    assert f'conflict with "{ARGO_CD}"' in refused.value.stderr
