"""The JSON layout of ACN-Data (ev.caltech.edu): ``{"_meta": ..., "_items": [session, ...]}``.

A session has ``sessionID``, ``spaceID`` (the EVSE; ``stationID`` where it is missing),
``connectionTime`` and ``disconnectTime`` (RFC 1123, GMT) and ``kWhDelivered``. It does not say how
much power the car could take, so that is left to the EVSE. Called by `trace`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from email.utils import parsedate_to_datetime
from typing import Any

from simulator.scenario.clock import elapsed_s
from simulator.scenario.problems import nearest, shown
from simulator.scenario.sessions import Reading, Row

FIELDS = ("sessionID", "spaceID", "connectionTime", "disconnectTime", "kWhDelivered")
_TIME = 'a time such as "Wed, 25 Apr 2018 11:08:04 GMT"'


def read_items(reading: Reading, text: str, start: dt.datetime) -> None:
    """Add the sessions of an ACN-Data document to ``reading``."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        reading.wrong(where, None, f"valid JSON ({error.msg})")
        return
    except (ValueError, RecursionError):
        reading.wrong("", None, "JSON with numbers of a sensible length, nested a few levels deep")
        return
    items = document.get("_items") if isinstance(document, dict) else document
    if not isinstance(items, list):
        near = nearest("_items", document) if isinstance(document, dict) else None
        reading.wrong("_items", None, "the list of sessions of ACN-Data", near and "_items")
        return
    for index, item in enumerate(items):
        place = f"_items[{index}]"
        if not isinstance(item, dict):
            reading.wrong(place, shown(item), "a session")
            continue
        space = "spaceID" if item.get("spaceID") else "stationID"
        arrival = _time(reading, place, item, "connectionTime", start)
        departure = _time(reading, place, item, "disconnectTime", start)
        if departure < arrival:
            expected = f"a time at or after connectionTime ({item['connectionTime']})"
            where = f"{place}.disconnectTime"
            reading.wrong(where, shown(item["disconnectTime"]), expected)
        reading.rows.append(
            Row(
                session_id=reading.session(f"{place}.sessionID", place, item.get("sessionID")),
                evse=reading.evse(f"{place}.{space}", item.get(space)),
                arrival=arrival,
                departure=departure,
                energy_kwh=reading.number(
                    f"{place}.kWhDelivered",
                    item.get("kWhDelivered"),
                    "an energy in kWh",
                    zero=True,
                ),
                max_kw=math.inf,
            )
        )


def _time(
    reading: Reading, place: str, item: dict[str, Any], field: str, start: dt.datetime
) -> float:
    text = item.get(field)
    if isinstance(text, str):
        try:
            instant = parsedate_to_datetime(text)
            if instant.tzinfo is not None:
                return elapsed_s(instant, start)
        except (ValueError, TypeError, OverflowError):
            pass
    reading.wrong(f"{place}.{field}", shown(text) if text is not None else None, _TIME)
    return math.nan
