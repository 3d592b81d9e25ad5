"""Each guide has its fixed order, says something of every field and condition, and shows only what the API server takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
import yaml

from inference_operator.api.crd import KINDS, Kind, manifests, schema
from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.ingest_pipeline import IngestPipeline
from inference_operator.api.kubernetes_object import KubernetesObject
from inference_operator.shell.metrics.census import CONDITION_TYPES
from tests import yaml_documents
from tests.controlplane import CommandFailedError, ControlPlane
from tests.docs.markdown import Block, Page
from tests.docs.pages import GUIDE, PIPELINE_GUIDE, ROOT
from tests.docs.test_reasons_reached import STORIES

OURS = "inference-operator.io/v1alpha1"


@dataclass(frozen=True)
class Guide:
    """A page about a kind. `unshown`: required fields that every example shows, and which have no default."""

    page: Page
    kind: Kind
    unshown: frozenset[str]

    @cached_property
    def spec(self) -> dict[str, Any]:
        fields: dict[str, Any] = schema(self.kind.model)["properties"]["spec"]["properties"]
        return fields

    @property
    def documents(self) -> Iterator[dict[str, Any]]:
        for block in self.snippets:
            yield from yaml_documents.documents(block.text)

    @property
    def snippets(self) -> list[Block]:
        return [block for block in self.page.blocks if block.language == "yaml"]

    @property
    def whole(self) -> list[dict[str, Any]]:
        return [document for document in self.documents if document.get("apiVersion") == OURS]

    @property
    def others(self) -> list[dict[str, Any]]:
        """What is neither an object of ours nor a part of one."""
        return [one for one in self.documents if one.get("apiVersion") != OURS and list(one) != ["spec"]]

    @property
    def shown(self) -> list[dict[str, Any]]:
        """Every object, and every part put over the example."""
        parts = [document["spec"] for document in self.documents if list(document) == ["spec"]]
        return [*self.whole, *(self.completed(number, part) for number, part in enumerate(parts))]

    def completed(self, number: int, part: Mapping[str, Any]) -> dict[str, Any]:
        """The example with a part over it; a part with a service of its own needs nothing of the example's settings."""
        base = {} if "service" in part else self.whole[0]["spec"]
        metadata = {"name": f"part-{number}"}
        return {"apiVersion": OURS, "kind": self.kind.name, "metadata": metadata, "spec": {**base, **part}}


def kind_of(page: Page) -> Kind:
    (found,) = (kind for kind in KINDS if page.path.name == f"{kind.name.lower()}.md")
    return found


ENDPOINTS = Guide(GUIDE, kind_of(GUIDE), frozenset({"taskType", "service"}))
PIPELINES = Guide(PIPELINE_GUIDE, kind_of(PIPELINE_GUIDE), frozenset({"processors"}))
GUIDES = (ENDPOINTS, PIPELINES)
MODELS: dict[str, type[KubernetesObject]] = {"InferenceEndpoint": InferenceEndpoint, "IngestPipeline": IngestPipeline}
each_guide = pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.kind.name)


def test_every_kind_has_a_guide() -> None:
    assert [guide.kind for guide in GUIDES] == list(KINDS)


@each_guide
def test_the_order_is_that_of_every_guide(guide: Guide) -> None:
    assert [text for depth, text in guide.page.headings if depth < 3] == [
        guide.kind.name,
        "Example",
        "Writing a spec",
        "Working with it",
        "Reading its status",
        "Debugging",
        "Field reference",
    ]


@each_guide
def test_every_field_of_the_spec_has_a_section_in_the_order_of_the_schema(guide: Guide) -> None:
    sections = re.findall(r"^### `(\w+)`$", guide.page.section("Writing a spec"), re.MULTILINE)
    assert sections == list(guide.spec)


FIELDS = [(guide, name) for guide in GUIDES for name in guide.spec if name not in guide.unshown]


@pytest.mark.parametrize(("guide", "field"), FIELDS, ids=[f"{guide.kind.name}-{name}" for guide, name in FIELDS])
def test_a_section_of_a_field_says_its_default_and_shows_it(guide: Guide, field: str) -> None:
    section = guide.page.section(f"`{field}`")
    assert "default" in section.lower()
    parts = [block for block in guide.snippets if block.text in section]
    assert any(field in yaml_documents.document(block.text)["spec"] for block in parts)


