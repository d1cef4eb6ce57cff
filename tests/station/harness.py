"""A station on a virtual clock with a scripted CSMS, a made-up meter and a strict observer.

Every frame that the station sends is checked against the JSON schemas of the ``ocpp`` package; the
books of calls are checked after every step: planned = ended + pending.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from math import inf, isnan

from jsonschema import Draft4Validator, Draft6Validator

from simulator.fleet.keys import X509Keys
from simulator.station import clock, v16, v201
from simulator.station.effects import Abandon, Close, Connect, Download, Send, Upload
from simulator.station.ports import CallOutcome, EvState, Transfer
from simulator.station.settings import Identity, Settings
from simulator.station.station import Station

KEYS = X509Keys(seed=1)
OF_201 = ("ocpp.v201", Draft6Validator)
EPOCH = clock.parse("2026-06-01T06:00:00Z")


TABLES = {"1.6": v16.TABLE, "2.0.1": v201.TABLE}


@cache
def validator(name, version="1.6"):
    """The official schema of a request (``Reset``) or an answer (``ResetResponse``)."""
    package, kind = ("ocpp.v16", Draft4Validator) if version == "1.6" else OF_201
    suffix = "" if version == "1.6" or name.endswith("Response") else "Request"
    path = files(package) / "schemas" / f"{name}{suffix}.json"
    schema = json.loads(path.read_text(encoding="utf-8-sig"))
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


@dataclass
class Refuse:
    """The scripted CSMS answers with a CALLERROR."""

    code: str = "InternalError"


SILENT = object()
"""The scripted CSMS does not answer."""


@dataclass
class Ended:
    action: str
    outcome: CallOutcome
    due: float
    written: float
    ended: float
    protocol: float
    station: float
    detail: str

    @property
    def rest(self):
        """Queue time that neither the CSMS nor the scenario caused."""
        left = self.ended if isnan(self.written) else self.written
        return left - self.due - self.protocol - self.station


@dataclass
class Log:
    """The observer: keeps everything."""

    planned: list = field(default_factory=list)
    ended: list = field(default_factory=list)
    served: list = field(default_factory=list)
    violations: list = field(default_factory=list)
    boots: list = field(default_factory=list)
    transactions: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def call_planned(self, station, action, due, attempt):
        self.planned.append((action, due, attempt))

    def call_finished(
        self, station, action, outcome, due, written, ended, protocol, station_wait, detail
    ):
        done = Ended(action, outcome, due, written, ended, protocol, station_wait, detail)
        assert protocol >= 0.0 and station_wait >= 0.0, done
        assert done.rest >= -1e-9, done
        self.ended.append(done)

    def call_served(self, station, action, received, answered, code):
        self.served.append((action, code))

    def violation(self, station, kind, detail, now):
        self.violations.append((kind, detail))

    def booted(self, station, now):
        self.boots.append(now)

    def transaction_started(self, station, evse, local_id, token, now, meter_wh):
        self.transactions.append(("started", local_id, evse, token, now, meter_wh))

    def transaction_confirmed(self, station, local_id, transaction_id, status, now):
        self.transactions.append(("confirmed", local_id, transaction_id, status))

    def transaction_stopped(self, station, local_id, reason, now, meter_wh):
        self.transactions.append(("stopped", local_id, reason, meter_wh))

    def transaction_closed(self, station, local_id, now):
        self.transactions.append(("closed", local_id))

    def transaction_message(self, station, local_id, what, now):
        self.notes.append((local_id, what, now))

    def outcomes(self, action=None):
        return [e.outcome for e in self.ended if action in (None, e.action)]

    def kinds(self):
        return [kind for kind, _ in self.violations]


class FakeMeter:
    """11 kW, or the limit if that is less, while energised, counted from 1 MWh; SoC 50 %."""

    def __init__(self):
        self.base = Counter()
        self.since = {}
        self.state = EvState.CHARGING
        self.soc = 50.0
        self.switched = []
        self.limits = []
        self.chosen = {}
        self.watts = {}
        self.lines = {}
        self.on_phases = 3

    def register_wh(self, now, evse):
        if evse == 0:
            return sum(self.register_wh(now, n) for n in {1, *self.base, *self.since})
        on = self.since.get(evse)
        running = 0.0 if on is None else (now - on) * self.power_w(now, evse) / 3600.0
        return 1_000_000.0 + self.base[evse] + running

    def power_w(self, now, evse):
        if evse == 0:
            return sum(self.power_w(now, n) for n in self.since)
        return min(11_000.0, self.watts.get(evse, inf)) if evse in self.since else 0.0

    def limit(self, now, evse, watts, lines, phase=0):
        self.chosen[evse] = phase
        self.limits.append((now, evse, watts, lines))
        self.base[evse] = self.register_wh(now, evse) - 1_000_000.0
        if evse in self.since:
            self.since[evse] = now
        self.watts[evse] = watts

    def current_a(self, now, evse):
        return 15.94 if evse in self.since else 0.0

    def lines_a(self, now, evse):
        return self.lines.get(evse, (self.current_a(now, evse),) * 3)

    def voltage_v(self, now, evse):
        return 230.0

    def phases(self, now, evse):
        return self.on_phases

    def soc_percent(self, now, evse):
        return self.soc

    def energise(self, now, evse):
        self.switched.append((now, evse, True))
        if self.state is EvState.CHARGING:
            self.since[evse] = now

    def drawing(self, now, evse):
        return self.state

    def release(self, now, evse):
        self.switched.append((now, evse, False))
        self.base[evse] = self.register_wh(now, evse) - 1_000_000.0
        self.since.pop(evse, None)


class FakeDraws:
    """Always the middle, so that waits are known."""

    def __init__(self, value=0.5):
        self.value = value

    def uniform(self):
        return self.value

    def below(self, n):
        return n // 2


class Csms:
    """Answers every CALL as a sound CSMS would, unless told otherwise."""

    def __init__(self):
        self.script = {}
        self.always = {}
        self.ids = itertools.count(1001)
        self.interval = 300

    def say(self, action, *answers):
        """The next answers to an action, in order: a payload, ``Refuse(code)`` or ``SILENT``."""
        self.script.setdefault(action, []).extend(answers)

    def answer(self, now, action, payload):
        if self.script.get(action):
            return self.script[action].pop(0)
        if action in self.always:
            return self.always[action]
        time = clock.iso(EPOCH + now)
        if action == "BootNotification":
            return {"status": "Accepted", "currentTime": time, "interval": self.interval}
        if action == "Heartbeat":
            return {"currentTime": time}
        if "idToken" in payload:
            return {"idTokenInfo": {"status": "Accepted"}}
        if action == "Authorize":
            return {"idTagInfo": {"status": "Accepted"}}
        if action == "SignCertificate":
            return {"status": "Accepted"}
        if action == "StartTransaction":
            return {"transactionId": next(self.ids), "idTagInfo": {"status": "Accepted"}}
        return {}


def boot_conf(now, status="Accepted", interval=300):
    return {"status": status, "currentTime": clock.iso(EPOCH + now), "interval": interval}


RECORD = set()
"""(version, what, action, test): what was seen, and fitted its schema.

