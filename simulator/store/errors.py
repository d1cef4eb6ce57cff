"""What goes wrong with a run's folder, as one line for people. Raised throughout this room."""

from __future__ import annotations

import os
from pathlib import Path


class StoreError(Exception):
    """A run folder that cannot be written or read; the message names the path and the reason."""

    exit_code = 1
    """What the command line returns for it: a usage error."""


class NotWrittenError(StoreError):
    """The machine did not let us write: no space, no permission, no such folder."""


def not_written(path: Path, error: OSError) -> NotWrittenError:
    """The error for a file or folder that the machine did not let us write."""
    if isinstance(error, FileExistsError) and path.exists() and not path.is_dir():
        return NotWrittenError(f"{path}: is a file; expected a new or empty folder")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return NotWrittenError(f"{path}: cannot be written: {reason}")
