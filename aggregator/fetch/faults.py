"""What aiohttp, ssl and the system raise -> the stable error classes, each with one clear line."""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Iterator

import aiohttp
from aiohttp import http_exceptions

from aggregator.errors import FetchErrorClass, WorkError
from aggregator.fetch.guard import Attempt, BlockedAddress

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""What no host is to blame for."""


class Lost(Exception):  # noqa: N818 - not for people: it keeps aiohttp from asking a second time
    """A connection made for this very request broke before its answer came."""


def blocked(host: str, addresses: list[str]) -> WorkError:
    """The refusal; it names the setting that lifts it."""
    seen = ", ".join(dict.fromkeys(addresses))
    means = f"{host} is at {seen}, which is" if seen and seen != host else f"{host} is"
    return WorkError("blocked_address", f"{means} not public; network.allow_private can allow it")


def read(exc: Exception, host: str, attempt: Attempt) -> WorkError:
    """The error that an exception during one hop to `host` stands for."""
    if isinstance(exc, WorkError):
        return exc
    if isinstance(exc, aiohttp.ClientConnectorError):
        return _connecting(exc, host, attempt)
    if isinstance(exc, TimeoutError):
        return _timeout(exc, host)
    if isinstance(exc, aiohttp.ClientResponseError):
        return _bad_answer(exc, host)
    if isinstance(exc, aiohttp.ClientPayloadError):
        return _bad_body(exc)
    if isinstance(exc, Lost | aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | ConnectionError):
        return WorkError("reset", f"{host} closed the connection before its answer was complete")
    if isinstance(exc, ssl.SSLError):
        return WorkError("tls", f"no secure connection to {host}: {_reason(exc)}")
    if isinstance(exc, aiohttp.InvalidURL):
        return WorkError("bad_scheme", "not an address that can be fetched")
    return WorkError("internal", f"a fault of ours: unexpected {type(exc).__name__}")


def _connecting(exc: aiohttp.ClientConnectorError, host: str, attempt: Attempt) -> WorkError:
    if isinstance(exc.os_error, BlockedAddress):
        return blocked(host, attempt.refused)
    if isinstance(exc, aiohttp.ClientConnectorDNSError):
        return WorkError("dns", f"the name {host} could not be resolved")
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return WorkError("tls", f"the certificate of {host} is not valid: {_reason(exc.certificate_error)}")
    if isinstance(exc, aiohttp.ClientSSLError):
        return WorkError("tls", f"no secure connection to {host}: {_reason(exc.os_error)}")
    if isinstance(exc, aiohttp.ClientProxyConnectionError):
        return WorkError("connect", f"no connection to the proxy: {_reason(exc.os_error)}")
    if isinstance(exc.os_error, ConnectionResetError):
        return WorkError("reset", f"{host} closed the connection while it was being made")
    if exc.os_error.errno in _OURS:
        return WorkError("local_network", f"this machine has no more room for a connection: {_reason(exc.os_error)}")
    return WorkError("connect", f"no connection to {host}: {_reason(exc.os_error)}")


def _timeout(exc: TimeoutError, host: str) -> WorkError:
    if isinstance(exc, aiohttp.ConnectionTimeoutError):
        return WorkError("timeout", f"no connection to {host} in time")
    return WorkError("timeout", f"no complete answer from {host} in time")


def _bad_answer(exc: aiohttp.ClientResponseError, host: str) -> WorkError:
    if isinstance(exc, aiohttp.ClientHttpProxyError):
        return WorkError("connect", f"the proxy answered {exc.status}")
    # aiohttp wraps the parser's own error twice and keeps only its text.
    if exc.message.startswith(("Got more than", "Too many headers")):
        return header_too_large(host)
    return WorkError("bad_http", f"the answer of {host} is garbled: it is not HTTP")


def header_too_large(host: str) -> WorkError:
    """The header section is past its limit."""
    return WorkError("header_too_large", f"what {host} sends before the document (its headers) is too large")


def _bad_body(exc: aiohttp.ClientPayloadError) -> WorkError:
    chain = list(_causes(exc))
    if any(isinstance(e, ConnectionError) for e in chain):
        return WorkError("reset", "the connection broke off in the middle of the document")
    if any(isinstance(e, http_exceptions.ContentLengthError) for e in chain) or "Not enough data" in str(exc):
        return WorkError("truncated", "the document broke off before its end")
    return WorkError("bad_http", "the document arrived garbled: it cannot be told where it ends")


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__


def _reason(exc: BaseException) -> str:
    """The short reason inside a system or ssl error; never its whole text, which may carry addresses or paths."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return exc.verify_message
    if isinstance(exc, ssl.SSLError):
        return (exc.reason or "handshake failed").replace("_", " ").lower()
    if isinstance(exc, OSError) and exc.errno is not None and exc.errno in errno.errorcode:
        return os.strerror(exc.errno).lower()
    return type(exc).__name__


def line(url: str, error: WorkError) -> tuple[FetchErrorClass, str]:
    """Class and message for people: `url` (already masked) and what happened."""
    return error.error_class, f"{url}: {error.message}"
