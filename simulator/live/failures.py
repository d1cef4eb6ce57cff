"""How a failed connection falls into the closed list of error classes (``measure.errors``).

Pure: no sockets. ``dial``, ``connection`` and ``preflight`` classify with it.
"""

from __future__ import annotations

import errno
import re
import ssl
from typing import Final

from websockets.exceptions import InvalidMessage, InvalidStatus, NegotiationError

from simulator.measure.errors import ErrorKind, http_error


class ConnectError(Exception):
    """An attempt to connect ended; ``detail`` says how in words."""

    def __init__(self, kind: ErrorKind, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


_BY_ERRNO: Final = {
    errno.ECONNREFUSED: ErrorKind.TCP_REFUSED,
    errno.ETIMEDOUT: ErrorKind.TCP_TIMEOUT,
    errno.ECONNRESET: ErrorKind.TCP_RESET,
    errno.ECONNABORTED: ErrorKind.TCP_RESET,
    errno.EPIPE: ErrorKind.TCP_RESET,
    errno.EMFILE: ErrorKind.LOCAL_FD,
    errno.ENFILE: ErrorKind.LOCAL_FD,
    errno.ENOBUFS: ErrorKind.LOCAL_FD,
    errno.ENOMEM: ErrorKind.LOCAL_FD,
    errno.EADDRNOTAVAIL: ErrorKind.LOCAL_PORT,
    errno.EADDRINUSE: ErrorKind.LOCAL_PORT,
    errno.EAGAIN: ErrorKind.LOCAL_PORT,
}


def of_os_error(error: OSError) -> ErrorKind:
    """The class of an error of the TCP connection."""
    if error.errno is None and isinstance(error, TimeoutError):
        return ErrorKind.TCP_TIMEOUT
    return _BY_ERRNO.get(error.errno or 0, ErrorKind.TCP_OTHER)


_VERIFY: Final = {
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    19: "unknown_ca",
    20: "unknown_ca",
    21: "unknown_ca",
    23: "revoked",
    62: "hostname",
    64: "hostname",
}
"""X509_V_ERR of OpenSSL -> what a person calls it."""
_NO_TLS: Final = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "HTTPS_PROXY_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "BAD_RECORD_TYPE",
    "INVALID_RECORD",
    "RECORD_LAYER_FAILURE",
    "UNKNOWN_PROTOCOL",
)
"""Reasons of OpenSSL for bytes that are no TLS record."""


def of_tls(error: ssl.SSLError) -> ConnectError:
    """The class of a failed TLS handshake, or of a connection that TLS gave up."""
    reason = error.reason or "unknown"
    if isinstance(error, ssl.SSLCertVerificationError):
        what = _VERIFY.get(error.verify_code, f"x509_{error.verify_code}")
        return ConnectError(ErrorKind.TLS_VERIFY, f"{what} ({error.verify_message})")
    _, alert, name = reason.partition("ALERT_")
    if alert:
        return ConnectError(ErrorKind.TLS_ALERT, name.lower())
    if reason.endswith("UNRECOGNIZED_NAME"):
        return ConnectError(ErrorKind.TLS_ALERT, "unrecognized_name")
    if reason in _NO_TLS:
        return ConnectError(ErrorKind.TLS_MALFORMED, "what answers speaks no TLS")
    return ConnectError(ErrorKind.TLS_PROTOCOL, reason.lower())


_OLD_HTTP: Final = re.compile(r"(HTTP/1\.0 ([45]\d\d)\b.*)")
"""A refusal by a proxy that still speaks so: ``websockets`` reads its first line alone."""


def of_handshake(error: Exception) -> tuple[ErrorKind, str]:
    """Class and detail of a WebSocket handshake that ``websockets`` refused."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        return http_error(status), f"HTTP {status} {error.response.reason_phrase}".rstrip()
    if isinstance(error, NegotiationError):
        # ``websockets`` has one error for both, and says which in words.
        if "subprotocol" in str(error):
            return ErrorKind.BAD_SUBPROTOCOL, str(error)
        return ErrorKind.BAD_EXTENSION, str(error)
    if isinstance(error, InvalidMessage):
        cause = error.__cause__
        if isinstance(cause, EOFError):
            return ErrorKind.HTTP_MALFORMED, "closed before it answered the upgrade request"
        old = _OLD_HTTP.search(str(cause))
        if old is not None:
            return http_error(int(old[2])), old[1].rstrip()
        return ErrorKind.HTTP_MALFORMED, f"no HTTP response: {cause or error}"
    return ErrorKind.HTTP_MALFORMED, str(error)
