"""Once a client is closed none of its connections is left, whatever the API server does or leaves undone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
import threading
import warnings
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import pytest
import uvloop
from kubernetes.aio.client import Configuration

from inference_operator.kubernetes.client import KubernetesClient, Request
from inference_operator.kubernetes.credentials import Credentials
from inference_operator.kubernetes.values import KubernetesFailure
from inference_operator.shell.clock import SystemClock
from tests.standin import create_tls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.standin.tls import TlsFiles

_BEGUN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n2\r\n{}\r\n"
_SECONDS = 10.0


class Rude:
    """A TLS server that begins an answer, or does not even that, and then neither says goodbye nor hears one."""

    def __init__(self, tls: TlsFiles, begun: bytes) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(tls.certificate, tls.key)
        self._begun = begun
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"https://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(_SECONDS)
        for each in self._held:
            each.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the end of the test
            while True:
                plain, _ = self._listening.accept()
                secure = self._context.wrap_socket(plain, server_side=True)
                self._held.append(secure)
                secure.recv(65536)
                secure.sendall(self._begun)


async def a_watch_that_ends(client: KubernetesClient) -> None:
    async with asyncio.timeout(_SECONDS), client.stream(Request("/watched"), quiet=_SECONDS) as response:
        await response.content.readany()


async def a_watch_that_is_cancelled(client: KubernetesClient) -> None:
    begun = asyncio.Event()

    async def watch() -> None:
        async with client.stream(Request("/watched"), quiet=_SECONDS) as response:
            async for _ in response.content.iter_any():
                begun.set()

    task = asyncio.create_task(watch())
    async with asyncio.timeout(_SECONDS):
        await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def a_request_without_an_answer(client: KubernetesClient) -> None:
    assert isinstance(await client.ask("get it", Request("/asked")), KubernetesFailure)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return create_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def left() -> Iterator[list[str]]:
    """What the garbage collector finds unclosed from now on."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        found: list[str] = []
        yield found
        gc.collect()
        found.extend(str(each.message) for each in caught)
    assert found == []


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("begun", "use"),
    [
        (_BEGUN, a_watch_that_ends),
        (_BEGUN, a_watch_that_is_cancelled),
        (b"", a_request_without_an_answer),
    ],
    ids=["a watch that ends", "a watch that is cancelled", "a request without an answer"],
)
def test_nothing_is_left(
    left: list[str],
    tls: TlsFiles,
    begun: bytes,
    use: Callable[[KubernetesClient], Awaitable[None]],
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    configuration: Any = Configuration()
    configuration.ssl_ca_cert = str(tls.ca)

    async def life(url: str) -> None:
        configuration.host = url
        client = KubernetesClient(Credentials(configuration, None, SystemClock()), aiohttp.ClientTimeout(total=0.3))
        await use(client)
        await client.close()

    with Rude(tls, begun) as server, asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(life(server.url))