@each_guide
def test_the_stated_defaults_are_those_of_the_schema(guide: Guide) -> None:
    for field, property_ in guide.spec.items():
        section = guide.page.section(f"`{field}`")
        if "enum" in property_:
            assert re.search(rf"`{property_['default']}` \(\*\*default\*\*\)", section), field
            assert all(f"`{value}`" in section for value in property_["enum"])
        elif property_["type"] == "boolean":
            assert f"**Default:** `{json.dumps(property_['default'])}`" in section, field


def test_the_stated_defaults_of_time_and_probe_are_those_of_the_schema() -> None:
    assert "**Default:** `30s`" in GUIDE.section("`timeout`")
    assert ENDPOINTS.spec["timeout"]["default"] == "30s"
    assert "`interval: 1h`, `input: ping`" in GUIDE.section("`probe`")
    assert ENDPOINTS.spec["probe"]["default"] == {"enabled": False, "interval": "1h", "input": "ping"}


@each_guide
def test_every_field_of_the_status_is_told(guide: Guide) -> None:
    told = set(re.findall(r"`(\w+)`", guide.page.section("Reading its status")))
    assert set(schema(guide.kind.model)["properties"]["status"]["properties"]) - {"conditions"} <= told


@each_guide
def test_every_condition_is_told_with_the_reasons_that_it_can_carry(guide: Guide) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| [^|]+ \| ([^|]+) \|$", guide.page.section("Conditions"), re.MULTILINE)
    told = {f"{name}={status}": set(re.findall(r"`(\w+)`", reasons)) for name, status, reasons in rows}
    reached: dict[str, set[str]] = {}
    for story in (story for story in STORIES if story.pipeline == (guide is PIPELINES)):
        for condition in story.shown:
            reached.setdefault(condition, set()).add(story.reason.value)
    assert told == reached


@each_guide
def test_the_columns_are_those_of_the_crd(guide: Guide) -> None:
    (crd,) = (found for found in manifests().values() if found["spec"]["names"]["kind"] == guide.kind.name)
    columns = crd["spec"]["versions"][0]["additionalPrinterColumns"]
    plain = ["NAME", *(column["name"].upper() for column in columns if not column.get("priority"))]
    lines = [line for block in guide.page.blocks for line in block.text.splitlines()]
    assert plain in [line.split() for line in lines if line.lstrip().startswith("NAME  ")]


EVERYTHING = [(guide, document) for guide in GUIDES for document in guide.shown]


@pytest.mark.parametrize(
    ("guide", "document"), EVERYTHING, ids=[f"{guide.kind.name}-{one['metadata']['name']}" for guide, one in EVERYTHING]
)
def test_the_operator_reads_what_is_shown(guide: Guide, document: dict[str, Any]) -> None:
    MODELS[document["kind"]].parse(document)
    assert document["kind"] in (guide.kind.name, "InferenceEndpoint")


@pytest.mark.xdist_group("docs")
@each_guide
def test_the_api_server_takes_what_is_shown(plane: ControlPlane, namespace: str, guide: Guide) -> None:
    text = yaml.safe_dump_all(guide.shown)
    answer = plane.kubectl("apply", "--dry-run=server", "--validate=strict", f"--namespace={namespace}", "-f", "-", input=text)
    assert len(answer.splitlines()) == len(guide.shown)


@pytest.mark.xdist_group("docs")
@each_guide
def test_a_broken_part_would_not_pass(plane: ControlPlane, namespace: str, guide: Guide) -> None:
    broken = json.dumps(guide.completed(0, {"adoptionPolicy": "Sometimes", "unknownField": 1}))
    arguments = ("--dry-run=server", "--validate=strict", f"--namespace={namespace}", "-f", "-")
    with pytest.raises(CommandFailedError) as caught:
        plane.kubectl("apply", *arguments, input=broken)
    assert "unknownField" in caught.value.stderr


@each_guide
def test_every_snippet_is_of_ours_and_so_was_looked_at(guide: Guide) -> None:
    assert guide.others == []


def test_the_operator_reads_the_examples_of_the_readme() -> None:
    texts = [block.text for block in Page(ROOT / "README.md").blocks if block.language == "yaml"]
    shown = [document for text in texts for document in yaml_documents.documents(text)]
    assert [document["kind"] for document in shown] == list(MODELS)
    for document in shown:
        MODELS[document["kind"]].parse(document)


def test_the_readme_names_every_condition() -> None:
    rows = re.findall(r"^\| (`.+?`) \| ", Page(ROOT / "README.md").section("Reading status"), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(CONDITION_TYPES)
