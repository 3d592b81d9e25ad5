"""The `inference` processor: what it asks, of whom, and where the results go in the document.

Two ways, as on the server: `input_output` asks an inference endpoint or a deployed model with texts; the older
`target_field` gives a trained model the whole document, which endpoints refuse.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from tests.standin.errors import bad_request, illegal_argument, not_found, status_error
from tests.standin.inference_ask import Ask
from tests.standin.ingest_document import IngestDocument
from tests.standin.messages import Json
from tests.standin.state import State
from tests.standin.text_inference import from_deployment, infer_texts, is_deployed, is_endpoint

_RESULTS = "predicted_value"
_TEXT_FIELD = "text_field"


def infer(
    options: Mapping[str, Any], tag: str | None, document: IngestDocument, state: State, now: float
) -> Generator[Ask, Json, None]:
    """Run the processor. Raises the refusals of the server at run time."""
    if options.get("input_output") is not None:
        yield from _by_texts(options, document, state, now)
    else:
        _by_document(options, tag, document, state, now)


def _by_texts(options: Mapping[str, Any], document: IngestDocument, state: State, now: float) -> Generator[Ask, Json, None]:
    given = options["input_output"]
    pairs: list[Json] = [given] if isinstance(given, dict) else given
    texts = [_text(document, pair["input_field"], ignore_missing=options.get("ignore_missing", False)) for pair in pairs]
    if texts[0] is None:
        # The server looks whether anything is there after each field, so the first one decides.
        return
    model_id = options["model_id"]
    results = yield from infer_texts(model_id, tuple(text or "" for text in texts), state, now)
    if len(results) != len(pairs):
        raise status_error(500, f"number of results [{len(results)}] does not match the number of inputs [{len(pairs)}]")
    for position, (pair, result) in enumerate(zip(pairs, results, strict=True)):
        base, _, name = pair["output_field"].rpartition(".")
        shown = {name: result} | ({"model_id": model_id} if position == 0 else {})
        for key, value in shown.items():
            _set_or_append(document, f"{base}.{key}" if base else key, value)


def _text(document: IngestDocument, field: str, *, ignore_missing: bool) -> str | None:
    value = document.get(field, ignore_missing=ignore_missing)
    if value is not None and not isinstance(value, str):
        raise illegal_argument(f"input field [{field}] cannot be processed because it is not a text field")
    return value


def _set_or_append(document: IngestDocument, field: str, value: Any) -> None:
    """A field that is already there gets the result appended: a document that comes twice has two."""
    if document.has(field):
        document.append(field, value)
    else:
        document.set(field, value)


def _by_document(options: Mapping[str, Any], tag: str | None, document: IngestDocument, state: State, now: float) -> None:
    model_id = options["model_id"]
    if is_endpoint(model_id, state):
        raise bad_request(f"[{model_id}] is configured for the _inference API and does not accept documents as input")
    if not is_deployed(model_id, state):
        # Which of the two the server says of a model that is there but not deployed is unverified:
        # an inference processor on such a model settles it.
        raise not_found(f"Could not find trained model [{model_id}]")
    source = _mapped(document, options.get("field_map") or options.get("field_mappings") or {})
    value = source.get(_TEXT_FIELD)
    if not isinstance(value, str):
        raise bad_request(f"Could not find text field [{_TEXT_FIELD}] in document")
    (result,) = from_deployment(model_id, (value,), state, now)
    target = options.get("target_field") or ("ml.inference" if tag is None else f"ml.inference.{tag}")
    _set_or_append(document, target, {_RESULTS: result, "model_id": model_id})


def _mapped(document: IngestDocument, names: Mapping[str, str]) -> Json:
    fields = dict(document.source)
    for name, wanted in names.items():
        if document.has(name):
            fields[wanted] = document.get(name)
    return fields
