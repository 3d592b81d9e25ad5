"""Which Secrets are read, when their values count as changed, and that an edit of a reference is never missed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.status import SourceKind
from inference_operator.core.failure import ReferenceFailure, ReferenceKind
from inference_operator.core.values import DesiredEndpoint, ObjectRef, reveal
from inference_operator.kinds.endpoint.sources import Sources
from inference_operator.shell.ports import KubernetesFailure
from tests.fake_kubernetes import FakeKubernetes, Moment
from tests.machine.world import World, openai
from tests.shell.bodies import body, claimed, key_of

CANARY = "canary-5f3a9-secret"
SECRET, CONFIG_MAP = ObjectRef(SourceKind.SECRET, "search", "s"), ObjectRef(SourceKind.CONFIG_MAP, "search", "c")


def from_secret(key: str = "k", name: str = "s") -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


FROM_MAP = {"valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}
SETTINGS = {"api_key": from_secret(), "url": FROM_MAP}


class Reader:
    """One object whose key comes from Secret `s` and whose URL from ConfigMap `c`."""

    def __init__(self, settings: dict[str, Any] = SETTINGS) -> None:
        self.kubernetes = FakeKubernetes()
        self.kubernetes.put_secret("search", "s", {"k": CANARY, "other": "else"})
        self.kubernetes.put_config_map("search", "c", {"k": "https://api.example"})
        self.sources = Sources(self.kubernetes)
        self.settings = settings
        self.status: dict[str, Any] = {}
        self.generation = 1
        self.cluster = "one"

    @property
    def found(self) -> InferenceEndpoint:
        spec = {"serviceSettings": self.settings}
        return InferenceEndpoint.parse(
            body("a", spec, self.status, generation=self.generation, annotations=claimed("a", self.cluster))
        )

    async def desired(self, *, read_all: bool = False) -> DesiredEndpoint:
        found = await self.sources.desired(self.found, read_all=read_all)
        assert isinstance(found, DesiredEndpoint), found
        return found

    async def changed(self) -> bool:
        return self.sources.changed(self.found, await self.desired())

    async def send(self) -> None:
        """What a pass does that ends well: the values are sent, and their versions noted in the status."""
        desired = await self.desired(read_all=True)
        self.sources.note_sent(self.found, desired)
        self.note(desired)

    def note(self, desired: DesiredEndpoint) -> None:
        noted = [
            {"kind": ref.kind, "name": ref.name, "uid": version.uid, "resourceVersion": version.resource_version}
            for ref, version in desired.sources.items()
        ]
        self.status = {"observedGeneration": self.generation, "secretVersions": noted}

    def edit(self, **settings: Any) -> None:
        self.settings = self.settings | settings
        self.generation += 1

    def restart(self) -> None:
        self.kubernetes.forget_readings()
        self.sources = Sources(self.kubernetes)

    def reads(self) -> Counter[str]:
        """What was asked of the API server since the last time. From here on nothing that was read before is shared."""
        self.kubernetes.forget_readings()
        reads = Counter(request.target for request in self.kubernetes.requests)
        self.kubernetes.requests.clear()
        return reads


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_objects_are_named_once_and_in_the_objects_own_namespace() -> None:
    reader = Reader({"a": from_secret(), "b": [from_secret("other")], "c": FROM_MAP, "d": {"valueFrom": "malformed"}})
    assert reader.sources.objects(reader.found) == (CONFIG_MAP, SECRET)


async def test_values_of_a_new_object_are_read_and_count_as_changed(reader: Reader) -> None:
    desired = await reader.desired()
    assert reveal(desired.service_settings) == {"api_key": CANARY, "url": "https://api.example"}
    assert await reader.changed()
    assert CANARY not in repr(desired) + repr(reader.sources)


async def test_secret_of_a_known_version_is_not_read(reader: Reader) -> None:
    await reader.send()
    reader.reads()
    desired = await reader.desired()
    assert not desired.is_read
    assert not reader.sources.changed(reader.found, desired)
    assert reader.reads() == {"configmaps/search/c": 1}


async def test_secret_of_a_known_version_is_read_when_its_value_is_asked_for(reader: Reader) -> None:
    await reader.send()
    assert (await reader.desired(read_all=True)).is_read


async def test_nor_after_a_restart(reader: Reader) -> None:
    await reader.send()
    reader.restart()
    assert not (await reader.desired()).is_read
    assert not await reader.changed()


async def test_rotated_secret_has_changed(reader: Reader) -> None:
    await reader.send()
    reader.kubernetes.put_secret("search", "s", {"k": "rotated"})
    assert await reader.changed()
    assert reveal((await reader.desired()).service_settings)["api_key"] == "rotated"


async def test_secret_rotated_while_the_operator_was_down_has_changed(reader: Reader) -> None:
    await reader.send()
    reader.kubernetes.put_secret("search", "s", {"k": "rotated"})
    reader.restart()
    assert await reader.changed()


async def test_new_version_with_the_same_value_has_not_changed(reader: Reader) -> None:
    await reader.send()
    reader.kubernetes.put_secret("search", "s", {"k": CANARY, "unrelated": "x"})
    assert not await reader.changed()
    assert (await reader.desired()).is_read, "its version is not the noted one"


async def test_after_a_restart_a_new_version_can_not_be_told_from_a_rotation(reader: Reader) -> None:
    await reader.send()
    reader.kubernetes.put_secret("search", "s", {"k": CANARY, "unrelated": "x"})
    reader.restart()
    assert await reader.changed()


async def test_secret_that_was_deleted_and_made_again_with_another_value_has_changed(reader: Reader) -> None:
    await reader.send()
    reader.kubernetes.delete_secret("search", "s")
    reader.kubernetes.put_secret("search", "s", {"k": "made again"})
    assert await reader.changed()


async def test_sent_but_not_noted_has_not_changed(reader: Reader) -> None:
    await reader.send()
    reader.status = {"observedGeneration": 1}
    assert not await reader.changed()


EDITS: tuple[Any, ...] = (
    pytest.param({"api_key": from_secret("other")}, True, id="another key of the same Secret"),
    pytest.param({"secret_parameters": {"more": from_secret()}}, True, id="one more setting from the same Secret"),
    pytest.param({"model_id": "m"}, False, id="something else"),
)


@pytest.mark.parametrize(("settings", "changed"), EDITS)
async def test_edit_of_a_reference_is_a_change_although_no_secret_changed(
    reader: Reader, settings: dict[str, Any], changed: bool
) -> None:
    await reader.send()
    reader.edit(**settings)
    desired = await reader.desired()
    assert desired.is_read
    assert reader.sources.changed(reader.found, desired) is changed


async def test_edit_that_was_told_but_not_sent_stays_a_change(reader: Reader) -> None:
    await reader.send()
    reader.edit(api_key=from_secret("other"))
    reader.status = {"observedGeneration": reader.generation, "secretVersions": []}
    assert await reader.changed()
    await reader.send()
    assert not await reader.changed()


async def test_config_map_is_always_read_and_no_secret(reader: Reader) -> None:
    await reader.send()
    reader.kubernetes.put_config_map("search", "c", {"k": "https://other.example"})
    assert reveal((await reader.desired(read_all=True)).service_settings)["url"] == "https://other.example"
    assert not await reader.changed()


async def test_spec_without_a_secret_never_changes_by_itself() -> None:
    reader = Reader({"url": FROM_MAP})
    assert not await reader.changed()


async def test_where_nothing_is_heard_of_versions_everything_is_read(reader: Reader) -> None:
    await reader.send()
    reader.kubernetes.references_watched = False
    assert (await reader.desired()).is_read
    assert not await reader.changed()


async def test_missing_secret_is_a_failure(reader: Reader) -> None:
    reader.kubernetes.delete_secret("search", "s")
    failure = await reader.sources.desired(reader.found)
    assert isinstance(failure, ReferenceFailure)
    assert failure.kind is ReferenceKind.SECRET_NOT_FOUND
    assert failure.path == "spec.serviceSettings.api_key"


async def test_secret_that_may_not_be_read_is_a_failure(reader: Reader) -> None:
    await reader.send()
    reader.edit()
    reader.kubernetes.forget_readings()
    reader.kubernetes.fail_at(1, Moment.BEFORE, KubernetesFailure("get", "forbidden", status=403))
    failure = await reader.sources.desired(reader.found)
    assert failure == ReferenceFailure(ReferenceKind.UNREADABLE, failure.path, "forbidden")  # type: ignore[union-attr]


async def test_what_was_sent_to_one_cluster_was_not_sent_to_another(reader: Reader) -> None:
    await reader.send()
    reader.status = {}
    assert not await reader.changed()
    reader.cluster = "another"
    assert await reader.changed()


async def test_forgotten_object_is_as_new(reader: Reader) -> None:
    await reader.send()
    reader.sources.forget(reader.found.metadata.uid)
    reader.kubernetes.put_secret("search", "s", {"k": CANARY, "unrelated": "x"})
    assert await reader.changed()


async def test_values_are_kept_as_keyed_digests_only(reader: Reader) -> None:
    await reader.send()
    kept = reader.sources.sent(reader.found.metadata.uid)
    assert len(kept) == 1
    assert CANARY.encode() not in b"".join(kept.values())
    other = Sources(reader.kubernetes)
    other.note_sent(reader.found, await reader.desired(read_all=True))
    assert other.sent("uid-a") != kept, "the key of the digests dies with the process"


async def ready(world: World) -> None:
    world.kubernetes.put_secret("search", "openai", {"api-key": CANARY, "other": "the-other-key"})
    await world.start()
    world.apply("a")
    await world.rest()
    assert world.condition(key_of("a")) == ("True", "Available")


def names_the_other_key() -> dict[str, Any]:
    reference = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "other"}}}
    return {"serviceSettings": openai(api_key=reference)["serviceSettings"]}


async def test_another_key_of_the_same_secret_reaches_elasticsearch() -> None:
    async with World() as world:
        await ready(world)
        world.forget_requests()
        world.kubernetes.edit_spec(key_of("a"), names_the_other_key())
        await world.rest()
        assert world.standin.endpoints["a"].secrets == {"api_key": "the-other-key"}
        assert world.writes == (1, 1)


@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "restarted"])
async def test_also_when_it_could_not_be_sent_at_first(restarted: bool) -> None:
    async with World() as world:
        await ready(world)
        world.standin.reachable = False
        world.kubernetes.edit_spec(key_of("a"), names_the_other_key())
        await world.resync()
        assert world.condition(key_of("a")) == ("Unknown", "Unreachable")
        if restarted:
            await world.restart()
        world.standin.reachable = True
        await world.resync()
        await world.rest()
        assert world.standin.endpoints["a"].secrets == {"api_key": "the-other-key"}


async def test_also_when_another_reference_was_missing_at_first() -> None:
    async with World() as world:
        await ready(world)
        spec = names_the_other_key()
        spec["serviceSettings"]["organization_id"] = from_secret("id", "later")
        world.kubernetes.edit_spec(key_of("a"), spec)
        await world.rest()
        assert world.condition(key_of("a")) == ("False", "SecretNotFound")
        world.kubernetes.put_secret("search", "later", {"id": "org"})
        await world.rest()
        assert world.standin.endpoints["a"].secrets == {"api_key": "the-other-key"}
        assert world.condition(key_of("a")) == ("True", "Available")
