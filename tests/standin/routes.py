"""The table of everything the stand-in answers: method, path, privilege action, query parameters, handler."""

from __future__ import annotations

from tests.standin import (
    bulk,
    cluster_api,
    documents,
    indices,
    inference_create,
    inference_delete,
    inference_read,
    inference_update,
    ingest,
    ingest_simulate,
    ml_api,
    perform,
    search,
    security_api,
    services_api,
    templates,
)
from tests.standin.router import Route
from tests.standin.source_filter import PARAMS, VECTORS_PARAM

_MASTER = frozenset({"master_timeout", "timeout"})
_PUT = "cluster:admin/xpack/inference/put"
_UPDATE = "cluster:admin/xpack/inference/update"
_DELETE = "cluster:admin/xpack/inference/delete"
_GET = "cluster:monitor/xpack/inference/get"
_TIMEOUT_OF_CREATE = (("timeout", ("8.19", "9.1")),)
_TIMEOUT_OF_UPDATE = (("timeout", ("9.5",)),)

CLUSTER = (
    Route("GET", "/", "cluster:monitor/main", cluster_api.prepare_info),
    Route("HEAD", "/", "cluster:monitor/main", cluster_api.prepare_info),
    Route(
        "GET",
        "/_cluster/health",
        "cluster:monitor/health",
        cluster_api.prepare_health,
        _MASTER | {"wait_for_status", "level", "local"},
    ),
    Route(
        "GET",
        "/_cluster/settings",
        "cluster:monitor/settings",
        cluster_api.prepare_get_settings,
        _MASTER | {"flat_settings", "include_defaults"},
    ),
    Route(
        "PUT",
        "/_cluster/settings",
        "cluster:admin/settings/update",
        cluster_api.prepare_put_settings,
        _MASTER | {"flat_settings"},
        body=True,
    ),
    Route(
        "GET",
        "/_license",
        "cluster:monitor/xpack/license/get",
        cluster_api.prepare_license,
        frozenset({"local", "accept_enterprise", "master_timeout"}),
    ),
)

INFERENCE = (
    *(
        Route("PUT", path, _PUT, inference_create.prepare_create, body=True, params_since=_TIMEOUT_OF_CREATE)
        for path in ("/_inference/{id}", "/_inference/{task}/{id}")
    ),
    *(
        Route(
            "PUT",
            path,
            _UPDATE,
            inference_update.prepare_update,
            frozenset({"master_timeout"}),
            body=True,
            params_since=_TIMEOUT_OF_UPDATE,
        )
        for path in ("/_inference/{id}/_update", "/_inference/{task}/{id}/_update")
    ),
    *(
        Route("GET", path, _GET, inference_read.prepare_get, frozenset({"return_minimal_config"}))
        for path in ("/_inference", "/_inference/{id}", "/_inference/{task}/{id}")
    ),
    *(
        Route("DELETE", path, _DELETE, inference_delete.prepare_delete, frozenset({"dry_run", "force"}))
        for path in ("/_inference/{id}", "/_inference/{task}/{id}")
    ),
)

_PERFORM = "cluster:monitor/xpack/inference/post"
_SERVICES = "cluster:monitor/xpack/inference/services/get"

PERFORM = tuple(
    Route("POST", path, _PERFORM, perform.prepare_perform, frozenset({"timeout"}), body=True)
    for path in (
        "/_inference/{id}",
        "/_inference/{task}/{id}",
        "/_inference/{id}/_stream",
        "/_inference/{task}/{id}/_stream",
    )
)
SERVICES = tuple(
    Route("GET", path, _SERVICES, services_api.prepare_services, since=("8.17",))
    for path in ("/_inference/_services", "/_inference/_services/{task}")
)

