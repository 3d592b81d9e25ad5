"""Secrets in plain text: refused by the API server, whichever way they come, and never repeated by it.

GitOps tools pass its errors on to status, events and chat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.crd_documents import REFERENCE, Way, document, own_namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.crd_documents import Namespaced
    from tests.controlplane import ControlPlane


@pytest.fixture(scope="module")
def api(plane: ControlPlane) -> Iterator[Namespaced]:
    with own_namespace(plane) as asked:
        yield asked


CANARY = "sk-canary-93ab"
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
OF_KUBECTL = (
    ("create", "--dry-run=server"),
    ("apply", "--dry-run=server"),
    ("apply", "--dry-run=server", "--server-side", "--force-conflicts"),
)
FIRST_BY_KUBECTL = ("api_key in plain text", "a secret inside of a reference")


def _of_kubectl() -> Iterator[Any]:
    """A refusal by a rule and one by the schema, which kubectl words differently; all in full."""
    for name, settings in PLAIN_TEXT:
        yield pytest.param(settings, id=name, marks=() if name in FIRST_BY_KUBECTL else pytest.mark.full)


@pytest.fixture(scope="module")
def stored(api: Namespaced) -> str:
    """The name of an endpoint that is there already, so that updates are judged, too."""
    api.create(document("stored", serviceSettings={"api_key": REFERENCE}))
    return "stored"


@pytest.mark.parametrize("way", [Way.CREATE, Way.MERGE, Way.APPLY], ids=["create", "apply", "server-side apply"])
@pytest.mark.parametrize("settings", [row[1] for row in PLAIN_TEXT], ids=[row[0] for row in PLAIN_TEXT])
def test_a_secret_in_plain_text_is_refused_and_not_repeated(
    api: Namespaced, stored: str, settings: dict[str, Any], way: Way
) -> None:
    name = "new" if way is Way.CREATE else stored

    error = api.refusal(way, document(name, serviceSettings=settings))

    assert "spec.serviceSettings." in error
    assert CANARY not in error


@pytest.mark.parametrize("way", OF_KUBECTL, ids=["create", "apply", "server-side apply"])
@pytest.mark.parametrize("settings", list(_of_kubectl()))
def test_kubectl_does_not_repeat_it_either(api: Namespaced, stored: str, settings: dict[str, Any], way: tuple[str, ...]) -> None:
    name = "new" if way[0] == "create" else stored

    error = api.kubectl_refusal(*way, body=document(name, serviceSettings=settings))

    assert "spec.serviceSettings." in error
    assert CANARY not in error


@pytest.mark.parametrize("value", [12345678, True, ""], ids=["a number", "a switch", "empty text"])
def test_a_secret_that_is_no_text_is_refused_as_well(api: Namespaced, value: object) -> None:
    error = api.refusal(Way.CREATE, document(serviceSettings={"api_key": value}))

    assert "spec.serviceSettings.api_key" in error
    assert "12345678" not in error
