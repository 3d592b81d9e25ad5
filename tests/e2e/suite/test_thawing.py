"""A process that stands still is found out by the probes, and replaced. It was stopped when the suite began."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.e2e.suite.installed import Installed, container_of

if TYPE_CHECKING:
    from tests.e2e.cluster import Cluster


def test_a_frozen_process_is_taken_out_and_restarted(cluster: Cluster, frozen: Installed) -> None:
    (pod,) = frozen.await_ready(restarts=1)
    status = container_of(pod)
    assert (status["restartCount"], status["started"]) == (1, True)
    assert status["lastState"]["terminated"]["exitCode"] == 137, "it could not hear that it was to end"
    said = frozen.events(pod)
    failed = {re.match(r"\w+ probe failed", text)[0] for reason, text in said if reason == "Unhealthy" and "probe failed" in text}  # type: ignore[index]
    assert failed >= {"Liveness probe failed", "Readiness probe failed"}
    assert any(reason == "Killing" and "failed liveness probe" in text for reason, text in said)
    assert frozen.leader()["metadata"]["uid"] == pod["metadata"]["uid"]
