"""What was asked of the stand-in, so that tests can count reads and writes.

Bodies are kept only on request: they hold secrets.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.standin.messages import Request

_READING_POSTS = re.compile(r"/(_simulate|_has_privileges|_search|_count|_mget|_stream)$|^/_inference/")


@dataclass(slots=True)
class Entry:
    """One request. `status` is None until it is answered, and stays None when the connection was cut.

    `user` is who it says it is from, right or wrong: a user's name, or the id of an API key; empty for a token or nothing.
    `at` is when it arrived, in seconds of the machine's monotonic clock, which all processes of a machine read alike.
    `origin` is the address that it came from, empty where there is no socket.
    """

    method: str
    path: str
    query: Mapping[str, str]
    status: int | None = None
    body: bytes | None = field(default=None, repr=False)
    user: str = ""
    at: float = field(default_factory=time.monotonic)
    origin: str = ""

    @property
    def is_write(self) -> bool:
        """True when the request would change the cluster; a dry run and an inference do not."""
        match self.method:
            case "PUT":
                return True
            case "DELETE":
                return self.query.get("dry_run", "false") == "false"
            case "POST":
                return not _READING_POSTS.search(self.path)
            case _:
                return False


@dataclass(slots=True)
class RequestLog:
    """All requests in the order of their arrival; `keep_bodies` before they arrive to see their bodies."""

    keep_bodies: bool = False
    _entries: list[Entry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrived(self, request: Request, user: str) -> Entry:
        body = request.body if self.keep_bodies else None
        entry = Entry(request.method, request.path, request.query, body=body, user=user, origin=request.origin)
        with self._lock:
            self._entries.append(entry)
        return entry

    def __iter__(self) -> Iterator[Entry]:
        with self._lock:
            return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    @property
    def writes(self) -> list[Entry]:
        return [entry for entry in self if entry.is_write]

    @property
    def reads(self) -> list[Entry]:
        return [entry for entry in self if not entry.is_write]

    def matching(self, method: str = "*", path: str = "*") -> list[Entry]:
        """Requests whose method and path fit the globs."""
        return [one for one in self if fnmatchcase(one.method, method) and fnmatchcase(one.path, path)]
