"""Parsing of one settings block: takes known keys out of a map, collects what is wrong with them, leaves the unknown.

Follows the server's own way, so that reasons come in its order: each parser *removes* the key it understands, errors are
collected per block, and what is left over at the end is "unknown". It knows settings, not services.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.standin.catalogue import Condition, Setting
from tests.standin.errors import bad_request, validation_error
from tests.standin.java_text import java_text
from tests.standin.version import Version

SERVICE_SETTINGS = "service_settings"
TASK_SETTINGS = "task_settings"
_ILLEGAL_IN_URL = re.compile(r'[\s<>"{}|\\^`]')
_JAVA_NAMES = {"integer": "Integer", "float": "Double", "boolean": "Boolean", "list": "List", "map": "Map", "object": "Map"}


@dataclass(slots=True)
class Block:
    """A settings map on its way through the parsers: `left` shrinks, `errors` grow."""

    scope: str
    left: dict[str, Any]
    errors: list[str] = field(default_factory=list)

    def missing(self, name: str) -> None:
        self.errors.append(f"[{self.scope}] does not contain the required setting [{name}]")

    def invalid(self, text: str) -> None:
        self.errors.append(f"[{self.scope}] {text}")

    def invalid_choice(self, names: Iterable[str]) -> None:
        self.errors.append(f"[{self.scope}] does not contain one of the required settings [{', '.join(names)}]")

    def wrong_type(self, name: str, value: Any, java_type: str) -> None:
        self.errors.append(
            f"field [{name}] is not of the expected type. The value [{java_text(value)}] cannot be converted to a [{java_type}]"
        )

    def check(self) -> None:
        """Raise the server's validation_exception when anything was wrong."""
        if self.errors:
            raise validation_error(self.errors)


@dataclass(frozen=True, slots=True)
class Context:
    """What rules that span settings look at: `given` values (secrets among them) and the names `known` in this version."""

    task_type: str
    version: Version
    given: Mapping[str, Any]
    known: frozenset[str]


def parse_block(block: Block, settings: Iterable[Setting], *, required: bool = True) -> dict[str, Any]:
    """Take `settings` out of the block; a required one that is absent is an error when `required`."""
    values: dict[str, Any] = {}
    for setting in settings:
        present = block.left.get(setting.name) is not None
        value = take(block, setting)
        if value is not None:
            values[setting.name] = value
        elif required and setting.required and not present:
            block.missing(setting.name)
    return values


def take(block: Block, setting: Setting) -> Any:
    """Take one setting out of the block; None when absent, null or wrong (which is then noted)."""
    value = block.left.pop(setting.name, None)
    return None if value is None else _PARSERS[setting.type](block, setting, value)


def _string(block: Block, setting: Setting, value: Any) -> str | None:
    if not isinstance(value, str):
        block.wrong_type(setting.name, value, "String")
        return None
    if not value:
        block.invalid(f"Invalid value empty string. [{setting.name}] must be a non-empty string")
        return None
    return value


def _url(block: Block, setting: Setting, value: Any) -> str | None:
    text = _string(block, setting, value)
    if text is not None and (bad := _ILLEGAL_IN_URL.search(text)):
        # The exact words after "Reason:" are those of java.net.URI: unverified; any create with a bad URL settles them.
        reason = f"Illegal character in path at index {bad.start()}: {text}"
        block.invalid(
            f"Invalid url [{text}] received for field [{setting.name}]. Error: unable to parse url [{text}]. Reason: {reason}"
        )
        return None
    return text


