"""Security events (A04), and the password and security profile (A01, A05)."""

import pytest
from station_harness import SILENT, Identity, Refuse, clock
from station_papers import GET_LOG, OPERATOR, root

from simulator.station import security

SECURED = {"SecurityProfile": "1"}
PASSWORD = "00112233445566778899AABBCCDDEEFF"


def events(bench):
    return [p["type"] for p in bench.payloads("SecurityEventNotification")]


def log(bench):
    bench.ask("GetLog", GET_LOG | {"logType": "SecurityLog"})
    return bench.transfers.pop().data.decode()


def change(bench, key, value):
    return bench.ask("ChangeConfiguration", {"key": key, "value": value})["status"]


def secured(make, version, **options):
    if version == "1.6":
        options.setdefault("configuration", SECURED)
    return make(version=version, **options)


@pytest.fixture(params=["1.6", "2.0.1"])
def bench(request, make):
    return secured(make, request.param)


def test_a04_fr_01_startup_is_told_with_the_time_at_which_it_happened(bench):
    bench.start().go(5.0)
    assert events(bench) == ["StartupOfTheDevice"]
    when = clock.parse(bench.payloads("SecurityEventNotification")[0]["timestamp"])
    assert when == pytest.approx(bench.station.clock_zero, abs=8.0)


def test_a04_fr_01_a_reset_and_the_startup_after_it_are_told(bench):
    bench.boot()
    kind = {"type": "Hard"} if bench.version == "1.6" else {"type": "Immediate"}
    bench.ask("Reset", kind)
    bench.go(60.0)
    assert events(bench) == ["ResetOrReboot", "StartupOfTheDevice"]


def test_a04_fr_02_events_of_an_outage_are_told_after_it_in_order(bench):
    bench.boot()
    bench.reachable = False
    bench.drop()
    bench.do("fault", 1)
    for name in ("MemoryExhaustion", "FirmwareUpdated"):
        security.note(bench.station, bench.now, name)
    bench.go(100.0)
    assert events(bench) == []
    bench.reachable = True
    bench.go(200.0)
    assert events(bench) == ["MemoryExhaustion", "FirmwareUpdated"]


def test_a04_fr_02_lost_in_flight_it_goes_again(bench):
    bench.csms.say("SecurityEventNotification", SILENT)
    bench.start().go(5.0)
    bench.drop()
    bench.go(60.0)
    assert events(bench) == ["StartupOfTheDevice"] * 2


def test_a04_fr_02_refused_it_goes_again_after_a_wait_that_doubles(bench):
    bench.csms.say("SecurityEventNotification", Refuse(), Refuse())
    bench.start().go(400.0)
    first, second, third = bench.times("SecurityEventNotification")
    assert second - first == pytest.approx(60.0, abs=0.2)
    assert third - second == pytest.approx(120.0, abs=0.2)


def test_a04_other_notices_pass_one_that_waits(make):
    bench = make(version="2.0.1")
    bench.csms.say("SecurityEventNotification", Refuse())
    bench.start().go(5.0)
    bench.ask("GetLog", GET_LOG)
    bench.go(1.0)
    assert bench.actions()[-1] == "LogStatusNotification"


def test_1_6_without_a_security_profile_nothing_is_told_but_all_is_logged(make):
    bench = make().start().go(5.0)
    assert events(bench) == []
    assert "StartupOfTheDevice" in log(bench)


def test_a04_the_clock_set_by_a_large_step(bench):
    bench.boot()
    bench.csms.always["Heartbeat"] = {"currentTime": "2026-06-01T09:00:00Z"}
    bench.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    bench.go(1.0)
    assert events(bench) == ["SettingSystemTime"]
    assert "SettingSystemTime by +10" in log(bench)


def test_a04_fr_04_what_is_not_critical_is_logged_alone(bench):
    bench.boot()
    bench.feed("no JSON")
    bench.call("ClearCache", {}, mid="same")
    bench.call("ClearCache", {}, mid="same")
    text = log(bench)
    assert "InvalidMessages not JSON" in text
    assert "AttemptedReplayAttacks ClearCache" in text
    assert events(bench) == []


def test_a04_rejected_credentials_are_logged(bench):
    bench.start()
    bench.station.disconnected(bench.now, "http_401: refused")
    bench._perform()
    bench.go(60.0)
    assert "FailedToAuthenticateAtCsms http_401" in log(bench)


def test_a04_fr_04_the_log_is_rolling(bench):
    bench.boot()
    for _ in range(200):
        bench.feed("no JSON")
    assert len(log(bench).splitlines()) == 64


# -- 1.6: password and profile --------------------------------------------------------------------


def test_1_6_7_2_a_changed_password_is_used_on_a_new_connection(make):
    bench = make(configuration=SECURED).boot()
    assert change(bench, "AuthorizationKey", PASSWORD) == "Accepted"
    assert bench.closes[-1][2] == "new password"
    before = len(bench.connects)
    bench.go(60.0)
    assert len(bench.connects) == before + 1 and "BootNotification" not in bench.actions()
    assert bench.asked[-1].password == bytes.fromhex(PASSWORD)
    assert "ReconfigurationOfSecurityParameters password changed" in log(bench)
    assert PASSWORD not in log(bench)


