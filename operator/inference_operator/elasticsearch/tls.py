"""TLS material given as PEM text: whether it is usable, and the context made of it.

The ssl module loads a certificate chain from files only. So a private key goes into a file in memory where the system
has those (Linux: no disk, and it works on a read-only root), else into one that only we may read, removed at once.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class UnusableTlsMaterialError(Exception):
    """The PEM texts can't be used. The message is a sentence without their content."""


def certificate_problem(pem: str) -> str | None:
    """What is wrong with a CA bundle, as the rest of a sentence; None when it is usable."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=_ascii(pem))
    except (ssl.SSLError, ValueError, OSError):
        return "is not a PEM certificate that OpenSSL can read"
    return None


def client_certificate_problem(cert_pem: str, key_pem: str) -> str | None:
    """What is wrong with a client certificate and its key; None when they are usable and fit together."""
    try:
        _load_chain(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), cert_pem, key_pem)
    except (ssl.SSLError, ValueError, OSError):
        return "are not a PEM certificate with its private key, unencrypted"
    return None


def client_context(
    ca_pem: str | None, client_certificate: tuple[str, str] | None, *, verify: bool, extra_ca_file: Path | None = None
) -> ssl.SSLContext:
    """The context of a client.

    Args:
        ca_pem: the only authorities to trust; None trusts the system's store.
        client_certificate: certificate chain and private key, PEM.
        verify: False accepts any certificate for any host name.
        extra_ca_file: authorities to trust beside those of the system's store. Not looked at where `ca_pem` is given.

    Raises:
        UnusableTlsMaterialError: one of the PEM texts or the file can't be read.
    """
    if ca_pem is not None and (problem := certificate_problem(ca_pem)):
        raise UnusableTlsMaterialError(f"the CA certificate {problem}")
    context = ssl.create_default_context(cadata=None if ca_pem is None else _ascii(ca_pem))
    if ca_pem is None and extra_ca_file is not None:
        _trust_also(context, extra_ca_file)
    # Set by default from Python 3.13 on; it refuses many a private CA that curl and Elasticsearch's own clients accept.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client_certificate is not None:
        if problem := client_certificate_problem(*client_certificate):
            raise UnusableTlsMaterialError(f"the client certificate and key {problem}")
        _load_chain(context, *client_certificate)
    return context


def _ascii(pem: str) -> str:
    """The ssl module takes no other text, and bundles name their authorities in any language, beside the certificates."""
    return pem.encode("ascii", "replace").decode()


def _trust_also(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except (ssl.SSLError, OSError):
        raise UnusableTlsMaterialError(f"the file {path} of --extra-ca-file is not a PEM file that OpenSSL can read") from None


def _load_chain(context: ssl.SSLContext, cert_pem: str, key_pem: str) -> None:
    with _private_file(f"{cert_pem}\n{key_pem}\n".encode()) as path:
        # Without a password OpenSSL would ask on the terminal for that of an encrypted key.
        context.load_cert_chain(path, password=_no_password)


@contextmanager
def _private_file(content: bytes) -> Iterator[str]:
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("client-certificate"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory(prefix="inference-operator-") as directory:  # mode 0700
        path = Path(directory) / "client.pem"
        path.write_bytes(content)
        yield str(path)


def _no_password() -> str:
    raise ValueError("the private key is encrypted")
