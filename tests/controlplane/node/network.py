"""The addresses of the node, and how it is joined to this machine. Pure but for the look at this machine's routes."""

from __future__ import annotations

import json
import subprocess
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from tests.controlplane.children import ControlPlaneError

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "infop-e2e"
"""Of whatever has to have a name outside the namespaces: the pair of interfaces, and the control groups."""
INSIDE = "infop-node"

HOST_ADDRESS = "10.250.0.1"
NODE_ADDRESS = "10.250.0.2"
LINK = "10.250.0.0/30"
PODS = "10.251.0.0/24"
SERVICES = "10.252.0.0/24"
FIRST_SERVICE = "10.252.0.1"


def routes_of_this_machine() -> list[str]:
    """Their destinations, but for the default."""
    answer = subprocess.run(["ip", "-4", "-json", "route", "show"], capture_output=True, text=True, timeout=10, check=True)
    return [route["dst"] for route in json.loads(answer.stdout) if route["dst"] != "default"]


def require_free_addresses(routes: Sequence[str]) -> None:
    """Raises ControlPlaneError where one of these routes (`192.0.2.0/24` or an address) leads to one of our ranges."""
    taken = [route for route in routes if any(_overlap(route, ours) for ours in (LINK, PODS, SERVICES))]
    if taken:
        raise ControlPlaneError(
            f"this machine has a route to {', '.join(taken)} already, and the node needs {LINK}, {PODS} and {SERVICES}. "
            "If another run of the node uses them, wait for its end; otherwise take that route away for the while."
        )


def join_commands(holder: int) -> list[list[str]]:
    """What joins the namespaces of process `holder` to this machine, and forwards between its pods; run as root."""
    inside = ["nsenter", "-t", str(holder), "-n"]
    return [
        ["ip", "link", "add", NAME, "type", "veth", "peer", "name", INSIDE, "netns", str(holder)],
        ["ip", "address", "add", f"{HOST_ADDRESS}/30", "dev", NAME],
        ["ip", "link", "set", NAME, "up"],
        [*inside, "ip", "link", "set", "lo", "up"],
        [*inside, "ip", "address", "add", f"{NODE_ADDRESS}/30", "dev", INSIDE],
        [*inside, "ip", "link", "set", INSIDE, "up"],
        [*inside, "ip", "route", "add", "default", "via", HOST_ADDRESS],
        # Answers to pods go back the way they came; the route goes with the interface.
        ["ip", "route", "add", PODS, "via", NODE_ADDRESS],
    ]


def _overlap(one: str, other: str) -> bool:
    return IPv4Network(one, strict=False).overlaps(IPv4Network(other))
