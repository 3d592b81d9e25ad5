"""The rules that keep the shape of the tree, beside the import contracts that `make lint` checks."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "operator" / "inference_operator"
MANY = 100
"""Fewer modules than this were not looked for in the right place."""
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 50
DRAWERS = {"utils", "util", "helpers", "helper", "manager", "common", "base", "misc"}
KOPF_IS_AT_HOME_IN = {"shell/handlers.py", "shell/wiring.py"}


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_the_source_root_is_no_package_so_it_does_not_hide_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    done = subprocess.run(
        [sys.executable, "-c", "import operator; operator.itemgetter"], cwd=ROOT, env={"PYTHONPATH": "operator"}, check=False
    )
    assert done.returncode == 0


def test_a_module_has_one_idea() -> None:
    found = modules("operator", "tests")
    assert len(found) > MANY
    assert [named(path) for path in found if len(path.read_text().splitlines()) > MOST_LINES] == []
    assert [named(path) for path in found if path.stem in DRAWERS] == []


def test_functions_are_short_and_modules_say_what_they_decide() -> None:
    trees = {path: ast.parse(path.read_text()) for path in modules("operator")}
    assert len(trees) > MANY
    long = [
        f"{named(path)}:{f.lineno} {f.name}"
        for path, tree in trees.items()
        for f in functions(tree)
        if (f.end_lineno or 0) - f.lineno >= MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []
    assert [named(path) for path, tree in trees.items() if not ast.get_docstring(tree)] == []


def test_kopf_lives_in_two_modules() -> None:
    importing = {
        str(path.relative_to(SOURCE))
        for path in modules("operator")
        if any(line.startswith(("import kopf", "from kopf")) for line in path.read_text().splitlines())
    }
    assert importing == KOPF_IS_AT_HOME_IN


def test_importing_everything_opens_no_connection_reads_no_setting_and_registers_nothing() -> None:
    names = [".".join(path.relative_to(ROOT / "operator").with_suffix("").parts) for path in modules("operator")]
    script = f"""
import os, socket, sys
def refuse(*_, **__): raise SystemExit("a connection was opened")
socket.socket.connect = refuse
import importlib
for name in {[name for name in names if not name.endswith("__main__")]!r}:
    importlib.import_module(name.removesuffix(".__init__"))
import kopf
assert not list(kopf.get_default_registry()._watching.get_all_handlers()), "a handler is in kopf's global registry"
"""
    broken = {"INFERENCE_OPERATOR_RESYNC_INTERVAL": "not a duration", "PYTHONPATH": "operator", "HOME": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=broken, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_tree_names_no_machine_and_no_registry() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    texts = {name: (ROOT / name).read_text(errors="ignore") for name in listed if name and (ROOT / name).is_file()}
    needles = ("index-" + "url", "/ro" + "ot/", "proxy." + "golang", "pypi." + "org", "files.python" + "hosted")
    found = [(name, needle) for name, text in texts.items() for needle in needles if needle in text]
    assert [entry for entry in found if entry not in ALLOWED] == []


# Options that say that no address shall be written down, and the name of a setting whose value is handed on.
ALLOWED = {
    (name, "index-" + "url")
    for name in ("Makefile", "tests/chart/test_dockerfile.py", "tests/e2e/trust.py", "tests/e2e/test_node_parts.py")
}
