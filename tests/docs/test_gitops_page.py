"""`docs/gitops.md` shows what is in `examples/gitops`, and its table is what was recorded."""

from __future__ import annotations

import json
import re

import pytest

from tests import yaml_documents
from tests.controlplane import ControlPlane
from tests.docs.markdown import Page
from tests.docs.pages import ROOT
from tests.examples.catalogue_of_examples import GITOPS
from tests.gitops import argo
from tests.gitops.customizations import CONFIG_MAP, CUSTOMIZATIONS
from tests.gitops.kstatus import kstatus
from tests.gitops.states import recorded

PAGE = Page(ROOT / "docs" / "gitops.md")
FILES = [path.read_text() for path in sorted(GITOPS.rglob("*.yaml"))]


def test_a_snippet_is_a_part_of_an_example() -> None:
    snippets = [block.text for block in PAGE.blocks if block.language == "yaml"]
    assert snippets
    assert [text for text in snippets if not any(text in file for file in FILES)] == []


@pytest.mark.xdist_group("gitops")
def test_the_table_pairs_kstatus_and_argo_cd_as_they_were_recorded() -> None:
    rows = re.findall(r"^\|[^|]+\|[^|]+\|[^|]+\| (\w+) \| (\w+) \|$", PAGE.section("What the tools read"), re.MULTILINE)
    scripts = {each.kind: each.health for each in CUSTOMIZATIONS}
    found = {(kstatus(each.body).value, argo.run(scripts[each.kind], each.body)["status"]) for each in recorded()}
    assert set(rows) == found


def test_the_objects_named_on_the_page_are_those_of_the_examples() -> None:
    named = set(re.findall(r"infep ([a-z][a-z-]+)", PAGE.text)) | set(
        re.findall(r"InferenceEndpoint/search/([a-z-]+)", PAGE.text)
    )
    (endpoint,) = yaml_documents.documents((GITOPS / "search" / "endpoint.yaml").read_text())
    assert named == {endpoint["metadata"]["name"]}


@pytest.mark.xdist_group("docs")
def test_what_is_pasted_leaves_the_rest_of_the_config_map(plane: ControlPlane) -> None:
    if plane.api.get("/api/v1/namespaces/argocd") is None:
        plane.api.create("/api/v1/namespaces", {"metadata": {"name": "argocd"}})
    plane.api.create("/api/v1/namespaces/argocd/configmaps", {"metadata": {"name": "argocd-cm"}, "data": {"url": "theirs"}})
    (command,) = (line for block in PAGE.blocks for line in block.text.splitlines() if line.startswith("kubectl patch configmap"))
    arguments = command.replace("examples/gitops/argocd/argocd-cm.yaml", str(CONFIG_MAP)).split()[1:]
    plane.kubectl(*arguments)
    stored = json.loads(plane.kubectl("get", "configmap", "argocd-cm", "--namespace=argocd", "--output=json"))["data"]
    assert stored == {"url": "theirs"} | yaml_documents.document(CONFIG_MAP.read_text())["data"]
