"""Configuration keys: reading, changing, refusing (1.6 §5.3, §5.8, §9)."""

import pytest

from simulator.station.settings import Settings
from simulator.station.v16 import TABLE
from simulator.station.v16_keys import KEYS

REQUIRED = [
    "AuthorizeRemoteTxRequests",
    "ClockAlignedDataInterval",
    "ConnectionTimeOut",
    "ConnectorPhaseRotation",
    "GetConfigurationMaxKeys",
    "HeartbeatInterval",
    "LocalAuthorizeOffline",
    "LocalPreAuthorize",
    "MeterValuesAlignedData",
    "MeterValuesSampledData",
    "MeterValueSampleInterval",
    "NumberOfConnectors",
    "ResetRetries",
    "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId",
    "StopTxnAlignedData",
    "StopTxnSampledData",
    "SupportedFeatureProfiles",
    "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
    "UnlockConnectorOnEVSideDisconnect",
]
READ_ONLY = [
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "ConnectorSwitch3to1PhaseSupported",
    "MaxChargingProfilesInstalled",
    "ConnectorPhaseRotationMaxLength",
    "AdditionalRootCertificateCheck",
    "CertificateSignedMaxChainSize",
    "CertificateStoreMaxLength",
    "GetConfigurationMaxKeys",
    "LocalAuthListMaxLength",
    "MeterValuesAlignedDataMaxLength",
    "MeterValuesSampledDataMaxLength",
    "NumberOfConnectors",
    "ReserveConnectorZeroSupported",
    "SendLocalListMaxLength",
    "StopTransactionMaxMeterValues",
    "StopTxnAlignedDataMaxLength",
    "StopTxnSampledDataMaxLength",
    "SupportedFeatureProfiles",
    "SupportedFeatureProfilesMaxLength",
    "SupportedFileTransferProtocols",
]


def read(bench, *keys):
    answer = bench.ask("GetConfiguration", {"key": list(keys)})
    return {row["key"]: row.get("value") for row in answer.get("configurationKey", [])}


def change(bench, key, value):
    return bench.ask("ChangeConfiguration", {"key": key, "value": value})["status"]


def test_1_6_9_1_every_required_core_key_is_there_with_its_access(make):
    rows = make().boot().ask("GetConfiguration")["configurationKey"]
    access = {row["key"]: row["readonly"] for row in rows}
    assert set(REQUIRED) <= set(access)
    assert {key for key, readonly in access.items() if readonly} == set(READ_ONLY)


def test_1_6_9_1_29_supported_feature_profiles_says_the_truth(make):
    bench = make().boot()
    profiles = read(bench, "SupportedFeatureProfiles")["SupportedFeatureProfiles"].split(",")
    assert profiles == [
        "Core",
        "FirmwareManagement",
        "LocalAuthListManagement",
        "Reservation",
        "RemoteTrigger",
        "SmartCharging",
    ]
    core = {
        "ChangeAvailability",
        "ChangeConfiguration",
        "ClearCache",
        "DataTransfer",
        "GetConfiguration",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "Reset",
        "UnlockConnector",
    }
    smart = {"ClearChargingProfile", "GetCompositeSchedule", "SetChargingProfile"}
    lists = {"GetLocalListVersion", "SendLocalList"}
    reservation = {"CancelReservation", "ReserveNow"}
    firmware = {"GetDiagnostics", "UpdateFirmware"}
    whitepaper = {
        "CertificateSigned",
        "DeleteCertificate",
        "ExtendedTriggerMessage",
        "GetInstalledCertificateIds",
        "GetLog",
        "InstallCertificate",
        "SignedUpdateFirmware",
    }
    assert (
        set(TABLE.requests)
        == core | firmware | smart | lists | reservation | {"TriggerMessage"} | whitepaper
    )


def test_1_6_9_keys_of_functions_that_are_not_there_are_not_there(make):
    answer = (
        make()
        .boot()
        .ask(
            "GetConfiguration",
            {"key": ["LightIntensity", "BlinkRepeat"]},
        )
    )
    assert answer == {"configurationKey": [], "unknownKey": ["LightIntensity", "BlinkRepeat"]}


