"""How laws are tried here: by counts, never by time, since the machine is shared."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

LAW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
