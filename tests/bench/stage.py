"""What is measured on: a control plane, the chart's rights, the stand-in and the operator or the floor, each its own process."""

from __future__ import annotations

import base64
import os
import ssl
import sys
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from inference_operator.kubernetes.client import KubernetesClient
from inference_operator.kubernetes.credentials import load_credentials
from inference_operator.shell.clock import SystemClock
from tests.bench.counts import AuditTail, Ledger
from tests.bench.process import Measured
from tests.bench.user import NAMESPACE, User
from tests.chart.release import Release
from tests.cluster.operating import ACCOUNT, API_KEY, HOME, USER
from tests.controlplane import ControlPlane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CRDS = Path(__file__).parents[2] / "crds"
CONCURRENCY = 8
"""The operator's default per cluster, and thus the floor's."""
NO_BUDGET = "100000"


@dataclass(slots=True)
class Stage:
    """Everything that a measurement needs."""

    plane: ControlPlane
    release: Release
    folder: Path
    user: User
    ledger: Ledger
    elasticsearch: httpx.AsyncClient
    runs: int = 0

    async def operator(self, *, resync: str, requests_per_second: str = NO_BUDGET) -> Measured:
        """Start the operator, up to its word that it works."""
        settings = {
            "INFERENCE_OPERATOR_RESYNC_INTERVAL": resync,
            "INFERENCE_OPERATOR_REQUESTS_PER_SECOND": requests_per_second,
            "INFERENCE_OPERATOR_CONCURRENCY_PER_CLUSTER": str(CONCURRENCY),
            "INFERENCE_OPERATOR_LEADER_ELECT": "false",  # renewals come with time, not with objects, which are what is counted
            "INFERENCE_OPERATOR_PROBE_ADDRESS": "127.0.0.1",
            "INFERENCE_OPERATOR_PROBE_PORT": "0",
            "INFERENCE_OPERATOR_METRICS_ADDRESS": "127.0.0.1",
            "INFERENCE_OPERATOR_METRICS_PORT": "0",
            "INFERENCE_OPERATOR_OPERATOR_NAMESPACE": HOME,
            "INFERENCE_OPERATOR_DEFAULT_CONNECTION_PATH": str(self.folder / "connection"),
            "INFERENCE_OPERATOR_DEFAULT_CONNECTION_NAMESPACES": "*",
        }
        given = {name: value for name, value in self.release.environment().items() if value is not None}
        return await self._start(["-m", "inference_operator", "run"], given | settings, "operator started")

    async def floor(self) -> Measured:
        """Start the client without logic instead."""
        settings = {"FLOOR_CONNECTION": str(self.folder / "connection")}
        return await self._start(["-m", "tests.bench.floor"], settings, "floor started")

    async def _start(self, arguments: list[str], settings: dict[str, str], ready: str) -> Measured:
        self.runs += 1
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("INFERENCE_OPERATOR_", "KUBE"))}
        token = self.plane.create_token(HOME, ACCOUNT)  # they live for an hour
        kubeconfig = self.plane.kubeconfig_for_token(token, self.folder / "kubeconfig")
        here = {"PYTHONPATH": f"operator{os.pathsep}.", "KUBECONFIG": str(kubeconfig)}
        log = self.folder / f"measured-{self.runs:03}.log"
        return await Measured.start([sys.executable, *arguments], inherited | settings | here, log, ready)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Set everything up, and take it down."""
    # As servers run by default: what others cost is half of what is measured.
    with ControlPlane(settings={}) as plane:
        plane.kubectl("apply", "--server-side", f"--filename={CRDS}")
        plane.await_established("inferenceendpoints.inference-operator.io")
        for namespace in (HOME, NAMESPACE):
            plane.kubectl("create", "namespace", namespace)
        release = Release(plane, "cluster", HOME)
        release.install({}, with_crds=False)
        folder = plane.directory / "bench"
        folder.mkdir()
        elasticsearch = _elasticsearch(plane, folder)
        admin = KubernetesClient(await load_credentials(SystemClock(), kubeconfig=plane.kubeconfig))
        try:
            async with elasticsearch, User(admin).watching() as user:
                with closing(AuditTail(plane.audit_log, USER)) as audit:
                    yield Stage(plane, release, folder, user, Ledger(audit, elasticsearch), elasticsearch)
        finally:
            await admin.close()


def _elasticsearch(plane: ControlPlane, folder: Path) -> httpx.AsyncClient:
    """The stand-in as a process, with TLS and an API key, and the files of the connection to it."""
    key = ":".join(API_KEY)
    tls, connection = folder / "tls", folder / "connection"
    arguments = ["-m", "tests.standin", "--port=0", "--control", "--tls", f"--tls-dir={tls}", f"--api-key={key}"]
    found = plane.run("standin", [sys.executable, *arguments], ready=r"listening on (\S+)", env={**os.environ, "PYTHONPATH": "."})
    connection.mkdir()
    encoded = base64.b64encode(key.encode()).decode()
    for name, text in {"url": found[1], "api-key": encoded, "ca.crt": (tls / "ca.crt").read_text()}.items():
        (connection / name).write_text(text)
    return client_of(connection)


def client_of(connection: Path) -> httpx.AsyncClient:
    """A plain client for the files of a connection."""
    return httpx.AsyncClient(
        base_url=(connection / "url").read_text(),
        headers={"authorization": f"ApiKey {(connection / 'api-key').read_text()}", "accept": "application/json"},
        verify=ssl.create_default_context(cafile=str(connection / "ca.crt")),
        timeout=30,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=CONCURRENCY),
        trust_env=False,
    )
