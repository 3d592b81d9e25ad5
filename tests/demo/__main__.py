"""`python -m tests.demo`: plays the story; exit status 0 only if every step was seen to hold.

ELASTICSEARCH_URL (with ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD, and ELASTICSEARCH_CA) names a
cluster of your own; KEEP=1 leaves everything running.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass

from tests.controlplane import ControlPlaneError
from tests.controlplane.children import tail
from tests.demo.elasticsearch import UnusableError
from tests.demo.stage import NAMESPACE, NotSeenError, Stage, furnish, staged, start_operator
from tests.demo.story import STEPS, Step
from tests.demo.voice import Voice


@dataclass(frozen=True)
class Outcome:
    """What became of a step. `writes` to Kubernetes and Elasticsearch, None where nobody counts them."""

    title: str
    result: str
    kubernetes: int | None = None
    elasticsearch: int | None = None
    seconds: float | None = None


def main() -> int:
    """Returns 0, 1 where something did not hold, 130 after Ctrl-C."""
    keep = os.environ.get("KEEP", "") not in ("", "0")
    voice = Voice()
    try:
        return _play(voice, keep=keep)
    except UnusableError as error:
        voice.missed(str(error))
    except ControlPlaneError as error:
        voice.missed(f"the control plane: {error}")
    except KeyboardInterrupt:
        voice.missed("interrupted")
        return 130
    return 1


def _play(voice: Voice, *, keep: bool) -> int:
    begun = time.monotonic()
    with staged(keep=keep) as stage:
        try:
            _open(stage, voice, begun)
            outcomes = [_step(stage, voice, number, step) for number, step in enumerate(STEPS, 1)]
        except (NotSeenError, ControlPlaneError) as error:
            voice.missed(str(error))
            outcomes = [Outcome("start", "failed")]
        held = all(outcome.result != "failed" for outcome in outcomes)
        _close(stage, voice, outcomes, time.monotonic() - begun)
        if not held:
            voice.say("The operator's last words:")
            voice.output(tail(stage.operator_log))
        if keep:
            _invite(stage, voice)
    return 0 if held else 1


def _open(stage: Stage, voice: Voice, begun: float) -> None:
    start_operator(stage, furnish(stage))
    kubernetes = stage.kubectl("version", "--output=yaml").split("serverVersion:")[1].split("gitVersion:")[1].split()[0]
    _, server = stage.elasticsearch.ask("GET", "/")
    what = "a stand-in Elasticsearch" if stage.elasticsearch.is_stand_in else f"your Elasticsearch at {stage.elasticsearch.url}"
    version = server["version"]["number"] if isinstance(server, dict) and "version" in server else "of an unknown version"
    voice.say(
        f"A real Kubernetes API server {kubernetes}, {what} {version}, and the operator as a local process with the rights of its"
        f" Helm chart: started in {time.monotonic() - begun:.0f} s. No pods run here, so kubectl talks to objects only."
    )


def _step(stage: Stage, voice: Voice, number: int, step: Step) -> Outcome:
    voice.headline(number, step.title)
    if step.needs_stand_in and not stage.elasticsearch.is_stand_in:
        voice.say(f"Left out on a real cluster: {step.needs_stand_in}.")
        return Outcome(step.title, "left out")
    begun, kubernetes, elasticsearch = time.monotonic(), stage.kubernetes_writes(), stage.elasticsearch.writes()
    try:
        voice.seen(step.play(stage, voice))
        result = "held"
    except (NotSeenError, ControlPlaneError, UnusableError) as error:
        voice.missed(str(error))
        result = "failed"
    seconds, after = time.monotonic() - begun, stage.elasticsearch.writes()
    written = None if after is None or elasticsearch is None else after - elasticsearch
    return Outcome(step.title, result, stage.kubernetes_writes() - kubernetes, written, seconds)


def _close(stage: Stage, voice: Voice, outcomes: list[Outcome], seconds: float) -> None:
    def figure(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    rows = [
        (o.title, o.result, figure(o.kubernetes, "d"), figure(o.elasticsearch, "d"), figure(o.seconds, ".1f")) for o in outcomes
    ]
    voice.say("")
    voice.table(("step", "result", "Kubernetes writes", "Elasticsearch writes", "seconds"), rows)
    voice.say("")
    failed = sum(o.result == "failed" for o in outcomes)
    played = sum(o.result == "held" for o in outcomes)
    told = f"{played} of {len(outcomes)} steps were seen to hold, in {seconds:.0f} s."
    (voice.missed if failed else voice.seen)(told)
    if stage.elasticsearch.is_stand_in:
        voice.say("Writes to Kubernetes are the operator's own; those to Elasticsearch include the curl commands above.")


def _invite(stage: Stage, voice: Voice) -> None:
    voice.say("")
    voice.say("Everything goes on running. To play on:")
    voice.command(
        f'export KUBECONFIG={stage.kubeconfig} ELASTICSEARCH_URL={stage.elasticsearch.url} PATH={stage.search_path}:"$PATH"'
    )
    voice.command(f"kubectl get infep -n {NAMESPACE} -o wide")
    voice.command("kubectl explain infep.spec")
    voice.command(f"kubectl apply -n {NAMESPACE} -f examples/services/cohere.yaml")
    voice.command(f"tail -f {stage.operator_log}")
    voice.say("To stop all of it:")
    voice.command("make down")


if __name__ == "__main__":
    sys.exit(main())
