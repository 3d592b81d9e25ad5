"""Which Elasticsearch cluster an object belongs to, and the client for it.

A connection is resolved anew when one of the objects that it was read from changed, when that can't be told, and once per
resync; in between the client is found without a request. An object keeps its client although its connection can't be
resolved any more, so that a deletion still works after the connection's Secret went.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.core.failure import ReferenceFailure, ReferenceKind
from inference_operator.core.values import ObjectRef, ObjectVersion, Server
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.elasticsearch.connection import Connection, InvalidConnection
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.kubernetes.connections import ConnectionSource
from inference_operator.shell.ports import KubernetesPort, ObjectKey

log: Any = structlog.get_logger(__name__)


class Resolver(Protocol):
    """Finds the material of a connection; `kubernetes.connections` has the real one."""

    async def resolve(self, ref: ElasticsearchRef | None, namespace: str) -> ConnectionSource | ReferenceFailure:
        """Return where Elasticsearch is and how to log in, or what is missing."""
        ...

    def dependencies(self, ref: ElasticsearchRef | None, namespace: str) -> tuple[ObjectRef, ...]:
        """Return what the answer depends on, also what is missing."""
        ...


@dataclass(frozen=True, slots=True)
class _Resolved:
    connection: Connection
    versions: Mapping[ObjectRef, ObjectVersion]
    described: str

    @property
    def credentials(self) -> tuple[str, ...]:
        """Where the connection was read from: `Secret search/my-es@4711`, with the resourceVersion where there is one."""
        read = (f"{ref}@{version.resource_version}" for ref, version in sorted(self.versions.items()))
        return tuple(read) or (self.described,)


_Name = tuple[ElasticsearchRef | None, str]


class Clusters:
    """The connections in use."""

    def __init__(self, resolver: Resolver, kubernetes: KubernetesPort, pool: ClusterPool) -> None:
        self._resolver = resolver
        self._kubernetes = kubernetes
        self._pool = pool
        self._resolved: dict[_Name, _Resolved] = {}
        self._credentials: dict[ObjectKey, tuple[str, ...]] = {}
        self._locks: defaultdict[_Name, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._visits = itertools.count()

    async def cluster_of(self, key: ObjectKey, ref: ElasticsearchRef | None) -> Cluster | ReferenceFailure:
        """The cluster of an object. It stays open until `forget`."""
        resolved = await self._current((ref, key.namespace))
        if isinstance(resolved, ReferenceFailure):
            return resolved
        self._credentials[key] = resolved.credentials
        return self._pool.hold(str(key), resolved.connection)

    async def is_on(self, key: ObjectKey, ref: ElasticsearchRef | None, server: Server) -> bool:
        """True when the object belongs to this very cluster; False also where that can't be told.

        Nothing is kept open for the object: it may go while somebody else asks this about it.
        """
        resolved = await self._current((ref, key.namespace))
        if isinstance(resolved, ReferenceFailure):
            return False
        visitor = f"visit {next(self._visits)}"
        try:
            its = await self._pool.hold(visitor, resolved.connection).server()
        finally:
            self._pool.drop(visitor)
        return isinstance(its, Server) and its.is_same(server)

    def last_cluster_of(self, key: ObjectKey) -> Cluster | None:
        """The client that the object used last, for when its connection is gone."""
        return self._pool.held(str(key))

    def credentials_of(self, key: ObjectKey) -> tuple[str, ...]:
        """Where the credentials were read from that the object used last, by name and version."""
        return self._credentials.get(key, ())

    def sources_of(self, key: ObjectKey, ref: ElasticsearchRef | None) -> tuple[ObjectRef, ...]:
        """The Secrets that the object's connection is read from, also those that are missing."""
        return self._resolver.dependencies(ref, key.namespace)

    def forget(self, key: ObjectKey) -> None:
        """The object is gone: its client may be closed."""
        self._pool.drop(str(key))
        self._credentials.pop(key, None)

    def begin_round(self) -> None:
        """Resolve every connection again when it is needed next, and read every cluster anew, once for all objects."""
        self._resolved.clear()
        self._locks = defaultdict(asyncio.Lock, {name: lock for name, lock in self._locks.items() if lock.locked()})
        self._pool.begin_round()

    def _is_current(self, resolved: _Resolved) -> bool:
        # A connection that was read from files has no versions; whoever watches the folder begins a new round.
        return all(self._kubernetes.version_of(ref) == version for ref, version in resolved.versions.items())

    async def _current(self, name: _Name) -> _Resolved | ReferenceFailure:
        async with self._locks[name]:  # the first of many resolves for all
            resolved = self._resolved.get(name)
            if resolved is None or not self._is_current(resolved):
                fresh = await self._resolve(name)
                if isinstance(fresh, ReferenceFailure):
                    self._resolved.pop(name, None)
                    return fresh
                resolved = self._resolved[name] = fresh
        return resolved

    async def _resolve(self, name: _Name) -> _Resolved | ReferenceFailure:
        ref, namespace = name
        source = await self._resolver.resolve(ref, namespace)
        if isinstance(source, ReferenceFailure):
            return source
        connection = Connection.parse(source.data)
        if isinstance(connection, InvalidConnection):
            message = f"{source.described}: {connection.message}"
            return ReferenceFailure(ReferenceKind.CONNECTION_INVALID, "spec.elasticsearchRef", message)
        if not connection.verify:
            log.warning("the certificate is not checked: insecure-skip-tls-verify is set", connection=source.described)
        return _Resolved(connection, source.versions, source.described)
