"""Transactions: a session, the queue, retries with their exact waits (1.6 §3.7, §4.8, §4.10)."""

import pytest
from station_harness import SILENT, Refuse

from simulator.station.ports import CallOutcome

ONE_A_MINUTE = {"MeterValueSampleInterval": "60"}
RETRY = {"TransactionMessageAttempts": "3", "TransactionMessageRetryInterval": "60"}


def charge(bench, evse=1, token="TAG"):
    bench.do("plug_in", evse).do("present_token", evse, token)
    return bench.go(1.0)


def test_a_whole_session_message_by_message(make):
    bench = make(configuration=ONE_A_MINUTE).boot()
    begin = bench.now
    bench.do("plug_in", 1, due=begin - 0.25).do("present_token", 1, "Tag-1")
    bench.run(begin + 200.0).do("present_token", 1, "TAG-1").do("unplug", 1).go(5.0)
    assert bench.actions() == [
        "StatusNotification",
        "Authorize",
        "StartTransaction",
        "StatusNotification",
        "MeterValues",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
        "StatusNotification",
        "StatusNotification",
    ]
    assert bench.payloads("Authorize") == [{"idTag": "Tag-1"}]
    (start,) = bench.payloads("StartTransaction")
    assert (start["connectorId"], start["idTag"]) == (1, "Tag-1")
    assert start["meterStart"] == 1_000_000
    (stop,) = bench.payloads("StopTransaction")
    assert (stop["transactionId"], stop["idTag"], stop["reason"]) == (1001, "TAG-1", "Local")
    assert "transactionData" not in stop
    started = begin + 0.1
    assert stop["meterStop"] - start["meterStart"] == round((200 - 0.1) * 11_000 / 3600)
    assert bench.log.transactions == [
        ("started", 1, 1, "Tag-1", pytest.approx(started), 1_000_000.0),
        ("confirmed", 1, "1001", "Accepted"),
        ("stopped", 1, "Local", pytest.approx(1_000_000 + (200 - 0.1) * 11_000 / 3600)),
        ("closed", 1),
    ]
    assert bench.meter.switched == [(pytest.approx(started), 1, True), (begin + 200.0, 1, False)]
    assert bench.log.violations == []
    assert set(bench.log.outcomes()) == {CallOutcome.ANSWERED}


def test_1_6_4_8_the_transaction_id_may_be_anything_whole(make):
    for number in (0, -5, 2**31, 2**62):
        bench = make().boot()
        bench.csms.say(
            "StartTransaction", {"transactionId": number, "idTagInfo": {"status": "Accepted"}}
        )
        charge(bench).go(70.0)
        bench.do("unplug", 1).go(1.0)
        assert bench.payloads("MeterValues")[0]["transactionId"] == number
        assert bench.payloads("StopTransaction")[0]["transactionId"] == number


def test_1_6_4_8_meter_values_and_stop_wait_for_the_id(make):
    bench = make(configuration={**RETRY, "MeterValueSampleInterval": "10"}).boot()
    bench.csms.say("StartTransaction", SILENT)
    charge(bench)
    start = bench.times("StartTransaction")[0]
    bench.go(25.0)
    bench.do("unplug", 1)
    assert "MeterValues" not in bench.actions() and "StopTransaction" not in bench.actions()
    bench.run(start + 30.0 + 60.0 + 5.0)
    assert bench.times("StartTransaction") == [start, start + 90.0]
    queued = [a for a in bench.actions() if a != "StatusNotification"]
    assert queued == ["Authorize", "StartTransaction"] * 1 + [
        "StartTransaction",
        "MeterValues",
        "MeterValues",
        "StopTransaction",
    ]
    assert {p["transactionId"] for p in bench.payloads("MeterValues")} == {1001}


def test_1_6_3_7_1_waits_are_the_interval_times_the_number_of_tries_then_discard(make):
    """The example of §3.7.1: attempts 3, interval 60: waits of 60 s and 120 s, then given up."""
    bench = make(configuration=RETRY).boot()
    charge(bench)
    bench.csms.always["StopTransaction"] = Refuse("InternalError")
    bench.do("unplug", 1)
    begin = bench.now
    bench.go(1000.0)
    tries = bench.times("StopTransaction")
    failed = [begin + 0.05]
    assert tries == [begin, *(failed[0] + 60.0,), failed[0] + 60.05 + 120.0]
    attempts = [(due, n) for action, due, n in bench.log.planned if action == "StopTransaction"]
    assert attempts == [(tries[0], 1), (tries[1], 2), (tries[2], 3)]
    assert bench.log.outcomes("StopTransaction") == [CallOutcome.CALLERROR] * 3
    assert bench.log.notes == [(1, "discarded", pytest.approx(tries[2] + 0.05))]


