"""The main job for real: an operator process with the chart's rights, a real API server, TLS and an API key to Elasticsearch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.cluster.operating import (
    API_KEY,
    Operating,
    endpoint,
    eventually,
    operating,
    secret,
)
from tests.controlplane import ControlPlane
from tests.docs.metrics_page import DOCUMENTED, labels_of
from tests.examples.catalogue_of_examples import endpoint as example_endpoint
from tests.examples.catalogue_of_examples import example_files
from tests.monitoring.activity import scrape, tell
from tests.standin import Fault
from tests.standin.faults import Loss
from tests.standin.state import Pipeline, put

CRDS = Path(__file__).parents[2] / "crds"
READY = ("True", "Available")
CANARY = "canary-provider-27fe"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of its own: the operator looks after all namespaces, so it would meddle with other tests, and they with its counts."""
    with ControlPlane() as started:
        started.kubectl("apply", "--server-side", f"--filename={CRDS}")
        started.await_established("inferenceendpoints.inference-operator.io")
        yield started


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operating]:
    with operating(plane, tmp_path_factory.mktemp("operating")) as running:
        yield running


@pytest.fixture(autouse=True)
def _runs(operator: Operating) -> Iterator[None]:
    operator.ensure_running()
    yield
    operator.standin.faults.clear()


def test_an_applied_endpoint_becomes_ready_with_two_writes_and_one_put(operator: Operating, namespace: str) -> None:
    mark, operator.standin.log.keep_bodies = len(operator.asked()), False
    puts = len(operator.standin.log.matching("PUT"))
    operator.apply(namespace, secret(), endpoint("first"))
    operator.await_condition(namespace, "first", READY)
    eventually(lambda: sum(operator.writes_since(mark).values()) >= 2, "both writes in the audit log")
    assert operator.writes_since(mark) == {("patch", "inferenceendpoints"): 1, ("patch", "inferenceendpoints/status"): 1}
    assert len(operator.standin.log.matching("PUT")) - puts == 1
    assert operator.plane.kubectl("get", "events", f"--namespace={namespace}", "--output=name") == ""


def test_a_rotated_secret_is_pushed(operator: Operating, namespace: str) -> None:
    operator.apply(namespace, secret(), endpoint("rotate", inferenceId=f"{namespace}-rotate"))
    operator.await_condition(namespace, "rotate", READY)
    operator.apply(namespace, secret(value="rotated"))
    eventually(
        lambda: operator.standin.endpoints[f"{namespace}-rotate"].secrets == {"api_key": "rotated"},
        "the new key in Elasticsearch",
    )


# The deepest that the API server takes costs it seconds; no encoder here could write either of the last two.
@pytest.mark.parametrize("depths", [(150, 3_000), pytest.param((9_000,), marks=pytest.mark.full)], ids=str)
def test_an_object_of_any_depth_harms_nobody_else(operator: Operating, namespace: str, depths: tuple[int, ...]) -> None:
    here = f"--namespace={namespace}"
    operator.apply(namespace, secret())
    for levels in depths:
        shell = json.dumps(endpoint(f"deep-{levels}", serviceSettings={"deep": "HERE"}))
        deep = shell.replace('"HERE"', '{"a":' * levels + "1" + "}" * levels)
        operator.plane.kubectl("create", here, "--validate=false", "--filename=-", input=deep)
    operator.apply(namespace, endpoint("plain", inferenceId=f"{namespace}-plain"))
    operator.await_condition(namespace, "plain", READY)
    for levels in depths:
        wait = ("--for=jsonpath={.status.conditions[?(@.type=='Ready')].reason}=ValidationFailed", f"infep/deep-{levels}")
        operator.plane.kubectl("wait", here, *wait, "--timeout=30s")
    assert "RecursionError" not in operator.log


