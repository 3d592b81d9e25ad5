"""What a probe is for: when an endpoint is worth a real inference, and what the end of one means.

Decides whether to probe, what to tell of a failure, and when an outcome is news. A probe says something of the way to the model
and changes nothing else: `Ready` follows what Elasticsearch holds. Pure: the inference is made elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Literal

from inference_operator.api.durations import seconds
from inference_operator.api.policies import ManagementPolicy
from inference_operator.api.status import LastProbe
from inference_operator.core.conditions import Line
from inference_operator.core.disposition import disposition, told
from inference_operator.core.endpoint.compare import is_in_cluster
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.scrub import texts
from inference_operator.core.values import DesiredEndpoint, ObservedEndpoint, ProbeOutcome, sealed
from inference_operator.core.verdict import Conclusion, Released, Unusable


@dataclass(frozen=True, slots=True)
class Subject:
    """What to probe, and how often. Times in seconds."""

    uid: str
    inference_id: str
    task_type: str
    text: str
    interval: float
    timeout: float


class NoProbe(Enum):
    """Why nothing is probed just now."""

    UNWANTED = "unwanted"  # switched off, paused by a person, or the object goes: what is under way ends, too
    UNTIMELY = "untimely"  # the endpoint is not known to be there and able to answer


def to_probe(s: EndpointSituation, conclusion: Conclusion) -> Subject | NoProbe:
    """What to probe after a pass. An endpoint of somebody else is not probed: the bill would be theirs."""
    if not s.spec.probe.enabled or s.spec.suspend or s.deleting or isinstance(conclusion, Released):
        return NoProbe.UNWANTED
    is_ours = s.observes_only or (s.owned and s.rival is None)
    if not is_ours or not isinstance(s.observed, ObservedEndpoint) or isinstance(conclusion, Unusable) or not _is_awake(s):
        return NoProbe.UNTIMELY
    return Subject(
        uid=s.uid,
        inference_id=s.external_id,
        task_type=s.observed.task_type,
        text=s.spec.probe.input,
        interval=seconds(s.spec.probe.interval),
        timeout=s.spec.timeout_seconds,
    )


def _is_awake(s: EndpointSituation) -> bool:
    """True unless the inference would start a model: one that nobody uses, scaled to zero or never deployed, may sleep on."""
    if not s.runs_in_cluster:
        return True
    return s.deployment is not None and s.deployment.target_allocation_count != 0


# ---------------------------------------------------------------- the end of a probe


def succeeded(subject: Subject) -> ProbeOutcome:
    """An answer of the right shape came back."""
    return ProbeOutcome("Succeeded", f"Inference endpoint {subject.inference_id} answered a {subject.task_type} inference")


def failed(subject: Subject, failure: Failure, secrets: frozenset[str] | None) -> ProbeOutcome:
    """The inference failed. `secrets` are cut out of what the server said; None: they are not known, so it is not repeated."""
    what = f"A {subject.task_type} inference through {subject.inference_id} failed"
    if not isinstance(failure, HttpFailure):
        return ProbeOutcome("Failed", f"{what}: {disposition(failure).message}")
    advice = _advice(failure, subject)
    if secrets is not None:
        return ProbeOutcome("Failed", f"{what}. {advice}: {told(failure, secrets)}")
    said = f"HTTP {failure.status} {failure.type}".strip()
    return ProbeOutcome("Failed", f"{what}. {advice}: {said}. {_NOT_REPEATED}")


_NOT_REPEATED = "The reason given is not repeated here, because it may quote a secret that the operator does not know"


def secrets_to_cut(management: ManagementPolicy, desired: DesiredEndpoint | None, *, is_current: bool) -> frozenset[str] | None:
    """Every secret that Elasticsearch or a provider might quote; None where they can't be known.

    `desired`: the endpoint with its secret values read, None where they can't be; `is_current`: they are those that Elasticsearch
    holds. An endpoint that is only observed may hold secrets of others.
    """
    if desired is None or not is_current:
        return None
    if management is ManagementPolicy.OBSERVE and not is_in_cluster(desired):
        return None
    return frozenset(text for leaf in sealed(desired.tree) for text in texts(leaf.value))


_OF_THE_PROVIDER = re.compile(r"inference entity id \[|validation call to service")
_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PAYMENT_REQUIRED)


def _advice(failure: HttpFailure, subject: Subject) -> str:
    if failure.type == "security_exception":
        return "Elasticsearch refused it; check the credentials of the connection, their privilege monitor_inference, the licence"
    if failure.type == "timeout_exception" or failure.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT):
        return f"No answer within spec.timeout ({subject.timeout:g} s); raise it if the model needs longer"
    if failure.status == HTTPStatus.TOO_MANY_REQUESTS:
        return "Elasticsearch or the provider asks for fewer requests"
    if failure.status in _REFUSALS:
        return "The provider refused it; check the key, the model and the account"
    if _OF_THE_PROVIDER.search(failure.reason):
        return "The provider could not be used; check the address, the model and the settings"
    if failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "Elasticsearch could not carry it out"
    return "Elasticsearch refused it"


# ---------------------------------------------------------------- what status says of it

# Ids of requests, times and counts differ from one failure to the next and are no news; the HTTP status is.
_FIGURE = re.compile(r"(?<!HTTP )(?<![^\s\[('\"])\S*\d\S*")


def is_news(before: LastProbe | None, outcome: ProbeOutcome) -> bool:
    """True when it says something that is not known yet. Figures alone say nothing."""
    return before is None or (before.outcome, _gist(before.message)) != (outcome.outcome, _gist(outcome.message))


def _gist(message: str) -> str:
    return _FIGURE.sub("#", message)


def last_probe(s: EndpointSituation, now: str) -> LastProbe | None:
    """What status says of the last probe; nothing once probes are switched off."""
    before, found = s.previous.last_probe, s.probe
    if not s.spec.probe.enabled:
        return None
    if found is None or (s.previous.observed_generation == s.generation and not is_news(before, found)):
        return before
    since = before.since if before is not None and before.outcome == found.outcome else now
    return LastProbe(outcome=found.outcome, message=found.message, since=since)


def probed(probe: LastProbe | None) -> Iterator[Line]:
    """The condition `Probed`, once there is something to tell."""
    if probe is not None:
        truth: Literal["True", "False"] = "True" if probe.outcome == "Succeeded" else "False"
        yield Line("Probed", truth, Reason.AVAILABLE if truth == "True" else Reason.PROBE_FAILED, probe.message)
