"""How the demo speaks: colours on a terminal only, lines that fit, tables and commands as they are."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from tests.demo.voice import Voice


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def spoken(stream: io.StringIO, environ: Mapping[str, str]) -> str:
    voice = Voice(stream, environ)
    voice.title("The title")
    voice.headline(1, "The headline")
    voice.command("kubectl get infep")
    voice.output("NAME   READY\na      True")
    voice.seen("it holds")
    voice.missed("it does not\n    because")
    voice.table(("", "step", "writes"), [("✓", "one", "2"), ("·", "another", "10")], right=(2,))
    return stream.getvalue()


PLAIN = """\
The title

1. The headline
   $ kubectl get infep
     NAME   READY
     a      True
   ✓ it holds
   ✗ it does not
     because
      step     writes
   ✓  one           2
   ·  another      10
"""


@pytest.mark.parametrize(
    ("stream", "environ"),
    [(io.StringIO(), {"TERM": "xterm"}), (Terminal(), {"NO_COLOR": "1"}), (Terminal(), {"TERM": "dumb"})],
    ids=["in a pipe", "with NO_COLOR", "on a terminal without colours"],
)
def test_plain_text(stream: io.StringIO, environ: dict[str, str]) -> None:
    assert spoken(stream, environ) == PLAIN


def test_colours_on_a_terminal() -> None:
    text = spoken(Terminal(), {"TERM": "xterm", "NO_COLOR": ""})
    assert "\x1b[32m   ✓ it holds\x1b[0m" in text
    assert "\x1b[31m   ✗ it does not\x1b[0m" in text


def test_prose_is_wrapped_but_neither_tables_nor_commands() -> None:
    stream = io.StringIO()
    voice, prose, table = Voice(stream, {}), "word " * 60, "a  b " * 60
    voice.command(prose)
    voice.output(prose)
    voice.output(table)
    lines = stream.getvalue().splitlines()
    assert lines[0] == f"   $ {prose.rstrip()}"
    assert all(len(line) <= voice.width for line in lines[1:-1])
    assert lines[-1] == f"     {table.rstrip()}"


def test_what_a_server_says_does_not_paint_on_the_terminal() -> None:
    stream = io.StringIO()
    Voice(stream, {}).output("a\x1b[31mb\x07c")
    assert stream.getvalue() == "     a[31mbc\n"
