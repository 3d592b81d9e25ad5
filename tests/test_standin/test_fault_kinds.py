"""Everything that can go wrong with a cluster, switched on and off while it runs, over the control path."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.standin import Cluster, ManualClock, Pace, Security, StandIn, User, create_tls, serve
from tests.standin.fault_kinds import KINDS
from tests.standin.messages import Json
from tests.standin.tls_faults import CERTIFICATES
from tests.test_standin.asking import Refusal, World, answer_after, ok, status, world
from tests.test_standin.samples import SECRET, elser, openai

SPARSE = "sparse_embedding"
BASIC = ("elastic", "pw")


async def control(here: World | httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    http = here.http if isinstance(here, World) else here
    answer = await http.request(method, f"/_standin/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


KNOWN: dict[str, tuple[Json, int, str | None]] = {
    "a proxy's page": ({"kind": "unavailable"}, 503, None),
    "too many requests": ({"kind": "too_many_requests"}, 429, "es_rejected_execution_exception"),
    "too many requests, and when to come again": (
        {"kind": "too_many_requests", "retry_after": 7},
        429,
        "es_rejected_execution_exception",
    ),
    "circuit breaker": ({"kind": "breaker"}, 429, "circuit_breaking_exception"),
    "no master": ({"kind": "no_master"}, 503, "master_not_discovered_exception"),
    "not recovered": ({"kind": "blocked"}, 503, "cluster_block_exception"),
    "server error": ({"kind": "server_error"}, 500, "null_pointer_exception"),
    "login page": ({"kind": "login_page"}, 200, None),
    "half of a JSON text": ({"kind": "garbage"}, 200, None),
    "expired credentials": ({"kind": "expired_credentials"}, 401, "security_exception"),
}
LOST = {"reset_before": False, "reset_after": True, "half_body": True}


@pytest.mark.parametrize(("rule", "code", "kind"), KNOWN.values(), ids=KNOWN)
async def test_answers_by_name(http: httpx.AsyncClient, standin: StandIn, rule: Json, code: int, kind: str | None) -> None:
    await control(http, "POST", "faults", rule | {"path": "/_inference/*", "times": 1})
    answer = await http.put("/_inference/completion/one", json=openai())
    assert answer.status_code == code
    assert answer.headers.get("Retry-After") == ("7" if "retry_after" in rule else None)
    if kind is None:
        with pytest.raises(ValueError, match=r"Expecting|expecting"):
            answer.json()
    else:
        body = answer.json()
        assert (body["error"]["type"], body["status"]) == (kind, code)
        assert body["error"]["root_cause"][0]["type"] == kind
    assert not standin.endpoints
    ok(await http.put("/_inference/completion/one", json=openai()))


@pytest.mark.parametrize("kind", LOST)
async def test_lost_answers_by_name(http: httpx.AsyncClient, standin: StandIn, kind: str) -> None:
    await control(http, "POST", "faults", {"kind": kind, "times": 1})
    with pytest.raises(httpx.TransportError):
        await http.put("/_inference/completion/one", json=openai())
    assert ("one" in standin.endpoints) == LOST[kind]


def test_every_kind_is_tried() -> None:
    assert {rule["kind"] for rule, _, _ in KNOWN.values()} | set(LOST) == set(KINDS)


async def test_an_unknown_kind(http: httpx.AsyncClient) -> None:
    answer = await http.post("/_standin/faults", json={"kind": "flood"})
    assert answer.status_code == 400
    assert "known are ['blocked', 'breaker'" in answer.json()["error"]


async def test_writes_wait_for_a_master_and_give_up() -> None:
    async with world() as here:
        await control(here, "PUT", "cluster", {"master": False})
        answer = await answer_after(here, 5, here.http.delete("/_ingest/pipeline/x", params={"master_timeout": "5s"}))
        assert (answer.status_code, answer.json()["error"]) == (
            503,
            {
                "root_cause": [{"type": "master_not_discovered_exception", "reason": None}],
                "type": "master_not_discovered_exception",
                "reason": None,
            },
        )
        ok(await here.http.get("/_inference/_all"))
        assert (await answer_after(here, 30, here.http.get("/_cluster/health"))).status_code == 503


async def test_a_master_that_comes_back_in_time() -> None:
    async with world() as here:
        here.standin.change_cluster(master=False)

        async def elected() -> None:
            await control(here, "PUT", "cluster", {"master": True})

        ok(await answer_after(here, 0, here.create(openai()), elected))


async def test_an_expired_licence() -> None:
    async with world() as here:
        await control(here, "PUT", "cluster", {"license_status": "expired"})
        assert Refusal.of(await here.create(openai())).status == 403
        await control(here, "PUT", "cluster", {"license_status": "active"})
        ok(await here.create(openai()))


async def test_a_store_that_takes_no_update() -> None:
    async with world() as here:
        before = ok(await here.create(openai()))
        await control(here, "PUT", "cluster", {"failing_writes": True})
        answer = await here.update({"service_settings": {"api_key": "new"}})
        assert Refusal.of(answer) == status(500, "Failed to update model")
        assert ok(await here.http.get("/_inference/one")) == {"endpoints": [before]}
        assert here.standin.endpoints["one"].secrets == {"api_key": SECRET}


async def test_a_node_that_is_too_old_for_a_service() -> None:
    async with world() as here:
        await control(here, "PUT", "cluster", {"unaware": ["openai"]})
        begin = "All nodes in the cluster are not aware of the service [openai]."
        expected = f"{begin}Wait for the cluster to finish upgrading and try again."
        assert Refusal.of(await here.create(openai())) == status(400, expected)


class TestDeployments:
    """Downloads that take long; deployments that fail, lose nodes, or can't be stopped."""

    @staticmethod
    async def shown(here: World) -> Json:
        (row,) = ok(await here.http.get("/_ml/trained_models/one/_stats"))["trained_model_stats"]
        found: Json = row["deployment_stats"]
        return found

    async def test_a_slow_download(self) -> None:
        async with world() as here:
            await control(here, "PUT", "pace", {"download": 600})
            ok(await answer_after(here, 600, here.create(elser(), SPARSE)))

    async def test_lost_nodes_are_made_up_for(self) -> None:
        async with world(pace=Pace(deployment=20)) as here:
            ok(await answer_after(here, 20, here.create(elser(num_allocations=2), SPARSE)))
            await control(here, "POST", "deployments/one", {"lose_nodes": 1})
            status_ = (await self.shown(here))["allocation_status"]
            assert (status_["allocation_count"], status_["target_allocation_count"], status_["state"]) == (1, 2, "started")
            here.clock.advance(20)
            assert (await self.shown(here))["allocation_status"]["state"] == "fully_allocated"

    async def test_lost_nodes_that_nobody_makes_up_for(self) -> None:
        async with world() as here:
            ok(await here.create(elser(num_allocations=2), SPARSE))
            await control(here, "POST", "deployments/one", {"hold": 0})
            here.clock.advance(3600)
            shown = await self.shown(here)
            assert (shown["state"], shown["allocation_status"]["allocation_count"]) == ("starting", 0)
            assert (await here.http.post("/_inference/one", json={"input": "a"})).status_code == 409
            await control(here, "POST", "deployments/one", {"hold": None})
            assert (await self.shown(here))["state"] == "started"

    @pytest.mark.parametrize("version", ["8.17.0", "8.19.0", "9.0.0", "9.5.0"])
    async def test_a_deployment_that_can_not_be_stopped(self, version: str) -> None:
        async with world(version) as here:
            ok(await here.create(elser(), SPARSE))
            await control(here, "POST", "deployments/one", {"stop_fails": "the node does not answer"})
            refused = Refusal.of(await here.http.delete("/_inference/one"))
            assert refused == Refusal(500, "illegal_state_exception", "the node does not answer")
            forced = await here.http.delete("/_inference/one", params={"force": "true"})
            assert forced.is_success == (version in {"8.19.0", "9.5.0"})
            assert ("one" in here.standin.endpoints) != forced.is_success
            assert "one" in here.standin.state.deployments, "it stays behind"

    @pytest.mark.parametrize("body", [{}, {"colour": "red"}])
    async def test_nonsense(self, http: httpx.AsyncClient, body: Json) -> None:
        ok(await http.put(f"/_inference/{SPARSE}/one", json=elser()))
        assert (await http.post("/_standin/deployments/one", json=body)).status_code == 400


