"""What is prepared before a site runs: prices and other load in local time, once per site."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.engine.terms import network_terms, site_terms
from simulator.scenario import Scenario, ScenarioError, load_scenario

TEXT = """\
[scenario]
name = "priced"
start = {start}
timezone = "Europe/Berlin"
duration = "{duration}"

[[sites]]
name = "yard"
count = 2
stations = [{{ model = "ac-11-single", count = 2 }}]
arrivals = "workplace"
visits_per_evse_day = 0.7
vehicles = "europe-2021"
{more}
"""


@pytest.fixture
def made(tmp_path: Path):
    def make(more: str, start="2026-03-23T00:00:00", duration="167h", record="") -> Scenario:
        path = tmp_path / "s.toml"
        text = TEXT.format(more=more, start=start, duration=duration) + record
        path.write_text(text, encoding="utf-8")
        return load_scenario(path)

    return make


@pytest.mark.parametrize(
    ("start", "hours", "cheap"),
    [("2026-03-23T00:00:00", 167, 20), ("2026-10-19T00:00:00", 169, 22)],
)
def test_prices_follow_the_clock_through_a_week_of_167_or_169_hours(
    made, start: str, hours: int, cheap: int
) -> None:
    """Cheap from 01 to 04 h: two hours on the Sunday in March, four on the one in October."""
    scenario = made('tariff = "de-time-of-use"', start, f"{hours}h")
    terms = site_terms(scenario, scenario.file.sites[0], hours * 3600.0)
    assert terms.price is not None and terms.feed_in is not None
    assert len(terms.price) == hours * 4
    assert (terms.price == 0.2535).sum() == cheap * 4
    assert (terms.price == 0.3274).sum() == 14 * 4
    assert set(terms.feed_in) == {0.07}
    assert sum(terms.month_shares.values()) == pytest.approx(
        hours / (743 if start < "2026-04" else 745)
    )


def test_other_load_becomes_rows_for_the_kernel(made) -> None:
    more = 'base_load = { profile = "office", peak = "50 kW" }\n'
    more += 'pv = { profile = "pv-central-europe", peak = "80 kW" }'
    scenario = made(more)
    terms = site_terms(scenario, scenario.file.sites[0], 86_400.0)
    rows = terms.changes()
    assert rows["time_s"][0] == 0.0 and (np.diff(rows["time_s"]) > 0).all()
    for row in rows[::7]:
        assert row["kw"] == pytest.approx(terms.base.at(row["time_s"]) - terms.pv.at(row["time_s"]))
    assert rows["kw"].min() < 0.0 < rows["kw"].max()


def test_a_battery_carries_the_other_load_itself(made) -> None:
    more = 'base_load = { profile = "office", peak = "50 kW" }\n'
    more += 'battery = { capacity = "10 kWh", power = "5 kW" }'
    scenario = made(more)
    assert len(site_terms(scenario, scenario.file.sites[0], 86_400.0).changes()) == 0


def test_copies_of_a_site_share_its_terms(made) -> None:
    scenario = made('carbon = "de-2024"')
    found = network_terms(scenario, scenario.network(), 86_400.0)
    assert list(found) == ["yard", "yard#2"]
    assert found["yard"] is found["yard#2"]
    assert found["yard"].carbon is not None
    assert found["yard"].carbon[0] == pytest.approx(0.382 * 0.99)


def test_a_site_without_any_of_it_has_plain_terms(made) -> None:
    scenario = made("")
    assert site_terms(scenario, scenario.file.sites[0], 86_400.0).plain


def test_a_longer_horizon_in_which_an_interval_no_longer_fits_is_refused(made) -> None:
    """Two-hour intervals fit a price that changes at even hours, until the clocks go forward."""
    (folder := Path(made("").path).parent / "profiles" / "tariffs").mkdir(parents=True)
    (folder / "even.toml").write_text(
        'source = "ours"\nenergy_per_kwh = 0.3\n[[windows]]\nfrom = "06:00"\nto = "22:00"\n'
        "energy_per_kwh = 0.4\n",
        encoding="utf-8",
    )
    record = '\n[record]\ninterval = "2h"\nbilling_interval = "2h"\n'
    scenario = made('tariff = "even"', duration="5d", record=record)
    with pytest.raises(ScenarioError, match=r"record\.interval: expected intervals that end at"):
        site_terms(scenario, scenario.file.sites[0], 8 * 86_400.0)
