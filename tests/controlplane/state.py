"""What `up` leaves behind for `down`, for a second `up`, and for the person: one JSON file in the state folder.

Must not import anything of the package but `processes`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from tests.controlplane.processes import Process

REPOSITORY = Path(__file__).resolve().parents[2]
RELEASE = "released"
RUN_PREFIX = "run-"
KEPT = "elasticsearch"
"""Folder in which the stand-in keeps its cluster: it outlives a crash or a reboot, until `down`."""
_FILE = "state.json"


@dataclass(frozen=True, slots=True)
class State:
    """Where everything is, and which processes it is made of; `supervisor` is the one to end."""

    kubeconfig: str
    api_url: str
    elasticsearch_url: str | None
    search_path: str
    processes: dict[str, Process]

    @property
    def runs(self) -> bool:
        return all(process.runs for process in self.processes.values())

    def write(self, folder: Path) -> None:
        """Whole or not at all."""
        unfinished = folder / f"{_FILE}.new"
        unfinished.write_text(json.dumps(asdict(self), indent=2) + "\n")
        unfinished.replace(folder / _FILE)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """None if nothing was started there."""
        try:
            content = json.loads((folder / _FILE).read_text())
        except FileNotFoundError:
            return None
        processes = {name: Process(**process) for name, process in content.pop("processes").items()}
        return cls(processes=processes, **content)
