"""The tables of a simulation, column by column: what stands in each, and how it is made of a site.

A column is one line: name, type, and a function of ``siterows.Rows``. Texts are built as
dictionaries (a site has few of them) and are plain text in the file. Called by ``simulation``,
which puts sites together, and by ``tables`` for the schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from simulator.engine.plan import Outcome
from simulator.store import books
from simulator.store.siterows import NUMBER, TEXT, TIME, Rows, instants, numbers, repeated

if TYPE_CHECKING:
    from simulator.scenario import Scenario

_WORDS = pa.dictionary(pa.int32(), pa.string())
_OUTCOMES = pa.array([outcome.name.lower() for outcome in Outcome], TEXT)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    type: Any
    make: Callable[[Rows], Any]
    """Gives an Arrow array, or numpy's floats."""
    dictionary: bool = False
    """Few different numbers: kept once each."""
    only: Callable[[Scenario], bool] | None = None
    """The column is there only in scenarios of which this is true; None: always."""


def _visits(name: str) -> Callable[[Rows], Any]:
    return lambda rows: numbers(np.asarray(getattr(rows.site.visits, name), np.float64))


def _plan(name: str) -> Callable[[Rows], Any]:
    return lambda rows: numbers(getattr(rows.site.plan, name))


def _when(name: str) -> Callable[[Rows], Any]:
    return lambda rows: instants(getattr(rows.site.plan, name), rows.epoch_s)


def _gives_back(scenario: Scenario) -> bool:
    return any(site.vehicle_to_grid is not None for site in scenario.file.sites)


def _session_book(name: str) -> Column:
    return Column(name, NUMBER, lambda r: numbers(r.session_books[name]), only=books.keeps_books)


def _load_book(name: str) -> Column:
    return Column(name, NUMBER, lambda r: numbers(r.load_books[name]), only=books.keeps_books)


def _labels(rows: Rows) -> Any:
    label = rows.site.visits.label
    return pa.nulls(len(rows.used), TEXT) if label is None else pa.array(list(label), TEXT)


SESSIONS: tuple[Column, ...] = (
    Column("site", TEXT, lambda r: repeated(r.site.site.name, len(r.used))),
    Column(
        "station",
        TEXT,
        lambda r: pa.DictionaryArray.from_arrays(
            pa.array(r.of_evse(r.site.evse_station), mask=~r.used), r.station_names()
        ),
    ),
    Column(
        "evse",
        pa.int32(),
        lambda r: pa.array(r.of_evse(r.site.evse_number), mask=~r.used),
        dictionary=True,
    ),
    Column("session", TEXT, _labels),
    Column(
        "outcome",
        TEXT,
        lambda r: pa.DictionaryArray.from_arrays(
            pa.array(r.site.plan.outcome.astype(np.int32)), _OUTCOMES
        ),
    ),
    Column("arrival", TIME, lambda r: instants(np.asarray(r.site.visits.arrival_s), r.epoch_s)),
    Column("plug_in", TIME, _when("plug_in_s")),
    Column("charge_end", TIME, _when("charge_end_s")),
    Column("unplug", TIME, _when("unplug_s")),
    Column("wait_s", NUMBER, lambda r: numbers(r.site.plan.plug_in_s - r.site.visits.arrival_s)),
    Column("energy_kwh", NUMBER, _plan("energy_kwh")),
    Column("unserved_kwh", NUMBER, _plan("unserved_kwh")),
    Column("limit_kw", NUMBER, _plan("limit_kw"), dictionary=True),
    Column("battery_kwh", NUMBER, _visits("battery_kwh"), dictionary=True),
    Column("soc_arrival", NUMBER, _visits("soc")),
    Column("soc_target", NUMBER, _visits("target_soc")),
    Column("soc_end", NUMBER, _plan("soc_end")),
    Column("charged_kwh", NUMBER, _plan("charged_kwh"), only=_gives_back),
    Column("discharged_kwh", NUMBER, _plan("discharged_kwh"), only=_gives_back),
    *(_session_book(name) for name in books.FIELDS["sessions"]),
)
"""One row per visit and what became of it. Instants are UTC; null: did not happen. Energies are
grid side; unserved_kwh is that of visits that are over, 0 for one that still runs or waits."""

LOAD: tuple[Column, ...] = (
    Column("site", TEXT, lambda r: repeated(r.site.site.name, len(r.start_s))),
    Column("start", TIME, lambda r: instants(r.start_s, r.epoch_s)),
    Column("start_s", NUMBER, lambda r: pa.array(r.start_s), dictionary=True),
    Column("energy_kwh", NUMBER, lambda r: pa.array(r.site.load_kwh)),
    Column("mean_kw", NUMBER, lambda r: pa.array(r.site.load_kwh * 3600.0 / r.length_s)),
    Column("occupied_evses", NUMBER, lambda r: pa.array(r.site.occupied_s / r.length_s)),
    Column("queue", NUMBER, lambda r: pa.array(r.site.queue_s / r.length_s)),
    *(_load_book(name) for name in books.FIELDS["load"]),
)
"""One row per site and recording interval; means are over what was simulated of it."""

