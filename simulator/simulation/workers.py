"""Work spread over processes: tasks out, results back, in the order of the tasks.

``Spread`` runs a piece of work here or in workers of its own: with one job it is a plain loop.
Workers are started, not forked, and not through ``multiprocessing``: a script that calls
``simulate`` without a ``__main__`` guard, and a notebook, work as well. They do not see Ctrl-C; the
parent ends them, and they end by themselves when its pipe closes. Not here: what the work is.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import IO, Any, Final

Make = Callable[[Any], Any]
"""Makes the work out of its description; importable by name. The work is called with each task,
and has a method ``finish`` that gives what it has gathered."""

AHEAD: Final = 2
"""Tasks that a worker has been given at most: it goes on while the parent is busy."""
_LAST_WORDS: Final = 2000


class WorkerLostError(Exception):
    """A worker ended before its work did."""

    exit_code = 5
    """What the command line returns for it."""


class Spread:
    """Tasks under way: iterate over the results, in the order of the tasks.

    A context manager: whatever happens, no worker outlives it.
    """

    def __init__(
        self,
        make: Make,
        description: Any,
        tasks: Sequence[Any],
        jobs: int,
        *,
        ordered: bool = True,
    ) -> None:
        """``ordered=False`` gives results as they come."""
        self._make, self._description, self._tasks = make, description, tasks
        self._ordered = ordered
        self._jobs = max(1, min(jobs, len(tasks)))
        self.finished: list[Any] = []
        """What each worker gathered, when all results have been taken."""
        self._under_way = self._here() if self._jobs == 1 else self._there()

    def __enter__(self) -> Spread:
        return self

    def __exit__(self, *_: object) -> None:
        self._under_way.close()

    def __iter__(self) -> Iterator[Any]:
        return self._under_way

    def _here(self) -> Generator[Any, None, None]:
        work = self._make(self._description)
        for task in self._tasks:
            yield work(task)
        self.finished = [work.finish()]

    def _there(self) -> Generator[Any, None, None]:
        with ExitStack() as stack:
            head = pickle.dumps((self._make, self._description), pickle.HIGHEST_PROTOCOL)
            workers = [stack.enter_context(_Worker(head)) for _ in range(self._jobs)]
            waiting = list(enumerate(self._tasks))[::-1]
            for _ in range(AHEAD):
                for worker in workers:
                    if waiting:
                        worker.give(*waiting.pop())
            done: dict[int, Any] = {}
            following = 0
            while following < len(self._tasks):
                for worker in _ready(workers):
                    number, result = worker.take()
                    done[number if self._ordered else following + len(done)] = result
                    if waiting and len(done) <= AHEAD * self._jobs:
                        worker.give(*waiting.pop())
                while following in done:
                    yield done.pop(following)
                    following += 1
                for worker in workers:  # those that were held back while one task took long
                    if waiting and not worker.under_way:
                        worker.give(*waiting.pop())
            self.finished = [worker.close() for worker in workers]


def _ready(workers: Sequence[_Worker]) -> list[_Worker]:
    pipes = {worker.results: worker for worker in workers if worker.under_way}
    return [pipes[pipe] for pipe in wait(list(pipes)) if isinstance(pipe, Connection)]


class _Worker:
    """One process, its pipes, and what it was given."""

    def __init__(self, head: bytes) -> None:
        self.under_way = 0
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        tasks_read, tasks_write = os.pipe()
        results_read, results_write = os.pipe()
        self._tasks = Connection(tasks_write, readable=False)
        self.results = Connection(results_read, writable=False)
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "simulator.simulation.worker"),
                    *(str(tasks_read), str(results_write)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                pass_fds=(tasks_read, results_write),
                env=_environment(),
                start_new_session=True,
            )
        finally:
            os.close(tasks_read)
            os.close(results_write)
        self._send(head)

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._tasks.close()
        self.results.close()
        self._said.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def give(self, number: int, task: Any) -> None:
        """Hand over a task."""
        self.under_way += 1
        self._send(pickle.dumps((number, task), pickle.HIGHEST_PROTOCOL))

    def take(self) -> tuple[int, Any]:
        """A result, or the error that the task raised; WorkerLostError if the worker is gone."""
        try:
            number, result, error = self.results.recv()
        except (EOFError, OSError):
            raise WorkerLostError(self._death()) from None
        self.under_way -= 1
        if error is not None:
            raise error
        return number, result

    def close(self) -> Any:
        """Ask for what it has gathered; it ends then."""
        self._send(pickle.dumps(None))
        return self.take()[1]

    def _send(self, data: bytes) -> None:
        try:
            self._tasks.send_bytes(data)
        except OSError:
            raise WorkerLostError(self._death()) from None

    def _death(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
        code = self._process.poll()
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(self._said.tell() - _LAST_WORDS, 0))
        words = self._said.read().decode(errors="replace").strip().splitlines()
        how = "closed its pipe" if code is None else f"ended with exit code {code}"
        if code is not None and code < 0:
            known = {int(number): number.name for number in signal.Signals}
            how = f"was killed by {known.get(-code, f'signal {-code}')}"
            if -code == signal.SIGKILL:
                how += " (the system does so when memory runs out: try fewer --jobs)"
        return f"a worker process {how}" + (f": {words[-1]}" if words else "")


def _environment() -> dict[str, str]:
    """This environment, with this very package on the path of the child."""
    home = str(Path(__file__).resolve().parents[2])
    before = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": home if not before else os.pathsep.join((home, before)),
        # One thread each: the workers share the cores among themselves.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # glibc gives large arrays back at once and faults them in again: a fifth of the time.
        "MALLOC_MMAP_THRESHOLD_": "1073741824",
        "MALLOC_TRIM_THRESHOLD_": "4294967296",
    }


def usable_cpus() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
