"""Filling the time that vehicles have: who must get how much when, under a common ceiling.

``fill`` shares one amount; ``latest`` decides whether a ceiling serves everybody and what cannot
be put off. Both know vehicles only as energy, rate and deadline.

Why working backwards is exact: all vehicles are there now, so that seen from the end of time they
all have the same deadline, *now*. With one common deadline and a rate limit each, serving those
first whose remaining work takes longest leaves a feasible rest whenever there is one (the level
algorithm of machine scheduling for divisible jobs; Horvath, Lam and Sethi, J. ACM 24 (1977) 32-43).
"""

from __future__ import annotations

import numpy as np

from simulator.charging.controllers.view import F64, I64, Flags

_SLACK = 1e-9


def fill(total: float, most: F64, weight: F64 | None = None) -> F64:
    """Max-min shares of ``total``: ``min(most, level * weight)`` with the largest level that fits.

    ``most`` and ``weight`` (above 0; None: equal) have one entry per receiver.
    """
    if total >= most.sum():
        return most.copy()
    if total <= 0.0 or not len(most):
        return np.zeros(len(most))
    weights = np.ones(len(most)) if weight is None else weight
    ratio = most / weights
    order = np.argsort(ratio, kind="stable")
    sorted_most, sorted_weight = most[order], weights[order]
    before = np.concatenate([[0.0], np.cumsum(sorted_most)[:-1]])
    behind = np.cumsum(sorted_weight[::-1])[::-1]
    levels = (total - before) / behind
    at = int(np.argmax(levels <= ratio[order]))
    shares: F64 = np.minimum(most, levels[at] * weights)
    return shares


def admit(total: float, least: F64, order: I64) -> Flags:
    """Who may take part, so that the minima of all who do fit into ``total``; in ``order``."""
    admitted = np.zeros(len(least), np.bool_)
    ranked = least[order]
    if ranked.sum() <= total:
        admitted[:] = True
        return admitted
    left = total
    for i, need in zip(order, ranked, strict=True):
        if need <= left:
            admitted[i] = True
            left -= need
    return admitted


def in_order(total: float, most: F64, least: F64, order: I64) -> F64:
    """Give each its most in ``order`` until ``total`` is used up; nothing instead of less than
    its least."""
    give = np.zeros(len(most))
    left = total
    for i in order:
        part = min(most[i], left)
        if part > 0.0 and part >= least[i]:
            give[i] = part
            left -= part
    return give


def level(total: float, left: F64, rate: F64) -> F64:
    """Share ``total`` so that the longest remaining time ``(left - share) / rate`` is smallest.

    ``left`` is the energy to go, ``rate`` the most that each can take here, both above 0.
    """
    most: F64 = np.minimum(left, rate)
    if total >= most.sum():
        return most
    if total <= 0.0:
        return np.zeros(len(left))
    # A share is rate * (time - level) between 0 and rate; its sum falls piecewise linearly.
    time = left / rate
    marks = np.concatenate([time, np.maximum(time - 1.0, 0.0)])
    steps = np.concatenate([rate, -rate])
    order = np.argsort(-marks, kind="stable")
    marks, steps = marks[order], steps[order]
    slope = np.cumsum(steps)
    reached = np.concatenate([[0.0], np.cumsum(slope[:-1] * -np.diff(marks))])
    at = max(int(np.searchsorted(reached, total, side="right")) - 1, 0)
    mark = marks[at] - (total - reached[at]) / slope[at] if slope[at] > 0.0 else marks[at]
    share: F64 = np.clip(rate * (time - mark), 0.0, most)
    return share


def latest(energy: F64, rate_kw: F64, there: Flags, hours: F64, ceiling_kwh: F64) -> F64:
    """Serve everybody as late as possible; kWh by stretch of time and vehicle.

    ``there[k, i]`` says whether vehicle ``i`` is still there in stretch ``k``, which lasts
    ``hours[k]`` and in which all together may take ``ceiling_kwh[k]``. Who has left never comes
    back. What cannot be served is missing from the sums; it is as little as can be.
    """
    left = energy.copy()
    shares = np.zeros(there.shape)
    for k in range(len(hours) - 1, -1, -1):
        here = np.flatnonzero(there[k] & (left > _SLACK))
        if len(here):
            share = level(float(ceiling_kwh[k]), left[here], rate_kw[here] * hours[k])
            left[here] -= share
            shares[k, here] = share
    return shares
