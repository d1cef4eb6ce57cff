"""A virtual-time driver and an ideal CSMS for tests, and engine plans made up by hand.

The driver does what a real one does with a station's effects, on a heap instead of sockets: it
connects, writes, delivers answers, and wakes. Nothing waits.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simulator.demand.visits import Curves, Visits
from simulator.engine.plan import EngineResult, Outcome, SitePlan, SiteResult
from simulator.fleet.crew import virtual_stations
from simulator.fleet.identity import UNKNOWN
from simulator.fleet.ledger import Ledger
from simulator.fleet.remotestart import AskStart, Begun, command
from simulator.fleet.setup import Conditions
from simulator.scenario import Network, SiteInstance, StationInstance, load_scenario
from simulator.scenario.profile_model import StationModel
from simulator.scenario.site_model import Site
from simulator.station.effects import Close, Connect
from simulator.station.ports import CallOutcome

EPOCH = datetime(2026, 6, 1, 15, 0, 47, tzinfo=UTC).timestamp()
SCENARIOS = Path(__file__).parents[2] / "scenarios"


class Watch(Ledger):
    """An observer that counts: new calls by station and action, and how attempts ended."""

    __slots__ = ("begun", "boots", "ended", "outcomes", "planned", "problems")

    def __init__(self) -> None:
        super().__init__()
        self.planned: dict[int, Counter[str]] = defaultdict(Counter)
        self.outcomes: Counter[CallOutcome] = Counter()
        self.boots: dict[int, float] = {}
        self.problems: list[tuple[int, str, str]] = []
        self.begun: list[tuple[int, int, str, float]] = []

    def call_planned(self, station, action, due, attempt):
        if attempt == 1:
            self.planned[station][action] += 1

    def call_finished(self, station, action, outcome, *_):
        self.outcomes[outcome] += 1

    def call_served(self, *_):
        pass

    def violation(self, station, kind, detail, now):
        self.problems.append((station, kind, detail))

    def booted(self, station, now):
        self.boots[station] = now

    def transaction_started(self, station, evse, local_id, token, now, meter_wh):
        super().transaction_started(station, evse, local_id, token, now, meter_wh)
        self.begun.append((station, evse, token, now))


class Csms:
    """Answers every call after ``latency`` seconds. ``refused`` tokens are Invalid."""

    def __init__(self, latency=0.0, heartbeat=300, refused=(), epoch=EPOCH, slow=None) -> None:
        self.latency = latency
        self.heartbeat = heartbeat
        self.refused = set(refused)
        self.epoch = epoch
        self.slow = dict(slow or {})
        self.deaf = False
        self.commands = 0
        self.transactions = 0
        self.frames: list[tuple[float, int, str, dict[str, Any]]] = []
        self.running: dict[int, int] = {}

    def answer(self, now: float, station: int, data: bytes) -> tuple[float, bytes] | None:
        frame = json.loads(data)
        if frame[0] != 2:
            return None
        _, mid, action, payload = frame
        self.frames.append((now, station, action, payload))
        return now + self.slow.get(action, self.latency), json.dumps(
            [3, mid, getattr(self, action)(now, station, payload)]
        ).encode()

    def command(self, version: str, ask: AskStart) -> bytes | None:
        """The command that an app's wish becomes; None: it comes to nothing."""
        if self.deaf:
            return None
        action, payload = command(version, ask.evse, ask.token, ask.number)
        self.commands += 1
        return json.dumps([2, f"app-{self.commands}", action, payload]).encode()

    def _time(self, now: float) -> str:
        return datetime.fromtimestamp(self.epoch + now, UTC).isoformat()

    def _info(self, payload) -> dict[str, str]:
        token = payload["idToken"]["idToken"] if "idToken" in payload else payload["idTag"]
        bad = token in self.refused or token.startswith(UNKNOWN)
        return {"status": "Invalid" if bad else "Accepted"}

    def BootNotification(self, now, station, payload):  # noqa: N802
        return {
            "status": "Accepted",
            "currentTime": self._time(now),
            "interval": self.heartbeat,
        }

    def Heartbeat(self, now, station, payload):  # noqa: N802
        return {"currentTime": self._time(now)}

    def Authorize(self, now, station, payload):  # noqa: N802
        if "idToken" in payload:
            return {"idTokenInfo": self._info(payload)}
        return {"idTagInfo": self._info(payload)}

    def TransactionEvent(self, now, station, payload):  # noqa: N802
        self.transactions += payload["eventType"] == "Started"
        return {"idTokenInfo": self._info(payload)} if "idToken" in payload else {}

    def StartTransaction(self, now, station, payload):  # noqa: N802
        self.transactions += 1
        self.running[station] = self.transactions
        return {"transactionId": self.transactions, "idTagInfo": self._info(payload)}

    def StopTransaction(self, now, station, payload):  # noqa: N802
        return {}

    def NotifyEvent(self, now, station, payload):  # noqa: N802
        return {}

    def StatusNotification(self, now, station, payload):  # noqa: N802
        return {}

    def MeterValues(self, now, station, payload):  # noqa: N802
        return {}

    def SecurityEventNotification(self, now, station, payload):  # noqa: N802
        return {}

    def statuses(self, station: int, connector: int) -> list[str]:
        return [
            payload["status"]
            for _, who, action, payload in self.frames
            if who == station
            and action == "StatusNotification"
            and payload["connectorId"] == connector
        ]

    def actions(self, station: int) -> list[str]:
        return [action for _, who, action, _ in self.frames if who == station]


