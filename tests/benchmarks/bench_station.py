"""The station alone: calls per CPU-second, CPU time of a whole session, memory per station.

No socket, no event loop: a driver of a few lines, a meter of constants and an observer that does
nothing. ``python tests/benchmarks/bench_station.py`` prints rows; ``rows()`` gives them to a table.
"""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace
from time import process_time

import msgspec

from simulator.station import v16, v201
from simulator.station.effects import Connect, Send
from simulator.station.ports import CallOutcome, EvState
from simulator.station.schemas import schema
from simulator.station.settings import Identity, Settings
from simulator.station.state import VersionTable
from simulator.station.station import Station

TABLE = v16.TABLE

SETTINGS = Settings(
    "bench",
    {
        "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import,SoC",
        "MeterValueSampleInterval": "1",
    },
)
MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import,SoC"
SESSION_S = 700.0
SAMPLES = 10
SESSIONS = {
    "1.6": Settings(
        "bench",
        {"MeterValuesSampledData": MEASURANDS, "MeterValueSampleInterval": "60"},
    ),
    "2.0.1": Settings(
        "bench",
        {
            "SampledDataCtrlr.TxUpdatedMeasurands": MEASURANDS,
            "SampledDataCtrlr.TxUpdatedInterval": "60",
            "TxCtrlr.TxStartPoint": "EVConnected",
            "TxCtrlr.TxStopPoint": "EVConnected",
        },
    ),
}
TABLES = {"1.6": v16.TABLE, "2.0.1": v201.TABLE}


class Meter:
    __slots__ = ()

    def register_wh(self, now: float, evse: int) -> float:
        return 1000.0 + now

    def power_w(self, now: float, evse: int) -> float:
        return 11_000.0

    def current_a(self, now: float, evse: int) -> float:
        return 16.0

    def lines_a(self, now: float, evse: int) -> tuple[float, ...]:
        return (16.0, 16.0, 16.0)

    def voltage_v(self, now: float, evse: int) -> float:
        return 230.0

    def phases(self, now: float, evse: int) -> int | None:
        return 3

    def soc_percent(self, now: float, evse: int) -> float | None:
        return 50.0

    def energise(self, now: float, evse: int) -> None: ...

    def drawing(self, now: float, evse: int) -> EvState:
        return EvState.CHARGING

    def release(self, now: float, evse: int) -> None: ...

    def limit(self, now: float, evse: int, watts: float, lines: int, phase: int = 0) -> None: ...


class Draws:
    __slots__ = ()

    def uniform(self) -> float:
        return 0.5

    def below(self, n: int) -> int:
        return 0


class Nobody:
    """An observer that looks away."""

    __slots__ = ("answered",)

    def __init__(self) -> None:
        self.answered = 0

    def call_planned(self, station: int, action: str, due: float, attempt: int) -> None: ...

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
        self.answered += outcome is CallOutcome.ANSWERED

    def call_served(
        self, station: int, action: str, received: float, answered: float, code: str
    ) -> None: ...

    def violation(self, station: int, kind: str, detail: str, now: float) -> None: ...

    def booted(self, station: int, now: float) -> None: ...

    def transaction_started(
        self, station: int, evse: int, local_id: int, token: str, now: float, meter_wh: float
    ) -> None: ...

    def transaction_confirmed(
        self, station: int, local_id: int, transaction_id: str, status: str, now: float
    ) -> None: ...

    def transaction_stopped(
        self, station: int, local_id: int, reason: str, now: float, meter_wh: float
    ) -> None: ...

    def transaction_closed(self, station: int, local_id: int, now: float) -> None: ...

    def transaction_message(self, station: int, local_id: int, what: str, now: float) -> None: ...


def identity(index: int) -> Identity:
    return Identity(f"CSW-bench-{index:05d}", "Vendor", "Model", f"SN{index:08d}", "1.0", 2)


ANSWERS = {
    "1.6": {
        '"Authorize"': '{"idTagInfo":{"status":"Accepted"}}',
        '"StartTransaction"': '{"transactionId":1,"idTagInfo":{"status":"Accepted"}}',
    },
    "2.0.1": {
        '"Authorize"': '{"idTokenInfo":{"status":"Accepted"}}',
    },
}
BOOTED = '{"status":"Accepted","interval":36000,"currentTime":"2026-06-01T06:00:00Z"}'


def settle(station: Station, now: float, seen: list[bytes] | None = None) -> None:
    """Answer everything that the station asks, as a CSMS that accepts all; ``seen`` keeps it."""
    answers = ANSWERS[station.table.version]
    while effects := station.take_effects():
        for effect in effects:
            if isinstance(effect, Connect):
                station.connected(now)
                continue
            assert isinstance(effect, Send)
            if seen is not None:
                seen.append(effect.data)
            _, mid, action, _ = effect.data.decode().split(",", 3)
            station.written(now)
            body = BOOTED if action == '"BootNotification"' else answers.get(action, "{}")
            station.receive(now, f"[3,{mid},{body}]")


def charging(index: int, observer: Nobody) -> Station:
    station = Station(index, identity(index), TABLE, SETTINGS, Meter(), Draws(), observer, 1.78e9)
    station.start(0.0)
    settle(station, 0.0)
    station.plug_in(1.0, 1)
    station.present_token(1.0, 1, "CSW0123456789ABC")
    settle(station, 1.0)
    return station


