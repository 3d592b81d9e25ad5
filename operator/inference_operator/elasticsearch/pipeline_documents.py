"""From the JSON of the ingest API to the values of `core`.

Decides what each document must look like, as `documents` does for endpoints. That there is no pipeline is said by an empty
object, whatever was asked for. Pure.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING

from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.pipeline.values import ObservedPipeline, observed_of
from inference_operator.core.values import ABSENT, Absent, Json, Usage
from inference_operator.elasticsearch.shapes import Listing, MalformedError, a_list, an_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REFUSED = re.compile(r"cannot be deleted because it is the (?:default|final) pipeline for \d+ index", re.DOTALL)
_INDICES = re.compile(r"the (?:default|final) pipeline for \d+ index\(es\) including \[")
_END = re.compile(r"\](?: and the final |\s*\Z)")


def pipelines(document: Json) -> Listing[ObservedPipeline]:
    """All pipelines of `GET _ingest/pipeline`."""
    bodies = an_object(document, "an object")
    readable = {name: observed_of(name, body) for name, body in bodies.items() if isinstance(body, dict)}
    return Listing(readable, frozenset(bodies.keys() - readable.keys()))


def pipeline(pipeline_id: str) -> Callable[[Json], ObservedPipeline | Absent]:
    """The one pipeline of a GET by id."""

    def parse(document: Json) -> ObservedPipeline | Absent:
        bodies = an_object(document, "an object")
        if not bodies:
            return ABSENT
        return observed_of(pipeline_id, an_object(bodies.get(pipeline_id), "the pipeline that was asked for"))

    return parse


def simulated(count: int) -> Callable[[Json], tuple[Json, ...]]:
    """What became of the documents, in their order: `{"doc": …}`, `{"error": …}`, or None for a dropped one."""

    def parse(document: Json) -> tuple[Json, ...]:
        results = a_list(an_object(document, "an object"), "docs")
        if len(results) != count:
            raise MalformedError("it has not one result for each document")
        return tuple(results)

    return parse


def pipeline_usage_of(failure: Failure) -> Usage | None:
    """Which indices hold the pipeline, when that is why a delete was refused; else None.

    Elasticsearch names three of a kind at most; the sentence, which says how many there are, is the message.
    """
    if not isinstance(failure, HttpFailure) or failure.status != HTTPStatus.BAD_REQUEST:
        return None
    if not _REFUSED.search(failure.reason):
        return None
    return Usage(indices=tuple(sorted(set(_named_in(failure.reason)))), message=failure.reason.strip())


def _named_in(reason: str) -> Iterator[str]:
    """There are two lists at most, so this takes time in proportion to the text, whatever it holds."""
    for opening in islice(_INDICES.finditer(reason), 2):
        if end := _END.search(reason, opening.end()):
            yield from (name for name in reason[opening.end() : end.start()].split(",") if name)
