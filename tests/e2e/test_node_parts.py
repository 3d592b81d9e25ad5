"""The parts of a node that need neither root nor a node: addresses, pause image, packages, what an image build is handed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.chart.rendering import CHECKOUT
from tests.controlplane import ControlPlaneError
from tests.controlplane.node.afterwards import main as clean_up
from tests.controlplane.node.archive import write_archive
from tests.controlplane.node.network import require_free_addresses
from tests.e2e.image_build import context_files, layers_of
from tests.e2e.packages import missing_packages
from tests.e2e.trust import Trust


@pytest.mark.parametrize("route", ["10.250.0.0/30", "10.251.0.0/16", "10.0.0.0/8", "10.252.0.1"])
def test_a_machine_with_a_route_to_the_nodes_addresses_is_told(route: str) -> None:
    with pytest.raises(ControlPlaneError, match=route):
        require_free_addresses(["192.0.2.0/24", route])


def test_other_routes_do_not_matter() -> None:
    require_free_addresses(["192.0.2.0/24", "10.96.0.0/12", "172.17.0.0/16", "10.250.0.4/30"])


def test_the_pause_image_names_its_layer_by_its_content(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"static")
    with tarfile.open(write_archive(tmp_path / "pause.tar", program, "localhost/pause:1")) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        contents = {name: file.read() for name, file in files.items() if file}
    (manifest,) = json.loads(contents["manifest.json"])
    config, layer = json.loads(contents[manifest["Config"]]), contents[manifest["Layers"][0]]
    assert manifest["RepoTags"] == ["localhost/pause:1"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as inside:
        (member,) = inside.getmembers()
        assert config["config"]["Entrypoint"] == [f"/{member.name}"]
        assert member.mode & 0o111 == 0o111


def test_missing_programs_are_told_as_packages(tmp_path: Path) -> None:
    assert "buildah" in missing_packages(str(tmp_path))
    for name in ("buildah", "runc"):
        (tmp_path / name).touch(mode=0o755)
    found = missing_packages(str(tmp_path))
    assert not {"buildah", "runc"} & set(found)
    assert {"containerd", "iptables"} <= set(found)


def test_layers_are_measured_as_they_are_in_the_archive(tmp_path: Path) -> None:
    manifest = json.dumps({"layers": [{"size": 70}, {"size": 30}]}).encode()
    digest = hashlib.sha256(manifest).hexdigest()
    files = {
        "index.json": json.dumps({"manifests": [{"digest": f"sha256:{digest}"}]}).encode(),
        f"blobs/sha256/{digest}": manifest,
    }
    archive = tmp_path / "image.tar"
    with tarfile.open(archive, "w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    assert layers_of(archive) == (70, 30)


def test_an_image_is_known_by_all_that_it_is_made_of() -> None:
    found = {str(path.relative_to(CHECKOUT)) for path in context_files()}
    assert {"Dockerfile", "requirements.lock", "pyproject.toml", "operator/inference_operator/__main__.py"} <= found
    assert not [name for name in found if name.startswith(("tests/", "charts/")) or "__pycache__" in name]


LISTED = """\
:env:.cert='/nowhere/at/all.pem'
global.extra-index-url='https://one.example.com/simple\\nhttps://two.example.com/simple'
global.find-links='/wheels'
install.trusted-host='one.example.com'
"""


def test_a_build_trusts_and_asks_what_pip_does_here(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    trust = Trust.read(LISTED, {"SSL_CERT_FILE": str(bundle), "PIP_CERT": "/nowhere/either.pem"})
    assert trust.bundle == bundle
    assert trust.settings.keys() == {"extra-index-url", "trusted-host"}, "folders of this machine are not in the build"
    mounts = trust.mounts(tmp_path)
    assert [mount.split(":", 1)[1] for mount in mounts] == ["/etc/pip.conf:ro", "/etc/ssl/certs/ca-certificates.crt:ro"]
    config = tmp_path / "pip.conf"
    assert config.stat().st_mode & 0o077 == 0, "an address may hold a password"
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env={"PIP_CONFIG_FILE": str(config), "PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    read_back = Trust.read("\n".join(line for line in listed.stdout.splitlines() if line.startswith("global.")), {})
    assert read_back.settings == trust.settings


def test_a_build_on_a_machine_without_settings_has_no_mount(tmp_path: Path) -> None:
    assert Trust.read("", {}).mounts(tmp_path) == []


def test_what_outlives_the_namespaces_is_cleaned_up_after_the_warden(tmp_path: Path) -> None:
    """The very process that a node starts, on folders of the test; its warden here is a process that ends at once."""
    directory, group, folder = tmp_path / "run", tmp_path / "group", tmp_path / "made"
    (directory / "deep" / "er").mkdir(parents=True)
    (group / "pod" / "container").mkdir(parents=True)
    folder.mkdir()
    with subprocess.Popen(["true"]) as warden:
        clean_up(
            {
                "warden": warden.pid,
                "sysctls": {},
                "cgroups": [str(group)],
                "directory": str(directory),
                "folders": [str(folder)],
                "interface": "infop-none",
            }
        )
    assert list(tmp_path.iterdir()) == []
