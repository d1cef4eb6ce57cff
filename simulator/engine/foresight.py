"""Perfect knowledge of the visits of a run: a rehearsal of the same site without a controller.

For controllers that say that they see the future (``charging/controllers``). Exact where drivers
leave at a time of their own; see ``KnownVisits`` for where it is an estimate. What processes do
to the site (outages, further visits) is not foreseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.charging.controllers import KnownVisits

if TYPE_CHECKING:
    from simulator.engine.plan import SiteResult
    from simulator.engine.site import SiteRun


def foresee(run: SiteRun) -> KnownVisits:
    """Every visit that will plug in. ``run`` must not have begun, and does not notice."""
    from simulator.engine.site import SiteRun

    rehearsal = SiteRun(
        run.visits,
        run.site,
        run.duration_s,
        interval_s=run.interval_s,
        changes=run.state.changes,
        kernel=run._kernel,
    )
    return known_visits(rehearsal.result())


def known_visits(result: SiteResult) -> KnownVisits:
    """The sessions of a finished run, as a controller may know them beforehand."""
    plan, visits = result.plan, result.visits
    rows = np.flatnonzero(plan.evse >= 0)

    def optional(values: object) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        if values is None:
            return np.zeros(len(rows))
        return np.broadcast_to(np.asarray(values, np.float64), len(plan.evse))[rows]

    left_s = np.where(
        np.isnan(plan.unplug_s[rows]), np.asarray(visits.departure_s)[rows], plan.unplug_s[rows]
    )
    return KnownVisits(
        visit=rows.astype(np.int64),
        evse=plan.evse[rows].astype(np.int64),
        plug_in_s=plan.plug_in_s[rows],
        unplug_s=left_s,
        ready_s=np.maximum(optional(visits.ready_s), plan.plug_in_s[rows]),
        soc=plan.soc_start[rows],
        target_soc=plan.target_soc[rows],
        capacity_kwh=np.asarray(visits.battery_kwh)[rows] / plan.efficiency[rows],
        efficiency=plan.efficiency[rows],
        limit_kw=plan.limit_kw[rows],
        min_kw=plan.min_kw[rows],
        discharge_kw=np.minimum(optional(visits.discharge_kw), plan.limit_kw[rows]),
        reserve_soc=optional(visits.reserve_soc),
    )
