"""Series: shapes in local time, the sun, files that cover the horizon or say what is missing."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.scenario import InputError, load_profile, load_scenario
from simulator.scenario.series import (
    Steps,
    profile_steps,
    read_series,
    site_series,
    table_steps,
)
from simulator.scenario.series_model import SeriesProfile, Sun
from simulator.scenario.sun import clear_sky

BERLIN = ZoneInfo("Europe/Berlin")
DAY_S = 86_400.0
SPRING = dt.datetime(2026, 3, 23, tzinfo=BERLIN)
AUTUMN = dt.datetime(2026, 10, 19, tzinfo=BERLIN)
WEEK = tuple(float(hour) for hour in range(168))
RISING = SeriesProfile("rising", "", "", (WEEK,) * 12, None)
JUNE = dt.datetime(2026, 6, 1, tzinfo=BERLIN)


@pytest.mark.parametrize(("start", "hours"), [(SPRING, 167), (AUTUMN, 169)])
def test_a_shape_follows_the_clock_through_a_week_of_167_or_169_hours(
    start: dt.datetime, hours: int
) -> None:
    steps = profile_steps(RISING, start, hours * 3600.0, 1.0)
    kwh = steps.energy_kwh(3600.0, hours * 3600.0)
    expected = list(WEEK)
    if hours == 167:
        del expected[6 * 24 + 2]  # there is no two o'clock on that Sunday
    else:
        expected.insert(6 * 24 + 2, WEEK[6 * 24 + 2])
    assert kwh.tolist() == pytest.approx(expected)


def test_a_shape_that_starts_within_an_hour_changes_on_the_hour() -> None:
    start = dt.datetime(2026, 6, 1, 10, 40, tzinfo=BERLIN)
    steps = profile_steps(RISING, start, 7200.0, 1.0)
    assert steps.time_s.tolist() == [0.0, 1200.0, 4800.0]
    assert steps.kw.tolist() == [10.0, 11.0, 12.0]


def test_a_shape_is_scaled_to_its_peak_in_the_month_that_has_it() -> None:
    office = load_profile("series", "office")
    assert isinstance(office, SeriesProfile)
    year = profile_steps(office, dt.datetime(2026, 1, 1, tzinfo=BERLIN), 365 * DAY_S, 80.0)
    assert year.kw.max() == pytest.approx(80.0)
    june = profile_steps(office, JUNE, 7 * DAY_S, 80.0)
    assert 0.6 * 80 < june.kw.max() < 0.8 * 80
    weekend = june.energy_kwh(DAY_S, 7 * DAY_S)[5:]
    assert weekend.max() < 0.25 * june.energy_kwh(DAY_S, 7 * DAY_S)[0]


def test_a_generator_yields_what_its_months_are_stated_to_yield() -> None:
    profile = load_profile("series", "pv-central-europe")
    assert isinstance(profile, SeriesProfile) and profile.sun is not None
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    kwh = profile_steps(profile, start, 365 * DAY_S, 10.0).energy_kwh(DAY_S, 365 * DAY_S)
    days = np.datetime64("2026-01-01") + np.arange(365)
    month = days.astype("datetime64[M]").astype(int) % 12
    stated = [10 * yielded for yielded in profile.sun.yield_kwh_per_kwp]
    assert np.bincount(month, kwh).tolist() == pytest.approx(stated, rel=1e-9)


def test_the_sun_stands_where_it_should() -> None:
    # On the equator, looking up, on the equinox: highest at noon UTC less the equation of time.
    flat = Sun(0.0, 0.0, 0.0, 180.0, (1.0,) * 12)
    seconds = (78 * DAY_S) + np.arange(0, DAY_S, 60.0)
    power = clear_sky(flat, seconds)
    assert power.argmax() / 60 == pytest.approx(12.12, abs=0.1)  # 20 March: about +7 min
    assert power.max() == pytest.approx(1.353 * 0.7 * 1.1, rel=0.01)
    up = np.flatnonzero(power) / 60
    assert up[-1] - up[0] == pytest.approx(12.0, abs=0.1)


def test_a_wall_to_the_east_sees_the_morning_and_one_to_the_west_the_evening() -> None:
    seconds = (171 * DAY_S) + np.arange(0, DAY_S, 60.0)
    east, west = (
        clear_sky(Sun(48.0, 0.0, 90.0, azimuth, (1.0,) * 12), seconds) for azimuth in (90, 270)
    )
    assert east.argmax() / 60 < 9 < 15 < west.argmax() / 60


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(1.0, 5000.0), st.floats(0.0, 100.0)), min_size=1, max_size=15),
    st.sampled_from([60.0, 900.0, 1234.5]),
)
def test_energy_does_not_depend_on_the_interval(
    parts: list[tuple[float, float]], interval_s: float
) -> None:
    lengths = np.array([length for length, _ in parts])
    steps = Steps(np.append(0.0, np.cumsum(lengths)[:-1]), np.array([kw for _, kw in parts]))
    horizon_s = float(lengths.sum())
    kwh = steps.energy_kwh(interval_s, horizon_s)
    assert kwh.sum() == pytest.approx(float((steps.kw * lengths).sum()) / 3600.0, abs=1e-9)
    assert (kwh >= -1e-12).all()


# -- files ------------------------------------------------------------------------------------


def table(tmp_path: Path, *rows: str, start: dt.datetime = JUNE):
    path = tmp_path / "load.csv"
    path.write_text("\n".join(["time,kW", *rows]) + "\n", encoding="utf-8")
    return read_series(path, "load.csv", start)


def said(tmp_path: Path, *rows: str, start: dt.datetime = JUNE) -> list[str]:
    with pytest.raises(InputError) as error:
        table(tmp_path, *rows, start=start)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    "rows",
    [
        ("0,5", "60,7", "120,6"),
        ("2026-06-01T00:00,5", "2026-06-01T01:00,7", "2026-06-01T02:00,6"),
        ("2026-05-31T22:00Z,5", "2026-06-01T01:00+02:00,7", "2026-06-01T00:00+00:00,6"),
    ],
)
def test_times_are_minutes_local_or_with_their_zone(tmp_path: Path, rows: tuple[str, ...]) -> None:
    steps = table_steps(table(tmp_path, *rows), JUNE, 3 * 3600.0)
    assert steps.time_s.tolist() == [0.0, 3600.0, 7200.0]
    assert steps.kw.tolist() == [5.0, 7.0, 6.0]


def test_a_file_may_begin_earlier_and_end_later(tmp_path: Path) -> None:
    steps = table_steps(table(tmp_path, "-90,1", "-30,2", "30,3", "90,4"), JUNE, 3600.0)
    assert steps.time_s.tolist() == [0.0, 1800.0]
    assert steps.kw.tolist() == [2.0, 3.0]


def test_an_hour_that_comes_twice_is_read_in_order(tmp_path: Path) -> None:
    start = dt.datetime(2026, 10, 25, 1, tzinfo=BERLIN)
    rows = ("01:00,1", "02:00,2", "02:00,3", "03:00,4")
    found = table(tmp_path, *(f"2026-10-25T{row}" for row in rows), start=start)
    assert found.time_s.tolist() == [0.0, 3600.0, 7200.0, 10_800.0]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    found = table(tmp_path, "60,5", "120,7")
    with pytest.raises(InputError) as error:
        table_steps(found, JUNE, DAY_S)
    assert [str(problem) for problem in error.value.problems] == [
        "load.csv: expected power from 2026-06-01T00:00:00+02:00 to 2026-06-01T01:00:00+02:00 too",
        "load.csv: expected power from 2026-06-01T03:00:00+02:00 to 2026-06-02T00:00:00+02:00 too",
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ("0,5", "60,7", "180,6"),
            "load.csv: line 4, column 'time': value 2026-06-01T03:00:00+02:00: expected the time "
            "2026-06-01T02:00:00+02:00, one step of 60 min after the row before",
        ),
        (
            ("0,5", "60,7", "60,6"),
            "load.csv: line 4, column 'time': value 2026-06-01T01:00:00+02:00: expected a time "
            "after that of the row before",
        ),
        (
            ("0,5", "60,-7"),
            "load.csv: line 3, column 'kW': value '-7': expected a power in kW from 0 to 1e+06",
        ),
        (("0,5", "60,"), "load.csv: line 3, column 'kW': expected a power in kW from 0 to 1e+06"),
        (
            ("0,5", "60,nan"),
            "load.csv: line 3, column 'kW': value 'nan': expected a power in kW from 0 to 1e+06",
        ),
        (
            ("0,5", "2026-06-01T01:00,7"),
            "load.csv: line 3, column 'time': value '2026-06-01T01:00': expected minutes "
            "throughout the file, as in line 2",
        ),
        (
            ("noon,5", "60,7"),
            "load.csv: line 2, column 'time': value 'noon': expected minutes since the scenario's "
            "start, a local time such as 2026-06-01T08:00, or an ISO time with its zone",
        ),
        (("0,5",), "load.csv: expected at least two rows"),
    ],
)
def test_a_hole_or_a_slip_is_located(tmp_path: Path, rows: tuple[str, ...], message: str) -> None:
    assert said(tmp_path, *rows) == [message]


def test_a_local_time_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    start = dt.datetime(2026, 3, 29, tzinfo=BERLIN)
    lines = said(tmp_path, "2026-03-29T01:00,1", "2026-03-29T02:00,1", start=start)
    assert lines == [
        "load.csv: line 3, column 'time': value '2026-03-29T02:00': expected a local time that "
        "exists in Europe/Berlin (clocks go forward there)"
    ]


CELLS = st.one_of(
    st.text(max_size=8),
    st.integers(-100, 100).map(str),
    st.sampled_from(["2026-06-01T00:00", "2026-06-01T00:00Z", "9999-12-31", "1e400", "-inf"]),
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_no_file_makes_it_stumble(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "any.csv"
    with path.open("w", encoding="utf-8", newline="", errors="surrogatepass") as file:
        csv.writer(file).writerows([("time", "kW"), *rows])
    try:
        found = read_series(path, "any.csv", JUNE)
    except InputError:
        return
    assert (np.diff(found.time_s) > 0).all() and np.isfinite(found.kw).all()


# -- in a scenario ----------------------------------------------------------------------------

HOURS = "time,kW\n" + "".join(f"{60 * hour},{hour}\n" for hour in range(24))


def test_a_scenario_reads_profile_and_file(write) -> None:
    path = write(
        ("vehicles", 'base_load = { file = "b.csv" }\nvehicles'),
        ("vehicles", 'pv = { profile = "pv-central-europe", peak = "50 kW" }\nvehicles'),
        **{"b__csv": HOURS},
    )
    scenario = load_scenario(path)
    base, pv = site_series(scenario, scenario.file.sites[0], DAY_S)
    assert base is not None and pv is not None
    assert base.at(3600.0 * 5.5) == 5.0
    assert pv.at(0.0) == 0.0 < pv.at(13 * 3600.0) < 50.0
    assert site_series(scenario, scenario.file.sites[1], DAY_S) == (None, None)


def test_a_longer_run_than_the_file_is_refused_when_it_starts(write) -> None:
    path = write(("vehicles", 'base_load = { file = "b.csv" }\nvehicles'), **{"b__csv": HOURS})
    scenario = load_scenario(path)
    with pytest.raises(InputError, match="to 2026-06-03T00:00:00"):
        site_series(scenario, scenario.file.sites[0], 2 * DAY_S)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "base_load = { }",
            'sites.ring-road.base_load: value {}: expected { profile = "a shape", peak = "100 kW" '
            '} or { file = "a CSV file" }',
        ),
        (
            'base_load = { profile = "office" }',
            "sites.ring-road.base_load.peak: expected the shape's largest value, such as '100 kW'",
        ),
        (
            'pv = { file = "b.csv", peak = "3 kW" }',
            "sites.ring-road.pv.peak: value '3 kW': expected nothing here: the file has kW",
        ),
        (
            'pv = { file = "b.csv", profile = "office", peak = "3 kW" }',
            "sites.ring-road.pv.file: value 'b.csv': expected nothing here besides a profile",
        ),
        (
            'pv = { file = "c.csv" }',
            "sites.ring-road.pv.file: value 'c.csv': expected a file that exists; did you mean "
            "'b.csv'?",
        ),
        (
            'pv = { profile = "offic", peak = "3 kW" }',
            "sites.ring-road.pv.profile: value 'offic': expected a profile (series): office, "
            "pv-central-europe or shop; did you mean 'office'?",
        ),
    ],
)
def test_what_is_wrong_with_a_series_is_located(say, text: str, line: str) -> None:
    lines = say(("vehicles", f"{text}\nvehicles"), **{"b__csv": HOURS})
    assert [entry.removeprefix("s.toml: ") for entry in lines] == [line]


def test_a_file_given_on_the_command_line_lies_where_one_works(
    write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write()
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "b.csv").write_text(HOURS, encoding="utf-8")
    monkeypatch.chdir(folder)
    scenario = load_scenario(path, sets=["sites.ring-road.base_load.file=b.csv"])
    base, _ = site_series(scenario, scenario.file.sites[0], DAY_S)
    assert base is not None and base.at(3600.0) == 1.0
