"""The table of everything the stand-in answers: method, path, privilege action, query parameters, handler."""

from __future__ import annotations

from tests.standin import (
    cluster_api,
    inference_create,
    inference_delete,
    inference_read,
    inference_update,
)
from tests.standin.router import Route

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

ROUTES = (*CLUSTER, *INFERENCE)
