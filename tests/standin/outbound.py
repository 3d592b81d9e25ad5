"""The one place where the stand-in calls out: a POST to a provider on this machine, bounded by the stand-in's clock.

What is called and what a reply means is decided in `provider_calls.py` and `provider_replies.py`.
"""

from __future__ import annotations

import asyncio
import ssl

import httpx

from tests.standin.clock import Clock
from tests.standin.messages import NoReply, ProviderCall, ProviderReply

_LONGEST_SECONDS = 120.0  # of the machine's time, whatever the stand-in's clock says
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # only plain HTTP is called; reading authorities for it takes longer


async def send(call: ProviderCall, deadline: float, clock: Clock) -> ProviderReply | NoReply:
    """Make the call; whatever goes wrong with it is a value. Proxies of the environment are left alone."""
    exchange = asyncio.ensure_future(_exchange(call))
    timer = asyncio.ensure_future(clock.sleep(deadline - clock.now()))
    try:
        await asyncio.wait({exchange, timer}, return_when=asyncio.FIRST_COMPLETED)
        return exchange.result() if exchange.done() else NoReply("slow")
    finally:
        exchange.cancel()
        timer.cancel()


async def _exchange(call: ProviderCall) -> ProviderReply | NoReply:
    try:
        async with (
            httpx.AsyncClient(trust_env=False, verify=_TRUSTS_NOBODY, timeout=_LONGEST_SECONDS) as client,
            client.stream("POST", call.url, headers=list(call.headers), content=call.body) as response,
        ):
            return await _read(response)
    except httpx.TimeoutException:
        return NoReply("slow")
    except httpx.ConnectError:
        return NoReply("refused")
    except (httpx.HTTPError, httpx.InvalidURL):
        return NoReply("cut")


async def _read(response: httpx.Response) -> ProviderReply:
    """All of the body that comes, which may be less than was announced."""
    body = b""
    try:
        async for part in response.aiter_bytes():
            body += part
    except httpx.HTTPError:
        return ProviderReply(response.status_code, body, complete=False)
    return ProviderReply(response.status_code, body)
