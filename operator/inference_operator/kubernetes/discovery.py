"""Which of our kinds the API server serves.

kopf looks once, at its start, and would wait for ever for a kind that is installed later. So it is started when all are there.
"""

import logging
from collections.abc import Callable, Collection
from http import HTTPStatus

from inference_operator.api.meta import API_VERSION, GROUP
from inference_operator.core.clock import Clock
from inference_operator.kubernetes.client import KubernetesClient, Request, path_of, refused
from inference_operator.kubernetes.timing import pause
from inference_operator.kubernetes.values import KubernetesFailure

_log = logging.getLogger(__name__)

PAUSE = 5.0
"""Seconds between looks."""


async def served(client: KubernetesClient) -> frozenset[str] | KubernetesFailure:
    """The plurals of our group and version; none where the group is not there."""
    operation = f"read the kinds of {API_VERSION}"
    reply = await client.ask(operation, Request(path_of("apis", *API_VERSION.split("/"))))
    if isinstance(reply, KubernetesFailure):
        return reply
    if reply.status == HTTPStatus.NOT_FOUND:
        return frozenset()
    if not reply.ok:
        return refused(operation, reply)
    resources = reply.body.get("resources") or []
    if not isinstance(resources, list):
        return KubernetesFailure(operation, "the answer is no list of kinds")
    return frozenset(name for one in resources if isinstance(one, dict) and isinstance(name := one.get("name"), str))


async def await_kinds(
    client: KubernetesClient, clock: Clock, plurals: Collection[str], missing: Callable[[str | None], None]
) -> None:
    """Return when all are served. `missing` hears what is wrong meanwhile, and None at the end; the log tells each cause once."""
    told: str | None = None
    while (wrong := _wrong(await served(client), plurals)) is not None:
        missing(wrong)
        if wrong != told:
            _log.warning("waiting: %s", wrong)
        told = wrong
        await pause(clock, PAUSE)
    missing(None)


def _wrong(answer: frozenset[str] | KubernetesFailure, plurals: Collection[str]) -> str | None:
    if isinstance(answer, KubernetesFailure):
        return f"can't {answer.operation}: {answer.message}"
    absent = ", ".join(f"{plural}.{GROUP}" for plural in sorted(set(plurals) - answer))
    return (
        f"custom resource definitions are not installed: {absent}; apply those of the chart's folder files/crds"
        if absent
        else None
    )