def test_1_6_3_7_1_no_answer_in_time_is_a_failure_too(make):
    bench = make(configuration=RETRY).boot()
    charge(bench)
    bench.csms.say("StopTransaction", SILENT)
    bench.do("unplug", 1)
    begin = bench.now
    bench.go(200.0)
    assert bench.times("StopTransaction") == [begin, begin + 30.0 + 60.0]
    assert [note[1] for note in bench.log.notes] == ["retried"]
    assert bench.log.transactions[-1] == ("closed", 1)


def test_1_6_3_7_1_a_discarded_message_lets_the_next_one_go(make):
    bench = make(evses=2, configuration={**RETRY, "MeterValueSampleInterval": "0"}).boot()
    charge(bench)
    charge(bench, 2, "TWO")
    bench.csms.say("StopTransaction", *[Refuse()] * 3)
    bench.do("unplug", 1).do("unplug", 2).go(1000.0)
    ids = [p["transactionId"] for p in bench.payloads("StopTransaction")]
    assert ids == [1001, 1001, 1001, 1002]
    assert ("closed", 2) in bench.log.transactions and ("closed", 1) not in bench.log.transactions


def test_1_6_err_3_18_never_confirmed_start_leaves_transaction_id_minus_1(make):
    bench = make(configuration={**RETRY, "MeterValueSampleInterval": "100"}).boot()
    bench.csms.always["StartTransaction"] = Refuse()
    charge(bench).go(350.0)
    bench.do("unplug", 1).go(5.0)
    assert len(bench.payloads("StartTransaction")) == 3
    assert [p["transactionId"] for p in bench.payloads("MeterValues")] == [-1, -1, -1]
    assert bench.payloads("StopTransaction")[0]["transactionId"] == -1
    assert bench.log.notes == [
        (1, "discarded", pytest.approx(bench.times("StartTransaction")[2] + 0.05))
    ]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"transactionId": 5},
        {"transactionId": "5", "idTagInfo": {"status": "Accepted"}},
        {"transactionId": True, "idTagInfo": {"status": "Accepted"}},
        {"transactionId": 5.5, "idTagInfo": {"status": "Accepted"}},
        {"transactionId": 10**30, "idTagInfo": {"status": "Accepted"}},
        {"transactionId": 5, "idTagInfo": {"status": "Yes"}},
        {"transactionId": 5, "idTagInfo": "Accepted"},
    ],
)
def test_a_start_answered_without_a_usable_id_is_tried_again(make, answer):
    bench = make(configuration=RETRY).boot()
    bench.csms.say("StartTransaction", answer)
    charge(bench).go(100.0)
    assert len(bench.payloads("StartTransaction")) == 2
    ((kind, why),) = bench.log.violations
    assert kind == "malformed" and why.startswith("answer to StartTransaction: ")
    assert bench.payloads("MeterValues")[0]["transactionId"] == 1001


def test_1_6_3_7_transaction_messages_are_queued_offline_in_order(make):
    bench = make(configuration=ONE_A_MINUTE, backoff_min_s=300.0, backoff_random_s=0.0).boot()
    charge(bench).forget()
    began = bench.log.transactions[0][4]
    lost_at = bench.now
    bench.drop()
    bench.go(150.0)
    bench.do("present_token", 1, "TAG").do("unplug", 1)
    bench.do("plug_in", 1).do("present_token", 1, "NEXT")
    assert bench.sent == []
    back = lost_at + 300.0
    bench.run(back + 2.0)
    queued = [a for a in bench.actions() if a != "StatusNotification"]
    assert (
        queued
        == ["MeterValues"] * 2 + ["StopTransaction", "StartTransaction"] + ["MeterValues"] * 2
    )
    ids = [p.get("transactionId") for p in bench.payloads("MeterValues")]
    assert ids == [1001, 1001, 1002, 1002]
    waited = next(e for e in bench.log.ended if e.action == "MeterValues")
    assert waited.due == pytest.approx(began + 60.0)
    assert waited.station == pytest.approx(back - waited.due)
    assert waited.rest == pytest.approx(0.0)
    assert bench.log.notes == []


