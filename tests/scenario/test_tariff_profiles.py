"""Tariffs and carbon intensity: windows in local time, located mistakes, intervals that fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.scenario import ScenarioError, load_profile, load_scenario
from simulator.scenario.pricing import borders, carbon_table, price_table
from simulator.scenario.profiles import names
from simulator.scenario.tariff_model import CarbonProfile, Tariff

HEAD = 'source = "ours"\nenergy_per_kwh = 0.3\n'


def tariff(tmp_path: Path, text: str) -> Tariff:
    folder = tmp_path / "profiles" / "tariffs"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.toml").write_text(HEAD + text, encoding="utf-8")
    found = load_profile("tariffs", "mine", tmp_path)
    assert isinstance(found, Tariff)
    return found


def said(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as error:
        tariff(tmp_path, text)
    return [str(problem).partition("mine.toml: ")[2] for problem in error.value.problems]


def window(**fields: object) -> str:
    lines = [f"{key.rstrip('_')} = {value!r}" for key, value in fields.items()]
    return "\n".join(["[[windows]]", *lines, ""]).replace("'", '"')


def test_a_window_past_midnight_belongs_to_the_day_on_which_it_begins(tmp_path: Path) -> None:
    late = window(from_="22:00", to="06:00", days="weekdays", energy_per_kwh=0.1)
    table = price_table(tariff(tmp_path, late))
    friday, saturday, sunday, monday = 4, 5, 6, 0
    assert table[0, friday, 23 * 60] == 0.1
    assert table[0, saturday, 5 * 60] == 0.1
    assert table[0, saturday, 6 * 60] == 0.3
    assert table[0, saturday, 23 * 60] == 0.3
    assert table[0, monday, 5 * 60] == 0.3  # Sunday night is no weekday's
    assert table[0, sunday, 23 * 60] == 0.3


def test_a_window_without_times_is_the_whole_day(tmp_path: Path) -> None:
    table = price_table(tariff(tmp_path, window(days="weekends", months=[7], energy_per_kwh=0.2)))
    assert (table[6, 5:] == 0.2).all()
    assert (table[6, :5] == 0.3).all() and (table[7] == 0.3).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (window(from_="06:30", to="22:00", energy_per_kwh=0.4), [390, 1320]),
        (window(days="weekends", energy_per_kwh=0.4), [0]),
        (window(months=[7], energy_per_kwh=0.4), [0]),
        (window(from_="22:00", to="00:00", energy_per_kwh=0.4), [0, 1320]),
    ],
)
def test_prices_change_at_known_minutes(tmp_path: Path, text: str, expected: list[int]) -> None:
    assert borders(price_table(tariff(tmp_path, text))).tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            window(from_="08:00", to="12:00", energy_per_kwh=1)
            + window(from_="11:30", to="13:00", days="weekends", energy_per_kwh=2),
            "windows[1].from: value '11:30': expected a window that no earlier one overlaps (they "
            "meet: month 1, day 6 of the week, 11:30)",
        ),
        (
            window(from_="8:00", energy_per_kwh=1),
            "windows[0].from: value '8:00': expected a time of day such as \"17:00\"; did you "
            "mean '08:00'?",
        ),
        (window(from_="08:00"), "windows[0].energy_per_kwh: expected this field"),
        (
            window(energy_per_kwh=1, months=[13]),
            "windows[0].months[0]: value 13: expected a number of at most 12",
        ),
        (
            "[drivers]\nidle_cap = 3.0",
            "drivers.idle_cap: value 3.0: expected nothing here without idle_per_minute",
        ),
        (
            "[grid]\ndemand_per_kw_month = -1",
            "grid.demand_per_kw_month: value -1: expected a number of 0 or more",
        ),
        (
            "[grid]\ndemand = 1",
            "grid.demand: value 1: expected a known field (demand_per_kw_month, fixed_per_month "
            "or feed_in_per_kwh)",
        ),
    ],
)
def test_a_mistake_is_located(tmp_path: Path, text: str, message: str) -> None:
    assert said(tmp_path, text) == [message]


def test_what_ships_says_its_source_and_what_it_assumes() -> None:
    for kind in ("tariffs", "carbon", "series"):
        assert names(kind)  # type: ignore[arg-type]
        for name in names(kind):  # type: ignore[arg-type]
            profile = load_profile(kind, name)
            assert profile.source and profile.description


def test_the_levels_of_the_shipped_tariffs() -> None:
    time_of_use = load_profile("tariffs", "de-time-of-use")
    california = load_profile("tariffs", "sce-tou-ev-4")
    assert isinstance(time_of_use, Tariff) and isinstance(california, Tariff)
    january, july, monday, sunday = 0, 6, 0, 6
    table = price_table(time_of_use)
    assert table[january, monday, [0, 60, 240, 1020, 1140]].tolist() == [
        0.3052,
        0.2535,
        0.3052,
        0.3274,
        0.3052,
    ]
    assert set(np.unique(table[july])) == {0.3052}
    table = price_table(california)
    assert table[july, monday, [0, 480, 720, 1080, 1380]].tolist() == [
        0.05623,
        0.0925,
        0.26668,
        0.0925,
        0.05623,
    ]
    assert set(np.unique(table[january, sunday])) == {0.06087}
    assert california.grid is not None and california.grid.demand_per_kw_month == 15.51


def test_the_shipped_intensity_has_the_mean_of_its_source() -> None:
    profile = load_profile("carbon", "de-2024")
    assert isinstance(profile, CarbonProfile)
    table = carbon_table(profile)
    assert table.shape == (12, 7, 1440)
    assert table.mean() == pytest.approx(0.363, rel=1e-6)
    assert table[6, 0, 13 * 60] < table[6, 0, 20 * 60] < table[0, 0, 20 * 60]


# -- in a scenario ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            'tariff = "retail-idle-fee"',
            "sites.ring-road.tariff: value 'retail-idle-fee': expected a tariff for a site (this "
            "one has fees that drivers pay)",
        ),
        (
            'retail = "de-demand"',
            "sites.ring-road.retail: value 'de-demand': expected a tariff for drivers (this one "
            "has what only a site pays)",
        ),
        (
            'tariff = "sce-tou-ev-4"\nretail = "retail-idle-fee"',
            "sites.ring-road.retail: value 'retail-idle-fee': expected a tariff in USD, as the "
            "site's own is (not in EUR)",
        ),
        (
            'battery = { capacity = "10 kWh", power = "5 kW", target = "400 kW" }',
            "sites.ring-road.battery.target: value '400 kW': expected at most the grid limit "
            "(300 kW)",
        ),
    ],
)
def test_tariffs_and_battery_fit_the_site(say, text: str, line: str) -> None:
    lines = say(("vehicles", f"{text}\nvehicles"))
    assert [entry.removeprefix("s.toml: ") for entry in lines] == [line]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            'tariff = "de-time-of-use"',
            "record.interval: value '2h': expected intervals that end at 01:00 too, where "
            "'de-time-of-use' changes, not only every 2h from the start on",
        ),
        (
            'carbon = "de-2024"',
            "record.interval: value '2h': expected intervals that end at 01:00 too, where "
            "'de-2024' changes, not only every 2h from the start on",
        ),
        ('tariff = "de-flat"', None),
    ],
)
def test_a_price_that_changes_within_an_interval_is_refused(
    say, more: str, line: str | None
) -> None:
    record = '\n[record]\ninterval = "2h"\nbilling_interval = "2h"\n'
    lines = say(("vehicles", f"{more}\nvehicles"), ("[csms]", f"{record}\n[csms]"))
    assert [entry.removeprefix("s.toml: ") for entry in lines] == ([line] if line else [])


def test_a_demand_charge_needs_billing_intervals_that_end_at_midnight(say) -> None:
    lines = say(
        ("2026-06-01T00:00:00", "2026-06-01T00:30:00"),
        ("vehicles", 'tariff = "de-demand"\nvehicles'),
        ("[csms]", '[record]\nbilling_interval = "1h"\n\n[csms]'),
    )
    assert lines == [
        "s.toml: record.billing_interval: value '1h': expected intervals that end at 00:00 too, "
        "where 'de-demand' changes, not only every 1h from the start on"
    ]


def test_a_scenario_keeps_what_it_names(write) -> None:
    path = write(("vehicles", 'tariff = "de-flat"\ncarbon = "de-2024"\nvehicles'))
    scenario = load_scenario(path)
    assert list(scenario.tariffs) == ["de-flat"]
    assert list(scenario.carbon) == ["de-2024"]
