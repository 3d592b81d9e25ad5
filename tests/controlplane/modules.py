"""Which programs the control plane is made of, and the Go module that each is built from.

Versions stand in `go/*/go.mod` alone; what has to repeat them (linker flags, messages) reads them from there. Pure but for
reading these files. Must not import the rest of the package.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILD_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false")
"""The linker would throw away what a debugger needs, and making it is a seventh of compiling."""
BUILD_ENV = {"CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local"}
_GO = Path(__file__).with_name("go")


@dataclass(frozen=True, slots=True)
class Tool:
    """A program: its name here, and the Go package with its `main`."""

    name: str
    package: str

    @property
    def built_as(self) -> str:
        """The file name that `go build` gives it: the last part of the path that is not a major version."""
        return next(part for part in reversed(self.package.split("/")) if not re.fullmatch(r"v\d+", part))


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module of ours, whose `tool` lines name the programs, but for those whose source lies in it."""

    name: str
    source: str
    tools: tuple[Tool, ...]
    version_symbols: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    """What is kept beside the programs: paths inside the module `source`."""
    tags: tuple[str, ...] = ()
    """Build tags of Go."""

    @property
    def flags(self) -> tuple[str, ...]:
        """What `go list` and `go build` both have to be told."""
        return (BUILD_FLAGS[0], *((f"-tags={','.join(self.tags)}",) if self.tags else ()))

    @property
    def folder(self) -> Path:
        return _GO / self.name

    @property
    def version(self) -> str:
        """Of the program's own module, for instance `v1.35.4`."""
        return _search(rf"^\s*(?:require )?{re.escape(self.source)} (v\S+)", self._go_mod())

    @property
    def go_version(self) -> tuple[int, ...]:
        """The oldest Go that builds it."""
        return tuple(int(part) for part in _search(r"^go (\d[\d.]*)$", self._go_mod()).split("."))

    @property
    def linker_flags(self) -> str:
        """Without the version symbols `kubectl version` cannot parse the server's answer."""
        major, minor, _ = self.version.removeprefix("v").split(".", 2)
        values = {"version": self.version, "major": major, "minor": minor}
        return " ".join(["-s -w", *(f"-X {symbol}={values[value]}" for symbol, value in self.version_symbols)])

    def _go_mod(self) -> str:
        return (self.folder / "go.mod").read_text()


_VERSION = "k8s.io/component-base/version"
KUBERNETES = Module(
    name="kubernetes",
    source="k8s.io/kubernetes",
    tools=(
        Tool("etcd", "go.etcd.io/etcd/server/v3"),
        Tool("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
        Tool("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
        Tool("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ),
    version_symbols=(
        (f"{_VERSION}.gitVersion", "version"),
        (f"{_VERSION}.gitMajor", "major"),
        (f"{_VERSION}.gitMinor", "minor"),
    ),
)
HELM = Module(
    name="helm",
    source="helm.sh/helm/v4",
    tools=(Tool("helm", "helm.sh/helm/v4/cmd/helm"),),
    version_symbols=(("helm.sh/helm/v4/internal/version.version", "version"),),
)
PROMETHEUS = Module(
    name="prometheus",
    source="github.com/prometheus/prometheus",
    tools=(
        Tool("prometheus", "github.com/prometheus/prometheus/cmd/prometheus"),
        Tool("promtool", "github.com/prometheus/prometheus/cmd/promtool"),
    ),
    version_symbols=(("github.com/prometheus/common/version.Version", "version"),),
    # Its targets are written into its configuration: what asks clouds for them need not be compiled.
    tags=("remove_all_sd",),
)
"""What judges alerts and dashboard. A module of its own, so that only those who want that build it."""
NODE = Module(
    name="node",
    source="k8s.io/kubernetes",
    tools=(
        Tool("kubelet", "k8s.io/kubernetes/cmd/kubelet"),
        Tool("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"),
        Tool("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
        Tool("pause", "inference-operator.local/tests/controlplane/node/pause"),
    ),
    version_symbols=KUBERNETES.version_symbols,
)
"""What a node needs besides. A module of its own, so that only those who want real pods build it."""

MODULES = (KUBERNETES, HELM)
TOOL_NAMES = tuple(tool.name for module in MODULES for tool in module.tools)
KUSTOMIZE_CONTROLLER = Module(
    name="kustomize-controller",
    source="github.com/fluxcd/kustomize-controller",
    tools=(
        Tool("kustomize-controller", "github.com/fluxcd/kustomize-controller"),
        Tool("kstatus", "inference-operator.local/tests/controlplane/kustomize-controller/kstatus"),
    ),
    files=("config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",),
)


def oldest_go(modules: Sequence[Module] = MODULES) -> tuple[int, ...]:
    """The oldest Go that builds all these modules."""
    return max(module.go_version for module in modules)


def digest(without: frozenset[str], modules: Sequence[Module] = MODULES) -> str:
    """What the binaries depend on, in one hash: module files, flags, the machine's kind and the tools left out."""
    content = hashlib.sha256()
    for module in modules:
        for file in (module.folder / "go.mod", module.folder / "go.sum", *sorted(module.folder.rglob("*.go"))):
            content.update(file.read_bytes())
        content.update(" ".join([module.linker_flags, *module.tags]).encode())
    rest = [*BUILD_FLAGS, *sorted(BUILD_ENV.items()), sys.platform, platform.machine(), sorted(without)]
    content.update(repr(rest).encode())
    return content.hexdigest()


def _search(pattern: str, text: str) -> str:
    if found := re.search(pattern, text, re.MULTILINE):
        return found[1]
    raise ValueError(f"go.mod has nothing like {pattern}")
