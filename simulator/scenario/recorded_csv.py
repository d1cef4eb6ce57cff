"""Recorded sessions in a CSV, whatever its columns are called.

Columns are found by common names, or named by the user. Start and end may each be split into date
and time; the end may be a duration. Called by `recorded`.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.scenario.problems import InputError, Problem, listed, nearest
from simulator.scenario.recorded_sheet import DATE_AND_TIME, Sheet, read_energy
from simulator.scenario.recorded_time import Stamp, day_first, read_length, read_stamp

ROLES = ("start", "end", "duration", "energy", "evse", "session")

_NAMES: dict[str, tuple[str, ...]] = {
    "start": (
        "startdatetime", "arrival", "arrivaltime", "connectiontime", "plugintime", "pluginstart",
        "plugin", "startplugin", "start", "starttime", "sessionstart", "sessionstarttime",
        "starttimestamp", "chargingstart", "chargestart", "begin", "begintime", "started",
        "startedat", "transactionstart", "utctransactionstart", "starttimeutc", "startutc",
        "starttimelocal", "startlocal", "transactionstarttime", "connected", "connectedat",
        "transactionstartdate", "created", "createdat", "startdate",
    ),
    "end": (
        "enddatetime", "stopdatetime", "departure", "departuretime", "disconnecttime",
        "disconnectiontime", "plugouttime", "plugout", "endplugout", "unplug", "unplugtime", "end",
        "endtime", "stop", "stoptime", "sessionend", "sessionendtime", "endtimestamp",
        "stoptimestamp", "chargingend", "chargeend", "ended", "endedat", "transactionstop",
        "transactionend", "utctransactionstop", "endtimeutc", "endutc", "stoputc", "endtimelocal",
        "endlocal", "transactionstoptime", "disconnected", "disconnectedat", "transactionenddate",
        "enddate",
    ),
    "duration": (
        "totaltime", "duration", "totalduration", "totaldurationhhmmss", "connectedtime",
        "sessionduration", "durationmin", "durationmins", "durationminutes", "durationh",
        "durationhours", "durations", "durationsec", "durationseconds", "parkingtime", "stay",
        "plugindurationh", "plugindurationhours", "connectedtimeh", "durationhhmmss",
    ),
    "energy": (
        "energykwh", "kwh", "kwhdelivered", "totalenergy", "totalenergykwh", "totalkwh", "elkwh",
        "consumedkwh", "deliveredkwh", "energydelivered", "energydeliveredkwh", "energy",
        "energyconsumed", "energyconsumedkwh", "chargedenergy", "chargedenergykwh", "consumption",
        "consumptionkwh", "volume", "volumekwh", "energywh", "totalenergywh", "wh", "meterwh",
    ),
    "evse": (
        "evse", "evseid", "evseuid", "cdrlocationevseuid", "cdrlocationevseid", "spaceid",
        "connectorid", "connector", "portid", "port", "portnumber", "plugid", "chargepoint",
        "chargepointid", "cpid", "charger", "chargerid", "stationid", "station", "stationname",
        "chargingstation", "chargingpoint", "postid",
    ),
    "session": (
        "sessionid", "id", "cdrid", "transactionid", "chargingevent", "chargingeventid",
        "sessionnumber", "session",
    ),
}  # fmt: skip
_STATIONS = ("cpid", "chargepoint", "chargepointid", "charger", "chargerid", "stationid", "station",
             "stationname", "chargingstation", "cdrlocationid")  # fmt: skip
_PORTS = ("connector", "connectorid", "portid", "port", "portnumber", "plugid")
_UNITS_S = (
    (3600.0, {"h", "hr", "hrs", "hour", "hours"}),
    (60.0, {"m", "min", "mins", "minute", "minutes"}),
    (1.0, {"s", "sec", "secs", "second", "seconds"}),
)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where each role stands: the header's positions, joined by a space if there are two."""

    at: Mapping[str, tuple[int, ...]]
    header: Sequence[str]
    energy_factor: float
    duration_unit_s: float | None
    naive_offset_s: float
    """Offset of stamps without one; nan: they are local."""

    def text(self, row: Sequence[str], role: str) -> str:
        places = self.at.get(role, ())
        return (" / " if role == "evse" else " ").join(row[place].strip() for place in places)

    def name(self, role: str) -> str:
        return " + ".join(self.header[place] for place in self.at[role])


