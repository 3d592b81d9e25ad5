"""What can be told of the image without building it: where everything comes from, and how it fits the chart and the package."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import yaml_documents
from tests.chart.dockerfile import Dockerfile
from tests.chart.rendering import CHART, CHECKOUT

if TYPE_CHECKING:
    from tests.chart.rendering import Helm

TEXT = (CHECKOUT / "Dockerfile").read_text()
DOCKERFILE = Dockerfile.parse(TEXT)
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]


def _sources() -> set[str]:
    copies = [instruction.copied for stage in DOCKERFILE.stages for instruction in stage.all("COPY")]
    return {source for stage, sources, _ in copies if stage is None for source in sources}


def _requirements_of_backend() -> set[str]:
    """Hatchling and all that it needs on this interpreter, as installed here."""
    found: set[str] = set()
    ahead = ["hatchling"]
    while ahead:
        name = canonicalize_name(ahead.pop())
        if name not in found:
            found.add(name)
            needed = [Requirement(line) for line in requires(name) or ()]
            ahead += [need.name for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def test_two_stages_on_one_base() -> None:
    assert [(stage.base, stage.name) for stage in DOCKERFILE.stages] == [("python:3.13-slim", "build"), ("python:3.13-slim", "")]
    assert DOCKERFILE.arguments == {"BASE": "python:3.13-slim"}


def test_what_is_copied_is_there() -> None:
    assert {source for source in _sources() if not (CHECKOUT / source).exists()} == set()


def test_the_build_sees_exactly_what_it_copies() -> None:
    first, *rest = [line for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert first == "*"
    assert {line.removeprefix("!") for line in rest if line.startswith("!")} == _sources()


def test_every_file_that_the_package_is_built_from_is_copied() -> None:
    assert {"pyproject.toml", "operator", PROJECT["readme"], *PROJECT["license-files"]} <= _sources()


@pytest.mark.parametrize("name", ["Dockerfile", "requirements.lock", "requirements-dev.lock"])
def test_no_index_is_named(name: str) -> None:
    found = re.findall(r"https?://\S+|(?<!no)-index\S*|\s-i\s\S+", (CHECKOUT / name).read_text())
    assert found == []


def test_nothing_is_installed_without_a_hash_or_from_afar() -> None:
    commands = [command for run in DOCKERFILE.stage("build").all("RUN") for command in run.text.split("&&")]
    installs = [command.split() for command in commands if " install " in command]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or {"--no-index", "--no-deps"} <= set(install)
    # A source distribution would be built with whatever its backend is today.
    assert DOCKERFILE.stage("build").pairs["ENV"]["PIP_ONLY_BINARY"] == ":all:"


def test_the_backend_is_installed_with_all_that_it_needs_and_no_more() -> None:
    (listed,) = re.findall(r"\^\(([a-z|-]+)\)==", TEXT)
    assert set(listed.split("|")) == _requirements_of_backend()


def test_every_name_of_the_backend_is_locked() -> None:
    locked = re.findall(r"^([a-z0-9-]+)==", (CHECKOUT / "requirements-dev.lock").read_text(), re.MULTILINE)
    assert _requirements_of_backend() <= set(locked)


def test_it_starts_the_console_script() -> None:
    (script,) = DOCKERFILE.image.one("ENTRYPOINT").words
    assert script in PROJECT["scripts"]
    (copied, sources, destination) = DOCKERFILE.image.one("COPY").copied
    assert (copied, sources) == ("build", (destination,))
    assert DOCKERFILE.image.pairs["ENV"]["PATH"] == f"{destination}/bin:$PATH"


def test_the_chart_starts_it_as_the_image_does(helm: Helm) -> None:
    rendered = helm.template()
    user = rendered.pod["securityContext"]
    assert DOCKERFILE.image.one("USER").text == f"{user['runAsUser']}:{user['runAsGroup']}"
    assert DOCKERFILE.image.one("CMD").words == rendered.container["args"]
    assert "command" not in rendered.container


def test_labels_say_what_the_project_says() -> None:
    pairs = DOCKERFILE.image.pairs
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in pairs["LABEL"].items()}
    assert labels == {
        "title": PROJECT["name"],
        "description": PROJECT["description"],
        "licenses": PROJECT["license"],
        "version": "${VERSION}",
        "revision": "${REVISION}",
    }
    chart = yaml_documents.document((CHART / "Chart.yaml").read_text())
    assert pairs["ARG"] == {"VERSION": chart["appVersion"], "REVISION": ""}
