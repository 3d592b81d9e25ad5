"""The first step: starts the control plane, the stand-in and the operator, and installs the chart with the real helm.

No kubelet runs here. So the operator is a process beside the API server instead of a pod; its settings are those of the
chart's Deployment, and its rights those of the chart's ServiceAccount, by whose token it logs in.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from contextlib import ExitStack, nullcontext
from http import HTTPStatus
from importlib import metadata
from pathlib import Path

from tests.controlplane import ControlPlane, ensure_binaries
from tests.controlplane.detached import LOG
from tests.controlplane.state import KEPT, REPOSITORY
from tests.demo import NotSeenError
from tests.demo.cast import ON_THE_STAND_IN, ON_YOUR_CLUSTER, Cast
from tests.demo.elasticsearch import Access, Elasticsearch
from tests.demo.keeping import stderr_into
from tests.demo.stage import ACCOUNT, HOME, NAMESPACE, RELEASE, ROUND, Stage
from tests.demo.terminal import Terminal
from tests.demo.voice import Voice

TITLE = "Start everything"
_STAND_IN = ["--port", "0", "--control", "--deployment-seconds", "6"]
_CRDS = tuple(f"{plural}.inference-operator.io" for plural in ("inferenceendpoints", "ingestpipelines"))
_MOUNTED = "INFERENCE_OPERATOR_DEFAULT_CONNECTION_PATH"


def open_stage(owned: ExitStack, voice: Voice, access: Access | None, folder: Path | None) -> Stage:
    """Start everything; what was started ends with `owned`.

    Args:
        owned: closed by the caller, whatever happens.
        voice: tells what happens.
        access: to the user's own cluster; None: the stand-in.
        folder: for data and logs of what is to last; among the temporary files by default.

    Raises:
        NotSeenError: the user's cluster can't be used, or already has what the demo would make.
        ControlPlaneError: something did not start.

    """
    own = None if access is None else _own_cluster(owned, voice, access)
    began = time.monotonic()
    plane = ControlPlane(folder, ensure_binaries())
    owned.callback(plane.stop)
    with stderr_into(folder.parent / LOG) if folder else nullcontext():
        plane.start()
    version = json.loads(plane.kubectl("get", "--raw", "/version"))["gitVersion"]
    voice.say(f"Kubernetes {version}: etcd, kube-apiserver and kube-controller-manager, in {time.monotonic() - began:.1f} s")
    elasticsearch = own or _stand_in(plane, voice, folder.parent / KEPT if folder else None)
    stage = Stage(plane, elasticsearch, _cast(elasticsearch), Terminal(plane, voice), voice)
    _install(stage)
    _run_operator(stage)
    return stage


def _cast(elasticsearch: Elasticsearch) -> Cast:
    return ON_THE_STAND_IN if elasticsearch.is_stand_in else ON_YOUR_CLUSTER


def _own_cluster(owned: ExitStack, voice: Voice, access: Access) -> Elasticsearch:
    """Refuses a cluster that has something by the demo's names: what is not ours is not touched."""
    elasticsearch = Elasticsearch(access, is_stand_in=False)
    voice.say(f"Elasticsearch {elasticsearch.version()}: your own, at {access.url}")
    for path in _made_by_the_demo():
        status, _ = elasticsearch.ask("GET", path)
        if status == HTTPStatus.OK:
            raise NotSeenError(f"your cluster has {path} already: delete it there if an earlier demo left it, and start again")
        if status != HTTPStatus.NOT_FOUND:
            raise NotSeenError(f"your cluster answers {status} to GET {path}: the demo needs the rights to manage it")
    owned.callback(_tidy, elasticsearch, voice)
    return elasticsearch


def _made_by_the_demo() -> tuple[str, ...]:
    cast = ON_YOUR_CLUSTER
    return cast.pipeline_path, cast.index_path, f"/_inference/{cast.inference_id}"


def _tidy(elasticsearch: Elasticsearch, voice: Voice) -> None:
    """Delete what the demo made in the user's own cluster, after the operator has ended; what is gone already is fine."""
    for path in _made_by_the_demo():
        try:
            elasticsearch.ask("DELETE", path)
        except NotSeenError as error:
            voice.missed(f"{path} may still be in your cluster: {error}")