def test_a_probe_tells_that_the_provider_refuses_and_recovers_with_a_new_key(operator: Operating, namespace: str) -> None:
    inference_id = f"{namespace}-probed"
    key, better = f"{CANARY}-{namespace}", f"{CANARY}-better"
    probe = {"enabled": True, "interval": "1h"}
    operator.apply(namespace, secret(value=key), endpoint("probed", inferenceId=inference_id, probe=probe))
    operator.await_condition(namespace, "probed", READY, "Probed")
    operator.standin.refuse_key(key)
    ask = "inference-operator.io/reconcile-requested-at=after-the-refusal"
    operator.plane.kubectl("annotate", "infep", "probed", ask, f"--namespace={namespace}")
    operator.await_condition(namespace, "probed", ("False", "ProbeFailed"), "Probed")
    assert operator.condition(namespace, "probed") == READY, "whether it can be reached does not decide whether it is there"
    told = "The provider refused it; check the key, the model and the account"
    assert told in operator.plane.kubectl("describe", "infep", "probed", f"--namespace={namespace}")
    operator.apply(namespace, secret(value=better))
    operator.await_condition(namespace, "probed", READY, "Probed")
    assert len(operator.standin.log.matching("POST", f"/_inference/text_embedding/{inference_id}")) == 3

    def reasons() -> list[tuple[str, str]]:
        events = operator.plane.api.list(f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")
        return sorted((event["type"], event["reason"]) for event in events)

    wanted = [("Normal", "Available"), ("Warning", "ProbeFailed")]
    eventually(lambda: reasons() == wanted, "both events, each of which follows the status that it tells of")
    assert CANARY not in json.dumps([operator.get(namespace, "probed"), reasons()])


def test_a_deletion_is_blocked_while_used_and_goes_on_when_forced(operator: Operating, namespace: str) -> None:
    inference_id = f"{namespace}-used"
    operator.apply(namespace, secret(), endpoint("used", inferenceId=inference_id))
    operator.await_condition(namespace, "used", READY)
    _put_pipeline(operator, inference_id)
    operator.plane.kubectl("delete", "infep", "used", f"--namespace={namespace}", "--wait=false")
    operator.await_condition(namespace, "used", ("True", "InUse"), "DeletionBlocked")
    assert "embeds" in json.dumps(operator.get(namespace, "used"))
    force = '--patch={"spec":{"forceDelete":true}}'
    operator.plane.kubectl("patch", "infep", "used", f"--namespace={namespace}", "--type=merge", force)
    operator.await_gone(namespace, "used")
    assert inference_id not in operator.standin.endpoints


def test_deleting_the_namespace_ends_and_leaves_nothing_in_elasticsearch(operator: Operating, namespace: str) -> None:
    ids = [f"{namespace}-{number}" for number in range(3)]
    operator.apply(namespace, secret(), *(endpoint(inference_id) for inference_id in ids))
    for inference_id in ids:
        operator.await_condition(namespace, inference_id, READY)
    operator.plane.kubectl("delete", "namespace", namespace, "--wait=true", "--timeout=60s", timeout=70)
    assert not set(ids) & set(operator.standin.endpoints)


def test_nothing_a_user_can_read_holds_a_secret_or_a_trace_of_kopf(operator: Operating, namespace: str) -> None:
    operator.apply(namespace, secret(), endpoint("secretive", inferenceId=f"{namespace}-secretive"))
    operator.await_condition(namespace, "secretive", READY)
    operator.standin.refuse_key("refused-" + CANARY)
    operator.apply(namespace, secret(value="refused-" + CANARY))
    operator.await_condition(namespace, "secretive", ("False", "ProviderRefused"))
    everything = operator.plane.kubectl("get", "infep,events", f"--namespace={namespace}", "--output=yaml")
    described = operator.plane.kubectl("describe", "infep", "secretive", f"--namespace={namespace}")
    assert "ProviderRefused" in described
    for text in (everything, described, operator.log):
        assert CANARY not in text
        assert API_KEY[1] not in text
    assert "kopf" not in everything


# Each example goes to the stand-in on its own in `tests/examples`, and each service through the shell in `tests/machine`.
@pytest.mark.parametrize(
    "files", [example_files()[::8], pytest.param(example_files(), marks=pytest.mark.full)], ids=["one in eight", "all"]
)
def test_every_example_becomes_ready(operator: Operating, namespace: str, files: list[Path]) -> None:
    names = [example_endpoint(path)["metadata"]["name"] for path in files]
    operator.plane.kubectl("apply", f"--namespace={namespace}", *(f"--filename={path}" for path in files))
    for name in names:
        operator.await_condition(namespace, name, READY)
    operator.plane.kubectl("delete", "infep", "--all", f"--namespace={namespace}", "--timeout=60s", timeout=70)
    assert [i for i in operator.standin.endpoints if i in names] == []


def test_sigterm_lets_the_work_in_hand_end(operator: Operating, namespace: str) -> None:
    operator.standin.faults.add(Fault(method="PUT", delay=1.0))
    operator.apply(namespace, secret(), endpoint("drained", inferenceId=f"{namespace}-drained"))
    eventually(lambda: operator.standin.log.matching("PUT", f"*/{namespace}-drained"), "the PUT to be under way")
    assert operator.stop() == 0
    assert operator.condition(namespace, "drained") == READY


@pytest.mark.parametrize(
    ("path", "lose"),
    [
        ("/_inference/text_embedding/*-killed", "before"),
        ("/_inference/text_embedding/*-killed", "after"),
        pytest.param("/", "before", marks=pytest.mark.full),  # what is not a write leaves nothing behind
        pytest.param("/", "after", marks=pytest.mark.full),
        pytest.param("/_inference/_all", "before", marks=pytest.mark.full),
        pytest.param("/_inference/_all", "after", marks=pytest.mark.full),
        pytest.param("/_inference/*-killed", "before", marks=pytest.mark.full),
        pytest.param("/_inference/*-killed", "after", marks=pytest.mark.full),
    ],
)
def test_kill_minus_nine_while_a_request_of_a_create_is_under_way(
    operator: Operating, namespace: str, path: str, lose: Loss
) -> None:
    """The process dies for real; the in-process suite walks through every request of every story."""
    inference_id = f"{namespace}-killed"
    operator.standin.log.clear()
    operator.standin.faults.add(Fault(path=path, times=1, delay=30.0, lose=lose))
    operator.apply(namespace, secret(), endpoint("killed", inferenceId=inference_id))
    eventually(lambda: operator.standin.log.matching("*", path), f"a request to {path}")
    operator.kill()
    operator.standin.faults.clear()
    operator.standin.clock.advance(60.0)
    operator.start()
    operator.await_condition(namespace, "killed", READY)
    creates = [e for e in operator.standin.log.matching("PUT", f"/_inference/text_embedding/{inference_id}") if e.status == 200]
    assert len(creates) <= 1
    operator.plane.kubectl("delete", "infep", "killed", f"--namespace={namespace}", "--timeout=30s", timeout=40)
    assert inference_id not in operator.standin.endpoints


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.full)])
def test_endpoints_share_the_readings_of_one_secret_and_a_restart_with_them_writes_nothing(
    operator: Operating, namespace: str, count: int
) -> None:
    names = [f"{namespace}-{number:03}" for number in range(count)]
    mark = len(operator.asked())
    operator.apply(namespace, secret(), *(endpoint(name) for name in names))

    def all_ready() -> bool:
        conditions = [c for item in operator.all(namespace) for c in item["status"].get("conditions", ())]
        return [(c["type"], c["status"]) for c in conditions].count(("Ready", "True")) == len(names)

    eventually(all_ready, f"{count} endpoints to be Ready")
    operator.stop()
    reads = [entry for entry in operator.asked()[mark:] if (entry.verb, entry.resource) == ("get", "secrets")]
    assert 1 <= len(reads) <= len(names) / 4
    mark = len(operator.asked())
    operator.standin.log.clear()
    operator.start()
    eventually(lambda: len(operator.standin.log.matching("GET", "/_inference/_all")) > 3, "three rounds after the first")
    assert operator.writes_since(mark) == {}
    assert operator.standin.log.writes == []
    assert {entry.path for entry in operator.standin.log} == {"/", "/_inference/_all", "/_ingest/pipeline", "/_index_template"}


