"""`--data-dir`: what a cluster holds outlives a restart; how the stand-in behaves does not; a broken file is told."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import get_type_hints

import httpx
import pytest

from tests.standin import ApiKey, IndexRights, Pace, Provider, Role, Security, StandIn, StandInTransport, State, User
from tests.standin.codec import CodecError, from_json, to_json
from tests.standin.command_line import build, parser
from tests.standin.data_dir import FILE, KEPT, DataDir, DataDirError
from tests.standin.state import Cluster
from tests.test_standin.asking import ok
from tests.test_standin.samples import SECRET, elser, openai

ROOT = Path(__file__).parents[2]
SECURITY = Security(
    {"elastic": User("pw", ("superuser",)), "off": User("x", (), enabled=False)},
    {"id": ApiKey("k", roles=("mine",), expires=1e9)},
    {"t": "elastic"},
    {"mine": Role(("all",), (IndexRights(("*",), ("all",)),))},
)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDir]:
    found = DataDir(tmp_path)
    yield found
    found.close()


async def filled(data: DataDir) -> StandIn:
    """A stand-in with one of everything, each of which was kept when it came."""
    standin = StandIn(keep=data.save, cluster=Cluster(uuid="mine", license_type="enterprise"))
    transport = StandInTransport(standin)
    async with httpx.AsyncClient(transport=transport, base_url="http://standin", timeout=20) as http:
        ok(await http.put("/_inference/text_embedding/one", json=openai()))
        ok(await http.put("/_inference/sparse_embedding/model", json=elser()))
        ok(await http.put("/_ingest/pipeline/p1", json={"processors": [{"inference": {"model_id": "one"}}], "version": 2}))
        field = {"type": "semantic_text", "inference_id": "one", "model_settings": {"dimensions": 3}}
        ok(await http.put("/i1", json={"mappings": {"properties": {"t": field}}, "settings": {"number_of_shards": 1}}))
        assert (await http.put("/i1/_doc/1", json={"a": 1})).status_code == 201
        ok(await http.put("/_index_template/t1", json={"index_patterns": ["x"]}))
        ok(await http.put("/_component_template/c1", json={"template": {}}))
        ok(await http.put("/_cluster/settings", json={"persistent": {"xpack": {"ml": {"x": 3}}}}))
    standin.change(lambda state: replace(state, security=SECURITY))
    return standin


async def test_everything_that_a_cluster_holds_comes_back(data: DataDir) -> None:
    standin = await filled(data)
    found = data.load()
    assert found is not None
    for name in KEPT:
        kept = getattr(standin.state, name)
        assert found[name] == kept, name
        assert kept, f"{name} is empty: the test says nothing about it"
    assert found["endpoints"]["one"].secrets == {"api_key": SECRET}


def test_every_field_of_the_state_has_been_thought_of() -> None:
    behaviour = {"version", "provider", "pace", "updating", "outdated"}
    assert set(KEPT) | behaviour == {one.name for one in fields(State)}
    assert not set(KEPT) & behaviour


async def test_the_state_itself_is_equal_again_after_json(data: DataDir) -> None:
    standin = await filled(data)
    standin.change_provider(refused=frozenset({"a", "b"}), refused_prefixes=("x",), dimensions={"m": 3})
    before = standin.state
    assert from_json(State, json.loads(json.dumps(to_json(before))), "state") == before


def test_only_its_owner_may_read_it_and_no_half_of_it_is_left(data: DataDir, tmp_path: Path) -> None:
    asyncio.run(filled(data))
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == [FILE, "lock"]


async def test_what_did_not_change_is_not_written_again(data: DataDir, tmp_path: Path) -> None:
    standin = await filled(data)
    before = (tmp_path / FILE).stat()
    standin.change_pace(deployment=3)
    standin.change(lambda state: state)
    assert (tmp_path / FILE).stat().st_ino == before.st_ino
    standin.change_cluster(health="red")
    assert (tmp_path / FILE).stat().st_ino != before.st_ino


BROKEN = {
    "not JSON": ('{"format": 1, "state": {', "it is not JSON (line 1, column 25)"),
    "another format": ('{"format": 9, "state": {}}', "it is not of format 1"),
    "no object": ("[]", "it is not of format 1"),
    "a wrong type": (
        '{"format": 1, "state": {"endpoints": {"one": {"inference_id": ["s3cret"]}}}}',
        "state.endpoints.one.inference_id should be str, but is of type list",
    ),
    "an unknown field": (
        '{"format": 1, "state": {"cluster": {"colour": "red"}}}',
        "state.cluster has the unknown field colour",
    ),
    "a missing field": ('{"format": 1, "state": {"models": {"m": {}}}}', "state.models.m is incomplete"),
}


@pytest.mark.parametrize(("text", "why"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_can_not_be_read(data: DataDir, tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(DataDirError) as told:
        data.load()
    assert why in str(told.value)
    assert str(tmp_path / FILE) in str(told.value)
    assert "Move it away" in str(told.value)
    assert "s3cret" not in str(told.value)


def test_a_directory_in_use(data: DataDir, tmp_path: Path) -> None:
    with pytest.raises(DataDirError, match="in use by another stand-in"):
        DataDir(tmp_path)
    data.close()
    DataDir(tmp_path).close()


def test_a_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirError, match="can't be used"):
        DataDir(tmp_path / "file")


def test_options_that_are_given_win_over_what_was_kept(data: DataDir) -> None:
    first = build(parser().parse_args(["--license", "basic", "--cluster-uuid", "u", "--password", "pw", "--eis"]), data)
    again = build(parser().parse_args(["--version", "8.19.0", "--deployment-seconds", "9"]), data)
    assert again.state.cluster == first.state.cluster
    assert again.state.security == first.state.security
    assert (str(again.state.version), again.state.pace) == ("8.19.0", Pace(deployment=9))
    assert again.state.provider == Provider()
    last = build(parser().parse_args(["--license", "expired", "--user", "a:b:c"]), data)
    assert (last.state.cluster.license_status, last.state.cluster.uuid) == ("expired", "u")
    assert last.state.security is not None
    assert set(last.state.security.users) == {"elastic", "a"}


@pytest.mark.full  # two processes; what is kept and read back is tried above without one
def test_a_killed_server_finds_its_cluster_again(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.standin", "--port", "0", "--data-dir", str(tmp_path), "--cluster-uuid", "u"]
    for expected in (404, 200):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                url = process.stdout.readline().split()[-1]
                assert httpx.get(f"{url}/_inference/one").status_code == expected
                assert ok(httpx.get(url))["cluster_uuid"] == "u"
                if expected == 404:
                    ok(httpx.put(f"{url}/_inference/completion/one", json=openai()))
            finally:
                process.send_signal(signal.SIGKILL)


def test_a_server_says_what_is_wrong_with_its_data(tmp_path: Path) -> None:
    """As a process of its own, which stands for all that ends with 2."""
    (tmp_path / FILE).write_text("{")
    command = [sys.executable, "-m", "tests.standin", "--port", "0", "--data-dir", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert "cluster.json can't be read: it is not JSON" in ended.stderr


class TestCodec:
    """Values that fit no type."""

    def test_optional_and_union_types(self) -> None:
        assert from_json(get_type_hints(Security)["users"], {"a": {"password": "x"}}, "users") == {"a": User("x")}
        assert from_json(float | None, 3, "n") == 3.0
        assert from_json(int | str, "x", "n") == "x"

    def test_refusals(self) -> None:
        for kind, value in ((int, True), (bool, 1), (str, None), (tuple[str, ...], "abc"), (frozenset[str], [1])):
            with pytest.raises(CodecError):
                from_json(kind, value, "here")
