"""The measurement itself, on three objects: it works, and the counts that it prints are the ones that are promised."""

from __future__ import annotations

import pytest

from tests.bench.phases import Repetition
from tests.bench.result import summarize, table
from tests.bench.stage import stage


@pytest.mark.full
async def test_three_objects_are_measured_and_cost_what_is_promised() -> None:
    async with stage() as here:
        result = summarize(3, [await Repetition(here, 3).run()])
    create, idle, restart = result["create"], result["idle"], result["restart"]
    assert (create["kubernetes_writes_per_object"], create["elasticsearch_writes_per_object"]) == (2, 1)
    assert create["floor_requests_per_object"]["patch inferenceendpoints/status"] == 1
    assert (idle["kubernetes_writes"], idle["elasticsearch_writes"]) == (0, 0)
    assert (restart["kubernetes_writes"], restart["elasticsearch_writes"]) == (0, 0)
    for phase in ("update", "rotate"):
        assert (result[phase]["kubernetes_writes_per_object"], result[phase]["elasticsearch_writes_per_object"]) == (1, 1)
    assert result["delete"]["elasticsearch_writes_per_object"] == 1
    assert result["drift"]["elasticsearch_writes"] == 1
    assert "3 objects" in table(result, "")
