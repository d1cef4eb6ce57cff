"""The embedded CSMS as a child process: start, wait until it listens, stop, read what it holds.

Used by live runs whose target is ``embedded``. The child ends when this process does, however that
ends, because it watches its standard input; Ctrl-C in a terminal does not reach it.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import urlsplit

from simulator.csms.options import FAULTS, CsmsOptions, Faults

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0


class CsmsProcessError(Exception):
    """The embedded CSMS did not start, or died."""


class WorkersError(Exception):
    """The workers of a CSMS cannot be started, or one of them died."""


class EmbeddedCsms:
    """The embedded CSMS in a process of its own.

    ``with EmbeddedCsms() as csms:`` stations connect to ``csms.url``; after the block
    ``csms.holdings`` is its summary (:meth:`simulator.csms.holdings.Holdings.summary`), or None if
    it died. Raises CsmsProcessError if it does not come up.
    """

    def __init__(
        self, options: CsmsOptions | None = None, start_timeout_s: float = START_TIMEOUT_S
    ) -> None:
        """Prepare; a free port is chosen unless ``options`` name one."""
        chosen = CsmsOptions(port=0) if options is None else options
        self.options = replace(chosen, json=True, until_stdin_closes=True)
        self.url = ""
        self.http_url = ""
        """Of the HTTP API, if ``options`` ask for one."""
        self.holdings: dict[str, Any] | None = None
        self._start_timeout_s = start_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        if self._process is None:
            raise RuntimeError("the embedded CSMS has not been started")
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until it listens."""
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulator.csms", *arguments(self.options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment(),
        )
        try:
            said = json.loads(self._first_line())
            self.url, self.http_url = str(said["listening"]), str(said.get("http", ""))
        except BaseException:
            self._process.kill()
            self.stop()
            raise

    def check(self) -> None:
        """Raise CsmsProcessError if the process has died."""
        if self._process is not None and self._process.poll() is not None:
            raise CsmsProcessError(self._obituary("died"))

    def kill(self) -> None:
        """End the process and its workers by SIGKILL: none has time to put anything away."""
        import psutil

        process, self._process = self._process, None
        if process is None:
            return
        with suppress(psutil.Error):
            for worker in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    worker.kill()
        process.kill()
        process.communicate()
        self._forget()

    def restart(self) -> None:
        """After ``kill``: start it anew on the same ports. Raises CsmsProcessError."""
        ports = [urlsplit(url).port for url in (self.url, self.http_url)]
        options = replace(self.options, port=ports[0] or self.options.port)
        if ports[1] is not None:
            options = replace(options, http=ports[1])
        self.options = options
        self.start()

    def stop(self) -> None:
        """End the process and read what it holds. Does nothing if there is none."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            out, _ = process.communicate(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
        lines = out.splitlines()
        if process.returncode == 0 and lines:
            self.holdings = json.loads(lines[-1])
        self._forget()

    def _forget(self) -> None:
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    def __enter__(self) -> EmbeddedCsms:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _first_line(self) -> bytes:
        """Return the line that says where the child listens."""
        assert self._process is not None and self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(self._start_timeout_s):
                text = f"was not listening after {self._start_timeout_s:g} s"
                raise CsmsProcessError(self._obituary(text))
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise CsmsProcessError(self._obituary("did not start"))
        return line

    def _obituary(self, what: str) -> str:
        """Return what happened, with the last that the child said on standard error."""
        assert self._stderr is not None and self._process is not None
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip().splitlines()
        code = self._process.poll()
        head = f"the embedded CSMS {what}" + ("" if code is None else f" (exit code {code})")
        return ": ".join([head, said[-1]]) if said else head


def arguments(options: CsmsOptions) -> list[str]:
    """Return the command line that means ``options``."""
    line = ["--host", options.host, "--port", str(options.port)]
    line += ["--boot-status", options.boot_status]
    line += ["--heartbeat-interval", str(options.heartbeat_interval_s)]
    line += ["--client-certificates", options.client_certificates]
    for flag, path in (
        ("--stations", options.stations),
        ("--tokens", options.tokens),
        ("--sqlite", options.sqlite),
        ("--on-boot", options.on_boot),
        ("--ca", options.ca),
        ("--operator", options.operator),
        ("--contract-roots", options.contract_roots),
        ("--exi-response", options.exi_response),
        ("--held", options.held),
        ("--worker", options.worker),
        ("--tls-cert", options.tls_cert),
        ("--tls-key", options.tls_key),
        ("--client-ca", options.client_ca),
    ):
        if path is not None:
            line += [flag, str(path)]
    if options.workers > 1:
        line += ["--workers", str(options.workers)]
    line += ["--certificate-lifetime", f"{options.certificate_lifetime_s!r}s"]
    for name, (flag, _) in FAULTS.items():
        if getattr(options.faults, name) != getattr(Faults(), name):
            line.append(f"{flag}={getattr(options.faults, name)}")
    if options.http is not None:
        line += ["--http", str(options.http), "--http-host", options.http_host]
    for flag, wanted in (
        ("--no-validate", not options.validate),
        ("--fast", options.fast),
        ("--json", options.json),
        ("--until-stdin-closes", options.until_stdin_closes),
    ):
        if wanted:
            line.append(flag)
    return line


def environment() -> dict[str, str]:
    """Return an environment in which the child finds this very package."""
    home = str(Path(__file__).resolve().parents[2])
    before = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": home if not before else os.pathsep.join((home, before))}
