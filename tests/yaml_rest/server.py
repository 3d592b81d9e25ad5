"""The server that suites run against: sends calls, reads answers, tells version, features and capabilities.

The only module here that does I/O.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.yaml_rest.apis import Wanted
from tests.yaml_rest.prerequisites import Version, parse_version

_WARNING = re.compile(r'^299 \S+ "((?:[^"\\]|\\.)*)"(?: ".*")?$')
_JSON, _LINES = "application/json", "application/x-ndjson"


class ServerError(Exception):
    """The server gave no answer that a suite could judge. The text says what was asked and what went wrong."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body`: the JSON value, or the text of any other format (None when empty); `warnings`: texts of the headers."""

    status: int
    body: Any
    warnings: tuple[str, ...] = ()
    strange_warnings: tuple[str, ...] = ()


class Server:
    """A cluster behind an httpx client that knows its address and credentials."""

    def __init__(self, http: httpx.AsyncClient, version: Version, offers: frozenset[str]) -> None:
        self._http = http
        self._features: frozenset[str] | None = None
        self.version = version
        self.offers = offers

    async def send(self, wanted: Wanted, bodies: Sequence[Any], headers: Mapping[str, str]) -> Answer:
        """Carry a call out. Raises ServerError when there is no HTTP answer."""
        content, sent = _encode(bodies), dict(headers)
        if content is not None and not any(name.lower() == "content-type" for name in sent):
            sent["Content-Type"] = _LINES if len(bodies) > 1 else _JSON
        try:
            response = await self._http.request(
                wanted.method, wanted.path, params=wanted.query or None, content=content, headers=sent
            )
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ServerError(f"{wanted.method} {wanted.path} was not answered: {reason}") from error
        return _answer(wanted.method, response)

    async def has_xpack(self) -> bool:
        """Whether the distribution has X-Pack, told by its licence."""
        return (await self._ask("/_license")).status == httpx.codes.OK

    async def has_feature(self, name: str) -> bool | None:
        """Whether every node has a cluster feature; None where the server does not tell."""
        if self._features is None:
            answer = await self._ask("/_cluster/state", filter_path="nodes_features")
            nodes = answer.body.get("nodes_features") if isinstance(answer.body, dict) else None
            if answer.status != httpx.codes.OK or not nodes:
                return None
            self._features = frozenset.intersection(*(frozenset(node["features"]) for node in nodes))
        return name in self._features

    async def has_capability(self, check: Mapping[str, str]) -> bool | None:
        """Whether every node supports a capability; None where the server does not tell."""
        answer = await self._ask("/_capabilities", **{"method": "GET", **check})
        return answer.body.get("supported") if answer.status == httpx.codes.OK and isinstance(answer.body, dict) else None

    async def _ask(self, path: str, **query: str) -> Answer:
        return await self.send(Wanted("GET", path, query), (), {})


async def connect(http: httpx.AsyncClient, offers: frozenset[str] = frozenset()) -> Server:
    """Learn the version of the server behind a client. Raises ServerError when it is no Elasticsearch, or refuses."""
    unknown = Server(http, (0, 0, 0), offers)
    answer = await unknown.send(Wanted("GET", "/", {}), (), {})
    number = answer.body.get("version", {}).get("number", "") if isinstance(answer.body, dict) else ""
    version = parse_version(str(number))
    if answer.status != httpx.codes.OK or version is None:
        raise ServerError(f"GET / answered {answer.status} without the version of an Elasticsearch")
    return Server(http, version, offers)


def _encode(bodies: Sequence[Any]) -> bytes | None:
    if not bodies:
        return None
    texts = [json.dumps(body, ensure_ascii=False) for body in bodies]
    return (texts[0] if len(texts) == 1 else "".join(f"{text}\n" for text in texts)).encode()


def _answer(method: str, response: httpx.Response) -> Answer:
    warnings, strange = [], []
    for header in response.headers.get_list("warning"):
        found = _WARNING.match(header)
        if found:
            warnings.append(re.sub(r"\\(.)", r"\1", found[1]))
        else:
            strange.append(header)
    return Answer(response.status_code, _body(method, response), tuple(warnings), tuple(strange))


def _body(method: str, response: httpx.Response) -> Any:
    if method == "HEAD":
        return response.is_success  # the format's `is_true: ''` asks whether the thing exists
    if "json" not in response.headers.get("content-type", ""):
        return response.text or None
    try:
        return json.loads(response.content) if response.content else None
    except ValueError as error:
        raise ServerError(f"{method} {response.url.path} answered {response.status_code} with broken JSON: {error}") from error
