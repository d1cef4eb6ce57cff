"""A station that its owner switches off and on again: in good order, and nothing is lost."""

import pytest
from station_harness import SILENT

from simulator.station.ports import CallOutcome

VERSIONS = ["1.6", "2.0.1"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_that_is_off_closes_and_says_nothing_until_it_boots_again(make, version):
    aligned = {"1.6": "ClockAlignedDataInterval", "2.0.1": "AlignedDataCtrlr.Interval"}
    bench = make(version=version, configuration={aligned[version]: "60"}).boot()
    bench.do("switch_off").go(600.0)
    assert bench.closes == [(pytest.approx(5.0), 1000, "switched off")]
    assert bench.actions() == [] and not bench.station.accepted
    bench.do("start").go(5.0)
    assert bench.actions()[0] == "BootNotification" and bench.station.accepted
    assert set(bench.log.outcomes()) == {CallOutcome.ANSWERED}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_still_runs_ends_and_is_told_after_the_next_boot(make, version):
    bench = make(version=version).boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    assert bench.station.running(1)
    bench.forget()
    bench.do("switch_off").go(60.0)
    assert bench.actions() == [] and not bench.station.running(1)
    bench.do("unplug", 1).go(60.0).do("start").go(5.0)
    told = bench.actions()
    last = "StopTransaction" if version == "1.6" else "TransactionEvent"
    assert told[0] == "BootNotification" and told.count(last) == 1


def test_a_call_without_an_answer_is_lost_with_the_connection_and_a_queued_one_kept(make):
    bench = make().boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    bench.csms.say("StopTransaction", SILENT)
    bench.do("present_token", 1, "TAG").do("unplug", 1).go(0.5)
    bench.forget()
    bench.do("switch_off").go(10.0)
    assert bench.log.outcomes("StopTransaction") == [CallOutcome.CONNECTION_LOST]
    bench.do("start").go(5.0)
    assert bench.actions().count("StopTransaction") == 1
    assert bench.log.outcomes("StopTransaction")[1:] == [CallOutcome.ANSWERED]


def test_a_station_that_is_switched_off_while_it_connects_gives_that_up(make):
    bench = make()
    bench.reachable = False
    bench.start().go(0.0)
    bench.do("switch_off").go(600.0)
    tries = len(bench.connects)
    bench.reachable = True
    bench.do("start").go(5.0)
    assert len(bench.connects) == tries + 1 and bench.log.boots


def test_switching_off_twice_or_after_the_end_does_nothing_more(make):
    bench = make().boot()
    bench.do("switch_off").go(1.0).do("switch_off").go(1.0)
    assert len(bench.closes) == 1
    bench.do("finish").do("switch_off").go(1.0)
    assert len(bench.closes) == 1
