"""A megabyte put aside in a run's folder, so that its end can be written on a full disk.

A run that fills the disk with its own trace, or whose neighbours do, still has a verdict. Made and
given back by ``folder``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

RESERVE: Final = ".reserve.tmp"
SIZE: Final = 1 << 20


def put_aside(folder: Path, size: int = SIZE) -> bool:
    """Take up the space; False where there is not so much (what there was is given back)."""
    try:
        # No zeros, which a file system may not store.
        (folder / RESERVE).write_bytes(os.urandom(size))
    except OSError:
        give_back(folder)
        return False
    return True


def give_back(folder: Path) -> None:
    """Free the space, if it was taken up."""
    with suppress(OSError):
        (folder / RESERVE).unlink(missing_ok=True)
