"""What is logged is one JSON object a line, whatever it tells, and no exception's text is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CANARY = "canary-exception-5e1c"
HOSTILE = 'x\n{"event": "operator stopped", "level": "error"}\r\x1b[2J\u2028\x00'
SCRIPT = f"""
import logging
import structlog
from inference_operator.shell.telemetry import configure_logging
configure_logging("json", "info")
structlog.get_logger("ours").info("told", name={HOSTILE!r})
logging.getLogger("theirs").warning("told %s", {HOSTILE!r})
try:
    raise ValueError({CANARY!r})
except ValueError as error:
    structlog.get_logger("ours").error("failed", exc_info=error)
    logging.getLogger("theirs").exception("failed")
"""


def records() -> tuple[str, list[dict[str, object]]]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parents[1],
        env={"PYTHONPATH": "operator"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    text = done.stderr.decode()
    return text, [json.loads(line) for line in text.split("\n") if line]


def test_a_record_is_one_line_whatever_it_tells() -> None:
    text, found = records()
    assert [record["event"] for record in found] == ["told", f"told {HOSTILE}", "failed", "failed"]
    assert found[0]["name"] == HOSTILE
    assert {character for character in text if not character.isprintable()} == {"\n"}


def test_an_exception_is_named_and_never_quoted() -> None:
    text, found = records()
    assert [record["fault"] for record in found[2:]] == ["ValueError", "ValueError"]
    assert CANARY not in text
    assert "Traceback" not in text
