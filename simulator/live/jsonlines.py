"""A live run as lines of JSON, one for each whole second: for scripts that watch it.

``{"kind": "start", ...}``, then ``{"kind": "second", ...}`` once all shards have told that second,
then ``{"kind": "end", ...}`` with the verdict. Called by ``outlets`` in the parent.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from simulator.live.errors import RefusedError
from simulator.measure.detail import Detail, second_row

STDOUT: Final = "-"


def open_lines(where: str | Path) -> IO[str]:
    """A file, or standard output for ``-``. Raises RefusedError."""
    if str(where) == STDOUT:
        return sys.stdout
    try:
        return Path(where).open("w", encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"--jsonl {where}: {error.strerror or error}") from None


class SecondLines:
    """Writes each second once, in order, when it cannot change any more."""

    def __init__(self, out: IO[str], complain: Callable[[str], None]) -> None:
        self._out: IO[str] | None = out
        self._complain = complain
        self._next = 0
        self.phase_of: Callable[[float], str] = lambda _: ""

    def write(self, kind: str, **values: Any) -> None:
        """One line. A reader that went away, or a full disk, ends the lines and not the run."""
        if self._out is None:
            return
        try:
            print(json.dumps({"kind": kind, **values}), file=self._out, flush=True)
        except OSError as error:
            self._out = None
            self._complain(f"no more lines of JSON: {error.strerror or error}")

    def take(self, detail: Detail, epoch_at_zero: float, **state: Any) -> None:
        """Write the seconds that are new; ``state`` is added to each as it is.

        A second is there when every shard tells it. One that a shard cannot tell any more (it was
        silent for longer than it remembers) is left out.
        """
        for second in sorted(detail.seconds):
            if second < self._next:
                continue
            self._next = second + 1
            row = second_row(detail, second)
            self.write(
                "second",
                time=round(epoch_at_zero + second, 3),
                phase=self.phase_of(second),
                **row,
                **state,
            )

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._out is not None and self._out is not sys.stdout:
            self._out.close()
        self._out = None
