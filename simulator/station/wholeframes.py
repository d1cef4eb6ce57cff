"""The one kind of WebSocket frame that nearly all are: a whole, short text message of its own.

Bytes to bytes, for both ends of a connection (``live.connection``, ``csms.peer``), which leave
everything else (fragments, control frames, extensions, errors, closing) to ``websockets``; that
costs several times as much per message. RFC 6455 §5.2.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # a build without the extension
    from websockets.utils import apply_mask

LONGEST: Final = 0xFFFF
"""Bytes of payload; longer ones have a header of another form."""
_TEXT_FIN: Final = 0x81
_MASKED: Final = 0x80
_SHORT: Final = tuple(bytes((_TEXT_FIN, _MASKED | n)) for n in range(126))
_BARE: Final = tuple(bytes((_TEXT_FIN, n)) for n in range(126))
_long = Struct("!BBH").pack


def server_text(payload: bytes) -> bytes:
    """A server's frame with a message of at most LONGEST bytes."""
    size = len(payload)
    return (_BARE[size] if size < 126 else _long(_TEXT_FIN, 126, size)) + payload


def client_text(payload: bytes, mask: bytes) -> bytes:
    """A client's frame with a message of at most LONGEST bytes; a fresh mask of four bytes."""
    size = len(payload)
    head = _SHORT[size] if size < 126 else _long(_TEXT_FIN, _MASKED | 126, size)
    return head + mask + apply_mask(payload, mask)


def from_server(data: bytes) -> bytes | None:
    """The message, if the bytes are exactly one server's frame with a whole text of LONGEST bytes.

    None: something else, or in another form.
    """
    size = len(data)
    if size < 2 or data[0] != _TEXT_FIN:
        return None
    length = data[1]
    if length < 126:
        return data[2:] if size == length + 2 else None
    if length == 126 and size > 129 and size == (data[2] << 8) + data[3] + 4:
        return data[4:]
    return None


def from_client(data: bytes) -> bytes | None:
    """The message, if the bytes are exactly one client's frame with a whole text of LONGEST bytes.

    None: something else, or in another form.
    """
    size = len(data)
    if size < 6 or data[0] != _TEXT_FIN:
        return None
    length = data[1] - _MASKED
    if 0 <= length < 126:
        return apply_mask(data[6:], data[2:6]) if size == length + 6 else None
    if length == 126 and size > 133 and size == (data[2] << 8) + data[3] + 8:
        return apply_mask(data[8:], data[4:8])
    return None
