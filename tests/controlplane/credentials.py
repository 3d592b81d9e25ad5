"""Certificates, keys and tokens of one run of the control plane. Made anew each time, valid for a few days, never shown.

Must not import anything of the package but `authority`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.controlplane.authority import Authority, private_pem

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files that the servers read, and the tokens of the two users that exist from the start."""

    ca_file: Path
    server_certificate: Path
    server_key: Path
    service_account_key: Path
    service_account_public_key: Path
    tokens_file: Path
    admin_token: str = field(repr=False)
    controller_token: str = field(repr=False)


def create_credentials(
    folder: Path, authority: Authority | None = None, addresses: tuple[str, ...] = ("127.0.0.1", "10.0.0.1")
) -> Credentials:
    """Write everything into `folder`, readable by its owner only.

    Args:
        folder: made here.
        authority: who signs; a new one by default, whose key is forgotten.
        addresses: that the API server is reached by, the first one of the range of Services among them.

    """
    folder.mkdir(mode=0o700)
    authority = authority or Authority()
    admin, controller = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    made = Credentials(
        ca_file=folder / "ca.crt",
        server_certificate=folder / "apiserver.crt",
        server_key=folder / "apiserver.key",
        service_account_key=folder / "sa.key",
        service_account_public_key=folder / "sa.pub",
        tokens_file=folder / "tokens.csv",
        admin_token=admin,
        controller_token=controller,
    )
    account_key = ec.generate_private_key(ec.SECP256R1())
    made.ca_file.write_bytes(authority.pem)
    authority.for_server("kube-apiserver", _NAMES, addresses).write(made.server_certificate, made.server_key)
    made.service_account_key.write_bytes(private_pem(account_key))
    made.service_account_public_key.write_bytes(
        account_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    made.tokens_file.write_text(
        f'{admin},admin,admin,"system:masters"\n'
        f'{controller},system:kube-controller-manager,kube-controller-manager,"system:masters"\n'
    )
    return made
