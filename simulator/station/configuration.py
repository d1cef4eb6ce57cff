"""Configuration: keys with their rules, and what the machine needs to know of their values.

The names of the keys belong to a version's table. All stations of a model share one
``Configuration``; a station whose CSMS changed something has its own, with the changes alone in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Final

from simulator.station.profiles import Rules
from simulator.station.reading import Reading, names
from simulator.station.settings import Settings

LARGEST: Final = 2**31 - 1
MAX_VALUE: Final = 500
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,10}(\.[0-9]{1,10})?", re.ASCII)


class Kind(Enum):
    """What a value is made of."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    MEASURANDS = "measurands"
    MEMBERS = "members"
    """Some of ``Key.values``, in any order; at least ``Key.minimum`` of them."""
    SEQUENCE = "sequence"
    """The same, and the order counts."""
    OPTION = "option"
    """One of ``Key.values``."""


@dataclass(frozen=True, slots=True)
class Key:
    """One configuration key of a version."""

    name: str
    kind: Kind
    default: str
    writable: bool = True
    reboot: bool = False
    """A change takes effect at the next reboot."""
    minimum: int = 0
    maximum: int = LARGEST
    pattern: str = ""
    """A TEXT must match this."""
    unit: str = ""
    values: tuple[str, ...] = ()
    """What a list may hold."""
    phases: bool = False
    """MEASURANDS may name a phase: ``Voltage.L1`` (1.6 §9.1.17)."""
    secret: bool = False
    """Write-only: it is never read back."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What a station with a display may show (2.x, blocks I and O)."""

    enabled: bool
    """Messages of the CSMS."""
    formats: frozenset[str]
    priorities: frozenset[str]
    tariff: bool
    cost: bool
    currency: str
    tariff_fallback: str
    cost_fallback: str
    """Shown where the CSMS told no price, or could not be asked what it cost; "": nothing."""


class Configuration:
    """Values in force, parsed. ``overrides`` maps the names that the CSMS changed."""

    __slots__ = (
        "additional_root_check",
        "aligned",
        "aligned_idle_only",
        "aligned_record_s",
        "aligned_s",
        "ask_again_cached",
        "ask_again_listed",
        "attempts",
        "authorisation",
        "authorize_remote",
        "backoff_min_s",
        "backoff_random_s",
        "backoff_repeats",
        "before_accepted",
        "begin",
        "button_token",
        "cache",
        "cache_life_s",
        "call_timeout_s",
        "certificates_most",
        "chain_longest",
        "connection_timeout_s",
        "contracts_centrally",
        "contracts_offline",
        "heartbeat_s",
        "limit_significance",
        "limits_with_schedules",
        "list_entries",
        "list_items",
        "listed",
        "local_offline",
        "local_online",
        "local_only",
        "master_group",
        "max_invalid_wh",
        "max_stop_values",
        "minimum_status_s",
        "monitoring",
        "network_attempts",
        "network_order",
        "offline_severity",
        "offline_threshold_s",
        "organisation",
        "overrides",
        "password",
        "ping_s",
        "profiles",
        "record_s",
        "replug_s",
        "reserve_any",
        "reserved_until_start",
        "reserves",
        "retry_interval_s",
        "sample_s",
        "sampled",
        "screen",
        "security_events",
        "security_profile",
        "sessions_before_update",
        "signing_repeats",
        "signing_wait_s",
        "start_points",
        "stop_aligned",
        "stop_begin",
        "stop_end",
        "stop_on_disconnect",
        "stop_on_invalid",
        "stop_points",
        "stop_sampled",
        "trigger",
        "trigger_idle",
        "unknown_offline",
        "values",
    )

    values: Mapping[str, str]
    """Every key of the version with its value, the CSMS's changes included."""
    overrides: Mapping[str, str]
    sample_s: float
    record_s: float
    """Interval of the samples that are kept for the end of the transaction."""
    aligned_s: float
    aligned_record_s: float
    """The same for clock-aligned readings."""
    aligned_idle_only: bool
    """No clock-aligned readings are sent while a transaction runs (2.0.1 SendDuringIdle)."""
    backoff_min_s: float
    backoff_random_s: float
    backoff_repeats: int
    network_attempts: int
    """Attempts to connect by one network profile before the next one is tried (2.0.1 B10)."""
    network_order: tuple[int, ...]
    """Slots of network profiles in the order in which they are tried; in force after a reboot."""
    security_profile: int
    password: bytes | None
    """Set by the CSMS, for HTTP Basic authentication; None: the one that was provisioned."""
    heartbeat_s: float
    """Until a BootNotification.conf says otherwise."""
    call_timeout_s: float
    connection_timeout_s: float
    minimum_status_s: float
    retry_interval_s: float
    ping_s: float
    offline_threshold_s: float
    """After a longer outage every status is reported, not just the changed ones (2.0.1 B04)."""
    start_points: int
    stop_points: int
    """When transactions begin and end: bits of ``model``."""
    attempts: int
    max_stop_values: int
    limit_significance: float
    """A rate or a limit that changes by no more than this share is not told (2.x, SC.03)."""
    limits_with_schedules: bool
    """NotifyChargingLimit carries the schedule (2.0.1 K12)."""
    authorize_remote: bool
    profiles: Rules
    """What charging profiles the station takes."""
    unknown_offline: bool
    authorisation: bool
    """Drivers are authorised at all; else whoever plugs in may charge."""
    button_token: str | None
    """What stands for whoever is not authorised (1.6; "": the station's serial number); None: the
    version has a type of token for it."""
    contracts_offline: bool
    """Contract certificates are looked at by the station itself while it is offline (2.x)."""
    contracts_centrally: bool
    """Those that it cannot follow to a root of its own go to the CSMS as they are (2.x)."""
    local_online: bool
    """Tokens that the station itself knows to be valid start without asking (LocalPreAuthorize)."""
    local_offline: bool
    """Offline they start (LocalAuthorizeOffline)."""
    local_only: bool
    """The CSMS is never asked about a token (2.x)."""
    cache: bool
    cache_life_s: float
    """How long a token stays valid in the cache if the CSMS says nothing of it; inf: for ever."""
    ask_again_cached: bool
    ask_again_listed: bool
    """The CSMS is asked about tokens that are known not to be valid."""
    listed: bool
    """The local authorisation list is in use."""
    list_entries: int
    list_items: int
    """The longest list, and the longest update of it."""
    master_group: str
    """Tokens of this group stop everything and start nothing (2.x); "" is none."""
    max_invalid_wh: float
    """What a transaction may have in all whose token is refused after the start."""
    reserves: bool
    reserve_any: bool
    """Reservations for no particular EVSE are taken."""
    reserved_until_start: bool
    """A reservation ends with the start of a transaction (1.6 §5.13), not with the acceptance of
    the token (2.0.1 H03.FR.09)."""
    stop_on_invalid: bool
    stop_on_disconnect: bool
    replug_s: float
    """How long a fixed cable may lie unplugged before whoever charged is forgotten (2.x); inf."""
    before_accepted: bool | None
    """Drivers are served though the CSMS has not accepted the station; None: once it has for the
    first time (1.6 has no key for it)."""
    monitoring: bool
    """Monitors are at work (2.x)."""
    offline_severity: int
    """What monitors notice offline is kept up to this severity; -1: nothing (2.x)."""
    screen: Screen | None
    """None where the version knows no display."""
    additional_root_check: bool
    """A new root of the CSMS must be signed by the one that it replaces."""
    certificates_most: int
    """Certificates that the trust store holds."""
    chain_longest: int
    """Characters of a chain that CertificateSigned may bring."""
    organisation: str
    """Whose the station is; goes into its certificates. "": not set."""
    signing_wait_s: float
    """Until a certificate is asked for again, at first; 0: never."""
    signing_repeats: int
    security_events: bool
    """Critical security events are told."""
    sessions_before_update: bool
    """New sessions may begin while firmware waits to be installed."""
    sampled: Reading | None
    aligned: Reading | None
    trigger: Reading | None
    """Told of a transaction out of turn."""
    trigger_idle: Reading | None
    """The same of an EVSE without one (2.x)."""
    stop_sampled: Reading | None
    stop_aligned: Reading | None
    begin: Reading | None
    """Told with the start of a transaction (2.x)."""
    stop_begin: Reading | None
    stop_end: Reading | None


