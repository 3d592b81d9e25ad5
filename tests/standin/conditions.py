"""The conditions of `if`: a small part of Painless, parsed once and evaluated on a document.

Known are comparisons (`==`, `!=`, `<`, `<=`, `>`, `>=`), `&&`, `||`, `!`, parentheses, literals, paths from `ctx` (`ctx.a.b`,
`ctx?.a?.b`, `ctx['a']`), and the calls in `_CALLS`. Everything else is refused as a compile error, which a real server with
Painless would compile: an honest subset, and no second language.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.java_text import java_text

Evaluate = Callable[[Mapping[str, Any]], Any]
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+(?:\.\d+)?)|(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    r"""|(?P<name>[A-Za-z_@][A-Za-z0-9_@]*)|(?P<mark>\?\.|==|!=|<=|>=|&&|\|\||[<>!().,;\[\]]))"""
)
_CONSTANTS: Mapping[str, Any] = {"null": None, "true": True, "false": False}
_NUMBER = (int, float)
_CALLS: Mapping[str, tuple[type, int, Callable[..., Any]]] = {
    "containsKey": (dict, 1, lambda value, key: key in value),
    "contains": (object, 1, lambda value, part: part in value),
    "startsWith": (str, 1, str.startswith),
    "endsWith": (str, 1, str.endswith),
    "equals": (object, 1, lambda value, other: value == other),
    "isEmpty": (object, 0, lambda value: not value),
    "length": (str, 0, len),
    "size": (object, 0, len),
    "toLowerCase": (str, 0, str.lower),
    "toUpperCase": (str, 0, str.upper),
    "trim": (str, 0, str.strip),
}


def script_error(reason: str, script: str, cause: ElasticsearchError) -> ElasticsearchError:
    """A `script_exception`: `compile error` or `runtime error`."""
    extra = {"script_stack": [], "script": script, "lang": "painless"}
    return ElasticsearchError(400, "script_exception", reason, caused_by=cause, extra=extra)


class NullPointerError(Exception):
    """A path went through null without `?.`."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition, and its source as the server shows it."""

    source: str
    evaluate: Evaluate

    def holds(self, fields: Mapping[str, Any]) -> bool:
        """The result for a document. Raises 400 as the server does at run time."""
        try:
            result = self.evaluate(fields)
        except NullPointerError as error:
            cause = ElasticsearchError(400, "null_pointer_exception", str(error))
            raise script_error("runtime error", self.source, cause) from None
        except (TypeError, AttributeError) as error:
            cause = ElasticsearchError(400, "class_cast_exception", str(error))
            raise script_error("runtime error", self.source, cause) from None
        if not isinstance(result, bool):
            cause = ElasticsearchError(400, "class_cast_exception", f"Cannot cast from [{java_text(result)}] to [boolean].")
            raise script_error("runtime error", self.source, cause)
        return result


@functools.lru_cache(maxsize=512)
def compile_condition(source: str) -> Condition:
    """Parse a condition. Raises the server's compile error for what is not in the subset."""
    parser = _Parser(source)
    evaluate = parser.either()
    parser.skip(";")
    parser.finish()
    return Condition(source, evaluate)


