"""Recorded sessions: every layout, and rows that cannot be read."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from simulator.scenario import InputError
from simulator.scenario.recorded import Recorded, read_recorded

BERLIN = "Europe/Berlin"
Read = Callable[..., Recorded]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a text as a file."""

    def run(text: str | bytes, **options: Any) -> Recorded:
        path = tmp_path / "sessions.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_recorded(path, **{"timezone": BERLIN, **options})

    return run


def instant(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


ROW = ("2026-03-02T06:00:00+00:00", "2026-03-02T09:30:00+00:00")
EXPECTED = (instant(ROW[0]), instant(ROW[1]), 12.5)


def same(found: Recorded) -> bool:
    return (found.start_s[0], found.end_s[0], found.energy_kwh[0]) == EXPECTED


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("session_id,evse,arrival,departure,energy_kWh,max_kW", "a,P1,{0},{1},12.5,11"),
        ("start,end,kwh", "2026-03-02 07:00,2026-03-02 10:30,12.5"),
        ("Start Time;End Time;Energy (kWh)", "02.03.2026 07:00:00;02.03.2026 10:30:00;12,5"),
        ("Plug-in time\tPlug-out time\tTotal kWh", "2026/3/2 07:00\t2026/3/2 10:30\t12.5"),
        (
            "CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh",
            "50262,1,02/03/2026,07:00,02/03/2026,10:30,12.5",
        ),
        ("Start_Date___Time,Total_Duration__hh_mm_ss_,Energy__kWh_", "3/2/2026 7:00,3:30:00,12.5"),
        ("started,duration (min),energy_wh", "2026-03-02T07:00:00,210,12500"),
        (
            "UTCTransactionStart,UTCTransactionStop,TotalEnergy",
            "2026-03-02 06:00,2026-03-02 09:30,12.5",
        ),
        (
            "start_date_time,end_date_time,total_energy,total_time,cdr_location.evse_uid",
            "2026-03-02T06:00:00,2026-03-02T09:30:00Z,12.5,3.5,P1",
        ),
        ("start_date_time,total_energy,total_time", "2026-03-02T06:00:00Z,12.5,3.5"),
        (
            "sessionID,spaceID,connectionTime,disconnectTime,kWhDelivered",
            'x,P1,"Mon, 02 Mar 2026 06:00:00 GMT","Mon, 02 Mar 2026 09:30:00 GMT",12.5',
        ),
        ("start,end,energy", "1772431200,1772443800,12.5"),
        ("start,end,energy", "1772431200000,1772443800000,12.5"),
        ("start,end,energy", "2026-03-02 06:00:00 UTC,2026-03-02 09:30:00 UTC,12.5"),
        ("start,end,energy", '"Mar 2, 2026 7:00 AM","Mar 2, 2026 10:30 AM",12.5'),
    ],
)  # fmt: skip
def test_common_csv_layouts_are_understood(read: Read, header: str, row: str) -> None:
    lines = [header, row.format(*ROW)]
    if "3/2/2026" in row:  # another date tells that the month comes first
        lines.append("3/22/2026 7:00,1:00:00,5")
    found = read("\n".join(lines) + "\n")
    assert same(found), found
    assert not found.unread


def test_a_station_and_its_connector_name_the_evse(read: Read) -> None:
    found = read(
        "CP ID,Connector,start,end,kwh\n"
        "A,1,2026-03-02 07:00,2026-03-02 08:00,5\nA,2,2026-03-02 07:00,2026-03-02 08:00,5\n"
    )
    assert found.evses == ("A / 1", "A / 2")


def test_columns_can_be_named(read: Read) -> None:
    text = "von,tag,zeit,menge,bis\nx,02.03.2026,07:00,12.5,02.03.2026 10:30\n"
    columns = {"start": "tag+zeit", "end": "bis", "energy": "menge"}
    assert same(read(text, columns=columns))
    with pytest.raises(InputError, match="did you mean 'menge'"):
        read(text, columns={**columns, "energy": "mengen"})
    with pytest.raises(InputError, match="did you mean 'energy'"):
        read(text, columns={"enrgy": "menge"})


def test_a_header_that_tells_nothing_is_one_message_per_role(read: Read) -> None:
    with pytest.raises(InputError) as error:
        read("a,b,c\n1,2,3\n")
    assert [p.expected.split(";")[0] for p in error.value.problems] == [
        "a column with the start",
        "a column with the energy",
        "a column with the end",
    ]
    assert "--column energy=NAME" in str(error.value)


def test_minutes_count_from_the_start_that_is_given(read: Read) -> None:
    text = "session_id,evse,arrival,departure,energy_kWh,max_kW\na,P1,1860,2070,12.5,11\n"
    assert same(read(text, start=dt.datetime(2026, 3, 1)))
    with pytest.raises(InputError, match="--start"):
        read(text)


def test_acn_data_brings_its_own_zone(tmp_path: Path) -> None:
    item = {
        "sessionID": "s",
        "spaceID": "CA-1",
        "connectionTime": "Mon, 02 Mar 2026 06:00:00 GMT",
        "disconnectTime": "Mon, 02 Mar 2026 09:30:00 GMT",
        "doneChargingTime": None,
        "kWhDelivered": 12.5,
        "timezone": "America/Los_Angeles",
    }
    path = tmp_path / "acn.json"
    path.write_text(json.dumps({"_meta": {}, "_items": [item, {**item, "disconnectTime": None}]}))
    found = read_recorded(path)
    assert same(found)
    assert found.zone.key == "America/Los_Angeles"
    assert [(row.place, row.why) for row in found.unread] == [
        ("item 1", "disconnectTime is empty, expected a date and time")
    ]


