"""Reservations: a site is asked to keep an EVSE for a driver before the driver comes.

One simpy process per site. At ``reserved_s`` a free EVSE that fits is held for the visit; if none
is free the driver comes without. The arrival itself takes the EVSE, or gives it back. For a driver
who never comes it is kept until the site's ``grace`` after the arrival that was announced. Started
by ``world``.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.engine import acts

if TYPE_CHECKING:
    import simpy

    from simulator.engine.site import SiteRun

_HOLD, _RELEASE = 0, 1


def keep_reservations(env: simpy.Environment, run: SiteRun) -> Generator[Any, Any, None]:
    """Hold and release EVSEs of one site; ends with its last reservation."""
    held: dict[int, int] = {}
    for time_s, what, row in _agenda(run):
        if time_s > env.now:
            yield env.timeout(time_s - env.now)
        run.advance(float(env.now))
        if what == _HOLD:
            evse = acts.hold(run, row)
            if evse >= 0:
                held[row] = evse
            continue
        evse = held.pop(row, -1)
        # A breakdown may have ended it, and another visit may have the EVSE by now.
        if evse >= 0 and run.state.evses["held_for"][evse] == row:
            acts.release(run, evse)


def _agenda(run: SiteRun) -> list[tuple[float, int, int]]:
    """What is due when: (time, hold or release, visit), at equal times releases last.

    A release that falls on the moment of another's reservation comes after it: a driver who asks at
    that very moment is told that the EVSE is taken.
    """
    visits, asked = run.visits, run.site.site.reservations
    if visits.reserved_s is None:
        return []
    rows = np.flatnonzero(np.isfinite(visits.reserved_s))
    agenda = [(float(visits.reserved_s[row]), _HOLD, int(row)) for row in rows]
    if visits.no_show is not None and asked is not None:
        for row in np.flatnonzero(visits.no_show):
            agenda.append((float(visits.arrival_s[row]) + asked.grace, _RELEASE, int(row)))
    return sorted(agenda)
