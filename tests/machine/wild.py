"""A world in which anything may happen at any time, and the laws that hold whatever did.

Ids `a` and `b` are wanted by endpoints, `p` and `q` by pipelines; several objects may want the same. `theirs` belongs to a
stranger, and only objects that may never adopt want it. In a cluster that takes another's place a stranger may have any of the
ids. Values of Secrets all begin with the canary.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from inference_operator.api.meta import CLAIM_ANNOTATION
from inference_operator.core.situation import ClaimMark
from inference_operator.kinds.endpoint.kind import PLURAL as ENDPOINTS
from inference_operator.kinds.pipeline.kind import PLURAL as PIPELINES
from inference_operator.shell.ports import KubernetesFailure, ObjectKey
from tests.fake_kubernetes_requests import Moment, Request
from tests.machine.tripwire import Fate, Tripwire
from tests.machine.world import CANARY, NAMESPACE, World, openai
from tests.standin.faults import Fault
from tests.standin.state import Endpoint, Pipeline

THEIRS = "theirs"
_LASTING = 1400.0  # seconds: two comparisons and the longest pause between two attempts
_REPLACING = 10.0  # seconds during which nothing answers


@dataclass
class Wild:
    """The world, the wire that strikes, and what must be remembered to judge it."""

    world: World = field(default_factory=World)
    keeps: set[str] = field(default_factory=set)
    meddled: set[str] = field(default_factory=set)
    rotations: int = 0
    has_secret: bool = False
    clusters: int = 0
    foreign: dict[str, object] = field(default_factory=dict)
    """What belongs to strangers and must stay as it is, by `plural/id`."""

    def __post_init__(self) -> None:
        self.wire = Tripwire(self.world)
        self._on_the_wire = self.world.kubernetes.interceptor

    async def begin(self) -> None:
        self.rotate()
        await self.stranger_puts_endpoint(THEIRS)
        self._protect(f"{ENDPOINTS}/{THEIRS}")
        await self.world.start()

    # --- the user -----------------------------------------------------------------------------------------------------

    @property
    def keys(self) -> list[ObjectKey]:
        return sorted(self.world.kubernetes.store)

    def apply_endpoint(self, name: str, inference_id: str, policies: dict[str, str]) -> None:
        adoption = {"adoptionPolicy": "Never"} if inference_id == THEIRS else {}
        spec = {"inferenceId": inference_id} | policies | adoption
        if ObjectKey(ENDPOINTS, NAMESPACE, name) not in self.keys:
            self.world.apply(name, spec)
            self._note_policies(ENDPOINTS, inference_id, policies)

    def apply_pipeline(self, name: str, pipeline_id: str, body: list[Any], policies: dict[str, str]) -> None:
        if ObjectKey(PIPELINES, NAMESPACE, name) not in self.keys:
            own = {key: value for key, value in policies.items() if key != "replacePolicy"}
            self.world.apply_pipeline(name, {"pipelineId": pipeline_id, "processors": body} | own)
            self._note_policies(PIPELINES, pipeline_id, policies)

    def edit(self, key: ObjectKey, changes: dict[str, Any]) -> None:
        if key.plural == PIPELINES:
            changes = {name: value for name, value in changes.items() if name not in ("replacePolicy", "serviceSettings")}
        if self._id_of(key) == THEIRS:
            changes = {name: value for name, value in changes.items() if name != "adoptionPolicy"}
        self.world.kubernetes.edit_spec(key, changes)
        self._note_policies(key.plural, self._id_of(key), changes)

    def delete(self, key: ObjectKey) -> None:
        self.world.kubernetes.delete(key)

    def rotate(self) -> None:
        self.rotations += 1
        self.has_secret = True
        self.world.put_key(f"{CANARY}-{self.rotations}")

    def lose_secret(self) -> None:
        """Somebody deletes it; `heal` brings another."""
        if self.has_secret:
            self.has_secret = False
            self.world.kubernetes.delete_secret(NAMESPACE, "openai")

    # --- others -------------------------------------------------------------------------------------------------------

    async def stranger_puts_endpoint(self, inference_id: str) -> None:
        self._meddle(f"{ENDPOINTS}/{inference_id}")
        body = {"service": "openai", "service_settings": {"model_id": "text-embedding-3-large", "api_key": "theirs"}}
        await self._say("PUT", f"/_inference/text_embedding/{inference_id}", body)

    async def stranger_changes_endpoint(self, inference_id: str, requests: int) -> None:
        self._release(f"{ENDPOINTS}/{inference_id}")
        settings = {"api_key": "theirs", "rate_limit": {"requests_per_minute": requests}}
        await self._say("PUT", f"/_inference/text_embedding/{inference_id}/_update", {"service_settings": settings})

    async def stranger_deletes_endpoint(self, inference_id: str) -> None:
        self._release(f"{ENDPOINTS}/{inference_id}")
        await self._say("DELETE", f"/_inference/{inference_id}?force=true")

    async def stranger_puts_pipeline(self, pipeline_id: str) -> None:
        self._meddle(f"{PIPELINES}/{pipeline_id}")
        await self._say("PUT", f"/_ingest/pipeline/{pipeline_id}", {"description": "theirs", "processors": []})

    async def stranger_deletes_pipeline(self, pipeline_id: str) -> None:
        self._release(f"{PIPELINES}/{pipeline_id}")
        await self._say("DELETE", f"/_ingest/pipeline/{pipeline_id}")

    async def index_uses(self, inference_id: str, pipeline_id: str) -> None:
        fields = {"body": {"type": "semantic_text", "inference_id": inference_id}}
        await self._say("PUT", "/i1", {"mappings": {"properties": fields}, "settings": {"index.default_pipeline": pipeline_id}})

    async def index_goes(self) -> None:
        await self._say("DELETE", "/i1")

    # --- faults -------------------------------------------------------------------------------------------------------

    def fault(self, fault: Fault) -> None:
        self.world.standin.faults.add(fault)

    def cut(self, *, reachable: bool) -> None:
        self.world.standin.reachable = reachable

    async def replace_cluster(self, endpoints: Collection[str] = (), pipelines: Collection[str] = ()) -> None:
        """One of another identity answers at the same address, with nothing in it but what is theirs, also under ids of ours.

        Nobody does so within seconds, for which the operator believes who answers there: the address is silent meanwhile.
        """
        was_reachable = self.world.standin.reachable
        self.cut(reachable=False)
        await self.pass_time(_REPLACING)
        self.cut(reachable=was_reachable)
        self.clusters += 1
        theirs = self.world.standin.endpoints[THEIRS]
        self.world.standin.replace_cluster(f"cluster-{self.clusters}")
        self.foreign.clear()
        self._find(theirs, endpoints, pipelines)

    def _find(self, theirs: Endpoint, endpoints: Collection[str], pipelines: Collection[str]) -> None:
        """Strangers' things are there, and none of them is what a spec of ours says, so that only `Always` adopts it."""
        unlike = replace(theirs, service_settings={**theirs.service_settings, "model_id": "text-embedding-ada-002"})
        found = {name: replace(unlike, inference_id=name) for name in sorted(endpoints)} | {THEIRS: theirs}
        stored = {name: Pipeline({"description": "theirs", "processors": []}, 0.0, 0.0) for name in sorted(pipelines)}
        self.world.standin.change(lambda state: replace(state, endpoints={**state.endpoints, **found}, pipelines=stored))
        names = {f"{ENDPOINTS}/{name}" for name in found} | {f"{PIPELINES}/{name}" for name in stored}
        self.meddled |= names
        for name in names - {self._name_of(key) for key in self.keys if self._may_take(key)}:
            self._protect(name)

    def cut_kubernetes(self, *, reachable: bool) -> None:
        """Neither requests nor the watch get through; what happened meanwhile is heard of once they do."""
        self.world.kubernetes.interceptor = self._on_the_wire if reachable else _cut
        if reachable:
            self.world.kubernetes.store.release_events()
        else:
            self.world.kubernetes.store.hold_events()

    async def restart(self) -> None:
        self.wire.disarm()
        await self.world.restart()

    async def heal(self) -> None:
        """Everything works again, and enough time passes for whatever was put off."""
        self.world.standin.faults.clear()
        self.cut(reachable=True)
        self.cut_kubernetes(reachable=True)
        if self.wire.struck is not None:
            await self.restart()
        self.wire.disarm()
        self.rotate()
        await self.world.clock.advance(_LASTING)

    async def pass_time(self, seconds: float) -> None:
        """A process that was killed meanwhile is started again, as a kubelet does."""
        await self.world.clock.advance(seconds)
        if self.wire.struck is not None:
            await self.restart()

    def strike(self, at: int, fate: Fate) -> None:
        self.wire.arm(at, fate)

    # --- laws ---------------------------------------------------------------------------------------------------------

    def assert_laws(self) -> None:
        """What holds at every moment."""
        shown = json.dumps([self.world.kubernetes.store.get(key) for key in self.keys])
        assert CANARY not in shown, "a secret in an object"
        assert CANARY not in str(self.world.kubernetes.events), "a secret in an event"
        for key in self.keys:
            self.world.conditions(key)  # which are lawful, or this raises
        there = {name: self._stored(name) for name in self.foreign}
        assert there == self.foreign, "what only strangers may touch was touched"
        claims = [claim for key in self.keys if (claim := self._claim(key)) is not None]
        assert len(claims) == len(set(claims)), f"two objects claim one id: {sorted(claims)}"

    async def assert_rest(self) -> None:
        """What holds once everything works again: each object is told about truly, and nothing is written any more."""
        for key in self.keys:
            self._assert_told(key)
        self.world.forget_requests()
        await self.world.resync(2)
        kubernetes, elasticsearch = self.world.writes
        written = [(entry.method, entry.path) for entry in self.world.standin.log.writes]
        assert (kubernetes, elasticsearch) == (0, 0), f"it does not rest: {self.world.kubernetes.requests[:5]} {written[:5]}"

    async def assert_end(self) -> None:
        """All objects are deleted: they go, and leave nothing behind but what others made or what was to be kept."""
        await self.index_goes()
        for key in self.keys:
            self.edit(key, {"forceDelete": True})
            self.delete(key)
        await self.world.clock.advance(_LASTING)
        assert self.keys == [], f"it does not go: {[self.world.conditions(key) for key in self.keys]}"
        left = {f"{ENDPOINTS}/{name}" for name in self.world.standin.endpoints if not name.startswith(".")}
        left |= {f"{PIPELINES}/{name}" for name in self._pipelines}
        assert left <= self.keeps | self.meddled, f"orphans: {left - self.keeps - self.meddled}"
        self.assert_laws()

    def _assert_told(self, key: ObjectKey) -> None:
        body = self.world.kubernetes.store.get(key)
        assert body is not None
        assert body["status"]["observedGeneration"] == body["metadata"]["generation"], f"{key} was not looked at"
        if self.world.condition(key) != ("True", "Available") or body["spec"].get("suspend"):
            return
        if key.plural == PIPELINES:
            there = self._pipelines[self._id_of(key)]
            assert there["processors"] == body["spec"]["processors"], f"{key} is Ready and differs"
        else:
            self._assert_like(key, body["spec"])

    def _assert_like(self, key: ObjectKey, spec: dict[str, Any]) -> None:
        there = self.world.standin.endpoints[self._id_of(key)]
        assert there.service_settings["model_id"] == spec["serviceSettings"]["model_id"], f"{key} is Ready and differs"
        assert there.secrets == {"api_key": f"{CANARY}-{self.rotations}"}, f"{key} is Ready with an old key"

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _say(self, method: str, path: str, body: Any = None) -> None:
        """A stranger's request; the network and the faults are the same for all."""
        with suppress(httpx.TransportError):
            await self.world.ask(method, path, body)

    @property
    def _pipelines(self) -> dict[str, Any]:
        return {name: pipeline.body for name, pipeline in self.world.standin.state.pipelines.items()}

    def _id_of(self, key: ObjectKey) -> str:
        body = self.world.kubernetes.store.get(key)
        assert body is not None
        spec = body["spec"]
        return str(spec.get("inferenceId") or spec.get("pipelineId"))

    def _note_policies(self, plural: str, name: str, policies: dict[str, Any]) -> None:
        """What an object kept, or gave back its claim of, may stay for good."""
        if policies.get("deletionPolicy") == "Retain" or policies.get("managementPolicy") == "Observe":
            self.keeps.add(f"{plural}/{name}")
        if policies.get("adoptionPolicy") == "Always":
            self._release(f"{plural}/{name}")

    def _meddle(self, name: str) -> None:
        self.meddled.add(name)
        self._release(name)

    def _protect(self, name: str) -> None:
        """From now on it stays as it is."""
        self.foreign[name] = self._stored(name)

    def _release(self, name: str) -> None:
        """Its owner changes it, or an object may take it over."""
        self.foreign.pop(name, None)

    def _stored(self, name: str) -> object:
        plural, _, within = name.partition("/")
        state = self.world.standin.state
        return state.pipelines.get(within) if plural == PIPELINES else state.endpoints.get(within)

    def _name_of(self, key: ObjectKey) -> str:
        return f"{key.plural}/{self._id_of(key)}"

    def _may_take(self, key: ObjectKey) -> bool:
        body = self.world.kubernetes.store.get(key)
        return body is not None and body["spec"].get("adoptionPolicy") == "Always"

    def _claim(self, key: ObjectKey) -> tuple[str, str, str] | None:
        body = self.world.kubernetes.store.get(key)
        assert body is not None
        claim = ClaimMark.parse(body["metadata"].get("annotations", {}).get(CLAIM_ANNOTATION))
        if claim is None or claim.uid != body["metadata"]["uid"]:
            return None
        return key.plural, claim.cluster, claim.external_id


def _cut(request: Request, moment: Moment) -> KubernetesFailure:
    return KubernetesFailure(f"{request.verb} {request.target}", "the API server can't be reached: cut")


def processors(endpoint: str | None, calls: str | None) -> list[Any]:
    """A body that names an endpoint, another pipeline, both, or nothing."""
    uses = {"model_id": endpoint, "input_output": {"input_field": "text", "output_field": "vector"}}
    named = [{"inference": uses}] if endpoint else []
    return [*named, *([{"pipeline": {"name": calls}}] if calls else [])] or [{"set": {"field": "seen", "value": True}}]


def settings(model: str, requests: int | None) -> dict[str, Any]:
    """Those of an endpoint: the model can't change in place, the rate limit can, on newer servers."""
    extra = {"rate_limit": {"requests_per_minute": requests}} if requests else {}
    found: dict[str, Any] = openai(model_id=model, **extra)["serviceSettings"]
    return found
