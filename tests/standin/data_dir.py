"""`--data-dir`: the cluster in a file, so that endpoints, pipelines, indices, deployments and credentials outlive a restart.

The file is replaced as a whole, before the answer to a write leaves. It holds secrets in clear and is for its owner only.
How the stand-in behaves (version, provider, pace) is not in it: that is what the command line says.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from tests.standin.codec import CodecError, from_json, to_json
from tests.standin.state import State

FILE = "cluster.json"
_FORMAT = 1
_BEHAVIOUR = frozenset({"version", "provider", "pace", "updating", "outdated"})
KEPT = tuple(one.name for one in fields(State) if one.name not in _BEHAVIOUR)
"""The fields of the state that are kept."""


class DataDirError(Exception):
    """The directory can't be used; the message says why, and what to do."""


class DataDir:
    """A directory for one stand-in at a time.

    Raises:
        DataDirError: another stand-in uses it, or it can't be written to.

    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE
        self._written: dict[str, tuple[Any, str]] = {}
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (directory / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise DataDirError(f"{directory} is in use by another stand-in: end that one, or name another directory") from None
        except OSError as error:
            raise DataDirError(f"{directory} can't be used: {error.strerror}") from None

    def close(self) -> None:
        """Let another stand-in use the directory."""
        self._lock.close()

    def load(self) -> dict[str, Any] | None:
        """The fields of the state as they were kept; None when nothing was yet.

        Raises:
            DataDirError: the file is not what `save` writes.

        """
        try:
            text = self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._unreadable(str(error)) from None
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            raise self._unreadable(f"it is not JSON (line {error.lineno}, column {error.colno})") from None
        if not isinstance(content, dict) or content.get("format") != _FORMAT or not isinstance(content.get("state"), dict):
            raise self._unreadable(f"it is not of format {_FORMAT}")
        try:
            found = from_json(State, {name: item for name, item in content["state"].items() if name in KEPT}, "state")
        except CodecError as error:
            raise self._unreadable(str(error)) from None
        return {name: getattr(found, name) for name in KEPT}

    def _unreadable(self, why: str) -> DataDirError:
        return DataDirError(f"{self._file} can't be read: {why}. Move it away to start with an empty cluster.")

    def save(self, state: State) -> None:
        """Keep the state. Only what changed since the last time is encoded anew; nothing is written when that is nothing."""
        changed = [name for name in KEPT if name not in self._written or self._written[name][0] is not getattr(state, name)]
        if not changed:
            return
        for name in changed:
            value = getattr(state, name)
            self._written[name] = (value, json.dumps(to_json(value), ensure_ascii=False, indent=1))
        inside = ",\n".join(f"{json.dumps(name)}: {self._written[name][1]}" for name in KEPT)
        self._replace(f'{{"format": {_FORMAT}, "state": {{\n{inside}\n}}}}\n')

    def _replace(self, text: str) -> None:
        """Whole or not at all, also when the machine loses power."""
        unfinished = self._file.with_suffix(".new")
        unfinished.touch(mode=0o600)
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._file)
        directory = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
