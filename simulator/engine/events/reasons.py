"""What several events do to the same thing adds up: it is over when the last of them is.

An EVSE that is broken for two reasons works again once both are gone; a site that is dark twice
over has power again after the second; the smallest of several limits holds. Not a process: kept by
those of a run's events, in common.
"""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.engine.world import SiteHandle


class Reasons:
    """Which events hold which sites and EVSEs now."""

    __slots__ = ("_count", "_limits_kw")

    def __init__(self) -> None:
        self._count: Counter[tuple[str, int]] = Counter()
        self._limits_kw: dict[str, list[float]] = {}

    def fail(self, site: SiteHandle, evses: range) -> None:
        """A station breaks down with all its EVSEs."""
        for evse in evses:
            self._count[site.name, evse] += 1
            if self._count[site.name, evse] == 1:
                site.fail(evse)

    def repair(self, site: SiteHandle, evses: range) -> None:
        """It is repaired, as far as this failure goes."""
        for evse in evses:
            self._count[site.name, evse] -= 1
            if self._count[site.name, evse] == 0:
                site.repair(evse)

    def power_off(self, site: SiteHandle) -> None:
        """A site loses its power."""
        self._count[site.name, -1] += 1
        if self._count[site.name, -1] == 1:
            site.power_off()

    def power_on(self, site: SiteHandle) -> None:
        """It gets it back, as far as this outage goes."""
        self._count[site.name, -1] -= 1
        if self._count[site.name, -1] == 0:
            site.power_on()

    def curtail(self, site: SiteHandle, limit_kw: float) -> None:
        """A limit comes into force beside the site's own and those of other events."""
        self._limits_kw.setdefault(site.name, []).append(limit_kw)
        site.curtail(min(self._limits_kw[site.name]))

    def restore(self, site: SiteHandle, limit_kw: float) -> None:
        """A limit that was put in force is over."""
        self._limits_kw[site.name].remove(limit_kw)
        site.curtail(min(self._limits_kw[site.name], default=inf))
