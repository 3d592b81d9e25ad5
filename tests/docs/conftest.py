"""Fixtures of the tests that carry out what pages say: a control plane, the operator, a terminal in a namespace of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.cluster.conftest import namespace, plane, pytest_collection_finish
from tests.cluster.operating import Operating, operating
from tests.controlplane import ControlPlane
from tests.docs.terminal import Terminal

__all__ = ["namespace", "plane", "pytest_collection_finish"]

OpenTerminal = Callable[[], AbstractContextManager[Terminal]]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the operator's own files are, its connection among them."""
    return tmp_path_factory.mktemp("operating")


@pytest.fixture(scope="session")
def operator(plane: ControlPlane, folder: Path) -> Iterator[Operating]:
    """The operator; its providers refuse every key that begins with `wrong`."""
    with operating(plane, folder) as running:
        running.standin.change_provider(refused_prefixes=("wrong",))
        yield running


@pytest.fixture(scope="session")
def open_terminal(operator: Operating, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenTerminal:
    """A terminal whose kubectl works in a new namespace, and whose `ES_URL` is the stand-in."""

    @contextmanager
    def opened() -> Iterator[Terminal]:
        home = tmp_path_factory.mktemp("terminal")
        name = f"docs-{secrets.token_hex(4)}"
        operator.plane.kubectl("create", "namespace", name)
        with Terminal(home, _environment(operator.plane, home, name) | _elasticsearch(folder / "connection")) as terminal:
            yield terminal
        operator.plane.kubectl("delete", "namespace", name, "--wait=false")

    return opened


def _environment(plane: ControlPlane, home: Path, namespace: str) -> dict[str, str]:
    """The plane's kubectl, working in the namespace, and nothing of the person's own."""
    kubeconfig = home / "kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_bytes(plane.kubeconfig.read_bytes())
    plane.kubectl("config", "set-context", "--current", f"--namespace={namespace}", kubeconfig=kubeconfig)
    return {
        "PATH": f"{plane.binaries.search_path}:/usr/bin:/bin",
        "HOME": str(home),
        "KUBECONFIG": str(kubeconfig),
        "KUBECACHEDIR": str(home / "cache"),
        "KUBERC": "off",
        "NO_PROXY": "*",
    }


def _elasticsearch(connection: Path) -> dict[str, str]:
    """What the pages ask a reader to set."""
    return {
        "ES_URL": (connection / "url").read_text(),
        "ES_API_KEY": (connection / "api-key").read_text(),
        "CURL_CA_BUNDLE": str(connection / "ca.crt"),
    }
