"""How events are cut, folded, and given up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.kubernetes.events import EventRecorder, Occurrence, cut
from inference_operator.kubernetes.values import EventType, ObjectKey
from tests.kubernetes.scripted_api import Answer, ScriptedApi, client_for, refusal, scripted_api
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

EVENTS = "/apis/events.k8s.io/v1/namespaces/search/events"
KEY = ObjectKey("inferenceendpoints", "search", "products")
IN_USE = Occurrence(KEY, "u-1", "inference-operator.io/v1alpha1", "InferenceEndpoint", EventType.WARNING, "InUse", "Delete", "n")
TAKEN = Answer(201, {})


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    async with scripted_api() as api:
        yield api


@pytest.mark.parametrize(
    ("note", "expected"),
    [("short", "short"), ("n" * 1024, "n" * 1024), ("n" * 1025, "n" * 1021 + "…"), ("é" * 600, "é" * 510 + "…")],
)
def test_a_note_is_cut_between_characters(note: str, expected: str) -> None:
    assert cut(note) == expected


@given(st.text())
def test_a_cut_note_fits(note: str) -> None:
    assert len(cut(note, 20).encode()) <= 20


async def test_a_repetition_is_patched_for_some_minutes(api: ScriptedApi, tmp_path: Path) -> None:
    clock = VirtualClock()
    api.plan(EVENTS, TAKEN, TAKEN)
    api.plan(f"{EVENTS}/*", Answer(200, {}))
    async with client_for(api, tmp_path) as client:
        recorder = EventRecorder(client, clock, "pod-1")
        await recorder.record(IN_USE)
        await clock.advance(599)
        await recorder.record(IN_USE)
        await clock.advance(600)
        await recorder.record(IN_USE)
    assert [each.method for each in api.asked] == ["POST", "PATCH", "POST"]


async def test_a_series_whose_event_is_gone_begins_anew(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(EVENTS, TAKEN, TAKEN)
    async with client_for(api, tmp_path) as client:
        recorder = EventRecorder(client, VirtualClock(), "pod-1")
        await recorder.record(IN_USE)
        await recorder.record(IN_USE)
    assert [each.method for each in api.asked] == ["POST", "PATCH", "POST"]


async def test_events_that_differ_in_anything_are_no_series(api: ScriptedApi, tmp_path: Path) -> None:
    others = [
        replace(IN_USE, uid="u-2"),
        replace(IN_USE, type=EventType.NORMAL),
        replace(IN_USE, reason="Other"),
        replace(IN_USE, action="Other"),
        replace(IN_USE, note="other"),
    ]
    api.plan(EVENTS, *[TAKEN] * 6)
    async with client_for(api, tmp_path) as client:
        recorder = EventRecorder(client, VirtualClock(), "pod-1")
        for occurrence in (IN_USE, *others):
            await recorder.record(occurrence)
    assert [each.method for each in api.asked] == ["POST"] * 6


async def test_an_event_that_was_not_taken_is_no_beginning(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(EVENTS, refusal(500), TAKEN)
    async with client_for(api, tmp_path) as client:
        recorder = EventRecorder(client, VirtualClock(), "pod-1")
        await recorder.record(IN_USE)
        await recorder.record(IN_USE)
    assert [each.method for each in api.asked] == ["POST", "POST"]


@pytest.mark.parametrize(
    ("answer", "logged"),
    [
        (refusal(500, "etcd is slow"), True),
        (refusal(403, "events is forbidden"), True),
        (refusal(403, "being terminated", details={"causes": [{"reason": "NamespaceTerminating"}]}), False),
        (refusal(404, "namespaces not found"), False),
    ],
)
async def test_a_refusal_is_logged_unless_nobody_is_left(
    api: ScriptedApi, tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: Answer, logged: bool
) -> None:
    api.plan(EVENTS, answer)
    async with client_for(api, tmp_path) as client:
        await EventRecorder(client, VirtualClock(), "pod-1").record(IN_USE)
    assert ("InUse" in caplog.text) is logged
