"""Elasticsearch as a toy: one id, two services, the rules of `_update` by version. Pure state and answers, no HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from inference_operator.api.services import catalogue
from inference_operator.core.difference import Mutability
from inference_operator.core.endpoint.compare import mutability, with_defaults
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.situation import Answer
from inference_operator.core.values import ABSENT, Absent, Deployment, DesiredEndpoint, ObservedEndpoint, Server, Usage, reveal
from inference_operator.core.verdict import Create, Delete, DryRun, Inspect, Look, Step, Update, Validate
from inference_operator.elasticsearch.bodies import create_body, update_body
from tests.core.situations import ADDRESS, ID, TAKEN, deployed, desire, openai_spec

_BLOCK_NAMES = {"service_settings": "serviceSettings", "task_settings": "taskSettings", "chunking_settings": "chunkingSettings"}


@dataclass(frozen=True, slots=True)
class Stored:
    """An endpoint as the toy keeps it. `made_by_us`: an answer to a Create of the object, not the doing of a stranger."""

    shown: ObservedEndpoint
    secrets: dict[str, Any]
    made_by_us: bool


@dataclass(slots=True)
class ToyServer:
    """Change the fields to play the stranger."""

    version: str = "9.5.0"
    real_uuid: str = "uuid-one"
    hides_uuid: bool = False
    stored: Stored | None = None
    users: Usage = field(default_factory=Usage)
    deployment: Deployment = field(default_factory=deployed)

    @property
    def server(self) -> Server:
        return Server(ADDRESS, None if self.hides_uuid else self.real_uuid, self.version)

    def there(self) -> ObservedEndpoint | Absent:
        return ABSENT if self.stored is None else self.stored.shown

    def answer(self, s: EndpointSituation, step: Step) -> Answer:
        """Do it, and answer as Elasticsearch does."""
        match step:
            case Look():
                return self.there()
            case Create() | Validate():
                assert s.desired is not None
                return TAKEN if self.stored is not None else self.put(s.desired, made_by_us=True)
            case Update():
                return self._update(s, step)
            case DryRun():
                return ABSENT if self.stored is None else self.users
            case Delete(force=force):
                return self._delete(force=force)
            case Inspect():
                return None if self.stored is None else self.deployment
            case _:
                raise AssertionError(step)

    def put(self, desired: DesiredEndpoint, *, made_by_us: bool) -> ObservedEndpoint:
        """Store a new endpoint; what a service fills in is filled in."""
        body = create_body(desired)
        settings = body["service_settings"]
        secrets = {name: settings.pop(name) for name in list(settings) if catalogue().is_sensitive(desired.service, name)}
        if desired.service == "openai":
            settings.setdefault("rate_limit", {"requests_per_minute": 3000})
        service = catalogue().canonical(desired.service)
        shown = ObservedEndpoint(
            ID, desired.task_type, service, settings, body.get("task_settings", {}), body.get("chunking_settings")
        )
        self.stored = Stored(shown, secrets, made_by_us)
        return shown

    def outrun(self) -> None:
        self.stranger_creates("theirs")

    def stranger_deletes(self) -> None:
        self.stored = None

    def stranger_creates(self, model: str) -> None:
        """Somebody else makes an endpoint of this id, if there is none."""
        if self.stored is None:
            self.put(desire(openai_spec({"model_id": model}), value="their-secret"), made_by_us=False)

    def change(self, edit: Callable[[ObservedEndpoint], ObservedEndpoint]) -> None:
        """A stranger's edit, where there is something to edit."""
        if self.stored is not None:
            self.stored = replace(self.stored, shown=edit(self.stored.shown))

    def _update(self, s: EndpointSituation, step: Update) -> ObservedEndpoint | Failure:
        assert s.desired is not None
        if self.stored is None:
            return HttpFailure(404, "status_exception", f"The inference endpoint [{ID}] does not exist and cannot be updated")
        wanted = with_defaults(s.desired, s.mendable)
        body = update_body(wanted, step.paths, self.stored.shown)
        shown, secrets = self.stored.shown, dict(self.stored.secrets)
        for name, block in body.items():
            merged = dict(getattr(shown, name) or {}) if name != "chunking_settings" else {}
            for key, value in block.items():
                if name == "service_settings" and catalogue().is_sensitive(wanted.service, key):
                    secrets[key] = value
                elif self._takes(wanted, name, key):
                    merged[key] = value
                elif s.server is not None and self.version.startswith("9.5"):
                    reason = f"Configuration contains settings [{{{key}={value}}}] unknown to the [{wanted.service}] service"
                    return HttpFailure(400, "status_exception", reason)
            changed: dict[str, Any] = {name: merged}
            shown = replace(shown, **changed)
        self.stored = replace(self.stored, shown=shown, secrets=secrets)
        return shown

    def _takes(self, desired: DesiredEndpoint, name: str, key: str) -> bool:
        can_change = mutability(desired, (_BLOCK_NAMES[name], key), self.server.parsed_version)
        return can_change is Mutability.MUTABLE

    def _delete(self, *, force: bool) -> Usage | Absent | Failure:
        if self.stored is None:
            return ABSENT
        if self.users.total and not force:
            return HttpFailure(409, "status_exception", f"Inference endpoint {ID} is referenced by pipelines: [p1].")
        self.stored = None
        return Usage()


def holds(server: ToyServer, desired: DesiredEndpoint) -> bool:
    """True when the toy has all that the spec says, secrets included."""
    if server.stored is None:
        return False
    body = create_body(desired)
    kept = {**server.stored.shown.service_settings, **server.stored.secrets}
    blocks = ((body["service_settings"], kept), (body.get("task_settings", {}), server.stored.shown.task_settings))
    return all(
        kept_block.get(key) == value
        for wanted, kept_block in blocks
        for key, value in wanted.items()
        if reveal(value) is not None
    )
