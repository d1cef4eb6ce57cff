"""Power cuts at a virtual station: cars come, stay and go; what was cut off charges on."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.demand.visits import Manner
from simulator.fleet.liveplan import build_live_plan
from simulator.fleet.spells import Spells
from simulator.station.ports import CallOutcome


@pytest.fixture
def play(kit, scenario):
    """Play the sessions of one station at speed 1, with the power gone from 30 s to 60 s."""

    def make(stays, cuts=((30.0, 60.0),), version="1.6", kind=None):
        site = kit.site("yard", [kind or kit.model()], "local", versions=(version,))
        network, engine = kit.made_up([(site, stays)], 10_000.0)
        plan = build_live_plan(
            scenario,
            network,
            engine,
            from_s=0.0,
            speed=1.0,
            run_s=200.0,
            connect_due=np.array([0.0]),
        )
        drive = kit.Drive(plan, kit.Csms())
        for off, on in cuts:
            drive.at(off, "call", 0, lambda station, now: station.power_off(now))
            drive.at(on, "call", 0, lambda station, now: station.power_on(now))
        return drive.run()

    return make


def told(drive):
    return [(round(e.start_s, 3), round(e.stop_s, 3), e.reason) for e in drive.watch]


def energy_wh(drive):
    return [round(e.meter_stop_wh - e.meter_start_wh) for e in drive.watch]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_car_that_stays_plugged_in_charges_on_in_a_transaction_of_its_own(kit, play, version):
    drive = play([kit.Stay(0, 10.0, 100.0)], version=version)
    assert told(drive) == [(10.0, 30.0, "PowerLoss"), (60.0, 100.0, "Local")]
    assert energy_wh(drive) == [round(11_000 * 20 / 3600), round(11_000 * 40 / 3600)]
    assert drive.deviations.counts == {"cut_off": 1, "charged_on": 1}
    assert drive.watch.outcomes == {CallOutcome.ANSWERED: len(drive.csms.frames)}
    assert drive.watch.counts().unacknowledged == 0


def test_a_car_that_leaves_in_the_dark_leaves_no_more_than_its_cut_transaction(kit, play):
    drive = play([kit.Stay(0, 10.0, 45.0)])
    assert told(drive) == [(10.0, 30.0, "PowerLoss")]
    assert drive.csms.statuses(0, 1)[-1] == "Available"
    assert drive.deviations.counts == {"cut_off": 1}


def test_a_car_that_was_full_does_not_begin_anew(kit, play):
    drive = play([kit.Stay(0, 10.0, 100.0, full=20.0)])
    assert told(drive) == [(10.0, 30.0, "PowerLoss")]
    assert drive.csms.statuses(0, 1)[-2:] == ["Preparing", "Available"]


def test_a_car_that_comes_in_the_dark_begins_once_the_station_is_accepted(kit, play):
    drive = play([kit.Stay(0, 40.0, 100.0)])
    assert told(drive) == [(60.0, 100.0, "Local")]
    assert drive.deviations.counts == {"late_begin": 1, "late_start": 1}


def test_a_pause_that_ended_in_the_dark_is_not_played_afterwards(kit, play):
    caps = [(10.0, 11.0), (40.0, 0.0), (50.0, 11.0), (80.0, 0.0), (90.0, 11.0)]
    drive = play([kit.Stay(0, 10.0, 100.0, caps=caps)])
    after = drive.csms.statuses(0, 1)
    again = after[after.index("Preparing", after.index("Preparing") + 1) :]
    assert again == [
        "Preparing",
        "Charging",
        "SuspendedEVSE",
        "Charging",
        "Finishing",
        "Available",
    ]


@pytest.mark.parametrize("manner", list(Manner))
def test_whatever_its_drivers_do_a_station_comes_to_rest(kit, play, manner):
    drive = play([kit.Stay(0, 10.0, 100.0, manner=int(manner)), kit.Stay(0, 120.0, 150.0)])
    assert drive.watch.counts().unacknowledged == 0
    assert drive.csms.statuses(0, 1)[-1] == "Available"
    assert told(drive)[-1] == (120.0, 150.0, "Local")


def test_two_cuts_in_one_visit_make_three_transactions(kit, play):
    drive = play([kit.Stay(0, 10.0, 190.0)], cuts=((30.0, 40.0), (80.0, 110.0)))
    assert told(drive) == [
        (10.0, 30.0, "PowerLoss"),
        (40.0, 80.0, "PowerLoss"),
        (110.0, 190.0, "Local"),
    ]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize(
    ("spells", "boots", "cut_off"),
    [
        ([(0.0, 45.0)], 1, 1),  # switched off in the dark: it never comes back
        ([(0.0, 45.0), (55.0, np.inf)], 2, 1),  # off and on in the dark
        ([(0.0, 45.0), (80.0, np.inf)], 2, 1),  # off in the dark, on afterwards
        ([(0.0, 20.0), (40.0, np.inf)], 2, 0),  # off before, on in the dark
        ([(0.0, 20.0), (80.0, np.inf)], 2, 0),  # off all the while
        ([(0.0, 30.5), (80.0, np.inf)], 2, 0),  # had just ended what ran, to leave
    ],
)
def test_stages_switch_stations_in_the_dark_too(kit, scenario, version, spells, boots, cut_off):
    site = kit.site("yard", [kit.model()], "local", versions=(version,))
    network, engine = kit.made_up([(site, [kit.Stay(0, 10.0, 150.0)])], 10_000.0)
    on, off = (np.array(column) for column in zip(*spells, strict=True))
    plan = build_live_plan(
        scenario,
        network,
        engine,
        from_s=0.0,
        speed=1.0,
        run_s=200.0,
        connect_due=np.array([0.0]),
        spells=Spells(np.array([0, len(on)]), on, off),
    )
    drive = kit.Drive(plan, kit.Csms())
    drive.at(30.0, "call", 0, lambda station, now: station.power_off(now))
    drive.at(60.0, "call", 0, lambda station, now: station.power_on(now))
    drive.run()
    assert drive.sent()[plan.ids[0]]["BootNotification"] == boots
    reasons = [entry.reason for entry in drive.watch]
    assert reasons.count("PowerLoss") == cut_off
    back = spells[-1][1] == np.inf
    assert drive.watch.counts().unacknowledged == (0 if back else 1)
    if back:  # the car that is still there charges on
        again = max(spells[-1][0], 60.0 if spells[-1][0] < 60.0 else 0.0)
        assert list(drive.watch)[-1].start_s >= again