@pytest.mark.parametrize("envelope", [False, True])
@pytest.mark.parametrize("version", ["2.1.1", "2.2.1"])
def test_ocpi_cdrs_are_read_and_times_without_zone_are_utc(
    read: Read, version: str, envelope: bool
) -> None:
    new = version == "2.2.1"
    cdr = {
        "id": "c",
        "start_date_time": "2026-03-02T06:00:00",
        "end_date_time" if new else "stop_date_time": "2026-03-02T09:30:00Z",
        "total_energy": 12.5,
        "total_time": 3.5,
        "cdr_location" if new else "location": (
            {"id": "L", "evse_uid": "P1"} if new else {"id": "L", "evses": [{"uid": "P1"}]}
        ),
    }
    document = {"data": [cdr], "status_code": 1000} if envelope else [cdr]
    found = read(json.dumps(document))
    assert same(found)
    assert found.evses == ("P1",)
    assert found.layout == "OCPI CDRs (JSON)"


def test_rows_that_cannot_be_read_are_counted_and_named(read: Read) -> None:
    good = "2026-03-02 07:00,2026-03-02 10:30,12.5"
    found = read(
        "start,end,kwh\n"
        f"{good}\n"
        "yesterday,2026-03-02 10:30,12.5\n"
        "2026-03-02 07:00,,12.5\n"
        "2026-03-02 07:00,2026-03-02 10:30,lots\n"
        "2026-03-02 07:00,2026-03-02 10:30,-1\n"
        "2026-03-02 07:00,2026-03-02 10:30\n"
        "31.02.2026 07:00,2026-03-02 10:30,1\n"
    )
    assert len(found) == 1
    assert found.rows == 7
    assert [row.place for row in found.unread] == [f"line {n}" for n in range(3, 9)]
    assert found.unread[0].why == "column 'start' is 'yesterday', expected a date and time"


def test_a_zone_is_needed_and_has_to_exist(read: Read) -> None:
    text = "start,end,kwh\n2026-03-02 07:00,2026-03-02 10:30,12.5\n"
    with pytest.raises(InputError, match="--timezone"):
        read(text, timezone=None)
    with pytest.raises(InputError, match="did you mean 'Europe/Berlin'"):
        read(text, timezone="Europe/Berln")


def test_local_times_follow_daylight_saving(read: Read) -> None:
    found = read(
        "start,end,kwh\n"
        "2026-03-29 01:00,2026-03-29 04:00,5\n"  # clocks go forward at 2
        "2026-10-25 01:00,2026-10-25 04:00,5\n"  # and back at 3
        "2026-10-25 02:50,2026-10-25 02:10,5\n"  # across the hour that comes twice
    )
    hours = (found.end_s - found.start_s) / 3600
    assert np.allclose(hours, [2.0, 4.0, 1 / 3])


def test_a_file_in_latin_1_is_read_with_a_note(read: Read) -> None:
    text = "start,end,énergie,kwh\n2026-03-02 07:00,2026-03-02 10:30,x,12.5\n"
    found = read(text.encode("latin-1"))
    assert same(found)
    assert "Latin-1" in found.notes[0]


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1]", '{"_items": 3}', "start\n", "[[[", "[{}]"])
def test_files_without_sessions_are_refused(read: Read, text: str) -> None:
    with pytest.raises(InputError):
        read(text)


STAMP = hs.sampled_from(
    ["2026-03-02 07:00", "02/03/2026 7:00 PM", "0001-01-01", "9999-12-31T23:59:59Z", "1e300",
     "-1e12", "1772431200", "31.12.99", "2026-03-29 02:30", "24:00", "nan", "", "²", "20260302"]
)  # fmt: skip
CELL = STAMP | hs.text(max_size=12) | hs.floats().map(str)


@given(hs.lists(hs.tuples(CELL, CELL, CELL), max_size=6), hs.sampled_from(["end", "duration (h)"]))
@settings(deadline=None, max_examples=150)
def test_any_csv_is_read_or_refused_in_words(rows: list[tuple[str, str, str]], end: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("start", end, "kwh"), *rows])
        for fixes in ((), ("day-month", "utc", "wh"), ("local",)):
            with contextlib.suppress(InputError):
                found = read_recorded(path, timezone=BERLIN, fixes=fixes)
                assert np.isfinite(found.start_s).all() and np.isfinite(found.end_s).all()
                assert (found.end_s > found.start_s).all()


JSON = hs.recursive(
    hs.none() | hs.booleans() | hs.floats() | hs.integers() | STAMP,
    lambda inner: hs.lists(inner, max_size=3),
    max_leaves=5,
)
FIELDS = hs.sampled_from(
    ["start_date_time", "end_date_time", "total_energy", "total_time", "cdr_location", "location",
     "id", "connectionTime", "disconnectTime", "kWhDelivered", "timezone", "sessionID"]
)  # fmt: skip


@given(hs.lists(hs.dictionaries(FIELDS, JSON, max_size=8) | JSON, max_size=4))
@settings(deadline=None, max_examples=150)
def test_any_json_is_read_or_refused_in_words(items: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.json"
        path.write_text(json.dumps(items))
        with contextlib.suppress(InputError):
            read_recorded(path, timezone=BERLIN)
