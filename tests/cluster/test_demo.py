"""The demo as a person without a terminal sees it: what it says, how it ends, and that nothing stays behind."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.operating import eventually
from tests.controlplane.processes import Process, await_end, identify
from tests.controlplane.state import State
from tests.demo.cast import ON_YOUR_CLUSTER
from tests.demo.opening import TITLE
from tests.demo.story import STEPS, keys
from tests.standin import ApiKey, Cluster, Pace, Security, StandIn, create_tls, serve_in_thread
from tests.standin.state import Pipeline, put

ROOT = Path(__file__).parents[2]
SECONDS = 240
ID, KEY = "demo", "canary-connection-5d0b"
EVERYWHERE = [step.title for step in STEPS if step.only_on_the_stand_in is None]
LEFT_OUT = [step.title for step in STEPS if step.only_on_the_stand_in]


def environment(given: dict[str, str]) -> dict[str, str]:
    ours = ("ELASTICSEARCH_", "KEEP", "NO_COLOR")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | given


def play(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.demo", *arguments],
        cwd=ROOT,
        env=environment(given),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def rows(output: str) -> dict[str, str]:
    """The table at the end: the sign of each step by its title."""
    table = output.partition("\nWhat happened\n")[2]
    found = re.findall(r"^   (\S)  (.+?)(?:  .*)?$", table, re.MULTILINE)
    return {title: sign for sign, title in found}


@contextmanager
def own_cluster(folder: Path, **options: object) -> Iterator[tuple[StandIn, dict[str, str]]]:
    """A cluster of somebody's own, with TLS and an API key, and the variables that name it."""
    tls = create_tls(folder / "tls")
    cluster = StandIn(security=Security(api_keys={ID: ApiKey(KEY)}), pace=Pace(deployment=1.0), control=False, **options)  # type: ignore[arg-type]
    with serve_in_thread(cluster, tls=tls) as url:
        encoded = base64.b64encode(f"{ID}:{KEY}".encode()).decode()
        yield cluster, {"ELASTICSEARCH_URL": url, "ELASTICSEARCH_API_KEY": encoded, "ELASTICSEARCH_CA": str(tls.ca)}


def holds_nothing_of_the_demo(cluster: StandIn) -> bool:
    cast, state = ON_YOUR_CLUSTER, cluster.state
    return cast.inference_id not in state.endpoints and cast.index not in state.indices and cast.pipeline not in state.pipelines


