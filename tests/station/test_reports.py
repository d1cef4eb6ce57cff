"""Reports on the device model (B07, B08), requirement by requirement."""

import json

import pytest
from station_harness import SILENT, Refuse

from simulator.station import v201_device
from simulator.station.settings import Hardware

DC = Hardware("dc", 3, 150_000.0, 150_000.0, "cCCS2")


@pytest.fixture
def bench(make):
    return make(version="2.0.1", hardware=DC, evses=2).boot()


@pytest.fixture
def short(make):
    """A station that tells ten variables at a time."""
    return make(version="2.0.1", hardware=DC, evses=2, report_items=10).boot()


def base(bench, kind, request_id=1):
    return bench.ask("GetBaseReport", {"requestId": request_id, "reportBase": kind})["status"]


def custom(bench, *wanted, criteria=None, request_id=1):
    payload = {"requestId": request_id}
    if wanted:
        payload["componentVariable"] = list(wanted)
    if criteria:
        payload["componentCriteria"] = criteria
    return bench.ask("GetReport", payload)["status"]


def told(bench, request_id=1):
    """Every row told for a request, as (component, evse, connector, variable, instance)."""
    bench.go(60.0)
    rows = []
    for part in bench.payloads("NotifyReport"):
        if part["requestId"] == request_id:
            rows += part["reportData"]
    return [
        (
            row["component"]["name"],
            row["component"].get("evse", {}).get("id", 0),
            row["component"].get("evse", {}).get("connectorId", 0),
            row["variable"]["name"],
            row["variable"].get("instance", ""),
        )
        for row in rows
    ]


def component(name, evse=None, connector=None, variable=None, instance=None):
    where = {"name": name}
    if evse is not None:
        where["evse"] = {"id": evse} | ({"connectorId": connector} if connector else {})
    found = {"component": where}
    if variable is not None:
        found["variable"] = {"name": variable} | ({"instance": instance} if instance else {})
    return found


# -- B07 ------------------------------------------------------------------------------------------


def test_b07_fr_01_03_08_full_inventory_tells_every_variable_once(bench):
    assert base(bench, "FullInventory") == "Accepted"
    rows = told(bench)
    model = v201_device.of(bench.station)
    assert len(rows) == len(set(rows)) == len(model.variables) >= 250
    for part in bench.payloads("NotifyReport"):
        for row in part["reportData"]:
            assert row["variableCharacteristics"]["dataType"]


def test_b07_fr_04_10_parts_are_numbered_from_0_and_the_last_says_so(short):
    assert base(short, "FullInventory", 77) == "Accepted"
    short.go(60.0)
    parts = short.payloads("NotifyReport")
    assert len(parts) > 20
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert {part["requestId"] for part in parts} == {77}
    assert [part["tbc"] for part in parts] == [True] * (len(parts) - 1) + [False]
    assert {len(part["reportData"]) for part in parts[:-1]} == {10}


def test_a_part_is_never_longer_than_it_may_be_unless_one_variable_is(make):
    bench = make(version="2.0.1", hardware=DC, evses=2, report_bytes=2000).boot()
    base(bench, "FullInventory")
    bench.go(60.0)
    frames = [f for f in bench.frames if f[0] == 2 and f[2] == "NotifyReport"]
    lengths = [len(json.dumps(f, separators=(",", ":"))) for f in frames]
    assert max(lengths) <= 2000 < max(lengths) + 400
    tiny = make(version="2.0.1", report_bytes=1).boot()
    base(tiny, "SummaryInventory")
    tiny.go(60.0)
    assert [len(part["reportData"]) for part in tiny.payloads("NotifyReport")] == [1, 1]


def test_b07_fr_07_configuration_inventory_tells_what_can_be_set(bench):
    assert base(bench, "ConfigurationInventory") == "Accepted"
    rows = told(bench)
    assert ("TxCtrlr", 0, 0, "EVConnectionTimeOut", "") in rows
    assert ("SecurityCtrlr", 0, 0, "BasicAuthPassword", "") in rows
    for part in bench.payloads("NotifyReport"):
        for row in part["reportData"]:
            writable = [a for a in row["variableAttribute"] if a["mutability"] != "ReadOnly"]
            assert writable and all(a["persistent"] for a in writable)


