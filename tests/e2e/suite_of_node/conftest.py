"""Only `make e2e` on the node that this machine makes collects these tests."""

from __future__ import annotations

import os

from tests.e2e.providers import VARIABLE

collect_ignore_glob = [] if os.environ.get(VARIABLE) == "node" else ["test_*.py"]
