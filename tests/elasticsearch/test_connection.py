"""What the Secret of a connection may hold, and how it is refused: by key, never by value."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference_operator.elasticsearch.connection import (
    ApiKey,
    BasicAuth,
    Bearer,
    ClientCertificate,
    Connection,
    InvalidConnection,
)
from inference_operator.elasticsearch.tls import client_context
from tests.elasticsearch.certificates import Authority
from tests.elasticsearch.laws import LAW

CANARY = "c4n4ry-value"
URL = b"https://es.example:9200"
AUTHORITY = Authority("test authority")
CLIENT = AUTHORITY.sign("client")
OTHER = AUTHORITY.sign("other")


def parse(data: dict[str, bytes]) -> Connection:
    connection = Connection.parse(data)
    assert isinstance(connection, Connection)
    return connection


def refuse(data: dict[str, bytes]) -> InvalidConnection:
    refusal = Connection.parse(data)
    assert isinstance(refusal, InvalidConnection)
    return refusal


@pytest.mark.parametrize(
    ("data", "credentials"),
    [
        pytest.param({}, None, id="a cluster without security needs no credentials"),
        pytest.param({"api-key": b"YTpi"}, ApiKey("YTpi"), id="API key"),
        pytest.param({"api-key": b"YTpi\n"}, ApiKey("YTpi"), id="API key with the newline of an editor"),
        pytest.param({"token": b"AAEAAWVs\r\n"}, Bearer("AAEAAWVs"), id="token"),
        pytest.param(
            {"username": b"operator", "password": b"p w:\xc3\xa9 \n"},
            BasicAuth("operator", "p w:é "),
            id="user and password, of which only the last newline goes",
        ),
        pytest.param({"token": b"t", "something-else": b"\xff"}, Bearer("t"), id="keys of others are none of our business"),
    ],
)
def test_ways_to_authenticate(data: dict[str, bytes], credentials: object) -> None:
    assert parse({"url": URL, **data}).credentials == credentials


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://es.example:9200", "https://es.example:9200"),
        ("  https://ES.Example:9200/\n", "https://es.example:9200"),
        ("https://es.example", "https://es.example:443"),
        ("http://es.example", "http://es.example:80"),
        ("https://es.example/a/b%20c/", "https://es.example:443/a/b%20c"),
        ("https://[2001:DB8::1]:9200", "https://[2001:db8::1]:9200"),
        ("https://10.0.0.1:9200/", "https://10.0.0.1:9200"),
    ],
)
def test_address_is_normalised(url: str, address: str) -> None:
    assert parse({"url": url.encode()}).address == address


@pytest.mark.parametrize(
    ("data", "keys", "says"),
    [
        pytest.param({"url": None}, ("url",), "missing", id="no url"),
        pytest.param({"url": b" \n"}, ("url",), "is empty", id="empty url"),
        pytest.param({"url": b"\xff\xfe"}, ("url",), "not UTF-8", id="url not UTF-8"),
        pytest.param({"url": f"{CANARY}:9200".encode()}, ("url",), "https://", id="url without scheme"),
        pytest.param({"url": f"ftp://{CANARY}".encode()}, ("url",), "https://", id="url of another scheme"),
        pytest.param({"url": f"https://u:{CANARY}@es:9200".encode()}, ("url",), "credentials", id="credentials in the url"),
        pytest.param({"url": f"https://es:9200?k={CANARY}".encode()}, ("url",), "query", id="query"),
        pytest.param({"url": f"https://es:9200/#{CANARY}".encode()}, ("url",), "fragment", id="fragment"),
        pytest.param({"url": f"https://es:{CANARY}".encode()}, ("url",), "port", id="port is no number"),
        pytest.param({"url": b"https://es:99999"}, ("url",), "port", id="port too high"),
        pytest.param({"url": b"https://es:0"}, ("url",), "port 0", id="port 0"),
        pytest.param({"url": b"https://"}, ("url",), "host", id="no host"),
        pytest.param({"url": f"https://{CANARY} x:9200".encode()}, ("url",), "host", id="space in the host"),
        pytest.param({"url": b"https://[::1:9200"}, ("url",), "host", id="unclosed bracket"),
        pytest.param({"url": f"https://es/{CANARY} x".encode()}, ("url",), "path", id="space in the path"),
        pytest.param({"url": b"https://es/a/../b"}, ("url",), "dot segments", id="dot segments in the path"),
        pytest.param({"api-key": b""}, ("api-key",), "is empty", id="empty API key"),
        pytest.param({"api-key": f"id:{CANARY}".encode()}, ("api-key",), "encoded", id="API key that is not encoded"),
        pytest.param({"api-key": f"a\n{CANARY}".encode()}, ("api-key",), "white space", id="API key of two lines"),
        pytest.param({"token": f"é{CANARY}".encode()}, ("token",), "HTTP header", id="token not ASCII"),
        pytest.param({"username": CANARY.encode()}, ("password",), "password is missing", id="user without password"),
        pytest.param({"password": CANARY.encode()}, ("username",), "username is missing", id="password without user"),
        pytest.param({"username": f"a:{CANARY}".encode(), "password": b"p"}, ("username",), "colon", id="user name with a colon"),
        pytest.param(
            {"api-key": CANARY.encode(), "token": CANARY.encode()}, ("api-key", "token"), "More than one", id="two ways"
        ),
        pytest.param(
            {"api-key": CANARY.encode(), "password": CANARY.encode()},
            ("api-key", "password"),
            "More than one",
            id="a way and half of another",
        ),
        pytest.param({"ca.crt": CANARY.encode()}, ("ca.crt",), "PEM", id="CA is not PEM"),
        pytest.param({"ca.crt": CLIENT.key.encode()}, ("ca.crt",), "PEM", id="CA is a key"),
        pytest.param({"ca.crt": b"\xff"}, ("ca.crt",), "not UTF-8", id="CA in DER"),
        pytest.param({"tls.crt": CLIENT.cert.encode()}, ("tls.key",), "tls.key is missing", id="certificate without key"),
        pytest.param({"tls.key": CLIENT.key.encode()}, ("tls.crt",), "tls.crt is missing", id="key without certificate"),
        pytest.param(
            {"tls.crt": CLIENT.cert.encode(), "tls.key": OTHER.key.encode()},
            ("tls.crt", "tls.key"),
            "private key",
            id="key of another certificate",
        ),
        pytest.param(
            {"tls.crt": CLIENT.cert.encode(), "tls.key": CLIENT.encrypted_key.encode()},
            ("tls.crt", "tls.key"),
            "unencrypted",
            id="encrypted key",
        ),
        pytest.param(
            {"insecure-skip-tls-verify": b"yes"}, ("insecure-skip-tls-verify",), "true or false", id="neither true nor false"
        ),
    ],
)
def test_refusals_name_the_key_and_no_value(data: dict[str, bytes | None], keys: tuple[str, ...], says: str) -> None:
    whole = {"url": URL, **data}
    refusal = refuse({key: value for key, value in whole.items() if value is not None})
    assert refusal.keys == keys
    assert says in refusal.message
    assert all(key in refusal.message for key in keys) or "More than one" in refusal.message
    assert CANARY not in repr(refusal)


def test_tls_material_is_taken_as_it_is() -> None:
    connection = parse(
        {
            "url": URL,
            "ca.crt": AUTHORITY.pem.encode(),
            "tls.crt": CLIENT.cert.encode(),
            "tls.key": CLIENT.key.encode(),
            "insecure-skip-tls-verify": b"True\n",
        }
    )
    assert connection.ca_pem is not None
    assert connection.ca_pem.strip() == AUTHORITY.pem.strip()
    assert isinstance(connection.client_certificate, ClientCertificate)
    assert not connection.verify
    assert parse({"url": URL, "insecure-skip-tls-verify": b"false"}).verify


def test_names_in_a_bundle_of_authorities_may_be_in_any_language() -> None:
    bundle = f"# Főtanúsítvány\n{AUTHORITY.pem}# 証明書\n{Authority('other authority').pem}"
    connection = Connection.parse({"url": URL, "ca.crt": bundle.encode()})
    assert isinstance(connection, Connection)
    context = client_context(connection.ca_pem, None, verify=True)
    assert context.cert_store_stats()["x509_ca"] == 2
    spoilt = AUTHORITY.pem.replace("MI", "Mő", 1)
    assert isinstance(Connection.parse({"url": URL, "ca.crt": spoilt.encode()}), InvalidConnection)


@pytest.mark.parametrize("credentials", [BasicAuth(CANARY, CANARY), ApiKey(CANARY), Bearer(CANARY)])
def test_no_secret_in_any_repr(credentials: BasicAuth | ApiKey | Bearer) -> None:
    connection = Connection(f"https://u:{CANARY}@es:9200", credentials, client_certificate=ClientCertificate(CANARY, CANARY))
    for shown in (repr(connection), str(connection), repr(credentials), repr(connection.client_certificate)):
        assert CANARY not in shown
    assert connection.address == "https://es:9200"


def test_fingerprint_is_equal_for_equal_connections_only() -> None:
    connections = [
        Connection("https://es:9200"),
        Connection("https://es:9201"),
        Connection("https://es:9200", verify=False),
        Connection("https://es:9200", BasicAuth("a", "bc")),
        Connection("https://es:9200", BasicAuth("ab", "c")),
        Connection("https://es:9200", ApiKey("a")),
        Connection("https://es:9200", Bearer("a")),
        Connection("https://es:9200", ca_pem="a"),
        Connection("https://es:9200", client_certificate=ClientCertificate("a", "b")),
        Connection("https://es:9200", client_certificate=ClientCertificate("", "ab")),
    ]
    assert len({connection.fingerprint for connection in connections}) == len(connections)
    assert Connection("https://ES:9200/").fingerprint == connections[0].fingerprint
    assert Connection("https://es:9200", BasicAuth("a", "bc")).fingerprint == connections[3].fingerprint


KEYS = ("url", "api-key", "username", "password", "token", "ca.crt", "tls.crt", "tls.key", "insecure-skip-tls-verify")
VALUES = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(max_size=20).map(lambda text: f"https://{text}".encode("utf-8", "surrogatepass")),
)


@LAW
@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_parsing_is_total(data: dict[str, bytes]) -> None:
    connection = Connection.parse(data)
    if isinstance(connection, Connection):
        assert connection.address.startswith(("https://", "http://"))
        assert connection.fingerprint
    else:
        assert connection.keys
        assert connection.message.endswith(".")


HALF = st.sampled_from([CLIENT.cert, CLIENT.key, OTHER.cert]).flatmap(
    lambda pem: st.integers(0, len(pem)).map(lambda end: pem[:end].encode())
)
SPOILT = st.one_of(
    VALUES,
    HALF,
    st.sampled_from([b"https://", b"http://u:", b"https://[", b"https://h:", b"//", b"https://h/../"]).map(
        lambda start: start + CANARY.encode()
    ),
    st.sampled_from([b"\xff", b"\x00", b"\r\n", b" ", b"-----BEGIN CERTIFICATE-----\n", b"\xed\xa0\x80"]).map(
        lambda odd: CANARY.encode() + odd + CANARY.encode()
    ),
)


@LAW
@example(data={"ca.crt": "\x80".encode()}, addressed=True)
@given(st.dictionaries(st.sampled_from(KEYS), SPOILT), st.booleans())
def test_whatever_is_spoilt_is_refused_by_key_and_not_repeated(data: dict[str, bytes], addressed: bool) -> None:
    connection = Connection.parse({**data, "url": URL} if addressed else data)
    if isinstance(connection, InvalidConnection):
        assert set(connection.keys) <= {*KEYS, "url"}
        assert CANARY not in connection.message
        assert len(connection.message) <= 256
    else:
        assert connection.fingerprint
        secrets = {key: value for key, value in data.items() if key != "url"}
        assert CANARY.encode() not in b"".join(secrets.values()) or CANARY not in repr(connection)
