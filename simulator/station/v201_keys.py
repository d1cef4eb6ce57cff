"""OCPP 2.0.1: the variables that the machine obeys, by component and variable, and their defaults.

Named ``Component.Variable`` or ``Component.Variable[Instance]``, as in the specification's
dm_components_vars table; ``.MinSet`` and the like follow for another attribute than Actual. A
configuration of the scenario may set any of them, the CSMS those that are writable. The device
model (``v201_device``) is made of these and of what can only be read; what the values make the
machine do is in ``v201_configure``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulator.station import network, v201_keys_screen
from simulator.station.configuration import Key, Kind
from simulator.station.model import AUTHORIZED, BAY, CONNECTED, ENERGY, PATH_CLOSED

HEARTBEAT_INTERVAL: Final = "OCPPCommCtrlr.HeartbeatInterval"
HEARTBEAT_MIN: Final = "Controller.Interval[Heartbeat].MinSet"
HEARTBEAT_MAX: Final = "Controller.Interval[Heartbeat].MaxSet"
MESSAGE_TIMEOUT: Final = "OCPPCommCtrlr.MessageTimeout[Default]"
SAMPLE_INTERVAL: Final = "SampledDataCtrlr.TxUpdatedInterval"
ALIGNED_INTERVAL: Final = "AlignedDataCtrlr.Interval"
PRIORITY: Final = network.PRIORITY
PASSWORD: Final = "SecurityCtrlr.BasicAuthPassword"
START_POINT: Final = "TxCtrlr.TxStartPoint"
STOP_POINT: Final = "TxCtrlr.TxStopPoint"
SLOTS: Final = ("0", "1", "2")
"""Slots of network profiles; 0 is the one that the station comes with."""
LIST_BYTES: Final = "LocalAuthListCtrlr.BytesPerMessage"
LIST_ITEMS: Final = "LocalAuthListCtrlr.ItemsPerMessage"
LIST_ENTRIES: Final = 500
"""The longest local authorisation list (the limit of LocalAuthListCtrlr.Entries)."""
SECURITY: Final = "SecurityCtrlr"
MOST_CERTIFICATES: Final = 8
"""Certificates that the trust store holds (SecurityCtrlr.CertificateEntries, its maxLimit; in 1.6
CertificateStoreMaxLength)."""
PROFILES: Final = "SmartChargingCtrlr.Entries[ChargingProfiles]"
"""Charging profiles that are installed; as a setting, the most that can be (its maxLimit)."""
SIGNIFICANCE: Final = "SmartChargingCtrlr.LimitChangeSignificance"
NEW_SESSIONS: Final = "ChargingStation.AllowNewSessionsPendingFirmwareUpdate"
OCCUPANCY: Final = "ParkingBayOccupancy"
"""The point that takes a sensor (``Hardware.bay_sensor``). DataSigned would take a meter that
signs, and no station here has one."""
POINTS: Final = {
    OCCUPANCY: BAY,
    "EVConnected": CONNECTED,
    "Authorized": AUTHORIZED,
    "PowerPathClosed": PATH_CLOSED,
    "EnergyTransfer": ENERGY,
}
_POINTS: Final = tuple(POINTS)


def _flag(name: str, default: str) -> Key:
    return Key(name, Kind.BOOLEAN, default)


def _number(
    name: str,
    default: str,
    least: int = 0,
    most: int = 2**31 - 1,
    unit: str = "",
    reboot: bool = False,
    writable: bool = True,
) -> Key:
    return Key(name, Kind.INTEGER, default, writable, reboot, least, most, unit=unit)


def _fixed(name: str, value: str, kind: Kind = Kind.INTEGER) -> Key:
    return Key(name, kind, value, writable=False)


def _measured(name: str, default: str) -> Key:
    return Key(name, Kind.MEASURANDS, default)


def _text(name: str, default: str, pattern: str = "", secret: bool = False) -> Key:
    return Key(name, Kind.TEXT, default, pattern=pattern, secret=secret)


def _list(
    kind: Kind,
    name: str,
    default: str,
    values: tuple[str, ...],
    reboot: bool = False,
    writable: bool = True,
) -> Key:
    return Key(name, kind, default, writable, reboot, minimum=1, values=values)


_ENERGY: Final = "Energy.Active.Import.Register"
_KEYS: Final = (
    _flag("AlignedDataCtrlr.Enabled", "true"),
    _number(ALIGNED_INTERVAL, "0", most=86_400, unit="s"),
    _measured("AlignedDataCtrlr.Measurands", _ENERGY),
    _flag("AlignedDataCtrlr.SendDuringIdle", "false"),
    _number("AlignedDataCtrlr.TxEndedInterval", "0", most=86_400, unit="s"),
    _measured("AlignedDataCtrlr.TxEndedMeasurands", ""),
    _fixed("AuthCacheCtrlr.Available", "true", Kind.BOOLEAN),
    _flag("AuthCacheCtrlr.DisablePostAuthorize", "false"),
    _flag("AuthCacheCtrlr.Enabled", "true"),
    _number("AuthCacheCtrlr.LifeTime", "0"),
    _flag("AuthCtrlr.AuthorizeRemoteStart", "false"),
    _flag("AuthCtrlr.DisableRemoteAuthorization", "false"),
    _flag("AuthCtrlr.Enabled", "true"),
    _flag("AuthCtrlr.LocalAuthorizeOffline", "true"),
    _flag("AuthCtrlr.LocalPreAuthorize", "false"),
    Key("AuthCtrlr.MasterPassGroupId", Kind.TEXT, "", pattern=".{0,36}"),
    _flag("AuthCtrlr.OfflineTxForUnknownIdEnabled", "true"),
    _flag(NEW_SESSIONS, "false"),
    _list(Kind.SEQUENCE, "ClockCtrlr.TimeSource", "Heartbeat", ("Heartbeat",)),
    _flag("ISO15118Ctrlr.CentralContractValidationAllowed", "false"),
    _flag("ISO15118Ctrlr.ContractValidationOffline", "false"),
    _fixed("LocalAuthListCtrlr.Available", "true", Kind.BOOLEAN),
    _fixed(LIST_BYTES, "262144"),
    _flag("LocalAuthListCtrlr.DisablePostAuthorize", "false"),
    _flag("LocalAuthListCtrlr.Enabled", "true"),
    _fixed(LIST_ITEMS, "100"),
    _fixed("LocalAuthListCtrlr.SupportsExpiryDateTime", "true", Kind.BOOLEAN),
    _number(HEARTBEAT_MAX, "86400", least=1, most=86_400, unit="s"),
    _number(HEARTBEAT_MIN, "1", least=1, most=86_400, unit="s"),
    _number(HEARTBEAT_INTERVAL, "300", least=1, unit="s"),
    _number("OCPPCommCtrlr.MessageAttempts[TransactionEvent]", "3", least=1),
    _number("OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]", "60", unit="s"),
    _number(MESSAGE_TIMEOUT, "30", least=1, unit="s", writable=False),
    _list(Kind.SEQUENCE, PRIORITY, SLOTS[0], SLOTS, reboot=True),
    _number("OCPPCommCtrlr.NetworkProfileConnectionAttempts", "3", least=1, most=100),
    _number("OCPPCommCtrlr.OfflineThreshold", "60", unit="s"),
    _number("OCPPCommCtrlr.ResetRetries", "1", most=100),
    _number("OCPPCommCtrlr.RetryBackOffRandomRange", "10", most=86_400, unit="s"),
    _number("OCPPCommCtrlr.RetryBackOffRepeatTimes", "3", most=16),
    _number("OCPPCommCtrlr.RetryBackOffWaitMinimum", "10", least=1, most=86_400, unit="s"),
    _flag("OCPPCommCtrlr.UnlockOnEVSideDisconnect", "true"),
    _number("OCPPCommCtrlr.WebSocketPingInterval", "60", unit="s", reboot=True),
    _fixed("ReservationCtrlr.Available", "true", Kind.BOOLEAN),
    _flag("ReservationCtrlr.Enabled", "true"),
    _fixed("ReservationCtrlr.NonEvseSpecific", "true", Kind.BOOLEAN),
    _flag("SampledDataCtrlr.Enabled", "true"),
    _number("SampledDataCtrlr.TxEndedInterval", "0", most=86_400, unit="s"),
    _measured("SampledDataCtrlr.TxEndedMeasurands", _ENERGY),
    _measured("SampledDataCtrlr.TxStartedMeasurands", _ENERGY),
    _number(SAMPLE_INTERVAL, "60", unit="s"),
    _measured("SampledDataCtrlr.TxUpdatedMeasurands", _ENERGY),
    _text(PASSWORD, "", r"[^\x00-\x1f\x7f]{16,40}", secret=True),
    _text("SecurityCtrlr.OrganizationName", "Chargeswarm", r".{0,64}"),
    _fixed("SmartChargingCtrlr.ACPhaseSwitchingSupported", "false", Kind.BOOLEAN),
    _number(PROFILES, "40", least=1, writable=False),
    Key(SIGNIFICANCE, Kind.DECIMAL, "0.0", maximum=100, unit="Percent"),
    _flag("SmartChargingCtrlr.NotifyChargingLimitWithSchedules", "false"),
    _fixed("SmartChargingCtrlr.Phases3to1", "false", Kind.BOOLEAN),
    _number("SmartChargingCtrlr.PeriodsPerSchedule", "96", least=1, writable=False),
    _number("SmartChargingCtrlr.ProfileStackLevel", "20", writable=False),
    _list(Kind.MEMBERS, "SmartChargingCtrlr.RateUnit", "A,W", ("A", "W"), writable=False),
    _number("TxCtrlr.EVConnectionTimeOut", "60", unit="s"),
    _number("TxCtrlr.MaxEnergyOnInvalidId", "0", unit="Wh"),
    _flag("TxCtrlr.StopTxOnEVSideDisconnect", "true"),
    _flag("TxCtrlr.StopTxOnInvalidId", "true"),
    _flag("TxCtrlr.TxBeforeAcceptedEnabled", "false"),
    _fixed("SecurityCtrlr.AdditionalRootCertificateCheck", "false", Kind.BOOLEAN),
    _number("SecurityCtrlr.CertSigningRepeatTimes", "3"),
    _number("SecurityCtrlr.CertSigningWaitMinimum", "60", unit="s"),
    _fixed("SecurityCtrlr.MaxCertificateChainSize", "10000"),
    _list(Kind.MEMBERS, START_POINT, "PowerPathClosed", _POINTS),
    _list(Kind.MEMBERS, STOP_POINT, "EVConnected,Authorized", _POINTS),
    *v201_keys_screen.ROWS,
)
KEYS: Final[Mapping[str, Key]] = {key.name.lower(): key for key in _KEYS}
"""By name in lower case: names are compared without regard to case."""

FROM_16: Final[Mapping[str, str]] = {
    "AllowOfflineTxForUnknownId": "AuthCtrlr.OfflineTxForUnknownIdEnabled",
    "AuthorizeRemoteTxRequests": "AuthCtrlr.AuthorizeRemoteStart",
    "ClockAlignedDataInterval": ALIGNED_INTERVAL,
    "ConnectorSwitch3to1PhaseSupported": "SmartChargingCtrlr.Phases3to1",
    "ConnectionTimeOut": "TxCtrlr.EVConnectionTimeOut",
    "HeartbeatInterval": HEARTBEAT_INTERVAL,
    "LocalAuthorizeOffline": "AuthCtrlr.LocalAuthorizeOffline",
    "LocalPreAuthorize": "AuthCtrlr.LocalPreAuthorize",
    "MessageTimeout": MESSAGE_TIMEOUT,
    "MeterValueSampleInterval": SAMPLE_INTERVAL,
    "MeterValuesAlignedData": "AlignedDataCtrlr.Measurands",
    "MeterValuesSampledData": "SampledDataCtrlr.TxUpdatedMeasurands",
    "StopTransactionOnEVSideDisconnect": "TxCtrlr.StopTxOnEVSideDisconnect",
    "StopTransactionOnInvalidId": "TxCtrlr.StopTxOnInvalidId",
    "StopTxnAlignedData": "AlignedDataCtrlr.TxEndedMeasurands",
    "StopTxnSampledData": "SampledDataCtrlr.TxEndedMeasurands",
    "TransactionMessageAttempts": "OCPPCommCtrlr.MessageAttempts[TransactionEvent]",
    "TransactionMessageRetryInterval": "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]",
    "WebSocketPingInterval": "OCPPCommCtrlr.WebSocketPingInterval",
}
"""The variable that sets what a configuration key of 1.6 sets, for models that are described by the
keys of 1.6. A key that is not here has no counterpart that this station obeys, and is left out:
MinimumStatusDuration, StopTransactionMaxMeterValues, ResetRetries, ConnectorPhaseRotation,
UnlockConnectorOnEVSideDisconnect, and what only describes the station."""
_FROM_16: Final = {key.lower(): variable for key, variable in FROM_16.items()}


def translated(key: str) -> str | None:
    """The variable for a configuration key of 1.6; None: there is none."""
    return _FROM_16.get(key.lower())
