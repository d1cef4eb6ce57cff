"""A CSMS that is not ours (Node, the package ``ocpp-rpc``) and our station on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from math import inf
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from simulator.station import v16, v201
from simulator.station.effects import Close, Connect, Send
from simulator.station.settings import Identity, Settings
from simulator.station.station import Station

HERE = Path(__file__).parent
PACKAGE = "ocpp-rpc@2"
INSTALL_S = 120.0
TABLES = {"1.6": v16.TABLE, "2.0.1": v201.TABLE}

_NAME = "station_harness"
if _NAME not in sys.modules:
    _spec = importlib.util.spec_from_file_location(_NAME, HERE.parent / "station" / "harness.py")
    assert _spec is not None and _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules[_NAME] = _module
    _spec.loader.exec_module(_module)


def _install(folder):
    """Install the package; says why not, or nothing."""
    command = ["npm", "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund"]
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    try:
        done = subprocess.run(
            [*command, PACKAGE],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"installing {PACKAGE} took more than {INSTALL_S:.0f} s"
    return f"{PACKAGE} could not be installed: {done.stderr[-300:]}" if done.returncode else ""


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """A folder with the package; skips where it cannot be had, but with ``CI=true`` fails."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not there")
    folder = tmp_path_factory.mktemp("ocpp-rpc")
    why = _install(folder)
    if why and os.environ.get("CI") == "true":
        pytest.fail(why)
    if why:
        pytest.skip(why)
    return folder


class NodeCsms:
    """The CSMS process: told commands on its standard input, heard on its standard output."""

    def __init__(self, process):
        self._process = process
        self._waiting = {}
        self._reader = None
        self._number = 0

    async def open(self):
        """Wait until it listens."""
        self.port = json.loads(await self._process.stdout.readline())["port"]
        self._reader = asyncio.create_task(self._read())
        return self

    async def _read(self):
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            found = self._waiting.pop("report" if "report" in told else told.get("id"), None)
            if found is not None and not found.done():
                found.set_result(told)
        for future in self._waiting.values():
            future.set_exception(RuntimeError("the CSMS process ended"))

    async def _tell(self, key, what):
        future = self._waiting[key] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        return await asyncio.wait_for(future, 30.0)

    async def ask(self, station, method, params):
        """A command; (payload of the answer, None) or (None, code of the CALLERROR)."""
        self._number += 1
        what = {"id": self._number, "station": station, "method": method, "params": params}
        told = await self._tell(self._number, what)
        if "error" in told:
            assert told["error"]["code"], told  # else it never left, or nobody answered
            return None, told["error"]["code"]
        return told["result"], None

    async def report(self):
        """Violations, bad messages, and what was seen of each station."""
        return (await self._tell("report", {"report": True}))["report"]

    async def close(self):
        """Its standard input ends, and so does it."""
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 10.0)
        await self._reader


class Wired:
    """A station on a real socket; its clock runs ``speed`` times as fast as the wall's."""

    def __init__(self, identity, version, port, speed=20.0):
        harness = sys.modules[_NAME]
        self.id = identity
        self.table = TABLES[version]
        self.meter = harness.FakeMeter()
        self.log = harness.Log()
        self.speed = speed
        self._url = f"ws://127.0.0.1:{port}/ocpp/{identity}"
        self._loop = asyncio.get_running_loop()
        self._zero = self._loop.time()
        self._kick = asyncio.Event()
        self._socket = None
        self._readers = set()
        self.unserved = []
        settings = Settings(
            "interop",
            sample_interval_s=10.0,
            call_timeout_s=30.0 * speed,
            backoff_min_s=1.0,
        )
        # With keys, where the station of the bench has some: certificates are parsed with them.
        keys = {"keys": harness.KEYS} if hasattr(harness, "KEYS") else {}
        self.station = Station(
            0,
            Identity(identity, "Vendor", "Model", "SN-1", "1.0", 2),
            self.table,
            settings,
            self.meter,
            harness.FakeDraws(),
            self.log,
            harness.EPOCH,
            **keys,
        )

    @property
    def now(self):
        return (self._loop.time() - self._zero) * self.speed

    def do(self, what, *args):
        """Something happens at the station."""
        getattr(self.station, what)(self.now, *args)
        self._kick.set()

    async def run(self):
        """Drive it until cancelled."""
        self.station.start(self.now)
        while True:
            effects = self.station.take_effects()
            for effect in effects:
                await self._perform(effect)
            if effects:
                continue
            self._kick.clear()
            due = self.station.next_deadline
            with contextlib.suppress(TimeoutError):
                wait = None if due == inf else max(due - self.now, 0.0) / self.speed
                await asyncio.wait_for(self._kick.wait(), wait)
            if self.station.next_deadline <= self.now:
                self.station.wake(self.now)

    async def _perform(self, effect):
        if isinstance(effect, Connect):
            self._socket = await connect(
                self._url, subprotocols=[self.table.subprotocol], compression=None
            )
            assert self._socket.subprotocol == self.table.subprotocol
            reader = asyncio.create_task(self._read(self._socket))
            self._readers.add(reader)
            self.station.connected(self.now)
        elif isinstance(effect, Close):
            await self._socket.close(effect.code, effect.reason)
        elif isinstance(effect, Send):
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(effect.data.decode())
            if effect.call:
                self.station.written(self.now)
        else:
            self.unserved.append(effect)

    async def _read(self, socket):
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                self.station.receive(self.now, message)
                self._kick.set()
        self.station.disconnected(self.now, "closed")
        self._kick.set()

    def cut(self):
        """The connection breaks without a word."""
        self._socket.transport.abort()

    async def until(self, true, what):
        """Wait for something that comes with messages, half a minute at most."""
        for _ in range(3000):
            if true():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{self.id}: never {what}; {self.log.violations}")


@pytest.fixture
def meet(package):
    """Runs ``play(csms, station)`` with a station of the version; returns the CSMS's report."""

    async def together(version, play):
        process = await asyncio.create_subprocess_exec(
            "node",
            str(HERE / "csms.cjs"),
            str(package),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=2**24,
        )
        csms = await NodeCsms(process).open()
        wired = Wired(f"CSW-{version}", version, csms.port)
        driving = asyncio.create_task(wired.run())
        playing = asyncio.create_task(play(csms, wired))
        try:
            done, _ = await asyncio.wait((driving, playing), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            report = await csms.report()
        finally:
            driving.cancel()
            playing.cancel()
            await csms.close()
        return wired, report

    return lambda version, play: asyncio.run(together(version, play))
