"""OCPP 1.6: requirements of its edges, found by trying to refute the station."""

import pytest
from station_harness import EPOCH, SILENT, boot_conf

from simulator.station import clock
from simulator.station.ports import Transfer
from simulator.station.settings import Hardware

FIXED = Hardware(current="dc", connector="cCCS2")


def later(bench, seconds):
    return clock.iso(EPOCH + bench.now + seconds)


def change(bench, key, value):
    return bench.ask("ChangeConfiguration", {"key": key, "value": value})["status"]


def charge(bench, evse=1, token="TAG"):
    bench.do("plug_in", evse).do("present_token", evse, token)
    return bench.go(0.3)


def profile(limit=10, **schedule):
    return {
        "connectorId": 0,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
                **schedule,
            },
        },
    }


# -- times ----------------------------------------------------------------------------------------


def test_1_6_7_27_a_token_that_expired_in_1970_is_expired(make):
    bench = make(configuration={"LocalPreAuthorize": "true"}).boot()
    entry = {
        "idTag": "OLD",
        "idTagInfo": {"status": "Accepted", "expiryDate": "1970-01-01T00:00:00Z"},
    }
    update = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]}
    assert bench.ask("SendLocalList", update) == {"status": "Accepted"}
    bench.reachable = False
    bench.drop()
    charge(bench, token="OLD")
    assert not bench.station.running(1)


def test_1_6_7_27_a_token_may_be_valid_until_the_year_9999(make):
    bench = make().boot()
    info = {"status": "Accepted", "expiryDate": "9999-12-31T23:59:59Z"}
    bench.csms.say("Authorize", {"idTagInfo": info})
    charge(bench)
    assert bench.station.running(1) and not bench.log.violations


def test_1_6_5_13_a_reservation_may_be_for_as_long_as_the_calendar_goes(make):
    bench = make().boot()
    wish = {
        "connectorId": 1,
        "idTag": "R",
        "reservationId": 1,
        "expiryDate": "9999-12-31T23:59:59Z",
    }
    assert bench.ask("ReserveNow", wish) == {"status": "Accepted"}
    bench.go(100_000.0)
    assert bench.station.status(1).name == "RESERVED"


def test_1_6_5_16_4_a_schedule_may_have_begun_in_1970(make):
    bench = make().boot()
    request = profile(startSchedule="1970-01-01T00:00:00Z")
    request["csChargingProfiles"].update(
        chargingProfileKind="Recurring", recurrencyKind="Daily", validTo="9999-12-31T23:59:59Z"
    )
    assert bench.ask("SetChargingProfile", request) == {"status": "Accepted"}
    charge(bench)
    assert bench.meter.limits[-1][2] == 10 * 230 * 3


def test_1_6_5_19_firmware_may_be_fetched_since_1970(make):
    bench = make().boot()
    bench.ask(
        "UpdateFirmware", {"location": "http://x/1.2", "retrieveDate": "1970-01-01T00:00:00Z"}
    )
    assert len(bench.transfers) == 1


def test_1_6_7_14_a_limit_has_at_most_one_digit_after_the_point(make):
    bench = make().boot()
    assert bench.call("SetChargingProfile", profile(8.15))[2] == "PropertyConstraintViolation"
    for limit in (8.1, 16, 0.3, 22_080.7):
        assert bench.ask("SetChargingProfile", profile(limit)) == {"status": "Accepted"}


# -- before the station is accepted ---------------------------------------------------------------


def test_1_6_4_2_a_pending_station_asks_for_a_certificate_if_it_is_told_to(make):
    bench = make(configuration={"CpoName": "Operator"})
    bench.csms.say("BootNotification", boot_conf(0.0, "Pending", 1000))
    bench.start().go(1.0).forget()
    request = {"requestedMessage": "SignChargePointCertificate"}
    assert bench.ask("ExtendedTriggerMessage", request) == {"status": "Accepted"}
    bench.go(1.0)
    assert bench.actions() == ["SignCertificate"]
    bench.feed("no JSON").clear()
    bench.ask(
        "GetLog",
        {"logType": "DiagnosticsLog", "requestId": 1, "log": {"remoteLocation": "http://x/"}},
    )
    bench.go(1.0)
    assert bench.actions() == ["SignCertificate"], "nothing that nobody asked for"


# -- what is triggered ----------------------------------------------------------------------------


def test_1_6_5_17_meter_values_of_nothing_are_rejected(make):
    bench = make(configuration={"MeterValuesSampledData": ""}).boot()
    assert bench.ask("TriggerMessage", {"requestedMessage": "MeterValues"}) == {
        "status": "Rejected"
    }


def test_1_6_4_5_an_update_that_waits_or_boots_is_not_idle(make):
    bench = charge(make().boot())
    bench.ask(
        "UpdateFirmware", {"location": "http://x/fw-2.1.bin", "retrieveDate": later(bench, -5)}
    )
    bench.go(1.0).transfer().go(1.0)
    told = []
    for act in ("waits", "installs"):
        bench.forget()
        bench.ask("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"})
        bench.go(0.5)
        told += [p["status"] for p in bench.payloads("FirmwareStatusNotification")]
        if act == "waits":
            bench.do("unplug", 1).go(30.0)
    assert told == ["Downloaded", "Installing"]


