"""For each alert: series that make it fire, with what it then says. Those that must leave it silent: `quiet_alert_cases`.

A series is written as promtool takes it, with a value a minute: `0+60x40` begins at 0 and rises by 60, forty times.
"""

from __future__ import annotations

from dataclasses import dataclass, field

A, B = ('job="op", namespace="ops", instance="a"', 'job="op", namespace="ops", instance="b"')
"""What Prometheus adds: two replicas of one operator."""
ENDPOINT, PIPELINE = 'kind="InferenceEndpoint"', 'kind="IngestPipeline"'
CLUSTER = 'cluster="https://es:9200"'
OF_OPERATOR = {"job": "op", "namespace": "ops"}
OF_ENDPOINTS = OF_OPERATOR | {"kind": "InferenceEndpoint"}
OF_CLUSTER = OF_OPERATOR | {"cluster": "https://es:9200"}


@dataclass(frozen=True)
class Fires:
    """The alert fires at that minute, once, with these labels."""

    alert: str
    series: dict[str, str]
    at: int
    severity: str
    summary: str
    description: str
    labels: dict[str, str] = field(default_factory=lambda: OF_OPERATOR)


@dataclass(frozen=True)
class Silent:
    """The alert does not fire at that minute."""

    alert: str
    why: str
    series: dict[str, str]
    at: int


def condition(kind: str, name: str, status: str = "True", where: str = A) -> str:
    labels = f'{where}, {kind}, condition="{name}", status="{status}"'
    return f"inference_operator_object_conditions_oldest_seconds{{{labels}}}"


def not_ready(reason: str, where: str = A) -> str:
    return f'inference_operator_objects_not_ready_oldest_seconds{{{where}, {ENDPOINT}, reason="{reason}"}}'


def requests(operation: str, status: str, where: str = A) -> str:
    return f'inference_operator_elasticsearch_requests_total{{{where}, {CLUSTER}, operation="{operation}", status="{status}"}}'


def passes(result: str, reason: str, where: str = A) -> str:
    return f'inference_operator_reconciles_total{{{where}, {ENDPOINT}, result="{result}", reason="{reason}"}}'


