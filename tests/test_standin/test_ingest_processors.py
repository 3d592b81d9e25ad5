"""What each processor does to a document, and the words with which it refuses one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin import ManualClock
from tests.standin.messages import Json
from tests.test_standin.ingesting import after, failure, put, simulate

ILLEGAL = "illegal_argument_exception"


def one(kind: str, **options: Any) -> list[Json]:
    return [{kind: options}]


CHANGES: dict[str, tuple[list[Json], Json, Json]] = {
    "set": (one("set", field="a.b", value={"x": [1]}), {}, {"a": {"b": {"x": [1]}}}),
    "set does not override": (one("set", field="a", value=2, override=False), {"a": 1}, {"a": 1}),
    "set overrides null": (one("set", field="a", value=2, override=False), {"a": None}, {"a": 2}),
    "set from a template": (one("set", field="a", value="<{{b.c}}>"), {"b": {"c": "x"}}, {"b": {"c": "x"}, "a": "<x>"}),
    "set escapes for JSON": (one("set", field="a", value="{{b}}"), {"b": 'x"y'}, {"b": 'x"y', "a": 'x\\"y'}),
    "set without escapes": (one("set", field="a", value="{{{b}}}"), {"b": 'x"y'}, {"b": 'x"y', "a": 'x"y'}),
    "set as plain text": (one("set", field="a", value="{{b}}", media_type="text/plain"), {"b": '"'}, {"b": '"', "a": '"'}),
    "set names the field by a template": (one("set", field="{{b}}", value=1), {"b": "c"}, {"b": "c", "c": 1}),
    "set ignores an empty value": (one("set", field="a", value="{{none}}", ignore_empty_value=True), {}, {}),
    "set writes an empty value": (one("set", field="a", value="{{none}}"), {}, {"a": ""}),
    "set copies": (one("set", field="a", copy_from="b"), {"b": {"c": 1}}, {"b": {"c": 1}, "a": {"c": 1}}),
    "set copies nothing": (one("set", field="a", copy_from="b", ignore_empty_value=True), {}, {}),
    "set in a list": (one("set", field="a.1", value="x"), {"a": [1, 2]}, {"a": [1, "x"]}),
    "remove": (one("remove", field=["a", "b.c"]), {"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2}}),
    "remove ignores what is missing": (one("remove", field="x", ignore_missing=True), {"a": 1}, {"a": 1}),
    "remove keeps": (one("remove", keep=["a.b"]), {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1}}),
    "rename": (one("rename", field="a", target_field="b.c"), {"a": 1}, {"b": {"c": 1}}),
    "rename ignores what is missing": (one("rename", field="a", target_field="b", ignore_missing=True), {}, {}),
    "rename overrides": (one("rename", field="a", target_field="b", override=True), {"a": 1, "b": 2}, {"b": 1}),
    "append to nothing": (one("append", field="a", value=["x", "y"]), {}, {"a": ["x", "y"]}),
    "append to a value": (one("append", field="a", value="{{b}}"), {"a": 1, "b": 2}, {"a": [1, "2"], "b": 2}),
    "append without duplicates": (
        one("append", field="a", value=["x", "y"], allow_duplicates=False),
        {"a": ["x"]},
        {"a": ["x", "y"]},
    ),
    "convert to integer": (one("convert", field="a", type="integer"), {"a": "-12"}, {"a": -12}),
    "convert to hexadecimal integer": (one("convert", field="a", type="integer"), {"a": "0x1f"}, {"a": 31}),
    "convert to long": (one("convert", field="a", type="long"), {"a": "3000000000"}, {"a": 3000000000}),
    "convert to float": (one("convert", field="a", type="float"), {"a": "0.1"}, {"a": 0.1}),
    "convert to double": (one("convert", field="a", type="double"), {"a": "1e3"}, {"a": 1000.0}),
    "convert to boolean": (one("convert", field="a", type="boolean"), {"a": "TRUE"}, {"a": True}),
    "convert to string": (one("convert", field="a", type="string"), {"a": {"b": [1, True]}}, {"a": "{b=[1, true]}"}),
    "convert to ip": (one("convert", field="a", type="ip"), {"a": "::1"}, {"a": "::1"}),
    "convert by itself": (
        one("convert", field="a", type="auto"),
        {"a": ["true", "7", "2.5", "x", 1]},
        {"a": [True, 7, 2.5, "x", 1]},
    ),
    "convert into another field": (one("convert", field="a", type="integer", target_field="b"), {"a": "1"}, {"a": "1", "b": 1}),
    "gsub": (one("gsub", field="a", pattern=r"(\d)-", replacement="$1+"), {"a": "1-2-x"}, {"a": "1+2+x"}),
    "gsub of each element": (one("gsub", field="a", pattern=r"\.", replacement="-"), {"a": ["1.2", "x"]}, {"a": ["1-2", "x"]}),
    "json": (one("json", field="a"), {"a": '{"b": [1, 2.5, null]}'}, {"a": {"b": [1, 2.5, None]}}),
    "json into another field": (one("json", field="a", target_field="b"), {"a": "1"}, {"a": "1", "b": 1}),
    "json to the root": (
        one("json", field="a", add_to_root=True),
        {"a": '{"b": {"c": 1}}', "b": {"d": 2}},
        {"a": '{"b": {"c": 1}}', "b": {"c": 1}},
    ),
    "json merged into the root": (
        one("json", field="a", add_to_root=True, add_to_root_conflict_strategy="merge"),
        {"a": '{"b": {"c": 1}}', "b": {"d": 2}},
        {"a": '{"b": {"c": 1}}', "b": {"c": 1, "d": 2}},
    ),
    "json before something else": (one("json", field="a", strict_json_parsing=False), {"a": "1 x"}, {"a": 1}),
    "lowercase": (one("lowercase", field="a"), {"a": ["A", "B"]}, {"a": ["a", "b"]}),
    "uppercase": (one("uppercase", field="a", target_field="b"), {"a": "x"}, {"a": "x", "b": "X"}),
    "trim": (one("trim", field="a"), {"a": " x "}, {"a": "x"}),
    "bytes": (one("bytes", field="a"), {"a": "2kb"}, {"a": 2048}),
    "urldecode": (one("urldecode", field="a"), {"a": "a%20b+c"}, {"a": "a b c"}),
    "split": (one("split", field="a", separator=r"\s*,\s*"), {"a": "x , y,,"}, {"a": ["x", "y"]}),
    "split keeps what is empty": (one("split", field="a", separator=",", preserve_trailing=True), {"a": "x,"}, {"a": ["x", ""]}),
    "join": (one("join", field="a", separator="-"), {"a": [1, "x", True]}, {"a": "1-x-true"}),
    "sort": (one("sort", field="a", order="desc"), {"a": [1, 3, 2]}, {"a": [3, 2, 1]}),
    "terminate": ([*one("terminate"), *one("set", field="a", value=1)], {}, {}),
    "foreach over a list": (
        one("foreach", field="a", processor={"uppercase": {"field": "_ingest._value.n"}}),
        {"a": [{"n": "x"}, {"n": "y"}]},
        {"a": [{"n": "X"}, {"n": "Y"}]},
    ),
    "foreach over an object": (
        one("foreach", field="a", processor={"set": {"field": "_ingest._value", "value": "{{_ingest._key}}"}}),
        {"a": {"x": 1, "y": 2}},
        {"a": {"x": "x", "y": "y"}},
    ),
    "foreach over nothing": (one("foreach", field="a", ignore_missing=True, processor={"drop": {}}), {}, {}),
    "metadata": (one("set", field="_index", value="other"), {"a": 1}, {"a": 1}),
    "dotted path with _source": (one("set", field="_source.a", value=1), {}, {"a": 1}),
}


@pytest.mark.parametrize(("processors", "source", "expected"), CHANGES.values(), ids=CHANGES)
async def test_changes(http: httpx.AsyncClient, processors: list[Json], source: Json, expected: Json) -> None:
    assert await after(http, processors, source) == expected


FAILURES: dict[str, tuple[list[Json], Json, str]] = {
    "missing": (one("uppercase", field="foo"), {}, "field [foo] not present as part of path [foo]"),
    "missing on the way": (one("remove", field="a.b.c"), {"a": {}}, "field [b] not present as part of path [a.b.c]"),
    "through a text": (
        one("trim", field="a.b"),
        {"a": "x"},
        "cannot resolve [b] from object of type [java.lang.String] as part of path [a.b]",
    ),
    "through null": (one("trim", field="a.b"), {"a": None}, "cannot resolve [b] from null as part of path [a.b]"),
    "set through a text": (
        one("set", field="a.b", value=1),
        {"a": "x"},
        "cannot set [b] with parent object of type [java.lang.String] as part of path [a.b]",
    ),
    "remove from a number": (
        one("remove", field="a.b"),
        {"a": 1},
        "cannot remove [b] from object of type [java.lang.Integer] as part of path [a.b]",
    ),
    "no index": (
        one("trim", field="a.x"),
        {"a": ["y"]},
        "[x] is not an integer, cannot be used as an index as part of path [a.x]",
    ),
    "index out of bounds": (
        one("trim", field="a.1"),
        {"a": ["y"]},
        "[1] is out of bounds for array with length [1] as part of path [a.1]",
    ),
    "empty path from a template": (one("set", field="{{x}}", value=1), {}, "path cannot be null nor empty"),
    "null text": (one("trim", field="a"), {"a": None}, "field [a] is null, cannot process it."),
    "no text": (one("trim", field="a"), {"a": 1}, "field [a] of type [java.lang.Integer] cannot be cast to [java.lang.String]"),
    "no text in a list": (
        one("trim", field="a"),
        {"a": ["x", 1]},
        "value [1] of type [java.lang.Integer] in list field [a] cannot be cast to [java.lang.String]",
    ),
    "rename of nothing": (one("rename", field="a", target_field="b"), {}, "field [a] doesn't exist"),
    "rename over something": (one("rename", field="a", target_field="b"), {"a": 1, "b": 2}, "field [b] already exists"),
    "convert text to integer": (one("convert", field="a", type="integer"), {"a": "x"}, "unable to convert [x] to integer"),
    "convert too much": (
        one("convert", field="a", type="integer"),
        {"a": 3000000000},
        "unable to convert [3000000000] to integer",
    ),
    "convert to boolean": (
        one("convert", field="a", type="boolean"),
        {"a": "yes"},
        "[yes] is not a boolean value, cannot convert to boolean",
    ),
    "convert to ip": (one("convert", field="a", type="ip"), {"a": "x"}, "'x' is not an IP string literal."),
    "convert null": (
        one("convert", field="a", type="long"),
        {"a": None},
        "Field [a] is null, cannot be converted to type [long]",
    ),
    "date": (one("date", field="a", formats=["ISO8601"]), {"a": "soon"}, "unable to parse date [soon]"),
    "split null": (one("split", field="a", separator=","), {"a": None}, "field [a] is null, cannot split."),
    "join text": (
        one("join", field="a", separator=","),
        {"a": "x"},
        "field [a] of type [java.lang.String] cannot be cast to [java.util.List]",
    ),
    "json to the root": (one("json", field="a", add_to_root=True), {"a": "[1]"}, "cannot add non-map fields to root of document"),
    "json with a rest": (
        one("json", field="a"),
        {"a": "1 2"},
        "The input 1 2 is not valid JSON and the strict_json_parsing parameter is true",
    ),
    "foreach over a number": (
        one("foreach", field="a", processor={"drop": {}}),
        {"a": 1},
        "field [a] of type [java.lang.Integer] cannot be cast to a list or map",
    ),
    "foreach over null": (
        one("foreach", field="a", processor={"drop": {}}),
        {"a": None},
        "field [a] is null, cannot loop over its elements.",
    ),
}


@pytest.mark.parametrize(("processors", "source", "reason"), FAILURES.values(), ids=FAILURES)
async def test_failures(http: httpx.AsyncClient, processors: list[Json], source: Json, reason: str) -> None:
    assert await failure(http, processors, source) == (ILLEGAL, reason)


async def test_fail(http: httpx.AsyncClient) -> None:
    expected = ("fail_processor_exception", 'no "x"')
    assert await failure(http, one("fail", message='no "{{a}}"'), {"a": "x"}) == expected


async def test_drop(http: httpx.AsyncClient) -> None:
    assert await simulate_any(http, one("drop")) is None


async def simulate_any(http: httpx.AsyncClient, processors: list[Json]) -> Any:
    return await simulate(http, processors, {"a": 1})


async def test_a_processor_that_the_stand_in_does_not_run_says_so(http: httpx.AsyncClient) -> None:
    processors = one("grok", field="a", patterns=["%{WORD:b}"])
    expected = ("unsupported_operation_exception", "the stand-in does not run processor [grok]")
    assert await failure(http, processors, {"a": "x"}) == expected


DATES: dict[str, tuple[str, list[str], Json, str]] = {
    "ISO8601": ("2024-02-29T10:11:12.5+02:00", ["ISO8601"], {}, "2024-02-29T08:11:12.500Z"),
    "ISO8601 without time": ("2024-02", ["ISO8601"], {}, "2024-02-01T00:00:00.000Z"),
    "UNIX": ("1700000000.25", ["UNIX"], {}, "2023-11-14T22:13:20.250Z"),
    "UNIX_MS": ("1700000000250", ["UNIX_MS"], {}, "2023-11-14T22:13:20.250Z"),
    "TAI64N": ("4000000050d506482dbdf024", ["TAI64N"], {}, "2012-12-22T01:00:46.767Z"),
    "pattern": ("29/02/2024 10:11", ["dd/MM/yyyy HH:mm"], {}, "2024-02-29T10:11:00.000Z"),
    "pattern with text": ("on 3 Mar 24 at 5pm", ["'on' d MMM yy 'at' ha"], {}, "2024-03-03T17:00:00.000Z"),
    "second format": ("1700000000", ["ISO8601", "UNIX"], {}, "2023-11-14T22:13:20.000Z"),
    "time zone": ("2024-07-01 12:00", ["yyyy-MM-dd HH:mm"], {"timezone": "Europe/Berlin"}, "2024-07-01T12:00:00.000+02:00"),
    "no year": ("12-24", ["MM-dd"], {}, "2025-12-24T00:00:00.000Z"),
    "output": ("2024-02-29", ["ISO8601"], {"output_format": "EEE, d MMMM uuuu HH:mm Z"}, "Thu, 29 February 2024 00:00 +0000"),
    "output in milliseconds": ("2024-02-29", ["ISO8601"], {"output_format": "epoch_millis"}, "1709164800000"),
}


@pytest.mark.parametrize(("text", "formats", "more", "expected"), DATES.values(), ids=DATES)
async def test_date(
    http: httpx.AsyncClient, clock: ManualClock, text: str, formats: list[str], more: Json, expected: str
) -> None:
    found = await after(http, one("date", field="a", formats=formats, **more), {"a": text})
    assert found["@timestamp"] == expected


NESTED: dict[str, tuple[list[Json], Json]] = {
    "runs": (one("pipeline", name="inner"), {"a": 1}),
    "by a template": (one("pipeline", name="{{which}}"), {"a": 1}),
    "missing but ignored": (one("pipeline", name="none", ignore_missing_pipeline=True), {}),
}


@pytest.mark.parametrize(("processors", "expected"), NESTED.values(), ids=NESTED)
async def test_pipeline(http: httpx.AsyncClient, processors: list[Json], expected: Json) -> None:
    await put(http, {"processors": [*one("set", field="a", value=1), *one("terminate"), *one("fail", message="no")]}, "inner")
    found = await after(http, [*processors, *one("set", field="after", value=True)], {"which": "inner"})
    assert found == {"which": "inner", "after": True, **expected}


async def test_pipeline_that_is_missing(http: httpx.AsyncClient) -> None:
    expected = ("illegal_state_exception", "Pipeline processor configured for non-existent pipeline [none]")
    assert await failure(http, one("pipeline", name="none"), {}) == expected


async def test_pipelines_in_a_circle(http: httpx.AsyncClient) -> None:
    await put(http, {"processors": one("pipeline", name="b")}, "a")
    await put(http, {"processors": one("pipeline", name="a")}, "b")
    assert await failure(http, one("pipeline", name="a"), {}) == ("graph_structure_exception", "Cycle detected for pipeline: a")


FLEXIBLE: dict[str, tuple[list[Json], Json, Json]] = {
    "reads a dotted name": (one("uppercase", field="a.b"), {"a.b": "x"}, {"a.b": "X"}),
    "reads inside of a dotted name": (one("uppercase", field="a.b.c"), {"a.b": {"c": "x"}}, {"a.b": {"c": "X"}}),
    "writes a dotted name": (one("set", field="a.b", value=1), {}, {"a.b": 1}),
    "writes into an object": (one("set", field="a.b", value=1), {"a": {}}, {"a": {"b": 1}}),
    "reads an index in brackets": (one("set", field="x", copy_from="a[1].b"), {"a": [0, {"b": 2}]}, {"a": [0, {"b": 2}], "x": 2}),
    "removes a dotted name": (one("remove", field="a.b"), {"a.b": 1, "c": 2}, {"c": 2}),
}


@pytest.mark.parametrize(("processors", "source", "expected"), FLEXIBLE.values(), ids=FLEXIBLE)
async def test_flexible_access(http: httpx.AsyncClient, processors: list[Json], source: Json, expected: Json) -> None:
    assert await after(http, processors, source, field_access_pattern="flexible") == expected
