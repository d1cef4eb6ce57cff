"""A user's own sessions, read for calibration: any common layout, traps named, zones applied.

Not a trace: a trace is replayed and must be whole (`trace`), this is learnt from and may have
faults, all of which are counted. Called by the public API.
"""

from __future__ import annotations

import codecs
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from simulator.scenario import recorded_traps as traps
from simulator.scenario.clock import localise
from simulator.scenario.csvfile import read_text
from simulator.scenario.problems import FieldError, InputError, Problem, listed, nearest
from simulator.scenario.recorded_csv import read_csv
from simulator.scenario.recorded_json import read_json
from simulator.scenario.recorded_sheet import DATE_AND_TIME, Sheet, Unread
from simulator.scenario.recorded_time import (
    F64,
    Stamp,
    swap_day_and_month,
    to_faces,
    to_instants,
)
from simulator.scenario.recorded_traps import FIXES, Trap

__all__ = ["FIXES", "Recorded", "Trap", "Unread", "read_recorded"]

_LONGEST_YEARS = 30
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a]")
"""Control characters that no text has."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Usable sessions of a file, in order of their start, and what became of the other rows."""

    path: Path
    layout: str
    columns: Mapping[str, str]
    zone: ZoneInfo
    notes: tuple[str, ...]
    start_s: F64
    """Unix time."""
    end_s: F64
    energy_kwh: F64
    evse: NDArray[np.int32]
    """Index into ``evses``; -1 where the file does not say."""
    evses: tuple[str, ...]
    unread: tuple[Unread, ...]
    traps: tuple[Trap, ...]
    """Everything that was looked for, found or not."""

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return len(self) + len(self.unread) + self.left_out

    @property
    def left_out(self) -> int:
        """Rows that could be read and cannot be true."""
        return sum(trap.rows for trap in self.traps if trap.state == "left out")


def read_recorded(
    path: Path,
    *,
    timezone: str | None = None,
    columns: Mapping[str, str] | None = None,
    start: dt.datetime | None = None,
    fixes: Sequence[str] = (),
) -> Recorded:
    """Read recorded sessions: ACN-Data, OCPI CDRs (JSON or CSV), or any CSV.

    ``timezone`` is where the chargers stand; needed unless the file says it. ``columns`` maps
    roles (start, end, duration, energy, evse, session) to columns of a CSV. ``start`` is the local
    time from which a CSV counts minutes. ``fixes`` are of `FIXES`. Raises InputError where the
    file cannot be understood; single rows that cannot be read are in ``unread``.
    """
    label = str(path)
    for fix in fixes:
        if fix not in FIXES:
            raise InputError([Problem("", "--fix", repr(fix), listed(FIXES), nearest(fix, FIXES))])
    if "utc" in fixes and "local" in fixes:
        raise InputError([Problem("", "--fix", "'utc'", "either utc or local, not both")])
    zone = _zone(timezone) if timezone is not None else None
    sheet = _read(path, label, columns or {}, _origin(start, zone))
    if zone is None:
        if sheet.zone is None:
            expected = 'the time zone of the chargers, such as --timezone "Europe/Berlin"'
            raise InputError([Problem(label, "", None, expected)])
        zone = _zone(sheet.zone)
    elif sheet.zone is not None and sheet.zone != zone.key:
        sheet.notes.append(f"the file says that its zone is {sheet.zone}; {zone.key} was used")
    return _judged(sheet, zone, frozenset(fixes), label)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = available_timezones()
        expected = 'an IANA time zone such as "Europe/Berlin"'
        problem = Problem("", "--timezone", repr(name), expected, nearest(name, known))
        raise InputError([problem]) from None


def _origin(start: dt.datetime | None, zone: ZoneInfo | None) -> dt.datetime | None:
    if start is None or start.tzinfo is not None:
        return start
    if zone is None:
        expected = 'the time zone of --start, such as --timezone "Europe/Berlin"'
        raise InputError([Problem("", "--timezone", None, expected)])
    try:
        return localise(start, zone)
    except FieldError as error:
        problem = Problem("", "--start", str(start), error.expected, error.suggestion)
        raise InputError([problem]) from None


def _read(path: Path, label: str, columns: Mapping[str, str], origin: dt.datetime | None) -> Sheet:
    sheet = Sheet(path, "")
    try:
        text = read_text(path, label)
    except InputError as error:
        if not error.problems[0].where.startswith("byte"):
            raise
        data = path.read_bytes()
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError([Problem(label, "", None, "text in UTF-8, not in UTF-16")]) from None
        text = data.decode("latin-1")
        sheet.notes.append("the file is not UTF-8; it was read as Latin-1")
    if _BINARY.search(text):
        raise InputError([Problem(label, "", None, "text (a CSV or JSON), not binary data")])
    if text.lstrip()[:1] in {"{", "["}:
        if columns:
            raise InputError([Problem(label, "--column", None, "no columns for a JSON file")])
        read_json(sheet, text, label)
    else:
        read_csv(sheet, text, label, columns, origin)
    if not sheet.place:
        first = f" ({sheet.unread[0].place}: {sheet.unread[0].why})" if sheet.unread else ""
        hint = ""
        if sheet.unread and origin is None and sheet.unread[0].why.endswith(DATE_AND_TIME):
            hint = "; minutes since a start need --start"
        raise InputError([Problem(label, "", None, f"sessions that can be read{first}{hint}")])
    return sheet


