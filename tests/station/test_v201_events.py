"""OCPP 2.0.1: what TransactionEvent tells, field by field (E01-E14), and what is kept offline."""

from itertools import pairwise

import pytest
from station_harness import SILENT, Refuse

from simulator.station.ports import CallOutcome, EvState
from simulator.station.settings import Hardware

BOTH = {"TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected"}
APP = {"idToken": "APP", "type": "Central"}


@pytest.fixture
def make201(make):
    def build(configuration=None, **more):
        quiet = {"SampledDataCtrlr.TxUpdatedInterval": "0"}
        return make(
            version="2.0.1", configuration={**quiet, **(configuration or {})}, **more
        ).boot()

    return build


def charge(bench, token="TAG"):
    return bench.do("plug_in", 1).do("present_token", 1, token).go(1.0)


def sent(bench):
    return bench.payloads("TransactionEvent")


def end(bench):
    last = sent(bench)[-1]
    assert last["eventType"] == "Ended"
    return last["triggerReason"], last["transactionInfo"]["stoppedReason"]


# -- one field after another -----------------------------------------------------------------------


def test_e02_fr_18_the_number_of_phases_is_told_when_energy_begins_to_flow(make201):
    bench = make201()
    bench.meter.on_phases = 1
    charge(bench)
    assert [p.get("numberOfPhasesUsed") for p in sent(bench)] == [None, 1]


def test_e02_fr_19_and_again_when_it_changes(make201):
    bench = charge(make201())
    bench.do("ev_suspended", 1).go(1.0).do("ev_resumed", 1).go(1.0)
    bench.do("ev_suspended", 1).go(1.0)
    bench.meter.on_phases = 1
    bench.do("ev_resumed", 1).go(1.0)
    told = [p.get("numberOfPhasesUsed") for p in sent(bench)]
    assert told == [None, 3, None, None, None, 1]


def test_e02_fr_18_a_station_that_cannot_know_it_does_not_tell(make201):
    bench = make201()
    bench.meter.on_phases = None
    assert not [p for p in sent(charge(bench)) if "numberOfPhasesUsed" in p]


def test_e07_fr_02_a_token_is_told_once_where_it_is_authorised_and_once_where_it_ends_that(make201):
    bench = charge(make201(BOTH))
    bench.do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0)
    tokens = [(p["triggerReason"], p["idToken"]["idToken"]) for p in sent(bench) if "idToken" in p]
    assert tokens == [("Authorized", "TAG"), ("StopAuthorized", "TAG")]


def test_f02_fr_21_a_remote_start_that_waited_for_the_plug_says_remote_start(make201):
    bench = make201()
    bench.ask("RequestStartTransaction", {"idToken": APP, "remoteStartId": 77})
    bench.go(1.0).do("plug_in", 1).go(1.0)
    first = sent(bench)[0]
    assert (first["eventType"], first["triggerReason"]) == ("Started", "RemoteStart")
    assert first["transactionInfo"]["remoteStartId"] == 77
    assert first["transactionInfo"]["chargingState"] == "EVConnected" and first["evse"]["id"] == 1


def test_e02_fr_09_and_e06_fr_11_readings_have_the_context_of_begin_and_end(make201):
    every = "Energy.Active.Import.Register,Power.Active.Import"
    bench = make201(
        {
            "SampledDataCtrlr.TxStartedMeasurands": every,
            "SampledDataCtrlr.TxEndedMeasurands": every,
            "SampledDataCtrlr.TxUpdatedInterval": "30",
            "SampledDataCtrlr.TxEndedInterval": "30",
        }
    )
    charge(bench).go(70.0).do("present_token", 1, "TAG").go(1.0)
    first, last = sent(bench)[0], sent(bench)[-1]

    def contexts(event):
        values = [v["sampledValue"] for v in event["meterValue"]]
        return [{s["context"] for s in group}.pop() for group in values], {len(v) for v in values}

    assert contexts(first) == (["Transaction.Begin"], {2})
    periodic = ["Sample.Periodic"] * 2
    assert contexts(last) == (["Transaction.Begin", *periodic, "Transaction.End"], {2})
    updated = [p for p in sent(bench) if p["triggerReason"] == "MeterValuePeriodic"]
    assert [contexts(p)[0] for p in updated] == [["Sample.Periodic"]] * 2


