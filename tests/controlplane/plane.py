"""A Kubernetes control plane on this machine: etcd, kube-apiserver and kube-controller-manager, for one run.

It starts in seconds on free ports, ends with `stop()` or with this process, and leaves neither processes nor files. There
is no kubelet: Deployments get their ReplicaSets and pods, and these stay Pending.
"""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tests.controlplane.api import Api
from tests.controlplane.binaries import ensure_binaries
from tests.controlplane.children import ChildDiedError, ControlPlaneError
from tests.controlplane.commands import run_command
from tests.controlplane.environment import COLLECT_SELDOM
from tests.controlplane.kubeconfig import write_kubeconfig
from tests.controlplane.running import RunningServers, await_condition, await_ready, start_servers
from tests.controlplane.servers import API_SERVER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from tests.controlplane.binaries import Binaries

Found = TypeVar("Found")

_TRIES = 4
_PORT_TAKEN = "address already in use"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class ControlPlane:
    """A control plane to start and stop; also a context manager. All methods but `start` need it running.

    Args:
        directory: for data and logs; made here, and removed at the end. Among the temporary files by default.
        binaries: where the programs are; found, or built, by default.
        settings: environment variables of the servers. By default they trade memory for time, as suits tests.

    """

    def __init__(
        self, directory: Path | None = None, binaries: Binaries | None = None, settings: Mapping[str, str] = COLLECT_SELDOM
    ) -> None:
        self._wanted_directory = directory
        self._binaries = binaries
        self._settings = settings
        self._running: RunningServers | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> Self:
        """Start the servers and wait until the API is ready and the controllers work.

        Raises:
            ControlPlaneError: a server ended (with the tail of its log), or was not ready in time.

        """
        if self._running:
            raise ControlPlaneError("this control plane runs already; stop it first, or make another one")
        self._binaries = self._binaries or ensure_binaries()
        for attempt in range(1, _TRIES + 1):
            try:
                self._running = start_servers(self._wanted_directory, self._binaries, self._settings)
            except ChildDiedError as error:
                # Between the choice of a free port and its use somebody else may take it.
                if _PORT_TAKEN not in str(error) or attempt == _TRIES:
                    raise
            else:
                break
        return self

    def stop(self) -> None:
        """Stop the servers and remove what they wrote. May be called again."""
        running, self._running = self._running, None
        if running:
            running.children.close()

    def check(self, seconds: float = 0.0) -> None:
        """Look for up to `seconds` whether a server ends.

        Raises:
            ChildDiedError: one did without being asked to; with the tail of its log. The others are stopped then.

        """
        self._get().children.watch(seconds)

    def eventually(self, found: Callable[[], Found | None], what: str, seconds: float = 120.0) -> Found:
        """Wait for something true, and return it. It is asked for some twenty times a second.

        Raises:
            ChildDiedError: a server ended meanwhile.
            NotInTimeError: it did not become true in time; says what was waited for.

        """
        return await_condition(self._get().children, found, seconds, what)

    @property
    def binaries(self) -> Binaries:
        return self._get().binaries

    @property
    def directory(self) -> Path:
        """What this run writes; tests may put files of their own here. Removed by `stop()`."""
        return self._get().children.directory

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name: `warden`, `etcd`, `kube-apiserver`, `kube-controller-manager` and what `run` started."""
        return self._get().children.pids

    @property
    def api_url(self) -> str:
        return self._get().api_url

    @property
    def api(self) -> Api:
        """What `admin` asks from this process; see `Api` for when to prefer it to `kubectl`."""
        running = self._get()
        return Api(running.api_url, running.credentials.ca_file, running.credentials.admin_token)

    @property
    def ca_file(self) -> Path:
        """The certificate of the CA that signed the API server's."""
        return self._get().credentials.ca_file

    @property
    def kubeconfig(self) -> Path:
        """Of the user `admin`, who may do everything."""
        return self._get().kubeconfig

    @property
    def audit_log(self) -> Path:
        """Who asked the API server for what, see `audit.py`."""
        return self.directory / "audit.jsonl"

    def log(self, name: str) -> Path:
        """The log of a server, for instance of `kube-apiserver`."""
        return self._get().children.log(name)

    def kubeconfig_for_token(self, token: str, path: Path, *, user: str = "user") -> Path:
        """Write a kubeconfig for the owner of a token; returns its path."""
        return write_kubeconfig(path, server=self.api_url, ca_file=self.ca_file, token=token, user=user)

    def create_token(self, namespace: str, serviceaccount: str) -> str:
        """A token of a ServiceAccount, valid for an hour."""
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        answer = self.api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/{serviceaccount}/token", request)
        token: str = answer["status"]["token"]
        return token

    def kubectl(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002  as in subprocess.run
        timeout: float = 30.0,
        kubeconfig: Path | None = None,
    ) -> str:
        """Run kubectl and return its standard output.

        Args:
            *args: as on the command line.
            input: standard input, for `apply -f -`.
            timeout: in seconds.
            kubeconfig: who asks; the admin by default.

        Raises:
            CommandFailedError: kubectl failed, or took too long; with its standard error.
            ChildDiedError: a server ended meanwhile.

        """
        return self._command("kubectl", args, input, timeout, kubeconfig)

    def helm(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002  as in subprocess.run
        timeout: float = 120.0,
        kubeconfig: Path | None = None,
    ) -> str:
        """Run helm and return its standard output; as `kubectl`. `install --wait` waits in vain: no pod ever runs."""
        return self._command("helm", args, input, timeout, kubeconfig)

    def await_established(self, *crds: str, seconds: float = 120.0) -> None:
        """Wait until the API server serves these CRDs, by name.

        `kubectl wait` gives up on a CRD that is so new that it has no conditions at all.
        """
        api = self.api

        def serves() -> bool:
            return all(_is_established(api.get(f"{_CRDS}/{crd}") or {}) for crd in crds)

        self.eventually(lambda: serves() or None, f"{', '.join(crds)} to be established", seconds)

    def stop_api_server(self) -> None:
        """Stop the API server alone; etcd keeps what is stored. Clients are refused until `start_api_server`."""
        self._get().children.stop(API_SERVER)

    def start_api_server(self) -> None:
        """Start it again after `stop_api_server`, on the same address, and wait until it is ready."""
        self._get().start_api_server()

    def pause(self, name: str = API_SERVER) -> None:
        """Freeze a server: connections are taken, and nothing is answered."""
        self._get().children.signal(name, signal.SIGSTOP)

    def resume(self, name: str = API_SERVER) -> None:
        """Let a paused server go on."""
        self._get().children.signal(name, signal.SIGCONT)

    def run(
        self,
        name: str,
        argv: Sequence[str],
        *,
        ready: str,
        timeout: float = 30.0,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> re.Match[str]:
        """Run one more program together with the servers; it ends with them, and they end if it does.

        Args:
            name: for `pids` and `log`.
            argv: the program (a path) and its arguments.
            ready: a regular expression; returns its match once it is found in what the program writes.
            timeout: in seconds.
            env: the whole environment; this process's own by default.
            cwd: the working directory; this process's own by default.

        Raises:
            ChildDiedError: it ended instead.
            ControlPlaneError: it was not ready in time.

        """
        children = self._get().children
        children.start(name, argv, env=env, cwd=cwd)
        log = children.log(name)

        def found() -> re.Match[str] | None:
            return re.search(ready, log.read_text(errors="replace"), re.MULTILINE)

        return await_ready(children, found, name, timeout)

    def _get(self) -> RunningServers:
        if self._running is None:
            raise ControlPlaneError("the control plane does not run; call start() first")
        return self._running

    def _command(self, tool: str, args: Sequence[str], stdin: str | None, timeout: float, kubeconfig: Path | None) -> str:
        running = self._get()
        return run_command(
            [running.binaries[tool], *args],
            env=running.client_environment(kubeconfig or running.kubeconfig),
            stdin=stdin,
            timeout=timeout,
            look=running.children.watch,
        )


def _is_established(crd: dict[str, Any]) -> bool:
    conditions = crd.get("status", {}).get("conditions") or ()
    return any((one["type"], one["status"]) == ("Established", "True") for one in conditions)
