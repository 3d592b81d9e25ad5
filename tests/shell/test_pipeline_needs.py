"""What a pipeline names: there and ready, waited for, missing, part of a circle, or not to be told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.core.failure import TransportFailure
from inference_operator.core.pipeline.situation import Unmet
from inference_operator.core.pipeline.values import DesiredPipeline
from inference_operator.core.values import Server
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.elasticsearch.connection import BasicAuth
from inference_operator.kinds.pipeline.needs import Found, Search
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.store import ObjectStore
from tests.elasticsearch.pipeline_bodies import call, foreign, inference, pipeline
from tests.elasticsearch.virtual_stand_in import Bench, elser, openai
from tests.shell.bodies import key_of, known, known_pipeline, pipeline_key, ready
from tests.standin import Fault, Role, Security, User

HERE = Server("http://standin:9200", "cluster-1", "9.5.0")
ELSEWHERE = Server("https://elsewhere.example:9200", "cluster-2", "9.5.0")
MODEL_ID = "spec.processors[0].inference.model_id"
NAME = "spec.processors[0].pipeline.name"
NO_ENDPOINT = "no inference endpoint and no trained model e in Elasticsearch, and no InferenceEndpoint provides it"
NO_PIPELINE = "no pipeline q in Elasticsearch, and no IngestPipeline provides it"


class Scene:
    """Objects in the store, each on a cluster, and an Elasticsearch to ask where no object answers."""

    def __init__(self, bench: Bench, cluster: Cluster) -> None:
        self.bench = bench
        self.cluster = cluster
        self.store = ObjectStore()
        self.places: dict[ObjectKey, Server] = {}
        self.search = Search(self.store, self)

    async def is_on(self, key: ObjectKey, ref: ElasticsearchRef | None, server: Server) -> bool:
        return key in self.places and self.places[key].is_same(server)

    def endpoint(self, name: str, *says: str, on: Server = HERE, **spec: Any) -> None:
        """An InferenceEndpoint; `says` are status and reason of its `Ready`."""
        self.store.observe(key_of(name), known(name, {"inferenceId": "e", **spec}, ready(*says)))
        self.places[key_of(name)] = on

    def calls(self, name: str, *processors: dict[str, Any], says: tuple[str, ...] = (), on: Server = HERE) -> None:
        """An IngestPipeline."""
        self.store.observe(pipeline_key(name), known_pipeline(name, {"processors": list(processors)}, ready(*says)))
        self.places[pipeline_key(name)] = on

    async def find(self, *processors: dict[str, Any], name: str = "p", **more: Any) -> object:
        return await self.search.of(pipeline(name, *processors, **more), HERE, self.cluster)

    async def stored(self, *pipelines: DesiredPipeline) -> None:
        """Somebody else's pipelines in Elasticsearch."""
        for each in pipelines:
            await foreign(self.bench, "PUT", f"/_ingest/pipeline/{each.pipeline_id}", each.body)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    bench = Bench()
    async with bench.cluster() as cluster:
        yield Scene(bench, cluster)


def lacks(path: str, message: str) -> Found:
    return Found((Unmet(path, message),))


# --- an endpoint that an object provides ------------------------------------------------------------------------------

READY = ("True", "Available")
PROVIDERS = (
    pytest.param([("a", READY)], None, id="ready: met, Elasticsearch is not asked"),
    pytest.param([("a", ("False", "Creating"))], "InferenceEndpoint search/a is not Ready (Creating)", id="not ready: waits"),
    pytest.param([("a", ("Unknown", "Unreachable"))], "InferenceEndpoint search/a is not Ready (Unreachable)", id="not known"),
    pytest.param([("a", ())], "InferenceEndpoint search/a is not Ready yet", id="new: waits"),
    pytest.param([("a", ("False", "IdConflict")), ("b", READY)], None, id="one of two is ready: met"),
    pytest.param(
        [("a", ("False", "IdConflict")), ("b", ())],
        "InferenceEndpoint search/a is not Ready (IdConflict), InferenceEndpoint search/b is not Ready yet",
        id="two and none is ready: both are named",
    ),
)