@pytest.mark.parametrize(
    ("act", "trigger", "reason"),
    [
        (lambda b: b.do("present_token", 1, "TAG"), "StopAuthorized", "Local"),
        (lambda b: b.do("unplug", 1), "EVCommunicationLost", "EVDisconnected"),
        (lambda b: b.do("fault", 1), "AbnormalCondition", "Other"),
        (lambda b: b.do("fault", 1, code="GroundFailure"), "AbnormalCondition", "GroundFault"),
        (
            lambda b: b.do("fault", 1, code="OverCurrentFailure"),
            "AbnormalCondition",
            "OvercurrentFault",
        ),
        (lambda b: b.do("fault", 1, code="UnderVoltage"), "AbnormalCondition", "PowerQuality"),
        (lambda b: b.do("fault", 0), "AbnormalCondition", "Other"),
        (lambda b: b.do("stop_all", "PowerLoss"), "AbnormalCondition", "PowerLoss"),
        (lambda b: b.do("stop_all", "EmergencyStop"), "AbnormalCondition", "EmergencyStop"),
    ],
)
def test_e06_fr_08_and_fr_16_every_cause_has_its_reason_and_its_trigger(
    make201, act, trigger, reason
):
    bench = charge(make201())
    act(bench).go(1.0)
    assert end(bench) == (trigger, reason)


def test_f03_fr_03_stopped_from_afar_without_a_token(make201):
    bench = charge(make201())
    name = sent(bench)[0]["transactionInfo"]["transactionId"]
    assert bench.ask("RequestStopTransaction", {"transactionId": name}) == {"status": "Accepted"}
    bench.go(1.0)
    assert end(bench) == ("RemoteStop", "Remote") and "idToken" not in sent(bench)[-1]
    again = bench.ask("RequestStopTransaction", {"transactionId": name})
    assert again == {"status": "Rejected"}  # F03.FR.08


def test_f03_fr_02_where_the_plug_ends_transactions_only_the_energy_stops(make201):
    bench = charge(make201(BOTH))
    name = sent(bench)[0]["transactionInfo"]["transactionId"]
    bench.ask("RequestStopTransaction", {"transactionId": name})
    bench.go(1.0)
    assert bench.events()[-1] == ("Updated", "RemoteStop", "EVConnected")
    assert not bench.meter.since
    bench.do("unplug", 1).go(1.0)
    assert end(bench) == ("EVCommunicationLost", "Remote")  # F04.FR.03


def test_f03_a_transaction_stopped_before_the_plug_is_not_begun_by_the_plug(make201):
    bench = make201({"TxCtrlr.TxStartPoint": "Authorized"})
    bench.do("present_token", 1, "TAG").go(1.0)
    name = sent(bench)[0]["transactionInfo"]["transactionId"]
    bench.ask("RequestStopTransaction", {"transactionId": name})
    bench.go(1.0)
    assert end(bench) == ("RemoteStop", "Remote")
    bench.do("plug_in", 1).go(1.0)
    assert not bench.meter.since and len(sent(bench)) == 2


def test_e05_fr_10_a_token_refused_before_the_plug_charges_nothing(make201):
    bench = make201({"TxCtrlr.TxStartPoint": "Authorized"})
    bench.csms.say("TransactionEvent", {"idTokenInfo": {"status": "Blocked"}})
    bench.do("present_token", 1, "TAG").go(1.0)
    assert end(bench) == ("Deauthorized", "DeAuthorized")
    bench.do("plug_in", 1).go(1.0)
    assert not bench.meter.since and len(sent(bench)) == 2


def test_e05_fr_09_where_the_plug_ends_transactions_a_refused_token_stops_the_energy(make201):
    bench = make201(BOTH)
    bench.csms.say("TransactionEvent", {}, {"idTokenInfo": {"status": "Invalid"}})
    charge(bench)
    assert bench.events()[-1] == ("Updated", "Deauthorized", "EVConnected")
    bench.do("unplug", 1).go(1.0)
    assert end(bench) == ("EVCommunicationLost", "DeAuthorized")


def test_c01_fr_23_a_transaction_is_for_one_token_alone(make201):
    bench = charge(make201(BOTH))
    bench.do("present_token", 1, "TAG").go(1.0).do("present_token", 1, "OTHER").go(1.0)
    assert not bench.meter.since and bench.station.refused == 1
    request = {"idToken": APP, "remoteStartId": 1, "evseId": 1}
    answer = bench.ask("RequestStartTransaction", request)
    assert answer == {"status": "Rejected"}  # F01.FR.24
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.meter.since  # whoever began it may go on


def test_e03_fr_01_authorised_again_the_token_is_told_again(make201):
    bench = charge(make201(BOTH))
    bench.do("present_token", 1, "TAG").go(1.0)
    bench.forget()
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.events()[0] == ("Updated", "Authorized", "EVConnected")
    assert sent(bench)[0]["idToken"]["idToken"] == "TAG"
    bench.do("unplug", 1).go(1.0)
    assert end(bench) == ("EVCommunicationLost", "EVDisconnected")


