"""`python -m tests.demo`: plays the story. Exit status 0 only if every step was seen to hold, 1 otherwise, 130 after Ctrl-C.

The environment says how: ELASTICSEARCH_URL (with ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD,
and ELASTICSEARCH_CA) names a cluster of your own; KEEP=1 leaves everything running until `make down`; NO_COLOR switches colours
off. Everything that a step shows after a `$` is a command that can be copied.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.controlplane import ControlPlaneError
from tests.controlplane.state import REPOSITORY
from tests.demo.elasticsearch import access_from
from tests.demo.keeping import free_folder, invite, stay, supervise
from tests.demo.performance import Performance
from tests.demo.voice import Voice

_INTERRUPTED = 130
_UP = REPOSITORY / ".up"


def main() -> int:
    """Returns the exit status."""
    folder = _state_dir()
    os.chdir(REPOSITORY)  # the lines that are shown and run name files of the checkout
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    voice = Voice(sys.stdout, os.environ)
    try:
        return _keep(voice, folder) if os.environ.get("KEEP", "0") not in ("", "0") else _play(voice)
    except ControlPlaneError as error:
        voice.missed(str(error))
        return 1
    except KeyboardInterrupt:
        voice.say("")  # the terminal has written ^C there
        voice.missed("interrupted; nothing was left running")
        return _INTERRUPTED
    except BrokenPipeError:  # whoever read has gone; so does everything else
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _state_dir() -> Path:
    parser = argparse.ArgumentParser(
        prog="python -m tests.demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--state-dir", type=Path, default=_UP, help="for KEEP=1: data and logs (default: .up in the checkout)")
    found: Path = parser.parse_args().state_dir.resolve()
    return found


def _stop(state: Path) -> str:
    return "make down" if state == _UP else f"{sys.executable} -m tests.controlplane down --state-dir {state}"


def _leave(*_: object) -> None:
    raise SystemExit(_INTERRUPTED)


def _play(voice: Voice) -> int:
    _welcome(voice)
    performance = Performance(voice)
    with ExitStack() as owned:
        performance.play(owned, lambda: access_from(os.environ), None)
    return 0 if performance.held else 1


def _keep(voice: Voice, state: Path) -> int:
    """As `_play`; then a fork goes on in the background, and everything that runs is its own."""
    performance = Performance(voice)
    with ExitStack() as owned:
        with free_folder(state) as folder:
            _welcome(voice)
            performance.play(owned, lambda: access_from(os.environ), folder)
            stage = performance.stage
            behind = stage is not None and stay(stage, owned, state)
        if stage is None:
            return 1
        if behind:
            supervise(stage.plane, owned)
    invite(stage, voice, _stop(state))
    sys.stdout.flush()
    os._exit(0 if performance.held else 1)  # without the end of Python, which would clean up what is not ours any more


def _welcome(voice: Voice) -> None:
    voice.title("The inference operator, step by step")
    voice.say(
        "A real Kubernetes API server, the operator, and an Elasticsearch. Each line after a $ is a command that is run just so;"
        " below it stands what it printed, and after a ✓ what was seen to hold.",
        indent="",
    )


if __name__ == "__main__":
    sys.exit(main())
