"""The device model of 2.0.1: its table, GetVariables and SetVariables (B05, B06), requirement by
requirement."""

import tracemalloc

import pytest
from station_harness import Bench

from simulator.station import v201_device
from simulator.station.device import READ_ONLY, WRITE_ONLY
from simulator.station.settings import ALL_MEASURANDS, Hardware
from simulator.station.v201_controllers import BYTES, ITEMS
from simulator.station.v201_keys import KEYS

DC = Hardware("dc", 3, 150_000.0, 150_000.0, "cCCS2")
REQUIRED = {
    "AlignedDataCtrlr": "Interval Measurands TxEndedInterval TxEndedMeasurands",
    "AuthCtrlr": "AuthorizeRemoteStart LocalAuthorizeOffline LocalPreAuthorize",
    "ChargingStation": "AvailabilityState Available SupplyPhases",
    "ClockCtrlr": "DateTime TimeSource",
    "Connector": "Available ConnectorType SupplyPhases",
    "DeviceDataCtrlr": (
        "BytesPerMessage[GetReport] BytesPerMessage[GetVariables] "
        "BytesPerMessage[SetVariables] ItemsPerMessage[GetReport] "
        "ItemsPerMessage[GetVariables] ItemsPerMessage[SetVariables]"
    ),
    "DisplayMessageCtrlr": "DisplayMessages SupportedFormats SupportedPriorities",
    "EVSE": "AvailabilityState Available Power SupplyPhases",
    "ISO15118Ctrlr": "ContractValidationOffline",
    "LocalAuthListCtrlr": "BytesPerMessage Entries ItemsPerMessage",
    "MonitoringCtrlr": (
        "BytesPerMessage[SetVariableMonitoring] ItemsPerMessage[SetVariableMonitoring]"
    ),
    "OCPPCommCtrlr": (
        "FileTransferProtocols MessageTimeout[Default] "
        "MessageAttemptInterval[TransactionEvent] MessageAttempts[TransactionEvent] "
        "NetworkConfigurationPriority NetworkProfileConnectionAttempts OfflineThreshold "
        "ResetRetries UnlockOnEVSideDisconnect RetryBackOffRepeatTimes "
        "RetryBackOffRandomRange RetryBackOffWaitMinimum WebSocketPingInterval"
    ),
    "SampledDataCtrlr": (
        "TxEndedInterval TxEndedMeasurands TxStartedMeasurands TxUpdatedInterval "
        "TxUpdatedMeasurands"
    ),
    "SecurityCtrlr": "CertificateEntries OrganizationName SecurityProfile",
    "SmartChargingCtrlr": (
        "Entries[ChargingProfiles] LimitChangeSignificance PeriodsPerSchedule "
        "ProfileStackLevel RateUnit"
    ),
    "TariffCostCtrlr": "Currency TariffFallbackMessage TotalCostFallbackMessage",
    "TxCtrlr": (
        "EVConnectionTimeOut StopTxOnEVSideDisconnect StopTxOnInvalidId TxStartPoint TxStopPoint"
    ),
}
"""Marked as required in dm_components_vars.csv (appendices v1.4); back-off, ping: part 4 §8."""


@pytest.fixture
def make201(make):
    def build(**kwargs):
        return make(version="2.0.1", **kwargs)

    return build


def item(name, value=None, evse=None, connector=None, kind=None):
    """``Component.Variable[Instance]`` as an item of GetVariables or SetVariables."""
    component, _, rest = name.partition(".")
    variable, _, instance = rest.partition("[")
    where, what = {"name": component}, {"name": variable}
    if instance:
        what["instance"] = instance.rstrip("]")
    if evse is not None:
        where["evse"] = {"id": evse} | ({"connectorId": connector} if connector else {})
    found = {"component": where, "variable": what}
    if value is not None:
        found["attributeValue"] = value
    return found if kind is None else found | {"attributeType": kind}


def get(bench, *items):
    return bench.ask("GetVariables", {"getVariableData": list(items)})["getVariableResult"]


def put(bench, *items):
    return bench.ask("SetVariables", {"setVariableData": list(items)})["setVariableResult"]


