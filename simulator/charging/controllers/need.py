"""What vehicles need of the time that they have: deadlines, slack, and who cannot wait.

Arithmetic that several controllers share. Arrays have one entry per EVSE.
"""

from __future__ import annotations

import numpy as np

from simulator.charging.controllers.view import F64, Flags, View

HOUR_S = 3600.0
_SLACK_KWH = 1e-9


def wants(view: View) -> Flags:
    """Who is plugged in and needs energy."""
    return view.active & (view.needed_kwh > _SLACK_KWH)


def shortest_s(view: View) -> F64:
    """Time to the target at full power (``inf`` where there is none)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        time_s = view.needed_kwh / view.limit_kw * HOUR_S
    return np.where(view.needed_kwh <= 0.0, 0.0, time_s)


def deadline_s(view: View) -> F64:
    """When a vehicle should be done: its departure; at once, for a driver who waits for it."""
    return np.where(np.isfinite(view.departure_s), view.departure_s, view.now_s + shortest_s(view))


def laxity_s(view: View) -> F64:
    """How long a vehicle could pause and still be done in time; below 0: it is late."""
    return deadline_s(view) - view.now_s - shortest_s(view)


def due_kwh(view: View, step_s: float, spare_s: float = 0.0) -> F64:
    """What has to be delivered in the next step, so that full power afterwards is enough.

    ``spare_s`` before the departure everybody is to be done.
    """
    after_h = np.maximum(deadline_s(view) - spare_s - view.now_s - step_s, 0.0) / HOUR_S
    due = view.needed_kwh - view.limit_kw * after_h
    most = np.minimum(view.limit_kw * (step_s / HOUR_S), view.needed_kwh)
    return np.where(wants(view), np.clip(due, 0.0, most), 0.0)


def above_minimum(limits_kw: F64, view: View, step_s: float) -> F64:
    """Limits that vehicles accept: nothing or at least the minimum, whichever is nearer.

    A vehicle that could not make up for a pause before it leaves gets its minimum in any case.
    """
    least = np.minimum(view.min_kw, view.limit_kw)
    between = (limits_kw > 0.0) & (limits_kw < least)
    if not between.any():
        return limits_kw
    up = (limits_kw >= 0.5 * least) | (due_kwh(view, step_s) > _SLACK_KWH)
    return np.where(between, np.where(up, least, 0.0), limits_kw)
