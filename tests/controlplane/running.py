"""The servers of one run: started in order, each awaited, with what clients need to reach them."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tests.controlplane.children import Children, ControlPlaneError, tail
from tests.controlplane.credentials import Credentials, create_credentials
from tests.controlplane.environment import clean_environment, client_environment
from tests.controlplane.kubeconfig import write_kubeconfig
from tests.controlplane.servers import (
    API_SERVER,
    AUDIT_POLICY,
    CONTROLLER_MANAGER,
    ETCD,
    Ports,
    api_server_arguments,
    controller_manager_arguments,
    etcd_arguments,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.controlplane.binaries import Binaries

_READY_SECONDS = 90.0
_REQUEST_SECONDS = 5.0
_LOOK_SECONDS = 0.05

_Found = TypeVar("_Found")


class NotInTimeError(ControlPlaneError):
    """Something that was waited for did not become true."""


@dataclass(frozen=True, slots=True)
class RunningServers:
    """What `start_servers` started. It ends with `children.close()`."""

    binaries: Binaries
    children: Children
    ports: Ports
    credentials: Credentials
    kubeconfig: Path
    settings: Mapping[str, str]
    """Environment variables of the servers, beside a clean environment."""

    @property
    def api_url(self) -> str:
        return f"https://127.0.0.1:{self.ports.api_server}"

    def start_api_server(self) -> None:
        """Start the API server and wait until it is ready."""
        arguments = api_server_arguments(self.children.directory, self.ports, self.credentials)
        self._start(API_SERVER, arguments)
        await_ready(self.children, lambda: self._answers("/readyz"), API_SERVER, _READY_SECONDS)

    def start_etcd(self) -> None:
        """Start it only: the API server waits for it by itself, with harmless errors in its log."""
        self._start(ETCD, etcd_arguments(self.children.directory, self.ports))

    def start_controllers(self) -> None:
        """Start the controllers and wait until one of them has done something."""
        kubeconfig = write_kubeconfig(
            self.children.directory / "controllers.kubeconfig",
            server=self.api_url,
            ca_file=self.credentials.ca_file,
            token=self.credentials.controller_token,
            user=CONTROLLER_MANAGER,
        )
        self._start(CONTROLLER_MANAGER, controller_manager_arguments(kubeconfig, self.credentials))
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        await_ready(self.children, lambda: self._answers(account), CONTROLLER_MANAGER, _READY_SECONDS)

    def client_environment(self, kubeconfig: Path) -> dict[str, str]:
        """For kubectl and helm."""
        return client_environment(self.children.directory / "clients", kubeconfig)

    def _start(self, name: str, arguments: list[str]) -> None:
        self.children.start(name, [self.binaries[name], *arguments], env=clean_environment() | dict(self.settings))

    def _answers(self, path: str) -> bool:
        request = urllib.request.Request(self.api_url + path, headers={"Authorization": f"Bearer {self.credentials.admin_token}"})
        trust = ssl.create_default_context(cafile=str(self.credentials.ca_file))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
        try:
            with opener.open(request, timeout=_REQUEST_SECONDS):
                return True
        except (urllib.error.URLError, OSError):
            return False


def start_servers(directory: Path | None, binaries: Binaries, settings: Mapping[str, str]) -> RunningServers:
    """Start all three and wait until they work; after a failure none is left.

    Raises:
        ChildDiedError: a server ended; with the tail of its log.
        ControlPlaneError: a server was not ready in time; with the tail of its log.

    """
    children = Children(directory)
    try:
        (children.directory / "audit-policy.yaml").write_text(AUDIT_POLICY)
        ports = _free_ports()
        credentials = create_credentials(children.directory / "credentials")
        kubeconfig = write_kubeconfig(
            children.directory / "kubeconfig",
            server=f"https://127.0.0.1:{ports.api_server}",
            ca_file=credentials.ca_file,
            token=credentials.admin_token,
            user="admin",
        )
        servers = RunningServers(binaries, children, ports, credentials, kubeconfig, settings)
        servers.start_etcd()
        servers.start_api_server()
        servers.start_controllers()
    except BaseException:
        children.close()
        raise
    return servers


def await_ready(children: Children, found: Callable[[], _Found | None], name: str, seconds: float) -> _Found:
    """As `await_condition`, for the child `name`: the error ends with the tail of its log."""
    try:
        return await_condition(children, found, seconds, f"{name} to be ready")
    except NotInTimeError as error:
        raise ControlPlaneError(f"{error}. The end of its log:\n{tail(children.log(name))}") from None


def await_condition(children: Children, found: Callable[[], _Found | None], seconds: float, what: str) -> _Found:
    """Wait for something true, and return it.

    Raises:
        ChildDiedError: an essential child ended meanwhile.
        NotInTimeError: it did not become true in time.

    """
    deadline = time.monotonic() + seconds
    while not (result := found()):
        children.watch(_LOOK_SECONDS)
        if time.monotonic() > deadline:
            raise NotInTimeError(f"waited {seconds:.0f} s in vain for {what}")
    return result


def _free_ports() -> Ports:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        etcd, peer, api_server = (one.getsockname()[1] for one in sockets)
    return Ports(etcd, peer, api_server)
