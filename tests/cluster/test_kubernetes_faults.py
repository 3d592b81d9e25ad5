"""What the API server does to a running operator: stops, withdraws rights, forgets a kind. It goes on by itself, or ends at once.

Ends: with an exit code other than 0 and a line that names the part, so that a kubelet starts it again, as these tests do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.operating import Operating, endpoint, eventually, operating, secret
from tests.controlplane import ControlPlane

pytestmark = pytest.mark.full

CRDS = Path(__file__).parents[2] / "crds"
KINDS = ("inferenceendpoints.inference-operator.io", "ingestpipelines.inference-operator.io")
READY = ("True", "Available")
AWAY = 60.0
SOON = 30.0


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of its own, since it is broken here."""
    with ControlPlane() as started:
        _install_kinds(started)
        yield started


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operating]:
    with operating(plane, tmp_path_factory.mktemp("operating")) as running:
        yield running


def _install_kinds(plane: ControlPlane) -> None:
    plane.kubectl("apply", "--server-side", f"--filename={CRDS}")
    plane.await_established(*KINDS)


def _names(namespace: str, count: int) -> list[str]:
    return [f"{namespace}-{number:02}" for number in range(count)]


def _await_all_ready(operator: Operating, namespace: str, names: list[str]) -> None:
    """Give it back to life first where it ended, which has to be said."""
    deadline = time.monotonic() + 120.0
    while time.monotonic() < deadline:
        if operator.has_ended:
            assert operator.revive() != 0
            assert "a part ended, so the operator ends" in operator.log
        if all(operator.condition(namespace, name) == READY for name in names):
            return
        operator.plane.check(0.5)
    raise AssertionError(f"not all became Ready:\n{operator.log[-3000:]}")


def test_a_stop_of_the_api_server_during_changes_is_outlived(operator: Operating, namespace: str) -> None:
    names = _names(namespace, 40)
    operator.apply(namespace, secret(), *(endpoint(name) for name in names[:20]))
    operator.plane.stop_api_server()
    operator.standin.log.clear()
    until = time.monotonic() + AWAY
    eventually(lambda: time.monotonic() > until, "a minute", AWAY + 10)
    operator.plane.start_api_server()
    operator.apply(namespace, secret(value="rotated"), *(endpoint(name) for name in names[10:]))
    _await_all_ready(operator, namespace, names)
    eventually(
        lambda: all(operator.standin.endpoints[name].secrets == {"api_key": "rotated"} for name in names), "the rotated key"
    )


def test_an_api_server_that_hangs_is_outlived(operator: Operating, namespace: str) -> None:
    names = _names(namespace, 10)
    operator.apply(namespace, secret(), *(endpoint(name) for name in names[:5]))
    operator.plane.pause()
    until = time.monotonic() + SOON
    eventually(lambda: time.monotonic() > until, "half a minute", SOON + 10)
    operator.plane.resume()
    operator.apply(namespace, *(endpoint(name) for name in names[5:]))
    _await_all_ready(operator, namespace, names)


def test_rights_that_are_withdrawn_and_given_back(operator: Operating, namespace: str) -> None:
    """Said while they lack, and nothing is left behind when they are back."""
    name = _role(operator)
    before = json.loads(operator.plane.kubectl("get", "clusterrole", name, "--output=json"))["rules"]
    _set_rules(operator, name, [])
    try:
        operator.apply(namespace, secret(), endpoint(f"{namespace}-00"))
        eventually(lambda: "forbidden" in operator.log.lower(), "a line that says what is forbidden", SOON)
    finally:
        _set_rules(operator, name, before)
    operator.apply(namespace, endpoint(f"{namespace}-01"))
    _await_all_ready(operator, namespace, _names(namespace, 2))


def test_a_kind_that_is_deleted_and_made_anew(operator: Operating, namespace: str) -> None:
    names = _names(namespace, 3)
    operator.apply(namespace, secret(), *(endpoint(name) for name in names))
    _await_all_ready(operator, namespace, names)
    operator.plane.kubectl("delete", "crd", *KINDS, "--wait=true", "--timeout=60s", timeout=70)
    assert not set(names) & set(operator.standin.endpoints), "what the objects stood for went with them"
    _install_kinds(operator.plane)
    operator.apply(namespace, *(endpoint(name) for name in names))
    _await_all_ready(operator, namespace, names)


def _role(operator: Operating) -> str:
    """The operator's own; the chart has roles for users besides, which nobody is bound to."""
    found: list[dict[str, Any]] = json.loads(operator.plane.kubectl("get", "clusterrolebindings", "--output=json"))["items"]
    (name,) = {item["roleRef"]["name"] for item in found if "inference-operator" in item["metadata"]["name"]}
    return str(name)


def _set_rules(operator: Operating, name: str, rules: list[dict[str, Any]]) -> None:
    operator.plane.kubectl("patch", "clusterrole", name, "--type=merge", f"--patch={json.dumps({'rules': rules})}")