def test_c01_fr_26_the_authorisation_ends_when_nobody_plugs_in(make201):
    bench = make201().do("present_token", 1, "TAG").go(61.0).do("plug_in", 1).go(1.0)
    assert not sent(bench) and not bench.meter.since


# -- numbers, queue, offline -----------------------------------------------------------------------


def test_e01_fr_07_numbers_go_on_over_a_reboot_and_begin_anew_with_each_transaction(make201):
    bench = charge(make201({"TxCtrlr.TxStopPoint": "EVConnected,Authorized"}, reboot_s=5.0))
    bench.csms.say("TransactionEvent", SILENT)
    bench.ask("Reset", {"type": "Immediate"})
    bench.go(60.0)
    assert [p["seqNo"] for p in sent(bench)] == [0, 1, 2, 2]
    bench.do("unplug", 1).go(1.0)
    charge(bench)
    assert [p["seqNo"] for p in sent(bench)][4:] == [0, 1]
    names = {p["transactionInfo"]["transactionId"] for p in sent(bench)}
    assert len(names) == 2


def test_e04_fr_03_events_that_happen_offline_say_so_and_others_do_not(make201):
    bench = charge(make201())
    bench.reachable = False
    bench.drop()
    bench.do("ev_suspended", 1).go(5.0)
    bench.reachable = True
    bench.go(60.0).do("ev_resumed", 1).go(1.0)
    marks = [p.get("offline", False) for p in sent(bench)]
    assert marks == [False, False, True, False]


def test_e11_fr_07_what_could_not_leave_before_the_connection_went_is_marked_offline(make201):
    bench = make201()
    bench.csms.say("TransactionEvent", SILENT)
    charge(bench)
    bench.drop()
    bench.forget()
    bench.go(60.0)
    # The first had left: it goes again as it was, lest the CSMS have it twice in different words.
    assert [p.get("offline", False) for p in sent(bench)] == [False, True]


def test_e04_fr_08_a_full_queue_gives_up_every_second_reading_and_keeps_the_course(make201):
    bench = make201({"SampledDataCtrlr.TxUpdatedInterval": "10"}, max_queue=10)
    bench.reachable = False
    bench.drop()
    charge(bench).go(600.0)
    bench.do("present_token", 1, "TAG").do("unplug", 1)
    left = [call for call in bench.station.queue if call.event.value == "sampled"]
    numbers = [int(call.body.partition('"seqNo":')[2].partition(",")[0]) for call in left]
    assert len(bench.station.queue) <= 11 and len(numbers) >= 3
    assert numbers[0] < 30, "the beginning is still there"
    assert numbers[-1] > 50, "and so is the end"
    kinds = [call.event.value for call in bench.station.queue]
    assert kinds[0] == "transaction_started" and kinds[-1] == "transaction_ended"
    skipped = [e for e in bench.log.ended if e.outcome is CallOutcome.SKIPPED]
    assert {e.detail for e in skipped} <= {"queue full", "offline"}


def test_e13_fr_02_to_fr_04_attempts_and_growing_waits_then_the_next(make201):
    keys = {
        "OCPPCommCtrlr.MessageAttempts[TransactionEvent]": "3",
        "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]": "20",
    }
    bench = make201(keys)
    bench.csms.say("TransactionEvent", Refuse(), Refuse(), Refuse())
    charge(bench).go(100.0)
    numbers = [p["seqNo"] for p in sent(bench)]
    times = bench.times("TransactionEvent")
    assert numbers == [0, 0, 0, 1]
    assert [round(b - a) for a, b in pairwise(times)] == [20, 40, 0]


def test_e13_a_changed_number_of_attempts_holds_for_what_waits(make201):
    bench = make201({"OCPPCommCtrlr.MessageAttempts[TransactionEvent]": "5"})
    bench.csms.always["TransactionEvent"] = Refuse()
    charge(bench)
    item = {
        "component": {"name": "ocppcommctrlr"},
        "variable": {"name": "MESSAGEATTEMPTS", "instance": "transactionevent"},
        "attributeValue": "1",
    }
    (result,) = bench.ask("SetVariables", {"setVariableData": [item]})["setVariableResult"]
    assert result["attributeStatus"] == "Accepted"
    bench.go(100.0)
    assert [p["seqNo"] for p in sent(bench)] == [0, 0, 1]