@pytest.mark.parametrize(("objects", "why"), PROVIDERS)
async def test_endpoint_that_objects_provide(scene: Scene, objects: list[tuple[str, tuple[str, ...]]], why: str | None) -> None:
    for name, says in objects:
        scene.endpoint(name, *says)
    expected = Found() if why is None else lacks(MODEL_ID, f"inference endpoint e waits: {why}")
    assert await scene.find(inference("e")) == expected
    assert not scene.bench.counts


async def test_object_that_decides_is_not_overruled_by_what_is_in_elasticsearch(scene: Scene) -> None:
    await scene.cluster.create(openai("e"), 30)
    scene.endpoint("a", "False", "ReplaceRequired")
    assert await scene.find(inference("e")) == lacks(
        MODEL_ID, "inference endpoint e waits: InferenceEndpoint search/a is not Ready (ReplaceRequired)"
    )


@pytest.mark.parametrize(("says", "met"), [(("True", "Observed"), True), (("False", "WaitingForReference"), False)])
async def test_object_that_only_observes_provides_too(scene: Scene, says: tuple[str, str], met: bool) -> None:
    scene.endpoint("a", *says, managementPolicy="Observe")
    assert (await scene.find(inference("e")) == Found()) is met


async def test_ready_of_an_earlier_generation_counts_since_what_is_there_serves(scene: Scene) -> None:
    scene.store.observe(key_of("a"), known("a", {"inferenceId": "e"}, ready(*READY), generation=7))
    scene.places[key_of("a")] = HERE
    assert await scene.find(inference("e")) == Found()


async def test_object_on_another_cluster_provides_nothing_here(scene: Scene) -> None:
    scene.endpoint("a", *READY, on=ELSEWHERE)
    assert await scene.find(inference("e")) == lacks(MODEL_ID, NO_ENDPOINT)


async def test_object_of_which_nobody_knows_where_it_is_provides_nothing(scene: Scene) -> None:
    scene.endpoint("a", *READY)
    scene.places.clear()
    assert await scene.find(inference("e")) == lacks(MODEL_ID, NO_ENDPOINT)


# --- an endpoint or model that Elasticsearch has ----------------------------------------------------------------------


async def test_endpoint_that_somebody_made_in_elasticsearch_is_met(scene: Scene) -> None:
    await foreign(scene.bench, "PUT", "/_inference/text_embedding/e", SOMEBODYS)
    assert await scene.find(inference("e")) == Found()


async def test_endpoint_that_was_made_since_the_bulk_reading_is_found_by_a_look(scene: Scene) -> None:
    assert await scene.find(inference("e")) == lacks(MODEL_ID, NO_ENDPOINT)
    await foreign(scene.bench, "PUT", "/_inference/text_embedding/e", SOMEBODYS)
    assert await scene.find(inference("e")) == Found()


async def test_trained_model_is_as_good_as_an_endpoint(scene: Scene) -> None:
    await scene.cluster.create(elser("deployed"), 30)
    assert await scene.find(inference(".elser_model_2")) == Found()


async def test_template_and_nothing_at_all_need_nothing(scene: Scene) -> None:
    assert await scene.find(inference("{{model}}"), call("{{p}}")) == Found()
    assert await scene.find() == Found()
    assert not scene.bench.counts


SOMEBODYS = {"service": "openai", "service_settings": {"model_id": "m", "api_key": "k"}}

# --- a pipeline -------------------------------------------------------------------------------------------------------


async def test_pipeline_that_an_object_provides_must_be_ready(scene: Scene) -> None:
    scene.calls("q", says=("False", "TestsFailed"))
    waits = "pipeline q waits: IngestPipeline search/q is not Ready (TestsFailed)"
    assert await scene.find(call("q")) == lacks(NAME, waits)
    scene.store.remove(pipeline_key("q"))
    scene.calls("q", says=READY)
    assert await scene.find(call("q")) == Found()


async def test_pipeline_that_nobody_provides_must_be_in_elasticsearch(scene: Scene) -> None:
    assert await scene.find(call("q")) == lacks(NAME, NO_PIPELINE)
    await scene.stored(pipeline("q"))
    assert await scene.find(call("q")) == Found()