def test_b07_fr_09_summary_inventory_tells_availability_and_what_is_wrong(bench):
    assert base(bench, "SummaryInventory") == "Accepted"
    usual = [("ChargingStation", 0, 0), ("EVSE", 1, 0), ("EVSE", 2, 0)]
    assert told(bench) == [(*where, "AvailabilityState", "") for where in usual]
    bench.do("fault", 2, code="PowerMeterFailure")
    bench.forget()
    base(bench, "SummaryInventory", 2)
    rows = told(bench, 2)
    assert ("FiscalMetering", 2, 0, "Problem", "") in rows
    assert ("EVSE", 2, 0, "Problem", "") in rows
    assert ("EVSE", 1, 0, "Problem", "") not in rows


def test_b07_fr_11_every_attribute_type_is_told(bench):
    base(bench, "FullInventory")
    bench.go(60.0)
    rows = [row for part in bench.payloads("NotifyReport") for row in part["reportData"]]
    (beat,) = [row for row in rows if row["variable"].get("instance") == "Heartbeat"]
    kinds = [a["type"] for a in beat["variableAttribute"]]
    assert kinds == ["Actual", "Target", "MinSet", "MaxSet"]


def test_b07_fr_03_the_value_of_what_is_write_only_is_never_told(make):
    bench = make(version="2.0.1", security_profile=1).boot()
    secret = "correct-horse-battery"
    data = component("SecurityCtrlr", variable="BasicAuthPassword") | {"attributeValue": secret}
    bench.ask("SetVariables", {"setVariableData": [data]})
    bench.go(60.0)
    base(bench, "FullInventory")
    bench.go(60.0)
    rows = [row for part in bench.payloads("NotifyReport") for row in part["reportData"]]
    (row,) = [row for row in rows if row["variable"]["name"] == "BasicAuthPassword"]
    assert row["variableAttribute"] == [
        {"type": "Actual", "mutability": "WriteOnly", "persistent": True}
    ]
    assert secret not in json.dumps(bench.frames)


def test_b07_fr_13_too_many_reports_at_once_are_refused(short):
    short.csms.always["NotifyReport"] = SILENT
    answers = [base(short, "FullInventory", number) for number in range(6)]
    assert answers == ["Accepted"] * 4 + ["Rejected"] * 2
    short.csms.always.clear()
    short.go(900.0)
    assert short.station.reports == 0
    assert base(short, "SummaryInventory", 9) == "Accepted"


def test_a_part_that_is_refused_or_not_answered_is_not_repeated_and_the_rest_follows(short):
    short.csms.say("NotifyReport", {}, Refuse(), SILENT)
    base(short, "FullInventory")
    short.go(120.0)
    numbers = [part["seqNo"] for part in short.payloads("NotifyReport")]
    assert numbers == list(range(len(numbers)))
    assert short.payloads("NotifyReport")[-1]["tbc"] is False
    assert short.station.reports == 0


def test_a_report_ends_with_the_connection(short):
    base(short, "FullInventory")
    short.go(0.12)
    short.drop()
    seen = len(short.payloads("NotifyReport"))
    short.go(120.0)
    assert len(short.payloads("NotifyReport")) == seen > 0
    assert short.station.reports == 0


def test_b02_fr_01_a_pending_station_reports(make):
    bench = make(version="2.0.1")
    pending = {"status": "Pending", "currentTime": "2026-06-01T06:00:00Z", "interval": 600}
    bench.csms.always["BootNotification"] = pending
    bench.start().go(1.0)
    assert base(bench, "FullInventory") == "Accepted"
    assert len(told(bench)) == len(v201_device.of(bench.station).variables)


# -- B08 ------------------------------------------------------------------------------------------


def test_b08_fr_01_03_04_12_a_list_of_variables(bench):
    wanted = (
        component("EVSE", 2, variable="Power"),
        component("ocppcommctrlr", variable="heartbeatinterval"),
    )
    assert custom(bench, *wanted, request_id=5) == "Accepted"
    rows = told(bench, 5)
    assert rows == [("OCPPCommCtrlr", 0, 0, "HeartbeatInterval", ""), ("EVSE", 2, 0, "Power", "")]
    (part,) = bench.payloads("NotifyReport")
    power = part["reportData"][1]
    assert power["variableCharacteristics"] == {
        "unit": "W",
        "dataType": "decimal",
        "minLimit": 0.0,
        "maxLimit": 150_000.0,
        "supportsMonitoring": "SetVariableMonitoring" in bench.station.table.requests,
    }
    assert part["seqNo"] == 0 and part["tbc"] is False


