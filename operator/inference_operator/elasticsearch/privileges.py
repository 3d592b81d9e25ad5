"""What the connection may not read is told in the log, once. Decides what such an answer looks like."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog

from inference_operator.core.failure import HttpFailure

log: Any = structlog.get_logger(__name__)


class Complaint:
    """Of one kind of reading, on one cluster.

    Args:
        operation: what is read.
        privilege: what must be granted for it.
        address: of the cluster.
    """

    def __init__(self, operation: str, privilege: str, address: str) -> None:
        self._fields = {"operation": operation, "privilege": privilege, "address": address}
        self._told = False

    def hear(self, result: object) -> None:
        """Look at a result of the reading."""
        forbidden = isinstance(result, HttpFailure) and result.status == HTTPStatus.FORBIDDEN
        if forbidden and not self._told:
            self._told = True
            log.warning("not everything that uses an object can be found: the connection lacks a privilege", **self._fields)
