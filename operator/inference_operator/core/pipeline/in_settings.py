"""Which ingest pipelines the settings of an index or of a template name: as default or as final pipeline.

Pure, and total: settings may be nested, dotted or both, with `index.` in front or without. Whatever else they are, they name
nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

from inference_operator.core.values import Json

_SETTINGS = frozenset({"default_pipeline", "final_pipeline"})
_NOBODY = "_none"


def pipelines_in_settings(settings: Json) -> frozenset[str]:
    """Every pipeline that the settings of an index name."""
    found: set[str] = set()
    waiting: list[tuple[str, Json]] = [("", settings)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += ((f"{name}.{key}".lstrip("."), inner) for key, inner in value.items() if isinstance(key, str))
        elif isinstance(value, str) and value not in ("", _NOBODY) and name.removeprefix("index.") in _SETTINGS:
            found.add(value)
    return frozenset(found)


def pipelines_in_template(template: Json) -> frozenset[str]:
    """Every pipeline that an index template or a component template names in its settings."""
    inner = template.get("template") if isinstance(template, Mapping) else None
    return pipelines_in_settings(inner.get("settings") if isinstance(inner, Mapping) else None)
