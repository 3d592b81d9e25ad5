"""Texts from outside, made fit for people: secrets cut out, one line, bounded.

Decides in which forms a secret may hide in an error of Elasticsearch or of a provider. What is cut is cut before the text is
shortened, so no half of a secret stays. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from inference_operator.core.values import Json

MAX_TEXT = 1024
"""Characters of a text from outside."""

_CUT = "<secret>"
_PART = 16  # a line or a field of a longer secret is one by itself from this length on; shorter ones are words
_WORD = 4  # anything shorter occurs in every text, so it is cut only where a value stands: in brackets, in quotes, after `=`
_PRINT = re.compile(r"(settings|request|again) \[(?:\{.*\}\]|\{.*\Z|(?<=request \[).*\]|(?<=request \[).*\Z)", re.DOTALL)
_NAME = re.compile(r"[{,]\s*([a-z][a-z0-9_.]{0,63})=")


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Cut secrets out of a text from outside, and make it one bounded line.

    Elasticsearch prints unknown settings with their values, so a misspelt secret key would be echoed: the values of such a
    print are cut out whether they are known to be secret or not.
    """
    every = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(every, key=len, reverse=True):
        text = text.replace(form, _CUT) if len(form) >= _WORD else _without_word(text, form)
    text = _PRINT.sub(lambda found: f"{found[1]} [{_names(found[0])}]", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def texts(value: Json) -> Iterator[str]:
    """Every text in a value that came out of a Secret as JSON, numbers included."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _forms(secret: str) -> Iterator[str]:
    """The secret itself, its parts, and each as it stands in JSON and in a URL."""
    for part in {secret, secret.strip(), *_parts(secret)} - {""}:
        yield part
        yield json.dumps(part)[1:-1]
        yield json.dumps(part, ensure_ascii=False)[1:-1]
        yield quote(part, safe="")
        yield quote_plus(part)


def _parts(secret: str) -> Iterator[str]:
    """A key file is a secret in each of its lines, a credentials document in each of its fields."""
    try:
        document = json.loads(secret)
    except (ValueError, RecursionError):
        document = None
    fields = texts(document) if isinstance(document, dict | list) else ()
    for text in (secret, *fields):
        lines = (line.strip() for line in text.splitlines())
        yield from (part for part in (text, *lines) if len(part) >= _PART)


def _without_word(text: str, word: str) -> str:
    return re.sub(rf"(?<=[\[\"'=]){re.escape(word)}(?=[\]\"',}};]|\Z)", _CUT, text)


def _names(printed: str) -> str:
    return ", ".join(dict.fromkeys(_NAME.findall(printed))) or "<hidden>"
