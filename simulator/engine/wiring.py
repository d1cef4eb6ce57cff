"""Currents on three phases: what a kilowatt of each kind of load means for each conductor.

A load draws at unity power factor from the symmetrical voltages of L1, L2 and L3 (0, -120 and +120
degrees). A limit on a conductor becomes rows of the kernel's phasor table: the sum over kinds of
coefficient (A per kW) times power may not be longer than the limit.

Where more load always means more current, one row does. In a neutral, or on the far side of a
delta-wye transformer, one load can cancel another, so a row that holds for the allotments could
break when one of them tapers. The current is convex in the loads: over every load between nothing
and its allotment it is largest where each kind is either drawn in full or not at all, and then the
kinds that are drawn lie in one half-plane. One row for each such set covers all of it.

Called by ``limits``; the kernel reads the result (``kernel/phases.py``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.engine.kernel.state import KINDS

Complex = NDArray[np.complex128]
_ZERO = 1e-9
_UNIT = np.exp(-2j * np.pi / 3.0 * np.arange(3))
"""Voltages of L1, L2 and L3 against the neutral, in their own length."""

WIRING = {"L1": 0, "L2": 1, "L3": 2, "L1L2": 3, "L2L3": 4, "L3L1": 5}
"""Values of ``EVSE.wiring``."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the phasor table."""

    coefficients: Complex
    """A per kW of each kind, shape (KINDS,)."""
    limit_a: float
    simple: bool
    conductor: int
    """Rows of one conductor belong together."""


def wiring_of(wiring: str, nth: int) -> int:
    """``EVSE.wiring`` of the ``nth`` station (from 0) that is wired that way."""
    if wiring == "rotated":
        return nth % 3
    if wiring == "rotated-LL":
        return 3 + nth % 3
    return WIRING[wiring]


def line_currents(voltage: float) -> Complex:
    """Current in L1, L2 and L3, in A per kW of each kind, shape (3, KINDS).

    ``voltage`` is that of a phase against the neutral.
    """
    amps = np.zeros((3, KINDS), np.complex128)
    per_kw = 1000.0 / voltage
    amps[:, 0] = _UNIT * (per_kw / 3.0)
    for j in range(3):
        nxt = (j + 1) % 3
        amps[j, 1 + j] = _UNIT[j] * per_kw
        for phase in (j, nxt):
            amps[phase, 4 + j] = _UNIT[phase] * (per_kw / 2.0)
        across = _UNIT[j] - _UNIT[nxt]  # sqrt(3) long
        through = per_kw * across / abs(across) ** 2
        amps[j, 7 + j] = through
        amps[nxt, 7 + j] = -through
    return amps


def neutral_current(voltage: float) -> Complex:
    """Current in the neutral (the phasor sum of the phases), A per kW of each kind, (1, KINDS)."""
    total: Complex = line_currents(voltage).sum(axis=0, keepdims=True)
    return total


def primary_currents(voltage: float, primary_voltage: float) -> Complex:
    """Currents on the delta side of a delta-wye transformer above the loads, (3, KINDS).

    A winding between two lines of the primary carries its secondary phase's current, divided by the
    ratio of turns ``sqrt(3) primary_voltage / voltage``; a line carries the difference of two.
    """
    lines = line_currents(voltage)
    turns = math.sqrt(3.0) * primary_voltage / voltage
    return np.stack([lines[j] - lines[j - 1] for j in range(3)]) / np.complex128(turns)


def rows(conductors: Complex, limit_a: float, first: int) -> list[Row]:
    """The rows for conductors (c, KINDS) with one limit; they are numbered from ``first`` on."""
    found = []
    for at, amps in enumerate(conductors):
        amps = np.where(np.abs(amps) < _ZERO, 0.0, amps)
        number = first + at
        if _is_simple(amps):
            found.append(Row(amps, limit_a, True, number))
            continue
        for members in worst_sets(amps):
            found.append(Row(np.where(members, amps, 0.0), limit_a, False, number))
    return found


def _is_simple(amps: Complex) -> bool:
    """Whether all coefficients are within 60 degrees of each other."""
    length = np.abs(amps)
    inner = np.real(np.conj(amps)[:, None] * amps)
    return bool((inner >= 0.5 * np.outer(length, length) - _ZERO).all())


def worst_sets(amps: Complex) -> list[NDArray[np.bool_]]:
    """The sets of kinds that can be the worst case of a conductor: those in a half-plane.

    A set is left out if another holds it and only adds kinds that make its current longer.
    """
    sets = list(_half_planes(amps))
    inner = np.real(np.conj(amps)[:, None] * amps)
    kept = []
    for one in sets:
        beaten = any(
            (two & one == one).all()
            and (two != one).any()
            and (inner[np.ix_(two & ~one, one)] >= -_ZERO).all()
            for two in sets
        )
        if not beaten:
            kept.append(one)
    return kept


def _half_planes(amps: Complex) -> Iterator[NDArray[np.bool_]]:
    angle = np.angle(amps[np.abs(amps) > 0.0])
    edges = np.unique(np.round(np.concatenate([angle + np.pi / 2, angle - np.pi / 2]), 9))
    edges = np.unique(np.round(np.mod(edges, 2 * np.pi), 9))
    seen = set()
    for low, high in zip(edges, np.append(edges[1:], edges[0] + 2 * np.pi), strict=True):
        ahead = np.real(amps * np.exp(-0.5j * (low + high))) > _ZERO
        if ahead.any() and ahead.tobytes() not in seen:
            seen.add(ahead.tobytes())
            yield ahead
