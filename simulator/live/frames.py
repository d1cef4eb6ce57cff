"""The last frames of one station, kept small: what an error report shows.

A ring of packed records in one bytearray: no object per frame. ``link`` appends, ``measure`` gets
the readable form only when something went wrong. Secrets are masked on the way out.
"""

from __future__ import annotations

import re
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
_NAMES: Final = frozenset({"authorizationkey", "basicauthpassword"})
_NAMED: Final = re.compile(rb"authorizationkey|basicauthpassword", re.IGNORECASE)
_SUSPECT: Final = re.compile(rb"authorizationkey|basicauthpassword|\\u00", re.IGNORECASE)
"""Keys of a configuration are the same in any case, and JSON may write a letter as an escape."""


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
        if full > CUT and not _SUSPECT.search(frame):
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
    """The frame as text, with the value of an AuthorizationKey replaced by stars.

    A frame without one stays as it is, byte for byte where it is UTF-8.
    """
    text = frame.decode("utf-8", "replace")
    if not _SUSPECT.search(frame):
        return text
    try:
        value = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "(a frame that may hold an AuthorizationKey and is not JSON: withheld)"
    if not _NAMED.search(frame) and not _NAMED.search(msgspec.json.encode(value)):
        return text  # escapes, but of something else
    return msgspec.json.encode(_mask(value)).decode()


def _mask(value: Any) -> Any:
    if isinstance(value, list):
        return [_mask(item) for item in value]
    if isinstance(value, dict):
        key = value.get("key")
        if isinstance(key, str) and key.casefold() in _NAMES and "value" in value:
            return {**value, "value": "***"}
        return {name: _mask(item) for name, item in value.items()}
    return value
