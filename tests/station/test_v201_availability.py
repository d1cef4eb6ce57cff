"""OCPP 2.0.1: availability of station, EVSEs and connectors, unlocking, triggers (F05, F06, G)."""

import pytest
from station_harness import boot_conf

from simulator.station.settings import Hardware

APP = {"idToken": "APP", "type": "Central"}


@pytest.fixture
def make201(make):
    def build(**kwargs):
        return make(version="2.0.1", **{"evses": 2, "reboot_s": 5.0, **kwargs})

    return build


def change(bench, word, evse=None, connector=None):
    request = {"operationalStatus": word}
    if evse is not None:
        request["evse"] = {"id": evse}
    if connector is not None:
        request["evse"]["connectorId"] = connector
    answer = bench.ask("ChangeAvailability", request)["status"]
    bench.go(1.0)
    return answer


def out(bench, *where):
    return change(bench, "Inoperative", *where)


def back(bench, *where):
    return change(bench, "Operative", *where)


def charge(bench, evse=1):
    return bench.do("plug_in", evse).do("present_token", evse, f"TAG{evse}").go(1.0)


# -- three tiers -----------------------------------------------------------------------------------


def test_g04_fr_07_and_fr_08_evses_go_back_to_their_own_state_with_the_station(make201):
    bench = make201().boot()
    assert out(bench, 2) == "Accepted"
    assert out(bench) == "Accepted"
    assert bench.statuses(1) == ["Unavailable"] and bench.statuses(2) == ["Unavailable"]
    assert back(bench) == "Accepted"
    assert bench.statuses(1) == ["Unavailable", "Available"]
    assert bench.statuses(2) == ["Unavailable"]  # it was taken out by itself
    assert back(bench, 2) == "Accepted"
    assert bench.statuses(2) == ["Unavailable", "Available"]


def test_g03_fr_07_a_connector_goes_back_to_its_own_state_with_the_evse(make201):
    bench = make201().boot()
    out(bench, 1, 1)
    out(bench, 1)
    assert back(bench, 1) == "Accepted"
    assert bench.statuses(1) == ["Unavailable"]
    back(bench, 1, 1)
    assert bench.statuses(1) == ["Unavailable", "Available"]


def test_g03_fr_03_what_is_so_already_is_accepted_and_not_told(make201):
    bench = make201().boot()
    assert back(bench) == back(bench, 1) == back(bench, 1, 1) == "Accepted"
    out(bench, 1)
    bench.forget()
    assert out(bench, 1) == "Accepted" and not bench.statuses()


@pytest.mark.parametrize("where", [(0,), (3,), (-1,), (1, 2), (1, 0)])
def test_g03_fr_02_what_there_is_not_cannot_be_changed(make201, where):
    assert out(make201().boot(), *where) == "Rejected"


@pytest.mark.parametrize("where", [(), (1,), (1, 1)])
def test_g03_fr_08_and_g04_fr_09_it_lasts_over_a_reboot_on_its_tier(make201, where):
    bench = make201().boot()
    out(bench, *where)
    bench.ask("Reset", {"type": "Immediate"})
    bench.forget()
    bench.go(60.0)
    assert bench.statuses(1) == ["Unavailable"]
    assert bench.statuses(2) == (["Available"] if where else ["Unavailable"])
    back(bench, *where)
    assert bench.statuses(1) == ["Unavailable", "Available"]


# -- while something goes on -----------------------------------------------------------------------


def test_g03_fr_05_and_g01_fr_05_scheduled_until_the_ev_is_gone(make201):
    bench = charge(make201().boot())
    assert out(bench, 1) == "Scheduled"
    assert out(bench, 1) == "Scheduled"  # it is not in that state yet
    bench.do("present_token", 1, "TAG1").go(1.0)
    assert bench.statuses(1) == ["Occupied"]
    bench.do("present_token", 1, "TAG1").go(1.0)
    assert not bench.station.running(1)
    bench.do("unplug", 1).go(1.0)
    assert bench.statuses(1) == ["Occupied", "Unavailable"]


def test_g04_fr_06_of_the_station_the_free_ones_at_once_the_others_afterwards(make201):
    bench = charge(make201().boot())
    assert out(bench) == "Scheduled"
    assert bench.statuses(2) == ["Unavailable"] and bench.statuses(1) == ["Occupied"]
    bench.do("present_token", 1, "TAG1").do("unplug", 1).go(1.0)
    assert bench.statuses(1) == ["Occupied", "Unavailable"]


def test_g03_scheduled_may_be_taken_back(make201):
    bench = charge(make201().boot())
    out(bench, 1)
    assert back(bench, 1) == "Accepted"
    bench.do("present_token", 1, "TAG1").do("unplug", 1).go(1.0)
    assert bench.statuses(1) == ["Occupied", "Available"]