@pytest.mark.parametrize(
    "value", ["", "00" * 15, "00" * 21, "0" * 33, "not hexadecimal at all", " "]
)
def test_1_6_7_2_other_than_16_to_20_bytes_in_hexadecimal_is_rejected(make, value):
    bench = make(configuration=SECURED).boot()
    assert change(bench, "AuthorizationKey", value) == "Rejected"
    assert bench.station.conf.password is None and not bench.closes


def test_1_6_7_2_the_password_is_write_only(make):
    bench = make().boot()
    assert change(bench, "AuthorizationKey", PASSWORD) == "Accepted"
    rows = bench.ask("GetConfiguration", {"key": ["AuthorizationKey"]})["configurationKey"]
    assert rows == [{"key": "AuthorizationKey", "readonly": False}]
    assert PASSWORD.lower() not in str(bench.ask("GetConfiguration")).lower()


def test_1_6_a05_fr_02_no_profile_with_basic_authentication_without_a_password(make):
    bench = make().boot()
    assert change(bench, "SecurityProfile", "1") == "Rejected"
    change(bench, "AuthorizationKey", PASSWORD)
    assert change(bench, "SecurityProfile", "1") == "Accepted"
    bench.go(60.0)
    assert len(bench.connects) == 2
    assert bench.asked[-1].security_profile == 1
    assert bench.asked[-1].password == bytes.fromhex(PASSWORD)


def test_1_6_a05_fr_01_the_profile_is_never_lowered(make):
    who = Identity("CSW-1", "Vendor", "Model", "SN-1", "1.0", 1, "secret")
    bench = make(configuration=SECURED, identity=who).boot()
    assert change(bench, "SecurityProfile", "0") == "Rejected"
    assert change(bench, "SecurityProfile", "1") == "Rejected"
    assert not bench.closes


def test_1_6_a05_fr_03_tls_needs_a_root_and_a_driver_that_can_do_it(make):
    who = Identity("CSW-1", "Vendor", "Model", "SN-1", "1.0", 1, "secret")
    bench = make(identity=who, highest_security_profile=3).boot()
    assert change(bench, "SecurityProfile", "2") == "Rejected"
    bench.ask("InstallCertificate", root(OPERATOR, "CentralSystemRootCertificate"))
    assert change(bench, "SecurityProfile", "3") == "Rejected"  # FR.04: no certificate of its own
    assert change(bench, "SecurityProfile", "2") == "Accepted"
    other = make(identity=who).boot()
    other.ask("InstallCertificate", root(OPERATOR, "CentralSystemRootCertificate"))
    assert change(other, "SecurityProfile", "2") == "Rejected"


def test_a01_a_changed_password_of_2_0_1_is_used_on_a_new_connection(make):
    bench = make(version="2.0.1", security_profile=1).boot()

    def give(value):
        data = {
            "component": {"name": "SecurityCtrlr"},
            "variable": {"name": "BasicAuthPassword"},
            "attributeValue": value,
        }
        answer = bench.ask("SetVariables", {"setVariableData": [data]})
        return answer["setVariableResult"][0]["attributeStatus"]

    for value in ("too short", "x" * 41, "with\nlines and more"):
        assert give(value) == "Rejected"
    assert give("sixteen-and-a-few") == "Accepted"
    bench.go(60.0)
    assert bench.asked[-1].password == b"sixteen-and-a-few"
    assert bench.closes[-1][2] == "new password" and len(bench.connects) == 2
    text = log(bench)
    assert "ReconfigurationOfSecurityParameters password changed" in text
    assert "sixteen" not in text


# -- what the driver sees of the CSMS -------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "name"),
    [("1.6", "InvalidCentralSystemCertificate"), ("2.0.1", "InvalidCsmsCertificate")],
)
def test_a00_fr_310_a_wrong_certificate_of_the_csms_is_told_once_it_is_reached(make, version, name):
    bench = secured(make, version, backoff_min_s=10.0, backoff_random_s=0.0).boot()
    bench.reachable = False
    bench.drop()
    for _ in range(5):
        bench.do("insecure", "InvalidCsmsCertificate", "expired")
        bench.go(10.0)
    bench.reachable = True
    bench.go(200.0)
    assert events(bench) == [name]
    assert "expired" in log(bench)
    # The next time it is news again.
    bench.forget()
    bench.reachable = False
    bench.drop()
    bench.do("insecure", "InvalidCsmsCertificate", "hostname")
    bench.reachable = True
    bench.go(200.0)
    assert events(bench) == [name]


def test_a00_fr_316_419_each_kind_is_told_once_for_repeated_attempts(make):
    bench = secured(make, "2.0.1", backoff_min_s=10.0, backoff_random_s=0.0).boot()
    bench.reachable = False
    bench.drop()
    for _ in range(3):
        bench.do("insecure", "InvalidTLSVersion", "protocol_version")
        bench.do("insecure", "InvalidCsmsCertificate", "expired")
    bench.reachable = True
    bench.go(200.0)
    assert events(bench) == ["InvalidTLSVersion", "InvalidCsmsCertificate"]
