"""What the CSMS may ask for: start, stop, unlock, availability, trigger, reset (1.6 §5)."""

import pytest
from station_harness import SILENT


def charge(bench, evse=1, token="TAG"):
    bench.do("plug_in", evse).do("present_token", evse, token)
    return bench.go(1.0)


# -- RemoteStartTransaction, RemoteStopTransaction ------------------------------------------------


@pytest.mark.parametrize(("asks", "authorize"), [("false", 0), ("true", 1)])
def test_1_6_5_11_authorize_remote_tx_requests_decides_if_the_csms_is_asked(make, asks, authorize):
    bench = make(configuration={"AuthorizeRemoteTxRequests": asks}).boot()
    bench.do("plug_in", 1).go(1.0)
    assert bench.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "APP"}) == {
        "status": "Accepted"
    }
    bench.go(1.0)
    assert bench.actions().count("Authorize") == authorize
    assert bench.payloads("StartTransaction")[0]["idTag"] == "APP"


def test_1_6_5_11_remote_start_waits_for_the_plug_and_gives_up_in_time(make):
    bench = make().boot()
    bench.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "APP"})
    bench.go(5.0)
    assert bench.statuses(1) == ["Preparing"]
    bench.do("plug_in", 1).go(1.0)
    assert bench.station.running(1)
    bench.do("unplug", 1).go(1.0)
    bench.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "APP"})
    bench.go(100.0).do("plug_in", 1).go(1.0)
    assert not bench.station.running(1)


def test_1_6_5_11_without_a_connector_the_station_chooses_where_somebody_plugged_in(make):
    bench = make(evses=3).boot()
    bench.do("plug_in", 2).go(1.0)
    bench.ask("RemoteStartTransaction", {"idTag": "APP"})
    bench.go(1.0)
    assert bench.station.running(2)
    bench.ask("RemoteStartTransaction", {"idTag": "APP2"})
    bench.go(1.0)
    assert bench.station.status(1).name == "PREPARING"


def test_1_6_5_11_remote_start_is_rejected_where_it_cannot_be(make):
    bench = make(evses=3).boot()
    charge(bench, 1)
    bench.do("fault", 2)
    bench.ask("ChangeAvailability", {"connectorId": 3, "type": "Inoperative"})
    bench.go(1.0)
    for number in (1, 2, 3, 4, 99):
        answer = bench.ask("RemoteStartTransaction", {"connectorId": number, "idTag": "APP"})
        assert answer == {"status": "Rejected"}
    assert bench.ask("RemoteStartTransaction", {"idTag": "APP"}) == {"status": "Rejected"}


def test_1_6_5_12_remote_stop_by_transaction_id(make):
    bench = charge(make().boot())
    assert bench.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Rejected"}
    assert bench.ask("RemoteStopTransaction", {"transactionId": 1001}) == {"status": "Accepted"}
    bench.go(1.0)
    assert bench.payloads("StopTransaction")[0]["reason"] == "Remote"
    assert bench.ask("RemoteStopTransaction", {"transactionId": 1001}) == {"status": "Rejected"}


def test_1_6_5_18_unlock_ends_the_transaction_first(make):
    bench = charge(make().boot())
    assert bench.ask("UnlockConnector", {"connectorId": 1}) == {"status": "Unlocked"}
    bench.go(1.0)
    assert bench.payloads("StopTransaction")[0]["reason"] == "UnlockCommand"


@pytest.mark.parametrize("number", [0, 2, -1, 1000])
def test_1_6_err_3_87_unlock_of_an_unknown_connector_is_not_supported(make, number):
    assert make().boot().ask("UnlockConnector", {"connectorId": number}) == {
        "status": "NotSupported"
    }


# -- ChangeAvailability ---------------------------------------------------------------------------


def test_1_6_5_2_availability_changes_and_is_reported(make):
    bench = make().boot()
    assert bench.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}) == {
        "status": "Accepted"
    }
    bench.go(1.0)
    assert bench.statuses(1) == ["Unavailable"]
    assert bench.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}) == {
        "status": "Accepted"
    }
    bench.go(1.0).do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    assert bench.statuses(1) == ["Unavailable"] and bench.payloads("Authorize") == []
    bench.ask("ChangeAvailability", {"connectorId": 1, "type": "Operative"})
    bench.go(1.0)
    assert bench.statuses(1) == ["Unavailable", "Preparing"]


