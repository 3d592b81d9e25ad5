"""The rules of the CRDs as the API server enforces them, each accepting and refusing.

Rows are documents; nothing here knows how the schema says its rules. Needs no operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import crd_rows_of_pipelines as pipelines
from tests.cluster.crd_documents import CONFIG_REFERENCE, REFERENCE, Way, document, own_namespace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.cluster.crd_documents import Namespaced
    from tests.controlplane import ControlPlane


@pytest.fixture(scope="module")
def api(plane: ControlPlane) -> Iterator[Namespaced]:
    with own_namespace(plane) as asked:
        yield asked


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("only what is required", {}),
    ("an id with dots, hyphens and underscores inside", {"inferenceId": "tencentcloudapi_bge_base_zh-v1.5"}),
    ("an id of one character", {"inferenceId": "7"}),
    ("an id of 506 characters", {"inferenceId": "a" * 506}),
    ("an id with a leading dot that is only observed", {"inferenceId": ".elser-2", "managementPolicy": "Observe"}),
    ("a service and a task type that no release knows", {"service": "Tomorrow.ai", "taskType": "video_embedding"}),
    ("a cluster of ECK", {"elasticsearchRef": {"name": "quickstart"}}),
    (
        "a cluster of ECK with all refinements",
        {"elasticsearchRef": {"name": "es", "namespace": "elastic", "serviceName": "es-lb", "authSecretName": "least"}},
    ),
    (
        "a cluster of ECK by the longest names",
        {
            "elasticsearchRef": {
                "name": "a." * 126 + "b",
                "namespace": "a" * 63,
                "serviceName": "9" + "-" * 61 + "b",
                "authSecretName": "a" * 253,
            }
        },
    ),
    ("a cluster by Secret", {"elasticsearchRef": {"secretName": "my-es"}}),
    ("a cluster by Secret with dots in its name", {"elasticsearchRef": {"secretName": "my.es-1"}}),
    ("a cluster by Secret of another namespace", {"elasticsearchRef": {"secretName": "my-es", "namespace": "elastic"}}),
    ("the shortest timeout", {"timeout": "1ms"}),
    ("the longest timeout", {"timeout": "1h"}),
    ("a timeout of several units", {"timeout": "1m30s"}),
    ("a probe with its shortest interval", {"probe": {"enabled": True, "interval": "10s", "input": "hello"}}),
    ("a probe with its longest interval", {"probe": {"interval": "720h"}}),
    ("every policy at its other value", {"adoptionPolicy": "Always", "replacePolicy": "WhenUnused"}),
    ("settings of any shape", {"serviceSettings": {"x": {"y": [1, {"z": CONFIG_REFERENCE}]}}, "taskSettings": {"a": 1.5}}),
    ("chunking settings of any shape", {"chunkingSettings": {"strategy": "recursive", "separators": ["a"]}}),
    ("a secret from a Secret", {"serviceSettings": {"api_key": REFERENCE}}),
    ("a secret from a ConfigMap", {"serviceSettings": {"api_key": CONFIG_REFERENCE}}),
    (
        "an optional secret",
        {"serviceSettings": {"api_key": {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b", "optional": True}}}}},
    ),
    ("secret parameters, each from a Secret", {"serviceSettings": {"secret_parameters": {"a": REFERENCE, "b": REFERENCE}}}),
    ("secret parameters as one reference", {"serviceSettings": {"secret_parameters": CONFIG_REFERENCE}}),
    ("no secret parameters", {"serviceSettings": {"secret_parameters": {}}}),
]


def of_every_kind(names: str, endpoints: Sequence[tuple[Any, ...]], pipelines: Sequence[tuple[Any, ...]]) -> pytest.MarkDecorator:
    """One test for the rows of every kind: what it is called, then the fields after that."""
    rows = [("InferenceEndpoint", *row) for row in endpoints] + [("IngestPipeline", *row) for row in pipelines]
    return pytest.mark.parametrize(("kind", *names.split()), [(row[0], *row[2:]) for row in rows], ids=[row[1] for row in rows])


@of_every_kind("spec", ACCEPTED, pipelines.ACCEPTED)
def test_accepted(api: Namespaced, kind: str, spec: dict[str, Any]) -> None:
    stored = api.answer(Way.CREATE, document("products", kind, **spec))

    assert stored["spec"].items() >= {key: value for key, value in spec.items() if key != "probe"}.items()


_ID = "an inference id consists of lower-case letters"
_ONE_CLUSTER = "set exactly one of name (a cluster that ECK manages) and secretName"
_ECK_ONLY = "use them only together with name"
_TIMEOUT = "must be a duration from 1ms to 1h, such as 500ms, 30s or 2m"
_INTERVAL = "must be a duration from 10s to 720h"
_LABEL = "the name of a Service or namespace consists of lower-case letters"
_NAME = "the name of an object consists of lower-case letters"
_ROLES = {"name": _NAME, "namespace": _LABEL, "serviceName": _LABEL, "secretName": _NAME, "authSecretName": _NAME}
_NOT_NAMES = [
    (
        f"{what} for the {field} of a cluster",
        {"elasticsearchRef": {field: text} | ({"name": "a"} if field not in ("name", "secretName") else {})},
        f"spec.elasticsearchRef.{field}",
        form,
    )
    for field, form in _ROLES.items()
    for what, text in (
        ("a host and a path", "attacker.example.com:8443/x"),
        ("user information", "elastic@attacker"),
        ("white space", "a b"),
        ("a line break", "a\n"),
        ("dots", ".."),
        *((("labels of DNS", "a.b"),) if form == _LABEL else ()),
    )
]
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("no service", {"service": ...}, "spec.service", "Required value"),
    ("no task type", {"taskType": ...}, "spec.taskType", "Required value"),
    ("a service with a space", {"service": "open ai"}, "spec.service", "the name of a service consists of"),
    ("an empty service", {"service": ""}, "spec.service", "the name of a service consists of"),
    ("a task type with a slash", {"taskType": "rerank/x"}, "spec.taskType", "such as text_embedding"),
    ("a task type in upper case", {"taskType": "RERANK"}, "spec.taskType", "lower-case letters"),
    ("an id in upper case", {"inferenceId": "Products"}, "spec.inferenceId", _ID),
    ("the id _all", {"inferenceId": "_all"}, "spec.inferenceId", _ID),
    ("an id that starts with a hyphen", {"inferenceId": "-a"}, "spec.inferenceId", _ID),
    ("an id that ends with a dot", {"inferenceId": "a."}, "spec.inferenceId", _ID),
    ("an id with a slash", {"inferenceId": "a/b"}, "spec.inferenceId", _ID),
    ("an id with a line break", {"inferenceId": "a\n"}, "spec.inferenceId", _ID),
    ("an empty id", {"inferenceId": ""}, "spec.inferenceId", _ID),
    ("an id of 507 characters", {"inferenceId": "a" * 507}, "spec.inferenceId", "may not be more than 506"),
    ("an id with a leading dot", {"inferenceId": ".elser"}, "spec.inferenceId", "set managementPolicy: Observe"),
    ("an id of two dots", {"inferenceId": "..a", "managementPolicy": "Observe"}, "spec.inferenceId", _ID),
    ("a reference to no cluster", {"elasticsearchRef": {}}, "spec.elasticsearchRef", _ONE_CLUSTER),
    (
        "a reference to two clusters",
        {"elasticsearchRef": {"name": "a", "secretName": "b"}},
        "spec.elasticsearchRef",
        _ONE_CLUSTER,
    ),
    (
        "a namespace without a cluster",
        {"elasticsearchRef": {"namespace": "a"}},
        "spec.elasticsearchRef",
        _ONE_CLUSTER,
    ),
    (
        "a Service of ECK for a cluster by Secret",
        {"elasticsearchRef": {"secretName": "a", "serviceName": "b"}},
        "spec.elasticsearchRef",
        _ECK_ONLY,
    ),
    (
        "other credentials for a cluster by Secret",
        {"elasticsearchRef": {"secretName": "a", "authSecretName": "b"}},
        "spec.elasticsearchRef",
        _ECK_ONLY,
    ),
    ("an empty name of a cluster", {"elasticsearchRef": {"name": ""}}, "spec.elasticsearchRef.name", "at least 1"),
    *_NOT_NAMES,
    ("a Service of 64 characters", {"elasticsearchRef": {"name": "a", "serviceName": "a" * 64}}, "serviceName", "than 63"),
    ("a timeout without unit", {"timeout": "30"}, "spec.timeout", _TIMEOUT),
    ("a timeout of zero", {"timeout": "0s"}, "spec.timeout", _TIMEOUT),
    ("a timeout of more than an hour", {"timeout": "61m"}, "spec.timeout", _TIMEOUT),
    ("a timeout beyond all numbers", {"timeout": "999999h999999h"}, "spec.timeout", _TIMEOUT),
    ("a timeout in days", {"timeout": "1d"}, "spec.timeout", _TIMEOUT),
    ("a probe too often", {"probe": {"interval": "9s"}}, "spec.probe.interval", _INTERVAL),
    ("a probe too seldom", {"probe": {"interval": "721h"}}, "spec.probe.interval", _INTERVAL),
    ("a probe of nothing", {"probe": {"input": ""}}, "spec.probe.input", "at least 1"),
    ("an unknown adoption policy", {"adoptionPolicy": "Maybe"}, "spec.adoptionPolicy", '"Never", "IfIdentical", "Always"'),
    ("an unknown replace policy", {"replacePolicy": "Maybe"}, "spec.replacePolicy", '"Never", "WhenUnused", "Always"'),
    ("an unknown drift policy", {"driftPolicy": "Maybe"}, "spec.driftPolicy", '"Correct", "Detect"'),
    ("an unknown deletion policy", {"deletionPolicy": "Maybe"}, "spec.deletionPolicy", '"Delete", "Retain"'),
    ("an unknown management policy", {"managementPolicy": "Maybe"}, "spec.managementPolicy", '"Manage", "Observe"'),
    ("a misspelt field", {"taskTypo": "rerank"}, "spec.taskTypo", "unknown field"),
    ("settings that are a list", {"taskSettings": [1]}, "spec.taskSettings", "must be of type object"),
    (
        "too many settings",
        {"taskSettings": {f"s{index}": 1 for index in range(129)}},
        "spec.taskSettings",
        "at most 128 items",
    ),
    (
        "a reference to both a Secret and a ConfigMap",
        {"serviceSettings": {"api_key": {"valueFrom": REFERENCE["valueFrom"] | CONFIG_REFERENCE["valueFrom"]}}},
        "spec.serviceSettings.api_key.valueFrom",
        "one and only one",
    ),
    (
        "a reference of an unknown type",
        {"serviceSettings": {"api_key": {"valueFrom": REFERENCE["valueFrom"] | {"as": "yaml"}}}},
        "spec.serviceSettings.api_key.valueFrom.as",
        '"string", "number", "boolean", "json"',
    ),
    (
        "a reference without key",
        {"serviceSettings": {"api_key": {"valueFrom": {"secretKeyRef": {"name": "a"}}}}},
        "spec.serviceSettings.api_key.valueFrom.secretKeyRef.key",
        "Required value",
    ),
    (
        "too many secret parameters",
        {"serviceSettings": {"secret_parameters": {f"p{index}": REFERENCE for index in range(33)}}},
        "spec.serviceSettings.secret_parameters",
        "at most 32 items",
    ),
]


@of_every_kind("spec field message", REFUSED, pipelines.REFUSED)
def test_refused(api: Namespaced, kind: str, spec: dict[str, Any], field: str, message: str) -> None:
    error = api.refusal(Way.CREATE, document("products", kind, **spec))

    assert field in error
    assert message in error


_ID_FIXED = "inferenceId can't be changed"
_CLUSTER_FIXED = "an object can't be moved to another cluster"
ECK, SECRET = {"name": "es"}, {"secretName": "es"}
FIXED: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("another id", {"inferenceId": "a"}, {"inferenceId": "b"}, "spec.inferenceId", _ID_FIXED),
    ("an id where the name was it", {}, {"inferenceId": "b"}, "spec.inferenceId", _ID_FIXED),
    ("no id any more", {"inferenceId": "a"}, {}, "spec.inferenceId", _ID_FIXED),
    ("another cluster of ECK", {"elasticsearchRef": ECK}, {"elasticsearchRef": {"name": "b"}}, "Ref", _CLUSTER_FIXED),
    ("another Secret", {"elasticsearchRef": SECRET}, {"elasticsearchRef": {"secretName": "b"}}, "Ref", _CLUSTER_FIXED),
    ("from ECK to a Secret", {"elasticsearchRef": ECK}, {"elasticsearchRef": SECRET}, "Ref", _CLUSTER_FIXED),
    ("from the default to a cluster", {}, {"elasticsearchRef": ECK}, "spec.elasticsearchRef", _CLUSTER_FIXED),
    ("from a cluster to the default", {"elasticsearchRef": ECK}, {}, "spec.elasticsearchRef", _CLUSTER_FIXED),
    (
        "a namespace added",
        {"elasticsearchRef": ECK},
        {"elasticsearchRef": ECK | {"namespace": "a"}},
        "spec.elasticsearchRef",
        _CLUSTER_FIXED,
    ),
    (
        "another namespace",
        {"elasticsearchRef": ECK | {"namespace": "a"}},
        {"elasticsearchRef": ECK | {"namespace": "b"}},
        "spec.elasticsearchRef",
        _CLUSTER_FIXED,
    ),
    (
        "the Service taken away",
        {"elasticsearchRef": ECK | {"serviceName": "a"}},
        {"elasticsearchRef": ECK},
        "spec.elasticsearchRef",
        _CLUSTER_FIXED,
    ),
    (
        "managing what was only observed",
        {"inferenceId": ".elser", "managementPolicy": "Observe"},
        {"inferenceId": ".elser", "managementPolicy": "Manage"},
        "spec.inferenceId",
        "set managementPolicy: Observe",
    ),
]
CHANGEABLE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("the name written out as the id", {}, {"inferenceId": ...}),
    ("the id left out where it is the name", {"inferenceId": ...}, {}),
    ("the service", {}, {"service": "cohere"}),
    ("the task type", {}, {"taskType": "rerank"}),
    (
        "the credentials for ECK added",
        {"elasticsearchRef": ECK},
        {"elasticsearchRef": ECK | {"authSecretName": "a"}},
    ),
    (
        "the credentials for ECK changed",
        {"elasticsearchRef": ECK | {"authSecretName": "a"}},
        {"elasticsearchRef": ECK | {"authSecretName": "b"}},
    ),
    ("a setting", {"serviceSettings": {"a": 1}}, {"serviceSettings": {"a": 2}}),
    ("from managing to observing", {}, {"managementPolicy": "Observe"}),
]


@of_every_kind("old new field message", FIXED, pipelines.FIXED)
def test_what_may_not_change(
    api: Namespaced,
    request: pytest.FixtureRequest,
    kind: str,
    old: dict[str, Any],
    new: dict[str, Any],
    field: str,
    message: str,
) -> None:
    name = f"fixed-{request.node.callspec.indices['old']}"
    api.create(document(name, kind, **old))

    error = api.refusal(Way.REPLACE, document(name, kind, **new))

    assert field in error
    assert message in error


@of_every_kind("old new", CHANGEABLE, pipelines.CHANGEABLE)
def test_what_may_change(
    api: Namespaced, request: pytest.FixtureRequest, kind: str, old: dict[str, Any], new: dict[str, Any]
) -> None:
    name = f"changeable.{request.node.callspec.indices['old']}"
    before, after = ({key: name if value is ... else value for key, value in spec.items()} for spec in (old, new))
    api.create(document(name, kind, **before))

    stored = api.answer(Way.REPLACE, document(name, kind, **after))

    assert stored["spec"].items() >= after.items()
