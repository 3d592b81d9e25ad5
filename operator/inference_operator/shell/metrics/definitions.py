"""Every metric there is, as a value: name, type, labels, what it means. Docs, collectors and tests read this one list.

Decides names and buckets. Imports no metrics library, so that the page can be made without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PREFIX = "inference_operator_"


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` as users write it in a query; `buckets` are upper bounds in seconds, for histograms."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_PASS_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_READY_BUCKETS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"{PREFIX}{name}_total", "counter", meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(PREFIX + name, "gauge", meaning, labels)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(f"{PREFIX}{name}_seconds", "histogram", meaning, labels, buckets)


RECONCILES = _counter(
    "reconciles",
    "Passes over one object, by how they ended and the reason that they left in `Ready`.",
    "kind",
    "result",
    "reason",
)
RECONCILE_DURATION = _histogram("reconcile_duration", "How long a pass over one object took.", _PASS_BUCKETS, "kind")
TIME_TO_READY = _histogram(
    "time_to_first_ready",
    "From the creation of an object to the first time that it was `Ready`. An object that waits for it while the operator is"
    " restarted is left out.",
    _READY_BUCKETS,
    "kind",
)
REPAIRS = _counter("drift_repairs", "How often something was put back that others had changed in Elasticsearch.", "kind")
ABANDONED = _counter(
    "abandoned",
    "Objects let go without deleting what they stand for, since no way to Elasticsearch was left."
    " What is left there is nobody's.",
    "kind",
)

OBJECTS = _gauge("objects", "Objects that the operator knows.", "kind")
UNREADABLE = _gauge(
    "objects_unreadable", "Objects that do not have the form of their kind: the installed CRD is of another version.", "kind"
)
CONDITIONS = _gauge(
    "object_conditions", "Objects by the status of each condition that they carry.", "kind", "condition", "status"
)
CONDITIONS_OLDEST = _gauge(
    "object_conditions_oldest_seconds",
    "For how long the object whose condition has had this status for longest has had it; 0 without one.",
    "kind",
    "condition",
    "status",
)
NOT_READY = _gauge("objects_not_ready", "Objects whose `Ready` is not `True`, by its reason.", "kind", "reason")
NOT_READY_OLDEST = _gauge(
    "objects_not_ready_oldest_seconds",
    "For how long the `Ready` of the object that is not ready for longest has been what it is; 0 without one.",
    "kind",
    "reason",
)
DRIFTED = _gauge("objects_drifted", "Objects whose status lists differences that others made in Elasticsearch.", "kind")
ALLOCATIONS = _gauge(
    "model_allocations", "Allocations of in-cluster models that run, summed over the objects, as of their status.", "kind"
)
ALLOCATIONS_WANTED = _gauge(
    "model_allocations_wanted", "Allocations of in-cluster models that are wanted, summed over the objects.", "kind"
)

QUEUE_DUE = _gauge("queue_depth", "Objects that are due and wait for a worker.")
QUEUE_DELAYED = _gauge("queue_delayed", "Objects that wait for a time to come, mostly for their next attempt.")
QUEUE_WORKING = _gauge("queue_working", "Objects in work.")
QUEUE_FAILING = _gauge("queue_failing", "Objects that are to be tried again, since the last pass did not succeed.")
QUEUE_OLDEST = _gauge("queue_oldest_due_seconds", "For how long the object that is due for longest has been; 0 without one.")
QUEUE_RETRIES = _counter("queue_retries", "Attempts that were put off because a pass did not succeed.")

REQUESTS = _counter(
    "elasticsearch_requests",
    "Requests sent to Elasticsearch, by what came back: `2xx` to `5xx`, or how the answer was lost.",
    "cluster",
    "operation",
    "status",
)
REQUEST_DURATION = _histogram(
    "elasticsearch_request_duration",
    "How long a request to Elasticsearch was on its way, answered or not.",
    _REQUEST_BUCKETS,
    "cluster",
    "operation",
)
UNSENT = _counter("elasticsearch_requests_unsent", "Requests that were held back, and why.", "cluster", "cause")
BREAKER = _gauge(
    "elasticsearch_breaker_open",
    "1 while a cluster is left alone because the last requests by each connection to it were lost, until one comes through.",
    "cluster",
)

PROBES = _counter("probes", "Probes of endpoints, by `Succeeded` or `Failed`.", "outcome")
PROBE_DURATION = _histogram("probe_duration", "How long the inference of a probe that was answered took.", _REQUEST_BUCKETS)

LEADER = _gauge("leader", "1 while this replica works: it holds the Lease, or runs without `--leader-elect`. Else 0.")
LEASE_AGE = _gauge("lease_age_seconds", "Since the last renewal of the Lease that succeeded. Only where this replica holds one.")
WATCH_AGE = _gauge(
    "watch_age_seconds", "Since the watch that is silent for longest, of our own kinds, Secrets or ConfigMaps, was last heard of."
)
BUILD = _gauge("build_info", "Always 1; the version of the operator and of Python.", "version", "python")

METRICS = (
    *(RECONCILES, RECONCILE_DURATION, TIME_TO_READY, REPAIRS, ABANDONED),
    *(OBJECTS, UNREADABLE, CONDITIONS, CONDITIONS_OLDEST, NOT_READY, NOT_READY_OLDEST, DRIFTED, ALLOCATIONS, ALLOCATIONS_WANTED),
    *(QUEUE_DUE, QUEUE_DELAYED, QUEUE_WORKING, QUEUE_FAILING, QUEUE_OLDEST, QUEUE_RETRIES),
    *(REQUESTS, REQUEST_DURATION, UNSENT, BREAKER, PROBES, PROBE_DURATION),
    *(LEADER, LEASE_AGE, WATCH_AGE, BUILD),
)

PROCESS = (
    Metric("process_resident_memory_bytes", "gauge", "Memory in use."),
    Metric("process_virtual_memory_bytes", "gauge", "Address space in use."),
    Metric("process_cpu_seconds_total", "counter", "Processor time, user and system."),
    Metric("process_start_time_seconds", "gauge", "When the process began, in seconds since 1970."),
    Metric("process_open_fds", "gauge", "Open file descriptors."),
    Metric("process_max_fds", "gauge", "How many may be open."),
)
"""Of the process, in the form that every Prometheus client has. On Linux only."""

LABELS = {
    "kind": "`InferenceEndpoint` or `IngestPipeline`.",
    "result": "How a pass ended, see below.",
    "reason": "A reason of the [catalogue](reasons.md), and of a pass also: `Conflict`, `Gone`, `ClusterReplaced` or "
    "`KubernetesFailure` where it was interrupted, `Fault` for an error of the operator itself.",
    "condition": "Type of a condition. Conditions that others wrote are not counted.",
    "status": "Of a condition: `True`, `False` or `Unknown`. Of a request: `2xx`, `3xx`, `4xx`, `5xx`, or `connect`, `tls`,"
    " `timeout`, `reset`, `garbled`, `cancelled`.",
    "cluster": "Scheme, host and port of an Elasticsearch cluster, without path and credentials. Beyond 100 addresses that are"
    " in use at once, `other`. What was counted of an address is dropped once no object uses it any more.",
    "operation": "Name of a request, such as `inference.put` or `ingest.list`: a fixed list.",
    "cause": "`breaker`: the cluster is left alone. `budget`: too many requests wait, or the server asked for patience."
    " `fenced`: a write of a replica that does not lead any more.",
    "outcome": "Of a probe.",
    "version": "Of the operator.",
    "python": "Version of Python.",
}
