"""The provider that uses kind, on a machine whose `docker`, `kind` and `kubectl` are scripts that write down what they hear."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.controlplane.authority import Authority
from tests.controlplane.state import REPOSITORY

SECONDS = 60.0
GATEWAY = "172.18.0.1"

PROGRAM = """\
#!{python}
import json, os, pathlib, shutil, sys
here = pathlib.Path({here!r})
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
options = dict(word.lstrip("-").split("=", 1) for word in words if word.startswith("--") and "=" in word)
with (here / "calls").open("a") as calls:
    calls.write(json.dumps([name, *words]) + chr(10))
broken = here / "broken"
if broken.exists() and broken.read_text() == f"{{name}} {{words[0]}}":
    sys.exit("canary: it does not run")
if words[:2] == ["create", "cluster"]:
    shutil.copy(options["config"], here / "config.yaml")
elif words[:2] == ["network", "inspect"]:
    print("fc00:f853::1 {gateway}")
elif "crictl" in words:
    print(4321)
elif "cat" in words:
    for user in ("nobody", "somebody"):
        print(json.dumps({{"user": {{"username": user}}, "verb": "list", "stage": "ResponseComplete"}}))
    sys.stdout.write("half a li")
elif words[0] == "save":
    sys.stdout.write("layer " * 100000)
elif words[1:3] == ["create", "token"]:
    print("a-token")
elif words[1:3] == ["config", "view"]:
    print(json.dumps({{"clusters": [{{"cluster": {{"server": "https://127.0.0.1:1", "certificate-authority-data": {ca!r}}}}}]}}))
"""

STORY = """
import pathlib
from tests.controlplane import Binaries, ControlPlaneError
from tests.e2e import on_kind
try:
    on_kind.prepare()
    with on_kind.running(Binaries((pathlib.Path({folder!r}),))) as cluster:
        print(cluster.address_of_this_process, cluster.image.compressed_bytes)
        cluster.signal("c0ffee", "STOP")
        print(*(f"{{entry.user}}:{{entry.verb}}" for entry in cluster.asked_by("nobody")))
        if {fails}:
            raise RuntimeError("the suite broke")
except ControlPlaneError as error:
    print("refused:", error)
"""


@dataclass(frozen=True)
class Machine:
    """Where the scripts are, and what they write."""

    folder: Path

    def install(self, name: str) -> None:
        ca = base64.b64encode(Authority().pem).decode()
        script = self.folder / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(PROGRAM.format(python=sys.executable, here=str(self.folder), gateway=GATEWAY, ca=ca))
        script.chmod(0o755)

    def tell(self, *, fails: bool = False) -> subprocess.CompletedProcess[str]:
        programs = self.folder / "bin"
        return subprocess.run(
            [sys.executable, "-c", STORY.format(folder=str(programs), fails=fails)],
            cwd=REPOSITORY,
            env=os.environ | {"PATH": f"{programs}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def calls(self, program: str) -> list[list[str]]:
        lines = map(json.loads, (self.folder / "calls").read_text().splitlines())
        return [words for name, *words in lines if name == program]

    def breaks(self, command: str) -> None:
        (self.folder / "broken").write_text(command)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    for name in ("docker", "kind", "kubectl"):
        made.install(name)
    return made


def test_a_cluster_gets_its_configuration_and_the_image_and_is_deleted(machine: Machine) -> None:
    done = machine.tell()
    assert done.returncode == 0, done.stderr
    address, size, asked = done.stdout.split()
    assert address == GATEWAY, "pods reach the engine's bridge by IPv4"
    assert asked == "nobody:list"
    assert 0 < int(size) < 6 * 100_000, "packed"

    kind = machine.calls("kind")
    (name,) = {word for words in kind for word in words if word.startswith("--name=")}
    assert [words[:2] for words in kind] == [["version"], ["create", "cluster"], ["load", "docker-image"], ["delete", "cluster"]]
    (built,) = [words for words in machine.calls("docker") if words[0] == "build"]
    image = next(word for word in built if word.startswith("--tag=")).removeprefix("--tag=")
    assert image in kind[2]
    node = f"{name.removeprefix('--name=')}-control-plane"
    assert ["exec", node, "kill", "-STOP", "4321"] in machine.calls("docker")
    (read,) = [words[2:] for words in machine.calls("docker") if words[:2] == ["exec", node] and "cat" in words]
    (patch,) = yaml.safe_load((machine.folder / "config.yaml").read_text())["nodes"][0]["kubeadmConfigPatches"]
    arguments = yaml.safe_load(patch)["apiServer"]["extraArgs"]
    assert read == ["cat", arguments["audit-log-path"]], "as root in the node, who alone may read it"


def test_the_configuration_mounts_files_that_are_there(machine: Machine) -> None:
    machine.tell()
    config = yaml.safe_load((machine.folder / "config.yaml").read_text())
    (node,) = config["nodes"]
    mounts = {mount["containerPath"]: mount["hostPath"] for mount in node["extraMounts"]}
    assert all(Path(path).is_absolute() for path in mounts.values())
    (patch,) = map(yaml.safe_load, node["kubeadmConfigPatches"])
    arguments = patch["apiServer"]["extraArgs"]
    volumes = [volume["hostPath"] for volume in patch["apiServer"]["extraVolumes"]]
    assert arguments["audit-policy-file"] in mounts
    assert str(Path(arguments["audit-log-path"]).parent) in volumes
    assert all(any(path.startswith(volume) for volume in volumes) for path in mounts)


@pytest.mark.parametrize("command", ["kind load", "kind create"])
def test_a_cluster_that_is_not_whole_is_deleted(machine: Machine, command: str) -> None:
    machine.breaks(command)
    done = machine.tell()
    assert "refused:" in done.stdout
    assert "canary: it does not run" in done.stdout
    assert machine.calls("kind")[-1][:2] == ["delete", "cluster"]


def test_a_cluster_is_deleted_when_the_suite_breaks(machine: Machine) -> None:
    done = machine.tell(fails=True)
    assert "the suite broke" in done.stderr
    assert machine.calls("kind")[-1][:2] == ["delete", "cluster"]


def test_without_an_engine_a_person_is_told(machine: Machine) -> None:
    machine.breaks("docker info")
    assert "refused: PROVIDER=kind needs a Docker engine that runs" in machine.tell().stdout
    assert machine.calls("kind") == []


def test_without_kind_a_person_is_told(machine: Machine) -> None:
    (machine.folder / "bin" / "kind").unlink()
    assert "refused: PROVIDER=kind needs kind. there is no `kind` on PATH" in machine.tell().stdout
