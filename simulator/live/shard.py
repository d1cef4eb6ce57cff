"""One shard: a process that owns a part of the fleet, its sockets and its measurements.

``python -m simulator.live.shard --read FD --write FD`` is started by ``parent`` with two pipes and
speaks ``messages`` over them. It ignores SIGINT (the parent decides what Ctrl-C means), and ends
when the parent's pipe closes, whatever the reason.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from simulator.fleet.crew import virtual_stations
from simulator.fleet.ledger import Ledger
from simulator.fleet.virtual import VirtualStation
from simulator.live.caller import Caller
from simulator.live.clock import run_clock
from simulator.live.commands import Commands
from simulator.live.conformance import Judged, examine, read_schemas
from simulator.live.deadlines import Deadlines
from simulator.live.fleetloop import FleetLoop
from simulator.live.health import GcWatch, raise_fd_limit, rss_kb, settle_memory
from simulator.live.link import Link, Surroundings
from simulator.live.machine import Machine
from simulator.live.messages import Abort, Failed, Final, Ready, ShardSpec, Snapshot, Start, Stop
from simulator.live.pipe import Inbox, Outbox, PipeClosedError, read_message
from simulator.live.routes import Resolver, Router
from simulator.live.sight import Overheard, ShardSight
from simulator.live.stormlink import StormLink, StormWatch
from simulator.live.storms import StormPlayer, Stormy
from simulator.live.target import Address
from simulator.live.tls import Tls
from simulator.live.trace import Tracer
from simulator.live.transfers import Transfers
from simulator.measure.errors import ErrorKind
from simulator.measure.recorder import Recorder
from simulator.measure.stormlog import StormLog

ACTIONS = (
    "BootNotification",
    "StatusNotification",
    "Authorize",
    "StartTransaction",
    "TransactionEvent",
    "MeterValues",
    "StopTransaction",
    "Heartbeat",
)
"""What stations call most; others get their column when they first occur."""
EXIT_OK = 0
EXIT_FAILED = 70
EXIT_ORPHANED = 71


def main(argv: Sequence[str] | None = None) -> int:
    """Entry of the process; returns its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parser = argparse.ArgumentParser(prog="python -m simulator.live.shard", description=__doc__)
    parser.add_argument("--read", type=int, required=True, help="file descriptor of the commands")
    parser.add_argument("--write", type=int, required=True, help="file descriptor of the results")
    options = parser.parse_args(argv)
    outbox = Outbox(options.write)
    try:
        return _serve(options.read, outbox)
    except PipeClosedError:
        return EXIT_ORPHANED
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        try:
            outbox.finish(Failed(reason, traceback.format_exc()))
        except PipeClosedError:
            return EXIT_ORPHANED
        return EXIT_FAILED


def _serve(commands: int, outbox: Outbox) -> int:
    """Build the fleet, run it from T0 on, and hand over what was measured."""
    spec = read_message(commands)
    if not isinstance(spec, ShardSpec):
        raise TypeError(f"expected ShardSpec, got {type(spec).__name__}")
    raise_fd_limit()
    factory, name = _loop_factory()
    shard = Shard(spec)
    outbox.finish(Ready(spec.plan.stations, shard.build_s, name))
    start = read_message(commands)
    if isinstance(start, Start):
        with asyncio.Runner(loop_factory=factory) as runner:
            final = runner.run(shard.run(start, commands, outbox))
        outbox.finish(final)
    return EXIT_OK


