"""How hard one cluster may be pressed, and how long it is waited for. One value, so that settings map onto it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Per connection; times in seconds.

    Attributes:
        concurrency: requests at the same moment, inferences not counted.
        inferences: inferences at the same moment.
        requests_per_second: in the long run.
        burst: requests that may go at once after a pause.
        longest_turn: a request that would wait longer for its turn is not sent, and says when to come back.
        connect_timeout: until the connection stands, TLS included.
        read_margin: what network and queueing may take on top of the time that the server allows itself.
        failures_to_open: consecutive lost requests after which the cluster is left alone.
        first_pause: how long, at first; it doubles with every probe that fails.
        longest_pause: the most it grows to.
        single_reads: reads of one endpoint at the same moment while the reading of all is broken.
        unsettled_age: how old the state of a model deployment that is not at rest may be.
        usage_believed: for how long a reading is believed that says that something is used; that it is not is read anew.
        disuse_believed: for how long a reading may serve many deletions that says that nobody uses them; it must have begun
            after each of them was heard of.
    """

    concurrency: int = 10
    inferences: int = 4
    requests_per_second: float = 50.0
    burst: int = 100
    longest_turn: float = 10.0
    connect_timeout: float = 5.0
    read_margin: float = 10.0
    failures_to_open: int = 5
    first_pause: float = 1.0
    longest_pause: float = 60.0
    single_reads: int = 4
    unsettled_age: float = 2.0
    usage_believed: float = 10.0
    disuse_believed: float = 5.0
