"""The generated files: CRDs as YAML, in `crds/` and the chart; tables of guides, metrics and values; the list of secret settings.

    python -m inference_operator.manifests write|check [--root CHECKOUT]

`check` writes nothing and exits with 1, naming the files that differ from what the models say.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from inference_operator import chart_page, reference
from inference_operator.api.crd import manifests
from inference_operator.api.services import catalogue
from inference_operator.shell.metrics import page

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDERS = ("crds", "charts/inference-operator/files/crds")
CHART = "charts/inference-operator"
SECRET_SETTINGS = f"{CHART}/files/secret-settings.txt"
GUIDES = "crds"
METRICS = "docs/metrics.md"
_HEADER = "# Generated from the models in operator/inference_operator/api by `make generate`. Do not edit.\n"


def render() -> dict[str, str]:
    """Return the text of each manifest by file name."""
    return {
        name: _HEADER + yaml.safe_dump(manifest, sort_keys=False, width=120, allow_unicode=True)
        for name, manifest in manifests().items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or check that they are fresh. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m inference_operator.manifests",
        description="Write the CustomResourceDefinitions and field references, or check that they are fresh.",
    )
    parser.add_argument("command", choices=("write", "check"))
    parser.add_argument("--root", type=Path, default=Path(), help="folder of the checkout (default: the current one)")
    options = parser.parse_args(arguments)
    try:
        stale = _stale(options.root)
    except (reference.NoPlaceError, page.NoPlaceError, chart_page.NoPlaceError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.command == "check":
        return _complain(stale)
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")
    return 0


def _stale(root: Path) -> dict[Path, str]:
    rendered = render()
    files = {root / folder / name: text for folder in FOLDERS for name, text in rendered.items()}
    files |= _guides(root) | _metrics(root) | _chart(root)
    return {path: text for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text}


def _guides(root: Path) -> dict[Path, str]:
    """The guides that are there, each with the reference of today. They are written by hand, so none is made here."""
    there = {path: kind for name, kind in reference.guides().items() if (path := root / GUIDES / name).is_file()}
    return {path: reference.refreshed(str(path), path.read_text("utf-8"), kind) for path, kind in there.items()}


def _metrics(root: Path) -> dict[Path, str]:
    path = root / METRICS
    return {path: page.refreshed(path.read_text("utf-8"))} if path.is_file() else {}


def _chart(root: Path) -> dict[Path, str]:
    """The chart's page, made of the comments in its values, and the settings that its admission policy takes for secret."""
    values = root / CHART / "values.yaml"
    if not values.is_file():
        return {}
    path = root / CHART / "README.md"
    names = "".join(f"{name}\n" for name in sorted(catalogue().sensitive_names()))
    return {
        root / SECRET_SETTINGS: names,
        path: chart_page.refreshed(path.read_text("utf-8"), values.read_text("utf-8")),
    }


def _complain(stale: dict[Path, str]) -> int:
    for path in stale:
        sys.stderr.write(f"{path} differs from the models: run `make generate` and commit the result\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
