"""The join: the prediction counts what the stations send.

Real virtual stations with the real station inside, of 1.6 and of 2.0.1, play made-up plans against
an ideal CSMS, in virtual time. Authorize, StartTransaction, StopTransaction, StatusNotification and
BootNotification must be equal per station, MeterValues and TransactionEvent within one per session
(and one per EVSE at the end) and Heartbeat within one per station; where answers take time, a
silence that is hardly longer than the heartbeat interval may or may not have its heartbeat, once
per session.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simulator.demand.visits import Manner
from simulator.fleet.liveplan import build_live_plan, split
from simulator.fleet.predict import predict_live
from simulator.fleet.shardplan import aligned_interval
from simulator.scenario.profile_model import Quirks

EXACT = (
    "BootNotification",
    "Authorize",
    "StartTransaction",
    "StopTransaction",
    "StatusNotification",
)
VERSIONS = [("1.6",), ("2.0.1",), ("2.0.1", "1.6")]
"""Whose stations stand side by side."""
RELAXED = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def sessions_by_station(plan):
    return np.bincount(plan.stays.station, minlength=plan.stations)


def check(kit, scenario, plan, drive, heartbeat, exact_samples=False, exact_beats=False):
    """Measured equals predicted, within what is allowed."""
    prediction = predict_live(
        scenario, [plan], heartbeat_s=heartbeat, epoch_at_zero=drive.csms.epoch
    )
    predicted = prediction.station_totals()
    measured = drive.sent()
    sessions = sessions_by_station(plan)
    for index, name in enumerate(plan.ids):
        for action in EXACT:
            pair = (measured[name].get(action, 0), predicted[name].get(action, 0))
            assert pair[0] == pair[1], (name, action, pair, drive.csms.actions(index))
        # A start that was late loses a sample; at the end each EVSE may have one that still waits.
        slack = 0 if exact_samples else int(sessions[index]) + plan.spec(index).evses
        gaps = [
            measured[name].get(action, 0) - predicted[name].get(action, 0)
            for action in ("MeterValues", "TransactionEvent")
        ]
        assert abs(sum(gaps)) <= slack, (name, gaps)
        # A station's clock is off: a reading is in a transaction by it that is not by ours.
        aligned = plan.versions[index] != "1.6" and aligned_interval(plan.spec(index).kind) > 0
        assert max(map(abs, gaps)) <= (int(sessions[index]) if aligned else slack), (name, gaps)
        beats = measured[name].get("Heartbeat", 0) - predicted[name].get("Heartbeat", 0)
        assert abs(beats) <= (1 if exact_samples or exact_beats else 1 + sessions[index]), (
            name,
            "Heartbeat",
            beats,
            measured[name],
            predicted[name],
        )
    totals = prediction.totals()
    assert totals == {
        action: sum(row[action] for row in predicted.values()) for action in prediction.actions
    }
    return prediction


@st.composite
def evse_stays(draw, evse, horizon, kit_stay, manners=(0,)):
    """Sessions of one EVSE that follow one another, some without a gap."""
    stays, at = [], float(draw(st.integers(-40, 300)) / 4)
    at = max(at, 0.0)
    while at < horizon and len(stays) < 6:
        length = draw(st.sampled_from([0.5, 3.0, 20.0, 61.0, 300.0, 301.5, 2000.0]))
        stop = at + length
        full = draw(st.sampled_from([np.nan, at, at + length / 2, at + 0.9 * length, stop]))
        caps = [(at, draw(st.sampled_from([0.0, 3.7, 11.0])))]
        for _ in range(draw(st.integers(0, 5))):
            moment = at + length * draw(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.6, 0.99, 1.0]))
            caps.append((moment, draw(st.sampled_from([0.0, 0.0, 3.7, 11.0]))))
        caps = [caps[0], *sorted(caps[1:], key=lambda c: c[0])]
        end = draw(st.sampled_from([stop, stop, stop, np.nan]))
        stays.append(
            kit_stay(
                evse,
                at,
                end,
                full,
                caps,
                soc=draw(st.sampled_from([0.05, 0.5, 0.9])),
                curve=draw(st.sampled_from([0, 1])),
                manner=draw(st.sampled_from(manners)),
            )
        )
        if np.isnan(end):
            break
        at = stop + draw(st.sampled_from([0.0, 0.0, 2.0, 45.0, 400.0]))
    return stays


@st.composite
def worlds(draw, kit, versions=("1.6",), quirks=None, manners=(0,)):
    """A small network with an engine plan, and how the run plays it; versions take turns."""
    horizon = 4000.0
    sites = []
    for number in range(draw(st.integers(1, 2))):
        kinds = [
            kit.model(
                current=draw(st.sampled_from(["ac", "dc"])),
                evses=draw(st.integers(1, 2)),
                meter_interval=draw(st.sampled_from([0.0, 7.0, 60.0, 900.0])),
                clock_aligned_interval=draw(st.sampled_from([0.0, 0.0, 300.0])),
                quirks=Quirks() if quirks is None else draw(quirks),
            )
            for _ in range(draw(st.integers(1, 2)))
        ]
        control = draw(st.sampled_from(["local", "none"]))
        site = kit.site(f"s{number}", kinds, control, versions)
        evses = sum(kind.evses for kind in kinds)
        stays = [
            stay
            for evse in range(evses)
            for stay in draw(evse_stays(evse, horizon, kit.Stay, manners))
        ]
        sites.append((site, stays))
    speed = draw(st.sampled_from([1.0, 4.0, 7.0]))
    from_s = draw(st.sampled_from([0.0, 100.0, 555.5]))
    run_s = draw(st.sampled_from([10.0, 120.0, 400.0]))
    return sites, horizon, speed, min(from_s, horizon - run_s * speed), run_s


def plan_of(kit, scenario, world, due_seed):
    sites, horizon, speed, from_s, run_s = world
    network, engine = kit.made_up(sites, horizon)
    rng = np.random.default_rng(due_seed)
    due = np.where(rng.random(network.stations) < 0.9, rng.random(network.stations) * 30, np.inf)
    return (
        network,
        engine,
        due,
        {
            "from_s": from_s,
            "speed": speed,
            "run_s": run_s,
            "connect_due": due,
        },
    )


@pytest.mark.parametrize("versions", VERSIONS, ids="+".join)
@RELAXED
@given(st.data())
def test_on_an_instant_csms_the_counts_are_equal(kit, scenario, versions, data):
    world = data.draw(worlds(kit, versions))
    network, engine, _, how = plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    plan = build_live_plan(scenario, network, engine, **how)
    beat = data.draw(st.sampled_from([20, 60, 300]))
    drive = kit.Drive(plan, kit.Csms(heartbeat=beat)).run()
    check(kit, scenario, plan, drive, beat, exact_samples=True)
    assert drive.deviations.counts == {}


@pytest.mark.parametrize("versions", VERSIONS, ids="+".join)
@RELAXED
@given(st.data())
def test_on_a_slow_csms_and_with_a_late_driver_they_still_are(kit, scenario, versions, data):
    world = data.draw(worlds(kit, versions))
    network, engine, _, how = plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    plan = build_live_plan(scenario, network, engine, **how)
    latency = data.draw(st.sampled_from([0.001, 0.05, 0.19]))
    lag = data.draw(st.sampled_from([0.0, 0.003, 0.2]))
    drive = kit.Drive(plan, kit.Csms(latency, heartbeat=60), connects=0.1, late=lambda _: lag).run()
    check(kit, scenario, plan, drive, 60)
    assert drive.deviations.counts == {}


@RELAXED
@given(st.data())
def test_one_shard_or_several_give_the_same_station_plans(kit, scenario, data):
    world = data.draw(worlds(kit))
    network, engine, _, how = plan_of(kit, scenario, world, 3)
    whole = build_live_plan(scenario, network, engine, **how)
    parts = [
        build_live_plan(scenario, network, engine, sites=sites, **how)
        for sites in split(network, 2)
    ]
    assert sum(part.stations for part in parts) == whole.stations
    for part in parts:
        for local, place in enumerate(part.station_index.tolist()):
            assert part.spec(local) == whole.spec(place)
            mine, other = list(part.plans())[local], list(whole.plans())[place]
            for evse in range(1, part.spec(local).evses + 1):
                rows, others = range(*mine.stays(evse)), range(*other.stays(evse))
                assert len(rows) == len(others)
                for a, b in zip(rows, others, strict=True):
                    assert mine.start_s(a) == other.start_s(b)
                    assert mine.stop_s(a) == other.stop_s(b)
                    assert mine.full_s(a) == other.full_s(b)
                    assert mine.caps(a) == other.caps(b)
                    assert mine.token(a) == other.token(b)
    together = predict_live(scenario, [whole], heartbeat_s=60)
    apart = predict_live(scenario, parts, heartbeat_s=60)
    assert together.station_ids == apart.station_ids
    assert np.array_equal(together.series, apart.series)
    assert np.array_equal(together.per_station, apart.per_station)


@pytest.mark.parametrize("heartbeat", [30, 60, 61])
def test_heartbeats_fill_the_silence_between_messages(kit, scenario, heartbeat):
    site = kit.site("yard", [kit.model(meter_interval=0.0)])
    network, engine = kit.made_up([(site, [kit.Stay(0, 100.0, 300.0)])], 1000.0)
    plan = build_live_plan(
        scenario,
        network,
        engine,
        from_s=0.0,
        speed=1.0,
        run_s=600.0,
        connect_due=np.array([0.0]),
    )
    drive = kit.Drive(plan, kit.Csms(heartbeat=heartbeat)).run(drain=0.0)
    prediction = check(kit, scenario, plan, drive, heartbeat)
    gaps = (100.0, 200.0, 300.0)
    assert prediction.totals()["Heartbeat"] == sum(-(-gap // heartbeat) - 1 for gap in gaps)


def test_a_session_of_2_0_1_told_in_full(kit, scenario):
    kind = kit.model(evses=2, meter_interval=60.0, clock_aligned_interval=300.0)
    caps = [(100.0, 11.0), (200.0, 0.0), (260.0, 11.0)]
    stay = kit.Stay(0, 100.0, 700.0, 500.0, caps)
    network, engine = kit.made_up([(kit.site("yard", [kind], versions=("2.0.1",)), [stay])], 1e3)
    how = {"from_s": 0.0, "speed": 1.0, "run_s": 900.0, "connect_due": np.array([0.0])}
    plan = build_live_plan(scenario, network, engine, **how)
    drive = kit.Drive(plan, kit.Csms(heartbeat=3600)).run(drain=0.0)
    prediction = check(kit, scenario, plan, drive, 3600, exact_samples=True)
    # Readings on the clock at 253, 553 and 853 s: in the transaction and at the other EVSE, twice;
    # at both without one.
    assert prediction.totals() == {
        "Authorize": 1,
        "BootNotification": 1,
        "MeterValues": 1 + 1 + 2,
        "SecurityEventNotification": 1,
        "StatusNotification": 2 + 2,
        "TransactionEvent": 1 + 4 + 9 + 2 + 1,
    }
    events = [p for _, _, action, p in drive.csms.frames if action == "TransactionEvent"]
    assert [p["seqNo"] for p in events] == list(range(17))
    states = [
        p["transactionInfo"]["chargingState"]
        for p in events
        if p["triggerReason"] == "ChargingStateChanged"
    ]
    assert states == ["Charging", "SuspendedEVSE", "Charging", "SuspendedEV"]
    words = [p["connectorStatus"] for _, _, a, p in drive.csms.frames if a == "StatusNotification"]
    assert words == ["Available", "Available", "Occupied", "Available"]


QUIRKS = st.builds(
    Quirks,
    # No delay ends with the run: a driver that is late by a moment would decide what is sent.
    status_delay=st.sampled_from([0.0, 3.2, 40.3]),
    boot_on_reconnect=st.booleans(),
    reconnect_after_timeouts=st.sampled_from([0, 2]),
    register_step_wh=st.sampled_from([0, 10, 100, 1000]),
    clock_drift_ppm=st.sampled_from([0.0, 200.0]),
    fixed_heartbeat=st.booleans(),
    skips_finishing=st.booleans(),
)


@RELAXED
@given(st.data())
def test_the_quirks_of_stations_are_foreseen(kit, scenario, data):
    world = data.draw(worlds(kit, quirks=QUIRKS))
    network, engine, _, how = plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    plan = build_live_plan(scenario, network, engine, **how)
    beat = data.draw(st.sampled_from([20, 60, 300]))
    drive = kit.Drive(plan, kit.Csms(heartbeat=beat)).run(drain=0.0)
    check(kit, scenario, plan, drive, beat, exact_beats=True)
    assert drive.deviations.counts == {}


@RELAXED
@given(st.data())
def test_drivers_of_every_manner_are_foreseen(kit, scenario, data):
    world = data.draw(worlds(kit, manners=list(Manner)))
    network, engine, _, how = plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    plan = build_live_plan(scenario, network, engine, **how)
    drive = kit.Drive(plan, kit.Csms(heartbeat=60)).run(drain=0.0)
    check(kit, scenario, plan, drive, 60, exact_samples=True)
    assert drive.deviations.counts == {}


@RELAXED
@given(st.data())
def test_drivers_of_every_manner_are_foreseen_on_a_slow_csms(kit, scenario, data):
    world = data.draw(worlds(kit, quirks=QUIRKS, manners=list(Manner)))
    network, engine, due, how = plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    late = np.array(
        [station.model.quirks.status_delay for site in network.sites for station in site.stations]
    )
    left = how["run_s"] - due - late
    assume(not ((left > 0.0) & (left < 1.0)).any())  # a boot's statuses leave, or the run is over
    plan = build_live_plan(scenario, network, engine, **how)
    drive = kit.Drive(plan, kit.Csms(0.05, heartbeat=60), connects=0.1, late=lambda _: 0.003)
    check(kit, scenario, plan, drive.run(drain=0.0), 60)
    assert drive.deviations.counts == {}
