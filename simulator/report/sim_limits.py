"""Which limit of a simulation held vehicles back, and for how long; and how many charge at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.report import words
from simulator.report.page import Absent, Block, Section, Table
from simulator.report.patterns import coincidence
from simulator.report.plots import network, tradeoffs
from simulator.report.reading import F64, Reading
from simulator.report.sim_reading import counted_s, group_of

_MOST = 400
_SIZES = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000)
_MOST_CELLS = 8_000_000
"""EVSEs times intervals of the matrix that coincidence is found in."""
_MANY_CELLS = 1_000_000


def section(reading: Reading) -> Section:
    """The limits of every site that has some below its grid connection."""
    title = "Limits that held vehicles back"
    rows: list[tuple[float, list[str]]] = []
    length = counted_s(reading) or 0.0
    for site in reading.rows("sites"):
        limits = site.get("limits")
        if not isinstance(limits, list) or not limits:
            continue
        name = str(site.get("name"))
        known = _described(reading, name)
        grid = site.get("grid_limit_kw")
        if words.as_number(grid) is not None:
            found = words.as_number(site.get("grid_bound_s", site.get("limit_bound_s"))) or 0.0
            rows.append((found, [name, "grid connection", words.power(grid)]))
        for row in limits:
            called = str(row.get("name"))
            what = known.get(called, "") or _power(row)
            found = words.as_number(row.get("bound_s")) or 0.0
            rows.append((found, [name, called or "grid connection's currents", what]))
    if not rows:
        return Section("limits", title, ())
    share = [(bound / length if length else np.nan) for bound, _ in rows]
    most = sorted(range(len(rows)), key=lambda k: -rows[k][0])[:_MOST]
    chosen = sorted(most) if len(rows) > _MOST else range(len(rows))
    cells = [[*rows[k][1], words.duration(rows[k][0]), words.share(share[k])] for k in chosen]
    heads = ("<site", "<limit", "<allows", "held somebody back", "share of the time")
    one = len({row[0] for _, row in rows}) == 1
    labels = [row[1] if one else f"{row[0]}: {row[1]}" for _, row in rows]
    blocks: list[Block] = [
        network.bars(
            "limits",
            "How long each limit held somebody back",
            "Share of the time" + (" (the 12 that did most)." if len(rows) > 12 else "."),
            list(zip(labels, share, strict=True)),
            "share of the time",
            percent=True,
        ),
        Table("Every limit", heads, cells, _note(len(rows)), fold_after=30),
    ]
    intro = (
        "A limit holds somebody back while a vehicle below it could take more and this limit is "
        "why it does not."
    )
    return Section("limits", title, blocks, intro)


def _note(count: int) -> str:
    if count <= _MOST:
        return ""
    return f"The {words.count(_MOST)} of {words.count(count)} that held back longest."


def _power(row: Mapping[str, Any]) -> str:
    kw = words.as_number(row.get("limit_kw"))
    return words.DASH if kw is None else words.power(kw)


def _described(reading: Reading, site: str) -> dict[str, str]:
    """What each limit of a site allows, as the scenario has it."""
    found = {}
    for table in reading.sites:
        if table.get("name") != group_of(site):
            continue
        found[""] = _allows({"current": table.get("grid_current"), "neutral": table.get("neutral")})
        for limit in table.get("limits") or ():
            if isinstance(limit, Mapping):
                found[str(limit.get("name"))] = _allows(limit)
    return found


def _allows(limit: Mapping[str, Any]) -> str:
    parts = [
        _quantity(limit[name], unit) + what
        for name, unit, what in (
            ("limit", "kW", ""),
            ("current", "A", " per phase"),
            ("neutral", "A", " of unbalance"),
        )
        if limit.get(name) is not None
    ]
    transformer = limit.get("transformer")
    if isinstance(transformer, Mapping):
        parts.append(f"{_quantity(transformer.get('current'), 'A')} before the transformer")
    if limit.get("windows"):
        parts.append("other limits at times")
    return words.listed(parts)


def _quantity(value: Any, unit: str) -> str:
    """A quantity of the resolved scenario: a text with its unit, or a number."""
    return value if isinstance(value, str) else words.with_unit(value, unit)


def coincidence_blocks(reading: Reading) -> list[Block]:
    """Coincidence against the number of chargers, where the run recorded every EVSE."""
    if not reading.holds("evses") or not reading.row_count("evses"):
        return []
    title = "Coincidence of chargers"
    load = _by_evse(reading)
    if load is None:
        return [Absent(title, f"there are more than {words.count(_MOST_CELLS)} values")]
    if not load.size or not load.max() > 0:
        return [Absent(title, "no energy was delivered")]
    draws = 200 if load.size <= _MANY_CELLS else 40
    return [tradeoffs.coincidence(coincidence(load, _sizes(len(load)), draws=draws))]


def _sizes(evses: int) -> list[int]:
    return sorted({*(size for size in _SIZES if size < evses), min(evses, _SIZES[-1])})


def _by_evse(reading: Reading) -> F64 | None:
    """Mean kW of each EVSE that charged at all, shape (EVSEs, intervals); None if too many."""
    length, interval = (words.as_number(reading.get(n)) for n in ("duration_s", "interval_s"))
    if not length or not interval:
        return None
    first = (words.as_number(reading.get("warmup_s")) or 0.0) / interval
    count = int(np.ceil(length / interval - 1e-9))
    place: dict[tuple[str, int], int] = {}
    parts = []
    for batch in reading.batches("evses", ("station", "evse", "start_s", "mean_kw")):
        frame = batch.to_pandas()
        keys = list(zip(frame["station"].astype(str), frame["evse"].astype(int), strict=True))
        at = np.array([place.setdefault(key, len(place)) for key in keys])
        if len(place) * count > _MOST_CELLS:
            return None
        slot = np.rint(frame["start_s"].to_numpy(dtype=np.float64) / interval).astype(np.int64)
        parts.append((at, slot, frame["mean_kw"].to_numpy(dtype=np.float64)))
    load = np.zeros((len(place), count))
    for at, slot, kw in parts:
        load[at, slot] = kw
    return load[:, int(np.ceil(first - 1e-9)) :]
