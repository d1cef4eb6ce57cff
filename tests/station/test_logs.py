"""Logs: GetDiagnostics (1.6 §5.9) and GetLog (whitepaper and 2.0.1 N01)."""

import pytest
from station_harness import clock
from station_papers import GET_LOG

from simulator.station.diary import MOST
from simulator.station.ports import Transfer

SECURITY_LOG = GET_LOG | {"logType": "SecurityLog"}
DIAGNOSTICS = {"location": "http://files.example/up"}


def told(bench, action="LogStatusNotification"):
    return [p["status"] for p in bench.payloads(action)]


@pytest.fixture(params=["1.6", "2.0.1"])
def bench(request, make):
    return make(version=request.param).boot()


def test_n01_fr_01_to_fr_09_uploading_uploaded_with_name_and_request_id(bench):
    answer = bench.ask("GetLog", GET_LOG)
    assert answer["status"] == "Accepted"
    upload = bench.transfers[0]
    assert answer["filename"] == upload.name
    assert upload.url == GET_LOG["log"]["remoteLocation"]
    bench.go(1.0).transfer().go(1.0)
    assert bench.payloads("LogStatusNotification") == [
        {"status": "Uploading", "requestId": 41},
        {"status": "Uploaded", "requestId": 41},
    ]


def test_n01_fr_04_the_diagnostics_say_what_the_station_did_last(bench):
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(60.0)
    bench.do("unplug", 1).go(1.0).do("fault", 1, code="GroundFailure")
    bench.ask("GetLog", GET_LOG)
    text = bench.transfers[0].data.decode()
    assert "station CSW-1 Vendor Model SN-1" in text
    assert "evse 1 faulted 1000183 Wh fault GroundFailure" in text
    for what in ("boot", "transaction_started evse 1", "transaction_ended evse 1", "faulted evse"):
        assert what in text
    assert "sampled" not in text


def test_n01_the_diary_is_bounded(bench):
    for _ in range(3 * MOST):
        bench.do("fault", 1).do("clear_fault", 1)
    bench.ask("GetLog", GET_LOG)
    assert len(bench.transfers[0].data.splitlines()) < MOST + 20


def test_n01_only_what_lies_between_the_times_asked_for(bench):
    bench.go(100.0).do("fault", 1).go(100.0)
    cut = clock.iso(bench.station.clock_zero + bench.now)
    bench.do("clear_fault", 1)
    window = GET_LOG | {"log": GET_LOG["log"] | {"latestTimestamp": cut}}
    bench.ask("GetLog", window)
    assert "faulted evse 1" in bench.transfers[0].data.decode()
    window = GET_LOG | {"log": GET_LOG["log"] | {"oldestTimestamp": cut}}
    bench.ask("GetLog", window)
    assert "faulted evse 1" not in bench.transfers[1].data.decode()


def test_n01_fr_03_the_security_log(bench):
    bench.ask("GetLog", SECURITY_LOG)
    assert "StartupOfTheDevice PowerUp" in bench.transfers[0].data.decode()


def test_n01_fr_05_rejected_where_there_is_nothing(bench):
    late = {"oldestTimestamp": "2030-01-01T00:00:00Z"}
    answer = bench.ask("GetLog", SECURITY_LOG | {"log": GET_LOG["log"] | late})
    assert answer == {"status": "Rejected"}
    assert not bench.transfers


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Transfer.FAILED, "UploadFailure"),
        (Transfer.DENIED, "PermissionDenied"),
        (Transfer.UNSUPPORTED, "NotSupportedOperation"),
    ],
)
def test_n01_fr_10_after_all_retries_the_failure_is_told(bench, outcome, status):
    bench.ask("GetLog", GET_LOG | {"retries": 1, "retryInterval": 10})
    bench.transfer(outcome).go(9.0)
    assert not bench.transfers
    bench.go(2.0).transfer(outcome).go(60.0)
    assert told(bench) == ["Uploading", status]
    assert not bench.transfers