def _stand_in(plane: ControlPlane, voice: Voice, kept: Path | None) -> Elasticsearch:
    """`kept`: where its cluster outlives a crash or a reboot, so that `make up` finds it again."""
    began = time.monotonic()
    lasting = ["--data-dir", str(kept)] if kept else []
    argv = [sys.executable, "-u", "-m", "tests.standin", *_STAND_IN, *lasting]
    url = plane.run("standin", argv, ready=r"listening on (https?://\S+)", cwd=REPOSITORY)[1]
    elasticsearch = Elasticsearch.stand_in(url)
    version, seconds = elasticsearch.version(), time.monotonic() - began
    voice.say(f"Elasticsearch {version}: the stand-in of the tests, with invented providers, in {seconds:.1f} s")
    return elasticsearch


def _install(stage: Stage) -> None:
    """What a person would do: a Secret that says where Elasticsearch is, the chart, a namespace to work in."""
    run = stage.terminal.run
    connection = stage.plane.directory / "connection"
    connection.mkdir(mode=0o700)
    for key, value in stage.elasticsearch.access.connection.items():
        (connection / key).write_text(value)
    run(f"kubectl create namespace {HOME}")
    run(f"kubectl create secret generic elasticsearch --namespace {HOME} --from-file={connection}")
    settings = ("defaultConnection.secretName=elasticsearch", f"defaultConnection.namespaces={{{NAMESPACE}}}")
    options = " ".join(f"--set {shlex.quote(one)}" for one in (*settings, f"resyncInterval={ROUND}", "log.format=console"))
    run(f"helm install {RELEASE} charts/inference-operator --namespace {HOME} --hide-notes {options}", seconds=60)
    run(f"kubectl create namespace {NAMESPACE}")
    run(f"kubectl config set-context --current --namespace={NAMESPACE}")
    stage.plane.await_established(*_CRDS)


def _run_operator(stage: Stage) -> None:
    plane, began = stage.plane, time.monotonic()
    token = plane.kubectl("create", "token", ACCOUNT, f"--namespace={HOME}", "--duration=168h").strip()
    kubeconfig = plane.kubeconfig_for_token(token, plane.directory / "operator.kubeconfig", user=ACCOUNT)
    argv = [sys.executable, "-m", "inference_operator", "run"]
    plane.run("operator", argv, ready="operator started", env=_environment(stage, kubeconfig), cwd=REPOSITORY)
    stage.voice.say(
        f"Operator {metadata.version('inference-operator')}, in {time.monotonic() - began:.1f} s. No kubelet runs here, so the"
        " chart's pod stays Pending, and the operator is a process beside it: with the settings of the Deployment, and by the"
        " token of its ServiceAccount with just the rights that the chart grants."
    )


def _environment(stage: Stage, kubeconfig: Path) -> dict[str, str]:
    """The container's; what a kubelet would mount, the operator reads from the Secret itself."""
    deployment = stage.terminal.read(f"kubectl get deployment {RELEASE} --namespace {HOME} -o json")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    given = {item["name"]: item["value"] for item in container["env"] if "value" in item and item["name"] != _MOUNTED}
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ELASTICSEARCH_", "INFERENCE_OPERATOR_", "KUBE"))
    }
    past_any_proxy = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1")))
    here = {
        "PYTHONPATH": str(REPOSITORY / "operator"),
        "KUBECONFIG": str(kubeconfig),
        "NO_PROXY": past_any_proxy,
        "no_proxy": past_any_proxy,
        "INFERENCE_OPERATOR_OPERATOR_NAMESPACE": HOME,
        "INFERENCE_OPERATOR_DEFAULT_CONNECTION_SECRET": f"{HOME}/elasticsearch",
        "INFERENCE_OPERATOR_PROBE_ADDRESS": "127.0.0.1",
        "INFERENCE_OPERATOR_PROBE_PORT": "0",
        # It is alone here: nobody to elect, and renewals of a Lease would be counted among its writes.
        "INFERENCE_OPERATOR_LEADER_ELECT": "false",
        "INFERENCE_OPERATOR_METRICS_ADDRESS": "127.0.0.1",
        "INFERENCE_OPERATOR_METRICS_PORT": "0",
    }
    return inherited | given | here
