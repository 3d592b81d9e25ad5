"""The generated files: fresh in the checkout, and a stale one is found and named."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from inference_operator.api.crd import manifests
from inference_operator.manifests import FOLDERS, main, render
from tests import yaml_documents

CHECKOUT = Path(__file__).parents[2]


def test_the_files_of_the_checkout_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--root", str(CHECKOUT)]) == 0, capsys.readouterr().err


RENDERED = functools.cache(render)


def test_the_text_is_the_manifest_and_says_where_it_comes_from() -> None:
    for name, text in RENDERED().items():
        assert yaml_documents.document(text) == manifests()[name]
        assert "make generate" in text.splitlines()[0]


def test_what_was_written_is_fresh_and_a_missing_and_a_changed_file_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["write", "--root", str(tmp_path)]) == 0

    assert main(["check", "--root", str(tmp_path)]) == 0
    assert {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.yaml")} == set(FOLDERS)

    missing, changed = (tmp_path / folder / next(iter(RENDERED())) for folder in FOLDERS)
    missing.unlink()
    changed.write_text(changed.read_text() + "\n")

    assert main(["check", "--root", str(tmp_path)]) == 1

    complaint = capsys.readouterr().err
    assert str(missing) in complaint
    assert str(changed) in complaint
    assert "make generate" in complaint
    assert not missing.exists()