Configure = Callable[[Settings, Mapping[str, str]], Configuration]


def refuse(key: Key, value: str, settings: Settings) -> str:
    """Why ``value`` cannot be had for ``key``: "" if it can, else what was expected."""
    if len(value) > MAX_VALUE:
        return f"at most {MAX_VALUE} characters"
    if key.kind is Kind.BOOLEAN:
        return "" if value.lower() in ("true", "false") else "true or false"
    if key.kind is Kind.INTEGER:
        if _INTEGER.fullmatch(value) and key.minimum <= int(value) <= key.maximum:
            return ""
        return f"a whole number from {key.minimum} to {key.maximum}"
    if key.kind is Kind.DECIMAL:
        if _DECIMAL.fullmatch(value) and key.minimum <= float(value) <= key.maximum:
            return ""
        return f"a number from {key.minimum} to {key.maximum}"
    if key.kind is Kind.MEASURANDS:
        wanted = split(value)
        own = names(settings.measurands, settings.lines_metered if key.phases else 0)
        known = own.keys() >= set(wanted) and len(set(wanted)) == len(wanted)
        return "" if known else "measurands out of " + ", ".join(own)
    if key.kind is Kind.OPTION:
        return "" if value in key.values else "one of " + ", ".join(key.values)
    if key.kind in (Kind.MEMBERS, Kind.SEQUENCE):
        return _refuse_list(key, value)
    if key.pattern and not re.fullmatch(key.pattern, value):
        return f"text like {key.default!r}" if key.default else f"text that fits {key.pattern}"
    return ""


def _refuse_list(key: Key, value: str) -> str:
    wanted = split(value)
    known = set(wanted) <= set(key.values) and len(set(wanted)) == len(wanted)
    if known and len(wanted) >= key.minimum:
        return ""
    return f"{key.minimum} or more of " + ", ".join(key.values)


def truth(value: str) -> bool:
    """The value of a BOOLEAN."""
    return value.lower() == "true"


def split(value: str) -> tuple[str, ...]:
    """The items of a comma-separated list."""
    return tuple(item for item in (part.strip() for part in value.split(",")) if item)


def checked(settings: Settings, keys: Mapping[str, Key]) -> dict[str, str]:
    """The keys' defaults with the settings' own values over them.

    Raises ValueError for a key that the version does not have, or a value that it cannot have.
    """
    values = {key.name: key.default for key in keys.values()}
    for name, value in settings.configuration.items():
        key = keys.get(name.lower())
        if key is None:
            near = get_close_matches(name, values, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"configuration key {name!r}: not a key of this version{hint}")
        expected = refuse(key, value, settings)
        if expected:
            raise ValueError(f"configuration key {key.name}: {value!r}: expected {expected}")
        values[key.name] = value
    return values
