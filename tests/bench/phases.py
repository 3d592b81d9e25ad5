"""One repetition of the measurement: what is done to the objects, in which order, and what each step cost."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.bench.counts import Requests
    from tests.bench.process import Measured
    from tests.bench.stage import Stage
    from tests.bench.user import Span

Figures = dict[str, Any]
"""Plain numbers, or one more level of them."""

INTERVALS = 3
_SHORTEST_RESYNC = 10.0
_RESYNC_SECONDS_EACH = 0.006
"""An interval has this for each object; in half of it all are compared."""
_DRIFTED = 0.1
_EDITS = 30
_LOOK_SECONDS_EACH = 0.0002
"""The stand-in's summary names every object: it is not to be busy with it."""
_ROUND = "GET /_inference/_all"
_ROUND_SHARE = 0.4
"""Of an interval: while all are compared, which takes half of an interval that is up to a tenth shorter."""


@dataclass(slots=True)
class Repetition:
    """The steps, for the operator or for the floor; both are `Measured`."""

    stage: Stage
    n: int
    tell: Callable[[str], None] = lambda _: None
    """Hears of every step when it is done, so that a long run shows where it is."""

    @property
    def names(self) -> list[str]:
        return [f"bench-{number:05}" for number in range(self.n)]

    @property
    def resync(self) -> float:
        """The short interval in seconds, for everything after the restart."""
        return max(_SHORTEST_RESYNC, self.n * _RESYNC_SECONDS_EACH)

    async def run(self) -> Figures:
        """All figures of one repetition."""
        found = await self._operator()
        for name, floor in (await self._floor()).items():
            found[name]["floor_seconds"] = floor["seconds"]
            found[name]["floor_p95_ms"] = floor["p95_ms"]
            found[name]["floor_cpu_seconds"] = floor["cpu_seconds"]
            found[name]["floor_requests_per_object"] = floor["requests_per_object"]
            found[name]["ratio_to_floor"] = found[name]["seconds"] / floor["seconds"]
            # Says more than seconds where others use the machine, too. Below a tick of the kernel there is nothing to divide by.
            found[name]["cpu_ratio_to_floor"] = found[name]["cpu_seconds"] / max(0.01, floor["cpu_seconds"])
        return found

    async def warm_up(self) -> None:
        """Make and delete objects by the floor, unmeasured: the first requests to an API server that just started take longer."""
        process = await self._start_floor()
        try:
            await process.alongside(self.stage.user.create(self.names))
            await process.alongside(self.stage.user.delete(self.names))
        finally:
            process.stop()

    async def _operator(self) -> Figures:
        user = self.stage.user
        await user.store_secret("canary-first")
        process = await self.stage.operator(resync="10m")
        try:
            found = await self._changes(process)
            begun_cpu = process.usage
        finally:
            process.stop()
        process, found["restart"] = await self._restart()
        try:
            found["idle"] = await self._idle(process)
            found["edit"] = await self._edits_at_rest(process)
            found["edit_while_resync"] = await self._edits_while_resync(process)
            found["drift"] = await self._drift(process)
            found["delete"] = await self._phase("delete", process, lambda: user.delete(self.names))
            found["rss_mb"] = max(process.usage.peak_rss_mb, begun_cpu.peak_rss_mb)
            found["cpu_seconds"] = begun_cpu.cpu_seconds + process.usage.cpu_seconds
        finally:
            process.stop()
        return found

    async def _floor(self) -> Figures:
        self.tell("  the floor:")
        process = await self._start_floor()
        try:
            found = await self._changes(process)
            found["delete"] = await self._phase("delete", process, lambda: self.stage.user.delete(self.names))
        finally:
            process.stop()
        return found

    async def _start_floor(self) -> Measured:
        await self.stage.user.store_secret("canary-first")
        return await self.stage.floor()

    async def _changes(self, process: Measured) -> Figures:
        """What operator and floor both do."""
        user = self.stage.user
        return {
            "create": await self._phase("create", process, lambda: user.create(self.names)),
            "update": await self._phase("update", process, lambda: user.edit(self.names, 77)),
            "rotate": await self._phase("rotate", process, lambda: user.rotate(self.names, "canary-rotated")),
        }

    async def _phase(self, name: str, process: Measured, work: Callable[[], Awaitable[Span]]) -> Figures:
        await process.rest()
        await self.stage.ledger.begin()
        before = process.usage
        span = await process.alongside(work())
        await process.rest()
        after, requests = process.usage, await self.stage.ledger.end()
        self.tell(f"  {name}: {span.seconds:.1f} s, {after.cpu_seconds - before.cpu_seconds:.1f} s of processor time")
        return {
            "seconds": span.seconds,
            "cpu_seconds": after.cpu_seconds - before.cpu_seconds,
            "rss_mb": after.rss_mb,
            "p50_ms": percentile(span.latencies, 0.50) * 1000,
            "p95_ms": percentile(span.latencies, 0.95) * 1000,
            **self._per_object(requests),
        }

    def _per_object(self, requests: Requests) -> Figures:
        return {
            "kubernetes_writes_per_object": requests.kubernetes_writes / self.n,
            "elasticsearch_writes_per_object": requests.elasticsearch_writes / self.n,
            "elasticsearch_reads_per_object": requests.elasticsearch_reads / self.n,
            "requests_per_object": requests.per_object(self.n),
        }

    async def _restart(self) -> tuple[Measured, Figures]:
        """With everything unchanged, and a short interval from here on."""
        await self.stage.ledger.begin()
        begun = time.monotonic()
        process = await self.stage.operator(resync=f"{self.resync:.0f}s")
        ready = time.monotonic() - begun
        await process.rest()
        requests = await self.stage.ledger.end()
        return process, {
            "kubernetes_writes": requests.kubernetes_writes,
            "elasticsearch_writes": requests.elasticsearch_writes,
            "elasticsearch_reads": requests.elasticsearch_reads,
            "seconds_to_ready": ready,
            "seconds_to_rest": time.monotonic() - begun,
            "cpu_seconds": process.usage.cpu_seconds,
        }

    async def _idle(self, process: Measured) -> Figures:
        await process.rest()
        await self.stage.ledger.begin()
        before = process.usage
        await asyncio.sleep(INTERVALS * self.resync)  # an interval can't be waited for in any other way
        after, requests = process.usage, await self.stage.ledger.end()
        rounds = requests.elasticsearch[_ROUND]
        return {
            "kubernetes_writes": requests.kubernetes_writes,
            "elasticsearch_writes": requests.elasticsearch_writes,
            "elasticsearch_reads_per_interval": requests.elasticsearch_reads / max(1, rounds),
            "rounds": rounds,
            "cpu_seconds_per_interval": (after.cpu_seconds - before.cpu_seconds) / max(1, rounds),
            "rss_mb": after.rss_mb,
        }

    async def _edits_at_rest(self, process: Measured) -> Figures:
        """One object after the other, while nothing else is to be done."""
        await process.rest()
        return await self._edits(200, math.inf)

    async def _edits_while_resync(self, process: Measured) -> Figures:
        """The same, while all objects are compared: begun with a round, ended before it."""
        await self.stage.ledger.begin()
        async with asyncio.timeout(3 * self.resync + 60):
            while not any(request == _ROUND for request, _ in await self.stage.ledger.arrivals()):
                process.check()
                await asyncio.sleep(0.1)
        return await self._edits(300, time.monotonic() + _ROUND_SHARE * self.resync)

    async def _edits(self, limit: int, until: float) -> Figures:
        """From an edit to its PUT, when Elasticsearch has it, and to its status."""
        await self.stage.ledger.begin()
        spans: list[Span] = []
        for number, name in enumerate(self.names[:_EDITS]):
            if spans and time.monotonic() > until:
                break
            spans.append(await self.stage.user.edit([name], limit + number))
        sent = {name: moment for span in spans for name, moment in span.sent.items()}
        arrived = dict(await self.stage.ledger.arrivals())
        puts = sorted(arrived[f"PUT /_inference/text_embedding/{name}/_update"] - moment for name, moment in sent.items())
        statuses = sorted(latency for span in spans for latency in span.latencies)
        return {
            "edits": len(spans),
            "put_p50_ms": percentile(puts, 0.50) * 1000,
            "put_p95_ms": percentile(puts, 0.95) * 1000,
            "p50_ms": percentile(statuses, 0.50) * 1000,
            "p95_ms": percentile(statuses, 0.95) * 1000,
        }

    async def _drift(self, process: Measured) -> Figures:
        """Somebody changes a tenth behind our back; seen with the next interval."""
        drifted = self.names[: max(1, int(self.n * _DRIFTED))]
        await process.rest()
        for name in drifted:
            await self._set_limit(name, 5)
        await self.stage.ledger.begin()
        begun = time.monotonic()
        await process.alongside(self._until_corrected(drifted))
        requests = await self.stage.ledger.end()
        return {
            "objects": len(drifted),
            "seconds": time.monotonic() - begun,
            "kubernetes_writes": requests.kubernetes_writes,
            "elasticsearch_writes": requests.elasticsearch_writes,
        }

    async def _set_limit(self, name: str, limit: int) -> None:
        body = {"service_settings": {"rate_limit": {"requests_per_minute": limit}}}
        answer = await self.stage.elasticsearch.put(f"/_inference/text_embedding/{name}/_update", json=body)
        answer.raise_for_status()

    async def _until_corrected(self, names: Sequence[str]) -> None:
        """Asked of the stand-in's summary, which its log leaves out, so that asking does not count."""
        async with asyncio.timeout(600):
            while (await self._writes()) < len(names):  # noqa: ASYNC110 - another process
                await asyncio.sleep(max(0.2, self.n * _LOOK_SECONDS_EACH))

    async def _writes(self) -> int:
        return int((await self.stage.elasticsearch.get("/_standin/")).raise_for_status().json()["writes"])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so many are not above. `values` are sorted and not empty."""
    return values[max(0, math.ceil(len(values) * share) - 1)]
