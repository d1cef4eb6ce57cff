"""Visits that come into a running site: appended by row, put in their place by arrival.

Rows never move while a site runs, so that whoever holds one may keep it; the order of arrival is
kept beside them. Only the result is sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.demand.visits import NEUTRAL, Curves, Visits

Rows = NDArray[np.int64]

_APART = ("label", "curves", "next_visit", "curve")


def append(parts: Sequence[Visits]) -> Visits:
    """All visits, part after part; rows and curves that a part names are counted on."""
    first = parts[0]
    columns: dict[str, Any] = {}
    for field in fields(Visits):
        if field.name not in _APART:
            columns[field.name] = _column(parts, field.name)
    before = np.cumsum([0, *(len(part) for part in parts)])
    if any(part.next_visit is not None for part in parts):
        columns["next_visit"] = np.concatenate(
            [
                np.full(len(part), -1, np.int32)
                if part.next_visit is None
                else np.where(part.next_visit >= 0, part.next_visit + np.int32(n), -1)
                for part, n in zip(parts, before, strict=False)
            ]
        ).astype(np.int32)
    if any(part.label is not None for part in parts):
        columns["label"] = tuple(
            label for part in parts for label in part.label or ("",) * len(part)
        )
    columns["curves"], columns["curve"] = _curves(parts)
    return replace(first, **columns)


def _column(parts: Sequence[Visits], name: str) -> Any:
    values = [getattr(part, name) for part in parts]
    if all(value is None for value in values):
        return None
    return np.concatenate(
        [
            np.full(len(part), NEUTRAL[name]) if value is None else value
            for part, value in zip(parts, values, strict=True)
        ]
    )


def _curves(parts: Sequence[Visits]) -> tuple[Curves, NDArray[np.int32]]:
    """One table of curves for all parts (each table once), and the parts' curves in it."""
    tables: list[Curves] = []
    firsts: list[int] = []
    curve = []
    for part in parts:
        at = next((n for n, table in enumerate(tables) if table is part.curves), len(tables))
        if at == len(tables):
            firsts.append(sum(len(table.offset) - 1 for table in tables))
            tables.append(part.curves)
        curve.append(np.asarray(part.curve) + np.int32(firsts[at]))
    if len(tables) == 1:
        return tables[0], np.concatenate(curve).astype(np.int32)
    knots = np.cumsum([0, *(len(table.soc) for table in tables)])
    offsets = [np.asarray(t.offset[:-1]) + n for t, n in zip(tables, knots, strict=False)]
    joined = Curves(
        offset=np.append(np.concatenate(offsets), knots[-1]).astype(np.int32),
        soc=np.concatenate([table.soc for table in tables]),
        kw=np.concatenate([table.kw for table in tables]),
    )
    return joined, np.concatenate(curve).astype(np.int32)


def in_order(visits: Visits, order: Rows) -> Visits:
    """The visits in another order of rows, each once."""
    columns: dict[str, Any] = {}
    for field in fields(Visits):
        values = getattr(visits, field.name)
        if values is not None and field.name not in ("label", "curves"):
            columns[field.name] = np.asarray(values)[order]
    if visits.next_visit is not None:
        place = np.full(len(order) + 1, -1, np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        columns["next_visit"] = place[columns["next_visit"]]
    if visits.label is not None:
        columns["label"] = tuple(visits.label[row] for row in order)
    return replace(visits, **columns)


class Order:
    """Rows of visits by arrival, at equal times in the order in which they were added."""

    __slots__ = ("arrival_s", "rows")

    def __init__(self, arrival_s: NDArray[np.float64]) -> None:
        self.arrival_s = np.array(arrival_s, np.float64)
        self.rows: Rows = np.arange(len(self.arrival_s), dtype=np.int64)

    def insert(self, arrival_s: NDArray[np.float64]) -> slice:
        """Take in further rows (sorted by arrival); the places whose successors have changed."""
        first = len(self.rows)
        at = np.searchsorted(self.arrival_s, arrival_s, side="right")
        new = np.arange(first, first + len(arrival_s), dtype=np.int64)
        self.rows = np.insert(self.rows, at, new)
        self.arrival_s = np.insert(self.arrival_s, at, arrival_s)
        return slice(max(int(at[0]) - 1, 0), int(at[-1]) + len(arrival_s))

    def successors(self, places: slice) -> Rows:
        """The rows that arrive after those at the given places; -1 after the last."""
        following = self.rows[places.start + 1 : places.stop + 1]
        missing = len(self.rows[places]) - len(following)
        return np.append(following, np.full(missing, -1, np.int64))
