"""Firmware updates: 1.6 §5.19, the whitepaper's L01, 2.0.1 L01 and L02."""

from hashlib import sha256

import pytest
from station_harness import Refuse, clock
from station_papers import MAKER, SIGNER, SOON, STRANGER, leaf, root, signature, update

from simulator.station.firmware import named
from simulator.station.ports import Transfer

CONTENT = b"the new firmware"
DIGEST = sha256(CONTENT).digest()
UNSIGNED_16 = {"location": "http://files.example/fw-2.1.bin", "retrieveDate": SOON}


def states(bench, action="FirmwareStatusNotification"):
    return [p["status"] for p in bench.payloads(action)]


def later(bench, seconds):
    return clock.iso(bench.station.clock_zero + bench.now + seconds)


def ready(make, **options):
    bench = make(version="2.0.1", **options).boot()
    bench.ask("InstallCertificate", root(MAKER))
    return bench


def signed(bench, content=CONTENT, **options):
    return update(bench, SIGNER.pem, signature(SIGNER, content), **options)


def charge(bench, evse=1):
    return bench.do("plug_in", evse).do("present_token", evse, f"TAG{evse}").go(1.0)


# -- 1.6 ------------------------------------------------------------------------------------------


def test_1_6_5_19_downloading_downloaded_installing_reboot_installed(make):
    bench = make(install_s=30.0, reboot_s=5.0).boot()
    assert bench.ask("UpdateFirmware", UNSIGNED_16) == {}
    bench.go(1.0)
    assert states(bench) == ["Downloading"]
    assert bench.transfers[0].url == UNSIGNED_16["location"]
    bench.transfer().go(10.0)
    assert states(bench) == ["Downloading", "Downloaded", "Installing"]
    assert bench.statuses(1) == ["Unavailable"]
    bench.go(60.0)
    assert states(bench) == ["Downloading", "Downloaded", "Installing", "Installed"]
    boot = bench.payloads("BootNotification")
    assert [p["firmwareVersion"] for p in boot] == ["2.1"]
    assert bench.actions().index("BootNotification") < bench.actions().index(
        "FirmwareStatusNotification", 4
    )
    assert bench.statuses(1)[-1] == "Available"


def test_1_6_5_19_not_before_its_retrieve_date(make):
    bench = make().boot()
    bench.ask("UpdateFirmware", UNSIGNED_16 | {"retrieveDate": later(bench, 100.0)})
    bench.go(99.0)
    assert not bench.transfers and not states(bench)
    bench.go(2.0)
    assert len(bench.transfers) == 1 and states(bench) == ["Downloading"]


def test_1_6_6_55_retries_and_their_interval_then_download_failed(make):
    bench = make().boot()
    bench.ask("UpdateFirmware", UNSIGNED_16 | {"retries": 2, "retryInterval": 20})
    for _ in range(2):
        bench.go(1.0).transfer(Transfer.FAILED).go(19.0)
        assert not bench.transfers
        bench.go(2.0)
        assert len(bench.transfers) == 1
    bench.transfer(Transfer.FAILED).go(100.0)
    assert states(bench) == ["Downloading", "DownloadFailed"]
    assert not bench.transfers


def test_1_6_err_3_49_installation_waits_for_sessions_and_keeps_free_connectors_out(make):
    bench = make(evses=2).boot()
    charge(bench)
    bench.forget()
    bench.ask("UpdateFirmware", UNSIGNED_16)
    bench.transfer().go(300.0)
    assert states(bench) == ["Downloading", "Downloaded"]
    assert bench.statuses(2) == ["Unavailable"]
    bench.do("plug_in", 2).do("present_token", 2, "OTHER").go(5.0)
    assert "StartTransaction" not in bench.actions()
    bench.do("present_token", 1, "TAG1").go(1.0)
    assert states(bench)[-1] == "Installing"
    bench.do("unplug", 1).do("unplug", 2).go(1.0)
    assert bench.statuses(1)[-1] == "Unavailable"


