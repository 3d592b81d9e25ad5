"""What the demo plays on: a control plane, an Elasticsearch, the chart's rights, and the operator as a local process.

With `keep` everything runs in the background, as after `make up`, and `make down` ends it; otherwise it ends with the demo,
however that ends. There is no kubelet here, so the operator is not a pod; its rights are those of the chart all the same.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from tests.controlplane import ControlPlane
from tests.controlplane.audit import read_audit
from tests.controlplane.commands import CommandFailedError, run_command
from tests.controlplane.detached import down, up
from tests.controlplane.processes import identify
from tests.controlplane.state import REPOSITORY, State
from tests.demo.elasticsearch import Elasticsearch

NAMESPACE = "demo"
HOME = "operators"
RELEASE = "demo"
ACCOUNT = f"{RELEASE}-inference-operator"
USER = f"system:serviceaccount:{HOME}:{ACCOUNT}"
CHART = REPOSITORY / "charts" / "inference-operator"
ROUND = "5s"
STAND_IN = ["--control", "--deployment-seconds", "6"]
STARTED = r"operator started"
_T = TypeVar("_T")


class NotSeenError(Exception):
    """Something that should hold was not seen to hold in time."""


@dataclass(frozen=True)
class Stage:
    """Tools of the story. `folder` holds the logs."""

    kubeconfig: Path
    search_path: str
    folder: Path
    elasticsearch: Elasticsearch
    operator_log: Path
    plane: ControlPlane | None = None

    def kubectl(self, *arguments: str, given: str | None = None, seconds: float = 30.0) -> str:
        """Standard output. Raises CommandFailedError."""
        return self._run("kubectl", arguments, given, seconds)

    def refused(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl says when it is refused. Raises NotSeenError where it is not."""
        try:
            self.kubectl(*arguments, given=given)
        except CommandFailedError as error:
            return error.stderr.strip()
        raise NotSeenError("the API server took what it should refuse")

    def helm(self, *arguments: str) -> str:
        return self._run("helm", arguments, None, 60.0)

    def _run(self, tool: str, arguments: tuple[str, ...], given: str | None, seconds: float) -> str:
        environment = {
            "PATH": f"{self.search_path}{os.pathsep}{os.environ.get('PATH', '')}",
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.kubeconfig),
            "KUBERC": "off",
        }
        found = next(path for part in self.search_path.split(os.pathsep) if (path := Path(part) / tool).exists())
        return run_command([str(found), *arguments], env=environment, stdin=given, timeout=seconds, look=lambda: None)

    def endpoint(self, name: str) -> dict[str, Any] | None:
        text = self.kubectl("get", "infep", name, f"--namespace={NAMESPACE}", "--ignore-not-found", "--output=json")
        return json.loads(text) if text.strip() else None

    def condition(self, name: str, kind: str = "Ready") -> dict[str, Any] | None:
        """As of the latest generation."""
        found = self.endpoint(name)
        if found is None or found["status"]["observedGeneration"] != found["metadata"]["generation"]:
            return None
        return next((c for c in found["status"].get("conditions", ()) if c["type"] == kind), None)

    def has(self, name: str, status: str, reason: str, kind: str = "Ready") -> dict[str, Any] | None:
        """The condition, if that is what it says."""
        found = self.condition(name, kind)
        return found if found is not None and (found["status"], found["reason"]) == (status, reason) else None

    def kubernetes_writes(self) -> int:
        return sum(entry.is_write for entry in read_audit(self.kubeconfig.parent / "audit.jsonl", user=USER))


def eventually(found: Callable[[], _T | None], what: str, seconds: float = 30.0) -> _T:
    """Ask until the answer is true. Raises NotSeenError."""
    until = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > until:
            raise NotSeenError(f"not within {seconds:.0f} s: {what}")
        signal.sigtimedwait((), 0.1)
    return value


