"""What the README and `--help` say is there; and what is there is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.standin.command_line import parser
from tests.standin.control import PREFIX, known_paths
from tests.standin.fault_kinds import KINDS
from tests.standin.provider_calls import DIALECTS

HERE = Path(__file__).parent
README = (HERE.parent / "standin" / "README.md").read_text()


def test_every_control_path_is_described() -> None:
    described = set(re.findall(rf"/{PREFIX}/(\w+)", README))
    assert {path for _, path in known_paths() if path} <= described
    assert described <= {path for _, path in known_paths()}


def test_every_named_fault_and_every_service_that_is_called_is_described() -> None:
    for name in (*KINDS, *{service for service, _ in DIALECTS}):
        assert f"`{name}`" in README


def test_files_that_are_named_exist() -> None:
    named = set(re.findall(r"`(\w+\.(?:py|json))`", README)) - {"cluster.json"}
    assert len(named) > 20
    for name in named:
        assert (HERE / name).exists() or (HERE.parent / "standin" / name).exists(), name


def test_options_that_are_named_exist() -> None:
    for option in set(re.findall(r"`(--[a-z-]+)", README)) - {"--help"}:
        assert option in parser().format_help(), option


@pytest.mark.parametrize("option", ["--data-dir", "--control", "--call-providers", "--version", "--tls-dir", "--user", "--eis"])
def test_help_tells_what_an_option_is_for(option: str) -> None:
    (action,) = [one for one in parser()._actions if option in one.option_strings]
    assert action.help
    assert len(action.help) > 20
