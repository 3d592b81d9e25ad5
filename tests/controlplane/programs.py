"""`python -S -m tests.controlplane.programs`: build what the control plane is made of, while packages are still installed."""

from __future__ import annotations

import sys

from tests.controlplane.binaries import ensure_binaries
from tests.controlplane.children import ControlPlaneError
from tests.controlplane.progress import say


def main() -> int:
    """The exit status: 1 after a failure that was told, 130 after Ctrl-C."""
    try:
        ensure_binaries()
    except ControlPlaneError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