class _Parser:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens: list[tuple[str, str]] = []
        position = 0
        text = source.strip().removeprefix("return ")
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                self._refuse(f"unexpected character [{text[position:].strip()[:1]}].")
            self._tokens.append((str(match.lastgroup), match[match.lastgroup or 0]))
            position = match.end()
        self._next = 0

    def _refuse(self, problem: str) -> NoReturn:
        raise script_error("compile error", self._source, illegal_argument(problem))

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def skip(self, *marks: str) -> str | None:
        """Take a mark if it is the next token."""
        kind, text = self._peek()
        if kind != "mark" or text not in marks:
            return None
        self._next += 1
        return text

    def finish(self) -> None:
        if self._peek()[0] != "end":
            self._refuse(f"unexpected token ['{self._peek()[1]}'] was expecting one of [<EOF>].")

    def _expect(self, mark: str) -> None:
        if self.skip(mark) is None:
            self._refuse(f"unexpected token ['{self._peek()[1]}'] was expecting one of ['{mark}'].")

    def either(self) -> Evaluate:
        terms = [self._both()]
        while self.skip("||"):
            terms.append(self._both())
        return terms[0] if len(terms) == 1 else lambda ctx: any(_truth(term(ctx)) for term in terms)

    def _both(self) -> Evaluate:
        terms = [self._comparison()]
        while self.skip("&&"):
            terms.append(self._comparison())
        return terms[0] if len(terms) == 1 else lambda ctx: all(_truth(term(ctx)) for term in terms)

    def _comparison(self) -> Evaluate:
        left = self._unary()
        sign = self.skip("==", "!=", "<=", ">=", "<", ">")
        if sign is None:
            return left
        right, compare = self._unary(), _COMPARISONS[sign]
        return lambda ctx: compare(left(ctx), right(ctx))

    def _unary(self) -> Evaluate:
        if self.skip("!"):
            inner = self._unary()
            return lambda ctx: not _truth(inner(ctx))
        return self._followed(self._primary())

    def _primary(self) -> Evaluate:
        if self.skip("("):
            inner = self.either()
            self._expect(")")
            return inner
        kind, text = self._peek()
        self._next += 1
        match kind:
            case "number":
                number = float(text) if "." in text else int(text)
                return lambda _ctx: number
            case "text":
                value = re.sub(r"\\(.)", r"\1", text[1:-1])
                return lambda _ctx: value
            case "name" if text in _CONSTANTS:
                constant = _CONSTANTS[text]
                return lambda _ctx: constant
            case "name" if text == "ctx":
                return lambda ctx: ctx
        return self._refuse(f"cannot resolve symbol [{text}]" if kind == "name" else f"unexpected token ['{text}'].")

    def _followed(self, value: Evaluate) -> Evaluate:
        """The value with its `.name`, `?.name`, `['name']` and calls."""
        while mark := self.skip(".", "?.", "["):
            if mark == "[":
                key = self._primary()
                self._expect("]")
                value = _step(value, key, safe=False)
                continue
            kind, name = self._peek()
            self._next += 1
            if kind not in ("name", "number"):
                self._refuse(f"unexpected token ['{name}'] was expecting one of [{{ID}}].")
            if self.skip("("):
                value = self._call(value, name, safe=mark == "?.")
            else:
                value = _step(value, _constant(int(name) if kind == "number" else name), safe=mark == "?.")
        return value

    def _call(self, value: Evaluate, name: str, *, safe: bool) -> Evaluate:
        arguments: list[Evaluate] = []
        while self.skip(")") is None:
            arguments.append(self.either())
            self.skip(",")
        if name not in _CALLS or len(arguments) != _CALLS[name][1]:
            self._refuse(f"dynamic method [{name}/{len(arguments)}] not found in the part of Painless that the stand-in knows")
        kind, _, function = _CALLS[name]

        def call(ctx: Mapping[str, Any]) -> Any:
            target = value(ctx)
            if target is None:
                return _null(name, safe=safe)
            if not isinstance(target, kind):
                msg = f"dynamic method [{type(target).__name__}, {name}/{len(arguments)}] not found"
                raise TypeError(msg)
            return function(target, *(argument(ctx) for argument in arguments))

        return call


def _constant(value: str | int) -> Evaluate:
    return lambda _ctx: value


def _null(name: Any, *, safe: bool) -> None:
    if not safe:
        msg = f'Cannot invoke "Object.getClass()" because the receiver of [{name}] is null'
        raise NullPointerError(msg)


def _step(value: Evaluate, key: Evaluate, *, safe: bool) -> Evaluate:
    def step(ctx: Mapping[str, Any]) -> Any:
        target, name = value(ctx), key(ctx)
        if target is None:
            return _null(name, safe=safe)
        if isinstance(target, Mapping):
            return target.get(name)
        if isinstance(target, list) and isinstance(name, int) and 0 <= name < len(target):
            return target[name]
        msg = f"dynamic getter [{type(target).__name__}, {name}] not found"
        raise TypeError(msg)

    return step


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        msg = f"Cannot cast from [{java_text(value)}] to [boolean]."
        raise TypeError(msg)
    return value


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def run(one: Any, other: Any) -> bool:
        if not isinstance(one, _NUMBER) or not isinstance(other, _NUMBER):
            msg = f"Cannot apply [<] operation to types [{type(one).__name__}] and [{type(other).__name__}]"
            raise TypeError(msg)
        return compare(one, other)

    return run


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda one, other: not _equal(one, other),
    "<": _ordered(lambda one, other: one < other),
    "<=": _ordered(lambda one, other: one <= other),
    ">": _ordered(lambda one, other: one > other),
    ">=": _ordered(lambda one, other: one >= other),
}
