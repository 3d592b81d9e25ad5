"""When the stand-in ends, its connections end, whatever the clients at their other ends do."""

from __future__ import annotations

import gc
import socket
import ssl
import warnings
from pathlib import Path

import httpx

from tests.standin import StandIn, create_tls, serve_in_thread


def test_a_client_that_does_not_say_goodbye_keeps_no_connection_open(tmp_path: Path) -> None:
    tls = create_tls(tmp_path)
    trusting = ssl.create_default_context(cafile=str(tls.ca))
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        with serve_in_thread(StandIn(), tls=tls) as url:
            where = httpx.URL(url)
            plain = socket.create_connection((where.host, where.port or 0), timeout=10)
            client = trusting.wrap_socket(plain, server_hostname=where.host)
        gc.collect()
        assert [str(each.message) for each in caught] == []
    client.close()
