"""Stations that are switched off and on again during a run: in good order, and as predicted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.fleet.liveplan import build_live_plan, split
from simulator.fleet.predict import predict_live
from simulator.fleet.rules import LEAVE_AT_MOST_S, LEAVE_S, SPELL_S
from simulator.fleet.stages import Stage, station_spells
from simulator.fleet.switching import Switch
from simulator.station.ports import CallOutcome

EXACT = (
    "BootNotification",
    "Authorize",
    "StartTransaction",
    "StopTransaction",
    "StatusNotification",
)
RELAXED = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
RUN_S = 240.0
STAGES = {
    "down": [Stage(10.0, 6), Stage(100.0), Stage(20.0, 1), Stage(110.0)],
    "spikes": [
        *[Stage(2.0, 2), Stage(38.0), Stage(2.0, 6), Stage(38.0)],
        *[Stage(2.0, 2), Stage(78.0), Stage(2.0, 6), Stage(78.0)],
    ],
    "waves": [Stage(0.0, 3), Stage(120.0, swing=3), Stage(120.0, swing=2)],
    "all off": [Stage(0.0, 6), Stage(100.0), Stage(0.0, 0), Stage(40.0), Stage(0.0, 6), Stage(100)],
}


def world(kit, draw, versions):
    """Two sites of three stations, each EVSE with cars one after the other."""
    sites = []
    for number in range(2):
        kinds = [
            kit.model(
                evses=draw(st.integers(1, 2)),
                meter_interval=draw(st.sampled_from([0.0, 7.0, 60.0])),
                clock_aligned_interval=draw(st.sampled_from([0.0, 30.0])),
            )
            for _ in range(3)
        ]
        stays = []
        for evse in range(sum(kind.evses for kind in kinds)):
            at = draw(st.floats(0.0, 60.0))
            for _ in range(draw(st.integers(0, 4))):
                length = draw(st.sampled_from([3.0, 30.0, 90.0, 300.0]))
                stays.append(kit.Stay(evse, at, at + length, at + 0.7 * length))
                at += length + draw(st.sampled_from([0.0, 12.0]))
        sites.append((kit.site(f"s{number}", kinds, "local", versions), stays))
    return kit.made_up(sites, 4000.0)


def planned(scenario, network, engine, stages, sites=None):
    names = [(s.site, s.ordinal) for site in network.sites for s in site.stations]
    found = station_spells(stages, 11, names)
    return build_live_plan(
        scenario,
        network,
        engine,
        from_s=0.0,
        speed=1.0,
        run_s=RUN_S,
        connect_due=found.first_on_s,
        spells=found,
        sites=sites,
    )


@pytest.mark.parametrize("stages", STAGES.values(), ids=list(STAGES))
@pytest.mark.parametrize("versions", [("1.6",), ("2.0.1", "1.6")], ids="+".join)
@RELAXED
@given(st.data())
def test_what_stations_send_that_come_and_go_is_what_was_predicted(
    kit, scenario, versions, stages, data
):
    network, engine = world(kit, data.draw, versions)
    plan = planned(scenario, network, engine, stages)
    latency = data.draw(st.sampled_from([0.0, 0.05]))
    drive = kit.Drive(plan, kit.Csms(latency, heartbeat=20)).run()
    prediction = predict_live(scenario, [plan], heartbeat_s=20, epoch_at_zero=drive.csms.epoch)
    predicted, sent = prediction.station_totals(), drive.sent()
    sessions = np.bincount(plan.stays.station, minlength=plan.stations)
    spells = np.diff(plan.spells.before(RUN_S).offset)
    for index, name in enumerate(plan.ids):
        for action in EXACT:
            pair = sent[name].get(action, 0), predicted[name].get(action, 0)
            assert pair[0] == pair[1], (name, action, pair, drive.csms.actions(index))
        slack = int(sessions[index] + spells[index])
        aligned = plan.spec(index).kind.clock_aligned_interval > 0.0
        if aligned:
            # Each station's clock is off by some seconds: at either end of a spell one reading of
            # every EVSE may be on the other side of it.
            slack += 2 * int(spells[index]) * plan.spec(index).evses
        # Clock-aligned readings put heartbeats off, which the prediction does not count.
        loose = ("MeterValues", "TransactionEvent", *([] if aligned else ["Heartbeat"]))
        for action in loose:
            gap = sent[name].get(action, 0) - predicted[name].get(action, 0)
            assert abs(gap) <= slack, (name, action, gap)
    assert drive.deviations.counts == {}
    assert set(drive.watch.outcomes) <= {CallOutcome.ANSWERED}


@RELAXED
@given(st.data(), st.sampled_from(sorted(STAGES)))
def test_a_station_is_silent_while_it_is_off_and_leaves_nothing_running(kit, scenario, data, which):
    network, engine = world(kit, data.draw, ("1.6",))
    plan = planned(scenario, network, engine, STAGES[which])
    drive = kit.Drive(plan, kit.Csms(0.05, heartbeat=20)).run()
    running = {}
    for now, station, action, _ in drive.csms.frames:
        on = [(a, b) for a, b in plan.spells.of(station) if a <= now <= b + 0.2]
        assert on, (plan.ids[station], now, action, plan.spells.of(station))
        running[station] = running.get(station, 0)
        running[station] += (action == "StartTransaction") - (action == "StopTransaction")
    assert not any(running.values())


def test_a_visit_that_outlasts_the_dark_goes_on_at_the_charge_that_the_plan_has(kit, scenario):
    site = kit.site("s", [kit.model()])
    network, engine = kit.made_up([(site, [kit.Stay(0, 0.0, 220.0, soc=0.2)])], 4000.0)
    stages = [Stage(0.0, 1), Stage(100.0), Stage(0.0, 0), Stage(50.0), Stage(0.0, 1), Stage(90.0)]
    plan = planned(scenario, network, engine, stages)
    assert plan.stays.start_s.tolist() == [2.0, 152.0]
    assert plan.stays.stop_s.tolist() == [100.0 - LEAVE_S, 220.0]
    assert plan.cars.soc[0] < plan.cars.soc[1] and len(set(plan.cars.turn.tolist())) == 1


def test_the_plan_of_one_shard_is_that_of_several(kit, scenario):
    sites = [
        (kit.site(f"s{n}", [kit.model(), kit.model()]), [kit.Stay(0, 5.0, 180.0)]) for n in range(4)
    ]
    network, engine = kit.made_up(sites, 4000.0)
    stages = [Stage(5.0, 8), Stage(60.0), Stage(20.0, 2), Stage(20.0, 8), Stage(135.0)]
    whole = planned(scenario, network, engine, stages)
    parts = [planned(scenario, network, engine, stages, group) for group in split(network, 8)]
    assert len(parts) == 4
    for part in parts:
        for local, place in enumerate(part.station_index.tolist()):
            assert part.spells.of(local) == whole.spells.of(place)
            mine = part.stays.station == local
            other = whole.stays.station == place
            assert part.stays.start_s[mine].tolist() == whole.stays.start_s[other].tolist()
    together = predict_live(scenario, [whole], heartbeat_s=60)
    apart = predict_live(scenario, parts, heartbeat_s=60)
    assert np.array_equal(together.series, apart.series)


def test_a_station_waits_a_while_for_what_it_has_sent_and_is_back_in_time(kit, scenario):
    """A CSMS that never answers StopTransaction: the message is told again after the dark."""
    site = kit.site("s", [kit.model(meter_interval=0.0)])
    network, engine = kit.made_up([(site, [kit.Stay(0, 0.0, 220.0)])], 4000.0)
    stages = [Stage(0.0, 1), Stage(60.0), Stage(0.0, 0), Stage(50.0), Stage(0.0, 1), Stage(130.0)]
    plan = planned(scenario, network, engine, stages)
    csms = kit.Csms(0.01, slow={"StopTransaction": 8.0})
    drive = kit.Drive(plan, csms).run(drain=20.0)
    boots = [now for now, _, action, _ in csms.frames if action == "BootNotification"]
    assert boots == [0.0, 110.0]
    stops = [now for now, _, action, _ in csms.frames if action == "StopTransaction"]
    assert stops[0] == pytest.approx(60.0 - LEAVE_S) and 110.0 < stops[1] < 112.0
    assert drive.watch.outcomes[CallOutcome.CONNECTION_LOST] == 1


def test_a_switch_gives_way_to_the_next_moment():
    switch = Switch([10.0, 12.0, 40.0])
    assert (switch.due, switch.off) == (10.0, False)
    switch.leave(10.0)
    assert switch.leaving and switch.due == 12.0 - SPELL_S / 2.0
    switch.turn()
    assert (switch.due, switch.off, switch.leaving) == (12.0, True, False)
    switch.turn()
    switch.leave(40.0)
    assert switch.due == 40.0 + LEAVE_AT_MOST_S
    switch.turn()
    assert switch.off and switch.due == np.inf
