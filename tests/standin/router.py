"""Which handler a method and a path lead to: literal segments win over variables, as in the server's path trie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.standin.messages import Action, Request
from tests.standin.version import Version

Prepare = Callable[[Request, Version], Action]
ALWAYS_ACCEPTED = frozenset({"pretty", "human", "error_trace", "filter_path"})


@dataclass(frozen=True, slots=True)
class Route:
    """One handler: `path` with `{variables}`, the query parameters it knows, and the privilege action it needs.

    body: whether the handler reads one. since, params_since: releases that brought the route, or a parameter.
    index_segment: position of the index name in the path; every_index: an index action on all of them.
    """

    method: str
    path: str
    action: str
    prepare: Prepare
    params: frozenset[str] = frozenset()
    body: bool = False
    index_segment: int | None = None
    every_index: bool = False
    since: tuple[str, ...] = ()
    params_since: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def needs_master(self) -> bool:
        """True for what only the elected master does: every write, and the health of the cluster."""
        return self.method in ("PUT", "DELETE") or self.action == "cluster:monitor/health"

    def known_params(self, version: Version) -> frozenset[str]:
        newer = {name for name, releases in self.params_since if version.since(*releases)}
        return self.params | newer | ALWAYS_ACCEPTED


def _segments(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _is_variable(part: str) -> bool:
    return part.startswith("{")


class Router:
    """A table of routes, looked up by the number and the text of path segments."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_length: dict[int, list[tuple[tuple[tuple[int, str], ...], Route]]] = {}
        """Under the number of segments, the most literal first: where each has to be what, and the route."""
        for parts, route in sorted(((_segments(route.path), route) for route in routes), key=_variables):
            literal = tuple((place, part) for place, part in enumerate(parts) if not _is_variable(part))
            self._by_length.setdefault(len(parts), []).append((literal, route))

    def candidates(self, segments: Sequence[str], version: Version) -> Iterator[Route]:
        """Routes whose path fits, the most literal first."""
        for literal, route in self._by_length.get(len(segments), ()):
            if all(segments[place] == part for place, part in literal) and (not route.since or version.since(*route.since)):
                yield route


def _variables(entry: tuple[tuple[str, ...], Route]) -> tuple[bool, ...]:
    return tuple(map(_is_variable, entry[0]))
