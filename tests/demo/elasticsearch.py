"""The Elasticsearch of the demo: the stand-in, or the user's own cluster, asked as a person would.

Knows who wrote what: the stand-in keeps a log of all requests, and the demo counts its own.
"""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.demo import NotSeenError

_SECONDS = 30
_WRITING = {"PUT", "POST", "DELETE"}


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a cluster: `connection` holds the keys and values of a connection Secret, `curl` options for a person."""

    url: str
    connection: Mapping[str, str]
    headers: Mapping[str, str]
    ca: str | None = None
    curl: str = ""

    def __repr__(self) -> str:
        return f"Access({self.url})"


def access_from(environ: Mapping[str, str]) -> Access | None:
    """The user's own cluster, None without ELASTICSEARCH_URL.

    ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD, log in; ELASTICSEARCH_CA is a PEM file.

    Raises:
        NotSeenError: the file can't be read, or the URL is none.

    """
    if not (url := environ.get("ELASTICSEARCH_URL", "").rstrip("/")):
        return None
    if not url.startswith(("http://", "https://")):
        raise NotSeenError("ELASTICSEARCH_URL has to begin with http:// or https://")
    connection, headers, curl = {"url": url}, {}, ""
    if key := environ.get("ELASTICSEARCH_API_KEY"):
        connection["api-key"] = key
        headers["Authorization"] = f"ApiKey {key}"
        curl = '-H "Authorization: ApiKey $ELASTICSEARCH_API_KEY" '
    elif user := environ.get("ELASTICSEARCH_USERNAME"):
        password = environ.get("ELASTICSEARCH_PASSWORD", "")
        connection |= {"username": user, "password": password}
        headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        curl = '-u "$ELASTICSEARCH_USERNAME:$ELASTICSEARCH_PASSWORD" '
    if ca := environ.get("ELASTICSEARCH_CA"):
        connection["ca.crt"] = _text_of(ca)
        curl += '--cacert "$ELASTICSEARCH_CA" '
    return Access(url, connection, headers, ca or None, curl)


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError as error:
        raise NotSeenError(f"ELASTICSEARCH_CA, {path}: {error.strerror}") from None


class Elasticsearch:
    """A cluster to ask; `is_stand_in` tells whether it also tells what it was asked by others."""

    def __init__(self, access: Access, *, is_stand_in: bool) -> None:
        self.access = access
        self.is_stand_in = is_stand_in
        self._own_writes = 0

    @classmethod
    def stand_in(cls, url: str) -> Elasticsearch:
        return cls(Access(url, {"url": url}, {}), is_stand_in=True)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """`(status, JSON)`. Raises NotSeenError where nothing answers."""
        self._own_writes += method in _WRITING
        return self._ask(method, path, body)

    def version(self) -> str:
        """Raises NotSeenError where the answer is not Elasticsearch's."""
        status, answer = self.ask("GET", "/")
        if isinstance(answer, dict) and isinstance(answer.get("version"), dict) and "number" in answer["version"]:
            return str(answer["version"]["number"])
        hint = ": check ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD"
        refused = status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        raise NotSeenError(f"{self.access.url} answers {status}{hint if refused else ', which no Elasticsearch would'}")

    def writes_of_others(self) -> int | None:
        """How often somebody else wrote, the operator, that is. None where nobody counts."""
        return sum(entry["write"] for entry in self.log()) - self._own_writes if self.is_stand_in else None

    def log(self, *, bodies: bool = False) -> list[dict[str, Any]]:
        """Every request that the stand-in got, the oldest first: method, path, status, and its body where these are kept."""
        _, entries = self._ask("GET", f"/_standin/log?bodies={str(bodies).lower()}", None)
        return list(entries)

    def keep_bodies(self, keep: bool) -> None:
        """Whether the stand-in's log holds bodies from now on."""
        self._ask("PUT", "/_standin/log", {"keep_bodies": keep})

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **self.access.headers}
        request = urllib.request.Request(f"{self.access.url}{path}", data, headers, method=method)
        try:
            with self._opener().open(request, timeout=_SECONDS) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _json(error.read())
        except (OSError, ValueError) as error:
            raise NotSeenError(f"{self.access.url} does not answer: {_why(error)}") from None

    def _opener(self) -> urllib.request.OpenerDirector:
        """The stand-in is asked past any proxy."""
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})] if self.is_stand_in else []
        if self.access.url.startswith("https"):
            handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.access.ca)))
        return urllib.request.build_opener(*handlers)


def _why(error: Exception) -> object:
    """Without the number of the error, where there are words."""
    reason = getattr(error, "reason", error)
    return reason if isinstance(reason, ssl.SSLError) else getattr(reason, "strerror", None) or reason


def _json(text: bytes) -> Any:
    """None for what is no JSON, such as a proxy's page."""
    try:
        return json.loads(text or b"null")
    except ValueError:
        return None
