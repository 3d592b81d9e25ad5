"""A stand-in Elasticsearch for tests and demos: inference endpoints, model deployments, pipelines and indices.

It is independent of the operator: nothing here imports it. Start with `StandIn`, `serve` and `StandInTransport`;
`python -m tests.standin --help` runs it as a server.
"""

from __future__ import annotations

from tests.standin.app import make_app
from tests.standin.clock import Clock, ManualClock, SystemClock
from tests.standin.faults import Answer, Fault
from tests.standin.security import ApiKey, IndexRights, Role, Security, User
from tests.standin.serving import serve, serve_in_thread
from tests.standin.stand_in import StandIn
from tests.standin.state import Cluster, Pace, Provider, State
from tests.standin.tls import create_tls
from tests.standin.transport import StandInTransport
from tests.standin.version import Version

__all__ = [
    "Answer",
    "ApiKey",
    "Clock",
    "Cluster",
    "Fault",
    "IndexRights",
    "ManualClock",
    "Pace",
    "Provider",
    "Role",
    "Security",
    "StandIn",
    "StandInTransport",
    "State",
    "SystemClock",
    "User",
    "Version",
    "create_tls",
    "make_app",
    "serve",
    "serve_in_thread",
]
