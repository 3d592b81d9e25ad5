"""Flux carries the examples out: it applies, waits, updates, fails visibly and prunes, with the operator at work."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.cluster.operating import Operating, eventually, installed, secret
from tests.controlplane import ControlPlane, ensure_kustomize_controller
from tests.gitops.flux import EXAMPLES, HOME, Flux, Tree, example, running
from tests.gitops.kstatus import kstatus
from tests.gitops.states import recorded
from tests.standin import StandInTransport

pytestmark = [pytest.mark.full, pytest.mark.xdist_group("flux"), pytest.mark.timeout(600)]

NAMESPACE = "search"
ENDPOINT, PIPELINE = "catalogue-embeddings", "catalogue"
ENDPOINT_FILE = "search/endpoint.yaml"
HEALTHY, WAITING, FAILED = ("True", "ReconciliationSucceeded"), ("Unknown", "Progressing"), ("False", "HealthCheckFailed")
CANARY = "canary-committed-51aa"
COLLECTIONS = f"/apis/inference-operator.io/v1alpha1/namespaces/{NAMESPACE}"


@dataclass(frozen=True)
class Fleet:
    """A cluster that follows a repository, the operator on it."""

    flux: Flux
    operator: Operating

    @property
    def plane(self) -> ControlPlane:
        return self.flux.plane

    def get(self, name: str) -> dict[str, Any] | None:
        plural = "inferenceendpoints" if name == ENDPOINT else "ingestpipelines"
        return self.plane.api.get(f"{COLLECTIONS}/{plural}/{name}")

    def conditions(self, name: str) -> dict[str, dict[str, str]]:
        found = self.get(name) or {"status": {}}
        return {condition["type"]: condition for condition in found["status"].get("conditions", ())}

    def put_key(self) -> None:
        self.operator.apply(NAMESPACE, secret())

    def drop_key(self) -> None:
        self.plane.kubectl("delete", "secret", "openai", f"--namespace={NAMESPACE}", "--ignore-not-found")

    def roll_out(self, tree: Tree) -> str:
        """Commit and wait until all is healthy; returns the revision."""
        revision = self.flux.commit(tree)
        for name in ("inference-operator", "search"):
            self.flux.await_ready(name, revision)
        return revision

    def ask(self, method: str, path: str, body: Any = None) -> None:
        """What somebody else does in Elasticsearch."""

        async def act() -> None:
            key = (self.operator.connection / "api-key").read_text()
            transport = StandInTransport(self.operator.standin)
            headers = {"Authorization": f"ApiKey {key}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://standin", headers=headers) as client:
                (await client.request(method, path, json=body)).raise_for_status()

        asyncio.run(act())

    def deleted(self) -> list[str]:
        """What was deleted in Elasticsearch, in order."""
        entries = self.operator.standin.log.matching("DELETE")
        return [entry.path for entry in entries if entry.status == HTTPStatus.OK and "dry_run" not in entry.query]


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flux]:
    """Flux on an empty cluster, and the objects that make it follow the repository."""
    with ControlPlane() as plane, running(plane, ensure_kustomize_controller(), tmp_path_factory.mktemp("flux")) as started:
        plane.kubectl("apply", "--server-side", f"--filename={EXAMPLES / 'flux'}")
        yield started


@pytest.fixture(scope="module")
def fleet(flux: Flux, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    flux.commit(example())
    with installed(flux.release(), tmp_path_factory.mktemp("operating")) as operator:
        flux.tell_release("True")
        yield Fleet(flux, operator)


@pytest.fixture
def rolled_out(fleet: Fleet) -> Fleet:
    """The examples as they are, healthy; another test may have left anything."""
    fleet.put_key()
    fleet.plane.kubectl("apply", "--server-side", f"--filename={EXAMPLES / 'flux'}")
    fleet.flux.tell_release("True")
    fleet.roll_out(example())
    fleet.operator.standin.log.clear()
    return fleet


def changed(file: str, old: str, new: str) -> Tree:
    tree = example()
    assert tree[file].count(old) == 1
    return tree | {file: tree[file].replace(old, new)}


KEPT = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: kept}
"""
NOTHING_OF_OURS = {name: text for name, text in example().items() if not name.startswith("search/")} | {"search/kept.yaml": KEPT}


def test_the_objects_wait_for_the_operator(rolled_out: Fleet) -> None:
    rolled_out.flux.tell_release("Unknown")
    revision = rolled_out.flux.commit(changed(ENDPOINT_FILE, "requests_per_minute: 500", "requests_per_minute: 501"))
    rolled_out.flux.await_told("inference-operator", "Ready", WAITING, revision)
    told = rolled_out.flux.await_told("search", "Ready", ("False", "DependencyNotReady"))
    assert "inference-operator" in told
    rolled_out.flux.tell_release("True")
    rolled_out.flux.await_ready("search", revision)


