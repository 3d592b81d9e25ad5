"""`/metrics` over a socket: who is let in, what the answers say, and a certificate that changes while it is shown."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from inference_operator.core.clock import Clock
from inference_operator.kubernetes.client import Reply, Request
from inference_operator.kubernetes.credentials import ConfigurationError
from inference_operator.settings import Settings
from inference_operator.shell.clock import SystemClock
from inference_operator.shell.metrics.admission import ALLOWED_SECONDS, REFUSED_SECONDS, Admission, Asks, Guard
from inference_operator.shell.metrics.certificate import INTERVAL, ServingCertificate
from inference_operator.shell.metrics.meter import SILENT
from inference_operator.shell.metrics.serving import ServedMetrics
from tests.elasticsearch.certificates import Authority, Pair
from tests.kubernetes.scripted_api import Answer, ScriptedApi, client_for, holding, refusal, scripted_api
from tests.virtual_clock import VirtualClock

TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESSES = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
TOKEN = "canary-token-61be"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
USER = {"username": "system:serviceaccount:monitoring:prometheus", "uid": "u-1", "groups": ["system:serviceaccounts"]}


def known(**more: Any) -> Answer:
    return Answer(201, {"status": {"authenticated": True, "user": USER} | more})


def may(*, allowed: bool) -> Answer:
    return Answer(201, {"status": {"allowed": allowed}})


def here(**settings: Any) -> Settings:
    """Settings for this machine: a free port of loopback."""
    chosen: dict[str, Any] = {"metrics_address": "127.0.0.1", "metrics_port": 0} | settings
    return Settings(**chosen)


@asynccontextmanager
async def serving(client: Asks | None = None, clock: Clock | None = None, **settings: Any) -> AsyncIterator[str]:
    """Metrics as a process with these settings has them; gives the address without a path."""
    chosen = here(**settings)
    async with ServedMetrics(chosen, client or Kubernetes(), clock or SystemClock()).listening() as port:
        yield f"{'https' if chosen.metrics_cert_file else 'http'}://127.0.0.1:{port}"


async def get(url: str, headers: dict[str, str] | None = None, tls: ssl.SSLContext | bool = True) -> tuple[int, str, str]:
    """Status, body and content type, over a connection of its own."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
        session.get(url, headers=headers, ssl=tls) as answer,
    ):
        return answer.status, await answer.text(), answer.headers.get("Content-Type", "")


# --- in clear ---------------------------------------------------------------------------------------------------------


