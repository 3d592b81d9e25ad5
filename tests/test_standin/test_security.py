"""The facts about privileges: who may do what, and how 401 and 403 read."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.standin import ApiKey, IndexRights, ManualClock, Role, Security, StandIn, StandInTransport, User
from tests.test_standin.asking import Refusal, ok
from tests.test_standin.samples import openai

BASIC = 'Basic realm="security" charset="UTF-8"'
EXPIRES = 1_800_000_000.0
SECURITY = Security(
    users={
        "elastic": User("pw"),
        "admin": User("pw", ("inference_admin",)),
        "user": User("pw", ("inference_user",)),
        "ingest": User("pw", ("ingest_admin",)),
        "operator": User("pw", ("operator",)),
        "nobody": User("pw", ()),
        "off": User("pw", enabled=False),
    },
    api_keys={
        "full": ApiKey("k1"),
        "narrow": ApiKey("k2", roles=("inference_user",)),
        "owned": ApiKey("k3", owner="user", roles=("superuser",)),
        "dead": ApiKey("k4", invalidated=True),
        "short": ApiKey("k5", expires=EXPIRES),
    },
    tokens={"AAEAAWVsYXN0aWM": "admin"},
    roles={
        "operator": Role(
            ("manage_inference", "manage_ingest_pipelines", "monitor"), (IndexRights(("i*",), ("view_index_metadata",)),)
        )
    },
)


def basic(name: str, password: str = "pw") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def api_key(key_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "ApiKey " + base64.b64encode(f"{key_id}:{secret}".encode()).decode()}


@pytest.fixture
def standin(clock: ManualClock) -> StandIn:
    return StandIn(clock=clock, security=SECURITY)


@pytest.fixture
async def http(standin: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=StandInTransport(standin), base_url="http://standin") as client:
        yield client


def denied(action: str, user: str, role: str, privileges: str) -> Refusal:
    who = f"user [{user}] with effective roles [{role}]"
    reason = f"action [{action}] is unauthorized for {who}, this action is granted by the cluster privileges [{privileges}]"
    return Refusal(403, "security_exception", reason)


UNKNOWN = "unable to authenticate with provided credentials and anonymous access is not allowed for this request"
UNAUTHENTICATED: dict[str, tuple[dict[str, str], str]] = {
    "nothing": ({}, "missing authentication credentials for REST request [/_inference/x?timeout=1s]"),
    "another scheme": (
        {"Authorization": "Digest x"},
        "missing authentication credentials for REST request [/_inference/x?timeout=1s]",
    ),
    "unknown user": (basic("who"), "unable to authenticate user [who] for REST request [/_inference/x?timeout=1s]"),
    "wrong password": (
        basic("elastic", "no"),
        "unable to authenticate user [elastic] for REST request [/_inference/x?timeout=1s]",
    ),
    "disabled user": (basic("off"), "unable to authenticate user [off] for REST request [/_inference/x?timeout=1s]"),
    "unreadable": ({"Authorization": "Basic %"}, "failed to decode basic authentication header"),
    "wrong key": (api_key("full", "no"), UNKNOWN),
    "invalidated key": (api_key("dead", "k4"), UNKNOWN),
    "unknown token": ({"Authorization": "Bearer x"}, UNKNOWN),
}


@pytest.mark.parametrize(("headers", "reason"), UNAUTHENTICATED.values(), ids=UNAUTHENTICATED)
async def test_401(http: httpx.AsyncClient, headers: dict[str, str], reason: str) -> None:
    answer = await http.get("/_inference/x?timeout=1s", headers=headers)
    assert Refusal.of(answer) == Refusal(401, "security_exception", reason)
    assert BASIC in answer.headers.get_list("WWW-Authenticate")
    assert "ApiKey" in answer.headers.get_list("WWW-Authenticate")
    assert BASIC in answer.json()["error"]["header"]["WWW-Authenticate"]


async def test_401_comes_before_everything_else(http: httpx.AsyncClient) -> None:
    for method, path in (("GET", "/no/such/path/at/all"), ("POST", "/_inference"), ("GET", "/_inference?nonsense=1")):
        assert (await http.request(method, path)).status_code == 401


async def test_an_api_key_expires(http: httpx.AsyncClient, clock: ManualClock) -> None:
    ok(await http.get("/", headers=api_key("short", "k5")))
    clock.advance(EXPIRES - clock.now())
    assert (await http.get("/", headers=api_key("short", "k5"))).status_code == 401


CALLS = {
    "put": ("PUT", "/_inference/completion/new"),
    "update": ("PUT", "/_inference/completion/one/_update"),
    "get": ("GET", "/_inference/one"),
    "services": ("GET", "/_inference/_services"),
    "infer": ("POST", "/_inference/one"),
    "dry run": ("DELETE", "/_inference/one?dry_run=true"),
    "main": ("GET", "/"),
    "health": ("GET", "/_cluster/health"),
    "license": ("GET", "/_license"),
    "stats": ("GET", "/_ml/trained_models/_all/_stats"),
    "get pipeline": ("GET", "/_ingest/pipeline"),
    "put pipeline": ("PUT", "/_ingest/pipeline/p1"),
    "simulate": ("POST", "/_ingest/pipeline/p0/_simulate"),
    "mapping": ("GET", "/i1/_mapping"),
    "create index": ("PUT", "/i2"),
}
READING = {"get", "services", "infer"}
INFERENCE = READING | {"put", "update", "dry run"}
OVERVIEW = READING | {"main", "health", "license", "stats"}
PIPELINES = {"get pipeline", "put pipeline", "simulate"}
ALLOWED: dict[str, set[str]] = {
    "elastic": set(CALLS),
    "admin": INFERENCE,
    "user": READING,
    "ingest": PIPELINES,
    "operator": INFERENCE | OVERVIEW | PIPELINES | {"mapping"},
    "nobody": set(),
}
BODIES = {
    "put": openai(),
    "update": {"task_settings": {"user": "u"}},
    "infer": {"input": "a"},
    "put pipeline": {"processors": []},
    "simulate": {"docs": [{"_source": {}}]},
}


@pytest.mark.parametrize("user", ALLOWED)
async def test_who_may_do_what(http: httpx.AsyncClient, user: str) -> None:
    ok(await http.put("/_inference/completion/one", json=openai(), headers=basic("elastic")))
    ok(await http.put("/i1", headers=basic("elastic")))
    ok(await http.put("/_ingest/pipeline/p0", json={"processors": []}, headers=basic("elastic")))
    answers = {name: await http.request(*call, json=BODIES.get(name), headers=basic(user)) for name, call in CALLS.items()}
    assert {name for name, answer in answers.items() if answer.status_code == 200} == ALLOWED[user]
    assert {answer.status_code for answer in answers.values()} <= {200, 403}


async def test_403(http: httpx.AsyncClient) -> None:
    answer = await http.put("/_inference/completion/one", json=openai(), headers=basic("user"))
    action = "cluster:admin/xpack/inference/put"
    assert Refusal.of(answer) == denied(action, "user", "inference_user", "manage_inference,manage,all")
    index = Refusal.of(await http.put("/i1", headers=basic("user"))).reason
    assert index.endswith("on indices [i1], this action is granted by the index privileges [create_index,manage,all]")


async def test_validity_is_checked_before_rights(http: httpx.AsyncClient) -> None:
    answer = await http.put("/_inference/completion/Bad", json=openai(), headers=basic("user"))
    assert Refusal.of(answer).type == "action_request_validation_exception"


async def test_api_keys_have_the_intersection_of_rights(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/completion/one", json=openai(), headers=api_key("full", "k1")))
    for key in (api_key("narrow", "k2"), api_key("owned", "k3")):
        ok(await http.get("/_inference/one", headers=key))
        answer = await http.delete("/_inference/one", headers=key)
        assert "is unauthorized for API key id [" in Refusal.of(answer).reason


async def test_bearer(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/completion/one", json=openai(), headers={"Authorization": "Bearer AAEAAWVsYXN0aWM"}))


async def test_authenticate(http: httpx.AsyncClient) -> None:
    shown = ok(await http.get("/_security/_authenticate", headers=basic("nobody")))
    assert (shown["username"], shown["roles"], shown["authentication_type"]) == ("nobody", [], "realm")
    assert ok(await http.get("/_security/_authenticate", headers=api_key("full", "k1")))["authentication_type"] == "api_key"


async def test_has_privileges(http: httpx.AsyncClient) -> None:
    asked = {
        "cluster": ["manage_inference", "monitor", "manage_ml"],
        "index": [{"names": ["i1", "x"], "privileges": ["view_index_metadata"]}],
    }
    answer = ok(await http.post("/_security/user/_has_privileges", json=asked, headers=basic("operator")))
    assert answer["cluster"] == {"manage_inference": True, "monitor": True, "manage_ml": False}
    assert answer["index"] == {"i1": {"view_index_metadata": True}, "x": {"view_index_metadata": False}}
    assert answer["has_all_requested"] is False


async def test_secrets_are_in_no_repr() -> None:
    assert not {"pw", "k1", "AAEAAWVsYXN0aWM"} & set(repr(SECURITY).replace("'", " ").split())
    assert "'pw'" not in repr(SECURITY)


@pytest.mark.parametrize(
    ("authorization", "user"),
    [
        ("Basic ZWxhc3RpYzp3cm9uZw==", "elastic"),
        ("ApiKey b3BlcmF0b3I6d3Jvbmc=", "operator"),
        ("Bearer b3BlcmF0b3I6d3Jvbmc=", ""),
        ("ApiKey !", ""),
        (None, ""),
    ],
)
async def test_the_log_names_whose_credentials_came_right_or_wrong(authorization: str | None, user: str) -> None:
    standin = StandIn(security=Security(users={"elastic": User("right")}))
    async with httpx.AsyncClient(transport=StandInTransport(standin), base_url="http://standin") as client:
        answer = await client.get("/", headers={"authorization": authorization} if authorization else {})
    assert answer.status_code == 401
    assert [one.user for one in standin.log] == [user]
