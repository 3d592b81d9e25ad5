"""What servers and clients see of the environment: nothing of a person's own clusters and settings.

Must not import anything of the package.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Servers read settings from variables of their own (ETCD_*): a person's shell must not change what runs here.
_KEPT = ("HOME", "LANG", "PATH", "TMPDIR", "TZ", "USER")


# What runs here lives for seconds or minutes, and at Go's default it collects garbage for a fifth of its time. An API server
# takes 400 MB instead of 300 for that.
COLLECT_SELDOM = {"GOGC": "400"}


def clean_environment() -> dict[str, str]:
    """For any program that must not see a person's own settings."""
    return {key: os.environ[key] for key in _KEPT if key in os.environ}


def client_environment(folder: Path, kubeconfig: Path) -> dict[str, str]:
    """For kubectl and helm, which keep their caches in `folder`: none of the person's own clusters, settings and repositories."""
    return (
        clean_environment()
        | COLLECT_SELDOM
        | {
            "KUBECONFIG": str(kubeconfig),
            "KUBECACHEDIR": str(folder / "kube"),  # it is keyed by address, and ports come again with other contents
            "KUBERC": "off",
            "HELM_CACHE_HOME": str(folder / "helm-cache"),
            "HELM_CONFIG_HOME": str(folder / "helm-config"),
            "HELM_DATA_HOME": str(folder / "helm-data"),
        }
    )
