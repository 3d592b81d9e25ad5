"""Who uses what: from the pipelines, templates and index settings of a cluster to tables by what is used. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from inference_operator.core.pipeline.in_settings import pipelines_in_settings, pipelines_in_template
from inference_operator.core.references_in_templates import endpoints_in_template
from inference_operator.elasticsearch.shapes import a_list, a_text, an_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inference_operator.core.pipeline.needs import Needs
    from inference_operator.core.values import Json

Names: TypeAlias = "Mapping[str, tuple[str, ...]]"
"""By what is used: the sorted names of those that use it."""


@dataclass(frozen=True, slots=True)
class Users:
    """Users of one kind: of endpoints by inference id, of pipelines by pipeline id."""

    of_endpoints: Names = field(default_factory=dict)
    of_pipelines: Names = field(default_factory=dict)


def users_among_pipelines(needs: Mapping[str, Needs]) -> Users:
    """The pipelines that name an endpoint, and those that call another pipeline that must be there."""
    return Users(
        _by_used((name, each.endpoints) for name, each in needs.items()),
        _by_used((name, each.pipelines - {name}) for name, each in needs.items()),
    )


def users_among_templates(kind: str, prefix: str) -> Callable[[Json], Users]:
    """The templates of `GET _index_template` or `GET _component_template`.

    `kind` is the key of one template's body; `prefix` goes before its name.
    """

    def parse(document: Json) -> Users:
        entries = [an_object(entry, "a template") for entry in a_list(an_object(document, "an object"), f"{kind}s")]
        named = [(prefix + a_text(entry, "name"), entry.get(kind)) for entry in entries]
        return Users(
            _by_used((name, endpoints_in_template(body)) for name, body in named),
            _by_used((name, pipelines_in_template(body)) for name, body in named),
        )

    return parse


def users_among_indices(document: Json) -> Users:
    """The indices of `GET _settings` whose default or final pipeline it is. Those that have none may be left out."""
    indices = {name: an_object(entry, "an index") for name, entry in an_object(document, "an object").items()}
    return Users(of_pipelines=_by_used((name, pipelines_in_settings(entry.get("settings"))) for name, entry in indices.items()))


def _by_used(users: Iterable[tuple[str, frozenset[str]]]) -> Names:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, used in users:
        for each in used:
            found[each].add(name)
    return {each: tuple(sorted(names)) for each, names in found.items()}
