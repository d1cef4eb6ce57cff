"""The messages of outages: against a naive player, event by event, and against the real station."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.demand.visits import Manner
from simulator.engine.outages import common, downtime, union, without
from simulator.engine.plan import Outage
from simulator.fleet.predict import predict_network

RELAXED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
HORIZON = 4000.0
SILENT = 1e9


def network_of(kit, kinds, stays, outages, versions=("1.6",)):
    site = kit.site("a", kinds, versions=versions)
    network, engine = kit.made_up([(site, stays)], HORIZON)
    (result,) = engine.sites
    made = replace(result, outages=tuple(Outage(*outage) for outage in outages))
    return network, replace(engine, sites=(made,))


def counts(kit, scenario, kinds, stays, outages, heartbeat_s=SILENT, versions=("1.6",)):
    network, engine = network_of(kit, kinds, stays, outages, versions)
    prediction = predict_network(engine, scenario, network, heartbeat_s=heartbeat_s, bin_s=1.0)
    found = Counter()
    columns = prediction.columns()
    for at, action, count in zip(
        columns["bucket_s"], columns["action"], columns["count"], strict=True
    ):
        found[int(at), action] += int(count)
    return found, prediction


# -- the naive player --------------------------------------------------------------------------


ENDS = {True: ("StopTransaction", "StatusNotification"), False: ("TransactionEvent",)}
"""What the end of a transaction causes at once, in 1.6 and after."""


class Naive:
    """One station, told one event after the other; says what a station says."""

    def __init__(self, evses, interval, version):
        self.evses, self.interval = evses, interval
        self.old = version == "1.6"
        self.power = True
        self.plugged: dict[int, bool] = {}  # EVSE -> whether it is full
        self.tx: dict[int, float] = {}  # EVSE -> since when
        self.cut_off = 0
        self.said: Counter[tuple[int, str]] = Counter()

    def say(self, at, *actions):
        for action in actions:
            self.said[int(at), action] += 1

    def begin(self, at, evse, again=False):
        self.tx[evse] = at
        if self.old or not again:
            self.say(at, "StatusNotification")
        if self.old:
            self.say(at, "Authorize", "StartTransaction", "StatusNotification")
        else:
            self.say(at, "Authorize", "TransactionEvent", "TransactionEvent")

    def end(self, at, evse):
        begun = self.tx.pop(evse)
        k = 1
        while self.interval and begun + k * self.interval < at:
            self.say(begun + k * self.interval, "MeterValues" if self.old else "TransactionEvent")
            k += 1

    def plug(self, at, evse):
        self.plugged[evse] = False
        self.begin(at, evse)

    def full(self, at, evse):
        self.plugged[evse] = True
        if evse in self.tx:
            self.say(at, "StatusNotification" if self.old else "TransactionEvent")

    def unplug(self, at, evse):
        del self.plugged[evse]
        if evse in self.tx:
            self.end(at, evse)
            self.say(at, *ENDS[self.old])
        if self.power:
            self.say(at, "StatusNotification")

    def off(self, at, _):
        self.power = False
        self.cut_off = len(self.tx)
        for evse in list(self.tx):
            self.end(at, evse)

    def on(self, at, _):
        self.power = True
        self.say(at, "BootNotification", *["StatusNotification"] * (self.evses + self.old))
        if not self.old:
            self.say(at, "SecurityEventNotification")
        self.say(at, *[ENDS[self.old][0]] * self.cut_off)
        for evse, full in self.plugged.items():
            if not full:
                self.begin(at, evse, again=True)

    def over(self):
        for evse in list(self.tx):
            self.end(HORIZON, evse)
        return self.said


@st.composite
def worlds(draw, kit):
    """One site of two stations: stays of random length, outages of it and of one station."""
    r = np.random.default_rng(draw(st.integers(0, 2**32)))
    interval = draw(st.sampled_from([0.0, 45.0, 300.0]))
    kinds = [kit.model(evses=n, meter_interval=interval) for n in (2, 1)]
    outages, dark = [], {0: [], 1: []}
    for station, evses in ((None, [-1]), (0, [0, 1]), (1, [2])):
        at = r.uniform(0.0, 2000.0)
        for _ in range(int(r.integers(0, 3))):
            back = at + r.uniform(10.0, 900.0)
            outages += [
                (evse, at, back if back < HORIZON else np.nan) for evse in evses if at < HORIZON
            ]
            for index in (0, 1) if station is None else (station,):
                if at < HORIZON:
                    dark[index].append((at, back if back < HORIZON else np.inf))
            at = back + r.uniform(50.0, 900.0)
    dark = {station: union(spans) for station, spans in dark.items()}
    stays = []
    for evse, station in ((0, 0), (1, 0), (2, 1)):
        at = r.uniform(0.0, 800.0)
        while at < HORIZON:
            stop = at + r.choice([60.0, 500.0, 2000.0]) * r.uniform(0.5, 1.5)
            covered = [span for span in dark[station] if span[0] <= at < span[1]]
            if covered:  # nobody plugs in where there is no power
                at = covered[0][1] + r.uniform(1.0, 100.0)
                continue
            full = at + r.uniform(0.2, 1.4) * (stop - at)
            in_the_dark = any(a <= full < b for a, b in dark[station])
            if full >= stop or full >= HORIZON or in_the_dark:
                full = np.nan
            stays.append(kit.Stay(evse, at, stop if stop < HORIZON else np.nan, full, [(at, 11.0)]))
            at = stop + r.uniform(1.0, 400.0)
    return kinds, stays, outages, dark


@RELAXED
@given(st.data())
def test_the_prediction_is_what_a_naive_player_says(kit, scenario, data):
    kinds, stays, outages, dark = data.draw(worlds(kit))
    versions = data.draw(st.sampled_from([("1.6",), ("2.0.1",), ("1.6", "2.0.1")]))
    found, prediction = counts(kit, scenario, kinds, stays, outages, versions=versions)
    said = Counter()
    place = {0: (0, 0), 1: (0, 1), 2: (1, 0)}
    for station, kind in enumerate(kinds):
        naive = Naive(kind.evses, kind.meter_interval, versions[station % len(versions)])
        events = []
        for stay in stays:
            where, evse = place[stay.evse]
            if where != station:
                continue
            events.append((stay.start, "plug", evse))
            if not np.isnan(stay.full):
                events.append((stay.full, "full", evse))
            if not np.isnan(stay.stop):
                events.append((stay.stop, "unplug", evse))
        for away, back in dark[station]:
            events.append((away, "off", 0))
            if back < HORIZON:
                events.append((back, "on", 0))
        for at, what, evse in sorted(events):
            getattr(naive, what)(at, evse)
        said += naive.over()
    assert found == said
    assert bool(prediction.notes) == bool(outages)


# -- the real station --------------------------------------------------------------------------


UNSAMPLED = {
    "1.6": {"MeterValueSampleInterval": "0"},
    "2.0.1": {"SampledDataCtrlr.TxUpdatedInterval": "0"},
}


@pytest.fixture(params=["1.6", "2.0.1"])
def bench(request):
    path = Path(__file__).parents[1] / "station" / "harness.py"
    spec = importlib.util.spec_from_file_location("station_harness_of_fleet", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    made = module.Bench(
        version=request.param, evses=2, reboot_s=300.0, configuration=UNSAMPLED[request.param]
    )
    yield made
    made.close()


def test_the_herd_is_what_the_station_sends_after_it_was_down(bench, kit, scenario):
    """A hard reset is the one way in which our station goes down; its messages are the same."""
    bench.boot()
    bench.forget()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(100.0)
    bench.ask("Reset", {"type": "Hard" if bench.version == "1.6" else "Immediate"})
    bench.go(301.0)
    bench.do("present_token", 1, "TAG").go(200.0)
    bench.do("present_token", 1, "TAG").do("unplug", 1).go(10.0)
    sent = Counter(a for a in bench.actions() if a not in ("Heartbeat", "MeterValues"))
    reset = [p["type"] for p in bench.payloads("SecurityEventNotification")].count("ResetOrReboot")
    sent -= Counter(SecurityEventNotification=reset)  # that it was a reset is told; the rest is not
    stays = [kit.Stay(0, 50.0, 650.0)]
    kinds = [kit.model(evses=2, meter_interval=0.0)]
    outages = [(-1, 150.0, 450.0)]
    _, prediction = counts(kit, scenario, kinds, stays, outages, versions=(bench.version,))
    assert {a: n for a, n in prediction.totals().items() if n} == dict(sent)


def test_a_broken_evse_says_what_the_station_says(bench, kit, scenario):
    bench.boot()
    bench.forget()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(10.0)
    bench.do("fault", 1).go(10.0).do("unplug", 1).go(10.0).do("clear_fault", 1).go(10.0)
    sent = Counter(a for a in bench.actions() if a not in ("Heartbeat", "MeterValues"))
    reset = [p["type"] for p in bench.payloads("SecurityEventNotification")].count("ResetOrReboot")
    sent -= Counter(SecurityEventNotification=reset)  # that it was a reset is told; the rest is not
    kinds = [kit.model(evses=2, meter_interval=0.0)]
    stays = [kit.Stay(0, 50.0, 150.0)]
    outages, versions = [(0, 150.0, 400.0)], (bench.version,)
    found, prediction = counts(kit, scenario, kinds, stays, outages, versions=versions)
    assert {a: n for a, n in prediction.totals().items() if n} == dict(sent)
    ends = "StopTransaction" if bench.version == "1.6" else "TransactionEvent"
    assert found[150, ends] == 1
    assert found[150, "StatusNotification"] == found[400, "StatusNotification"] == 1


# -- what is silent ----------------------------------------------------------------------------


def test_no_heartbeat_and_no_clock_aligned_value_comes_out_of_the_dark(kit, scenario):
    outage = [(-1, 1000.5, 3000.5)]
    for kind, beat in (
        (kit.model(evses=2), 100.0),
        (kit.model(evses=2, clock_aligned_interval=60.0), SILENT),
    ):
        found, _ = counts(kit, scenario, [kind] * 2, [], outage, heartbeat_s=beat)
        times = {at for at, _ in found}
        assert min(times) < 1000 and max(times) > 3100
        assert not [at for at in times if 1000 < at < 3000]
        assert found[3000, "BootNotification"] == 2
        assert found[3000, "StatusNotification"] == 6
    beats, _ = counts(kit, scenario, [kit.model()], [], outage, heartbeat_s=100.0)
    after = sorted(at for at, action in beats if action == "Heartbeat" and at > 3000)
    assert after[0] == 3100  # the boot starts the timer anew


def test_a_station_that_is_still_dark_at_the_end_does_not_boot(kit, scenario):
    stays = [kit.Stay(0, 50.0)]
    _, prediction = counts(kit, scenario, [kit.model()], stays, [(0, 900.0, np.nan)])
    totals = prediction.totals()
    assert totals.get("BootNotification", 0) == totals.get("StopTransaction", 0) == 0
    assert totals["StartTransaction"] == 1


def test_unions_and_what_they_share():
    assert union([(5, 6), (1, 2), (2, 3), (0, 1.5), (7, 7)]) == [(0, 3), (5, 6)]
    assert common([[(0, 5), (8, 9)], [(3, 10)]]) == [(3, 5), (8, 9)]
    assert common([[(0, 5)], []]) == []
    assert without([(0, 10)], [(2, 3), (5, 20)]) == [(0, 2), (3, 5)]


def test_a_station_is_dark_where_none_of_its_evses_works(kit):
    outages = [(0, 10.0, 100.0), (1, 50.0, 80.0), (-1, 90.0, 95.0)]
    _, engine = network_of(kit, [kit.model(evses=2), kit.model()], [], outages)
    down = downtime(engine.sites[0])
    assert list(zip(down.dark.of, down.dark.from_s, down.dark.to_s, strict=True)) == [
        (0, 50.0, 80.0),
        (0, 90.0, 95.0),
        (1, 90.0, 95.0),
    ]
    assert list(zip(down.faulted.from_s, down.faulted.to_s, strict=True)) == [
        (10.0, 50.0),
        (80.0, 90.0),
        (95.0, 100.0),
    ]
    assert down.out.seconds(3, 1000.0).tolist() == [90.0, 35.0, 5.0]
    assert down.out.seconds(3, 60.0).tolist() == [50.0, 10.0, 0.0]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("manner", [Manner.TAPS_TWICE, Manner.EXPIRED_AT_FIRST])
@pytest.mark.parametrize("away", [100.0, 101.0, 103.2])
def test_who_loses_the_power_before_the_second_tap_taps_once(kit, scenario, version, manner, away):
    kinds, outages = [kit.model()], [(-1, away, 400.0)]
    stays = [kit.Stay(0, 100.0, 900.0, manner=who) for who in (manner, Manner.PLAIN)]
    (found, _), (plain, _) = (
        counts(kit, scenario, kinds, [stay], outages, versions=(version,)) for stay in stays
    )
    assert found == plain


def test_moved_transactions_are_named_where_an_outage_cuts_them_off(kit, scenario):
    kind = kit.model(variables={"TxCtrlr.TxStopPoint": "EVConnected"})
    for version, named in (("1.6", False), ("2.0.1", True)):
        _, prediction = counts(kit, scenario, [kind], [], [(-1, 9.0, 99.0)], versions=(version,))
        assert any("TxStopPoint" in note for note in prediction.notes) is named
