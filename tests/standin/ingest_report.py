"""What a verbose simulation tells of each processor: its status, the document after it, the error, the condition.

Only records and renders; when something is recorded is decided in `ingest_run.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.standin.errors import ElasticsearchError
from tests.standin.ingest_document import IngestDocument
from tests.standin.messages import Json
from tests.standin.processors import Processor


def shown_error(error: ElasticsearchError) -> Json:
    """An error inside of a successful answer: as a whole answer, but without the status."""
    return {"error": error.body()["error"]}


def shown_document(document: IngestDocument) -> Json:
    """A document of a simulation: metadata as text, source, and what `_ingest` holds."""
    metadata = {name: str(value) for name, value in document.metadata.items()}
    return {"doc": metadata | {"_source": document.source, "_ingest": dict(document.ingest)}}


@dataclass(slots=True)
class Report:
    """The results of the processors of one document, in the order in which they ran."""

    results: list[Json] = field(default_factory=list)

    def add(
        self,
        processor: Processor,
        status: str,
        *,
        document: IngestDocument | None = None,
        error: ElasticsearchError | None = None,
    ) -> None:
        """Record how a processor ended; the document is copied as it is now."""
        entry: Json = {"processor_type": processor.kind, "status": status}
        if processor.description is not None:
            entry["description"] = processor.description
        if processor.tag is not None:
            entry["tag"] = processor.tag
        if processor.condition is not None:
            entry["if"] = {"condition": processor.condition.source, "result": status != "skipped"}
        if error is not None:
            entry |= {"ignored_error": shown_error(error)} if document is not None else shown_error(error)
        if document is not None:
            entry |= shown_document(document.snapshot())
        self.results.append(entry)
