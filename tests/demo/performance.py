"""Plays the steps in order, stops at the first that does not hold, and tells at the end what happened."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.controlplane import ControlPlaneError
from tests.controlplane.children import tail
from tests.demo import NotSeenError
from tests.demo.elasticsearch import Access
from tests.demo.opening import TITLE, open_stage
from tests.demo.stage import Stage, Tally
from tests.demo.story import STEPS, Step
from tests.demo.voice import Voice

HELD, FAILED, LEFT_OUT = "✓", "✗", "·"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step: a sign, a few words, the operator's writes, how long it took."""

    title: str
    sign: str
    seen: str
    written: Tally | None = None
    seconds: float | None = None

    @property
    def row(self) -> tuple[str, ...]:
        written = self.written or Tally()
        figures = (written.kubernetes if self.written else None, written.elasticsearch)
        shown = ("" if figure is None else str(figure) for figure in figures)
        return (self.sign, self.title, *shown, "" if self.seconds is None else f"{self.seconds:.1f} s", self.seen)


@dataclass(slots=True)
class Performance:
    """One run of the story; `stage` is None until everything has started."""

    voice: Voice
    stage: Stage | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def held(self) -> bool:
        return all(outcome.sign != FAILED for outcome in self.outcomes)

    def play(self, owned: ExitStack, access: Callable[[], Access | None], folder: Path | None) -> None:
        """Everything, from the start to the table. What is started ends with `owned`."""
        began = time.monotonic()
        self._open(owned, access, folder)
        for number, step in enumerate(STEPS, 2):
            self._step(number, step)
        self._show_table()
        if not self.held and self.stage is not None:
            self._tell_what_is_wrong(self.stage)
        self._judge(time.monotonic() - began)

    def _open(self, owned: ExitStack, access: Callable[[], Access | None], folder: Path | None) -> None:
        self.voice.headline(1, TITLE)
        with self._timed(TITLE) as done:
            self.stage = open_stage(owned, self.voice, access(), folder)
            self.voice.seen("everything runs")
            done("everything runs", None)

    def _step(self, number: int, step: Step) -> None:
        if not self.held or self.stage is None:
            self.outcomes.append(Outcome(step.title, LEFT_OUT, "not reached"))
            return
        self.voice.headline(number, step.title)
        if step.only_on_the_stand_in and not self.stage.elasticsearch.is_stand_in:
            self.voice.say(f"Left out on your cluster: {step.only_on_the_stand_in}.")
            self.outcomes.append(Outcome(step.title, LEFT_OUT, "left out on your cluster"))
            return
        with self._timed(step.title) as done:
            before = self.stage.tally()
            seen = step.play(self.stage)
            done(seen, self.stage.tally() - before)

    @contextmanager
    def _timed(self, title: str) -> Iterator[Callable[[str, Tally | None], None]]:
        """Notes an outcome: what the block says, or that it failed."""
        began = time.monotonic()

        def done(seen: str, written: Tally | None) -> None:
            self.outcomes.append(Outcome(title, HELD, seen, written, time.monotonic() - began))

        try:
            yield done
        except (NotSeenError, ControlPlaneError) as error:
            self.voice.missed(str(error))
            self.outcomes.append(Outcome(title, FAILED, "did not hold", seconds=time.monotonic() - began))

    def _show_table(self) -> None:
        self.voice.title("\nWhat happened")
        if self.stage is not None:
            counted = (
                " and the log of requests" if self.stage.elasticsearch.is_stand_in else "; those to your cluster nobody counts"
            )
            self.voice.say(f"The writes are the operator's own, by the audit log{counted}.")
        self.voice.say("")
        header = ("", "step", "writes to Kubernetes", "to Elasticsearch", "time", "seen")
        rows = [outcome.row for outcome in self.outcomes]
        self.voice.table(header, rows, right=(2, 3, 4))
        self.voice.say("")

    def _judge(self, seconds: float) -> None:
        played = [outcome for outcome in self.outcomes if outcome.sign == HELD]
        if self.held:
            self.voice.seen(f"{len(played)} of {len(self.outcomes)} steps played in {seconds:.0f} s, and all of them held")
        else:
            failed = next(outcome for outcome in self.outcomes if outcome.sign == FAILED)
            self.voice.missed(f"stopped after {seconds:.0f} s: “{failed.title}” did not hold")

    def _tell_what_is_wrong(self, stage: Stage) -> None:
        """The objects' own words, where the API server still answers, and the end of the operator's log."""
        try:
            found = stage.terminal.read("kubectl get infep,ingp -A -o json")["items"]
        except ControlPlaneError:
            found = []
        for one in found:
            for condition in one.get("status", {}).get("conditions", ()):
                if condition["type"] == "Ready":
                    words = f"{condition['status']}, {condition['reason']}: {condition['message']}"
                    self.voice.say(f"{one['metadata']['namespace']}/{one['metadata']['name']}: Ready is {words}")
        log = stage.plane.log("operator")
        if log.exists():
            self.voice.say(f"The end of the operator's log, {log}:")
            self.voice.output(textwrap.dedent(tail(log)))
