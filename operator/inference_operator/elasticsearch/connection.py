"""How one cluster is reached, and how the connection Secret of `api.md` becomes such a value.

Decides what a usable connection is, with a message that names the key and never repeats a value. Knows nothing of
HTTP clients; of files and sockets neither.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import SplitResult, urlsplit

from inference_operator.elasticsearch.tls import certificate_problem, client_certificate_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROCESS_KEY = secrets.token_bytes(32)
_DEFAULT_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_HEADER_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """A user of Elasticsearch."""

    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key in its encoded form: base64 of `id:api_key`, field `encoded` of the answer that created it."""

    encoded: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token of a service account or of OAuth 2."""

    token: str = field(repr=False)


Credentials: TypeAlias = BasicAuth | ApiKey | Bearer


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The certificate (chain) that we show to the server, and its key; both PEM, the key not encrypted."""

    cert_pem: str = field(repr=False)
    key_pem: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class InvalidConnection:
    """The data of a Secret is no connection. `keys` are those to look at, `message` a sentence without values."""

    keys: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Connection:
    """One way to one cluster. Without `ca_pem` the system's trust store counts, with it only that."""

    url: str = field(repr=False)
    credentials: Credentials | None = None
    ca_pem: str | None = field(default=None, repr=False)
    client_certificate: ClientCertificate | None = None
    verify: bool = True

    @classmethod
    def parse(cls, data: Mapping[str, bytes]) -> Connection | InvalidConnection:
        """The connection that a Secret with these keys describes. Keys that mean nothing here are ignored."""
        try:
            texts = {key: _text(key, data[key]) for key in _KEYS if key in data}
            return cls(
                url=_url(texts),
                credentials=_credentials(texts),
                ca_pem=_ca(texts),
                client_certificate=_client_certificate(texts),
                verify=not _flag(texts, "insecure-skip-tls-verify"),
            )
        except _KeyProblemError as problem:
            return InvalidConnection(problem.keys, problem.message)

    @property
    def address(self) -> str:
        """`https://host:9200/path`: lower-case host, always a port, no user information, no trailing slash."""
        parts = urlsplit(self.url)
        host = (parts.hostname or "").lower()
        host = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 443)}{parts.path.rstrip('/')}"

    @property
    def fingerprint(self) -> str:
        """Equal for equal connections, of no use outside this process. Not for storing."""
        digest = hashlib.blake2b(key=_PROCESS_KEY, digest_size=16)
        for part in self._parts():
            digest.update(b"\x00-" if part is None else b"\x00+" + part.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def __repr__(self) -> str:
        way = type(self.credentials).__name__ if self.credentials else None
        return f"Connection({self.address!r}, credentials={way}, verify={self.verify})"

    def _parts(self) -> tuple[str | None, ...]:
        certificate = self.client_certificate
        ways: tuple[str | None, ...] = (None, None, None)
        match self.credentials:
            case BasicAuth(username, password):
                ways = ("basic", username, password)
            case ApiKey(encoded):
                ways = ("api-key", encoded, None)
            case Bearer(token):
                ways = ("bearer", token, None)
            case None:
                pass
        own = (certificate.cert_pem, certificate.key_pem) if certificate else (None, None)
        return (self.address, *ways, self.ca_pem, *own, str(self.verify))


_WAYS = ("api-key", "username", "password", "token")
_KEYS = ("url", *_WAYS, "ca.crt", "tls.crt", "tls.key", "insecure-skip-tls-verify")


class _KeyProblemError(Exception):
    def __init__(self, message: str, *keys: str) -> None:
        super().__init__(message)
        self.message = message
        self.keys = keys


def _text(key: str, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _KeyProblemError(f"Key {key} is not UTF-8 text.", key) from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise _KeyProblemError(f"Key {key} is empty.", key)
    if "\x00" in text:
        raise _KeyProblemError(f"Key {key} contains a NUL character.", key)
    return text


def _url(texts: Mapping[str, str]) -> str:
    if "url" not in texts:
        raise _KeyProblemError("Key url is missing: set it to the address of Elasticsearch, https://host:9200.", "url")
    text = texts["url"].strip()
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port != 0
    except ValueError:
        raise _KeyProblemError("Key url is not a URL like https://host:9200: host or port is malformed.", "url") from None
    problem = _url_problem(text, parts)
    if problem is None and not port_is_valid:
        problem = "has port 0"
    if problem is not None:
        raise _KeyProblemError(f"Key url {problem}.", "url")
    return text


def _url_problem(text: str, parts: SplitResult) -> str | None:
    """The first thing wrong with a URL. It may hold a password, so nothing of it is quoted."""
    if parts.scheme not in _DEFAULT_PORTS:
        return "must begin with https:// or http://"
    if "@" in parts.netloc:
        return "must not contain credentials: put them under username and password, api-key or token"
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        return "names no valid host"
    if "?" in text or "#" in text:
        return "must not have a query or a fragment"
    if not _PATH.fullmatch(parts.path) or any(step in (".", "..") for step in parts.path.split("/")):
        return "has a path with characters that must be percent-encoded, or with dot segments"
    return None


def _credentials(texts: Mapping[str, str]) -> Credentials | None:
    ways = {
        "api-key": "api-key" in texts,
        "username and password": "username" in texts or "password" in texts,
        "token": "token" in texts,
    }
    chosen = [way for way, present in ways.items() if present]
    if len(chosen) > 1:
        present = tuple(key for key in _WAYS if key in texts)
        raise _KeyProblemError(f"More than one way to authenticate: keep either {' or '.join(chosen)}.", *present)
    match chosen:
        case ["api-key"]:
            return ApiKey(_api_key(texts["api-key"]))
        case ["token"]:
            return Bearer(_header_token("token", texts["token"]))
        case ["username and password"]:
            return _basic(texts)
        case _:
            return None


def _api_key(text: str) -> str:
    if ":" in text:
        raise _KeyProblemError(
            "Key api-key must be the encoded form, base64 of id:api_key (field encoded of the answer that created the key).",
            "api-key",
        )
    return _header_token("api-key", text)


def _header_token(key: str, text: str) -> str:
    text = text.strip()
    if not _HEADER_TOKEN.fullmatch(text):
        raise _KeyProblemError(f"Key {key} has white space or characters that can't stand in an HTTP header.", key)
    return text


def _basic(texts: Mapping[str, str]) -> BasicAuth:
    for key, other in (("username", "password"), ("password", "username")):
        if key not in texts:
            raise _KeyProblemError(f"Key {key} is missing: {other} is set, and both are needed.", key)
    if ":" in texts["username"]:
        raise _KeyProblemError("Key username contains a colon, which HTTP basic authentication can't carry.", "username")
    return BasicAuth(texts["username"], texts["password"])


def _ca(texts: Mapping[str, str]) -> str | None:
    pem = texts.get("ca.crt")
    if pem is not None and (problem := certificate_problem(pem)):
        raise _KeyProblemError(f"Key ca.crt {problem}.", "ca.crt")
    return pem


def _client_certificate(texts: Mapping[str, str]) -> ClientCertificate | None:
    present = [key for key in ("tls.crt", "tls.key") if key in texts]
    if not present:
        return None
    if len(present) == 1:
        missing = "tls.key" if present == ["tls.crt"] else "tls.crt"
        raise _KeyProblemError(f"Key {missing} is missing: {present[0]} is set, and both are needed.", missing)
    if problem := client_certificate_problem(texts["tls.crt"], texts["tls.key"]):
        raise _KeyProblemError(f"Keys tls.crt and tls.key {problem}.", "tls.crt", "tls.key")
    return ClientCertificate(texts["tls.crt"], texts["tls.key"])


def _flag(texts: Mapping[str, str], key: str) -> bool:
    text = texts.get(key, "false").strip().lower()
    if text not in ("true", "false"):
        raise _KeyProblemError(f"Key {key} must be true or false.", key)
    return text == "true"
