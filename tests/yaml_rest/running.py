"""Runs the tests of a suite against a server: setup, test, teardown, one after the other.

Unlike Elastic's own runner it deletes nothing by itself, since the server may be somebody's: what a suite creates, its
teardown removes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.yaml_rest.apis import ParamError, request_of
from tests.yaml_rest.assertions import MISSING, compare, pattern_of
from tests.yaml_rest.paths import PathError, Stash
from tests.yaml_rest.prerequisites import obstacle
from tests.yaml_rest.server import Answer, Server, ServerError
from tests.yaml_rest.suite import CATCHES, NAMED_STATUSES, Check, Do, Keep, Section, Step, Suite, Transform, Warnings

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
_BAD, _GOOD = 400, 200
_CREDENTIALS = re.compile(r"#base64EncodeCredentials\(([^,]+),([^,]+)\)\Z")
_BASE64 = re.compile(r"#base64Encode\((.*)\)\Z")


@dataclass(frozen=True, slots=True)
class Result:
    """How a test ended; `detail` tells the failing step, or why it was not run."""

    file: str
    test: str
    outcome: str
    detail: str = ""


class StepError(Exception):
    """A step did not go as the file says."""

    def __init__(self, what: str, expected: str, got: str) -> None:
        super().__init__(f"{what}\n  expected: {expected}\n  got:      {got}")


async def run_suite(suite: Suite, server: Server) -> list[Result]:
    """Run every test of a file."""
    return [await _run_test(suite, test, server) for test in suite.tests]


async def _run_test(suite: Suite, test: Section, server: Server) -> Result:
    try:
        reason = await obstacle((*suite.prerequisites, *test.prerequisites), server)
    except ServerError as error:
        return Result(suite.file, test.name, FAILED, f"{suite.file}:{test.line} {error}")
    if reason is not None:
        return Result(suite.file, test.name, SKIPPED, reason)
    problem = await _run_steps(suite.file, suite.setup, server) or await _run_steps(suite.file, test, server)
    after = await _run_steps(suite.file, suite.teardown, server)
    detail = "\n".join(text for text in (problem, after) if text)
    return Result(suite.file, test.name, FAILED if detail else PASSED, detail)


async def _run_steps(file: str, section: Section, server: Server) -> str | None:
    """Run steps with a stash of their own. The text of the first failure, or None."""
    context = _Context(server)
    for step in section.steps:
        try:
            await context.take(step)
        except (StepError, PathError, ParamError, ServerError) as error:
            return f"{file}:{step.line} [{section.name}] {error}"
    return None


class _Context:
    """What the steps of one section share: the last answer and the stash."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stash = Stash()
        self._last: Any = None

    async def take(self, step: Step) -> None:
        """Carry one step out. Raises StepError, PathError, ParamError, ServerError."""
        match step:
            case Do():
                await self._do(step)
            case Check():
                self._check(step)
            case Keep():
                for path, name in step.names.items():
                    self._keep(path, name)
            case Transform():
                for name, text in step.names.items():
                    self._stash.keep(name, self._transformed(text))

    async def _do(self, step: Do) -> None:
        what = f"do: {step.api}"
        try:
            wanted = request_of(step.api, self._stash.resolve(dict(step.arguments)))
        except ParamError:
            if step.catch == "param":
                return
            raise
        if step.catch == "param":
            raise StepError(what, "an error of the client before anything is sent", "a valid request")
        bodies = self._stash.resolve(list(step.bodies))
        headers = self._stash.resolve(dict(step.headers or {}))
        answer = await self._server.send(wanted, bodies, headers)
        self._last = answer.body
        self._stash.keep("body", answer.body)
        if step.catch is not None or answer.status not in wanted.ignore:
            _check_status(what, step.catch, answer)
        if answer.status < _BAD:
            _check_warnings(what, step.warnings, answer)

    def _check(self, step: Check) -> None:
        got, expected = self._found(step.path), self._stash.resolve(step.expected)
        mismatch = compare(step.kind, got, expected)
        if mismatch is not None:
            raise StepError(f"{step.kind}: {step.path or 'the whole answer'}", mismatch.expected, mismatch.got)

    def _found(self, path: str) -> Any:
        if path.startswith("$") and not path.startswith("${"):
            return self._stash.resolve(path)
        return self._stash.find(self._last, path, missing=MISSING)

    def _keep(self, path: str, name: str) -> None:
        value = self._found(path)
        if value is MISSING:
            raise StepError(f"set: {path}", "a value to keep", "nothing")
        self._stash.keep(name, value)

    def _transformed(self, text: str) -> str:
        credentials, plain = _CREDENTIALS.match(text), _BASE64.match(text)
        if credentials:
            user, password = (self._found(part.strip()) for part in credentials.groups())
            return _base64(f"{user}:{password}")
        return _base64(plain[1]) if plain else text


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _check_status(what: str, catch: str | None, answer: Answer) -> None:
    got = f"{answer.status} {_shortened(answer.body)}"
    if catch is None:
        if not _GOOD <= answer.status < _BAD:
            raise StepError(what, "success", got)
    elif catch in CATCHES:
        if answer.status not in CATCHES[catch]:
            raise StepError(what, f"{catch} ({', '.join(map(str, CATCHES[catch]))})", got)
    elif catch == "request":
        if answer.status < _BAD or answer.status in NAMED_STATUSES:
            raise StepError(what, "an error that has no name of its own", got)
    else:
        _check_error_text(what, pattern_of(catch) or "", answer, got)


def _check_error_text(what: str, pattern: str, answer: Answer, got: str) -> None:
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    if answer.status < _BAD or error is None or not re.search(pattern, java_text(error)):
        raise StepError(what, f"an error whose text matches /{pattern}/", got)


def java_text(value: Any) -> str:
    """An error as Java prints it, which is what patterns of `catch` are written for: `{type=…, reason=…}`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(java_text, value)) + "]"
    return str(value)


def _check_warnings(what: str, wanted: Warnings, answer: Answer) -> None:
    """Every expected warning came, and no other than the allowed ones."""
    left, left_regex = list(wanted.expected), list(wanted.expected_regex)
    unexpected = list(answer.strange_warnings)
    for text in answer.warnings:
        if text in left:
            left.remove(text)
        elif pattern := _first_match(left_regex, text):
            left_regex.remove(pattern)
        elif text not in (*wanted.allowed, *wanted.expected) and not _first_match(wanted.allowed_regex, text):
            unexpected.append(text)
    if unexpected:
        raise StepError(what, "no warnings but the ones named", f"the warnings {unexpected}")
    if left or left_regex:
        raise StepError(what, f"the warnings {left + left_regex}", f"the warnings {list(answer.warnings)}")


def _first_match(patterns: Iterable[str], text: str) -> str | None:
    return next((pattern for pattern in patterns if re.fullmatch(pattern, text)), None)


def _shortened(body: Any, most: int = 600) -> str:
    text = str(body)
    return text if len(text) <= most else f"{text[:most]}…"


def failures(results: Sequence[Result]) -> list[Result]:
    return [one for one in results if one.outcome == FAILED]
