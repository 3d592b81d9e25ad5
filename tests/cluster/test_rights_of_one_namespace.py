"""One of several `watchNamespaces` loses its rights, or goes: the others are looked after, also after a restart."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest

from tests.cluster.operating import Operating, endpoint, eventually, secret
from tests.cluster.profiles import Installed, installed

pytestmark = pytest.mark.full

READY = ("True", "Available")
KEPT, DENIED, GONE = "team-0", "team-1", "team-2"
SILENCE = 90
"""Seconds. What watches that may be opened tell is not left to bookmarks, which come about once in sixty."""
PATIENCE = 300.0


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    with installed("namespaces", tmp_path_factory.mktemp("profile"), 3) as running:
        running.operator.stop()
        # Without a Lease, which would be lost while the API server starts.
        running.operator.settings |= {
            "INFERENCE_OPERATOR_WATCH_SILENCE": f"{SILENCE}s",
            "INFERENCE_OPERATOR_LEADER_ELECT": "false",
        }
        running.operator.start()
        yield running


def _alive(operator: Operating) -> int:
    told = [json.loads(line) for line in operator.log.splitlines() if '"probes listen"' in line]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{told[-1]['port']}/livez", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _one_of_each(name: str) -> list[dict[str, Any]]:
    """Something that each watch of a namespace tells of."""
    head = {"metadata": {"name": name}}
    pipeline = {"apiVersion": "inference-operator.io/v1alpha1", "kind": "IngestPipeline", "spec": {"processors": []}}
    return [secret(name), {"apiVersion": "v1", "kind": "ConfigMap"} | head, endpoint(name), pipeline | head]


def _told(log: str, what: str) -> list[str]:
    """Of which namespaces a log says so."""
    lines = [json.loads(line) for line in log.splitlines() if what in line]
    return sorted(line["namespace"] for line in lines)


def _end(operator: Operating, namespace: str) -> None:
    """Delete a namespace whose objects nobody finalizes."""
    kubectl, there = operator.plane.kubectl, f"--namespace={namespace}"
    objects = kubectl("get", "infep,ingp", there, "--output=name").split()
    kubectl("delete", *objects, there, "--wait=false")
    kubectl("patch", *objects, there, "--type=merge", '--patch={"metadata":{"finalizers":[]}}')
    kubectl("delete", "namespace", namespace, "--timeout=60s", timeout=70)


@pytest.mark.timeout(900)
def test_the_others_are_looked_after_and_it_is_taken_up_again_with_its_rights(profile: Installed) -> None:
    operator = profile.operator
    for namespace in profile.inside:
        operator.apply(namespace, secret(), endpoint(f"{namespace}-before"))
        operator.await_condition(namespace, f"{namespace}-before", READY)
    rules = profile.rules(DENIED)

    profile.set_rules(DENIED, [])
    operator.plane.stop_api_server()  # rights are looked at when a watch is opened, and one that is open stays so for minutes
    operator.plane.start_api_server()
    until = time.monotonic() + 1.5 * SILENCE
    eventually(lambda: time.monotonic() > until, "what no watch may be silent for", 2 * SILENCE)
    assert not operator.has_ended
    for namespace in (KEPT, GONE):
        operator.apply(namespace, *_one_of_each(f"{namespace}-heard"))
    eventually(lambda: _alive(operator) == HTTPStatus.OK, "all watches but those that are refused to be heard")
    assert _told(operator.log, "its objects can't be listed").count(DENIED) == 1
    operator.apply(DENIED, endpoint(f"{DENIED}-during"))
    operator.apply(KEPT, endpoint(f"{KEPT}-during"))
    operator.await_condition(KEPT, f"{KEPT}-during", READY)

    operator.kill()
    _end(operator, GONE)
    mark = len(operator.log)
    operator.start()
    operator.apply(KEPT, endpoint(f"{KEPT}-after"))
    operator.await_condition(KEPT, f"{KEPT}-after", READY)
    assert _told(operator.log[mark:], "its objects can't be listed") == [DENIED, GONE]
    assert operator.condition(DENIED, f"{DENIED}-during") is None
    assert f"{DENIED}-before" in operator.standin.endpoints

    profile.set_rules(DENIED, rules)
    for name in (f"{DENIED}-before", f"{DENIED}-during"):
        _await_ready(operator, DENIED, name)
    operator.apply(DENIED, endpoint(f"{DENIED}-before", taskSettings={"user": "edited"}))
    eventually(lambda: operator.standin.endpoints[f"{DENIED}-before"].task_settings == {"user": "edited"}, "the edit", PATIENCE)
    assert _told(operator.log[mark:], "its objects can be listed again") == [DENIED]


def _await_ready(operator: Operating, namespace: str, name: str) -> None:
    """Longer than usual: who was refused is asked again after half a minute."""
    eventually(lambda: operator.condition(namespace, name) == READY, f"{name} to be Ready", PATIENCE)
