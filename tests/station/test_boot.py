"""The boot gate (1.6 §4.2) and what follows acceptance."""

import itertools

import pytest
from station_harness import EPOCH, SILENT, Refuse, boot_conf

from simulator.station import clock
from simulator.station.ports import CallOutcome


def test_1_6_4_2_nothing_but_boot_before_accepted(make):
    bench = make(evses=2)
    bench.csms.always["BootNotification"] = SILENT
    bench.start()
    bench.do("plug_in", 1).do("present_token", 1, "T1").do("fault", 2)
    bench.go(200.0)
    assert set(bench.actions()) == {"BootNotification"}


def test_1_6_4_2_pending_answers_but_sends_nothing_of_its_own(make):
    bench = make()
    bench.csms.say("BootNotification", boot_conf(0, "Pending", 600))
    bench.start().go(1.0)
    bench.do("plug_in", 1).go(100.0)
    assert bench.actions() == ["BootNotification"]
    assert bench.ask("GetConfiguration", {"key": ["NumberOfConnectors"]})["configurationKey"]
    assert bench.actions() == ["BootNotification"]
    assert bench.log.kinds() == ["boot_pending"]


def test_1_6_4_2_pending_sends_what_is_triggered(make):
    bench = make()
    bench.csms.say("BootNotification", boot_conf(0, "Pending", 600))
    bench.start().go(1.0)
    assert bench.ask("TriggerMessage", {"requestedMessage": "StatusNotification"}) == {
        "status": "Accepted"
    }
    bench.go(1.0)
    assert bench.actions() == ["BootNotification", "StatusNotification", "StatusNotification"]


def test_1_6_4_2_pending_boot_may_be_triggered_before_its_interval(make):
    bench = make()
    bench.csms.say("BootNotification", boot_conf(0, "Pending", 600))
    bench.start().go(10.0)
    bench.ask("TriggerMessage", {"requestedMessage": "BootNotification"})
    bench.go(1.0)
    assert bench.times("BootNotification") == [0.0, 10.0]
    assert len(bench.log.boots) == 1


def test_1_6_4_2_remote_start_and_stop_are_not_allowed_while_pending(make):
    bench = make()
    bench.csms.say("BootNotification", boot_conf(0, "Pending", 600))
    bench.start().go(1.0)
    assert bench.ask("RemoteStartTransaction", {"idTag": "T"}) == {"status": "Rejected"}
    assert bench.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Rejected"}
    assert bench.log.kinds().count("forbidden") == 2


def test_1_6_4_2_rejected_neither_sends_nor_answers(make):
    bench = make()
    bench.csms.say("BootNotification", boot_conf(0, "Rejected", 600))
    bench.start().go(1.0)
    assert bench.call("GetConfiguration") is None
    assert bench.call("TriggerMessage", {"requestedMessage": "BootNotification"}) is None
    assert bench.feed(b"garbage") == []
    bench.do("plug_in", 1).go(500.0)
    assert bench.actions() == ["BootNotification"] and bench.answers == []
    assert "boot_rejected" in bench.log.kinds()


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_1_6_4_2_interval_is_the_wait_before_the_next_boot(make, status):
    bench = make()
    bench.csms.say("BootNotification", boot_conf(0, status, 120), boot_conf(0, status, 60))
    bench.start().go(500.0)
    assert bench.times("BootNotification") == [0.0, 0.05 + 120.0, 0.1 + 120.0 + 60.0]
    retries = [entry for entry in bench.log.planned if entry[0] == "BootNotification"][1:]
    assert [due for _, due, _ in retries] == bench.times("BootNotification")[1:]


def test_1_6_4_2_interval_0_leaves_the_wait_to_the_station_which_floods_nobody(make):
    bench = make(draws=0.0, boot_retry_s=30.0)
    bench.csms.always["BootNotification"] = boot_conf(0, "Rejected", 0)
    bench.start().go(2000.0)
    times = bench.times("BootNotification")
    waits = [round(b - a, 2) for a, b in itertools.pairwise(times)]
    assert waits[:5] == [30.05, 60.05, 120.05, 240.05, 240.05]


def test_1_6_4_2_an_unanswered_or_refused_boot_is_tried_again(make):
    bench = make(draws=0.0)
    bench.csms.say("BootNotification", SILENT, Refuse("InternalError"), {"status": "Perhaps"})
    bench.start().go(400.0)
    assert bench.log.outcomes("BootNotification") == [
        CallOutcome.TIMEOUT,
        CallOutcome.CALLERROR,
        CallOutcome.ANSWERED,
        CallOutcome.ANSWERED,
    ]
    assert bench.times("BootNotification")[1] == pytest.approx(60.0)
    why = "answer to BootNotification: currentTime is missing"
    assert ("malformed", why) in bench.log.violations
    assert len(bench.log.boots) == 1


def test_1_6_4_2_accepted_gives_the_heartbeat_interval(make):
    bench = make()
    bench.csms.interval = 77
    bench.boot()
    bench.run(85.0)
    assert bench.actions() == ["Heartbeat"]
    assert bench.times("Heartbeat")[0] == pytest.approx(77.0, abs=0.2)
    value = bench.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
    assert value["configurationKey"][0]["value"] == "77"


