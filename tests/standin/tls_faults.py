"""Certificates that a careful client refuses, shown to new connections on demand.

The choice is made for each handshake, so that a running server can go wrong and be healed.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

CertificateKind = Literal["good", "expired", "foreign", "other-name"]
CERTIFICATES: tuple[str, ...] = get_args(CertificateKind)
"""`foreign`: of an authority that nobody knows; `other-name`: for a host of another name."""


def pair(directory: Path, kind: str) -> tuple[Path, Path]:
    """Where certificate and key of a kind lie."""
    stem = "tls" if kind == "good" else f"tls-{kind}"
    return directory / f"{stem}.crt", directory / f"{stem}.key"


def choose_by_handshake(context: ssl.SSLContext, directory: Path, wanted: Callable[[], CertificateKind]) -> None:
    """Let each handshake of a server's context be done with the certificate that is wanted then."""
    others = {kind: _context(directory, kind) for kind in CERTIFICATES if kind != "good"}

    def choose(connection: ssl.SSLObject, name: str | None, asked: ssl.SSLContext) -> None:
        kind = wanted()
        if kind != "good":
            connection.context = others[kind]

    context.sni_callback = choose


def _context(directory: Path, kind: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair(directory, kind))
    return context