_DEPLOYMENT = "/_ml/trained_models/{id}/deployment"
_DEPLOYMENT_PARAMS = frozenset(
    {
        "deployment_id",
        "number_of_allocations",
        "threads_per_allocation",
        "wait_for",
        "timeout",
        "priority",
        "queue_capacity",
        "cache_size",
    }
)
ML = (
    *(
        Route(
            "GET",
            path,
            "cluster:monitor/xpack/ml/inference/stats/get",
            ml_api.prepare_stats,
            frozenset({"from", "size", "allow_no_match"}),
        )
        for path in ("/_ml/trained_models/_stats", "/_ml/trained_models/{id}/_stats")
    ),
    Route(
        "POST",
        f"{_DEPLOYMENT}/_start",
        "cluster:admin/xpack/ml/trained_models/deployment/start",
        ml_api.prepare_start,
        _DEPLOYMENT_PARAMS,
        body=True,
    ),
    Route(
        "POST",
        f"{_DEPLOYMENT}/_update",
        "cluster:admin/xpack/ml/trained_models/deployment/update",
        ml_api.prepare_update,
        frozenset({"number_of_allocations", "timeout"}),
        body=True,
    ),
    Route(
        "POST",
        f"{_DEPLOYMENT}/_stop",
        "cluster:admin/xpack/ml/trained_models/deployment/stop",
        ml_api.prepare_stop,
        frozenset({"force", "allow_no_match", "finish_pending_work"}),
        body=True,
    ),
)

_PIPELINE = "cluster:admin/ingest/pipeline"
INGEST = (
    Route(
        "PUT",
        "/_ingest/pipeline/{id}",
        f"{_PIPELINE}/put",
        ingest.prepare_put,
        _MASTER | {"if_version"},
        body=True,
    ),
    *(
        Route("GET", path, f"{_PIPELINE}/get", ingest.prepare_get, frozenset({"master_timeout", "summary"}))
        for path in ("/_ingest/pipeline", "/_ingest/pipeline/{id}")
    ),
    Route("DELETE", "/_ingest/pipeline/{id}", f"{_PIPELINE}/delete", ingest.prepare_delete, _MASTER),
    *(
        Route(method, path, f"{_PIPELINE}/simulate", ingest_simulate.prepare_simulate, frozenset({"verbose"}), body=True)
        for path in ("/_ingest/pipeline/_simulate", "/_ingest/pipeline/{id}/_simulate")
        for method in ("GET", "POST")
    ),
)

SECURITY = (
    Route(
        "GET",
        "/_security/_authenticate",
        "cluster:admin/xpack/security/user/authenticate",
        security_api.prepare_authenticate,
    ),
    *(
        Route(
            method,
            "/_security/user/_has_privileges",
            "cluster:admin/xpack/security/user/has_privileges",
            security_api.prepare_has_privileges,
            body=True,
        )
        for method in ("GET", "POST")
    ),
)

_WILDCARDS = frozenset({"ignore_unavailable", "allow_no_indices", "expand_wildcards"})
_SHOW = _WILDCARDS | {"local", "master_timeout", "flat_settings", "include_defaults", "features"}
_CREATE_INDEX = _MASTER | {"wait_for_active_shards"}
_SETTINGS_READ = "indices:monitor/settings/get"
_MAPPINGS_READ = "indices:admin/mappings/get"
INDICES = (
    Route("PUT", "/{index}", "indices:admin/create", indices.prepare_create, _CREATE_INDEX, body=True, index_segment=0),
    Route("GET", "/{index}", "indices:admin/get", indices.prepare_get, _SHOW, index_segment=0),
    Route("HEAD", "/{index}", "indices:admin/get", indices.prepare_get, _SHOW, index_segment=0),
    Route("DELETE", "/{index}", "indices:admin/delete", indices.prepare_delete, _MASTER | _WILDCARDS, index_segment=0),
    Route("GET", "/{index}/_mapping", _MAPPINGS_READ, indices.prepare_get_mapping, _SHOW, index_segment=0),
    Route("GET", "/_mapping", _MAPPINGS_READ, indices.prepare_get_mapping, _SHOW, every_index=True),
    Route(
        "PUT",
        "/{index}/_mapping",
        "indices:admin/mapping/put",
        indices.prepare_put_mapping,
        _MASTER | _WILDCARDS | {"write_index_only"},
        body=True,
        index_segment=0,
    ),
    Route("GET", "/{index}/_settings", _SETTINGS_READ, indices.prepare_get_settings, _SHOW, index_segment=0),
    Route("GET", "/{index}/_settings/{name}", _SETTINGS_READ, indices.prepare_get_named_settings, _SHOW, index_segment=0),
    Route("GET", "/_settings", _SETTINGS_READ, indices.prepare_get_settings, _SHOW, every_index=True),
    Route(
        "PUT",
        "/{index}/_settings",
        "indices:admin/settings/update",
        indices.prepare_put_settings,
        _MASTER | _WILDCARDS | {"flat_settings", "preserve_existing", "reopen"},
        body=True,
        index_segment=0,
    ),
)

