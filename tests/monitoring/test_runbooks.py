"""Every command of the runbooks, typed on a real API server with the chart installed: each names things that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from tests.chart.release import Release
from tests.cluster.conftest import plane
from tests.cluster.operating import endpoint
from tests.controlplane import ControlPlane
from tests.docs.markdown import Page
from tests.monitoring.activity import pipeline
from tests.monitoring.rules import ROOT, RUNBOOKS

pytestmark = [pytest.mark.full, pytest.mark.xdist_group("monitoring")]
__all__ = ["plane"]  # the fixture
HOME, NAMESPACE = "inference-operator", "search"
OF_OTHERS = ("kubectl get elasticsearch ",)
"""What is only there where ECK is."""
COMMANDS = sorted({command.text for page in RUNBOOKS.glob("*.md") for command in Page(page).commands})


@pytest.fixture(scope="module")
def installed(plane: ControlPlane) -> Iterator[ControlPlane]:
    """The chart, and the objects that the runbooks name."""
    for name in (HOME, NAMESPACE):
        plane.kubectl("create", "namespace", name)
    release = Release(plane, HOME, HOME)
    release.install({}, with_crds=False)
    lease = {"metadata": {"name": HOME}, "spec": {"leaseDurationSeconds": 15}}
    plane.api.create(f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases", lease)  # what a replica makes
    for manifest in (endpoint("product-embeddings"), pipeline("products")):
        plane.api.create(f"/apis/{manifest['apiVersion']}/namespaces/{NAMESPACE}/{PLURALS[manifest['kind']]}", manifest)
    plane.kubectl("create", "secret", "generic", "my-elasticsearch", f"--namespace={NAMESPACE}")
    plane.eventually(lambda: plane.kubectl("get", "pods", f"--namespace={HOME}", "--output=name"), "the pods of the Deployment")
    yield plane
    release.uninstall()


PLURALS = {"InferenceEndpoint": "inferenceendpoints", "IngestPipeline": "ingestpipelines"}


@pytest.mark.parametrize("command", [command for command in COMMANDS if not command.startswith(OF_OTHERS)])
def test_a_command_can_be_typed(command: str, installed: ControlPlane) -> None:
    program, *words = shlex.split(command.replace('"$(date +%s)"', "now"))
    run = {"kubectl": installed.kubectl, "helm": installed.helm}[program]
    words = [word.replace("--filename=crds/", f"--filename={ROOT / 'crds'}") for word in words]
    if words[0] == "logs":
        # Without a node there is no log, so what is logged is asked for.
        pods = installed.kubectl("get", words[1], *(word for word in words if word.startswith("--namespace")), "--output=name")
        assert re.fullmatch(r"deployment\.apps/inference-operator\s*", pods)
        return
    assert run(*words) is not None