def calls_per_cpu_second(stations: int = 100, steps: int = 500) -> float:
    """Wake, write, answer: every station sends one MeterValues of three measurands a step."""
    observer = Nobody()
    fleet = [charging(i, observer) for i in range(stations)]
    observer.answered = 0
    gc.collect()
    spent = 0.0
    for step in range(1, steps + 1):
        now = 1.0 + step
        begin = process_time()
        for station in fleet:
            station.wake(station.next_deadline)
            (send,) = station.take_effects()
            assert type(send) is Send
            station.written(now)
            # The id is the text between the first two pairs of quotes.
            data = send.data
            station.receive(now, b'[3,"' + data[4 : data.index(b'"', 4)] + b'",{}]')
        spent += process_time() - begin
    assert observer.answered == stations * steps
    return observer.answered / spent


def booted(index: int, version: str, observer: Nobody) -> Station:
    table, settings = TABLES[version], SESSIONS[version]
    station = Station(index, identity(index), table, settings, Meter(), Draws(), observer, 1.78e9)
    station.start(0.0)
    settle(station, 0.0)
    return station


def session(station: Station, begin: float, seen: list[bytes] | None = None) -> None:
    """Plug, token, ten samples, the EV is full, token, unplug: every message answered at once."""
    station.plug_in(begin, 1)
    settle(station, begin, seen)
    station.present_token(begin, 1, "CSW0123456789ABC")
    settle(station, begin, seen)
    for sample in range(1, SAMPLES + 1):
        now = begin + 60.0 * sample
        station.wake(now)
        settle(station, now, seen)
    now = begin + 60.0 * SAMPLES + 30.0
    station.ev_suspended(now, 1)
    settle(station, now, seen)
    station.present_token(now, 1, "CSW0123456789ABC")
    settle(station, now, seen)
    station.unplug(now, 1)
    settle(station, now, seen)


def checked(version: str) -> dict[str, int]:
    """The messages of a session, by kind. Every one is held against its official schema."""
    station, seen = booted(0, version, Nobody()), []
    session(station, 10.0, seen)
    counts: dict[str, int] = {}
    for data in seen:
        _, _, action, payload = msgspec.json.decode(data)
        assert schema(version, action).misfit(payload) is None, data
        counts[action] = counts.get(action, 0) + 1
    return counts


def ms_per_session(version: str, stations: int = 100, sessions: int = 10) -> float:
    """CPU time of a session with its answers, the driver of this file included."""
    observer = Nobody()
    fleet = [booted(i, version, observer) for i in range(stations)]
    calls = sum(checked(version).values())
    observer.answered = 0
    gc.collect()
    begin = process_time()
    for number in range(sessions):
        for station in fleet:
            session(station, 10.0 + number * SESSION_S)
    spent = process_time() - begin
    assert observer.answered == stations * sessions * calls
    return 1000.0 * spent / (stations * sessions)


def kb_per_idle_station(table: VersionTable = TABLE, stations: int = 5_000) -> float:
    """Accepted and Available, with its identity; its meter and draws shared. By tracemalloc.

    What stations share (parsed settings, in 2.0.1 the device model, which the first one is made to
    report whole) is counted with each one's share.
    """
    settings = replace(SESSIONS[table.version])
    observer, meter, draws = Nobody(), Meter(), Draws()
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    fleet = []
    for i in range(stations):
        station = Station(i, identity(i), table, settings, meter, draws, observer, 1.78e9)
        station.start(float(i))
        settle(station, float(i))
        fleet.append(station)
    if table is v201.TABLE:
        report(fleet[0], float(stations))
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert all(station.accepted for station in fleet)
    return (after - before) / stations / 1024.0


def report(station: Station, now: float) -> None:
    """Have every variable of the station told."""
    station.receive(now, '[2,"r","GetBaseReport",{"requestId":1,"reportBase":"FullInventory"}]')
    seen: list[bytes] = []
    while station.next_deadline <= now + 60.0 or station.pending:
        sends = [effect for effect in station.take_effects() if isinstance(effect, Send)]
        for send in sends:
            seen.append(send.data)
            if send.call:
                station.written(now)
                station.receive(now, f"[3,{send.data.decode().split(',', 3)[1]},{{}}]")
        if not sends:
            break
    variables = sum(data.count(b'"variable":') for data in seen)
    assert variables >= 150, variables


LEAST_CALLS, MOST_MS, MOST_KB = 70_000.0, 1.0, 12.0
"""The goals."""


def rows() -> list[tuple[str, float, str, float]]:
    """Name, figure, unit, and the goal."""
    calls = max(calls_per_cpu_second() for _ in range(3))
    found = [("station: MeterValues calls", calls, "1/CPU-s", LEAST_CALLS)]
    for version, table in TABLES.items():
        count = sum(checked(version).values())
        best = min(ms_per_session(version) for _ in range(3))
        idle = kb_per_idle_station(table)
        found.append((f"station: {version} session of {count} calls", best, "CPU-ms", MOST_MS))
        found.append((f"station: {version} idle, 2 EVSEs", idle, "KB", MOST_KB))
    return found


if __name__ == "__main__":
    for name, value, unit, goal in rows():
        print(f"{name:<40} {value:>12,.3f} {unit:<8} (goal {goal:,.0f})")
    for version in TABLES:
        print(version, checked(version))
