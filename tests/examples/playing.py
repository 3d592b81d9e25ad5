"""Example files applied to a world of one process: the operator between a Kubernetes in memory and the stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from inference_operator.shell.ports import ObjectKey
from tests.examples.catalogue_of_examples import Resource, resources
from tests.fake_kubernetes_store import PLURALS
from tests.machine.world import NAMESPACE, World
from tests.standin import StandInTransport


def apply_files(world: World, *paths: Path, **changes: Any) -> list[ObjectKey]:
    """`kubectl apply`, fields of the specs changed before. Returns the keys of our own objects, in the order of the files."""
    found = [apply(world, resource, **changes) for path in paths for resource in resources(path)]
    return [key for key in found if key is not None]


def apply(world: World, resource: Resource, **changes: Any) -> ObjectKey | None:
    """One object, in the namespace of the world; None for a Secret, which has no status to look at."""
    name = resource["metadata"]["name"]
    if resource["kind"] == "Secret":
        world.kubernetes.put_secret(NAMESPACE, name, resource["stringData"])
        return None
    metadata, spec = resource["metadata"] | {"namespace": NAMESPACE}, resource["spec"] | changes
    world.kubernetes.create(resource | {"metadata": metadata, "spec": spec})
    return ObjectKey(PLURALS[resource["kind"]], NAMESPACE, name)


async def send(world: World, method: str, path: str, text: str) -> httpx.Response:
    """What a page has curl send, a file's text as it is: JSON, or lines of JSON for a bulk request."""
    kind = "application/x-ndjson" if "/_bulk" in path else "application/json"
    async with httpx.AsyncClient(transport=StandInTransport(world.standin), base_url="http://standin") as client:
        return await client.request(method, path, content=text.encode(), headers={"Content-Type": kind})
