"""Requests as values: method, path, parameters, body.

Decides how each operation looks on the wire, and which query parameters a version of the server accepts (an unknown one
is refused with 400). Imports no client. Bodies hold secrets in clear, so they are never shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from inference_operator.core.values import Json, Version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_TIMEOUT = 30.0
"""Seconds that the server takes at most for what it was given no time for."""

_PIPELINE = "/_ingest/pipeline/{id}"
# Bytes. Percent-encoded it triples, and a server takes no request line of more than 4 kB (`http.max_initial_line_length`).
_LONGEST_ID = 1024
_SERVER_WITHOUT_LIMIT = 120.0  # what newer servers give a provider when the request does not say


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `path` is percent-encoded and begins with a slash; `allowance` is how many seconds the server may take.

    `route` is the path with names in the place of ids, the same for all requests of one kind; empty where the path has no id.

    `writes` is False for all that leaves the server as it was (a dry run is a DELETE that does not write).
    `calls_provider` marks calls whose duration depends on somebody else: a timeout says nothing about Elasticsearch.
    `infers` marks inferences, which take no place of a read or a write; `streams`, that server-sent events are wanted.
    """

    method: str
    path: str
    operation: str
    route: str = ""
    params: tuple[tuple[str, str], ...] = ()
    body: Json = field(default=None, repr=False)
    writes: bool = False
    calls_provider: bool = False
    infers: bool = False
    streams: bool = False
    allowance: float = DEFAULT_TIMEOUT


def root() -> Request:
    """Name, UUID and version of the cluster."""
    return Request("GET", "/", "info")


def list_endpoints() -> Request:
    """Every endpoint, preconfigured ones included."""
    return Request("GET", "/_inference/_all", "inference.list", allowance=60.0)


def get_endpoint(inference_id: str) -> Request:
    """One endpoint, of whatever task type."""
    return Request("GET", f"/_inference/{_segment(inference_id)}", "inference.get", "/_inference/{inference_id}")


def put_endpoint(task_type: str, inference_id: str, body: Mapping[str, Json], timeout: float, server: Version | None) -> Request:
    """Create. On an id that is taken the server validates everything and then refuses."""
    params, allowance = _timeout(timeout, known=_create_knows_timeout(server))
    return Request(
        "PUT",
        f"/_inference/{_segment(task_type)}/{_segment(inference_id)}",
        "inference.put",
        "/_inference/{task_type}/{inference_id}",
        params=params,
        body=dict(body),
        writes=True,
        calls_provider=True,
        allowance=allowance,
    )


def update_endpoint(
    task_type: str, inference_id: str, body: Mapping[str, Json], timeout: float, server: Version | None
) -> Request:
    """Update in place. The task type is always in the path: servers before 8.18.1 misread the short form."""
    params, allowance = _timeout(timeout, known=server is not None and server >= Version(9, 5))
    return Request(
        "PUT",
        f"/_inference/{_segment(task_type)}/{_segment(inference_id)}/_update",
        "inference.update",
        "/_inference/{task_type}/{inference_id}/_update",
        params=params,
        body=dict(body),
        writes=True,
        calls_provider=True,
        allowance=allowance,
    )


def delete_endpoint(inference_id: str, *, dry_run: bool = False, force: bool = False) -> Request:
    """Delete, or with `dry_run` only ask who refers to the endpoint; `force` deletes although somebody does."""
    params = (*((("dry_run", "true"),) if dry_run else ()), *((("force", "true"),) if force else ()))
    return Request(
        "DELETE",
        f"/_inference/{_segment(inference_id)}",
        "inference.dry_run" if dry_run else "inference.delete",
        "/_inference/{inference_id}",
        params=params,
        writes=not dry_run,
    )


