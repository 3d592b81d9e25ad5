"""Objects of ours in any form: read, or reported by the field at fault in a status that can be written, no value repeated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.api.crd import KINDS as CRDS
from inference_operator.api.crd import schema
from inference_operator.shell.intake import read
from inference_operator.shell.store import Unreadable
from tests.api.schema_faults import faults
from tests.elasticsearch.laws import LAW
from tests.hostile import CANARY, nested, spoiled
from tests.shell.house import House

SECRET = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}}
CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "Available",
    "message": "it serves",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
STATUS = {
    "observedGeneration": 1,
    "conditions": [CONDITION, {**CONDITION, "type": "Synced"}],
    "cluster": {"uuid": "u", "version": "9.5.0"},
    "observed": {"service_settings": {"model_id": "m", "headers": {"x": "<hidden>"}}},
    "usedBy": {"pipelines": ["p"], "indices": [], "total": 1},
    "drift": [{"path": "serviceSettings.model_id", "desired": "1", "observed": "2"}],
    "applied": {"generation": 1, "digest": "d", "paths": ["serviceSettings.model_id"]},
    "secretVersions": [{"kind": "Secret", "name": "openai", "uid": "u", "resourceVersion": "7"}],
    "deployment": {"id": "d", "state": "started", "allocationCount": 1},
    "lastProbe": {"outcome": "Failed", "message": "m", "since": "2026-01-01T00:00:00Z"},
    "tests": {"passed": 1, "failed": 0},
}
SPECS: dict[str, dict[str, Any]] = {
    "inferenceendpoints": {
        "taskType": "text_embedding",
        "service": "openai",
        "inferenceId": "a",
        "elasticsearchRef": {"name": "es", "namespace": "other"},
        "serviceSettings": {"model_id": "m", "api_key": SECRET},
        "chunkingSettings": {"strategy": "sentence"},
        "probe": {"enabled": True, "interval": "10m", "input": "x"},
        "timeout": "30s",
        "driftPolicy": "Correct",
    },
    "ingestpipelines": {
        "processors": [{"set": {"field": "a", "value": CANARY}}],
        "onFailure": [{"drop": {}}],
        "meta": {"x": 1},
        "version": 3,
        "tests": [{"name": "t", "documents": [{"_source": {"a": CANARY}}], "expect": [{"dropped": True}]}],
        "deletionPolicy": "Retain",
    },
}
STATUS_SCHEMAS = {crd.plural: schema(crd.model)["properties"]["status"] for crd in CRDS}
METADATA = {"name": "a", "namespace": "search", "uid": "u", "generation": 2, "resourceVersion": "7"}
KINDS = House().operator.kinds
NOW = "2026-01-01T00:00:00Z"
every_kind = pytest.mark.parametrize("plural", SPECS)


def check(plural: str, spec: Any, status: Any) -> None:
    kind = KINDS[plural]
    found = read(kind, {"metadata": METADATA, "spec": spec, "status": status})
    if not isinstance(found, Unreadable):
        assert isinstance(found.status.body(), dict)
        return
    assert CANARY not in str(found.fault)
    told = kind.unreadable_status(found.status, generation=2, fault=str(found.fault), now=NOW)
    body = told.body()
    assert list(faults(STATUS_SCHEMAS[plural], body)) == []
    ready = next(condition for condition in body["conditions"] if condition["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ValidationFailed")
    assert len(ready["message"]) <= 4096


@every_kind
@LAW
@given(data=st.data())
def test_an_object_of_any_form_is_read_or_reported(plural: str, data: st.DataObject) -> None:
    check(plural, data.draw(spoiled(SPECS[plural])), data.draw(spoiled(STATUS)))


@pytest.mark.full
@every_kind
@LAW
@given(data=st.data())
def test_objects_for_long(plural: str, data: st.DataObject) -> None:
    check(plural, data.draw(spoiled(SPECS[plural])), data.draw(spoiled(STATUS)))


@every_kind
@pytest.mark.parametrize("depth", [99, 101, 900, 20_000])
def test_a_status_of_any_depth_is_read_or_forgotten(plural: str, depth: int) -> None:
    check(plural, {}, {**STATUS, "observed": {"x": nested(depth)}})


@every_kind
def test_a_long_key_at_fault_is_told_in_bounds(plural: str) -> None:
    key = "k" * 100_000
    check(plural, {**SPECS[plural], "serviceSettings": {key: nested(200)}, "meta": {key: nested(200)}}, {})
    check(plural, {**SPECS[plural], key: nested(200)}, {})
