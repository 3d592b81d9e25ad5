"""The bill of materials: valid, complete, the same bytes each time; and which licences may be in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.release import licences
from tests.release.bill import bill, refusals
from tests.release.locked import LOCK, image_environment, locked, packages
from tests.release.versions import ReleaseError, current

ROOT = Path(__file__).parents[2]
EPOCH = 1_893_456_000
LOCKED = (ROOT / LOCK).read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dist") / "operator.whl"
    path.write_bytes(b"a wheel")
    return path


@pytest.fixture(scope="module")
def text(wheel: Path) -> str:
    return bill(ROOT, wheel, EPOCH)


@pytest.fixture(scope="module")
def document(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def fault(text: str) -> object:
    """What the schema has against a text, if anything."""
    # Its import takes seconds, and every process that runs tests imports this module.
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


def test_it_is_what_the_schema_calls_for(text: str) -> None:
    assert fault(text) is None


def test_the_schema_would_not_take_anything(document: dict[str, Any]) -> None:
    broken = document | {"components": [{"name": "of no type"}]}
    assert fault(json.dumps(broken)) is not None


def test_it_is_the_same_in_another_process(text: str, wheel: Path, tmp_path: Path) -> None:
    output = tmp_path / "sbom.cdx.json"
    command = (sys.executable, "-m", "tests.release", "sbom", str(wheel), str(output))
    changed = {"SOURCE_DATE_EPOCH": str(EPOCH), "PYTHONHASHSEED": "4711", "TZ": "Asia/Kathmandu"}
    subprocess.run(command, cwd=ROOT, env=dict(os.environ) | changed, check=True, timeout=120)
    assert output.read_text() == text


def test_it_names_the_operator_and_its_wheel(document: dict[str, Any]) -> None:
    operator = document["metadata"]["component"]
    assert (operator["name"], operator["version"]) == ("inference-operator", current(ROOT))
    assert [hashed["alg"] for hashed in operator["hashes"]] == ["SHA-256"]
    assert document["metadata"]["timestamp"] == "2030-01-01T00:00:00+00:00"


def test_everything_locked_is_in_it_with_hashes_and_a_licence(document: dict[str, Any]) -> None:
    wanted = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCKED, re.MULTILINE))
    assert {component["name"]: component["version"] for component in document["components"]} == wanted
    for component in document["components"]:
        (files,) = component["externalReferences"]
        assert files["hashes"]
        assert [licence["expression"] for licence in component["licenses"]] != [""]
    hashes = {hashed["content"] for each in document["components"] for hashed in each["externalReferences"][0]["hashes"]}
    assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", LOCKED))


def test_everything_is_needed_by_something(document: dict[str, Any]) -> None:
    needs = {row["ref"]: row.get("dependsOn", []) for row in document["dependencies"]}
    reached: set[str] = set()
    ahead = ["inference-operator"]
    while ahead:
        ref = ahead.pop()
        if ref not in reached:
            reached.add(ref)
            ahead += needs[ref]
    assert {component["bom-ref"] for component in document["components"]} - reached == set()


def test_only_what_is_for_the_images_platform_counts() -> None:
    lines = "a==1 ; sys_platform == 'win32' \\\n    --hash=sha256:" + "0" * 64 + "\nb==2 ; python_version >= '3.13'\nc==3 \\\n"
    found = locked(f"# made by a tool\n{lines}", image_environment(ROOT))
    assert [(name, version) for name, version, _ in found] == [("b", "2"), ("c", "3")]


def test_every_licence_in_the_image_is_allowed() -> None:
    assert refusals(packages(ROOT)) == []


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("GPL-3.0-only", "GPL-3.0-only is not among"),
        ("MIT AND LGPL-2.1-or-later", "is not among"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "is not among"),
        ("Proprietary", "not understood"),
        ("", "not understood"),
    ],
)
def test_other_licences_are_refused(licence: str, said: str) -> None:
    package = replace(packages(ROOT)[0], licence=licence)
    (sentence,) = refusals((package,))
    assert sentence.startswith(f"{package.name} {package.version}: ")
    assert said in sentence


def test_one_of_two_licences_is_enough() -> None:
    assert licences.allowed("GPL-3.0-only OR MIT")


def test_what_is_installed_in_another_version_is_refused(tmp_path: Path, wheel: Path) -> None:
    for name in ("Dockerfile", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / LOCK).write_text("aiohttp==1.0.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(ReleaseError, match=r"aiohttp 1\.0\.0 is locked, but .* run `make setup`"):
        bill(tmp_path, wheel, EPOCH)
