"""The API server takes every example as it is written, and keeps all of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.examples.catalogue_of_examples import manifest_files, of_kind, resources

if TYPE_CHECKING:
    from tests.controlplane import ControlPlane

FILES = [f"--filename={path}" for path in manifest_files()]


def test_every_file_is_valid(plane: ControlPlane, namespace: str) -> None:
    # Strict: a field that the schema does not know is an error, not a warning.
    answer = plane.kubectl("apply", "--dry-run=server", "--validate=strict", f"--namespace={namespace}", *FILES, timeout=120)
    assert len(answer.splitlines()) == sum(len(resources(path)) for path in manifest_files())


def test_what_is_stored_is_what_was_written(plane: ControlPlane, namespace: str) -> None:
    plane.kubectl("apply", "--server-side", f"--namespace={namespace}", *FILES, timeout=120)
    stored = json.loads(plane.kubectl("get", "infep,ingp", f"--namespace={namespace}", "--output=json"))["items"]
    specs = {(item["kind"], item["metadata"]["name"]): item["spec"] for item in stored}
    kinds = ("InferenceEndpoint", "IngestPipeline")
    written = {
        (kind, item["metadata"]["name"]): item for path in manifest_files() for kind in kinds for item in of_kind(path, kind)
    }
    assert set(specs) == set(written)
    for name, item in written.items():
        assert _kept(item["spec"], specs[name]), name


def _kept(written: Any, stored: Any) -> bool:
    """Whether all that was written is stored; defaults of the schema may stand beside it."""
    if isinstance(written, dict) and isinstance(stored, dict):
        return all(key in stored and _kept(value, stored[key]) for key, value in written.items())
    return bool(written == stored)
