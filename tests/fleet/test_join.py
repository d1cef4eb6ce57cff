"""The join: the prediction counts what the stations send.

Real virtual stations with the real station inside, of 1.6 and of 2.0.1, play made-up plans against
an ideal CSMS, in virtual time. Authorize, StartTransaction, StopTransaction, StatusNotification and
BootNotification must be equal per station, MeterValues and TransactionEvent within one per session
(and one per EVSE at the end) and Heartbeat within one per station; where answers take time, a
silence that is hardly longer than the heartbeat interval may or may not have its heartbeat, once
per session.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simulator.demand.visits import Manner
from simulator.fleet.liveplan import build_live_plan, split
from simulator.fleet.predict import predict_live
from simulator.fleet.rules import TAP_S, TRY_S
from simulator.fleet.shardplan import aligned_interval
from simulator.scenario import load_scenario
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
        spec = plan.spec(index)
        aligned = spec.version != "1.6" and aligned_interval(spec.kind, spec.version) > 0
        assert max(map(abs, gaps)) <= max(slack, int(sessions[index]) * aligned), (name, gaps)
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
def worlds(draw, kit, versions=("1.6",), quirks=None, manners=(0,), presets=None):
    """A small network with an engine plan, and how the run plays it; versions take turns.

    ``presets`` gives what a station model says of configuration and variables.
    """
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
                **({} if presets is None else draw(presets)),
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


def cut_by_the_end(plan, late_s):
    """Whether the run's end may come between a status, held back or of a boot, and its due time."""
    held_s = {kind.quirks.status_delay for kind in plan.kinds} - {0.0}
    stays = plan.stays
    begins = [stays.start_s + after for after in (0.0, TAP_S, 2.0 * TAP_S, TRY_S, 60.0)]
    moments = np.concatenate([*begins, stays.stop_s, stays.full_s, stays.cap_s])
    due = plan.connect_due_s
    every = [due, *(times + by for by in held_s for times in (due, moments))]
    return any(((at_s > plan.run_s - late_s) & (at_s <= plan.run_s)).any() for at_s in every)


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
    assume(not cut_by_the_end(plan, 0.7))
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
        for sites in split(network, data.draw(st.sampled_from([2, 8])))
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
    # at both without one. Each time of the main meter, too.
    assert prediction.totals() == {
        "Authorize": 1,
        "BootNotification": 1,
        "MeterValues": 1 + 1 + 2 + 3,
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


VARIABLES = st.fixed_dictionaries(
    {},
    optional={
        "SampledDataCtrlr.TxUpdatedInterval": st.sampled_from([0, 5, 90]),
        "SampledDataCtrlr.TxUpdatedMeasurands": st.sampled_from(
            [(), ("Power.Active.Import",), "Energy.Active.Import.Register"]
        ),
        "SampledDataCtrlr.Enabled": st.booleans(),
        "AlignedDataCtrlr.Interval": st.sampled_from([0, 200]),
        "AlignedDataCtrlr.Measurands": st.sampled_from([(), ("Power.Active.Import",)]),
        "AlignedDataCtrlr.Enabled": st.booleans(),
        "TxCtrlr.EVConnectionTimeOut": st.sampled_from([0, 15, 200]),
        "OCPPCommCtrlr.HeartbeatInterval": st.sampled_from([30, 100]),
    },
).map(lambda given: {"variables": given})


@RELAXED
@given(st.data())
def test_the_variables_of_a_model_are_foreseen(kit, scenario, data):
    versions = ("2.0.1", "1.6")
    manners = [Manner.PLAIN, Manner.PULLS, Manner.REFUSED]
    world = data.draw(worlds(kit, versions, manners=manners, presets=VARIABLES))
    network, engine, _, how = plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    plan = build_live_plan(scenario, network, engine, **how)
    drive = kit.Drive(plan, kit.Csms(heartbeat=60)).run(drain=0.0)
    check(kit, scenario, plan, drive, 60, exact_samples=True)
    assert drive.deviations.counts == {}


@pytest.mark.parametrize("versions", VERSIONS, ids="+".join)
@RELAXED
@given(st.data())
def test_drivers_of_every_manner_are_foreseen(kit, scenario, versions, data):
    world = data.draw(worlds(kit, versions, manners=list(Manner)))
    network, engine, _, how = plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    plan = build_live_plan(scenario, network, engine, **how)
    drive = kit.Drive(plan, kit.Csms(heartbeat=60)).run(drain=0.0)
    check(kit, scenario, plan, drive, 60, exact_samples=True)
    assert drive.deviations.counts == {}


@pytest.mark.parametrize("versions", VERSIONS, ids="+".join)
@RELAXED
@given(st.data())
def test_drivers_of_every_manner_are_foreseen_on_a_slow_csms(kit, scenario, versions, data):
    world = data.draw(worlds(kit, versions, quirks=QUIRKS, manners=list(Manner)))
    network, engine, _, how = plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    plan = build_live_plan(scenario, network, engine, **how)
    assume(not cut_by_the_end(plan, 0.3))
    drive = kit.Drive(plan, kit.Csms(0.05, heartbeat=60), connects=0.1, late=lambda _: 0.003)
    check(kit, scenario, plan, drive.run(drain=0.0), 60)
    assert drive.deviations.counts == {}


def test_e01_fr_01_cars_stand_in_the_bay_before_they_plug_in_and_leave_it_last(kit, scenario):
    by_bay = {
        "TxCtrlr.TxStartPoint": "ParkingBayOccupancy",
        "TxCtrlr.TxStopPoint": "ParkingBayOccupancy",
    }
    kind = kit.model(variables=by_bay, meter_interval=0.0)
    site = kit.site("yard", [kind], versions=("2.0.1",))
    network, engine = kit.made_up([(site, [kit.Stay(0, 10.0, 70.0, 40.0)])], 1e3)
    how = {"from_s": 0.0, "speed": 1.0, "run_s": 100.0, "connect_due": np.array([0.0])}
    drive = kit.Drive(build_live_plan(scenario, network, engine, **how), kit.Csms()).run()
    events = [p for _, _, action, p in drive.csms.frames if action == "TransactionEvent"]
    assert [p["triggerReason"] for p in events] == [
        "EVDetected",
        "CablePluggedIn",
        "Authorized",
        "ChargingStateChanged",
        "ChargingStateChanged",
        "StopAuthorized",
        "EVCommunicationLost",
        "EVDeparted",
    ]
    assert [p["eventType"] for p in events][::7] == ["Started", "Ended"]
    assert [p["numberOfPhasesUsed"] for p in events if "numberOfPhasesUsed" in p] == [3]
    assert not drive.deviations.counts


STARTS, STOPS = "TxCtrlr.TxStartPoint", "TxCtrlr.TxStopPoint"
WAITS = "TxCtrlr.EVConnectionTimeOut"
PRESETS = [
    {"variables": variables, "configuration": configuration}
    for variables, configuration in (
        ({STARTS: "EVConnected"}, {}),
        ({STARTS: "Authorized"}, {"ConnectionTimeOut": "0"}),
        ({STARTS: ("EVConnected", "Authorized"), WAITS: 31}, {}),
        ({STARTS: "PowerPathClosed", STOPS: "Authorized"}, {"ConnectionTimeOut": "2"}),
        ({STOPS: "EVConnected"}, {"StopTransactionOnEVSideDisconnect": "false"}),
        ({STARTS: "EVConnected,PowerPathClosed", STOPS: "EVConnected"}, {}),
        ({STARTS: "Authorized", STOPS: "EVConnected", WAITS: 3}, {"ConnectionTimeOut": "9"}),
        ({}, {"StopTransactionOnInvalidId": "false", "ConnectionTimeOut": "2"}),
        ({STARTS: "EVConnected", "TxCtrlr.StopTxOnInvalidId": False}, {}),
        (
            {"TxCtrlr.MaxEnergyOnInvalidId": 500},
            {"StopTransactionOnInvalidId": "false", "MaxEnergyOnInvalidId": "500"},
        ),
    )
]
"""What models may say of when transactions begin and end, and of drivers who are refused."""


@pytest.mark.parametrize("versions", VERSIONS, ids="+".join)
@settings(RELAXED, max_examples=30)
@given(st.data())
def test_where_transactions_begin_and_end_is_foreseen(kit, scenario, versions, data):
    plain = data.draw(st.booleans())
    manners = [Manner.PLAIN] if plain else list(Manner)
    world = data.draw(worlds(kit, versions, manners=manners, presets=st.sampled_from(PRESETS)))
    network, engine, _, how = plan_of(kit, scenario, world, data.draw(st.integers(0, 9)))
    plan = build_live_plan(scenario, network, engine, **how)
    assume(not cut_by_the_end(plan, 0.3))
    latency = data.draw(st.sampled_from([0.0, 0.05]))
    lag = latency / 16.0
    drive = kit.Drive(plan, kit.Csms(latency, heartbeat=60), connects=latency, late=lambda _: lag)
    prediction = check(kit, scenario, plan, drive.run(drain=0.0), 60, exact_samples=not latency)
    assert drive.deviations.counts == {}
    assert prediction.notes == ()


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("preset", [{}, *PRESETS], ids=str)
@pytest.mark.parametrize(("aligned", "beat"), [(1.0, 3600), (0.0, 5)])
def test_every_manner_is_counted_to_the_message(kit, scenario, version, preset, aligned, beat):
    """One station for each manner, on an instant CSMS, that speaks often enough to tell."""
    kind = kit.model(meter_interval=7.0, clock_aligned_interval=aligned, **preset)
    caps = [(14.2, 11.0), (55.4, 0.0), (75.5, 11.0)]
    stays = [kit.Stay(evse, 14.2, 102.2, 97.6, caps, manner=who) for evse, who in enumerate(Manner)]
    site = kit.site("yard", [kind] * len(Manner), versions=(version,))
    network, engine = kit.made_up([(site, stays)], 400.0)
    how = {"from_s": 0.0, "speed": 1.0, "run_s": 149.5, "connect_due": np.zeros(len(Manner))}
    plan = build_live_plan(scenario, network, engine, **how)
    drive = kit.Drive(plan, kit.Csms(heartbeat=beat))
    for station in drive.stations:  # whose clocks are right
        station.station.settings = replace(station.station.settings, clock_spread_s=0.0)
    drive.run(drain=0.0)
    right = load_scenario("city-launch", sets=["live.clock_spread=0s"])
    prediction = predict_live(right, [plan], heartbeat_s=beat, epoch_at_zero=drive.csms.epoch)
    predicted = prediction.station_totals().values()
    for who, counted, sent in zip(Manner, predicted, drive.sent().values(), strict=True):
        assert (who, {action: n for action, n in counted.items() if n}) == (who, sent)
    assert drive.deviations.counts == {}
