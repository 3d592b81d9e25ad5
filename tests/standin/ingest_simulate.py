"""`_simulate`: documents through a stored or an inline pipeline, nothing kept.

Decides how documents are read and results are shown; running is the business of `ingest_run.py`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.inference_ask import Ask, Finish, Work, drive
from tests.standin.ingest_document import IngestDocument
from tests.standin.ingest_errors import configuration
from tests.standin.ingest_parse import ReadPipeline, read_pipeline
from tests.standin.ingest_report import Report, shown_document, shown_error
from tests.standin.ingest_run import ProcessorFailedError, Run, cause_of, run_pipeline
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.processor_options import check_kind
from tests.standin.reading import flag, json_body
from tests.standin.state import State
from tests.standin.version import Version

INLINE = "_simulate_pipeline"
_MATCH_ANY = -3
_METADATA = (("_index", "text", "_index"), ("_id", "text", "_id"), ("_routing", "text", None), ("_version_type", "string", None))


def prepare_simulate(request: Request, version: Version) -> Action:
    """`GET` and `POST /_ingest/pipeline/_simulate` and `/_ingest/pipeline/{id}/_simulate`."""
    name = request.segments[2] if len(request.segments) == 4 else None
    verbose, body = flag(request, "verbose"), json_body(request)

    def run(state: State, now: float) -> Step:
        pipeline = _inline(body, state.version) if name is None else _stored(name, state)
        documents = [_document(one, now) for one in _docs(body)]
        return drive(_simulate(pipeline, documents, Run(state, now), verbose=verbose))(state, now)

    return run


def _stored(name: str, state: State) -> ReadPipeline:
    stored = state.pipelines.get(name)
    if stored is None:
        raise illegal_argument(f"pipeline [{name}] does not exist")
    return read_pipeline(name, stored.body, state.version)


def _inline(body: Json, version: Version) -> ReadPipeline:
    given = body.get("pipeline")
    if given is None:
        raise configuration(None, None, "pipeline", "required property is missing")
    check_kind(None, None, "pipeline", given, "map")
    return read_pipeline(INLINE, given, version)


def _docs(body: Json) -> list[Any]:
    docs = body.get("docs")
    if docs is None:
        raise configuration(None, None, "docs", "required property is missing")
    check_kind(None, None, "docs", docs, "list")
    if not docs:
        raise illegal_argument("must specify at least one document in [docs]")
    return list(docs)


def _document(given: Any, now: float) -> IngestDocument:
    if not isinstance(given, dict):
        raise illegal_argument("malformed [docs] section, should include an inner object")
    source = given.get("_source")
    if source is None:
        raise configuration(None, None, "_source", "required property is missing")
    check_kind(None, None, "_source", source, "map")
    metadata: Json = {}
    for name, kind, default in _METADATA:
        value = given.get(name, default)
        if value is not None:
            check_kind(None, None, name, value, kind)
            metadata[name] = str(value)
    metadata["_version"] = given.get("_version", _MATCH_ANY)
    return IngestDocument.of(source, metadata, now)


def _simulate(pipeline: ReadPipeline, documents: list[IngestDocument], run: Run, *, verbose: bool) -> Work:
    results: list[Json | None] = []
    for document in documents:
        if verbose:
            results.append((yield from _told(pipeline, document, run)))
        else:
            results.append((yield from _ended(pipeline, document, run)))
    finish: Finish = lambda state, _now: Step(state, Response(200, {"docs": results}))  # noqa: E731 (a value, not a function)
    return finish


def _ended(pipeline: ReadPipeline, document: IngestDocument, run: Run) -> Generator[Ask, Json, Json | None]:
    """The document at the end, the error, or None for a dropped one."""
    try:
        kept = yield from run_pipeline(pipeline, document, run)
    except (ElasticsearchError, ProcessorFailedError) as error:
        return shown_error(cause_of(error))
    return shown_document(document) if kept else None


def _told(pipeline: ReadPipeline, document: IngestDocument, run: Run) -> Generator[Ask, Json, Json]:
    """What each processor did; an error that nobody handles ends the list."""
    report = Report()
    try:
        yield from run_pipeline(pipeline, document, Run(run.state, run.now, report))
    except (ElasticsearchError, ProcessorFailedError):
        return {"processor_results": report.results}
    return {"processor_results": report.results}