async def test_everybody_may_read_unless_told_otherwise() -> None:
    async with serving() as url:
        status, text, content_type = await get(f"{url}/metrics")
        assert (status, content_type.partition(";")[0]) == (200, "text/plain")
        assert "# TYPE inference_operator_reconciles_total counter" in text
        assert "process_resident_memory_bytes " in text
        _, text, content_type = await get(f"{url}/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
        assert content_type.startswith("application/openmetrics-text")
        assert text.endswith("# EOF\n")
        assert (await get(f"{url}/"))[0] == 404


async def test_without_a_port_nothing_listens_and_nothing_is_measured() -> None:
    served = ServedMetrics(here(metrics_port=-1), Kubernetes(), SystemClock())
    async with served.listening() as port:
        assert port is None
    assert served.meter is SILENT


async def test_a_busy_port_is_named() -> None:
    async with serving() as url:
        port = int(url.rpartition(":")[2])
        another = ServedMetrics(here(metrics_port=port), Kubernetes(), SystemClock())
        with pytest.raises(OSError, match=f"can't listen on 127.0.0.1:{port}: "):
            async with another.listening():
                pass


# --- who is let in ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def guarded(folder: Path) -> AsyncIterator[tuple[ScriptedApi, str]]:
    async with scripted_api() as api, client_for(api, folder) as client, serving(client, metrics_auth=True) as url:
        yield api, url


async def test_a_token_of_a_user_who_may_is_let_in_and_not_asked_about_again(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (api, url):
        api.plan(TOKENS, known())
        api.plan(ACCESSES, may(allowed=True))
        assert [(await get(f"{url}/metrics", BEARER))[0] for _ in range(3)] == [200, 200, 200]
        assert [asked.method for asked in (*api.of(TOKENS), *api.of(ACCESSES))] == ["POST", "POST"]


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Basic dTpw"}, {"Authorization": "Bearer "}, {"Authorization": TOKEN}], ids=str
)
async def test_without_a_token_nobody_is_asked(header: dict[str, str], tmp_path: Path) -> None:
    async with guarded(tmp_path) as (api, url):
        status, text, _ = await get(f"{url}/metrics", header)
        assert (status, "Authorization: Bearer TOKEN" in text) == (401, True)
        assert api.asked == []


async def test_a_token_that_kubernetes_does_not_know_is_refused(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (api, url):
        api.plan(TOKENS, Answer(201, {"status": {"error": "token expired"}}))
        status, text, _ = await get(f"{url}/metrics", BEARER)
        assert status == 401
        assert TOKEN not in text
        assert api.of(ACCESSES) == []


async def test_a_user_who_may_not_is_told_what_is_missing(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (api, url):
        api.plan(TOKENS, known())
        api.plan(ACCESSES, may(allowed=False))
        status, text, _ = await get(f"{url}/metrics", BEARER)
        assert (status, "nonResourceURLs" in text) == (403, True)


@pytest.mark.parametrize("path", [TOKENS, ACCESSES])
async def test_while_kubernetes_does_not_tell_nobody_is_let_in_and_the_next_asks_again(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with guarded(tmp_path) as (api, url):
        for each, good in ((TOKENS, known()), (ACCESSES, may(allowed=True))):
            api.plan(each, *([refusal(403, 'User "operator" cannot create it')] if each == path else [good]), good)
        assert (await get(f"{url}/metrics", BEARER))[0] == 503
        assert (await get(f"{url}/metrics", BEARER))[0] == 200
        written = "".join(capsys.readouterr())
        assert 'User "operator" cannot create it' in written.replace('\\"', '"')
        assert TOKEN not in written


class Kubernetes:
    """Counts what it is asked, and knows one user."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.allows = True

    async def ask(self, operation: str, request: Request) -> Reply:
        await asyncio.sleep(0)
        assert request.body is not None
        self.bodies.append(dict(request.body))
        if request.path == TOKENS:
            return Reply(201, {"status": {"authenticated": True, "user": USER | {"extra": {"pod": ["p"]}}}})
        return Reply(201, {"status": {"allowed": self.allows}})


async def test_the_access_review_is_about_the_user_of_the_token() -> None:
    kubernetes = Kubernetes()
    assert await Guard(kubernetes, VirtualClock()).admit(f"Bearer {TOKEN}") is Admission.ALLOWED
    token, access = kubernetes.bodies
    assert (token["kind"], token["spec"]) == ("TokenReview", {"token": TOKEN})
    assert access["kind"] == "SubjectAccessReview"
    assert access["spec"] == {
        "user": USER["username"],
        "uid": "u-1",
        "groups": ["system:serviceaccounts"],
        "extra": {"pod": ["p"]},
        "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
    }


async def test_an_answer_is_believed_for_a_while_a_refusal_for_less() -> None:
    kubernetes, clock = Kubernetes(), VirtualClock()
    guard = Guard(kubernetes, clock)
    assert await guard.admit(f"Bearer {TOKEN}") is Admission.ALLOWED
    kubernetes.allows = False
    await clock.advance(ALLOWED_SECONDS - 1)
    assert await guard.admit(f"Bearer {TOKEN}") is Admission.ALLOWED
    await clock.advance(2)
    assert await guard.admit(f"Bearer {TOKEN}") is Admission.DENIED
    kubernetes.allows = True
    assert await guard.admit(f"Bearer {TOKEN}") is Admission.DENIED
    await clock.advance(REFUSED_SECONDS + 1)
    assert await guard.admit(f"Bearer {TOKEN}") is Admission.ALLOWED
    assert len(kubernetes.bodies) == 6


async def test_many_scrapes_at_once_ask_little_and_many_tokens_are_not_all_kept() -> None:
    kubernetes = Kubernetes()
    guard = Guard(kubernetes, VirtualClock())
    assert set(await asyncio.gather(*(guard.admit(f"Bearer {TOKEN}") for _ in range(50)))) == {Admission.ALLOWED}
    assert len(kubernetes.bodies) <= 8
    for number in range(300):
        await guard.admit(f"Bearer other-{number}")
    asked = len(kubernetes.bodies)
    await guard.admit("Bearer other-299")
    assert len(kubernetes.bodies) == asked, "the latest are kept"
    await guard.admit(f"Bearer {TOKEN}")
    assert len(kubernetes.bodies) == asked + 2, "the oldest are not"


class Overwhelmed(Kubernetes):
    """Knows one token, and never comes to an end with another one."""

    async def ask(self, operation: str, request: Request) -> Reply:
        reply = await super().ask(operation, request)
        spec = self.bodies[-1]["spec"]
        if isinstance(spec, dict) and spec.get("token", TOKEN) != TOKEN:
            await asyncio.Event().wait()
        return reply


async def test_who_is_known_waits_for_nobody_who_is_not() -> None:
    kubernetes = Overwhelmed()
    guard = Guard(kubernetes, VirtualClock())
    assert await guard.admit(f"Bearer {TOKEN}") is Admission.ALLOWED
    flood = [asyncio.create_task(guard.admit(f"Bearer bad-{number}")) for number in range(20)]
    try:
        await holding(lambda: len(kubernetes.bodies) == 6)
        scrape = asyncio.create_task(guard.admit(f"Bearer {TOKEN}"))
        await VirtualClock().settle()
        assert scrape.done()
        assert scrape.result() is Admission.ALLOWED
        assert len(kubernetes.bodies) == 6, "four bad ones at once, and the rest waits"
    finally:
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)


async def test_a_cause_for_which_nobody_is_let_in_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forbidden, away = refusal(403, "the operator may not"), refusal(500, "etcd is away")
    async with scripted_api() as api, client_for(api, tmp_path) as client:
        guard = Guard(client, VirtualClock())
        api.plan(TOKENS, *[forbidden] * 3, *[away] * 2, *[known()] * 3, forbidden)
        api.plan(ACCESSES, *[away] * 3)
        assert {await guard.admit(f"Bearer {number}") for number in range(9)} == {Admission.UNTOLD}
    written = "".join(capsys.readouterr())
    assert [written.count(text) for text in ("the operator may not", "etcd is away")] == [2, 2]


async def test_a_guard_shows_no_token() -> None:
    guard = Guard(Kubernetes(), VirtualClock())
    await guard.admit(f"Bearer {TOKEN}")
    assert TOKEN not in repr(vars(guard))


# --- the certificate --------------------------------------------------------------------------------------------------


def write(folder: Path, pair: Pair, key: str | None = None) -> dict[str, Any]:
    (folder / "tls.crt").write_text(pair.cert)
    (folder / "tls.key").write_text(key or pair.key)
    return {"metrics_cert_file": folder / "tls.crt", "metrics_key_file": folder / "tls.key"}


def trusting(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.pem)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


async def is_trusted(url: str, authority: Authority) -> bool:
    try:
        return (await get(f"{url}/metrics", tls=trusting(authority)))[0] == 200
    except aiohttp.ClientConnectorCertificateError:
        return False


async def test_a_new_certificate_is_shown_without_a_restart_and_a_broken_one_is_not(tmp_path: Path) -> None:
    clock, old, new = VirtualClock(), Authority("old"), Authority("new")
    async with serving(clock=clock, **write(tmp_path, old.sign("localhost"))) as url:
        assert await is_trusted(url, old)
        broken = new.sign("localhost")
        write(tmp_path, broken, key=old.sign("localhost").key)
        await looked(clock)
        assert await is_trusted(url, old), "a pair that does not fit is not taken"
        write(tmp_path, broken)
        await looked(clock)
        assert not await is_trusted(url, old)
        assert await is_trusted(url, new)


async def looked(clock: VirtualClock) -> None:
    """Let the files be looked at twice, which happens in a thread: the second look begins when the first has ended."""
    for _ in range(2):
        await holding(lambda: clock.next_call is not None)
        await clock.advance(INTERVAL)


@pytest.mark.parametrize("wrong", ["missing", "encrypted", "foreign", "empty"])
def test_a_pair_that_cannot_be_used_ends_the_start_with_its_reason(wrong: str, tmp_path: Path) -> None:
    pair, other = Authority("a").sign("localhost"), Authority("b").sign("localhost")
    keys = {"encrypted": pair.encrypted_key, "foreign": other.key, "empty": "\n"}
    write(tmp_path, pair, key=keys.get(wrong))
    if wrong == "missing":
        (tmp_path / "tls.key").unlink()
    with pytest.raises(ConfigurationError, match="--metrics-cert-file and --metrics-key-file can't be used") as refused:
        ServingCertificate(tmp_path / "tls.crt", tmp_path / "tls.key", SystemClock())
    assert "BEGIN" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_certificate_without_its_key_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give both metrics_cert_file and metrics_key_file, or neither"):
        here(metrics_cert_file=tmp_path / "tls.crt")
