"""How a failed connection falls into the closed list of error classes (``measure.errors``).

Pure: no sockets. ``dial``, ``connection`` and ``preflight`` classify with it.
"""

from __future__ import annotations

import errno
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


def of_handshake(error: Exception) -> tuple[ErrorKind, str]:
    """Class and detail of a WebSocket handshake that ``websockets`` refused."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        return http_error(status), f"HTTP {status} {error.response.reason_phrase}".rstrip()
    if isinstance(error, NegotiationError):
        return ErrorKind.BAD_SUBPROTOCOL, str(error)
    if isinstance(error, InvalidMessage):
        cause = error.__cause__
        if isinstance(cause, EOFError):
            return ErrorKind.HTTP_MALFORMED, "closed before it answered the upgrade request"
        return ErrorKind.HTTP_MALFORMED, f"no HTTP response: {cause or error}"
    return ErrorKind.HTTP_MALFORMED, str(error)
