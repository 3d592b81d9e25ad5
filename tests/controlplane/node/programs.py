"""The command lines of a cluster's programs on one node, as values. Pure.

Those of the control plane are `servers.py`'s with more after them: of a flag given twice the last one counts, and lists are
joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.controlplane.node.identities import NODE_NAME
from tests.controlplane.node.network import NODE_ADDRESS, PODS, SERVICES
from tests.controlplane.servers import (
    Ports,
    api_server_arguments,
    controller_manager_arguments,
    etcd_arguments,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.controlplane.node.identities import Identities

PORTS = Ports(etcd=2379, etcd_peer=2380, api_server=6443)
"""In a network namespace of their own they are always free."""


def api_server(folder: Path, made: Identities) -> list[str]:
    return [
        *api_server_arguments(folder, PORTS, made.plane),
        "--bind-address=0.0.0.0",
        f"--advertise-address={NODE_ADDRESS}",
        "--endpoint-reconciler-type=lease",
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={made.plane.ca_file}",
        f"--kubelet-client-certificate={made.to_kubelet_certificate}",
        f"--kubelet-client-key={made.to_kubelet_key}",
        f"--kubelet-certificate-authority={made.plane.ca_file}",
        "--kubelet-preferred-address-types=InternalIP",
    ]


def etcd(folder: Path) -> list[str]:
    return etcd_arguments(folder, PORTS)


def controller_manager(made: Identities) -> list[str]:
    arguments = controller_manager_arguments(made.kubeconfigs["kube-controller-manager"], made.plane)
    return [*arguments, "--controllers=*", f"--cluster-cidr={PODS}", "--allocate-node-cidrs=false"]


def scheduler(made: Identities) -> list[str]:
    return [f"--kubeconfig={made.kubeconfigs['kube-scheduler']}", "--leader-elect=false", "--secure-port=0"]


def kube_proxy(config: Path) -> list[str]:
    return [f"--config={config}", f"--hostname-override={NODE_NAME}"]


def kubelet(folder: Path, config: Path, made: Identities) -> list[str]:
    return [
        f"--config={config}",
        f"--kubeconfig={made.kubeconfigs['kubelet']}",
        f"--root-dir={folder / 'kubelet'}",
        f"--cert-dir={folder / 'kubelet-certificates'}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_ADDRESS}",
    ]