def test_1_6_5_2_scheduled_while_a_transaction_runs(make):
    bench = charge(make(evses=2).boot())
    bench.forget()
    assert bench.ask("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}) == {
        "status": "Scheduled"
    }
    bench.go(1.0)
    assert (bench.statuses(0), bench.statuses(1), bench.statuses(2)) == ([], [], ["Unavailable"])
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.statuses(0) == ["Unavailable"]
    bench.do("unplug", 1).go(1.0)
    assert bench.statuses(1) == ["Finishing", "Unavailable"]


def test_1_6_5_2_what_is_scheduled_may_be_taken_back(make):
    bench = charge(make(evses=2).boot())
    for word in ("Inoperative", "Operative"):
        bench.ask("ChangeAvailability", {"connectorId": 0, "type": word})
    bench.go(1.0).do("unplug", 1).go(1.0)
    assert "Unavailable" not in bench.statuses(0) + bench.statuses(1)


def test_1_6_5_2_an_unknown_connector_is_rejected(make):
    bench = make().boot()
    assert bench.ask("ChangeAvailability", {"connectorId": 7, "type": "Operative"}) == {
        "status": "Rejected"
    }


def test_1_6_4_9_unavailable_persists_over_a_reboot(make):
    bench = make(evses=2, reboot_s=5.0).boot()
    bench.ask("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"})
    bench.go(1.0)
    bench.ask("Reset", {"type": "Hard"})
    bench.forget()
    bench.go(30.0)
    assert [bench.statuses(n) for n in (0, 1, 2)] == [["Available"], ["Available"], ["Unavailable"]]


# -- TriggerMessage -------------------------------------------------------------------------------


def test_1_6_5_17_the_answer_first_then_the_message(make):
    bench = make(evses=2).boot()
    for requested, sent in (
        ({"requestedMessage": "Heartbeat"}, ["Heartbeat"]),
        ({"requestedMessage": "Heartbeat", "connectorId": 9}, ["Heartbeat"]),
        ({"requestedMessage": "StatusNotification"}, ["StatusNotification"] * 3),
        ({"requestedMessage": "StatusNotification", "connectorId": 0}, ["StatusNotification"]),
        ({"requestedMessage": "MeterValues", "connectorId": 2}, ["MeterValues"]),
    ):
        bench.forget()
        assert bench.ask("TriggerMessage", requested) == {"status": "Accepted"}
        bench.go(1.0)
        assert bench.actions() == sent


@pytest.mark.parametrize(
    ("requested", "status"),
    [
        ({"requestedMessage": "WeatherReport"}, "NotImplemented"),
        ({"requestedMessage": "StatusNotification", "connectorId": 9}, "Rejected"),
        ({"requestedMessage": "MeterValues", "connectorId": 9}, "Rejected"),
        ({"requestedMessage": "BootNotification"}, "Rejected"),
    ],
)
def test_1_6_5_17_what_cannot_be_triggered(make, requested, status):
    """BootNotification once accepted: errata 3.35."""
    bench = make().boot()
    assert bench.ask("TriggerMessage", requested) == {"status": status}
    bench.go(1.0)
    assert bench.sent == []


def test_1_6_5_17_triggers_that_are_not_waited_for_do_not_pile_up(make):
    bench = make().boot()
    bench.csms.say("StatusNotification", SILENT)
    bench.do("plug_in", 1)
    for _ in range(50):
        bench.ask("TriggerMessage", {"requestedMessage": "StatusNotification"})
    assert bench.station.pending == 3


# -- ClearCache, DataTransfer ---------------------------------------------------------------------


def test_1_6_err_3_23_clear_cache_without_a_cache_is_rejected(make):
    bench = make(configuration={"AuthorizationCacheEnabled": "false"}).boot()
    assert bench.ask("ClearCache") == {"status": "Rejected"}


def test_1_6_4_3_data_transfer_of_an_unknown_vendor(make):
    answer = make().boot().ask("DataTransfer", {"vendorId": "org.example", "data": "x" * 5000})
    assert answer == {"status": "UnknownVendorId"}


# -- Reset ----------------------------------------------------------------------------------------


