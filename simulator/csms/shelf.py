"""Passwords of stations that have changed while several workers are one CSMS.

A file for each in the folder that the workers share, which is theirs alone and goes with them; so
that none is ever in the database, which a user may keep. Asked at the door by
:mod:`simulator.csms.central`.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


class Shelf:
    """What a station was offered as its password, and what it took."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def offer(self, station: str, secret: bytes) -> None:
        """The station may have taken it."""
        self._put(station, "offered", secret)

    def take(self, station: str, secret: bytes) -> None:
        """The station has taken it: the one before is none any more."""
        self._put(station, "taken", secret)
        self._path(station, "offered").unlink(missing_ok=True)

    def offered(self, station: str) -> bytes | None:
        """The last that may have been taken."""
        return self._get(station, "offered")

    def taken(self, station: str) -> bytes | None:
        """The last that was; None: it never changed."""
        return self._get(station, "taken")

    def _path(self, station: str, what: str) -> Path:
        return self._folder / f"{hashlib.sha256(station.encode()).hexdigest()[:32]}.{what}"

    def _put(self, station: str, what: str, secret: bytes) -> None:
        path = self._path(station, what)
        new = path.with_suffix(f".{what}-{os.getpid()}")
        number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(secret)
        new.replace(path)

    def _get(self, station: str, what: str) -> bytes | None:
        try:
            return self._path(station, what).read_bytes()
        except OSError:
            return None
