"""Traces: both layouts become the same columns, and a hole is located, never filled."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from simulator.scenario import InputError, load_scenario

BAD_TIME = (
    "expected minutes since trace.start, or an ISO time with its zone such as "
    '"2026-06-01T08:00:00+02:00"'
)


@pytest.fixture
def load(write, traced: str, header: str):
    def read(rows: str, *swaps: tuple[str, str], sets: tuple[str, ...] = (), head: str = header):
        return load_scenario(write(*swaps, text=traced, t__csv=head + rows), sets=sets).trace

    return read


@pytest.fixture
def said(load, tmp_path):
    def read(rows: str, **options) -> list[str]:
        with pytest.raises(InputError) as caught:
            load(rows, **options)
        return [str(p).replace(f"{tmp_path}/", "") for p in caught.value.problems]

    return read


def test_minutes_count_from_the_scenario_start(load) -> None:
    trace = load("s1,A-1,10,70.5,5.25,7.4\ns2,A-2,0,1,0,11\n")
    assert trace.session_id == ["s1", "s2"] and trace.evse == ["A-1", "A-2"]
    assert trace.arrival_s.tolist() == [600.0, 0.0]
    assert trace.departure_s.tolist() == [4230.0, 60.0]
    assert trace.energy_kwh.tolist() == [5.25, 0.0]
    assert trace.max_kw.tolist() == [7.4, 11.0]
    assert trace.arrival_s.dtype == np.float64 and len(trace) == 2
    assert trace.source.name == "t.csv"


def test_minutes_count_from_the_trace_start_where_it_is_given(load) -> None:
    trace = load("s,A-1,10,20,5,7\n", ('"t.csv"', '"t.csv"\nstart = 2026-06-02T00:00:00'))
    assert trace.arrival_s.tolist() == [86400.0 + 600.0]


def test_minutes_are_elapsed_time_across_daylight_saving(load) -> None:
    start = ("2026-06-01T00:00:00", "2026-03-28T00:00:00")
    later = ('"t.csv"', '"t.csv"\nstart = 2026-03-30T00:00:00')
    trace = load("s,A-1,0,60,5,7\n", start, later)
    assert trace.arrival_s.tolist() == [47 * 3600.0]


def test_iso_times_are_instants_whatever_their_zone(load) -> None:
    rows = (
        "a,A-1,2026-06-01T08:00:00+02:00,2026-06-01T09:00+02:00,5,7\n"
        "b,A-2,2026-06-01T06:00:00Z,2026-06-01 03:00:00-04:00,5,7\n"
    )
    trace = load(rows)
    assert trace.arrival_s.tolist() == [8 * 3600.0, 8 * 3600.0]
    assert trace.departure_s.tolist() == [9 * 3600.0, 9 * 3600.0]


def test_iso_times_in_winter_and_summer_are_true_elapsed_seconds(load) -> None:
    start = ("2026-06-01T00:00:00", "2026-03-29T00:00:00")
    trace = load("a,A-1,2026-03-29T04:00:00+02:00,2026-03-29T05:00:00+02:00,5,7\n", start)
    assert trace.arrival_s.tolist() == [3 * 3600.0]


def test_columns_may_stand_in_any_order_with_others_between_and_a_byte_order_mark(load) -> None:
    head = "\ufeffmax_kW,evse,note,arrival,departure, energy_kWh ,session_id\r\n"
    trace = load('7,A-1,"a, b",0,60,5,s\r\n\r\n', head=head)
    assert trace.session_id == ["s"] and trace.max_kw.tolist() == [7.0]


def test_sessions_outside_the_horizon_are_kept(load) -> None:
    trace = load("before,A-1,-60,10,5,7\nafter,A-1,100000,100010,5,7\n")
    assert trace.session_id == ["before", "after"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("s,A-1,0,60,,7", "column 'energy_kWh': expected an energy in kWh of 0 or more"),
        (
            "s,A-1,0,60,NaN,7",
            "column 'energy_kWh': value 'NaN': expected an energy in kWh of 0 or more",
        ),
        (
            "s,A-1,0,60,-5,7",
            "column 'energy_kWh': value '-5': expected an energy in kWh of 0 or more",
        ),
        (
            "s,A-1,0,60,five,7",
            "column 'energy_kWh': value 'five': expected an energy in kWh of 0 or more",
        ),
        (
            "s,A-1,0,60,inf,7",
            "column 'energy_kWh': value 'inf': expected an energy in kWh of 0 or more",
        ),
        ("s,A-1,0,60,5,0", "column 'max_kW': value '0': expected a power in kW above 0"),
        ("s,A-1,0,60,5,", "column 'max_kW': expected a power in kW above 0"),
        ("s,A-1,,60,5,7", f"column 'arrival': {BAD_TIME}"),
        ("s,A-1,nan,60,5,7", f"column 'arrival': value 'nan': {BAD_TIME}"),
        (
            "s,A-1,2026-06-01T08:00:00,60,5,7",
            f"column 'arrival': value '2026-06-01T08:00:00': {BAD_TIME}",
        ),
        ("s,A-1,0,soon,5,7", f"column 'departure': value 'soon': {BAD_TIME}"),
        (
            "s,A-1,60,0,5,7",
            "column 'departure': value '0': expected a departure at or after the arrival (60)",
        ),
        (
            "s,A-1,0,2026-06-01T08:00:00Z,5,7",
            "column 'departure': value '2026-06-01T08:00:00Z': expected minutes throughout the "
            "file, as in line 2",
        ),
        (",A-1,0,60,5,7", "column 'session_id': expected a session identifier"),
        ("s,,0,60,5,7", "column 'evse': expected the name of an EVSE"),
        (
            "s,A-11,0,60,5,7",
            "column 'evse': value 'A-11': expected one of the 2 EVSEs of the site 'office', or "
            "trace.missing_evse = \"create\"; did you mean 'A-1'?",
        ),
    ],
)
def test_a_hole_is_located(row: str, message: str, said) -> None:
    assert said(f"{row}\n") == [f"t.csv: line 2, {message}"]


def test_a_row_that_is_too_short_is_located(said) -> None:
    assert said("s,A-1,0,60,5\n") == ["t.csv: line 2: expected 6 values, as the header has, not 5"]


def test_a_session_that_is_there_twice_is_located_with_the_first(said) -> None:
    assert said("s,A-1,0,60,5,7\nt,A-2,0,60,5,7\ns,A-2,100,160,5,7\n") == [
        "t.csv: line 4, column 'session_id': value 's': expected an identifier of its own "
        "(line 2 has it)"
    ]


def test_mixing_minutes_and_iso_times_is_located(said) -> None:
    lines = said("a,A-1,2026-06-01T08:00:00Z,2026-06-01T09:00:00Z,5,7\nb,A-1,1,2,5,7\n")
    assert lines == [
        "t.csv: line 3, column 'arrival': value '1': expected ISO times throughout the file, as "
        "in line 2",
        "t.csv: line 3, column 'departure': value '2': expected ISO times throughout the file, "
        "as in line 2",
    ]


def test_all_holes_are_reported_at_once_and_an_unknown_evse_once(said) -> None:
    rows = "".join(f"s{n},B-1,0,60,x,7\n" for n in range(30))
    lines = said(rows)
    assert len(lines) == 31
    assert sum("column 'evse'" in line for line in lines) == 1


def test_a_wrong_header_is_located_with_the_nearest_column(said) -> None:
    head = "session_id,evse,arrival,departure,energy_kwh,power\n"
    columns = "a header with session_id, evse, arrival, departure, energy_kWh and max_kW"
    assert said("", head=head) == [
        f"t.csv: line 1, column 'energy_kWh': value 'energy_kwh': expected {columns}; "
        "did you mean 'energy_kWh'?",
        f"t.csv: line 1, column 'max_kW': expected {columns}",
    ]


def test_an_empty_trace_is_refused(said) -> None:
    assert said("") == ["t.csv: expected at least one session"]
    header = "session_id, evse, arrival, departure, energy_kWh and max_kW"
    assert said("", head="") == [f"t.csv: expected a header with {header}"]


def test_trace_and_site_must_agree(say, traced: str, header: str) -> None:
    rows = {"t__csv": header + "s,A-1,0,60,5,7\n"}
    assert say(text=traced, **rows) == []
    arrivals = '[[sites]]\narrivals = "home"\nvisits_per_evse_day = 1\nvehicles = "europe-2021"'
    assert say(
        ("[[sites]]", arrivals), ('"t.csv"', '"t.csv"\nsite = "office"'), text=traced, **rows
    ) == [
        "s.toml: sites.office.arrivals: value 'home': expected no arrivals where the site "
        "replays the trace"
    ]
    assert say(("[[sites]]", "[[sites]]\nvisits_per_evse_day = 1"), text=traced, **rows) == [
        "s.toml: sites.office.visits_per_evse_day: value 1: expected nothing here: it needs "
        "arrivals, and this site replays the trace"
    ]
    assert say(('"A-1", "A-2"', '"A-1"'), text=traced, **rows) == [
        "s.toml: sites.office.stations[0].names: expected 2 names (1 x 2 EVSEs), not 1"
    ]
    assert say(('"A-1", "A-2"', '"A-1", "A-1"'), text=traced, **rows) == [
        "s.toml: sites.office.stations[0].names[1]: value 'A-1': expected a name that no other "
        "EVSE of the site has"
    ]
    assert say(('"t.csv"', '"t.csv"\nmodel = "ac-7-single"'), text=traced, **rows) == [
        "s.toml: trace.model: value 'ac-7-single': expected nothing here: only missing_evse = "
        '"create" makes EVSEs'
    ]
    assert say(('"t.csv"', '"t.csv"\nmissing_evse = "creat"'), text=traced, **rows) == [
        "s.toml: trace.missing_evse: value 'creat': expected what to do with an EVSE that the "
        "site lacks: error or create; did you mean 'create'?"
    ]


def test_a_trace_that_is_not_there_is_an_error(say, traced: str) -> None:
    assert say(("t.csv", "nowhere.csv"), text=traced) == [
        "s.toml: trace.file: value 'nowhere.csv': expected a file that exists"
    ]


ITEM = {
    "sessionID": "2_39_78_362_2018-04-25 11:08:04.400812",
    "spaceID": "A-1",
    "stationID": "2-39-78-362",
    "connectionTime": "Mon, 01 Jun 2026 06:00:00 GMT",
    "disconnectTime": "Mon, 01 Jun 2026 14:30:00 GMT",
    "doneChargingTime": None,
    "kWhDelivered": 7.932,
    "timezone": "America/Los_Angeles",
    "userInputs": None,
}


def document(*changes: dict) -> str:
    items = [{**ITEM, "sessionID": f"s{n}", **change} for n, change in enumerate(changes)]
    return json.dumps({"_meta": {"site": "caltech"}, "_items": items})


def test_acn_data_becomes_the_same_columns(load) -> None:
    trace = load(document({}, {"spaceID": None, "stationID": "A-2"}), head="")
    assert trace.evse == ["A-1", "A-2"] and trace.session_id == ["s0", "s1"]
    assert trace.arrival_s.tolist() == [8 * 3600.0] * 2
    assert trace.departure_s.tolist() == [16.5 * 3600.0] * 2
    assert trace.energy_kwh.tolist() == [7.932] * 2
    assert all(math.isinf(kw) for kw in trace.max_kw)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kWhDelivered": None}, "kWhDelivered: expected an energy in kWh of 0 or more"),
        ({"kWhDelivered": -1}, "kWhDelivered: value -1: expected an energy in kWh of 0 or more"),
        (
            {"kWhDelivered": [1]},
            "kWhDelivered: value [...]: expected an energy in kWh of 0 or more",
        ),
        (
            {"disconnectTime": None},
            'disconnectTime: expected a time such as "Wed, 25 Apr 2018 11:08:04 GMT"',
        ),
        (
            {"connectionTime": "2018-04-25"},
            "connectionTime: value '2018-04-25': expected a time such as "
            '"Wed, 25 Apr 2018 11:08:04 GMT"',
        ),
        (
            {"disconnectTime": "Mon, 01 Jun 2026 05:00:00 GMT"},
            "disconnectTime: value 'Mon, 01 Jun 2026 05:00:00 GMT': expected a time at or after "
            "connectionTime (Mon, 01 Jun 2026 06:00:00 GMT)",
        ),
        ({"sessionID": ""}, "sessionID: expected a session identifier"),
        (
            {"sessionID": "s0"},
            "sessionID: value 's0': expected an identifier of its own (_items[0] has it)",
        ),
        (
            {"spaceID": "A-12"},
            "spaceID: value 'A-12': expected one of the 2 EVSEs of the site 'office', or "
            "trace.missing_evse = \"create\"; did you mean 'A-2'?",
        ),
        ({"spaceID": None, "stationID": None}, "stationID: expected the name of an EVSE"),
    ],
)
def test_a_hole_in_acn_data_is_located(change: dict, message: str, said) -> None:
    assert said(document({}, change), head="") == [f"t.csv: _items[1].{message}"]


def test_json_that_is_no_acn_data_is_refused(said) -> None:
    assert said("{", head="") == [
        "t.csv: line 1, column 2: expected valid JSON (Expecting property name enclosed in "
        "double quotes)"
    ]
    assert said('{"items": []}', head="") == [
        "t.csv: _items: expected the list of sessions of ACN-Data; did you mean '_items'?"
    ]
    assert said('{"_items": []}', head="") == ["t.csv: expected at least one session"]
    assert said("[7]", head="") == ["t.csv: _items[0]: value 7: expected a session"]


def test_a_slip_of_units_is_named_with_what_was_perhaps_meant(said) -> None:
    assert said("s,A-1,0,60,7500,11000\n") == [
        "t.csv: line 2, column 'energy_kWh': value '7500': expected an energy in kWh of at most "
        "5000; did you mean '7.5'?",
        "t.csv: line 2, column 'max_kW': value '11000': expected a power in kW of at most 5000; "
        "did you mean '11'?",
    ]


def test_times_beyond_every_calendar_are_no_times(said) -> None:
    lines = said("s,A-1,0001-01-01T00:00+14:00,9999-12-31T23:59-14:00,5,7\n")
    assert [line.split(": ")[1] for line in lines] == [
        "line 2, column 'arrival'",
        "line 2, column 'departure'",
    ]
    assert all(line.endswith(BAD_TIME) for line in lines)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"_items": [' + "9" * 5000 + "]}"])
def test_json_that_no_reader_can_hold_is_an_error(said, text: str) -> None:
    assert said("", head=text) == [
        "t.csv: expected JSON with numbers of a sensible length, nested a few levels deep"
    ]


@pytest.mark.parametrize("name", ["", "  ", "a\\u0000b"])
def test_a_trace_without_a_file_name_is_named_by_its_field(say, traced: str, name: str) -> None:
    (line,) = say(('"t.csv"', f'"{name}"'), text=traced)
    assert line.startswith("s.toml: trace.file: value ")
    assert line.endswith("expected the name of a file")


def test_the_nearest_file_is_offered_for_one_that_is_not_there(say, traced: str, header) -> None:
    rows = {"trace__csv": header + "s,A-1,0,60,5,7\n"}
    assert say(("t.csv", "tracs.csv"), text=traced, **rows) == [
        "s.toml: trace.file: value 'tracs.csv': expected a file that exists; "
        "did you mean 'trace.csv'?"
    ]
    long = "x" * 300 + ".csv"
    (line,) = say(("t.csv", long), text=traced)
    assert line.endswith("expected a file that exists")
