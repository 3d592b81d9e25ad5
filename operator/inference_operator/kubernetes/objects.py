"""Custom resources: the two writes that a reconcile makes, and reads of single objects and of the list of them.

Decides how a write is tied to the object that was read: by resourceVersion and uid in the body, so that one that is stale
or meant for an object of the same name that went away ends in `Conflict`, and none creates anything.
"""

from collections.abc import Mapping
from http import HTTPStatus

from inference_operator.api.meta import API_VERSION, GROUP, VERSION
from inference_operator.core.values import Json
from inference_operator.kubernetes.client import APPLY_PATCH, MERGE_PATCH, KubernetesClient, Reply, Request, path_of, refused
from inference_operator.kubernetes.listing import CHUNK, NAMESPACED, NO_LIST, list_metadata, page
from inference_operator.kubernetes.values import Body, Conflict, Gone, KubernetesFailure, Listed, ListedKeys, ObjectKey

FIELD_MANAGER = "inference-operator"


class Objects:
    """Requests on custom resources of our group. `namespaces` empty means all of them."""

    def __init__(self, client: KubernetesClient, namespaces: tuple[str, ...] = ()) -> None:
        self._client = client
        self._namespaces = namespaces

    async def patch_metadata(
        self,
        key: ObjectKey,
        *,
        uid: str,
        resource_version: str,
        finalizers: tuple[str, ...] | None,
        annotations: Mapping[str, str | None] | None,
    ) -> Body | Conflict | Gone | KubernetesFailure:
        """See `shell.ports`."""
        metadata: dict[str, Json] = {"uid": uid, "resourceVersion": resource_version}
        if finalizers is not None:
            metadata["finalizers"] = list(finalizers)
        if annotations:
            metadata["annotations"] = dict(annotations)
        operation = f"patch {key}"
        reply = await self._client.ask(
            operation,
            Request(
                _path(key),
                method="PATCH",
                query=[("fieldManager", FIELD_MANAGER)],
                body={"metadata": metadata},
                content_type=MERGE_PATCH,
            ),
        )
        return _written(operation, reply)

    async def apply_status(
        self,
        key: ObjectKey,
        *,
        uid: str,
        resource_version: str,
        status: Mapping[str, Json],
        api_version: str,
        kind: str,
    ) -> Body | Conflict | Gone | KubernetesFailure:
        """See `shell.ports`."""
        operation = f"apply status of {key}"
        reply = await self._client.ask(
            operation,
            Request(
                _path(key, "status"),
                method="PATCH",
                query=[("fieldManager", FIELD_MANAGER), ("force", "true")],
                body={
                    "apiVersion": api_version,
                    "kind": kind,
                    "metadata": {"name": key.name, "uid": uid, "resourceVersion": resource_version},
                    "status": dict(status),
                },
                content_type=APPLY_PATCH,
            ),
        )
        return _written(operation, reply)

    async def list_keys(self, plural: str) -> ListedKeys | KubernetesFailure:
        """See `shell.ports`."""
        found: list[Listed] = []
        denied: dict[str, KubernetesFailure] = {}
        for namespace in self._namespaces or (None,):
            within = ("namespaces", namespace) if namespace is not None else ()
            path = path_of("apis", GROUP, VERSION, *within, plural)
            listing = await list_metadata(self._client, f"list {plural}", path, needed=NAMESPACED)
            if isinstance(listing, KubernetesFailure):
                if namespace is None or listing.status != HTTPStatus.FORBIDDEN:
                    return listing
                denied[namespace] = listing
                continue
            found += [
                Listed(ObjectKey(plural, meta["namespace"], meta["name"]), meta["uid"], meta["resourceVersion"])
                for meta in listing.items
            ]
        if self._namespaces and denied.keys() >= set(self._namespaces):
            return denied[self._namespaces[0]]
        return ListedKeys(tuple(found), {namespace: failure.message for namespace, failure in denied.items()})

    async def bodies(self, plural: str, namespace: str) -> tuple[Body, ...] | KubernetesFailure:
        """Every object of a kind in one namespace, as it is stored now. All or a failure, never a part."""
        found: list[Body] = []
        token = ""
        while True:
            operation = f"list {plural} of {namespace}"
            query = [("limit", str(CHUNK)), *([("continue", token)] if token else [])]
            reply = await self._client.ask(
                operation, Request(path_of("apis", GROUP, VERSION, "namespaces", namespace, plural), query=query)
            )
            if isinstance(reply, KubernetesFailure):
                return reply
            if not reply.ok:
                return refused(operation, reply)
            try:
                _, _, token = page(reply.body, NAMESPACED)
            except ValueError:
                return KubernetesFailure(operation, NO_LIST)
            found += reply.body.get("items") or ()
            if not token:
                return tuple(found)


def _path(key: ObjectKey, *subresource: str) -> str:
    return path_of("apis", *API_VERSION.split("/"), "namespaces", key.namespace, key.plural, key.name, *subresource)


def _written(operation: str, reply: Reply | KubernetesFailure) -> Body | Conflict | Gone | KubernetesFailure:
    match reply:
        case KubernetesFailure():
            return reply
        case Reply(ok=True):
            return reply.body
        case Reply(status=HTTPStatus.CONFLICT):
            return Conflict(reply.message)
        case Reply(status=HTTPStatus.NOT_FOUND):
            return Gone(reply.message)
        case Reply(status=HTTPStatus.UNPROCESSABLE_ENTITY) if reply.blames("metadata.uid"):
            return Conflict(reply.message)  # another object of the same name: a merge-patch calls that an invalid uid
        case _:
            return refused(operation, reply)
