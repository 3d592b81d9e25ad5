"""When an alert must not fire: what looks like the trouble that it is about, and is none."""

from __future__ import annotations

from tests.monitoring.alert_cases import CLUSTER, ENDPOINT, A, B, Silent, condition, not_ready, passes, requests

QUIET = (
    Silent("InferenceOperatorObjectsNotReady", "not for long yet", {not_ready("Unreachable"): "0+60x60"}, 34),
    Silent("InferenceOperatorObjectsNotReady", "somebody suspended it", {not_ready("Suspended"): "0+60x60"}, 60),
    Silent(
        "InferenceOperatorObjectsNotReady", "another one each time", {not_ready("ModelDeploying"): "1500 60 1700 0 900x60"}, 60
    ),
    Silent("InferenceOperatorObjectsStalled", "mended at once", {condition(ENDPOINT, "Stalled"): "0+60x14 0x30"}, 20),
    Silent("InferenceOperatorDeletionBlocked", "within the hour", {condition(ENDPOINT, "DeletionBlocked"): "0+60x90"}, 59),
    Silent("InferenceOperatorDrifted", "taken back", {condition(ENDPOINT, "Drifted"): "0+60x20 0x60"}, 60),
    Silent("InferenceOperatorDrifted", "no longer true", {condition(ENDPOINT, "Drifted", "False"): "0+60x60"}, 60),
    Silent(
        "InferenceOperatorDriftReturns",
        "put back once",
        {f"inference_operator_drift_repairs_total{{{A}, {ENDPOINT}}}": "0x30 1x90"},
        100,
    ),
    *(
        Silent(
            "InferenceOperatorDriftReturns",
            f"many put back once, looked at in minute {at}",
            {f"inference_operator_drift_repairs_total{{{A}, {ENDPOINT}}}": "0x9 7x90"},
            at,
        )
        for at in (25, 40, 65)
    ),
    Silent("InferenceOperatorProbeFailing", "the last one came back", {condition(ENDPOINT, "Probed"): "0+60x60"}, 60),
    Silent(
        "InferenceOperatorAllocationsMissing",
        "scaled to zero",
        {
            f"inference_operator_model_allocations{{{A}, {ENDPOINT}}}": "0x60",
            f"inference_operator_model_allocations_wanted{{{A}, {ENDPOINT}}}": "0x60",
        },
        60,
    ),
    Silent(
        "InferenceOperatorObjectsUnreadable", "none", {f"inference_operator_objects_unreadable{{{A}, {ENDPOINT}}}": "0x60"}, 60
    ),
    Silent("InferenceOperatorAbandoned", "none", {f"inference_operator_abandoned_total{{{A}, {ENDPOINT}}}": "0x60"}, 60),
    Silent(
        "InferenceOperatorElasticsearchUnreachable",
        "back within minutes",
        {f"inference_operator_elasticsearch_breaker_open{{{A}, {CLUSTER}}}": "1x3 0x30"},
        6,
    ),
    Silent("InferenceOperatorElasticsearchRefuses", "a 404 of one endpoint", {requests("inference.get", "4xx"): "0+9x60"}, 60),
    *(
        Silent(
            "InferenceOperatorElasticsearchRefuses",
            f"one refusal, looked at in minute {at}",
            {requests("info", "4xx"): "1x9 2x60"},
            at,
        )
        for at in (16, 22, 28)
    ),
    Silent(
        "InferenceOperatorElasticsearchRefuses",
        "refused for minutes, then no more",
        {requests("inference.list", "4xx"): "0+9x15 135x60", requests("inference.list", "2xx"): "0x16 0+1x60"},
        20,
    ),
    Silent(
        "InferenceOperatorElasticsearchRefuses",
        "the connection of one tenant is refused, and that of another is not",
        {requests("info", "4xx"): "0+1x60", requests("info", "2xx"): "0+1x60"},
        60,
    ),
    Silent(
        "InferenceOperatorElasticsearchRefuses",
        "referrers that may not be read",
        {requests("ingest.list", "4xx"): "0+1x60", requests("inference.list", "2xx"): "0+1x60"},
        60,
    ),
    Silent("InferenceOperatorElasticsearchRefuses", "all is well", {requests("inference.list", "2xx"): "0+9x60"}, 60),
    Silent(
        "InferenceOperatorElasticsearchFails",
        "one of a hundred",
        {requests("inference.put", "5xx"): "0+1x60", requests("inference.list", "2xx"): "0+99x60"},
        60,
    ),
    Silent(
        "InferenceOperatorRequestsHeldBack",
        "the breaker held them back",
        {f'inference_operator_elasticsearch_requests_unsent_total{{{A}, {CLUSTER}, cause="breaker"}}': "0+60x90"},
        60,
    ),
    Silent(
        "InferenceOperatorAbsent",
        "one of two is there",
        {f'inference_operator_build_info{{{A}, version="1", python="3"}}': "1x60"},
        60,
    ),
    Silent(
        "InferenceOperatorNoLeader",
        "handed over within seconds",
        {f"inference_operator_leader{{{A}}}": "1x5 0x30", f"inference_operator_leader{{{B}}}": "0x6 1x30"},
        20,
    ),
    Silent(
        "InferenceOperatorTwoLeaders",
        "two operators, each with its own",
        {
            f"inference_operator_leader{{{A}}}": "1x30",
            'inference_operator_leader{job="other", namespace="elsewhere", instance="c"}': "1x30",
        },
        20,
    ),
    Silent(
        "InferenceOperatorTwoLeaders",
        "a scrape in the middle of a hand-over",
        {f"inference_operator_leader{{{A}}}": "1x5 0x30", f"inference_operator_leader{{{B}}}": "0x4 1x30"},
        8,
    ),
    Silent(
        "InferenceOperatorWatchSilent", "bookmarks come", {f"inference_operator_watch_age_seconds{{{A}}}": "60 0 59 1 60x60"}, 30
    ),
    Silent(
        "InferenceOperatorQueueLate",
        "it stands by, and the leader is on time",
        {
            f"inference_operator_queue_oldest_due_seconds{{{A}}}": "0x30",
            f"inference_operator_queue_oldest_due_seconds{{{B}}}": "0+60x30",
            f"inference_operator_leader{{{A}}}": "1x30",
            f"inference_operator_leader{{{B}}}": "0x30",
        },
        30,
    ),
    Silent(
        "InferenceOperatorReconcilesFail",
        "most succeed",
        {passes("retry", "Unreachable"): "0+1x90", passes("done", "Available"): "0+3x90"},
        80,
    ),
    Silent("InferenceOperatorFaults", "none for a quarter of an hour", {passes("fault", "Fault"): "0x5 3x60"}, 40),
    Silent(
        "InferenceOperatorRestarts",
        "another process is restarted",
        {f"process_start_time_seconds{{{A}}}": "1x9 2x9 3x9 4x9 5x9"},
        49,
    ),
    Silent(
        "InferenceOperatorRestarts",
        "started once",
        {
            f"process_start_time_seconds{{{A}}}": "1x20 2x40",
            f'inference_operator_build_info{{{A}, version="1", python="3"}}': "1x60",
        },
        49,
    ),
)
