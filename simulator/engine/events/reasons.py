"""What several events do to the same thing adds up: it is over when the last of them is.

An EVSE that is broken for two reasons works again once both are gone; a site that is dark twice
over has power again after the second; the smallest of several limits holds. Not a process: kept by
those of a run's events, in common.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.engine.world import SiteHandle


class Reasons:
    """Which events hold which sites and EVSEs now."""

    __slots__ = ("_base_kw", "_count", "_limits_kw", "_set_kw")

    def __init__(self) -> None:
        self._count: Counter[tuple[str, int]] = Counter()
        self._limits_kw: dict[str, list[float]] = {}
        self._base_kw: dict[str, float] = {}
        self._set_kw: dict[str, float] = {}

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

    def own_limit_kw(self, site: SiteHandle) -> float:
        """The site's limit without those that events have put in force."""
        return self._base_kw[site.name] if self._limits_kw.get(site.name) else site.limit_kw

    def curtail(self, site: SiteHandle, limit_kw: float) -> None:
        """A limit comes into force beside those that hold already."""
        if not self._limits_kw.get(site.name):
            self._base_kw[site.name] = site.limit_kw
        self._limits_kw.setdefault(site.name, []).append(limit_kw)
        self._set(site)

    def restore(self, site: SiteHandle, limit_kw: float) -> None:
        """A limit that was put in force is over."""
        self.look_again(site)
        self._limits_kw[site.name].remove(limit_kw)
        self._set(site)

    def look_again(self, site: SiteHandle) -> None:
        """The site's own limit may have changed meanwhile: that of the event still holds."""
        if self._limits_kw.get(site.name) and site.limit_kw != self._set_kw[site.name]:
            self._base_kw[site.name] = site.limit_kw
            self._set(site)

    def _set(self, site: SiteHandle) -> None:
        kw = min(self._base_kw[site.name], *self._limits_kw[site.name], float("inf"))
        self._set_kw[site.name] = kw
        if kw != site.limit_kw:
            site.set_limit(kw)