def test_1_6_3_7_others_may_overtake_what_was_queued_offline(make):
    bench = (
        make(evses=2, configuration=ONE_A_MINUTE, backoff_min_s=600.0, latency=2.0).boot().go(20.0)
    )
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(20.0)
    bench.drop()
    bench.go(601.0).do("plug_in", 2)
    bench.forget()
    bench.run(bench.connects[0] + 700.0)
    back = bench.connects[-1]
    assert bench.actions()[0] == "StatusNotification"
    bench.forget()
    bench.do("present_token", 2, "OTHER").go(6.0)
    assert bench.actions()[0] == "Authorize" or bench.actions()[1] == "Authorize"
    assert back < bench.now


def test_new_transaction_messages_keep_their_place_among_the_others(make):
    """Online, what happened first is sent first: StartTransaction before the status Charging."""
    bench = make(latency=0.5).boot()
    charge(bench).go(5.0)
    assert bench.actions() == [
        "StatusNotification",
        "Authorize",
        "StartTransaction",
        "StatusNotification",
    ]


def test_1_6_3_7_a_message_lost_in_flight_is_sent_again_after_the_reconnect(make):
    bench = make(configuration=RETRY).boot()
    charge(bench).go(5.0)
    bench.csms.say("StopTransaction", SILENT)
    bench.do("unplug", 1).go(3.0)
    lost_at = bench.now
    bench.drop()
    bench.go(60.0)
    first, second = [e for e in bench.log.ended if e.action == "StopTransaction"]
    assert first.outcome is CallOutcome.CONNECTION_LOST and first.ended == lost_at
    assert second.outcome is CallOutcome.ANSWERED
    assert second.due == lost_at
    assert second.written == bench.times("StopTransaction")[1] >= bench.connects[1]
    assert second.station == pytest.approx(bench.connects[1] - lost_at)
    assert bench.log.notes == [(1, "retried", second.written)]
    assert [n for a, _, n in bench.log.planned if a == "StopTransaction"] == [1, 2]


def test_a_lost_connection_uses_up_no_attempt(make):
    bench = make(configuration={**RETRY, "TransactionMessageAttempts": "1"}).boot()
    charge(bench).go(5.0)
    bench.csms.say("StopTransaction", SILENT, SILENT, SILENT)
    bench.do("unplug", 1)
    for _ in range(3):
        bench.go(100.0 if bench.station.call is None else 1.0)
        bench.drop()
        bench.go(29.0)
    bench.go(200.0)
    assert ("closed", 1) in bench.log.transactions
    assert {what for _, what, _ in bench.log.notes} == {"retried"}


def test_a_full_queue_gives_up_its_oldest_meter_values_and_no_start_or_stop(make):
    bench = make(
        configuration={"MeterValueSampleInterval": "1"},
        max_queue=20,
        backoff_min_s=1000.0,
        backoff_random_s=0.0,
    ).boot()
    charge(bench).go(5.5)
    bench.drop()
    for _ in range(15):
        bench.go(10.0).do("present_token", 1, "TAG").do("unplug", 1)
        bench.do("plug_in", 1).do("present_token", 1, "TAG")
    bench.go(10.0)
    assert len(bench.station.queue) <= 35
    bench.forget()
    bench.run(1100.0)
    assert len(bench.payloads("StartTransaction")) == len(bench.payloads("StopTransaction")) == 15
    skipped = [e for e in bench.log.ended if e.outcome is CallOutcome.SKIPPED]
    assert skipped and {e.action for e in skipped} == {"MeterValues"}
    assert {e.detail for e in skipped} == {"queue full"}


@pytest.mark.parametrize("status", ["Invalid", "Blocked", "Expired", "ConcurrentTx"])
def test_1_6_3_5_4_start_not_accepted_stops_the_transaction_deauthorized(make, status):
    bench = make().boot()
    bench.csms.say("StartTransaction", {"transactionId": 9, "idTagInfo": {"status": status}})
    charge(bench)
    (stop,) = bench.payloads("StopTransaction")
    assert stop["reason"] == "DeAuthorized" and "idTag" not in stop
    assert bench.statuses(1) == ["Preparing", "Charging", "Finishing"]
    assert bench.log.violations == [("id_rejected", f"StartTransaction: {status}")]


def test_1_6_3_5_4_or_only_its_energy_without_stop_transaction_on_invalid_id(make):
    bench = make(configuration={"StopTransactionOnInvalidId": "false"}).boot()
    bench.csms.say("StartTransaction", {"transactionId": 9, "idTagInfo": {"status": "Invalid"}})
    charge(bench).do("ev_resumed", 1).do("evse_resumed", 1).go(200.0)
    assert bench.payloads("StopTransaction") == []
    assert bench.statuses(1) == ["Preparing", "Charging", "SuspendedEVSE"]
    assert [on for _, _, on in bench.meter.switched] == [True, False]
    bench.do("unplug", 1).go(1.0)
    assert bench.payloads("StopTransaction")[0]["reason"] == "EVDisconnected"