def test_n01_failures_that_the_settings_want(make):
    bench = make(faults={"UploadFailure": 1.0}, transfer_retries=0).boot()
    bench.ask("GetLog", GET_LOG)
    bench.transfer().go(1.0)
    assert told(bench) == ["Uploading", "UploadFailure"]


def test_n01_fr_12_and_fr_20_a_new_request_cancels_the_old_upload(make):
    bench = make(version="2.0.1").boot()
    bench.ask("GetLog", GET_LOG)
    old = bench.transfers.pop()
    assert bench.ask("GetLog", GET_LOG | {"requestId": 42})["status"] == "AcceptedCanceled"
    assert bench.abandoned == [old.id]
    bench.do("transferred", old.id, Transfer.DONE)
    bench.transfer().go(1.0)
    assert [(p["requestId"], p["status"]) for p in bench.payloads("LogStatusNotification")] == [
        (41, "Uploading"),
        (41, "AcceptedCanceled"),
        (42, "Uploading"),
        (42, "Uploaded"),
    ]


def test_1_6_5_9_diagnostics_are_named_uploaded_and_told(make):
    bench = make().boot()
    name = bench.ask("GetDiagnostics", DIAGNOSTICS)["fileName"]
    assert bench.transfers[0].name == name
    bench.go(1.0).transfer().go(1.0)
    assert told(bench, "DiagnosticsStatusNotification") == ["Uploading", "Uploaded"]
    assert "LogStatusNotification" not in bench.actions()


def test_1_6_6_25_diagnostics_fail_after_their_retries(make):
    bench = make().boot()
    bench.ask("GetDiagnostics", DIAGNOSTICS | {"retries": 0})
    bench.transfer(Transfer.DENIED).go(100.0)
    assert told(bench, "DiagnosticsStatusNotification") == ["Uploading", "UploadFailed"]


def test_1_6_5_17_diagnostics_status_is_idle_unless_an_upload_is_under_way(make):
    bench = make().boot()
    ask = {"requestedMessage": "DiagnosticsStatusNotification"}
    bench.ask("TriggerMessage", ask)
    bench.go(1.0).ask("GetDiagnostics", DIAGNOSTICS)
    bench.go(1.0).ask("TriggerMessage", ask)
    bench.go(1.0)
    assert told(bench, "DiagnosticsStatusNotification") == ["Idle", "Uploading", "Uploading"]


def test_n01_fr_13_triggered_it_tells_the_running_upload_else_idle(bench):
    trigger = "TriggerMessage" if bench.version == "2.0.1" else "ExtendedTriggerMessage"
    ask = {"requestedMessage": "LogStatusNotification"}
    bench.ask(trigger, ask)
    bench.go(1.0).ask("GetLog", GET_LOG)
    bench.go(1.0).ask(trigger, ask)
    bench.go(1.0)
    assert bench.payloads("LogStatusNotification") == [
        {"status": "Idle"},
        {"status": "Uploading", "requestId": 41},
        {"status": "Uploading", "requestId": 41},
    ]


def test_a_reset_breaks_an_upload_off_and_it_begins_anew(make):
    bench = make(version="2.0.1").boot()
    bench.ask("GetLog", GET_LOG)
    (old,) = bench.transfers
    bench.transfers.clear()
    bench.ask("Reset", {"type": "Immediate"})
    bench.go(60.0)
    assert bench.abandoned == [old.id]
    (new,) = bench.transfers
    assert (new.name, new.data) == (old.name, old.data) and new.id != old.id
    bench.transfer().go(1.0)
    assert told(bench) == ["Uploading", "Uploaded"]


def test_a_retry_that_falls_into_a_reboot_waits_for_it(make):
    bench = make(version="2.0.1", reboot_s=100.0).boot()
    bench.ask("GetLog", GET_LOG)
    bench.transfer(Transfer.FAILED)
    bench.ask("Reset", {"type": "Immediate"})
    bench.go(90.0)
    assert bench.transfers == []
    bench.go(60.0).transfer().go(1.0)
    assert told(bench)[-1] == "Uploaded"
