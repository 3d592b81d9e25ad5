"""A dashboard as an SVG picture: the panels where Grafana would put them, drawn with little more than lines and words.

Decides how numbers are written and where things stand. Knows nothing of Prometheus; asks nobody.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

CELL_WIDTH, CELL_HEIGHT, GAP = 52, 27, 4
COLOURS = ("#3274d9", "#e0752d", "#37872d", "#c4162a", "#8f3bb8", "#0fa3a3", "#b8860b", "#7a7a7a", "#e02f8a", "#5c6bc0")
_TICKS = 3
_HEADROOM = 1.05


@dataclass(frozen=True)
class Place:
    """Cells of the grid: left, top, width, height."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True)
class Line:
    """A series: its name and its points, seconds since 1970 and value."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """Lines over time."""

    place: Place
    title: str
    unit: str
    lines: Sequence[Line]
    stacked: bool = False


@dataclass(frozen=True)
class Words:
    """A few words side by side, or a table of them."""

    place: Place
    title: str
    rows: Sequence[Sequence[str]]
    big: bool = False


@dataclass(frozen=True)
class Heading:
    """The title of a row of panels."""

    place: Place
    title: str


Panel = Chart | Words | Heading


def written(value: float, unit: str) -> str:
    """A number as people read it."""
    if unit == "percentunit":
        return f"{value:.0%}"
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    if unit == "s":
        small = (f"{value * 1000:.0f} ms", f"{value:.1f} s", f"{value:.0f} s", f"{value / 60:.1f} min")
        return "0 s" if value == 0 else small[sum(value >= bound for bound in (0.95, 10, 120))]
    tail = {"ops": "/s", "reqps": "/s"}.get(unit, "")
    return f"{value:.3g}{tail}" if value < 1000 else f"{value:.0f}{tail}"


def draw(title: str, panels: Sequence[Panel], begin: float, end: float) -> str:
    """The whole picture."""
    height = 40 + CELL_HEIGHT * max(panel.place.y + panel.place.h for panel in panels)
    body = "".join(part for panel in panels for part in _panel(panel, begin, end))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{24 * CELL_WIDTH}" height="{height}"'
        ' font-family="DejaVu Sans, Arial, sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="#f4f5f5"/>{_text(10, 25, title, size=16, bold=True)}'
        f'<g transform="translate(0 38)">{body}</g></svg>\n'
    )


def _panel(panel: Panel, begin: float, end: float) -> Iterator[str]:
    place = panel.place
    left, top = place.x * CELL_WIDTH + GAP / 2, place.y * CELL_HEIGHT + GAP / 2
    width, height = place.w * CELL_WIDTH - GAP, place.h * CELL_HEIGHT - GAP
    yield f'<g transform="translate({left} {top})">'
    if isinstance(panel, Heading):
        yield _text(6, 17, panel.title, size=13, bold=True)
    else:
        yield f'<rect width="{width}" height="{height}" rx="2" fill="white" stroke="#dcdee0"/>'
        yield _text(8, 16, panel.title, bold=True)
        yield from _chart(panel, width, height, begin, end) if isinstance(panel, Chart) else _words(panel, width, height)
    yield "</g>"


def _words(panel: Words, width: float, height: float) -> Iterator[str]:
    if panel.big:
        step = width / max(1, len(panel.rows))
        for place, (value, name) in enumerate(panel.rows):
            yield _text(step * (place + 0.5), height * 0.66, value, size=24, anchor="middle", colour="#1f60c4")
            yield _text(step * (place + 0.5), height - 8, name, size=10, anchor="middle", colour="#6e7074")
        return
    x = 8.0
    for place in range(len(panel.rows[0])):
        for line, row in enumerate(panel.rows):
            yield _text(x, 38 + 16 * line, row[place], size=10, bold=line == 0)
        x += 12 + 5.6 * max(len(row[place]) for row in panel.rows)


def _chart(chart: Chart, width: float, height: float, begin: float, end: float) -> Iterator[str]:
    lines = _on_top_of_each_other(chart.lines) if chart.stacked else chart.lines
    most = max((value for line in lines for _, value in line.points if not math.isnan(value)), default=0.0)
    top = _round_up(most * _HEADROOM) or 1.0
    legend = list(_legend(chart, width, height))
    left, right, upper, lower = 54.0, width - 10, 28.0, height - 22 - 13 * len({y for _, y, _ in legend})
    for tick in range(_TICKS + 1):
        y = lower - (lower - upper) * tick / _TICKS
        yield f'<path d="M{left} {y:.1f}H{right}" stroke="#e8e9ea"/>'
        yield _text(left - 5, y + 4, written(top * tick / _TICKS, chart.unit), size=9, anchor="end", colour="#6e7074")
    for part in range(4):
        at = begin + (end - begin) * (part + 0.5) / 4
        clock = time.strftime("%H:%M:%S", time.gmtime(at))
        yield _text(left + (right - left) * (part + 0.5) / 4, lower + 13, clock, size=9, anchor="middle", colour="#6e7074")
    for number, line in reversed(list(enumerate(lines))):
        colour = COLOURS[number % len(COLOURS)]
        for run in _runs(line.points):
            spots = [
                (left + (right - left) * (at - begin) / (end - begin), lower - (lower - upper) * min(value / top, 1.0))
                for at, value in run
            ]
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
            if chart.stacked:
                yield f'<path d="M{path}V{lower}H{spots[0][0]:.1f}Z" fill="{colour}" fill-opacity="0.35"/>'
            yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.4"/>'
    for x, y, number in legend:
        yield f'<rect x="{x}" y="{y - 8}" width="9" height="4" fill="{COLOURS[number % len(COLOURS)]}"/>'
        yield _text(x + 13, y - 3, chart.lines[number].name, size=9.5)


def _legend(chart: Chart, width: float, height: float) -> Iterator[tuple[float, float, int]]:
    """Where each name begins: at the bottom, in as many lines as they need."""
    rows: list[list[tuple[float, int]]] = [[]]
    x = 10.0
    for number, line in enumerate(chart.lines):
        needed = 22 + 5.8 * len(line.name)
        if rows[-1] and x + needed > width:
            rows.append([])
            x = 10.0
        rows[-1].append((x, number))
        x += needed
    for place, row in enumerate(rows):
        yield from ((start, height - 13 * (len(rows) - 1 - place) - 2, number) for start, number in row)


def _on_top_of_each_other(lines: Sequence[Line]) -> list[Line]:
    height: dict[float, float] = {}
    stacked = []
    for line in lines:
        points = []
        for at, value in line.points:
            height[at] = height.get(at, 0.0) + (0.0 if math.isnan(value) else value)
            points.append((at, height[at]))
        stacked.append(Line(line.name, points))
    return stacked


def _runs(points: Sequence[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    """What is drawn without lifting the pen: no number and a longer pause are gaps."""
    run: list[tuple[float, float]] = []
    for at, value in points:
        gap = bool(run) and at - run[-1][0] > 3.0
        if (math.isnan(value) or gap) and run:
            yield run
            run = []
        if not math.isnan(value):
            run.append((at, value))
    if run:
        yield run


def _round_up(value: float) -> float:
    if value <= 0:
        return 0.0
    magnitude = 10.0 ** math.floor(math.log10(value))
    return next(step * magnitude for step in (1, 1.5, 2, 3, 4.5, 6, 7.5, 9, 10.5) if step * magnitude >= value)


def _text(
    x: float, y: float, text: str, *, size: float = 11, anchor: str = "start", colour: str = "#24292e", bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"{weight}>{escape(text)}</text>'
    )
