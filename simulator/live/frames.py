"""The last frames of one station, kept small: what an error report shows.

A ring of packed records in one bytearray: no object per frame. ``link`` appends, ``measure`` gets
the readable form only when something went wrong. Secrets are masked on the way out.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import msgspec

KEEP: Final = 20
CUT: Final = 400
"""Longest part of a frame that the ring keeps, bytes."""

SENT: Final = 1
RECEIVED: Final = 0

_HEAD: Final = struct.Struct("<dBHI")
_pack = _HEAD.pack
_unpack = _HEAD.unpack_from
_SIZE: Final = _HEAD.size
_SECRET: Final = b"AuthorizationKey"


class FrameRing:
    """The last KEEP frames: time (s since T0), direction, length and the first CUT bytes."""

    __slots__ = ("_buffer", "_count")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._count = 0

    def append(self, now: float, direction: int, frame: bytes) -> None:
        """Keep a frame; the oldest goes."""
        buffer = self._buffer
        if self._count == KEEP:
            del buffer[: _SIZE + _unpack(buffer)[2]]
        else:
            self._count += 1
        full = len(frame)
        if full > CUT and _SECRET not in frame:
            frame = frame[:CUT]
        buffer += _pack(now, direction, min(len(frame), 0xFFFF), full)
        buffer += frame[:0xFFFF]

    def __len__(self) -> int:
        return self._count

    def rows(self) -> list[tuple[float, str, str]]:
        """Oldest first: (seconds since T0, "out" or "in", text; cut frames end in an ellipsis)."""
        rows = []
        at = 0
        for _ in range(self._count):
            now, direction, length, full = _unpack(self._buffer, at)
            at += _SIZE
            text = masked(bytes(self._buffer[at : at + length]))[:CUT]
            at += length
            if full > CUT:
                text += "…"
            rows.append((now, "out" if direction == SENT else "in", text))
        return rows


def masked(frame: bytes) -> str:
    """The frame as text, with the value of an AuthorizationKey replaced by stars."""
    text = frame.decode("utf-8", "replace")
    if _SECRET not in frame:
        return text
    try:
        value = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "(a frame with an AuthorizationKey that is not JSON: withheld)"
    return msgspec.json.encode(_mask(value)).decode()


def _mask(value: Any) -> Any:
    if isinstance(value, list):
        return [_mask(item) for item in value]
    if isinstance(value, dict):
        if value.get("key") == "AuthorizationKey" and "value" in value:
            return {**value, "value": "***"}
        return {name: _mask(item) for name, item in value.items()}
    return value
