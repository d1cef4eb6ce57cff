"""What a file says of events, and what is said about a wrong one."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from simulator.engine.events import KINDS, NAMES
from simulator.scenario import json_schema, load_scenario
from simulator.scenario.moments import occurrences_s, read_moments
from simulator.scenario.options import read_options
from simulator.scenario.problems import FieldError

BERLIN = ZoneInfo("Europe/Berlin")
MINE = "def drive(world):\n    yield\n\ndef dive(world):\n    yield\n"


@pytest.fixture
def said(say, good):
    """What is said about an event with these lines."""

    def lines(text, **files):
        found = say(
            text=f"{good}\n[[events]]\n{text}\n", options={"events": KINDS}, mine__py=MINE, **files
        )
        return [line.removeprefix("s.toml: ") for line in found]

    return lines


@pytest.mark.parametrize(
    "text",
    [
        'kind = "station_failures"\noptions = { mtbf = "30d", mttr = "8h" }',
        'kind = "station_failures"\nsites = ["home"]\noptions = { mtbf = "30d", mttr = "8h" }',
        'kind = "site_outage"\nsites = ["ring-road#2"]\noptions = { at = "02:30", for = "5m" }',
        'kind = "site_outage"\noptions = { at = 02:30:00, for = "5m" }',
        'kind = "site_outage"\noptions = { every = "30d", for = "5m" }',
        'kind = "demand_response"\nsites = ["ring-road"]\n'
        'options = { at = ["17:00", 2026-06-01T12:00:00], for = "2h", percent = "60 %" }',
        'kind = "demand_response"\noptions = { at = "17:00", for = "2h", limit = "0 kW" }',
        'kind = "stadium_night"\noptions = { at = "17:00", visits = 90, energy = "9 kWh" }',
        'kind = "python"\noptions = { function = "mine.py:drive", arguments = { n = 3 } }',
    ],
)
def test_right_events(said, text):
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'kind = "stadium"\noptions = {}',
            "events[0].kind: value 'stadium': expected a kind of event: station_failures,"
            " site_outage, demand_response, stadium_night or python; did you mean 'stadium_night'?",
        ),
        (
            'kind = "station_failures"\noptions = { mtbf = "30d" }',
            "events[0].options.mttr: expected this option: mean time to repair",
        ),
        (
            'kind = "station_failures"\noptions = { mtbf = 30, mttr = "8h" }',
            "events[0].options.mtbf: value 30: expected a duration with its unit,"
            " such as \"15m\"; did you mean '30 s'?",
        ),
        (
            'kind = "station_failures"\noptions = { mtfb = "30d", mttr = "8h" }',
            "events[0].options.mtfb: value '30d': expected an option of station_failures"
            " (mtbf or mttr); did you mean 'mtbf'?",
        ),
        (
            'kind = "site_outage"\noptions = { for = "5m" }',
            "events[0].options: expected exactly one of at and every",
        ),
        (
            'kind = "site_outage"\noptions = { at = "12:00", every = "1d", for = "5m" }',
            "events[0].options.every: value '1d': expected exactly one of at and every",
        ),
        (
            'kind = "site_outage"\noptions = { at = "noon", for = "5m" }',
            "events[0].options.at: value 'noon': expected a local time of day such as"
            ' "17:00" (every day), or a date and time (once)',
        ),
        (
            'kind = "site_outage"\noptions = { at = 2026-05-31T12:00:00, for = "5m" }',
            "events[0].options.at: value 2026-05-31 12:00:00: expected a time that is not before"
            " scenario.start; did you mean '2026-06-01T00:00:00'?",
        ),
        (
            'kind = "site_outage"\noptions = { at = 2027-03-28T02:30:00, for = "5m" }',
            "events[0].options.at: value 2027-03-28 02:30:00: expected a local time that exists in"
            " Europe/Berlin (clocks go forward there); did you mean '2027-03-28T03:30:00'?",
        ),
        (
            'kind = "site_outage"\nsites = ["ringroad"]\noptions = { at = "12:00", for = "5m" }',
            "events[0].sites[0]: value 'ringroad': expected a site: ring-road or home;"
            " did you mean 'ring-road'?",
        ),
        (
            'kind = "site_outage"\nsites = ["ring-road#3"]\noptions = { at = "12:00", for = "5m" }',
            "events[0].sites[0]: value 'ring-road#3': expected ring-road (all of them),"
            " or ring-road#2 to #2; did you mean 'ring-road'?",
        ),
        (
            'kind = "site_outage"\nsites = []\noptions = { at = "12:00", for = "5m" }',
            "events[0].sites: value []: expected at least one site, or no `sites` for all of them",
        ),
        (
            'kind = "demand_response"\noptions = { at = "17:00", for = "2h", percent = "60 %" }',
            "events[0].options.percent: value '60 %': expected a site with a grid_limit"
            " (it is a part of that), and home has none",
        ),
        (
            'kind = "demand_response"\nsites = ["ring-road"]\n'
            'options = { at = "17:00", for = "2h", percent = "160 %" }',
            "events[0].options.percent: value '160 %': expected a ratio of at most 1",
        ),
        (
            'kind = "stadium_night"\noptions = { at = "17:00", visits = 0 }',
            "events[0].options.visits: value 0: expected a whole number of visits of 1 or more",
        ),
        (
            'kind = "stadium_night"\noptions = { at = "17:00", visits = 9, leave = "30m" }',
            "events[0].options.leave: value '30m': expected leave longer than within",
        ),
        (
            'kind = "python"\noptions = { function = "mine" }',
            "events[0].options.function: value 'mine': expected a file and a function in it, such"
            ' as "mine.py:maintenance"',
        ),
        (
            'kind = "python"\noptions = { function = "mime.py:drive" }',
            "events[0].options.function: value 'mime.py:drive': expected a Python file that"
            " exists; did you mean 'mine.py:drive'?",
        ),
        (
            'kind = "python"\noptions = { function = "mine.py:drives" }',
            "events[0].options.function: value 'mine.py:drives': expected a function of mine.py:"
            " drive or dive; did you mean 'mine.py:drive'?",
        ),
        (
            'kind = "python"\noptions = { function = "bad.py:drive" }',
            "events[0].options.function: value 'bad.py:drive': expected valid Python"
            " ('(' was never closed, line 1)",
        ),
    ],
)
def test_a_wrong_event_is_said_once_and_where(said, text, expected):
    assert said(text, bad__py="def drive(world:\n") == [expected]


def test_a_trace_has_no_vehicles_to_draw_a_crowd_from(say, traced, header):
    text = traced + '\n[[events]]\nkind = "stadium_night"\noptions = { at = "17:00", visits = 9 }\n'
    rows = header + "a,A-1,480,540,5,11\n"
    line, *rest = say(text=text, t__csv=rows, options={"events": KINDS})
    assert rest == []
    assert line == (
        "s.toml: events[0].options.visits: value 9: expected a site with arrivals and vehicles"
        " (the visits are drawn from them), and office has none"
    )


def test_without_kinds_no_event_is_known(say, good):
    text = good + '\n[[events]]\nkind = "python"\noptions = {}\n'
    (line,) = say(text=text)
    assert line.startswith("s.toml: events[0].kind: value 'python': expected a kind of event")


def test_a_scenario_with_events_is_valid_again_as_it_was_resolved(write, good):
    """Dates, times and quantities of options survive the manifest."""
    text = (
        '[[events]]\nkind = "site_outage"\n'
        'options = { at = [02:30:00, "17:00", 2026-06-01T12:00:00], for = "5m" }\n'
    )
    scenario = load_scenario(write(text=good + text), events=KINDS)
    (table,) = scenario.as_dict()["events"]
    assert table["options"]["at"] == ["02:30:00", "17:00", "2026-06-01T12:00:00"]
    options = KINDS["site_outage"]
    assert read_options(options, table["options"]) == read_options(
        options, scenario.file.events[0].options
    )


def test_moments_are_local_times():
    assert read_moments("17:00") == (dt.time(17),)
    assert read_moments(["17:00", dt.time(2, 30)]) == (dt.time(17), dt.time(2, 30))
    assert read_moments("2026-06-01T12:00:00") == (dt.datetime(2026, 6, 1, 12),)
    for wrong in ([], 17, "25:00", "soon", dt.time(1, tzinfo=BERLIN), None):
        with pytest.raises(FieldError, match="a local time of day"):
            read_moments(wrong)


def test_a_time_of_day_that_is_skipped_or_comes_twice_happens_once():
    moments = read_moments("02:30")
    spring = dt.datetime(2026, 3, 28, tzinfo=BERLIN)
    hours = [t / 3600 for t in occurrences_s(moments, spring, BERLIN, 3 * 86_400.0)]
    assert hours == [2.5, 26.5, 49.5]  # skipped on the 29th: an hour later, at 03:30
    autumn = dt.datetime(2026, 10, 24, tzinfo=BERLIN)
    hours = [t / 3600 for t in occurrences_s(moments, autumn, BERLIN, 3 * 86_400.0)]
    assert hours == [2.5, 26.5, 51.5]


def test_the_schema_offers_the_kinds():
    kinds = json_schema(events=NAMES)["$defs"]["Event"]["properties"]["kind"]
    assert kinds["enum"] == list(NAMES)
    assert "x-event" not in json_schema()["$defs"]["Event"]["properties"]["kind"]