def test_e14_fr_08_what_is_not_about_a_transaction_does_not_count(make201):
    bench = make201({"AlignedDataCtrlr.Interval": "60"})
    bench.csms.say("MeterValues", Refuse())
    bench.go(61.0)
    assert bench.station.queue
    assert bench.ask("GetTransactionStatus") == {"messagesInQueue": False}


def test_e14_fr_01_to_fr_05_of_one_transaction(make201):
    bench = charge(make201())
    name = sent(bench)[0]["transactionInfo"]["transactionId"]

    def status(of):
        return bench.ask("GetTransactionStatus", {"transactionId": of})

    assert status("nobody's") == {"messagesInQueue": False, "ongoingIndicator": False}
    assert status(name) == {"messagesInQueue": False, "ongoingIndicator": True}
    bench.csms.say("TransactionEvent", Refuse())
    bench.do("present_token", 1, "TAG").go(1.0)
    assert status(name) == {"messagesInQueue": True, "ongoingIndicator": False}
    bench.go(100.0)
    assert status(name) == {"messagesInQueue": False, "ongoingIndicator": False}


# -- charging states -------------------------------------------------------------------------------


def test_e01_fr_18_every_charging_state_is_told_once_with_the_more_particular_trigger(make201):
    bench = make201(BOTH)
    bench.meter.state = EvState.SUSPENDED_EVSE
    charge(bench)
    bench.do("evse_resumed", 1).go(1.0).do("ev_suspended", 1).go(1.0)
    bench.do("evse_suspended", 1).go(1.0).do("evse_resumed", 1).go(1.0)
    assert bench.events() == [
        ("Started", "CablePluggedIn", "EVConnected"),
        ("Updated", "Authorized", "EVConnected"),
        ("Updated", "ChargingStateChanged", "SuspendedEVSE"),
        ("Updated", "ChargingStateChanged", "Charging"),
        ("Updated", "ChargingStateChanged", "SuspendedEV"),
        ("Updated", "ChargingStateChanged", "SuspendedEVSE"),
        ("Updated", "ChargingStateChanged", "SuspendedEV"),
    ]


def test_b02_fr_02_events_before_acceptance_wait_and_say_offline(make201):
    bench = make201(BOTH, reboot_s=5.0)
    bench.csms.say(
        "BootNotification",
        {"status": "Pending", "currentTime": "2026-06-01T06:00:10Z", "interval": 30},
    )
    item = {
        "component": {"name": "TxCtrlr"},
        "variable": {"name": "TxBeforeAcceptedEnabled"},
        "attributeValue": "TRUE",
    }
    (result,) = bench.ask("SetVariables", {"setVariableData": [item]})["setVariableResult"]
    assert result["attributeStatus"] == "Accepted"
    bench.ask("Reset", {"type": "Immediate"})
    bench.go(20.0)
    charge(bench)
    assert bench.meter.since and not sent(bench)
    bench.go(60.0)
    assert [p.get("offline") for p in sent(bench)] == [True, True, True]


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_b03_fr_01_nobody_charges_where_the_csms_does_not_accept_the_station(make201, status):
    bench = make201(BOTH, reboot_s=5.0)
    answer = {"status": status, "currentTime": "2026-06-01T06:00:10Z", "interval": 30}
    bench.csms.say("BootNotification", answer)
    bench.ask("Reset", {"type": "Immediate"})
    bench.go(20.0)
    charge(bench)
    assert not bench.meter.since and not bench.station.running(1)
    bench.go(60.0)
    assert bench.events() == [("Started", "CablePluggedIn", "EVConnected")]  # plugged in all along


def test_g05_fr_01_no_charging_with_a_lock_that_fails(make201):
    bench = make201(hardware=Hardware()).do("fault", 1, code="ConnectorLockFailure")
    charge(bench)
    assert not bench.meter.since
    request = {"evseId": 1, "connectorId": 1}
    assert bench.ask("UnlockConnector", request) == {"status": "UnlockFailed"}  # F05.FR.05
    (event,) = bench.payloads("NotifyEvent")[0]["eventData"]  # G05.FR.02
    assert event["component"]["name"] == "ConnectorPlugRetentionLock"
    assert event["component"]["evse"] == {"id": 1, "connectorId": 1}
    assert (event["variable"]["name"], event["actualValue"]) == ("Problem", "true")
    assert event["eventNotificationType"] == "HardWiredNotification"
    bench.do("unplug", 1).do("clear_fault", 1).go(1.0)
    assert bench.payloads("NotifyEvent")[1]["eventData"][0]["actualValue"] == "false"
    assert bench.ask("UnlockConnector", request) == {"status": "Unlocked"}
