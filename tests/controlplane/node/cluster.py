"""A cluster of one node on this machine: the control plane, and a kubelet whose pods really run. Needs root, on Linux.

It starts in seconds, ends with `stop()` or with this process, and leaves neither processes, mounts, interfaces, control groups
nor files.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.controlplane import cache
from tests.controlplane.api import Api, RefusedError
from tests.controlplane.children import Children, ControlPlaneError
from tests.controlplane.commands import run_command
from tests.controlplane.environment import clean_environment
from tests.controlplane.locks import locked
from tests.controlplane.node import configuration, programs
from tests.controlplane.node.archive import write_archive
from tests.controlplane.node.enclosure import Enclosure
from tests.controlplane.node.identities import NODE_NAME, Identities, create_identities
from tests.controlplane.node.network import NODE_ADDRESS, require_free_addresses, routes_of_this_machine
from tests.controlplane.running import await_ready
from tests.controlplane.servers import API_SERVER, AUDIT_POLICY, CONTROLLER_MANAGER, ETCD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from tests.controlplane.binaries import Binaries

DIRECTORY_PREFIX = "inference-operator-node-"
CONTAINERD = "containerd"
KUBELET = "kubelet"
_READY_SECONDS = 120.0
_SERVER = f"https://{NODE_ADDRESS}:{programs.PORTS.api_server}"
_COMMAND_SECONDS = 120.0


def lock_file() -> Path:
    """Held while a node runs, and until nothing of it is left."""
    return cache.root() / "node.lock"


class NodeCluster:
    """A cluster to start and stop; also a context manager. One at a time on a machine: another one waits for its end.

    Args:
        binaries: of `ensure_node_binaries`.
        images: archives that the node holds from the start, as `docker save` or buildah write them.

    """

    def __init__(self, binaries: Binaries, images: Sequence[Path] = ()) -> None:
        self._binaries = binaries
        self._images = images
        self._stack = ExitStack()
        self._enclosure: Enclosure | None = None
        self._identities: Identities | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> Self:
        """Start everything and wait until the node is Ready.

        Raises:
            ControlPlaneError: not root, or a program ended or was not ready in time (with the tail of its log).

        """
        if os.geteuid() != 0:
            raise ControlPlaneError("a node needs root: it makes namespaces, network interfaces and containers")
        lock = self._stack.enter_context(locked(lock_file(), "another node runs on this machine"))
        try:
            require_free_addresses(routes_of_this_machine())
            self._start(lock)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End everything; returns when nothing is left. May be called again."""
        enclosure, self._enclosure = self._enclosure, None
        if enclosure:
            enclosure.end()
        self._stack.close()

    @property
    def children(self) -> Children:
        """All programs, by name. Each has a log."""
        return self._get().children

    @property
    def api(self) -> Api:
        """What `admin` asks."""
        plane = self._made().plane
        return Api(_SERVER, plane.ca_file, plane.admin_token)

    @property
    def kubeconfig(self) -> Path:
        """Of the user `admin`, who may do everything; works on this machine, and inside."""
        return self._made().kubeconfigs["admin"]

    @property
    def audit_log(self) -> Path:
        """Who asked the API server for what, see `audit.py`."""
        return self.children.directory / "audit.jsonl"

    def pid_of(self, container: str) -> int:
        """The process id, inside, of a container's first process; `container` is an id without `containerd://`."""
        for line in self._ctr("tasks", "list").splitlines():
            name, pid, *_ = line.split()
            if name == container:
                return int(pid)
        raise ControlPlaneError(f"container {container} does not run")

    def signal(self, container: str, name: str) -> None:
        """Send a signal, for instance `STOP`, to a container's first process, as only its node can."""
        self._run(["kill", f"-{name}", str(self.pid_of(container))])

    def _start(self, lock: int) -> None:
        children = Children(Path(tempfile.gettempdir()) / f"{DIRECTORY_PREFIX}{secrets.token_hex(6)}")
        try:
            self._enclosure = Enclosure.begin(children, lock)
        except BaseException:
            children.close()
            raise
        folder = children.directory
        (folder / "audit-policy.yaml").write_text(AUDIT_POLICY)
        made = self._identities = create_identities(folder / "credentials", _SERVER)
        self._launch(ETCD, programs.etcd(folder))
        self._launch(API_SERVER, programs.api_server(folder, made))
        self._start_containerd(folder)
        with ThreadPoolExecutor(1) as beside:  # it takes longer than all the rest
            importing = beside.submit(self._import, folder)
            self._await(API_SERVER, lambda: self._found("/api/v1/namespaces/default"))
            self._launch(CONTROLLER_MANAGER, programs.controller_manager(made))
            self._launch("kube-scheduler", programs.scheduler(made))
            self._start_node(folder, made)
            importing.result()
        self._await(KUBELET, self._node_is_ready)

    def _start_containerd(self, folder: Path) -> None:
        (folder / "cni").mkdir()
        (folder / "cni" / "10-pods.conflist").write_text(configuration.cni(folder))
        config = folder / "containerd.toml"
        config.write_text(configuration.containerd(folder))
        self.children.start(CONTAINERD, self._get().entering([CONTAINERD, f"--config={config}"]), env=clean_environment())
        self._await(CONTAINERD, lambda: configuration.socket_of(folder).exists())

    def _import(self, folder: Path) -> None:
        pause = write_archive(folder / "pause.tar", Path(self._binaries["pause"]), configuration.PAUSE_IMAGE)
        for archive in (pause, *self._images):
            self._ctr("images", "import", str(archive))

    def _start_node(self, folder: Path, made: Identities) -> None:
        plane = made.plane
        kubelet, proxy = folder / "kubelet.yaml", folder / "kube-proxy.yaml"
        kubelet.write_text(configuration.kubelet(folder, plane.ca_file, made.kubelet_certificate, made.kubelet_key))
        proxy.write_text(configuration.kube_proxy(made.kubeconfigs["kube-proxy"]))
        self._launch(KUBELET, programs.kubelet(folder, kubelet, made))
        self._launch("kube-proxy", programs.kube_proxy(proxy))

    def _node_is_ready(self) -> bool:
        node = self._found(f"/api/v1/nodes/{NODE_NAME}")
        conditions = node.get("status", {}).get("conditions", ())
        return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)

    def _found(self, path: str) -> dict[str, Any]:
        """The object, empty where there is none or the API server is not up yet."""
        try:
            return self.api.get(path) or {}
        except (OSError, HTTPException, RefusedError):
            return {}

    def _launch(self, program: str, arguments: Sequence[str]) -> None:
        argv = self._get().entering([self._binaries[program], *arguments])
        self.children.start(program, argv, env=clean_environment())

    def _await(self, name: str, found: Callable[[], object]) -> None:
        await_ready(self.children, lambda: found() or None, name, _READY_SECONDS)

    def _ctr(self, *arguments: str) -> str:
        socket = configuration.socket_of(self.children.directory)
        return self._run(["ctr", f"--address={socket}", "--namespace=k8s.io", *arguments])

    def _run(self, argv: Sequence[str]) -> str:
        """Inside, to its end."""
        return run_command(
            self._get().entering(argv),
            env=clean_environment(),
            stdin=None,
            timeout=_COMMAND_SECONDS,
            look=self.children.watch,
        )

    def _get(self) -> Enclosure:
        if self._enclosure is None:
            raise ControlPlaneError("the node does not run; call start() first")
        return self._enclosure

    def _made(self) -> Identities:
        if self._identities is None:
            raise ControlPlaneError("the node does not run; call start() first")
        return self._identities
