"""The `Warning` headers of deprecations, as RFC 7234 and the server's clients read them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tests.standin.messages import Headers
from tests.standin.version import Version


def build_hash(version: Version) -> str:
    """The invented commit that `GET /` and warnings name."""
    return hashlib.sha1(str(version).encode(), usedforsecurity=False).hexdigest()


def warnings(version: Version, messages: Iterable[str]) -> Headers:
    """One header for each message, escaped as a quoted string."""
    agent = f"Elasticsearch-{version}-{build_hash(version)}"
    return tuple(("Warning", f'299 {agent} "{_escaped(message)}"') for message in messages)


def _escaped(message: str) -> str:
    quoted = message.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(one if " " <= one <= "~" else "".join(f"%{byte:02X}" for byte in one.encode()) for one in quoted)
