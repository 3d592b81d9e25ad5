"""Faults as data: which request is hit, and how its answer is delayed, replaced, cut or lost.

Only describes and counts; `app.py` carries faults out, so that they work alike in-process and on a socket.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

Loss = Literal["before", "after", "half"]
HTML_503 = "<html><head><title>503</title></head><body><h1>503 Service Unavailable</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that did not come from Elasticsearch; `body` is sent as it stands."""

    status: int
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule. `method`, `path` and `query` are globs; the first rule that fits a request hits it.

    skip: how many fitting requests pass unharmed first. times: how many are hit then; None for all.
    delay: seconds before the request is looked at. answer: sent in place of the real one.
    lose: the connection is reset `before` the request is carried out, `after` that, or after `half` of the body was sent.
    done: with `answer`, whether the request is carried out all the same.
    """

    method: str = "*"
    path: str = "*"
    query: str = "*"
    skip: int = 0
    times: int | None = None
    delay: float = 0.0
    lose: Loss | None = None
    answer: Answer | None = None
    done: bool = False

    @property
    def carries_out(self) -> bool:
        """True when the request takes effect although something is wrong with its answer."""
        return self.lose != "before" and (self.answer is None or self.done)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Fault:
        """Read a rule from JSON. Raises ValueError or TypeError when it is not one."""
        values = dict(data)
        answer = values.pop("answer", None)
        if answer is not None:
            headers = tuple(dict(answer.pop("headers", {})).items())
            answer = Answer(**answer, headers=headers)
        if values.get("lose") not in (None, "before", "after", "half"):
            msg = "lose must be one of before, after, half"
            raise ValueError(msg)
        return cls(**values, answer=answer)


def unavailable(**rule: Any) -> Fault:
    """A proxy's 503 page in HTML."""
    return Fault(answer=Answer(503, HTML_503, (("Content-Type", "text/html"),)), **rule)


def too_many_requests(retry_after: int | None = None, **rule: Any) -> Fault:
    """A 429 of the server itself, with or without Retry-After."""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    if retry_after is not None:
        headers = (*headers, ("Retry-After", str(retry_after)))
    reason = '{"type":"es_rejected_execution_exception","reason":"rejected execution of coordinating operation"}'
    body = f'{{"error":{{"root_cause":[{reason}],{reason[1:-1]}}},"status":429}}'
    return Fault(answer=Answer(429, body, headers), **rule)


@dataclass(slots=True)
class _Armed:
    fault: Fault
    seen: int = 0

    def hits(self, method: str, path: str, query: str) -> bool:
        rule = self.fault
        fits = fnmatchcase(method, rule.method) and fnmatchcase(path, rule.path) and fnmatchcase(query, rule.query)
        if not fits or self.spent:
            return False
        self.seen += 1
        return self.seen > rule.skip

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.seen >= self.fault.skip + self.fault.times


@dataclass(slots=True)
class Faults:
    """The rules in force, in the order in which they were added."""

    _armed: list[_Armed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force; answers the rule."""
        with self._lock:
            self._armed.append(_Armed(fault))
        return fault

    def clear(self) -> None:
        """Heal everything."""
        with self._lock:
            self._armed.clear()

    def active(self) -> list[Fault]:
        """Rules that can still hit something."""
        with self._lock:
            return [armed.fault for armed in self._armed if not armed.spent]

    def hit(self, method: str, path: str, query: str) -> Fault | None:
        """The rule that hits this request, counted; None when it passes unharmed."""
        with self._lock:
            return next((armed.fault for armed in self._armed if armed.hits(method, path, query)), None)
