"""OCPP 2.0.1: every variable that can be set, tried with what it can and cannot be (B05)."""

import pytest
from station_harness import Bench, Refuse

from simulator.station.configuration import LARGEST, Kind
from simulator.station.settings import Hardware
from simulator.station.v201_keys import KEYS

BAY = Hardware(bay_sensor=True)
APART = (
    "OCPPCommCtrlr.NetworkConfigurationPriority",
    "Controller.Interval[Heartbeat].MinSet",
    "Controller.Interval[Heartbeat].MaxSet",
)
"""Variables with rules of their own: see test_network.py and test_device_model.py."""
SETTABLE = sorted(
    (key for key in KEYS.values() if key.writable and key.name not in APART),
    key=lambda key: key.name,
)


@pytest.fixture
def make201(make):
    def build(**kwargs):
        return make(version="2.0.1", **{"hardware": BAY, **kwargs}).boot()

    return build


def item(name, value=None, **more):
    component, _, rest = name.partition(".")
    variable, _, instance = rest.partition("[")
    what = {"name": variable, **({"instance": instance.rstrip("]")} if instance else {})}
    given = {} if value is None else {"attributeValue": value}
    return {"component": {"name": component}, "variable": what, **given, **more}


def put(bench, name, value, **more):
    data = {"setVariableData": [item(name, value, **more)]}
    return bench.ask("SetVariables", data)["setVariableResult"][0]["attributeStatus"]


def get(bench, name, **more):
    data = {"getVariableData": [item(name, **more)]}
    found = bench.ask("GetVariables", data)["getVariableResult"][0]
    return found.get("attributeValue", found["attributeStatus"])


def good(key):
    """Another value that it can have."""
    if key.kind is Kind.BOOLEAN:
        return "false" if key.default == "true" else "true"
    if key.kind is Kind.INTEGER:
        return str(key.minimum if str(key.minimum) != key.default else key.minimum + 1)
    if key.kind is Kind.DECIMAL:
        return "12.5"
    if key.kind is Kind.MEASURANDS:
        return "Voltage,SoC"
    if key.kind in (Kind.MEMBERS, Kind.SEQUENCE):
        return key.values[-1]
    return "EUR" if "Currency" in key.name else "sixteen-letters-or-more"


def bad(key):
    """Values that it cannot have."""
    if key.kind is Kind.BOOLEAN:
        return ("yes", "1", "", "truefalse", " ")
    if key.kind is Kind.INTEGER:
        wrong = [str(key.minimum - 1), "1.5", "1e3", "0x10", "", "ten", "٣", "1" * 30]
        return (*wrong, *([str(key.maximum + 1)] if key.maximum < LARGEST else [str(2**31)]))
    if key.kind is Kind.DECIMAL:
        return (str(key.minimum - 1), str(key.maximum + 1), "", "ten", "nan", "inf")
    if key.kind is Kind.MEASURANDS:
        return ("Temperature", "SoC,SoC", "soc")
    if key.kind in (Kind.MEMBERS, Kind.SEQUENCE):
        return ("Nothing", "", f"{key.values[0]},{key.values[0]}", f"{key.values[0]};x")
    return ("x" * 501,)


@pytest.mark.parametrize("key", SETTABLE, ids=lambda key: key.name)
def test_b05_fr_07_to_fr_10_every_variable_takes_what_it_can_be_and_nothing_else(make201, key):
    bench = make201()
    before = get(bench, key.name)
    for value in bad(key):
        assert put(bench, key.name, value) == "Rejected", value
    assert get(bench, key.name) == before
    taken = ("RebootRequired",) if key.reboot else ("Accepted",)
    assert put(bench, key.name, good(key)) in taken
    assert get(bench, key.name) == ("Rejected" if key.secret else good(key))


@pytest.mark.parametrize("key", SETTABLE, ids=lambda key: key.name)
def test_b05_fr_04_to_fr_06_names_are_without_regard_to_case_and_belong_together(make201, key):
    bench = make201()
    assert put(bench, key.name.upper(), good(key)) in ("Accepted", "RebootRequired")
    assert put(bench, key.name, good(key), attributeType="Target") == "NotSupportedAttributeType"
    elsewhere = item(key.name, good(key))
    elsewhere["component"]["evse"] = {"id": 1}
    (result,) = bench.ask("SetVariables", {"setVariableData": [elsewhere]})["setVariableResult"]
    assert result["attributeStatus"] in ("UnknownComponent", "UnknownVariable")
    component = key.name.partition(".")[0]
    assert put(bench, f"{component}.NoSuchThing", "1") == "UnknownVariable"
    assert put(bench, f"No{component}.Enabled", "true") == "UnknownComponent"


