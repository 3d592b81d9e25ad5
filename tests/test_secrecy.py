"""A failing test prints the values it holds, and CI keeps what it prints: no value of ours may show a secret there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CANARY = "canary-9b41d7-printed"
FAILING = """
import os

from inference_operator.core.endpoint.references import Content, resolve
from inference_operator.core.values import ObjectRef, ObjectVersion, SourceKind
from inference_operator.elasticsearch.bodies import create_body
from inference_operator.elasticsearch.connection import Connection
from inference_operator.elasticsearch.requests import put_endpoint
from inference_operator.kubernetes.values import SecretData
from tests.machine.world import World, openai
from inference_operator.api.inference_endpoint import InferenceEndpointSpec


def secret():
    return os.environ["CANARY"]


async def test_that_fails():
    version = ObjectVersion("uid", "1")
    data = SecretData(version, {"api-key": secret().encode()})
    content = Content(version, data.data)
    basic = Connection.parse({"url": b"https://es:9200", "username": b"u", "password": secret().encode()})
    bearer = Connection.parse({"url": b"https://es:9200", "token": secret().encode()})
    spec = InferenceEndpointSpec.model_validate(openai())
    contents = {ObjectRef(SourceKind.SECRET, "search", "openai"): content}
    desired = resolve(spec, inference_id="a", namespace="search", contents=contents)
    request = put_endpoint("text_embedding", "a", create_body(desired), 30.0, None)
    async with World() as world:
        world.kubernetes.put_secret("search", "openai", {"api-key": secret()})
        await world.start()
        key = world.apply("a")
        await world.rest()
        found = world.found(key)
        operator = world.operator
        assert (data, content, basic, bearer, desired, request, found, operator) == "LOOK AT THIS"
"""


def test_a_failing_test_prints_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "test_failing.py"
    path.write_text(FAILING)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-vv",
            "--showlocals",
            "-p",
            "no:cacheprovider",
            f"--rootdir={ROOT}",
            "-c",
            "pyproject.toml",
            str(path),
        ],
        cwd=ROOT,
        env=dict(os.environ) | {"CANARY": CANARY, "PYTHONPATH": f"operator{os.pathsep}."},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "LOOK AT THIS" in done.stdout, done.stdout + done.stderr
    assert "<secret openai/api-key>" in done.stdout
    assert CANARY not in done.stdout + done.stderr
