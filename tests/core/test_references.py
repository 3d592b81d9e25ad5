"""`valueFrom` at any depth: what it may look like, what it becomes, and what is said where it can't be resolved."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.api.inference_endpoint import InferenceEndpointSpec
from inference_operator.api.services import catalogue
from inference_operator.api.status import SourceKind
from inference_operator.core.endpoint.references import (
    Content,
    MalformedReference,
    Reference,
    blocks,
    inline_secrets,
    references,
    resolve,
)
from inference_operator.core.failure import ReferenceFailure, ReferenceKind
from inference_operator.core.values import UNREAD, DesiredEndpoint, Json, ObjectRef, ObjectVersion, Sealed, dotted, reveal, show
from tests.core.situations import CANARY, ID, NAMESPACE
from tests.elasticsearch.laws import LAW

SECRET = ObjectRef(SourceKind.SECRET, NAMESPACE, "s")
CONFIG_MAP = ObjectRef(SourceKind.CONFIG_MAP, NAMESPACE, "c")
FIRST = ObjectVersion("uid", "1")


def secret(key: str = "k", **more: Any) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": "s", "key": key}, **more}}


def config(key: str = "k", **more: Any) -> dict[str, Any]:
    return {"valueFrom": {"configMapKeyRef": {"name": "c", "key": key}, **more}}


def optional(kind: str = "secretKeyRef", name: str = "s") -> dict[str, Any]:
    return {"valueFrom": {kind: {"name": name, "key": "k", "optional": True}}}


def spec_of(service_settings: Any, **fields: Any) -> InferenceEndpointSpec:
    return InferenceEndpointSpec.model_validate(
        {"taskType": "text_embedding", "service": "custom", "serviceSettings": service_settings} | fields
    )


def resolved(
    spec: InferenceEndpointSpec, data: bytes | None = CANARY.encode(), *, exists: bool = True
) -> DesiredEndpoint | ReferenceFailure:
    """Every object that the spec names holds `data` under key `k`; None: the objects have no such key."""
    content = Content(FIRST, {} if data is None else {"k": data}) if exists else None
    return resolve(spec, inference_id=ID, namespace=NAMESPACE, contents={SECRET: content, CONFIG_MAP: content})


DEPTHS = (
    pytest.param({"serviceSettings": {"a": secret()}}, "serviceSettings.a", id="at the top"),
    pytest.param({"serviceSettings": {"a": {"b": {"c": secret()}}}}, "serviceSettings.a.b.c", id="in objects"),
    pytest.param({"serviceSettings": {"a": ["x", ["y", secret()]]}}, "serviceSettings.a[1][1]", id="in lists of lists"),
    pytest.param({"serviceSettings": {"a": [{"b": secret()}]}}, "serviceSettings.a[0].b", id="in an object in a list"),
    pytest.param({"taskSettings": {"a": secret()}}, "taskSettings.a", id="in task settings"),
    pytest.param({"chunkingSettings": {"a": secret()}}, "chunkingSettings.a", id="in chunking settings"),
    pytest.param(
        {"serviceSettings": {"valueTo": {"valueFrom": secret()["valueFrom"]}}},
        "serviceSettings.valueTo",
        id="beside similar names",
    ),
)


@pytest.mark.parametrize(("fields", "path"), DEPTHS)
def test_reference_at_any_depth(fields: dict[str, Any], path: str) -> None:
    spec = spec_of({}, **{name: value for name, value in fields.items() if name != "serviceSettings"})
    spec = spec.model_copy(update={"service_settings": fields.get("serviceSettings", {})})
    [found] = references(spec)
    assert isinstance(found, Reference)
    assert dotted(found.path) == path
    assert found.object_in(NAMESPACE) == SECRET
    desired = resolved(spec)
    assert isinstance(desired, DesiredEndpoint)
    assert CANARY in str(reveal(desired.tree))
    assert CANARY not in str(show(desired.tree)) + repr(desired)
    assert "<secret s/k>" in str(show(desired.tree))


FORMS = (
    pytest.param("string", "text\n", "text", id="text, one trailing newline stripped"),
    pytest.param("string", "text\r\n", "text", id="also a Windows one"),
    pytest.param("string", "text\n\n", "text\n", id="only one"),
    pytest.param("string", "text\r", "text\r", id="a carriage return alone is no newline"),
    pytest.param("string", " text ", " text ", id="blanks are kept"),
    pytest.param("string", "", "", id="empty text"),
    pytest.param("string", "7", "7", id="text stays text"),
    pytest.param("number", "7\n", 7, id="integer"),
    pytest.param("number", "-0.5", -0.5, id="float"),
    pytest.param("boolean", "true\n", True, id="true"),
    pytest.param("boolean", "false", False, id="false"),
    pytest.param("json", '{"a": [1, null]}', {"a": [1, None]}, id="a document"),
    pytest.param("json", "null", None, id="null"),
)


@pytest.mark.parametrize(("form", "text", "value"), FORMS)
@pytest.mark.parametrize("make", [secret, config])
def test_value_becomes(make: Any, form: str, text: str, value: Json) -> None:
    desired = resolved(spec_of({"a": make(**{"as": form})}), text.encode())
    assert isinstance(desired, DesiredEndpoint)
    assert reveal(desired.service_settings) == {"a": value}
    assert type(reveal(desired.service_settings)["a"]) is type(value)
    assert isinstance(desired.service_settings["a"], Sealed) is (make is secret)


BROKEN = (
    ("number", "seven"),
    ("number", "true"),
    ("number", '"7"'),
    ("number", "NaN"),
    ("number", "-Infinity"),
    ("number", "1e999"),
    ("boolean", "yes"),
    ("boolean", "1"),
    ("json", "{"),
    ("json", '{"a": NaN}'),
    ("json", '"\\ud800"'),
    ("json", "[" * 100_000),
    ("number", "9" * 5000),
)


@pytest.mark.parametrize(("form", "text"), BROKEN, ids=[f"{form}: {text[:12]}" for form, text in BROKEN])
def test_value_that_can_not_become_what_is_asked(form: str, text: str) -> None:
    failure = resolved(spec_of({"a": secret(**{"as": form})}), f"{text} {CANARY}".encode() if form == "json" else text.encode())
    assert isinstance(failure, ReferenceFailure)
    assert failure.kind is ReferenceKind.NOT_CONVERTIBLE
    assert failure.path == "spec.serviceSettings.a"
    assert form in failure.message
    assert CANARY not in repr(failure)
    assert text[:8] not in failure.message


def test_value_that_is_no_text() -> None:
    failure = resolved(spec_of({"a": secret()}), b"\xff\xfe" + CANARY.encode())
    assert isinstance(failure, ReferenceFailure)
    assert failure.kind is ReferenceKind.NOT_CONVERTIBLE
    assert CANARY not in repr(failure)


MISSING = (
    pytest.param(secret(), {"exists": False}, ReferenceKind.SECRET_NOT_FOUND, "Secret search/s", id="no such Secret"),
    pytest.param(config(), {"exists": False}, ReferenceKind.CONFIG_MAP_NOT_FOUND, "ConfigMap search/c", id="no such ConfigMap"),
    pytest.param(secret(), {"data": None}, ReferenceKind.KEY_MISSING, "no key 'k'", id="no such key in the Secret"),
    pytest.param(config(), {"data": None}, ReferenceKind.KEY_MISSING, "no key 'k'", id="no such key in the ConfigMap"),
)


@pytest.mark.parametrize(("reference", "world", "kind", "says"), MISSING)
def test_missing_reference_names_field_and_object(reference: Any, world: Any, kind: ReferenceKind, says: str) -> None:
    failure = resolved(spec_of({"a": [reference]}), **world)
    assert isinstance(failure, ReferenceFailure)
    assert (failure.kind, failure.path) == (kind, "spec.serviceSettings.a[0]")
    assert says in failure.message


@pytest.mark.parametrize("world", [{"exists": False}, {"data": None}], ids=["no object", "no key"])
@pytest.mark.parametrize("reference", [optional(), optional("configMapKeyRef", "c")], ids=["Secret", "ConfigMap"])
def test_optional_reference_that_is_missing_leaves_the_setting_out(reference: Any, world: Any) -> None:
    desired = resolved(spec_of({"a": reference, "b": ["x", reference], "c": {"d": reference}}), **world)
    assert isinstance(desired, DesiredEndpoint)
    assert desired.service_settings == {"b": ["x"], "c": {}}


def test_optional_reference_that_is_there_is_used() -> None:
    desired = resolved(spec_of({"a": optional()}))
    assert isinstance(desired, DesiredEndpoint)
    assert reveal(desired.service_settings) == {"a": CANARY}


MALFORMED = (
    pytest.param({"valueFrom": {}}, "exactly one", id="neither source"),
    pytest.param({"valueFrom": secret()["valueFrom"] | config()["valueFrom"]}, "exactly one", id="both sources"),
    pytest.param({"valueFrom": "s/k"}, "valueFrom", id="a text"),
    pytest.param({"valueFrom": None}, "valueFrom", id="null"),
    pytest.param({"valueFrom": {"secretKeyRef": {"name": "s"}}}, "secretKeyRef.key", id="no key"),
    pytest.param({"valueFrom": {"secretKeyRef": {"name": "", "key": "k"}}}, "secretKeyRef.name", id="an empty name"),
    pytest.param({"valueFrom": {"secretKeyReff": {"name": "s", "key": "k"}}}, "secretKeyReff", id="a misspelt source"),
    pytest.param(
        {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "namespace": "x"}}}, "namespace", id="another namespace"
    ),
    pytest.param(secret(**{"as": "text"}), "as", id="an unknown form"),
    pytest.param(secret() | {"other": CANARY}, "no other key", id="something beside it"),
)


@pytest.mark.parametrize(("node", "says"), MALFORMED)
def test_malformed_reference(node: Any, says: str) -> None:
    spec = spec_of({"a": {"b": node}})
    [found] = references(spec)
    assert isinstance(found, MalformedReference)
    assert dotted(found.path) == "serviceSettings.a.b"
    assert says in found.message
    assert CANARY not in found.message
    failure = resolved(spec)
    assert isinstance(failure, ReferenceFailure)
    assert failure.path == "spec.serviceSettings.a.b"


@pytest.mark.parametrize("block", ["serviceSettings", "taskSettings", "chunkingSettings"])
@pytest.mark.parametrize("reference", [secret(**{"as": "json"}), optional()])
def test_reference_for_a_whole_block_is_refused(block: str, reference: Any) -> None:
    spec = spec_of({}, **{block: reference})
    [found] = references(spec)
    assert isinstance(found, MalformedReference)
    assert dotted(found.path) == block
    failure = resolved(spec, exists=False)
    assert isinstance(failure, ReferenceFailure)
    assert failure.path == f"spec.{block}"


def test_versions_of_all_that_was_read_are_kept() -> None:
    desired = resolved(spec_of({"a": secret(), "b": config()}))
    assert isinstance(desired, DesiredEndpoint)
    assert desired.sources == {SECRET: FIRST, CONFIG_MAP: FIRST}


def test_secret_that_was_not_read_is_sealed_without_a_value() -> None:
    contents = {SECRET: Content(FIRST, None)}
    desired = resolve(spec_of({"a": secret()}), inference_id=ID, namespace=NAMESPACE, contents=contents)
    assert isinstance(desired, DesiredEndpoint)
    assert desired.service_settings == {"a": Sealed("s", "k", UNREAD)}
    assert not desired.is_read
    with pytest.raises(ValueError, match="not read"):
        reveal(desired.tree)


def test_sensitive_setting_is_sealed_also_when_it_comes_from_a_config_map() -> None:
    desired = resolved(spec_of({"api_key": config(), "url": config(), "secret_parameters": {"x": config()}}))
    assert isinstance(desired, DesiredEndpoint)
    assert desired.service_settings["url"] == CANARY
    assert show(desired.service_settings["api_key"]) == "<secret c/k>"
    assert show(desired.service_settings["secret_parameters"]) == {"x": "<secret c/k>"}


INLINE = (
    pytest.param({"serviceSettings": {"api_key": CANARY}}, ["serviceSettings.api_key"], id="a key in plain text"),
    pytest.param({"serviceSettings": {"api_key": ""}}, ["serviceSettings.api_key"], id="an empty one"),
    pytest.param({"serviceSettings": {"api_key": 5}}, ["serviceSettings.api_key"], id="a number"),
    pytest.param({"serviceSettings": {"api_key": None}}, [], id="null is none"),
    pytest.param({"serviceSettings": {"api_key": secret()}}, [], id="a reference is none"),
    pytest.param({"serviceSettings": {"api_key": {"inner": CANARY}}}, ["serviceSettings.api_key.inner"], id="inside an object"),
    pytest.param(
        {"serviceSettings": {"secret_parameters": {"a": secret(), "b": CANARY, "c": {"d": [CANARY]}}}},
        ["serviceSettings.secret_parameters.b", "serviceSettings.secret_parameters.c.d[0]"],
        id="among the parameters of service custom",
    ),
    pytest.param(
        {"serviceSettings": {"deep": [{"client_secret": CANARY}]}}, ["serviceSettings.deep[0].client_secret"], id="at any depth"
    ),
    pytest.param({"taskSettings": {"api_key": CANARY}}, ["taskSettings.api_key"], id="in the wrong block"),
    pytest.param({"serviceSettings": {"apikey": CANARY}}, [], id="a name that nobody knows can't be told"),
)


@pytest.mark.parametrize(("tree", "paths"), INLINE)
def test_inline_secret(tree: dict[str, Any], paths: list[str]) -> None:
    assert list(map(dotted, inline_secrets(tree, catalogue().sensitive_names()))) == paths


def test_blocks_have_the_names_that_users_write() -> None:
    assert list(blocks(spec_of({"a": 1}))) == ["serviceSettings", "taskSettings"]
    assert list(blocks(spec_of({"a": 1}, chunkingSettings={"strategy": "none"}))) == [
        "serviceSettings",
        "taskSettings",
        "chunkingSettings",
    ]


NODES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just(secret()) | st.just(config()) | st.just(optional()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3),
    max_leaves=10,
)


@LAW
@given(st.dictionaries(st.text(min_size=1, max_size=4), NODES, max_size=4))
def test_no_value_shows_wherever_a_secret_stands(settings: dict[str, Any]) -> None:
    spec = spec_of(settings)
    desired = resolved(spec)
    assert isinstance(desired, DesiredEndpoint)
    from_secrets = [r for r in references(spec) if isinstance(r, Reference) and r.kind is SourceKind.SECRET]
    from_maps = [r for r in references(spec) if isinstance(r, Reference) and r.kind is SourceKind.CONFIG_MAP]
    assert str(reveal(desired.tree)).count(CANARY) == len(from_secrets) + len(from_maps)
    assert str(show(desired.tree)).count(CANARY) == len(from_maps)
