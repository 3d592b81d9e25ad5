"""An InferenceEndpoint as a toy: its Secret, and the laws of changing an endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference_operator.api.inference_endpoint import InferenceEndpointSpec, InferenceEndpointStatus
from inference_operator.core.difference import Mutability
from inference_operator.core.endpoint.compare import mutability
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.values import DesiredEndpoint, ObjectVersion
from inference_operator.core.verdict import Delete, Step, Update
from tests.core.situations import ID, SECRET, UID, desire, openai_spec
from tests.core.toy_object import ToyObject
from tests.core.toy_server import ToyServer, holds


@dataclass(slots=True)
class ToyEndpoint(ToyObject[EndpointSituation]):
    """See `ToyObject`. Its Secret has one value in all keys."""

    server: ToyServer
    spec: InferenceEndpointSpec = field(default_factory=openai_spec)
    status: InferenceEndpointStatus = field(default_factory=InferenceEndpointStatus)
    secret: str = "value-1"
    secret_version: int = 1

    def gather(self) -> EndpointSituation:
        noted = {(v.name, v.uid, v.resource_version) for v in self.status.secret_versions}
        trusted = self.status.observed_generation == self.generation
        unchanged = trusted and (SECRET.name, "uid", str(self.secret_version)) in noted
        return EndpointSituation(
            uid=UID,
            generation=self.generation,
            external_id=ID,
            spec=self.spec,
            previous=self.status,
            deleting=self.deleting,
            has_finalizer=self.has_finalizer,
            claim=self.claim,
            server=self.server.server,
            desired=None if self.deleting else self.desired(read=not unchanged),
            secrets_changed=not unchanged and self.spec.service == "openai",
            observed=None if self.deleting else self.bulk,
        )

    def desired(self, *, read: bool = True) -> DesiredEndpoint:
        return desire(self.spec, value=self.secret, read=read, version=ObjectVersion("uid", str(self.secret_version)))

    def resolve(self) -> DesiredEndpoint:
        return self.desired()

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret,)

    def assert_usable(self, s: EndpointSituation) -> None:
        """Of what a stranger made anew under our claim, or changed since the last bulk read, nobody could know."""
        stored = self.server.stored
        if stored is not None and stored.made_by_us and s.observed == stored.shown:
            assert holds(self.server, self.desired()), "Ready although Elasticsearch holds something else"

    def assert_kind_allows(self, s: EndpointSituation, step: Step) -> None:
        """No path is updated that can't change, and nothing is replaced that nobody wants replaced."""
        if isinstance(step, Update):
            assert s.desired is not None
            version = self.server.server.parsed_version
            for path in step.paths:
                assert mutability(s.desired, path, version) is not Mutability.IMMUTABLE, f"an update of {path}"
        if isinstance(step, Delete) and not s.deleting:
            assert s.spec.replace_policy != "Never", "a replacement that nobody asked for"
            assert s.spec.replace_policy == "Always" or not step.force, "a forced replacement that nobody asked for"