def test_g03_fr_05_an_open_transaction_that_nobody_is_authorised_for_counts_too(make201):
    points = {"TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected"}
    bench = make201(configuration=points).boot().do("plug_in", 1).go(1.0)
    assert out(bench, 1) == "Scheduled"
    bench.do("present_token", 1, "TAG").go(1.0)
    assert not bench.meter.since
    bench.do("unplug", 1).go(1.0)
    assert bench.statuses(1) == ["Occupied", "Unavailable"]


def test_g03_fr_06_a_cable_without_a_transaction_does_not_keep_it_in_service(make201):
    bench = charge(make201().boot()).do("present_token", 1, "TAG1").go(1.0)
    assert out(bench, 1) == "Accepted"
    assert bench.statuses(1) == ["Occupied", "Unavailable"]
    bench.do("unplug", 1).go(1.0)
    assert bench.statuses(1) == ["Occupied", "Unavailable"]
    assert back(bench, 1) == "Accepted"
    assert bench.statuses(1)[-1] == "Available"


def test_g01_a_cable_changes_nothing_where_nobody_can_charge(make201):
    bench = make201().boot()
    out(bench, 1)
    bench.do("fault", 2).go(1.0)
    bench.forget()
    bench.do("plug_in", 1).do("plug_in", 2).go(1.0)
    assert not bench.statuses()
    bench.do("unplug", 1).do("unplug", 2).go(1.0)
    assert not bench.statuses()
    bench.do("plug_in", 1).go(1.0)
    back(bench, 1)
    assert bench.statuses(1) == ["Occupied"]


def test_g04_fr_07_a_station_that_is_faulted_takes_its_evses_out_of_service(make201):
    bench = charge(make201().boot())
    out(bench, 2)
    bench.do("fault", 0).go(1.0)
    assert bench.statuses(1) == ["Occupied", "Unavailable"]
    assert bench.events()[-1][:2] == ("Ended", "AbnormalCondition")
    bench.do("clear_fault", 0).go(1.0)
    assert bench.statuses(1)[-1] == "Occupied" and bench.statuses(2) == ["Unavailable"]


def test_h01_fr_17_and_g03_a_reservation_does_not_survive_what_takes_its_evse_away(make201):
    bench = make201().boot()
    wish = {
        "id": 4,
        "evseId": 1,
        "expiryDateTime": "2026-06-01T09:00:00Z",
        "idToken": {"idToken": "TAG", "type": "ISO14443"},
    }
    bench.ask("ReserveNow", wish)
    out(bench, 1, 1)
    (update,) = bench.payloads("ReservationStatusUpdate")
    assert update == {"reservationId": 4, "reservationUpdateStatus": "Removed"}
    assert bench.statuses(1) == ["Reserved", "Unavailable"]


# -- UnlockConnector -------------------------------------------------------------------------------


@pytest.mark.parametrize("where", [(3, 1), (0, 1), (1, 2), (1, 0)])
def test_f05_fr_03_an_unknown_connector(make201, where):
    request = dict(zip(("evseId", "connectorId"), where, strict=True))
    assert make201().boot().ask("UnlockConnector", request) == {"status": "UnknownConnector"}


def test_f05_fr_02_and_fr_06_only_an_authorised_transaction_holds_it(make201):
    points = {"TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected"}
    bench = make201(configuration=points).boot()
    request = {"evseId": 1, "connectorId": 1}
    assert bench.ask("UnlockConnector", request) == {"status": "Unlocked"}  # nothing is plugged in
    bench.do("plug_in", 1).go(1.0)
    assert bench.ask("UnlockConnector", request) == {"status": "Unlocked"}
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.ask("UnlockConnector", request) == {"status": "OngoingAuthorizedTransaction"}
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.ask("UnlockConnector", request) == {"status": "Unlocked"}


# -- TriggerMessage --------------------------------------------------------------------------------


def trigger(bench, message, evse=None, connector=None):
    request = {"requestedMessage": message}
    if evse is not None:
        request["evse"] = {"id": evse, **({"connectorId": connector} if connector else {})}
    bench.forget()
    answer = bench.ask("TriggerMessage", request)["status"]
    bench.go(1.0)
    return answer


def test_f06_fr_06_and_fr_07_each_message_has_its_own_measurands(make201):
    keys = {
        "AlignedDataCtrlr.Measurands": "Voltage",
        "SampledDataCtrlr.TxUpdatedMeasurands": "Power.Active.Import",
        "SampledDataCtrlr.TxUpdatedInterval": "0",
    }
    bench = charge(make201(configuration=keys).boot())

    def read(payload):
        (value,) = payload["meterValue"]
        return [(s["measurand"], s["context"]) for s in value["sampledValue"]]

    assert trigger(bench, "MeterValues", 1) == "Accepted"
    (values,) = bench.payloads("MeterValues")
    assert read(values) == [("Voltage", "Trigger")] and values["evseId"] == 1
    assert trigger(bench, "TransactionEvent", 1) == "Accepted"
    (event,) = bench.payloads("TransactionEvent")
    assert read(event) == [("Power.Active.Import", "Trigger")]
    assert event["triggerReason"] == "Trigger"
    assert event["transactionInfo"]["chargingState"] == "Charging"


