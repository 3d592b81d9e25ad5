"""Listings without contents: the metadata of all objects of a kind, in chunks.

Decides how a chunked listing goes on, and that it starts anew when the server has forgotten where it was.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from inference_operator.core.values import Json
from inference_operator.kubernetes.client import METADATA_LIST, KubernetesClient, Request, refused
from inference_operator.kubernetes.values import KubernetesFailure

CHUNK = 500
NO_LIST = "the answer is no list"
_ATTEMPTS = 3
_READ = frozenset({"namespace", "name", "uid", "resourceVersion"})
NAMED = ("name", "uid", "resourceVersion")
NAMESPACED = ("namespace", *NAMED)


@dataclass(frozen=True, slots=True)
class Listing:
    """Of each object's metadata the name, namespace, uid and version; and the version from which a watch goes on. Consistent."""

    items: tuple[dict[str, Json], ...]
    resource_version: str


async def list_metadata(
    client: KubernetesClient,
    operation: str,
    path: str,
    *,
    chunk: int = CHUNK,
    selector: str = "",
    needed: Collection[str] = NAMED,
) -> Listing | KubernetesFailure:
    """All of it or a failure, never a part. `selector` chooses by label; empty: everything. `needed`: see `page`."""
    for _ in range(_ATTEMPTS - 1):
        listing = await _list_once(client, operation, path, chunk, selector, needed)
        if not (isinstance(listing, KubernetesFailure) and listing.status == HTTPStatus.GONE):
            return listing
    return await _list_once(client, operation, path, chunk, selector, needed)


async def _list_once(
    client: KubernetesClient, operation: str, path: str, chunk: int, selector: str, needed: Collection[str]
) -> Listing | KubernetesFailure:
    items: list[dict[str, Json]] = []
    chosen = [("labelSelector", selector)] if selector else []
    token = ""
    while True:
        query = [("limit", str(chunk)), *chosen, *([("continue", token)] if token else [])]
        reply = await client.ask(operation, Request(path, query=query, accept=METADATA_LIST))
        if isinstance(reply, KubernetesFailure):
            return reply
        if not reply.ok:
            return refused(operation, reply)
        try:
            more, version, token = page(reply.body, needed)
        except ValueError:
            return KubernetesFailure(operation, NO_LIST)
        items += more
        if not token:
            return Listing(tuple(items), version)


def page(body: Mapping[str, Json], needed: Collection[str] = NAMED) -> tuple[list[dict[str, Json]], str, str]:
    """What is read of the objects on one page, the version of the list, where it goes on. Raises ValueError for anything else.

    `needed`: what must be a string in the metadata of each object.
    Without what nobody reads and may be long: managed fields, annotations.
    """
    head, entries = body.get("metadata") or {}, body.get("items") or []
    if not isinstance(head, dict) or not isinstance(entries, list):
        raise ValueError("no list")  # noqa: TRY004 - the answer has the wrong content, no caller passed a wrong type
    version, token = head.get("resourceVersion") or "", head.get("continue") or ""
    items = [entry.get("metadata") for entry in entries if isinstance(entry, dict)]
    named = [item for item in items if isinstance(item, dict) and all(isinstance(item.get(key), str) for key in needed)]
    if len(named) < len(entries) or not isinstance(version, str) or not isinstance(token, str):
        raise ValueError("no list of objects")
    return [{name: value for name, value in item.items() if name in _READ} for item in named], version, token
