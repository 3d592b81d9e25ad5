"""The clusters that objects refer to, one per connection.

Decides how long a cluster lives: while somebody holds it. An object keeps its cluster although the connection's
Secret went, so that a deletion still works. Rotated credentials are another connection, thus another cluster; the old
one is closed when its last user has moved on. So are authorities of `--extra-ca-file` that changed, for those who trust them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from inference_operator.core.tracing import SILENT, Tracer
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.elasticsearch.limits import Limits
from inference_operator.elasticsearch.traffic import Nobody, Witnesses

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from inference_operator.core.clock import Clock
    from inference_operator.elasticsearch.connection import Connection
    from inference_operator.elasticsearch.traffic import Listener, Trail


class ClusterPool:
    """Clusters by connection, held by the keys of objects.

    Args:
        clock: of all clusters.
        transport_factory: gives the transport of a connection instead of the network, for tests.
        limits: of each cluster.
        may_write: asked right before every write to any of them.
        listener: hears of every request to any of them.
        extra_ca_file: see `tls.client_context`.
        trail: keeps a record of every write to any of them.
        tracer: hears of every request to any of them, and of whatever sends these.
    """

    def __init__(
        self,
        clock: Clock,
        transport_factory: Callable[[Connection], httpx.AsyncBaseTransport] | None = None,
        limits: Limits | None = None,
        may_write: Callable[[], bool] = lambda: True,
        listener: Listener | None = None,
        extra_ca_file: Path | None = None,
        trail: Trail | None = None,
        tracer: Tracer = SILENT,
    ) -> None:
        self._extra_ca_file = extra_ca_file
        self._authorities = _digest(extra_ca_file)
        self._witnesses = Witnesses(listener or Nobody(), trail, tracer)
        self._may_write = may_write
        self._clock = clock
        self._transport_factory = transport_factory
        self._limits = limits or Limits()
        self._clusters: dict[str, Cluster] = {}
        self._held: dict[str, str] = {}  # user -> fingerprint
        self._users: Counter[str] = Counter()  # fingerprint -> how many users: thousands may let go at once
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def tracer(self) -> Tracer:
        """Who hears of the requests."""
        return self._witnesses.tracer

    def get(self, connection: Connection) -> Cluster:
        """The cluster of a connection, made at first. Nobody holds it yet: `prune` may close it."""
        return self._get(connection)[1]

    def _get(self, connection: Connection) -> tuple[str, Cluster]:
        fingerprint = self._fingerprint(connection)
        cluster = self._clusters.get(fingerprint)
        if cluster is None:
            # The client reads the file now, so it is kept by what the file holds now.
            self._authorities = _digest(self._extra_ca_file)
            fingerprint = self._fingerprint(connection)
            cluster = self._clusters.get(fingerprint)
        if cluster is None:
            transport = self._transport_factory(connection) if self._transport_factory else None
            cluster = self._clusters[fingerprint] = Cluster(
                connection,
                self._clock,
                self._limits,
                transport,
                self._may_write,
                self._witnesses,
                self._extra_ca_file,
            )
        return fingerprint, cluster

    def _fingerprint(self, connection: Connection) -> str:
        """What a cluster is kept by."""
        trusts_them = connection.ca_pem is None and connection.address.startswith("https://")
        return f"{connection.fingerprint}/{self._authorities}" if trusts_them else connection.fingerprint

    def hold(self, user: str, connection: Connection) -> Cluster:
        """The cluster of a connection, alive as long as `user` holds it. A user holds one: the former is let go."""
        fingerprint, cluster = self._get(connection)
        if self._held.get(user) != fingerprint:
            self._users[fingerprint] += 1
            self.drop(user)
            self._held[user] = fingerprint
        return cluster

    def held(self, user: str) -> Cluster | None:
        """The cluster that a user holds, for when its connection can't be resolved any more."""
        fingerprint = self._held.get(user)
        return self._clusters.get(fingerprint) if fingerprint else None

    def drop(self, user: str) -> None:
        """Let go. The cluster is closed with its last user."""
        former = self._held.pop(user, None)
        if former is not None:
            self._users[former] -= 1
            self._close_if_unused(former)

    def prune(self) -> None:
        """Close the clusters that nobody holds."""
        for fingerprint in tuple(self._clusters):
            self._close_if_unused(fingerprint)

    def begin_round(self) -> None:
        """Read every cluster anew, once for all who ask, and the file of further authorities as well.

        Where that is another by now, each user moves to a new client when it asks for its cluster next.
        """
        self._authorities = _digest(self._extra_ca_file)
        for cluster in self._clusters.values():
            cluster.invalidate()

    def clusters(self) -> tuple[Cluster, ...]:
        """All that are open."""
        return tuple(self._clusters.values())

    async def aclose_all(self) -> None:
        """Close everything, and wait until it is."""
        self._held.clear()
        self._users.clear()
        self.prune()
        await asyncio.gather(*self._closing)

    def _close_if_unused(self, fingerprint: str) -> None:
        if self._users[fingerprint] > 0:
            return
        del self._users[fingerprint]
        cluster = self._clusters.pop(fingerprint, None)
        if cluster is not None:
            task = asyncio.get_running_loop().create_task(cluster.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _digest(path: Path | None) -> str:
    """Of what the file holds. Empty where there is none, or it can't be read, which the client will tell."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() if path is not None else ""
    except OSError:
        return ""
