"""Argo CD's customizations for our kinds: the scripts, and the files that are made from them and from recorded objects.

The scripts under `resource_customizations/` are written by hand. Generated beside them, in the form in which Argo CD's own
repository has them: the recorded objects, and what each script is expected to say of them, which is concluded here from kstatus
and never asked of the script. `argocd-cm.yaml` holds the same scripts for who pastes them. `python -m tests.gitops` writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from inference_operator.api.crd import KINDS
from inference_operator.api.meta import API_VERSION, RECONCILE_ANNOTATION
from tests.gitops.kstatus import Kstatus, kstatus
from tests.gitops.states import Body, Recorded, states

ARGOCD = Path(__file__).parents[2] / "examples" / "gitops" / "argocd"
CONFIG_MAP = ARGOCD / "argocd-cm.yaml"
GROUP = API_VERSION.partition("/")[0]
ACTIONS = ("reconcile", "suspend", "resume")
THEN = "0001-01-01T00:00:00Z"
"""Stands for the time at which an action was run, as in Argo CD's own tests."""

_HEALTH = {
    Kstatus.CURRENT: "Healthy",
    Kstatus.IN_PROGRESS: "Progressing",
    Kstatus.FAILED: "Degraded",
    Kstatus.TERMINATING: "Progressing",
}
_INITIAL, _SUSPENDED = "True_Available", "True_Available_Suspended"


@dataclass(frozen=True, slots=True)
class Customization:
    """The scripts for a kind."""

    kind: str

    @property
    def folder(self) -> Path:
        return ARGOCD / "resource_customizations" / GROUP / self.kind

    @property
    def health(self) -> str:
        return (self.folder / "health.lua").read_text()

    @property
    def discovery(self) -> str:
        return (self.folder / "actions" / "discovery.lua").read_text()

    def action(self, name: str) -> str:
        return (self.folder / "actions" / name / "action.lua").read_text()


CUSTOMIZATIONS = tuple(Customization(kind.name) for kind in KINDS)


def expected_health(each: Recorded) -> dict[str, str]:
    """What kstatus says, in Argo CD's words; one that waits for a person to end its suspension is told from one under way."""
    found, conditions = kstatus(each.body), each.conditions
    code = _HEALTH[found]
    if found is Kstatus.TERMINATING:
        blocked = conditions.get("DeletionBlocked")
        return {"status": code, "message": blocked["message"] if blocked else "Being deleted"}
    if each.body["status"]["observedGeneration"] != each.body["metadata"]["generation"]:
        return {"status": code, "message": "The operator has not seen this version yet"}
    if "Suspended" in conditions and found is Kstatus.IN_PROGRESS:
        code = "Suspended"
    telling = next(name for name in ("Reconciling", "Stalled", "Suspended", "Ready") if name in conditions)
    return {"status": code, "message": conditions[telling]["message"]}


def generated() -> dict[Path, str]:
    """Every generated file with its text."""
    files = {path: text for each in CUSTOMIZATIONS for path, text in _of_kind(each)}
    return files | {CONFIG_MAP: _config_map()}


def stale() -> list[Path]:
    """The files that are not as they would be written anew, and those that nothing makes any more."""
    files = generated()
    differing = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    return sorted([*differing, *(path for path in _recordings() if path not in files)])


def write() -> None:
    files = generated()
    for path in _recordings():
        if path not in files:
            path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _recordings() -> list[Path]:
    return sorted(ARGOCD.rglob("testdata/*.yaml"))


def _of_kind(each: Customization) -> Iterator[tuple[Path, str]]:
    found = states(each.kind)
    for name, recorded in found.items():
        yield each.folder / "testdata" / f"{name}.yaml", _yaml(recorded.body)
    tests = [
        {"healthStatus": expected_health(recorded), "inputPath": f"testdata/{name}.yaml"} for name, recorded in found.items()
    ]
    yield each.folder / "health_test.yaml", _yaml({"tests": tests})
    actions = each.folder / "actions"
    for name, body in _acted_on(found[_INITIAL].body, found[_SUSPENDED].body).items():
        yield actions / "testdata" / f"{name}.yaml", _yaml(body)
    yield actions / "action_test.yaml", _yaml(_ACTION_TESTS)


def _acted_on(initial: Body, suspended: Body) -> dict[str, Body]:
    requested = {"annotations": initial["metadata"].get("annotations", {}) | {RECONCILE_ANNOTATION: THEN}}
    return {
        "initial": initial,
        "reconciled": initial | {"metadata": initial["metadata"] | requested},
        "to-suspend": _with_spec(initial, {"suspend": True}),
        "suspended": suspended,
        "resumed": _with_spec(suspended, {"suspend": False}),
    }


def _with_spec(body: Body, changes: Mapping[str, Any]) -> Body:
    return deepcopy(body) | {"spec": body["spec"] | dict(changes)}


def _offered(*, suspended: bool) -> list[dict[str, Any]]:
    disabled = {"reconcile": False, "suspend": suspended, "resume": not suspended}
    return [{"name": name, "disabled": disabled[name]} for name in ACTIONS]


_ACTION_TESTS = {
    "discoveryTests": [
        {"inputPath": "testdata/initial.yaml", "result": _offered(suspended=False)},
        {"inputPath": "testdata/suspended.yaml", "result": _offered(suspended=True)},
        {"inputPath": "testdata/resumed.yaml", "result": _offered(suspended=False)},
    ],
    "actionTests": [
        {"action": action, "inputPath": f"testdata/{before}.yaml", "expectedOutputPath": f"testdata/{after}.yaml"}
        for action, before, after in (
            ("reconcile", "initial", "reconciled"),
            ("suspend", "initial", "to-suspend"),
            ("resume", "suspended", "resumed"),
        )
    ],
}


def _config_map() -> str:
    data: dict[str, str] = {}
    for each in CUSTOMIZATIONS:
        data[f"resource.customizations.health.{GROUP}_{each.kind}"] = each.health
        definitions = [{"name": name, "action.lua": each.action(name)} for name in ACTIONS]
        actions = {"discovery.lua": each.discovery, "definitions": definitions}
        data[f"resource.customizations.actions.{GROUP}_{each.kind}"] = _yaml(actions)
    metadata = {"name": "argocd-cm", "namespace": "argocd", "labels": {"app.kubernetes.io/part-of": "argocd"}}
    return _yaml({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


class _Dumper(yaml.SafeDumper):
    """Scripts as people read them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _yaml(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=130)
    return text
