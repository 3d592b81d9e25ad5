"""The floor: a client that does the operator's requests and nothing else, by the same libraries and at the same concurrency.

It watches, and for every object sends what the operator was seen to send: no plan, no queue with priorities, no retries, no
snapshot, no Secret read. What the operator takes beyond it is the price of the operator's logic. Run as a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from inference_operator.kubernetes.client import LOST, KubernetesClient, Request, path_of
from inference_operator.kubernetes.credentials import load_credentials
from inference_operator.kubernetes.objects import Objects
from inference_operator.kubernetes.values import ObjectKey
from inference_operator.shell.clock import SystemClock
from tests.bench.stage import CONCURRENCY, client_of
from tests.bench.user import NAMESPACE, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

PLURAL = "inferenceendpoints"
_API_VERSION = "inference-operator.io/v1alpha1"
_FINALIZER = "inference-operator.io/external-resource"
_OBJECTS = path_of("apis", *_API_VERSION.split("/"), PLURAL)
_SECRETS = path_of("api", "v1", "secrets")
_MOMENT = "2026-01-01T00:00:00Z"
_AGAIN = 0.2


class Floor:
    """Keeps in step with the objects as long as nothing ever fails."""

    def __init__(self, client: KubernetesClient, elasticsearch: httpx.AsyncClient) -> None:
        self._client = client
        self._objects = Objects(client)
        self._elasticsearch = elasticsearch
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._known: dict[str, dict[str, Any]] = {}
        self._done: dict[str, tuple[int, str]] = {}
        self._secret = ""

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_secret())
            tasks.create_task(self._watch_objects())
            for _ in range(CONCURRENCY):
                tasks.create_task(self._work())

    async def _watch_objects(self) -> None:
        async for event in self._follow(_OBJECTS):
            body = event["object"]
            name = body["metadata"]["name"]
            if event["type"] == "DELETED":
                self._known.pop(name, None)
                self._done.pop(name, None)
                continue
            before = self._known.get(name)
            self._known[name] = body
            if before is None or _version(before) != _version(body):
                self._queue.put_nowait(name)

    async def _watch_secret(self) -> None:
        async for event in self._follow(_SECRETS):
            metadata = event["object"]["metadata"]
            if (metadata["namespace"], metadata["name"]) == (NAMESPACE, SECRET):
                self._secret = metadata["resourceVersion"]
                for name in self._known:
                    self._queue.put_nowait(name)

    async def _follow(self, path: str) -> AsyncIterator[dict[str, Any]]:
        version = "0"
        while True:
            query = [("watch", "true"), ("resourceVersion", version)]
            try:
                async with self._client.stream(Request(path, query=query), quiet=600) as response:
                    if response.status != HTTPStatus.OK:
                        await asyncio.sleep(_AGAIN)
                        continue
                    async for line in response.content:
                        event = json.loads(line)
                        version = event["object"]["metadata"]["resourceVersion"]
                        yield event
            except LOST:
                continue

    async def _work(self) -> None:
        while True:
            body = self._known.get(await self._queue.get())
            if body is None:
                continue
            name, wanted = body["metadata"]["name"], (_version(body)[0], self._secret)
            if "deletionTimestamp" in body["metadata"]:
                await self._delete(name, body)
            elif self._done.get(name) != wanted:
                again = name in self._done
                self._done[name] = wanted
                await self._change(name, body, again=again)

    async def _change(self, name: str, body: dict[str, Any], *, again: bool) -> None:
        await self._ask("GET", f"/_inference/{name}", (HTTPStatus.OK, HTTPStatus.NOT_FOUND))
        if not again:
            body = await self._claim(name, body)
        path = f"/_inference/text_embedding/{name}"
        await self._ask("PUT", f"{path}/_update" if again else path, body=_endpoint(body["spec"], service=not again))
        meta = self._known[name]["metadata"] if again else body["metadata"]
        applied = await self._objects.apply_status(
            _key(name),
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
            status=self._status(name, meta["generation"]),
            api_version=_API_VERSION,
            kind="InferenceEndpoint",
        )
        assert isinstance(applied, dict), applied

    async def _claim(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        meta = body["metadata"]
        claimed = await self._objects.patch_metadata(
            _key(name),
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
            finalizers=(_FINALIZER,),
            annotations={"inference-operator.io/claim": f"{meta['uid']}@floor/{name}"},
        )
        assert isinstance(claimed, dict), claimed
        return claimed

    async def _delete(self, name: str, body: dict[str, Any]) -> None:
        await self._ask("DELETE", f"/_inference/{name}?dry_run=true")
        await self._ask("DELETE", f"/_inference/{name}")
        meta = body["metadata"]
        released = await self._objects.patch_metadata(
            _key(name), uid=meta["uid"], resource_version=meta["resourceVersion"], finalizers=(), annotations=None
        )
        assert isinstance(released, dict), released

    async def _ask(
        self, method: str, path: str, fine: tuple[HTTPStatus, ...] = (HTTPStatus.OK,), body: dict[str, Any] | None = None
    ) -> None:
        answer = await self._elasticsearch.request(method, path, json=body)
        assert answer.status_code in fine, answer.text

    def _status(self, name: str, generation: int) -> dict[str, Any]:
        """As large as the operator's."""
        condition = {
            "status": "True",
            "reason": "Available",
            "message": "The endpoint exists in Elasticsearch as written.",
            "lastTransitionTime": _MOMENT,
            "observedGeneration": generation,
        }
        return {
            "observedGeneration": generation,
            "inferenceId": name,
            "conditions": [condition | {"type": kind} for kind in ("Ready", "ReferencesResolved", "Synced")],
            "cluster": {"uuid": "floor-cluster-uuid-22", "version": "9.5.0"},
            "applied": {"generation": generation, "digest": "0" * 64, "paths": ["service_settings.model_id"]},
            "secretVersions": [{"name": SECRET, "uid": "floor", "resourceVersion": self._secret}],
        }


def _version(body: dict[str, Any]) -> tuple[int, bool]:
    return body["metadata"]["generation"], "deletionTimestamp" in body["metadata"]


def _key(name: str) -> ObjectKey:
    return ObjectKey(PLURAL, NAMESPACE, name)


def _endpoint(spec: dict[str, Any], *, service: bool) -> dict[str, Any]:
    settings = spec["serviceSettings"] | {"api_key": "canary-floor"}
    if service:
        return {"service": spec["service"], "service_settings": settings}
    return {"service_settings": {name: settings[name] for name in ("api_key", "rate_limit") if name in settings}}


async def main() -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = KubernetesClient(await load_credentials(SystemClock()))
    async with client_of(Path(os.environ["FLOOR_CONNECTION"])) as elasticsearch:
        working = asyncio.ensure_future(Floor(client, elasticsearch).run())
        print("floor started", flush=True)  # noqa: T201 - whoever started it waits for this line
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    await client.close()


if __name__ == "__main__":
    sys.exit(asyncio.Runner(loop_factory=uvloop.Loop).run(main()))
