"""Credentials from pods and kubeconfigs, and how they stay fresh."""

from __future__ import annotations

import json
import stat
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inference_operator.kubernetes.credentials import ConfigurationError, Credentials, load_credentials
from tests.kubernetes.scripted_api import kubeconfig
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
SERVER = "http://127.0.0.1:1"


class Pod:
    """The files that kubelet mounts."""

    def __init__(self, folder: Path) -> None:
        self.token = folder / "token"
        self.ca = folder / "ca.crt"
        self.token.write_text("first\n")
        self.ca.write_text("PEM")

    async def load(self, clock: VirtualClock, environ: dict[str, str] | None = None) -> Credentials:
        return await load_credentials(
            clock, environ=POD if environ is None else environ, service_account=(str(self.token), str(self.ca))
        )


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


async def header(credentials: Credentials) -> Any:
    """The Authorization header that the client would send now."""
    return await credentials.configuration.get_api_key_with_prefix("BearerToken")


async def test_a_pod_uses_its_service_account(clock: VirtualClock, pod: Pod) -> None:
    info = await (await pod.load(clock)).connection_info()
    assert (info.server, info.ca_path, info.insecure) == ("https://10.0.0.1:443", str(pod.ca), False)
    assert (info.scheme, info.token) == ("Bearer", "first")


async def test_a_token_on_disk_is_read_again_after_a_minute(clock: VirtualClock, pod: Pod) -> None:
    credentials = await pod.load(clock)
    pod.token.write_text("second\n")
    assert await header(credentials) == "Bearer first"
    await clock.advance(60)
    assert await header(credentials) == "Bearer second"


async def test_a_token_that_was_refused_is_read_again_at_once(clock: VirtualClock, pod: Pod) -> None:
    credentials = await pod.load(clock)
    pod.token.write_text("second\n")
    credentials.expire()
    assert await header(credentials) == "Bearer second"


async def test_kopf_gets_the_newest_token_and_a_time_to_come_back(clock: VirtualClock, pod: Pod) -> None:
    credentials = await pod.load(clock)
    pod.token.write_text("second\n")
    info = await credentials.connection_info()
    assert info.token == "second"
    assert info.expiration == clock.now() + timedelta(minutes=10)


@pytest.mark.parametrize("broken", ["missing", "empty"])
async def test_an_unreadable_token_leaves_the_old_one(
    clock: VirtualClock, pod: Pod, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    credentials = await pod.load(clock)
    pod.token.unlink() if broken == "missing" else pod.token.write_text("")
    await clock.advance(60)
    assert await header(credentials) == "Bearer first"
    assert "could not be renewed" in caplog.text
    pod.token.write_text("second")
    assert await header(credentials) == "Bearer second"


async def test_a_pod_without_a_token_says_so(clock: VirtualClock, pod: Pod) -> None:
    pod.token.unlink()
    with pytest.raises(ConfigurationError, match="ServiceAccount can't be used"):
        await pod.load(clock)


async def test_a_given_kubeconfig_wins_over_the_pod(clock: VirtualClock, tmp_path: Path) -> None:
    config = kubeconfig(tmp_path / "config", SERVER, {"token": "mine"})
    info = await (await load_credentials(clock, kubeconfig=config, environ=POD)).connection_info()
    assert (info.server, info.token, info.expiration) == (SERVER, "mine", None)


async def test_the_environment_names_kubeconfigs(clock: VirtualClock, tmp_path: Path) -> None:
    config = kubeconfig(tmp_path / "config", SERVER, {"token": "mine"})
    environ = {"KUBECONFIG": f"{tmp_path / 'missing'}:{config}"}
    assert await header(await load_credentials(clock, environ=environ)) == "Bearer mine"


async def test_a_context_is_chosen_by_name(clock: VirtualClock, tmp_path: Path) -> None:
    config = kubeconfig(tmp_path / "config", SERVER, {"token": "mine"})
    document = json.loads(config.read_text())
    document["contexts"].append({"name": "other", "context": {"cluster": "here", "user": "you"}})
    document["users"].append({"name": "you", "user": {"token": "yours"}})
    config.write_text(json.dumps(document))
    assert await header(await load_credentials(clock, kubeconfig=config, context="other")) == "Bearer yours"


async def test_a_token_file_of_a_kubeconfig_is_read_again(clock: VirtualClock, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    config = kubeconfig(tmp_path / "config", SERVER, {"tokenFile": "token"})
    credentials = await load_credentials(clock, kubeconfig=config)
    assert await header(credentials) == "Bearer first"
    (tmp_path / "token").write_text("second\n")
    await clock.advance(60)
    assert await header(credentials) == "Bearer second"


async def test_an_exec_plugin_is_asked_again_when_its_token_expired(clock: VirtualClock, tmp_path: Path) -> None:
    counter = tmp_path / "count"
    plugin = tmp_path / "plugin"
    plugin.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib\n"
        f"file = pathlib.Path({str(counter)!r})\n"
        "number = int(file.read_text() if file.exists() else 0) + 1\n"
        "file.write_text(str(number))\n"
        "status = {'token': f'token-{number}', 'expirationTimestamp': '2020-01-01T00:00:00Z'}\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', 'status': status}))\n"
    )
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}}
    credentials = await load_credentials(clock, kubeconfig=kubeconfig(tmp_path / "config", SERVER, user))
    first = await header(credentials)
    assert await header(credentials) == first
    await clock.advance(60)
    assert await header(credentials) != first


@pytest.mark.parametrize(
    ("user", "context", "expected"),
    [
        ({"token": "t"}, "nowhere", "nowhere"),
        ({"tokenFile": "missing"}, None, "missing"),
        ({"client-certificate": "missing.pem"}, None, "missing.pem"),
    ],
)
async def test_a_kubeconfig_that_can_not_be_used_says_why(
    clock: VirtualClock, tmp_path: Path, user: dict[str, str], context: str | None, expected: str
) -> None:
    config = kubeconfig(tmp_path / "config", "https://127.0.0.1:1", user)
    with pytest.raises(ConfigurationError, match=expected):
        await load_credentials(clock, kubeconfig=config, context=context)


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "{", "{}", '{"contexts": [], "current-context": "x"}', "users: 3"])
async def test_a_file_that_is_no_kubeconfig_says_so(clock: VirtualClock, tmp_path: Path, text: str) -> None:
    config = tmp_path / "config"
    config.write_text(text)
    with pytest.raises(ConfigurationError, match="can't be used"):
        await load_credentials(clock, kubeconfig=config)


async def test_no_configuration_at_all_says_what_to_do(clock: VirtualClock, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--kubeconfig"):
        await load_credentials(clock, environ={"KUBECONFIG": str(tmp_path / "missing")})


async def test_a_token_is_never_shown(clock: VirtualClock, pod: Pod) -> None:
    pod.token.write_text("canary-4e")
    assert "canary-4e" not in repr(await (await pod.load(clock)).connection_info())
