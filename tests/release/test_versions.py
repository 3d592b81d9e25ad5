"""One version everywhere, and what `make release` refuses. The checkouts are copies of ours, with a history of their own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.release import changelog, versions
from tests.release.bump import bump, refuse_another_tag
from tests.release.versions import ReleaseError

ROOT = Path(__file__).parents[2]
DAY = "2031-02-03"
COPIED = ("pyproject.toml", "Dockerfile", "README.md", "CHANGELOG.md", "docs", "charts")


def _git(checkout: Path, *arguments: str) -> None:
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(("git", "-C", str(checkout), *who, *arguments), check=True, capture_output=True, timeout=60)


def _commit(checkout: Path) -> None:
    _git(checkout, "add", "--all")
    _git(checkout, "commit", "--quiet", "--message", "everything")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    _git(tmp_path, "init", "--quiet")
    _commit(tmp_path)
    return tmp_path


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_this_checkout_has_one_version() -> None:
    assert versions.differing(ROOT) == []


@pytest.mark.parametrize(
    ("name", "old"),
    [
        ("charts/inference-operator/Chart.yaml", "\nversion: "),
        ("charts/inference-operator/Chart.yaml", 'appVersion: "'),
        ("Dockerfile", "ARG VERSION="),
        ("Dockerfile", "/inference-operator:"),
    ],
)
def test_a_place_that_differs_is_named(checkout: Path, name: str, old: str) -> None:
    version = versions.current(checkout)
    _edit(checkout / name, f"{old}{version}", f"{old}99.0.0")
    assert versions.differing(checkout) == [f"{name} says 99.0.0, pyproject.toml says {version}"]


def test_a_place_that_lost_its_line_is_named(checkout: Path) -> None:
    _edit(checkout / "Dockerfile", "ARG VERSION=", "ARG RELEASE=")
    (sentence,) = versions.differing(checkout)
    assert sentence.startswith("Dockerfile has no line")


def test_a_page_that_names_an_older_image_is_named(checkout: Path) -> None:
    page = checkout / "docs" / "page.md"
    page.write_text("docker pull example.com/inference-operator:0.0.9\n")
    assert versions.differing(checkout) == [f"docs/page.md says 0.0.9, pyproject.toml says {versions.current(checkout)}"]


def test_a_release_is_written_everywhere_and_says_what_was_not_released_yet(checkout: Path) -> None:
    notes = (checkout / "CHANGELOG.md").read_text().partition("## [Unreleased]\n")[2].partition("\n## [")[0].strip()
    written = bump(checkout, "97.1.0", DAY)
    assert {str(path.relative_to(checkout)) for path in written} == {
        "pyproject.toml",
        "Dockerfile",
        "README.md",
        "docs/gitops.md",
        "charts/inference-operator/Chart.yaml",
        "charts/inference-operator/README.md",
        "CHANGELOG.md",
    }
    assert (versions.current(checkout), versions.differing(checkout)) == ("97.1.0", [])
    text = (checkout / "CHANGELOG.md").read_text()
    assert f"\n## [Unreleased]\n\n## [97.1.0] - {DAY}\n" in text
    assert changelog.notes(text, "97.1.0").strip() == notes
    refuse_another_tag(checkout, "v97.1.0")


def test_the_version_that_was_prepared_and_never_released_can_be(checkout: Path) -> None:
    versions.rewrite(checkout, "97.1.0")
    _commit(checkout)
    bump(checkout, "97.1.0", DAY)
    assert changelog.newest((checkout / "CHANGELOG.md").read_text()) == "97.1.0"


def _refused(checkout: Path, version: str) -> str:
    before = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file() and ".git" not in path.parts}
    with pytest.raises(ReleaseError) as refusal:
        bump(checkout, version, DAY)
    after = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file() and ".git" not in path.parts}
    assert before == after
    return str(refusal.value)


def test_nothing_else_may_be_in_a_release(checkout: Path) -> None:
    (checkout / "new.txt").write_text("not committed\n")
    assert "?? new.txt" in _refused(checkout, "97.1.0")


def test_a_release_without_a_word_to_its_users_is_refused(checkout: Path) -> None:
    bump(checkout, "97.1.0", DAY)
    _commit(checkout)
    assert "no entry under" in _refused(checkout, "97.2.0")


@pytest.mark.parametrize("version", ["97.1.0", "97.0.9"])
def test_a_release_follows_the_one_before(checkout: Path, version: str) -> None:
    bump(checkout, "97.1.0", DAY)
    _edit(checkout / "CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- Something.\n")
    _commit(checkout)
    said = _refused(checkout, version)
    assert "not newer" in said or "older" in said


@pytest.mark.parametrize("version", ["1", "1.2", "v1.2.3", "1.2.3-rc.1", "01.2.3", "1.2.3; true", ""])
def test_other_forms_are_refused(checkout: Path, version: str) -> None:
    assert "no version of the form" in _refused(checkout, version)


def test_a_tag_of_another_version_is_refused(checkout: Path) -> None:
    bump(checkout, "97.1.0", DAY)
    with pytest.raises(ReleaseError, match=r"the tag is v97\.1\.1, but pyproject\.toml says 97\.1\.0"):
        refuse_another_tag(checkout, "v97.1.1")


def test_a_tag_without_its_section_of_the_changelog_is_refused(checkout: Path) -> None:
    versions.rewrite(checkout, "97.1.0")
    with pytest.raises(ReleaseError, match=r"CHANGELOG\.md says nothing of 97\.1\.0"):
        refuse_another_tag(checkout, "v97.1.0")
