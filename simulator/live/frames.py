"""The last frames of one station, kept small: what an error report shows.

A ring in one list, which refers to the frames as they are and copies none that is short. ``link``
appends, ``measure`` gets the readable form only when something went wrong. Secrets are masked on
the way out.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

KEEP: Final = 20
CUT: Final = 400
"""Longest part of a frame that the ring keeps, bytes."""
LARGEST: Final = 0xFFFF
"""Longest frame that is kept whole because of what it may hold, bytes."""

SENT: Final = 1
RECEIVED: Final = 0

_NAMES: Final = frozenset({"authorizationkey", "basicauthpassword"})
_END: Final = 3 * KEEP


class FrameRing:
    """The last KEEP frames: time (s since T0), direction and the first CUT bytes."""

    __slots__ = ("_entries", "_next")

    def __init__(self) -> None:
        self._entries: list[Any] = []
        """Time, direction (negative: the frame was cut) and bytes of each, one after the other."""
        self._next = 0

    def append(self, now: float, direction: int, frame: bytes) -> None:
        """Keep a frame; the oldest goes."""
        if len(frame) > CUT:
            keep = LARGEST if _suspect(frame) else CUT  # masked first, then cut
            if len(frame) > keep:
                frame = frame[:keep]
                direction = ~direction
        entries, at = self._entries, self._next
        if at == len(entries):
            entries += (now, direction, frame)
        else:
            entries[at] = now
            entries[at + 1] = direction
            entries[at + 2] = frame
        self._next = at + 3 if at + 3 < _END else 0

    def __len__(self) -> int:
        return len(self._entries) // 3

    def rows(self) -> list[tuple[float, str, str]]:
        """Oldest first: (seconds since T0, "out" or "in", text; cut frames end in an ellipsis)."""
        entries = self._entries
        first = self._next if len(entries) == _END else 0
        rows = []
        for at in (*range(first, len(entries), 3), *range(0, first, 3)):
            now, direction, frame = entries[at : at + 3]
            text = masked(frame)
            if direction < 0 or len(frame) > CUT:
                text = text[:CUT] + "…"
            sent = direction in (SENT, ~SENT)
            rows.append((now, "out" if sent else "in", text))
        return rows


def _suspect(frame: bytes) -> bool:
    """May it hold a secret? Keys are the same in any case; JSON may write letters as escapes."""
    low = frame.lower()
    return b"authorizationkey" in low or b"basicauthpassword" in low or b"\\u00" in low


def masked(frame: bytes) -> str:
    """The frame as text, with the value of an AuthorizationKey replaced by stars.

    A frame without one stays as it is, byte for byte where it is UTF-8.
    """
    text = frame.decode("utf-8", "replace")
    if not _suspect(frame):
        return text
    try:
        value = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "(a frame that may hold an AuthorizationKey and is not JSON: withheld)"
    if not _named(frame) and not _named(msgspec.json.encode(value)):
        return text  # escapes, but of something else
    return msgspec.json.encode(_mask(value)).decode()


def _named(frame: bytes) -> bool:
    low = frame.lower()
    return any(name.encode() in low for name in _NAMES)


def _mask(value: Any) -> Any:
    if isinstance(value, list):
        return [_mask(item) for item in value]
    if isinstance(value, dict):
        key = value.get("key")
        if isinstance(key, str) and key.casefold() in _NAMES and "value" in value:
            return {**value, "value": "***"}
        return {name: _mask(item) for name, item in value.items()}
    return value
