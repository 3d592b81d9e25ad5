"""Service `custom`: a request made from the user's templates, and values found in the answer by the user's paths.

Source: the Elasticsearch source of the custom service (`${name}` templates; a subset of JSONPath that keeps inner lists).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tests.standin.errors import illegal_argument
from tests.standin.messages import ProviderCall
from tests.standin.results import Question
from tests.standin.state import Endpoint

_PLACEHOLDER = re.compile(r"\$\{([^}\n]*)\}")
_FIELD = re.compile(r"\.([^.\[]+)(.*)", re.DOTALL)
_EVERY = "[*]"


def build(endpoint: Endpoint, question: Question) -> ProviderCall:
    """The request that the templates describe.

    Secrets and task parameters fill the templates as they are in URL, headers and query, and as JSON in the body. Raises the
    server's 400 for a template that nothing fills.
    """
    settings = endpoint.service_settings
    named = {**_parameters(endpoint.secrets, "secret_parameters"), **_parameters(question.settings, "parameters")}
    plain = {name: value for name, value in named.items() if isinstance(value, str)}
    url = fill(str(settings.get("url", "")), plain, "url")
    pairs = [
        (str(key), fill(str(value), plain, f"query parameters: [{key}]"))
        for key, value in _pairs(settings.get("query_parameters"))
    ]
    headers = {"content-type": ("Content-Type", "application/json")}
    for key, value in _parameters(settings, "headers").items():
        headers[key.lower()] = (key, fill(str(value), plain, f"header.{key}"))
    as_json = {
        name: json.dumps(value, ensure_ascii=False) for name, value in {**named, **_of_request(endpoint, question)}.items()
    }
    body = fill(_template(settings.get("request")), as_json, "request")
    query = f"{'&' if '?' in url else '?'}{urlencode(pairs)}" if pairs else ""
    return ProviderCall(url + query, tuple(headers.values()), body.encode())


def fill(template: str, values: Mapping[str, str], field: str) -> str:
    """The template with its placeholders filled. Raises 400 when one is left."""
    filled = _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
    left = _PLACEHOLDER.search(filled)
    if left:
        raise illegal_argument(
            f"Found placeholder [{left[0]}] in field [{field}] after replacement call, "
            "please check that all templates have a corresponding field definition."
        )
    return filled


def _parameters(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = settings.get(name)
    return value if isinstance(value, Mapping) else {}


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    """`query_parameters` is a list of [name, value]; what is no pair is left out."""
    if not isinstance(value, list):
        return []
    return [(pair[0], pair[1]) for pair in value if isinstance(pair, list) and len(pair) == 2]


def _template(value: Any) -> str:
    """The body's template: a string, or an object that holds it as `content` (the first releases)."""
    return str(value.get("content", "")) if isinstance(value, Mapping) else str(value)


def _of_request(endpoint: Endpoint, question: Question) -> Mapping[str, Any]:
    """What the inference request itself gives to the templates of the body."""
    match endpoint.task_type:
        case "completion":
            return {"input": question.inputs[0] if question.inputs else ""}
        case "rerank":
            optional = {"top_n": question.top_n, "return_documents": question.with_documents}
            given = {name: value for name, value in optional.items() if value is not None}
            return {"input": list(question.inputs), "query": question.query, **given}
        case _:
            return {"input": list(question.inputs), "input_type": _input_type(endpoint, question)}


def _input_type(endpoint: Endpoint, question: Question) -> Any:
    """The provider's word for the input type: from the endpoint's `input_type.translation`, or its `default`."""
    settings = _parameters(endpoint.service_settings, "input_type")
    return _parameters(settings, "translation").get(question.input_type or "", settings.get("default", ""))


def paths(endpoint: Endpoint) -> Mapping[str, Any]:
    """The `json_parser` of the endpoint: where the values are in an answer."""
    return _parameters(_parameters(endpoint.service_settings, "response"), "json_parser")


def extract(data: Any, path: str) -> Any:
    """The value at `$.a.b[*].c`; lists stay nested as they are. Raises ValueError when the path does not fit."""
    if not path.startswith("$"):
        raise ValueError(f"Path [{path}] must start with a dollar sign ($)")
    return _follow(data, path[1:])


def _follow(value: Any, rest: str) -> Any:
    if not rest:
        return value
    if rest.startswith(_EVERY):
        if not isinstance(value, list):
            raise ValueError(f"Current path [{rest}] matched the array field pattern but the current object is not a list")
        return [_follow(item, rest.removeprefix(_EVERY)) for item in value]
    match = _FIELD.fullmatch(rest)
    if match is None:
        raise ValueError(f"Invalid path received [{rest}], unable to extract a field name.")
    if not isinstance(value, Mapping):
        raise ValueError(f"Current path [{rest}] matched the dot field pattern but the current object is not a map")  # noqa: TRY004
    if value.get(match[1]) is None:
        raise ValueError(f"Unable to find field [{match[1]}] in map")
    return _follow(value[match[1]], match[2])
