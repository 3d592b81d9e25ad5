"""The command line: what it prints, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from inference_operator.__main__ import main
from tests import yaml_documents

ROOT = Path(__file__).parents[1]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("INFERENCE_OPERATOR_", "KUBE"))}
    return subprocess.run(
        [sys.executable, "-m", "inference_operator", *arguments],
        env=inherited | {"PYTHONPATH": str(ROOT / "operator")} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_crds_prints_what_is_checked_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crds"]) == 0
    printed = list(yaml_documents.documents(capsys.readouterr().out))
    assert printed == [yaml_documents.document(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]


def test_a_wrong_setting_is_named_in_one_line_and_ends_with_2() -> None:
    done = run("run", INFERENCE_OPERATOR_RESYNC_INTERVAL="soon")
    assert done.returncode == 2
    assert done.stderr == "inference-operator: resync_interval: write a duration such as 500ms, 30s, 10m or 1h\n"


def test_a_missing_file_is_named() -> None:
    done = run("run", "--config", "nowhere.yaml")
    assert (done.returncode, done.stderr) == (2, "inference-operator: --config: nowhere.yaml is not a file\n")


TRACED = {"INFERENCE_OPERATOR_TRACING": "otlp"}


@pytest.mark.parametrize(
    ("environment", "imported"), [({}, False), (TRACED, True), (TRACED | {"OTEL_SDK_DISABLED": "true"}, False)]
)
def test_without_a_kubernetes_it_says_what_it_looked_for_and_has_imported_opentelemetry_only_where_it_is_wanted(
    environment: dict[str, str], imported: bool, tmp_path: Path
) -> None:
    no_kubernetes = {"HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "nothing")}
    done = run("run", PYTHONPROFILEIMPORTTIME="1", **no_kubernetes, **environment)
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert any(str(tmp_path / "nothing") in line for line in said)
    assert "Traceback" not in done.stderr
    assert "inference_operator.shell.wiring" in done.stderr
    assert ("opentelemetry.sdk" in done.stderr) is imported


def test_what_traces_need_is_named_where_it_is_missing() -> None:
    script = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from inference_operator.__main__ import main; sys.exit(main(['run', '--tracing=otlp']))"
    )
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT / "operator")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].endswith("not installed: pip install 'inference-operator[otel]'")


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """Of an API server that is away."""
    config = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    users = [{"name": "u", "user": {"token": "invented"}}]
    config.write_text(
        yaml.safe_dump({"clusters": [cluster], "contexts": [context], "users": users, "current-context": "c", "kind": "Config"})
    )
    return str(config)


def test_it_can_be_stopped_while_it_waits_for_the_api_server(kubeconfig: str) -> None:
    here = [f"--{name}-{what}" for name in ("probe", "metrics") for what in ("address=127.0.0.1", "port=0")]
    arguments = [sys.executable, "-m", "inference_operator", "run", "--kubeconfig", kubeconfig, *here]
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT / "operator")}
    with subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            waits = next(line for line in process.stderr if "the kinds" in line)
            assert "can't read the kinds" in waits
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_an_audit_log_that_can_not_be_opened_is_named(kubeconfig: str, tmp_path: Path) -> None:
    where = tmp_path / "missing" / "audit.log"
    done = run("run", "--kubeconfig", kubeconfig, f"--audit-log={where}")
    assert done.returncode == 1
    assert done.stderr == f"inference-operator: --audit-log: {where} can't be opened: No such file or directory\n"


@pytest.mark.parametrize(("busy", "free"), [("probe", "metrics"), ("metrics", "probe")])
def test_a_busy_port_is_named(busy: str, free: str, kubeconfig: str) -> None:
    import socket  # noqa: PLC0415 - only this test opens one

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        here = [f"--{name}-address=127.0.0.1" for name in (busy, free)]
        done = run("run", "--kubeconfig", kubeconfig, *here, f"--{busy}-port={port}", f"--{free}-port=0")
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