def test_1_6_5_19_a_new_request_cancels_the_old_one(make):
    bench = make().boot()
    bench.ask("UpdateFirmware", UNSIGNED_16)
    old = bench.transfers.pop()
    bench.ask("UpdateFirmware", UNSIGNED_16 | {"location": "http://files.example/fw-3.0.bin"})
    assert bench.abandoned == [old.id]
    bench.do("transferred", old.id, Transfer.DONE).go(1.0)
    assert states(bench) == ["Downloading", "Downloading"]
    bench.transfer().go(200.0)
    assert bench.payloads("BootNotification")[0]["firmwareVersion"] == "3.0"


def test_1_6_l01_fr_20_a_secured_station_takes_no_unsigned_firmware(make):
    bench = make(configuration={"SecurityProfile": "1"}).boot()
    assert bench.call("UpdateFirmware", UNSIGNED_16)[2] == "NotSupported"
    assert not bench.transfers


def test_1_6_l01_signed_update_walks_the_states_of_the_whitepaper(make):
    bench = make().boot()
    bench.ask("InstallCertificate", root(MAKER))
    assert bench.ask("SignedUpdateFirmware", signed(bench)) == {"status": "Accepted"}
    bench.transfer(digest=DIGEST).go(200.0)
    told = bench.payloads("SignedFirmwareStatusNotification")
    assert [p["status"] for p in told] == [
        "Downloading",
        "Downloaded",
        "SignatureVerified",
        "Installing",
        "InstallRebooting",
        "Installed",
    ]
    assert {p["requestId"] for p in told} == {7}
    assert "FirmwareStatusNotification" not in bench.actions()


def test_1_6_l01_fr_24_a_signer_that_nobody_trusts_is_refused_and_told(make):
    bench = make().boot()
    assert bench.ask("SignedUpdateFirmware", signed(bench)) == {"status": "InvalidCertificate"}
    bench.go(1.0)
    assert [p["type"] for p in bench.payloads("SecurityEventNotification")] == [
        "InvalidFirmwareSigningCertificate"
    ]
    assert not bench.transfers


def test_1_6_5_17_firmware_status_is_idle_unless_an_update_is_under_way(make):
    bench = make().boot()
    ask = {"requestedMessage": "FirmwareStatusNotification"}
    assert bench.ask("TriggerMessage", ask) == {"status": "Accepted"}
    bench.go(1.0).ask("UpdateFirmware", UNSIGNED_16)
    bench.go(1.0).ask("TriggerMessage", ask)
    bench.go(1.0).transfer().go(200.0)
    bench.ask("TriggerMessage", ask)
    bench.go(1.0)
    assert states(bench) == [
        "Idle",
        "Downloading",
        "Downloading",
        "Downloaded",
        "Installing",
        "Installed",
        "Idle",
    ]


# -- 2.0.1 ----------------------------------------------------------------------------------------


def test_l01_fr_10_every_state_with_the_request_id_and_a_boot_for_the_update(make):
    bench = ready(make)
    assert bench.ask("UpdateFirmware", signed(bench)) == {"status": "Accepted"}
    bench.transfer(digest=DIGEST).go(200.0)
    told = bench.payloads("FirmwareStatusNotification")
    assert [p["status"] for p in told] == [
        "Downloading",
        "Downloaded",
        "SignatureVerified",
        "Installing",
        "InstallRebooting",
        "Installed",
    ]
    assert {p["requestId"] for p in told} == {7}
    boot = bench.payloads("BootNotification")[0]
    assert boot["reason"] == "FirmwareUpdate"
    assert boot["chargingStation"]["firmwareVersion"] == "2.1"
    events = [p["type"] for p in bench.payloads("SecurityEventNotification")]
    assert events == ["ResetOrReboot", "StartupOfTheDevice", "FirmwareUpdated"]


def test_l01_fr_03_and_fr_04_a_wrong_signature_ends_it_and_is_a_security_event(make):
    bench = ready(make)
    bench.ask("UpdateFirmware", signed(bench, content=b"other firmware"))
    bench.transfer(digest=DIGEST).go(200.0)
    assert states(bench) == ["Downloading", "Downloaded", "InvalidSignature"]
    events = [p["type"] for p in bench.payloads("SecurityEventNotification")]
    assert events == ["InvalidFirmwareSignature"]
    assert "BootNotification" not in bench.actions()


