"""Controllers: what sets limits at ticks, like a CSMS that sends charging profiles.

One file per controller, all of one shape:

- ``NAME``, ``SUMMARY``, and ``OPTIONS`` (see ``options``);
- ``needs(options) -> tuple[str, ...]``: fields of the site that it cannot do without;
- ``foresees(options) -> bool``: whether it asks for the visits to come;
- ``make(setup) -> controller``, called once per site and run; the controller is what
  ``view`` describes. It may have ``notes() -> list[str]``.

numpy, and HiGHS where a linear program is solved; no clock, no files, no engine. To add a
controller, add a file and name it in ``_MODULES``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.charging.controllers import (
    fixed_schedule,
    lp,
    mpc,
    none,
    peak_shaving,
    pv_following,
    tou_price,
)
from simulator.charging.controllers.options import Option, plain
from simulator.charging.controllers.view import (
    Controller,
    Forecast,
    InfeasibleError,
    KnownVisits,
    Setup,
    View,
)

__all__ = [
    "CONTROLLERS",
    "NAMES",
    "Controller",
    "Forecast",
    "InfeasibleError",
    "Kind",
    "KnownVisits",
    "Setup",
    "View",
    "catalogue",
]

_MODULES = (none, fixed_schedule, tou_price, pv_following, peak_shaving, lp, mpc)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of controller, as the engine uses it."""

    name: str
    summary: str
    options: tuple[Option, ...]
    needs: Callable[[Mapping[str, Any]], tuple[str, ...]]
    foresees: Callable[[Mapping[str, Any]], bool]
    make: Callable[[Setup], Controller]

    @property
    def plain_options(self) -> list[dict[str, Any]]:
        """The options as the scenario room reads them."""
        return plain(self.options)


CONTROLLERS: Mapping[str, Kind] = {
    module.NAME: Kind(
        module.NAME, module.SUMMARY, module.OPTIONS, module.needs, module.foresees, module.make
    )
    for module in _MODULES
}
NAMES: tuple[str, ...] = tuple(CONTROLLERS)


def catalogue() -> dict[str, dict[str, Any]]:
    """What the scenario room is told of each kind: options, as plain data, and what it needs."""
    return {
        name: {"options": kind.plain_options, "needs": kind.needs}
        for name, kind in CONTROLLERS.items()
    }