STATIONS: tuple[Column, ...] = (
    Column("site", TEXT, lambda r: repeated(r.site.site.name, len(r.station_evses))),
    Column("station", TEXT, lambda r: r.station_names().dictionary_encode()),
    Column("evses", pa.int32(), lambda r: pa.array(r.station_evses.astype(np.int32))),
    Column("sessions", pa.int64(), lambda r: pa.array(r.by_station(None).astype(np.int64))),
    Column("energy_kwh", NUMBER, lambda r: pa.array(r.by_station(r.site.plan.energy_kwh))),
    Column("occupied_s", NUMBER, lambda r: pa.array(r.occupied_s)),
    Column(
        "peak_kw",
        NUMBER,
        lambda r: r.if_recorded(r.site.station_peak_kw),
    ),
    Column("peak_mean_kw", NUMBER, lambda r: r.if_recorded(r.station_peak_means())),
    Column(
        "utilisation",
        NUMBER,
        lambda r: numbers(r.occupied_s / (r.station_evses * (r.duration_s - r.warmup_s))),
    ),
)
"""One row per station: sessions that came after the warm-up, and EVSE-seconds since then. The
largest instantaneous power and the largest mean of a recording interval where EVSEs are recorded.
"""

EVSES: tuple[Column, ...] = (
    Column("site", TEXT, lambda r: repeated(r.site.site.name, len(r.evse_cells[0]))),
    Column(
        "station",
        TEXT,
        lambda r: pa.DictionaryArray.from_arrays(
            pa.array(r.site.evse_station[r.evse_cells[0]].astype(np.int32)), r.station_names()
        ),
    ),
    Column(
        "evse",
        pa.int32(),
        lambda r: pa.array(r.site.evse_number[r.evse_cells[0]].astype(np.int32)),
        dictionary=True,
    ),
    Column("start", TIME, lambda r: instants(r.start_s[r.evse_cells[1]], r.epoch_s)),
    Column("start_s", NUMBER, lambda r: pa.array(r.start_s[r.evse_cells[1]]), dictionary=True),
    Column("energy_kwh", NUMBER, lambda r: pa.array(r.site.evse_kwh[r.evse_cells])),
    Column(
        "mean_kw",
        NUMBER,
        lambda r: pa.array(r.site.evse_kwh[r.evse_cells] * 3600.0 / r.length_s[r.evse_cells[1]]),
    ),
)
"""One row per EVSE and recording interval in which energy flowed, where EVSEs are recorded."""

OUTAGES: tuple[Column, ...] = (
    Column("site", TEXT, lambda r: repeated(r.site.site.name, len(r.site.outages))),
    Column(
        "station",
        TEXT,
        lambda r: pa.DictionaryArray.from_arrays(
            pa.array(r.site.evse_station[r.broken].astype(np.int32), mask=r.broken < 0),
            r.station_names(),
        ),
    ),
    Column(
        "evse",
        pa.int32(),
        lambda r: pa.array(r.site.evse_number[r.broken].astype(np.int32), mask=r.broken < 0),
    ),
    Column("start", TIME, lambda r: instants(r.outage_s[0], r.epoch_s)),
    Column("end", TIME, lambda r: instants(r.outage_s[1], r.epoch_s)),
    Column("start_s", NUMBER, lambda r: pa.array(r.outage_s[0])),
    Column(
        "lasted_s",
        NUMBER,
        lambda r: pa.array(np.fmin(r.outage_s[1], r.duration_s) - r.outage_s[0]),
    ),
)
"""Times without service. Station null: the whole site had no power; evse as the station numbers it.
End null: beyond the horizon, up to which lasted_s counts."""

TABLES: dict[str, tuple[Column, ...]] = {
    "sessions": SESSIONS,
    "load": LOAD,
    "stations": STATIONS,
    "evses": EVSES,
    "outages": OUTAGES,
}


def columns_of(name: str, scenario: Scenario) -> tuple[str, ...]:
    """Names of the columns that a table has in a scenario."""
    return tuple(c.name for c in TABLES[name] if c.only is None or c.only(scenario))


def tables_of(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """The tables that a simulation of a scenario writes row by row, with their columns."""
    wanted = {"evses": scenario.file.record.evses, "outages": bool(scenario.file.events)}
    names = [name for name in TABLES if wanted.get(name, True)]
    return {name: columns_of(name, scenario) for name in names}


SCHEMAS: dict[str, pa.Schema] = {
    name: pa.schema([(column.name, column.type) for column in columns if column.only is None])
    for name, columns in TABLES.items()
}


def site_table(name: str, rows: Rows, chosen: Sequence[str] | None = None) -> pa.Table:
    """The rows of one site, texts as dictionaries. A visit that never came is left out.

    ``chosen`` are the columns; None: those that are always there.
    """
    columns = [c for c in TABLES[name] if (c.name in chosen if chosen else c.only is None)]
    made = [_arrow(column.make(rows)) for column in columns]
    types = [_WORDS if pa.types.is_dictionary(a.type) else a.type for a in made]
    schema = pa.schema([(c.name, t) for c, t in zip(columns, types, strict=True)])
    table = pa.Table.from_arrays(made, schema=schema)
    if name == "sessions":
        came = rows.site.plan.outcome != Outcome.FUTURE
        if not came.all():
            table = table.filter(pa.array(came))
    return table


def _arrow(values: Any) -> pa.Array:
    """A column of numpy's floats as numbers, nan as null; an Arrow array as it is."""
    return numbers(values) if isinstance(values, np.ndarray) else values


def joined(name: str, parts: Sequence[pa.Table]) -> pa.Table:
    """The tables of several sites under one another, texts as dictionaries in common."""
    if not parts:
        return SCHEMAS[name].empty_table()
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks()


def plain_texts(name: str, table: pa.Table) -> pa.Table:
    """The table with texts instead of dictionaries: the schema of the file."""
    return table.cast(SCHEMAS[name])