class Shard:
    """The fleet of one shard, built but not started."""

    def __init__(self, spec: ShardSpec) -> None:
        self.spec = spec
        self._links: Sequence[Link] = ()
        self._commands: Commands | None = None
        self._ledger = Ledger(self._clock_of)
        self._overheard = Overheard(self._ledger)
        self._machine = Machine()
        self._router: Router | None = None
        if spec.routes is not None:
            self._router = Router(spec.routes, spec.plan.station_index.tolist())
        self.recorder = Recorder(
            ACTIONS,
            spec.plan.stations,
            spec.phases,
            versions=spec.plan.versions,
            station_ids=spec.plan.ids,
            ledger=self._ledger if spec.api is None else self._overheard,
            shard=spec.shard,
            frames=self._frames,
        )
        self._gc_watch = GcWatch(self.recorder)
        read_schemas(spec.plan.versions)
        gc.collect()
        self.recorder.memory(before_kb=rss_kb())
        began = time.perf_counter()
        self._stations, self._deviations = virtual_stations(
            spec.plan, self.recorder, spec.epoch_guess, spec.conditions
        )
        self.build_s = time.perf_counter() - began
        self._sight = ShardSight(self._stations)
        self._storm_log = None if spec.stormy is None else self._watch_storms(spec.stormy)
        settle_memory()

    def _watch_storms(self, stormy: Stormy) -> StormLog:
        stations = self._stations
        log = StormLog(
            len(stations),
            [np.array(hit, np.int32) for hit in stormy.hits],
            lambda index: stations[index].station.accepted,
        )
        self.recorder.on_boot = log.booted
        return log

    def _look_at_firmware(self) -> None:
        """What firmware the stations of a campaign have in the end."""
        stormy, log = self.spec.stormy, self._storm_log
        if stormy is None or log is None:
            return
        for storm in stormy.storms:
            if storm.kind == "firmware_campaign":
                log.firmware(storm.number, lambda i: self._stations[i].firmware)

    async def run(self, start: Start, commands: int, outbox: Outbox) -> Final:
        """The whole run of this shard on the loop that is running."""
        spec = self.spec
        for station in self._stations:
            station.station.clock_zero = start.epoch_at_zero
        tracer = None
        if spec.trace_path is not None and spec.traced:
            clock, error = run_clock(start.t0_ns), self.recorder.error
            tracer = Tracer(
                spec.trace_path,
                start.epoch_at_zero,
                lambda why: error(None, ErrorKind.LOCAL_DISK, why, clock()),
            )
        finished, log = self.recorder.finished_phases, self._storm_log

        def tell(values: dict[str, Any]) -> None:
            over = tuple(finished(values["now_s"]))
            offer(Snapshot(values if log is None else values | {"storm": log.snapshot()}, over))

        fleet = self._launch(start, tracer, tell)

        def offer(message: Snapshot) -> None:
            try:
                outbox.offer(message)
            except PipeClosedError:
                fleet.abort()

        resolver = self._resolver(start)
        watch = self._gc_watch
        watch.install()
        loop = asyncio.get_running_loop()
        faults: list[BaseException] = []
        loop.set_exception_handler(partial(_fault, faults, fleet))
        os.set_blocking(commands, False)
        os.set_blocking(outbox.fd, False)
        loop.add_reader(commands, _obey, commands, Inbox(), fleet)
        if resolver is not None:
            resolver.start()
        storms, caller = self._storms(start), self._caller(start)
        try:
            if storms is not None:
                storms.start()
            if caller is not None:
                caller.start()
            await fleet.run()
        finally:
            if resolver is not None:
                resolver.stop()
            if storms is not None:
                storms.stop()
            if caller is not None:
                caller.stop()
            loop.remove_reader(commands)
            watch.remove()
            if tracer is not None:
                tracer.close()
        if faults:
            raise faults[0]
        self._look_at_firmware()
        return Final(
            measurement=self.recorder.result(fleet.ended_s),
            ledger=self._ledger,
            drained=fleet.drained,
            deviations=self._deviations,
            commands={} if self._commands is None else self._commands.counts,
            fans={} if self._commands is None else self._commands.fans,
            storms=tuple(self._storm_log.records) if self._storm_log is not None else (),
            judged=self._judged(),
        )

    def _judged(self) -> Judged | None:
        """How the CSMS kept to the schemas; one judge for all stations."""
        return examine(self._stations[0].station.settings.conformance) if self._stations else None

    def _resolver(self, start: Start) -> Resolver | None:
        """Who looks the target's name up, where there is one to look up."""
        router = self._router
        if self.spec.routes is None or router is None or self.spec.routes.fixed:
            return None
        recorder, clock = self.recorder, run_clock(start.t0_ns)

        def done(took: float, found: Sequence[Address], why: str) -> None:
            recorder.connect_step("dns", took)
            if why:
                recorder.error(None, ErrorKind.DNS, why, clock())
            elif not router.found(found):
                why = "no address of the family that answered before, or none that may be dialled"
                recorder.error(None, ErrorKind.DNS, why, clock())

        return Resolver(self.spec.routes.target, done)

    def _launch(
        self, start: Start, tracer: Tracer | None, on_snapshot: Callable[[dict[str, Any]], None]
    ) -> FleetLoop:
        """Give every station its link; the fleet waits for its first deadline."""
        spec, plan, log = self.spec, self.spec.plan, self._storm_log
        clock = run_clock(start.t0_ns)
        if spec.api is not None:
            self._commands = Commands(
                spec.api, plan.ids, plan.versions, clock, self.recorder, self._sight
            )
            self._listen(self._commands)
        shared = Surroundings(
            clock=clock,
            deadlines=Deadlines(plan.stations),
            rules=spec.rules,
            upgrade=spec.upgrade,
            watcher=self.recorder if log is None else StormWatch(self.recorder, log),
            tracer=tracer,
            ping_s_of=_ping_s,
            transfers=Transfers(spec.transfers),
            tls=None if spec.tls is None else Tls(spec.tls),
            commands=self._commands,
            route=self._router,
        )
        fleet = FleetLoop(
            shared=shared,
            recorder=self.recorder,
            run_s=spec.run_s,
            drain_s=spec.drain_s,
            on_snapshot=on_snapshot,
            each_second=self._each_second,
        )
        upgrades = spec.upgrade.by_version(set(plan.versions))
        passwords = plan.passwords if spec.authenticate else (None,) * plan.stations
        kind = Link if log is None else partial(StormLink, log=log)
        self._links = [
            kind(
                index,
                name,
                passwords[index],
                station,
                shared,
                upgrade=upgrades[plan.versions[index]],
                traced=name in spec.traced,
            )
            for index, (name, station) in enumerate(zip(plan.ids, self._stations, strict=True))
        ]
        self._sight.links = self._links
        fleet.populate(self._links, plan.connect_due_s.tolist())
        return fleet

    def _each_second(self, now: float) -> dict[str, Any]:
        """Watch the machine, and tell details if they are asked for."""
        began = time.thread_time()
        self._gc_watch.tell()
        self.recorder.machine(self._machine.read(now))
        told: dict[str, Any] = {"detail": self.recorder.detail(now)} if self.spec.detailed else {}
        if self._commands is not None:
            told["commands"] = self._commands.totals()
        self.recorder.watched(time.thread_time() - began)
        return told

    def _storms(self, start: Start) -> StormPlayer | None:
        """Whoever plays the storms of the run, if it has any."""
        spec, log = self.spec, self._storm_log
        if spec.stormy is None or log is None:
            return None
        links = cast("Sequence[StormLink]", self._links)
        return StormPlayer(spec.stormy, links, log, run_clock(start.t0_ns), spec.run_s)

    def _listen(self, commands: Commands) -> None:
        """Let the commands know of transactions and boots."""
        self._overheard.commands = commands
        also = self.recorder.on_boot

        def booted(station: int, now: float) -> None:
            commands.effect(station, now, ("booted",))
            if also is not None:
                also(station, now)

        self.recorder.on_boot = booted

    def _caller(self, start: Start) -> Caller | None:
        """Whoever makes the calls that the scenario declares, if it does."""
        spec, commands = self.spec, self._commands
        if spec.api is None or commands is None or spec.calls is None or not spec.orders:
            return None
        clock = run_clock(start.t0_ns)
        return Caller(spec.orders, spec.calls, spec.plan, spec.api, commands, self._sight, clock)

    def _clock_of(self, station: int, now: float) -> float:
        """What a station's own clock shows."""
        return self._stations[station].station.clock_zero + now

    def _frames(self, station: int) -> list[str]:
        return self._links[station].frames()


def _fault(
    faults: list[BaseException],
    fleet: FleetLoop,
    _loop: asyncio.AbstractEventLoop,
    context: dict[str, Any],
) -> None:
    """An exception in a callback is a fault of this program: the shard's numbers are no good.

    Errors of sockets are reported here too, but have reached their connection by then.
    """
    error = context.get("exception")
    if error is not None and not isinstance(error, OSError):
        faults.append(error)
        fleet.abort()


def _ping_s(station: VirtualStation) -> float:
    """The station's WebSocketPingInterval; 0: it sends no pings."""
    return station.station.ping_s


def _obey(commands: int, inbox: Inbox, fleet: FleetLoop) -> None:
    """Something came from the parent: a command, or its end."""
    try:
        data = os.read(commands, 65536)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    if not data:
        asyncio.get_running_loop().remove_reader(commands)
        fleet.abort()
    for message in inbox.feed(data):
        if isinstance(message, Stop):
            fleet.stop()
        elif isinstance(message, Abort):
            fleet.abort()


def _loop_factory() -> tuple[Callable[[], asyncio.AbstractEventLoop] | None, str]:
    """uvloop where there is one, else asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        return None, "asyncio"
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory, "uvloop"


if __name__ == "__main__":
    sys.exit(main())
