"""How often a process asked either API, by verb: from the API server's audit log and from the stand-in's own."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

KUBERNETES_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_SETTLED = 0.5
_ONE = re.compile(r"(?<=/)bench-\d+(?=/|$)")


@dataclass(frozen=True, slots=True)
class Requests:
    """Counts of one phase. Kubernetes by `verb resource`, Elasticsearch by `METHOD path` with ids left out."""

    kubernetes: Counter[str]
    elasticsearch: Counter[str]
    elasticsearch_writes: int

    @property
    def kubernetes_writes(self) -> int:
        return sum(count for name, count in self.kubernetes.items() if name.split()[0] in KUBERNETES_WRITES)

    @property
    def elasticsearch_reads(self) -> int:
        return self.elasticsearch.total() - self.elasticsearch_writes

    def per_object(self, n: int) -> dict[str, float]:
        """Every kind of request, divided by the number of objects."""
        both = self.kubernetes + self.elasticsearch
        return {name: round(count / n, 3) for name, count in sorted(both.items())}


class AuditTail:
    """Reads on where it stopped, also over the log's rotation at 100 MB. Counts one user."""

    def __init__(self, path: Path, user: str) -> None:
        self._path = path
        self._user = user
        self._file: TextIO = path.open()
        self._rest = ""

    def close(self) -> None:
        self._file.close()

    def read(self) -> Counter[str]:
        """What came since the last call. Watches count once, when they begin."""
        found = self._count(self._file.read())
        if self._path.stat().st_ino != self._inode():
            self._file.close()
            self._file = self._path.open()
            found += self._count(self._file.read())
        return found

    def _inode(self) -> int:
        return os.fstat(self._file.fileno()).st_ino

    def _count(self, text: str) -> Counter[str]:
        complete, _, self._rest = (self._rest + text).rpartition("\n")
        found: Counter[str] = Counter()
        for line in complete.splitlines():
            event = json.loads(line)
            about = event.get("objectRef") or {}
            if event["user"]["username"] != self._user or not about.get("resource"):
                continue
            if event["verb"] == "watch" and event["stage"] != "ResponseStarted":
                continue
            found[" ".join((event["verb"], "/".join(filter(None, (about["resource"], about.get("subresource"))))))] += 1
        return found


class Ledger:
    """Both logs. Counts everything between `begin` and `end`; the user's own requests to Elasticsearch are to stay outside."""

    def __init__(self, audit: AuditTail, standin: httpx.AsyncClient) -> None:
        self._audit = audit
        self._standin = standin

    async def begin(self) -> None:
        await self._settle()
        await self._standin.delete("/_standin/log")

    async def end(self) -> Requests:
        kubernetes = await self._settle()
        entries = (await self._standin.get("/_standin/log")).raise_for_status().json()
        paths = Counter(f"{one['method']} {_ONE.sub('{id}', one['path'])}" for one in entries)
        return Requests(kubernetes, paths, sum(one["write"] for one in entries))

    async def arrivals(self) -> list[tuple[str, float]]:
        """`METHOD path` of each request to Elasticsearch since `begin`, and when it arrived, on the monotonic clock."""
        entries = (await self._standin.get("/_standin/log")).raise_for_status().json()
        return [(f"{one['method']} {one['path']}", one["at"]) for one in entries]

    async def _settle(self) -> Counter[str]:
        """Entries are written a moment after the answer: read until none came for a while."""
        found = self._audit.read()
        while True:
            await asyncio.sleep(_SETTLED)
            more = self._audit.read()
            if not any(name.split()[0] in KUBERNETES_WRITES for name in more):
                return found + more
            found += more
