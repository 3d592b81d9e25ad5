"""The field reference: what a row says, and that it is put into a guide, and nothing else of the guide is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from inference_operator.api.crd import KINDS, schema
from inference_operator.manifests import GUIDES, main
from inference_operator.reference import BEGIN, END, NoPlaceError, guides, refreshed, render
from tests.docs.pages import GUIDE, PIPELINE_GUIDE, ROOT

KIND = KINDS[0]
TEXT = render(KIND)


def table(path: str) -> dict[str, list[str]]:
    """The rows of one table by field, cells apart."""
    section = TEXT.split(f"### `{path}`\n", 1)[1].split("\n### ", 1)[0]
    rows = [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in section.splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): cells[1:] for cells in rows}


def objects(path: str, node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "properties" in node and not node.get("x-kubernetes-preserve-unknown-fields"):
        yield path, node
        for name, field in node["properties"].items():
            yield from objects(f"{path}.{name}", field)
            yield from objects(f"{path}.{name}[]", field.get("items", {}))


def test_every_field_of_every_object_has_a_row() -> None:
    root = schema(KIND.model)["properties"]
    for block in ("spec", "status"):
        for path, node in objects(block, root[block]):
            assert list(table(path)) == list(node["properties"])


@pytest.mark.parametrize(
    ("path", "field", "cells"),
    [
        pytest.param("spec", "service", ["string", "required"], id="required"),
        pytest.param("spec", "timeout", ["string", '`"30s"`'], id="default"),
        pytest.param("spec", "driftPolicy", ["`Correct` \\| `Detect`", '`"Correct"`'], id="enum"),
        pytest.param("spec", "taskSettings", ["open object", ""], id="open"),
        pytest.param("spec.probe", "enabled", ["boolean", "`false`"], id="nested"),
        pytest.param("status", "conditions", ["list of objects"], id="list of objects"),
        pytest.param("status.usedBy", "pipelines", ["list of strings"], id="list of strings"),
    ],
)
def test_a_row_says_type_and_default(path: str, field: str, cells: list[str]) -> None:
    assert table(path)[field][: len(cells)] == cells


def test_the_settings_that_must_be_references_are_named() -> None:
    assert "Known secrets: `access_key`, `api_key`" in table("spec")["serviceSettings"][-1]


def test_bounds_are_said() -> None:
    assert "(at most 506 characters)" in table("spec")["inferenceId"][-1]


def test_every_rule_of_the_api_server_is_quoted_once() -> None:
    for rule in ("an object can't be moved to another cluster", "inferenceId can't be changed", "set exactly one of name"):
        assert TEXT.count(rule) in (1, 2)  # the cluster is fixed in the spec, and in the reference to it
    assert TEXT.count("must be a duration from 1ms to 1h") == 1


def test_nothing_reads_as_html() -> None:
    assert "&lt;secret name/key>" in TEXT
    assert not re.search(r"<(?!!--)", TEXT)


def test_the_checked_in_guides_are_fresh() -> None:
    assert guides()[GUIDE.path.name] == KIND
    for page in (GUIDE, PIPELINE_GUIDE):
        assert refreshed("guide", page.text, guides()[page.path.name]) == page.text


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    text = refreshed("guide", f"before\n{BEGIN}\nold\n{END}\nafter\n", KIND)
    assert text == f"before\n{BEGIN}\n\n{TEXT}\n{END}\nafter\n"
    assert refreshed("guide", text, KIND) == text


@pytest.mark.parametrize("guide", ["", f"{BEGIN}\n", f"{END}\n", f"{END}\n{BEGIN}\n"])
def test_a_guide_without_its_markers_is_refused_by_name(guide: str) -> None:
    with pytest.raises(NoPlaceError, match=r"crds/it\.md"):
        refreshed("crds/it.md", guide, KIND)


def test_a_stale_guide_is_found_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guide = tmp_path / GUIDES / GUIDE.path.name
    guide.parent.mkdir()
    guide.write_text(f"by hand\n{BEGIN}\n{END}\n")
    main(["write", "--root", str(tmp_path)])
    assert main(["check", "--root", str(tmp_path)]) == 0
    assert guide.read_text() == f"by hand\n{BEGIN}\n\n{TEXT}\n{END}\n"
    guide.write_text(guide.read_text().replace("| `timeout` |", "| `time` |"))
    assert main(["check", "--root", str(tmp_path)]) == 1
    assert str(guide) in capsys.readouterr().err


def test_a_guide_that_lost_its_markers_stops_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guide = tmp_path / GUIDES / GUIDE.path.name
    guide.parent.mkdir()
    guide.write_text("by hand\n")
    assert main(["write", "--root", str(tmp_path)]) == 1
    assert main(["check", "--root", str(tmp_path)]) == 1
    assert str(guide) in capsys.readouterr().err
    assert guide.read_text() == "by hand\n"


def test_the_guide_lies_beside_its_crd() -> None:
    assert GUIDE.path.parent == ROOT / GUIDES
