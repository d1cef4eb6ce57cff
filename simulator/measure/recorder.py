"""The recorder of one shard: it watches stations and driver and adds up what happened.

It implements ``station.ports.Observer`` (what stations report) and takes the driver's own facts:
connections, errors, loop lag, garbage collections, CPU. It knows no clock: ``now`` comes with every
call, in seconds since T0. The shard calls ``snapshot`` about once a second, which also folds the
buffers, and ``result`` at the end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from simulator.measure.buffer import FINISHED, OUTCOME_BITS, PLANNED, Fold
from simulator.measure.detail import Detail, DetailMaker
from simulator.measure.errors import CONNECTING, ErrorKind, ErrorLog, Frame, Frames, violation_kind
from simulator.measure.histogram import Histogram
from simulator.measure.keys import API, SINCE_WRITTEN, Kind, SeriesKey
from simulator.measure.machine import MachineSample
from simulator.measure.measurement import CpuSample, ShardMeasurement
from simulator.measure.phases import LAG, PAUSES, PhaseFacts, PhaseSeries, part, slim
from simulator.measure.transactions import Forgetful, TransactionSink
from simulator.station.ports import CallOutcome

BLOCK = 2048
"""Calls held back before they are folded: less than a millisecond of work."""
SETTLE_S = 1.0
"""A phase is looked at so long after its end."""
CONNECT_STEPS = ("late", "dns", "tcp", "tls", "tls_resumed", "upgrade", "boot")
"""Steps of opening a connection; ``late`` is how long after its due time the generator began."""


_PLANNED_BYTES = BLOCK * PLANNED.size
_FINISHED_BYTES = BLOCK * FINISHED.size
_pack_planned = PLANNED.pack
_pack_finished = FINISHED.pack


class _Codes(dict[str, int]):
    """Action -> its number; an action that is new gets the next one."""

    def __init__(self, fold: Fold, actions: Sequence[str]) -> None:
        super().__init__()
        self._fold = fold
        for action in actions:
            self[action]

    def __missing__(self, action: str) -> int:
        number = self[action] = self._fold.add_action(action)
        return number


class Recorder:
    """Watches one shard. ``station`` is everywhere the index 0 <= station < station_count."""

    def __init__(
        self,
        actions: Sequence[str],
        station_count: int,
        phases: Sequence[tuple[float, str]] = ((0.0, "run"),),
        *,
        versions: str | Sequence[str] = "1.6",
        station_ids: Sequence[str] = (),
        ledger: TransactionSink | None = None,
        shard: int = 0,
        frames: Callable[[int], Sequence[Frame]] | None = None,
    ) -> None:
        """Make a recorder.

        ``phases`` are (start in seconds since T0, name) in order of time; a call belongs to the
        phase of its due time. ``versions`` is the protocol version, of all stations or of each.
        ``frames(station)`` gives a station's last frames when an error's example wants them.
        """
        if not phases or any(b[0] < a[0] for a, b in pairwise(phases)):
            raise ValueError("phases must be given in order of time, at least one")
        if station_ids and len(station_ids) != station_count:
            raise ValueError(f"{len(station_ids)} station ids for {station_count} stations")
        self.shard = shard
        self.ledger: TransactionSink = Forgetful() if ledger is None else ledger
        self.station_ids = tuple(station_ids) or tuple(map(str, range(station_count)))
        self._frames = frames
        self._fold = Fold(station_count, phases, versions)
        self._codes = _Codes(self._fold, actions)
        self._parts = PhaseSeries()
        self._told = 0
        """Phases that ``finished_phases`` has given."""
        self._phase_starts = [start for start, _ in phases]
        self._planned = bytearray()
        self._finished = bytearray()
        self.errors = ErrorLog()
        self.skipped: Counter[tuple[str, str]] = Counter()
        self.served: Counter[tuple[str, str]] = Counter()
        self.connect = {step: Histogram() for step in CONNECT_STEPS}
        self.loop_lag = Histogram()
        self.gc_pauses = Histogram()
        self.cpu_samples: list[CpuSample] = []
        self.machine_samples: list[MachineSample] = []
        self.rss_before_kb: float | None = None
        self.rss_full_kb: float | None = None
        self.on_boot: Callable[[int, float], None] | None = None
        """Called as well for each accepted boot, with station and time."""
        self._undispatched = 0
        self._watching_s = 0.0
        self._details = DetailMaker(self._fold)
        self._connected_since = np.full(station_count, np.nan)
        self._ever_connected = bytearray(station_count)
        self._ever_booted = bytearray(station_count)
        self._connected_now = 0
        self._fold.grid.row("connected")
        self._fold.grid.row("booted")
        self._fold.grid.row("refused")
        self._fold.grid.row("opened")

    # -- calls of the stations (Observer) ---------------------------------------------------------

    def call_planned(self, station: int, action: str, due: float, attempt: int) -> None:
        """An attempt at a CALL is due; attempt 1 is a new logical message."""
        self._planned += _pack_planned(station, self._codes[action], due, attempt)
        if len(self._planned) >= _PLANNED_BYTES:
            self._fold_planned()

    def call_finished(
        self,
        station: int,
        action: str,
        outcome: CallOutcome,
        due: float,
        written: float,
        ended: float,
        protocol_wait: float,
        station_wait: float,
        detail: str,
    ) -> None:
        """An attempt ended; see ``Observer.call_finished``."""
        self._finished += _pack_finished(
            station,
            (self._codes[action] << OUTCOME_BITS) + outcome,
            due,
            written,
            ended,
            protocol_wait,
            station_wait,
        )
        if outcome:
            self._not_answered(station, action, outcome, ended, detail)
        if len(self._finished) >= _FINISHED_BYTES:
            self._fold_finished()

    def _not_answered(
        self, station: int, action: str, outcome: CallOutcome, ended: float, detail: str
    ) -> None:
        if outcome is CallOutcome.CALLERROR:
            self.error(station, ErrorKind.OCPP_CALLERROR, f"{detail or '?'} to {action}", ended)
        elif outcome is CallOutcome.TIMEOUT:
            self.error(station, ErrorKind.CALL_TIMEOUT, f"no answer to {action}", ended)
        elif outcome is CallOutcome.SKIPPED:
            self.skipped[action, detail] += 1

    def call_served(
        self, station: int, action: str, received: float, answered: float, code: str
    ) -> None:
        """The station answered a CALL of the CSMS; ``code`` is "" or our CALLERROR's code."""
        fold = self._fold
        phase = self._phase_at(received)
        version = fold.versions[int(fold.station_version[station])]
        key = SeriesKey(action, "csms", version, fold.phase_names[phase], Kind.SERVICE)
        fold.histogram(key).record(answered - received)
        self.served[action, code] += 1
        fold.grid.add_one(fold.grid.row(f"csms:{action}"), received)

    def api_step(
        self,
        name: str,
        station: int,
        due: float,
        ended: float,
        sent: float,
        kind: Kind = Kind.RESPONSE,
    ) -> None:
        """What somebody wanted of the CSMS's own API at ``due`` was there at ``ended``.

        ``sent`` is when the call was written; nan: not known, or not of this one. ``kind`` says
        what the time from ``due`` on is, where nothing came of it.
        """
        fold = self._fold
        phase = fold.phase_names[max(bisect_right(self._phase_starts, due) - 1, 0)]
        version = fold.versions[int(fold.station_version[station])]
        for what, since in ((kind, due), (SINCE_WRITTEN.get(kind, kind), sent)):
            if since == since:
                key = SeriesKey(name, API, version, phase, what)
                fold.histogram(key).record(max(ended - since, 0.0))

    def violation(self, station: int, kind: str, detail: str, now: float) -> None:
        """The CSMS broke the protocol, or did not accept the station."""
        self.error(station, violation_kind(kind), detail or kind, now)

    # -- connections ------------------------------------------------------------------------------

    def connect_step(self, step: str, seconds: float) -> None:
        """One step of opening a connection took so long: ``dns``, ``tcp``, ``tls``, ``upgrade``.

        ``tls_resumed`` is a handshake that took up an earlier session.
        """
        self.connect[step].record(seconds)
        self._parts.record(step, seconds)

    def connected(self, station: int, now: float) -> None:
        """The WebSocket of a station is open."""
        if np.isnan(self._connected_since[station]):
            self._connected_now += 1
            self._fold.grid.add_one(self._fold.grid.rows["connected"], now)
        self._fold.grid.add_one(self._fold.grid.rows["opened"], now)
        self._connected_since[station] = now
        self._ever_connected[station] = 1

    def disconnected(self, station: int, now: float) -> None:
        """The connection of a station is gone, whoever closed it."""
        if not np.isnan(self._connected_since[station]):
            self._connected_now -= 1
            self._fold.grid.add_one(self._fold.grid.rows["connected"], now, -1)
            self._connected_since[station] = np.nan

    def booted(self, station: int, now: float) -> None:
        """The CSMS accepted a BootNotification."""
        since = float(self._connected_since[station])
        if since == since:
            self.connect_step("boot", now - since)
        if self.on_boot is not None:
            self.on_boot(station, now)
        if not self._ever_booted[station]:
            self._ever_booted[station] = 1
            self._fold.grid.add_one(self._fold.grid.rows["booted"], now)

    # -- errors, and the generator's own health ---------------------------------------------------

    def error(
        self,
        station: int | None,
        kind: ErrorKind | str,
        detail: str,
        now: float,
        frames: Frames = (),
    ) -> None:
        """Count an error; ``station`` is None for an error of the shard as a whole.

        Raises ValueError for a ``kind`` outside ``ErrorKind``.
        """
        ask = self._frames
        if not frames and ask is not None and station is not None:
            number = station
            frames = lambda: ask(number)  # noqa: E731
        name = "" if station is None else self.station_ids[station]
        self._parts.errors[self._phase_at(now), ErrorKind(kind)] += 1
        if kind in CONNECTING:
            self._fold.grid.add_one(self._fold.grid.rows["refused"], now)
        self.errors.add(ErrorKind(kind), detail, station=name, now=now, frames=frames)

    def lag(self, seconds: float) -> None:
        """A probe of the event loop ran so many seconds late."""
        self.loop_lag.record(seconds)
        self._parts.record(LAG, seconds)

    def gc_pause(self, seconds: float) -> None:
        """A garbage collection held the process for so many seconds."""
        self.gc_pauses.record(seconds)
        self._parts.record(PAUSES, seconds)

    def cpu(self, now: float, cpu_s: float, rss_kb: float = 0.0) -> None:
        """CPU seconds (user + system) that the process has used so far, and its memory."""
        self.cpu_samples.append(CpuSample(now, cpu_s, rss_kb))

    def machine(self, sample: MachineSample) -> None:
        """The counters of the machine, once a second."""
        self.machine_samples.append(sample)

    def watched(self, cpu_s: float) -> None:
        """So much CPU time went into watching: what is read and told each second."""
        self._watching_s += cpu_s

    def memory(self, *, before_kb: float | None = None, full_kb: float | None = None) -> None:
        """Resident memory before the first station was made, and with the whole fleet connected."""
        self.rss_before_kb = self.rss_before_kb if before_kb is None else before_kb
        self.rss_full_kb = self.rss_full_kb if full_kb is None else full_kb

    def not_dispatched(self, count: int) -> None:
        """So many messages of the plan were due and the shard never got to them."""
        self._undispatched += count

    # -- transactions (Observer), handed on to the ledger -----------------------------------------

    def transaction_started(
        self, station: int, evse: int, local_id: int, token: str, now: float, meter_wh: float
    ) -> None:
        """See ``Observer``."""
        self.ledger.transaction_started(station, evse, local_id, token, now, meter_wh)

    def transaction_confirmed(
        self, station: int, local_id: int, transaction_id: str, status: str, now: float
    ) -> None:
        """See ``Observer``."""
        self.ledger.transaction_confirmed(station, local_id, transaction_id, status, now)

    def transaction_stopped(
        self, station: int, local_id: int, reason: str, now: float, meter_wh: float
    ) -> None:
        """See ``Observer``."""
        self.ledger.transaction_stopped(station, local_id, reason, now, meter_wh)

    def transaction_closed(self, station: int, local_id: int, now: float) -> None:
        """See ``Observer``."""
        self.ledger.transaction_closed(station, local_id, now)

    def transaction_message(self, station: int, local_id: int, what: str, now: float) -> None:
        """See ``Observer``."""
        self.ledger.transaction_message(station, local_id, what, now)

    # -- results ----------------------------------------------------------------------------------

    def _fold_planned(self) -> None:
        if self._planned:
            block, self._planned = bytes(self._planned), bytearray()
            self._fold.add_planned(block)

    def _fold_finished(self) -> None:
        if self._finished:
            block, self._finished = bytes(self._finished), bytearray()
            self._fold.add_finished(block)

    def snapshot(self, now: float, window_s: int = 5) -> dict[str, Any]:
        """Totals so far, and rates (per second) and percentiles over the last whole seconds."""
        self._fold_planned()
        self._fold_finished()
        fold = self._fold
        phase = self._phase_at(now)
        self._parts.enter(phase)
        fold.pack(phase)
        last = range(max(int(now) - window_s, 0), int(now))
        span = max(len(last), 1)
        recent = {
            name: int(fold.grid.values(name, int(now))[-window_s:].sum()) / span
            for name in ("planned", "written", "answered")
        }
        p50, p95, p99 = fold.by_second.percentiles_ms((50, 95, 99), last)
        by_outcome = fold.calls.sum(axis=(0, 1)).tolist()
        lately = {
            f"{name}_lately": int(fold.grid.values(row, int(now))[-window_s:].sum())
            for name, row in (
                ("answered", "answered"),
                ("failed", "errors"),
                ("refused", "refused"),
                ("opened", "opened"),
            )
        }
        return {
            "now_s": now,
            "shard": self.shard,
            "stations": len(self.station_ids),
            "connected": self._connected_now,
            "booted": sum(self._ever_booted),
            "planned": int(fold.planned.sum()),
            "written": int(fold.written.sum()),
            "calls": {o.name.lower(): by_outcome[o] for o in CallOutcome},
            "asked_per_s": recent["planned"],
            "achieved_per_s": recent["written"],
            "answered_per_s": recent["answered"],
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            "latency": fold.by_second.window(last),
            "errors": self.errors.counts(),
            **lately,
            "lag_p99_ms": _ms(self.loop_lag.percentile(99)),
            "cpu_s": self.cpu_samples[-1].cpu_s if self.cpu_samples else 0.0,
        }

    def detail(self, now: float) -> Detail:
        """What metrics and per-second lines tell beyond the snapshot."""
        self._fold_planned()
        self._fold_finished()
        return self._details.make(now, self.loop_lag)

    def _phase_at(self, when: float) -> int:
        return max(bisect_right(self._phase_starts, when) - 1, 0)

    @property
    def held_bytes(self) -> int:
        """What the counts of the histograms of all series and phases take in memory."""
        return self._fold.held_bytes + sum(h.held_bytes for h in self._parts.series.values())

    @property
    def series(self) -> int:
        """How many histograms there are."""
        return len(self._fold.histograms) + len(self._parts.series)

    def finished_phases(self, now: float) -> list[ShardMeasurement]:
        """What was measured of each phase that has ended since this was last asked.

        A phase is over ``SETTLE_S`` after its end, when most of its calls are answered.
        """
        found = []
        while self._told + 1 < len(self._phase_starts):
            start_s, end_s = self._phase_starts[self._told : self._told + 2]
            if now < end_s + SETTLE_S:
                break
            name = self._fold.phase_names[self._told]
            found.append(part(self.result(now, record_s=0.0), (name,), start_s, end_s))
            self._told += 1
        return [slim(each) for each in found]

    def result(self, ended_s: float, *, record_s: float | None = None) -> ShardMeasurement:
        """Everything measured, ready to be pickled; ``ended_s`` is the end of the run.

        ``record_s`` is what recording one call costs in seconds; without it, it is measured now.
        """
        if record_s is None:
            from simulator.measure.cost import self_cost

            record_s = self_cost()
        self._fold_planned()
        self._fold_finished()
        fold = self._fold
        return ShardMeasurement(
            shard=self.shard,
            ended_s=ended_s,
            phases=tuple(zip(self._phase_starts, fold.phase_names, strict=True)),
            station_ids=self.station_ids,
            actions=tuple(fold.actions),
            histograms=fold.histograms,
            planned=fold.planned.sum(axis=0),
            outcomes=fold.calls.sum(axis=0),
            written=fold.written.sum(axis=0),
            logical=fold.logical,
            answered=fold.answered,
            not_sent=int(fold.not_sent.sum()) + self._undispatched,
            grid=fold.grid,
            by_second=fold.by_second,
            errors=self.errors,
            skipped=self.skipped,
            served=self.served,
            connect=self.connect,
            loop_lag=self.loop_lag,
            gc_pauses=self.gc_pauses,
            cpu=tuple(self.cpu_samples),
            rss_before_kb=self.rss_before_kb,
            rss_full_kb=self.rss_full_kb,
            connected=sum(self._ever_connected),
            booted=sum(self._ever_booted),
            record_s=record_s,
            machine=tuple(self.machine_samples),
            watching_s=self._watching_s,
            by_phase=PhaseFacts(
                fold.planned,
                fold.calls,
                fold.written,
                fold.not_sent,
                self._parts.series,
                self._parts.errors,
            ),
        )


def _ms(us: int | None) -> float | None:
    return None if us is None else us / 1000
