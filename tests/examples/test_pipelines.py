"""The examples of pipelines from end to end: applied, documents in, vectors out, and a search finds them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import Page
from tests.examples.catalogue_of_examples import EXAMPLES, of_kind
from tests.examples.playing import apply_files, send
from tests.machine.world import World

SEMANTIC, TENCENT = EXAMPLES / "semantic-search", EXAMPLES / "tencent-cloud"
FOLDERS = [pytest.param(SEMANTIC, "shop-products", id="semantic search"), pytest.param(TENCENT, "tencent-articles", id="Tencent")]


def files_of(folder: Path) -> list[Path]:
    """What `kubectl apply -f FOLDER` takes: it does not look into folders of the folder."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml", ".json"))


def request(folder: Path, pattern: str) -> str:
    """The text of the one file that the page has curl send."""
    (file,) = (folder / "requests").glob(pattern)
    return file.read_text(encoding="utf-8")


def documents_of(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in request(folder, "*.ndjson").splitlines()][1::2]


def bulk_path(folder: Path) -> str:
    """The address of the bulk request as the page has it."""
    (command,) = (one.text for one in Page(folder / "README.md").commands if "_bulk" in one.text)
    return f"/{command.split()[1].strip(chr(39))}"


async def filled(world: World, folder: Path, index: str) -> None:
    """Everything that the page does up to the search."""
    await world.start()
    keys = apply_files(world, *files_of(folder))
    await world.rest()
    assert [world.condition(key) for key in keys] == [("True", "Available")] * 2
    assert (await send(world, "PUT", f"/{index}", request(folder, "index.json"))).status_code == 200
    assert not (await send(world, "POST", bulk_path(folder), request(folder, "*.ndjson"))).json()["errors"]


async def everything(world: World, index: str) -> list[dict[str, Any]]:
    """All documents, vectors included."""
    asked = await world.ask("POST", f"/{index}/_search", {"_source": {"exclude_vectors": False}})
    found: list[dict[str, Any]] = asked.json()["hits"]["hits"]
    return found


@pytest.mark.parametrize(("folder", "index"), FOLDERS)
async def test_documents_get_vectors_and_are_found_by_their_meaning(folder: Path, index: str) -> None:
    async with World() as world:
        await filled(world, folder, index)
        mappings = json.loads(request(folder, "index.json"))["mappings"]
        stored = await everything(world, index)
        assert len(stored) == len(documents_of(folder))
        assert {len(hit["_source"]["text_vector"]) for hit in stored} == {mappings["properties"]["text_vector"]["dims"]}
        assert {hit["_source"]["text"] for hit in stored} == {document["text"].strip() for document in documents_of(folder)}
        search = request(folder, "search.json")
        found = (await send(world, "POST", f"/{index}/_search", search)).json()["hits"]["hits"]
        wanted = json.loads(search)["knn"]["query_vector_builder"]["text_embedding"]
        assert found[0]["_source"] == {"text": wanted["model_text"]}
        assert found[0]["_score"] > found[1]["_score"]


async def test_what_is_not_for_the_index_stays_out_of_it() -> None:
    async with World() as world:
        await filled(world, SEMANTIC, "shop-products")
        stored = await everything(world, "shop-products")
        assert any("internal_note" in document for document in documents_of(SEMANTIC))
        assert not any("internal_note" in hit["_source"] for hit in stored)


async def test_a_product_whose_text_can_not_be_embedded_is_kept_and_says_why() -> None:
    async with World() as world:
        await filled(world, SEMANTIC, "shop-products")
        world.standin.change_provider(refused_prefixes=("replace",))
        await send(world, "POST", bulk_path(SEMANTIC), request(SEMANTIC, "*.ndjson"))
        stored = await everything(world, "shop-products")
        assert all(hit["_source"]["error"] and "text_vector" not in hit["_source"] for hit in stored)


@pytest.mark.parametrize("folder", [SEMANTIC, TENCENT], ids=lambda folder: folder.name)
@pytest.mark.parametrize("order", list(itertools.permutations(range(2))), ids=str)
async def test_the_order_of_the_files_does_not_matter(folder: Path, order: tuple[int, ...]) -> None:
    async with World() as world:
        await world.start()
        keys = []
        for path in (files_of(folder)[place] for place in order):
            keys += apply_files(world, path)
            await world.rest()
        assert [world.condition(key) for key in keys] == [("True", "Available")] * 2
        for key in (keys[place] for place in order):
            world.kubernetes.delete(key)
        await world.rest()
        assert [world.is_gone(key) for key in keys] == [True] * 2
        assert not world.standin.state.pipelines


def test_the_endpoint_that_the_pipeline_names_is_that_of_the_folder() -> None:
    (pipeline,) = of_kind(TENCENT / "pipeline.yaml", "IngestPipeline")
    (endpoint,) = of_kind(TENCENT / "endpoint.yaml", "InferenceEndpoint")
    assert pipeline["spec"]["processors"][0]["inference"]["model_id"] == endpoint["spec"]["inferenceId"]
