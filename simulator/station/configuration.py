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

from simulator.station.reading import Reading
from simulator.station.settings import Settings

LARGEST: Final = 2**31 - 1
MAX_VALUE: Final = 500
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)


class Kind(Enum):
    """What a value is made of."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    TEXT = "text"
    MEASURANDS = "measurands"


@dataclass(frozen=True, slots=True)
class Key:
    """One configuration key of a version."""

    name: str
    kind: Kind
    default: str
    writable: bool = True
    readable: bool = True
    """A key that is not is never told."""
    reboot: bool = False
    """A change takes effect at the next reboot."""
    minimum: int = 0
    maximum: int = LARGEST
    pattern: str = ""
    """A TEXT must match this."""


class Configuration:
    """Values in force, parsed. ``overrides`` maps the names that the CSMS changed."""

    __slots__ = (
        "additional_root_check",
        "aligned",
        "aligned_s",
        "attempts",
        "authorize_remote",
        "begin",
        "call_timeout_s",
        "certificates_most",
        "chain_longest",
        "connection_timeout_s",
        "heartbeat_s",
        "max_stop_values",
        "minimum_status_s",
        "offline_threshold_s",
        "organisation",
        "overrides",
        "ping_s",
        "retry_interval_s",
        "sample_s",
        "sampled",
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
        "unknown_offline",
        "values",
    )

    values: Mapping[str, str]
    """Every key of the version with its value, the CSMS's changes included."""
    overrides: Mapping[str, str]
    sample_s: float
    aligned_s: float
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
    authorize_remote: bool
    unknown_offline: bool
    stop_on_invalid: bool
    stop_on_disconnect: bool
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
    security_profile: int
    sessions_before_update: bool
    """New sessions may begin while firmware waits to be installed."""
    sampled: Reading | None
    aligned: Reading | None
    trigger: Reading | None
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
    if key.kind is Kind.MEASURANDS:
        wanted = split(value)
        known = set(wanted) <= set(settings.measurands) and len(set(wanted)) == len(wanted)
        return "" if known else "measurands out of " + ", ".join(settings.measurands)
    if key.pattern and not re.fullmatch(key.pattern, value):
        return f"text like {key.default!r}"
    return ""


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
