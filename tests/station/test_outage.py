"""Power cuts, and what a station is told by whoever stands before it: reset, alignment, haste."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from station_harness import SILENT, Bench, Refuse

from simulator.station.ports import CallOutcome

VERSIONS = ("1.6", "2.0.1")


def charge(bench, token="TAG"):
    return bench.do("plug_in", 1).do("present_token", 1, token).go(10.0)


def cut(bench, seconds, plugged=()):
    """The power fails for so long; the driver drops the connection without a word."""
    bench._connection += 1
    bench._outstanding.clear()
    bench.do("power_off").go(seconds)
    return bench.do("power_on", plugged)


def ends(bench):
    if bench.version == "1.6":
        return [payload["reason"] for payload in bench.payloads("StopTransaction")]
    return [
        payload["transactionInfo"]["stoppedReason"]
        for payload in bench.payloads("TransactionEvent")
        if payload["eventType"] == "Ended"
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cut_off_transaction_ends_with_power_loss_after_the_boot(make, version):
    bench = charge(make(version=version).boot())
    register = bench.meter.register_wh(bench.now, 1)
    bench.forget()
    cut(bench, 60.0).go(5.0)
    assert bench.actions()[0] == "BootNotification"
    assert bench.actions()[-1] in ("StopTransaction", "TransactionEvent")
    assert ends(bench) == ["PowerLoss"]
    stopped = [row for row in bench.log.transactions if row[0] == "stopped"]
    assert [row[2:] for row in stopped] == [("PowerLoss", register)]


@pytest.mark.parametrize("version", VERSIONS)
def test_without_power_a_station_says_and_does_nothing(make, version):
    bench = make(version=version, evses=2).boot()
    for action in ("StartTransaction", "TransactionEvent"):
        bench.csms.say(action, Refuse())  # to be tried again in a minute, but not in the dark
    charge(bench).forget()
    bench._connection += 1
    bench.do("power_off")
    assert bench.station.next_deadline == float("inf")
    bench.go(100.0)
    bench.do("plug_in", 2).do("present_token", 2, "OTHER").do("unplug", 1).do("stop_all", "Local")
    bench.feed("[2]")
    bench.go(4000.0)
    assert bench.frames == [] and bench.station.next_deadline == float("inf")
    assert len(bench.connects) == 1


def test_a_station_whose_power_is_back_boots_at_once_and_reports_every_connector(make):
    bench = charge(make(evses=2).boot())
    bench.forget()
    cut(bench, 60.0, plugged=[1]).go(5.0)
    assert bench.times("BootNotification") == [bench.connects[-1]]
    assert bench.statuses(1)[0] == "Preparing" and bench.statuses(2)[0] == "Available"
    assert bench.statuses(0) == ["Available"]


def test_boot_after_a_power_cut_is_told_as_power_up(make):
    bench = make(version="2.0.1").boot()
    cut(bench, 30.0).go(5.0)
    assert bench.payloads("BootNotification")[-1]["reason"] == "PowerUp"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_queue_survives_a_power_cut_in_its_order(make, version):
    bench = make(version=version).boot()
    bench.reachable = False
    bench.drop()
    charge(bench, "TAG").do("unplug", 1).go(5.0)
    bench.reachable = True
    cut(bench, 30.0)
    bench.forget()
    bench.go(60.0)
    told = [row[:2] for row in bench.log.transactions]
    assert told[-2:] == [("confirmed", 1), ("closed", 1)]
    assert bench.station.pending == 0


def test_the_message_on_the_wire_at_the_cut_goes_again_after_the_boot(make):
    bench = make().boot()
    bench.csms.say("StartTransaction", SILENT)
    charge(bench)
    cut(bench, 30.0).go(30.0)
    assert bench.actions().count("StartTransaction") == 2
    assert bench.log.outcomes("StartTransaction") == [
        CallOutcome.CONNECTION_LOST,
        CallOutcome.ANSWERED,
    ]
    assert ends(bench) == ["PowerLoss"]


def test_a_car_that_is_still_there_may_charge_on_in_a_transaction_of_its_own(make):
    bench = charge(make().boot())
    cut(bench, 60.0, plugged=[1]).go(5.0)
    bench.do("present_token", 1, "TAG").go(5.0)
    started = [row[1] for row in bench.log.transactions if row[0] == "started"]
    assert started == [1, 2] and bench.station.running(1)


def test_tokens_that_waited_for_the_plug_are_forgotten_in_a_power_cut(make):
    bench = make().boot()
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.station.waiting(1)
    cut(bench, 10.0, plugged=[1]).go(60.0)
    assert not bench.station.waiting(1) and not bench.station.running(1)


def test_what_the_csms_took_out_of_service_stays_so_after_a_power_cut(make):
    bench = make().boot()
    bench.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    bench.go(1.0).forget()
    cut(bench, 10.0).go(5.0)
    assert bench.statuses(1) == ["Unavailable"]


def test_what_a_run_leaves_open_in_the_dark_is_censored(make):
    bench = charge(make().boot())
    bench._connection += 1
    bench.do("power_off")
    assert bench.station.pending == 1
    bench.close()
    assert bench.log.outcomes("StopTransaction") == [CallOutcome.CENSORED]
    bench.do("power_on").go(100.0)
    assert len(bench.log.boots) == 1


def test_a_station_that_was_never_switched_on_stays_off_when_the_power_is_back(make):
    bench = make()
    bench.do("power_off").go(5.0)
    bench.do("power_on").go(60.0)
    assert bench.connects == []
    bench.start().go(5.0)
    assert len(bench.log.boots) == 1


def test_a_station_that_was_rebooting_at_the_cut_boots_when_the_power_is_back(make):
    bench = make(reboot_s=20.0).boot()
    bench.do("reset", True).go(5.0)
    cut(bench, 60.0).go(5.0)
    assert bench.times("BootNotification") == [bench.connects[-1]]


def test_a_second_cut_and_a_second_return_change_nothing(make):
    bench = charge(make().boot())
    bench._connection += 1
    bench.do("power_off").do("power_off").go(5.0)
    bench.do("power_on").do("power_on").go(5.0)
    assert len(bench.log.boots) == 2 and ends(bench) == ["PowerLoss"]


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.sampled_from(("off", "on", "plug", "token", "unplug", "drop", "wait", "reset")),
        max_size=25,
    )
)
def test_whatever_happens_around_power_cuts_the_books_balance(version, steps):
    bench = Bench(version=version).start().go(3.0)
    powered = True
    for step in steps:
        if step == "off":
            bench._connection += 1
            bench._outstanding.clear()
            powered = False
            bench.do("power_off")
        elif step == "on":
            powered = True
            bench.do("power_on", [1])
        elif step == "drop" and powered:
            bench.drop()
        elif step == "reset":
            bench.do("reset", True)
        elif step in ("plug", "unplug"):
            bench.do("plug_in" if step == "plug" else "unplug", 1)
        elif step == "token":
            bench.do("present_token", 1, "TAG")
        bench.go(7.0)
    bench.do("power_on").go(400.0)
    starts = [row[1] for row in bench.log.transactions if row[0] == "started"]
    stops = [row[1] for row in bench.log.transactions if row[0] == "stopped"]
    assert len(set(starts)) == len(starts) and len(set(stops)) == len(stops)
    assert bench.station.pending == 0
    bench.close()


# -- what else is done to a station ---------------------------------------------------------------


@pytest.mark.parametrize(("hard", "reason"), [(False, "SoftReset"), (True, "HardReset")])
def test_a_reset_by_hand_is_like_one_of_the_csms(make, hard, reason):
    bench = charge(make(reboot_s=20.0).boot())
    bench.do("reset", hard).go(60.0)
    assert ends(bench) == [reason] and len(bench.log.boots) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_clock_aligned_values_at_another_interval_for_a_while(make, version):
    bench = make(version=version).boot()
    bench.do("align", 60).go(185.0)
    assert bench.actions().count("MeterValues") == 3
    seconds = [int(at + bench.station.clock_zero) % 60 for at in bench.times("MeterValues")]
    assert seconds == [0, 0, 0]
    bench.do("align", None).go(300.0)
    assert bench.actions().count("MeterValues") == 3


def test_an_impatient_station_reconnects_at_once_and_then_every_second(make):
    bench = make().boot().go(100.0)
    bench.station.impatient = True
    bench.reachable = False
    bench.connects.clear()
    begin = bench.now
    bench.drop()
    bench.go(5.5)
    assert [at - begin for at in bench.connects] == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])


def test_a_patient_station_backs_off_as_the_specification_says(make):
    bench = make().boot().go(100.0)
    bench.reachable = False
    bench.connects.clear()
    begin = bench.now
    bench.drop()
    bench.go(120.0)
    waits = [b - a for a, b in itertools.pairwise([begin, *bench.connects])]
    assert waits == pytest.approx([15.0, 25.0, 45.0])
