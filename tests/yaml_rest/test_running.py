"""Running: the order of things, what each step demands, and what a failure says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.yaml_rest import FAILED, PASSED, SKIPPED, Result, Server, ServerError, connect, parse, run_suite
from tests.yaml_rest.apis import ParamError, find_api, request_of
from tests.yaml_rest.server import Answer

ERROR = {"error": {"root_cause": [], "type": "parse_exception", "reason": "[field] required property is missing"}, "status": 400}
Canned = Mapping[str, tuple[int, Any, Mapping[str, str]]]


class Script(httpx.AsyncBaseTransport):
    """Answers `GET /` as a server, `/_inference/STATUS` with that status, everything else with what was sent."""

    def __init__(self, canned: Canned | None = None) -> None:
        self._canned = canned or {}
        self.seen: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path, await request.aread()
        if path == "/":
            return httpx.Response(200, json={"version": {"number": "9.5.0-SNAPSHOT"}})
        self.seen.append(f"{request.method} {request.url.raw_path.decode()}")
        if path in self._canned:
            status, answer, headers = self._canned[path]
            return httpx.Response(status, json=answer, headers=dict(headers))
        number = path.rpartition("/")[2]
        if number.isdigit():
            return httpx.Response(int(number), json=ERROR | {"status": int(number)})
        sent = {"content_type": request.headers.get("content-type"), "authorization": request.headers.get("authorization")}
        text = body.decode()
        return httpx.Response(200, json={"sent": sent, "body": json.loads(text) if text.count("\n") < 2 and text else text})


async def run(text: str, canned: Canned | None = None) -> tuple[list[Result], Script]:
    script = Script(canned)
    async with httpx.AsyncClient(transport=script, base_url="http://es") as http:
        return await run_suite(parse("a.yml", text), await connect(http)), script


async def run_steps(*steps: str, canned: Canned | None = None) -> Result:
    (result,), _ = await run("t:\n" + "".join(f"  - {step}\n" for step in steps), canned)
    return result


def call(number: int, catch: str) -> str:
    return f"do: {{ {catch} inference.get: {{ inference_id: {number} }} }}"


async def test_setup_and_teardown_surround_every_test_even_a_failing_one() -> None:
    text = """