_WRITE = frozenset({"pipeline", "refresh", "routing", "timeout", "wait_for_active_shards", "require_alias", "op_type"})
_READ = PARAMS | {VECTORS_PARAM, "realtime", "refresh", "routing", "preference"}
_SEARCH = _WILDCARDS | PARAMS | {VECTORS_PARAM, "from", "size", "preference", "routing", "track_total_hits", "timeout"}
_BULK = (_WRITE - {"op_type"}) | PARAMS | {"list_executed_pipelines"}
DOCUMENTS = (
    *(
        Route(method, path, "indices:data/write/index", documents.prepare_index, _WRITE, body=True, index_segment=0)
        for method, path in (
            ("PUT", "/{index}/_doc/{id}"),
            ("POST", "/{index}/_doc/{id}"),
            ("POST", "/{index}/_doc"),
            ("PUT", "/{index}/_create/{id}"),
            ("POST", "/{index}/_create/{id}"),
        )
    ),
    *(
        Route(method, "/{index}/_doc/{id}", "indices:data/read/get", documents.prepare_get, _READ, index_segment=0)
        for method in ("GET", "HEAD")
    ),
    Route("DELETE", "/{index}/_doc/{id}", "indices:data/write/delete", documents.prepare_delete, _WRITE, index_segment=0),
    *(
        route
        for method in ("PUT", "POST")
        for route in (
            Route(method, "/_bulk", "indices:data/write/bulk", bulk.prepare_bulk, _BULK, body=True, every_index=True),
            Route(method, "/{index}/_bulk", "indices:data/write/bulk", bulk.prepare_bulk, _BULK, body=True, index_segment=0),
        )
    ),
    *(
        route
        for method in ("GET", "POST")
        for name, action, prepare, params, body in (
            ("_search", "indices:data/read/search", search.prepare_search, _SEARCH, True),
            ("_count", "indices:data/read/search", search.prepare_count, _WILDCARDS | {"preference", "routing"}, True),
            ("_refresh", "indices:admin/refresh", documents.prepare_refresh, _WILDCARDS, False),
        )
        for route in (
            Route(method, f"/{name}", action, prepare, params, body=body, every_index=True),
            Route(method, f"/{{index}}/{name}", action, prepare, params, body=body, index_segment=0),
        )
    ),
)

_TEMPLATE_READ = frozenset({"local", "master_timeout", "flat_settings", "include_defaults"})
TEMPLATES = tuple(
    route
    for kind, action in (
        ("index_template", "indices:admin/index_template"),
        ("component_template", "cluster:admin/component_template"),
    )
    for route in (
        Route("PUT", f"/_{kind}/{{name}}", f"{action}/put", templates.prepare_put, _MASTER | {"create", "cause"}, body=True),
        Route("GET", f"/_{kind}", f"{action}/get", templates.prepare_get, _TEMPLATE_READ),
        Route("GET", f"/_{kind}/{{name}}", f"{action}/get", templates.prepare_get, _TEMPLATE_READ),
        Route("DELETE", f"/_{kind}/{{name}}", f"{action}/delete", templates.prepare_delete, _MASTER),
    )
)

ROUTES = (*CLUSTER, *INFERENCE, *PERFORM, *SERVICES, *ML, *INGEST, *SECURITY, *TEMPLATES, *DOCUMENTS, *INDICES)
