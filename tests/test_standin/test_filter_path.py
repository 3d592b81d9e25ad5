"""`filter_path`: the answer cut down to what a client wants."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin.filter_path import filtered
from tests.test_standin.asking import ok
from tests.test_standin.samples import openai

BODY: dict[str, Any] = {
    "took": 1,
    "endpoints": [
        {"inference_id": "a", "service_settings": {"model_id": "m", "rate_limit": {"requests_per_minute": 5}}},
        {"inference_id": "b", "service_settings": {"model_id": "n"}, "task_settings": {"user": "u"}},
    ],
}
ROWS: dict[str, Any] = {
    "took": {"took": 1},
    "endpoints.inference_id": {"endpoints": [{"inference_id": "a"}, {"inference_id": "b"}]},
    "endpoints.task_settings": {"endpoints": [{"task_settings": {"user": "u"}}]},
    "endpoints.*_settings.model_id": {
        "endpoints": [{"service_settings": {"model_id": "m"}}, {"service_settings": {"model_id": "n"}}]
    },
    "took,endpoints.task_settings.user": {"took": 1, "endpoints": [{"task_settings": {"user": "u"}}]},
    "**.requests_per_minute": {"endpoints": [{"service_settings": {"rate_limit": {"requests_per_minute": 5}}}]},
    "nothing": {},
    "-endpoints": {"took": 1},
    "endpoints,-endpoints.*_settings": {"endpoints": [{"inference_id": "a"}, {"inference_id": "b"}]},
    "-**.model_id,-took,-**.rate_limit": {
        "endpoints": [
            {"inference_id": "a", "service_settings": {}},
            {"inference_id": "b", "service_settings": {}, "task_settings": {"user": "u"}},
        ]
    },
    "": BODY,
    "**": BODY,
}


@pytest.mark.parametrize("pattern", ROWS)
def test_patterns(pattern: str) -> None:
    assert filtered(BODY, pattern) == ROWS[pattern]


async def test_answers_and_errors_are_filtered(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/completion/one", json=openai()))
    shown = ok(await http.get("/_inference/one", params={"filter_path": "endpoints.inference_id"}))
    assert shown == {"endpoints": [{"inference_id": "one"}]}
    missing = await http.get("/_inference/two", params={"filter_path": "error.type,status"})
    assert (missing.status_code, missing.json()) == (404, {"error": {"type": "resource_not_found_exception"}, "status": 404})
    pretty = await http.get("/", params={"filter_path": "tagline", "pretty": ""})
    assert pretty.text == '{\n  "tagline": "You Know, for Search"\n}\n'