def read(bench, name, **where):
    (row,) = get(bench, item(name, **where))
    assert row["attributeStatus"] == "Accepted", row
    return row["attributeValue"]


def write(bench, name, value, **where):
    (row,) = put(bench, item(name, value, **where))
    return row["attributeStatus"]


# -- the table ------------------------------------------------------------------------------------


def dc_model():
    return v201_device.build(DC, ALL_MEASURANDS, 2)


def required():
    return [f"{c}.{name}" for c, several in REQUIRED.items() for name in several.split()]


@pytest.mark.parametrize("built", [DC, Hardware()], ids=["dc", "ac"])
@pytest.mark.parametrize("name", required())
def test_every_variable_that_the_specification_requires_is_there_on_ac_and_dc(name, built):
    rows = {
        f"{row.component}.{row.name}" + (f"[{row.instance}]" if row.instance else ""): row
        for row in v201_device.build(built, ALL_MEASURANDS, 2).variables
    }
    component, _, _ = name.partition(".")
    assert name in rows
    assert bool(rows[name].evse) is (component in ("EVSE", "Connector"))
    assert bool(rows[name].connector) is (component == "Connector")


def test_250_variables_on_a_dual_dc_station():
    model = dc_model()
    assert len(model.variables) >= 250
    tiers = {row.where[1:] for row in model.variables}
    assert tiers == {(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)}


def test_every_setting_is_a_row_once_and_nothing_else_can_be_set():
    model = dc_model()
    keys = [a.key for row in model.variables for a in row.attributes if a.key is not None]
    fixed_cable = "OCPPCommCtrlr.UnlockOnEVSideDisconnect"
    counted = "SmartChargingCtrlr.Entries[ChargingProfiles]"  # the setting is its maxLimit
    others = {key.name for key in KEYS.values()} - {fixed_cable, counted}
    assert {key.name for key in keys} == others
    for row in model.variables:
        assert row.settable == any(a.mutability != READ_ONLY for a in row.attributes)


def test_2_0_1_part_2_2_1_12_fixed_cables_have_nothing_to_unlock():
    name = ("unlockonevsidedisconnect", "")
    cable = dc_model().components["ocppcommctrlr", 0, 0][name]
    socket = v201_device.build(Hardware(), ALL_MEASURANDS, 1).components["ocppcommctrlr", 0, 0]
    assert not cable.settable and cable.actual.value == "false"
    assert socket[name].settable


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SmartChargingCtrlr.RateUnit", "W"),
        ("SmartChargingCtrlr.ProfileStackLevel", "3"),
        ("SmartChargingCtrlr.PeriodsPerSchedule", "3"),
        ("SmartChargingCtrlr.Entries[ChargingProfiles]", "3"),
        ("DisplayMessageCtrlr.SupportedFormats", "ASCII"),
        ("DisplayMessageCtrlr.DisplayMessages", "3"),
    ],
)
def test_2_0_1_part_2_2_9_2_12_what_the_specification_makes_read_only(make201, name, value):
    assert write(make201().boot(), name, value) == "Rejected"


def test_2_0_1_part_2_2_9_11_limit_change_significance_is_a_number_that_can_be_set(make201):
    bench = make201().boot()
    name = "SmartChargingCtrlr.LimitChangeSignificance"
    assert write(bench, name, "2.5") == "Accepted" and read(bench, name) == "2.5"
    for value, reason in (
        ("-1.0", "ValueOutOfRange"),
        ("100.1", "ValueOutOfRange"),
        ("nan", "InvalidValue"),
        ("1e1", "InvalidValue"),
        ("", "InvalidValue"),
    ):
        (row,) = put(bench, item(name, value))
        assert row["attributeStatus"] == "Rejected", value
        assert row["attributeStatusInfo"]["reasonCode"] == reason, value
    assert read(bench, name) == "2.5"


