"""What the API server was asked, by whom: its audit log as values, to count writes and to compare rights used and granted.

An entry is written when the answer is complete, which can be a moment after the client has it: wait for the count that
you expect. The servers' own requests are left out (`servers.AUDIT_POLICY`).
Must not import anything of the package.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One request. `resource` is `secrets`, `inferenceendpoints/status`, …, empty for paths such as `/readyz`.

    `user` is as in RBAC, for instance `system:serviceaccount:default:operator`, empty for one who was not believed; `verb` too
    (`get`, `list`, `watch`, …); `credential` tells the tokens of one user apart, empty for a user without;
    `code` is the HTTP status of the answer; `stage` is `ResponseComplete`, or `ResponseStarted` for a watch that began.
    """

    user: str
    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    code: int
    stage: str
    credential: str

    @property
    def is_write(self) -> bool:
        return self.verb in _WRITES


def read_audit(log: Path, *, user: str | None = None) -> list[AuditEntry]:
    """All complete entries so far, in order; of one user if given."""
    return audit_entries(log.read_text() if log.exists() else "", user=user)


class AuditReader:
    """Reads the entries of one user, and goes on where it stopped: for asking again and again."""

    def __init__(self, log: Path, user: str) -> None:
        self._log = log
        self._user = user
        self._offset = 0
        self._entries: list[AuditEntry] = []

    def read(self) -> list[AuditEntry]:
        """All complete entries so far, in order."""
        if self._log.exists():
            with self._log.open("rb") as file:
                file.seek(self._offset)
                complete, newline, _ = file.read().rpartition(b"\n")
            self._offset += len(complete) + len(newline)
            self._entries += audit_entries((complete + newline).decode(), user=self._user)
        return list(self._entries)


def audit_entries(text: str, *, user: str | None = None) -> list[AuditEntry]:
    """The same of what was read of a log, which may end in the middle of a line."""
    complete, _, _ = text.rpartition("\n")
    entries = [_entry(json.loads(line)) for line in complete.splitlines()]
    return [entry for entry in entries if user is None or entry.user == user]


def _entry(event: dict[str, Any]) -> AuditEntry:
    about = event.get("objectRef", {})
    parts = [about.get("resource"), about.get("subresource")]
    return AuditEntry(
        user=event["user"].get("username", ""),
        verb=event["verb"],
        group=about.get("apiGroup", ""),
        resource="/".join(part for part in parts if part),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        stage=event["stage"],
        credential=",".join(event["user"].get("extra", {}).get("authentication.kubernetes.io/credential-id", ())),
    )