def test_b08_fr_20_21_without_variable_or_instance_all_of_them(bench):
    custom(bench, component("TxCtrlr"), component("DeviceDataCtrlr", variable="ItemsPerMessage"))
    rows = told(bench)
    assert {row[3] for row in rows if row[0] == "TxCtrlr"} >= {"TxStartPoint", "TxStopPoint"}
    instances = {row[4] for row in rows if row[0] == "DeviceDataCtrlr"}
    assert instances == {"GetReport", "GetVariables", "SetVariables"}


def test_b08_fr_22_23_25_without_connector_or_evse_all_of_them(bench):
    custom(bench, component("Connector", 1, variable="ConnectorType"))
    assert [row[1:3] for row in told(bench)] == [(1, 1)]
    custom(bench, component("Connector", variable="ConnectorType"), request_id=2)
    assert [row[1:3] for row in told(bench, 2)] == [(1, 1), (2, 1)]
    custom(bench, component("Connector", 2, 1, variable="ConnectorType"), request_id=3)
    assert [row[1:3] for row in told(bench, 3)] == [(2, 1)]


@pytest.mark.parametrize(
    ("criterion", "inside", "outside"),
    [
        ("Active", ("DataLink", 0), ("AcDcConverter", 1)),  # FR.07
        ("Available", ("EVSE", 1), ("ConnectedEV", 1)),  # FR.08
        ("Enabled", ("EVSE", 1), ("EVSE", 2)),  # FR.09
        ("Problem", ("GroundIsolationProtection", None), ("EVSE", 2)),  # FR.10
    ],
)
def test_b08_fr_07_08_09_10_criteria(bench, criterion, inside, outside):
    away = {"operationalStatus": "Inoperative", "evse": {"id": 2}}
    bench.ask("ChangeAvailability", away)
    bench.do("fault", 1, code="ReaderFailure")
    assert custom(bench, criteria=[criterion]) == "Accepted"
    components = {row[:2] for row in told(bench)}
    if criterion == "Problem":
        assert components == {("ChargingStation", 0), ("EVSE", 1), ("TokenReader", 1)}
        return
    assert inside in components and outside not in components
    assert ("TxCtrlr", 0) in components  # has no such variable


def test_b08_fr_13_one_of_several_criteria_is_enough(bench):
    bench.do("fault", 1, code="ReaderFailure")
    custom(bench, criteria=["Problem"])
    few = set(told(bench))
    custom(bench, criteria=["Problem", "Active"], request_id=2)
    more = set(told(bench, 2))
    assert few < more


def test_b08_fr_05_criteria_and_list_both_limit(bench):
    bench.do("fault", 1, code="ReaderFailure")
    custom(bench, component("EVSE", variable="AvailabilityState"), criteria=["Problem"])
    assert told(bench) == [("EVSE", 1, 0, "AvailabilityState", "")]


def test_b08_without_criteria_and_list_it_is_everything(bench):
    assert custom(bench) == "Accepted"
    assert len(told(bench)) == len(v201_device.of(bench.station).variables)


@pytest.mark.parametrize(
    "wanted",
    [
        component("Unheard"),
        component("EVSE", 9),
        component("EVSE", 1, variable="Colour"),
        component("DeviceDataCtrlr", variable="ItemsPerMessage", instance="Others"),
        {"component": {"name": "EVSE", "instance": "left"}},
    ],
)
def test_b08_fr_15_nothing_that_fits_is_an_empty_result_set(bench, wanted):
    assert custom(bench, wanted) == "EmptyResultSet"
    bench.go(5.0)
    assert not bench.payloads("NotifyReport")


def test_b08_fr_06_17_more_items_than_may_be_is_refused(bench):
    payload = {"requestId": 1, "componentVariable": [component("EVSE")] * 51}
    assert bench.call("GetReport", payload)[2] == "OccurrenceConstraintViolation"
