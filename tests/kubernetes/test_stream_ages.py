"""Which watch counts as silent, and since when. `tests/kubernetes/test_informer.py` has the informer itself open them."""

from __future__ import annotations

import pytest

from inference_operator.kubernetes.stream_ages import StreamAges
from tests.virtual_clock import VirtualClock

ENDPOINTS, PIPELINES = "inferenceendpoints", "ingestpipelines"


def path(namespace: str, plural: str = ENDPOINTS) -> str:
    return f"/apis/inference-operator.io/v1alpha1/namespaces/{namespace}/{plural}"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def ages(clock: VirtualClock) -> StreamAges:
    """Two namespaces, and two kinds in each."""
    ages = StreamAges(clock)
    for namespace in ("search", "team"):
        for plural in (ENDPOINTS, PIPELINES):
            ages.opened(path(namespace, plural))
    return ages


async def test_whoever_is_silent_for_longest_counts(ages: StreamAges, clock: VirtualClock) -> None:
    begun = clock.monotonic()
    await clock.advance(400)
    for plural in (ENDPOINTS, PIPELINES):
        ages.heard(path("search", plural))
    ages.heard(path("team"))
    assert ages.last_heard == begun
    ages.heard(path("team", PIPELINES))
    assert ages.last_heard == clock.monotonic()


async def test_a_namespace_that_is_refused_does_not_count(ages: StreamAges, clock: VirtualClock) -> None:
    for plural in (ENDPOINTS, PIPELINES):
        ages.refused(path("team", plural), watch=True)
    await clock.advance(400)
    for plural in (ENDPOINTS, PIPELINES):
        ages.heard(path("search", plural))
    assert ages.last_heard == clock.monotonic()


async def test_a_kind_that_is_refused_everywhere_counts(ages: StreamAges, clock: VirtualClock) -> None:
    begun = clock.monotonic()
    for namespace in ("search", "team"):
        ages.refused(path(namespace, PIPELINES), watch=True)
    await clock.advance(400)
    for namespace in ("search", "team"):
        ages.heard(path(namespace))
    assert ages.last_heard == begun


async def test_who_is_granted_again_counts_from_then_on(ages: StreamAges, clock: VirtualClock) -> None:
    ages.refused(path("team"), watch=True)
    await clock.advance(400)
    granted = clock.monotonic()
    ages.opened(path("team"))
    await clock.advance(100)
    ages.opened(path("team"))
    for each in (path("search"), path("search", PIPELINES), path("team", PIPELINES)):
        ages.heard(each)
    assert ages.last_heard == granted


async def test_what_was_refused_from_the_start_does_not_count(ages: StreamAges, clock: VirtualClock) -> None:
    ages.refused(path("never-there"), watch=True)
    await clock.advance(400)
    for namespace in ("search", "team"):
        for plural in (ENDPOINTS, PIPELINES):
            ages.heard(path(namespace, plural))
    assert ages.last_heard == clock.monotonic()


async def test_a_kind_that_may_be_listed_and_was_never_watched_counts(clock: VirtualClock) -> None:
    ages, begun = StreamAges(clock), clock.monotonic()
    ages.opened(path("search"))
    ages.refused(path("search", PIPELINES), watch=True)
    await clock.advance(400)
    ages.heard(path("search"))
    ages.refused(path("search", PIPELINES), watch=True)
    assert ages.last_heard == begun


async def test_what_is_refused_and_not_watched_is_no_watch(ages: StreamAges, clock: VirtualClock) -> None:
    ages.refused("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", watch=False)
    await clock.advance(400)
    for namespace in ("search", "team"):
        for plural in (ENDPOINTS, PIPELINES):
            ages.heard(path(namespace, plural))
    assert ages.last_heard == clock.monotonic()
