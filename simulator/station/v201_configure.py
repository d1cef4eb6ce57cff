"""OCPP 2.0.1: what the variables of ``v201_keys`` make the machine do, as a ``Configuration``.

Called when a station is made and whenever a value changes; knows no messages.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from functools import lru_cache
from math import inf
from typing import Final, cast

from simulator.station import v201_keys_screen
from simulator.station.configuration import Configuration, checked, split, truth
from simulator.station.profiles import Rules, Unit
from simulator.station.reading import WRITTEN, Point, Reading
from simulator.station.reading import points as read_points
from simulator.station.settings import Settings
from simulator.station.v201_keys import (
    ALIGNED_INTERVAL,
    HEARTBEAT_INTERVAL,
    KEYS,
    LIST_BYTES,
    LIST_ENTRIES,
    LIST_ITEMS,
    MESSAGE_TIMEOUT,
    MOST_CERTIFICATES,
    NEW_SESSIONS,
    PASSWORD,
    POINTS,
    PRIORITY,
    PROFILES,
    SAMPLE_INTERVAL,
    SECURITY,
    SIGNIFICANCE,
    START_POINT,
    STOP_POINT,
)

_BACK_OFF: Final = {
    "OCPPCommCtrlr.RetryBackOffRandomRange": "backoff_random_s",
    "OCPPCommCtrlr.RetryBackOffRepeatTimes": "backoff_repeats",
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": "backoff_min_s",
}
"""Their defaults are the settings'."""


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