def test_1_6_4_2_clock_is_set_from_current_time(make):
    bench = make()
    bench.boot()
    bench.do("plug_in", 1)
    stamp = clock.parse(bench.payloads("StatusNotification")[0]["timestamp"])
    # The bench's epoch at zero was 7 s wrong; the answer took 50 ms.
    assert stamp - (EPOCH + bench.now) == pytest.approx(-0.05, abs=0.002)


def test_clock_of_a_station_lies_off_by_its_own_error(make):
    offsets = []
    for draw in (0.1, 0.6):
        bench = make(draws=draw, clock_spread_s=1.0)
        bench.boot().do("plug_in", 1)
        stamp = clock.parse(bench.payloads("StatusNotification")[0]["timestamp"])
        offsets.append(stamp - (EPOCH + bench.now))
    assert abs(offsets[0] - offsets[1]) > 0.1


@pytest.mark.parametrize(
    "when", ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday", None, 5, "x" * 999]
)
def test_an_unusable_current_time_is_a_malformed_answer(make, when):
    bench = make()
    bench.csms.say("BootNotification", {"status": "Accepted", "interval": 9, "currentTime": when})
    bench.start().go(5.0)
    assert bench.log.boots == []
    assert bench.log.kinds() == ["malformed"]


def test_1_6_err_3_22_status_of_connector_0_and_every_connector_after_accepted(make):
    bench = make(evses=3)
    bench.start().go(5.0)
    assert [p["connectorId"] for p in bench.payloads("StatusNotification")] == [0, 1, 2, 3]
    assert set(bench.statuses()) == {"Available"}
    assert bench.actions()[0] == "BootNotification"


def test_boot_says_who_the_station_is_within_the_lengths_of_1_6(make):
    from simulator.station.settings import Identity

    who = Identity("X", "V" * 30, 'Modèle "x"\n' * 4, "S" * 40, "F" * 60, 1)
    bench = make(identity=who)
    bench.start().go(1.0)
    payload = bench.payloads("BootNotification")[0]
    assert payload["chargePointVendor"] == "V" * 20
    assert payload["chargePointModel"] == who.model[:20]
    assert payload["chargePointSerialNumber"] == "S" * 25


def test_1_6j_5_4_boot_lost_with_the_connection_is_sent_at_the_reconnect(make):
    bench = make()
    bench.csms.say("BootNotification", SILENT)
    bench.start().go(1.0)
    bench.drop()
    bench.go(60.0)
    assert bench.log.outcomes("BootNotification") == [
        CallOutcome.CONNECTION_LOST,
        CallOutcome.ANSWERED,
    ]
    assert bench.times("BootNotification")[1] == bench.connects[1]


def test_a_boot_that_becomes_due_offline_waits_for_the_connection(make):
    bench = make()
    bench.csms.say("BootNotification", boot_conf(0, "Pending", 20))
    bench.start().go(10.0)
    bench.reachable = False
    bench.drop()
    bench.go(30.0)
    bench.reachable = True
    bench.go(100.0)
    assert bench.times("BootNotification")[1] in bench.connects
    assert len(bench.log.boots) == 1


def test_1_6_4_2_rejected_drops_what_was_triggered_and_has_not_left(make):
    bench = make()
    bench.csms.say("BootNotification", boot_conf(0, "Pending", 600), boot_conf(0, "Rejected", 600))
    bench.start().go(1.0)
    bench.ask("TriggerMessage", {"requestedMessage": "BootNotification"})
    bench.ask("TriggerMessage", {"requestedMessage": "StatusNotification"})
    bench.go(500.0)
    assert bench.actions() == ["BootNotification"] * 2
    assert bench.log.outcomes("StatusNotification") == [CallOutcome.SKIPPED] * 2


def test_1_6_err_3_22_statuses_go_before_what_was_queued_behind_the_gate(make):
    bench = make(reboot_s=5.0).boot()
    bench.csms.say("BootNotification", boot_conf(0, "Pending", 60))
    bench.ask("Reset", {"type": "Hard"})
    bench.go(20.0)
    bench.do("plug_in", 1).do("present_token", 1, "TAG")
    assert bench.station.running(1)
    bench.forget()
    bench.go(70.0)
    assert bench.actions()[:4] == [
        "BootNotification",
        "StatusNotification",
        "StatusNotification",
        "StartTransaction",
    ]


def test_1_6_4_2_a_trigger_before_any_answer_to_the_boot_sends_nothing_but_boot(make):
    bench = make()
    bench.csms.say("BootNotification", SILENT)
    bench.do("start").do("connected").go(1.0)
    for what in ("StatusNotification", "Heartbeat", "MeterValues"):
        answer = bench.ask("TriggerMessage", {"requestedMessage": what})
        assert answer == {"status": "Rejected"}
    bench.go(40.0)
    assert set(bench.actions()) <= {"BootNotification"}


def test_1_6_4_2_rejected_still_answers_nothing_while_it_asks_again(make):
    bench = make()
    bench.csms.say("BootNotification", boot_conf(0, "Rejected", 60), SILENT)
    bench.do("start").do("connected").go(70.0)
    sent = len(bench.sent)
    bench.do("receive", b'[2,"q","GetConfiguration",{}]').go(1.0)
    assert len(bench.sent) == sent