@pytest.mark.parametrize(
    "pem",
    [
        leaf("Stranger Signing", by=STRANGER).pem,
        leaf("Expired Signing", by=MAKER, start=-20, days=10).pem,
        leaf("Early Signing", by=MAKER, start=10).pem,
        "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n",
        "",
    ],
)
def test_l01_fr_22_an_invalid_signing_certificate_is_refused(make, pem):
    bench = ready(make)
    answer = bench.ask("UpdateFirmware", update(bench, pem, "c2ln"))
    assert answer == {"status": "InvalidCertificate"}
    bench.go(1.0)
    events = [p["type"] for p in bench.payloads("SecurityEventNotification")]
    assert events == ["InvalidFirmwareSigningCertificate"]
    assert not states(bench)


def test_l01_fr_24_a_new_request_cancels_the_old_one(make):
    bench = ready(make)
    bench.ask("UpdateFirmware", signed(bench))
    again = bench.ask("UpdateFirmware", signed(bench, request_id=8))
    assert again == {"status": "AcceptedCanceled"}
    assert bench.abandoned == [bench.transfers.pop(0).id]
    bench.transfer(digest=DIGEST).go(200.0)
    told = [(p["requestId"], p["status"]) for p in bench.payloads("FirmwareStatusNotification")]
    assert told[0] == (7, "Downloading")
    assert {number for number, _ in told[1:]} == {8}
    assert told[-1] == (8, "Installed")


def test_l01_fr_13_download_scheduled_until_the_retrieve_time(make):
    bench = ready(make)
    bench.ask("UpdateFirmware", signed(bench, retrieveDateTime=later(bench, 50.0)))
    bench.go(49.0)
    assert states(bench) == ["DownloadScheduled"]
    bench.go(2.0)
    assert states(bench) == ["DownloadScheduled", "Downloading"]


def test_l01_fr_16_install_scheduled_until_the_install_time(make):
    bench = ready(make)
    bench.ask("UpdateFirmware", signed(bench, installDateTime=later(bench, 500.0)))
    bench.transfer(digest=DIGEST).go(490.0)
    assert states(bench)[-1] == "InstallScheduled"
    bench.go(20.0)
    assert states(bench)[-1] == "Installing"


def test_l01_fr_25_and_fr_26_triggered_it_tells_the_last_status_and_idle_once_installed(make):
    bench = make(version="2.0.1").boot()
    ask = {"requestedMessage": "FirmwareStatusNotification"}
    bench.ask("UpdateFirmware", update(bench))
    bench.go(1.0).ask("TriggerMessage", ask)
    bench.go(1.0)
    assert bench.payloads("FirmwareStatusNotification")[-1] == {
        "status": "Downloading",
        "requestId": 7,
    }
    bench.transfer().go(200.0).forget()
    bench.ask("TriggerMessage", ask)
    bench.go(1.0)
    assert bench.payloads("FirmwareStatusNotification") == [{"status": "Idle"}]


def test_l02_fr_03_and_fr_04_waits_for_transactions_and_keeps_free_evses_out(make):
    bench = make(version="2.0.1", evses=2).boot()
    charge(bench)
    bench.ask("UpdateFirmware", update(bench))
    bench.transfer().go(100.0)
    assert states(bench) == ["Downloading", "Downloaded", "InstallScheduled"]
    assert bench.statuses(2) == ["Unavailable"]
    bench.do("unplug", 1).go(1.0)
    assert bench.statuses(1)[-1] == "Unavailable"
    assert states(bench)[-1] == "Installing"


