"""Section "Service elasticsearch: deployment" of the facts, on a clock that only the test moves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.standin import Cluster, Pace
from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, World, answer_after, invalid, ok, request_invalid, status, until_sleeping, world
from tests.test_standin.samples import elser

SPARSE = "sparse_embedding"
START = "/_ml/trained_models/.elser_model_2/deployment/_start"
TIMED_OUT = (
    "Timed out after [{}] waiting for model deployment to start. "
    "Use the trained model stats API to track the state of the deployment."
)


def settings(**given: Any) -> Json:
    return {"service": "elasticsearch", "service_settings": given}


async def stats(here: World, model: str = ".elser_model_2") -> list[Json]:
    found: list[Json] = ok(await here.http.get(f"/_ml/trained_models/{model}/_stats"))["trained_model_stats"]
    return found


async def deployment(here: World, model: str = ".elser_model_2") -> Json:
    (row,) = await stats(here, model)
    found: Json = row["deployment_stats"]
    return found


REFUSALS: dict[str, tuple[str, Json, Refusal]] = {
    "no model_id": (
        SPARSE,
        settings(num_threads=1, num_allocations=1),
        Refusal(400, "illegal_argument_exception", "Error parsing service settings, model_id must be provided"),
    ),
    "no threads and no allocations": (
        SPARSE,
        settings(model_id=".elser_model_2"),
        invalid(
            "[service_settings] does not contain the required setting [num_threads]",
            "[service_settings] does not contain one of the required settings [num_allocations, adaptive_allocations]",
        ),
    ),
    "threads not positive": (
        SPARSE,
        elser(num_threads=0, num_allocations=1),
        invalid("[service_settings] Invalid value [0]. [num_threads] must be a positive integer"),
    ),
    "unknown model": (
        SPARSE,
        elser(model_id="mine", num_allocations=1),
        Refusal(
            400,
            "illegal_argument_exception",
            "Error parsing request config, model id does not match any models available on this platform. Was [mine]. "
            "You may need to load it into the cluster using eland.",
        ),
    ),
    "model of another task": (
        "text_embedding",
        elser(num_allocations=1),
        status(
            400,
            "Deployed model [.elser_model_2] with type [sparse_embedding] does not match "
            "the requested task type [text_embedding]",
        ),
    ),
    "task that the service does not have": (
        "completion",
        elser(),
        status(400, "The [elasticsearch] service does not support task type [completion]"),
    ),
    "unknown deployment": (
        SPARSE,
        settings(deployment_id="d"),
        status(404, "Cannot find deployment [d]"),
    ),
    "unknown setting": (
        SPARSE,
        elser(num_allocations=1, x=1),
        status(400, "Configuration contains settings [{x=1}] unknown to the [elasticsearch] service"),
    ),
    "maximum below minimum": (
        SPARSE,
        elser(adaptive_allocations={"enabled": True, "min_number_of_allocations": 3, "max_number_of_allocations": 2}),
        invalid("[max_number_of_allocations] must not be less than [3], but was [2]"),
    ),
}


@pytest.mark.parametrize(("task", "body", "refusal"), REFUSALS.values(), ids=REFUSALS)
async def test_refused_before_anything_is_stored(task: str, body: Json, refusal: Refusal) -> None:
    async with world() as here:
        assert Refusal.of(await here.create(body, task)) == refusal
        assert not here.standin.endpoints


async def test_model_of_another_platform() -> None:
    async with world(cluster=Cluster(platform="linux-aarch64")) as here:
        answer = await here.create(elser(model_id=".elser_model_2_linux-x86_64", num_allocations=1), SPARSE)
        expected = "Error parsing request config, model id does not match any models available on this platform. "
        assert Refusal.of(answer).reason == f"{expected}Was [.elser_model_2_linux-x86_64]"


async def test_model_that_eland_loaded() -> None:
    async with world() as here:
        here.standin.load_model("mine", "text_embedding")
        shown = ok(await here.create(elser(model_id="mine", num_allocations=1)))["service_settings"]
        assert (shown["dimensions"], shown["similarity"], shown["element_type"]) == (384, "cosine", "float")


async def test_both_kinds_of_allocations_fail_at_the_start_and_leave_the_endpoint() -> None:
    async with world() as here:
        answer = await here.create(elser(num_allocations=1, adaptive_allocations={"enabled": True}), SPARSE)
        expected = request_invalid("[number_of_allocations] cannot be set if adaptive allocations is enabled")
        assert Refusal.of(answer) == expected
        assert "one" in here.standin.endpoints
        assert not here.standin.state.deployments


@pytest.mark.parametrize("most", [0, 1])
async def test_not_enough_capacity(most: int) -> None:
    async with world(cluster=Cluster(max_allocations=most)) as here:
        answer = await here.create(elser(num_allocations=2), SPARSE)
        expected = "Could not start deployment because no ML nodes with sufficient capacity were found"
        assert Refusal.of(answer) == status(429, expected)
        assert answer.json()["error"]["caused_by"]["type"] == "illegal_state_exception"
        assert "one" in here.standin.endpoints


async def test_allocations_rise_one_by_one() -> None:
    async with world(pace=Pace(deployment=6)) as here:
        answer = ok(await answer_after(here, 2, here.create(elser(num_allocations=3), SPARSE)))
        assert answer["service_settings"]["num_allocations"] == 3
        seen = []
        for _ in range(3):
            status_ = (await deployment(here))["allocation_status"]
            seen.append((status_["allocation_count"], status_["target_allocation_count"], status_["state"]))
            here.clock.advance(2)
        assert seen == [(1, 3, "started"), (2, 3, "started"), (3, 3, "fully_allocated")]


async def test_a_start_that_takes_too_long_leaves_the_endpoint_and_goes_on() -> None:
    async with world(pace=Pace(deployment=60)) as here:
        answer = await answer_after(here, 30, here.create(elser(), SPARSE))
        assert Refusal.of(answer) == status(408, TIMED_OUT.format("30s"))
        assert (await here.settings())["num_allocations"] == 1
        shown = await deployment(here)
        assert (shown["state"], shown["allocation_status"]["state"]) == ("starting", "starting")
        again = Refusal.of(await here.create(elser(), SPARSE))
        assert again.reason.startswith("Inference endpoint IDs must be unique."), "the deployment has the endpoint's id"
        here.clock.advance(30)
        shown = await deployment(here)
        assert (shown["state"], shown["allocation_status"]["state"]) == ("started", "fully_allocated")


async def test_timeout_of_the_request_bounds_the_start() -> None:
    async with world(pace=Pace(deployment=60)) as here:
        answer = await answer_after(here, 5, here.create(elser(), SPARSE, timeout="5s"))
        assert Refusal.of(answer) == status(408, TIMED_OUT.format("5s"))


async def test_a_download_is_not_bounded_by_the_timeout() -> None:
    async with world(pace=Pace(deployment=2, download=600)) as here:
        creating = here.create(elser(), SPARSE, timeout="5s")

        async def meanwhile() -> None:
            here.clock.advance(600)
            await until_sleeping(here)
            assert (await deployment(here))["state"] == "starting"

        ok(await answer_after(here, 2, creating, meanwhile))
        second = await answer_after(here, 2, here.create(elser(), SPARSE, "two"))
        ok(second)


async def test_a_deployment_that_fails_while_it_is_awaited() -> None:
    async with world(pace=Pace(deployment=20)) as here:

        async def meanwhile() -> None:
            here.standin.fail_deployment("one", "model file is broken")

        answer = await answer_after(here, 0, here.create(elser(), SPARSE), meanwhile)
        assert Refusal.of(answer).reason == "Could not start deployment because [model file is broken]"
        shown = await deployment(here)
        assert (shown["state"], shown["reason"]) == ("failed", "model file is broken")
        here.standin.fail_deployment("one", None)
        here.clock.advance(20)
        assert (await deployment(here))["state"] == "started"


async def test_deleted_while_it_starts() -> None:
    async with world(pace=Pace(deployment=20)) as here:

        async def meanwhile() -> None:
            ok(await here.http.delete("/_inference/one"))

        answer = await answer_after(here, 0, here.create(elser(), SPARSE), meanwhile)
        assert answer.status_code == 404
        assert not here.standin.endpoints


async def test_adaptive_allocations_scale_to_zero_and_back() -> None:
    adaptive = {"enabled": True, "min_number_of_allocations": 0, "max_number_of_allocations": 4}
    async with world(pace=Pace(idle=100)) as here:
        ok(await here.create(elser(adaptive_allocations=adaptive), SPARSE))
        shown = await deployment(here)
        assert shown["adaptive_allocations"] == adaptive
        assert shown["allocation_status"]["allocation_count"] == 1
        assert (await here.settings())["num_allocations"] == 1
        here.clock.advance(100)
        shown = await deployment(here)
        assert shown["state"] == "started"
        assert shown["allocation_status"] == {
            "allocation_count": 0,
            "target_allocation_count": 0,
            "state": "fully_allocated",
        }
        assert (await here.settings())["num_allocations"] == 0
        ok(await here.http.post("/_inference/one", json={"input": "a"}))
        assert (await here.settings())["num_allocations"] == 1


async def test_attached_to_a_deployment_of_the_ml_api() -> None:
    async with world() as here:
        started = ok(await here.http.post(START, params={"deployment_id": "d", "number_of_allocations": 2}))
        assert started["assignment"]["deployment_id"] == "d"
        assert ok(await here.create(settings(deployment_id="d"), SPARSE))["service_settings"] == {
            "num_allocations": 2,
            "num_threads": 1,
            "model_id": ".elser_model_2",
            "deployment_id": "d",
        }
        other = await here.create(settings(deployment_id="d", model_id="other"), SPARSE, "two")
        expected = "Deployment [d] uses model [.elser_model_2] which does not match the model [other] in the request."
        assert Refusal.of(other) == status(400, expected)
        ok(await here.http.post("/_ml/trained_models/d/deployment/_update", json={"number_of_allocations": 3}))
        assert (await here.settings())["num_allocations"] == 3


async def test_the_ml_api_leaves_an_endpoints_deployment_alone() -> None:
    async with world() as here:
        ok(await here.create(elser(), SPARSE))
        update = await here.http.post("/_ml/trained_models/one/deployment/_update", json={"number_of_allocations": 3})
        assert Refusal.of(update).reason == (
            "Cannot update deployment [one] as it was created by inference endpoint [one]. "
            "This model deployment must be updated through the inference API."
        )
        stop = await here.http.post("/_ml/trained_models/one/deployment/_stop")
        assert Refusal.of(stop).reason == "Cannot stop deployment [one] as it is used by inference endpoint [one]"
        ok(await here.http.post("/_ml/trained_models/one/deployment/_stop", params={"force": "true"}))
        assert await stats(here) == [row for row in await stats(here) if "deployment_stats" not in row]
        clash = await here.http.post(START, params={"deployment_id": "one"})
        expected = "Model IDs must be unique. Requested model ID [one] matches existing model IDs but must not."
        assert Refusal.of(clash) == status(400, expected)


async def test_older_versions_stop_a_deployment_in_use() -> None:
    async with world("8.17.0") as here:
        ok(await here.create(elser(), SPARSE))
        ok(await here.http.post("/_ml/trained_models/one/deployment/_stop"))


async def test_stats() -> None:
    async with world() as here:
        assert ok(await here.http.get("/_ml/trained_models/_all/_stats")) == {"count": 0, "trained_model_stats": []}
        for name in ("one", "two"):
            ok(await here.create(elser(), SPARSE, name))
        rows = await stats(here, "_all")
        assert [row["deployment_stats"]["deployment_id"] for row in rows] == ["one", "two"]
        assert await stats(here) == rows
        assert [row["deployment_stats"]["deployment_id"] for row in await stats(here, "two")] == ["two"]
        (node,) = rows[0]["deployment_stats"]["nodes"]
        assert node["routing_state"] == {"routing_state": "started"}
        missing = await here.http.get("/_ml/trained_models/x/_stats")
        expected = Refusal(404, "resource_not_found_exception", "No known trained model with model_id [x]")
        assert Refusal.of(missing) == expected
        ok(await here.http.delete("/_inference/one"))
        ok(await here.http.delete("/_inference/two"))
        (row,) = await stats(here)
        assert "deployment_stats" not in row


async def test_serverless_leaves_the_state_out() -> None:
    async with world(cluster=Cluster(flavor="serverless")) as here:
        ok(await here.create(elser(), SPARSE))
        assert not {"state", "allocation_status", "nodes"} & set(await deployment(here))


async def test_inference_on_a_default_endpoint_starts_its_deployment() -> None:
    async with world(pace=Pace(deployment=5)) as here:
        call = here.http.post("/_inference/.elser-2-elasticsearch", json={"input": "a"})
        assert "sparse_embedding" in ok(await answer_after(here, 5, call))
        assert (await deployment(here, ".elser_model_2_linux-x86_64"))["deployment_id"] == ".elser-2-elasticsearch"


async def test_inference_without_a_running_deployment_fails() -> None:
    async with world() as here:
        ok(await here.create(elser(), SPARSE))
        ok(await here.http.post("/_ml/trained_models/one/deployment/_stop", params={"force": "true"}))
        assert (await here.http.post("/_inference/one", json={"input": "a"})).status_code == 404
