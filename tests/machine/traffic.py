"""Measures what one cluster is sent, and when: requests by the virtual clock, and how many are under way at once."""

from __future__ import annotations

import bisect

import httpx

from tests.virtual_clock import VirtualClock


class Traffic:
    """Hand `tap` to `World.intercept`."""

    def __init__(self, clock: VirtualClock) -> None:
        self.times: list[float] = []
        """When each request was sent, in seconds of the virtual clock."""
        self.most_under_way = 0
        self.under_way = 0
        self._clock = clock

    def tap(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return _Tap(self, transport)

    def sent(self) -> None:
        self.times.append(self._clock.monotonic())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)

    def answered(self) -> None:
        self.under_way -= 1

    def since(self, moment: float) -> list[float]:
        """When the requests from that moment on were sent."""
        return self.times[bisect.bisect_left(self.times, moment) :]

    def per_second(self, moment: float) -> list[int]:
        """How many were sent in each second from that moment on, up to the last one."""
        counts: list[int] = []
        for time in self.since(moment):
            second = int(time - moment)
            counts += [0] * (second + 1 - len(counts))
            counts[second] += 1
        return counts

    def excess(self, per_second: float, burst: int) -> float:
        """By how many requests the worst stretch of time was over what a token bucket lets through; 0 where none was."""
        worst, level, last = 0.0, 0.0, 0.0
        for time in self.times:
            level = max(0.0, level - (time - last) * per_second) + 1
            last = time
            worst = max(worst, level - burst)
        return max(0.0, worst - 1e-3)


class _Tap(httpx.AsyncBaseTransport):
    def __init__(self, traffic: Traffic, transport: httpx.AsyncBaseTransport) -> None:
        self._traffic = traffic
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._traffic.sent()
        try:
            return await self._transport.handle_async_request(request)
        finally:
            self._traffic.answered()

    async def aclose(self) -> None:
        await self._transport.aclose()
