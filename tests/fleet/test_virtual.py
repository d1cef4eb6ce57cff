"""A virtual station plays its plan: who comes when, what is sent, what the meter shows."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from simulator.demand.visits import Manner
from simulator.fleet.liveplan import build_live_plan
from simulator.fleet.rules import PACK_EMPTY_V, PACK_FULL_V, SLACK_S
from simulator.fleet.stages import close_due
from simulator.station.ports import CallOutcome


@pytest.fixture
def play(kit, scenario):
    """Play the sessions of one station at speed 1 from plan second 0 on."""

    def make(stays, run_s=100.0, due=0.0, csms=None, kind=None, control="local", **how):
        site = kit.site("yard", [kind or kit.model()], control)
        network, engine = kit.made_up([(site, stays)], 10_000.0)
        plan = build_live_plan(
            scenario,
            network,
            engine,
            from_s=0.0,
            speed=1.0,
            run_s=run_s,
            connect_due=np.array([due]),
        )
        return kit.Drive(plan, csms or kit.Csms(), **how)

    return make


def entry(drive, number=0):
    return list(drive.watch)[number]


# -- the course of a visit --


def test_one_visit_from_plug_to_unplug(kit, play):
    drive = play([kit.Stay(0, 10.0, 50.0, 40.0)]).run()
    assert drive.csms.actions(0) == [
        "BootNotification",
        "StatusNotification",
        "StatusNotification",
        "StatusNotification",
        "Authorize",
        "StartTransaction",
        "StatusNotification",
        "StatusNotification",
        "StopTransaction",
        "StatusNotification",
        "StatusNotification",
    ]
    assert drive.csms.statuses(0, 1) == [
        "Available",
        "Preparing",
        "Charging",
        "SuspendedEV",
        "Finishing",
        "Available",
    ]
    assert [when for when, _, action, _ in drive.csms.frames if action == "StopTransaction"] == [50]
    assert not drive.deviations.counts
    assert entry(drive).reason == "Local"


def test_a_pause_by_the_site_limit_is_suspended_evse_without_energy(kit, play):
    caps = [(10.0, 11.0), (20.0, 0.0), (30.0, 11.0)]
    drive = play([kit.Stay(0, 10.0, 50.0, caps=caps)]).run()
    assert drive.csms.statuses(0, 1)[2:5] == ["Charging", "SuspendedEVSE", "Charging"]
    energy = entry(drive).meter_stop_wh - entry(drive).meter_start_wh
    assert energy == pytest.approx(11_000.0 * 30.0 / 3600.0)


def test_a_car_may_begin_with_a_pause(kit, play):
    drive = play([kit.Stay(0, 10.0, 50.0, caps=[(10.0, 0.0), (30.0, 11.0)])]).run()
    assert drive.csms.statuses(0, 1)[1:4] == ["Preparing", "SuspendedEVSE", "Charging"]


def test_a_car_that_wants_nothing_takes_nothing(kit, play):
    drive = play([kit.Stay(0, 10.0, 50.0, full=10.0)]).run()
    assert drive.csms.statuses(0, 1)[1:4] == ["Preparing", "SuspendedEV", "Finishing"]
    assert entry(drive).meter_stop_wh == entry(drive).meter_start_wh


def test_the_next_car_comes_the_moment_the_last_one_leaves(kit, play):
    drive = play([kit.Stay(0, 10.0, 30.0), kit.Stay(0, 30.0, 60.0)]).run()
    assert drive.csms.statuses(0, 1) == [
        "Available",
        *["Preparing", "Charging", "Finishing", "Available"] * 2,
    ]
    assert [when for _, _, _, when in drive.watch.begun] == [10.0, 30.0]
    first, second = drive.watch
    assert second.meter_start_wh == first.meter_stop_wh


def test_nobody_comes_before_the_station_is_operational(kit, play):
    drive = play([kit.Stay(0, 1.0, 60.0), kit.Stay(0, 70.0, 80.0)], due=20.0).run()
    assert [when for _, _, _, when in drive.watch.begun] == [22.0, 70.0]


def test_the_end_of_the_run_ends_every_visit(kit, play):
    drive = play([kit.Stay(0, 10.0, 5000.0), kit.Stay(1, 20.0)], kind=kit.model(evses=2)).run()
    assert [e.stop_s for e in drive.watch] == [close_due(100.0, 1)[0]] * 2
    assert drive.csms.statuses(0, 1)[-1] == drive.csms.statuses(0, 2)[-1] == "Available"
    assert drive.watch.outcomes == {CallOutcome.ANSWERED: len(drive.csms.frames)}


def test_everything_is_stopped_on_request_and_nobody_else_comes(kit, play):
    drive = play([kit.Stay(0, 10.0, 90.0), kit.Stay(0, 95.0, 99.0)])
    drive.at(40.0, "call", 0, lambda station, now: station.stop_all(now))
    drive.at(41.0, "call", 0, lambda station, now: station.stop_all(now))
    drive.run()
    assert [(e.stop_s, e.reason) for e in drive.watch] == [(40.0, "Local")]
    assert drive.csms.statuses(0, 1)[-2:] == ["Finishing", "Available"]
    assert not drive.deviations.counts


def test_a_run_that_ends_censors_what_is_open(kit, play):
    drive = play([kit.Stay(0, 10.0, 90.0)], csms=kit.Csms(slow={"StartTransaction": 1e6}))
    drive.call_timeout = 1e9
    drive.run()
    assert drive.watch.outcomes[CallOutcome.CENSORED] > 0
    assert drive.stations[0].next_deadline == float("inf")


# -- the meter --


def values(frame):
    """{measurand: number} of one MeterValues request; with a phase {measurand.phase: number}."""
    sampled = frame["meterValue"][0]["sampledValue"]
    return {
        ".".join(filter(None, (value["measurand"], value.get("phase")))): float(value["value"])
        for value in sampled
    }


def meter_values(drive):
    return [
        values(payload) for _, _, action, payload in drive.csms.frames if action == "MeterValues"
    ]


FULL = ("Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage", "SoC")


def test_an_ac_meter_reads_power_current_per_phase_and_mains_voltage(kit, play):
    kind = kit.model(measurands=FULL, meter_interval=10.0)
    drive = play([kit.Stay(0, 10.0, 50.0, caps=[(10.0, 6.9)], phases=1)], kind=kind).run()
    assert len(meter_values(drive)) == 3
    for read in meter_values(drive):
        assert read["Power.Active.Import"] == 6900
        assert [read[f"Current.Import.{x}"] for x in ("L1", "L2", "L3", "N")] == [30, 0, 0, 30]
        assert [read[f"Power.Active.Import.L{n}"] for n in (1, 2, 3)] == [6900, 0, 0]
        assert [read[f"Voltage.L{n}-N"] for n in (1, 2, 3)] == [230.0] * 3
        assert "SoC" not in read


def test_a_three_phase_car_draws_a_third_on_each_phase(kit, play):
    kind = kit.model(measurands=FULL, meter_interval=10.0)
    drive = play([kit.Stay(0, 10.0, 50.0, caps=[(10.0, 6.9)])], kind=kind).run()
    read = meter_values(drive)[0]
    assert [read[f"Current.Import.{x}"] for x in ("L1", "L2", "L3", "N")] == [10, 10, 10, 0]
    assert [read[f"Power.Active.Import.L{n}"] for n in (1, 2, 3)] == [2300] * 3


def test_the_main_meter_adds_up_what_the_cars_draw_on_each_phase(kit, play):
    kind = kit.model(evses=2, measurands=FULL, meter_interval=0.0, clock_aligned_interval=60.0)
    one = kit.Stay(0, 10.0, 200.0, caps=[(10.0, 6.9)], phases=1)
    three = kit.Stay(1, 10.0, 200.0, caps=[(10.0, 6.9)])
    drive = play([one, three], kind=kind).run()
    (main, *_) = [
        values(p)
        for t, _, action, p in drive.csms.frames
        if action == "MeterValues" and p["connectorId"] == 0 and t > 20.0
    ]
    assert [main[f"Current.Import.{x}"] for x in ("L1", "L2", "L3", "N")] == [40, 10, 10, 30]
    assert main["Power.Active.Import"] == 13_800
    assert sum(main[f"Power.Active.Import.L{n}"] for n in (1, 2, 3)) == 13_800


def test_the_main_meter_of_a_dc_station_reads_the_mains(kit, play):
    kind = kit.model("dc", evses=2, measurands=FULL, clock_aligned_interval=60.0)
    drive = play([kit.Stay(1, 10.0, 200.0, limit=69.0, curve=1, battery=90.0)], kind=kind).run()
    (main, *_) = [
        values(p)
        for t, _, action, p in drive.csms.frames
        if action == "MeterValues" and p["connectorId"] == 0 and t > 20.0
    ]
    assert main["Voltage"] == 230.0 and "SoC" not in main
    assert main["Power.Active.Import"] == pytest.approx(main["Current.Import"] * 690.0, rel=0.01)


def test_a_dc_meter_reads_the_pack_and_its_state_of_charge(kit, play):
    kind = kit.model("dc", measurands=FULL, meter_interval=60.0)
    stay = kit.Stay(0, 10.0, 900.0, limit=120.0, curve=1, soc=0.5, target=1.0, battery=50.0)
    drive = play([stay], run_s=1000.0, kind=kind).run()
    reads = meter_values(drive)
    socs = [read["SoC"] for read in reads]
    assert socs == sorted(socs) and socs[0] > 50 and socs[-1] > 80
    powers = [read["Power.Active.Import"] for read in reads]
    assert powers[0] == pytest.approx(100_000, rel=0.1) and powers[-1] < powers[0] / 2
    for read in reads:
        assert PACK_EMPTY_V < read["Voltage"] < PACK_FULL_V
        expected = read["Power.Active.Import"] * 0.9 / read["Voltage"]
        assert read["Current.Import"] == pytest.approx(expected, abs=0.1)


def test_the_register_never_falls_and_is_not_rebased(kit, play):
    kind = kit.model(evses=2, meter_interval=7.0)
    stays = [kit.Stay(e, t, t + 20.0) for t in (5.0, 30.0, 60.0) for e in (0, 1)]
    drive = play(stays, kind=kind)
    readings = {1: [], 2: [], 0: []}
    for t in np.arange(0.5, 99.0, 0.5):
        for evse, seen in readings.items():
            drive.at(
                float(t),
                "call",
                0,
                lambda station, now, e=evse, s=seen: s.append(station.register_wh(now, e)),
            )
    drive.run()
    for seen in readings.values():
        assert all(a <= b for a, b in pairwise(seen))
        assert seen[0] > 0.0 or seen is readings[0]
    total = [a + b for a, b in zip(readings[1], readings[2], strict=True)]
    assert readings[0] == pytest.approx(total)
    assert readings[1][-1] - readings[1][0] == pytest.approx(3 * 20 * 11_000 / 3600)


def test_power_of_the_main_meter_is_the_sum(kit, play):
    drive = play([kit.Stay(0, 5.0, 50.0), kit.Stay(1, 6.0, 50.0)], kind=kit.model(evses=2))
    seen = {}

    def look(station, now):
        seen["all"] = station.power_w(now, 0)
        seen["each"] = [station.power_w(now, e) for e in (1, 2)]
        seen["amps"] = station.current_a(now, 0)
        seen["soc"] = station.soc_percent(now, 0)

    drive.at(20.0, "call", 0, look)
    drive.run()
    assert seen["each"] == pytest.approx([11_000, 11_000])
    assert seen["all"] == pytest.approx(22_000)
    assert seen["amps"] == pytest.approx(22_000 / 690)
    assert seen["soc"] is None


def test_no_energy_flows_before_the_authorisation(kit, play):
    drive = play([kit.Stay(0, 10.0, 50.0)], csms=kit.Csms(latency=1.0)).run()
    begun = drive.watch.begun[0][3]
    assert begun == pytest.approx(12.0)  # Preparing and Authorize each take a second
    energy = entry(drive).meter_stop_wh - entry(drive).meter_start_wh
    assert energy == pytest.approx(11_000.0 * (50.0 - begun) / 3600.0)


# -- what the CSMS does --


def tokens_of(play, stays, **how):
    drive = play(stays, **how)
    plan = next(drive.plan.plans())
    return [plan.token(row) for row in range(*plan.stays(1))]


def test_a_refused_token_costs_the_driver_the_charge_but_nobody_else_anything(kit, play):
    stays = [kit.Stay(0, 10.0, 30.0), kit.Stay(0, 40.0, 60.0)]
    first, _ = tokens_of(play, stays)
    drive = play(stays, csms=kit.Csms(refused=[first])).run()
    assert [when for _, _, _, when in drive.watch.begun] == [40.0]
    assert drive.deviations.counts == {"not_started": 1}
    (row,) = drive.deviations.rows
    assert (row.at_s, row.evse, row.kind) == (30.0, 1, "not_started")
    assert drive.csms.statuses(0, 1).count("Preparing") == 2


def test_a_remote_stop_ends_the_charge_and_the_car_leaves_as_planned(kit, play):
    drive = play([kit.Stay(0, 10.0, 60.0, caps=[(10.0, 11.0), (40.0, 0.0)])])
    stop = json.dumps([2, "x1", "RemoteStopTransaction", {"transactionId": 1}]).encode()
    drive.at(30.0, "receive", 0, stop)
    drive.run()
    assert drive.deviations.counts == {"stopped_early": 1}
    assert (entry(drive).reason, entry(drive).stop_s) == ("Remote", 30.0)
    assert drive.csms.statuses(0, 1)[-2:] == ["Finishing", "Available"]
    freed = [w for w, _, a, p in drive.csms.frames if p.get("status") == "Available"]
    assert freed[-1] == 60.0
    assert drive.csms.actions(0).count("Authorize") == 1


def test_a_start_that_is_refused_afterwards_is_an_early_stop(kit, play):
    csms = kit.Csms()
    csms.StartTransaction = lambda *_: {"transactionId": 5, "idTagInfo": {"status": "Blocked"}}
    drive = play([kit.Stay(0, 10.0, 60.0)], csms=csms).run()
    assert drive.deviations.counts == {"stopped_early": 1}
    assert entry(drive).reason == "DeAuthorized"
    assert drive.csms.statuses(0, 1)[-1] == "Available"


def test_an_answer_within_the_slack_changes_nothing_that_is_sent(kit, play):
    stay = kit.Stay(0, 10.0, 50.0, full=49.0)
    prompt = play([stay]).run()
    slow = play([stay], csms=kit.Csms(slow={"Authorize": SLACK_S - 1.0})).run()
    assert slow.csms.actions(0) == prompt.csms.actions(0)
    assert slow.csms.statuses(0, 1) == prompt.csms.statuses(0, 1)
    assert not slow.deviations.counts


def test_a_charge_that_began_far_too_late_is_worked_out_anew(kit, play):
    # 1 kWh at 11 kW (grid side 1.11 kWh) takes 364 s: done at 374 s as planned, too late at 900 s.
    full = 10.0 + 3600.0 * 1.0 / 0.9 / 11.0
    stay = kit.Stay(0, 10.0, 500.0, full=full, soc=0.5, target=0.6, battery=10.0)
    drive = play([stay], run_s=600.0, csms=kit.Csms(slow={"Authorize": 100.0}), call_timeout=400.0)
    drive.run()
    assert drive.deviations.counts == {"late_start": 1}
    suspended = [w for w, _, _, p in drive.csms.frames if p.get("status") == "SuspendedEV"]
    assert suspended == pytest.approx([full + 100.0])
    energy = entry(drive).meter_stop_wh - entry(drive).meter_start_wh
    assert energy == pytest.approx(1000.0 / 0.9)


def test_a_driver_waits_a_little_at_the_reader_when_the_stay_is_over(kit, play):
    drive = play([kit.Stay(0, 10.0, 12.0)], csms=kit.Csms(slow={"Authorize": 4.0})).run()
    assert not drive.deviations.counts
    assert (entry(drive).start_s, entry(drive).stop_s) == (14.0, 14.0)
    assert drive.csms.statuses(0, 1)[-1] == "Available"


def test_a_driver_who_waited_in_vain_leaves(kit, play):
    stays = [kit.Stay(0, 10.0, 12.0), kit.Stay(0, 40.0, 60.0)]
    csms = kit.Csms(slow={"Authorize": 20.0})
    drive = play(stays, csms=csms).run()
    assert drive.deviations.counts["not_started"] == 1
    assert drive.deviations.rows[0].at_s == 12.0 + SLACK_S
    assert [when for _, _, _, when in drive.watch.begun] == [60.0]


def test_a_late_acceptance_makes_visits_begin_late_or_not_at_all(kit, play):
    stays = [kit.Stay(0, 5.0, 15.0), kit.Stay(0, 16.0, 60.0)]
    drive = play(stays, csms=kit.Csms(slow={"BootNotification": 30.0}), call_timeout=60.0).run()
    assert drive.deviations.counts == {"missed": 1, "late_begin": 1, "late_start": 1}
    assert [
        (when, e.stop_s) for (_, _, _, when), e in zip(drive.watch.begun, drive.watch, strict=True)
    ] == [(30.0, 60.0)]


def test_a_short_visit_is_played_whole_if_the_acceptance_is_hardly_late(kit, play):
    drive = play([kit.Stay(0, 0.0, 3.2)], csms=kit.Csms(slow={"BootNotification": 4.0})).run()
    assert not drive.deviations.counts
    assert [(e.start_s, e.stop_s) for e in drive.watch] == [(4.0, 4.0)]
    assert drive.csms.statuses(0, 1) == [
        "Available",
        "Preparing",
        "Charging",
        "Finishing",
        "Available",
    ]


def test_a_lost_connection_changes_neither_arrivals_nor_energy(kit, play):
    stays = [kit.Stay(0, 10.0, 30.0), kit.Stay(0, 40.0, 90.0)]
    steady = play(stays, run_s=200.0).run()
    drive = play(stays, run_s=200.0)
    drive.at(20.0, "disconnected", 0, "gone")
    drive.run()
    assert not drive.deviations.counts
    assert drive.csms.actions(0).count("BootNotification") == 1
    for mine, other in zip(drive.watch, steady.watch, strict=True):
        assert (mine.start_s, mine.stop_s) == (other.start_s, other.stop_s)
        assert mine.meter_stop_wh == pytest.approx(other.meter_stop_wh)
    assert drive.watch.counts().unacknowledged == 0


def test_a_remote_start_takes_the_next_car_and_is_a_deviation(kit, play):
    drive = play([kit.Stay(0, 50.0, 90.0)])
    start = {"idTag": "SOMEBODY", "connectorId": 1}
    drive.at(20.0, "receive", 0, json.dumps([2, "x1", "RemoteStartTransaction", start]).encode())
    drive.run()
    # The remote token waits for a plug, so the planned car's plug begins its transaction.
    assert drive.deviations.counts == {"unplanned_start": 1}
    assert [(e.token, e.start_s, e.reason) for e in drive.watch] == [
        ("SOMEBODY", 50.0, "EVDisconnected")
    ]
    assert drive.csms.statuses(0, 1)[-1] == "Available"
    freed = [w for w, _, a, p in drive.csms.frames if p.get("status") == "Available"]
    assert freed[-1] == 90.0


@pytest.mark.parametrize(
    ("when", "happened", "begun"),
    [
        (20.0, {"stopped_early": 1}, [10.0, 60.0]),
        (55.0, {}, [10.0, 65.0]),
        (52.0, {"late_begin": 1, "late_start": 1}, [10.0, 62.0]),
    ],
)
def test_a_reset_in_the_middle_leaves_the_plan_in_order(kit, play, when, happened, begun):
    stays = [kit.Stay(0, 10.0, 50.0), kit.Stay(0, 56.0 if when == 52.0 else 60.0, 90.0)]
    drive = play(stays, run_s=120.0)
    drive.at(when, "receive", 0, json.dumps([2, "x1", "Reset", {"type": "Hard"}]).encode())
    drive.run()
    assert drive.csms.actions(0).count("BootNotification") == 2
    assert drive.csms.statuses(0, 1)[-1] == "Available"
    assert drive.deviations.counts == happened
    assert [when for _, _, _, when in drive.watch.begun] == begun
    assert list(drive.watch)[-1].stop_s == 90.0


# -- tokens --


def test_the_drivers_of_an_evse_take_turns(kit, play):
    stays = [kit.Stay(0, 10.0 * k, 10.0 * k + 5.0) for k in range(1, 10)]
    tokens = tokens_of(play, stays)
    assert len(set(tokens)) == 4
    assert tokens[:4] == tokens[4:8]
    assert all(0 < len(token) <= 20 for token in tokens)


# -- drivers who do not do what they should --


def told(drive):
    """(seconds, action or status) of connector 1, from the first visit on."""
    return [
        (when, payload.get("status", action))
        for when, _, action, payload in drive.csms.frames[3:]
        if action != "MeterValues"
    ]


def test_who_pulls_the_plug_ends_the_transaction_without_a_token(kit, play):
    drive = play([kit.Stay(0, 10.0, 50.0, manner=Manner.PULLS)]).run()
    assert (entry(drive).reason, entry(drive).stop_s) == ("EVDisconnected", 50.0)
    (stop,) = [p for _, _, action, p in drive.csms.frames if action == "StopTransaction"]
    assert "idTag" not in stop
    assert not drive.deviations.counts


def test_a_locked_cable_is_stopped_first(kit, play):
    kind = kit.model(configuration={"StopTransactionOnEVSideDisconnect": "false"})
    drive = play([kit.Stay(0, 10.0, 50.0, manner=Manner.PULLS)], kind=kind).run()
    assert (entry(drive).reason, entry(drive).stop_s) == ("Local", 50.0)


def test_who_taps_twice_has_two_transactions(kit, play):
    caps = [(10.0, 11.0), (30.0, 0.0)]
    drive = play([kit.Stay(0, 10.0, 50.0, caps=caps, manner=Manner.TAPS_TWICE)]).run()
    assert told(drive) == [
        (10.0, "Preparing"),
        (10.0, "Authorize"),
        (10.0, "StartTransaction"),
        (10.0, "Charging"),
        (11.5, "StopTransaction"),
        (11.5, "Finishing"),
        (13.0, "Authorize"),
        (13.0, "Preparing"),
        (13.0, "StartTransaction"),
        (13.0, "Charging"),
        (30.0, "SuspendedEVSE"),
        (50.0, "StopTransaction"),
        (50.0, "Finishing"),
        (50.0, "Available"),
    ]
    drawn = [e.meter_stop_wh - e.meter_start_wh for e in drive.watch]
    assert drawn == pytest.approx([11_000 * 1.5 / 3600, 11_000 * 17.0 / 3600])
    assert not drive.deviations.counts


def test_who_taps_twice_begins_anew_as_the_first_transaction_left_it(kit, play):
    caps = [(10.0, 0.0), (11.0, 11.0)]
    drive = play([kit.Stay(0, 10.0, 50.0, caps=caps, manner=Manner.TAPS_TWICE)]).run()
    states = [what for _, what in told(drive) if what[0] in "CS" and what != "StartTransaction"]
    assert states == ["SuspendedEVSE", "Charging", "StopTransaction", "Charging", "StopTransaction"]


def test_a_second_tap_waits_until_there_is_something_to_stop(kit, play):
    stay = kit.Stay(0, 10.0, 50.0, manner=Manner.TAPS_TWICE)
    drive = play([stay], csms=kit.Csms(slow={"Authorize": 4.0})).run()
    assert [e.start_s for e in drive.watch] == [14.0, 21.0]
    assert drive.csms.statuses(0, 1)[-1] == "Available"


def test_a_wrong_token_is_refused_and_its_driver_leaves(kit, play):
    drive = play([kit.Stay(0, 10.0, 30.0, manner=Manner.REFUSED), kit.Stay(0, 40.0, 60.0)]).run()
    assert told(drive)[:3] == [(10.0, "Preparing"), (10.0, "Authorize"), (30.0, "Available")]
    (wrong, right) = [p["idTag"] for _, _, a, p in drive.csms.frames if a == "Authorize"]
    assert wrong.startswith("CSX") and right.startswith("CSW")
    assert [e.start_s for e in drive.watch] == [40.0]
    assert not drive.deviations.counts


@pytest.mark.parametrize("manner", [Manner.REFUSED_AT_FIRST, Manner.EXPIRED_AT_FIRST])
def test_who_has_another_token_charges_with_it(kit, play, manner):
    drive = play([kit.Stay(0, 10.0, 50.0, manner=manner)]).run()
    assert told(drive) == [
        (10.0, "Preparing"),
        (10.0, "Authorize"),
        (13.5, "Authorize"),
        (13.5, "StartTransaction"),
        (13.5, "Charging"),
        (50.0, "StopTransaction"),
        (50.0, "Finishing"),
        (50.0, "Available"),
    ]
    bad, good = [p["idTag"] for _, _, a, p in drive.csms.frames if a == "Authorize"]
    assert bad != good
    (start,) = [p["idTag"] for _, _, a, p in drive.csms.frames if a == "StartTransaction"]
    assert start == good
    assert not drive.deviations.counts


def test_another_token_waits_until_the_first_one_is_refused(kit, play):
    stay = kit.Stay(0, 10.0, 50.0, manner=Manner.BLOCKED_AT_FIRST)
    drive = play([stay], csms=kit.Csms(slow={"Authorize": 5.0})).run()
    asked = [when for when, _, action, _ in drive.csms.frames if action == "Authorize"]
    assert asked == [10.0, 17.0]
    assert [e.start_s for e in drive.watch] == [22.0]


@pytest.mark.parametrize("manner", [Manner.BLOCKED, Manner.BLOCKED_AT_FIRST])
def test_a_first_token_that_is_accepted_is_a_deviation(kit, play, manner):
    csms = kit.Csms()
    csms._info = lambda payload: {"status": "Accepted"}
    drive = play([kit.Stay(0, 10.0, 30.0, manner=manner)], csms=csms).run()
    assert drive.deviations.counts == {"not_refused": 1}
    assert csms.actions(0).count("Authorize") == 1
    assert (entry(drive).reason, entry(drive).stop_s) == ("Local", 30.0)


def test_a_wrong_token_that_is_accepted_is_a_deviation(kit, play):
    csms = kit.Csms()
    csms._info = lambda payload: {"status": "Accepted"}
    drive = play([kit.Stay(0, 10.0, 30.0, manner=Manner.REFUSED)], csms=csms).run()
    assert drive.deviations.counts == {"not_refused": 1}
    assert (entry(drive).reason, entry(drive).stop_s) == ("Local", 30.0)


@pytest.mark.parametrize(("stop", "freed"), [(90.0, 70.0), (30.0, 30.0)])
def test_who_walks_away_leaves_a_token_until_connection_time_out(kit, play, stop, freed):
    stays = [kit.Stay(0, 10.0, stop, manner=Manner.WALKS_AWAY), kit.Stay(0, 100.0, 120.0)]
    drive = play(stays, run_s=200.0).run()
    assert told(drive)[:3] == [(10.0, "Authorize"), (10.0, "Preparing"), (freed, "Available")]
    assert [e.start_s for e in drive.watch] == [100.0]
    assert not drive.deviations.counts


def test_the_end_of_the_run_frees_what_somebody_walked_away_from(kit, play):
    drive = play([kit.Stay(0, 10.0, manner=Manner.WALKS_AWAY)])
    drive.at(30.0, "call", 0, lambda station, now: station.stop_all(now))
    drive.run()
    assert drive.csms.statuses(0, 1) == ["Available", "Preparing", "Available"]
