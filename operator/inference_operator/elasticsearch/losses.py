"""How a request was lost, read from the HTTP library's exception.

Decides the one thing that matters above: can Elasticsearch have seen the request? Where that can't be told, it may have.
"""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING

import httpx

from inference_operator.core.failure import TransportKind

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)
_LONGEST = 300


def kind_of(error: Exception) -> TransportKind:
    """The kind of loss that an exception of httpx means."""
    if isinstance(error, _NEVER_SENT):
        return TransportKind.TLS if any(_is_tls_trouble(cause) for cause in _causes(error)) else TransportKind.CONNECT
    if isinstance(error, httpx.TimeoutException):
        return TransportKind.TIMEOUT
    if isinstance(error, httpx.DecodingError):
        return TransportKind.GARBLED
    return TransportKind.RESET


def why(error: Exception) -> str:
    """Words for people. The same for the same cause: no ports, no addresses, since this ends in a status."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return f"the server's certificate is not accepted: {cause.verify_message}"[:_LONGEST]
            case ssl.SSLError() if _is_tls_trouble(cause):
                return f"the TLS handshake failed: {cause.reason or 'no reason given'}"[:_LONGEST]
            case socket.gaierror(strerror=str() as text):
                return text[:_LONGEST]
            case OSError(errno=int() as number) if number > 0 and not isinstance(cause, ssl.SSLError):
                return os.strerror(number)
    if isinstance(error, httpx.TimeoutException):
        return "no connection in time" if isinstance(error, httpx.ConnectTimeout) else "no answer in time"
    return (str(error) or type(error).__name__)[:_LONGEST]


def _is_tls_trouble(cause: BaseException) -> bool:
    # "Want read" is how OpenSSL waits for the other side: with a timeout it stands in the chain and explains nothing.
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLWantReadError | ssl.SSLWantWriteError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that led to it, members of groups included, each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__context__, current.__cause__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
