"""Two objects, one id: who owns it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.core.values import Server
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.rivals import Rivals
from inference_operator.shell.store import ObjectStore
from tests.shell.bodies import claimed, key_of, known

ADDRESS = "https://es.example:9200"
SERVER = Server(ADDRESS, "cluster-1", "9.5.0")
ELSEWHERE = Server("https://elsewhere.example:9200", "cluster-2", "9.5.0")
NAMELESS = Server(ADDRESS, None, None)
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
SAME_ID = {"inferenceId": "x"}
OBSERVES = SAME_ID | {"managementPolicy": "Observe"}


class Both:
    """Objects `a` and `b` want id `x`. `a` is asked about; where `b` was seen last is told beforehand."""

    def __init__(self) -> None:
        self.store = ObjectStore()
        self.places: dict[ObjectKey, Server] = {}
        self.rivals = Rivals(self.store, self)

    def put(self, name: str, spec: dict[str, Any] = SAME_ID, **metadata: Any) -> None:
        self.store.observe(key_of(name), known(name, spec, **metadata))

    def seen_on(self, name: str, server: Server) -> None:
        self.places[key_of(name)] = server

    async def is_on(self, key: ObjectKey, ref: ElasticsearchRef | None, server: Server) -> bool:
        return key in self.places and self.places[key].is_same(server)

    def owner(self, name: str, server: Server = SERVER) -> str | None:
        found = self.store.get(key_of(name))
        assert isinstance(found, InferenceEndpoint)
        return asyncio.run(self.rivals.of(key_of(name), found, server))


@pytest.fixture
def both() -> Both:
    return Both()


def test_alone_it_has_no_rival(both: Both) -> None:
    both.put("a")
    both.put("b", {"inferenceId": "y"})
    assert both.owner("a") is None


CLAIMS: tuple[Any, ...] = (
    pytest.param(claimed("b", "cluster-1", "x"), SERVER, None, "search/b", id="by UUID on this cluster"),
    pytest.param(claimed("b", ADDRESS, "x"), SERVER, None, "search/b", id="by address of this cluster"),
    pytest.param(claimed("b", "cluster-2", "x"), SERVER, None, None, id="on another cluster"),
    pytest.param(
        claimed("b", "cluster-0", "x"), SERVER, SERVER, "search/b", id="on a cluster that was here before it was replaced"
    ),
    pytest.param(claimed("b", "cluster-1", "x"), NAMELESS, NAMELESS, "search/b", id="by UUID, which can't be read now"),
    pytest.param(claimed("b", "cluster-1", "x", uid="copied"), SERVER, None, None, id="of another uid: a copy claims nothing"),
    pytest.param(claimed("b", "cluster-1", "y"), SERVER, None, None, id="of another id"),
    pytest.param({"inference-operator.io/claim": "mangled"}, SERVER, None, None, id="mangled"),
)


@pytest.mark.parametrize(("annotations", "server", "seen", "owner"), CLAIMS)
def test_claim_of_the_other(
    both: Both, annotations: dict[str, str], server: Server, seen: Server | None, owner: str | None
) -> None:
    both.put("a", creationTimestamp=EARLY)
    both.put("b", creationTimestamp=LATE, annotations=annotations)
    if seen is not None:
        both.seen_on("b", seen)
    assert both.owner("a", server) == owner


def test_claim_beats_age(both: Both) -> None:
    both.put("a", creationTimestamp=LATE, annotations=claimed("a", "cluster-1", "x"))
    both.put("b", creationTimestamp=EARLY)
    both.seen_on("b", SERVER)
    assert both.owner("a") is None


def test_claim_on_another_cluster_is_no_claim_here(both: Both) -> None:
    both.put("a", creationTimestamp=LATE, annotations=claimed("a", "cluster-2", "x"))
    both.put("b", creationTimestamp=EARLY)
    both.seen_on("b", SERVER)
    assert both.owner("a") == "search/b"


AGES: tuple[Any, ...] = (
    pytest.param(EARLY, LATE, None, id="the older owns"),
    pytest.param(LATE, EARLY, "search/b", id="the younger does not"),
    pytest.param(EARLY, EARLY, None, id="of twins the smaller uid owns"),
)


@pytest.mark.parametrize(("mine", "theirs", "owner"), AGES)
def test_without_a_claim_age_decides(both: Both, mine: str, theirs: str, owner: str | None) -> None:
    both.put("a", creationTimestamp=mine)
    both.put("b", creationTimestamp=theirs)
    both.seen_on("b", SERVER)
    assert both.owner("a") == owner


def test_of_twins_the_greater_uid_does_not_own(both: Both) -> None:
    both.put("a", creationTimestamp=EARLY)
    both.put("b", creationTimestamp=EARLY)
    both.seen_on("a", SERVER)
    assert both.owner("b") == "search/a"


PLACES: tuple[Any, ...] = (
    pytest.param(SERVER, SERVER, "search/b", id="the same cluster"),
    pytest.param(Server("https://alias.example:9200", "cluster-1", None), SERVER, "search/b", id="the same by another address"),
    pytest.param(ELSEWHERE, SERVER, None, id="another cluster"),
    pytest.param(Server(ADDRESS, "cluster-2", None), SERVER, None, id="another cluster behind the same address"),
    pytest.param(NAMELESS, SERVER, "search/b", id="its UUID is unknown: the address tells"),
    pytest.param(SERVER, NAMELESS, "search/b", id="ours is unknown: the address tells"),
    pytest.param(ELSEWHERE, NAMELESS, None, id="ours is unknown, the address is another"),
    pytest.param(None, SERVER, None, id="nobody knows where the other is"),
)


@pytest.mark.parametrize(("theirs", "ours", "owner"), PLACES)
def test_identity_is_of_a_cluster(both: Both, theirs: Server | None, ours: Server, owner: str | None) -> None:
    both.put("a", creationTimestamp=LATE)
    both.put("b", creationTimestamp=EARLY)
    if theirs is not None:
        both.seen_on("b", theirs)
    assert both.owner("a", ours) == owner


def test_who_only_observes_owns_nothing(both: Both) -> None:
    both.put("a", creationTimestamp=LATE)
    both.put("b", OBSERVES, creationTimestamp=EARLY, annotations=claimed("b", "cluster-1", "x"))
    both.seen_on("b", SERVER)
    assert both.owner("a") is None


def test_who_goes_without_a_claim_owns_nothing(both: Both) -> None:
    both.put("a", creationTimestamp=LATE)
    both.put("b", creationTimestamp=EARLY, deletionTimestamp=LATE, finalizers=["another/finalizer"])
    both.seen_on("b", SERVER)
    assert both.owner("a") is None


def test_who_goes_with_a_claim_owns_to_the_end(both: Both) -> None:
    both.put("a")
    both.put("b", deletionTimestamp=LATE, finalizers=["f"], annotations=claimed("b", "cluster-1", "x"))
    assert both.owner("a") == "search/b"


def test_who_is_gone_owns_nothing(both: Both) -> None:
    both.put("a", creationTimestamp=LATE)
    both.put("b", creationTimestamp=EARLY)
    both.seen_on("b", SERVER)
    both.store.remove(key_of("b"))
    assert both.owner("a") is None


def test_the_first_of_several_is_named(both: Both) -> None:
    for name in ("d", "c", "b"):
        both.put(name, creationTimestamp=EARLY)
        both.seen_on(name, SERVER)
    both.put("a", creationTimestamp=LATE)
    assert both.owner("a") == "search/b"


def test_of_two_claims_the_older_object_holds(both: Both) -> None:
    both.put("a", creationTimestamp=LATE, annotations=claimed("a", "cluster-1", "x"))
    both.put("b", creationTimestamp=EARLY, annotations=claimed("b", "cluster-1", "x"))
    assert both.owner("a") == "search/b"
    assert both.owner("b") is None


def test_a_claim_on_another_cluster_does_not_beat_one_here(both: Both) -> None:
    both.put("a", creationTimestamp=LATE, annotations=claimed("a", "cluster-1", "x"))
    both.put("b", creationTimestamp=EARLY, annotations=claimed("b", "cluster-0", "x"))
    both.seen_on("b", SERVER)
    assert both.owner("a") is None
