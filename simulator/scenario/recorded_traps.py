"""Traps of public charging data: what is looked for, and what was found, by name.

Two kinds. Rows that no charger can have written (a negative duration, 5 000 kW, the same row twice)
are left out and counted. A fault of the whole file (day and month exchanged, a wrong zone, Wh
called kWh) is only named: it is put right when the user asks for it. Called by `recorded`.

The faults are those met in open data of ChargePlace Scotland (day and month exchanged up to day
12), Boulder (UTC called local), ACN-Data web exports before October 2019 (7 to 8 hours off) and
copies of "EVChargingStationUsage" (the same start time in every row).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.scenario.recorded_time import DAY_S, F64, swap_day_and_month

Bools = NDArray[np.bool_]
State = Literal["none", "left out", "suspected", "put right", "noted"]
FIXES = ("day-month", "utc", "local", "wh")
"""day-month: exchange day and month up to day 12. utc: stamps without a zone are UTC. local: stamps
are local whatever zone stands beside them. wh: energies are Wh."""

HIGHEST_KW = 400.0
_FEW = 20
_SHOWN = 5
_NIGHT = (21.5, 6.5)
"""Where the middle of the quietest six hours lies, at any kind of site that drivers come to."""


@dataclass(frozen=True, slots=True)
class Trap:
    """One thing that was looked for."""

    name: str
    """``day-month``, ``utc``, ``same-start``, ``duration``, ``power``, ``duplicate``, ``wh`` ..."""
    title: str
    state: State
    rows: int
    """Rows that it concerns."""
    told: str
    """What was found, in a sentence; what would have shown it, if nothing was."""
    places: tuple[str, ...] = ()
    """The first few of the rows."""
    fix: str | None = None
    """The value of ``--fix`` that puts it right, if it is suspected."""


def day_month(start_s: F64, end_s: F64, dated: bool, fixed: bool) -> Trap:
    """Day and month exchanged wherever the day is 12 or less, on stamps as written."""
    name, title = "day-month", "Day and month exchanged"
    if not dated:
        return Trap(name, title, "none", 0, "the stamps are numbers, not dates")
    day = _day_of_month(start_s)
    swapped = swap_day_and_month(start_s)
    doubtful = swapped != start_s
    n = int(doubtful.sum())
    if fixed:
        told = "exchanged, as --fix day-month asks, in every start and end up to day 12"
        return Trap(name, title, "put right", n, told)
    clear = day > 12
    if n < _FEW or clear.sum() < _FEW:
        return Trap(name, title, "none", 0, "too few sessions to tell")
    signs, against = [], False
    low, high = _period(start_s[clear])
    out = int(_outside(start_s[doubtful], low, high).sum())
    out_swapped = int(_outside(swapped[doubtful], low, high).sum())
    if out >= 3 and out_swapped <= 0.1 * out:
        signs.append(
            f"{out} of {n} dates up to day 12 lie outside the period of the dates after day 12 "
            f"({_date(low)} to {_date(high)}); exchanged, {out_swapped} do"
        )
    against = out_swapped > out
    bad, bad_swapped = _odd_stays(start_s, end_s), _odd_stays(swapped, swap_day_and_month(end_s))
    if bad >= 5 and bad_swapped <= 0.1 * bad:
        signs.append(
            f"{bad} sessions end before they begin or last more than five days; exchanged, "
            f"{bad_swapped} do"
        )
    gain = _weekday_gain(start_s[clear], start_s[doubtful], swapped[doubtful])
    if gain > 10.0:
        signs.append(
            "the weekdays of dates up to day 12 are unlike those of later dates; exchanged, they "
            f"agree (log likelihood ratio {gain:.0f})"
        )
    if not signs or against:
        told = "dates up to day 12 lie in the same period, on the same weekdays, as later ones"
        return Trap(name, title, "none", 0, told)
    return Trap(name, title, "suspected", n, "; ".join(signs), (), "day-month")


def zone(
    hours: F64, other: F64, other_fix: str, skipped: int, zone_name: str, fixed: str | None
) -> Trap:
    """Stamps in another zone than they say, by where the night lies.

    ``hours`` are local hours of start (0..24) as read, ``other`` as they would be under the fix
    ``other_fix``. ``skipped``: stamps at local times that the zone's clocks never showed.
    """
    name, title = "utc", "UTC presented as local time, or the reverse"
    if fixed is not None:
        as_what = "UTC" if fixed == "utc" else "local time"
        told = f"read as {as_what}, as --fix {fixed} asks"
        return Trap(name, title, "put right", len(hours), told)
    middle = quiet_middle(hours)
    if middle is None:
        told = "the hours of start show no quiet night, so a displacement cannot be seen"
        return Trap(name, title, "none", 0, told)
    quiet = f"the quietest six hours are around {_clock(middle)} in {zone_name}"
    told = quiet + ("" if not skipped else f"; {skipped} stamps lie in an hour that clocks skip")
    if _at_night(middle):
        told += ". A displacement of less than about five hours cannot be seen this way"
        return Trap(name, title, "none", 0, told)
    moved = quiet_middle(other)
    told += ", by day (unless drivers come in the evening only, as to a depot)"
    if moved is not None and _at_night(moved):
        reading = "UTC" if other_fix == "utc" else "local time"
        told += f"; read as {reading}, they are around {_clock(moved)}"
        return Trap(name, title, "suspected", len(hours), told, (), other_fix)
    return Trap(name, title, "suspected", len(hours), told + f"; is {zone_name} the right zone?")


def same_start(face_s: F64) -> Trap:
    """One time of day in most rows: dates without times, or made-up data."""
    name, title = "same-start", "The same start time in most rows"
    times, counts = np.unique(np.mod(face_s, DAY_S), return_counts=True)
    most = int(counts.max(initial=0))
    if len(face_s) < _FEW or most < 0.5 * len(face_s):
        told = f"the commonest time of day is in {most} of {len(face_s)} rows"
        return Trap(name, title, "none", 0, told)
    clock = _clock(float(times[counts.argmax()]) / 3600.0)
    told = f"{most} of {len(face_s)} sessions begin at {clock} sharp: "
    told += "dates without times, or data that nobody recorded. No hours can be learnt from it"
    return Trap(name, title, "suspected", most, told)


def watt_hours(energy_kwh: F64, fixed: bool) -> Trap:
    """Energies in Wh: a median of hundreds of kWh, which in Wh is an ordinary session."""
    name, title = "wh", "Wh given as kWh"
    if fixed:
        told = "divided by 1 000, as --fix wh asks"
        return Trap(name, title, "put right", len(energy_kwh), told)
    some = energy_kwh[energy_kwh > 0]
    median = float(np.median(some)) if len(some) else 0.0
    if median > 500.0:
        told = f"half of the sessions have more than {median:,.0f} kWh"
        return Trap(name, title, "suspected", len(some), told, (), "wh")
    return Trap(name, title, "none", 0, f"the median energy is {median:.1f} kWh")


@dataclass(frozen=True, slots=True)
class Rows:
    """What the checks of single rows look at."""

    place: Sequence[str]
    start_s: F64
    end_s: F64
    energy_kwh: F64
    evse: NDArray[np.int32]


def single_rows(rows: Rows) -> tuple[list[Trap], Bools]:
    """The traps of single rows, each with the rows that it takes out, and what is left."""
    left = np.ones(len(rows.start_s), dtype=bool)
    found = []
    checks: tuple[tuple[str, str, str, Callable[[Rows, Bools], Bools]], ...] = (
        ("stray", "Dates far from all others", "more than a year from all but 1 %", _stray),
        ("duration", "Durations of zero or less", "end at or before the start", _not_after),
        (
            "power",
            f"Energies impossible for the duration (above {HIGHEST_KW:g} kW)",
            f"a mean power above {HIGHEST_KW:g} kW",
            _impossible,
        ),
        ("duplicate", "The same session twice", "EVSE, times and energy of an earlier row", _again),
    )
    for name, title, what, check in checks:
        hit = check(rows, left) & left
        n = int(hit.sum())
        left &= ~hit
        if not n:
            found.append(Trap(name, title, "none", 0, "no row"))
            continue
        places = tuple(rows.place[row] for row in np.flatnonzero(hit)[:_SHOWN])
        found.append(
            Trap(name, title, "left out", n, f"{n} row{'s' if n > 1 else ''}: {what}", places)
        )
    found.append(_overlap(rows, left))
    return found, left


def _stray(rows: Rows, left: Bools) -> Bools:
    """Dates beyond a gap of more than a year that cuts off at most 1 % of the rows."""
    order = np.sort(rows.start_s)
    most = max(1, len(order) // 100) if len(order) >= 10 else 0
    gaps = np.diff(order) > 366 * DAY_S
    early = np.flatnonzero(gaps[:most])
    late = np.flatnonzero(gaps[len(gaps) - most :]) if most else np.empty(0, int)
    low = order[early[-1] + 1] if len(early) else -np.inf
    high = order[len(gaps) - most + late[0]] if len(late) else np.inf
    return (rows.start_s < low) | (rows.start_s > high)


def _not_after(rows: Rows, left: Bools) -> Bools:
    return rows.end_s <= rows.start_s


def _impossible(rows: Rows, left: Bools) -> Bools:
    hours = (rows.end_s - rows.start_s) / 3600.0
    return rows.energy_kwh > HIGHEST_KW * np.maximum(hours, 0.0)


def _again(rows: Rows, left: Bools) -> Bools:
    """Rows whose like came before (among those that are left)."""
    key = np.stack([rows.start_s, rows.end_s, rows.energy_kwh, rows.evse.astype(np.float64)])
    key[:, ~left] = np.nan
    _, first = np.unique(key, axis=1, return_index=True)
    again = np.ones(len(rows.start_s), dtype=bool)
    again[first] = False
    return again


def _overlap(rows: Rows, left: Bools) -> Trap:
    """Sessions that begin while an earlier one holds their EVSE: noted, they stay in."""
    name, title = "overlap", "Two vehicles at one EVSE at a time"
    known = left & (rows.evse >= 0)
    if not known.any():
        return Trap(name, title, "none", 0, "the file does not say which EVSE was used")
    where = np.flatnonzero(known)
    order = where[np.lexsort((rows.start_s[where], rows.evse[where]))]
    same = np.diff(rows.evse[order]) == 0
    over = same & (rows.start_s[order][1:] < rows.end_s[order][:-1] - 60.0)
    n = int(over.sum())
    told = f"{n} sessions begin while the one before is still at their EVSE"
    if not n:
        return Trap(name, title, "none", 0, "no session begins while another holds its EVSE")
    if n < 0.01 * len(order):
        return Trap(name, title, "noted", n, told + "; they stay in")
    told += "; they stay in. Does the column name EVSEs, or stations with several?"
    return Trap(name, title, "noted", n, told)


def quiet_middle(hours: F64) -> float | None:
    """The local hour at the middle of the six hours with fewest starts.

    None where there are too few starts or no quiet hours (half the share of a flat day). Windows
    that differ by no more than chance count alike: their middles are averaged round the clock.
    """
    n = len(hours)
    if n < 50:
        return None
    counts = np.bincount((hours * 2).astype(np.int64) % 48, minlength=48)
    windows = np.convolve(np.concatenate((counts, counts[:11])), np.ones(12), "valid")
    least = windows.min()
    if least > 0.125 * n:
        return None
    chosen = np.flatnonzero(windows <= least + np.sqrt(least))
    angle = (chosen / 2.0 + 3.0) / 24.0 * 2.0 * np.pi
    mean = np.angle(np.exp(1j * angle).sum())
    return float(mean / (2.0 * np.pi) * 24.0 % 24.0)


def _at_night(hour: float) -> bool:
    return hour >= _NIGHT[0] or hour < _NIGHT[1]


def _clock(hour: float) -> str:
    minutes = round(hour * 60) % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _date(face_s: float) -> str:
    return str(np.datetime64(int(face_s), "s").astype("datetime64[D]"))


def _day_of_month(face_s: F64) -> NDArray[np.int64]:
    date = face_s.astype("datetime64[s]").astype("datetime64[D]")
    number: NDArray[np.int64] = (
        date - date.astype("datetime64[M]").astype("datetime64[D]")
    ).astype(np.int64) + 1
    return number


def _period(face_s: F64) -> tuple[float, float]:
    """First and last moment of the months that hold sessions, up to day 12 of the next one.

    Months with less than a twentieth of the usual number do not count: a slip of the pen.
    """
    months, counts = np.unique(
        face_s.astype("datetime64[s]").astype("datetime64[M]"), return_counts=True
    )
    months = months[counts >= 0.05 * np.median(counts)]
    low = months[0].astype("datetime64[s]").astype(np.int64)
    high = (months[-1] + 1).astype("datetime64[s]").astype(np.int64) + 12 * DAY_S - 1.0
    return float(low), float(high)


def _outside(face_s: F64, low: float, high: float) -> Bools:
    return (face_s < low) | (face_s > high)


def _odd_stays(start_s: F64, end_s: F64) -> int:
    return int(((end_s < start_s) | (end_s > start_s + 5 * DAY_S)).sum())


def _weekday_gain(clear: F64, doubtful: F64, swapped: F64) -> float:
    """How much better the weekdays of sure dates explain the swapped dates than the written."""

    def weekday(face_s: F64) -> NDArray[np.int64]:
        return ((face_s // DAY_S).astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday

    share = np.bincount(weekday(clear), minlength=7) + 1.0
    log = np.log(share / share.sum())
    return float(log[weekday(swapped)].sum() - log[weekday(doubtful)].sum())
