"""The tests that a pipeline carries: which documents to send, and whether what came back is what they expect.

Decides when a result meets an expectation, and how a failure is told, bounded. Results are the entries of `docs` in the
answer to `_simulate`: `{"doc": {…}}`, `{"error": {…}}`, or null for a dropped document. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from inference_operator.api.pipeline_tests import (
    MAX_FAILURES,
    MAX_SHOWN,
    Expectation,
    PipelineTest,
    TrialFailure,
    TrialStatus,
)
from inference_operator.core.paths import Missing
from inference_operator.core.pipeline.compare import digest_of
from inference_operator.core.pipeline.mismatch import first_mismatch
from inference_operator.core.pipeline.values import DesiredPipeline
from inference_operator.core.scrub import scrub
from inference_operator.core.values import Json, dotted

_SHORT = 200
# What a provider answered, which Elasticsearch quotes in full. Some repeat the key, and nobody here knows it, to cut it out.
_QUOTE = re.compile(r"Error message: \[.*", re.DOTALL)
_HIDDEN = "Error message: <hidden, since providers may repeat a key>"
_NO_RESULT: Mapping[str, Json] = {"error": {"reason": "Elasticsearch gave no result for this document"}}


def trial_documents(tests: Sequence[PipelineTest]) -> list[dict[str, Json]]:
    """The documents of all tests in one list, for one `_simulate`."""
    return [document.body() for test in tests for document in test.documents]


def trial_digest(desired: DesiredPipeline, tests: Sequence[PipelineTest]) -> str:
    """Identifies what was tried: another one means that the tests must run again."""
    return digest_of([desired.body, [test.body() for test in tests]])


def tried(desired: DesiredPipeline, tests: Sequence[PipelineTest], results: Sequence[Json]) -> TrialStatus:
    """What to report of a run."""
    failures = judge(tests, results)
    return TrialStatus(digest=trial_digest(desired, tests), outcome="Failed" if failures else "Passed", failures=failures)


def judge(tests: Sequence[PipelineTest], results: Sequence[Json]) -> tuple[TrialFailure, ...]:
    """The documents that failed, at most `MAX_FAILURES`, in the order of the tests. A result that is missing fails."""
    return tuple(islice(_failures(tests, results), MAX_FAILURES))


def _failures(tests: Sequence[PipelineTest], results: Sequence[Json]) -> Iterator[TrialFailure]:
    position = 0
    for test in tests:
        for index, expected in enumerate(test.expect):
            result = results[position] if position < len(results) else _NO_RESULT
            position += 1
            message = _fault(expected, result)
            if message is not None:
                yield TrialFailure(
                    name=test.name,
                    document=index,
                    expected=_shown(expected.body(), MAX_SHOWN),
                    actual=_shown(_actual(result), MAX_SHOWN),
                    message=message,
                )


def _fault(expected: Expectation, result: Json) -> str | None:
    """What is wrong with a result; None when it is as expected."""
    reasons = _reasons(result)
    if expected.error is not None:
        return _fault_of_error(expected.error, result, reasons)
    if expected.dropped:
        return None if result is None else _instead("the document was not dropped", reasons)
    if result is None:
        return "the document was dropped"
    if reasons:
        return _instead("the document was refused", reasons)
    mismatch = first_mismatch(expected.document, result.get("doc"), subset=True)
    return None if mismatch is None else _place(mismatch.path, mismatch.wanted, mismatch.found)


def _fault_of_error(text: str, result: Json, reasons: Sequence[str]) -> str | None:
    if result is None:
        return "the document was dropped, without an error"
    if not reasons:
        return "the document came through without an error"
    return None if any(text in reason for reason in reasons) else _instead("the document failed with another error", reasons)


def _reasons(result: Json) -> tuple[str, ...]:
    """The reasons of an error, that of the whole first, then those of its causes; empty where there is no error."""
    if result is None or (isinstance(result, Mapping) and isinstance(result.get("doc"), Mapping)):
        return ()
    error = result.get("error") if isinstance(result, Mapping) else None
    reasons = []
    while isinstance(error, Mapping):
        reasons.append(str(error.get("reason") or error.get("type") or ""))
        error = error.get("caused_by")
    return tuple(reasons) or ("the result is not one that Elasticsearch gives",)


def _actual(result: Json) -> Json:
    """What came out, without what changes with every run."""
    if result is None:
        return {"dropped": True}
    if reasons := _reasons(result):
        return {"error": _QUOTE.sub(_HIDDEN, reasons[0])}
    document: Mapping[str, Any] = result["doc"]
    return {key: document[key] for key in ("_index", "_id", "_routing", "_source") if key in document}


def _place(path: tuple[str, ...], wanted: Json | Missing, found: Json | Missing) -> str:
    place = dotted(path) or "the document"
    if isinstance(found, Missing):
        return f"{place} is missing, expected {_shown(wanted, _SHORT)}"
    if isinstance(wanted, Missing):
        return f"{place} is one entry too many: {_shown(found, _SHORT)}"
    return f"{place} is {_shown(found, _SHORT)}, expected {_shown(wanted, _SHORT)}"


def _instead(fault: str, reasons: Sequence[str]) -> str:
    return f"{fault}: {scrub(_QUOTE.sub(_HIDDEN, reasons[0]), ())}" if reasons else fault


def _shown(value: Json, most: int) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return text if len(text) <= most else f"{text[: most - 1]}…"
