"""The loop of a worker process: ``python -m simulator.simulation.worker READ WRITE``.

Started by ``workers`` alone. Reads what the work is, then tasks, until None comes or the pipe
closes; an error of a task goes back as the result.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any


def main(read: int, write: int) -> None:
    """Work until there is nothing more to do."""
    results = Connection(write, readable=False)
    inbox: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(read, inbox), daemon=True).start()
    with suppress(BrokenPipeError):
        make, description = pickle.loads(inbox.get())
        work = make(description)
        while True:
            given = pickle.loads(inbox.get())
            if given is None:
                results.send((-1, work.finish(), None))
                return
            number, task = given
            answer: tuple[int, Any, Exception | None]
            try:
                answer = (number, work(task), None)
            except Exception as error:
                answer = (number, None, portable(error))
            results.send(answer)


def _listen(read: int, inbox: SimpleQueue[bytes]) -> None:
    """Take everything in at once, so that the parent never waits to hand over a task.

    Ends the process where the parent is gone: nobody waits for the result.
    """
    tasks = Connection(read, writable=False)
    try:
        while True:
            inbox.put(tasks.recv_bytes())
    except (EOFError, OSError):
        os._exit(1)


def portable(error: Exception) -> Exception:
    """The error as it can cross to the parent, with its traceback as a note."""
    error.add_note("".join(traceback.format_exception(error)).rstrip())
    try:
        again: Any = pickle.loads(pickle.dumps(error))
    except Exception:
        again = None
    if isinstance(again, type(error)) and str(again) == str(error):
        return error
    plain = RuntimeError(f"{type(error).__name__}: {error}")
    plain.__notes__ = error.__notes__
    return plain


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
