"""Where a scenario is played: what a person can do and see, whatever Kubernetes is behind it.

`tests/machine` plays on a Kubernetes in memory and virtual time, `tests/cluster` on a real API server; the scenarios are
the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

import httpx

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from inference_operator.api.ingest_pipeline import IngestPipelineStatus
from inference_operator.api.managed import ManagedStatus
from tests.machine.things import KEY, Thing
from tests.standin import StandIn

Truth = tuple[str, str]
"""`(status, reason)` of a condition."""
READY: Truth = ("True", "Available")
CONNECTION = "elsewhere"


class Refused(Exception):  # noqa: N818 - what the API server does to an object, no error of the test
    """The API server did not take an object or a change."""


class Stage(Protocol):
    """Object `name` has the id `id_of(name)`, which is new to the cluster. No two objects have the same name."""

    version: str
    thing: Thing
    """What the scenario is about; objects are of its kind where nothing else is said."""

    @property
    def standin(self) -> StandIn:
        """Elasticsearch, for looking behind its back."""
        ...

    def id_of(self, name: str) -> str:
        """The id in Elasticsearch of an object."""
        ...

    async def put_key(self, value: str | None = None, *, other_namespace: bool = False) -> None:
        """Write Secret `openai`, and in another namespace also the Secret of a connection to the same cluster."""
        ...

    async def apply(
        self, name: str, spec: Mapping[str, Any] | None = None, *, thing: Thing | None = None, other_namespace: bool = False
    ) -> None:
        """`spec` over a plain one. Raises Refused."""
        ...

    async def edit(self, name: str, **changes: Any) -> None:
        """Set fields of the spec as they stand in YAML; None removes one. Raises Refused."""
        ...

    async def delete(self, name: str) -> None:
        """`kubectl delete --wait=false`."""
        ...

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """What somebody else says to Elasticsearch."""
        ...

    async def restart(self) -> None:
        """End the operator, and start it again."""
        ...

    async def compare(self) -> None:
        """Let at least one whole comparison with Elasticsearch begin and end after now, and what follows from it."""
        ...

    async def sees(self, name: str, truth: Truth, kind: str = "Ready", *, within: str = "") -> None:
        """Wait until a condition of the present generation says so, with a message that holds `within`."""
        ...

    async def is_gone(self, name: str) -> None:
        """Wait until the object is no more."""
        ...

    async def status(self, name: str) -> ManagedStatus:
        """What the object says now."""
        ...

    async def finalizers(self, name: str) -> tuple[str, ...]:
        """The finalizers of the object."""
        ...

    async def events(self, name: str) -> list[str]:
        """The reasons of the events about an object, in their order."""
        ...

    async def forget_writes(self) -> None:
        """Count writes from here."""
        ...

    async def writes(self) -> tuple[int, list[str]]:
        """Since `forget_writes`: how many to Kubernetes, and which to Elasticsearch, as `elasticsearch_writes`."""
        ...


async def endpoint_status(stage: Stage, name: str = "a") -> InferenceEndpointStatus:
    """The status of an InferenceEndpoint."""
    status = await stage.status(name)
    assert isinstance(status, InferenceEndpointStatus)
    return status


async def pipeline_status(stage: Stage, name: str = "a") -> IngestPipelineStatus:
    """The status of an IngestPipeline."""
    status = await stage.status(name)
    assert isinstance(status, IngestPipelineStatus)
    return status


async def ready(stage: Stage, **spec: object) -> None:
    """Object `a`, with the key that it needs."""
    await stage.put_key(KEY)
    await stage.apply("a", spec)
    await stage.sees("a", READY)


async def at_rest(stage: Stage) -> None:
    """Whole comparisons cost no write."""
    await stage.forget_writes()
    await stage.compare()
    await stage.compare()
    assert await stage.writes() == (0, [])


def elasticsearch_writes(stage: Stage) -> list[str]:
    """What the log holds of the writes under this stage's ids, the id left out: `PUT /_inference/text_embedding/_update`."""
    prefix = stage.id_of("")
    own = (entry for entry in stage.standin.log.writes if prefix in entry.path)
    return [f"{entry.method} {re.sub(f'/{prefix}[^/]*', '', entry.path)}" for entry in own]