def test_an_endpoint_that_is_not_ready_keeps_all_of_it_unready_until_it_is(rolled_out: Fleet) -> None:
    rolled_out.drop_key()
    revision = rolled_out.flux.commit(changed(ENDPOINT_FILE, "name: openai,", "name: another,"))
    told = rolled_out.flux.await_told("search", "Ready", WAITING, revision)
    assert "in progress" in told
    eventually(lambda: rolled_out.conditions(ENDPOINT).get("Ready", {}).get("reason") == "SecretNotFound", "the endpoint to wait")
    assert rolled_out.flux.conditions("search")["Ready"]["status"] == "Unknown"
    rolled_out.operator.apply(NAMESPACE, secret("another"))
    rolled_out.flux.await_ready("search", revision)
    assert rolled_out.conditions(ENDPOINT)["Ready"]["status"] == "True"
    assert {ENDPOINT} <= set(rolled_out.operator.standin.endpoints)


def test_an_edit_reaches_elasticsearch_and_the_next_round_changes_nothing(rolled_out: Fleet) -> None:
    rolled_out.roll_out(changed(ENDPOINT_FILE, "requests_per_minute: 500", "requests_per_minute: 700"))
    stored = rolled_out.operator.standin.endpoints[ENDPOINT]
    assert stored.service_settings["rate_limit"] == {"requests_per_minute": 700}
    before = [rolled_out.get(name) for name in (ENDPOINT, PIPELINE)]
    token = secrets.token_hex(4)
    rolled_out.flux.request("search", token)
    eventually(
        lambda: (rolled_out.flux.kustomization("search") or {})["status"].get("lastHandledReconcileAt") == token, "another round"
    )
    assert [rolled_out.get(name) for name in (ENDPOINT, PIPELINE)] == before


def test_a_wrong_spec_fails_the_revision_and_is_told_by_the_object_and_its_event(rolled_out: Fleet) -> None:
    wrong = rolled_out.flux.commit(changed(ENDPOINT_FILE, "requests_per_minute: 500", "requests_per_hour: 500"))
    told = rolled_out.flux.await_told("search", "Ready", FAILED, wrong)
    assert f"InferenceEndpoint/{NAMESPACE}/{ENDPOINT} status: 'Failed'" in told
    message = rolled_out.conditions(ENDPOINT)["Ready"]["message"]
    assert "requests_per_hour" in message
    events = json.loads(rolled_out.plane.kubectl("get", "events", f"--namespace={NAMESPACE}", "--output=json"))["items"]
    assert message in [event.get("note") or event["message"] for event in events if event["type"] == "Warning"]
    rolled_out.roll_out(example())


def test_what_the_schema_refuses_is_told_by_the_kustomization(rolled_out: Fleet) -> None:
    reference = "{valueFrom: {secretKeyRef: {name: openai, key: api-key}}}"
    wrong = rolled_out.flux.commit(changed(ENDPOINT_FILE, reference, CANARY))
    told = rolled_out.flux.await_told("search", "Ready", ("False", "ReconciliationFailed"), wrong)
    assert f"InferenceEndpoint/{NAMESPACE}/{ENDPOINT}" in told
    assert "api_key" in told
    assert CANARY not in told
    assert rolled_out.conditions(ENDPOINT)["Ready"]["status"] == "True"


def test_pruning_goes_in_the_right_order(rolled_out: Fleet) -> None:
    rolled_out.flux.await_ready("search", rolled_out.flux.commit(NOTHING_OF_OURS))
    eventually(lambda: rolled_out.get(ENDPOINT) is None and rolled_out.get(PIPELINE) is None, "both to be gone")
    assert rolled_out.deleted() == [f"/_ingest/pipeline/{PIPELINE}", f"/_inference/{ENDPOINT}"]


def test_what_is_still_used_stays_and_says_so_while_flux_goes_on(rolled_out: Fleet) -> None:
    index = {"mappings": {"properties": {"text": {"type": "semantic_text", "inference_id": ENDPOINT}}}}
    rolled_out.ask("PUT", "/articles", index)
    rolled_out.flux.await_ready("search", rolled_out.flux.commit(NOTHING_OF_OURS))
    eventually(lambda: "DeletionBlocked" in rolled_out.conditions(ENDPOINT), "the deletion to be blocked")
    assert "articles" in rolled_out.conditions(ENDPOINT)["DeletionBlocked"]["message"]
    assert ENDPOINT in rolled_out.operator.standin.endpoints
    rolled_out.ask("DELETE", "/articles")
    eventually(lambda: rolled_out.get(ENDPOINT) is None, "the endpoint to be gone")
    assert ENDPOINT not in rolled_out.operator.standin.endpoints


def test_deleting_the_kustomization_waits_until_elasticsearch_is_rid_of_all(rolled_out: Fleet) -> None:
    rolled_out.plane.kubectl("delete", "kustomization", "search", f"--namespace={HOME}", "--timeout=120s", timeout=130)
    assert rolled_out.get(ENDPOINT) is None
    assert rolled_out.get(PIPELINE) is None
    assert rolled_out.deleted() == [f"/_ingest/pipeline/{PIPELINE}", f"/_inference/{ENDPOINT}"]
    assert rolled_out.plane.api.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/openai") is not None


def test_the_library_that_flux_waits_with_judges_every_recorded_state_as_the_published_rules_do() -> None:
    bodies = [each.body for each in recorded()]
    done = subprocess.run(
        [ensure_kustomize_controller()["kstatus"]],
        input=json.dumps(bodies),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    judged = [result["Status"] for result in json.loads(done.stdout)]
    assert judged == [kstatus(body).value for body in bodies]
