"""One shard as its parent sees it: the process, its two pipes, and the thread that listens.

No event loop: ``supervise`` reads one queue that all listeners fill. A shard is not in the
terminal's process group, so that Ctrl-C reaches the parent alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from simulator.live.messages import ShardSpec
from simulator.live.pipe import PipeClosedError, read_message, write_message

Mail = SimpleQueue[tuple[int, Any]]
"""(shard, message); the message None says that the shard's pipe is closed."""
_LAST_WORDS = 4000


class ShardProcess:
    """A running shard. Everything it says arrives in the queue given."""

    def __init__(self, spec: ShardSpec, mail: Mail) -> None:
        self.shard = spec.shard
        self.stations = spec.plan.stations
        self._mail = mail
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by end()
        commands_read, self._commands = os.pipe()
        self._results, results_write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "simulator.live.shard"),
                    *("--read", str(commands_read), "--write", str(results_write)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._stderr,
                stderr=self._stderr,
                pass_fds=(commands_read, results_write),
                env=environment(),
                start_new_session=True,
            )
        finally:
            os.close(commands_read)
            os.close(results_write)
        self._writing = threading.Lock()
        self._threads = [
            threading.Thread(target=self._listen, name=f"shard-{self.shard}", daemon=True),
            threading.Thread(target=self.send, args=(spec,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Say something. A shard that is gone does not hear it; the queue tells that it is."""
        try:
            with self._writing:
                write_message(self._commands, message)
        except PipeClosedError:
            return

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code; None if it still runs after that time."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Close everything that belongs to it; kills it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        os.close(self._commands)
        os.close(self._results)
        self._stderr.close()

    def last_words(self) -> str:
        """The end of what it wrote to standard output and error."""
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(self._stderr.tell() - _LAST_WORDS, 0))
        return self._stderr.read().decode(errors="replace").strip()

    def _listen(self) -> None:
        try:
            while True:
                self._mail.put((self.shard, read_message(self._results)))
        except PipeClosedError:
            self._mail.put((self.shard, None))


def environment() -> dict[str, str]:
    """This environment, with this very package on the path of the child."""
    home = str(Path(__file__).resolve().parents[2])
    if home in sys.path and Path(home).name == "site-packages":
        return dict(os.environ)
    before = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": home if not before else os.pathsep.join((home, before))}
