"""Short ways to run documents through pipelines of a stand-in, and a world that has an endpoint."""

from __future__ import annotations

from typing import Any

import httpx

from tests.standin.messages import Json
from tests.test_standin.asking import ok
from tests.test_standin.samples import openai

SPARSE: Json = {"service": "hugging_face", "service_settings": {"api_key": "k", "url": "https://e.example"}}


async def put(http: httpx.AsyncClient, body: Any, name: str = "p1", **query: Any) -> httpx.Response:
    """PUT a pipeline."""
    return await http.put(f"/_ingest/pipeline/{name}", json=body, params=query)


async def simulate(http: httpx.AsyncClient, processors: list[Json], source: Json, **more: Any) -> Json:
    """What an inline simulation answers for one document; `more` are other keys of the pipeline."""
    body = {"pipeline": {"processors": processors, **more}, "docs": [{"_source": source}]}
    (found,) = ok(await http.post("/_ingest/pipeline/_simulate", json=body))["docs"]
    shown: Json = found
    return shown


async def after(http: httpx.AsyncClient, processors: list[Json], source: Json, **more: Any) -> Json:
    """The source of a document after an inline pipeline that must succeed."""
    found = await simulate(http, processors, source, **more)
    assert "doc" in found, found
    changed: Json = found["doc"]["_source"]
    return changed


async def failure(http: httpx.AsyncClient, processors: list[Json], source: Json, **more: Any) -> tuple[str, str]:
    """Type and reason of the error that a document meets in an inline pipeline."""
    error = (await simulate(http, processors, source, **more))["error"]
    assert error["root_cause"], error
    return error["type"], error["reason"]


async def told(http: httpx.AsyncClient, processors: list[Json], source: Json, **more: Any) -> list[Json]:
    """The results of a verbose inline simulation of one document."""
    body = {"pipeline": {"processors": processors, **more}, "docs": [{"_source": source}]}
    (found,) = ok(await http.post("/_ingest/pipeline/_simulate", json=body, params={"verbose": "true"}))["docs"]
    results: list[Json] = found["processor_results"]
    return results


async def create_endpoints(http: httpx.AsyncClient) -> None:
    """`dense` with vectors of 8 numbers, `sparse`, and `chat`, which completes texts."""
    ok(await http.put("/_inference/text_embedding/dense", json=openai(dimensions=8)))
    ok(await http.put("/_inference/sparse_embedding/sparse", json=SPARSE))
    ok(await http.put("/_inference/completion/chat", json=openai()))
