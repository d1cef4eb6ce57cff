"""OCPP 2.0.1: the variables that the machine obeys, by component and variable, and their defaults.

Named ``Component.Variable`` or ``Component.Variable[Instance]``, as in the specification's
dm_components_vars table. A configuration of the scenario may set any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from simulator.station.configuration import Configuration, Key, Kind, checked, split
from simulator.station.model import AUTHORIZED, CONNECTED, ENERGY, PATH_CLOSED
from simulator.station.reading import Reading
from simulator.station.settings import Settings

HEARTBEAT_INTERVAL: Final = "OCPPCommCtrlr.HeartbeatInterval"
MESSAGE_TIMEOUT: Final = "OCPPCommCtrlr.MessageTimeout[Default]"
SAMPLE_INTERVAL: Final = "SampledDataCtrlr.TxUpdatedInterval"
SECURITY: Final = "SecurityCtrlr"
MOST_CERTIFICATES: Final = 8
"""Certificates that the trust store holds (SecurityCtrlr.CertificateEntries, its maxLimit)."""
NEW_SESSIONS: Final = "ChargingStation.AllowNewSessionsPendingFirmwareUpdate"
POINTS: Final = {
    "EVConnected": CONNECTED,
    "Authorized": AUTHORIZED,
    "PowerPathClosed": PATH_CLOSED,
    "EnergyTransfer": ENERGY,
}
_LIST: Final = rf"({'|'.join(POINTS)})(, ?({'|'.join(POINTS)}))*"


def _flag(name: str, default: str) -> Key:
    return Key(name, Kind.BOOLEAN, default)


def _number(name: str, default: str, least: int = 0, most: int = 2**31 - 1) -> Key:
    return Key(name, Kind.INTEGER, default, minimum=least, maximum=most)


def _fixed(name: str, kind: Kind, value: str) -> Key:
    return Key(name, kind, value, writable=False)


def _measured(name: str, default: str) -> Key:
    return Key(name, Kind.MEASURANDS, default)


_ENERGY: Final = "Energy.Active.Import.Register"
_KEYS: Final = (
    _number("AlignedDataCtrlr.Interval", "0", most=86_400),
    _measured("AlignedDataCtrlr.Measurands", _ENERGY),
    _number("AlignedDataCtrlr.TxEndedInterval", "0", most=86_400),
    _measured("AlignedDataCtrlr.TxEndedMeasurands", ""),
    _flag("AuthCtrlr.AuthorizeRemoteStart", "false"),
    _flag("AuthCtrlr.LocalAuthorizeOffline", "true"),
    _flag("AuthCtrlr.LocalPreAuthorize", "false"),
    _flag("AuthCtrlr.OfflineTxForUnknownIdEnabled", "true"),
    _flag(NEW_SESSIONS, "false"),
    _number(HEARTBEAT_INTERVAL, "300"),
    _number("OCPPCommCtrlr.MessageAttempts[TransactionEvent]", "3", least=1),
    _number("OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]", "60"),
    _number(MESSAGE_TIMEOUT, "30", least=1),
    _number("OCPPCommCtrlr.OfflineThreshold", "60"),
    _number("OCPPCommCtrlr.WebSocketPingInterval", "60"),
    _measured("SampledDataCtrlr.TxEndedMeasurands", _ENERGY),
    _measured("SampledDataCtrlr.TxStartedMeasurands", _ENERGY),
    _number(SAMPLE_INTERVAL, "60"),
    _measured("SampledDataCtrlr.TxUpdatedMeasurands", _ENERGY),
    _number("TxCtrlr.EVConnectionTimeOut", "60"),
    _flag("TxCtrlr.StopTxOnEVSideDisconnect", "true"),
    _flag("TxCtrlr.StopTxOnInvalidId", "true"),
    _fixed("SecurityCtrlr.AdditionalRootCertificateCheck", Kind.BOOLEAN, "false"),
    Key("SecurityCtrlr.BasicAuthPassword", Kind.TEXT, "", readable=False),
    _number("SecurityCtrlr.CertSigningRepeatTimes", "3"),
    _number("SecurityCtrlr.CertSigningWaitMinimum", "60"),
    _fixed("SecurityCtrlr.MaxCertificateChainSize", Kind.INTEGER, "10000"),
    Key("SecurityCtrlr.OrganizationName", Kind.TEXT, ""),
    Key("SecurityCtrlr.SecurityProfile", Kind.INTEGER, "1", False, minimum=1, maximum=3),
    Key("TxCtrlr.TxStartPoint", Kind.TEXT, "PowerPathClosed", pattern=_LIST),
    Key("TxCtrlr.TxStopPoint", Kind.TEXT, "EVConnected,Authorized", pattern=_LIST),
)
KEYS: Final[Mapping[str, Key]] = {key.name.lower(): key for key in _KEYS}
"""By name in lower case: names are compared without regard to case."""

_UNITS: Final = {
    "Energy.Active.Import.Register": ("%.0f", "Wh"),
    "Power.Active.Import": ("%.0f", "W"),
    "Current.Import": ("%.1f", "A"),
    "Voltage": ("%.1f", "V"),
    "SoC": ("%.0f", "Percent"),
}


@lru_cache(maxsize=256)
def reading(measurands: tuple[str, ...], context: str) -> Reading | None:
    """How 2.0.1 writes these measurands as sampledValue elements; None for none."""
    if not measurands:
        return None
    parts = []
    for name in measurands:
        number, unit = _UNITS[name]
        parts.append(
            f'{{"value":{number},"context":"{context}","measurand":"{name}",'
            f'"unitOfMeasure":{{"unit":"{unit}"}}}}'
        )
    return Reading(measurands, tuple(parts))


def points(value: str) -> int:
    """The points of a comma-separated list as bits."""
    found = 0
    for name in split(value):
        found |= POINTS[name]
    return found


def configure(settings: Settings, overrides: Mapping[str, str]) -> Configuration:
    """The values in force: defaults, then the settings', then what the CSMS changed.

    Raises ValueError for a variable or a value of the settings that cannot be had.
    """
    values = checked(settings, KEYS)
    if MESSAGE_TIMEOUT not in settings.configuration:
        values[MESSAGE_TIMEOUT] = str(max(round(settings.call_timeout_s), 1))
    values.update(overrides)
    conf = Configuration()
    conf.values = values
    conf.overrides = overrides
    _intervals(conf, settings, values, overrides)
    conf.authorize_remote = values["AuthCtrlr.AuthorizeRemoteStart"].lower() == "true"
    conf.unknown_offline = values["AuthCtrlr.OfflineTxForUnknownIdEnabled"].lower() == "true"
    conf.stop_on_invalid = values["TxCtrlr.StopTxOnInvalidId"].lower() == "true"
    conf.stop_on_disconnect = values["TxCtrlr.StopTxOnEVSideDisconnect"].lower() == "true"
    conf.additional_root_check = values[f"{SECURITY}.AdditionalRootCertificateCheck"] == "true"
    conf.certificates_most = MOST_CERTIFICATES
    conf.chain_longest = int(values[f"{SECURITY}.MaxCertificateChainSize"])
    conf.organisation = values[f"{SECURITY}.OrganizationName"]
    conf.signing_wait_s = float(values[f"{SECURITY}.CertSigningWaitMinimum"])
    conf.signing_repeats = int(values[f"{SECURITY}.CertSigningRepeatTimes"])
    conf.security_profile = int(values["SecurityCtrlr.SecurityProfile"])
    conf.security_events = True
    conf.sessions_before_update = values[NEW_SESSIONS].lower() == "true"
    conf.start_points = points(values["TxCtrlr.TxStartPoint"])
    conf.stop_points = points(values["TxCtrlr.TxStopPoint"])
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
    conf.aligned_s = float(values["AlignedDataCtrlr.Interval"])
    conf.heartbeat_s = float(values[HEARTBEAT_INTERVAL])
    conf.connection_timeout_s = float(values["TxCtrlr.EVConnectionTimeOut"])
    conf.minimum_status_s = 0.0
    conf.offline_threshold_s = float(values["OCPPCommCtrlr.OfflineThreshold"])
    conf.retry_interval_s = float(values["OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]"])
    conf.ping_s = float(values["OCPPCommCtrlr.WebSocketPingInterval"])
    conf.attempts = int(values["OCPPCommCtrlr.MessageAttempts[TransactionEvent]"])
    conf.max_stop_values = 200


def _readings(conf: Configuration, values: Mapping[str, str]) -> None:
    sampled = split(values["SampledDataCtrlr.TxUpdatedMeasurands"])
    ended = split(values["SampledDataCtrlr.TxEndedMeasurands"])
    conf.sampled = reading(sampled, "Sample.Periodic")
    conf.trigger = reading(sampled, "Trigger")
    conf.aligned = reading(split(values["AlignedDataCtrlr.Measurands"]), "Sample.Clock")
    conf.begin = reading(split(values["SampledDataCtrlr.TxStartedMeasurands"]), "Transaction.Begin")
    conf.stop_sampled = None
    conf.stop_aligned = reading(split(values["AlignedDataCtrlr.TxEndedMeasurands"]), "Sample.Clock")
    conf.stop_begin = reading(ended, "Transaction.Begin")
    conf.stop_end = reading(ended, "Transaction.End")
