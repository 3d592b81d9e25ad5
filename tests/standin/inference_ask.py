"""Work that stops to ask an inference endpoint, and goes on with its answer: how pipelines, fields and queries infer.

The work is a generator that yields `Ask` and is sent the result, or thrown the refusal. `drive` turns it into steps of the
pure core, whatever time the endpoint takes. It knows no pipeline.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

from tests.standin import perform
from tests.standin.errors import ElasticsearchError
from tests.standin.messages import Action, Asking, Json, Request, Response, Step, Waiting
from tests.standin.state import State


@dataclass(frozen=True, slots=True)
class Ask:
    """An inference request: the id of an endpoint, and texts."""

    inference_id: str
    texts: tuple[str, ...]


Finish = Callable[[State, float], Step]
Work = Generator[Ask, Json, Finish]


def drive(work: Work) -> Action:
    """An action that runs the work to its end, and then what it returned, on the state of that moment."""
    return lambda state, now: _go_on(work, state, now, lambda: next(work))


def _go_on(work: Work, state: State, now: float, advance: Callable[[], Ask]) -> Step:
    while True:
        try:
            ask = advance()
        except StopIteration as done:
            finish: Finish = done.value
            return finish(state, now)
        step = _asked(ask, state, now)
        if not isinstance(step.outcome, Response):
            return _when_answered(work, step.state, step.outcome)
        state, advance = step.state, _answering(work, step.outcome)


def _when_answered(work: Work, state: State, pending: Waiting | Asking) -> Step:
    """Hand on what the endpoint waits for; when it has its answer the work goes on."""

    def follow(resume: Callable[[], Step], current: State, now: float) -> Step:
        try:
            step = resume()
        except ElasticsearchError as error:
            step = Step(current, error.response())
        if isinstance(step.outcome, Response):
            return _go_on(work, step.state, now, _answering(work, step.outcome))
        return _when_answered(work, step.state, step.outcome)

    if isinstance(pending, Waiting):
        later = replace(pending, resume=lambda then, now: follow(lambda: pending.resume(then, now), then, now))
        return Step(state, later)
    asked = replace(pending, resume=lambda then, now, reply: follow(lambda: pending.resume(then, now, reply), then, now))
    return Step(state, asked)


def _asked(ask: Ask, state: State, now: float) -> Step:
    body: Json = {"input": list(ask.texts)}
    path = f"/_inference/{ask.inference_id}"
    request = Request("POST", path, body=json.dumps(body).encode(), segments=("_inference", ask.inference_id), uri=path)
    try:
        return perform.prepare_perform(request, state.version)(state, now)
    except ElasticsearchError as error:
        return Step(state, error.response())


def _answering(work: Work, response: Response) -> Callable[[], Ask]:
    if response.status < 300:
        return lambda: work.send(response.body)
    refusal = _refusal(response)
    return lambda: work.throw(refusal)


def _refusal(response: Response) -> ElasticsearchError:
    """The error of an answer, as an exception again."""
    extra = dict(response.body["error"])
    extra.pop("root_cause", None)
    kind, reason = extra.pop("type"), extra.pop("reason")
    return ElasticsearchError(response.status, kind, reason, extra=extra)
