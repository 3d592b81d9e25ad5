"""The operator's image, built by buildah from the Dockerfile that users build from, on a base made here. No registry is asked.

Base and image are kept by the content that they are made of, beside the programs of the control plane.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.chart.dockerfile import Dockerfile
from tests.controlplane import cache
from tests.controlplane.children import ControlPlaneError
from tests.controlplane.locks import locked
from tests.controlplane.progress import Progress
from tests.controlplane.state import REPOSITORY
from tests.e2e.trust import Trust

NAME = "localhost/inference-operator"
_BASE = Path(__file__).with_name("debian")
_SUITE = "bookworm"
_BOOTSTRAP = (
    "mmdebstrap",
    "--quiet",
    "--variant=minbase",
    "--include=python3,python3-venv,ca-certificates",
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale")),
    _SUITE,
)
# Overlays of the build's own storage are mounted; they go with a mount namespace.
_APART = ("unshare", "--mount", "--propagation", "private")
_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Image:
    """An image in an archive. `tag` changes with whatever it is made of."""

    archive: Path
    tag: str
    layers: tuple[int, ...]
    """Compressed sizes in bytes, the base's first."""

    @property
    def compressed_bytes(self) -> int:
        return sum(self.layers)


def ensure_image() -> Image:
    """Build the image unless it is kept already. Needs root, buildah and mmdebstrap.

    Raises:
        ControlPlaneError: a step of the build failed; with the end of what it said.

    """
    base = _digest([_BASE / "Dockerfile"], repr(_BOOTSTRAP))
    tag = _digest(context_files(), base)
    entry = _home() / tag
    if not entry.exists():
        with locked(_home() / "build.lock", "another process builds the image"):
            if not entry.exists():
                _ensure_base(base)
                _build(entry, tag, base)
    archive = entry / "image.tar"
    return Image(archive, tag, layers_of(archive))


def context_files() -> list[Path]:
    """What the build of the Dockerfile sees, and the Dockerfile."""
    file = REPOSITORY / "Dockerfile"
    parsed = Dockerfile.parse(file.read_text())
    copied = [instruction.copied for stage in parsed.stages for instruction in stage.all("COPY")]
    sources = {REPOSITORY / source for stage, names, _ in copied if stage is None for source in names}
    found = [file for source in sources for file in ([source] if source.is_file() else source.rglob("*"))]
    return sorted({file, *(one for one in found if one.is_file() and "__pycache__" not in one.parts)})


def layers_of(archive: Path) -> tuple[int, ...]:
    """Sizes of the layers in an archive of the OCI layout, as they are in it: compressed."""
    with tarfile.open(archive) as tar:

        def read(name: str) -> dict[str, list[dict[str, str]]]:
            file = tar.extractfile(name)
            if file is None:
                raise ControlPlaneError(f"{archive} has no {name}; remove it")
            parsed: dict[str, list[dict[str, str]]] = json.load(file)
            return parsed

        (image,) = read("index.json")["manifests"]
        manifest = read(f"blobs/{image['digest'].replace(':', '/')}")
    return tuple(int(layer["size"]) for layer in manifest["layers"])


def _ensure_base(base: str) -> None:
    if _buildah("images", "--quiet", "--filter", f"reference={_base_name(base)}").strip():
        return
    progress = Progress(f"making a base image of Debian {_SUITE}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(_BASE / "Dockerfile", folder)
        _run([*_APART, *_BOOTSTRAP, str(folder / "root.tar")])
        _buildah("build", "--isolation=chroot", f"--tag={_base_name(base)}", str(folder))
    progress.done()


def _build(entry: Path, tag: str, base: str) -> None:
    progress = Progress("building the operator's image")
    made = cache.scratch(entry)
    made.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        options = [
            "--isolation=chroot",
            "--network=host",
            "--layers",
            "--pull-never",
            *Trust.of_this_machine().mounts(Path(folder)),
        ]
        _buildah("build", *options, f"--build-arg=BASE={_base_name(base)}", f"--tag={NAME}:{tag}", str(REPOSITORY))
    _buildah("push", "--quiet", "--format=oci", f"{NAME}:{tag}", f"oci-archive:{made}/image.tar:{NAME}:{tag}")
    made.rename(entry)
    progress.done()


def _buildah(command: str, *arguments: str) -> str:
    home = _home()
    with tempfile.TemporaryDirectory() as run:
        storage = [f"--root={home / 'storage'}", f"--runroot={run}", "--storage-driver=overlay"]
        return _run([*_APART, "buildah", *storage, command, *arguments])


def _run(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise ControlPlaneError(f"`{' '.join(argv[len(_APART) :][:1])}` failed, building the image:\n{said}")
    return done.stdout


def _home() -> Path:
    home = cache.root() / "images"
    home.mkdir(parents=True, exist_ok=True)
    return home


def _base_name(base: str) -> str:
    return f"localhost/python:{base}"


def _digest(files: list[Path], more: str) -> str:
    content = hashlib.sha256(more.encode())
    for file in files:
        data = file.read_bytes()
        content.update(f"{file.name} {len(data)}\n".encode() + data)
    return content.hexdigest()[:20]