def perform(task_type: str, inference_id: str, body: Mapping[str, Json], timeout: float, *, stream: bool = False) -> Request:
    """One inference. With `stream` the answer comes as server-sent events."""
    params, allowance = _timeout(timeout, known=True)
    return Request(
        "POST",
        f"/_inference/{_segment(task_type)}/{_segment(inference_id)}" + ("/_stream" if stream else ""),
        "inference.stream" if stream else "inference.perform",
        "/_inference/{task_type}/{inference_id}" + ("/_stream" if stream else ""),
        params=params,
        body=dict(body),
        calls_provider=True,
        infers=True,
        streams=stream,
        allowance=allowance,
    )


def list_pipelines() -> Request:
    """Every ingest pipeline, whole."""
    return Request("GET", "/_ingest/pipeline", "ingest.list", allowance=60.0)


def list_index_templates() -> Request:
    """Every index template, whole."""
    return Request("GET", "/_index_template", "index_template.list", allowance=60.0)


def list_component_templates() -> Request:
    """Every component template, whole."""
    return Request("GET", "/_component_template", "component_template.list", allowance=60.0)


def get_pipeline(pipeline_id: str) -> Request:
    """One ingest pipeline."""
    return Request("GET", f"/_ingest/pipeline/{_segment(pipeline_id)}", "ingest.get", _PIPELINE)


def put_pipeline(pipeline_id: str, body: Mapping[str, Json]) -> Request:
    """Create or replace. Never with `if_version`, which wants versions and writes one where the user has none."""
    return Request("PUT", f"/_ingest/pipeline/{_segment(pipeline_id)}", "ingest.put", _PIPELINE, body=dict(body), writes=True)


def delete_pipeline(pipeline_id: str) -> Request:
    """Delete one ingest pipeline."""
    return Request("DELETE", f"/_ingest/pipeline/{_segment(pipeline_id)}", "ingest.delete", _PIPELINE, writes=True)


def simulate_pipeline(body: Mapping[str, Json], docs: Sequence[Json]) -> Request:
    """Run documents through a pipeline that need not exist. Its inference processors call their endpoints."""
    return Request(
        "POST",
        "/_ingest/pipeline/_simulate",
        "ingest.simulate",
        body={"pipeline": dict(body), "docs": list(docs)},
        calls_provider=True,
        infers=True,
        allowance=_SERVER_WITHOUT_LIMIT,
    )


def list_pipelines_of_indices() -> Request:
    """The default and the final pipeline of every index that has one, hidden and closed indices included."""
    params = (("expand_wildcards", "all"), ("flat_settings", "true"))
    path = "/_all/_settings/index.default_pipeline,index.final_pipeline"
    return Request("GET", path, "settings.pipelines", params=params, allowance=60.0)


def model_stats(name: str = "_all") -> Request:
    """Every model and deployment in one answer, or those of one name, which may be an alias."""
    segment = name if name == "_all" else _segment(name)
    params = (("size", "10000"), ("allow_no_match", "true"))
    route = "/_ml/trained_models/{model_id}/_stats"
    return Request("GET", f"/_ml/trained_models/{segment}/_stats", "ml.stats", route, params=params, allowance=60.0)


def is_single(text: str) -> bool:
    """Whether the server reads the text as one id. It has words of its own (`_all`), wildcards and comma lists."""
    return 0 < len(text.encode()) <= _LONGEST_ID and not text.startswith("_") and "*" not in text and "," not in text


def _create_knows_timeout(server: Version | None) -> bool:
    return server is not None and (server >= Version(9, 1) or Version(8, 19) <= server < Version(9, 0))


def _timeout(seconds: float, *, known: bool) -> tuple[tuple[tuple[str, str], ...], float]:
    """The parameter, where the server knows it, and how long the server may take then."""
    if not known:
        return (), max(seconds, _SERVER_WITHOUT_LIMIT)
    milliseconds = max(1, round(seconds * 1000))
    whole, rest = divmod(milliseconds, 1000)
    return (("timeout", f"{milliseconds}ms" if rest else f"{whole}s"),), seconds


def _segment(text: str) -> str:
    """One segment of a path. Raises ValueError for what the server would read as something else than one id."""
    if not is_single(text):
        raise ValueError(f"{text!r} is not a single id")
    # A client may resolve dot segments before it sends; percent-encoded they stay where they are.
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")