async def test_pipeline_that_may_be_missing_is_not_waited_for(scene: Scene) -> None:
    assert await scene.find(call("q", ignore_missing_pipeline=True)) == Found()


async def test_everything_that_is_missing_is_listed_endpoints_first_in_the_order_of_the_spec(scene: Scene) -> None:
    found = await scene.find(call("q"), inference("f"), inference("e"), on_failure=[inference("e"), call("r")])
    assert isinstance(found, Found)
    assert [each.path for each in found.unmet] == [
        "spec.processors[1].inference.model_id",
        "spec.processors[2].inference.model_id",
        NAME,
        "spec.onFailure[1].pipeline.name",
    ]


# --- what can't be told -----------------------------------------------------------------------------------------------


async def test_what_may_not_be_read_counts_as_met_for_elasticsearch_does_not_check_it_either() -> None:
    roles = {"operator": Role(())}
    bench = Bench(security=Security(users={"operator": User("pw", roles=("operator",))}, roles=roles))
    async with bench.cluster(BasicAuth("operator", "pw")) as cluster:
        scene = Scene(bench, cluster)
        assert await scene.find(inference("e"), call("q")) == Found()


UNANSWERED = (
    pytest.param("/_inference*", id="endpoints"),
    pytest.param("/_ml/*", id="trained models"),
    pytest.param("/_ingest/*", id="pipelines"),
)


@pytest.mark.parametrize("path", UNANSWERED)
async def test_what_is_not_answered_is_a_failure_and_not_missing(scene: Scene, path: str) -> None:
    scene.bench.standin.faults.add(Fault(path=path, lose="before"))
    assert isinstance(await scene.find(inference("e"), call("q")), TransportFailure)


async def test_look_at_a_pipeline_that_is_not_answered_is_a_failure(scene: Scene) -> None:
    scene.bench.standin.faults.add(Fault(path="/_ingest/pipeline/q", lose="before"))
    assert isinstance(await scene.find(call("q")), TransportFailure)


# --- circles ----------------------------------------------------------------------------------------------------------


async def test_pipeline_that_calls_itself_is_a_circle(scene: Scene) -> None:
    found = await scene.find(call("p"))
    assert isinstance(found, Found)
    assert found.circle == ("p", "p")


async def test_circle_of_objects_is_seen_before_any_of_them_is_written(scene: Scene) -> None:
    scene.calls("q", call("r"))
    scene.calls("r", call("p"))
    found = await scene.find(call("q"))
    assert isinstance(found, Found)
    assert found.circle == ("p", "q", "r", "p")
    assert not any(path.startswith("PUT") for path in scene.bench.counts)


async def test_circle_through_pipelines_of_others_is_seen(scene: Scene) -> None:
    await scene.stored(pipeline("q", call("p")))
    found = await scene.find(call("q"))
    assert isinstance(found, Found)
    assert found.circle == ("p", "q", "p")


async def test_call_of_what_may_be_missing_closes_a_circle_all_the_same(scene: Scene) -> None:
    scene.calls("q", call("p", ignore_missing_pipeline=True), says=READY)
    found = await scene.find(call("q"))
    assert found == Found(circle=("p", "q", "p"))


async def test_circle_that_does_not_lead_back_here_is_somebody_elses(scene: Scene) -> None:
    scene.calls("q", call("r"), says=READY)
    scene.calls("r", call("q"), says=READY)
    assert await scene.find(call("q")) == Found()


async def test_what_an_object_wants_counts_more_than_what_elasticsearch_still_has(scene: Scene) -> None:
    await scene.stored(pipeline("q", call("p")))
    scene.calls("q", says=READY)
    assert await scene.find(call("q")) == Found()


async def test_object_on_another_cluster_closes_no_circle_here(scene: Scene) -> None:
    scene.calls("q", call("p"), on=ELSEWHERE)
    assert await scene.find(call("q")) == lacks(NAME, NO_PIPELINE)


async def test_known_pipelines_are_read_once_however_many_are_called(scene: Scene) -> None:
    await scene.stored(pipeline("q", call("r")), pipeline("r"))
    assert await scene.find(call("q"), call("r")) == Found()
    assert scene.bench.counts == {"GET /_ingest/pipeline": 1}
