"""OCPP 1.6: the configuration keys of the Core profile (§9.1 and errata) and what they set.

Keys of functions that this station does not have are left out, as §9 wants it for optional ones:
no AuthorizationCacheEnabled, BlinkRepeat, LightIntensity, MaxEnergyOnInvalidId, and no keys of the
other profiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import inf
from typing import Final

from simulator.station.configuration import Configuration, Key, Kind, checked, split
from simulator.station.model import AUTHORIZED, CONNECTED, PATH_CLOSED
from simulator.station.reading import Reading
from simulator.station.settings import ALL_MEASURANDS, Settings

MAX_KEYS: Final = 50
_PHASES: Final = r"\d+\.(NotApplicable|Unknown|RST|RTS|SRT|STR|TRS|TSR)"
_MEASURED: Final = str(len(ALL_MEASURANDS))


def _flag(name: str, default: str) -> Key:
    return Key(name, Kind.BOOLEAN, default)


def _number(
    name: str, default: str, least: int = 0, most: int = 2**31 - 1, reboot: bool = False
) -> Key:
    return Key(name, Kind.INTEGER, default, minimum=least, maximum=most, reboot=reboot)


def _fixed(name: str, value: str, kind: Kind = Kind.INTEGER) -> Key:
    return Key(name, kind, value, writable=False)


def _measured(name: str, default: str) -> Key:
    return Key(name, Kind.MEASURANDS, default)


NUMBER_OF_CONNECTORS: Final = "NumberOfConnectors"
HEARTBEAT_INTERVAL: Final = "HeartbeatInterval"
SAMPLE_INTERVAL: Final = "MeterValueSampleInterval"
MESSAGE_TIMEOUT: Final = "MessageTimeout"

_KEYS: Final = (
    _fixed("AdditionalRootCertificateCheck", "false", Kind.BOOLEAN),
    _flag("AllowOfflineTxForUnknownId", "true"),
    Key("AuthorizationKey", Kind.TEXT, "", readable=False),
    _flag("AuthorizeRemoteTxRequests", "false"),
    _fixed("CertificateSignedMaxChainSize", "10000"),
    _fixed("CertificateStoreMaxLength", "8"),
    _number("ClockAlignedDataInterval", "0", most=86_400),
    _number("ConnectionTimeOut", "60"),
    Key(
        "ConnectorPhaseRotation",
        Kind.TEXT,
        "0.Unknown",
        reboot=True,
        pattern=rf"{_PHASES}(, ?{_PHASES})*",
    ),
    Key("CpoName", Kind.TEXT, ""),
    _fixed("GetConfigurationMaxKeys", str(MAX_KEYS)),
    _number(HEARTBEAT_INTERVAL, "300"),
    _flag("LocalAuthorizeOffline", "true"),
    _flag("LocalPreAuthorize", "false"),
    _number(MESSAGE_TIMEOUT, "30", least=1),
    _measured("MeterValuesAlignedData", "Energy.Active.Import.Register"),
    _fixed("MeterValuesAlignedDataMaxLength", _MEASURED),
    _measured("MeterValuesSampledData", "Energy.Active.Import.Register"),
    _fixed("MeterValuesSampledDataMaxLength", _MEASURED),
    _number(SAMPLE_INTERVAL, "60"),
    _number("MinimumStatusDuration", "0"),
    _fixed(NUMBER_OF_CONNECTORS, "1"),
    _number("ResetRetries", "1"),
    _number("SecurityProfile", "0", most=3),
    _number("StopTransactionMaxMeterValues", "200", least=3, most=10_000),
    _flag("StopTransactionOnEVSideDisconnect", "true"),
    _flag("StopTransactionOnInvalidId", "true"),
    _measured("StopTxnAlignedData", ""),
    _fixed("StopTxnAlignedDataMaxLength", _MEASURED),
    _measured("StopTxnSampledData", ""),
    _fixed("StopTxnSampledDataMaxLength", _MEASURED),
    _fixed("SupportedFileTransferProtocols", "HTTP,HTTPS", Kind.TEXT),
    _fixed("SupportedFeatureProfiles", "Core,FirmwareManagement,RemoteTrigger", Kind.TEXT),
    _number("TransactionMessageAttempts", "3", least=1),
    _number("TransactionMessageRetryInterval", "60"),
    _flag("UnlockConnectorOnEVSideDisconnect", "true"),
    _number("WebSocketPingInterval", "60", reboot=True),
)
KEYS: Final[Mapping[str, Key]] = {key.name.lower(): key for key in _KEYS}
"""By name in lower case: keys are compared without regard to case (CiString)."""

_UNITS: Final = {
    "Energy.Active.Import.Register": ("%.0f", "Wh"),
    "Power.Active.Import": ("%.0f", "W"),
    "Current.Import": ("%.1f", "A"),
    "Voltage": ("%.1f", "V"),
    "SoC": ("%.0f", "Percent"),
}


@lru_cache(maxsize=256)
def reading(measurands: tuple[str, ...], context: str) -> Reading | None:
    """How 1.6 writes these measurands as sampledValue elements (§7.43); None for none."""
    if not measurands:
        return None
    parts = []
    for name in measurands:
        number, unit = _UNITS[name]
        parts.append(
            f'{{"value":"{number}","context":"{context}","measurand":"{name}","unit":"{unit}"}}'
        )
    return Reading(measurands, tuple(parts))


def configure(settings: Settings, overrides: Mapping[str, str]) -> Configuration:
    """The values in force: defaults, then the settings', then what the CSMS changed.

    Raises ValueError for a key or a value of the settings that 1.6 does not have.
    """
    values = checked(settings, KEYS)
    if MESSAGE_TIMEOUT not in settings.configuration:
        values[MESSAGE_TIMEOUT] = str(max(round(settings.call_timeout_s), 1))
    values.update(overrides)
    conf = Configuration()
    conf.values = values
    conf.overrides = overrides
    _intervals(conf, settings, values, overrides)
    _flags(conf, values)
    _readings(conf, values)
    return conf


def _intervals(
    conf: Configuration,
    settings: Settings,
    values: Mapping[str, str],
    overrides: Mapping[str, str],
) -> None:
    conf.sample_s = float(values[SAMPLE_INTERVAL])
    if settings.sample_interval_s is not None and SAMPLE_INTERVAL not in overrides:
        conf.sample_s = settings.sample_interval_s
    given = MESSAGE_TIMEOUT in overrides or MESSAGE_TIMEOUT in settings.configuration
    conf.call_timeout_s = float(values[MESSAGE_TIMEOUT]) if given else settings.call_timeout_s
    conf.aligned_s = float(values["ClockAlignedDataInterval"])
    conf.heartbeat_s = float(values[HEARTBEAT_INTERVAL])
    conf.connection_timeout_s = float(values["ConnectionTimeOut"])
    conf.minimum_status_s = float(values["MinimumStatusDuration"])
    conf.retry_interval_s = float(values["TransactionMessageRetryInterval"])
    conf.ping_s = float(values["WebSocketPingInterval"])
    conf.attempts = int(values["TransactionMessageAttempts"])
    conf.max_stop_values = int(values["StopTransactionMaxMeterValues"])


def _flags(conf: Configuration, values: Mapping[str, str]) -> None:
    conf.authorize_remote = values["AuthorizeRemoteTxRequests"].lower() == "true"
    conf.unknown_offline = values["AllowOfflineTxForUnknownId"].lower() == "true"
    conf.stop_on_invalid = values["StopTransactionOnInvalidId"].lower() == "true"
    conf.additional_root_check = values["AdditionalRootCertificateCheck"].lower() == "true"
    conf.certificates_most = int(values["CertificateStoreMaxLength"])
    conf.chain_longest = int(values["CertificateSignedMaxChainSize"])
    conf.organisation = values["CpoName"]
    conf.signing_wait_s = 0.0
    conf.signing_repeats = 0
    conf.security_profile = int(values["SecurityProfile"])
    conf.security_events = conf.security_profile > 0
    conf.sessions_before_update = False
    conf.start_points = PATH_CLOSED
    conf.stop_points = AUTHORIZED | CONNECTED
    conf.offline_threshold_s = inf
    conf.stop_on_disconnect = values["StopTransactionOnEVSideDisconnect"].lower() == "true"


def _readings(conf: Configuration, values: Mapping[str, str]) -> None:
    sampled = split(values["MeterValuesSampledData"])
    recorded = split(values["StopTxnSampledData"])
    both = tuple(dict.fromkeys(recorded + split(values["StopTxnAlignedData"])))
    conf.begin = None
    conf.sampled = reading(sampled, "Sample.Periodic")
    conf.trigger = reading(sampled, "Trigger")
    conf.aligned = reading(split(values["MeterValuesAlignedData"]), "Sample.Clock")
    conf.stop_sampled = reading(recorded, "Sample.Periodic")
    conf.stop_aligned = reading(split(values["StopTxnAlignedData"]), "Sample.Clock")
    conf.stop_begin = reading(both, "Transaction.Begin")
    conf.stop_end = reading(both, "Transaction.End")
