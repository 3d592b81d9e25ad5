"""The certificate that the metrics port shows: read from two files, and again whenever they change.

Decides when to look and what to do with a pair that does not fit: the old one goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from pathlib import Path
from typing import Any

import structlog

from inference_operator.core.clock import Clock
from inference_operator.kubernetes.credentials import ConfigurationError
from inference_operator.kubernetes.timing import pause

log: Any = structlog.get_logger(__name__)

INTERVAL = 10.0
"""Seconds between two looks at the files."""


class ServingCertificate:
    """Its `context` is good for a server; connections made after a change show the new certificate.

    Raises:
        ConfigurationError: The files can't be read, or do not hold a certificate and its key.
    """

    def __init__(self, cert_file: Path, key_file: Path, clock: Clock) -> None:
        self._files = (cert_file, key_file)
        self._clock = clock
        self._told = ""
        try:
            self._digest = self._read()
            self.context = self._new()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"--metrics-cert-file and --metrics-key-file can't be used: {_why(error)}") from None

    async def follow(self) -> None:
        """Look at the files now and then, for ever."""
        while True:
            await pause(self._clock, INTERVAL)
            try:
                await asyncio.to_thread(self._renew)
                self._told = ""
            except (OSError, ValueError) as error:  # half written, or gone for a moment
                self._tell(_why(error))

    def _renew(self) -> None:
        digest = self._read()
        if digest == self._digest:
            return
        self._new()  # a pair that does not fit must not come into the context that is in use
        self._load(self.context)
        self._digest = digest
        log.info("the certificate of metrics was read anew")

    def _read(self) -> bytes:
        digest = hashlib.blake2b()
        for path in self._files:
            digest.update(hashlib.blake2b(path.read_bytes()).digest())
        return digest.digest()

    def _new(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        # An encrypted key would be asked for on the terminal, if there were no password at all.
        context.load_cert_chain(*self._files, password="")

    def _tell(self, why: str) -> None:
        """Once, until something else is to be told."""
        if why != self._told:
            self._told = why
            log.warning("the files of the certificate of metrics can't be used; the old one goes on", why=why)


def _why(error: Exception) -> str:
    """OpenSSL's own words name no contents; those of a missing file name it."""
    if isinstance(error, ssl.SSLError):
        return f"the two do not hold a PEM certificate and its key without a password ({error.reason or 'unknown form'})"
    return str(error)
