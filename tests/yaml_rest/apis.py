"""The names of the APIs that suites call, and the requests they stand for.

A table instead of Elastic's own descriptions, of the calls that inference, pipelines and their surroundings need. A call that
does not fit it (unknown parameter, no path for the arguments) is the client-side error that `catch: param` is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any
from urllib.parse import quote

_EVERYWHERE = frozenset({"pretty", "human", "error_trace", "filter_path"})
_MASTER = "master_timeout timeout"
_MAY_BE_MISSING = {"HEAD": frozenset({404})}  # the answer is whether something is there
_WILDCARDS = "ignore_unavailable allow_no_indices expand_wildcards"


class ParamError(Exception):
    """A call that a client refuses to send. The text says what is wrong and what is possible."""


@dataclass(frozen=True, slots=True)
class Api:
    """`routes`: method and path; the longest path whose names are all given is taken. The rest are `params`."""

    routes: tuple[tuple[str, str], ...]
    params: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The request of a call, without its body. `ignore`: statuses that are no errors."""

    method: str
    path: str
    query: Mapping[str, str]
    ignore: frozenset[int] = frozenset()


def _api(*routes: str, params: str = "") -> Api:
    pairs = (route.split(" ") for route in routes)
    return Api(tuple((method, path) for method, path in pairs), frozenset(params.split()))


def _inference(method: str, params: str = "", suffix: str = "") -> Api:
    return _api(
        f"{method} /_inference/{{inference_id}}{suffix}",
        f"{method} /_inference/{{task_type}}/{{inference_id}}{suffix}",
        params=params,
    )


def _task(task: str, suffix: str = "") -> Api:
    return _api(f"POST /_inference/{task}/{{inference_id}}{suffix}", params="timeout")


_DEPLOYMENT = "/_ml/trained_models/{model_id}/deployment"
APIS: Mapping[str, Api] = {
    "inference.put": _inference("PUT", "timeout"),
    "inference.update": _inference("PUT", "timeout", "/_update"),
    "inference.get": _api("GET /_inference", "GET /_inference/{inference_id}", "GET /_inference/{task_type}/{inference_id}"),
    "inference.delete": _inference("DELETE", "dry_run force"),
    "inference.inference": _inference("POST", "timeout"),
    "inference.text_embedding": _task("text_embedding"),
    "inference.sparse_embedding": _task("sparse_embedding"),
    "inference.embedding": _task("embedding"),
    "inference.rerank": _task("rerank"),
    "inference.completion": _task("completion"),
    "inference.stream_completion": _task("completion", "/_stream"),
    "inference.stream_inference": _inference("POST", "timeout", "/_stream"),
    "inference.chat_completion_unified": _task("chat_completion", "/_stream"),
    "ingest.put_pipeline": _api("PUT /_ingest/pipeline/{id}", params=f"{_MASTER} if_version"),
    "ingest.get_pipeline": _api("GET /_ingest/pipeline", "GET /_ingest/pipeline/{id}", params="master_timeout summary"),
    "ingest.delete_pipeline": _api("DELETE /_ingest/pipeline/{id}", params=_MASTER),
    "ingest.simulate": _api("POST /_ingest/pipeline/_simulate", "POST /_ingest/pipeline/{id}/_simulate", params="verbose"),
    "ml.get_trained_models": _api(
        "GET /_ml/trained_models", "GET /_ml/trained_models/{model_id}", params="allow_no_match from size include tags"
    ),
    "ml.get_trained_models_stats": _api(
        "GET /_ml/trained_models/_stats", "GET /_ml/trained_models/{model_id}/_stats", params="allow_no_match from size"
    ),
    "ml.start_trained_model_deployment": _api(
        f"POST {_DEPLOYMENT}/_start",
        params="deployment_id number_of_allocations threads_per_allocation wait_for timeout priority queue_capacity cache_size",
    ),
    "ml.update_trained_model_deployment": _api(f"POST {_DEPLOYMENT}/_update", params="number_of_allocations timeout"),
    "ml.stop_trained_model_deployment": _api(f"POST {_DEPLOYMENT}/_stop", params="force allow_no_match finish_pending_work"),
    "info": _api("GET /"),
    "ping": _api("HEAD /"),
    "license.get": _api("GET /_license", params="local accept_enterprise"),
    "cluster.health": _api(
        "GET /_cluster/health", "GET /_cluster/health/{index}", params=f"{_MASTER} level local wait_for_status"
    ),
    "cluster.get_settings": _api("GET /_cluster/settings", params=f"{_MASTER} flat_settings include_defaults"),
    "cluster.put_settings": _api("PUT /_cluster/settings", params=f"{_MASTER} flat_settings"),
    "indices.create": _api("PUT /{index}", params=f"{_MASTER} wait_for_active_shards"),
    "indices.delete": _api("DELETE /{index}", params=f"{_MASTER} {_WILDCARDS}"),
    "indices.get": _api("GET /{index}", params=f"{_WILDCARDS} local master_timeout flat_settings include_defaults features"),
    "indices.exists": _api("HEAD /{index}", params=f"{_WILDCARDS} local flat_settings include_defaults"),
    "indices.refresh": _api("POST /_refresh", "POST /{index}/_refresh", params=_WILDCARDS),
    "indices.get_mapping": _api("GET /_mapping", "GET /{index}/_mapping", params=f"{_WILDCARDS} local master_timeout"),
    "indices.put_mapping": _api("PUT /{index}/_mapping", params=f"{_MASTER} {_WILDCARDS} write_index_only"),
    "indices.get_settings": _api(
        "GET /_settings", "GET /{index}/_settings", params=f"{_WILDCARDS} local master_timeout flat_settings include_defaults"
    ),
    "indices.put_settings": _api(
        "PUT /{index}/_settings", params=f"{_MASTER} {_WILDCARDS} flat_settings preserve_existing reopen"
    ),
    "indices.put_index_template": _api("PUT /_index_template/{name}", params="master_timeout create cause"),
    "indices.get_index_template": _api("GET /_index_template", "GET /_index_template/{name}", params="local flat_settings"),
    "indices.delete_index_template": _api("DELETE /_index_template/{name}", params=_MASTER),
    "index": _api("POST /{index}/_doc", "PUT /{index}/_doc/{id}", params="pipeline refresh timeout routing op_type"),
    "create": _api("PUT /{index}/_create/{id}", params="pipeline refresh timeout routing"),
    "get": _api("GET /{index}/_doc/{id}", params="refresh routing realtime _source"),
    "delete": _api("DELETE /{index}/_doc/{id}", params="refresh timeout routing"),
    "bulk": _api("POST /_bulk", "POST /{index}/_bulk", params="pipeline refresh timeout routing"),
    "search": _api("POST /_search", "POST /{index}/_search", params=f"{_WILDCARDS} size from q sort rest_total_hits_as_int"),
}
_PUT_SERVICE = "inference.put_"


