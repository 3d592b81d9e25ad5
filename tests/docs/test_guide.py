"""The guide has its fixed order, says something of every field and condition, and shows only what the API server takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from inference_operator.api.crd import KINDS, manifests, schema
from inference_operator.api.inference_endpoint import InferenceEndpoint
from tests.controlplane import CommandFailedError, ControlPlane
from tests.docs.markdown import Block
from tests.docs.pages import GUIDE
from tests.docs.test_reasons_reached import STORIES

SPEC = schema(InferenceEndpoint)["properties"]["spec"]["properties"]
OURS = "inference-operator.io/v1alpha1"
ARGO_CD = f"resource.customizations.health.{OURS.partition('/')[0]}_{KINDS[0].name}"


def documents() -> Iterator[tuple[Block, dict[str, Any]]]:
    for block in GUIDE.blocks:
        if block.language == "yaml":
            yield block, yaml.safe_load(block.text)


WHOLE = [document for _, document in documents() if document.get("apiVersion") == OURS]
PARTS = [document["spec"] for _, document in documents() if list(document) == ["spec"]]
OTHERS = [document for _, document in documents() if document not in WHOLE and list(document) != ["spec"]]


def completed(number: int, part: Mapping[str, Any]) -> dict[str, Any]:
    """The example with a part over it; a part with a service of its own needs nothing of the example's settings."""
    base = {} if "service" in part else WHOLE[0]["spec"]
    name = f"part-{number}"
    return {"apiVersion": OURS, "kind": "InferenceEndpoint", "metadata": {"name": name}, "spec": {**base, **part}}


SHOWN = [*WHOLE, *(completed(number, part) for number, part in enumerate(PARTS))]


def test_the_order_is_that_of_every_guide() -> None:
    assert [text for depth, text in GUIDE.headings if depth < 3] == [
        "InferenceEndpoint",
        "Example",
        "Writing a spec",
        "Working with it",
        "Reading its status",
        "Debugging",
        "Field reference",
    ]


def test_every_field_of_the_spec_has_a_section_in_the_order_of_the_schema() -> None:
    sections = re.findall(r"^### `(\w+)`$", GUIDE.section("Writing a spec"), re.MULTILINE)
    assert sections == list(SPEC)


@pytest.mark.parametrize("field", [name for name in SPEC if name not in ("taskType", "service")])
def test_a_section_of_a_field_says_its_default_and_shows_it(field: str) -> None:
    section = GUIDE.section(f"`{field}`")
    assert "default" in section.lower()
    parts = [block for block in GUIDE.blocks if block.language == "yaml" and block.text in section]
    assert any(field in yaml.safe_load(block.text)["spec"] for block in parts)


def test_the_stated_defaults_are_those_of_the_schema() -> None:
    for field, property_ in SPEC.items():
        if "enum" in property_:
            assert re.search(rf"`{property_['default']}` \(\*\*default\*\*\)", GUIDE.section(f"`{field}`")), field
            assert all(f"`{value}`" in GUIDE.section(f"`{field}`") for value in property_["enum"])
    assert "**Default:** `30s`" in GUIDE.section("`timeout`")
    assert SPEC["timeout"]["default"] == "30s"
    assert "`interval: 1h`, `input: ping`" in GUIDE.section("`probe`")
    assert SPEC["probe"]["default"] == {"enabled": False, "interval": "1h", "input": "ping"}


def test_every_field_of_the_status_is_told() -> None:
    told = set(re.findall(r"`(\w+)`", GUIDE.section("Reading its status")))
    assert set(schema(InferenceEndpoint)["properties"]["status"]["properties"]) - {"conditions"} <= told


def test_every_condition_is_told_with_the_reasons_that_it_can_carry() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| [^|]+ \| ([^|]+) \|$", GUIDE.section("Conditions"), re.MULTILINE)
    told = {f"{name}={status}": set(re.findall(r"`(\w+)`", reasons)) for name, status, reasons in rows}
    reached: dict[str, set[str]] = {}
    for story in (story for story in STORIES if not story.pipeline):
        for condition in story.shown:
            reached.setdefault(condition, set()).add(story.reason.value)
    assert told == reached


def test_the_columns_are_those_of_the_crd() -> None:
    (crd,) = (found for found in manifests().values() if found["spec"]["names"]["kind"] == KINDS[0].name)
    columns = crd["spec"]["versions"][0]["additionalPrinterColumns"]
    plain = ["NAME", *(column["name"].upper() for column in columns if not column.get("priority"))]
    headings = [line.split() for block in GUIDE.blocks for line in block.text.splitlines() if line.lstrip().startswith("NAME  ")]
    assert plain in headings


@pytest.mark.parametrize("document", SHOWN, ids=lambda document: document["metadata"]["name"])
def test_the_operator_reads_what_is_shown(document: dict[str, Any]) -> None:
    InferenceEndpoint.parse(document)


@pytest.mark.xdist_group("docs")
def test_the_api_server_takes_what_is_shown(plane: ControlPlane, namespace: str) -> None:
    text = yaml.safe_dump_all(SHOWN)
    answer = plane.kubectl("apply", "--dry-run=server", "--validate=strict", f"--namespace={namespace}", "-f", "-", input=text)
    assert len(answer.splitlines()) == len(SHOWN)


@pytest.mark.xdist_group("docs")
def test_a_broken_part_would_not_pass(plane: ControlPlane, namespace: str) -> None:
    broken = json.dumps(completed(0, {"replacePolicy": "Sometimes", "unknownField": 1}))
    arguments = ("--dry-run=server", "--validate=strict", f"--namespace={namespace}", "-f", "-")
    with pytest.raises(CommandFailedError) as caught:
        plane.kubectl("apply", *arguments, input=broken)
    assert "unknownField" in caught.value.stderr


def test_other_snippets_are_those_of_the_gitops_tools() -> None:
    flux, argo_cd = OTHERS
    assert flux["kind"] == "Kustomization"
    assert flux["spec"]["wait"] is True
    assert list(argo_cd["data"]) == [ARGO_CD]
