"""Masking keys of a client's WebSocket frames, from the system's random numbers (RFC 6455 §5.3).

Fetched by the block: a call of the system for each frame would cost as much as the frame.
"""

from __future__ import annotations

from os import urandom
from typing import Final

BLOCK: Final = 4096
"""Bytes fetched at a time, a multiple of four."""


class Masks:
    """Four bytes at a time, each once."""

    __slots__ = ("_at", "_block")

    def __init__(self) -> None:
        self._block = b""
        self._at = 0

    def next(self) -> bytes:
        """A mask that was never used."""
        at = self._at
        if at == len(self._block):
            self._block, at = urandom(BLOCK), 0
        self._at = at + 4
        return self._block[at : at + 4]


fresh_mask = Masks().next
"""For all connections of a process."""
