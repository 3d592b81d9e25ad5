"""Tests that an IngestPipeline carries, and what is reported about them: documents in, documents out.

Decides which expectations can be written. Imports only the shared model parts.
"""

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from inference_operator.api.meta import ApiModel
from inference_operator.api.rules import Rule, validations

MAX_TESTS = 50
MAX_DOCUMENTS = 20
MAX_FAILURES = 20
MAX_SHOWN = 1024
"""Characters of an expected or actual value that the status shows."""

_ONE_EACH = "write one expectation for each document: expect and documents must have the same length"
_ONE_OUTCOME = (
    "expect one outcome: fields of the document (_source, _index, _id, _routing), or dropped: true,"
    " or error with a part of the error's text"
)
_DOCUMENT_FIELDS = ("_source", "_index", "_id", "_routing")
_HAS_FIELDS = f"({' || '.join(f'has(self.{field})' for field in _DOCUMENT_FIELDS)})"
# Exactly one of three, said so that it stays cheap: no two, and not none.
_OUTCOME = f"(has(self.error) ? 1 : 0) + (has(self.dropped) ? 1 : 0) + ({_HAS_FIELDS} ? 1 : 0) == 1"


class SampleDocument(ApiModel):
    """A document to run through the pipeline."""

    source: dict[str, Any] = Field(alias="_source", max_length=1000)
    """The fields of the document."""
    index: str | None = Field(default=None, alias="_index", min_length=1, max_length=512)
    """The index that the document is sent to. Default: the literal _index."""
    id: str | None = Field(default=None, alias="_id", min_length=1, max_length=512)
    """The id of the document. Default: the literal _id."""
    routing: str | None = Field(default=None, alias="_routing", min_length=1, max_length=512)
    """The routing value that the document is sent with. Default: none."""


class Expectation(ApiModel):
    """What must become of one document: fields that it has then, or that it is dropped, or an error."""

    model_config = ConfigDict(json_schema_extra=validations(Rule(_OUTCOME, _ONE_OUTCOME)))

    source: dict[str, Any] | None = Field(default=None, alias="_source", max_length=1000)
    """A subset of the fields that the document has in the end. Objects may have more fields than are named here; lists must
    have the same length, each entry with what is named here; 1 and 1.0 are the same."""
    index: str | None = Field(default=None, alias="_index", min_length=1, max_length=512)
    """The index that the document goes to in the end."""
    id: str | None = Field(default=None, alias="_id", min_length=1, max_length=512)
    """The id that the document has in the end."""
    routing: str | None = Field(default=None, alias="_routing", min_length=1, max_length=512)
    """The routing value that the document has in the end."""
    dropped: Literal[True] | None = None
    """True: the pipeline drops the document."""
    error: str | None = Field(default=None, min_length=1, max_length=1024)
    """The document fails with an error that contains this text."""

    @property
    def document(self) -> dict[str, Any]:
        """The fields of the document that are expected, as Elasticsearch calls them; empty for other outcomes."""
        return {key: value for key, value in self.body().items() if key in _DOCUMENT_FIELDS}

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        if (self.error is not None) + (self.dropped is not None) + bool(self.document) != 1:
            raise ValueError(_ONE_OUTCOME)
        return self


class PipelineTest(ApiModel):
    """Documents, and what the pipeline must make of them."""

    model_config = ConfigDict(json_schema_extra=validations(Rule("size(self.expect) == size(self.documents)", _ONE_EACH)))

    name: str = Field(min_length=1, max_length=253)
    """What the test shows, in words; no two tests of a pipeline have the same name."""
    documents: tuple[SampleDocument, ...] = Field(min_length=1, max_length=MAX_DOCUMENTS)
    """The documents to run through the pipeline, at least one."""
    expect: tuple[Expectation, ...] = Field(min_length=1, max_length=MAX_DOCUMENTS)
    """What must become of them, in the same order: one entry for each document."""

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if len(self.documents) != len(self.expect):
            raise ValueError(_ONE_EACH)
        return self


class TrialFailure(ApiModel):
    """A document of which the pipeline did not make what a test expects."""

    name: str
    """Name of the test."""
    document: int = Field(ge=0)
    """Index of the document in the test, from 0."""
    expected: str
    """What the test expects, as JSON, cut at 1024 characters."""
    actual: str
    """What came out, as JSON, cut at 1024 characters."""
    message: str
    """Where the two differ, for humans."""


class TrialStatus(ApiModel):
    """How the tests of the pipeline last ended. They run again when the pipeline or the tests change."""

    digest: str
    """Digest of the pipeline and the tests that were run."""
    outcome: Literal["Passed", "Failed"]
    """Passed or Failed. While they fail, Elasticsearch keeps the pipeline that it had."""
    failures: tuple[TrialFailure, ...] = Field(default=(), max_length=MAX_FAILURES)
    """The documents that failed, at most 20 of them."""