def test_1_6_5_14_soft_reset_stops_sends_drops_boots(make):
    bench = charge(make(reboot_s=20.0).boot())
    bench.forget()
    begin = bench.now
    assert bench.ask("Reset", {"type": "Soft"}) == {"status": "Accepted"}
    bench.go(60.0)
    assert bench.actions() == [
        "StopTransaction",
        "StatusNotification",
        "BootNotification",
        "StatusNotification",
        "StatusNotification",
    ]
    assert bench.payloads("StopTransaction")[0]["reason"] == "SoftReset"
    closed_at, code, why = bench.closes[0]
    assert (code, why) == (1001, "reset")
    assert closed_at == pytest.approx(begin + 0.1)  # as soon as both messages are answered
    assert bench.times("BootNotification")[0] == closed_at + 20.0
    assert bench.statuses(1) == ["Finishing", "Finishing"]


def test_1_6_5_14_a_soft_reset_waits_only_so_long_and_keeps_the_stop(make):
    bench = charge(make(reset_grace_s=10.0, reboot_s=5.0).boot())
    bench.csms.say("StopTransaction", SILENT)
    begin = bench.now
    bench.ask("Reset", {"type": "Soft"})
    bench.go(60.0)
    assert bench.closes[0][0] == begin + 10.0
    boot = bench.actions().index("BootNotification")
    assert "StopTransaction" in bench.actions()[boot:]
    assert [what for _, what, _ in bench.log.notes] == ["retried"]
    assert ("closed", 1) in bench.log.transactions


def test_1_6_5_14_hard_reset_drops_at_once_and_stops_after_the_reboot(make):
    bench = charge(make(reboot_s=20.0).boot())
    bench.forget()
    begin = bench.now
    bench.ask("Reset", {"type": "Hard"})
    assert bench.frames == [bench.answers[-1]]
    bench.go(60.0)
    assert bench.closes[0][0] == begin
    assert bench.actions()[0] == "BootNotification" and bench.actions()[-1] == "StopTransaction"
    assert bench.payloads("StopTransaction")[0]["reason"] == "HardReset"
    assert bench.times("BootNotification")[0] == begin + 20.0


def test_while_rebooting_nobody_is_served(make):
    bench = make(reboot_s=20.0).boot()
    bench.do("present_token", 1, "TAG").go(1.0)
    bench.ask("Reset", {"type": "Hard"})
    bench.forget()
    bench.go(2.0)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(60.0)
    assert bench.payloads("StartTransaction") == [] == bench.payloads("Authorize")
    assert bench.statuses(1)[0] == "Preparing"


def test_a_reset_that_the_connection_does_not_survive_still_reboots(make):
    bench = charge(make(reboot_s=20.0).boot())
    bench.csms.say("StopTransaction", SILENT)
    bench.ask("Reset", {"type": "Soft"})
    bench.go(1.0)
    lost_at = bench.now
    bench.drop()
    bench.go(60.0)
    assert bench.times("BootNotification")[-1] == lost_at + 20.0


def test_a_second_reset_changes_nothing(make):
    bench = charge(make(latency=1.0, reboot_s=5.0).boot().go(5.0)).go(10.0)
    begin = bench.now
    bench.ask("Reset", {"type": "Soft"})
    bench.ask("Reset", {"type": "Soft"})
    bench.go(60.0)
    assert bench.closes[0][0] == pytest.approx(begin + 2.0)
    assert bench.payloads("StopTransaction")[0]["reason"] == "SoftReset"
    assert len(bench.log.boots) == 2


def test_while_a_reset_is_under_way_nothing_new_begins(make):
    bench = charge(make(latency=3.0, evses=2).boot().go(20.0)).go(20.0)
    bench.do("plug_in", 2).go(10.0)
    bench.ask("Reset", {"type": "Soft"})
    assert bench.ask("RemoteStartTransaction", {"idTag": "APP"}) == {"status": "Rejected"}
    bench.forget()
    bench.do("present_token", 2, "LATE").go(60.0)
    assert "Authorize" not in bench.actions() and bench.station.refused == 1


def test_1_6_5_2_out_of_service_ends_the_wait_for_a_plug(make):
    bench = make().boot()
    bench.do("present_token", 1, "TAG").go(1.0)
    bench.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    bench.go(1.0).do("plug_in", 1).go(1.0)
    assert not bench.station.running(1)
    assert bench.statuses(1) == ["Preparing", "Available", "Unavailable"]
