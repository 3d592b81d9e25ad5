"""What is told of a cluster where several connections lead to one address, and where users invent addresses."""

from __future__ import annotations

import pytest

from inference_operator.shell.metrics.instruments import ClusterLabels
from tests.machine.world import CANARY, NAMESPACE
from tests.shell.metrics_story import MeasuredWorld, measured

CLUSTER = "http://standin:9200"
UNPRIVILEGED = {"username": "u", "password": CANARY}


async def lose(world: MeasuredWorld, which: int) -> None:
    """Have that connection find nobody, until it is left alone."""
    world.standin.reachable = False
    cluster = world.pool.clusters()[which]
    while not cluster.left_alone:
        await cluster.look("a")
    world.standin.reachable = True


@pytest.mark.parametrize("lost", [0, 1])
async def test_a_cluster_is_left_alone_only_if_no_connection_to_it_works(lost: int) -> None:
    async with measured() as world:
        world.kubernetes.put_secret(NAMESPACE, "es", {"url": CLUSTER, **UNPRIVILEGED})
        world.apply("a")
        world.apply("b", {"elasticsearchRef": {"secretName": "es"}})
        await world.rest()
        assert len(world.pool.clusters()) == 2
        assert world.scrape().value("elasticsearch_breaker_open", cluster=CLUSTER) == 0
        await lose(world, lost)
        await world.pool.clusters()[lost].look("a")
        told = world.scrape()
        assert told.value("elasticsearch_breaker_open", cluster=CLUSTER) == 0
        assert told.value("elasticsearch_requests_unsent_total", cluster=CLUSTER, cause="breaker") == 1
        await lose(world, 1 - lost)
        assert world.scrape().value("elasticsearch_breaker_open", cluster=CLUSTER) == 1


async def test_of_two_clusters_behind_one_host_the_one_that_is_lost_counts() -> None:
    async with measured() as world:
        world.kubernetes.put_secret(NAMESPACE, "es", {"url": f"{CLUSTER}/behind/a/path", **UNPRIVILEGED})
        world.apply("a")
        world.apply("b", {"elasticsearchRef": {"secretName": "es"}})
        await world.rest()
        assert len({cluster.address for cluster in world.pool.clusters()}) == 2
        await lose(world, 0)
        assert world.scrape().value("elasticsearch_breaker_open", cluster=CLUSTER) == 1


async def test_an_address_that_nobody_uses_any_more_is_forgotten_with_what_was_counted() -> None:
    async with measured() as world:
        world.apply("a")
        world.apply("b", {"elasticsearchRef": {"secretName": "es"}})
        for number in range(3):
            world.kubernetes.put_secret(NAMESPACE, "es", {"url": f"http://invented-{number}:9200", **UNPRIVILEGED})
            await world.rest()
            world.scrape()
        told = world.scrape()
        named = {dict(labels)["cluster"] for _, labels in told.series if "cluster" in dict(labels)}
        assert named == {CLUSTER, "http://invented-2:9200"}
        assert told.value("elasticsearch_requests_total", cluster=CLUSTER, operation="inference.put", status="2xx") == 1


def test_the_clusters_that_have_a_name_of_their_own_are_bounded() -> None:
    labels = ClusterLabels(most=2)
    assert labels.of("https://one:9200/with/a/path") == "https://one:9200"
    assert labels.of("https://two:443") == "https://two:443"
    assert labels.of("https://three:443") == "other"
    assert labels.of("https://one:9200/another/path") == "https://one:9200"
    assert labels.keep(["https://one:9200/with/a/path", "https://three:443"]) == {"https://two:443"}
    assert labels.of("https://three:443") == "https://three:443"
    assert labels.of("https://two:443") == "other"
