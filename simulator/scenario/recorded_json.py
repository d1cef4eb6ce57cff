"""Recorded sessions in JSON: ACN-Data as exported, and OCPI CDRs.

ACN-Data (ev.caltech.edu): ``{"_items": [session, ...]}``, see `acn`; items name their time zone.
OCPI (2.1.1 and 2.2.1, CDR object): a list of CDRs, alone or as ``data`` of a response. OCPI times
without a zone are UTC. Called by `recorded`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from simulator.scenario.problems import InputError, Problem
from simulator.scenario.recorded_sheet import DATE_AND_TIME, Sheet, read_energy
from simulator.scenario.recorded_time import Stamp, read_length, read_stamp


def read_json(sheet: Sheet, text: str, label: str) -> None:
    """Add the sessions of a JSON document to ``sheet``. Raises InputError if it holds none."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError([Problem(label, where, None, f"valid JSON ({error.msg})")]) from None
    except (ValueError, RecursionError):
        expected = "JSON with numbers of a sensible length, nested a few levels deep"
        raise InputError([Problem(label, "", None, expected)]) from None
    items = document
    if isinstance(document, Mapping):
        items = next((document[key] for key in ("_items", "data", "cdrs") if key in document), None)
    if not isinstance(items, list):
        expected = "the sessions of ACN-Data (_items), or a list of OCPI CDRs"
        raise InputError([Problem(label, "", None, expected)])
    first = next((item for item in items if isinstance(item, Mapping)), {})
    if "connectionTime" in first or "kWhDelivered" in first:
        _read_acn(sheet, items)
    elif "start_date_time" in first or "total_energy" in first:
        _read_ocpi(sheet, items)
    else:
        expected = "sessions with connectionTime (ACN-Data) or start_date_time (OCPI)"
        raise InputError([Problem(label, "the first item", None, expected)])


def _read_acn(sheet: Sheet, items: list[Any]) -> None:
    sheet.layout = "ACN-Data (JSON)"
    sheet.columns = {
        "start": "connectionTime",
        "end": "disconnectTime",
        "energy": "kWhDelivered",
        "evse": "spaceID",
        "session": "sessionID",
    }
    zones: Counter[str] = Counter()
    for place, item in _objects(sheet, items):
        if isinstance(item.get("timezone"), str):
            zones[item["timezone"]] += 1
        evse = item.get("spaceID") or item.get("stationID") or ""
        _add(sheet, place, item, str(item.get("sessionID") or ""), str(evse), math.nan)
    if len(zones) == 1:
        sheet.zone = next(iter(zones))


def _read_ocpi(sheet: Sheet, items: list[Any]) -> None:
    sheet.layout = "OCPI CDRs (JSON)"
    end = "end_date_time"
    if not any(isinstance(item, Mapping) and end in item for item in items):
        end = "stop_date_time"
    sheet.columns = {
        "start": "start_date_time",
        "end": end,
        "energy": "total_energy",
        "evse": "cdr_location",
        "session": "id",
    }
    for place, item in _objects(sheet, items):
        _add(sheet, place, item, str(item.get("id") or ""), _ocpi_evse(item), 0.0)


def _objects(sheet: Sheet, items: list[Any]) -> list[tuple[str, Mapping[str, Any]]]:
    found = []
    for index, item in enumerate(items):
        place = f"item {index}"
        if isinstance(item, Mapping):
            found.append((place, item))
        else:
            sheet.skip(place, "the item", item, "a session")
    return found


def _add(
    sheet: Sheet, place: str, item: Mapping[str, Any], session: str, evse: str, naive_s: float
) -> None:
    stamps: list[Stamp] = []
    for role in ("start", "end"):
        name = sheet.columns[role]
        stamp = _stamp(item.get(name), naive_s)
        if stamp is None and role == "end":
            length = read_length(str(item.get("total_time")), 3600.0)
            stamp = None if length is None else (stamps[0][0] + length, stamps[0][1])
        if stamp is None:
            sheet.skip(place, name, item.get(name), DATE_AND_TIME)
            return
        stamps.append(stamp)
    name = sheet.columns["energy"]
    energy = read_energy(item.get(name))
    if energy is None:
        sheet.skip(place, name, item.get(name), "an energy in kWh of 0 or more")
        return
    sheet.add(place, session, evse, stamps[0], stamps[1], energy)


def _stamp(value: object, naive_s: float) -> Stamp | None:
    if not isinstance(value, str):
        return None
    found = read_stamp(value, True, None)
    if found is None:
        return None
    return (found[0], naive_s) if math.isnan(found[1]) else found


def _ocpi_evse(item: Mapping[str, Any]) -> str:
    """The EVSE (and connector) of a CDR; empty if it names none."""
    place = item.get("cdr_location")
    if isinstance(place, Mapping):
        evse = place.get("evse_uid") or place.get("evse_id")
        return str(evse or "")
    location = item.get("location")
    evses = location.get("evses") if isinstance(location, Mapping) else None
    if isinstance(evses, list) and len(evses) == 1 and isinstance(evses[0], Mapping):
        return str(evses[0].get("uid") or evses[0].get("evse_id") or "")
    return ""
