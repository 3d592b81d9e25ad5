"""The CRD as the API server enforces and shows it: every rule accepting and refusing, and what users see with kubectl.

Rows are documents; nothing here knows how the schema says its rules. Needs no operator.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.controlplane import CommandFailedError

if TYPE_CHECKING:
    from tests.controlplane import ControlPlane

NAMESPACE = "crd-rules"
CANARY = "sk-canary-93ab"
REFERENCE = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}}
CONFIG_REFERENCE = {"valueFrom": {"configMapKeyRef": {"name": "openai", "key": "api-key"}, "as": "json"}}


@pytest.fixture(scope="module")
def api(plane: ControlPlane) -> Iterator[ControlPlane]:
    """The API server, which has the CRDs, with an empty namespace of our own."""
    plane.kubectl("create", "namespace", NAMESPACE)
    yield plane
    plane.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def document(name: str = "products", **spec: Any) -> str:
    """The JSON of an endpoint; a field that is `...` is left out."""
    fields = {"taskType": "text_embedding", "service": "openai", **spec}
    return json.dumps(
        {
            "apiVersion": "inference-operator.io/v1alpha1",
            "kind": "InferenceEndpoint",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {key: value for key, value in fields.items() if value is not ...},
        }
    )


def refusal(plane: ControlPlane, *command: str, body: str) -> str:
    with pytest.raises(CommandFailedError) as caught:
        plane.kubectl(*command, "--filename=-", input=body)
    return caught.value.stderr


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
    ("a cluster by Secret", {"elasticsearchRef": {"secretName": "my-es"}}),
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


@pytest.mark.parametrize("spec", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_accepted(api: ControlPlane, spec: dict[str, Any]) -> None:
    shown = api.kubectl("create", "--dry-run=server", "--output=json", "--filename=-", input=document(**spec))

    assert json.loads(shown)["spec"].items() >= {key: value for key, value in spec.items() if key != "probe"}.items()


_ID = "an inference id consists of lower-case letters"
_ONE_CLUSTER = "set exactly one of name (a cluster that ECK manages) and secretName"
_ECK_ONLY = "use them only together with name"
_TIMEOUT = "must be a duration from 1ms to 1h, such as 500ms, 30s or 2m"
_INTERVAL = "must be a duration from 10s to 720h"
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


@pytest.mark.parametrize(("spec", "field", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(api: ControlPlane, spec: dict[str, Any], field: str, message: str) -> None:
    error = refusal(api, "create", "--dry-run=server", body=document(**spec))

    assert field in error
    assert message in error


KEYS = (
    "access_key",
    "api_key",
    "client_secret",
    "entra_id",
    "secret_id",
    "secret_key",
    "secret_parameters",
    "service_account_json",
)
PLAIN_TEXT: list[tuple[str, Any]] = [
    *((f"{key} in plain text", {key: CANARY}) for key in KEYS),
    ("a secret in a list", {"api_key": [CANARY]}),
    ("a secret under a key of its own", {"api_key": {"value": CANARY}}),
    ("a secret beside a reference", {"api_key": REFERENCE | {"value": CANARY}}),
    ("a secret instead of a reference", {"api_key": {"valueFrom": CANARY}}),
    ("a secret inside of a reference", {"api_key": {"valueFrom": {"value": CANARY}}}),
    ("a secret beside the source", {"api_key": {"valueFrom": REFERENCE["valueFrom"] | {"value": CANARY}}}),
    ("a secret instead of a source", {"api_key": {"valueFrom": {"secretKeyRef": CANARY}}}),
    (
        "a secret inside of a source",
        {"api_key": {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b", "value": CANARY}}}},
    ),
    ("a secret parameter in plain text", {"secret_parameters": {"token": CANARY}}),
    ("a secret parameter in a list", {"secret_parameters": {"token": [CANARY]}}),
    ("a secret parameter under a key of its own", {"secret_parameters": {"token": {"value": CANARY}}}),
    ("one secret parameter of two", {"secret_parameters": {"user": REFERENCE, "token": CANARY}}),
    ("a secret instead of the reference for all", {"secret_parameters": {"valueFrom": CANARY}}),
    ("a secret of another service", {"secret_key": CANARY, "model_id": "m"}),
]
WAYS = (
    ("create", "--dry-run=server"),
    ("apply", "--dry-run=server"),
    ("apply", "--dry-run=server", "--server-side", "--force-conflicts"),
)


@pytest.fixture(scope="module")
def stored(api: ControlPlane) -> str:
    """The name of an endpoint that is there already, so that updates are judged, too."""
    api.kubectl("apply", "--filename=-", input=document("stored", serviceSettings={"api_key": REFERENCE}))
    return "stored"


@pytest.mark.parametrize("way", WAYS, ids=["create", "apply", "server-side apply"])
@pytest.mark.parametrize("settings", [row[1] for row in PLAIN_TEXT], ids=[row[0] for row in PLAIN_TEXT])
def test_a_secret_in_plain_text_is_refused_and_not_repeated(
    api: ControlPlane, stored: str, settings: dict[str, Any], way: tuple[str, ...]
) -> None:
    name = "new" if way[0] == "create" else stored

    error = refusal(api, *way, body=document(name, serviceSettings=settings))

    assert "spec.serviceSettings." in error
    assert CANARY not in error


@pytest.mark.parametrize("value", [12345678, True, ""], ids=["a number", "a switch", "empty text"])
def test_a_secret_that_is_no_text_is_refused_as_well(api: ControlPlane, value: object) -> None:
    error = refusal(api, "create", "--dry-run=server", body=document(serviceSettings={"api_key": value}))

    assert "spec.serviceSettings.api_key" in error
    assert "12345678" not in error


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


def created(plane: ControlPlane, name: str, spec: dict[str, Any]) -> None:
    plane.kubectl("create", "--filename=-", input=document(name, **spec))


@pytest.mark.parametrize(("old", "new", "field", "message"), [row[1:] for row in FIXED], ids=[row[0] for row in FIXED])
def test_what_may_not_change(
    api: ControlPlane, request: pytest.FixtureRequest, old: dict[str, Any], new: dict[str, Any], field: str, message: str
) -> None:
    name = f"fixed-{request.node.callspec.indices['old']}"
    created(api, name, old)

    error = refusal(api, "replace", "--dry-run=server", body=document(name, **new))

    assert field in error
    assert message in error


@pytest.mark.parametrize(("old", "new"), [row[1:] for row in CHANGEABLE], ids=[row[0] for row in CHANGEABLE])
def test_what_may_change(api: ControlPlane, request: pytest.FixtureRequest, old: dict[str, Any], new: dict[str, Any]) -> None:
    name = f"changeable.{request.node.callspec.indices['old']}"
    before, after = ({key: name if value is ... else value for key, value in spec.items()} for spec in (old, new))
    created(api, name, before)

    shown = api.kubectl("replace", "--dry-run=server", "--output=json", "--filename=-", input=document(name, **after))

    assert json.loads(shown)["spec"].items() >= after.items()


def test_the_answer_to_create_has_all_defaults_and_says_that_nobody_has_seen_it_yet(api: ControlPlane) -> None:
    shown = json.loads(api.kubectl("create", "--output=json", "--filename=-", input=document("fresh")))

    assert shown["status"] == {"observedGeneration": -1}
    assert shown["spec"] == {
        "taskType": "text_embedding",
        "service": "openai",
        "adoptionPolicy": "IfIdentical",
        "replacePolicy": "Never",
        "driftPolicy": "Correct",
        "deletionPolicy": "Delete",
        "managementPolicy": "Manage",
        "forceDelete": False,
        "suspend": False,
        "timeout": "30s",
        "probe": {"enabled": False, "interval": "1h", "input": "ping"},
    }


def test_a_part_of_the_probe_is_completed(api: ControlPlane) -> None:
    body = document(probe={"enabled": True})

    shown = json.loads(api.kubectl("create", "--dry-run=server", "--output=json", "--filename=-", input=body))

    assert shown["spec"]["probe"] == {"enabled": True, "interval": "1h", "input": "ping"}


def test_a_reference_is_stored_as_it_was_written(api: ControlPlane) -> None:
    body = document(serviceSettings={"api_key": REFERENCE, "secret_parameters": {"a": REFERENCE}, "other": REFERENCE})

    shown = json.loads(api.kubectl("create", "--dry-run=server", "--output=json", "--filename=-", input=body))

    assert shown["spec"]["serviceSettings"] == json.loads(body)["spec"]["serviceSettings"]


def test_the_status_is_a_subresource_and_no_part_of_an_apply(api: ControlPlane) -> None:
    body = json.loads(document("no-status")) | {"status": {"observedGeneration": 7}}

    shown = json.loads(api.kubectl("create", "--output=json", "--filename=-", input=json.dumps(body)))

    assert shown["status"] == {"observedGeneration": -1}


READY = {
    "observedGeneration": 1,
    "inferenceId": "shown",
    "cluster": {"uuid": "xq3Z", "version": "9.2.0"},
    "model": {"id": ".elser_model_2", "dimensions": 384},
    "deployment": {"id": "shown", "state": "started", "allocationCount": 2, "targetAllocationCount": 2},
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Available",
            "message": "The endpoint can be used.",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": 1,
        }
    ],
}


@pytest.fixture(scope="module")
def shown(api: ControlPlane) -> str:
    """The name of an endpoint with a status as the operator writes it."""
    created(api, "shown", {"service": "elasticsearch", "taskType": "sparse_embedding"})
    patch = f"--patch={json.dumps({'status': READY})}"
    api.kubectl("patch", "infep", "shown", f"--namespace={NAMESPACE}", "--subresource=status", "--type=merge", patch)
    return "shown"


def table(plane: ControlPlane, *args: str) -> list[list[str]]:
    """Run `kubectl get` and return its lines, split into cells; no cell is empty or has a space in these tests."""
    lines = plane.kubectl("get", *args, f"--namespace={NAMESPACE}").splitlines()
    return [line.split() for line in lines]


def test_the_columns_tell_at_a_glance(api: ControlPlane, shown: str) -> None:
    header, row = table(api, "infep", shown)

    assert header == ["NAME", "READY", "REASON", "SERVICE", "TASK", "MODEL", "AGE"]
    assert row[:-1] == ["shown", "True", "Available", "elasticsearch", "sparse_embedding", ".elser_model_2"]


def test_the_wide_columns_tell_more(api: ControlPlane, shown: str) -> None:
    header, row = table(api, "infep", shown, "--output=wide")

    wide = dict(zip(header, row, strict=True))
    assert header[6:] == ["ID", "CLUSTER", "ALLOCATIONS", "DIMENSIONS", "AGE"]
    assert (wide["ID"], wide["CLUSTER"], wide["ALLOCATIONS"], wide["DIMENSIONS"]) == ("shown", "xq3Z", "2", "384")


@pytest.mark.parametrize("name", ["infep", "inferenceendpoint", "inferenceendpoints", "inference"])
def test_the_kind_is_found_by_its_names_and_its_category(api: ControlPlane, shown: str, name: str) -> None:
    found = api.kubectl("get", name, f"--namespace={NAMESPACE}", "--output=name").split()

    assert f"inferenceendpoint.inference-operator.io/{shown}" in found


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.service=elasticsearch", True),
        ("spec.taskType=sparse_embedding", True),
        ("spec.service=elasticsearch,spec.taskType=sparse_embedding", True),
        ("spec.service=elasticsearch,spec.taskType=rerank", False),
        ("spec.service!=elasticsearch", False),
    ],
)
def test_endpoints_are_selected_by_service_and_task_type(api: ControlPlane, shown: str, selector: str, found: bool) -> None:
    names = api.kubectl("get", "infep", f"--namespace={NAMESPACE}", f"--field-selector={selector}", "--output=name")

    assert (f"/{shown}\n" in names) is found


def test_kubectl_waits_for_ready(api: ControlPlane, shown: str) -> None:
    said = api.kubectl("wait", "--for=condition=Ready", f"infep/{shown}", f"--namespace={NAMESPACE}", "--timeout=10s")

    assert "condition met" in said


def test_a_condition_of_a_type_stands_once(api: ControlPlane, shown: str) -> None:
    again = json.dumps({"status": {"conditions": READY["conditions"] * 2}})  # type: ignore[operator]

    with pytest.raises(CommandFailedError) as caught:
        api.kubectl(
            "patch",
            "infep",
            shown,
            f"--namespace={NAMESPACE}",
            "--subresource=status",
            "--type=merge",
            f"--patch={again}",
            "--dry-run=server",
        )

    assert "Duplicate value" in caught.value.stderr


def test_explain_is_a_manual(api: ControlPlane) -> None:
    spec = api.kubectl("explain", "inferenceendpoint.spec")
    words = " ".join(spec.split())

    assert "service <string> -required-" in words
    assert "taskType <string> -required-" in words
    assert "enum: Never, IfIdentical, Always" in words
    assert "What happens to the endpoint when this object is deleted. Delete: it is deleted, too." in words
    assert "Default: metadata.name." in words


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("spec.serviceSettings", "api_key <Object> Secret: provider API key. Write {valueFrom: {secretKeyRef:"),
        ("spec.serviceSettings.api_key.valueFrom.secretKeyRef", "One trailing newline is stripped."),
        ("spec.elasticsearchRef", "Name of the Elasticsearch object of ECK."),
        ("spec.probe", "Each probe calls the provider and may cost money."),
        ("status.conditions", "Why the condition has this status"),
        ("status.deployment", "adaptive allocations scaled an idle model to zero, which is healthy"),
    ],
)
def test_explain_goes_into_detail(api: ControlPlane, field: str, text: str) -> None:
    assert text in " ".join(api.kubectl("explain", f"infep.{field}").split())


def test_the_schema_has_no_fault_that_the_api_server_reports(api: ControlPlane) -> None:
    crd = json.loads(api.kubectl("get", "crd", "inferenceendpoints.inference-operator.io", "--output=json"))

    conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
