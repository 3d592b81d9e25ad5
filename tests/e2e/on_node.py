"""The cluster of one node that this machine makes from Go modules and Debian's containerd: no engine, no registry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from typing_extensions import override

from tests.controlplane.audit import AuditEntry, read_audit
from tests.controlplane.binaries import Binaries, ensure_node_binaries
from tests.controlplane.node import NodeCluster
from tests.controlplane.node.network import HOST_ADDRESS
from tests.e2e.cluster import Cluster, ImageName, Json
from tests.e2e.image_build import NAME, Image, ensure_image
from tests.e2e.packages import ensure_packages

if TYPE_CHECKING:
    from collections.abc import Iterator


class OnNode(Cluster):
    """See `running`."""

    def __init__(self, binaries: Binaries, node: NodeCluster, image: Image) -> None:
        super().__init__(binaries, node.api, node.kubeconfig, node.children.directory)
        self._node = node
        self._image = image

    @property
    @override
    def image(self) -> ImageName:
        return ImageName(NAME, self._image.tag, self._image.compressed_bytes)

    @property
    @override
    def address_of_this_process(self) -> str:
        return HOST_ADDRESS

    @override
    def signal(self, container: str, name: str) -> None:
        self._node.signal(container, name)

    @override
    def asked_by(self, user: str) -> list[AuditEntry]:
        return read_audit(self._node.audit_log, user=user)

    @override
    def origin_of(self, pod: Json) -> str:
        address: str = pod["status"]["podIP"]
        return address

    @override
    def check(self) -> None:
        self._node.children.watch()


def prepare() -> None:
    """Install, build and keep what is missing, which takes minutes the first time. Raises ControlPlaneError."""
    ensure_packages()
    with ThreadPoolExecutor(1) as beside:  # one mostly waits for the network, the other for processors
        image = beside.submit(ensure_image)
        ensure_node_binaries()
        image.result()


@contextmanager
def running() -> Iterator[OnNode]:
    """Start it; it ends with the block. Raises ControlPlaneError."""
    binaries, image = ensure_node_binaries(), ensure_image()
    with NodeCluster(binaries, [image.archive]) as node:
        yield OnNode(binaries, node, image)
