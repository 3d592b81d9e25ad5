"""An operator that comes before its kinds says so, and goes on when they are there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from inference_operator.kubernetes.discovery import await_kinds
from tests.kubernetes.scripted_api import Answer, Plan, client_for, passing, refusal, scripted_api
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/apis/inference-operator.io/v1alpha1"
KINDS = ("inferenceendpoints", "ingestpipelines")


def serving(*plurals: str) -> Answer:
    return Answer(200, {"resources": [{"name": plural} for plural in plurals]})


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (
            Answer(404, "404 page not found"),
            "inferenceendpoints.inference-operator.io, ingestpipelines.inference-operator.io; apply",
        ),
        (serving("inferenceendpoints"), "not installed: ingestpipelines.inference-operator.io;"),
        (refusal(403, "forbidden"), "can't read the kinds"),
        (Answer(200, {"resources": "all"}), "the answer is no list of kinds"),
        (Answer(200, {"resources": [{}, "x", {"name": 1}]}), "not installed: inferenceendpoints"),
        (refusal(500, "etcd is away"), "etcd is away"),
    ],
)
async def test_what_is_missing_is_told_until_it_is_there(before: Plan, said: str, tmp_path: Path) -> None:
    clock, told = VirtualClock(), list[str | None]()
    async with scripted_api() as api, client_for(api, tmp_path) as client:
        api.plan(PATH, before, before, serving(*KINDS, "inferenceendpoints/status"))
        waiting = asyncio.create_task(await_kinds(client, clock, KINDS, told.append))
        await passing(clock, waiting.done)
    *meanwhile, last = told
    assert len(meanwhile) == 2
    assert all(what is not None and said in what for what in meanwhile)
    assert last is None
