"""Whatever users, strangers and the network do: every pass ends, only what is ours is touched, and it converges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_operator.api.inference_endpoint import InferenceEndpointSpec
from inference_operator.core.reasons import Reason
from inference_operator.core.values import Usage
from inference_operator.core.verdict import Held, Nothing, Unusable, Validate
from tests.core.situations import USED, deployed, elser_spec, openai_spec, secret_ref
from tests.core.toy_object import Fault, ToyObject
from tests.core.toy_server import ToyServer
from tests.elasticsearch.laws import LAW

VERSIONS = ("8.17.0", "8.19.0", "9.2.0", "9.4.0", "9.5.0")
POLICIES: dict[str, tuple[object, ...]] = {
    "adoptionPolicy": ("IfIdentical", "Never", "Always"),
    "replacePolicy": ("Never", "WhenUnused", "Always"),
    "driftPolicy": ("Correct", "Detect"),
    "deletionPolicy": ("Delete", "Retain"),
    "managementPolicy": ("Manage", "Observe"),
    "forceDelete": (False, True),
    "suspend": (False, True),
}
OPENAI: dict[str, tuple[object, ...]] = {
    "model_id": ("small", "large"),
    "rate_limit": (None, {"requests_per_minute": 10}, {"requests_per_minute": 20}),
    "novelty": (None, 1, 2),
    "organization_id": (None, "one", "two"),
    "api_key": (secret_ref(), secret_ref("other-key")),
}
ELSER: dict[str, tuple[object, ...]] = {"num_allocations": (1, 2), "num_threads": (1, 2)}
FAULTS = st.lists(st.sampled_from([Fault.NONE] * 6 + list(Fault)), max_size=8)
ENOUGH = 12


class Life:
    """One object, one id, one cluster behind one address, and everybody who may get at them."""

    def __init__(self, service: str, version: str, policies: dict[str, object]) -> None:
        self.in_cluster = service == "elasticsearch"
        self.fields = dict(policies)
        self.service_settings: dict[str, object] = {}
        self.server = ToyServer(version=version)
        self.object = ToyObject(self.server, self._spec())

    def edit_setting(self, name: str, choice: int) -> None:
        table = ELSER if self.in_cluster else OPENAI
        name = name if name in table else min(table)
        self.service_settings[name] = table[name][choice % len(table[name])]
        self._edited()

    def edit_policy(self, name: str, choice: int) -> None:
        self.fields[name] = POLICIES[name][choice % len(POLICIES[name])]
        self._edited()

    def edit_user(self, user: str | None) -> None:
        if not self.in_cluster:
            self.fields["taskSettings"] = {} if user is None else {"user": user}
            self._edited()

    def _edited(self) -> None:
        spec = self._spec()
        if spec != self.object.spec:
            self.object.spec = spec
            self.object.generation += 1

    def _spec(self) -> InferenceEndpointSpec:
        chosen = {name: value for name, value in self.service_settings.items() if value is not None}
        if not self.in_cluster:
            return openai_spec(chosen, **self.fields)
        return elser_spec(**self.fields, serviceSettings=elser_spec().service_settings | chosen)

    def rotate(self) -> None:
        self.object.secret_version += 1
        self.object.secret = f"value-{self.object.secret_version}"

    def restore_from_backup(self) -> None:
        if self.object.claim is not None:
            self.object.claim = replace(self.object.claim, uid="the uid that it had before")

    def stranger_creates(self, model: str) -> None:
        self.server.stranger_creates(model)

    def stranger_deletes(self) -> None:
        self.server.stored = None

    def stranger_changes(self, name: str) -> None:
        value: object = {"requests_per_minute": 99} if name == "rate_limit" else 99 if name == "num_threads" else "theirs"
        self.server.change(lambda shown: replace(shown, service_settings={**shown.service_settings, name: value}))

    def use(self, users: Usage) -> None:
        self.server.users = users

    def deployment_is(self, state: str) -> None:
        self.server.deployment = deployed(state=state)

    def upgrade(self, version: str) -> None:
        self.server.version = max(version, self.server.version)

    def another_cluster(self) -> None:
        self.server.real_uuid, self.server.stored = "uuid-two", None

    def hide_uuid(self, hidden: bool) -> None:
        self.server.hides_uuid = hidden

    def delete(self) -> None:
        self.object.generation += not self.object.deleting
        self.object.deleting = True
        self.object.gone = not self.object.has_finalizer


def event(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, tuple[Any, ...]]]:
    return st.tuples(st.just(name), st.tuples(*arguments))


EVENT = st.one_of(
    event("edit_setting", st.sampled_from(sorted(OPENAI | ELSER)), st.integers(0, 2)),
    event("edit_setting", st.sampled_from(sorted(OPENAI | ELSER)), st.integers(0, 2)),
    event("edit_policy", st.sampled_from(sorted(POLICIES)), st.integers(0, 2)),
    event("edit_policy", st.sampled_from(["replacePolicy", "driftPolicy", "adoptionPolicy"]), st.integers(0, 2)),
    event("edit_user", st.none() | st.sampled_from("ab")),
    event("rotate"),
    event("restore_from_backup"),
    event("stranger_creates", st.sampled_from(["small", "theirs"])),
    event("stranger_deletes"),
    event("stranger_changes", st.sampled_from(["model_id", "num_threads", "novelty", "rate_limit"])),
    event("use", st.sampled_from([Usage(), USED])),
    event("deployment_is", st.sampled_from(["started", "starting", "failed"])),
    event("upgrade", st.sampled_from(VERSIONS)),
    event("another_cluster"),
    event("hide_uuid", st.booleans()),
    event("delete"),
)
ROUNDS = st.lists(st.tuples(st.lists(EVENT, max_size=2), st.booleans(), FAULTS), max_size=8)
Rounds = list[tuple[list[tuple[str, tuple[Any, ...]]], bool, list[Fault]]]


BEGINNINGS = st.fixed_dictionaries(
    {
        "service": st.sampled_from(("openai", "elasticsearch")),
        "version": st.sampled_from(VERSIONS),
        "policies": st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in POLICIES.items()}),
    }
)


def live(beginning: dict[str, Any], rounds: Rounds) -> None:
    """All is well at first, then things happen and the operator works (after a bulk read, or before); in the end it must rest."""
    life = Life(**beginning)
    life.object.reconcile(iter(()))
    for events, refreshed, faults in rounds:
        for name, arguments in events:
            getattr(life, name)(*arguments)
        if refreshed:
            life.object.refresh()
        if not life.object.gone:
            life.object.reconcile(iter(faults))
    assert_converges(life.object)


def assert_converges(toy: ToyObject) -> None:
    """Without faults a few passes are enough, and the next one writes nothing on either side."""
    conclusion, before = toy.conclusion, toy.status
    for _ in range(ENOUGH):
        if toy.gone:
            return
        toy.refresh()
        before = toy.status
        conclusion = toy.reconcile(iter(()))
        if toy.status == before and not toy.writes:
            break
    else:
        checks_again = isinstance(conclusion, Held) and conclusion.disposition.reason is Reason.REPLACE_BLOCKED
        assert checks_again, f"does not come to rest: {conclusion}"
        assert toy.writes == [Validate()]
        assert toy.status == before
    if isinstance(conclusion, Unusable | Nothing) and toy.spec.management_policy != "Observe":
        assert toy.server.stored is not None
    if toy.spec.deletion_policy == "Retain":
        assert not toy.has_finalizer


@given(BEGINNINGS, ROUNDS)
@settings(LAW, max_examples=150)  # test_many_lives is the thorough one
def test_life(beginning: dict[str, Any], rounds: Rounds) -> None:
    live(beginning, rounds)


@pytest.mark.full
@pytest.mark.timeout(1800)  # minutes of pure computing, more where others compute, too
@given(BEGINNINGS, ROUNDS)
@settings(LAW, max_examples=20_000)
def test_many_lives(beginning: dict[str, Any], rounds: Rounds) -> None:
    live(beginning, rounds)
