"""Who is who on a node: certificates of the kubelet and of whom it trusts, tokens of the node's programs.

The API server's and the controllers' are `credentials.py`'s, signed by the same authority.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.controlplane.authority import Authority
from tests.controlplane.credentials import Credentials, create_credentials
from tests.controlplane.kubeconfig import write_kubeconfig
from tests.controlplane.node.network import FIRST_SERVICE, NODE_ADDRESS

if TYPE_CHECKING:
    from pathlib import Path

NODE_NAME = "node1"
_PROGRAMS = {
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
}


@dataclass(frozen=True, slots=True)
class Identities:
    """Files that the programs of a node read."""

    plane: Credentials
    kubelet_certificate: Path
    kubelet_key: Path
    to_kubelet_certificate: Path
    to_kubelet_key: Path
    kubeconfigs: dict[str, Path]
    """By program, and `admin`."""


def create_identities(folder: Path, server: str) -> Identities:
    """Write everything into `folder`, made here; `server` is the URL of the API server."""
    authority = Authority()
    plane = create_credentials(folder, authority, ("127.0.0.1", NODE_ADDRESS, FIRST_SERVICE))
    tokens = {program: secrets.token_urlsafe(32) for program in _PROGRAMS}
    with plane.tokens_file.open("a") as file:
        for program, (user, group) in _PROGRAMS.items():
            file.write(f'{tokens[program]},{user},{user},"{group}"\n')
    tokens |= {"admin": plane.admin_token, "kube-controller-manager": plane.controller_token}
    made = Identities(
        plane=plane,
        kubelet_certificate=folder / "kubelet.crt",
        kubelet_key=folder / "kubelet.key",
        to_kubelet_certificate=folder / "to-kubelet.crt",
        to_kubelet_key=folder / "to-kubelet.key",
        kubeconfigs={
            program: write_kubeconfig(
                folder / f"{program}.kubeconfig", server=server, ca_file=plane.ca_file, token=token, user=program
            )
            for program, token in tokens.items()
        },
    )
    authority.for_server("kubelet", (NODE_NAME,), (NODE_ADDRESS,)).write(made.kubelet_certificate, made.kubelet_key)
    to_kubelet = authority.for_client("kube-apiserver-kubelet-client", "system:masters")
    to_kubelet.write(made.to_kubelet_certificate, made.to_kubelet_key)
    return made
