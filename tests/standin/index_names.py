"""What the server has against a name of an index; it warns of the same in names of pipelines."""

from __future__ import annotations

import re

_BAD_CHARACTERS = re.compile(r'[ "*,/<>?\\|\s]')
_MOST_BYTES = 255


def name_problem(name: str) -> str | None:
    """Why a name is bad for an index, an alias or a pipeline; upper case is bad for indices only.

    As `validateIndexOrAliasName` of the server's `MetadataCreateIndexService`, which `IngestService` calls for pipelines; lower
    case is asked for by `validateIndexName`, which it does not call.
    """
    problems = (
        (
            bool(_BAD_CHARACTERS.search(name)),
            """must not contain the following characters [' ','"','*',',','/','<','>','?','\\','|']""",
        ),
        ("#" in name, "must not contain '#'"),
        (":" in name, "must not contain ':'"),
        (name.startswith(("_", "-", "+")), "must not start with '_', '-', or '+'"),
        (len(name.encode()) > _MOST_BYTES, f"index name is too long, ({len(name.encode())} > {_MOST_BYTES})"),
        (name in (".", ".."), "must not be '.' or '..'"),
    )
    return next((problem for found, problem in problems if found), None)
