"""Which licences may be in the image, and whether a package's is one of them. Pure.

The operator is under Apache-2.0 and is passed on together with what it needs, unchanged. What is listed asks for no more than
notices, or (MPL-2.0) for the source of its own files, which every package has with it.
"""

from __future__ import annotations

from typing import Any

from license_expression import AND, OR, ExpressionError, LicenseSymbol, get_spdx_licensing

ALLOWED = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense"}
)
_OLD_WORDS = {"Apache 2.0": "Apache-2.0", "MIT License": "MIT", "3-Clause BSD License": "BSD-3-Clause"}
_SPDX: Any = get_spdx_licensing()  # type: ignore[no-untyped-call]  # the library has no types


def spdx(stated: str) -> str | None:
    """The SPDX expression that a package's own words mean, None if they are no expression."""
    words = _OLD_WORDS.get(stated, stated)
    try:
        return str(_SPDX.parse(words, validate=True)) if words else None
    except ExpressionError:
        return None


def allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met with the licences of the list."""
    return _allowed(_SPDX.parse(expression))


def _allowed(node: Any) -> bool:
    if isinstance(node, AND):
        return all(map(_allowed, node.args))
    if isinstance(node, OR):
        return any(map(_allowed, node.args))
    return type(node) is LicenseSymbol and str(node.key) in ALLOWED