``what`` is "sent", "answered" by whatever, "done" (answered by no word of refusal) or "refused".

``support.py`` makes the page of what is implemented from it."""


NO = frozenset(("NotImplemented", "NotSupported", "Rejected", "Unknown", "UnknownVendorId"))
"""Statuses of an answer by which nothing is done."""


def record(version, what, action):
    """Note it for the test that runs now."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    RECORD.add((version, what, action, test.partition("[")[0].rpartition("::")[2]))


class Bench:
    """One station and everything around it. Times are seconds; nothing ever waits."""

    def __init__(
        self,
        *,
        version="1.6",
        evses=1,
        latency=0.05,
        identity=None,
        draws=0.5,
        clock_spread_s=0.0,
        keys=KEYS,
        **settings,
    ):
        self.version = version
        self.now = 0.0
        self.latency = latency
        self.reachable = True
        self.csms = Csms()
        self.log = Log()
        self.meter = FakeMeter()
        self.settings = Settings("run7", clock_spread_s=clock_spread_s, **settings)
        who = identity or Identity("CSW-1", "Vendor", "Model", "SN-1", "1.0", evses)
        self.station = Station(
            3,
            who,
            TABLES[version],
            self.settings,
            self.meter,
            FakeDraws(draws),
            self.log,
            EPOCH - 7.0,
            keys,
        )
        self.sent = []
        self.answers = []
        self.frames = []
        self.connects = []
        self.asked = []
        """Every wish to connect, as the station made it."""
        self.barred = set()
        """URLs where nobody answers; "" is the CSMS that the station was made for."""
        self.closes = []
        self.transfers = []
        self.abandoned = []
        self._heap = []
        self._order = itertools.count()
        self._connection = 0
        self._ids = itertools.count(1)
        self._outstanding = {}
        self.used_ids = set()
        self.closed = False

    # -- driving ----------------------------------------------------------------------------------

    def start(self):
        self.station.start(self.now)
        self._perform()
        return self

    def boot(self):
        """Start, and let everything about the boot happen."""
        self.start()
        self.run(self.now + 5.0)
        assert self.log.boots
        self.forget()
        return self

    def forget(self):
        self.sent.clear()
        self.frames.clear()

    def run(self, until, late=0.0):
        """Let time pass; ``late``: the driver wakes the station that much too late."""
        for _ in range(100_000):
            deadline = self.station.next_deadline + late
            coming = self._heap[0][0] if self._heap else inf
            at = min(deadline, coming)
            if at > until:
                self.now = max(self.now, until)
                return self
            self.now = max(self.now, at)
            if coming <= deadline:
                _, _, connection, what = heapq.heappop(self._heap)
                if connection in (self._connection, None):
                    what()
            else:
                self.station.wake(self.now)
            self._perform()
        raise AssertionError("the station never comes to rest")

    def go(self, seconds):
        return self.run(self.now + seconds)

    def do(self, what, *args, **kwargs):
        """A domain call at the present moment."""
        getattr(self.station, what)(self.now, *args, **kwargs)
        self._perform()
        return self

    def drop(self):
        """The connection breaks."""
        self._connection += 1
        self._outstanding.clear()
        self.station.disconnected(self.now, "reset by peer")
        self._perform()

    def feed(self, data):
        """Raw bytes from the CSMS; returns the frames sent in answer."""
        before = len(self.frames)
        self.station.receive(self.now, data)
        self._perform()
        return self.frames[before:]

    def call(self, action, payload=None, mid=None):
        """A CALL of the CSMS; returns the station's answer, or None."""
        mid = mid or f"csms-{next(self._ids)}"
        frames = self.feed(json.dumps([2, mid, action, {} if payload is None else payload]))
        found = [f for f in frames if f[0] in (3, 4) and f[1] == mid]
        assert len(found) <= 1
        if found:
            assert frames[0] is found[0], "the answer goes before anything else"
            if found[0][0] == 3:
                validator(f"{action}Response", self.version).validate(found[0][2])
                record(self.version, "answered", action)
                if found[0][2].get("status") not in NO:
                    record(self.version, "done", action)
            elif found[0][2] == "NotSupported":
                record(self.version, "refused", action)
        return found[0] if found else None

    def ask(self, action, payload=None):
        """The payload of the answer to a CALL of the CSMS."""
        frame = self.call(action, payload)
        assert frame is not None and frame[0] == 3, frame
        return frame[2]

    def transfer(self, outcome=Transfer.DONE, digest=b""):
        """The oldest transfer that is under way ends."""
        return self.do("transferred", self.transfers.pop(0).id, outcome, digest)

    def actions(self):
        return [action for _, action, _ in self.sent]

    def statuses(self, evse=None):
        return [
            p.get("status") or p["connectorStatus"]
            for _, action, p in self.sent
            if action == "StatusNotification" and evse in (None, p.get("evseId", p["connectorId"]))
        ]

    def events(self):
        """(type, trigger, charging state) of every TransactionEvent."""
        return [
            (p["eventType"], p["triggerReason"], p["transactionInfo"].get("chargingState"))
            for p in self.payloads("TransactionEvent")
        ]

    def payloads(self, action):
        return [p for _, a, p in self.sent if a == action]

    def times(self, action):
        return [t for t, a, _ in self.sent if a == action]

    # -- performing the station's wishes ----------------------------------------------------------

    def _perform(self):
        while effects := self.station.take_effects():
            for effect in effects:
                if isinstance(effect, Connect):
                    self.asked.append(effect)
                    self._connect(effect.url in self.barred)
                elif isinstance(effect, Close):
                    self.closes.append((self.now, effect.code, effect.reason))
                    self._later(0.0, self.drop)
                elif isinstance(effect, Download | Upload):
                    self.transfers.append(effect)
                elif isinstance(effect, Abandon):
                    self.abandoned.append(effect.id)
                else:
                    self._send(effect)
        self.check_books()

    def _connect(self, barred):
        self.connects.append(self.now)
        self._connection += 1
        if self.reachable and not barred:
            self._later(0.0, lambda: self.station.connected(self.now))
        else:
            self._later(0.0, lambda: self.station.disconnected(self.now, "refused"))

    def _send(self, effect):
        assert isinstance(effect, Send) and isinstance(effect.data, bytes)
        frame = json.loads(effect.data)
        self.frames.append(frame)
        if not effect.call:
            assert frame[0] in (3, 4)
            self.answers.append(frame)
            if frame[0] == 4:
                assert len(frame) == 5 and isinstance(frame[3], str) and frame[4] == {}
            return
        kind, mid, action, payload = frame
        assert kind == 2 and len(mid) <= 36
        assert mid not in self.used_ids, "message id used twice"
        self.used_ids.add(mid)
        validator(action, self.version).validate(payload)
        record(self.version, "sent", action)
        assert not self._outstanding, "one CALL at a time"
        self._outstanding[mid] = action
        self.sent.append((self.now, action, payload))
        self.station.written(self.now)
        self._later(self.station.conf.call_timeout_s, lambda: self._outstanding.pop(mid, None))
        answer = self.csms.answer(self.now, action, payload)
        if answer is SILENT:
            return
        reply = [4, mid, answer.code, "", {}] if isinstance(answer, Refuse) else [3, mid, answer]
        self._later(self.latency, lambda: self._reply(mid, reply))

    def _reply(self, mid, reply):
        self._outstanding.pop(mid, None)
        self.station.receive(self.now, json.dumps(reply).encode())

    def _later(self, seconds, what):
        heapq.heappush(self._heap, (self.now + seconds, next(self._order), self._connection, what))

    # -- books ------------------------------------------------------------------------------------

    def check_books(self):
        pending = len(self.log.planned) - len(self.log.ended)
        assert pending == self.station.pending, (pending, self.station.pending)

    def close(self):
        """The run ends; planned = sum of the outcomes, attempt by attempt."""
        if self.closed:
            return
        self.closed = True
        self.station.finish(self.now)
        assert len(self.log.planned) == len(self.log.ended)
        planned = Counter((action, due) for action, due, _ in self.log.planned)
        ended = Counter((e.action, e.due) for e in self.log.ended)
        assert planned == ended
        assert self.station.next_deadline == inf
        assert not self.station.take_effects()
