"""OCPP 2.0.1: boot, statuses, authorisation and transactions, requirement by requirement."""

import pytest
from station_harness import SILENT, Refuse

POINTS = {"TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected"}
APP = {"idToken": "APP", "type": "Central"}


@pytest.fixture
def make201(make):
    def build(**kwargs):
        return make(version="2.0.1", **kwargs)

    return build


def charge(bench, token="TAG"):
    return bench.do("plug_in", 1).do("present_token", 1, token).go(1.0)


def transaction(bench):
    return bench.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"]


def test_b01_fr_05_every_connector_is_reported_after_accepted_and_no_station(make201):
    bench = make201(evses=2).start().go(5.0)
    assert bench.actions()[:3] == ["BootNotification", "StatusNotification", "StatusNotification"]
    assert bench.actions()[3:] == ["SecurityEventNotification"]
    assert [p["evseId"] for p in bench.payloads("StatusNotification")] == [1, 2]
    assert bench.payloads("BootNotification")[0]["reason"] == "PowerUp"


def test_b03_fr_08_a_rejected_station_answers_with_a_security_error(make201):
    bench = make201()
    bench.csms.always["BootNotification"] = {
        "status": "Rejected",
        "currentTime": "2026-06-01T06:00:00Z",
        "interval": 60,
    }
    bench.start().go(1.0)
    assert bench.call("GetTransactionStatus")[2] == "SecurityError"


def test_a_session_from_the_plug_to_the_end(make201):
    bench = make201(configuration={"SampledDataCtrlr.TxUpdatedInterval": "60"}).boot()
    charge(bench)
    bench.go(120.0)
    bench.do("ev_suspended", 1).go(1.0)
    bench.do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0)
    assert bench.statuses(1) == ["Occupied", "Available"]
    assert bench.events() == [
        ("Started", "Authorized", "EVConnected"),
        ("Updated", "ChargingStateChanged", "Charging"),
        ("Updated", "MeterValuePeriodic", "Charging"),
        ("Updated", "MeterValuePeriodic", "Charging"),
        ("Updated", "ChargingStateChanged", "SuspendedEV"),
        ("Ended", "StopAuthorized", "EVConnected"),
    ]
    sent = bench.payloads("TransactionEvent")
    assert [p["seqNo"] for p in sent] == list(range(6))
    assert len({p["transactionInfo"]["transactionId"] for p in sent}) == 1
    assert sent[-1]["transactionInfo"]["stoppedReason"] == "Local"
    assert [e[0] for e in bench.log.transactions] == ["started", "confirmed", "stopped", "closed"]


def test_e01_fr_01_a_transaction_may_begin_with_the_plug_and_end_with_it(make201):
    bench = make201(configuration=POINTS).boot()
    bench.do("plug_in", 1).go(1.0).do("present_token", 1, "TAG").go(10.0)
    bench.do("present_token", 1, "TAG").go(10.0).do("unplug", 1).go(1.0)
    assert bench.events() == [
        ("Started", "CablePluggedIn", "EVConnected"),
        ("Updated", "Authorized", "EVConnected"),
        ("Updated", "ChargingStateChanged", "Charging"),
        ("Updated", "StopAuthorized", "EVConnected"),
        ("Ended", "EVCommunicationLost", "Idle"),
    ]
    sent = bench.payloads("TransactionEvent")
    assert sent[-1]["transactionInfo"]["stoppedReason"] == "Local"
    assert "idToken" not in sent[0] and sent[1]["idToken"]["idToken"] == "TAG"


def test_e01_a_transaction_may_begin_with_the_authorisation(make201):
    bench = make201(configuration={"TxCtrlr.TxStartPoint": "Authorized"}).boot()
    bench.do("present_token", 1, "TAG").go(1.0).do("plug_in", 1).go(1.0)
    assert bench.events() == [
        ("Started", "Authorized", "Idle"),
        ("Updated", "CablePluggedIn", "EVConnected"),
        ("Updated", "ChargingStateChanged", "Charging"),
    ]


def test_e03_fr_05_authorised_but_never_plugged_in_ends_with_a_timeout(make201):
    bench = make201(configuration={"TxCtrlr.TxStartPoint": "Authorized"}).boot()
    bench.do("present_token", 1, "TAG").go(61.0)
    assert bench.events()[-1] == ("Ended", "EVConnectTimeout", "Idle")
    last = bench.payloads("TransactionEvent")[-1]
    assert last["transactionInfo"]["stoppedReason"] == "Timeout"
    assert not bench.station.running(1)


def test_e04_fr_01_events_of_an_outage_are_queued_and_say_so(make201):
    bench = make201().boot()
    charge(bench)
    bench.reachable = False
    bench.drop()
    bench.go(5.0).do("present_token", 1, "TAG").go(5.0)
    bench.reachable = True
    bench.forget()
    bench.go(60.0)
    sent = bench.payloads("TransactionEvent")
    assert [p["eventType"] for p in sent] == ["Ended"] and sent[0]["offline"] is True


def test_e05_fr_02_a_token_refused_in_the_answer_ends_the_transaction(make201):
    bench = make201().boot()
    bench.csms.say("TransactionEvent", {"idTokenInfo": {"status": "Blocked"}})
    charge(bench)
    last = bench.payloads("TransactionEvent")[-1]
    assert last["triggerReason"] == "Deauthorized"
    assert last["transactionInfo"]["stoppedReason"] == "DeAuthorized"


def test_e13_fr_02_an_event_that_is_refused_is_tried_again_in_order(make201):
    bench = make201().boot()
    bench.csms.say("TransactionEvent", Refuse(), SILENT)
    charge(bench)
    bench.go(400.0)
    numbers = [p["seqNo"] for p in bench.payloads("TransactionEvent")]
    assert numbers[:4] == [0, 0, 0, 1]


