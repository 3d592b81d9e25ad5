"""Texts of servers and providers lose every secret, in whatever form, and become one bounded line."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inference_operator.core.scrub import MAX_TEXT, scrub, texts
from tests.core.situations import CANARY
from tests.elasticsearch.laws import LAW

KEY_FILE = f"-----BEGIN PRIVATE KEY-----\nMIIE{CANARY}1\nMIIE{CANARY}2\n-----END PRIVATE KEY-----\n"
ACCOUNT = json.dumps({"type": "service_account", "project_id": "p", "private_key": KEY_FILE})

HIDES = (
    pytest.param(f"bad key [{CANARY}]", CANARY, "bad key [<secret>]", id="as it is"),
    pytest.param("twice sk-1234, sk-1234", "sk-1234", "twice <secret>, <secret>", id="each time"),
    pytest.param("bad key sk-1234", "sk-1234\n", "bad key <secret>", id="without its newline"),
    pytest.param("bad key [a.*b+(c]", "a.*b+(c", "bad key [<secret>]", id="with characters that mean something to a regex"),
    pytest.param("aaaab is not axxb", "a.*b", "aaaab is not axxb", id="which are taken literally"),
    pytest.param('{"key": "q\\"uo\\\\te\\u00fc"}', 'q"uo\\teü', '{"key": "<secret>"}', id="as in JSON, ASCII only"),
    pytest.param('{"key": "q\\"uo\\\\teü"}', 'q"uo\\teü', '{"key": "<secret>"}', id="as in JSON"),
    pytest.param("https://host/?key=a%2Fb%20c%26d", "a/b c&d", "https://host/?key=<secret>", id="as in a URL"),
    pytest.param("https://host/?key=a%2Fb+c%26d", "a/b c&d", "https://host/?key=<secret>", id="as in a form"),
    pytest.param("longer wins: sk-1234-5678", "sk-1234-5678", "longer wins: <secret>", id="the longer of two first"),
    pytest.param(
        "ab is [ab], key=ab, 'ab' and grab", "ab", "ab is [<secret>], key=<secret>, '<secret>' and grab", id="short: only values"
    ),
    pytest.param("nothing to hide", "", "nothing to hide", id="an empty secret hides nothing"),
)


@pytest.mark.parametrize(("text", "secret", "expected"), HIDES)
def test_secret_is_cut_out(text: str, secret: str, expected: str) -> None:
    assert scrub(text, [secret, "sk-1234"]) == expected


@pytest.mark.parametrize("echo", [KEY_FILE, json.dumps(KEY_FILE), KEY_FILE.splitlines()[1], quote(KEY_FILE), ACCOUNT])
@pytest.mark.parametrize("secret", [KEY_FILE, ACCOUNT], ids=["key file", "credentials document"])
def test_key_file_is_cut_out_in_whole_and_in_part(secret: str, echo: str) -> None:
    assert CANARY not in scrub(f"can't use {echo}", [secret])


PRINTS = (
    pytest.param(
        f"Configuration contains settings [{{api_kee={CANARY}}}] unknown to the [openai] service",
        "Configuration contains settings [api_kee] unknown to the [openai] service",
        id="a misspelt key",
    ),
    pytest.param(
        f"Model configuration contains settings [{{a={CANARY}, b={{c={CANARY}}}}}] unknown to the [x] service",
        "Model configuration contains settings [a, b, c] unknown to the [x] service",
        id="several, and an object",
    ),
    pytest.param(
        f"Configuration contains unknown settings [{{x={CANARY}}}] while parsing field [rate_limit]",
        "Configuration contains unknown settings [x] while parsing field [rate_limit]",
        id="nested",
    ),
    pytest.param(f"settings [{{api_kee={CANARY}", "settings [api_kee]", id="a text that was cut off"),
    pytest.param(f"settings [{{{CANARY}}}]", "settings [<hidden>]", id="no name to be found"),
    pytest.param(
        f"remove these fields and try again [{{service={CANARY}}}]", "remove these fields and try again [service]", id="fields"
    ),
    pytest.param(f"Failed to parse update request [{CANARY}]", "Failed to parse update request [<hidden>]", id="a whole request"),
    pytest.param(
        f"Unable to parse service settings in the request [{CANARY}",
        "Unable to parse service settings in the request [<hidden>]",
        id="cut",
    ),
    pytest.param(
        "Received an error status code for request from inference entity id [x] status [401]. Error message: [no]",
        "Received an error status code for request from inference entity id [x] status [401]. Error message: [no]",
        id="the provider's own words stay",
    ),
)


@pytest.mark.parametrize(("text", "expected"), PRINTS)
def test_values_of_a_print_are_cut_out_though_nobody_knows_them(text: str, expected: str) -> None:
    assert scrub(text, []) == expected


def test_control_characters_and_newlines_become_blanks() -> None:
    assert scrub("a\r\n\tb\x1b[31mc\u2028d\x00\u200be  f ", []) == "a b [31mc d e f"


def test_long_text_is_cut_after_the_secrets_were() -> None:
    text = scrub("x" * (MAX_TEXT - 5) + CANARY + "y" * MAX_TEXT, [CANARY])
    assert len(text) == MAX_TEXT
    assert text.endswith("…")
    assert CANARY[:5] not in text


def test_texts_of_a_value_are_found_at_any_depth() -> None:
    assert list(texts({"a": ["x", {"b": 12.5}], "c": True, "d": None, "e": 7})) == ["x", "12.5", "7"]


# Letters that no mark of ours has, so that a secret found in the result can only be one that was left.
ODD = st.text(st.sampled_from("ACMQZ0189+/=.*()[]{}\\^$|?'\"%&äß中🔑"), min_size=4, max_size=30)


@LAW
@given(ODD, st.text(max_size=30), st.text(max_size=30))
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    assume(secret not in f"{before}[<secret>]{after}")
    assert secret not in scrub(f"{before}[{secret}]{after}", [secret])


@LAW
@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_becomes_one_bounded_line(text: str, secrets: list[str]) -> None:
    scrubbed = scrub(text, secrets)
    assert len(scrubbed) <= MAX_TEXT
    assert scrubbed.isprintable()
