"""The Elasticsearch of the demo: the stand-in, or the user's own cluster, asked as a person would."""

from __future__ import annotations

import base64
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class UnusableError(Exception):
    """The cluster that ELASTICSEARCH_URL names can't be used; the message says why."""


@dataclass(frozen=True)
class Elasticsearch:
    """Where it is and how to log in. `connection` are the keys and values of a connection Secret."""

    url: str
    is_stand_in: bool
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca: str | None = None
    connection: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def stand_in(cls, url: str) -> Elasticsearch:
        return cls(url, is_stand_in=True, connection={"url": url})

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Elasticsearch | None:
        """The user's own: ELASTICSEARCH_URL, and ELASTICSEARCH_API_KEY or _USERNAME and _PASSWORD, and _CA (a file)."""
        url = environ.get("ELASTICSEARCH_URL")
        if not url:
            return None
        connection, headers = {"url": url}, {}
        if key := environ.get("ELASTICSEARCH_API_KEY"):
            connection["api-key"] = key
            headers["Authorization"] = f"ApiKey {key}"
        elif user := environ.get("ELASTICSEARCH_USERNAME"):
            password = environ.get("ELASTICSEARCH_PASSWORD", "")
            connection |= {"username": user, "password": password}
            headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        ca = environ.get("ELASTICSEARCH_CA")
        if ca:
            connection["ca.crt"] = _text_of(ca)
        return cls(url.rstrip("/"), is_stand_in=False, headers=headers, ca=ca, connection=connection)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """`(status, JSON)`. Raises UnusableError where nothing answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}{path}", data, {"Content-Type": "application/json", **self.headers}, method=method
        )
        context = ssl.create_default_context(cafile=self.ca) if self.url.startswith("https") else None
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, _json_of(error.read())
        except OSError as error:
            raise UnusableError(f"{self.url} does not answer: {error}") from None

    def log(self) -> list[dict[str, Any]]:
        """Every request so far; only the stand-in tells."""
        return list(self.ask("GET", "/_standin/log")[1]) if self.is_stand_in else []

    def writes(self) -> int | None:
        return sum(entry["write"] for entry in self.log()) if self.is_stand_in else None


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - the user's words
            return file.read()
    except OSError as error:
        raise UnusableError(f"ELASTICSEARCH_CA: {error}") from None


def _json_of(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