def read_csv(
    sheet: Sheet,
    text: str,
    label: str,
    columns: Mapping[str, str],
    origin: dt.datetime | None,
) -> None:
    """Add the rows of a CSV to ``sheet``.

    ``columns`` maps roles (`ROLES`) to names of columns; two, joined by ``+``, are date and time.
    Raises InputError where the header does not tell where start, end and energy are.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        where = f"line {reader.line_num}"
        raise InputError([Problem(label, where, None, f"rows of values ({error})")]) from None
    if not rows:
        raise InputError([Problem(label, "", None, "a header and sessions")])
    header = [cell.strip() for cell in rows[0][1]]
    layout = _find(header, rows[1 : 1 + 50], label, columns)
    sheet.layout = _layout_name(header)
    sheet.columns = {role: layout.name(role) for role in layout.at}
    order, of_day, of_month = day_first(_clean(layout, row, "start") for _, row in rows[1:])
    if of_day and of_month:
        sheet.notes.append(
            f"dates have the day first in {of_day} rows and the month first in {of_month}: "
            f"{'day' if order else 'month'} first was taken wherever both are possible"
        )
    for line, row in rows[1:]:
        _row(sheet, layout, f"line {line}", row, order, origin)


def _separator(text: str) -> str:
    first = text.lstrip("\r\n").partition("\n")[0]
    return max(",;\t|", key=first.count)


def _clean(layout: _Layout, row: Sequence[str], role: str) -> str:
    return layout.text(row, role) if len(row) == len(layout.header) else ""


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def _layout_name(header: Sequence[str]) -> str:
    keys = {_key(name) for name in header}
    if "startdatetime" in keys and "totalenergy" in keys:
        return "OCPI CDRs (CSV)"
    if {"connectiontime", "disconnecttime"} <= keys:
        return "ACN-Data (CSV)"
    return "CSV"


def _find(
    header: Sequence[str],
    sample: Sequence[tuple[int, Sequence[str]]],
    label: str,
    columns: Mapping[str, str],
) -> _Layout:
    """Where the roles stand. Raises InputError with every one that is missing."""
    problems: list[Problem] = []
    at: dict[str, tuple[int, ...]] = {}
    for role, name in columns.items():
        if role not in ROLES:
            near = nearest(role, ROLES)
            problems.append(Problem("", f"--column {role}", None, listed(ROLES), near))
            continue
        places = _named(header, name)
        if places is None:
            near = nearest(name, header)
            expected = f"a column of {label}: {listed(header, 'and')}"
            problems.append(Problem("", f"--column {role}", repr(name), expected, near))
        else:
            at[role] = places
    keys = [_key(name) for name in header]
    for role in ROLES:
        if role not in at and not (role == "duration" and "end" in columns):
            places = _guessed(role, keys)
            if places:
                at[role] = places
    for role in ("start", "end"):
        if role in at and role not in columns:
            at[role] = _with_time(role, at[role], keys, sample)
    unit = _duration_unit(header, at.get("duration"))
    missing = [role for role in ("start", "energy") if role not in at]
    if "end" not in at and "duration" not in at:
        missing.append("end")
    for role, places in at.items():
        for name in {header[place] for place in places}:
            if list(header).count(name) > 1:
                expected = f"one column of this name (it would be the {role}), not "
                expected += str(list(header).count(name))
                problems.append(Problem(label, "header", repr(name), expected))
    for role in missing:
        expected = f"a column with the {role}; --column {role}=NAME says which of {listed(header)}"
        problems.append(Problem(label, "header", None, expected))
    if problems:
        raise InputError(problems)
    utc = _layout_name(header).startswith("OCPI") or "utc" in _key(header[at["start"][0]])
    return _Layout(at, header, _energy_factor(header, at["energy"]), unit, 0.0 if utc else math.nan)


def _named(header: Sequence[str], name: str) -> tuple[int, ...] | None:
    parts = [name] if name in header else [part.strip() for part in name.split("+")]
    if not all(part in header for part in parts):
        return None
    return tuple(list(header).index(part) for part in parts)


def _guessed(role: str, keys: Sequence[str]) -> tuple[int, ...]:
    for name in _NAMES[role]:
        if name in keys:
            place = keys.index(name)
            if role == "evse":
                return _station_and_port(keys, place)
            return (place,)
    return ()


def _station_and_port(keys: Sequence[str], place: int) -> tuple[int, ...]:
    """A port is a number within its station: both together name the EVSE."""
    station = next((keys.index(name) for name in _STATIONS if name in keys), None)
    port = next((keys.index(name) for name in _PORTS if name in keys), None)
    if station is not None and port is not None and place in (station, port):
        return (station, port)
    return (place,)


_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(\s*[AaPp][Mm])?")


def _with_time(
    role: str,
    places: tuple[int, ...],
    keys: Sequence[str],
    sample: Sequence[tuple[int, Sequence[str]]],
) -> tuple[int, ...]:
    """Date and time, where the column found holds only one of them and the other is there too."""
    words = ("start", "begin") if role == "start" else ("end", "stop")
    dates = [keys.index(f"{word}date") for word in words if f"{word}date" in keys]
    times = [keys.index(f"{word}time") for word in words if f"{word}time" in keys]
    if not dates or not times or places[0] not in (dates[0], times[0]):
        return places
    cells = [row[times[0]].strip() for _, row in sample if len(row) > times[0]]
    if cells and all(_TIME_OF_DAY.fullmatch(cell) for cell in cells if cell):
        return (dates[0], times[0])
    return places


def _energy_factor(header: Sequence[str], places: tuple[int, ...]) -> float:
    """kWh per unit of the column, by its name."""
    key = _key(header[places[0]])
    if key.endswith("mwh"):
        return 1000.0
    return 0.001 if key.endswith("wh") and not key.endswith("kwh") else 1.0


def _duration_unit(header: Sequence[str], places: tuple[int, ...] | None) -> float | None:
    if places is None:
        return None
    name = header[places[0]]
    if _key(name) == "totaltime":
        return 3600.0  # OCPI 2.2.1, CDR object: hours
    words = set(re.findall(r"[a-z]+", name.lower()))
    return next((unit for unit, names in _UNITS_S if words & names), None)


def _row(
    sheet: Sheet,
    layout: _Layout,
    place: str,
    row: Sequence[str],
    order: bool,
    origin: dt.datetime | None,
) -> None:
    if len(row) != len(layout.header):
        expected = f"expected {len(layout.header)} values, as the header has"
        sheet.refuse(place, f"{expected}, not {len(row)}")
        return
    start = _stamp(layout, row, "start", order, origin)
    if start is None:
        sheet.skip(
            place, f"column {layout.name('start')!r}", layout.text(row, "start"), DATE_AND_TIME
        )
        return
    end = _end(layout, row, start, order, origin)
    if end is None:
        role = "end" if "end" in layout.at else "duration"
        expected = (
            DATE_AND_TIME if role == "end" else "a duration (h:mm:ss, or a unit in the header)"
        )
        sheet.skip(place, f"column {layout.name(role)!r}", layout.text(row, role), expected)
        return
    energy = read_energy(layout.text(row, "energy"))
    if energy is None:
        text = layout.text(row, "energy")
        sheet.skip(place, f"column {layout.name('energy')!r}", text, "an energy of 0 or more")
        return
    if start[1] == 0.0 and not re.search(r"[^0-9.+eE-]", layout.text(row, "start")):
        sheet.dated = False
    sheet.add(
        place,
        layout.text(row, "session"),
        layout.text(row, "evse"),
        start,
        end,
        energy * layout.energy_factor,
    )


def _end(
    layout: _Layout, row: Sequence[str], start: Stamp, order: bool, origin: dt.datetime | None
) -> Stamp | None:
    if "end" in layout.at:
        end = _stamp(layout, row, "end", order, origin)
        if end is not None:
            return end
    if "duration" in layout.at:
        length = read_length(layout.text(row, "duration"), layout.duration_unit_s)
        if length is not None:
            return start[0] + length, start[1]
    return None


def _stamp(
    layout: _Layout, row: Sequence[str], role: str, order: bool, origin: dt.datetime | None
) -> Stamp | None:
    found = read_stamp(layout.text(row, role), order, origin)
    if found is not None and math.isnan(found[1]):
        return found[0], layout.naive_offset_s
    return found
