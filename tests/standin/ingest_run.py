"""Running a pipeline on a document: order, conditions, failures and their handlers, nested pipelines, foreach.

The rules of the server's compound processors. A run is a generator: it yields what it asks of an endpoint, and returns
whether the document is kept. What one processor does is in `processors_of_*.py` and `ingest_inference.py`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.standin import processors_of_fields, processors_of_values
from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.inference_ask import Ask
from tests.standin.ingest_document import IngestDocument
from tests.standin.ingest_errors import graph_error, state_error
from tests.standin.ingest_inference import infer
from tests.standin.ingest_parse import ReadPipeline, read_pipeline
from tests.standin.ingest_report import Report
from tests.standin.java_text import java_class
from tests.standin.messages import Json
from tests.standin.mustache import render
from tests.standin.processors import Processor
from tests.standin.state import State

Kept = Generator[Ask, Json, bool]
_MOST_NESTED = 100
_RUNNERS = {**processors_of_fields.RUNNERS, **processors_of_values.RUNNERS}
_FAILURE_FIELDS = ("on_failure_message", "on_failure_processor_type", "on_failure_processor_tag", "on_failure_pipeline")


@dataclass(frozen=True, slots=True)
class Run:
    """What a run knows beside its document. `report` is set in a verbose simulation."""

    state: State
    now: float
    report: Report | None = None

    def pipeline(self, name: str) -> ReadPipeline | None:
        stored = self.state.pipelines.get(name)
        return None if stored is None else read_pipeline(name, stored.body, self.state.version)


class ProcessorFailedError(Exception):
    """A processor failed: which one, in which pipelines (the innermost first), and why."""

    def __init__(self, cause: ElasticsearchError, processor: Processor, pipelines: Sequence[str]) -> None:
        super().__init__(cause.reason)
        self.cause = cause
        self.processor = processor
        self.pipelines = tuple(pipelines)


def run_pipeline(pipeline: ReadPipeline, document: IngestDocument, run: Run) -> Kept:
    """Run a pipeline; False means that it dropped the document. Raises ElasticsearchError or ProcessorFailedError."""
    if len(document.running) >= _MOST_NESTED:
        raise graph_error(f"Too many nested pipelines. Cannot have more than {_MOST_NESTED} nested pipelines")
    if pipeline.name in document.running:
        raise graph_error(f"Cycle detected for pipeline: {pipeline.name}")
    previous = document.ingest.get("pipeline")
    document.running.append(pipeline.name)
    document.patterns.append(pipeline.access_pattern)
    document.ingest["pipeline"] = pipeline.name
    try:
        return (yield from _run_all(pipeline.processors, pipeline.on_failure, document, run))
    finally:
        document.terminated = False
        document.running.pop()
        document.patterns.pop()
        if previous is None:
            document.ingest.pop("pipeline", None)
        else:
            document.ingest["pipeline"] = previous


def cause_of(error: ElasticsearchError | ProcessorFailedError) -> ElasticsearchError:
    """What a failure looks like in an answer."""
    return error.cause if isinstance(error, ProcessorFailedError) else error


def _run_all(processors: Sequence[Processor], handlers: Sequence[Processor], document: IngestDocument, run: Run) -> Kept:
    for processor in processors:
        try:
            kept = yield from _run_one(processor, document, run)
        except (ElasticsearchError, ProcessorFailedError) as error:
            failure = _failed(error, processor, document)
            if not handlers:
                raise failure from error
            return (yield from _handle(handlers, failure, document, run))
        if not kept:
            return False
        if document.terminated:
            break
    return True


def _failed(
    error: ElasticsearchError | ProcessorFailedError, processor: Processor, document: IngestDocument
) -> ProcessorFailedError:
    if isinstance(error, ProcessorFailedError):
        return error
    return ProcessorFailedError(error, processor, document.running[::-1])


def _handle(handlers: Sequence[Processor], failure: ProcessorFailedError, document: IngestDocument, run: Run) -> Kept:
    """Run the handlers of a failure, which find it in `_ingest`; their own failure is then the failure."""
    document.ingest["on_failure_message"] = failure.cause.root().reason
    document.ingest["on_failure_processor_type"] = failure.processor.kind
    document.ingest["on_failure_processor_tag"] = failure.processor.tag
    if len(failure.pipelines) > 1:
        document.ingest["on_failure_pipeline"] = failure.pipelines[0]
    try:
        for handler in handlers:
            try:
                if not (yield from _run_one(handler, document, run)):
                    return False
            except ElasticsearchError as error:
                raise _failed(error, handler, document) from error
    finally:
        for name in _FAILURE_FIELDS:
            document.ingest.pop(name, None)
    return True


def _run_one(processor: Processor, document: IngestDocument, run: Run) -> Kept:
    """A processor with its condition, its `ignore_failure` and its handlers."""
    if processor.condition is not None and not processor.condition.holds(document.fields):
        if run.report is not None:
            run.report.add(processor, "skipped")
        return True
    try:
        return (yield from _tracked(processor, document, run))
    except (ElasticsearchError, ProcessorFailedError) as error:
        if processor.ignore_failure:
            return True
        if not processor.on_failure:
            raise
        return (yield from _handle(processor.on_failure, _failed(error, processor, document), document, run))


def _tracked(processor: Processor, document: IngestDocument, run: Run) -> Kept:
    """Execute, and tell the report of it. A pipeline tells of itself before it runs."""
    if processor.kind == "pipeline":
        return (yield from _run_nested(processor, document, run))
    try:
        kept = yield from _execute(processor, document, run if processor.kind != "foreach" else replace(run, report=None))
    except (ElasticsearchError, ProcessorFailedError) as error:
        _tell_error(processor, document, run, cause_of(error))
        raise
    if run.report is not None:
        run.report.add(processor, "success" if kept else "dropped", document=document if kept else None)
    return kept


def _tell_error(processor: Processor, document: IngestDocument, run: Run, error: ElasticsearchError) -> None:
    if run.report is None:
        return
    if processor.ignore_failure:
        run.report.add(processor, "error_ignored", document=document, error=error)
    else:
        run.report.add(processor, "error", error=error)


def _execute(processor: Processor, document: IngestDocument, run: Run) -> Kept:
    match processor.kind:
        case "drop":
            return False
        case "fail":
            raise ElasticsearchError(
                500, "fail_processor_exception", render(processor.options["message"], document.model(), "text/plain")
            )
        case "terminate":
            document.terminated = True
        case "foreach":
            return (yield from _run_foreach(processor, document, run))
        case "inference":
            yield from infer(processor.options, processor.tag, document, run.state, run.now)
        case kind if kind in _RUNNERS:
            _RUNNERS[kind](processor.options, document)
        case kind:
            # A real server runs it. Honest refusal: what it would do to the document is not known here.
            raise ElasticsearchError(501, "unsupported_operation_exception", f"the stand-in does not run processor [{kind}]")
    return True


def _run_nested(processor: Processor, document: IngestDocument, run: Run) -> Kept:
    name = render(processor.options["name"], document.model(), "text/plain")
    pipeline = run.pipeline(name)
    if pipeline is None:
        return _missing(processor, document, run, name)
    if run.report is None:
        return (yield from run_pipeline(pipeline, document, run))
    try:
        # As the server does: a cycle is looked for on a copy first, so that the report does not end in the middle of one.
        yield from run_pipeline(pipeline, document.snapshot(), replace(run, report=None))
    except (ElasticsearchError, ProcessorFailedError) as error:
        if cause_of(error).error_type == "graph_structure_exception":
            _tell_error(processor, document, run, cause_of(error))
            raise
    run.report.add(processor, "success")
    return (yield from run_pipeline(pipeline, document, run))


def _missing(processor: Processor, document: IngestDocument, run: Run, name: str) -> bool:
    """A pipeline processor without its pipeline. The server words it the same, but types it differently in a verbose run."""
    reason = f"Pipeline processor configured for non-existent pipeline [{name}]"
    error = state_error(reason) if run.report is None else illegal_argument(reason)
    ignored = processor.options.get("ignore_missing_pipeline", False)
    if run.report is not None:
        run.report.add(processor, "error_ignored" if ignored else "error", document=document if ignored else None, error=error)
    if not ignored:
        raise error
    return True


def _run_foreach(processor: Processor, document: IngestDocument, run: Run) -> Kept:
    field, ignore_missing = processor.options["field"], processor.options.get("ignore_missing", False)
    value = document.get(field, ignore_missing=ignore_missing)
    inner = processor.inner
    assert inner is not None
    if value is None:
        if ignore_missing:
            return True
        raise illegal_argument(f"field [{field}] is null, cannot loop over its elements.")
    if not isinstance(value, dict | list):
        raise illegal_argument(f"field [{field}] of type [{java_class(value)}] cannot be cast to a list or map")
    before: Json = {name: document.ingest[name] for name in ("_key", "_value") if name in document.ingest}
    try:
        if isinstance(value, dict):
            changed: Any = yield from _each_entry(value, inner, document, run)
        else:
            changed = yield from _each_item(value, inner, document, run)
    finally:
        for name in ("_key", "_value"):
            document.ingest.pop(name, None)
        document.ingest.update(before)
    if changed is None:
        return False
    document.set(field, changed)
    return True


def _each_item(items: list[Any], inner: Processor, document: IngestDocument, run: Run) -> Generator[Ask, Json, list[Any] | None]:
    """The elements after the processor, or None when it dropped the document."""
    changed: list[Any] = []
    for item in items:
        document.ingest["_value"] = item
        if not (yield from _run_one(inner, document, run)):
            return None
        changed.append(document.ingest.get("_value"))
    return changed


def _each_entry(
    entries: Mapping[str, Any], inner: Processor, document: IngestDocument, run: Run
) -> Generator[Ask, Json, dict[str, Any] | None]:
    changed: dict[str, Any] = {}
    for key, item in entries.items():
        document.ingest |= {"_key": key, "_value": item}
        if not (yield from _run_one(inner, document, run)):
            return None
        name = document.ingest.get("_key")
        if isinstance(name, str) and name.strip():
            changed[name] = document.ingest.get("_value")
    return changed