def test_f06_fr_06_what_is_asked_for_is_told_though_it_is_not_sent_at_intervals(make201):
    keys = {"AlignedDataCtrlr.Enabled": "false", "SampledDataCtrlr.Enabled": "false"}
    bench = make201(configuration=keys).boot()
    assert trigger(bench, "MeterValues", 2) == "Accepted"
    assert [p["evseId"] for p in bench.payloads("MeterValues")] == [2]


def test_f06_fr_10_what_could_not_be_sent_is_rejected(make201):
    bench = make201(configuration={"AlignedDataCtrlr.Measurands": ""}).boot()
    assert trigger(bench, "MeterValues") == "Rejected"


@pytest.mark.parametrize("evse", [0, 1, 99])
def test_f06_fr_03_an_evse_that_does_not_matter_is_not_looked_at(make201, evse):
    bench = make201().boot()
    assert trigger(bench, "Heartbeat", evse) == "Accepted"
    assert bench.actions() == ["Heartbeat"]


def test_f06_fr_05_one_that_does_matter_must_be_there(make201):
    bench = make201().boot()
    assert trigger(bench, "StatusNotification", 3, 1) == "Rejected"
    assert trigger(bench, "StatusNotification", 2, 1) == "Accepted"
    assert [p["evseId"] for p in bench.payloads("StatusNotification")] == [2]
    assert trigger(bench, "TransactionEvent", 1) == "Rejected"


def test_f06_fr_11_without_an_evse_all_of_them(make201):
    bench = make201().boot()
    assert trigger(bench, "StatusNotification") == "Accepted"
    assert [p["evseId"] for p in bench.payloads("StatusNotification")] == [1, 2]


def test_f06_fr_17_and_b01_fr_09_a_triggered_boot_says_so(make201):
    bench = make201()
    bench.csms.say("BootNotification", boot_conf(0, "Pending", 500))
    bench.start().go(5.0)
    assert trigger(bench, "BootNotification") == "Accepted"
    assert [p["reason"] for p in bench.payloads("BootNotification")] == ["Triggered"]
    assert trigger(bench, "BootNotification") == "Rejected"


def test_b01_fr_09_the_next_boot_is_not_triggered_any_more(make201):
    bench = make201()
    bench.csms.say("BootNotification", boot_conf(0, "Pending", 60), boot_conf(0, "Pending", 60))
    bench.start().go(5.0)
    trigger(bench, "BootNotification")
    bench.go(70.0)
    assert [p["reason"] for p in bench.payloads("BootNotification")] == ["Triggered", "PowerUp"]


def test_f06_fr_08_what_is_not_implemented(make201):
    bench = make201().boot()
    assert trigger(bench, "PublishFirmwareStatusNotification") == "NotImplemented"
    assert trigger(bench, "SignCombinedCertificate") == "NotImplemented"


# -- connector types -------------------------------------------------------------------------------


def reserve(bench, kind, number=1, evse=None):
    wish = {
        "id": number,
        "expiryDateTime": "2026-06-01T09:00:00Z",
        "idToken": {"idToken": f"TAG{number}", "type": "ISO14443"},
        "connectorType": kind,
        **({"evseId": evse} if evse else {}),
    }
    return bench.ask("ReserveNow", wish)["status"]


def test_h01_fr_06_and_fr_24_a_connector_of_a_type_is_kept_free(make201):
    bench = make201(hardware=Hardware(connector="sType2")).boot()
    assert reserve(bench, "sType2", 1) == "Accepted"
    bench.go(1.0)
    assert not bench.statuses()
    assert reserve(bench, "sType2", 2) == "Accepted"
    bench.go(1.0)
    assert bench.statuses() == ["Reserved", "Reserved"]
    assert reserve(bench, "sType2", 3) == "Occupied"


def test_h01_fr_09_no_station_keeps_a_type_free_that_it_does_not_have(make201):
    bench = make201(hardware=Hardware(connector="sType2")).boot()
    assert reserve(bench, "cCCS2") == "Rejected"
    assert reserve(bench, "cCCS2", 2, evse=1) == "Rejected"


def test_h03_fr_02_whoever_reserved_a_type_charges_by_it(make201):
    bench = make201(hardware=Hardware(connector="sType2"), evses=1).boot()
    reserve(bench, "sType2")
    bench.go(1.0).do("plug_in", 1).do("present_token", 1, "STRANGER").go(1.0)
    assert not bench.meter.since
    bench.do("present_token", 1, "TAG1").go(1.0)
    assert bench.meter.since
    assert bench.payloads("TransactionEvent")[0]["reservationId"] == 1
