"""Every difference between releases that the stand-in plays, a row each: what 8.17, 8.19, 9.2 and 9.5 answer to the same.

The differences of pipelines are in the tests of pipelines.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.standin import Cluster, Provider
from tests.standin.messages import Json
from tests.test_standin.asking import ALL_VERSIONS, Refusal, World, answer_after, ok, world
from tests.test_standin.samples import elser, openai

Probe = Callable[[World], Awaitable[Any]]
SPARSE = "sparse_embedding"
NEW_KEY: Json = {"service_settings": {"api_key": "new"}}
COHERE: Json = {"service": "cohere", "service_settings": {"api_key": "k", "model_id": "m"}}
ADAPTIVE = {"enabled": True, "min_number_of_allocations": 1, "max_number_of_allocations": 2}


async def create_takes_timeout(here: World) -> bool:
    return (await here.create(openai(), timeout="5s")).is_success


async def update_takes_timeout(here: World) -> bool:
    ok(await here.create(openai()))
    return (await here.update(NEW_KEY, timeout="5s")).is_success


async def has_chat(here: World) -> bool:
    return (await here.create(openai(), "chat_completion")).is_success


async def has_multimodal_embedding(here: World) -> bool:
    return (await here.create(openai(), "embedding")).is_success


async def services_of_the_release(here: World) -> tuple[bool, ...]:
    answer = (await here.http.get("/_inference/_services")).json()
    names = {one["service"] for one in answer}
    return tuple(name in names for name in ("openai", "deepseek", "amazon_sagemaker", "ai21", "groq", "fireworksai"))


async def custom_service(here: World) -> bool:
    settings = {"url": "https://p.example", "request": "{}", "response": {"json_parser": {}}, "secret_parameters": {"k": "v"}}
    return (await here.create({"service": "custom", "service_settings": settings})).is_success


async def begin_of_unknown_setting(here: World) -> str:
    return Refusal.of(await here.create(openai(x=1))).reason.partition(" contains")[0]


async def oauth_settings(here: World) -> bool:
    given = {"model_id": "m", "client_id": "c", "client_secret": "s", "scopes": ["x"], "token_url": "https://t.example"}
    return (await here.create({"service": "openai", "service_settings": given})).is_success


async def mappings_block_a_create(here: World) -> bool:
    field = {"type": "semantic_text", "inference_id": "one", "model_settings": {"task_type": "text_embedding", "dimensions": 8}}
    ok(await here.http.put("/i1", json={"mappings": {"properties": {"t": field}}}))
    return not (await here.create(openai(dimensions=16))).is_success


async def chunk_of_400(here: World) -> bool:
    chunking = {"strategy": "sentence", "max_chunk_size": 400}
    return (await here.create(openai() | {"chunking_settings": chunking})).is_success


async def recursive_chunking(here: World) -> bool:
    chunking = {"strategy": "recursive", "max_chunk_size": 50, "separator_group": "markdown"}
    return (await here.create(openai() | {"chunking_settings": chunking})).is_success


async def chunking_none(here: World) -> bool:
    return (await here.create(openai() | {"chunking_settings": {"strategy": "none"}})).is_success


async def default_endpoint_bound(here: World) -> int:
    settings = await here.settings(".elser-2-elasticsearch")
    bound: int = settings["adaptive_allocations"]["max_number_of_allocations"]
    return bound


async def metadata_of_eis(here: World) -> bool:
    here.standin.change_cluster(eis=True)
    return "metadata" in (await here.http.get("/_inference/.elser-2-elastic")).text


async def endpoints_of_eis(here: World) -> bool:
    here.standin.change_cluster(eis=True)
    return (await here.http.get("/_inference/.elser-2-elastic")).is_success


async def short_update_path(here: World) -> bool:
    ok(await here.create(openai()))
    return (await here.http.put("/_inference/one/_update", json=NEW_KEY | {"task_type": "text_embedding"})).is_success


async def update_of_chunking(here: World) -> bool:
    ok(await here.create(openai()))
    return (await here.update({"chunking_settings": {"strategy": "word", "max_chunk_size": 20, "overlap": 1}})).is_success


async def unknown_setting_in_an_update(here: World) -> int:
    ok(await here.create(openai()))
    return (await here.update({"service_settings": {"api_key": "k", "x": 1}})).status_code


async def immutable_setting_in_an_update(here: World) -> int:
    ok(await here.create(openai()))
    return (await here.update({"service_settings": {"api_key": "k", "model_id": "other"}})).status_code


async def null_in_an_update(here: World) -> int:
    ok(await here.create(openai()))
    return (await here.update({"service_settings": {"api_key": "k", "organization_id": None}})).status_code


async def update_validates(here: World) -> bool:
    ok(await here.create(openai()))
    here.standin.refuse_key("new")
    return not (await here.update(NEW_KEY)).is_success


async def update_needs_the_secret(here: World) -> bool:
    ok(await here.create(COHERE, "rerank"))
    return not (await here.update({"service_settings": {"rate_limit": {"requests_per_minute": 7}}}, "rerank")).is_success


async def mutable_rate_limit(here: World) -> bool:
    ok(await here.create(openai()))
    limit = {"service_settings": {"api_key": "k", "rate_limit": {"requests_per_minute": 7}}}
    shown = ok(await here.update(limit))["service_settings"]
    return bool(shown["rate_limit"] == {"requests_per_minute": 7})


async def mutable_adaptive_allocations(here: World) -> bool:
    ok(await here.create(elser(), SPARSE))
    await here.update({"service_settings": {"adaptive_allocations": ADAPTIVE}}, SPARSE)
    return "adaptive_allocations" in await here.settings()


async def update_forgets_chunking(here: World) -> bool:
    ok(await here.create(openai()))
    return bool(ok(await here.update(NEW_KEY))["chunking_settings"]["strategy"] == "word")


async def update_of_a_default_endpoint(here: World) -> str:
    answer = await here.update({"task_settings": {}}, SPARSE, ".elser-2-elasticsearch")
    return Refusal.of(answer).type


async def update_without_change_asks_nobody(here: World) -> bool:
    ok(await here.create(openai(api_key="k")))
    here.standin.refuse_key("k")
    before = here.standin.state.endpoints["one"]
    answer = await here.update({"service_settings": {"api_key": "k"}})
    return answer.is_success and here.standin.state.endpoints["one"] is before


async def delete_of_a_default_endpoint(here: World) -> str:
    reason = Refusal.of(await here.http.delete("/_inference/.elser-2-elasticsearch")).reason
    return reason.partition("endpoint. ")[2].split(" ")[0]


async def space_before_the_index_sentence(here: World) -> bool:
    ok(await here.create(openai()))
    ok(await here.http.put("/i1", json={"mappings": {"properties": {"t": {"type": "semantic_text", "inference_id": "one"}}}}))
    found = ok(await here.http.delete("/_inference/one", params={"dry_run": "true"}))
    return bool(found["error_message"].startswith(" "))


async def ml_api_stops_a_used_deployment(here: World) -> bool:
    ok(await here.create(elser(), SPARSE))
    return (await here.http.post("/_ml/trained_models/one/deployment/_stop")).is_success


async def top_n_in_a_request(here: World) -> bool:
    ok(await here.create(COHERE, "rerank"))
    return (await here.http.post("/_inference/one", json={"input": "a", "query": "a", "top_n": 1})).is_success


async def return_documents_in_a_request(here: World) -> bool:
    ok(await here.create(COHERE, "rerank"))
    return (await here.http.post("/_inference/one", json={"input": "a", "query": "a", "return_documents": True})).is_success


async def input_type_in_a_request(here: World) -> bool:
    ok(await here.create(openai()))
    return (await here.http.post("/_inference/one", json={"input": "a", "input_type": "search"})).is_success


async def timeout_of_inference(here: World) -> tuple[int, str]:
    ok(await here.create(openai(), "completion"))
    here.standin.change_provider(latency=60)
    call = here.http.post("/_inference/one", json={"input": "a"}, params={"timeout": "5s"})
    refusal = Refusal.of(await answer_after(here, 5, call))
    return refusal.status, refusal.type


async def default_timeout_of_a_completion(here: World) -> bool:
    """Whether an answer after a minute is still in time."""
    here.standin.change_provider(latency=60)
    answer = await answer_after(here, 60, here.create(openai(), "completion"))
    return answer.is_success


async def major_of_the_media_types(here: World) -> tuple[bool, bool, bool]:
    found = []
    for major in (7, 8, 9):
        accept = f"application/vnd.elasticsearch+json;compatible-with={major}"
        found.append((await here.http.get("/", headers={"Accept": accept})).is_success)
    return found[0], found[1], found[2]


async def number(here: World) -> str:
    found: str = ok(await here.http.get("/"))["version"]["number"]
    return found


IGNORED, REFUSED = 200, 400
ROWS: dict[str, tuple[Probe, Any, Any, Any, Any]] = {
    # what                                                   8.17   8.19   9.2    9.5
    "number": (number, "8.17.0", "8.19.0", "9.2.0", "9.5.0"),
    "create takes `timeout`": (create_takes_timeout, False, True, True, True),
    "update takes `timeout`": (update_takes_timeout, False, False, False, True),
    "task type chat_completion": (has_chat, False, True, True, True),
    "task type embedding": (has_multimodal_embedding, False, False, False, True),
    "services": (
        services_of_the_release,
        (True, False, False, False, False, False),
        (True, True, False, False, False, False),
        (True, True, True, True, False, False),
        (True, True, True, True, True, True),
    ),
    "service custom": (custom_service, False, True, True, True),
    "words of an unknown setting": (
        begin_of_unknown_setting,
        "Model configuration",
        "Configuration",
        "Configuration",
        "Configuration",
    ),
    "OAuth2 settings of openai": (oauth_settings, False, False, False, True),
    "mappings in use block a create": (mappings_block_a_create, False, False, False, True),
    "chunks of more than 300 words": (chunk_of_400, False, True, True, True),
    "recursive chunking": (recursive_chunking, False, False, True, True),
    "no chunking": (chunking_none, False, False, True, True),
    "most allocations of a default endpoint": (default_endpoint_bound, 8, 32, 32, 32),
    "endpoints of the Elastic Inference Service": (endpoints_of_eis, False, True, True, True),
    "metadata of the Elastic Inference Service": (metadata_of_eis, False, False, False, True),
    "update by the short path": (short_update_path, False, True, True, True),
    "update of chunking settings": (update_of_chunking, False, False, False, True),
    "unknown setting in an update": (unknown_setting_in_an_update, IGNORED, IGNORED, IGNORED, REFUSED),
    "immutable setting in an update": (immutable_setting_in_an_update, IGNORED, IGNORED, IGNORED, REFUSED),
    "null in an update": (null_in_an_update, 500, 500, 500, 200),
    "update validates": (update_validates, False, False, False, True),
    "update needs the secret again": (update_needs_the_secret, True, True, True, False),
    "rate limit may change": (mutable_rate_limit, False, False, False, True),
    "adaptive allocations may change": (mutable_adaptive_allocations, False, True, True, True),
    "update forgets chunking settings": (update_forgets_chunking, True, True, True, False),
    "update of a default endpoint": (
        update_of_a_default_endpoint,
        "action_request_validation_exception",
        "action_request_validation_exception",
        "action_request_validation_exception",
        "status_exception",
    ),
    "update without change asks nobody": (update_without_change_asks_nobody, False, False, False, True),
    "delete of a default endpoint": (delete_of_a_default_endpoint, "Cannot", "Use", "Use", "Use"),
    "space before the index sentence": (space_before_the_index_sentence, True, True, True, False),
    "ML API stops a used deployment": (ml_api_stops_a_used_deployment, True, False, False, False),
    "top_n in a request": (top_n_in_a_request, False, True, True, True),
    "return_documents in a request": (return_documents_in_a_request, False, True, True, True),
    "input_type in a request": (input_type_in_a_request, False, True, True, True),
    "timeout of inference": (
        timeout_of_inference,
        (503, "timeout_exception"),
        (408, "status_exception"),
        (408, "status_exception"),
        (429, "timeout_exception"),
    ),
    "a completion may take two minutes": (default_timeout_of_a_completion, False, False, False, True),
    "compatible media types 7, 8, 9": (
        major_of_the_media_types,
        (True, True, False),
        (True, True, False),
        (False, True, True),
        (False, True, True),
    ),
}
TABLE = [
    pytest.param(probe, version, expected, id=f"{name} [{version}]")
    for name, (probe, *expectations) in ROWS.items()
    for version, expected in zip(ALL_VERSIONS, expectations, strict=True)
]


@pytest.mark.parametrize(("probe", "version", "expected"), TABLE)
async def test_differences(probe: Probe, version: str, expected: Any) -> None:
    async with world(version, cluster=Cluster(), provider=Provider()) as here:
        assert await probe(here) == expected


BETWEEN: dict[str, tuple[Probe, dict[str, Any]]] = {
    "update validates from 9.3": (update_validates, {"9.2.9": False, "9.3.0": True}),
    "mappings block from 9.3": (mappings_block_a_create, {"9.2.9": False, "9.3.0": True}),
    "rate limit may change from 9.4": (mutable_rate_limit, {"9.3.0": False, "9.4.0": True}),
    "timeout of inference is a 429 from 9.4": (
        timeout_of_inference,
        {"8.18.0": (408, "status_exception"), "9.0.0": (408, "status_exception"), "9.4.0": (429, "timeout_exception")},
    ),
    "chat from 8.18": (has_chat, {"8.18.0": True, "9.0.0": True}),
    "short update from 8.18.1": (short_update_path, {"8.18.0": False, "8.18.1": True, "9.0.0": True}),
    "top_n from 8.19 and 9.1": (top_n_in_a_request, {"8.18.9": False, "9.0.9": False, "9.1.0": True}),
    "create's timeout from 8.19 and 9.1": (create_takes_timeout, {"8.18.9": False, "9.0.9": False, "9.1.0": True}),
    "chunking is kept from a patch of 9.2 and 9.3 on": (
        update_forgets_chunking,
        {"9.2.5": True, "9.2.6": False, "9.3.0": True, "9.3.1": False},
    ),
    "used deployments are kept from 8.19 and 9.1": (
        ml_api_stops_a_used_deployment,
        {"8.18.9": True, "9.0.9": True, "9.1.0": False},
    ),
}
STEPS = [
    pytest.param(probe, version, expected, id=f"{name} [{version}]")
    for name, (probe, by_version) in BETWEEN.items()
    for version, expected in by_version.items()
]


@pytest.mark.parametrize(("probe", "version", "expected"), STEPS)
async def test_differences_between_the_releases_of_the_table(probe: Probe, version: str, expected: Any) -> None:
    async with world(version) as here:
        assert await probe(here) == expected