def test_1_6_4_10_reasons_and_tokens_of_a_stop(make):
    def stopped(how):
        bench = charge(make().boot())
        how(bench)
        bench.go(2.0)
        (stop,) = bench.payloads("StopTransaction")
        return stop["reason"], stop.get("idTag")

    assert stopped(lambda b: b.do("present_token", 1, "tag")) == ("Local", "tag")
    assert stopped(lambda b: b.do("unplug", 1)) == ("EVDisconnected", None)
    assert stopped(lambda b: b.ask("RemoteStopTransaction", {"transactionId": 1001})) == (
        "Remote",
        None,
    )
    assert stopped(lambda b: b.ask("UnlockConnector", {"connectorId": 1})) == (
        "UnlockCommand",
        None,
    )
    assert stopped(lambda b: b.ask("Reset", {"type": "Soft"})) == ("SoftReset", None)
    assert stopped(lambda b: b.do("fault", 1)) == ("Other", None)
    assert stopped(lambda b: b.do("stop_all", "Local")) == ("Local", "TAG")
    assert stopped(lambda b: b.do("stop_all", "PowerLoss")) == ("PowerLoss", None)


def test_registers_are_not_rebased_and_never_fall(make):
    bench = make().boot()
    for _ in range(3):
        charge(bench).go(100.0).do("present_token", 1, "TAG").do("unplug", 1).go(10.0)
    starts = [p["meterStart"] for p in bench.payloads("StartTransaction")]
    stops = [p["meterStop"] for p in bench.payloads("StopTransaction")]
    assert starts[1:] == stops[:-1]
    readings = [
        int(p["meterValue"][0]["sampledValue"][0]["value"]) for p in bench.payloads("MeterValues")
    ]
    merged = [*zip(starts, readings, stops, strict=True)]
    assert [value for row in merged for value in row] == sorted(v for row in merged for v in row)


def test_finish_censors_what_is_due_and_nothing_else(make):
    bench = make(configuration={**RETRY, "MeterValueSampleInterval": "10"}).boot()
    bench.csms.say("StartTransaction", SILENT)
    charge(bench).go(25.0)
    bench.do("plug_in", 1)
    pending = bench.station.pending
    bench.close()
    assert (
        bench.log.outcomes().count(CallOutcome.CENSORED) == pending == 4
    )  # start, status, samples
    bench.do("unplug", 1).go(1000.0)
    assert bench.station.take_effects() == []


def test_finish_in_a_retry_interval_censors_no_attempt_that_was_not_due(make):
    bench = make(configuration=RETRY).boot()
    charge(bench)
    bench.csms.say("StopTransaction", Refuse())
    bench.do("unplug", 1).go(10.0)
    assert bench.station.pending == 0
    bench.close()
    assert CallOutcome.CENSORED not in bench.log.outcomes()


def test_a_refused_start_stops_its_own_transaction_alone(make):
    bench = make(latency=5.0).boot().go(20.0)
    answer = {"transactionId": 7, "idTagInfo": {"status": "Blocked"}}
    bench.csms.say("StartTransaction", answer)
    bench.do("plug_in", 1).do("present_token", 1, "FIRST").go(11.0)
    assert bench.actions()[-1] == "StartTransaction"
    bench.do("unplug", 1).do("plug_in", 1)
    bench.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "SECOND"})
    bench.go(60.0)
    assert bench.station.running(1)
    assert [p["reason"] for p in bench.payloads("StopTransaction")] == ["EVDisconnected"]


def test_a_transaction_that_was_never_confirmed_cannot_be_stopped_by_minus_1(make):
    bench = make(configuration={"TransactionMessageAttempts": "1"}).boot()
    bench.csms.say("StartTransaction", Refuse())
    charge(bench)
    assert bench.ask("RemoteStopTransaction", {"transactionId": -1}) == {"status": "Rejected"}
    assert bench.station.running(1)


def test_a_full_queue_keeps_the_meter_values_that_wait_for_their_retry(make):
    bench = make(configuration={**RETRY, "MeterValueSampleInterval": "1"}, max_queue=5).boot()
    charge(bench)
    bench.csms.say("MeterValues", Refuse())
    bench.go(30.0)
    head = bench.station.queue[0]
    assert head.failures == 1 and len(bench.station.queue) == 5
    bench.go(40.0)
    assert [n for a, _, n in bench.log.planned if a == "MeterValues"].count(2) == 1
