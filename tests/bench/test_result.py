"""The arithmetic of the measurements: medians, percentiles, slopes, and counts from logs."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench.counts import AuditTail
from tests.bench.phases import percentile
from tests.bench.result import goals, summarize, table
from tests.bench.slope import trend
from tests.bench.soak import gauges
from tests.bench.user import BenchError

if TYPE_CHECKING:
    from pathlib import Path

PROMISED = {
    "create": {
        "seconds",
        "floor_seconds",
        "ratio_to_floor",
        "kubernetes_writes_per_object",
        "elasticsearch_writes_per_object",
        "p95_ms",
    },
    "idle": {"kubernetes_writes", "elasticsearch_writes", "elasticsearch_reads_per_interval"},
    "restart": {"kubernetes_writes", "elasticsearch_writes", "seconds_to_ready"},
    "update": {"seconds"},
    "rotate": {"seconds", "elasticsearch_writes_per_object"},
    "delete": {"seconds"},
}


def repetition(scale: float) -> dict[str, Any]:
    found: dict[str, Any] = {phase: dict.fromkeys(keys, scale) for phase, keys in PROMISED.items()}
    edits = {"edit": {"put_p95_ms": 100 * scale}, "edit_while_resync": {"put_p95_ms": 100 * scale}}
    return found | edits | {"drift": {"seconds": scale}, "rss_mb": 80 * scale, "cpu_seconds": scale}


def test_the_result_is_the_median_with_the_spread_beside_it() -> None:
    result = summarize(100, [repetition(3.0), repetition(1.0), repetition(2.0)])
    assert (result["n"], result["rss_mb"], result["spread"]["rss_mb"]) == (100, 160.0, [80.0, 240.0])
    for phase, keys in PROMISED.items():
        for key in keys:
            assert (result[phase][key], result["spread"][phase][key]) == (2.0, [1.0, 3.0])


def test_a_request_that_came_in_one_repetition_only_counts_as_none_in_the_others() -> None:
    plain = dict.fromkeys(PROMISED["create"], 1.0)
    runs: list[dict[str, Any]] = [
        {"create": plain | {"requests_per_object": {"GET /": 1.0}}},
        {"create": plain | {"requests_per_object": {}}},
    ]
    result = summarize(1, [repetition(1.0) | one for one in runs])
    assert result["create"]["requests_per_object"] == {"GET /": 0.5}
    assert result["spread"]["create"]["requests_per_object"] == {"GET /": [0, 1.0]}


def test_the_table_shows_every_phase() -> None:
    text = table(summarize(100, [repetition(1.0)]), "load 1.0")
    assert all(phase in text for phase in (*PROMISED, "drift", "edit", "edit_while_resync"))
    assert "missed" in text
    assert "peak rss 80 MB" in text


GOALS: tuple[Any, ...] = (
    pytest.param(1000, {}, set(), id="all"),
    pytest.param(1000, {"create": {"ratio_to_floor": 1.31}}, {"create.ratio_to_floor"}, id="a ratio above its bound"),
    pytest.param(1000, {"idle": {"kubernetes_writes": 1}}, {"idle.kubernetes_writes"}, id="a write of an idle operator"),
    pytest.param(1000, {"edit": {"put_p95_ms": 151}}, {"edit.put_p95_ms"}, id="a slow edit"),
    pytest.param(1000, {"rss_mb": 131}, {"rss_mb"}, id="memory at a thousand"),
    pytest.param(10_000, {"rss_mb": 131}, set(), id="the same memory at ten thousand"),
    pytest.param(10_000, {"rss_mb": 301}, {"rss_mb"}, id="memory at ten thousand"),
)
GOOD = {
    "create": {"ratio_to_floor": 1.3, "kubernetes_writes_per_object": 2, "elasticsearch_writes_per_object": 1},
    "rotate": {"elasticsearch_writes_per_object": 1},
    "idle": {"kubernetes_writes": 0, "elasticsearch_writes": 0, "elasticsearch_reads_per_interval": 5},
    "restart": {"kubernetes_writes": 0, "elasticsearch_writes": 0},
    "edit": {"put_p95_ms": 150},
    "edit_while_resync": {"put_p95_ms": 150},
    "rss_mb": 130,
}


@pytest.mark.parametrize(("n", "change", "missed"), GOALS)
def test_goals_are_met_or_missed(n: int, change: dict[str, Any], missed: set[str]) -> None:
    result: dict[str, Any] = {"n": n, **GOOD}
    for name, value in change.items():
        result[name] = result[name] | value if isinstance(value, dict) else value
    assert {name for name, goal in goals(result).items() if not goal["met"]} == missed


@pytest.mark.parametrize(("share", "value"), [(0.5, 5), (0.95, 10), (0.0, 1), (1.0, 10)])
def test_percentiles(share: float, value: int) -> None:
    assert percentile(range(1, 11), share) == value


def test_a_leak_is_told_from_a_warm_up() -> None:
    moments = [5.0 * number for number in range(60)]
    warming = [min(80.0, 50 + 3 * number) for number in range(60)]
    leaking = [80 + 0.5 * number for number in range(60)]
    assert not trend(moments, warming, 3.0).growing
    assert trend(moments, leaking, 3.0).growing
    assert trend(moments, leaking, 3.0).per_hour == pytest.approx(360)
    assert not trend(moments, [11.0 + number % 3 for number in range(60)], 4.0).growing


def test_too_few_samples_are_no_proof() -> None:
    with pytest.raises(ValueError, match="too few to tell"):
        trend([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], 1.0)


def entry(user: str, verb: str, stage: str = "ResponseComplete", subresource: str | None = None) -> str:
    about = {"resource": "inferenceendpoints", "subresource": subresource}
    return json.dumps({"user": {"username": user}, "verb": verb, "stage": stage, "objectRef": about}) + "\n"


def test_the_audit_log_is_read_on_over_a_rotation(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    log.write_text(entry("it", "patch") + entry("other", "patch") + entry("it", "patch", subresource="status")[:20])
    with closing(AuditTail(log, "it")) as tail:
        assert tail.read() == {"patch inferenceendpoints": 1}
        with log.open("a") as file:
            file.write(entry("it", "patch", subresource="status")[20:] + entry("it", "watch", "ResponseStarted"))
        log.rename(tmp_path / "audit-2026.jsonl")
        log.write_text(entry("it", "watch") + entry("it", "get"))
        assert tail.read() == {"patch inferenceendpoints/status": 1, "watch inferenceendpoints": 1, "get inferenceendpoints": 1}
        assert not tail.read()


def test_the_queue_is_read_from_the_operators_metrics() -> None:
    page = "".join(
        f"inference_operator_queue_{name} {value}.0\n" for name, value in {"depth": 3, "working": 8, "failing": 0}.items()
    )
    assert gauges(page) == {"due": 3.0, "working": 8.0, "failing": 0.0}
    with pytest.raises(BenchError, match="due, working"):
        gauges("inference_operator_queue_failing 1.0\n")