FIRING = (
    Fires(
        "InferenceOperatorObjectsNotReady",
        {not_ready("Unreachable"): "0+60x60", not_ready("Unreachable", B): "0+60x60", not_ready("Suspended"): "0+60x60"},
        40,
        "warning",
        "InferenceEndpoint not ready for over half an hour: Unreachable",
        "At least one InferenceEndpoint of the operator op (ops) has not been ready for 40m 0s, with the reason Unreachable.",
        OF_ENDPOINTS | {"reason": "Unreachable"},
    ),
    Fires(
        "InferenceOperatorObjectsStalled",
        {condition(ENDPOINT, "Stalled"): "0+60x60", condition(PIPELINE, "Stalled"): "0x60"},
        20,
        "warning",
        "InferenceEndpoint stalled: a person must act",
        "At least one InferenceEndpoint of the operator op (ops) has been stalled for 20m 0s and will not go on by itself.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorDeletionBlocked",
        {condition(ENDPOINT, "DeletionBlocked"): "0+60x90"},
        70,
        "warning",
        "Deletion of InferenceEndpoint blocked for over an hour",
        "At least one InferenceEndpoint of the operator op (ops) was to be deleted 1h 10m 0s ago, and pipelines or indices in"
        " Elasticsearch still use what it stands for.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorDrifted",
        {condition(ENDPOINT, "Drifted"): "0+60x60"},
        40,
        "warning",
        "InferenceEndpoint differs from Elasticsearch, and nobody puts it back",
        "At least one InferenceEndpoint of the operator op (ops) has differed from what Elasticsearch holds for 40m 0s. Its"
        " driftPolicy or managementPolicy says to leave that alone.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorDriftReturns",
        {f"inference_operator_drift_repairs_total{{{A}, {ENDPOINT}}}": "0+1x120"},
        100,
        "warning",
        "Somebody keeps changing what an InferenceEndpoint owns",
        "The operator op (ops) put InferenceEndpoint back 60 times within an hour, in each third of it: something else writes"
        " the same in Elasticsearch.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorDriftReturns",  # one object, put back by each comparison of ten minutes
        {f"inference_operator_drift_repairs_total{{{A}, {ENDPOINT}}}": "0x9 1x9 2x9 3x9 4x9 5x9 6x9 7x9 8x9 9x9"},
        95,
        "warning",
        "Somebody keeps changing what an InferenceEndpoint owns",
        "The operator op (ops) put InferenceEndpoint back 6 times within an hour, in each third of it: something else writes"
        " the same in Elasticsearch.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorProbeFailing",
        {condition(ENDPOINT, "Probed", "False"): "0+60x60"},
        30,
        "warning",
        "A probe of an InferenceEndpoint fails",
        "For 30m 0s no inference has come back through at least one InferenceEndpoint of the operator op (ops), although it may"
        " be Ready.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorAllocationsMissing",
        {
            f"inference_operator_model_allocations{{{A}, {ENDPOINT}}}": "1x60",
            f"inference_operator_model_allocations_wanted{{{A}, {ENDPOINT}}}": "3x60",
        },
        31,
        "warning",
        "Models inside Elasticsearch have fewer allocations than wanted",
        "For half an hour only 1 allocations have run for the models of InferenceEndpoint of the operator op (ops), fewer than"
        " are wanted.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorObjectsUnreadable",
        {f"inference_operator_objects_unreadable{{{A}, {ENDPOINT}}}": "2x30"},
        11,
        "warning",
        "The installed CRD of InferenceEndpoint does not fit the operator",
        "2 objects of the kind InferenceEndpoint do not have the form that the operator op (ops) knows, and are left alone.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorAbandoned",
        {f"inference_operator_abandoned_total{{{A}, {ENDPOINT}}}": "0x10 1x60"},
        30,
        "info",
        "InferenceEndpoint let go, and what it stood for may be left in Elasticsearch",
        "Within the last hour the operator op (ops) let go of objects of the kind InferenceEndpoint without a way to"
        " Elasticsearch to delete what they stood for.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorElasticsearchUnreachable",
        {
            f"inference_operator_elasticsearch_breaker_open{{{A}, {CLUSTER}}}": "1x30",
            f"inference_operator_elasticsearch_breaker_open{{{B}, {CLUSTER}}}": "0x30",
        },
        6,
        "critical",
        "Elasticsearch at https://es:9200 can't be reached",
        "For five minutes the operator op (ops) has found nobody who serves at https://es:9200, by none of its connections."
        " Nothing is created, changed or deleted there meanwhile.",
        OF_CLUSTER,
    ),
    Fires(
        "InferenceOperatorElasticsearchRefuses",
        {requests("info", "4xx"): "0+1x60", requests("inference.get", "4xx"): "0+50x60"},
        30,
        "critical",
        "Elasticsearch at https://es:9200 rejects the operator",
        "https://es:9200 has refused all of one kind of plain read of the operator op (ops) for a while, 10 within the last ten"
        " minutes, with 401, 403 or 429: credentials, privileges or limits.",
        OF_CLUSTER,
    ),
    Fires(
        "InferenceOperatorElasticsearchRefuses",  # logged in, without the privilege; tried again with the longest pause
        {requests("info", "2xx"): "0+1x60", requests("inference.list", "4xx"): "0x4 1x4 2x4 3x4 4x4 5x4 6x4 7x4 8x4 9x4"},
        48,
        "critical",
        "Elasticsearch at https://es:9200 rejects the operator",
        "https://es:9200 has refused all of one kind of plain read of the operator op (ops) for a while, 2 within the last ten"
        " minutes, with 401, 403 or 429: credentials, privileges or limits.",
        OF_CLUSTER,
    ),
    Fires(
        "InferenceOperatorElasticsearchFails",
        {requests("inference.put", "5xx"): "0+1x60", requests("inference.list", "2xx"): "0+3x60"},
        40,
        "warning",
        "Elasticsearch at https://es:9200 fails",
        "25% of the requests of the operator op (ops) to https://es:9200 end with a 5xx.",
        OF_CLUSTER,
    ),
    Fires(
        "InferenceOperatorRequestsHeldBack",
        {f'inference_operator_elasticsearch_requests_unsent_total{{{A}, {CLUSTER}, cause="budget"}}': "0+60x90"},
        60,
        "info",
        "More requests for https://es:9200 than may be sent",
        "For half an hour the operator op (ops) has held back 1.0 requests a second to https://es:9200, to stay within its"
        " budget.",
        OF_CLUSTER,
    ),
    Fires(
        "InferenceOperatorAbsent",
        {f"up{{{A}}}": "0x30"},
        6,
        "critical",
        "No inference operator is seen",
        "For five minutes Prometheus has scraped no inference operator: none runs, or its metrics can't be read.",
        {},
    ),
    Fires(
        "InferenceOperatorNoLeader",
        {f"inference_operator_leader{{{A}}}": "1x5 0x30", f"inference_operator_leader{{{B}}}": "0x35"},
        9,
        "critical",
        "Replicas of the inference operator run, and none of them works",
        "For two minutes no replica of the operator op (ops) has held the Lease.",
    ),
    Fires(
        "InferenceOperatorTwoLeaders",
        {f"inference_operator_leader{{{A}}}": "1x30", f"inference_operator_leader{{{B}}}": "0x5 1x30"},
        9,
        "critical",
        "2 replicas of the inference operator work at once",
        "For two minutes 2 replicas of the operator op (ops) have said that they lead. Only one may write.",
    ),
    Fires(
        "InferenceOperatorWatchSilent",
        {f"inference_operator_watch_age_seconds{{{A}}}": "0+60x5 0x30", f"inference_operator_watch_age_seconds{{{B}}}": "30x40"},
        12,
        "warning",
        "A watch of the inference operator at a fell silent",
        "Within the last ten minutes a watch of the replica at a (ops) heard nothing of the API server for 5m 0s. Changes are"
        " seen late.",
        OF_OPERATOR | {"instance": "a"},
    ),
    Fires(
        "InferenceOperatorQueueLate",
        {
            f"inference_operator_queue_oldest_due_seconds{{{A}}}": "0+60x30",
            f"inference_operator_leader{{{A}}}": "1x30",
        },
        12,
        "warning",
        "Objects wait for the inference operator",
        "In the operator op (ops) an object has waited for its turn for 12m 0s.",
    ),
    Fires(
        "InferenceOperatorReconcilesFail",
        {passes("retry", "Unreachable"): "0+3x90", passes("done", "Available"): "0+1x90"},
        50,
        "warning",
        "Most passes over InferenceEndpoint fail",
        "For half an hour 75% of the passes of the operator op (ops) over InferenceEndpoint have failed and are tried again.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorFaults",
        {passes("fault", "Fault"): "0x20 3x20"},
        25,
        "warning",
        "The inference operator has an error of its own",
        "Within 15 minutes 3 passes of the operator op (ops) over InferenceEndpoint ended by an error of the operator itself."
        " They are tried again.",
        OF_ENDPOINTS,
    ),
    Fires(
        "InferenceOperatorRestarts",
        {
            f"process_start_time_seconds{{{A}}}": "1x9 2x9 3x9 4x9 5x9",
            f'inference_operator_build_info{{{A}, version="1", python="3"}}': "1x50",
        },
        49,
        "warning",
        "The inference operator at a is restarted again and again",
        "The replica at a (ops) was started 4 times within an hour.",
        OF_OPERATOR | {"instance": "a"},
    ),
)
