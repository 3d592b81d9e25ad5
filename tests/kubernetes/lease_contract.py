"""What the election relies on from an API server; the one in memory and the real one pass the same list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from inference_operator.kubernetes.lease_record import RELEASED, LeaseRecord, LeaseTiming, released, renewed_at, taken
from inference_operator.kubernetes.lease_requests import LeaseRequests
from inference_operator.kubernetes.values import Conflict, KubernetesFailure

MOMENT = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
TIMING = LeaseTiming()
Clause = Callable[[LeaseRequests], Awaitable[None]]


async def made(requests: LeaseRequests, identity: str = "one") -> LeaseRecord:
    empty = await requests.create({})
    assert isinstance(empty, LeaseRecord), empty
    assert (empty.holder, empty.duration, empty.renew_time) == (None, 0.0, "")
    answer = await requests.patch(empty, taken(identity, empty, TIMING, MOMENT))
    assert isinstance(answer, LeaseRecord), answer
    return answer


async def what_is_created_can_be_read(requests: LeaseRequests) -> None:
    assert await requests.read() is None
    record = await made(requests)
    assert await requests.read() == record
    assert (record.holder, record.duration, record.transitions) == ("one", 15.0, 0)
    assert record.acquire_time == record.renew_time == "2026-03-04T05:06:07.000089Z"


async def only_one_can_create(requests: LeaseRequests) -> None:
    await made(requests)
    assert isinstance(await requests.create({}), Conflict)


async def a_renewal_changes_the_time_and_the_version(requests: LeaseRequests) -> None:
    record = await made(requests)
    renewed = await requests.patch(record, {"renewTime": renewed_at(record, MOMENT)})
    assert isinstance(renewed, LeaseRecord)
    assert renewed.renew_time == "2026-03-04T05:06:07.000090Z"
    assert renewed.resource_version != record.resource_version
    assert (renewed.holder, renewed.acquire_time) == (record.holder, record.acquire_time)


async def an_old_version_is_a_conflict(requests: LeaseRequests) -> None:
    record = await made(requests)
    await requests.patch(record, {"renewTime": renewed_at(record, MOMENT)})
    assert isinstance(await requests.patch(record, taken("two", record, TIMING, MOMENT)), Conflict)
    found = await requests.read()
    assert isinstance(found, LeaseRecord)
    assert found.holder == "one"


async def a_released_lease_has_no_holder_and_can_be_taken(requests: LeaseRequests) -> None:
    record = await made(requests)
    free = await requests.patch(record, released())
    assert isinstance(free, LeaseRecord)
    assert (free.holder, free.duration) == (None, RELEASED)
    again = await requests.patch(free, taken("two", free, TIMING, MOMENT))
    assert isinstance(again, LeaseRecord)
    assert (again.holder, again.transitions) == ("two", 1)


async def a_patch_that_changes_nothing_does_nothing(requests: LeaseRequests) -> None:
    record = await made(requests)
    again = await requests.patch(record, {"renewTime": record.renew_time})
    assert isinstance(again, LeaseRecord)
    assert again.resource_version == record.resource_version


async def without_its_namespace_nothing_can_be_made(requests: LeaseRequests) -> None:
    failure = await requests.create({})
    assert isinstance(failure, KubernetesFailure)
    assert "namespace nowhere does not exist" in failure.message


CLAUSES: tuple[Clause, ...] = (
    what_is_created_can_be_read,
    only_one_can_create,
    a_renewal_changes_the_time_and_the_version,
    an_old_version_is_a_conflict,
    a_released_lease_has_no_holder_and_can_be_taken,
    a_patch_that_changes_nothing_does_nothing,
)
