"""Keeping what a run measured, as far as the machine lets us: a full disk costs files, not the run.

``Stream`` is what the parent writes while the fleet is out, ``Pieces`` what is written at the end.
Called by ``run`` and ``outcome``.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.store.errors import NotWrittenError

if TYPE_CHECKING:
    from simulator.store import RunFolder
    from simulator.store.tables import Appender


LEAST_BYTES: Final = 400_000
"""A summary with its examples, and a report."""


def free_bytes(folder: Path) -> int:
    """Room that is left where a folder is, in bytes."""
    return shutil.disk_usage(folder).free


class Stream:
    """The table ``progress``, a row for each snapshot, each on disk at once.

    It ends where it cannot be written on; ``tell`` hears once why.
    """

    def __init__(self, folder: RunFolder, tell: Callable[[str], None]) -> None:
        """Open it. Raises StoreError."""
        self._appender: Appender | None = folder.appender("progress")
        self._tell = tell
        self._kept_s = -1.0

    def keep(self, sums: dict[str, Any], phase: str) -> None:
        """Put a snapshot on disk, so that a run that dies leaves what it had seen."""
        stream = self._appender
        if stream is None or sums["now_s"] <= self._kept_s:
            return
        self._kept_s = sums["now_s"]
        row = {name: sums.get(name) for name in stream.schema.names}
        row |= {"phase": phase, "answered": sums["calls"]["answered"]}
        with self._writing():
            stream.append(row | {"errors": sum(sums["errors"].values())})
            stream.flush()

    def close(self) -> None:
        """Write what is left."""
        stream, self._appender = self._appender, None
        if stream is not None:
            with self._writing():
                stream.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            stream, self._appender = self._appender, None
            if stream is not None:
                stream.abandon()
            self._tell(f"the table progress ends here: {error.strerror or error}")


class Pieces:
    """Files that are written one after another, the dearest first, and what could not be."""

    def __init__(self, folder: Path, free: Callable[[Path], int] = free_bytes) -> None:
        self._folder = folder
        self._free = free
        self._missing: dict[str, list[str]] = {}

    @property
    def missing(self) -> list[str]:
        """A line for each reason, which names the files; empty where everything was written."""
        return [f"{', '.join(names)} ({why})" for why, names in self._missing.items()]

    @contextmanager
    def piece(self, name: str, *, larger: bool = True) -> Iterator[None]:
        """Write one file; what the machine refuses is noted, and the next may fit.

        One that makes the folder ``larger`` and leaves too little room for the summary and the
        report is removed again.
        """
        try:
            yield
            if larger and self._free(self._folder) < LEAST_BYTES:
                (self._folder / name).unlink(missing_ok=True)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except NotWrittenError as error:
            self._note(name, str(error).rpartition(": ")[2])
        except OSError as error:
            self._note(name, error.strerror or str(error))

    def _note(self, name: str, why: str) -> None:
        self._missing.setdefault(why, []).append(name)
