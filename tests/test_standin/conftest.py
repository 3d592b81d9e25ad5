"""A stand-in per test, reached in-process, with time that only the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.standin import ManualClock, StandIn, StandInTransport


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def standin(clock: ManualClock) -> StandIn:
    return StandIn(clock=clock)


@pytest.fixture
async def http(standin: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=StandInTransport(standin), base_url="http://standin", timeout=86400) as client:
        yield client