# -- configuration --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["9.RST", "3.RST", "1.RST,1.RTS", "0.RST,1.RST,2.RST,3.RST"])
def test_1_6_9_1_7_a_rotation_is_of_one_connector_that_there_is(make, value):
    bench = make(evses=2).boot()
    assert change(bench, "ConnectorPhaseRotation", value) == "Rejected"
    assert change(bench, "ConnectorPhaseRotation", "0.RST,1.RTS,2.SRT") == "RebootRequired"


def test_1_6_err_3_91_the_most_meter_values_of_a_stop_cannot_be_changed(make):
    assert change(make().boot(), "StopTransactionMaxMeterValues", "100") == "Rejected"


def test_1_6_err_3_84_a_fixed_cable_is_never_unlocked(make):
    bench = make(hardware=FIXED).boot()
    name = "UnlockConnectorOnEVSideDisconnect"
    (row,) = bench.ask("GetConfiguration", {"key": [name]})["configurationKey"]
    assert row == {"key": name, "readonly": True, "value": "false"}
    assert change(bench, name, "true") == "Rejected"
    assert change(make().boot(), name, "false") == "Accepted"


def test_1_6_7_46_a_fixed_cable_has_no_lock_and_its_transaction_goes_on(make):
    bench = charge(make(hardware=FIXED).boot())
    assert bench.ask("UnlockConnector", {"connectorId": 1}) == {"status": "NotSupported"}
    assert bench.station.running(1)


# -- local list, faults, logs ---------------------------------------------------------------------


def test_1_6_5_10_any_version_may_follow_that_of_an_empty_list(make):
    bench = make().boot()
    entry = {"idTag": "A", "idTagInfo": {"status": "Accepted"}}
    full = {"listVersion": 5, "updateType": "Full"}
    bench.ask("SendLocalList", {**full, "localAuthorizationList": [entry]})
    bench.ask("SendLocalList", full)
    assert bench.ask("GetLocalListVersion") == {"listVersion": 0}
    more = {"listVersion": 1, "updateType": "Differential", "localAuthorizationList": [entry]}
    assert bench.ask("SendLocalList", more) == {"status": "Accepted"}
    assert bench.ask("GetLocalListVersion") == {"listVersion": 1}


@pytest.mark.parametrize("code", ["EVCommunicationError", "LocalListConflict", "NoError", "?"])
def test_1_6_4_9_a_warning_is_no_fault(make, code):
    bench = make().boot()
    with pytest.raises(ValueError, match="expected one of"):
        bench.do("fault", 1, code=code)


def test_1_6_5_9_a_reset_breaks_an_upload_off_and_it_begins_anew_after_it(make):
    bench = make().boot()
    bench.ask("GetDiagnostics", {"location": "http://x/"})
    (first,) = bench.transfers
    bench.ask("Reset", {"type": "Hard"})
    bench.go(5.0)
    assert bench.abandoned == [first.id] and len(bench.transfers) == 1
    bench.go(30.0)
    again = bench.transfers[1]
    assert (again.name, again.data) == (first.name, first.data)
    bench.do("transferred", again.id, Transfer.DONE).go(1.0)
    assert bench.payloads("DiagnosticsStatusNotification")[-1] == {"status": "Uploaded"}


def test_1_6_3_5_2_concurrent_tx_marks_a_listed_token_as_valid(make):
    bench = make(configuration={"LocalPreAuthorize": "true"}).boot()
    entry = {"idTag": "TAG", "idTagInfo": {"status": "ConcurrentTx"}}
    update = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]}
    bench.ask("SendLocalList", update)
    charge(bench)
    assert bench.station.running(1) and "Authorize" not in bench.actions()
    assert bench.statuses(0) == []


def test_1_6_4_9_why_a_transaction_was_suspended_is_not_said_once_it_ended(make):
    bench = make(configuration={"StopTransactionOnEVSideDisconnect": "false"}).boot()
    charge(bench).do("unplug", 1).do("present_token", 1, "TAG").go(1.0)
    told = [(p["status"], p.get("info")) for p in bench.payloads("StatusNotification")]
    assert told[-2:] == [("SuspendedEV", "EV side disconnected"), ("Available", None)]


def test_1_6_5_14_a_hard_reset_does_not_wait_for_what_a_soft_one_waits_for(make):
    bench = charge(make(reset_grace_s=1000.0).boot())
    bench.csms.say("StopTransaction", SILENT)
    bench.ask("Reset", {"type": "Soft"})
    bench.go(5.0)
    assert not bench.closes
    assert bench.ask("Reset", {"type": "Hard"}) == {"status": "Accepted"}
    assert len(bench.closes) == 1
    bench.go(60.0)
    assert bench.actions()[-1] == "StopTransaction"


@pytest.mark.parametrize(("step_s", "ends_after"), [(60.0, 40.0), (500.0, 1.0), (-30.0, 130.0)])
def test_1_6_5_13_a_reservation_ends_by_the_clock_however_it_is_set(make, step_s, ends_after):
    bench = make().boot()
    wish = {"connectorId": 1, "idTag": "R", "reservationId": 1, "expiryDate": later(bench, 100)}
    assert bench.ask("ReserveNow", wish) == {"status": "Accepted"}
    bench.csms.say("Heartbeat", {"currentTime": later(bench, step_s)})
    bench.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    bench.go(max(ends_after - 1.0, 0.5))
    assert bench.statuses(1)[-1] == ("Reserved" if ends_after > 1.0 else "Available")
    bench.go(2.0)
    assert bench.statuses(1) == ["Reserved", "Available"]