def find_api(name: str) -> Api:
    """The API of that name. Raises ParamError."""
    if name.startswith(_PUT_SERVICE):
        service = name.removeprefix(_PUT_SERVICE).replace("_", "")
        return _api(f"PUT /_inference/{{task_type}}/{{{service}_inference_id}}", params="timeout")
    if name not in APIS:
        raise ParamError(f"unknown API [{name}]; there are {', '.join(sorted(APIS))}, inference.put_SERVICE and raw")
    return APIS[name]


def request_of(name: str, arguments: Mapping[str, Any]) -> Wanted:
    """The request that a call stands for. Raises ParamError where a client would refuse to send it."""
    given = {key: value for key, value in arguments.items() if key != "ignore"}
    ignore = frozenset(map(int, _listed(arguments.get("ignore", ()))))
    if name == "raw":
        return _raw(given, ignore)
    api = find_api(name)
    method, template = _route(name, api, given)
    variables = _variables(template)
    unknown = sorted(given.keys() - variables - api.params - _EVERYWHERE)
    if unknown:
        raise ParamError(f"[{name}] does not know [{', '.join(unknown)}]")
    path = template.format_map({key: quote(text(given[key]), safe=",*") for key in variables})
    return Wanted(method, path, _query(given, variables), ignore | _MAY_BE_MISSING.get(method, frozenset()))


def _raw(given: Mapping[str, Any], ignore: frozenset[int]) -> Wanted:
    if not {"method", "path"} <= given.keys():
        raise ParamError("[raw] must have [method] and [path]")
    path = text(given["path"])
    return Wanted(text(given["method"]), path if path.startswith("/") else f"/{path}", _query(given, {"method", "path"}), ignore)


def _route(name: str, api: Api, given: Mapping[str, Any]) -> tuple[str, str]:
    fitting = [route for route in api.routes if _variables(route[1]) <= given.keys()]
    if not fitting:
        needed = " or ".join(", ".join(sorted(_variables(path))) for _, path in api.routes)
        raise ParamError(f"[{name}] must be given {needed}")
    return max(fitting, key=lambda route: len(_variables(route[1])))


def _variables(template: str) -> set[str]:
    return {variable for _, variable, _, _ in Formatter().parse(template) if variable}


def _query(given: Mapping[str, Any], without: set[str]) -> dict[str, str]:
    return {key: text(value) for key, value in given.items() if key not in without}


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def text(value: Any) -> str:
    """A parameter as it travels: lists with commas, booleans in lower case."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(text, value)) if isinstance(value, list) else str(value)
