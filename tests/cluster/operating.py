"""The operator as a process of its own, with the chart's ServiceAccount, between the real API server and the stand-in."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import yaml

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from tests.chart.release import Release
from tests.controlplane import ControlPlane
from tests.controlplane.audit import AuditEntry, AuditReader
from tests.lawful import assert_lawful
from tests.standin import ApiKey, Pace, Security, StandIn, create_tls, serve_in_thread

HOME = "operators"
ACCOUNT = "cluster-inference-operator"
ENDPOINTS = "/apis/inference-operator.io/v1alpha1/namespaces/{}/inferenceendpoints"
USER = f"system:serviceaccount:{HOME}:{ACCOUNT}"
API_KEY = ("operator", "canary-connection-8c1d")
SECONDS = 60.0
T = TypeVar("T")
Install: TypeAlias = Callable[[Release], None]


def eventually(found: Callable[[], T | None], what: str, seconds: float = SECONDS) -> T:
    """Ask again and again until the answer is true; raise AssertionError saying what was missing."""
    until = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        _pause()


def _pause() -> None:
    # A condition in another process can only be asked for; a short pause keeps the asking from being the load.
    signal.sigtimedwait((), 0.1)


class Operating:
    """A running operator; `kill` and `start` it as often as you like."""

    def __init__(self, plane: ControlPlane, release: Release, standin: StandIn, folder: Path) -> None:
        self.plane = plane
        self.standin = standin
        self._api = plane.api
        self._release = release
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._runs = 0
        self._audit = AuditReader(plane.audit_log, USER)
        self.settings: dict[str, str] = {}

    @property
    def connection(self) -> Path:
        """The files of the default connection, as a mounted Secret has them."""
        return self._folder / "connection"

    @property
    def log(self) -> str:
        """Everything that all runs wrote."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("operator-*.log")))

    @property
    def metrics(self) -> str:
        """Where the running process serves metrics, without the path."""
        told = [json.loads(line) for line in self.log.splitlines() if '"metrics listen"' in line]
        return f"http://127.0.0.1:{told[-1]['port']}"

    def fix_metrics_port(self) -> int:
        """Keep the port for all runs from now on, as a pod does."""
        port = self.metrics.rpartition(":")[2]
        self.settings["INFERENCE_OPERATOR_METRICS_PORT"] = port
        return int(port)

    def start(self) -> None:
        """Start it and wait until it says that it works, which is at once: the one before is known to be dead."""
        log = self.launch()
        eventually(lambda: self._started(log), f"the operator to start; its log:\n{log.read_text()}")

    def launch(self) -> Path:
        """Start it, whether it can work or not; return the file that it logs to."""
        self._release.free_lease()
        self._runs += 1
        log = self._folder / f"operator-{self._runs:03}.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "inference_operator", "run"],
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return log

    def _started(self, log: Path) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the operator ended: {log.read_text()}"
        return "operator started" in log.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(timeout=40)
        self._process = None
        return code

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    @property
    def has_ended(self) -> bool:
        """True when it ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def revive(self) -> int:
        """What a kubelet does with one that ended by itself; return its exit code."""
        assert self._process is not None
        code = self._process.wait(timeout=30)
        self.start()
        return code

    def ensure_running(self) -> None:
        if self._process is None:
            self.start()

    def close(self) -> None:
        if self._process is not None:
            self.kill()

    def _environment(self) -> dict[str, str]:
        given = {name: value for name, value in self._release.environment().items() if value is not None}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("INFERENCE_OPERATOR_", "KUBE"))}
        token = self.plane.create_token(self._release.namespace, self._release.fullname)
        kubeconfig = self.plane.kubeconfig_for_token(token, self._folder / "kubeconfig")
        here = {
            "PYTHONPATH": "operator",
            "KUBECONFIG": str(kubeconfig),
            "INFERENCE_OPERATOR_PROBE_ADDRESS": "127.0.0.1",
            "INFERENCE_OPERATOR_PROBE_PORT": "0",
            "INFERENCE_OPERATOR_METRICS_ADDRESS": "127.0.0.1",
            "INFERENCE_OPERATOR_METRICS_PORT": "0",
            "INFERENCE_OPERATOR_OPERATOR_NAMESPACE": self._release.namespace,
            "INFERENCE_OPERATOR_DEFAULT_CONNECTION_PATH": str(self.connection),
            "INFERENCE_OPERATOR_DEFAULT_CONNECTION_NAMESPACES": "*",
        }
        return inherited | given | here | self.settings

    # --- the user -----------------------------------------------------------------------------------------------------

    def apply(self, namespace: str, *documents: Mapping[str, Any]) -> None:
        self.plane.kubectl("apply", f"--namespace={namespace}", "--filename=-", input=yaml.safe_dump_all(documents))

    def get(self, namespace: str, name: str) -> dict[str, Any] | None:
        return self._api.get(f"{ENDPOINTS.format(namespace)}/{name}")

    def all(self, namespace: str) -> list[dict[str, Any]]:
        """Every endpoint of a namespace."""
        return self._api.list(ENDPOINTS.format(namespace))

    def condition(self, namespace: str, name: str, kind: str = "Ready") -> tuple[str, str] | None:
        """`(status, reason)` as of the latest generation, None while the operator has not got there; lawful in any case."""
        body = self.get(namespace, name)
        if body is None:
            return None
        status = InferenceEndpointStatus.model_validate(body["status"])
        if status.observed_generation != body["metadata"]["generation"]:
            return None
        assert_lawful(status, status.observed_generation)
        return next(((c.status, c.reason) for c in status.conditions if c.type == kind), None)

    def await_condition(self, namespace: str, name: str, wanted: tuple[str, str], kind: str = "Ready") -> None:
        def seen() -> bool:
            return self.condition(namespace, name, kind) == wanted

        try:
            eventually(seen, f"{name}: {kind} {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.get(namespace, name), indent=1)}\n{self.log[-3000:]}") from None

    def await_gone(self, namespace: str, name: str) -> None:
        eventually(lambda: self.get(namespace, name) is None, f"{namespace}/{name} to be gone")

    # --- figures ------------------------------------------------------------------------------------------------------

    def asked(self) -> list[AuditEntry]:
        """What the operator asked the API server so far, but for its Lease, which it renews as time passes."""
        return [entry for entry in self._audit.read() if entry.resource not in ("", "leases")]

    def writes_since(self, mark: int) -> Counter[tuple[str, str]]:
        return Counter((entry.verb, entry.resource) for entry in self.asked()[mark:] if entry.is_write)


def _with_defaults(release: Release) -> None:
    release.install({}, with_crds=False)


def secret(name: str = "openai", value: str = "canary-provider-27fe") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"api-key": value}}


def endpoint(name: str, **spec: Any) -> dict[str, Any]:
    """An OpenAI endpoint that takes its key from Secret `openai`."""
    settings = {
        "model_id": "text-embedding-3-small",
        "api_key": {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}},
    }
    return {
        "apiVersion": "inference-operator.io/v1alpha1",
        "kind": "InferenceEndpoint",
        "metadata": {"name": name},
        "spec": {"taskType": "text_embedding", "service": "openai", "serviceSettings": settings} | spec,
    }


@contextmanager
def operating(plane: ControlPlane, folder: Path, install: Install = _with_defaults) -> Iterator[Operating]:
    """The chart's rights on the control plane, a stand-in with TLS and an API key, and the operator between them."""
    if plane.api.get(f"/api/v1/namespaces/{HOME}") is None:
        plane.api.create("/api/v1/namespaces", {"metadata": {"name": HOME}})
    release = Release(plane, "cluster", HOME)
    install(release)
    try:
        with installed(release, folder) as running:
            yield running
    finally:
        release.uninstall()


@contextmanager
def installed(release: Release, folder: Path) -> Iterator[Operating]:
    """The same with the rights of a release that is there, and that stays."""
    tls = create_tls(folder / "tls")
    standin = StandIn(security=Security(api_keys={API_KEY[0]: ApiKey(API_KEY[1])}), pace=Pace(deployment=2.0))
    with serve_in_thread(standin, tls=tls) as url:
        connection = folder / "connection"
        connection.mkdir()
        (connection / "url").write_text(url)
        (connection / "api-key").write_text(base64.b64encode(":".join(API_KEY).encode()).decode())
        (connection / "ca.crt").write_text(Path(tls.ca).read_text())
        running = Operating(release.plane, release, standin, folder)
        running.settings = {
            "INFERENCE_OPERATOR_RESYNC_INTERVAL": "1s",
            "INFERENCE_OPERATOR_BACKOFF_MAX": "2s",
            "INFERENCE_OPERATOR_REQUESTS_PER_SECOND": "500",
        }
        running.start()
        try:
            yield running
        finally:
            running.close()
