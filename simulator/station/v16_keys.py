"""OCPP 1.6: the configuration keys (§9, errata, whitepaper §7) and what they set.

Keys of functions that this station does not have are left out, as §9 wants it for optional ones:
no BlinkRepeat, no LightIntensity. ConnectorPhaseRotation, CpoName and ResetRetries are kept and
read back; nothing else hangs on them (a reset never fails here).

FreeVendActive and FreeVendIdTag are none of 1.6. Makers have such keys, each by names of his own,
for stations that ask nobody for a card: 1.6 knows no start without an idTag, so they start with a
fixed one and send no Authorize.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from functools import lru_cache
from math import inf
from typing import Final, cast

from simulator.station.configuration import Configuration, Key, Kind, checked, split, truth
from simulator.station.model import AUTHORIZED, PATH_CLOSED
from simulator.station.profiles import Rules, Unit
from simulator.station.reading import WRITTEN, Point, Reading, names, points
from simulator.station.settings import ALL_MEASURANDS, Settings

MAX_KEYS: Final = 50
_PHASES: Final = r"\d+\.(NotApplicable|Unknown|RST|RTS|SRT|STR|TRS|TSR)"
_RATE_UNITS: Final = r"(Current|Power)|Current, ?Power|Power, ?Current"
_MEASURED: Final = str(len(names(ALL_MEASURANDS, 3)))


def _flag(name: str, default: str) -> Key:
    return Key(name, Kind.BOOLEAN, default)


def _number(
    name: str, default: str, least: int = 0, most: int = 2**31 - 1, reboot: bool = False
) -> Key:
    return Key(name, Kind.INTEGER, default, minimum=least, maximum=most, reboot=reboot)


def _fixed(name: str, value: str, kind: Kind = Kind.INTEGER, pattern: str = "") -> Key:
    return Key(name, kind, value, writable=False, pattern=pattern)


def _measured(name: str, default: str) -> Key:
    return Key(name, Kind.MEASURANDS, default, phases=True)


NUMBER_OF_CONNECTORS: Final = "NumberOfConnectors"
HEARTBEAT_INTERVAL: Final = "HeartbeatInterval"
SAMPLE_INTERVAL: Final = "MeterValueSampleInterval"
MESSAGE_TIMEOUT: Final = "MessageTimeout"
AUTHORIZATION_KEY: Final = "AuthorizationKey"
SECURITY_PROFILE: Final = "SecurityProfile"
PHASE_ROTATION: Final = "ConnectorPhaseRotation"
UNLOCKS: Final = "UnlockConnectorOnEVSideDisconnect"
PHASE_ROTATION_MOST: Final = "ConnectorPhaseRotationMaxLength"
_PROFILES: Final = (
    "Core",
    "FirmwareManagement",
    "LocalAuthListManagement",
    "Reservation",
    "RemoteTrigger",
    "SmartCharging",
)
"""Feature profiles whose every message is served."""

_KEYS: Final = (
    _fixed("AdditionalRootCertificateCheck", "false", Kind.BOOLEAN),
    _flag("AllowOfflineTxForUnknownId", "true"),
    _flag("AuthorizationCacheEnabled", "true"),
    Key(
        AUTHORIZATION_KEY,
        Kind.TEXT,
        "",
        pattern=r"([0-9A-Fa-f]{2}){16,20}",
        secret=True,
    ),
    _fixed("ChargeProfileMaxStackLevel", "9"),
    _fixed("ChargingScheduleAllowedChargingRateUnit", "Current,Power", Kind.TEXT, _RATE_UNITS),
    _fixed("ChargingScheduleMaxPeriods", "24"),
    _flag("AuthorizeRemoteTxRequests", "false"),
    _fixed("CertificateSignedMaxChainSize", "10000"),
    _fixed("CertificateStoreMaxLength", "8"),
    _number("ClockAlignedDataInterval", "0", most=86_400),
    _number("ConnectionTimeOut", "60"),
    _fixed("ConnectorSwitch3to1PhaseSupported", "false", Kind.BOOLEAN),
    Key(
        PHASE_ROTATION,
        Kind.TEXT,
        "0.Unknown",
        reboot=True,
        pattern=rf"{_PHASES}(, ?{_PHASES})*",
    ),
    _fixed(PHASE_ROTATION_MOST, "2"),
    Key("CpoName", Kind.TEXT, "", pattern=r".{0,64}"),
    _flag("FreeVendActive", "false"),
    Key("FreeVendIdTag", Kind.TEXT, "", pattern=r".{0,20}"),
    _fixed("GetConfigurationMaxKeys", str(MAX_KEYS)),
    _number(HEARTBEAT_INTERVAL, "300"),
    _flag("LocalAuthListEnabled", "true"),
    _fixed("LocalAuthListMaxLength", "500"),
    _flag("LocalAuthorizeOffline", "true"),
    _flag("LocalPreAuthorize", "false"),
    _fixed("MaxChargingProfilesInstalled", "20"),
    _number("MaxEnergyOnInvalidId", "0"),
    _number(MESSAGE_TIMEOUT, "30", least=1),
    _measured("MeterValuesAlignedData", "Energy.Active.Import.Register"),
    _fixed("MeterValuesAlignedDataMaxLength", _MEASURED),
    _measured("MeterValuesSampledData", "Energy.Active.Import.Register"),
    _fixed("MeterValuesSampledDataMaxLength", _MEASURED),
    _number(SAMPLE_INTERVAL, "60"),
    _number("MinimumStatusDuration", "0"),
    _fixed(NUMBER_OF_CONNECTORS, "1"),
    _fixed("ReserveConnectorZeroSupported", "true", Kind.BOOLEAN),
    _number("ResetRetries", "1"),
    _number(SECURITY_PROFILE, "0", most=3),
    _fixed("SendLocalListMaxLength", "100"),
    Key(
        "StopTransactionMaxMeterValues",
        Kind.INTEGER,
        "200",
        writable=False,
        minimum=3,
        maximum=10_000,
    ),
    _flag("StopTransactionOnEVSideDisconnect", "true"),
    _flag("StopTransactionOnInvalidId", "true"),
    _measured("StopTxnAlignedData", ""),
    _fixed("StopTxnAlignedDataMaxLength", _MEASURED),
    _measured("StopTxnSampledData", ""),
    _fixed("StopTxnSampledDataMaxLength", _MEASURED),
    _fixed("SupportedFeatureProfiles", ",".join(_PROFILES), Kind.TEXT),
    _fixed("SupportedFeatureProfilesMaxLength", str(len(_PROFILES))),
    _fixed("SupportedFileTransferProtocols", "HTTP,HTTPS", Kind.TEXT),
    _number("TransactionMessageAttempts", "3", least=1),
    _number("TransactionMessageRetryInterval", "60"),
    _flag(UNLOCKS, "true"),
    _number("WebSocketPingInterval", "60", reboot=True),
)
KEYS: Final[Mapping[str, Key]] = {key.name.lower(): key for key in _KEYS}
"""By name in lower case: keys are compared without regard to case (CiString)."""

UNITS: Final = {"Current": Unit.A, "Power": Unit.W}


@lru_cache(maxsize=256)
def reading(wanted: tuple[Point, ...], context: str) -> Reading | None:
    """How 1.6 writes these readings as sampledValue elements (§7.43); None for none."""
    if not wanted:
        return None
    parts = []
    for name, phase in wanted:
        number, unit = WRITTEN[name]
        on = f'"phase":"{phase}",' if phase else ""
        parts.append(
            f'{{"value":"{number}","context":"{context}","measurand":"{name}",{on}"unit":"{unit}"}}'
        )
    return Reading(wanted, tuple(parts))


def configure(settings: Settings, overrides: Mapping[str, str]) -> Configuration:
    """The values in force: defaults, then the settings', then what the CSMS changed.

    Raises ValueError for a key or a value of the settings that 1.6 does not have.
    """
    shared = settings.parsed.get("1.6")
    base = _defaults(settings) if shared is None else cast(dict[str, str], shared.values)
    own = dict(overrides)
    values: Mapping[str, str] = ChainMap(own, base) if own else base
    conf = Configuration()
    conf.values = values
    conf.overrides = own
    _intervals(conf, settings, values)
    _flags(conf, values)
    _connection(conf, settings, values)
    _security(conf, values)
    conf.profiles = Rules(
        int(values["ChargeProfileMaxStackLevel"]),
        int(values["ChargingScheduleMaxPeriods"]),
        int(values["MaxChargingProfilesInstalled"]),
        tuple(UNITS[unit] for unit in split(values["ChargingScheduleAllowedChargingRateUnit"])),
        truth(values["ConnectorSwitch3to1PhaseSupported"]),
    )
    _authorisation(conf, values)
    _readings(conf, settings, values)
    return conf


def _defaults(settings: Settings) -> dict[str, str]:
    values = checked(settings, KEYS)
    if MESSAGE_TIMEOUT not in settings.configuration:
        values[MESSAGE_TIMEOUT] = str(max(round(settings.call_timeout_s), 1))
    if SECURITY_PROFILE not in settings.configuration:
        values[SECURITY_PROFILE] = str(settings.security_profile)
    return values


def _intervals(conf: Configuration, settings: Settings, values: Mapping[str, str]) -> None:
    conf.sample_s = float(values[SAMPLE_INTERVAL])
    if settings.sample_interval_s is not None and SAMPLE_INTERVAL not in conf.overrides:
        conf.sample_s = settings.sample_interval_s
    conf.record_s = conf.sample_s
    given = MESSAGE_TIMEOUT in conf.overrides or MESSAGE_TIMEOUT in settings.configuration
    conf.call_timeout_s = float(values[MESSAGE_TIMEOUT]) if given else settings.call_timeout_s
    conf.aligned_s = conf.aligned_record_s = float(values["ClockAlignedDataInterval"])
    conf.heartbeat_s = float(values[HEARTBEAT_INTERVAL])
    conf.connection_timeout_s = float(values["ConnectionTimeOut"])
    conf.minimum_status_s = float(values["MinimumStatusDuration"])
    conf.retry_interval_s = float(values["TransactionMessageRetryInterval"])
    conf.ping_s = float(values["WebSocketPingInterval"])
    conf.attempts = int(values["TransactionMessageAttempts"])
    conf.max_stop_values = int(values["StopTransactionMaxMeterValues"])


def _connection(conf: Configuration, settings: Settings, values: Mapping[str, str]) -> None:
    conf.backoff_min_s = settings.backoff_min_s
    conf.backoff_random_s = settings.backoff_random_s
    conf.backoff_repeats = settings.backoff_repeats
    conf.network_attempts = 1
    conf.network_order = (0,)
    conf.security_profile = int(values[SECURITY_PROFILE])
    password = values[AUTHORIZATION_KEY]
    conf.password = bytes.fromhex(password) if password else None


def _flags(conf: Configuration, values: Mapping[str, str]) -> None:
    conf.aligned_idle_only = False
    conf.authorize_remote = truth(values["AuthorizeRemoteTxRequests"])
    conf.stop_on_invalid = truth(values["StopTransactionOnInvalidId"])
    conf.limit_significance = 0.0
    conf.limits_with_schedules = False
    conf.start_points = PATH_CLOSED
    conf.stop_points = AUTHORIZED  # and StopTransactionOnEVSideDisconnect
    conf.before_accepted = None
    conf.replug_s = inf
    conf.offline_threshold_s = inf
    conf.stop_on_disconnect = truth(values["StopTransactionOnEVSideDisconnect"])


def _security(conf: Configuration, values: Mapping[str, str]) -> None:
    conf.additional_root_check = truth(values["AdditionalRootCertificateCheck"])
    conf.certificates_most = int(values["CertificateStoreMaxLength"])
    conf.chain_longest = int(values["CertificateSignedMaxChainSize"])
    conf.organisation = values["CpoName"]
    conf.signing_wait_s = 0.0
    conf.signing_repeats = 0
    conf.security_events = conf.security_profile > 0
    conf.sessions_before_update = False


def _authorisation(conf: Configuration, values: Mapping[str, str]) -> None:
    def flag(name: str) -> bool:
        return truth(values[name])

    conf.authorisation = not flag("FreeVendActive")
    conf.button_token = values["FreeVendIdTag"]
    conf.contracts_offline = conf.contracts_centrally = False
    conf.local_online = flag("LocalPreAuthorize")
    conf.local_offline = flag("LocalAuthorizeOffline")
    conf.local_only = False
    conf.unknown_offline = flag("AllowOfflineTxForUnknownId")
    conf.cache = flag("AuthorizationCacheEnabled")
    conf.cache_life_s = inf
    conf.ask_again_cached = conf.ask_again_listed = True
    conf.listed = flag("LocalAuthListEnabled")
    conf.list_entries = int(values["LocalAuthListMaxLength"])
    conf.list_items = int(values["SendLocalListMaxLength"])
    conf.master_group = ""
    conf.max_invalid_wh = float(values["MaxEnergyOnInvalidId"])
    conf.reserves = True
    conf.reserve_any = flag("ReserveConnectorZeroSupported")
    conf.reserved_until_start = True


def _readings(conf: Configuration, settings: Settings, values: Mapping[str, str]) -> None:
    def wanted(name: str) -> tuple[Point, ...]:
        return points(split(values[name]), settings.measurands, settings.lines_metered)

    sampled = wanted("MeterValuesSampledData")
    recorded = wanted("StopTxnSampledData")
    aligned = wanted("StopTxnAlignedData")
    both = tuple(dict.fromkeys(recorded + aligned))
    conf.begin = None
    conf.sampled = reading(sampled, "Sample.Periodic")
    conf.trigger = reading(sampled, "Trigger")
    conf.screen = None
    conf.aligned = reading(wanted("MeterValuesAlignedData"), "Sample.Clock")
    conf.stop_sampled = reading(recorded, "Sample.Periodic")
    conf.stop_aligned = reading(aligned, "Sample.Clock")
    conf.stop_begin = reading(both, "Transaction.Begin")
    conf.stop_end = reading(both, "Transaction.End")
