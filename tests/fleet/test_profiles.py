"""Charging profiles of the CSMS reach the car: power, energy, status, and when it is full."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from simulator.fleet.liveplan import build_live_plan
from simulator.fleet.setup import supply_of

FULL_KWH = 1.0 / 0.9
"""From 50 % to 60 % of 10 kWh at an efficiency of 0.9, on the grid side."""
TIME_S = 3600.0 * FULL_KWH / 11.0


@pytest.fixture
def play(kit, scenario):
    """Play the sessions of one station at speed 1 from plan second 0 on."""

    def make(stays, run_s=1200.0, kind=None, late=None):
        site = kit.site("yard", [kind or kit.model()])
        network, engine = kit.made_up([(site, stays)], 10_000.0)
        plan = build_live_plan(
            scenario,
            network,
            engine,
            from_s=0.0,
            speed=1.0,
            run_s=run_s,
            connect_due=np.array([0.0]),
        )
        return kit.Drive(plan, kit.Csms(), **({"late": late} if late else {}))

    return make


def stay(kit, **changes):
    """A car that is full 364 s after it came, and leaves long after."""
    return kit.Stay(
        **{
            "evse": 0,
            "start": 10.0,
            "stop": 1100.0,
            "full": 10.0 + TIME_S,
            "soc": 0.5,
            "target": 0.6,
            "battery": 10.0,
            **changes,
        }
    )


def send(drive, when, periods, purpose="TxDefaultProfile", unit="W", connector=0, id=1, **schedule):
    body = {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [
            dict(zip(("startPeriod", "limit", "numberPhases"), p, strict=False)) for p in periods
        ],
        **schedule,
    }
    profile = {
        "chargingProfileId": id,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute" if schedule else "Relative",
        "chargingSchedule": body,
    }
    ask(drive, when, "SetChargingProfile", connectorId=connector, csChargingProfiles=profile)


def ask(drive, when, action, **payload):
    data = json.dumps([2, f"x{when}{action}"[:36], action, payload]).encode()
    drive.at(when, "receive", 0, data)


def energy_wh(drive, number=0):
    entry = list(drive.watch)[number]
    return entry.meter_stop_wh - entry.meter_start_wh


def when(drive, status, connector=1):
    return [
        t
        for t, _, action, p in drive.csms.frames
        if action == "StatusNotification" and (p["connectorId"], p["status"]) == (connector, status)
    ]


def powers(drive):
    """(time, W) of every sampled meter value."""
    return [
        (t, float(value["value"]))
        for t, _, action, p in drive.csms.frames
        if action == "MeterValues"
        for value in p["meterValue"][0]["sampledValue"]
        if value["measurand"] == "Power.Active.Import" and "phase" not in value
    ]


def test_a_profile_that_halves_the_power_halves_the_meter_values_and_doubles_the_time(kit, play):
    free = play([stay(kit)]).run()
    drive = play([stay(kit)])
    send(drive, 5.0, [(0, 5500)])
    drive.run()
    charging = lambda d, until: [w for t, w in powers(d) if t < until]  # noqa: E731
    assert set(charging(free, 10 + TIME_S)) == {11_000.0}
    assert set(charging(drive, 10 + 2 * TIME_S)) == {5500.0}
    assert when(free, "SuspendedEV") == pytest.approx([10 + TIME_S])
    assert when(drive, "SuspendedEV") == pytest.approx([10 + 2 * TIME_S])
    assert energy_wh(drive) == pytest.approx(1000.0 * FULL_KWH) == energy_wh(free)
    assert not free.deviations.counts
    assert drive.deviations.counts == {"limited": 1}
    # Nobody comes or leaves at another time.
    assert [e.stop_s for e in drive.watch] == [e.stop_s for e in free.watch]


def test_a_car_that_leaves_before_it_is_full_takes_half_the_energy(kit, play):
    drive = play([stay(kit, stop=110.0, full=np.nan)])
    send(drive, 5.0, [(0, 5500)])
    assert energy_wh(drive.run()) == pytest.approx(5500.0 * 100.0 / 3600.0)


def test_the_periods_of_a_profile_are_followed_to_the_second(kit, play):
    drive = play([stay(kit)], late=lambda due: 0.3)
    send(drive, 5.0, [(0, 11_000), (60, 4200), (120, 0), (180, 8000)], duration=300)
    drive.run()
    seen = dict(powers(drive))
    at = sorted(seen)
    assert [seen[t] for t in at[:5]] == [4200.0, 0.0, 8000.0, 8000.0, 11_000.0]
    assert when(drive, "SuspendedEVSE") == pytest.approx([130.0], abs=1.0)
    assert when(drive, "Charging")[1:] == pytest.approx([190.0], abs=1.0)
    used = (11_000 * 60 + 4200 * 60 + 8000 * 120) / 3600.0
    rest = (1000.0 * FULL_KWH - used) / 11_000.0 * 3600.0
    assert when(drive, "SuspendedEV") == pytest.approx([310.0 + rest], abs=1.0)
    assert energy_wh(drive) == pytest.approx(1000.0 * FULL_KWH)


def test_times_of_a_profile_are_wall_clock_times_of_the_station(kit, play):
    drive = play([stay(kit)])
    station = drive.stations[0].station
    start = datetime.fromtimestamp(kit.EPOCH + 100.0, UTC).isoformat()
    send(drive, 5.0, [(0, 0)], startSchedule=start, duration=50)
    drive.run()
    ahead = station.clock_zero - kit.EPOCH
    assert when(drive, "SuspendedEVSE") == pytest.approx([100.0 - ahead])
    assert when(drive, "Charging")[1:] == pytest.approx([150.0 - ahead])
    assert when(drive, "SuspendedEV") == pytest.approx([10 + TIME_S + 50.0])


def test_a_limit_that_is_lifted_lets_the_car_go_on_as_fast_as_it_can(kit, play):
    drive = play([stay(kit)])
    send(drive, 100.0, [(0, 5)], unit="A", purpose="TxProfile", connector=1)
    ask(drive, 200.0, "ClearChargingProfile", id=1)
    drive.run()
    assert when(drive, "SuspendedEVSE") == [100.0]
    assert when(drive, "SuspendedEV") == pytest.approx([10 + TIME_S + 100.0])


def test_limits_above_what_the_car_can_take_change_nothing(kit, play):
    free = play([stay(kit)]).run()
    drive = play([stay(kit)])
    send(drive, 5.0, [(0, 32)], unit="A")
    drive.run()
    assert drive.csms.actions(0) == free.csms.actions(0)
    assert not drive.deviations.counts and energy_wh(drive) == energy_wh(free)


def test_a_pause_of_the_plan_and_one_of_a_profile_do_not_undo_each_other(kit, play):
    caps = [(10.0, 11.0), (100.0, 0.0), (200.0, 11.0)]
    drive = play([stay(kit, caps=caps, full=110.0 + TIME_S)])
    send(drive, 150.0, [(0, 0)], unit="A")
    ask(drive, 250.0, "ClearChargingProfile", id=1)
    drive.run()
    assert when(drive, "SuspendedEVSE") == [100.0]
    assert when(drive, "Charging") == [10.0, 250.0]
    assert when(drive, "SuspendedEV") == pytest.approx([10 + TIME_S + 150.0])


def test_a_message_that_overtakes_a_late_wake_keeps_the_changes_of_the_plan(kit, play):
    """The pause of 100 s is played after the profile of 100.2 s: the driver wakes 0.5 s late."""
    caps = [(10.0, 11.0), (100.0, 0.0), (200.0, 11.0)]
    drive = play([stay(kit, caps=caps, full=110.0 + TIME_S)], late=lambda due: 0.5)
    send(drive, 100.2, [(0, 5500)])
    drive.run()
    assert when(drive, "SuspendedEVSE") == [100.5]
    assert when(drive, "Charging")[1:] == [200.5]


def test_a_car_on_one_phase_gets_its_part_of_a_limit_for_three(kit, play):
    one = stay(kit, limit=3.68, phases=1, full=np.nan, stop=110.0)
    for periods, unit in (([(0, 10)], "A"), ([(0, 6900)], "W")):
        drive = play([one])
        send(drive, 5.0, periods, unit=unit)
        assert {w for _, w in powers(drive.run())} == {2300.0}


def test_the_limit_of_a_station_is_shared_by_its_cars(kit, play):
    two = [stay(kit), stay(kit, evse=1, start=100.0)]
    drive = play(two, kind=kit.model(evses=2))
    send(drive, 5.0, [(0, 11_000)], purpose="ChargePointMaxProfile")
    drive.run()
    done = when(drive, "SuspendedEV", 1) + when(drive, "SuspendedEV", 2)
    first = 100.0 + 2 * (TIME_S - 90.0)
    assert done == pytest.approx([first, first + 90.0])
    assert energy_wh(drive, 0) == pytest.approx(energy_wh(drive, 1))


def test_a_dc_car_is_limited_in_watts_only(kit, play):
    kind = kit.model("dc", evses=1, min_kw=5.0)
    car = stay(kit, limit=150.0, battery=60.0, full=np.nan, stop=110.0)
    drive = play([car], kind=kind)
    send(drive, 5.0, [(0, 100)], unit="A")
    send(drive, 6.0, [(0, 50_000)], id=2)
    send(drive, 60.0, [(0, 4000)], id=2)
    drive.run()
    assert energy_wh(drive) == pytest.approx(50_000.0 * 50.0 / 3600.0)
    assert when(drive, "SuspendedEVSE") == [60.0]


def test_the_supply_of_a_model_is_its_figures_per_line(kit):
    ac, dc = supply_of(kit.model(evses=2)), supply_of(kit.model("dc", evses=2, min_kw=5.0))
    assert (ac.lines, ac.evse_a, ac.station_a) == (3, pytest.approx(15.94, abs=0.01), 2 * ac.evse_a)
    assert ac.least_a == pytest.approx(6.0)
    assert dc.lines == 1 and dc.evse_a * dc.volt == pytest.approx(150_000.0)
    assert dc.least_a * dc.volt == pytest.approx(5000.0)