class TestCredentials:
    """Credentials come and go while the cluster runs."""

    async def test_passwords_and_keys(self) -> None:
        async with world(security=Security({"elastic": User("pw")})) as here:
            ok(await here.http.get("/", auth=BASIC))
            shown = await control(here, "PUT", "security", {"users": {"elastic": {"password": "new"}}})
            assert shown == {"enabled": True, "users": ["elastic"], "api_keys": [], "tokens": 0}
            assert (await here.http.get("/", auth=BASIC)).status_code == 401
            ok(await here.http.get("/", auth=("elastic", "new")))
            key = {"Authorization": "ApiKey aWQ6a2V5"}
            await control(here, "PUT", "security", {"api_keys": {"id": {"secret": "key"}}, "tokens": {"t": "elastic"}})
            ok(await here.http.get("/", headers=key))
            ok(await here.http.get("/", headers={"Authorization": "Bearer t"}))
            for change in ({"invalidated": True}, {"invalidated": False, "expires": here.clock.now()}):
                await control(here, "PUT", "security", {"api_keys": {"id": change}})
                assert (await here.http.get("/", headers=key)).status_code == 401
            gone = await control(
                here, "PUT", "security", {"api_keys": {"id": None}, "users": {"elastic": None}, "tokens": {"t": None}}
            )
            assert gone == {"enabled": True, "users": [], "api_keys": [], "tokens": 0}

    async def test_security_may_be_switched_off_and_on(self, http: httpx.AsyncClient) -> None:
        assert await control(http, "GET", "security") == {"enabled": False}
        await control(http, "PUT", "security", {"users": {"elastic": {"password": "pw"}}})
        assert (await http.get("/")).status_code == 401
        await control(http, "PUT", "security", {"enabled": False})
        ok(await http.get("/"))

    async def test_nothing_of_them_is_shown(self, http: httpx.AsyncClient) -> None:
        body = {"users": {"elastic": {"password": SECRET}}, "api_keys": {"id": {"secret": SECRET}}, "tokens": {SECRET: "elastic"}}
        assert SECRET not in str(await control(http, "PUT", "security", body))
        assert (await http.put("/_standin/security", json={"passwords": {}})).status_code == 400


