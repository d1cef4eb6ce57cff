"""OCPP 2.0.1: Reset of the station and of a single EVSE (B11, B12)."""

import pytest
from station_harness import SILENT

TWO = {"configuration": {"TxCtrlr.EVConnectionTimeOut": "0"}, "evses": 2, "reboot_s": 8.0}


@pytest.fixture
def make201(make):
    def build(**kwargs):
        return make(version="2.0.1", **{**TWO, **kwargs}).boot()

    return build


def charge(bench, evse=1, token="TAG"):
    return bench.do("plug_in", evse).do("present_token", evse, token).go(1.0)


def last(bench):
    return bench.payloads("TransactionEvent")[-1]


def reset(bench, kind, evse=None):
    where = {} if evse is None else {"evseId": evse}
    return bench.ask("Reset", {"type": kind, **where})["status"]


def test_b11_fr_08_an_idle_evse_is_reset_alone_and_is_out_of_service_meanwhile(make201):
    bench = make201()
    assert reset(bench, "OnIdle", 2) == "Accepted"
    bench.go(1.0)
    assert bench.statuses() == ["Unavailable"]
    bench.do("present_token", 2, "TAG").do("plug_in", 2).go(1.0)
    assert not bench.station.running(2)
    bench.do("unplug", 2).go(10.0)
    assert bench.statuses(2) == ["Unavailable", "Available"] and not bench.statuses(1)
    assert "BootNotification" not in bench.actions()
    charge(bench, 2)
    assert bench.station.running(2)


def test_b12_fr_08_an_immediate_reset_ends_the_transaction_of_that_evse_alone(make201):
    bench = charge(charge(make201(), 1), 2, "OTHER")
    bench.forget()
    assert reset(bench, "Immediate", 1) == "Accepted"
    bench.go(20.0)
    (event,) = bench.payloads("TransactionEvent")
    assert (event["eventType"], event["triggerReason"]) == ("Ended", "ResetCommand")
    assert event["transactionInfo"]["stoppedReason"] == "ImmediateReset"
    assert event["transactionInfo"]["chargingState"] == "EVConnected" and "idToken" not in event
    assert bench.station.running(2) and not bench.station.running(1)
    assert bench.statuses(1) == ["Unavailable", "Occupied"]
    assert bench.connects == [0.0]


def test_b12_fr_01_and_fr_07_on_idle_the_transaction_ends_as_its_driver_wants(make201):
    bench = charge(make201())
    assert reset(bench, "OnIdle", 1) == "Scheduled"
    bench.go(60.0)
    assert bench.station.running(1)
    bench.forget()
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.events() == [("Ended", "StopAuthorized", "EVConnected")]
    assert bench.statuses(1) == ["Unavailable"]
    bench.do("unplug", 1).go(10.0)
    assert bench.statuses(1) == ["Unavailable", "Available"]


def test_b12_nobody_else_begins_where_a_reset_is_due(make201):
    bench = charge(make201())
    reset(bench, "OnIdle", 1)
    request = {"idToken": {"idToken": "APP", "type": "Central"}, "remoteStartId": 1, "evseId": 1}
    assert bench.ask("RequestStartTransaction", request) == {"status": "Rejected"}
    assert reset(bench, "OnIdle", 1) == "Scheduled"
    bench.do("present_token", 1, "TAG").go(20.0)
    assert bench.statuses(1)[-2:] == ["Unavailable", "Occupied"]


def test_b11_fr_05_a_reserved_evse_is_reserved_again_after_its_reset(make201):
    bench = make201()
    wish = {
        "id": 9,
        "evseId": 1,
        "expiryDateTime": "2026-06-01T09:00:00Z",
        "idToken": {"idToken": "TAG", "type": "ISO14443"},
    }
    assert bench.ask("ReserveNow", wish) == {"status": "Accepted"}
    assert reset(bench, "OnIdle", 1) == "Scheduled"
    assert reset(bench, "Immediate", 1) == "Accepted"
    bench.go(20.0)
    assert bench.statuses(1) == ["Reserved", "Unavailable", "Reserved"]
    assert "ReservationStatusUpdate" not in bench.actions()


def test_b12_fr_06_what_the_csms_took_out_of_service_stays_so_over_the_reset_of_an_evse(make201):
    bench = make201()
    where = {"operationalStatus": "Inoperative", "evse": {"id": 1}}
    assert bench.ask("ChangeAvailability", where) == {"status": "Accepted"}
    assert reset(bench, "Immediate", 1) == "Accepted"
    bench.go(20.0)
    assert bench.statuses(1) == ["Unavailable"]


def test_b11_fr_10_allow_reset_says_that_evses_can_be_reset(make201):
    bench = make201()
    item = {"component": {"name": "EVSE", "evse": {"id": 2}}, "variable": {"name": "AllowReset"}}
    (found,) = bench.ask("GetVariables", {"getVariableData": [item]})["getVariableResult"]
    assert found["attributeValue"] == "true"