@dataclass
class Drive:
    """Plays a shard's plan in virtual time. ``late(when)`` is how late the driver wakes."""

    plan: Any
    csms: Csms = field(default_factory=Csms)
    connects: float = 0.0
    late: Callable[[float], float] = lambda when: 0.0
    call_timeout: float = 30.0

    def __post_init__(self) -> None:
        self.watch = Watch()
        self.csms.refused |= bad_tokens(self.plan)
        conditions = Conditions("r", call_timeout_s=self.call_timeout)
        self.stations, self.deviations = virtual_stations(
            self.plan, self.watch, self.csms.epoch, conditions
        )
        for station in self.stations:
            station.station.settings = replace(station.station.settings)
        self._heap: list[tuple[float, int, str, int, Any]] = []
        self._seq = 0
        self.asks: list[tuple[float, int, AskStart]] = []
        self.begun: list[tuple[float, int, Begun]] = []
        self._armed = [float("inf")] * len(self.stations)
        self.now = 0.0
        for index, due in enumerate(self.plan.connect_due_s):
            if due < self.plan.run_s:
                self.at(float(due), "start", index)

    def at(self, when: float, what: str, index: int, data: Any = None) -> None:
        """Let something happen at ``when``; ``call`` runs ``data(station, now)``."""
        self._seq += 1
        heapq.heappush(self._heap, (when, self._seq, what, index, data))

    def run(self, drain: float = 5.0) -> Drive:
        end = self.plan.run_s + drain
        steps = 0
        while self._heap and self._heap[0][0] <= end:
            when, _, what, index, data = heapq.heappop(self._heap)
            self.now = max(self.now, when)
            steps += 1
            assert steps < 3_000_000, "a station never comes to rest"
            station = self.stations[index]
            if what == "wake":
                if self._armed[index] != when:
                    continue
                self._armed[index] = float("inf")
                # The driver wakes late: it arms for the deadline and is there a little after.
                if station.next_deadline <= self.now:
                    station.wake(self.now)
            elif what == "call":
                data(station, self.now)
            elif what == "receive":
                station.receive(self.now, data)
            elif what == "disconnected":
                station.disconnected(self.now, data)
            else:
                getattr(station, what)(self.now)
            self._settle(index)
        for station in self.stations:
            station.finish(end)
        return self

    def _settle(self, index: int) -> None:
        station = self.stations[index]
        while effects := station.take_effects():
            for effect in effects:
                if isinstance(effect, Connect):
                    self.at(self.now + self.connects, "connected", index)
                elif isinstance(effect, AskStart):
                    # The CSMS's command, put to the station as if its API had been called.
                    frame = self.csms.command(station.spec.version, effect)
                    self.asks.append((self.now, index, effect))
                    if frame is not None:
                        self.at(self.now + self.csms.latency, "receive", index, frame)
                elif isinstance(effect, Begun):
                    self.begun.append((self.now, index, effect))
                elif isinstance(effect, Close):
                    self.at(self.now, "disconnected", index, effect.reason)
                else:
                    if effect.call:
                        station.written(self.now)
                    answer = self.csms.answer(self.now, index, effect.data)
                    if answer is not None:
                        self.at(answer[0], "receive", index, answer[1])
        when = station.next_deadline
        when += self.late(when) if when < float("inf") else 0.0
        if when < self._armed[index]:
            self._armed[index] = when
            self.at(when, "wake", index)

    def sent(self) -> dict[str, dict[str, int]]:
        """New calls by station id and action."""
        return {
            self.plan.ids[index]: dict(self.watch.planned[index])
            for index in range(len(self.stations))
        }


