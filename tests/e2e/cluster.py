"""A cluster whose pods run, as the suite sees it: what all providers offer, and the user's commands on it.

A provider decides how the cluster is made, how the image gets there, and how its node is reached. Nothing here knows one.
"""

from __future__ import annotations

import json
import signal
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tests.controlplane.commands import run_command
from tests.controlplane.environment import client_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.controlplane.api import Api
    from tests.controlplane.audit import AuditEntry
    from tests.controlplane.binaries import Binaries

Json = dict[str, Any]
Found = TypeVar("Found")

SECONDS = 90.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ImageName:
    """What the chart has to be told of the image."""

    repository: str
    tag: str
    compressed_bytes: int


class Cluster(ABC):
    """A running cluster. `binaries` has kubectl and helm; `api` is for what is asked again and again."""

    def __init__(self, binaries: Binaries, api: Api, kubeconfig: Path, folder: Path) -> None:
        self.api = api
        self._binaries = binaries
        self._environment = client_environment(folder / "clients", kubeconfig)

    # --- what the providers differ in ---------------------------------------------------------------------------------

    @property
    @abstractmethod
    def image(self) -> ImageName:
        """The operator's image, which the node holds."""

    @property
    @abstractmethod
    def address_of_this_process(self) -> str:
        """Under which pods reach a server that this process runs, and on which it has to listen."""

    @abstractmethod
    def signal(self, container: str, name: str) -> None:
        """Send a signal, for instance `STOP`, to the first process of a container, given by its id."""

    @abstractmethod
    def asked_by(self, user: str) -> list[AuditEntry]:
        """What this user asked the API server for, in the order of the answers."""

    @abstractmethod
    def origin_of(self, pod: Json) -> str:
        """The address that a server of this process sees for requests of that pod."""

    @abstractmethod
    def check(self) -> None:
        """Raise an exception if it is known that a part of the cluster is gone."""

    # --- the user -----------------------------------------------------------------------------------------------------

    def kubectl(self, *arguments: str, input: str | None = None, seconds: float = SECONDS) -> str:  # noqa: A002  as in subprocess.run
        """Standard output. Raises CommandFailedError with kubectl's words."""
        return self._command("kubectl", arguments, input, seconds)

    def helm(self, *arguments: str, input: str | None = None, seconds: float = SECONDS) -> str:  # noqa: A002  as in subprocess.run
        """Standard output. Raises CommandFailedError with helm's words."""
        return self._command("helm", arguments, input, seconds)

    def apply(self, namespace: str, *documents: Json) -> None:
        everything = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.kubectl("apply", f"--namespace={namespace}", "--filename=-", input=json.dumps(everything))

    def eventually(self, found: Callable[[], Found | None], what: str, seconds: float = SECONDS) -> Found:
        """Wait for something true, and return it. Raises AssertionError saying what was missing."""
        until = time.monotonic() + seconds
        while not (value := found()):
            self.check()
            assert time.monotonic() < until, f"not within {seconds:.0f} s: {what}"
            signal.sigtimedwait((), _LOOK_SECONDS)
        return value

    def _command(self, tool: str, arguments: Sequence[str], stdin: str | None, seconds: float) -> str:
        return run_command(
            [self._binaries[tool], *arguments], env=self._environment, stdin=stdin, timeout=seconds, look=self.check
        )
