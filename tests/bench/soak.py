"""Random work at a steady rate for a long time: does what the operator holds stay flat?

Decides what is done and what is sampled: memory, file descriptors and threads from /proc; from the operator's own metrics
objects that are due, in work or failing, each of which is a task or waits for one. Pools of threads fill before the first sample.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from inference_operator.shell.metrics.definitions import PREFIX
from tests.bench.slope import Trend, trend
from tests.bench.stage import stage
from tests.bench.user import BenchError, is_ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.process import Measured
    from tests.bench.stage import Stage

RATE = 5.0
"""Changes in a second."""
POPULATION = 100
SAMPLE_SECONDS = 5.0
RESYNC = "20s"
_CONVERGE_SECONDS = 120.0
_NOISE = {"rss_mb": 3.0, "descriptors": 4.0, "threads": 2.0, "due": 30.0, "working": 5.0, "failing": 5.0}
"""Pools of threads fill before anything is sampled, and never shrink. A rotation makes all objects due, at random times."""
_GAUGES = {"due": "queue_depth", "working": "queue_working", "failing": "queue_failing"}
_PORT = re.compile(r'^(?=.*"metrics listen").*"port": (\d+)', re.MULTILINE)
WARM_UP_SECONDS = 60.0
_KINDS = ("edit", "delete", "drift", "rotate")
_WEIGHTS = (70, 20, 9, 1)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the operator holds at a moment."""

    rss_mb: float
    descriptors: int
    threads: int
    due: float
    working: float
    failing: float


@dataclass(slots=True)
class Soak:
    """The work on one set of objects; the same seed does the same."""

    stage: Stage
    dice: random.Random
    live: list[str] = field(default_factory=list)
    made: int = 0
    done: dict[str, int] = field(default_factory=dict)

    async def step(self) -> None:
        """One change."""
        kind = "create" if len(self.live) < POPULATION else self.dice.choices(_KINDS, _WEIGHTS)[0]
        self.done[kind] = self.done.get(kind, 0) + 1
        user = self.stage.user
        match kind:
            case "create":
                self.made += 1
                self.live.append(f"bench-{self.made:06}")
                await user.put(self.live[-1])
            case "edit":
                await user.change(self.dice.choice(self.live), self.dice.randint(1, 10_000))
            case "delete":
                await user.remove(self.live.pop(self.dice.randrange(len(self.live))))
            case "drift":
                # Perhaps it is not there yet, or just being replaced: somebody else's luck.
                path = f"/_inference/text_embedding/{self.dice.choice(self.live)}/_update"
                body = {"service_settings": {"rate_limit": {"requests_per_minute": 1}}}
                await self.stage.elasticsearch.put(path, json=body)
            case _:
                await user.store_secret(f"canary-{self.done[kind]}")

    async def converged(self) -> None:
        """Wait until all is as it should be. Raises BenchError."""
        try:
            async with asyncio.timeout(_CONVERGE_SECONDS):
                while not await self._is_right():  # noqa: ASYNC110 - other processes
                    await asyncio.sleep(0.5)
        except TimeoutError:
            late = [name for name in self.live if not is_ready(self.stage.user.objects.get(name))]
            raise BenchError(f"after the soak, {len(late)} of {len(self.live)} objects are not ready: {late[:5]}") from None

    async def _is_right(self) -> bool:
        summary = (await self.stage.elasticsearch.get("/_standin/")).raise_for_status().json()
        there = {name for name in summary["endpoints"] if name.startswith("bench-")}
        objects = self.stage.user.objects
        return there == set(self.live) == set(objects) and all(is_ready(body) for body in objects.values())


async def soak(minutes: float, seed: int, tell: Callable[[str], None]) -> tuple[dict[str, Any], str]:
    """Work for so long. Returns the result for the file and a table for people. Raises BenchError."""
    async with stage() as here:
        work = Soak(here, random.Random(seed))  # noqa: S311 - not for secrets
        await here.user.store_secret("canary-first")
        process = await here.operator(resync=RESYNC, requests_per_second="200")
        try:
            tell(f"working for {WARM_UP_SECONDS:.0f} s before the first sample")
            await _work(work, process, WARM_UP_SECONDS, tell)
            samples = await _work(work, process, minutes * 60, tell)
            await work.converged()
        finally:
            process.stop()
    return _judged(samples, work.done)


async def _sample(process: Measured) -> Sample:
    usage, port = process.usage, _PORT.search(process.log)
    assert port is not None, "the operator does not say where its metrics are"
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"http://127.0.0.1:{port[1]}/metrics")).raise_for_status().text
    return Sample(usage.rss_mb, usage.descriptors, usage.threads, **gauges(text))


def gauges(text: str) -> dict[str, float]:
    """Those of the queue, from a page of metrics. Raises BenchError where one is missing."""
    found = {name: re.search(rf"^{PREFIX}{gauge} (\S+)$", text, re.MULTILINE) for name, gauge in _GAUGES.items()}
    missing = [name for name, value in found.items() if value is None]
    if missing:
        raise BenchError(f"the metrics do not tell: {', '.join(missing)}")
    return {name: float(value[1]) for name, value in found.items() if value is not None}


async def _work(work: Soak, process: Measured, seconds: float, tell: Callable[[str], None]) -> list[tuple[float, Sample]]:
    samples: list[tuple[float, Sample]] = []
    begun = time.monotonic()
    turn = 0
    while (now := time.monotonic() - begun) < seconds:
        if now >= len(samples) * SAMPLE_SECONDS:
            samples.append((now, sample := await _sample(process)))
            if len(samples) % 12 == 1:
                tell(f"{now / 60:.0f} min, {turn} changes, {sample.rss_mb:.0f} MB, {sample.descriptors} descriptors")
        await work.step()
        turn += 1
        await asyncio.sleep(max(0.0, begun + turn / RATE - time.monotonic()))
    return samples


def _judged(samples: list[tuple[float, Sample]], done: dict[str, int]) -> tuple[dict[str, Any], str]:
    seconds = [moment for moment, _ in samples]
    trends = {name: trend(seconds, [getattr(sample, name) for _, sample in samples], noise) for name, noise in _NOISE.items()}
    growing = [name for name, found in trends.items() if found.growing]
    lines = [f"{seconds[-1] / 60:.1f} min, {len(samples)} samples, changes: {done}", _HEAD]
    lines += [_line(name, found) for name, found in trends.items()]
    result = {
        "minutes": round(seconds[-1] / 60, 2),
        "changes": done,
        "growing": growing,
        "trends": {name: {key: round(value, 3) for key, value in asdict(found).items()} for name, found in trends.items()},
        "samples": [{"seconds": round(moment, 1)} | asdict(sample) for moment, sample in samples],
    }
    return result, "\n".join([*lines, f"growing: {', '.join(growing)}" if growing else "flat"]) + "\n"


_HEAD = f"{'figure':<14}{'mean':>10}{'rise':>10}{'allowed':>10}{'per hour':>10}"


def _line(name: str, found: Trend) -> str:
    return f"{name:<14}{found.mean:>10.1f}{found.rise:>10.2f}{found.allowed:>10.2f}{found.per_hour:>10.2f}"
