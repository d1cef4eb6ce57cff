"""OCPP 2.0.1: the variables that the machine obeys, by component and variable, and their defaults.

Named ``Component.Variable`` or ``Component.Variable[Instance]``, as in the specification's
dm_components_vars table; ``.MinSet`` and the like follow for another attribute than Actual. A
configuration of the scenario may set any of them, the CSMS those that are writable. The device
model (``v201_device``) is made of these and of what can only be read.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from functools import lru_cache
from math import inf
from typing import Final, cast

from simulator.station import network, v201_keys_screen
from simulator.station.configuration import Configuration, Key, Kind, checked, split, truth
from simulator.station.model import AUTHORIZED, BAY, CONNECTED, ENERGY, PATH_CLOSED
from simulator.station.profiles import Rules, Unit
from simulator.station.reading import WRITTEN, Point, Reading
from simulator.station.reading import points as read_points
from simulator.station.settings import Settings

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
"""Certificates that the trust store holds (SecurityCtrlr.CertificateEntries, its maxLimit)."""
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
_BACK_OFF: Final = {
    "OCPPCommCtrlr.RetryBackOffRandomRange": "backoff_random_s",
    "OCPPCommCtrlr.RetryBackOffRepeatTimes": "backoff_repeats",
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": "backoff_min_s",
}
"""Their defaults are the settings'."""


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


@lru_cache(maxsize=256)
def reading(wanted: tuple[Point, ...], context: str) -> Reading | None:
    """How 2.0.1 writes these readings as sampledValue elements; None for none."""
    if not wanted:
        return None
    parts = []
    for name, phase in wanted:
        number, unit = WRITTEN[name]
        on = f'"phase":"{phase}",' if phase else ""
        parts.append(
            f'{{"value":{number},"context":"{context}","measurand":"{name}",{on}'
            f'"unitOfMeasure":{{"unit":"{unit}"}}}}'
        )
    return Reading(wanted, tuple(parts))


def points(value: str) -> int:
    """The points of a comma-separated list as bits."""
    found = 0
    for name in split(value):
        found |= POINTS[name]
    return found


@lru_cache(maxsize=64)
def _rules(level: str, periods: str, most: str, units: str, switches: bool, chooses: bool) -> Rules:
    """Shared by all stations that take the same charging profiles."""
    return Rules(
        max_level=int(level),
        max_periods=int(periods),
        max_profiles=int(most),
        units=tuple(Unit(unit) for unit in split(units)),
        switches_phases=switches or chooses,
        chooses_phase=chooses,
    )


def configure(settings: Settings, overrides: Mapping[str, str]) -> Configuration:
    """The values in force: defaults, then the settings', then what the CSMS changed.

    All stations of a model share the first two. Raises ValueError for a variable or a value of the
    settings that cannot be had.
    """
    shared = settings.parsed.get("2.0.1")
    base = _defaults(settings) if shared is None else cast(dict[str, str], shared.values)
    own = dict(overrides)
    values: Mapping[str, str] = ChainMap(own, base) if own else base
    conf = Configuration()
    conf.values = values
    conf.overrides = own
    _intervals(conf, settings, values)
    _connection(conf, settings, values)
    conf.authorize_remote = truth(values["AuthCtrlr.AuthorizeRemoteStart"])
    conf.stop_on_invalid = truth(values["TxCtrlr.StopTxOnInvalidId"])
    conf.stop_on_disconnect = truth(values["TxCtrlr.StopTxOnEVSideDisconnect"])
    conf.before_accepted = truth(values["TxCtrlr.TxBeforeAcceptedEnabled"])
    conf.start_points = points(values[START_POINT])
    conf.stop_points = points(values[STOP_POINT])
    conf.limit_significance = float(values[SIGNIFICANCE]) / 100.0
    conf.limits_with_schedules = _true(values, "NotifyChargingLimitWithSchedules")
    conf.profiles = _rules(
        values["SmartChargingCtrlr.ProfileStackLevel"],
        values["SmartChargingCtrlr.PeriodsPerSchedule"],
        values[PROFILES],
        values["SmartChargingCtrlr.RateUnit"],
        _true(values, "Phases3to1"),
        _true(values, "ACPhaseSwitchingSupported"),
    )
    _authorisation(conf, values)
    _security(conf, values)
    _readings(conf, settings, values)
    v201_keys_screen.parse(conf, values)
    return conf


def _true(values: Mapping[str, str], name: str) -> bool:
    return truth(values[f"SmartChargingCtrlr.{name}"])


def _defaults(settings: Settings) -> dict[str, str]:
    values = checked(settings, KEYS)
    if MESSAGE_TIMEOUT not in settings.configuration:
        values[MESSAGE_TIMEOUT] = str(max(round(settings.call_timeout_s), 1))
    values[LIST_BYTES] = str(settings.max_frame)
    for name, slot in _BACK_OFF.items():
        if name not in settings.configuration:
            values[name] = str(round(getattr(settings, slot)))
    return values