@pytest.mark.parametrize(
    ("name", "data_type", "most"),
    [
        ("SmartChargingCtrlr.Entries[ChargingProfiles]", "integer", 7.0),
        ("DisplayMessageCtrlr.DisplayMessages", "integer", 3.0),
        ("DisplayMessageCtrlr.SupportedFormats", "MemberList", None),
        ("DisplayMessageCtrlr.SupportedPriorities", "MemberList", None),
        ("SmartChargingCtrlr.LimitChangeSignificance", "decimal", 100.0),
        ("SampledDataCtrlr.TxEndedMeasurands", "MemberList", 500.0),
        ("AlignedDataCtrlr.Measurands", "MemberList", 500.0),
    ],
)
def test_2_0_1_part_2_chapter_2_types_and_limits_are_those_of_the_specification(
    make201, name, data_type, most
):
    bench = make201(
        max_display_messages=3,
        configuration={"SmartChargingCtrlr.Entries[ChargingProfiles]": "7"},
    )
    component, _, rest = name.partition(".")
    variable, _, instance = rest.partition("[")
    rows = v201_device.of(bench.station).components[component.lower(), 0, 0]
    row = rows[variable.lower(), instance.rstrip("]").lower()]
    assert (row.data_type, row.most) == (data_type, most)


def test_2_0_1_part_2_2_9_10_entries_are_the_profiles_that_are_installed(make201):
    bench = make201().boot()
    name = "SmartChargingCtrlr.Entries[ChargingProfiles]"
    assert read(bench, name) == "0"
    schedule = {
        "id": 1,
        "chargingRateUnit": "A",
        "startSchedule": "2026-06-01T00:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}],
    }
    profile = {
        "id": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    }
    bench.ask("SetChargingProfile", {"evseId": 1, "chargingProfile": profile})
    assert read(bench, name) == "1"


def test_the_firmware_version_is_the_installed_one(make201):
    bench = make201(install_s=5.0).boot()
    assert read(bench, "ChargingStation.FirmwareVersion") == "1.0"
    firmware = {
        "location": "https://csms.example/v2.5.bin",
        "retrieveDateTime": "2026-01-01T00:00:00Z",
    }
    bench.ask("UpdateFirmware", {"requestId": 1, "firmware": firmware})
    bench.transfer().go(100.0)
    assert read(bench, "ChargingStation.FirmwareVersion") == "2.5"
    assert read(bench, "Controller.FirmwareVersion") == "2.5"


def test_stations_of_a_model_share_one_table(make201):
    one, other = make201(hardware=DC, evses=2), make201(hardware=DC, evses=2)
    assert v201_device.of(one.station) is v201_device.of(other.station)
    assert v201_device.of(make201().station) is not v201_device.of(one.station)


def test_an_idle_station_pays_next_to_nothing_and_a_change_is_sparse():
    first, *benches = [Bench(version="2.0.1", hardware=DC, evses=2) for _ in range(21)]
    settings = first.settings
    for bench in benches:  # stations of one model share their settings
        bench.station.settings = settings
        bench.station.conf = settings.parsed["2.0.1"]
    change = {"setVariableData": [item("TxCtrlr.EVConnectionTimeOut", "7")]}
    # Once before: what all share is made then.
    first.station.table.requests["SetVariables"].handle(first.station, 0.0, change)
    everything = [item("EVSE.Power", evse=2), item("TxCtrlr.TxStartPoint")]
    for bench in benches:
        bench.station.table.requests["GetVariables"].handle(
            bench.station, 0.0, {"getVariableData": everything}
        )
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for bench in benches:
            bench.station.table.requests["GetVariables"].handle(
                bench.station, 0.0, {"getVariableData": everything}
            )
        idle = tracemalloc.get_traced_memory()[0] - before
        before = tracemalloc.get_traced_memory()[0]
        for bench in benches:
            bench.station.table.requests["SetVariables"].handle(bench.station, 0.0, change)
        changed = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    for bench in (first, *benches):
        bench.closed = True
    assert idle / len(benches) < 64
    assert changed / len(benches) < 3072


# -- B06: reading ---------------------------------------------------------------------------------


