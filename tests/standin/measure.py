"""`python -m tests.standin.measure`: how long the stand-in itself takes, so that benchmarks measure their client.

Prints milliseconds (median, and the spread from the 10th to the 90th percentile) of its core alone, and over a socket.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx

from tests.standin import core
from tests.standin.messages import Json, Request, Response, encode
from tests.standin.serving import serve_in_thread
from tests.standin.stand_in import StandIn
from tests.standin.state import State

_ROUNDS = 50
BODY: Json = {"service": "openai", "service_settings": {"api_key": "k", "model_id": "text-embedding-3-small"}}


@dataclass(frozen=True, slots=True)
class Timing:
    """What was measured, in seconds, many times."""

    what: str
    seconds: tuple[float, ...]

    def row(self) -> str:
        """Median and spread in milliseconds."""
        low, *_, high = statistics.quantiles(self.seconds, n=10)
        median = statistics.median(self.seconds)
        return f"{self.what:<44}{median * 1e3:9.3f}  ({low * 1e3:.3f} to {high * 1e3:.3f}, n={len(self.seconds)})"


def request(method: str, path: str, body: Json | None = None) -> Request:
    """A request as the wire would decode it."""
    content = b"" if body is None else json.dumps(body).encode()
    segments = tuple(part for part in path.split("/") if part)
    return Request(method, path, {}, {"content-type": "application/json"}, content, segments, path)


def answered(state: State, asked: Request) -> State:
    """The state after a request whose answer is encoded, too. Raises RuntimeError for a refusal."""
    step = core.handle(state, asked, 0.0)
    if not isinstance(step.outcome, Response) or step.outcome.status != 200:
        msg = f"{asked.method} {asked.path} was not answered with 200"
        raise RuntimeError(msg)
    encode(step.outcome.body)
    return step.state


def create(number: int) -> Request:
    return request("PUT", f"/_inference/text_embedding/endpoint-{number}", BODY)


def filled(endpoints: int) -> State:
    """A cluster with so many endpoints."""
    state = StandIn().state
    for number in range(endpoints):
        state = answered(state, create(number))
    return state


def core_alone(endpoints: int, rounds: int) -> Iterator[Timing]:
    """Without any wire: the state goes in, the encoded answer comes out."""
    state, creates = StandIn().state, []
    for number in range(endpoints):
        began = time.perf_counter()
        state = answered(state, create(number))
        creates.append(time.perf_counter() - began)
    yield Timing(f"create, {endpoints} in a row", tuple(creates))
    calls = {
        f"GET _inference/_all of {endpoints}": request("GET", "/_inference/_all"),
        "GET one": request("GET", "/_inference/endpoint-1"),
        "update one": request("PUT", "/_inference/text_embedding/endpoint-1/_update", {"task_settings": {"user": "u"}}),
        "delete one, dry run": Request(
            "DELETE", "/_inference/endpoint-1", {"dry_run": "true"}, segments=("_inference", "endpoint-1")
        ),
        "infer": request("POST", "/_inference/endpoint-1", {"input": "a"}),
    }
    for what, asked in calls.items():
        yield Timing(what, _timed(lambda asked=asked: answered(state, asked), rounds))  # type: ignore[misc]


def over_a_socket(endpoints: int, rounds: int) -> Iterator[Timing]:
    """With a client of the same process on the other end: what a benchmark would see at best."""
    standin = StandIn(state=filled(endpoints))
    names = iter(range(endpoints, endpoints + rounds))
    with serve_in_thread(standin) as url, httpx.Client(base_url=url, trust_env=False) as client:

        def put() -> httpx.Response:
            return client.put(f"/_inference/text_embedding/endpoint-{next(names)}", json=BODY).raise_for_status()

        yield Timing(f"socket: create beside {endpoints}", _timed(put, rounds))
        yield Timing(f"socket: GET _inference/_all of {endpoints}", _timed(lambda: client.get("/_inference/_all"), rounds))
        yield Timing("socket: GET /", _timed(lambda: client.get("/"), rounds))


def _timed(call: Callable[[], object], rounds: int) -> tuple[float, ...]:
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return tuple(found)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(prog="python -m tests.standin.measure", description=__doc__)
    parser.add_argument("--endpoints", type=int, default=2000, help="how many there are (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often each call is made (default: %(default)s)")
    options = parser.parse_args()
    print("median in ms (10th to 90th percentile)")  # noqa: T201
    for part in (core_alone, over_a_socket):
        for timing in part(options.endpoints, options.rounds):
            print(timing.row(), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
