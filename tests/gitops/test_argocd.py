"""The scripts for Argo CD, run as Argo CD runs them: in its own form of tests, and against everything that was recorded."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from inference_operator.api.meta import RECONCILE_ANNOTATION
from tests import yaml_documents
from tests.gitops import argo
from tests.gitops.customizations import (
    ACTIONS,
    ARGOCD,
    CONFIG_MAP,
    CUSTOMIZATIONS,
    GROUP,
    THEN,
    Customization,
    expected_health,
    stale,
)
from tests.gitops.flux import example
from tests.gitops.kstatus import Kstatus, kstatus
from tests.gitops.states import recorded

pytestmark = pytest.mark.xdist_group("gitops")  # recording takes seconds, and is done once a process
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MEANS = {
    "Healthy": {Kstatus.CURRENT},
    "Degraded": {Kstatus.FAILED},
    "Progressing": {Kstatus.IN_PROGRESS, Kstatus.TERMINATING},
    "Suspended": {Kstatus.IN_PROGRESS},
}
each_kind = pytest.mark.parametrize("scripts", CUSTOMIZATIONS, ids=lambda scripts: scripts.kind)


def load(path: Path) -> Any:
    return yaml_documents.document(path.read_text())


def rows(file: str, part: str) -> list[Any]:
    """The tests of one part of the files of all kinds."""
    return [
        pytest.param(scripts, row, id=f"{scripts.kind}-{row.get('action', '')}{Path(row['inputPath']).stem}")
        for scripts in CUSTOMIZATIONS
        for row in load(scripts.folder / file)[part]
    ]


def test_what_is_generated_is_not_stale() -> None:
    assert stale() == [], "run `make generate`"


@pytest.mark.parametrize(("scripts", "row"), rows("health_test.yaml", "tests"))
def test_health(scripts: Customization, row: dict[str, Any]) -> None:
    assert argo.run(scripts.health, load(scripts.folder / row["inputPath"])) == row["healthStatus"]


def test_the_health_of_everything_that_was_recorded_is_what_kstatus_says() -> None:
    scripts = {each.kind: each.health for each in CUSTOMIZATIONS}
    for each in recorded():
        health = argo.run(scripts[each.kind], each.body)
        assert kstatus(each.body) in MEANS[health["status"]], each.story
        assert health == expected_health(each), each.story


@each_kind
@pytest.mark.parametrize("body", [{"metadata": {"generation": 1}}, {"metadata": {"generation": 1, "deletionTimestamp": "now"}}])
def test_an_object_without_a_status_is_under_way(scripts: Customization, body: dict[str, Any]) -> None:
    assert argo.run(scripts.health, body)["status"] == "Progressing"


@pytest.mark.parametrize(("scripts", "row"), rows("actions/action_test.yaml", "discoveryTests"))
def test_discovery(scripts: Customization, row: dict[str, Any]) -> None:
    offered = argo.run(scripts.discovery, load(scripts.folder / "actions" / row["inputPath"]))
    found = [{"name": name, **about} for name, about in offered.items()]
    assert sorted(found, key=str) == sorted(row["result"], key=str)


@pytest.mark.parametrize(("scripts", "row"), rows("actions/action_test.yaml", "actionTests"))
def test_action(scripts: Customization, row: dict[str, Any]) -> None:
    before = load(scripts.folder / "actions" / row["inputPath"])
    after = argo.run(scripts.action(row["action"]), before)
    if requested := after["metadata"].get("annotations", {}).get(RECONCILE_ANNOTATION):
        assert RFC_3339.fullmatch(requested)
        after["metadata"]["annotations"][RECONCILE_ANNOTATION] = THEN
    assert after == load(scripts.folder / "actions" / row["expectedOutputPath"])
    assert after != before


@each_kind
def test_an_action_keeps_what_it_does_not_mean(scripts: Customization) -> None:
    """Annotations of others, and what a script can't tell apart: {} and []."""
    body = {
        "metadata": {"annotations": {"theirs": "kept"}, "labels": {}},
        "spec": {"taskSettings": {}, "processors": [{"set": {}}, {"drop": {}}], "tests": []},
    }
    for name in ACTIONS:
        after = argo.run(scripts.action(name), deepcopy(body))
        after["metadata"]["annotations"].pop(RECONCILE_ANNOTATION, None)
        after["spec"].pop("suspend", None)
        assert after == body, name


@each_kind
def test_the_folder_has_what_argo_cd_wants(scripts: Customization) -> None:
    present = {path.relative_to(scripts.folder).as_posix() for path in scripts.folder.rglob("*") if path.is_file()}
    wanted = {"health.lua", "health_test.yaml", "actions/discovery.lua", "actions/action_test.yaml"}
    wanted |= {f"actions/{name}/action.lua" for name in ACTIONS}
    assert {path for path in present if "testdata/" not in path} == wanted
    listed = {row["inputPath"] for row in load(scripts.folder / "health_test.yaml")["tests"]}
    assert {path for path in present if path.startswith("testdata/")} == listed


def test_both_kinds_have_the_same_scripts() -> None:
    """So that a correction of one is not forgotten in the other."""
    first, *others = CUSTOMIZATIONS
    for other in others:
        assert (first.health, first.discovery) == (other.health, other.discovery)
        assert [first.action(name) for name in ACTIONS] == [other.action(name) for name in ACTIONS]


@each_kind
def test_what_is_pasted_into_argocd_cm_are_the_scripts(scripts: Customization) -> None:
    data = load(CONFIG_MAP)["data"]
    assert data[f"resource.customizations.health.{GROUP}_{scripts.kind}"] == scripts.health
    actions = yaml_documents.document(data[f"resource.customizations.actions.{GROUP}_{scripts.kind}"])
    assert actions["discovery.lua"] == scripts.discovery
    assert {each["name"]: each["action.lua"] for each in actions["definitions"]} == {
        name: scripts.action(name) for name in ACTIONS
    }


def test_both_tools_bring_the_same_operator_and_the_same_folder() -> None:
    operator, search = yaml_documents.documents((ARGOCD / "applications.yaml").read_text())
    (release,) = (each for each in yaml_documents.documents(example()["operator/release.yaml"]) if each["kind"] == "HelmRelease")
    assert operator["spec"]["source"]["helm"]["valuesObject"] == release["spec"]["values"]
    assert operator["spec"]["destination"]["namespace"] == release["metadata"]["namespace"]
    _, follows = yaml_documents.documents(example()["flux/search.yaml"])
    assert f"./{search['spec']['source']['path']}" == follows["spec"]["path"]
    assert search["spec"]["destination"]["namespace"] == follows["spec"]["targetNamespace"]


def test_an_endpoint_is_in_an_earlier_wave_than_the_pipeline_that_needs_it() -> None:
    files = [text for name, text in example().items() if name.startswith("search/")]
    objects = {each["kind"]: each for text in files for each in yaml_documents.documents(text)}
    waves = {kind: int(each["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]) for kind, each in objects.items()}
    assert waves["InferenceEndpoint"] < waves["IngestPipeline"]
    needed = [step["inference"]["model_id"] for step in objects["IngestPipeline"]["spec"]["processors"] if "inference" in step]
    assert needed == [objects["InferenceEndpoint"]["metadata"]["name"]]