setup: [ { do: { inference.get: { inference_id: before } } } ]
---
teardown: [ { do: { inference.get: { inference_id: after } } } ]
---
one: [ { do: { inference.get: { inference_id: "500" } } }, { do: { inference.get: { inference_id: never } } } ]
---
two: [ { skip: { version: all, reason: r } }, { do: { inference.get: { inference_id: never } } } ]
---
three: [ { do: { inference.get: { inference_id: c } } } ]
"""
    results, script = await run(text)
    assert [(one.test, one.outcome) for one in results] == [("one", FAILED), ("two", SKIPPED), ("three", PASSED)]
    asked = [line.rpartition("/")[2] for line in script.seen]
    assert asked == ["before", "500", "after", "before", "c", "after"]


async def test_a_failing_teardown_fails_the_test() -> None:
    text = "teardown: [ { do: { inference.get: { inference_id: '500' } } } ]\n---\nt: [ { do: { inference.get: {} } } ]\n"
    (result,), _ = await run(text)
    assert result.outcome == FAILED
    assert "[teardown] do: inference.get" in result.detail


async def test_a_failing_setup_leaves_the_test_out() -> None:
    text = "setup: [ { do: { inference.get: { inference_id: '500' } } } ]\n---\nt: [ { do: { inference.get: {} } } ]\n"
    (result,), script = await run(text)
    assert result.outcome == FAILED
    assert len(script.seen) == 1


async def test_a_failure_says_file_line_step_expected_and_got() -> None:
    result = await run_steps("do: { inference.get: {} }", "match: { sent.content_type: text/plain }")
    assert result.detail == "a.yml:3 [t] match: sent.content_type\n  expected: 'text/plain'\n  got:      null"


@pytest.mark.parametrize(
    ("status", "catch"),
    [
        (400, "bad_request"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "missing"),
        (408, "request_timeout"),
        (409, "conflict"),
        (410, "gone"),
        (503, "unavailable"),
        (418, "request"),
        (429, "request"),
        (503, "request"),
        (500, "/required \\w+ is/"),
        (400, "/type=parse_exception, reason=.field/"),
    ],
)
async def test_caught(status: int, catch: str) -> None:
    result = await run_steps(call(status, f"catch: '{catch}',"), "match: { error.type: parse_exception }")
    assert result.outcome == PASSED, result.detail


NOT_CAUGHT = [
    (400, "missing", "missing (404)"),
    (404, "bad_request", "bad_request (400)"),
    (200, "conflict", "conflict (409)"),
    (409, "request", "an error that has no name of its own"),
    (200, "request", "an error that has no name of its own"),
    (400, "/nothing like it/", "an error whose text matches /nothing like it/"),
    (200, "/parse_exception/", "an error whose text matches /parse_exception/"),
    (500, None, "success"),
]


@pytest.mark.parametrize(("status", "catch", "expected"), NOT_CAUGHT)
async def test_not_caught(status: int, catch: str | None, expected: str) -> None:
    result = await run_steps(call(status, f"catch: '{catch}'," if catch else ""))
    assert result.outcome == FAILED
    assert f"expected: {expected}\n" in result.detail
    assert f"got:      {status} " in result.detail


async def test_ignored_statuses() -> None:
    ignoring = "do: { inference.get: { inference_id: '404', ignore: [404, 409] } }"
    assert (await run_steps(ignoring)).outcome == PASSED
    assert (await run_steps(ignoring.replace("404, 409", "409"))).outcome == FAILED


async def test_param_is_an_error_before_anything_is_sent() -> None:
    refused = "do: { catch: param, inference.get: { unheard_of: 1 } }"
    results, script = await run(f"t:\n  - {refused}\n")
    assert [one.outcome for one in results] == [PASSED]
    assert script.seen == []
    assert "a valid request" in (await run_steps("do: { catch: param, inference.get: {} }")).detail
    assert "does not know [unheard_of]" in (await run_steps(refused.replace("catch: param,", ""))).detail


async def test_values_of_answers_serve_later_steps() -> None:
    result = await run_steps(
        "do: { inference.put: { inference_id: a, body: { name: n1, list: [1, 2] } } }",
        "set: { body.name: name, body.list: list, body._arbitrary_key_: key }",
        "do: { headers: { Authorization: 'Basic ${name}' }, inference.put: { inference_id: $name, body: { $name: $list } } }",
        "match: { body: { $name: [1, 2] } }",
        "match: { body.$name: $list }",
        "match: { $body.body.n1.1: 2 }",
        "match: { sent.authorization: 'Basic n1' }",
        "match: { $key: name }",
    )
    assert result.outcome == PASSED, result.detail


async def test_set_needs_a_value() -> None:
    result = await run_steps("do: { inference.get: {} }", "set: { no.such: name }")
    assert "set: no.such\n  expected: a value to keep\n  got:      nothing" in result.detail


async def test_a_test_does_not_see_what_another_stashed() -> None:
    text = (
        "one: [ { do: { info: {} } }, { set: { version: v } } ]\n---\ntwo: [ { do: { inference.get: { inference_id: $v } } } ]\n"
    )
    (one, two), _ = await run(text)
    assert (one.outcome, two.outcome) == (PASSED, FAILED)
    assert "nothing is stashed as [$v]" in two.detail


async def test_transformed_values() -> None:
    result = await run_steps(
        "do: { inference.put: { inference_id: a, body: { user: u, password: p } } }",
        "transform_and_set: { login: '#base64EncodeCredentials(body.user, body.password)', a: '#base64Encode(u:p)', b: plain }",
        "match: { $login: 'dTpw' }",
        "match: { $a: $login }",
        "match: { $b: plain }",
    )
    assert result.outcome == PASSED, result.detail


async def test_bodies_travel_as_one_value_or_as_lines() -> None:
    assert (
        await run_steps(
            "do: { bulk: { body: [ { index: {} }, '{\"a\": 1}' ] } }",
            "match: { sent.content_type: application/x-ndjson }",
            'match: { body: "{\\"index\\": {}}\\n{\\"a\\": 1}\\n" }',
        )
    ).outcome == PASSED


def warned(*texts: str) -> Canned:
    return {"/_inference/w": (200, {}, {"Warning": f'299 Elasticsearch-9.5.0 "{texts[0]}"'} if texts else {})}


WARNINGS = [
    ("warnings: ['say \"so\"'],", 'say \\"so\\"', PASSED),
    ("warnings_regex: ['old .*'],", "old thing", PASSED),
    ("allowed_warnings: [old],", "old", PASSED),
    ("allowed_warnings: [old],", None, PASSED),
    ("allowed_warnings_regex: ['o.*'],", "old", PASSED),
    ("", None, PASSED),
    ("", "old", FAILED),
    ("warnings: [old],", None, FAILED),
    ("warnings: [old],", "older", FAILED),
    ("warnings_regex: ['old'],", "older", FAILED),
    ("allowed_warnings: [old],", "older", FAILED),
]


@pytest.mark.parametrize(("wanted", "sent", "outcome"), WARNINGS)
async def test_warnings(wanted: str, sent: str | None, outcome: str) -> None:
    step = f"do: {{ {wanted} inference.get: {{ inference_id: w }} }}"
    result = await run_steps(step, canned=warned(sent) if sent else warned())
    assert result.outcome == outcome, result.detail


REQUESTS: list[tuple[str, Mapping[str, Any], str, str, Mapping[str, str]]] = [
    ("inference.put", {"inference_id": "a", "task_type": "rerank"}, "PUT", "/_inference/rerank/a", {}),
    ("inference.delete", {"inference_id": "a/b", "force": True}, "DELETE", "/_inference/a%2Fb", {"force": "true"}),
    ("inference.put_openai", {"task_type": "t", "openai_inference_id": "a"}, "PUT", "/_inference/t/a", {}),
    ("inference.stream_completion", {"inference_id": "a"}, "POST", "/_inference/completion/a/_stream", {}),
    ("ingest.get_pipeline", {"id": ["a", "b*"]}, "GET", "/_ingest/pipeline/a,b*", {}),
    ("index", {"index": "i", "id": "1"}, "PUT", "/i/_doc/1", {}),
    ("index", {"index": "i", "pretty": False}, "POST", "/i/_doc", {"pretty": "false"}),
    ("raw", {"method": "PATCH", "path": "a/b", "x": 1}, "PATCH", "/a/b", {"x": "1"}),
]


@pytest.mark.parametrize(("api", "arguments", "method", "path", "query"), REQUESTS)
def test_requests_of_calls(api: str, arguments: Mapping[str, Any], method: str, path: str, query: Mapping[str, str]) -> None:
    wanted = request_of(api, arguments)
    assert (wanted.method, wanted.path, wanted.query) == (method, path, query)


@pytest.mark.parametrize(
    ("api", "arguments", "problem"),
    [
        ("inference.put", {"task_type": "t"}, "must be given inference_id or inference_id, task_type"),
        ("inference.no_such", {}, "unknown API [inference.no_such]"),
        ("raw", {"method": "GET"}, "must have [method] and [path]"),
    ],
)
def test_calls_that_no_client_sends(api: str, arguments: Mapping[str, Any], problem: str) -> None:
    with pytest.raises(ParamError) as refused:
        request_of(api, arguments)
    assert problem in str(refused.value)


async def test_an_unknown_api_fails_the_test_that_calls_it() -> None:
    with pytest.raises(ParamError):
        find_api("no.such")
    assert "unknown API [no.such]" in (await run_steps("do: { no.such: {} }")).detail


async def test_what_is_not_elasticsearch_is_refused() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text="hi"))
    async with httpx.AsyncClient(transport=transport, base_url="http://es") as http:
        with pytest.raises(ServerError):
            await connect(http)


async def test_answers_that_are_no_json() -> None:
    events = "event: message\ndata: [DONE]\n\n"
    body = {"/broken": httpx.Response(200, content=b"{", headers={"content-type": "application/json"})}
    transport = httpx.MockTransport(
        lambda request: (
            body.get(request.url.path) or httpx.Response(200, text=events, headers={"content-type": "text/event-stream"})
        )
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://es") as http:
        known = Server(http, (9, 5, 0), frozenset()).send
        assert await known(request_of("inference.stream_completion", {"inference_id": "a"}), (), {}) == Answer(200, events)
        with pytest.raises(ServerError, match="broken JSON"):
            await known(request_of("raw", {"method": "GET", "path": "/broken"}), (), {})