async def test_a_cluster_restored_to_an_older_state() -> None:
    async with world() as here:
        ok(await here.create(openai()))
        await control(here, "PUT", "backups/monday")
        ok(await here.http.delete("/_inference/one"))
        ok(await here.create(openai(), name="two"))
        assert await control(here, "GET", "backups") == ["monday"]
        await control(here, "POST", "backups/monday")
        ids = [one["inference_id"] for one in ok(await here.http.get("/_inference/text_embedding/_all"))["endpoints"]]
        assert ids == [".multilingual-e5-small-elasticsearch", "one"]
        assert (await here.http.post("/_standin/backups/tuesday")).status_code == 400


async def test_another_cluster_at_the_same_address() -> None:
    async with world(cluster=Cluster(uuid="first")) as here:
        ok(await here.create(openai()))
        await control(here, "POST", "cluster", {"uuid": "second"})
        assert ok(await here.http.get("/"))["cluster_uuid"] == "second"
        assert (await here.http.get("/_inference/one")).status_code == 404


async def test_a_lost_document(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/completion/one", json=openai()))
    await control(http, "POST", "endpoints/one", {"broken": True})
    assert (await http.get("/_inference/_all")).status_code == 500
    unforced = await http.delete("/_inference/one")
    assert Refusal.of(unforced) == status(500, "Failed to parse model configuration for inference endpoint one")
    await control(http, "POST", "endpoints/one", {"broken": False})
    ok(await http.get("/_inference/_all"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    create_tls(directory)
    return directory


@pytest.fixture
async def https(certificates: Path) -> AsyncIterator[tuple[StandIn, str, ssl.SSLContext]]:
    standin, files = StandIn(), create_tls(certificates)
    async with serve(standin, tls=files) as url:
        yield standin, url, ssl.create_default_context(cafile=files.ca)


REFUSED = {"expired": "has expired", "foreign": "unable to get local issuer|self-signed", "other-name": "IP address mismatch"}


async def test_certificates_that_a_careful_client_refuses(https: tuple[StandIn, str, ssl.SSLContext]) -> None:
    standin, url, trusting = https
    assert {"good", *REFUSED} == set(CERTIFICATES)
    for kind, words in REFUSED.items():
        async with httpx.AsyncClient(base_url=url, verify=trusting, timeout=20) as client:
            ok(await client.get("/"))
            await control(client, "PUT", "network", {"certificate": kind})
            ok(await client.get("/"))  # on the connection that stands already
        async with httpx.AsyncClient(base_url=url, verify=trusting, timeout=20) as client:
            with pytest.raises(httpx.ConnectError, match=words):
                await client.get("/")
            assert len(standin.log) == 2
        standin.certificate = "good"
        standin.log.clear()


async def test_network_faults_in_process(http: httpx.AsyncClient, standin: StandIn, clock: ManualClock) -> None:
    await control(http, "PUT", "network", {"certificate": "expired"})
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        await http.get("/")
    standin.certificate = "good"
    assert await control(http, "GET", "network") == {"reachable": True, "certificate": "good"}
    assert (await http.put("/_standin/network", json={"certificate": "red"})).status_code == 400
