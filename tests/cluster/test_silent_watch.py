"""What a watch of our own kinds tells is swallowed on the way, while all else works: liveness fails, and a restart cures."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.deaf_proxy import DeafProxy, deaf_proxy
from tests.cluster.operating import ACCOUNT, HOME, Operating, endpoint, eventually, operating, secret
from tests.controlplane import ControlPlane
from tests.controlplane.kubeconfig import write_kubeconfig

pytestmark = pytest.mark.full

OUR_WATCH = "/inferenceendpoints?watch=true"
SILENCE = 90
"""Seconds: bookmarks come about once in sixty."""


@pytest.fixture
def proxy(plane: ControlPlane) -> Iterator[DeafProxy]:
    with deaf_proxy(plane.api_url, plane.ca_file) as made:
        yield made


@pytest.fixture
def operator(plane: ControlPlane, proxy: DeafProxy, tmp_path: Path) -> Iterator[Operating]:
    with operating(plane, tmp_path) as running:
        running.stop()
        token = plane.create_token(HOME, ACCOUNT)
        config = write_kubeconfig(tmp_path / "by-proxy", server=proxy.url, ca_file=plane.ca_file, token=token, user="operator")
        running.settings |= {"KUBECONFIG": str(config), "INFERENCE_OPERATOR_WATCH_SILENCE": f"{SILENCE}s"}
        running.start()
        yield running


def _ask(operator: Operating, event: str, path: str) -> tuple[int, str]:
    told = [json.loads(line) for line in operator.log.splitlines() if f'"{event}"' in line]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{told[-1]['port']}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _age(operator: Operating) -> float:
    """Of the watch that is silent for longest, as the metrics tell it."""
    _, text = _ask(operator, "metrics listen", "/metrics")
    found = re.search(r"^inference_operator_watch_age_seconds (\S+)$", text, re.MULTILINE)
    assert found is not None
    return float(found[1])


@pytest.mark.timeout(600)
def test_liveness_fails_when_what_our_watch_tells_is_swallowed(operator: Operating, proxy: DeafProxy, namespace: str) -> None:
    operator.apply(namespace, secret(), endpoint("heard"))
    operator.await_condition(namespace, "heard", ("True", "Available"))
    eventually(lambda: _age(operator) > 40, "a quiet watch to age", SILENCE)
    eventually(lambda: _age(operator) < 40, "a bookmark to be heard", SILENCE)
    assert _ask(operator, "probes listen", "/livez") == (200, "ok\n")

    proxy.deafen(OUR_WATCH)
    operator.apply(namespace, endpoint("unheard"))
    eventually(lambda: _ask(operator, "probes listen", "/livez")[0] == 503, "liveness to fail", 2 * SILENCE)
    assert "no word from a watch" in _ask(operator, "probes listen", "/livez")[1]
    assert _age(operator) > SILENCE
    assert operator.condition(namespace, "unheard") is None

    proxy.deafen(None)
    operator.kill()  # as a kubelet does then
    operator.start()
    operator.await_condition(namespace, "unheard", ("True", "Available"))
