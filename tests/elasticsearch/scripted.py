"""A server whose answers a test writes down, behind httpx's own seam for transports. Counts what it is asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from inference_operator.elasticsearch.connection import Connection
from inference_operator.elasticsearch.limits import Limits

PRODUCT = {"X-elastic-product": "Elasticsearch"}
CONNECTION = Connection("http://es.example:9200")
LIMITS = Limits(concurrency=3, failures_to_open=3, first_pause=1.0)

Script = Callable[[httpx.Request], httpx.Response]


def ok(body: Any) -> httpx.Response:
    """A success of Elasticsearch."""
    return httpx.Response(200, json=body, headers=PRODUCT)


def error(status: int, kind: str, reason: str, headers: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
    """An error of Elasticsearch in its usual shape."""
    cause = {"type": kind, "reason": reason}
    body = {"error": {"root_cause": [cause], **cause, **more}, "status": status}
    return httpx.Response(status, json=body, headers={**PRODUCT, **(headers or {})})


def not_found(inference_id: str) -> httpx.Response:
    return error(404, "resource_not_found_exception", f"Inference endpoint not found [{inference_id}]")


def endpoint(inference_id: str, model: str = "m") -> dict[str, Any]:
    """An endpoint as Elasticsearch shows it."""
    return {
        "inference_id": inference_id,
        "task_type": "text_embedding",
        "service": "openai",
        "service_settings": {"model_id": model, "rate_limit": {"requests_per_minute": 3000}},
        "chunking_settings": {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1},
    }


def info(number: str = "9.2.0", uuid: str = "u-1") -> httpx.Response:
    return ok({"name": "n", "cluster_uuid": uuid, "version": {"number": number, "build_flavor": "default"}})


class ScriptedServer:
    """Answers by `METHOD path`. What is asked is answered from the script of that moment; `gate` holds answers back."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {"GET /": lambda _: info()}
        self.requests: list[httpx.Request] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def on(self, call: str, script: Script | httpx.Response | Exception) -> None:
        """Answer this call so from now on."""
        if isinstance(script, Exception):
            raised = script

            def lose(_: httpx.Request) -> httpx.Response:
                raise raised

            self.scripts[call] = lose
        elif isinstance(script, httpx.Response):
            # A response can be read once only, so each request gets its own.
            status, headers, content = script.status_code, script.headers, script.content
            self.scripts[call] = lambda _: httpx.Response(status, headers=headers, content=content)
        else:
            self.scripts[call] = script

    def list_holds(self, *entries: Any) -> None:
        self.on("GET /_inference/_all", ok({"endpoints": list(entries)}))

    @property
    def counts(self) -> Counter[str]:
        """How often each call was made."""
        return Counter(call_of(request) for request in self.requests)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        call = call_of(request)
        if call not in self.scripts:
            raise AssertionError(f"the test has no answer to {call}")
        response = self.scripts[call](request)
        await self.gate.wait()
        return response


def call_of(request: httpx.Request) -> str:
    return f"{request.method} {request.url.raw_path.decode().split('?')[0]}"
