"""Queue time and whose it is: the CSMS's, the scenario's, the generator's."""

import pytest
from station_harness import SILENT, Refuse

RETRY = {"TransactionMessageAttempts": "3", "TransactionMessageRetryInterval": "60"}


def last(bench, action):
    return [e for e in bench.log.ended if e.action == action][-1]


def charge(bench, evse=1, token="TAG"):
    bench.do("plug_in", evse).do("present_token", evse, token)
    return bench.go(1.0)


def test_a_free_line_costs_nothing(make):
    bench = make().boot()
    bench.do("plug_in", 1).go(1.0)
    call = last(bench, "StatusNotification")
    assert (call.protocol, call.station, call.rest) == (0.0, 0.0, 0.0)
    assert call.ended - call.written == pytest.approx(0.05)


def test_what_the_driver_lost_is_the_generators(make):
    bench = make().boot()
    bench.do("plug_in", 1, due=bench.now - 0.4).go(1.0)
    call = last(bench, "StatusNotification")
    assert call.protocol == 0.0 and call.rest == pytest.approx(0.4)


def test_an_earlier_call_unanswered_is_protocol_wait(make):
    bench = make(latency=2.0).boot().go(10.0)
    bench.do("plug_in", 1).go(0.5).do("unplug", 1, due=bench.now - 0.25).go(10.0)
    call = last(bench, "StatusNotification")
    assert call.written - call.due == pytest.approx(1.75)
    assert call.protocol == pytest.approx(1.75) and call.rest == pytest.approx(0.0)


def test_a_call_that_was_late_while_the_line_was_busy_is_charged_to_the_csms_only_that_long(make):
    """Due at 100.0, looked at from 103.0 on; the line was busy until 101.5."""
    bench = make(latency=1.5).boot().run(100.0)
    bench.do("plug_in", 1).run(103.0)
    bench.do("unplug", 1, due=100.0).go(5.0)
    call = last(bench, "StatusNotification")
    assert call.protocol == pytest.approx(1.5) and call.rest == pytest.approx(1.5)


def test_a_line_that_was_busy_only_after_the_due_time_excuses_nothing_before_it(make):
    """EVSE 2 is due at 10.00 and looked at from 11.10 on; the line was busy 11.00 to 11.05."""
    bench = make(evses=2).boot().run(11.0)
    bench.do("plug_in", 1).run(11.1)
    bench.do("plug_in", 2, due=10.0).go(1.0)
    call = last(bench, "StatusNotification")
    assert call.protocol == pytest.approx(0.05) and call.rest == pytest.approx(1.05)


def test_a_full_socket_is_protocol_wait(make):
    bench = make().boot()
    bench.do("writable", False).do("plug_in", 1).go(3.0).do("writable", True).go(1.0)
    call = last(bench, "StatusNotification")
    assert call.protocol == pytest.approx(3.0) and call.rest == pytest.approx(0.0)


def test_a_full_socket_and_an_unanswered_call_are_not_counted_twice(make):
    bench = make(latency=2.0).boot().go(10.0)
    bench.do("plug_in", 1)
    bench.go(1.0).do("writable", False).do("unplug", 1).go(3.0).do("writable", True).go(5.0)
    call = last(bench, "StatusNotification")
    assert call.written - call.due == pytest.approx(3.0) == pytest.approx(call.protocol)


def test_offline_is_station_wait(make):
    bench = charge(make(backoff_min_s=50.0, backoff_random_s=0.0).boot())
    bench.drop()
    bench.go(20.0).do("unplug", 1).go(100.0)
    call = last(bench, "StopTransaction")
    assert call.station == pytest.approx(30.0)
    # Two statuses of the reconnect may go first, as they are not history.
    assert call.protocol == pytest.approx(call.written - call.due - 30.0)
    assert call.rest == pytest.approx(0.0)


def test_a_retry_interval_is_station_wait_for_those_behind_and_none_for_the_retry_itself(make):
    bench = charge(make(evses=2, configuration={**RETRY, "MeterValueSampleInterval": "0"}).boot())
    charge(bench, 2, "TWO")
    bench.csms.say("StopTransaction", Refuse())
    bench.do("unplug", 1).go(10.0).do("unplug", 2).go(200.0)
    first, retried, behind = [e for e in bench.log.ended if e.action == "StopTransaction"]
    assert first.station == 0.0
    assert retried.station == 0.0 and retried.written == retried.due
    assert behind.station == pytest.approx(retried.due - behind.due)
    assert behind.protocol == pytest.approx(0.05) and behind.rest == pytest.approx(0.0)


def test_retry_interval_and_outage_together_are_counted_once(make):
    bench = charge(make(configuration=RETRY, backoff_min_s=100.0, backoff_random_s=0.0).boot())
    bench.csms.say("StopTransaction", Refuse())
    bench.do("unplug", 1).go(10.0)
    bench.drop()
    bench.go(300.0)
    _, retried = [e for e in bench.log.ended if e.action == "StopTransaction"]
    assert retried.station == pytest.approx(bench.connects[1] - retried.due)
    assert retried.rest == pytest.approx(0.0)


