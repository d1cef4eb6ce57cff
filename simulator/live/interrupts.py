"""Ctrl-C during a live run: counted while the fleet is out, raised as usual before and after.

The first asks for an orderly end, the second for an immediate one. SIGTERM counts like Ctrl-C.
Outside the main thread (a server's worker, say) signals cannot be caught, and none are.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """A context: within it SIGINT and SIGTERM are counted instead of raised."""

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[signal.Signals, Any] = {}

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before.clear()
