"""The operator's own connection, for objects without `spec.elasticsearchRef`: from a mounted folder or from a Secret.

Decides which namespaces it serves, and tells when the files of a folder changed (kubelet swaps them when the Secret does).
Messages go to people who do not run the operator: they name no path and no Secret of its namespace.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from inference_operator.api.status import SourceKind
from inference_operator.core.clock import Clock
from inference_operator.core.failure import ReferenceFailure, ReferenceKind
from inference_operator.core.values import ObjectRef
from inference_operator.kubernetes.connection_source import (
    CONNECTION_KEYS,
    REF,
    ConnectionReads,
    ConnectionSource,
    Resolution,
    not_found,
    selected,
    unreadable,
)
from inference_operator.kubernetes.timing import pause
from inference_operator.kubernetes.values import KubernetesFailure, NotFound, SecretData

_log = logging.getLogger(__name__)

DESCRIBED = "the operator's default connection"
EVERYONE = "*"
FOLDER_INTERVAL = 10.0


@dataclass(frozen=True, slots=True)
class DefaultConnection:
    """How the default connection is configured: `path` is a folder, `secret` reads NAMESPACE/NAME; at most one of them.

    It serves the operator's own namespace always, and `namespaces` (`*` means all).
    """

    operator_namespace: str
    namespaces: Collection[str] = ()
    path: Path | None = None
    secret: str | None = None

    def serves(self, namespace: str) -> bool:
        return namespace == self.operator_namespace or namespace in self.namespaces or EVERYONE in self.namespaces

    @property
    def objects(self) -> tuple[ObjectRef, ...]:
        """What it is read from, as far as that is in Kubernetes."""
        if self.secret is None:
            return ()
        namespace, _, name = self.secret.partition("/")
        return (ObjectRef(SourceKind.SECRET, namespace, name),)

    async def resolve(self, namespace: str, reads: ConnectionReads) -> Resolution:
        """Its material, for an object of that namespace."""
        if self.path is None and not self.objects:
            return not_found(REF, f"The operator has no default connection: set {REF} to name the cluster.")
        if not self.serves(namespace):
            return _not_served(namespace)
        if self.path is not None:
            return await _from_folder(self.path)
        return await _from_secret(self.objects[0], reads)


async def _from_folder(path: Path) -> Resolution:
    files = await asyncio.to_thread(read_folder, path)
    if not files:
        return _absent("its folder holds no files of a connection", "--default-connection-path")
    return ConnectionSource((), files, DESCRIBED)


async def _from_secret(secret: ObjectRef, reads: ConnectionReads) -> Resolution:
    match await reads.read_secret(secret.namespace, secret.name):
        case NotFound():
            return _absent("its Secret does not exist", "--default-connection-secret")
        case KubernetesFailure() as failure:
            return unreadable(failure, _subject(), REF)
        case SecretData(version=version, data=data):
            return ConnectionSource((secret,), selected(data), DESCRIBED, {secret: version})


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files that are named like keys of a connection Secret. Empty where there is no such folder."""
    found = {}
    for key in CONNECTION_KEYS:
        try:
            found[key] = (folder / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            _log.warning("file %s of the default connection can't be read: %s", key, error.strerror)
    return found


async def watch_folder(folder: Path, clock: Clock, on_change: Callable[[], None]) -> None:
    """Call back whenever the contents changed, for ever. Keeps a digest, not the contents."""
    before = await asyncio.to_thread(_digest, folder)
    while True:
        await pause(clock, FOLDER_INTERVAL)
        now = await asyncio.to_thread(_digest, folder)
        if now != before:
            before = now
            on_change()


def _digest(folder: Path) -> bytes:
    digest = hashlib.blake2b()
    for key, content in read_folder(folder).items():
        digest.update(b"%b %d " % (key.encode(), len(content)) + content)
    return digest.digest()


def _subject() -> str:
    """`DESCRIBED`, at the beginning of a sentence."""
    return DESCRIBED[:1].upper() + DESCRIBED[1:]


def _absent(what: str, flag: str) -> ReferenceFailure:
    return not_found(
        REF,
        f"{_subject()} can't be used: {what}. Whoever runs the operator mends that ({flag}); or name another cluster in {REF}.",
    )


def _not_served(namespace: str) -> ReferenceFailure:
    return ReferenceFailure(
        ReferenceKind.CROSS_NAMESPACE_DENIED,
        REF,
        f"{_subject()} does not serve namespace {namespace}. Name a cluster in {REF}, or ask whoever runs"
        " the operator to add the namespace to --default-connection-namespaces.",
    )
