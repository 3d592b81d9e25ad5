"""The client on real sockets: broken connections, half answers, TLS, proxies and what the environment may say."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from inference_operator.core.failure import Failure, TransportFailure, TransportKind
from inference_operator.elasticsearch import requests
from inference_operator.elasticsearch.answers import Response
from inference_operator.elasticsearch.client import ElasticsearchClient
from inference_operator.elasticsearch.connection import Bearer, ClientCertificate, Connection
from inference_operator.elasticsearch.limits import Limits
from inference_operator.shell.clock import SystemClock
from tests.elasticsearch.certificates import Authority, Pair
from tests.elasticsearch.raw_server import Handler, hangs, message, sends, serve
from tests.virtual_clock import VirtualClock

AUTHORITY = Authority("the cluster's authority")
STRANGER = Authority("somebody else's authority")
SERVER = AUTHORITY.sign("es.example")
CLIENT = AUTHORITY.sign("operator")
LIMITS = Limits()
INFO = message({"version": {"number": "9.2.0"}})


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the machine must not decide what is tested here."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def ask(connection: Connection, extra_ca_file: Path | None = None) -> Response | Failure:
    client = ElasticsearchClient(connection, SystemClock(), LIMITS, extra_ca_file=extra_ca_file)
    try:
        return await client.send(requests.root())
    finally:
        await client.aclose()


async def lost(connection: Connection) -> TransportFailure:
    failure = await ask(connection)
    assert isinstance(failure, TransportFailure)
    return failure


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failure = await lost(Connection(f"http://127.0.0.1:{port}"))
    assert (failure.kind, failure.detail) == (TransportKind.CONNECT, "Connection refused")


async def test_no_such_host() -> None:
    failure = await lost(Connection("http://nowhere.invalid:9200"))
    assert failure.kind is TransportKind.CONNECT
    assert failure.detail


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        pytest.param(sends(b""), TransportKind.RESET, id="closed without an answer"),
        pytest.param(sends(message({"a": "b"}, length=500)), TransportKind.RESET, id="half a body"),
        pytest.param(sends(b"HTTP/1.1 200 OK\r\nContent-Le"), TransportKind.RESET, id="half a head"),
        pytest.param(sends(b"220 mail.example ESMTP\r\n"), TransportKind.RESET, id="another protocol"),
        pytest.param(sends(message({}, length=1)), TransportKind.GARBLED, id="a length that is too short"),
    ],
)
async def test_broken_answers(handler: Handler, kind: TransportKind) -> None:
    async with serve(handler) as server:
        failure = await lost(Connection(f"http://127.0.0.1:{server.port}"))
    assert (failure.kind, failure.sent) == (kind, True)
    assert len(server.heads) == 1


async def test_a_server_that_hangs() -> None:
    clock = VirtualClock()
    async with serve(hangs) as server:
        client = ElasticsearchClient(Connection(f"http://127.0.0.1:{server.port}"), clock, LIMITS)
        waiting = asyncio.create_task(client.send(requests.root()))
        await asyncio.wait_for(server.asked.wait(), 30)
        await clock.advance(60)
        failure = await asyncio.wait_for(waiting, 30)
        await client.aclose()
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.TIMEOUT


def server_context(pair: Pair, directory: Path, clients: Authority | None = None) -> ssl.SSLContext:
    chain = directory / "server.pem"
    chain.write_text(pair.cert + pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.pem)
    return context


async def test_an_own_authority_is_trusted(tmp_path: Path) -> None:
    async with serve(sends(INFO), server_context(SERVER, tmp_path)) as server:
        url = f"https://127.0.0.1:{server.port}"
        assert isinstance(await ask(Connection(url, ca_pem=AUTHORITY.pem)), Response)
        assert isinstance(await ask(Connection(url, ca_pem=STRANGER.pem + AUTHORITY.pem)), Response)


@pytest.mark.parametrize("ca", [None, STRANGER.pem], ids=["the system's store", "another authority"])
async def test_a_stranger_is_not_trusted_unless_told_so(ca: str | None, tmp_path: Path) -> None:
    async with serve(sends(INFO), server_context(SERVER, tmp_path)) as server:
        url = f"https://127.0.0.1:{server.port}"
        failure = await lost(Connection(url, Bearer("c4n4ry"), ca_pem=ca))
        assert (failure.kind, failure.sent) == (TransportKind.TLS, False)
        assert "certificate" in failure.detail
        assert server.heads == []  # credentials never left
        assert isinstance(await ask(Connection(url, ca_pem=ca, verify=False)), Response)


async def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    async with serve(sends(INFO), server_context(SERVER, tmp_path)) as server:
        failure = await lost(Connection(f"https://localhost:{server.port}", ca_pem=AUTHORITY.pem))
    assert failure.kind is TransportKind.TLS
    assert "localhost" in failure.detail


async def test_a_server_that_speaks_no_tls_is_named() -> None:
    async def blurt(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(blurt, "127.0.0.1", 0)
    async with server:
        failure = await lost(Connection(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    assert (failure.kind, failure.sent) == (TransportKind.TLS, False)
    assert "handshake" in failure.detail


async def test_a_server_that_never_finishes_the_handshake_is_not_blamed_for_its_certificate() -> None:
    async with serve(hangs) as server:
        hasty = ElasticsearchClient(Connection(f"https://127.0.0.1:{server.port}"), SystemClock(), Limits(connect_timeout=0.2))
        failure = await hasty.send(requests.root())
        await hasty.aclose()
    assert isinstance(failure, TransportFailure)
    assert (failure.kind, failure.detail) == (TransportKind.CONNECT, "no connection in time")


async def test_client_certificates(tmp_path: Path) -> None:
    async with serve(sends(INFO), server_context(SERVER, tmp_path, clients=AUTHORITY)) as server:
        url = f"https://127.0.0.1:{server.port}"
        own = ClientCertificate(CLIENT.cert, CLIENT.key)
        assert isinstance(await ask(Connection(url, ca_pem=AUTHORITY.pem, client_certificate=own)), Response)
        without = await lost(Connection(url, ca_pem=AUTHORITY.pem))
    assert without.kind in (TransportKind.TLS, TransportKind.RESET)


async def test_proxies_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(sends(INFO)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert isinstance(await ask(Connection("http://es.example:9200")), Response)
        assert proxy.heads[0].startswith("GET http://es.example:9200/ HTTP/1.1")


@pytest.mark.parametrize("proxy", ["gopher://u:c4n4ry@proxy:1", "http://u:c4n4ry@proxy:port", "socks5://u:c4n4ry@proxy:1"])
async def test_a_proxy_that_can_not_be_used_is_a_failure_not_an_exception(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    failure = await lost(Connection("http://es.example:9200"))
    assert (failure.kind, failure.sent) == (TransportKind.CONNECT, False)
    assert "HTTP_PROXY" in failure.detail
    assert "c4n4ry" not in failure.detail


async def test_hosts_without_proxy_are_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(sends(INFO)) as server, serve(sends(INFO)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert isinstance(await ask(Connection(f"http://127.0.0.1:{server.port}")), Response)
        assert (len(server.heads), proxy.heads) == (1, [])


async def test_credentials_of_a_netrc_are_never_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password c4n4ry\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with serve(sends(INFO)) as server:
        assert isinstance(await ask(Connection(f"http://127.0.0.1:{server.port}")), Response)
    assert "authorization" not in server.heads[0].lower()


async def test_further_authorities_are_trusted_where_a_connection_has_none_of_its_own(tmp_path: Path) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text(AUTHORITY.pem)
    async with serve(sends(INFO), server_context(SERVER, tmp_path)) as server:
        url = f"https://127.0.0.1:{server.port}"
        assert isinstance(await ask(Connection(url), extra_ca_file=roots), Response)
        stranger = await ask(Connection(url, ca_pem=STRANGER.pem), extra_ca_file=roots)
        assert isinstance(stranger, TransportFailure), "a connection's own authority is the only one"
        roots.write_text("no certificate")
        broken = await ask(Connection(url), extra_ca_file=roots)
        assert isinstance(broken, TransportFailure)
        assert "--extra-ca-file is not a PEM file that OpenSSL can read" in broken.detail