def test_b06_fr_01_02_03_one_result_for_each_item_with_its_names_and_its_type(make201):
    bench = make201(evses=2).boot()
    asked = [
        item("evse.availabilitystate", evse=2),
        item("OCPPCommCtrlr.MessageTimeout[Default]", kind="Actual"),
        item("Nothing.AtAll"),
    ]
    results = get(bench, *asked)
    assert len(results) == 3
    for one, result in zip(asked, results, strict=True):
        assert result["component"] == one["component"]
        assert result["variable"] == one["variable"]
        assert result["attributeType"] == "Actual"


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        (item("NoSuchCtrlr.Enabled"), "UnknownComponent"),
        (item("EVSE.Power"), "UnknownComponent"),
        (item("EVSE.Power", evse=3), "UnknownComponent"),
        (item("EVSE.Power", evse=0), "UnknownComponent"),
        (item("EVSE.Power", evse=1, connector=1), "UnknownComponent"),
        (item("ChargingStation.Model", evse=-1), "UnknownComponent"),
        (item("EVSE.Colour", evse=1), "UnknownVariable"),
        (item("OCPPCommCtrlr.MessageTimeout"), "UnknownVariable"),
        (item("OCPPCommCtrlr.HeartbeatInterval[Fast]"), "UnknownVariable"),
        (item("OCPPCommCtrlr.HeartbeatInterval", kind="Target"), "NotSupportedAttributeType"),
        (item("SecurityCtrlr.BasicAuthPassword"), "Rejected"),
    ],
)
def test_b06_fr_06_07_08_09_15_what_cannot_be_read_has_its_status_and_no_value(
    make201, wanted, status
):
    (result,) = get(make201(evses=2).boot(), wanted)
    assert result["attributeStatus"] == status
    assert "attributeValue" not in result


def test_b06_fr_06_a_component_has_no_instances_here(make201):
    wanted = item("EVSE.Power", evse=1)
    wanted["component"]["instance"] = "left"
    (result,) = get(make201().boot(), wanted)
    assert result["attributeStatus"] == "UnknownComponent"
    wanted["component"]["instance"] = ""
    (result,) = get(make201().boot(), wanted)
    assert result["attributeStatus"] == "Accepted"


def test_b06_fr_13_an_attribute_without_a_value_is_an_empty_text(make201):
    assert read(make201().boot(), "EVSE.TransactionId", evse=1) == ""


def test_b06_fr_16_17_more_items_or_bytes_than_may_be_is_refused(make201):
    bench = make201().boot()
    one = item("ChargingStation.Model")
    most = int(read(bench, "DeviceDataCtrlr.ItemsPerMessage[GetVariables]"))
    assert len(get(bench, *[one] * most)) == most
    many = {"getVariableData": [one] * (most + 1)}
    assert bench.call("GetVariables", many)[2] == "OccurrenceConstraintViolation"
    assert int(read(bench, "DeviceDataCtrlr.BytesPerMessage[GetVariables]")) == BYTES
    long = {"getVariableData": [one | {"customData": {"vendorId": "x", "more": "y" * BYTES}}]}
    assert bench.call("GetVariables", long)[2] == "FormatViolation"
    assert set(ITEMS) == {"GetReport", "GetVariables", "SetVariables"}


def test_the_table_tells_of_the_station_as_it_is(make201):
    bench = make201(hardware=DC, evses=2).boot()
    assert read(bench, "ChargingStation.Model") == "Model"
    assert read(bench, "ChargingStation.AvailabilityState") == "Available"
    assert read(bench, "EVSE.Power", evse=1) == "0"
    assert read(bench, "OCPPCommCtrlr.ActiveNetworkProfile") == "0"
    assert read(bench, "ClockCtrlr.DateTime").startswith("2026-06-01T06:00:")
    assert read(bench, "Controller.Interval[Heartbeat]") == "300"
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(36.0)
    known = bench.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"]
    assert read(bench, "EVSE.TransactionId", evse=1) == known
    assert read(bench, "EVSE.AvailabilityState", evse=1) == "Occupied"
    assert read(bench, "Connector.AvailabilityState", evse=1, connector=1) == "Occupied"
    assert read(bench, "ChargingStation.AvailabilityState") == "Available"
    assert read(bench, "EVSE.Power", evse=1) == "11000"
    assert read(bench, "FiscalMetering.EnergyImport", evse=1) == "110"
    assert read(bench, "CPPWMController.State", evse=1) == "C"
    assert read(bench, "PowerContactor.Active", evse=1) == "true"
    assert read(bench, "PowerContactor.Active", evse=2) == "false"
    bench.do("unplug", 1).do("fault", 2, code="GroundFailure").go(1.0)
    assert read(bench, "GroundIsolationProtection.Active", evse=2) == "true"
    assert read(bench, "EVSE.Problem", evse=2) == "true"
    assert read(bench, "EVSE.Problem", evse=1) == "false"
    bench.ask("ChangeAvailability", {"operationalStatus": "Inoperative"})
    assert read(bench, "ChargingStation.AvailabilityState") == "Unavailable"
    assert read(bench, "EVSE.Enabled", evse=1) == "false"


