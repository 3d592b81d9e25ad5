"""From repetitions to one result: medians, spreads, the file and the table. Pure."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Figures = dict[str, Any]

_PHASES = ("create", "update", "rotate", "delete")
_COLUMNS = (
    ("seconds", "seconds", 2),
    ("floor_seconds", "floor", 2),
    ("ratio_to_floor", "ratio", 2),
    ("p50_ms", "p50 ms", 0),
    ("p95_ms", "p95 ms", 0),
    ("kubernetes_writes_per_object", "k8s writes", 2),
    ("elasticsearch_writes_per_object", "es writes", 2),
    ("elasticsearch_reads_per_object", "es reads", 2),
    ("cpu_seconds", "cpu s", 2),
    ("cpu_ratio_to_floor", "cpu ratio", 2),
    ("rss_mb", "rss mb", 0),
)


_GOALS: dict[tuple[str, ...], tuple[str, float]] = {
    ("create", "ratio_to_floor"): ("≤", 1.3),
    ("create", "kubernetes_writes_per_object"): ("=", 2),
    ("create", "elasticsearch_writes_per_object"): ("=", 1),
    ("rotate", "elasticsearch_writes_per_object"): ("=", 1),
    ("idle", "kubernetes_writes"): ("=", 0),
    ("idle", "elasticsearch_writes"): ("=", 0),
    ("idle", "elasticsearch_reads_per_interval"): ("≤", 5),
    ("restart", "kubernetes_writes"): ("=", 0),
    ("restart", "elasticsearch_writes"): ("=", 0),
    ("edit", "put_p95_ms"): ("≤", 150),
    ("edit_while_resync", "put_p95_ms"): ("≤", 150),
}
_SMALL = 1000
_MEMORY = (("≤", 130.0), ("≤", 300.0))
"""Megabytes for up to a thousand objects, and for more."""


def summarize(n: int, repetitions: Sequence[Mapping[str, Any]]) -> Figures:
    """Medians under the names of the repetitions, and `[smallest, largest]` of each under `spread`."""
    spread: Figures = {}
    medians = _medians(repetitions, spread)
    result = {"n": n, "repetitions": len(repetitions), **medians}
    return {**result, "goals": goals(result), "spread": spread}


def _medians(values: Sequence[Mapping[str, Any]], spread: Figures) -> Figures:
    found: Figures = {}
    for name in dict.fromkeys(name for one in values for name in one):
        # A kind of request that did not come in one repetition came zero times.
        column = [one.get(name, 0) for one in values]
        nested = [one if isinstance(one, dict) else {} for one in column]
        if any(nested):
            spread[name] = {}
            found[name] = _medians(nested, spread[name])
        else:
            found[name] = round(statistics.median(column), 3)
            spread[name] = [round(min(column), 3), round(max(column), 3)]
    return found


def table(result: Mapping[str, Any], load: str) -> str:
    """For people. `load` says what else the machine did."""
    head = f"{'phase':<8}" + "".join(f"{title:>14}" for _, title, _ in _COLUMNS)
    lines = [f"{result['n']} objects, median of {result['repetitions']} (smallest-largest below); {load}", "", head]
    for phase in _PHASES:
        figures, spreads = result[phase], result["spread"][phase]
        lines.append(f"{phase:<8}" + "".join(f"{_number(figures.get(key), digits):>14}" for key, _, digits in _COLUMNS))
        lines.append(" " * 8 + "".join(f"{_range(spreads.get(key), digits):>14}" for key, _, digits in _COLUMNS))
    return "\n".join([*lines, "", *_others(result), "", *_told(result)]) + "\n"


def _others(result: Mapping[str, Any]) -> Iterator[str]:
    for name in ("restart", "idle", "edit", "edit_while_resync", "drift"):
        figures = ", ".join(f"{key} {value:g}" for key, value in result[name].items())
        yield f"{name:<19}{figures}"
    yield f"{'in all':<19}peak rss {result['rss_mb']:.0f} MB, {result['cpu_seconds']:.1f} s of processor time"


def goals(result: Mapping[str, Any]) -> Figures:
    """What is wanted of a result, what it is, and whether that will do, by the path of the figure."""
    wanted = _GOALS | {("rss_mb",): _MEMORY[0] if result["n"] <= _SMALL else _MEMORY[1]}
    found: Figures = {}
    for path, (sign, goal) in wanted.items():
        value: Any = result
        for name in path:
            value = value[name]
        is_met = value == goal if sign == "=" else value <= goal
        found[".".join(path)] = {"goal": f"{sign} {goal:g}", "value": value, "met": is_met}
    return found


def _told(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'goal':<44}{'wanted':>10}{'found':>12}"
    for name, goal in goals(result).items():
        yield f"{name:<44}{goal['goal']:>10}{goal['value']:>12.2f}  {'met' if goal['met'] else 'missed'}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _range(value: Sequence[float] | None, digits: int) -> str:
    return "-" if value is None else f"{value[0]:.{digits}f}-{value[1]:.{digits}f}"
