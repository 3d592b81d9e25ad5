"""What the guide says that Kubernetes does to a body, done: kubectl sends it to the API server, and reads it back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.controlplane import ControlPlane
from tests.docs.pages import PIPELINE_GUIDE

pytestmark = pytest.mark.xdist_group("docs")
SECTION = PIPELINE_GUIDE.section("What Kubernetes does to a body")
MANIFEST = """apiVersion: inference-operator.io/v1alpha1
kind: IngestPipeline
metadata: {name: numbers}
spec:
  processors:
    - set: {value: 1.0, field: one}
    - set: {field: largest, value: 9223372036854775807}
    - set: {field: larger, value: 18446744073709551617}
    - set: {field: "on", value: on}
    - set: {field: nothing, value: [3, 1, 2, null, "", 0.5, {}]}
"""


def stored(plane: ControlPlane, namespace: str) -> str:
    """The processors as the API server gives them out."""
    plane.kubectl("apply", f"--namespace={namespace}", "--filename=-", input=MANIFEST)
    return plane.kubectl("get", "ingp", "numbers", f"--namespace={namespace}", "--output=jsonpath={.spec.processors}")


def test_lists_and_all_else_stay_as_they_are(plane: ControlPlane, namespace: str) -> None:
    text = stored(plane, namespace)
    one, largest, larger, on, nothing = (step["set"] for step in json.loads(text))
    assert nothing == {"field": "nothing", "value": [3, 1, 2, None, "", 0.5, {}]}
    assert largest["value"] == 2**63 - 1
    assert is_whole(one["value"]), "`1.0` becomes `1`"
    assert "`1.0` becomes `1`" in SECTION
    assert text.index('"field":"one"') < text.index('"value":1}'), "keys are sorted"
    assert "The order of keys in an object is not kept" in SECTION
    assert larger["value"] != 2**64 + 1
    assert "lose digits" in SECTION
    assert on == {"field": "on", "value": True}
    assert "reads `on`, `off`, `yes` and `no` as booleans" in SECTION


def is_whole(value: Any) -> bool:
    return isinstance(value, int)
