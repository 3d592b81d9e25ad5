"""Specs of IngestPipeline that the API server takes, those that it refuses, and changes that it takes and refuses.

What both kinds have in common (the cluster, the policies) is tried with the endpoint's rows.
"""

from __future__ import annotations

from typing import Any

DOCUMENT = {"_source": {"text": "shoe"}}


def a_test(name: str, *expect: dict[str, Any]) -> dict[str, Any]:
    """A test of a pipeline with one document for each expectation."""
    return {"name": name, "documents": [DOCUMENT] * len(expect), "expect": list(expect)}


DROPPED = {"dropped": True}

ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("a pipeline of nothing", {"processors": []}),
    ("processors that no release knows, of any shape", {"processors": [{"tomorrow": {"a": [1, None, {"b": 1.5}]}}]}),
    ("a processor without settings", {"processors": [{"drop": None}, {"terminate": {}}]}),
    ("a pipeline id of an integration's hook", {"pipelineId": "logs-nginx.access@custom"}),
    ("a pipeline id with a leading dot and upper case", {"pipelineId": ".My+Pipeline_1"}),
    ("a pipeline id of 255 characters", {"pipelineId": "a" * 255}),
    ("all that a pipeline may say", {"description": "d", "version": -1, "deprecated": True, "fieldAccessPattern": "flexible"}),
    ("handlers of a failure, and meta", {"onFailure": [{"drop": {}}], "meta": {"team": {"name": "search", "on": None}}}),
    (
        "a test of every outcome",
        {
            "tests": [
                {
                    "name": "all",
                    "documents": [DOCUMENT | {"_index": "i", "_id": "1", "_routing": "r"}, DOCUMENT, DOCUMENT, DOCUMENT],
                    "expect": [
                        {"_source": {"text": "shoe"}},
                        {"_index": "i", "_id": "1", "_routing": "r"},
                        DROPPED,
                        {"error": "e"},
                    ],
                }
            ]
        },
    ),
    ("the most tests, documents and expectations", {"tests": [a_test(f"t{n}", *[DROPPED] * 20) for n in range(50)]}),
]

_ID = "a pipeline id consists of letters"
_OUTCOME = "expect one outcome"
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("no processors", {"processors": ...}, "spec.processors", "Required value"),
    ("a processor of two types", {"processors": [{"drop": {}, "fail": {}}]}, "spec.processors[0]", "at most 1"),
    ("a processor of no type", {"processors": [{"drop": {}}, {}]}, "spec.processors[1]", "at least 1"),
    ("a processor that is text", {"processors": ["drop"]}, "spec.processors[0]", "must be of type object"),
    ("an empty list of handlers", {"onFailure": []}, "spec.onFailure", "at least 1"),
    ("a pipeline id with a comma", {"pipelineId": "a,b"}, "spec.pipelineId", _ID),
    ("a pipeline id with a wildcard", {"pipelineId": "a*"}, "spec.pipelineId", _ID),
    ("a pipeline id with a slash", {"pipelineId": "a/b"}, "spec.pipelineId", _ID),
    ("a pipeline id with a line break", {"pipelineId": "a\n"}, "spec.pipelineId", _ID),
    ("the pipeline id _simulate", {"pipelineId": "_simulate"}, "spec.pipelineId", _ID),
    ("a pipeline id of two dots", {"pipelineId": ".."}, "spec.pipelineId", _ID),
    ("an empty pipeline id", {"pipelineId": ""}, "spec.pipelineId", _ID),
    ("a pipeline id of 256 characters", {"pipelineId": "a" * 256}, "spec.pipelineId", "may not be more than 255"),
    ("a version beyond 32 bits", {"version": 2**31}, "spec.version", "less than or equal to 2147483647"),
    ("another way to find fields", {"fieldAccessPattern": "loose"}, "spec.fieldAccessPattern", '"classic", "flexible"'),
    ("meta that is a list", {"meta": []}, "spec.meta", "must be of type object"),
    ("two tests of one name", {"tests": [a_test("a", DROPPED)] * 2}, "spec.tests[1]", "Duplicate value"),
    (
        "fewer expectations than documents",
        {"tests": [a_test("a", DROPPED) | {"documents": [DOCUMENT] * 2}]},
        "spec.tests[0]",
        "write one expectation for each document",
    ),
    ("a test of no document", {"tests": [a_test("a")]}, "spec.tests[0].documents", "at least 1"),
    ("a document without content", {"tests": [a_test("a", DROPPED) | {"documents": [{}]}]}, "documents[0]._source", "Required"),
    ("an expectation of nothing", {"tests": [a_test("a", {})]}, "spec.tests[0].expect[0]", _OUTCOME),
    ("an expectation of two outcomes", {"tests": [a_test("a", DROPPED | {"error": "e"})]}, "spec.tests[0].expect[0]", _OUTCOME),
    ("a document and an error", {"tests": [a_test("a", {"_id": "1", "error": "e"})]}, "spec.tests[0].expect[0]", _OUTCOME),
    ("not dropped", {"tests": [a_test("a", {"dropped": False})]}, "spec.tests[0].expect[0].dropped", "supported values"),
    ("a misspelt expectation", {"tests": [a_test("a", {"source": {}})]}, "spec.tests[0].expect[0].source", "unknown field"),
]

_ID_FIXED = "pipelineId can't be changed"
FIXED: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("another pipeline id", {"pipelineId": "a"}, {"pipelineId": "b"}, "spec.pipelineId", _ID_FIXED),
    ("a pipeline id where the name was it", {}, {"pipelineId": "b"}, "spec.pipelineId", _ID_FIXED),
    ("no pipeline id any more", {"pipelineId": "a"}, {}, "spec.pipelineId", _ID_FIXED),
    (
        "a pipeline moved to another cluster",
        {"elasticsearchRef": {"name": "a"}},
        {"elasticsearchRef": {"name": "b"}},
        "spec.elasticsearchRef",
        "an object can't be moved to another cluster",
    ),
]
CHANGEABLE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the name written out as the pipeline id", {}, {"pipelineId": ...}),
    ("the processors", {}, {"processors": [{"drop": {}}]}),
    ("the tests", {"tests": [a_test("a", DROPPED)]}, {"tests": [a_test("b", {"error": "e"})]}),
]
