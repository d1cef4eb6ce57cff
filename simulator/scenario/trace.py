"""Traces: recorded sessions as columns in plan time.

Two layouts: the CSV with the columns `COLUMNS`, and the JSON of ACN-Data (`acn`). A hole (a value
that is missing, not a number, negative, or out of order) is an error: guessing what a meter saw
would be inventing data. Called by the loader.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection
from pathlib import Path

from simulator.scenario.acn import read_items
from simulator.scenario.clock import elapsed_s
from simulator.scenario.csvfile import read_rows, read_text
from simulator.scenario.problems import shown
from simulator.scenario.sessions import Reading, Row, TraceTable

COLUMNS = ("session_id", "evse", "arrival", "departure", "energy_kWh", "max_kW")
_TIME = (
    'minutes since trace.start, or an ISO time with its zone such as "2026-06-01T08:00:00+02:00"'
)


def read_trace(
    path: Path,
    label: str,
    *,
    start: dt.datetime,
    origin: dt.datetime,
    known: Collection[str] | None = None,
    site: str = "",
) -> TraceTable:
    """Read a trace.

    ``start`` is the scenario's start (plan time 0), ``origin`` where minutes count from; both
    aware. Raises InputError with every hole, each with its line and column.
    """
    text = read_text(path, label)
    reading = Reading(label, known, site)
    if text.lstrip()[:1] in {"{", "["}:
        read_items(reading, text, start)
    else:
        _Csv(reading, start, elapsed_s(origin, start)).read(text)
    return reading.finish(path)


class _Csv:
    """Reader of the CSV layout. All times of a file have the form of the first."""

    def __init__(self, reading: Reading, start: dt.datetime, offset_s: float) -> None:
        self.reading = reading
        self.start = start
        self.offset_s = offset_s
        self.form: str | None = None
        self.form_line = 0

    def read(self, text: str) -> None:
        """Read all rows."""
        for line, cells in read_rows(text, self.reading.label, COLUMNS, self.reading.problems):
            self._row(line, {name: cell.strip() for name, cell in cells.items()})

    def _row(self, line: int, cell: dict[str, str]) -> None:
        def at(column: str) -> str:
            return f"line {line}, column {column!r}"

        reading = self.reading
        arrival = self._time(at("arrival"), line, cell["arrival"])
        departure = self._time(at("departure"), line, cell["departure"])
        if departure < arrival:
            expected = f"a departure at or after the arrival ({cell['arrival']})"
            reading.wrong(at("departure"), shown(cell["departure"]), expected)
        reading.rows.append(
            Row(
                session_id=reading.session(at("session_id"), f"line {line}", cell["session_id"]),
                evse=reading.evse(at("evse"), cell["evse"]),
                arrival=arrival,
                departure=departure,
                energy_kwh=reading.number(
                    at("energy_kWh"), cell["energy_kWh"], "an energy in kWh", zero=True
                ),
                max_kw=reading.number(at("max_kW"), cell["max_kW"], "a power in kW", zero=False),
            )
        )

    def _time(self, where: str, line: int, text: str) -> float:
        """Plan seconds; nan for what is no time."""
        seconds, form = math.nan, ""
        try:
            minutes = float(text)
            if math.isfinite(minutes):
                seconds, form = self.offset_s + 60.0 * minutes, "minutes"
        except ValueError:
            try:
                instant = dt.datetime.fromisoformat(text)
                if instant.tzinfo is not None:
                    seconds, form = elapsed_s(instant, self.start), "ISO times"
            except (ValueError, OverflowError):
                pass
        if not form:
            self.reading.wrong(where, shown(text) if text else None, _TIME)
            return math.nan
        if self.form is None:
            self.form, self.form_line = form, line
        elif form != self.form:
            expected = f"{self.form} throughout the file, as in line {self.form_line}"
            self.reading.wrong(where, shown(text), expected)
            return math.nan
        return seconds
