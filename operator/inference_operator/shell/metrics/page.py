"""The tables of `docs/metrics.md`, made from the definitions.

The text around them is written by hand; what stands between the two markers is replaced as a whole. Reads and writes no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from inference_operator.shell.metrics.definitions import LABELS, METRICS, PROCESS, Metric
from inference_operator.shell.metrics.meter import Result

BEGIN = "<!-- Generated from the definitions by `make generate`. Do not edit between this line and the next marker. -->"
END = "<!-- End of what is generated. -->"

_RESULTS = {
    Result.DONE: "Nothing is left to do.",
    Result.RELEASED: "The object is being deleted, and nothing holds it any more.",
    Result.BLOCKED: "The object is being deleted, and what it stands for is in use.",
    Result.RETRY: "Something failed; it is tried again with growing pauses.",
    Result.WAIT: "Something is missing; the operator looks again, and hears when it comes.",
    Result.STALL: "A person must act.",
    Result.INTERRUPTED: "The object changed or went meanwhile, or Kubernetes refused a write; it is done again.",
    Result.FAULT: "An error of the operator itself, told in the log; it is tried again.",
}


class NoPlaceError(ValueError):
    """The page has no place for the tables: one of the two markers is missing, or they stand in the wrong order."""


def refreshed(page: str) -> str:
    """The page with the tables of today. Raises NoPlaceError."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoPlaceError(f"docs/metrics.md needs the line {BEGIN!r}, and after it the line {END!r}")
    return f"{before}{BEGIN}\n\n{render()}\n{END}{after}"


def render() -> str:
    """Metrics of the operator, labels, results, metrics of the process."""
    return "\n".join(
        [
            *("## Metrics", ""),
            *_metrics(METRICS),
            *("", "## Labels", ""),
            *_table(("label", "says"), ((f"`{name}`", meaning) for name, meaning in LABELS.items())),
            *("", "The label `result` has these values:", ""),
            *_table(("result", "means"), ((f"`{result.value}`", meaning) for result, meaning in _RESULTS.items())),
            *("", "## Metrics of the process", "", "On Linux only, named as every Prometheus client names them.", ""),
            *_metrics(PROCESS),
            "",
        ]
    )


def _metrics(metrics: Iterable[Metric]) -> Iterator[str]:
    rows = ((f"`{m.name}`", m.type, ", ".join(f"`{label}`" for label in m.labels), m.meaning) for m in metrics)
    return _table(("name", "type", "labels", "meaning"), rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
