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
from tests.core.toy_endpoint import ToyEndpoint
from tests.core.toy_life import Rounds, event, live, rounds_of
from tests.core.toy_object import ToyObject
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


class EndpointLife:
    """One object, one id, one cluster behind one address, and everybody who may get at them."""

    def __init__(self, service: str, version: str, policies: dict[str, object]) -> None:
        self.in_cluster = service == "elasticsearch"
        self.fields = dict(policies)
        self.service_settings: dict[str, object] = {}
        self.server = ToyServer(version=version)
        self.object = ToyEndpoint(self.server, self._spec())

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
        self.server.stranger_deletes()

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
ROUNDS = rounds_of(EVENT)


BEGINNINGS = st.fixed_dictionaries(
    {
        "service": st.sampled_from(("openai", "elasticsearch")),
        "version": st.sampled_from(VERSIONS),
        "policies": st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in POLICIES.items()}),
    }
)


def endpoint_lives(beginning: dict[str, Any], rounds: Rounds) -> None:
    life = EndpointLife(**beginning)
    live(life, rounds, rests=asks_again)
    toy = life.object
    if not toy.gone and isinstance(toy.conclusion, Unusable | Nothing) and toy.spec.management_policy != "Observe":
        assert toy.server.stored is not None


def asks_again(toy: ToyObject[Any]) -> bool:
    """A replacement that waits for the last user to go is checked in every pass."""
    conclusion = toy.conclusion
    blocked = isinstance(conclusion, Held) and conclusion.disposition.reason is Reason.REPLACE_BLOCKED
    return blocked and toy.deeds == [Validate()]


@given(BEGINNINGS, ROUNDS)
@settings(LAW, max_examples=150)  # test_many_lives is the thorough one
def test_life(beginning: dict[str, Any], rounds: Rounds) -> None:
    endpoint_lives(beginning, rounds)


@pytest.mark.full
@pytest.mark.timeout(1800)  # minutes of pure computing, more where others compute, too
@given(BEGINNINGS, ROUNDS)
@settings(LAW, max_examples=20_000)
def test_many_lives(beginning: dict[str, Any], rounds: Rounds) -> None:
    endpoint_lives(beginning, rounds)
