"""Network profiles (B09, B10) and credentials, requirement by requirement."""

import pytest
from station_papers import OPERATOR, root

from simulator.station.model import Link

NEW = "ws://csms-2.example/ocpp"
PROFILE = {
    "ocppVersion": "OCPP20",
    "ocppTransport": "JSON",
    "ocppCsmsUrl": NEW,
    "messageTimeout": 17,
    "securityProfile": 1,
    "ocppInterface": "Wired0",
}


@pytest.fixture
def bench(make):
    return make(
        version="2.0.1",
        security_profile=1,
        reboot_s=5.0,
        backoff_min_s=10.0,
        backoff_random_s=0.0,
        backoff_repeats=0,
    ).boot()


def profile(bench, slot=1, **changes):
    data = {"configurationSlot": slot, "connectionData": PROFILE | changes}
    return bench.ask("SetNetworkProfile", data)


def priority(bench, value):
    data = {
        "component": {"name": "OCPPCommCtrlr"},
        "variable": {"name": "NetworkConfigurationPriority"},
        "attributeValue": value,
    }
    answer = bench.ask("SetVariables", {"setVariableData": [data]})
    (result,) = answer["setVariableResult"]
    reason = result.get("attributeStatusInfo", {}).get("reasonCode")
    return result["attributeStatus"], reason


def read(bench, name):
    data = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": name}}
    if name == "MessageTimeout":
        data["variable"]["instance"] = "Default"
    answer = bench.ask("GetVariables", {"getVariableData": [data]})
    return answer["getVariableResult"][0]["attributeValue"]


def reboot(bench, seconds=30.0):
    bench.asked.clear()
    bench.forget()
    bench.ask("Reset", {"type": "Immediate"})
    return bench.go(seconds)


def test_b09_fr_01_a_sound_profile_is_stored_and_changes_nothing_yet(bench):
    assert profile(bench) == {"status": "Accepted"}
    assert bench.station.link is Link.ONLINE
    reboot(bench)
    assert [wish.url for wish in bench.asked] == [""]


