"""The connection examples are usable connections, and grant no more than the operator needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.elasticsearch.connection import (
    ApiKey,
    BasicAuth,
    Bearer,
    Connection,
    InvalidConnection,
)
from tests import yaml_documents
from tests.examples.catalogue_of_examples import EXAMPLES, PATCHES, Resource, of_kind

CONNECTION = EXAMPLES / "connection"
ECK = CONNECTION / "eck.yaml"
PRIVILEGES = ["manage_inference", "manage_ingest_pipelines", "monitor"]


def secret_data(path: Path) -> dict[str, bytes]:
    (secret,) = of_kind(path, "Secret")
    return {key: value.encode() for key, value in secret["stringData"].items()}


def eck_secret(name: str) -> Resource:
    (found,) = (secret for secret in of_kind(ECK, "Secret") if secret["metadata"]["name"] == name)
    return found


@pytest.mark.parametrize(
    ("file", "way"),
    [
        pytest.param("connection/api-key.yaml", ApiKey, id="api key"),
        pytest.param("connection/basic.yaml", BasicAuth, id="user and password"),
        pytest.param("connection/token.yaml", Bearer, id="token"),
        pytest.param("first-endpoint/connection.yaml", ApiKey, id="first endpoint"),
    ],
)
def test_the_secret_is_a_connection(file: str, way: type) -> None:
    connection = Connection.parse(secret_data(EXAMPLES / file))
    assert isinstance(connection, Connection)
    assert isinstance(connection.credentials, way)
    assert connection.address.startswith("https://")
    assert connection.verify


def test_only_the_invented_certificate_is_missing_where_the_authority_is_ones_own() -> None:
    data = secret_data(CONNECTION / "own-ca.yaml")
    parsed = Connection.parse(data)
    assert isinstance(parsed, InvalidConnection)
    assert parsed.keys == ("ca.crt",)
    del data["ca.crt"]
    assert isinstance(Connection.parse(data), Connection)


def test_every_form_of_connection_has_a_file_and_a_line_in_the_readme() -> None:
    readme = (CONNECTION / "README.md").read_text(encoding="utf-8")
    for path in CONNECTION.iterdir():
        assert path.name == "README.md" or path.name in readme or path in PATCHES


def test_one_secret_makes_the_user_of_eck_and_logs_in() -> None:
    (resource,) = of_kind(ECK, "InferenceEndpoint")
    reference = InferenceEndpoint.parse(resource).spec.elasticsearch_ref
    assert reference is not None
    assert reference.name == "quickstart"
    assert reference.auth_secret_name is not None
    user = eck_secret(reference.auth_secret_name)["stringData"]
    connection = Connection.parse({"url": b"https://es:9200", **{key: value.encode() for key, value in user.items()}})
    assert isinstance(connection, Connection)
    assert connection.credentials == BasicAuth(user["username"], user["password"])


def test_the_patch_names_the_secrets_of_eck_that_hold_role_and_user() -> None:
    (patch,) = PATCHES
    auth = yaml_documents.document(patch.read_text(encoding="utf-8"))["spec"]["auth"]
    (role,), (user,) = auth["roles"], auth["fileRealm"]
    roles = yaml_documents.document(eck_secret(role["secretName"])["stringData"]["roles.yml"])
    assert eck_secret(user["secretName"])["stringData"]["roles"] in roles


def test_every_form_of_the_role_grants_the_same_and_no_more() -> None:
    role = json.loads((CONNECTION / "role.json").read_text(encoding="utf-8"))
    key = json.loads((CONNECTION / "api-key.json").read_text(encoding="utf-8"))
    eck = yaml_documents.document(eck_secret("inference-operator-role")["stringData"]["roles.yml"])
    assert role == {"cluster": PRIVILEGES}
    assert key["role_descriptors"] == {"inference-operator": role}
    assert eck == {"inference-operator": role}
