"""What the story is played on: a control plane, an Elasticsearch, an operator, and how often the operator wrote to either."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from tests.controlplane import ControlPlane, NotInTimeError
from tests.controlplane.audit import read_audit
from tests.demo import NotSeenError
from tests.demo.cast import Cast
from tests.demo.elasticsearch import Elasticsearch
from tests.demo.terminal import Terminal
from tests.demo.voice import Voice

HOME = ACCOUNT = RELEASE = "inference-operator"
NAMESPACE = "demo"
ROUND = "3s"
_USER = f"system:serviceaccount:{HOME}:{ACCOUNT}"
_ENDPOINTS = f"/apis/inference-operator.io/v1alpha1/namespaces/{NAMESPACE}/inferenceendpoints"
_COUNT_SECONDS = 5.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Tally:
    """How often the operator wrote. `elasticsearch` is None where nobody counts."""

    kubernetes: int = 0
    elasticsearch: int | None = None

    def __sub__(self, before: Tally) -> Tally:
        counted = None not in (self.elasticsearch, before.elasticsearch)
        difference = (self.elasticsearch or 0) - (before.elasticsearch or 0) if counted else None
        return Tally(self.kubernetes - before.kubernetes, difference)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that the steps of the story need."""

    plane: ControlPlane
    elasticsearch: Elasticsearch
    cast: Cast
    terminal: Terminal
    voice: Voice

    def tally(self) -> Tally:
        """Until now."""
        asked = read_audit(self.plane.audit_log, user=_USER)
        return Tally(sum(entry.is_write for entry in asked), self.elasticsearch.writes_of_others())

    def expect_writes(self, since: Tally, wanted: Tally) -> None:
        """Raises NotSeenError unless the operator wrote exactly so often since then."""
        if self.elasticsearch.is_stand_in:
            counted = self._settled(lambda: self.tally() - since, wanted)
            if counted != wanted:
                raise NotSeenError(
                    f"expected {wanted.kubernetes} writes to Kubernetes and {wanted.elasticsearch} to Elasticsearch;"
                    f" counted {counted.kubernetes} and {counted.elasticsearch}"
                )

    def eventually(self, found: Callable[[], _T | None], what: str, seconds: float = 120.0) -> _T:
        """Ask until the answer is true. Raises NotSeenError when time is up, ChildDiedError when a server dies."""
        try:
            return self.plane.eventually(found, what, seconds)
        except NotInTimeError as error:
            raise NotSeenError(str(error)) from None

    def curl(self, method: str, path: str, body: Any = None) -> None:
        """Show how a person would ask Elasticsearch, and ask. Raises NotSeenError for any answer but 200."""
        data = "" if body is None else f" --json '{json.dumps(body, separators=(',', ':'))}'"
        self.voice.command(f'curl -X {method} {self.elasticsearch.access.curl}"$ELASTICSEARCH_URL{path}"{data}')
        status, answer = self.elasticsearch.ask(method, path, body)
        if status != HTTPStatus.OK:
            raise NotSeenError(f"Elasticsearch answers {status}: {json.dumps(answer)[:500]}")

    def in_elasticsearch(self) -> dict[str, Any] | None:
        """The subject as Elasticsearch has it; None where it does not."""
        status, answer = self.elasticsearch.ask("GET", self.cast.endpoint_path)
        if status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            raise NotSeenError(f"GET {self.cast.endpoint_path} answers {status}")
        return answer["endpoints"][0] if status == HTTPStatus.OK else None

    def condition(self, name: str, kind: str) -> dict[str, Any] | None:
        """A condition of an object; None where it has none of that type."""
        found = self.plane.api.get(f"{_ENDPOINTS}/{name}") or {}
        conditions = found.get("status", {}).get("conditions", ())
        return next((one for one in conditions if one["type"] == kind), None)

    def _settled(self, count: Callable[[], Tally], wanted: Tally) -> Tally:
        """The count, as soon as it is what is wanted, or when the audit log has had time to be complete."""
        try:
            self.plane.eventually(lambda: count() == wanted, "the writes", _COUNT_SECONDS)
        except NotInTimeError:
            return count()
        return wanted
