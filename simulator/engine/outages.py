"""Times without service, from the log of a site: which stations were dark, which EVSEs broken.

A station none of whose EVSEs works has no power: it is offline, and boots when the first of them
works again. An EVSE that is broken while others of its station work is faulted, and the station
says so. Read by the prediction, the tables and the summary; knows no messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from simulator.engine.plan import SiteResult

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of time of things with a number, sorted by number and time; those of one are apart."""

    of: I32
    from_s: F64
    to_s: F64
    """``inf``: beyond the horizon."""

    def __len__(self) -> int:
        return len(self.of)

    def seconds(self, count: int, duration_s: float, since_s: float = 0.0) -> F64:
        """Sum by number from ``since_s`` up to ``duration_s``, shape (count,)."""
        begin, end = (np.clip(at, since_s, duration_s) for at in (self.from_s, self.to_s))
        lasting = end - begin
        return np.bincount(self.of, lasting, count).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Downtime:
    """What of a site was out of service when."""

    dark: Spans
    """By station: without power."""
    faulted: Spans
    """By EVSE: broken while its station had power."""
    out: Spans
    """By EVSE: out of service for either reason."""


def downtime(result: SiteResult) -> Downtime:
    """Work out what the log of a site's outages means for stations and EVSEs."""
    evses = len(result.evse_station)
    stations = len(result.site.stations)
    site: list[Span] = []
    broken: dict[int, list[Span]] = {}
    for outage in result.outages:
        span = (outage.from_s, inf if isnan(outage.to_s) else outage.to_s)
        (site if outage.evse < 0 else broken.setdefault(outage.evse, [])).append(span)
    out = {evse: union([*site, *spans]) for evse, spans in broken.items()}
    everywhere = union(site)
    dark: dict[int, list[Span]] = {}
    for station in range(stations):
        mine = np.flatnonzero(result.evse_station == station).tolist()
        if any(evse in out for evse in mine):
            dark[station] = common([out.get(evse, everywhere) for evse in mine])
        elif everywhere:
            dark[station] = everywhere
    faulted = {
        evse: without(spans, dark[int(result.evse_station[evse])]) for evse, spans in out.items()
    }
    every = {evse: out.get(evse, everywhere) for evse in range(evses)}
    return Downtime(_columns(dark), _columns(faulted), _columns(every))


def union(spans: Iterable[Span]) -> list[Span]:
    """The spans as ones that do not touch, in order."""
    found: list[Span] = []
    for begin, end in sorted(span for span in spans if span[1] > span[0]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def common(parts: Sequence[Sequence[Span]]) -> list[Span]:
    """When all of several unions hold."""
    edges = [(begin, 1) for part in parts for begin, _ in part]
    edges += [(end, -1) for part in parts for _, end in part]
    found: list[Span] = []
    holding, since = 0, 0.0
    for at, step in sorted(edges):
        if holding == len(parts) and step < 0 and at > since:
            found.append((since, at))
        holding += step
        since = at
    return found


def without(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What of a union lies outside another one."""
    found: list[Span] = []
    for begin, end in spans:
        at = begin
        for away, back in others:
            if back <= at or away >= end:
                continue
            if away > at:
                found.append((at, away))
            at = max(at, back)
        if at < end:
            found.append((at, end))
    return found


def _columns(spans: dict[int, list[Span]]) -> Spans:
    rows = [(of, begin, end) for of in sorted(spans) for begin, end in spans[of]]
    of, begin, end = zip(*rows, strict=True) if rows else ((), (), ())
    return Spans(np.array(of, np.int32), np.array(begin, float), np.array(end, float))
