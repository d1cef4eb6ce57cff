"""The table of sites of a simulation: each site, and each kind of site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from simulator.report import words
from simulator.report.page import Block, Section, Table
from simulator.report.reading import F64, Reading
from simulator.report.sim_reading import Load, Sessions, counted_s, group_of, site_facts

_HEADS = (
    "<site",
    "stations",
    "EVSEs",
    "sessions",
    "energy",
    "peak",
    "grid limit",
    "limited",
    "occupied",
    "mean wait",
    "not served",
)
_MOST = 400
"""Sites listed one by one; a report stays small whatever the network."""
_NOTE = (
    "Peak: largest instantaneous power. Limited: share of the time in which the grid limit held "
    "somebody back. Occupied: share of EVSE time with a vehicle plugged in."
)


def occupied_share(reading: Reading) -> float | None:
    """Share of all EVSE time with a vehicle plugged in; None where the summary does not tell."""
    used = total = 0.0
    for row in reading.rows("sites"):
        evses, share = words.as_number(row.get("evses")), words.as_number(row.get("utilisation"))
        if evses and share is not None:
            used, total = used + evses * share, total + evses
    return used / total if total else None


def section(reading: Reading, curve: Load | None, visits: Sessions | None) -> Section:
    """Every site with its sessions, energy, peak, limit, utilisation and waiting."""
    names = curve.sites if curve is not None else visits.sites if visits is not None else ()
    if not names:
        return Section("sites", "Sites", ())
    columns = _columns(reading, names, curve, visits)
    length = counted_s(reading) or 0.0
    members: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        members.setdefault(group_of(name), []).append(row)
    blocks: list[Block] = []
    if len(members) < len(names):
        kinds = [
            _row(
                f"{kind} ×{words.count(len(rows))}" if len(rows) > 1 else kind,
                columns,
                rows,
                length,
            )
            for kind, rows in members.items()
        ]
        note = f"{_NOTE} Peak and grid limit are those of the largest single site."
        blocks.append(Table("Kinds of site", _HEADS, kinds, note))
    shown = list(range(len(names)))
    title, note = "Every site", _NOTE
    if len(names) > _MOST:
        order = np.argsort(-np.nan_to_num(columns["energy"]), kind="stable")
        shown = sorted(order[:_MOST].tolist())
        title = f"The {words.count(_MOST)} sites that use most energy"
        note = f"{_NOTE} Of {words.plural(len(names), 'site')}; load.parquet holds them all."
    alone = [_row(names[row], columns, [row], length) for row in shown]
    blocks.append(Table(title, _HEADS, alone, note, fold_after=20))
    return Section("sites", "Sites", blocks)


def _columns(
    reading: Reading, names: tuple[str, ...], curve: Load | None, visits: Sessions | None
) -> dict[str, F64]:
    """A value per site and column; nan where unknown."""
    facts = site_facts(reading, names)
    columns = {
        "stations": np.array([facts[n].stations for n in names]),
        "evses": np.array([facts[n].evses for n in names]),
        "peak": np.array([facts[n].peak_kw for n in names]),
        "limit": np.array([facts[n].limit_kw for n in names]),
        "limited": np.array([facts[n].limited_s for n in names]),
        "used": np.array([facts[n].utilisation * facts[n].evses for n in names]),
    }
    unknown = np.full(len(names), np.nan)
    if visits is None:
        energy = unknown
        if curve is not None:
            energy = curve.kw.sum(axis=1) * curve.interval_s / 3600
        return (
            columns | dict.fromkeys(("sessions", "wait", "unserved"), unknown) | {"energy": energy}
        )
    place = {site: row for row, site in enumerate(visits.sites)}
    at = np.array([place.get(name, -1) for name in names])
    for key, sums in (
        ("sessions", visits.plugged),
        ("energy", visits.energy_kwh),
        ("wait", visits.wait_s),
        ("unserved", visits.unserved_kwh),
    ):
        columns[key] = np.where(at >= 0, sums[at], 0.0)
    return columns


def _row(label: str, columns: Mapping[str, F64], rows: Sequence[int], length_s: float) -> list[str]:
    total = {name: float(values[rows].sum()) for name, values in columns.items()}
    limits = columns["limit"][rows]
    limit = float(limits[np.isfinite(limits)].max(initial=-np.inf))
    limited_of = length_s * int(np.isfinite(limits).sum())
    return [
        label,
        words.count(total["stations"]),
        words.count(total["evses"]),
        words.count(total["sessions"]),
        words.energy(total["energy"]),
        words.power(columns["peak"][rows].max()),
        words.power(limit) if limit > 0 else "none",
        words.share(total["limited"] / limited_of, 2) if limited_of and limit > 0 else words.DASH,
        words.share(total["used"] / total["evses"], 2) if total["evses"] > 0 else words.DASH,
        words.duration(total["wait"] / total["sessions"]) if total["sessions"] > 0 else words.DASH,
        words.energy(total["unserved"]),
    ]