def test_l02_fr_04_new_sessions_may_begin_if_the_variable_says_so(make):
    allowed = {"ChargingStation.AllowNewSessionsPendingFirmwareUpdate": "true"}
    bench = make(version="2.0.1", evses=2, configuration=allowed).boot()
    charge(bench)
    bench.ask("UpdateFirmware", update(bench))
    bench.transfer().go(100.0)
    assert bench.statuses(2) == []
    charge(bench, 2)
    bench.do("unplug", 1).go(5.0)
    assert states(bench)[-1] == "InstallScheduled"
    bench.do("unplug", 2).go(5.0)
    assert states(bench)[-1] == "Installing"


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        ("DownloadFailed", "DownloadFailed"),
        ("InvalidSignature", "InvalidSignature"),
        ("InstallVerificationFailed", "InstallVerificationFailed"),
        ("InstallationFailed", "InstallationFailed"),
    ],
)
def test_l01_fr_29_failures_that_the_settings_want(make, fault, last):
    bench = ready(make, faults={fault: 1.0}, transfer_retries=0)
    bench.ask("UpdateFirmware", signed(bench))
    bench.transfer(digest=DIGEST).go(200.0)
    assert states(bench)[-1] == last
    assert bench.station.status(1).name == "AVAILABLE"
    assert "BootNotification" not in bench.actions()


def test_l01_fr_01_states_entered_offline_are_told_after_the_reconnect(make):
    bench = make(version="2.0.1").boot()
    bench.ask("UpdateFirmware", update(bench))
    bench.go(1.0)
    bench.reachable = False
    bench.drop()
    bench.transfer()
    bench.go(5.0)
    assert states(bench) == ["Downloading"]
    bench.reachable = True
    bench.go(200.0)
    assert states(bench)[:3] == ["Downloading", "Downloaded", "Installing"]
    assert states(bench)[-1] == "Installed"


def test_a_refused_notification_of_a_state_is_not_repeated(make):
    bench = make(version="2.0.1").boot()
    bench.csms.say("FirmwareStatusNotification", Refuse())
    bench.ask("UpdateFirmware", update(bench))
    bench.transfer().go(20.0)
    assert states(bench) == ["Downloading", "Downloaded", "Installing"]


def test_a_reset_breaks_a_download_off_and_it_begins_anew(make):
    bench = make(version="2.0.1").boot()
    bench.ask("UpdateFirmware", update(bench))
    old = bench.transfers.pop()
    bench.ask("Reset", {"type": "Immediate"})
    bench.go(60.0)
    assert bench.abandoned == [old.id]
    assert len(bench.transfers) == 1
    bench.transfer().go(200.0)
    assert states(bench)[-1] == "Installed"
    assert bench.payloads("BootNotification")[-1]["reason"] == "FirmwareUpdate"


def test_b11_no_reset_while_firmware_is_written(make):
    bench = make(version="2.0.1", install_s=60.0).boot()
    bench.ask("UpdateFirmware", update(bench))
    bench.transfer().go(1.0)
    assert states(bench)[-1] == "Installing"
    for kind in ("Immediate", "OnIdle"):
        answer = bench.ask("Reset", {"type": kind})
        reason = {"reasonCode": "FwUpdateInProgress"}
        assert answer == {"status": "Rejected", "statusInfo": reason}
    bench.go(200.0)
    boots = [p["reason"] for p in bench.payloads("BootNotification")]
    assert states(bench)[-1] == "Installed" and boots == ["FirmwareUpdate"]
    assert bench.ask("Reset", {"type": "Immediate"}) == {"status": "Accepted"}


def test_1_6_5_14_no_reset_while_firmware_is_written(make):
    bench = make(install_s=60.0).boot()
    wanted = {"location": "http://files.example/v2.bin", "retrieveDate": "2026-01-01T00:00:00Z"}
    bench.ask("UpdateFirmware", wanted)
    bench.transfer().go(1.0)
    for kind in ("Hard", "Soft"):
        assert bench.ask("Reset", {"type": kind}) == {"status": "Rejected"}
    bench.go(200.0)
    assert bench.ask("Reset", {"type": "Hard"}) == {"status": "Accepted"}


def test_times_that_are_none_are_refused(make):
    bench = make(version="2.0.1").boot()
    frame = bench.call("UpdateFirmware", update(bench, retrieveDateTime="tomorrow"))
    assert frame[0] == 4


def test_the_version_is_read_from_the_name_of_the_file():
    assert named("http://a/b/fw-2.1.0.bin?x=3.4") == "2.1.0"
    assert named("ftp://a/v7/station.tar") == "station"
    assert named("http://a/") == "a"
    assert named("") == "new"
