"""What the command line prints besides results: a table, a progress bar, an error in words.

Called by ``cli`` alone. The screen of a live run is ``live.screen``.
"""

from __future__ import annotations

import contextlib
import errno
import sys
from contextlib import AbstractContextManager
from typing import Any

ENVIRONMENT = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EEXIST,
        errno.EFBIG,
        errno.EIO,
        errno.EISDIR,
        errno.EMFILE,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)
"""What the machine refuses to any program: said in a line, no traceback."""


def explain(error: Exception) -> int:
    """Print what went wrong; our own errors without a traceback, others with one."""
    code = getattr(error, "exit_code", None)
    if isinstance(code, int):
        print(f"chargeswarm: {error}", file=sys.stderr)
        return code
    if isinstance(error, OSError) and error.errno in ENVIRONMENT:
        where = f"{error.filename}: " if error.filename else ""
        print(f"chargeswarm: {where}{error.strerror}", file=sys.stderr)
        return 1
    if isinstance(error, MemoryError):
        print(
            "chargeswarm: not enough memory for this run; expected fewer stations, fewer visits, "
            "a shorter duration, or a longer record.interval",
            file=sys.stderr,
        )
        return 1
    import traceback

    traceback.print_exc()
    print(
        "chargeswarm: internal error, please report it with the lines above and your scenario",
        file=sys.stderr,
    )
    return 70


def only_json(as_json: bool) -> AbstractContextManager[object]:
    """With ``--json`` what a user's own code prints goes to standard error."""
    return contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()


def print_table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Print rows under a header, the last column as wide as it likes."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    for column in header[:-1]:
        table.add_column(column, no_wrap=True)
    table.add_column(header[-1])
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console(soft_wrap=not sys.stdout.isatty()).print(table)


class ProgressBar:
    """A progress bar on standard error where that is a terminal; silent elsewhere."""

    def __init__(self, what: str, *, quiet: bool) -> None:
        self._what = what
        self._quiet = quiet or not sys.stderr.isatty()
        self._bar: Any = None

    def __enter__(self) -> ProgressBar:
        if not self._quiet:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:3.0f} %"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(self._what, total=1.0)
            self._bar.start()
        return self

    def __call__(self, done: float, what: str | None = None) -> None:
        """Show the share done (0..1) and, if it changed, what is being done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=what or self._what)

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.stop()
