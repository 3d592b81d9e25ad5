"""Templates in processors: `{{ path }}` (escaped for JSON) and `{{{ path }}}` (as it is), filled from a document.

A subset of Mustache. Sections, partials and other tags are refused when the pipeline is read, which a real server would not do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus

from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.java_text import java_text

_TAG = re.compile(r"\{\{\{\s*(?P<raw>[^{}]*?)\s*\}\}\}|\{\{\s*&\s*(?P<bare>[^{}]*?)\s*\}\}|\{\{\s*(?P<plain>[^{}]*?)\s*\}\}")
_NOT_VARIABLES = ("#", "^", "/", ">", "!", "=")
_ENCODERS: Mapping[str, Callable[[str], str]] = {
    "application/json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "text/plain": lambda text: text,
    "application/x-www-form-urlencoded": quote_plus,
}
MEDIA_TYPES = tuple(_ENCODERS)


def check_template(text: str) -> None:
    """Raise 400 for a template that can't be compiled, or that is beyond this subset."""
    if "{{" not in text:
        return
    for match in _TAG.finditer(text):
        name = _name(match)
        if not name or name.startswith(_NOT_VARIABLES):
            raise _refused(text, f"the stand-in knows variables only, not [{match[0]}]")
    if "{{" in _TAG.sub("", text):
        raise _refused(text, "a tag is not closed")


def _refused(text: str, why: str) -> ElasticsearchError:
    # The words of the server's Mustache compiler are unverified; a PUT with an open tag settles them.
    cause = illegal_argument(f"cannot compile template [{text}]: {why}")
    return ElasticsearchError(
        400, "general_script_exception", f"Failed to compile inline script [{text}] using lang [mustache]", caused_by=cause
    )


def _name(match: re.Match[str]) -> str:
    return next(name for name in (match["raw"], match["bare"], match["plain"]) if name is not None)


def render(text: str, model: Mapping[str, Any], media_type: str = "application/json") -> str:
    """Fill a template. What is missing or null is empty; objects and lists print like Java.

    For lists that is unverified: a `set` of `{{list}}` settles it.
    """
    if "{{" not in text:
        return text

    def fill(match: re.Match[str]) -> str:
        value = _value(model, _name(match))
        shown = "" if value is None else java_text(value)
        return _ENCODERS[media_type](shown) if match["plain"] is not None else shown

    return _TAG.sub(fill, text)


def _value(model: Any, path: str) -> Any:
    value: Any = model
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def render_deep(value: Any, model: Mapping[str, Any], media_type: str = "application/json") -> Any:
    """Fill every text in a value, keys of objects included."""
    match value:
        case str():
            return render(value, model, media_type)
        case dict():
            return {render(key, model, media_type): render_deep(item, model, media_type) for key, item in value.items()}
        case list():
            return [render_deep(item, model, media_type) for item in value]
        case _:
            return value


def check_deep(value: Any) -> None:
    """Check every text in a value as a template."""
    match value:
        case str():
            check_template(value)
        case dict():
            for key, item in value.items():
                check_template(key)
                check_deep(item)
        case list():
            for item in value:
                check_deep(item)
        case _:
            return
