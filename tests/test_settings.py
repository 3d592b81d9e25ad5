"""Settings come from flags, the environment and a file, in this order; a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from inference_operator.settings import Settings, load


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"INFERENCE_OPERATOR_{name.upper()}", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text("resync_interval: 3m\nnamespace: [a, b]\nlog_level: debug\n")
    return path


def test_without_any_source_there_are_defaults() -> None:
    found = load([], None)
    assert (found.namespace, found.resync_interval, found.log_format) == ((), 600.0, "json")


def test_a_file_is_read(file: Path) -> None:
    found = load([], file)
    assert (found.namespace, found.resync_interval) == (("a", "b"), 180.0)


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_OPERATOR_RESYNC_INTERVAL", "20s")
    monkeypatch.setenv("INFERENCE_OPERATOR_NAMESPACE", "c,d")
    found = load([], file)
    assert (found.namespace, found.resync_interval, found.log_level) == (("c", "d"), 20.0, "debug")


def test_a_flag_wins_over_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_OPERATOR_RESYNC_INTERVAL", "20s")
    assert load(["--resync-interval", "1h"], file).resync_interval == 3600.0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--resync-interval", "soon"], "resync_interval"),
        (["--concurrency-per-cluster", "0"], "concurrency_per_cluster"),
        (["--default-connection-secret", "no-namespace"], "default_connection_secret"),
        (["--log-level", "loud"], "log_level"),
    ],
)
def test_a_wrong_value_is_named(arguments: list[str], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load(arguments, None)
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_two_default_connections_are_refused() -> None:
    with pytest.raises(ValidationError, match="not both"):
        load(["--default-connection-secret", "a/b", "--default-connection-path", "/etc/connection"], None)


def test_an_unknown_key_of_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("resink_interval: 3m\n")
    with pytest.raises(ValidationError, match="resink_interval"):
        load([], path)


def test_an_unknown_flag_ends_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(["--nonsense"], None)
    assert caught.value.code == 2
    assert "--nonsense" in capsys.readouterr().err