def test_f02_fr_01_the_remote_start_id_is_in_the_first_event_after_the_request(make201):
    bench = make201().boot()
    request = {"idToken": APP, "remoteStartId": 77}
    assert bench.ask("RequestStartTransaction", request) == {"status": "Accepted"}
    bench.go(1.0).do("plug_in", 1).go(1.0)
    first, second = bench.payloads("TransactionEvent")[:2]
    assert first["transactionInfo"]["remoteStartId"] == 77 and first["idToken"]["type"] == "Central"
    assert "remoteStartId" not in second["transactionInfo"]


def test_f01_fr_13_a_transaction_that_the_cable_began_is_named_in_the_answer(make201):
    bench = make201(configuration=POINTS).boot()
    bench.do("plug_in", 1).go(1.0)
    request = {"idToken": APP, "remoteStartId": 5, "evseId": 1}
    answer = bench.ask("RequestStartTransaction", request)
    assert answer == {"status": "Accepted", "transactionId": transaction(bench)}
    bench.go(1.0)
    assert bench.events()[1] == ("Updated", "RemoteStart", "EVConnected")


def test_f03_fr_01_remote_stop_by_transaction_id(make201):
    bench = charge(make201().boot())
    name = transaction(bench)
    assert bench.ask("RequestStopTransaction", {"transactionId": "x"}) == {"status": "Rejected"}
    assert bench.ask("RequestStopTransaction", {"transactionId": name}) == {"status": "Accepted"}
    bench.go(1.0)
    assert bench.events()[-1][:2] == ("Ended", "RemoteStop")


def test_b12_fr_01_a_reset_on_idle_waits_for_the_transaction(make201):
    bench = charge(make201().boot())
    assert bench.ask("Reset", {"type": "OnIdle"}) == {"status": "Scheduled"}
    bench.go(50.0)
    assert bench.station.running(1)
    bench.do("present_token", 1, "TAG").go(60.0)
    assert bench.payloads("BootNotification")[0]["reason"] == "ScheduledReset"
    assert bench.events()[-1][:2] == ("Ended", "StopAuthorized")


def test_b11_fr_03_a_reset_at_once_ends_transactions(make201):
    bench = charge(make201().boot())
    assert bench.ask("Reset", {"type": "Immediate"}) == {"status": "Accepted"}
    bench.go(60.0)
    last = bench.payloads("TransactionEvent")[-1]
    assert last["triggerReason"] == "ResetCommand"
    assert last["transactionInfo"]["stoppedReason"] == "ImmediateReset"
    assert bench.payloads("BootNotification")[0]["reason"] == "RemoteReset"


def test_e14_what_waits_to_be_told(make201):
    bench = make201().boot()
    assert bench.ask("GetTransactionStatus") == {"messagesInQueue": False}
    charge(bench)
    answer = bench.ask("GetTransactionStatus", {"transactionId": transaction(bench)})
    assert answer == {"messagesInQueue": False, "ongoingIndicator": True}


def test_b04_fr_01_after_a_long_outage_every_connector_is_reported(make201):
    bench = make201(evses=2).boot()
    bench.reachable = False
    bench.drop()
    bench.go(70.0)
    bench.reachable = True
    bench.go(120.0)
    assert bench.statuses() == ["Available", "Available"]


def test_b04_fr_02_after_a_short_one_only_what_changed(make201):
    bench = make201(evses=2).boot()
    bench.drop()
    bench.do("plug_in", 2)
    bench.go(30.0)
    assert bench.statuses() == ["Occupied"]


def test_g03_fr_05_unavailable_is_scheduled_in_a_transaction(make201):
    bench = charge(make201().boot())
    request = {"operationalStatus": "Inoperative", "evse": {"id": 1}}
    assert bench.ask("ChangeAvailability", request) == {"status": "Scheduled"}
    bench.do("present_token", 1, "TAG").do("unplug", 1).go(1.0)
    assert bench.statuses(1)[-1] == "Unavailable"


def test_f05_a_connector_is_not_unlocked_in_a_transaction(make201):
    bench = make201().boot()
    request = {"evseId": 1, "connectorId": 1}
    assert bench.ask("UnlockConnector", request) == {"status": "Unlocked"}
    charge(bench)
    assert bench.ask("UnlockConnector", request) == {"status": "OngoingAuthorizedTransaction"}
    nowhere = {"evseId": 7, "connectorId": 1}
    assert bench.ask("UnlockConnector", nowhere) == {"status": "UnknownConnector"}


def test_f06_a_transaction_event_may_be_triggered_and_keeps_its_number(make201):
    bench = make201().boot()
    request = {"requestedMessage": "TransactionEvent"}
    assert bench.ask("TriggerMessage", request) == {"status": "Rejected"}
    charge(bench)
    assert bench.ask("TriggerMessage", request) == {"status": "Accepted"}
    bench.go(1.0)
    last = bench.payloads("TransactionEvent")[-1]
    assert (last["triggerReason"], last["seqNo"]) == ("Trigger", 2) and last["meterValue"]


def test_j01_fr_14_clock_aligned_in_a_transaction_and_outside_of_one(make201):
    bench = make201(evses=2, configuration={"AlignedDataCtrlr.Interval": "900"}).boot()
    charge(bench)
    bench.forget()
    bench.go(900.0)
    sent = bench.payloads("TransactionEvent")
    assert [p["triggerReason"] for p in sent].count("MeterValueClock") == 1
    assert [p["evseId"] for p in bench.payloads("MeterValues")] == [2, 0]


def test_an_unknown_message_type_is_answered_so(make201):
    bench = make201().boot()
    assert bench.feed(b'[9,"x","Reset",{}]')[0][:3] == [4, "x", "MessageTypeNotSupported"]
