"""A process that stands still is found out by the probes, and replaced. It was stopped when the suite began."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.e2e.suite.installed import container_of

if TYPE_CHECKING:
    from tests.e2e.cluster import Cluster
    from tests.e2e.suite.stages import Frozen


def test_a_frozen_process_is_taken_out_and_restarted(cluster: Cluster, frozen: Frozen) -> None:
    installed = frozen.installed
    (pod,) = installed.await_ready(restarts=1)
    status = container_of(pod)
    assert (status["restartCount"], status["started"]) == (1, True)
    assert status["lastState"]["terminated"]["exitCode"] == 137, "it could not hear that it was to end"
    said = installed.events(pod)
    failed = {word for reason, text in said if reason == "Unhealthy" for word in re.findall(r"(\w+) probe failed", text)}
    assert failed >= {"Liveness", "Readiness"}
    assert any(reason == "Killing" and "failed liveness probe" in text for reason, text in said)
    cluster.eventually(lambda: installed.holder() not in {"", frozen.holder}, "the new process to lead")