def test_1_6_5_8_known_and_unknown_keys_of_a_list(make):
    answer = (
        make(evses=2)
        .boot()
        .ask("GetConfiguration", {"key": ["numberofconnectors", "Größe", "ConnectionTimeOut"]})
    )
    assert answer["unknownKey"] == ["Größe"]
    assert answer["configurationKey"] == [
        {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
        {"key": "ConnectionTimeOut", "readonly": False, "value": "60"},
    ]


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("ConnectionTimeOut", "90", "Accepted"),
        ("connectiontimeout", " 90 ", "Accepted"),
        ("ConnectionTimeOut", "-1", "Rejected"),
        ("ConnectionTimeOut", "soon", "Rejected"),
        ("ConnectionTimeOut", "1e3", "Rejected"),
        ("ConnectionTimeOut", "٣", "Rejected"),
        ("ConnectionTimeOut", "9" * 400, "Rejected"),
        ("AllowOfflineTxForUnknownId", "TRUE", "Accepted"),
        ("AllowOfflineTxForUnknownId", "yes", "Rejected"),
        ("NumberOfConnectors", "9", "Rejected"),
        ("ClockAlignedDataInterval", "86401", "Rejected"),
        ("TransactionMessageAttempts", "0", "Rejected"),
        ("MeterValuesSampledData", "SoC, Voltage", "Accepted"),
        ("MeterValuesSampledData", "", "Accepted"),
        ("ConnectorPhaseRotation", "0.RST, 1.RTS", "RebootRequired"),
        ("ConnectorPhaseRotation", "upside down", "Rejected"),
        ("WebSocketPingInterval", "-5", "Rejected"),
        ("WebSocketPingInterval", "5", "RebootRequired"),
        ("FavouriteColour", "red", "NotSupported"),
        ("LightIntensity", "5", "NotSupported"),
        ("LocalAuthListMaxLength", "5", "Rejected"),
        ("ReserveConnectorZeroSupported", "false", "Rejected"),
    ],
)
def test_1_6_5_3_change_configuration(make, key, value, status):
    bench = make().boot()
    before = bench.ask("GetConfiguration")["configurationKey"]
    assert change(bench, key, value) == status
    if status in ("Rejected", "NotSupported"):
        assert bench.ask("GetConfiguration")["configurationKey"] == before
    else:
        name = KEYS[key.lower()].name
        assert read(bench, name)[name] == value.strip()


def test_1_6_3_16_4_an_unsupported_measurand_is_rejected(make):
    bench = make(measurands=("Energy.Active.Import.Register", "Voltage")).boot()
    assert change(bench, "MeterValuesSampledData", "Voltage") == "Accepted"
    for wrong in ("Voltage,SoC", "Frequency", "Voltage.L1", "Voltage,Voltage"):
        assert change(bench, "MeterValuesSampledData", wrong) == "Rejected"
    assert read(bench, "MeterValuesSampledData") == {"MeterValuesSampledData": "Voltage"}


def test_1_6_9_1_10_heartbeat_interval_takes_effect_at_once(make):
    bench = make().boot()
    assert change(bench, "HeartbeatInterval", "20") == "Accepted"
    start = bench.now
    bench.go(30.0)
    assert bench.times("Heartbeat") == [start + 20.0]


def test_a_ping_interval_takes_effect_at_the_reboot(make):
    bench = make(reboot_s=5.0).boot()
    change(bench, "WebSocketPingInterval", "7")
    assert bench.station.ping_s == 60.0
    bench.ask("Reset", {"type": "Hard"})
    bench.go(30.0)
    assert bench.station.ping_s == 7.0


def test_changes_survive_a_reboot_and_belong_to_one_station_alone(make):
    bench = make(reboot_s=5.0).boot()
    change(bench, "ConnectionTimeOut", "33")
    bench.ask("Reset", {"type": "Soft"})
    bench.go(60.0)
    assert read(bench, "ConnectionTimeOut") == {"ConnectionTimeOut": "33"}
    assert bench.settings.parsed["1.6"].values["ConnectionTimeOut"] == "60"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("MeterValueSampleIntervall", "60", "did you mean 'MeterValueSampleInterval'"),
        ("MeterValueSampleInterval", "often", "a whole number from 0"),
        ("MeterValuesSampledData", "Frequency", "measurands out of"),
    ],
)
def test_settings_with_an_impossible_key_or_value_are_refused(make, key, value, message):
    with pytest.raises(ValueError, match=message):
        TABLE.configure(Settings("r", {key: value}), {})


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("CpoName", "Example CPO", "Accepted"),
        ("ResetRetries", "4", "Accepted"),
        ("UnlockConnectorOnEVSideDisconnect", "false", "Accepted"),
        ("ConnectorPhaseRotation", "1.RST", "RebootRequired"),
    ],
)
def test_settings_that_are_only_kept_are_read_back(make, key, value, status):
    bench = make().boot()
    assert change(bench, key, value) == status
    assert read(bench, key) == {key: value}