def bad_tokens(plan) -> set[str]:
    """The tokens that drivers of a plan present and an honest CSMS refuses."""
    found = {
        part.bad_token(row)
        for part in plan.plans()
        for evse in range(1, plan.spec(part.station).evses + 1)
        for row in range(*part.stays(evse))
    }
    return found - {None}


FLAT = Curves(np.array([0, 2], np.int32), np.array([0.0, 1.0]), np.array([np.inf, np.inf]))
TAPER = Curves(
    np.array([0, 2, 5], np.int32),
    np.array([0.0, 1.0, 0.0, 0.6, 1.0]),
    np.array([np.inf, np.inf, 100.0, 90.0, 8.0]),
)


def model(current="ac", evses=1, **changes) -> StationModel:
    return StationModel(
        **{
            "name": f"{current}-{evses}",
            "source": "made up",
            "description": "",
            "vendor": "Acme",
            "model": "One",
            "current": current,
            "evses": evses,
            "evse_kw": 11.0 if current == "ac" else 150.0,
            "station_kw": evses * (11.0 if current == "ac" else 150.0),
            "phases": 3,
            "min_kw": 4.14,
            "measurands": ("Energy.Active.Import.Register", "Power.Active.Import"),
            "meter_interval": 60.0,
            "clock_aligned_interval": 0.0,
            "heartbeat": None,
            "configuration": {},
            **changes,
        }
    )


def site_instance(
    name: str, models: Sequence[StationModel], control="local", versions=("1.6",)
) -> SiteInstance:
    """A site; its stations speak the versions in turn."""
    site = Site(name=name, stations=({"model": "x"},), control=control)
    stations = tuple(
        StationInstance(
            site=name,
            ordinal=i,
            id=f"CSW-{name}-{i:04d}",
            model=kind,
            evses=kind.evses,
            evse_names=None,
            vendor=kind.vendor,
            model_name=kind.model,
            serial=f"{name}-{i:04d}",
            password=None,
            version=versions[(i - 1) % len(versions)],
        )
        for i, kind in enumerate(models, 1)
    )
    return SiteInstance(name, site, stations, False)


@dataclass
class Stay:
    """One session of a made-up plan, in plan seconds; ``caps`` are (seconds, grid kW)."""

    evse: int
    start: float
    stop: float = np.nan
    full: float = np.nan
    caps: Sequence[tuple[float, float]] = ()
    soc: float = 0.2
    target: float = 0.9
    battery: float = 60.0
    limit: float = 11.0
    curve: int = 0
    phases: int = 3
    manner: int = 0
    means: int = 0


