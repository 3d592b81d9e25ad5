"""Several replicas of the operator as processes, each with a token and an API key of its own, so that both logs tell them apart.

They have the chart's environment and rights, for one namespace that is also theirs: nothing else of the control plane is touched.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from tests.chart.release import Release
from tests.cluster.letting_go import let_go
from tests.cluster.operating import ENDPOINTS, eventually
from tests.controlplane import ControlPlane
from tests.controlplane.audit import AuditEntry, AuditReader
from tests.standin import ApiKey, Security, StandIn, create_tls, serve_in_thread

_MOST = 20
_END_SECONDS = 40
_PORT = re.compile(r'"event": "probes listen".*"port": (\d+)|"port": (\d+).*"event": "probes listen"')
_READY = ("True", "Available")


class Replica:
    """One process. `name` is the id of its API key, `credential` what the audit log calls its token."""

    def __init__(self, name: str, token: str, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.credential = f"JTI={_claims(token)['jti']}"
        self._log = log
        self._process = process

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def is_ready(self) -> bool:
        """What a kubelet would find."""
        assert self.runs, f"{self.name} ended: {self.log}"
        found = next((line for line in map(_PORT.search, self.log.splitlines()) if line), None)
        if found is None:
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1] or found[2]}/readyz", timeout=5) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except urllib.error.HTTPError:
            return False

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end; return its exit code."""
        return self._process.wait(timeout=_END_SECONDS)

    def close(self) -> None:
        if self.runs:
            self._process.kill()  # also where it is stopped
            self.ended()


class Replicas:
    """All that were started; see `replicas_of`."""

    def __init__(self, plane: ControlPlane, release: Release, standin: StandIn, folder: Path) -> None:
        self.plane = plane
        self.standin = standin
        self.namespace = release.namespace
        self.started: list[Replica] = []
        self.settings: dict[str, str] = {}
        self._release = release
        self._folder = folder
        self._audit = AuditReader(plane.audit_log, f"system:serviceaccount:{self.namespace}:{release.fullname}")

    def start(self) -> Replica:
        """Start one more and wait until it is ready."""
        name = _name(len(self.started) + 1)
        token = self.plane.create_token(self.namespace, self._release.fullname)
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "inference_operator", "run"],
                env=self._environment(name, token),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        replica = Replica(name, token, log, process)
        self.started.append(replica)
        eventually(replica.is_ready, f"{name} to be ready")
        return replica

    def _environment(self, name: str, token: str) -> dict[str, str]:
        given = {key: value for key, value in self._release.environment().items() if value is not None}
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("INFERENCE_OPERATOR_", "KUBE"))}
        here = {
            "PYTHONPATH": "operator",
            "KUBECONFIG": str(self.plane.kubeconfig_for_token(token, self._folder / f"{name}.kubeconfig")),
            "INFERENCE_OPERATOR_PROBE_ADDRESS": "127.0.0.1",
            "INFERENCE_OPERATOR_PROBE_PORT": "0",
            "INFERENCE_OPERATOR_METRICS_PORT": "-1",
            "INFERENCE_OPERATOR_OPERATOR_NAMESPACE": self.namespace,
            "INFERENCE_OPERATOR_DEFAULT_CONNECTION_PATH": str(self._folder / name),
            "INFERENCE_OPERATOR_RESYNC_INTERVAL": "1s",
            "INFERENCE_OPERATOR_BACKOFF_MAX": "2s",
            "INFERENCE_OPERATOR_REQUESTS_PER_SECOND": "500",
        }
        return inherited | given | here | self.settings

    # --- who leads ----------------------------------------------------------------------------------------------------

    @property
    def lease(self) -> dict[str, Any]:
        """The spec of the Lease."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/{self._release.fullname}"
        spec: dict[str, Any] = self.plane.api.ask("GET", path)["spec"]
        return spec

    def leader(self) -> Replica | None:
        """Whoever the Lease names, while it runs."""
        holder = self.lease.get("holderIdentity") or "nobody"
        return next((one for one in self.started if f"held by this replica, {holder}" in one.log and one.runs), None)

    def asked(self) -> list[tuple[str, AuditEntry]]:
        """What was asked of the API server, by whom, in the order of the answers."""
        names = {one.credential: one.name for one in self.started}
        return [(names[entry.credential], entry) for entry in self._audit.read()]

    def turns(self) -> tuple[list[str], list[str]]:
        """Who wrote objects of Kubernetes, and who wrote to Elasticsearch, in turn. A name twice: two wrote at once."""
        objects = [name for name, entry in self.asked() if entry.is_write and entry.resource != "leases"]
        return _runs(objects), _runs(entry.user for entry in self.standin.log.writes)

    # --- the user -----------------------------------------------------------------------------------------------------

    def apply(self, *documents: Mapping[str, Any]) -> None:
        self.plane.kubectl(
            "apply", f"--namespace={self.namespace}", "--filename=-", input=yaml.safe_dump_all(documents), timeout=90
        )

    def are_ready(self, count: int) -> bool:
        """True once so many endpoints are Ready, as of their latest generation."""
        found = self.plane.api.list(ENDPOINTS.format(self.namespace))
        return sum(_is_ready(item) for item in found) == count

    def await_ready(self, count: int) -> None:
        eventually(lambda: self.are_ready(count), f"{count} endpoints to be Ready")


def _is_ready(body: Mapping[str, Any]) -> bool:
    status = body["status"]
    conditions = {(one["type"], one["status"], one["reason"]) for one in status.get("conditions", ())}
    return status["observedGeneration"] == body["metadata"]["generation"] and ("Ready", *_READY) in conditions


def _runs(names: Iterable[str]) -> list[str]:
    return [name for name, _ in groupby(names)]


def _name(number: int) -> str:
    return f"replica-{number}"


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


@contextmanager
def replicas_of(plane: ControlPlane, namespace: str, folder: Path) -> Iterator[Replicas]:
    """The chart in that namespace with a Lease that is free, a stand-in, and no replica yet."""
    release = Release(plane, "ha", namespace)
    release.install({"watchNamespaces": [namespace]}, with_crds=False)
    release.free_lease()
    keys = {_name(number): f"secret-of-{number}" for number in range(1, _MOST + 1)}
    standin = StandIn(security=Security(api_keys={name: ApiKey(secret) for name, secret in keys.items()}))
    tls = create_tls(folder / "tls")
    with serve_in_thread(standin, tls=tls) as url:
        for name, secret in keys.items():
            (folder / name).mkdir()
            encoded = base64.b64encode(f"{name}:{secret}".encode()).decode()
            for file, text in {"url": url, "api-key": encoded, "ca.crt": Path(tls.ca).read_text()}.items():
                (folder / name / file).write_text(text)
        replicas = Replicas(plane, release, standin, folder)
        try:
            yield replicas
        finally:
            for one in replicas.started:
                one.close()
            release.uninstall()
            let_go(plane, namespace)