@pytest.mark.parametrize("evse", [0, -1, 3, 2**31])
def test_b11_an_evse_that_there_is_not_cannot_be_reset(make201, evse):
    assert reset(make201(), "Immediate", evse) == "Rejected"


def test_b11_fr_06_an_evse_is_not_reset_twice_at_once_nor_while_the_station_is(make201):
    bench = make201()
    assert reset(bench, "Immediate", 1) == "Accepted"
    assert reset(bench, "Immediate", 1) == "Rejected"
    assert reset(bench, "Immediate", 2) == "Accepted"
    bench.go(20.0)
    charge(bench, 1)
    assert reset(bench, "OnIdle") == "Scheduled"
    assert reset(bench, "Immediate", 2) == "Rejected"


def test_b12_a_reset_of_the_station_overtakes_that_of_an_evse(make201):
    bench = charge(make201())
    reset(bench, "OnIdle", 1)
    assert reset(bench, "Immediate") == "Accepted"
    bench.go(60.0)
    assert bench.payloads("BootNotification")[0]["reason"] == "RemoteReset"
    assert bench.statuses(1)[-1] == "Occupied"
    bench.do("unplug", 1).go(1.0)
    charge(bench)
    assert bench.station.running(1)


def test_b12_fr_02_an_immediate_reset_does_not_wait_for_one_on_idle(make201):
    bench = charge(make201())
    assert reset(bench, "OnIdle") == "Scheduled"
    assert reset(bench, "OnIdle") == "Scheduled"
    assert reset(bench, "Immediate") == "Accepted"
    bench.go(60.0)
    assert last(bench)["transactionInfo"]["stoppedReason"] == "ImmediateReset"
    assert len(bench.payloads("BootNotification")) == 1


def test_b12_on_idle_evses_that_are_free_are_unavailable_until_the_reset(make201):
    bench = charge(make201())
    bench.forget()
    assert reset(bench, "OnIdle") == "Scheduled"
    bench.go(1.0)
    assert bench.statuses(2) == ["Unavailable"] and not bench.statuses(1)
    charge(bench, 2, "OTHER")
    assert not bench.station.running(2)
    bench.do("unplug", 2).do("present_token", 1, "TAG").do("unplug", 1).go(60.0)
    assert bench.payloads("BootNotification")[0]["reason"] == "ScheduledReset"
    assert bench.statuses(2) == ["Unavailable", "Available"]


def test_b12_on_idle_a_car_that_comes_begins_nothing_by_its_plug(make201):
    points = {"TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected"}
    bench = charge(make201(configuration=points))
    reset(bench, "OnIdle")
    bench.do("plug_in", 2).go(5.0)
    assert not bench.station.running(2)
    bench.do("unplug", 1).go(60.0)
    assert bench.log.boots[-1] > 5.0
    assert bench.station.running(2)  # plugged in all along, once the station is accepted
    assert bench.events()[-1] == ("Started", "CablePluggedIn", "EVConnected")


def test_b12_who_was_accepted_and_has_not_plugged_in_yet_may_still(make201):
    bench = make201().do("present_token", 1, "TAG").go(1.0)
    assert reset(bench, "OnIdle") == "Scheduled"
    bench.do("plug_in", 1).go(1.0)
    assert bench.station.running(1)
    bench.do("present_token", 1, "TAG").do("unplug", 1).go(60.0)
    assert len(bench.payloads("BootNotification")) == 1


def test_b12_fr_04_every_transaction_ends_with_the_reset_whatever_ended_its_authorisation(make201):
    points = {"TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected"}
    bench = charge(make201(configuration=points))
    bench.do("present_token", 1, "TAG").go(1.0)
    assert last(bench)["triggerReason"] == "StopAuthorized"
    reset(bench, "Immediate")
    bench.go(5.0)
    assert last(bench)["triggerReason"] == "ResetCommand"
    assert last(bench)["transactionInfo"]["stoppedReason"] == "ImmediateReset"
    assert "idToken" not in last(bench)


def test_b12_fr_05_an_end_that_is_not_answered_is_told_after_the_reboot(make201):
    bench = charge(make201(reset_grace_s=5.0))
    bench.csms.say("TransactionEvent", SILENT)
    reset(bench, "Immediate")
    bench.go(60.0)
    ends = [p for p in bench.payloads("TransactionEvent") if p["eventType"] == "Ended"]
    assert len(ends) == 2 and ends[0]["seqNo"] == ends[1]["seqNo"]
    assert bench.actions().index("BootNotification") < len(bench.actions()) - 1


def test_b11_fr_06_no_reset_while_firmware_is_installed(make201):
    bench = make201(install_s=30.0)
    firmware = {
        "location": "https://a.example/fw-2.1.bin",
        "retrieveDateTime": "2026-06-01T06:00:00Z",
    }
    bench.ask("UpdateFirmware", {"requestId": 1, "firmware": firmware})
    assert reset(bench, "OnIdle") == "Scheduled"
    bench.transfer()
    assert reset(bench, "Immediate") == "Rejected"
    bench.go(90.0)
    assert [p["reason"] for p in bench.payloads("BootNotification")] == ["FirmwareUpdate"]
