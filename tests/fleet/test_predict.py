"""The prediction of a simulation, against counting by hand, visit by visit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.demand.visits import Manner
from simulator.fleet.agenda import visit_agenda
from simulator.fleet.aligned import aligned_ticks
from simulator.fleet.predict import (
    network_stays,
    predict_live,
    predict_network,
)
from simulator.fleet.shardplan import sample_interval
from simulator.station.events import Event
from simulator.station.versions import TABLES

STATES = (Event.CHARGING, Event.SUSPENDED_EV, Event.SUSPENDED_EVSE)
RELAXED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def by_hand(engine, beat, epoch):
    """Messages by (minute, action) and (station, action): one event after the other."""
    moments = []
    base = 0
    for result in engine.sites:
        stays, _ = network_stays(result, engine.duration_s)
        stations = result.site.stations
        spoke = {i: [] for i in range(len(stations))}
        for row in range(len(stays)):
            station = int(stays.station[row])
            caps = slice(*stays.cap_offset[row : row + 2])
            start, stop = float(stays.start_s[row]), float(stays.stop_s[row])
            agenda = visit_agenda(
                start,
                stop,
                stays.full_s[row],
                stays.cap_s[caps].tolist(),
                stays.cap_kw[caps].tolist(),
            )
            events = list(agenda)
            interval = sample_interval(stations[station].model, 1.0)
            k = 1
            while interval and start + k * interval < min(stop, engine.duration_s):
                events.append((start + k * interval, Event.SAMPLED))
                k += 1
            for at, event in events:
                spoke[station].append(float(at))
                messages = TABLES[stations[station].version].messages
                told = messages[event] + (messages[Event.CHARGING_STATE] if event in STATES else ())
                moments += [(float(at), base + station, action) for action in told]
        for station, instance in enumerate(stations):
            messages = TABLES[instance.version].messages
            every = instance.model.clock_aligned_interval
            for tick in aligned_ticks(every, engine.duration_s, epoch) if every else ():
                busy = int(
                    sum(
                        (stays.station == station) & (stays.start_s <= tick) & (tick < stays.stop_s)
                    )
                )
                told = messages[Event.CLOCK_ALIGNED] * busy
                told += messages[Event.CLOCK_ALIGNED_IDLE] * (instance.evses - busy)
                told += messages[Event.CLOCK_ALIGNED_IDLE] * (instance.evses > 1)  # the main meter
                moments += [(tick, base + station, action) for action in told]
                spoke[station].append(tick)
        golden = (5.0**0.5 - 1.0) / 2.0
        for station, times in spoke.items():
            last = -beat * ((station + 1) * golden % 1.0)
            for at in [*sorted(times), engine.duration_s]:
                k = 1
                while last + k * beat < at:
                    moments.append((last + k * beat, base + station, "Heartbeat"))
                    k += 1
                last = max(last, at)
        base += len(stations)
    minutes = Counter((int(at // 60), action) for at, _, action in moments)
    stations = Counter((station, action) for _, station, action in moments)
    return minutes, stations


@st.composite
def networks(draw, kit):
    sites = []
    horizon = draw(st.sampled_from([3600.0, 5000.0]))
    for number in range(draw(st.integers(1, 2))):
        kinds = [
            kit.model(
                evses=draw(st.integers(1, 2)),
                meter_interval=draw(st.sampled_from([0.0, 45.0, 60.0, 300.0, 900.0])),
                clock_aligned_interval=draw(st.sampled_from([0.0, 0.0, 300.0, 500.0])),
            )
            for _ in range(draw(st.integers(1, 2)))
        ]
        versions = draw(st.sampled_from([("1.6",), ("1.6",), ("2.0.1",), ("2.0.1", "1.6")]))
        site = kit.site(f"s{number}", kinds, versions=versions)
        stays = []
        for evse in range(sum(kind.evses for kind in kinds)):
            at = draw(st.integers(0, 4000)) / 4
            while at < horizon and len(stays) < 8:
                length = draw(st.sampled_from([30.0, 61.0, 300.0, 333.3, 2000.0]))
                stop = at + length
                full = draw(st.sampled_from([np.nan, at, at + 0.4 * length, stop]))
                caps = [(at, draw(st.sampled_from([0.0, 11.0])))]
                caps += [
                    (at + part * length, draw(st.sampled_from([0.0, 5.0, 11.0])))
                    for part in sorted(draw(st.lists(st.sampled_from([0.2, 0.4, 0.7, 1.0]))))
                ]
                stays.append(kit.Stay(evse, at, stop if stop <= horizon else np.nan, full, caps))
                at = stop + draw(st.sampled_from([0.0, 100.0, 900.0]))
        sites.append((site, stays))
    return kit.made_up(sites, horizon)


@RELAXED
@given(st.data())
def test_a_simulations_messages_are_those_counted_by_hand(kit, scenario, data):
    network, engine = data.draw(networks(kit))
    beat = data.draw(st.sampled_from([60.0, 300.0, 600.0]))
    prediction = predict_network(engine, scenario, network, heartbeat_s=beat)
    minutes, stations = by_hand(engine, beat, scenario.start.timestamp())
    found = Counter()
    columns = prediction.columns()
    for bucket, action, count in zip(
        columns["bucket_s"], columns["action"], columns["count"], strict=True
    ):
        found[int(bucket // 60), action] = int(count)
    assert found == minutes
    per_station = Counter()
    for place, row in enumerate(prediction.per_station.tolist()):
        for action, count in zip(prediction.actions, row, strict=True):
            if count:
                per_station[place, action] = count
    assert per_station == stations
    assert prediction.totals() == {
        a: int(prediction.series[:, i].sum()) for i, a in enumerate(prediction.actions)
    }


def test_without_recorded_caps_the_prediction_says_what_it_cannot_know(kit, scenario):
    site = kit.site("a", [kit.model()])
    stay = kit.Stay(0, 10.0, 500.0, caps=[(10.0, 11.0), (100.0, 0.0)])
    network, engine = kit.made_up([(site, [stay])], 1000.0)
    (result,) = engine.sites
    bare = replace(
        result.plan, cap_offset=np.zeros(2, np.int64), cap_s=np.zeros(0), cap_kw=np.zeros(0)
    )
    blind = replace(engine, sites=(replace(result, plan=bare),))
    seeing, not_seeing = (predict_network(e, scenario, network) for e in (engine, blind))
    assert seeing.notes == () and len(not_seeing.notes) == 1
    statuses = [p.totals()["StatusNotification"] for p in (seeing, not_seeing)]
    assert statuses == [5, 4]


@pytest.mark.parametrize(
    ("version", "key", "value", "named"),
    [
        ("1.6", "MinimumStatusDuration", "5", True),
        ("2.0.1", "MinimumStatusDuration", "5", False),
        ("1.6", "LocalPreAuthorize", "true", True),
        ("2.0.1", "LocalPreAuthorize", "true", True),
        ("1.6", "ConnectionTimeOut", "5", False),
    ],
)
def test_a_rule_that_is_not_counted_is_named_where_it_holds(
    kit, scenario, version, key, value, named
):
    site = kit.site("a", [kit.model(configuration={key: value})], versions=(version,))
    network, engine = kit.made_up([(site, [])], 600.0)
    notes = predict_network(engine, scenario, network).notes
    assert len(notes) == named
    assert not named or (key in notes[0] and "ac-1" in notes[0])


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_who_is_still_to_tap_again_at_the_end_has_not(kit, scenario, version):
    for manner in (Manner.TAPS_TWICE, Manner.BLOCKED_AT_FIRST):
        site = kit.site("a", [kit.model()], versions=(version,))
        network, engine = kit.made_up([(site, [kit.Stay(0, 598.0, manner=manner)])], 600.0)
        totals = predict_network(engine, scenario, network).totals()
        assert totals["Authorize"] == 1


@pytest.mark.parametrize(
    ("csms", "model", "expected"), [(120.0, 60.0, 120.0), (None, 60.0, 60.0), (None, None, 300.0)]
)
def test_the_csms_decides_the_heartbeat_then_the_model(kit, scenario, csms, model, expected):
    site = kit.site("a", [kit.model(heartbeat=model)])
    network, engine = kit.made_up([(site, [])], 36_000.0)
    totals = predict_network(engine, scenario, network, heartbeat_s=csms).totals()
    assert totals["Heartbeat"] == pytest.approx(36_000.0 / expected, abs=1)


def test_clock_aligned_values_fall_on_multiples_of_the_interval_from_midnight():
    assert aligned_ticks(900.0, 4000.0, 900.0 * 7 + 100.0) == [800.0, 1700.0, 2600.0, 3500.0]
    # 7 hours do not divide a day: midnight begins anew.
    day = [at / 3600 for at in aligned_ticks(7 * 3600.0, 2 * 86_400.0 - 1, 0.0)]
    assert day == [7, 14, 21, 24, 31, 38, 45]


def test_clock_aligned_values_are_read_at_every_meter_of_every_station(kit, scenario):
    site = kit.site("a", [kit.model(evses=2, clock_aligned_interval=900.0)] * 3)
    network, engine = kit.made_up([(site, [])], 86_400.0)
    totals = predict_network(engine, scenario, network, heartbeat_s=1e9).totals()
    assert totals == {"MeterValues": 3 * (2 + 1) * 95}


def test_an_empty_network_causes_nothing_but_heartbeats(kit, scenario):
    site = kit.site("a", [kit.model()])
    network, engine = kit.made_up([(site, [])], 600.0)
    prediction = predict_network(engine, scenario, network, heartbeat_s=200.0)
    assert set(prediction.totals()) == {"Heartbeat"}


def test_a_live_prediction_starts_with_boots_and_one_status_per_connector_and_station(
    kit, scenario
):
    from simulator.fleet.liveplan import build_live_plan

    site = kit.site("a", [kit.model(evses=2)] * 4)
    network, engine = kit.made_up([(site, [])], 600.0)
    plan = build_live_plan(
        scenario,
        network,
        engine,
        from_s=0.0,
        speed=1.0,
        run_s=60.0,
        connect_due=np.array([0.0, 1.5, 1.6, np.inf]),
    )
    prediction = predict_live(scenario, [plan])
    assert prediction.totals() == {"BootNotification": 3, "StatusNotification": 9}
    assert prediction.series[:2, 0].tolist() == [1, 2]
    assert prediction.per_station[3].sum() == 0
    assert len(prediction.bin_starts_s) == 61
