"""Every command of the runbooks, typed on a real API server with the chart installed: each names things that there are.

The CRDs are Helm's and of another version than the checkout's, which is when a person puts these in their place.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.chart.release import CRDS, Release
from tests.chart.rendering import CHART
from tests.cluster.operating import endpoint
from tests.controlplane import ControlPlane
from tests.docs.markdown import Page
from tests.monitoring.activity import pipeline
from tests.monitoring.rules import ROOT, RUNBOOKS

pytestmark = [pytest.mark.full, pytest.mark.xdist_group("monitoring")]
HOME, NAMESPACE = "inference-operator", "search"
OF_OTHERS = ("kubectl get elasticsearch ",)
"""What is only there where ECK is."""
LOG_OF = {"deployment/inference-operator": r"deployment\.apps/inference-operator", "POD": r"pod/inference-operator-\S+"}
"""Whose log is asked for, and what kubectl calls it. `POD` is one of those that the command before lists."""
COMMANDS = sorted({command.text for page in RUNBOOKS.glob("*.md") for command in Page(page).commands})


def older_chart(folder: Path) -> Path:
    """The chart with CRDs that lack a field."""
    chart = shutil.copytree(CHART, folder / CHART.name)
    (path,) = (chart / "files" / "crds").glob("*inferenceendpoints.yaml")
    crd = yaml.safe_load(path.read_text())
    del crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["timeout"]
    path.write_text(yaml.safe_dump(crd))
    return chart


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The chart, and the objects that the runbooks name."""
    with ControlPlane() as plane:
        _install(plane, older_chart(tmp_path_factory.mktemp("older")))
        yield plane


def _install(plane: ControlPlane, chart: Path) -> None:
    for name in (HOME, NAMESPACE):
        plane.kubectl("create", "namespace", name)
    Release(plane, HOME, HOME).helm("install", HOME, str(chart))
    plane.await_established(*CRDS)
    lease = {"metadata": {"name": HOME}, "spec": {"leaseDurationSeconds": 15}}
    plane.api.create(f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases", lease)  # what a replica makes
    for manifest in (endpoint("product-embeddings"), pipeline("products")):
        plane.api.create(f"/apis/{manifest['apiVersion']}/namespaces/{NAMESPACE}/{PLURALS[manifest['kind']]}", manifest)
    plane.kubectl("create", "secret", "generic", "my-elasticsearch", f"--namespace={NAMESPACE}")
    plane.eventually(lambda: plane.kubectl("get", "pods", f"--namespace={HOME}", "--output=name"), "the pods of the Deployment")


PLURALS = {"InferenceEndpoint": "inferenceendpoints", "IngestPipeline": "ingestpipelines"}


@pytest.mark.parametrize("command", [command for command in COMMANDS if not command.startswith(OF_OTHERS)])
def test_a_command_can_be_typed(command: str, installed: ControlPlane) -> None:
    program, *words = shlex.split(command.replace('"$(date +%s)"', "now"))
    run = {"kubectl": installed.kubectl, "helm": installed.helm}[program]
    words = [word.replace("--filename=crds/", f"--filename={ROOT / 'crds'}") for word in words]
    if words[0] == "logs":
        # Without a node there is no log, so what is logged is asked for.
        whose = words[1].replace("POD", "pods")
        found = installed.kubectl("get", whose, *(word for word in words if word.startswith("--namespace")), "--output=name")
        assert all(re.fullmatch(LOG_OF[words[1]], line) for line in found.split())
        assert found
        return
    assert run(*words) is not None