def descendants(pid: int) -> list[Process]:
    """All processes that it started, and those that they started."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listed.splitlines())}
    found, size = {pid}, 0
    while size < len(found):
        size = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return [process for one in found if (process := identify(one))]


@pytest.mark.full  # what each step shows is proven by a test of its own; the first ones are played below
def test_every_step_is_seen_to_hold_and_said_plainly() -> None:
    done = play()
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(done.stdout) == dict.fromkeys([TITLE, *(step.title for step in STEPS)], "✓")
    assert "✗" not in done.stdout
    assert "\x1b" not in done.stdout
    assert not [key for key in keys() if key in done.stdout + done.stderr]


@pytest.mark.full  # the same story, of which some steps are left out
def test_on_a_cluster_of_your_own_it_says_what_it_leaves_out_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with own_cluster(tmp_path) as (cluster, variables):
        done = play(**variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert rows(done.stdout) == dict.fromkeys([TITLE, *EVERYWHERE], "✓") | dict.fromkeys(LEFT_OUT, "·")
        assert done.stdout.count("Left out on your cluster: ") == len(LEFT_OUT)
        assert holds_nothing_of_the_demo(cluster)
    assert KEY not in done.stdout
    assert variables["ELASTICSEARCH_API_KEY"] not in done.stdout + done.stderr


def test_a_step_that_fails_ends_the_story_with_1_and_the_words_of_the_operator(tmp_path: Path) -> None:
    with own_cluster(tmp_path, cluster=Cluster(license_type="basic")) as (cluster, variables):
        done = play(**variables)
        assert holds_nothing_of_the_demo(cluster)
    assert done.returncode == 1
    signs = rows(done.stdout)
    assert [title for title, sign in signs.items() if sign == "✗"] == ["Apply a model inside Elasticsearch"]
    assert signs[EVERYWHERE[-1]] == "·"
    assert "LicenseNonCompliant" in done.stdout
    assert "operator started" in done.stdout, "the end of the operator's log"
    assert "Traceback" not in done.stdout + done.stderr


def test_a_cluster_that_has_something_by_the_same_name_is_left_alone(tmp_path: Path) -> None:
    with own_cluster(tmp_path) as (cluster, variables):
        theirs = Pipeline({"processors": []}, 0, 0)
        cluster.change(lambda state: replace(state, pipelines=put(state.pipelines, ON_YOUR_CLUSTER.pipeline, theirs)))
        done = play(**variables)
        assert cluster.log.writes == []
    assert done.returncode == 1
    assert f"your cluster has {ON_YOUR_CLUSTER.pipeline_path} already" in done.stdout


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ELASTICSEARCH_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9 does not answer"),
        ({"ELASTICSEARCH_URL": "127.0.0.1:9"}, "has to begin with http:// or https://"),
        (
            {"ELASTICSEARCH_URL": "https://127.0.0.1:9", "ELASTICSEARCH_CA": "/no/ca.crt"},
            "ELASTICSEARCH_CA, /no/ca.crt: No such file",
        ),
    ],
    ids=["nothing answers", "no URL", "no CA"],
)
def test_a_cluster_that_cannot_be_used_is_told_and_ends_with_1(variables: dict[str, str], said: str) -> None:
    done = play(**variables)
    assert done.returncode == 1
    assert said in done.stdout
    assert rows(done.stdout)[TITLE] == "✗"
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.full
@pytest.mark.parametrize("line", ["1. ", "2. ", "4. "])
def test_ctrl_c_leaves_no_process(line: str) -> None:
    with subprocess.Popen([sys.executable, "-m", "tests.demo"], cwd=ROOT, env=environment({}), stdout=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        assert any(text.decode().startswith(line) for text in demo.stdout)
        started = descendants(demo.pid)
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read().decode()
        assert demo.wait(60) == 130
    assert "interrupted; nothing was left running" in rest
    assert await_end(started, 20.0) == []


@pytest.mark.full
def test_keep_leaves_everything_running_until_down(tmp_path: Path) -> None:
    folder = tmp_path / "up"
    with own_cluster(tmp_path) as (cluster, variables):
        done = play("--state-dir", str(folder), KEEP="1", **variables)
        try:
            assert done.returncode == 0, done.stdout + done.stderr
            state = State.read(folder)
            assert state is not None
            assert {"supervisor", "kube-apiserver", "operator"} <= set(state.processes)
            assert state.runs
            assert f"export KUBECONFIG={state.kubeconfig}\n" in done.stdout
            again = play("--state-dir", str(folder), KEEP="1", **variables)
            assert again.returncode == 1
            assert "run `make down` first" in again.stdout
            _play_on(state)
            eventually(lambda: "mine" in cluster.state.endpoints, "the operator to go on working")
        finally:
            subprocess.run([sys.executable, "-m", "tests.controlplane", "down", "--state-dir", str(folder)], cwd=ROOT, check=True)
        assert [name for name, process in state.processes.items() if process.runs] == []
        assert not folder.exists()
        assert holds_nothing_of_the_demo(cluster)


def _play_on(state: State) -> None:
    manifest = (ROOT / "tests/demo/manifests/elser.yaml").read_text().replace("name: elser", "name: mine")
    kubectl = ["kubectl", f"--kubeconfig={state.kubeconfig}", "apply", "--filename=-"]
    path = f"{state.search_path}:{os.environ['PATH']}"
    subprocess.run(kubectl, input=manifest.encode(), env={**os.environ, "PATH": path}, check=True, capture_output=True)
