"""Our suites, run as the command runs them against a stand-in of every release."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from tests.standin import StandIn, serve_in_thread
from tests.standin.security import Security, User
from tests.standin.version import Version
from tests.yaml_rest import SKIPPED, Result, failures, load
from tests.yaml_rest.__main__ import OFFERS_OF_THE_STANDIN, SUITES, client_options, main, run_at_standin, table
from tests.yaml_rest.prerequisites import SUPPORTED_FEATURES, Prerequisite
from tests.yaml_rest.suite import Check, Do

FILES = sorted(SUITES.glob("*.yml"))
RELEASES = ("8.17.0", "8.19.0", "9.2.0", "9.5.0")


read = functools.cache(load)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_suite(path: Path, release: str) -> None:
    suite = read(path)
    ended = await run_at_standin(suite, release)
    assert [one.detail for one in failures(ended)] == []
    assert [one.test for one in ended] == [test.name for test in suite.tests]
    assert {one.test for one in ended if one.outcome == SKIPPED} == {
        test.name for test in suite.tests if any(_skips(one, release) for one in (*suite.prerequisites, *test.prerequisites))
    }


def _skips(one: Prerequisite, release: str) -> bool:
    """Our suites leave tests out for a release and for nothing else: the stand-in offers all that they require."""
    assert set(one.runner_features) <= SUPPORTED_FEATURES | OFFERS_OF_THE_STANDIN
    assert not any((one.cluster_features, one.capabilities, one.known_issues, one.awaits_fix))
    version = Version.parse(release)
    return any(low <= (version.major, version.minor, version.patch) <= high for low, high in one.versions)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_test_of_ours_runs_on_some_release_and_asserts_something(path: Path) -> None:
    suite = read(path)
    for test in suite.tests:
        needs = (*suite.prerequisites, *test.prerequisites)
        assert any(not any(_skips(one, release) for one in needs) for release in RELEASES), test.name
        assert any(isinstance(step, Check) or (isinstance(step, Do) and step.catch) for step in test.steps), test.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_suites_touch_only_names_of_their_own(path: Path) -> None:
    """They run against other people's clusters: what they create and delete begins with yaml-rest-."""
    suite = read(path)
    for section in (suite.setup, suite.teardown, *suite.tests):
        for step in section.steps:
            if isinstance(step, Do) and re.search(r"\.(put|update|delete|create)", step.api):
                named = [str(value) for key, value in step.arguments.items() if key in ("id", "index", "inference_id", "name")]
                assert all(name.lower().startswith("yaml-rest-") for name in named if step.catch is None), (step.line, named)


def test_the_command_prints_how_each_test_ended(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELASTICSEARCH_URL", raising=False)
    assert main(["--version", "8.19.0", str(FILES[0])]) == 0
    printed = capsys.readouterr().out
    assert re.search(rf"^passed +{re.escape(FILES[0].name)} +\w", printed, re.MULTILINE)
    assert re.search(r"^\d+ passed, 0 failed, \d+ skipped$", printed, re.MULTILINE)


WRONG = "t:\n  - do: { info: {} }\n  - match: { version.number: '1.0.0' }\n"


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        (WRONG, 1, "expected: '1.0.0'"),
        ("t:\n  - skip: { version: all, reason: never }\n  - do: { info: {} }\n", 1, "not for 9.5.0 (never)"),
    ],
)
def test_failures_and_nothing_run_end_with_1(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    status: int,
    says: str,
) -> None:
    monkeypatch.delenv("ELASTICSEARCH_URL", raising=False)
    (tmp_path / "a.yml").write_text(text)
    assert main([str(tmp_path / "a.yml")]) == status
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "arguments", "says"),
    [
        ("t: {}\n", [], "a.yml:1: the section [t] must have a list of steps"),
        (WRONG, ["--url", "http://127.0.0.1:1"], "GET / was not answered"),
        (WRONG, ["--version", "new"], "not a version"),
    ],
)
def test_what_cannot_be_run_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, arguments: list[str], says: str
) -> None:
    (tmp_path / "a.yml").write_text(text)
    with pytest.raises(SystemExit) as ended:
        main([*arguments, str(tmp_path / "a.yml")])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_a_server_with_credentials(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real socket, as for a cluster of somebody's: with the right password all is well, with a wrong one nothing is run."""
    monkeypatch.delenv("ELASTICSEARCH_API_KEY", raising=False)
    monkeypatch.setenv("ELASTICSEARCH_USERNAME", "elastic")
    monkeypatch.setenv("ELASTICSEARCH_PASSWORD", "s3cret-canary")
    with serve_in_thread(StandIn(security=Security({"elastic": User("s3cret-canary")}))) as url:
        monkeypatch.setenv("ELASTICSEARCH_URL", url)
        assert main([str(SUITES / "60_pipelines.yml"), str(SUITES / "80_models.yml")]) == 0
        said = capsys.readouterr().out
        assert "this run does not offer [in_cluster_models]" in said
        monkeypatch.setenv("ELASTICSEARCH_PASSWORD", "wrong-canary")
        with pytest.raises(SystemExit) as ended:
            main([str(SUITES / "60_pipelines.yml")])
    assert ended.value.code == 2
    said += capsys.readouterr().err
    assert "GET / answered 401" in said
    assert "canary" not in said


def test_credentials_come_from_the_environment() -> None:
    assert client_options({}) == {}
    assert client_options({"ELASTICSEARCH_API_KEY": "k", "ELASTICSEARCH_USERNAME": "u"}) == {
        "headers": {"Authorization": "ApiKey k"}
    }
    assert client_options({"ELASTICSEARCH_USERNAME": "u", "ELASTICSEARCH_PASSWORD": "p"}) == {"auth": ("u", "p")}


def test_the_table_has_details_under_their_test() -> None:
    printed = table([Result("a.yml", "one", "passed"), Result("long.yml", "two", "failed", "why\nso")])
    assert printed.splitlines() == [
        "passed  a.yml     one",
        "failed  long.yml  two",
        "        why",
        "        so",
        "",
        "1 passed, 1 failed, 0 skipped",
    ]