def test_b05_a_boolean_is_read_back_as_the_specification_writes_it(make201):
    bench = make201()
    assert put(bench, "AuthCtrlr.LocalPreAuthorize", "TRUE") == "Accepted"
    assert get(bench, "AuthCtrlr.LocalPreAuthorize") == "true"


def test_b05_fr_09_what_only_tells_of_the_station_cannot_be_set(make201):
    bench = make201()
    for name in ("ChargingStation.Model", "ClockCtrlr.DateTime", "SecurityCtrlr.SecurityProfile"):
        assert put(bench, name, "1") == "Rejected"


def test_b02_fr_01_variables_can_be_set_while_pending(make):
    bench = make(version="2.0.1")
    bench.csms.say(
        "BootNotification",
        {"status": "Pending", "currentTime": "2026-06-01T06:00:00Z", "interval": 60},
    )
    bench.start().go(5.0)
    assert put(bench, "TxCtrlr.EVConnectionTimeOut", "17") == "Accepted"
    assert get(bench, "TxCtrlr.EVConnectionTimeOut") == "17"


def test_b01_fr_04_the_interval_of_the_boot_is_the_heartbeat_interval(make):
    bench = Bench(version="2.0.1")
    bench.csms.interval = 77
    bench.boot()
    assert get(bench, "OCPPCommCtrlr.HeartbeatInterval") == "77"
    assert put(bench, "OCPPCommCtrlr.HeartbeatInterval", "90") == "Accepted"
    assert get(bench, "OCPPCommCtrlr.HeartbeatInterval") == "90"
    bench.forget()
    bench.go(200.0)
    assert len(bench.payloads("Heartbeat")) == 2
    bench.close()


def test_b06_the_version_of_the_firmware_is_that_of_the_boot_notification(make201):
    bench = make201(install_s=5.0, reboot_s=5.0)
    firmware = {
        "location": "https://a.example/fw-2.1.bin",
        "retrieveDateTime": "2026-06-01T06:00:00Z",
    }
    bench.ask("UpdateFirmware", {"requestId": 1, "firmware": firmware})
    bench.transfer().go(90.0)
    told = bench.payloads("BootNotification")[-1]["chargingStation"]["firmwareVersion"]
    assert get(bench, "ChargingStation.FirmwareVersion") == told == "2.1"


def test_a01_a_password_may_hold_any_characters_but_controls_and_no_other_length(make201):
    bench = make201()
    name = "SecurityCtrlr.BasicAuthPassword"
    for value in (
        "short",
        "x" * 15,
        "x" * 41,
        "sixteen\nletters or more",
        "tab\tsixteen letters..",
    ):
        assert put(bench, name, value) == "Rejected", value
    assert put(bench, name, " pässwörd: §5 & more! ") == "Accepted"  # errata 2.1
    bench.go(60.0)
    assert bench.asked[-1].password is None or bench.asked[-1].password.startswith(b" p")
    assert get(bench, name) == "Rejected"
    bench.ask(
        "GetReport",
        {"requestId": 1, "componentVariable": [item(name)]},
    )
    (row,) = bench.go(1.0).payloads("NotifyReport")[-1]["reportData"]
    assert "value" not in row["variableAttribute"][0]  # B08.FR.03


def test_b05_changes_of_one_request_hold_from_the_answer_on(make201):
    bench = make201()
    changes = [
        item("TxCtrlr.EVConnectionTimeOut", "11"),
        item("TxCtrlr.EVConnectionTimeOut", "ten"),
        item("TxCtrlr.Nothing", "1"),
        item("TxCtrlr.StopTxOnInvalidId", "false"),
    ]
    found = bench.ask("SetVariables", {"setVariableData": changes})["setVariableResult"]
    assert [r["attributeStatus"] for r in found] == [
        "Accepted",
        "Rejected",
        "UnknownVariable",
        "Accepted",
    ]
    assert all(r["attributeType"] == "Actual" for r in found)
    assert get(bench, "TxCtrlr.EVConnectionTimeOut") == "11"


def test_b07_a_report_goes_on_where_the_csms_fails_to_take_a_part(make201):
    bench = make201(report_items=60)
    bench.csms.say("NotifyReport", Refuse())
    answer = bench.ask("GetBaseReport", {"requestId": 3, "reportBase": "FullInventory"})
    assert answer == {"status": "Accepted"}
    parts = bench.go(10.0).payloads("NotifyReport")
    assert [p["seqNo"] for p in parts] == list(range(len(parts))) and len(parts) > 2
    assert [p["tbc"] for p in parts] == [True] * (len(parts) - 1) + [False]
