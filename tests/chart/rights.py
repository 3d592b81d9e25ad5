"""What the operator may do in a namespace that it watches, and with its Lease, and what for; the chart grants exactly this.

Written by hand from the calls in `inference_operator.kubernetes` and `inference_operator.shell`. Derives nothing from the chart.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One verb on one resource of one API group."""

    group: str
    resource: str
    verb: str


_OURS = "inference-operator.io"
_OBJECTS = {
    "list": "first listing of the informer, and the pruning of objects that vanished unseen",
    "watch": "events of the informer",
    "patch": "finalizer and claim annotation",
}
_STATUS = {"patch": "server-side apply of status"}
_WHY: dict[tuple[str, str], dict[str, str]] = {
    (_OURS, "inferenceendpoints"): _OBJECTS,
    (_OURS, "inferenceendpoints/status"): _STATUS,
    (_OURS, "ingestpipelines"): _OBJECTS,
    (_OURS, "ingestpipelines/status"): _STATUS,
    ("", "secrets"): {
        "get": "values of settings, connections, and the certificates and password that ECK writes",
        "list": "which Secret has which version, without its data, where the API server can't stream a listing",
        "watch": "a rotated Secret is followed at once",
    },
    ("", "configmaps"): {
        "get": "values of settings",
        "list": "which ConfigMap has which version",
        "watch": "a changed ConfigMap is followed at once",
    },
    ("", "namespaces"): {"get": "whether the namespace of an object is being deleted; which Kubernetes cluster this is"},
    ("events.k8s.io", "events"): {"create": "a transition is told", "patch": "a repeated one becomes a series"},
    ("elasticsearch.k8s.elastic.co", "elasticsearches"): {"get": "the cluster that elasticsearchRef.name names"},
}
_LEASES = ("coordination.k8s.io", "leases")
_WITH_THE_LEASE = {
    "get": "who holds it, asked by whoever does not",
    "create": "there is none when the first replica ever starts, or after somebody deleted it",
    "patch": "it is taken, renewed and released",
}
RIGHTS = frozenset(Right(group, resource, verb) for (group, resource), verbs in _WHY.items() for verb in verbs)
LEASE_RIGHTS = frozenset(Right(*_LEASES, verb) for verb in _WITH_THE_LEASE)
"""In the release's namespace only: `create` leases of any name, the rest with the operator's own."""
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
# Neighbours of what is granted, and what an intruder would like to have.
FOREIGN_RESOURCES = (
    (_OURS, "inferenceendpoints/finalizers"),
    (_OURS, "ingestpipelines/finalizers"),
    ("", "pods"),
    ("", "pods/exec"),
    ("", "serviceaccounts"),
    ("", "serviceaccounts/token"),
    ("", "events"),
    ("", "nodes"),
    ("apps", "deployments"),
    ("elasticsearch.k8s.elastic.co", "elasticsearches/status"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    _LEASES,
    ("coordination.k8s.io", "leasecandidates"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
)
ALL_RESOURCES = (*_WHY, *FOREIGN_RESOURCES)
CONCEIVABLE = tuple(Right(group, resource, verb) for group, resource in ALL_RESOURCES for verb in VERBS)