def _put_pipeline(operator: Operating, inference_id: str) -> None:
    body = {"processors": [{"inference": {"model_id": inference_id, "input_output": {"input_field": "x", "output_field": "y"}}}]}
    operator.standin.change(lambda state: replace(state, pipelines=put(state.pipelines, "embeds", Pipeline(body, 0, 0))))


def test_metrics_of_the_process_tell_of_its_objects_and_of_no_secret(operator: Operating, namespace: str) -> None:
    operator.apply(namespace, secret(), endpoint("measured"))
    operator.await_condition(namespace, "measured", READY)
    with urlopen(f"{operator.metrics}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    kind = 'kind="InferenceEndpoint"'
    assert re.search(rf"^inference_operator_objects\{{{kind}\}} [1-9]", text, re.MULTILINE)
    assert re.search(r"^inference_operator_elasticsearch_requests_total\{.*inference\.put.*2xx.*\} [1-9]", text, re.MULTILINE)
    assert re.search(r"^inference_operator_watch_age_seconds \d", text, re.MULTILINE)
    assert "inference_operator_leader 1.0\n" in text
    assert all(each not in text for each in (CANARY, API_KEY[1], namespace, "measured"))


def test_every_metric_of_the_page_is_in_a_scrape_of_the_process_and_the_reverse(operator: Operating, namespace: str) -> None:
    tell(operator, namespace)
    assert labels_of(scrape(operator)) == DOCUMENTED
