"""A release of the chart whose pods run, and the stand-in Elasticsearch that it is connected to."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chart.rendering import CHART
from tests.standin import ApiKey, Security, StandIn, create_tls, serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.audit import AuditEntry
    from tests.e2e.cluster import Cluster, Json

CRDS = ("inferenceendpoints.inference-operator.io", "ingestpipelines.inference-operator.io")
CONNECTION = "elasticsearch"
_CHART = "inference-operator"
_API_KEY = ("operator", "canary-connection-51c0")
# Shorter than the chart's own, as each new release waits for it once, and each crash of the leader.
_LEASE = {"leaseDurationSeconds": 6, "renewDeadlineSeconds": 4}


@dataclass(frozen=True, slots=True)
class Elasticsearch:
    """The stand-in, and the data of the Secret that connects to it."""

    standin: StandIn
    connection: dict[str, str] = field(repr=False)

    def secret(self) -> Json:
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": CONNECTION}, "stringData": self.connection}

    def origins_since(self, mark: int) -> list[str]:
        """Who wrote since then, in turn. A name twice: two wrote at once."""
        return [origin for origin, _ in groupby(entry.origin for entry in self.standin.log.writes[mark:])]


@contextmanager
def serving(address: str, folder: Path) -> Iterator[Elasticsearch]:
    """One that pods reach at this address, with TLS by an authority of its own and one API key."""
    tls = create_tls(folder / "tls", (address,))
    standin = StandIn(security=Security(api_keys={_API_KEY[0]: ApiKey(_API_KEY[1])}))
    key = base64.b64encode(":".join(_API_KEY).encode()).decode()
    with serve_in_thread(standin, host=address, tls=tls) as url:
        yield Elasticsearch(standin, {"url": url, "api-key": key, "ca.crt": Path(tls.ca).read_text()})


@dataclass(frozen=True, slots=True)
class Installed:
    """A release by its namespace. It looks after all namespaces, and has the CRDs, unless `watched` names some."""

    cluster: Cluster
    namespace: str
    replicas: int = 2
    watched: tuple[str, ...] = ()
    more: Json = field(default_factory=dict)

    @property
    def release(self) -> str:
        """Its name: some of its objects belong to no namespace, and would clash with those of another release."""
        return f"{self.namespace}-{_CHART}" if self.watched else _CHART

    # --- helm ---------------------------------------------------------------------------------------------------------

    def install(self, chart: Path = CHART, *, wait: bool = True) -> None:
        self._helm("install", chart, wait=wait)

    def upgrade(self, chart: Path = CHART) -> None:
        self._helm("upgrade", chart, wait=True)

    def uninstall(self) -> None:
        """Returns when its pods are gone."""
        self.cluster.helm(
            "uninstall", self.release, f"--namespace={self.namespace}", "--ignore-not-found", "--wait", "--timeout=90s"
        )
        self.cluster.eventually(lambda: not self._all_pods(), "the pods to be gone")

    def version(self) -> str:
        """Of the chart that is installed, for instance `0.1.0`."""
        found = json.loads(self.cluster.helm("list", f"--namespace={self.namespace}", "--output=json"))
        chart: str = found[0]["chart"]
        return chart.removeprefix(f"{_CHART}-")

    def _helm(self, verb: str, chart: Path, *, wait: bool) -> None:
        image = self.cluster.image
        values = {
            "image": {"repository": image.repository, "tag": image.tag},
            "replicaCount": self.replicas,
            "watchNamespaces": list(self.watched),
            "crds": {"install": not self.watched},
            "defaultConnection": {"secretName": CONNECTION, "namespaces": ["*"]},
            "leaderElection": _LEASE,
            "resyncInterval": "10s",
        }
        waiting = ["--wait", "--timeout=90s"] if wait else []
        self.cluster.helm(
            verb,
            self.release,
            str(chart),
            f"--namespace={self.namespace}",
            "--values=-",
            *waiting,
            input=json.dumps(values | self.more),
            seconds=120,
        )

    # --- pods ---------------------------------------------------------------------------------------------------------

    def _all_pods(self) -> list[Json]:
        return self.cluster.api.list(
            f"/api/v1/namespaces/{self.namespace}/pods?labelSelector=app.kubernetes.io/instance={self.release}"
        )

    def pods(self) -> list[Json]:
        """Those that nobody has deleted."""
        return [pod for pod in self._all_pods() if "deletionTimestamp" not in pod["metadata"]]

    def ready_pods(self) -> list[Json]:
        return [pod for pod in self.pods() if is_ready(pod)]

    def await_ready(self, *, restarts: int | None = None) -> list[Json]:
        """Wait for all replicas to be Ready, and for so many restarts of all of them together."""

        def found() -> list[Json] | None:
            ready = self.ready_pods()
            enough = restarts is None or sum(container_of(pod)["restartCount"] for pod in ready) >= restarts
            return ready if len(ready) == self.replicas and enough else None

        return self.cluster.eventually(found, f"{self.replicas} pods of {self.namespace} to be Ready")

    def holder(self) -> str:
        """Who holds the Lease: a pod's name and what tells its processes apart; empty for nobody."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/{self.release}"
        lease = self.cluster.api.get(path) or {"spec": {}}
        holder: str = lease["spec"].get("holderIdentity") or ""
        return holder

    def leader(self) -> Json:
        """The pod that leads, awaited."""

        def found() -> Json | None:
            holder = self.holder()
            return next((pod for pod in self.pods() if holder.startswith(f"{pod['metadata']['name']}")), None)

        return self.cluster.eventually(found, "one of the pods to lead")

    def events(self, pod: Json) -> list[tuple[str, str]]:
        """Reasons and messages of the events about a pod."""
        about = f"fieldSelector=involvedObject.uid={pod['metadata']['uid']}"
        found = self.cluster.api.list(f"/api/v1/namespaces/{self.namespace}/events?{about}")
        return [(event["reason"], event["message"]) for event in found]

    def asked(self) -> list[AuditEntry]:
        """What its ServiceAccount asked the API server for."""
        return self.cluster.asked_by(f"system:serviceaccount:{self.namespace}:{self.release}")


def is_ready(thing: Json) -> bool:
    """Of a pod as of its latest state, or of one of our objects as of its latest generation."""
    status = thing.get("status", {})
    current = status.get("observedGeneration", thing["metadata"].get("generation")) == thing["metadata"].get("generation")
    return current and any((one["type"], one["status"]) == ("Ready", "True") for one in status.get("conditions", ()))


def container_of(pod: Json) -> Json:
    """The status of the operator's container, with `containerID` shortened to what the runtime knows."""
    (status,) = pod["status"]["containerStatuses"]
    found: Json = status | {"containerID": status.get("containerID", "").rpartition("/")[2]}
    return found
