"""`python -m tests.standin`: the server as a process of its own, with TLS, credentials and a clean end."""

from __future__ import annotations

import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.standin.__main__ import main
from tests.test_standin.asking import ok
from tests.test_standin.samples import openai

ROOT = Path(__file__).parents[2]
END_SECONDS = 20


@contextmanager
def running(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The URL of a server process, which is ended by SIGTERM and must end well."""
    command = [sys.executable, "-m", "tests.standin", "--port", "0", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on http"), process.communicate(timeout=END_SECONDS)[1]
        yield line.split()[-1], process
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=END_SECONDS)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.communicate()


def test_open_server() -> None:
    with running("--version", "8.19.0", "--license", "basic", "--cluster-uuid", "u", "--control") as (url, _):
        root = ok(httpx.get(url))
        assert (root["version"]["number"], root["cluster_uuid"]) == ("8.19.0", "u")
        assert ok(httpx.get(f"{url}/_license"))["license"]["type"] == "basic"
        assert ok(httpx.get(f"{url}/_standin"))["reads"] == 2


def test_credentials() -> None:
    options = ("--password", "pw", "--user", "reader:pw2:inference_user", "--api-key", "id:key", "--token", "t0ken")
    with running(*options, "--refuse-key", "bad") as (url, _), httpx.Client(base_url=url) as client:
        assert client.get("/").status_code == 401
        for headers in ({"Authorization": "Bearer t0ken"}, {"Authorization": "ApiKey aWQ6a2V5"}):
            ok(client.get("/", headers=headers))
        ok(client.put("/_inference/completion/one", json=openai(), auth=("elastic", "pw")))
        refused = client.put("/_inference/completion/two", json=openai(api_key="bad"), auth=("elastic", "pw"))
        assert refused.status_code == 400
        ok(client.get("/_inference/one", auth=("reader", "pw2")))
        assert client.delete("/_inference/one", auth=("reader", "pw2")).status_code == 403
        assert client.get("/_standin", auth=("elastic", "pw")).status_code == 400


def test_tls(tmp_path: Path) -> None:
    with running("--tls", "--tls-dir", str(tmp_path), "--tls-name", "standin.example") as (url, _):
        assert url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        ok(httpx.get(url, verify=trusting))
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)


def test_client_certificates(tmp_path: Path) -> None:
    with running("--tls", "--tls-dir", str(tmp_path), "--tls-client-auth") as (url, _):
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        with pytest.raises(httpx.TransportError):
            httpx.get(url, verify=trusting)
        trusting.load_cert_chain(tmp_path / "client.crt", tmp_path / "client.key")
        ok(httpx.get(url, verify=trusting))


@pytest.mark.parametrize("options", [("--version", "new"), ("--tls",), ("--port", "x"), ("--license", "gold?")])
def test_options_that_make_no_sense(options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
    assert "usage: python -m tests.standin" in capsys.readouterr().err


def test_a_waiting_request_does_not_hold_up_the_end() -> None:
    with running("--deployment-seconds", "600", "--control") as (url, process), httpx.Client(base_url=url) as client:
        settings = {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 1}
        body = {"service": "elasticsearch", "service_settings": settings}
        with pytest.raises(httpx.ReadTimeout):
            client.put("/_inference/sparse_embedding/one", json=body, timeout=0.3)
        assert ok(client.get("/_standin"))["deployments"] == ["one"]
        assert process.poll() is None
