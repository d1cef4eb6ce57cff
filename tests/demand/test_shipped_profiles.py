"""Visits drawn from shipped profiles reproduce the figures of the data that they come from.

The figures are the sources' own (see the head of each profile), not those of the profile file.
Tolerances are stated with each: they cover the fit of a lognormal to the data, not the sampling,
which is an order of magnitude smaller with this many visits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from simulator.demand import Visits, draw_visits
from simulator.scenario import Scenario, list_profiles

N_SITES = 60
DAYS = 28.0


@dataclass(frozen=True)
class Sample:
    local: list[datetime]
    energy_kwh: np.ndarray
    stay_h: np.ndarray
    soc: np.ndarray
    target_soc: np.ndarray

    def shares(self, weekend: bool) -> np.ndarray:
        """Share of the arrivals per local hour, in per cent."""
        hours = [t.hour for t in self.local if (t.weekday() >= 5) == weekend]
        return 100.0 * np.bincount(hours, minlength=24) / len(hours)


@pytest.fixture
def sample(make: Any, one_site: Any) -> Callable[..., Sample]:
    def draw(profile: str, rate: float, station: str) -> Sample:
        table = one_site(
            "site",
            count=N_SITES,
            arrivals=profile,
            vehicles="europe-2021",
            visits_per_evse_day=rate,
            stations=[{"model": station, "count": 10}],
        )
        scenario: Scenario = make(sites=[table], scenario={"duration": f"{DAYS:g}d"})
        zero, zone = scenario.start.timestamp(), scenario.timezone
        drawn: list[Visits] = [draw_visits(scenario, s) for s in scenario.network().sites]

        def column(get: Callable[[Visits], np.ndarray]) -> np.ndarray:
            return np.concatenate([get(v) for v in drawn])

        def efficiency(v: Visits) -> np.ndarray:
            if station.startswith(("dc", "hpc")):
                return np.where(v.dc_kw > 0, v.efficiency_dc, v.efficiency_ac)
            return v.efficiency_ac

        return Sample(
            [datetime.fromtimestamp(zero + t, zone) for t in column(lambda v: v.arrival_s)],
            column(lambda v: (v.target_soc - v.soc) * v.battery_kwh / efficiency(v)),
            column(lambda v: (v.departure_s - v.arrival_s) / 3600.0),
            column(lambda v: v.soc),
            column(lambda v: v.target_soc),
        )

    return draw


def hours(text: str) -> np.ndarray:
    return np.array([float(x) for x in text.split()])


def test_public_dc_is_perth_and_dundee(sample: Any) -> None:
    s = sample("public-dc", 4.0, "dc-50-single")
    weekday = hours(
        ".3 .2 .1 .1 .1 .3 .9 2.5 5.2 6.2 6.1 7.1 8.4 7.9 7.7 8.6 7.7 9.1 8.3 5.9 3.4 2.0 1.2 .6"
    )
    weekend = hours(
        ".6 .4 .2 .2 .2 .2 .5 1.2 3.1 5.4 8.3 8.8 10.2 9.4 9.0 8.5 8.9 7.9 5.9 4.3 3.0 1.8 1.3 .8"
    )
    assert s.shares(weekend=False) == pytest.approx(weekday, abs=0.6)
    assert s.shares(weekend=True) == pytest.approx(weekend, abs=0.6)
    assert s.energy_kwh.mean() == pytest.approx(10.31, rel=0.06)
    assert np.median(s.energy_kwh) == pytest.approx(9.32, rel=0.15)
    assert np.percentile(s.energy_kwh, 90) == pytest.approx(18.68, rel=0.15)
    assert s.stay_h.mean() == pytest.approx(0.44, rel=0.06)
    assert np.median(s.stay_h) == pytest.approx(0.38, rel=0.12)
    assert np.percentile(s.stay_h, 90) == pytest.approx(0.73, rel=0.15)
    assert np.corrcoef(s.energy_kwh, s.stay_h)[0, 1] == pytest.approx(0.688, abs=0.1)
    ratio = sum(t.weekday() >= 5 for t in s.local) / 2 * 5 / sum(t.weekday() < 5 for t in s.local)
    assert ratio == pytest.approx(0.963, abs=0.04)


def test_home_is_elaad(sample: Any) -> None:
    s = sample("home", 2.0, "home-11-single")
    weekday = hours(
        "2.1 .5 .2 .1 .1 .1 .2 .6 1.4 1.1 1.1 1.5"
        " 2.2 2.2 2.7 3.7 5.7 12.2 17.0 11.5 9.1 8.9 9.1 6.6"
    )
    weekend = hours(
        "4.1 2.0 .8 .3 .2 .1 .1 .4 .9 1.7 3.0 4.8 6.0 6.2 6.2 6.9 8.8 10.2 7.9 6.5 6.8 6.2 5.8 4.1"
    )
    assert s.shares(weekend=False) == pytest.approx(weekday, abs=0.8)
    assert s.shares(weekend=True) == pytest.approx(weekend, abs=0.9)
    assert s.energy_kwh.mean() == pytest.approx(24.4, rel=0.08)
    assert np.median(s.energy_kwh) == pytest.approx(19.4, rel=0.06)
    assert np.percentile(s.energy_kwh, 90) == pytest.approx(51.4, rel=0.08)
    assert np.median(s.stay_h) == pytest.approx(11.0, rel=0.06)
    assert np.percentile(s.stay_h, 75) == pytest.approx(14.6, rel=0.06)
    by_hour = {0: 9.3, 4: 4.8, 8: 3.6, 12: 4.1, 15: 14.3, 17: 14.9, 18: 13.9, 20: 12.3, 22: 10.4}
    arrived = np.array([t.hour for t in s.local])
    for hour, mean_h in by_hour.items():
        stays = s.stay_h[arrived == hour]
        assert stays.mean() == pytest.approx(mean_h, rel=0.02 + 1.6 / np.sqrt(len(stays)))


def test_dc_hpc_is_epfl(sample: Any) -> None:
    s = sample("dc-hpc", 4.0, "hpc-300-dual")
    percentiles = np.percentile(s.soc, [10, 50, 90])
    assert percentiles == pytest.approx([0.11, 0.31, 0.60], abs=0.04)
    assert np.percentile(s.target_soc, [25, 50, 75]) == pytest.approx([0.70, 0.83, 0.93], abs=0.05)
    assert s.energy_kwh.mean() == pytest.approx(31.94, rel=0.15)
    assert np.isinf(s.stay_h).all()


def test_workplace_has_no_weekend_and_a_morning_peak(sample: Any) -> None:
    s = sample("workplace", 1.0, "ac-11-single")
    assert all(t.weekday() < 5 for t in s.local)
    assert s.shares(weekend=False)[8] == pytest.approx(26.7, abs=1.5)
    assert s.energy_kwh.mean() == pytest.approx(12.8, rel=0.08)
    assert np.percentile(s.stay_h, [50, 75]) == pytest.approx([4.9, 8.5], rel=0.1)


def test_every_shipped_arrival_profile_can_be_drawn(sample: Any) -> None:
    names = [row.name for row in list_profiles() if row.kind == "arrivals"]
    assert len(names) >= 5
    for name in names:
        s = sample(name, 0.2, "ac-22-single")
        expected = 0.2 * 10 * N_SITES * DAYS
        assert abs(len(s.local) - expected) < 4 * np.sqrt(expected)
        assert ((s.soc >= 0) & (s.soc <= s.target_soc) & (s.target_soc <= 1)).all()