@pytest.mark.parametrize(
    "changes",
    [
        {"ocppTransport": "SOAP"},
        {"ocppVersion": "OCPP16"},
        {"ocppCsmsUrl": "http://csms.example"},
        {"ocppCsmsUrl": "wss://csms.example"},
        {"ocppCsmsUrl": "ws://"},
        {"ocppCsmsUrl": "ws://user:word@csms.example"},
        {"ocppCsmsUrl": "ws://csms.example:99999"},
        {"ocppCsmsUrl": "ws://[::1"},
        {"securityProfile": 4},
        {"messageTimeout": 0},
        {"apn": {"apn": "internet", "apnAuthentication": "AUTO"}},
        {"vpn": {"server": "v", "user": "u", "password": "p", "key": "k", "type": "IPSec"}},
    ],
)
def test_b09_fr_02_a_profile_that_cannot_work_is_rejected(bench, changes):
    answer = profile(bench, **changes)
    assert answer == {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidNetworkConf"}}
    assert priority(bench, "1,0") == ("Rejected", "InvalidNetworkConf")


def test_b09_fr_04_less_security_than_now_is_rejected(bench):
    answer = profile(bench, securityProfile=0)
    assert answer == {"status": "Rejected", "statusInfo": {"reasonCode": "NoSecurityDowngrade"}}


@pytest.mark.parametrize("slot", [-1, 3, 99])
def test_b09_fr_05_06_there_are_three_slots_and_no_others(bench, slot):
    answer = profile(bench, slot)
    assert answer == {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidConfSlot"}}
    assert all(profile(bench, known)["status"] == "Accepted" for known in (0, 1, 2))


def test_b10_fr_01_an_order_of_slots_that_are_set_needs_a_reboot(bench):
    profile(bench, 2)
    assert priority(bench, "2,0") == ("RebootRequired", None)
    assert read(bench, "NetworkConfigurationPriority") == "2,0"


@pytest.mark.parametrize("value", ["1", "0,1", "7", "0,0", "", "first"])
def test_b10_fr_02_an_order_with_a_slot_that_is_not_set_is_rejected(bench, value):
    assert priority(bench, value)[0] == "Rejected"
    assert read(bench, "NetworkConfigurationPriority") == "0"


def test_a05_fr_02_more_security_without_a_certificate_is_rejected(bench):
    assert profile(bench, securityProfile=2, ocppCsmsUrl="wss://csms.example")["status"] == (
        "Accepted"
    )
    assert priority(bench, "1,0") == ("Rejected", "InvalidNetworkConf")


def test_a05_fr_02_with_a_root_more_security_can_be_ordered_where_the_driver_has_it(make):
    bench = make(version="2.0.1", security_profile=1, highest_security_profile=2).boot()
    profile(bench, securityProfile=2, ocppCsmsUrl="wss://csms.example")
    password = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
        "attributeValue": "sixteen-and-a-few",
    }
    bench.ask("SetVariables", {"setVariableData": [password]})
    bench.go(60.0)
    assert priority(bench, "1,0") == ("Rejected", "InvalidNetworkConf")
    bench.ask("InstallCertificate", root(OPERATOR, "CSMSRootCertificate"))
    assert priority(bench, "1,0") == ("RebootRequired", None)
    reboot(bench)
    assert bench.asked[0].url == "wss://csms.example"
    assert (bench.asked[0].security_profile, bench.asked[0].password) == (2, b"sixteen-and-a-few")


def test_b10_fr_04_06_10_after_a_reboot_the_first_of_the_order_is_connected_to(bench):
    profile(bench)
    priority(bench, "1,0")
    reboot(bench)
    assert [wish.url for wish in bench.asked] == [NEW]
    assert bench.actions()[:2] == ["SecurityEventNotification", "BootNotification"]
    assert read(bench, "ActiveNetworkProfile") == "1"
    assert read(bench, "MessageTimeout") == "17"
    assert bench.station.conf.call_timeout_s == 17.0


def test_b10_fr_03_08_every_slot_has_its_attempts_and_then_comes_the_next(bench):
    profile(bench)
    priority(bench, "1,0")
    bench.barred = {NEW, ""}
    reboot(bench, 100.0)
    urls = [wish.url for wish in bench.asked]
    assert urls[:9] == [NEW] * 3 + [""] * 3 + [NEW] * 3
    bench.barred = {NEW}
    bench.go(100.0)
    assert bench.station.link is Link.ONLINE
    assert read(bench, "ActiveNetworkProfile") == "0"
    assert read(bench, "MessageTimeout") == "30"


def test_b10_fr_10_a_station_that_came_another_way_boots_there_without_a_reboot(bench):
    profile(bench)
    priority(bench, "0,1")
    reboot(bench)
    bench.forget()
    bench.barred = {""}
    bench.drop()
    bench.go(60.0)
    assert bench.asked[-1].url == NEW
    assert bench.actions()[0] == "BootNotification"
    assert bench.station.accepted
    bench.forget()
    bench.drop()
    bench.go(60.0)
    assert bench.asked[-1].url == NEW
    assert "BootNotification" not in bench.actions()


# -- 1.6: the security whitepaper's keys ----------------------------------------------------------


def change(bench, key, value):
    return bench.ask("ChangeConfiguration", {"key": key, "value": value})["status"]


HEX = "00112233445566778899AABBCCDDEEFF"


@pytest.mark.parametrize("value", ["", "secret", HEX[:-2], HEX + "0", HEX + "0011223344", "é" * 32])
def test_a01_fr_04_a_key_of_another_form_is_rejected(make, value):
    bench = make(security_profile=1).boot()
    assert change(bench, "AuthorizationKey", value) == "Rejected"
    assert bench.station.conf.password is None and not bench.closes


def test_a01_fr_01_02_the_key_is_write_only_and_used_on_a_new_connection(make):
    bench = make(security_profile=1).boot()
    assert change(bench, "authorizationkey", HEX) == "Accepted"
    assert len(bench.closes) == 1
    bench.go(60.0)
    assert bench.asked[-1].password == bytes.fromhex(HEX)
    rows = bench.ask("GetConfiguration", {"key": ["AuthorizationKey"]})["configurationKey"]
    assert rows == [{"key": "AuthorizationKey", "readonly": False}]
    assert HEX not in str(bench.frames)


def test_a05_fr_01_02_03_a_security_profile_goes_up_alone_and_with_what_it_needs(make):
    bench = make().boot()
    assert change(bench, "SecurityProfile", "0") == "Rejected"
    assert change(bench, "SecurityProfile", "1") == "Rejected"  # there is no password
    assert change(bench, "AuthorizationKey", HEX) == "Accepted"
    assert not bench.closes  # nothing uses it yet
    assert change(bench, "SecurityProfile", "2") == "Rejected"  # there is no certificate


def test_a05_fr_05_06_07_accepted_it_disconnects_and_comes_back_with_it(make):
    bench = make().boot()
    change(bench, "AuthorizationKey", HEX)
    assert bench.asked[-1].password is None
    assert change(bench, "SecurityProfile", "1") == "Accepted"
    bench.go(60.0)
    assert bench.asked[-1].password == bytes.fromhex(HEX)
    assert bench.station.link is Link.ONLINE
    assert change(bench, "SecurityProfile", "0") == "Rejected"


def test_1_6_9_1_8_phase_rotations_are_at_most_one_per_connector_and_one_for_the_grid(make):
    bench = make(evses=2).boot()
    (row,) = bench.ask("GetConfiguration", {"key": ["ConnectorPhaseRotationMaxLength"]})[
        "configurationKey"
    ]
    assert row["value"] == "3"
    assert change(bench, "ConnectorPhaseRotation", "0.RST,1.RST,2.RTS") == "RebootRequired"
    assert change(bench, "ConnectorPhaseRotation", "0.RST,1.RST,2.RTS,3.RTS") == "Rejected"


def test_b10_fr_07_a_new_way_that_leads_nowhere_is_left_for_the_one_that_last_worked(bench):
    profile(bench)
    priority(bench, "1")
    bench.barred = {NEW}
    reboot(bench, 60.0)
    assert [wish.url for wish in bench.asked] == [NEW] * 3 + [""]
    assert bench.station.link is Link.ONLINE
    assert bench.actions().count("BootNotification") == 1
    assert read(bench, "ActiveNetworkProfile") == "0"
    assert read(bench, "NetworkConfigurationPriority") == "1"


def test_b10_fr_08_and_fr_09_it_never_stops_and_begins_anew_with_the_first(bench):
    profile(bench)
    priority(bench, "1")
    bench.barred = {NEW, ""}
    reboot(bench, 100.0)
    assert [wish.url for wish in bench.asked][:8] == [NEW] * 3 + [""] * 3 + [NEW] * 2


def test_b10_fr_07_a_profile_that_was_replaced_is_gone_back_to_as_it_was(bench):
    profile(bench)
    priority(bench, "1")
    reboot(bench)
    assert bench.asked[-1].url == NEW
    other = "ws://csms-3.example/ocpp"
    profile(bench, ocppCsmsUrl=other)
    bench.barred = {other}
    reboot(bench, 60.0)
    assert [wish.url for wish in bench.asked] == [other] * 3 + [NEW]


def test_a05_fr_08_after_three_attempts_it_goes_back_to_the_profile_before(make):
    bench = make(security_profile=0, backoff_min_s=10.0, backoff_random_s=0.0, backoff_repeats=0)
    bench.boot()
    change(bench, "AuthorizationKey", HEX)
    bench.reachable = False
    assert change(bench, "SecurityProfile", "1") == "Accepted"
    bench.go(45.0)
    tried = [(wish.security_profile, wish.password) for wish in bench.asked[1:]]
    assert tried[:4] == [(1, bytes.fromhex(HEX))] * 3 + [(0, None)]
    bench.reachable = True
    bench.go(60.0)
    assert bench.station.link is Link.ONLINE
    (row,) = bench.ask("GetConfiguration", {"key": ["SecurityProfile"]})["configurationKey"]
    assert row["value"] == "0"
    assert change(bench, "SecurityProfile", "1") == "Accepted"  # it may be tried again


def test_a05_fr_08_proved_once_it_is_kept_however_often_a_connection_fails_later(make):
    bench = make(backoff_min_s=10.0, backoff_random_s=0.0, backoff_repeats=0).boot()
    change(bench, "AuthorizationKey", HEX)
    change(bench, "SecurityProfile", "1")
    bench.go(30.0)
    assert bench.station.link is Link.ONLINE
    bench.reachable = False
    bench.drop()
    bench.go(100.0)
    assert {wish.security_profile for wish in bench.asked[-6:]} == {1}


def test_a05_fr_06_connected_by_a_safer_profile_the_others_are_forgotten(make):
    bench = make(
        version="2.0.1",
        security_profile=1,
        highest_security_profile=3,
        reboot_s=5.0,
        backoff_min_s=10.0,
        backoff_random_s=0.0,
        backoff_repeats=0,
    ).boot()
    password = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
        "attributeValue": "sixteen-and-a-few",
    }
    bench.ask("SetVariables", {"setVariableData": [password]})
    bench.go(60.0)
    bench.ask("InstallCertificate", root(OPERATOR, "CSMSRootCertificate"))
    profile(bench, 1, securityProfile=2, ocppCsmsUrl="wss://csms.example")
    profile(bench, 2, ocppCsmsUrl="ws://spare.example")
    assert priority(bench, "1,2,0")[0] == "RebootRequired"
    reboot(bench)
    assert bench.asked[0].security_profile == 2
    assert bench.asked[0].roots == (OPERATOR.pem,)
    assert read(bench, "NetworkConfigurationPriority") == "1"
    assert read(bench, "ActiveNetworkProfile") == "1"
    assert priority(bench, "2")[0] == "Rejected"
    bench.asked.clear()
    bench.barred = {"wss://csms.example"}
    bench.drop()
    bench.go(100.0)
    assert {wish.url for wish in bench.asked} == {"wss://csms.example"}


def test_a05_fr_03_a_driver_that_trusts_its_system_needs_no_root_of_the_station(make):
    for trusts, status in ((False, "Rejected"), (True, "Accepted")):
        bench = make(highest_security_profile=2, trusts_system=trusts).boot()
        change(bench, "AuthorizationKey", HEX)
        assert change(bench, "SecurityProfile", "2") == status
