"""Writing documents: pipelines first, then inference of semantic fields, then the mapping, then the index itself.

`prepare` does what takes time, as work that may ask endpoints; `store` changes the state. Requests are read elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.index_settings import refresh_interval
from tests.standin.indices import new_index, with_mappings
from tests.standin.inference_ask import Ask
from tests.standin.ingest_document import IngestDocument
from tests.standin.ingest_errors import state_error
from tests.standin.ingest_parse import read_pipeline
from tests.standin.ingest_run import ProcessorFailedError, Run, run_pipeline
from tests.standin.mappings import grown
from tests.standin.messages import Json
from tests.standin.semantic_fields import Meaning, remember, understand
from tests.standin.state import Document, Index, State, put

NO_PIPELINE = "_none"
_MATCH_ANY = -3
UNNAMED = "auto-generated"
_SHARDS = {"total": 2, "successful": 1, "failed": 0}


@dataclass(frozen=True, slots=True)
class Write:
    """A document that is to be written. `pipeline` None means the default of the index."""

    index: str
    doc_id: str | None
    source: Json
    op_type: Literal["index", "create"] = "index"
    pipeline: str | None = None
    routing: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document after pipelines and inference; `source` None when a pipeline dropped it."""

    index: str
    doc_id: str | None
    source: Json | None
    op_type: Literal["index", "create"]
    routing: str | None = None
    meaning: Meaning = field(default_factory=Meaning)
    ran_pipelines: bool = False


def target(state: State, name: str, now: float) -> Index:
    """The index of a name, or the one that would be made for it. Raises 400 for a bad name."""
    return state.indices.get(name) or new_index(state, name, {}, now)


def prepare(write: Write, state: State, now: float) -> Generator[Ask, Json, Prepared]:
    """Run the pipelines and infer the semantic fields. Raises ElasticsearchError for this document."""
    metadata: Json = {"_index": write.index, "_id": write.doc_id, "_version": _MATCH_ANY, "_routing": write.routing}
    document = IngestDocument.of(write.source, metadata, now)
    before = _chosen(write, target(state, write.index, now))
    kept = yield from _run_pipelines(before, document, Run(state, now))
    index, doc_id = str(document.fields["_index"]), document.fields.get("_id")
    routing = document.fields.get("_routing")
    ran = any(before)
    if not kept:
        return Prepared(index, doc_id, None, write.op_type, ran_pipelines=ran)
    meaning = yield from understand(target(state, index, now), document.source, state, now)
    return Prepared(index, None if doc_id is None else str(doc_id), document.source, write.op_type, routing, meaning, ran)


def _chosen(write: Write, index: Index) -> tuple[str | None, str | None]:
    """The first pipeline (of the request, or else the default one) and the final one."""
    first = index.settings.get("index.default_pipeline") if write.pipeline is None else write.pipeline
    return _real(first), _real(index.settings.get("index.final_pipeline"))


def _real(name: str | None) -> str | None:
    return None if name == NO_PIPELINE else name


def _run_pipelines(names: tuple[str | None, str | None], document: IngestDocument, run: Run) -> Generator[Ask, Json, bool]:
    first, final = names
    before = document.fields["_index"]
    if first is not None and not (yield from _run_named(first, document, run)):
        return False
    if document.fields["_index"] != before:
        settings = target(run.state, str(document.fields["_index"]), run.now).settings
        final, before = _real(settings.get("index.final_pipeline")), document.fields["_index"]
    if final is not None and not (yield from _run_named(final, document, run)):
        return False
    if document.fields["_index"] != before:
        to, doc_id = document.fields["_index"], document.fields.get("_id")
        problem = f"can't change the target index (from [{before}] to [{to}]) for document [{doc_id}]"
        raise state_error(f"final pipeline [{final}] {problem}")
    return True


def _run_named(name: str, document: IngestDocument, run: Run) -> Generator[Ask, Json, bool]:
    stored = run.state.pipelines.get(name)
    if stored is None:
        raise illegal_argument(f"pipeline with id [{name}] does not exist")
    try:
        return (yield from run_pipeline(read_pipeline(name, stored.body, run.state.version), document, run))
    except ProcessorFailedError as failure:
        raise failure.cause from failure


def store(state: State, prepared: Prepared, now: float, *, refresh: bool) -> tuple[State, int, Json]:
    """Put a document into its index: the state after it, the status and the answer. Raises 400 and 409 for this document.

    `refresh` is only told in the answer: that the index is refreshed afterwards is up to the caller.
    """
    if prepared.source is None:
        answer = _answer(prepared.index, prepared.doc_id or UNNAMED, _MATCH_ANY, "noop")
        return state, 200, answer | {"_shards": {"total": 0, "successful": 0, "failed": 0}}
    index = target(state, prepared.index, now)
    documents = state.documents.get(index.name, {})
    seq_no = max((one.seq_no for one in documents.values()), default=-1) + 1
    doc_id = prepared.doc_id or _new_id(index, seq_no, now)
    current = documents.get(doc_id)
    if prepared.op_type == "create" and current is not None:
        raise conflict(index, doc_id, f"document already exists (current version [{current.version}])")
    learned = remember(grown(index.mappings, prepared.source, doc_id), prepared.meaning.models)
    changed = index if learned == index.mappings else with_mappings(index, learned)
    document = Document(
        doc_id,
        prepared.source,
        1 if current is None else current.version + 1,
        seq_no,
        prepared.routing,
        prepared.meaning.values,
        _visible_from(index, current, now),
    )
    state = replace(state.with_index(changed), documents=put(state.documents, index.name, put(documents, doc_id, document)))
    answer = _answer(index.name, doc_id, document.version, "created" if current is None else "updated")
    answer |= ({"forced_refresh": True} if refresh else {}) | {"_shards": _SHARDS, "_seq_no": seq_no, "_primary_term": 1}
    return state, 201 if current is None else 200, answer


def _answer(index: str, doc_id: str, version: int, result: str) -> Json:
    return {"_index": index, "_id": doc_id, "_version": version, "result": result}


def conflict(index: Index, doc_id: str, problem: str) -> ElasticsearchError:
    extra = {"index_uuid": index.uuid, "shard": "0", "index": index.name}
    return ElasticsearchError(409, "version_conflict_engine_exception", f"[{doc_id}]: version conflict, {problem}", extra=extra)


def _visible_from(index: Index, current: Document | None, now: float) -> float:
    """Searches see a new document after the next refresh; a changed one keeps being seen, with its new content."""
    if current is not None:
        return current.searchable_at
    interval = refresh_interval(index.settings)
    return math.inf if interval is None else now + interval


def _new_id(index: Index, seq_no: int, now: float) -> str:
    digest = hashlib.sha256(f"{index.uuid}{seq_no}{now}".encode()).digest()
    return base64.urlsafe_b64encode(digest[:15]).decode()


def refreshed(state: State, names: list[str]) -> State:
    """The state in which searches see everything that was written."""
    seen: dict[str, Mapping[str, Any]] = {}
    for name in dict.fromkeys(names):
        documents = state.documents.get(name, {})
        seen[name] = {doc_id: replace(one, searchable_at=0.0) for doc_id, one in documents.items()}
    return replace(state, documents={**state.documents, **seen})