def _authorisation(conf: Configuration, values: Mapping[str, str]) -> None:
    def flag(name: str) -> bool:
        return truth(values[name])

    conf.authorisation = flag("AuthCtrlr.Enabled")
    conf.button_token = None
    conf.contracts_offline = flag("ISO15118Ctrlr.ContractValidationOffline")
    conf.contracts_centrally = flag("ISO15118Ctrlr.CentralContractValidationAllowed")
    conf.local_online = flag("AuthCtrlr.LocalPreAuthorize")
    conf.local_offline = flag("AuthCtrlr.LocalAuthorizeOffline")
    conf.local_only = flag("AuthCtrlr.DisableRemoteAuthorization")
    conf.unknown_offline = flag("AuthCtrlr.OfflineTxForUnknownIdEnabled")
    conf.cache = flag("AuthCacheCtrlr.Enabled")
    conf.cache_life_s = float(values["AuthCacheCtrlr.LifeTime"]) or inf
    conf.ask_again_cached = not flag("AuthCacheCtrlr.DisablePostAuthorize")
    conf.ask_again_listed = not flag("LocalAuthListCtrlr.DisablePostAuthorize")
    conf.listed = flag("LocalAuthListCtrlr.Enabled")
    conf.list_entries = LIST_ENTRIES
    conf.list_items = int(values[LIST_ITEMS])
    conf.master_group = values["AuthCtrlr.MasterPassGroupId"]
    conf.max_invalid_wh = float(values["TxCtrlr.MaxEnergyOnInvalidId"])
    conf.reserves = flag("ReservationCtrlr.Enabled")
    conf.reserve_any = flag("ReservationCtrlr.NonEvseSpecific")
    conf.reserved_until_start = False


def _security(conf: Configuration, values: Mapping[str, str]) -> None:
    conf.additional_root_check = truth(values[f"{SECURITY}.AdditionalRootCertificateCheck"])
    conf.certificates_most = MOST_CERTIFICATES
    conf.chain_longest = int(values[f"{SECURITY}.MaxCertificateChainSize"])
    conf.organisation = values[f"{SECURITY}.OrganizationName"]
    conf.signing_wait_s = float(values[f"{SECURITY}.CertSigningWaitMinimum"])
    conf.signing_repeats = int(values[f"{SECURITY}.CertSigningRepeatTimes"])
    conf.security_events = True
    conf.sessions_before_update = truth(values[NEW_SESSIONS])


def _intervals(conf: Configuration, settings: Settings, values: Mapping[str, str]) -> None:
    conf.sample_s = float(values[SAMPLE_INTERVAL])
    if settings.sample_interval_s is not None and SAMPLE_INTERVAL not in conf.overrides:
        conf.sample_s = settings.sample_interval_s
    conf.record_s = float(values["SampledDataCtrlr.TxEndedInterval"])
    conf.aligned_s = float(values[ALIGNED_INTERVAL])
    conf.aligned_record_s = float(values["AlignedDataCtrlr.TxEndedInterval"])
    conf.aligned_idle_only = truth(values["AlignedDataCtrlr.SendDuringIdle"])
    conf.heartbeat_s = float(values[HEARTBEAT_INTERVAL])
    conf.connection_timeout_s = float(values["TxCtrlr.EVConnectionTimeOut"])
    fixed_cable = settings.hardware.connector.startswith("c")
    conf.replug_s = (conf.connection_timeout_s or inf) if fixed_cable else inf
    conf.minimum_status_s = 0.0
    conf.max_stop_values = 200


def _connection(conf: Configuration, settings: Settings, values: Mapping[str, str]) -> None:
    given = MESSAGE_TIMEOUT in conf.overrides or MESSAGE_TIMEOUT in settings.configuration
    conf.call_timeout_s = float(values[MESSAGE_TIMEOUT]) if given else settings.call_timeout_s
    conf.offline_threshold_s = float(values["OCPPCommCtrlr.OfflineThreshold"])
    conf.retry_interval_s = float(values["OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]"])
    conf.attempts = int(values["OCPPCommCtrlr.MessageAttempts[TransactionEvent]"])
    conf.ping_s = float(values["OCPPCommCtrlr.WebSocketPingInterval"])
    for name, slot in _BACK_OFF.items():
        given = name in conf.overrides or name in settings.configuration
        setattr(conf, slot, int(values[name]) if given else getattr(settings, slot))
    conf.network_attempts = int(values["OCPPCommCtrlr.NetworkProfileConnectionAttempts"])
    conf.network_order = tuple(int(slot) for slot in split(values[PRIORITY]))
    conf.security_profile = settings.security_profile
    password = values[PASSWORD]
    conf.password = password.encode() if password else None


def _readings(conf: Configuration, settings: Settings, values: Mapping[str, str]) -> None:
    def wanted(name: str, enabled: bool) -> tuple[Point, ...]:
        chosen = split(values[name]) if enabled else ()
        return read_points(chosen, settings.measurands, settings.lines_metered)

    sampling = truth(values["SampledDataCtrlr.Enabled"])
    aligning = truth(values["AlignedDataCtrlr.Enabled"])
    updated = wanted("SampledDataCtrlr.TxUpdatedMeasurands", True)
    by_clock = wanted("AlignedDataCtrlr.Measurands", True)
    sampled = updated if sampling else ()
    ended = wanted("SampledDataCtrlr.TxEndedMeasurands", sampling)
    started = wanted("SampledDataCtrlr.TxStartedMeasurands", sampling)
    aligned = by_clock if aligning else ()
    aligned_end = wanted("AlignedDataCtrlr.TxEndedMeasurands", aligning)
    conf.sampled = reading(sampled, "Sample.Periodic")
    # What is asked for is told, whether or not it is sent at intervals (F06.FR.06, FR.07).
    conf.trigger = reading(updated, "Trigger")
    conf.trigger_idle = reading(by_clock, "Trigger")
    conf.aligned = reading(aligned, "Sample.Clock")
    conf.begin = reading(started, "Transaction.Begin")
    conf.stop_sampled = reading(ended, "Sample.Periodic")
    conf.stop_aligned = reading(aligned_end, "Sample.Clock")
    conf.stop_begin = reading(ended, "Transaction.Begin")
    conf.stop_end = reading(ended, "Transaction.End")
