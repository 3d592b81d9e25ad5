"""The example files as values, for every test that reads, applies or runs them.

Decides which files are examples and how a reference of an endpoint is answered from the Secrets of its own file. Must not
import the operator: the examples are judged by it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeAlias

from tests import yaml_documents

Resource: TypeAlias = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "examples"
SERVICES = EXAMPLES / "services"

MIGRATING = EXAMPLES / "migrating"

PATCHES = frozenset({EXAMPLES / "connection" / "eck-auth-patch.yaml"})
"""Files for `kubectl patch`: parts of an object, which nobody can apply."""

GITOPS = EXAMPLES / "gitops"

OF_OTHERS = frozenset(
    {
        MIGRATING / "eck-custom-resources" / "before.yaml",
        *(GITOPS / "flux").rglob("*.yaml"),
        *(GITOPS / "operator").rglob("*.yaml"),
        *(GITOPS / "argocd").rglob("*.yaml"),
    }
)
"""Objects of other operators, from which one moves, or which bring ours: `tests/gitops/` has these."""


def example_files() -> list[Path]:
    """The examples of services, sorted. They use the default connection, and become Ready all together."""
    return sorted(SERVICES.glob("*.yaml"))


def manifest_files() -> list[Path]:
    """Every file with objects of ours that `kubectl apply` takes, sorted."""
    return sorted(path for path in EXAMPLES.rglob("*.yaml") if path not in PATCHES | OF_OTHERS)


def resources(path: Path) -> list[Resource]:
    """The objects of one file, in its order."""
    return [document for document in yaml_documents.documents(path.read_text(encoding="utf-8")) if document is not None]


def of_kind(path: Path, kind: str) -> list[Resource]:
    """The objects of one file that have this kind."""
    return [resource for resource in resources(path) if resource["kind"] == kind]


def endpoint(path: Path) -> Resource:
    """The one `InferenceEndpoint` of a file of `example_files`."""
    (found,) = of_kind(path, "InferenceEndpoint")
    return found


def inference_id(resource: Resource) -> str:
    """The id that the endpoint gets in Elasticsearch."""
    return str(resource["spec"].get("inferenceId", resource["metadata"]["name"]))


def header(path: Path) -> str:
    """The comment lines that open the file, as one text without line ends."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    return " ".join(line.removeprefix("#").strip() for line in lines[:end])


def stated_version(path: Path) -> tuple[int, int] | None:
    """The oldest Elasticsearch that the header names, as (major, minor); None where only a vendor's build will do."""
    found = re.search(r"Elasticsearch (\d+)\.(\d+)", header(path))
    return (int(found[1]), int(found[2])) if found else None


def request_body(path: Path) -> Resource:
    """What `PUT _inference/{task}/{id}` is sent for the endpoint of a file, its references answered by its Secrets."""
    secrets = {secret["metadata"]["name"]: secret["stringData"] for secret in of_kind(path, "Secret")}
    spec = endpoint(path)["spec"]
    blocks = {
        "service": spec["service"],
        "service_settings": spec.get("serviceSettings", {}),
        "task_settings": spec.get("taskSettings"),
        "chunking_settings": spec.get("chunkingSettings"),
    }
    return {name: _filled(block, secrets) for name, block in blocks.items() if block is not None}


def _filled(node: Any, secrets: dict[str, dict[str, str]]) -> Any:
    if isinstance(node, dict):
        if "valueFrom" in node:
            selector = node["valueFrom"]["secretKeyRef"]
            return secrets[selector["name"]][selector["key"]]
        return {key: _filled(value, secrets) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, secrets) for value in node]
    return node
