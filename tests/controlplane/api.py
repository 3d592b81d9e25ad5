"""The admin's requests to the API server from this process, for what is asked again and again.

A kubectl costs a tenth of a second of a processor, this a few thousandths: it is for waiting and for scaffolding, while what
a user types stays a kubectl. Connects anew for each request, so a restarted API server leaves no stale connection behind.
"""

from __future__ import annotations

import http.client
import json
import ssl
from contextlib import closing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.controlplane.children import ControlPlaneError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SECONDS = 15.0


class RefusedError(ControlPlaneError):
    """The API server answered with an error; the message is its own, and `answer` all that it sent."""

    def __init__(self, method: str, path: str, status: int, answer: str) -> None:
        self.status = status
        self.answer = answer
        super().__init__(f"{method} {path} was answered with {status}: {_message(answer)}")


class Api:
    """Requests by path, as `kubectl get --raw` takes them. Lost connections raise OSError or http.client.HTTPException."""

    def __init__(self, url: str, ca_file: Path, token: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._trust = ssl.create_default_context(cafile=str(ca_file))
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> dict[str, Any] | None:
        """The object, None where there is none. Raises RefusedError."""
        try:
            return self.ask("GET", path)
        except RefusedError as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def list(self, path: str) -> list[dict[str, Any]]:
        """The objects of a collection. Raises RefusedError."""
        items: list[dict[str, Any]] = self.ask("GET", path)["items"]
        return items

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object in a collection. Raises RefusedError."""
        return self.ask("POST", path, body)

    def delete(self, path: str) -> None:
        """Delete an object, or all of a collection, without waiting for its end. Raises RefusedError."""
        with self._connected() as connection:
            _text(connection, "DELETE", path, None, self._headers)  # what was deleted may be deeper than can be read here

    def create_all(self, path: str, bodies: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
        """Create objects in a collection one after the other, over one connection. Raises RefusedError at the first refusal."""
        with self._connected() as connection:
            return tuple(_answer(connection, "POST", path, body, self._headers) for body in bodies)

    def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        media_type: str = "application/json",
        user: str = "",
    ) -> dict[str, Any]:
        """The object that is answered. Raises RefusedError.

        Args:
            method: of HTTP.
            path: with the query.
            body: an object, or a patch.
            media_type: says what sort of patch the body is.
            user: on whose behalf; the admin's own by default.

        """
        headers = self._headers | {"Content-Type": media_type} | ({"Impersonate-User": user} if user else {})
        with self._connected() as connection:
            return _answer(connection, method, path, body, headers)

    def _connected(self) -> closing[http.client.HTTPSConnection]:
        return closing(http.client.HTTPSConnection(self._host, self._port, timeout=_SECONDS, context=self._trust))


def _answer(
    connection: http.client.HTTPSConnection, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_text(connection, method, path, body, headers))
    return found


def _text(
    connection: http.client.HTTPSConnection, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
) -> bytes:
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    status, text = answer.status, answer.read()
    if status >= HTTPStatus.BAD_REQUEST:
        raise RefusedError(method, path, status, text.decode("utf-8", "replace"))
    return text


def _message(answer: str) -> str:
    """Of a `Status`; refusals may be plain text as well."""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.strip()
