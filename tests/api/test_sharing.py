"""What many objects say alike is kept once, and nobody can tell."""

from __future__ import annotations

import gc
import json
from typing import Any

from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.sharing import Sharing


def body(name: str, reason: str = "Available") -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True", "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    settings: dict[str, Any] = {
        "model_id": "m",
        "api_key": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        "nothing": None,
        "l": [{}],
    }
    text = json.dumps(
        {
            "metadata": {"name": name, "namespace": "search", "uid": name, "annotations": {"a": name}},
            "spec": {"taskType": "rerank", "service": "cohere", "serviceSettings": settings, "suspend": False},
            "status": {"conditions": [condition], "cluster": {"uuid": "u", "version": "9.5.0"}},
        }
    )
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def read(name: str, reason: str = "Available") -> InferenceEndpoint:
    return InferenceEndpoint.parse(body(name, reason))


def test_equal_parts_are_one_and_others_stay_apart() -> None:
    sharing = Sharing()
    one, other, third = (sharing.share(found) for found in (read("a"), read("b"), read("c", "Other")))
    assert one.status.conditions[0] is other.status.conditions[0]
    assert one.status.cluster is other.status.cluster
    assert third.status.conditions[0].reason == "Other"
    assert (one.metadata.name, other.metadata.name) == ("a", "b")


def test_what_is_shared_reads_and_writes_as_before() -> None:
    sharing = Sharing()
    sharing.share(read("b"))
    shared, plain = sharing.share(read("a")), read("a")
    assert shared == plain
    assert shared.spec.body() == plain.spec.body()
    assert shared.spec.model_fields_set == plain.spec.model_fields_set


def test_a_changed_copy_leaves_the_others_alone() -> None:
    sharing = Sharing()
    one, other = sharing.share(read("a")), sharing.share(read("b"))
    changed = one.status.model_copy(update={"last_handled_reconcile_at": "now"})
    assert "last_handled_reconcile_at" in changed.model_fields_set
    assert "last_handled_reconcile_at" not in other.status.model_fields_set


def test_what_no_object_says_any_more_is_let_go() -> None:
    sharing = Sharing()
    one = sharing.share(read("a"))
    assert sharing.known > 0
    del one
    gc.collect()
    assert sharing.known == 0