def test_blocks_say_that_they_are_available_when_their_messages_are_served(make201):
    bench = make201().boot()
    for name, action in (
        ("LocalAuthListCtrlr.Available", "SendLocalList"),
        ("SmartChargingCtrlr.Available", "SetChargingProfile"),
        ("MonitoringCtrlr.Available", "SetVariableMonitoring"),
    ):
        served = action in bench.station.table.requests
        assert (read(bench, name) == "true") == served


# -- B05: setting ---------------------------------------------------------------------------------


def test_b05_fr_01_02_03_12_one_result_for_each_item_in_its_own_words(make201):
    bench = make201().boot()
    asked = [
        item("txctrlr.evconnectiontimeout", "44"),
        item("OCPPCommCtrlr.OfflineThreshold", "9", kind="Actual"),
        item("No.Thing", "1"),
    ]
    results = put(bench, *asked)
    for one, result in zip(asked, results, strict=True):
        assert result["component"] == one["component"]
        assert result["variable"] == one["variable"]
        assert result["attributeType"] == "Actual"
    statuses = [result["attributeStatus"] for result in results]
    assert statuses == ["Accepted", "Accepted", "UnknownComponent"]
    assert bench.station.conf.connection_timeout_s == 44.0


@pytest.mark.parametrize(
    ("name", "value", "status", "reason"),
    [
        ("Nowhere.Enabled", "true", "UnknownComponent", None),  # FR.04
        ("TxCtrlr.Nothing", "true", "UnknownVariable", None),  # FR.05
        ("TxCtrlr.EVConnectionTimeOut", "soon", "Rejected", "InvalidValue"),  # FR.07
        ("TxCtrlr.StopTxOnInvalidId", "yes", "Rejected", "InvalidValue"),
        ("TxCtrlr.TxStartPoint", "ParkingBayOccupancy", "Rejected", "InvalidValue"),
        ("TxCtrlr.TxStartPoint", "", "Rejected", "InvalidValue"),
        ("SampledDataCtrlr.TxUpdatedMeasurands", "Frequency", "Rejected", "InvalidValue"),
        ("TxCtrlr.EVConnectionTimeOut", "-1", "Rejected", "ValueOutOfRange"),  # FR.08
        ("AlignedDataCtrlr.Interval", "86401", "Rejected", "ValueOutOfRange"),
        ("ChargingStation.Model", "Better", "Rejected", "ReadOnly"),  # FR.09
        ("OCPPCommCtrlr.MessageTimeout[Default]", "5", "Rejected", "ReadOnly"),
        ("TxCtrlr.EVConnectionTimeOut", " 90 ", "Accepted", None),  # FR.10
        ("TxCtrlr.TxStartPoint", "Authorized, EVConnected", "Accepted", None),
        ("AlignedDataCtrlr.TxEndedMeasurands", "", "Accepted", None),
        ("OCPPCommCtrlr.WebSocketPingInterval", "20", "RebootRequired", None),
    ],
)
def test_b05_fr_04_to_10_every_item_has_its_status(make201, name, value, status, reason):
    bench = make201().boot()
    before = dict(bench.station.conf.overrides)
    (result,) = put(bench, item(name, value))
    assert result["attributeStatus"] == status
    assert result.get("attributeStatusInfo", {}).get("reasonCode") == reason
    if status in ("Accepted", "RebootRequired"):
        assert read(bench, name) == value.strip()
    else:
        assert bench.station.conf.overrides == before


def test_b05_fr_06_an_attribute_that_the_variable_does_not_have(make201):
    assert write(make201().boot(), "TxCtrlr.TxStartPoint", "Authorized", kind="MaxSet") == (
        "NotSupportedAttributeType"
    )


