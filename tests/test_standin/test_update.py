"""Section "Update" of the facts: what may change in which version, each refusal, and what costs a provider call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.standin import Cluster, Provider
from tests.standin.messages import Json
from tests.standin.state import Endpoint
from tests.test_standin.asking import ALL_VERSIONS, Refusal, World, answer_after, invalid, ok, status, until_sleeping, world
from tests.test_standin.samples import elser, openai

NEW_KEY: Json = {"service_settings": {"api_key": "new"}}
REFUSALS: dict[str, tuple[Any, Refusal]] = {
    "empty object": ({}, status(400, "Request body is empty")),
    "another top-level key": (
        {"service": "openai"},
        status(400, "Request contained fields which cannot be updated, remove these fields and try again [{service=openai}]"),
    ),
    "service_settings is not an object": (
        {"service_settings": 1},
        status(400, "Unable to parse service settings in the request [{service_settings=1}]"),
    ),
    "task type differs in the body": (
        {"task_type": "rerank"} | NEW_KEY,
        status(
            400,
            "Cannot resolve conflicting task_type parameter in the request URL [text_embedding] and the request body [rerank]",
        ),
    ),
    "immutable setting": (
        {"service_settings": {"model_id": "other"}},
        status(400, "Configuration contains settings [{model_id=other}] unknown to the [openai] service"),
    ),
    "immutable setting with its old value": (
        {"service_settings": {"model_id": "text-embedding-3-small"}},
        status(400, "Configuration contains settings [{model_id=text-embedding-3-small}] unknown to the [openai] service"),
    ),
    "misspelt secret is echoed": (
        {"service_settings": {"apikey": "leaked"}},
        status(400, "Configuration contains settings [{apikey=leaked}] unknown to the [openai] service"),
    ),
    "unknown task setting": (
        {"task_settings": {"x": 1}},
        status(400, "Configuration contains settings [{x=1}] unknown to the [openai] service"),
    ),
    "wrong type": (
        {"service_settings": {"max_input_tokens": "x"}},
        invalid("field [max_input_tokens] is not of the expected type. The value [x] cannot be converted to a [Integer]"),
    ),
    "unknown chunking key": (
        {"chunking_settings": {"strategy": "sentence", "max_chunk_size": 20, "x": 1}},
        invalid("Sentence based chunking settings can not have the following settings: [x]"),
    ),
}


async def prepared(here: World, **settings: Any) -> Json:
    return ok(await here.create(openai(**settings)))


@pytest.mark.parametrize(("body", "refusal"), REFUSALS.values(), ids=REFUSALS)
async def test_refused_in_9_5(body: Any, refusal: Refusal) -> None:
    async with world() as here:
        await prepared(here)
        before = here.standin.state
        assert Refusal.of(await here.update(body)) == refusal
        assert here.standin.state is before


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_missing_endpoint(version: str) -> None:
    async with world(version) as here:
        expected = "The inference endpoint [one] does not exist and cannot be updated"
        assert Refusal.of(await here.update(NEW_KEY)) == status(404, expected)


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_task_type_in_url_body_or_both(version: str) -> None:
    async with world(version) as here:
        await prepared(here)
        in_body = {"task_type": "text_embedding"} | NEW_KEY
        ok(await here.update(in_body))
        short = await here.http.put("/_inference/one/_update", json=in_body)
        if version == "8.17.0":
            assert Refusal.of(short) == status(400, "Inference ID must be provided in the path")
            return
        ok(short)
        nowhere = await here.http.put("/_inference/one/_update", json=NEW_KEY)
        assert Refusal.of(nowhere) == status(400, "model is missing required setting [task_type]")


async def test_wrong_task_type() -> None:
    async with world() as here:
        await prepared(here)
        expected = status(400, "Task type must match the task type of the existing endpoint")
        assert Refusal.of(await here.update(NEW_KEY, task="rerank")) == expected
        in_body = await here.http.put("/_inference/one/_update", json={"task_type": "rerank"} | NEW_KEY)
        assert Refusal.of(in_body) == expected


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_default_endpoint(version: str) -> None:
    async with world(version) as here:
        answer = await here.update({"service_settings": {"num_allocations": 1}}, "sparse_embedding", ".elser-2-elasticsearch")
        if version == "9.5.0":
            assert Refusal.of(answer) == status(400, "Default endpoint [.elser-2-elasticsearch] cannot be updated")
        else:
            assert Refusal.of(answer).type == "action_request_validation_exception"
            assert "Invalid inference_id; '.elser-2-elasticsearch'" in answer.text


async def test_licence() -> None:
    async with world() as here:
        await prepared(here)
        here.standin.change_cluster(license_type="basic")
        assert Refusal.of(await here.update(NEW_KEY)).reason == "current license is non-compliant for [inference]"


async def test_stored_service_that_is_not_known() -> None:
    async with world() as here:
        here.standin.change(lambda state: state.with_endpoint(Endpoint("one", "completion", "gone")))
        assert Refusal.of(await here.update(NEW_KEY, "completion")) == status(400, "Service [gone] not found")


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_immutable_and_unknown_settings_by_version(version: str) -> None:
    async with world(version) as here:
        before = await prepared(here)
        given = {"api_key": "new", "model_id": "other", "nonsense": 1, "dimensions": 8}
        answer = await here.update({"service_settings": given})
        if version == "9.5.0":
            assert "unknown to the [openai] service" in Refusal.of(answer).reason
            assert here.standin.endpoints["one"].secrets["api_key"] != "new"
        else:
            assert ok(answer)["service_settings"] == before["service_settings"], "silently ignored"
            assert here.standin.endpoints["one"].secrets["api_key"] == "new"


@pytest.mark.parametrize("version", ["8.17.0", "8.19.0", "9.2.0", "9.3.0", "9.4.0", "9.5.0"])
async def test_what_may_change_by_version(version: str) -> None:
    async with world(version) as here:
        await prepared(here)
        secret = {"api_key": "new"}
        limit = {"rate_limit": {"requests_per_minute": 7}, "organization_id": "o"}
        shown = ok(await here.update({"service_settings": secret | limit, "task_settings": {"user": "u"}}))
        assert shown["task_settings"] == {"user": "u"}
        changed = shown["service_settings"].get("organization_id") == "o"
        assert changed == (version in {"9.4.0", "9.5.0"})
        assert (shown["service_settings"]["rate_limit"] == {"requests_per_minute": 7}) == changed


@pytest.mark.parametrize("version", [*ALL_VERSIONS, "9.3.0"])
async def test_the_secret_must_be_repeated_up_to_9_2(version: str) -> None:
    async with world(version) as here:
        ok(await here.create({"service": "cohere", "service_settings": {"api_key": "k", "model_id": "m"}}, "rerank"))
        answer = await here.update({"service_settings": {"rate_limit": {"requests_per_minute": 7}}}, "rerank")
        if version in {"9.3.0", "9.5.0"}:
            ok(answer)
        else:
            missing = invalid("[service_settings] does not contain the required setting [api_key]")
            assert Refusal.of(answer) == missing
        ok(await here.update({"task_settings": {"top_n": 2}}, "rerank"))


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_chunking_by_version(version: str) -> None:
    new = {"strategy": "word", "max_chunk_size": 20, "overlap": 3}
    async with world(version) as here:
        await prepared(here)
        answer = await here.update({"chunking_settings": new})
        if version == "9.5.0":
            assert ok(answer)["chunking_settings"] == new
            assert ok(await here.update(NEW_KEY))["chunking_settings"] == new, "left out means unchanged"
        else:
            assert "Request contained fields which cannot be updated" in Refusal.of(answer).reason


@pytest.mark.parametrize(("version", "forgets"), [("8.19.0", True), ("9.2.0", True), ("9.3.0", True), ("9.4.0", False)])
async def test_any_update_forgets_the_chunking_settings(version: str, forgets: bool) -> None:
    async with world(version) as here:
        before = await prepared(here)
        after = ok(await here.update(NEW_KEY))
        old = {"strategy": "word", "max_chunk_size": 250, "overlap": 100}
        assert after["chunking_settings"] == (old if forgets else before["chunking_settings"])


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_null_values(version: str) -> None:
    async with world(version) as here:
        await prepared(here)
        answer = await here.update({"service_settings": {"api_key": "new", "organization_id": None}})
        if version == "9.5.0":
            ok(answer)
        else:
            expected = "Failed to parse update request [{service_settings={api_key=new, organization_id=null}}]"
            assert Refusal.of(answer) == status(500, expected)


@pytest.mark.parametrize("version", [*ALL_VERSIONS, "9.3.0"])
async def test_the_provider_is_asked_from_9_3_on(version: str) -> None:
    async with world(version, provider=Provider(refused=frozenset({"new"}))) as here:
        before = await prepared(here)
        answer = await here.update(NEW_KEY)
        if version in {"9.3.0", "9.5.0"}:
            expected = "Could not complete inference endpoint creation as validation call to service threw an exception."
            assert Refusal.of(answer) == status(400, expected)
            assert here.standin.endpoints["one"].secrets["api_key"] != "new"
        else:
            assert ok(answer)["service_settings"] == before["service_settings"]
            assert here.standin.endpoints["one"].secrets["api_key"] == "new"


async def test_no_change_is_answered_without_provider_and_write() -> None:
    async with world() as here:
        ok(await here.create(openai(api_key="same")))
        before = here.standin.state
        here.standin.change_provider(refused=frozenset({"same"}))
        same = {
            "service_settings": {"api_key": "same"},
            "chunking_settings": dict(before.endpoints["one"].chunking_settings or {}),
        }
        ok(await here.update(same))
        assert here.standin.endpoints["one"] is before.endpoints["one"]


async def test_update_and_delete_meet_an_update_on_its_way() -> None:
    async with world() as here:
        await prepared(here)
        here.standin.change_provider(latency=5)

        async def meanwhile() -> None:
            again = status(409, "Endpoint [one] is currently being updated. Try again once the update completes")
            assert Refusal.of(await here.update(NEW_KEY)) == again
            deleting = (
                "The inference endpoint(s) [one] are currently being updated, "
                "please wait until after they are finished updating to delete."
            )
            assert Refusal.of(await here.http.delete("/_inference/one")) == status(409, deleting)

        ok(await answer_after(here, 5, here.update(NEW_KEY), meanwhile))
        assert not here.standin.state.updating
        here.standin.change_provider(latency=0)
        ok(await here.http.delete("/_inference/one"))


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_query_parameters(version: str) -> None:
    async with world(version) as here:
        await prepared(here)
        ok(await here.update(NEW_KEY, master_timeout="30s"))
        answer = await here.update(NEW_KEY, timeout="30s")
        assert answer.status_code == (200 if version == "9.5.0" else 400)


class TestModels:
    """Service `elasticsearch`: only allocations change, and only on the endpoint's own deployment."""

    @staticmethod
    async def prepared(here: World, name: str = "one", **settings: Any) -> None:
        ok(await here.create(elser(**settings), "sparse_embedding", name))

    @staticmethod
    async def scaled(here: World, name: str = "one", **settings: Any) -> Refusal | Json:
        answer = await here.update({"service_settings": settings}, "sparse_embedding", name)
        return ok(answer) if answer.is_success else Refusal.of(answer)

    @pytest.mark.parametrize("version", ALL_VERSIONS)
    async def test_allocations(self, version: str) -> None:
        async with world(version) as here:
            await self.prepared(here)
            shown = await self.scaled(here, num_allocations=3)
            assert isinstance(shown, dict)
            assert shown["service_settings"]["num_allocations"] == 3
            assert here.standin.state.deployments["one"].target == 3

    @pytest.mark.parametrize("version", ALL_VERSIONS)
    async def test_adaptive_allocations_from_8_18_on(self, version: str) -> None:
        adaptive = {"enabled": True, "min_number_of_allocations": 2, "max_number_of_allocations": 4}
        async with world(version) as here:
            await self.prepared(here)
            await self.scaled(here, adaptive_allocations=adaptive)
            assert (await here.settings()).get("adaptive_allocations") == (None if version == "8.17.0" else adaptive)

    async def test_both_kinds(self) -> None:
        async with world() as here:
            await self.prepared(here, adaptive_allocations={"enabled": True})
            refusal = await self.scaled(here, num_allocations=3)
            assert isinstance(refusal, Refusal)
            assert "[number_of_allocations] cannot be set if adaptive allocations is enabled" in refusal.reason
            off = await self.scaled(here, num_allocations=3, adaptive_allocations={"enabled": False})
            assert isinstance(off, dict)

    @pytest.mark.parametrize("version", ["9.4.0", "9.5.0"])
    async def test_other_settings(self, version: str) -> None:
        async with world(version) as here:
            await self.prepared(here)
            answer = await self.scaled(here, num_threads=2)
            if version == "9.5.0":
                unknown = "Configuration contains settings [{num_threads=2}] unknown to the [elasticsearch] service"
                assert answer == status(400, unknown)
            else:
                assert (await here.settings())["num_threads"] == 1

    async def test_secrets_are_ignored(self) -> None:
        async with world() as here:
            await self.prepared(here)
            assert isinstance(await self.scaled(here, api_key="k"), dict)

    async def test_deployment_of_the_ml_api(self) -> None:
        async with world() as here:
            start = "/_ml/trained_models/.elser_model_2/deployment/_start"
            ok(await here.http.post(start, params={"deployment_id": "d"}))
            ok(await here.create({"service": "elasticsearch", "service_settings": {"deployment_id": "d"}}, "sparse_embedding"))
            assert await self.scaled(here, num_allocations=3) == status(
                409,
                "Cannot update inference endpoint [one] using model deployment [d]. "
                "The model deployment must be updated through the trained models API.",
            )

    async def test_deployment_of_another_endpoint(self) -> None:
        async with world() as here:
            await self.prepared(here, "first")
            attached = {"service": "elasticsearch", "service_settings": {"deployment_id": "first"}}
            ok(await here.create(attached, "sparse_embedding"))
            assert await self.scaled(here, num_allocations=3) == status(
                409,
                "Cannot update inference endpoint [one] for model deployment [first] as it was created by another inference "
                "endpoint. The model can only be updated using inference endpoint id [first].",
            )

    async def test_deployment_is_missing(self) -> None:
        async with world() as here:
            await self.prepared(here)
            ok(await here.http.post("/_ml/trained_models/one/deployment/_stop", params={"force": "true"}))
            refusal = await self.scaled(here, num_allocations=3)
            assert isinstance(refusal, Refusal)
            assert refusal.status == 404

    async def test_task_settings_of_rerank(self) -> None:
        settings = {"model_id": ".rerank-v1", "num_threads": 1, "num_allocations": 1}
        async with world() as here:
            ok(await here.create({"service": "elasticsearch", "service_settings": settings}, "rerank"))
            shown = ok(await here.update({"task_settings": {"return_documents": False}}, "rerank"))
            assert shown["task_settings"] == {"return_documents": False}


async def test_deleted_while_it_was_updated() -> None:
    async with world(cluster=Cluster(), provider=Provider()) as here:
        await prepared(here)
        here.standin.change_provider(latency=5)

        async def meanwhile() -> None:
            await until_sleeping(here)
            here.standin.replace_cluster("another-uuid")

        answer = await answer_after(here, 5, here.update(NEW_KEY), meanwhile)
        assert Refusal.of(answer) == status(500, "Failed to update model")