def site_result(site: SiteInstance, stays: Sequence[Stay], horizon: float) -> SiteResult:
    """A site's result with these sessions and no load."""
    stays = sorted(stays, key=lambda stay: stay.start)
    n = len(stays)
    column = lambda name: np.array([getattr(stay, name) for stay in stays], float)  # noqa: E731
    nan = np.full(n, np.nan)
    evses = [(i, k) for i, s in enumerate(site.stations) for k in range(1, s.evses + 1)]
    visits = Visits(
        arrival_s=column("start"),
        departure_s=column("stop"),
        linger_s=np.full(n, np.inf),
        patience_s=np.full(n, np.inf),
        soc=column("soc"),
        target_soc=column("target"),
        battery_kwh=column("battery"),
        ac_kw=column("limit"),
        ac_phases=np.array([stay.phases for stay in stays], np.int32),
        dc_kw=column("limit"),
        efficiency_ac=np.full(n, 0.9),
        efficiency_dc=np.full(n, 0.9),
        curve=np.array([stay.curve for stay in stays], np.int32),
        evse=np.full(n, -1, np.int32),
        label=None,
        curves=TAPER,
        manner=np.array([stay.manner for stay in stays], np.int8),
        means=np.array([stay.means for stay in stays], np.int8),
    )
    caps = [list(stay.caps) or [(stay.start, stay.limit)] for stay in stays]
    plan = SitePlan(
        outcome=np.array(
            [Outcome.RUNNING if np.isnan(s.stop) else Outcome.SERVED for s in stays], np.int32
        ),
        evse=np.array([stay.evse for stay in stays], np.int32),
        plug_in_s=column("start"),
        unplug_s=column("stop"),
        charge_end_s=column("full"),
        limit_kw=column("limit"),
        min_kw=np.full(n, 4.14),
        efficiency=np.full(n, 0.9),
        energy_kwh=nan,
        unserved_kwh=nan,
        soc_end=nan,
        cap_offset=np.cumsum([0] + [len(c) for c in caps]).astype(np.int64),
        cap_s=np.array([t for c in caps for t, _ in c], float),
        cap_kw=np.array([kw for c in caps for _, kw in c], float),
    )
    empty = np.zeros(0)
    return SiteResult(
        site=site,
        visits=visits,
        plan=plan,
        evse_station=np.array([i for i, _ in evses], np.int32),
        evse_number=np.array([k for _, k in evses], np.int32),
        evse_kw=np.array([site.stations[i].model.evse_kw for i, _ in evses]),
        load_kwh=empty,
        occupied_s=empty,
        queue_s=empty,
        peak_kw=0.0,
        peak_s=0.0,
        events=0,
        limit_bound_s=0.0,
        evse_energy_kwh=empty,
        evse_occupied_s=empty,
    )


def made_up(
    sites: Sequence[tuple[SiteInstance, Sequence[Stay]]], horizon: float
) -> tuple[Network, EngineResult]:
    results = tuple(site_result(site, stays, horizon) for site, stays in sites)
    network = Network(tuple(site for site, _ in sites))
    return network, EngineResult(results, horizon, 900.0, 0, 0.0, 0.0)


class Quiet:
    """A scenario that does not fill the screen when a test fails."""

    def __init__(self, scenario) -> None:
        self._scenario = scenario

    def __getattr__(self, name):
        return getattr(self._scenario, name)

    def __repr__(self) -> str:
        return "scenario"


class Kit(SimpleNamespace):
    def __repr__(self) -> str:
        return "kit"


@pytest.fixture(scope="session")
def scenario():
    """Any loaded scenario: seed, live settings and clock are used, its sites are not."""
    return Quiet(load_scenario(SCENARIOS / "city-launch.toml"))


@pytest.fixture(scope="session")
def kit():
    """What the tests of this folder share."""
    return Kit(
        Csms=Csms,
        Drive=Drive,
        EPOCH=EPOCH,
        Stay=Stay,
        Watch=Watch,
        made_up=made_up,
        model=model,
        site=site_instance,
        SCENARIOS=SCENARIOS,
    )