def test_busy_while_gated_is_the_scenarios_alone(make):
    """A slow status is unanswered while the retry interval of another message runs."""
    bench = charge(make(evses=2, configuration={**RETRY, "MeterValueSampleInterval": "0"}).boot())
    charge(bench, 2, "TWO")
    bench.csms.say("StopTransaction", Refuse())
    bench.do("unplug", 1).go(5.0)
    bench.csms.say("StatusNotification", SILENT)
    bench.do("plug_in", 1).go(10.0).do("unplug", 2).go(300.0)
    _, retried, behind = [e for e in bench.log.ended if e.action == "StopTransaction"]
    assert behind.station == pytest.approx(retried.due - behind.due)
    assert behind.protocol == pytest.approx(behind.written - retried.due)


def test_boot_gate_is_station_wait_for_what_was_queued(make):
    bench = charge(make(reboot_s=20.0).boot())
    bench.csms.say(
        "BootNotification",
        {"status": "Pending", "interval": 40, "currentTime": "2026-06-01T06:00:00Z"},
    )
    begin = bench.now
    bench.ask("Reset", {"type": "Hard"})
    bench.go(200.0)
    call = last(bench, "StopTransaction")
    assert call.due == begin
    assert call.station == pytest.approx(bench.log.boots[-1] - begin)
    assert call.rest == pytest.approx(0.0)


def test_a_censored_call_says_why_it_waited(make):
    bench = charge(make(backoff_min_s=500.0).boot())
    bench.drop()
    bench.do("unplug", 1).go(100.0)
    bench.close()
    call = last(bench, "StopTransaction")
    assert call.outcome.name == "CENSORED" and call.station == pytest.approx(100.0)


def test_a_late_driver_is_not_excused_by_what_was_busy_while_the_gate_was_shut(make):
    """A status times out (30 s) within the retry interval; then the driver is 2 s late."""
    bench = charge(make(evses=2, configuration={**RETRY, "MeterValueSampleInterval": "0"}).boot())
    charge(bench, 2, "TWO")
    bench.csms.say("StopTransaction", Refuse())
    bench.do("unplug", 1).go(2.0).do("unplug", 2).go(1.0)
    bench.csms.say("StatusNotification", SILENT)
    bench.do("plug_in", 1).go(40.0)
    bench.run(bench.now + 100.0, late=2.0)
    _, retried, behind = [e for e in bench.log.ended if e.action == "StopTransaction"]
    assert retried.rest == pytest.approx(2.0) and retried.protocol == pytest.approx(0.0)
    assert behind.station == pytest.approx(retried.due - behind.due)
    assert behind.protocol == pytest.approx(0.05) and behind.rest == pytest.approx(2.0)


def test_a_call_unanswered_when_the_gate_opens_is_protocol_wait_from_there_on(make):
    """The status goes out 40 s into the retry interval of 60 s and times out after 30 s."""
    bench = charge(make(evses=2, configuration={**RETRY, "MeterValueSampleInterval": "0"}).boot())
    bench.csms.say("StopTransaction", Refuse())
    bench.do("unplug", 1)
    gate = bench.now + 0.05
    bench.run(gate + 40.0)
    bench.csms.say("StatusNotification", SILENT)
    bench.do("plug_in", 2).go(300.0)
    _, retried = [e for e in bench.log.ended if e.action == "StopTransaction"]
    assert retried.due == pytest.approx(gate + 60.0)
    assert retried.protocol == pytest.approx(10.0) == pytest.approx(retried.written - retried.due)


def test_busy_before_and_after_the_gate_opens_and_a_late_driver_are_told_apart(make):
    """Gate 0..60, a status unanswered 40..70, the driver 2 s late with everything."""
    bench = charge(make(evses=2, configuration={**RETRY, "MeterValueSampleInterval": "0"}).boot())
    charge(bench, 2, "TWO")
    bench.csms.say("StopTransaction", Refuse())
    bench.do("unplug", 1)
    gate = bench.now + 0.05
    bench.run(gate + 5.0).do("unplug", 2).run(gate + 40.0)
    bench.csms.say("StatusNotification", SILENT)
    bench.do("plug_in", 1).run(gate + 200.0, late=2.0)
    _, retried, behind = [e for e in bench.log.ended if e.action == "StopTransaction"]
    assert (retried.protocol, retried.rest) == pytest.approx((10.0, 2.0))
    assert (behind.station, behind.protocol, behind.rest) == pytest.approx((55.0, 10.05, 2.0))
    (silent,) = [e for e in bench.log.ended if e.outcome.name == "TIMEOUT"]
    assert silent.ended - silent.written == pytest.approx(30.0)


def test_a_socket_that_takes_frames_again_does_not_end_the_wait_for_an_answer(make):
    bench = make(latency=4.0).boot().go(20.0)
    bench.do("plug_in", 1)
    bench.go(1.0).do("writable", False).go(1.0).do("writable", True)
    bench.go(0.5).do("unplug", 1).go(9.0)
    call = last(bench, "StatusNotification")
    assert call.protocol == pytest.approx(1.5) and call.rest == pytest.approx(0.0)
