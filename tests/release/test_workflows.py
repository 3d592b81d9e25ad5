"""What an intruder would use in a workflow: actions that can change under us, rights, and words of others in a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import yaml_documents

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / ".github").rglob("*.y*ml"))
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
each_workflow = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def _jobs(path: Path) -> dict[str, Any]:
    jobs: dict[str, Any] = yaml_documents.document(path.read_text())["jobs"]
    return jobs


def _steps(path: Path) -> Iterator[dict[str, Any]]:
    return (step for job in _jobs(path).values() for step in job["steps"])


def test_there_are_workflows() -> None:
    assert [path.stem for path in PATHS] == ["ci", "release"]


@each_workflow
def test_every_action_is_pinned_by_commit_and_says_its_version(path: Path) -> None:
    lines = re.findall(r"^.*\buses:.*$", path.read_text(), re.MULTILINE)
    assert lines
    pinned = re.compile(r" *- uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in lines if not pinned.fullmatch(line)] == []
    assert len(lines) == sum("uses" in step for step in _steps(path))


def test_an_action_is_the_same_in_all_workflows() -> None:
    used = {step["uses"] for path in PATHS for step in _steps(path) if "uses" in step}
    assert len({action.partition("@")[0] for action in used}) == len(used)


@each_workflow
def test_rights_are_given_to_jobs_alone(path: Path) -> None:
    assert yaml_documents.document(path.read_text())["permissions"] == {}
    assert all("permissions" in job for job in _jobs(path).values())


def test_only_a_tag_gives_the_right_to_publish() -> None:
    for job in _jobs(ROOT / ".github" / "workflows" / "ci.yml").values():
        assert job["permissions"] == {"contents": "read"}
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert re.search(r'^on:\n  push:\n    tags: \["v\*"\]\n\n', text, re.MULTILINE)


@each_workflow
def test_no_expression_stands_in_a_script(path: Path) -> None:
    assert [step["run"] for step in _steps(path) if "${{" in step.get("run", "")] == []


def test_nothing_is_published_that_was_not_tested() -> None:
    jobs = _jobs(ROOT / ".github" / "workflows" / "release.yml")
    (publishing,) = [job for job in jobs.values() if "write" in job["permissions"].values()]
    before = [step["run"] for name in publishing["needs"] for step in jobs[name]["steps"] if "run" in step]
    assert before == ["make test", "make e2e PROVIDER=kind"]


@each_workflow
def test_the_upgrade_is_tested_where_the_tags_are(path: Path) -> None:
    (e2e,) = [job for job in _jobs(path).values() if any("make e2e" in step.get("run", "") for step in job["steps"])]
    (checkout,) = [step for step in e2e["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"]["fetch-depth"] == 0


@each_workflow
def test_a_command_that_fails_inside_of_another_ends_the_step(path: Path) -> None:
    scripts = [step["run"] for step in _steps(path) if "run" in step]
    swallowed = re.compile(r'(?:echo|printf|export)\b.*"[^"]*\$\(')
    assert [line for script in scripts for line in script.splitlines() if swallowed.search(line)] == []
    if any(re.search(r"[^|]\|[^|]", script) for script in scripts):
        assert yaml_documents.document(path.read_text())["defaults"]["run"]["shell"] == "bash", "the default has no pipefail"


@each_workflow
def test_the_token_is_not_left_in_the_checkout(path: Path) -> None:
    checkouts = [step for step in _steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@each_workflow
def test_the_targets_are_those_of_the_makefile(path: Path) -> None:
    named = [
        name
        for step in _steps(path)
        for words in re.findall(r"^ *make (.+)$", step.get("run", ""), re.MULTILINE)
        for name in words.split()
        if "=" not in name
    ]
    assert named
    assert set(named) - TARGETS == set()


@each_workflow
def test_a_job_ends(path: Path) -> None:
    assert all(job["timeout-minutes"] <= 90 for job in _jobs(path).values())
