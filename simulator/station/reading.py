"""Reading a meter into text: a set of measurands, with the wire format that a version gave it.

A ``Reading`` is made once per set of measurands and shared; the version table supplies templates.
Where the meter tells the lines of an AC supply one by one (``Settings.lines_metered``), a measurand
is read on each of them (1.6 §3.16.3, 2.0.1 J01.FR.14), in 1.6 also on a single one that the list
names: ``Voltage.L1`` (§9.1.17).
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import Final

from simulator.station.ports import Meter

REGISTER: Final = 0
POWER: Final = 1
CURRENT: Final = 2
VOLTAGE: Final = 3
SOC: Final = 4
CODES: Final = {
    "Energy.Active.Import.Register": REGISTER,
    "Power.Active.Import": POWER,
    "Current.Import": CURRENT,
    "Voltage": VOLTAGE,
    "SoC": SOC,
}
WRITTEN: Final = {
    "Energy.Active.Import.Register": ("%.0f", "Wh"),
    "Power.Active.Import": ("%.0f", "W"),
    "Current.Import": ("%.1f", "A"),
    "Voltage": ("%.1f", "V"),
    "SoC": ("%.0f", "Percent"),
}
"""The number's format and the unit, in every version."""
NEUTRAL: Final = "N"
_LINES: Final = ("L1", "L2", "L3")
_LINKED: Final = ("L1-L2", "L2-L3", "L3-L1")

Point = tuple[str, str]
"""A measurand and the phase that it is read on; "": as a whole."""


def phases_of(measurand: str, lines: int) -> tuple[str, ...]:
    """Where it is read if the list names no phase: "" is the total.

    The total of currents or of voltages would mean nothing; registers are counted as a whole.
    """
    own = _LINES[:lines]
    if measurand == "Power.Active.Import":
        return ("", *own)
    if measurand == "Current.Import" and lines:
        return (*own, NEUTRAL)
    if measurand == "Voltage" and lines:
        return tuple(f"{line}-N" for line in own)
    return ("",)


@lru_cache(maxsize=16)
def names(measurands: tuple[str, ...], lines: int) -> dict[str, tuple[Point, ...]]:
    """What a list of measurands may hold, and what is read for it."""
    known: dict[str, tuple[Point, ...]] = {}
    for name in measurands:
        phases = phases_of(name, lines)
        known[name] = tuple((name, phase) for phase in phases)
        if name == "Voltage" and lines:
            phases += _LINES[:lines] + (_LINKED if lines == len(_LINES) else ())
        known.update({f"{name}.{phase}": ((name, phase),) for phase in phases if phase})
    return known


@lru_cache(maxsize=64)
def points(wanted: tuple[str, ...], measurands: tuple[str, ...], lines: int) -> tuple[Point, ...]:
    """Everything that is read for a list of ``names``, in its order and nothing twice."""
    known = names(measurands, lines)
    return tuple(dict.fromkeys(point for name in wanted for point in known[name]))


class Reading:
    """``parts``: one printf template per point, each with one number in it.

    A meter that knows no SoC (an AC station, an empty EVSE, the main meter) leaves that part out.
    """

    __slots__ = ("_codes", "_parts", "_phases", "_rest", "_rest_codes", "_soc", "_whole", "points")

    def __init__(self, points: tuple[Point, ...], parts: tuple[str, ...]) -> None:
        self.points = points
        self._codes = tuple(CODES[name] for name, _ in points)
        self._phases = tuple(phase for _, phase in points)
        self._parts = parts
        self._whole = ",".join(parts)
        self._soc = SOC in self._codes
        kept = [(c, p) for c, p in zip(self._codes, parts, strict=True) if c != SOC]
        self._rest_codes = tuple(code for code, _ in kept)
        self._rest = ",".join(part for _, part in kept)
        if not any(self._phases):
            self._phases = ()

    def take(self, meter: Meter, now: float, evse: int) -> str:
        """The values now, joined by commas; "" if there are none to give."""
        if self._phases:
            return self._take_lines(meter, now, evse)
        codes, template = self._codes, self._whole
        soc = 0.0
        if self._soc:
            percent = meter.soc_percent(now, evse) if evse else None
            if percent is None:
                codes, template = self._rest_codes, self._rest
            else:
                soc = percent
        values = []
        for code in codes:
            if code == REGISTER:
                values.append(meter.register_wh(now, evse))
            elif code == POWER:
                values.append(meter.power_w(now, evse))
            elif code == CURRENT:
                values.append(meter.current_a(now, evse))
            elif code == VOLTAGE:
                values.append(meter.voltage_v(now, evse))
            else:
                values.append(soc)
        return template % tuple(values)

    def _take_lines(self, meter: Meter, now: float, evse: int) -> str:
        amps = tuple(meter.lines_a(now, evse))
        parts, values = [], []
        for code, phase, part in zip(self._codes, self._phases, self._parts, strict=True):
            value = _value(meter, now, evse, code, phase, amps)
            if value is not None:
                parts.append(part)
                values.append(value)
        return ",".join(parts) % tuple(values)


def _value(
    meter: Meter, now: float, evse: int, code: int, phase: str, amps: tuple[float, ...]
) -> float | None:
    if code == REGISTER:
        return meter.register_wh(now, evse)
    if code == SOC:
        return meter.soc_percent(now, evse) if evse else None
    if code == VOLTAGE:
        return meter.voltage_v(now, evse) * (sqrt(3.0) if phase in _LINKED else 1.0)
    if code == CURRENT:
        return neutral_a(amps) if phase == NEUTRAL else amps[_LINES.index(phase)]
    power = meter.power_w(now, evse)
    if not phase:
        return power
    total = sum(amps)
    return power * amps[_LINES.index(phase)] / total if total > 0.0 else 0.0


def neutral_a(amps: tuple[float, ...]) -> float:
    """The current in the neutral: the sum of the lines' as phasors, a third of a turn apart."""
    a, b, c = (*amps, 0.0, 0.0)[:3]
    return sqrt(max(a * a + b * b + c * c - a * b - b * c - c * a, 0.0))
