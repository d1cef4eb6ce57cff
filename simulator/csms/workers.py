"""The embedded CSMS as several processes on one port.

The kernel deals new connections out among processes that listen on one port (SO_REUSEPORT), so that
neither one core nor the limit of open files of one process is the limit of all. A station may come
back to another process than before: what it had open there is read from the database that all
share. This file is the parent: it starts the workers, and puts together what they hold. Called by
:mod:`simulator.csms.service`.
"""

from __future__ import annotations

import json
import pickle
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from simulator.csms.front import FrontThread
from simulator.csms.holdings import Holdings, merged
from simulator.csms.options import CsmsOptions
from simulator.csms.process import (
    START_TIMEOUT_S,
    STOP_TIMEOUT_S,
    WorkersError,
    arguments,
    environment,
)

_LOOK_S: Final = 0.2
"""How often it is looked whether a worker has died."""


class Workers:
    """The processes of one CSMS. ``with Workers(options) as csms:`` listens at ``csms.url``.

    Raises OSError if the port is taken, WorkersError if a worker does not come up.
    """

    def __init__(self, options: CsmsOptions) -> None:
        self.options = options
        self.url = ""
        self.http_url = ""
        """Of the HTTP API, if there is to be one."""
        self.holdings: Holdings | None = None
        """What all hold together, once they have ended."""
        self.faults: dict[str, int] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stack = ExitStack()
        self._front: FrontThread | None = None

    def __enter__(self) -> Workers:
        try:
            self._start()
        except BaseException:
            self._kill()
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        options = self.options
        place = self._stack.enter_context(reserved(options.host, options.port))
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="csms-")))
        shared = replace(
            options,
            port=place.getsockname()[1],
            sqlite=options.sqlite or folder / "csms.sqlite",
            ca=options.ca or folder / "ca",
            http=None,
            json=True,
            until_stdin_closes=True,
        )
        _prepare(shared)
        for number in range(options.workers):
            mine = replace(shared, worker=number, held=folder / f"held-{number}")
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "simulator.csms", *arguments(mine)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=environment(),
                )
            )
        for process in self._processes:
            said = json.loads(_first_line(process))
            self.url = str(said["listening"])
        if options.http is not None:
            paths = [folder / f"held-{number}.sock" for number in range(options.workers)]
            self._front = FrontThread(options.http_host, options.http, paths)
            try:
                self._front.start()
            except OSError as error:
                from simulator.csms.service import ListenError

                raise ListenError(options.http_host, options.http, "--http", error) from error
            self.http_url = self._front.url

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids."""
        return tuple(process.pid for process in self._processes)

    def dead(self) -> str | None:
        """Which worker has died, if one has."""
        for number, process in enumerate(self._processes):
            if process.poll() is not None:
                return f"worker {number} died (exit code {process.returncode})"
        return None

    def _stop(self) -> None:
        """End the workers and put together what they held."""
        died = self.dead()
        if self._front is not None:
            self._front.stop()
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()
        held: list[Holdings] = []
        for number, process in enumerate(self._processes):
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                died = died or f"worker {number} did not end in {STOP_TIMEOUT_S:g} s"
            out = process.stdout.read() if process.stdout is not None else b""
            for line in out.splitlines()[-1:]:
                told = json.loads(line)
                for name, count in told.get("faults", {}).items():
                    self.faults[name] = self.faults.get(name, 0) + count
                held.append(read_held(Path(told["held"])))
        self._processes.clear()
        self.holdings = merged(held)
        self._stack.close()
        if died:
            raise WorkersError(f"the embedded CSMS: {died}")

    def _kill(self) -> None:
        if self._front is not None:
            self._front.stop()
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()


def _prepare(options: CsmsOptions) -> None:
    """Make what all share before they come, so that they do not make it at once."""
    from simulator.csms.authority import Authority
    from simulator.csms.journal import Journal

    assert options.sqlite is not None
    journal = Journal(options.sqlite)
    journal.close()
    Authority(options.ca, options.certificate_lifetime_s, options.operator)


@contextmanager
def reserved(host: str, port: int) -> Iterator[socket.socket]:
    """A port that several processes may listen on, held without listening. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as place:
        # First without sharing: somebody else who listens there must not be joined.
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            chosen = probe.getsockname()[1]
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((host, chosen))
        yield place


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(START_TIMEOUT_S):
            raise WorkersError(f"a worker was not listening after {START_TIMEOUT_S:g} s")
    line = process.stdout.readline()
    if not line:
        raise WorkersError(f"a worker did not start (exit code {process.wait()})")
    return line


def write_held(holdings: Holdings, path: Path) -> None:
    """Leave what a worker holds for its parent."""
    path.write_bytes(pickle.dumps(holdings))


def read_held(path: Path) -> Holdings:
    """Read what a worker left, in a folder that is ours alone."""
    found: Holdings = pickle.loads(path.read_bytes())
    return found


def run(options: CsmsOptions) -> tuple[Holdings, dict[str, Any]]:
    """Run the workers until SIGTERM, SIGINT or (if asked) the end of standard input."""
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    if options.until_stdin_closes:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_await_stdin, args=(ending,), daemon=True).start()
    else:
        signal.signal(signal.SIGINT, lambda *_: ending.set())
    workers = Workers(options)
    with workers:
        http = {"http": workers.http_url} if workers.http_url else {}
        print(json.dumps({"listening": workers.url} | http), flush=True)
        while not ending.wait(_LOOK_S) and workers.dead() is None:
            pass
    assert workers.holdings is not None
    return workers.holdings, workers.faults


def _await_stdin(ending: threading.Event) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    ending.set()