@contextmanager
def staged(*, keep: bool) -> Iterator[Stage]:
    """Everything but the operator's rights and connection, which `furnish` brings."""
    own = Elasticsearch.from_environment()
    if own is not None:
        own.ask("GET", "/")
    if keep:
        yield _kept(own)
        return
    with ControlPlane() as plane:
        elasticsearch = own or Elasticsearch.stand_in(_run_stand_in(plane))
        yield Stage(plane.kubeconfig, plane.binaries.search_path, plane.directory, elasticsearch, plane.log("operator"), plane)


def _run_stand_in(plane: ControlPlane) -> str:
    argv = [sys.executable, "-u", "-m", "tests.standin", "--port", "0", *STAND_IN]
    return plane.run("standin", argv, ready=r"listening on (https?://\S+)", cwd=REPOSITORY)[1]


def _kept(own: Elasticsearch | None) -> Stage:
    folder = REPOSITORY / ".up"
    down(folder)
    state = up(folder, None if own else STAND_IN)
    elasticsearch = own or Elasticsearch.stand_in(str(state.elasticsearch_url))
    return Stage(Path(state.kubeconfig), state.search_path, folder, elasticsearch, folder / "operator.log")


def furnish(stage: Stage) -> dict[str, str]:
    """Namespaces, the chart's CRD and rights, the connection. Returns the environment that the operator needs."""
    for name in (HOME, NAMESPACE):
        stage.kubectl("create", "namespace", name)
    stage.helm("install", RELEASE, str(CHART), f"--namespace={HOME}")
    established = '--for=jsonpath={.status.conditions[?(@.type=="Established")].status}=True'
    stage.kubectl("wait", established, "crd/inferenceendpoints.inference-operator.io", "--timeout=30s", seconds=40)
    connection = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "elasticsearch"}, "type": "Opaque"}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in stage.elasticsearch.connection.items()}
    stage.kubectl("apply", f"--namespace={HOME}", "--filename=-", given=json.dumps(connection | {"data": data}))
    return _environment(stage)


def _environment(stage: Stage) -> dict[str, str]:
    token = stage.kubectl("create", "token", ACCOUNT, f"--namespace={HOME}", "--duration=24h").strip()
    config = json.loads(stage.kubectl("config", "view", "--raw", "--minify", "--output=json"))
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = stage.kubeconfig.parent / "operator.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("INFERENCE_OPERATOR_", "KUBE", "ELASTIC"))
    }
    return inherited | {
        "PYTHONPATH": str(REPOSITORY / "operator"),
        "INFERENCE_OPERATOR_KUBECONFIG": str(path),
        "INFERENCE_OPERATOR_OPERATOR_NAMESPACE": HOME,
        "INFERENCE_OPERATOR_DEFAULT_CONNECTION_SECRET": f"{HOME}/elasticsearch",
        "INFERENCE_OPERATOR_DEFAULT_CONNECTION_NAMESPACES": NAMESPACE,
        "INFERENCE_OPERATOR_RESYNC_INTERVAL": ROUND,
        "INFERENCE_OPERATOR_PROBE_ADDRESS": "127.0.0.1",
        "INFERENCE_OPERATOR_PROBE_PORT": "0",
    }


def start_operator(stage: Stage, environment: dict[str, str]) -> None:
    """Run the operator; it ends with the control plane, or with `make down` where that is kept."""
    argv = [sys.executable, "-m", "inference_operator", "run"]
    if stage.plane is not None:
        stage.plane.run("operator", argv, ready=STARTED, env=environment, cwd=REPOSITORY)
        return
    with stage.operator_log.open("wb") as log:
        process = subprocess.Popen(argv, env=environment, cwd=REPOSITORY, stdout=log, stderr=log, start_new_session=True)
    _remember(stage.folder, process.pid)
    eventually(lambda: _has_started(stage, process), "the operator to start")
    process.returncode = 0  # so that Python does not complain that it is left behind


def _has_started(stage: Stage, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise NotSeenError(f"the operator ended with {process.returncode}")
    return re.search(STARTED, stage.operator_log.read_text()) is not None


def _remember(folder: Path, pid: int) -> None:
    """Let `make down` end it, too."""
    state, found = State.read(folder), identify(pid)
    if state is not None and found is not None:
        replace(state, processes=state.processes | {"operator": found}).write(folder)
