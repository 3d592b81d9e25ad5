"""Two replicas as real processes before a real API server: one writes, the other follows, whatever becomes of the first."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.operating import endpoint, eventually, secret
from tests.cluster.replicas import Replica, Replicas, replicas_of
from tests.controlplane import ControlPlane
from tests.standin import Fault

SHORT = {"INFERENCE_OPERATOR_LEASE_DURATION": "5s", "INFERENCE_OPERATOR_LEASE_RENEW_DEADLINE": "4s"}


@pytest.fixture
def replicas(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Replicas]:
    with replicas_of(plane, namespace, tmp_path) as made:
        yield made


def two(replicas: Replicas) -> tuple[Replica, Replica]:
    """The one that leads, and the one that stands by."""
    first = replicas.start()
    eventually(lambda: replicas.leader() is first, "the first one to lead")
    return first, replicas.start()


def awaits(replicas: Replicas, leader: Replica) -> None:
    eventually(lambda: replicas.leader() is leader, f"{leader.name} to lead; its log:\n{leader.log}")


def test_a_replica_that_stands_by_is_ready_and_follows_at_once_when_the_leader_is_shut_down(replicas: Replicas) -> None:
    first, second = two(replicas)
    replicas.apply(secret(), endpoint("one"))
    replicas.await_ready(1)
    assert second.is_ready()
    assert replicas.turns() == ([first.name], [first.name])

    first.send(signal.SIGTERM)
    assert first.ended() == 0
    awaits(replicas, second)
    assert replicas.lease["leaseTransitions"] == 1
    # Had it waited for the lease to run out, it would have looked fifteen times: it looks once a second.
    of_lease = [(name, entry.verb) for name, entry in replicas.asked() if entry.resource == "leases"]
    released = max(number for number, one in enumerate(of_lease) if one == (first.name, "patch"))
    taken = of_lease.index((second.name, "patch"))
    assert of_lease[released + 1 : taken].count((second.name, "get")) <= 2

    replicas.apply(endpoint("two"))
    replicas.await_ready(2)
    assert replicas.turns() == ([first.name, second.name], [first.name, second.name])


@pytest.mark.full
def test_a_leader_that_stood_still_past_its_lease_writes_nothing_any_more_and_ends(replicas: Replicas) -> None:
    """It is stopped between a look and the write that follows from it, while the other one follows."""
    replicas.settings = SHORT
    first, second = two(replicas)
    replicas.apply(secret(), endpoint("one"))
    replicas.await_ready(1)
    looks = len(replicas.standin.log.matching("GET", "/_inference/*one"))
    replicas.standin.faults.add(Fault(method="GET", path="/_inference/*one", times=1, delay=2.0))
    replicas.apply(endpoint("one", taskSettings={"user": "changed"}))
    eventually(lambda: len(replicas.standin.log.matching("GET", "/_inference/*one")) > looks, "a look at what was changed")
    first.send(signal.SIGSTOP)
    awaits(replicas, second)
    replicas.await_ready(1)
    before = len(replicas.asked())

    first.send(signal.SIGCONT)
    assert first.ended() == 1
    assert "writes no more" in first.log
    assert [entry for name, entry in replicas.asked()[before:] if name == first.name and entry.is_write] == []
    assert replicas.turns() == ([first.name, second.name], [first.name, second.name])
    assert dict(replicas.standin.endpoints["one"].task_settings) == {"user": "changed"}


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("count", "kills"), [(20, 2), (200, 10)])
def test_leaders_that_are_killed_while_they_write_are_followed_and_all_converges(
    replicas: Replicas, count: int, kills: int
) -> None:
    replicas.settings = SHORT
    dice = random.Random(count)  # noqa: S311 - the same moments in every run
    leader, _ = two(replicas)
    with ThreadPoolExecutor(1) as user:
        for number in range(kills):
            mark = len(replicas.standin.log.writes)
            change = user.submit(replicas.apply, secret(), *_endpoints(count, number))
            fatal = mark + dice.randint(1, count // 2)
            eventually(lambda fatal=fatal: len(replicas.standin.log.writes) >= fatal, "the leader to be at work")  # type: ignore[misc]
            leader.send(signal.SIGKILL)
            leader.ended()
            replicas.start()
            change.result()
            leader = eventually(replicas.leader, "the other one to lead")
    replicas.await_ready(count)

    assert {one.task_settings["user"] for one in _made(replicas)} == {f"round-{kills - 1}"}
    created = Counter(one.path for one in replicas.standin.log.matching("PUT") if one.status == 200 and "_update" not in one.path)
    assert sorted(created.values()) == [1] * count, "an endpoint was created twice"
    of_kubernetes, of_elasticsearch = replicas.turns()
    assert len(of_elasticsearch) == len(set(of_elasticsearch)), "two wrote to Elasticsearch at once"
    assert len(of_kubernetes) == len(set(of_kubernetes)), "two wrote objects at once"
    assert kills <= len(of_elasticsearch) <= kills + 1


def _endpoints(count: int, number: int) -> list[dict[str, Any]]:
    return [endpoint(f"e-{one:03}", taskSettings={"user": f"round-{number}"}) for one in range(count)]


def _made(replicas: Replicas) -> list[Any]:
    return [one for name, one in replicas.standin.endpoints.items() if name.startswith("e-")]
