"""Stories about what Elasticsearch and the providers behind it answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from inference_operator.core.reasons import Reason
from inference_operator.shell.ports import ObjectKey
from tests.docs.stories_of_references import PLAIN, secret
from tests.docs.story import REFUSED, UNDER_WAY, UNSEEN, UNUSABLE, Deed, Goes, Story, edit, shown
from tests.machine.world import CANARY, World, openai
from tests.standin import Answer, Cluster, Fault, Role, Security, User, Version
from tests.standin.faults import too_many_requests, unavailable

ALL = ("inference_admin", "ingest_admin", "reader")
SECURED = Security(
    users={"operator": User("right", ALL), "weak": User("right", ("reader",))},
    roles={"reader": Role(("monitor",))},
)
PROBED = {"probe": {"enabled": True, "interval": "30s"}}
UNTOUCHABLE = shown("Ready=Unknown", "Synced=Unknown", "Stalled=True")


def log_in(user: str, password: str) -> Any:
    return lambda world, *_: world.put_connection(username=user, password=password)


def answers(status: int, kind: str, reason: str, **rule: Any) -> Deed:
    """Elasticsearch answers with an error of its own."""
    error = {"root_cause": [], "type": kind, "reason": reason}
    headers = (("Content-Type", "application/json"), ("X-elastic-product", "Elasticsearch"))
    body = json.dumps({"error": error, "status": status})
    return lambda world: world.standin.faults.add(Fault(answer=Answer(status, body, headers), **rule))


def heal(world: World, key: ObjectKey) -> None:
    world.standin.faults.clear()


def reach(*, reachable: bool) -> Any:
    def change(world: World, *_: object) -> None:
        world.standin.reachable = reachable

    return change


def change_password(world: World, key: ObjectKey) -> None:
    """In Elasticsearch, to the one that the operator has."""
    users = {"operator": User("wrong", ALL)}
    world.standin.change(lambda state: replace(state, security=replace(SECURED, users=users)))


def grant(world: World, key: ObjectKey) -> None:
    users = {"weak": User("right", ALL)}
    world.standin.change(lambda state: replace(state, security=replace(SECURED, users=users)))


def accept_key(world: World, key: ObjectKey) -> None:
    world.standin.accept_key(CANARY)


def buy_licence(world: World, key: ObjectKey) -> None:
    world.standin.change_cluster(license_type="trial")


def upgrade(world: World, key: ObjectKey) -> None:
    world.standin.change(lambda state: replace(state, version=Version(9, 5)))


STORIES = (
    Story(
        title="a cluster that can't be reached",
        reason=Reason.UNREACHABLE,
        shown=UNSEEN,
        goes=Goes.RETRIED,
        before=reach(reachable=False),
        cure=reach(reachable=True),
    ),
    Story(
        title="a proxy's error page",
        reason=Reason.UNREACHABLE,
        shown=UNSEEN,
        goes=Goes.RETRIED,
        before=lambda world: world.standin.faults.add(unavailable()),
        cure=heal,
    ),
    Story(
        title="a password that is wrong in the connection Secret",
        reason=Reason.UNAUTHORIZED,
        shown=UNTOUCHABLE,
        goes=Goes.AT_ONCE,
        before=log_in("operator", "wrong"),
        cure=log_in("operator", "right"),
        standin={"security": SECURED},
    ),
    Story(
        title="a password that is set in Elasticsearch later",
        reason=Reason.UNAUTHORIZED,
        shown=UNTOUCHABLE,
        goes=Goes.RETRIED,
        before=log_in("operator", "wrong"),
        cure=change_password,
        standin={"security": SECURED},
    ),
    Story(
        title="a user without manage_inference",
        reason=Reason.FORBIDDEN,
        shown=REFUSED,
        goes=Goes.RETRIED,
        before=log_in("weak", "right"),
        cure=grant,
        standin={"security": SECURED},
    ),
    Story(
        title="a basic licence",
        reason=Reason.LICENSE_NON_COMPLIANT,
        shown=REFUSED,
        goes=Goes.RETRIED,
        cure=buy_licence,
        standin={"cluster": Cluster(license_type="basic")},
    ),
    Story(
        title="a cluster that asks for fewer requests",
        reason=Reason.RATE_LIMITED,
        shown=UNDER_WAY,
        goes=Goes.RETRIED,
        before=lambda world: world.standin.faults.add(too_many_requests(retry_after=20, method="PUT")),
        cure=heal,
    ),
    Story(
        title="a cluster that fails",
        reason=Reason.SERVER_ERROR,
        shown=UNSEEN,
        goes=Goes.RETRIED,
        before=answers(500, "illegal_state_exception", "no master"),
        cure=heal,
    ),
    Story(
        title="a setting that the service does not know",
        reason=Reason.VALIDATION_FAILED,
        shown=REFUSED,
        goes=Goes.EDITED,
        spec=openai(modle_id="text-embedding-3-small"),
        cure=edit(serviceSettings=PLAIN),
    ),
    Story(
        title="a reference that is none",
        reason=Reason.VALIDATION_FAILED,
        shown=REFUSED,
        goes=Goes.EDITED,
        spec=openai(model_id={"valueFrom": {"secretRef": {"name": "openai", "key": "model"}}}),
        cure=edit(serviceSettings=PLAIN),
    ),
    Story(
        title="a value that is no number",
        reason=Reason.VALIDATION_FAILED,
        shown=UNUSABLE,
        goes=Goes.AT_ONCE,
        spec=openai(dimensions={"valueFrom": {"secretKeyRef": {"name": "sizes", "key": "small"}, "as": "number"}}),
        before=secret("sizes", "small", value="many"),
        cure=secret("sizes", "small", value="512"),
    ),
    Story(
        title="an object that an old CRD let through",
        reason=Reason.VALIDATION_FAILED,
        shown=shown("Ready=False", "Stalled=True"),
        goes=Goes.EDITED,
        spec={"timeout": "soon"},
        cure=edit(timeout="30s"),
    ),
    Story(
        title="a key that the provider refuses",
        reason=Reason.PROVIDER_REFUSED,
        shown=REFUSED,
        goes=Goes.RETRIED,
        before=lambda world: world.standin.refuse_key(CANARY),
        cure=accept_key,
    ),
    Story(
        title="a key that the provider refuses, and a better one in the Secret",
        reason=Reason.PROVIDER_REFUSED,
        shown=REFUSED,
        goes=Goes.AT_ONCE,
        before=lambda world: world.standin.refuse_key(CANARY),
        cure=secret("openai", value="accepted"),
    ),
    Story(
        title="a misspelt service",
        reason=Reason.UNKNOWN_SERVICE,
        shown=REFUSED,
        goes=Goes.EDITED,
        spec={"service": "opanai"},
        cure=edit(service="openai"),
    ),
    Story(
        title="a service that a newer Elasticsearch has",
        reason=Reason.UNKNOWN_SERVICE,
        shown=REFUSED,
        goes=Goes.COMPARED,
        spec={"service": "llama", "serviceSettings": PLAIN | {"url": "http://llama.example.com"}},
        cure=upgrade,
        standin={"version": "8.19.0"},
    ),
    Story(
        title="a task that the service does not have",
        reason=Reason.UNSUPPORTED_TASK_TYPE,
        shown=REFUSED,
        goes=Goes.EDITED,
        spec={"taskType": "rerank"},
        cure=edit(taskType="text_embedding"),
    ),
    Story(
        title="an id that Elasticsearch keeps to itself",
        reason=Reason.RESERVED_ID,
        shown=REFUSED,
        goes=Goes.COMPARED,
        before=answers(
            400,
            "status_exception",
            "[a] is a reserved inference ID. Cannot create a new inference endpoint with a reserved ID.",
            method="PUT",
        ),
        cure=heal,
    ),
    Story(
        title="a key that the provider stops accepting, and takes again",
        reason=Reason.PROBE_FAILED,
        shown=shown("Probed=False"),
        goes=Goes.RETRIED,
        spec=PROBED,
        after=lambda world, key: world.standin.refuse_key(CANARY),
        cure=accept_key,
    ),
    Story(
        title="a key that the provider stops accepting, and another one",
        reason=Reason.PROBE_FAILED,
        shown=shown("Probed=False"),
        goes=Goes.AT_ONCE,
        spec=PROBED,
        after=lambda world, key: world.standin.refuse_key(CANARY),
        cure=secret("openai", value="accepted"),
    ),
)