def _judged(sheet: Sheet, zone: ZoneInfo, fixes: frozenset[str], label: str) -> Recorded:
    """Apply the fixes that were asked for, place the stamps in time, look for every trap."""
    start, start_offset = _columns(sheet.start)
    end, end_offset = _columns(sheet.end)
    energy = np.array(sheet.energy_kwh, dtype=np.float64)
    found = [traps.watt_hours(energy, "wh" in fixes)]
    if "wh" in fixes:
        energy = energy / 1000.0
    if "day-month" in fixes and not sheet.dated:
        raise InputError([Problem(label, "--fix", "'day-month'", "a file with dates")])
    found.append(traps.day_month(start, end, sheet.dated, "day-month" in fixes))
    if "day-month" in fixes:
        start, end = swap_day_and_month(start), swap_day_and_month(end)
    read = _Reading(start, start_offset, end, end_offset)
    begin_s, finish_s, skipped = read.instants(zone, fixes)
    faces = to_faces(begin_s, zone)
    other = "utc" if np.isnan(start_offset).mean() > 0.5 else "local"
    as_other = to_faces(read.instants(zone, frozenset({other}))[0], zone)
    fixed = next((fix for fix in ("utc", "local") if fix in fixes), None)
    hours, moved = faces % 86_400 / 3600, as_other % 86_400 / 3600
    found.append(traps.zone(hours, moved, other, skipped, zone.key, fixed))
    found.append(traps.same_start(faces))
    names = sorted({name for name in sheet.evse if name})
    index = {name: number for number, name in enumerate(names)}
    evse = np.array([index.get(name, -1) for name in sheet.evse], dtype=np.int32)
    rows = traps.Rows(sheet.place, begin_s, finish_s, energy, evse)
    single, left = traps.single_rows(rows)
    keep = np.flatnonzero(left)
    keep = keep[np.argsort(begin_s[keep], kind="stable")]
    _check_period(begin_s[keep], label)
    return Recorded(
        path=sheet.path,
        layout=sheet.layout,
        columns=dict(sheet.columns),
        zone=zone,
        notes=tuple(sheet.notes),
        start_s=begin_s[keep],
        end_s=finish_s[keep],
        energy_kwh=energy[keep],
        evse=evse[keep],
        evses=tuple(names),
        unread=tuple(sheet.unread),
        traps=(*found, *single),
    )


def _check_period(start_s: F64, label: str) -> None:
    if len(start_s) and np.ptp(start_s) > _LONGEST_YEARS * 366 * 86_400:
        first, last = (str(np.datetime64(int(s), "s"))[:10] for s in (start_s[0], start_s[-1]))
        expected = f"sessions within {_LONGEST_YEARS} years, not from {first} to {last}"
        raise InputError([Problem(label, "", None, expected)])


def _columns(stamps: Sequence[Stamp]) -> tuple[F64, F64]:
    both = np.array(stamps, dtype=np.float64).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


@dataclass(frozen=True, slots=True)
class _Reading:
    """Stamps as clock faces with offsets, nan where there is none."""

    start: F64
    start_offset: F64
    end: F64
    end_offset: F64

    def instants(self, zone: ZoneInfo, fixes: frozenset[str]) -> tuple[F64, F64, int]:
        """Unix times of start and end, and starts at times that the zone skips."""
        start_offset, end_offset = self.start_offset, self.end_offset
        if "utc" in fixes:
            start_offset, end_offset = np.nan_to_num(start_offset), np.nan_to_num(end_offset)
        elif "local" in fixes:
            start_offset, end_offset = (
                np.full_like(start_offset, np.nan),
                np.full_like(end_offset, np.nan),
            )
        begin, skipped = _place(self.start, start_offset, zone)
        finish, _ = _place(self.end, end_offset, zone)
        # A face that comes twice in the night when clocks go back: the later one, if the earlier
        # would end the session before it began.
        late = finish < begin
        if late.any():
            finish[late] = _place(self.end[late], end_offset[late], zone, late=True)[0]
        return begin, finish, skipped


def _place(face: F64, offset: F64, zone: ZoneInfo, *, late: bool = False) -> tuple[F64, int]:
    local = np.isnan(offset)
    instants = face - np.nan_to_num(offset)
    skipped = 0
    if local.any():
        instants[local], skipped = to_instants(face[local], zone, late=late)
    return instants, skipped
