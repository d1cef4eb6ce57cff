"""OCPP 2.0.1: the variables of display, tariff and cost, and monitoring.

Rows of the table of ``v201_keys``, and what the areas need to know of their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from simulator.station.configuration import Configuration, Key, Kind, Screen, split, truth

_FORMATS: Final = ("ASCII", "UTF8")
_PRIORITIES: Final = ("AlwaysFront", "InFront", "NormalCycle")
_SHOWN: Final = "DisplayMessageCtrlr."
_COST: Final = "TariffCostCtrlr."
_WATCHED: Final = "MonitoringCtrlr."
ITEMS_SET: Final = _WATCHED + "ItemsPerMessage[SetVariableMonitoring]"
ITEMS_CLEAR: Final = _WATCHED + "ItemsPerMessage[ClearVariableMonitoring]"
_LONGEST: Final = r"(?s).{0,255}"


def _flag(name: str, writable: bool = True) -> Key:
    return Key(name, Kind.BOOLEAN, "true", writable)


def _some(name: str, words: tuple[str, ...]) -> Key:
    """A list that a station may support a part of."""
    return Key(name, Kind.MEMBERS, ",".join(words), writable=False, minimum=1, values=words)


ROWS: Final = (
    _flag(_SHOWN + "Available", writable=False),
    _flag(_SHOWN + "Enabled"),
    _some(_SHOWN + "SupportedFormats", _FORMATS),
    _some(_SHOWN + "SupportedPriorities", _PRIORITIES),
    _flag(_WATCHED + "Available", writable=False),
    _flag(_WATCHED + "Enabled"),
    Key(ITEMS_CLEAR, Kind.INTEGER, "50", writable=False, minimum=1),
    Key(ITEMS_SET, Kind.INTEGER, "50", writable=False, minimum=1),
    Key(_WATCHED + "OfflineQueuingSeverity", Kind.INTEGER, "5", maximum=9),
    _flag(_COST + "Available[Cost]", writable=False),
    _flag(_COST + "Available[Tariff]", writable=False),
    Key(_COST + "Currency", Kind.TEXT, "EUR", pattern="[A-Z]{3}"),
    _flag(_COST + "Enabled[Cost]"),
    _flag(_COST + "Enabled[Tariff]"),
    Key(_COST + "TariffFallbackMessage", Kind.TEXT, "", pattern=_LONGEST),
    Key(_COST + "TotalCostFallbackMessage", Kind.TEXT, "", pattern=_LONGEST),
)
_OF_SCREEN: Final = (
    _SHOWN + "Available",
    _SHOWN + "Enabled",
    _SHOWN + "SupportedFormats",
    _SHOWN + "SupportedPriorities",
    _COST + "Available[Cost]",
    _COST + "Enabled[Cost]",
    _COST + "Available[Tariff]",
    _COST + "Enabled[Tariff]",
    _COST + "Currency",
    _COST + "TariffFallbackMessage",
    _COST + "TotalCostFallbackMessage",
)


def parse(conf: Configuration, values: Mapping[str, str]) -> None:
    """Fill the slots of these areas."""

    def true(name: str) -> bool:
        return truth(values[name])

    conf.monitoring = true(_WATCHED + "Available") and true(_WATCHED + "Enabled")
    conf.offline_severity = int(values[_WATCHED + "OfflineQueuingSeverity"])
    conf.screen = _screen(*(values[name] for name in _OF_SCREEN))


@lru_cache(maxsize=64)
def _screen(
    there: str,
    on: str,
    formats: str,
    priorities: str,
    costs: str,
    cost_on: str,
    tariffs: str,
    tariff_on: str,
    currency: str,
    tariff_fallback: str,
    cost_fallback: str,
) -> Screen:
    """Shared by all stations whose screens are set up alike; arguments as in ``_OF_SCREEN``."""
    return Screen(
        enabled=truth(there) and truth(on),
        formats=frozenset(split(formats)),
        priorities=frozenset(split(priorities)),
        tariff=truth(tariffs) and truth(tariff_on),
        cost=truth(costs) and truth(cost_on),
        currency=currency,
        tariff_fallback=tariff_fallback,
        cost_fallback=cost_fallback,
    )