def _integer(block: Block, setting: Setting, value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        block.wrong_type(setting.name, value, "Integer")
        return None
    if value <= 0:
        block.invalid(f"Invalid value [{value}]. [{setting.name}] must be a positive integer")
        return None
    return value


def _float(block: Block, setting: Setting, value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        block.wrong_type(setting.name, value, "Double")
        return None
    return value


def _boolean(block: Block, setting: Setting, value: Any) -> bool | None:
    if not isinstance(value, bool):
        block.wrong_type(setting.name, value, "Boolean")
        return None
    return value


def _enum(block: Block, setting: Setting, value: Any) -> str | None:
    text = _string(block, setting, value)
    if text is None:
        return None
    for known in setting.values:
        if text.strip().lower() == known.lower():
            return known
    allowed = ", ".join(sorted(setting.values))
    block.invalid(f"Invalid value [{text}] received. [{setting.name}] must be one of [{allowed}]")
    return None


def _collection(kind: type[dict[str, Any] | list[Any]]) -> Callable[[Block, Setting, Any], Any]:
    def parse(block: Block, setting: Setting, value: Any) -> Any:
        if isinstance(value, kind):
            return value
        block.wrong_type(setting.name, value, _JAVA_NAMES[setting.type])
        return None

    return parse


_PARSERS: Mapping[str, Callable[[Block, Setting, Any], Any]] = {
    "string": _string,
    "url": _url,
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "enum": _enum,
    "list": _collection(list),
    "map": _collection(dict),
    "object": _collection(dict),
}


def parse_rate_limit(block: Block, default: int | None) -> dict[str, int] | None:
    """Take `rate_limit` out of the block, filled up with the service's default; None when there is neither."""
    given = block.left.pop("rate_limit", None)
    if given is None:
        return None if default is None else {"requests_per_minute": default}
    if not isinstance(given, dict):
        block.wrong_type("rate_limit", given, "Map")
        return None
    left = dict(given)
    value = left.pop("requests_per_minute", None)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        block.wrong_type("requests_per_minute", value, "Long")
        return None
    if value is not None and value <= 0:
        # By analogy with "positive integer": unverified; a create with requests_per_minute -1 settles it.
        block.errors.append(f"[rate_limit] Invalid value [{value}]. [requests_per_minute] must be a positive long")
        return None
    if left:
        raise bad_request(
            f"Configuration contains unknown settings [{java_text(left)}] while parsing field [rate_limit] "
            f"for settings [{block.scope}]"
        )
    return {"requests_per_minute": value if value is not None else default or 0}


def apply_conditions(block: Block, conditions: Iterable[Condition], context: Context) -> None:
    """Note every rule that spans settings and does not hold."""
    for condition in conditions:
        if condition.applies(context.task_type, context.version, context.given):
            names = [name for name in condition.settings if name in context.known]
            _CONDITIONS[condition.kind](block, names, context.given)


def _exactly_one_of(block: Block, names: list[str], given: Mapping[str, Any]) -> None:
    present = [name for name in names if name in given]
    if len(present) > 1:
        # Two keys: the words of azureopenai's secrets; for OAuth2 blocks unverified, a create with both settles it.
        block.errors.append(f"[secret_settings] must have only one of the [{present[0]}] or the [{present[1]}] key set")
    elif not present and len(names) == 1:
        block.missing(names[0])
    elif not present:
        block.invalid_choice(names)


def _all_or_none(block: Block, names: list[str], given: Mapping[str, Any]) -> None:
    if any(name in given for name in names):
        _required(block, names, given)


def _required(block: Block, names: list[str], given: Mapping[str, Any]) -> None:
    for name in names:
        if name not in given:
            block.missing(name)


def _refused(block: Block, names: list[str], given: Mapping[str, Any]) -> None:
    for name in names:
        if name in given:
            block.errors.append(f"[{block.scope}] does not allow the setting [{name}]")


_CONDITIONS: Mapping[str, Callable[[Block, list[str], Mapping[str, Any]], None]] = {
    "exactly_one_of": _exactly_one_of,
    "all_or_none": _all_or_none,
    "required": _required,
    "refused": _refused,
}


def refuse_leftovers(left: Mapping[str, Any], service: str, version: Version) -> None:
    """Raise the server's "unknown setting" error, which prints the values, when anything is left in a map."""
    if left:
        begin = "Configuration" if version.since("8.19", "9.1") else "Model configuration"
        raise bad_request(f"{begin} contains settings [{java_text(left)}] unknown to the [{service}] service")