def test_b05_fr_08_a_target_lies_between_its_set_limits_and_is_obeyed(make201):
    bench = make201().boot()
    beat = "Controller.Interval[Heartbeat]"
    assert write(bench, beat, "60", kind="MaxSet") == "Accepted"
    assert write(bench, "OCPPCommCtrlr.HeartbeatInterval", "55") == "Accepted"
    assert write(bench, beat, "20", kind="MinSet") == "Accepted"
    assert write(bench, beat, "19", kind="MaxSet") == "Rejected"
    assert write(bench, beat, "61", kind="Target") == "Rejected"
    assert write(bench, beat, "50") == "Rejected"
    assert write(bench, beat, "50", kind="Target") == "Accepted"
    assert write(bench, beat, "70", kind="MinSet") == "Rejected"
    assert read(bench, beat) == "50" == read(bench, "OCPPCommCtrlr.HeartbeatInterval")
    start = bench.now
    bench.go(55.0)
    assert bench.times("Heartbeat") == [start + 50.0]


def test_b05_fr_11_more_items_than_may_be_is_refused_and_nothing_set(make201):
    bench = make201().boot()
    most = int(read(bench, "DeviceDataCtrlr.ItemsPerMessage[SetVariables]"))
    many = {"setVariableData": [item("TxCtrlr.EVConnectionTimeOut", "9")] * (most + 1)}
    assert bench.call("SetVariables", many)[2] == "OccurrenceConstraintViolation"
    assert not bench.station.conf.overrides


def test_what_is_set_takes_effect(make201):
    bench = make201().boot()
    put(
        bench,
        item("SampledDataCtrlr.TxUpdatedInterval", "15"),
        item("SampledDataCtrlr.TxUpdatedMeasurands", "SoC"),
        item("TxCtrlr.TxStartPoint", "EVConnected"),
        item("OCPPCommCtrlr.RetryBackOffWaitMinimum", "33"),
        item("OCPPCommCtrlr.RetryBackOffRandomRange", "0"),
    )
    bench.do("plug_in", 1).go(40.0)
    first, *rest = bench.payloads("TransactionEvent")
    assert first["triggerReason"] == "CablePluggedIn"
    samples = [p for p in rest if p["triggerReason"] == "MeterValuePeriodic"]
    assert len(samples) == 2
    assert samples[0]["meterValue"][0]["sampledValue"][0]["measurand"] == "SoC"
    bench.drop()
    before = bench.now
    bench.go(60.0)
    assert bench.connects[-1] == before + 33.0


def test_changes_survive_a_reboot_and_belong_to_one_station_alone(make201):
    bench = make201(reboot_s=5.0).boot()
    write(bench, "TxCtrlr.EVConnectionTimeOut", "33")
    write(bench, "OCPPCommCtrlr.WebSocketPingInterval", "7")
    assert bench.station.ping_s == 60.0
    bench.ask("Reset", {"type": "Immediate"})
    bench.go(60.0)
    assert bench.station.ping_s == 7.0
    assert read(bench, "TxCtrlr.EVConnectionTimeOut") == "33"
    assert bench.settings.parsed["2.0.1"].values["TxCtrlr.EVConnectionTimeOut"] == "60"


def test_a01_fr_01_a_new_password_is_never_read_back_and_used_on_a_new_connection(make201):
    bench = make201(security_profile=1).boot()
    secret = "correct-horse-battery"
    assert write(bench, "SecurityCtrlr.BasicAuthPassword", "too short") == "Rejected"
    assert write(bench, "SecurityCtrlr.BasicAuthPassword", secret) == "Accepted"
    assert bench.closes[-1][1:] == (1000, "new password")
    bench.go(60.0)
    assert bench.asked[-1].password == secret.encode()
    assert not bench.actions().count("BootNotification")
    (result,) = get(bench, item("SecurityCtrlr.BasicAuthPassword"))
    assert result["attributeStatus"] == "Rejected" and "attributeValue" not in result
    row = v201_device.of(bench.station).components["securityctrlr", 0, 0]["basicauthpassword", ""]
    assert row.actual.mutability == WRITE_ONLY and row.most == 40.0
