"""A profile that is written is read back to the same figures; stays may differ by hour."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from simulator.scenario import ScenarioError
from simulator.scenario.profile_model import ArrivalFile, StayFile
from simulator.scenario.profile_write import arrival_text, profile_of
from simulator.scenario.profiles import read_profile

PAIRS = tuple((0.1 * hour, 0.5 + 0.01 * hour) for hour in range(24))
WEIGHT = hs.floats(0.0, 1e3).map(lambda v: float(f"{v:.5g}"))


def profile(**changes: object) -> ArrivalFile:
    base: dict[str, object] = {
        "source": "made for a test",
        "weekday": (1.0,) * 24,
        "weekend": (1.0,) * 24,
        "day_of_week": (1.0,) * 7,
        "energy_ln_kwh": (2.0, 0.5),
        "stay": StayFile(ln_hours_by_hour=PAIRS),
    }
    return ArrivalFile.model_validate({**base, **changes})


def test_a_stay_of_its_own_for_each_hour(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(arrival_text(profile(), ["a heading", ""]))
    found = read_profile("arrivals", path)
    assert found == profile_of("p", path.read_text())
    assert found.stay_by_hour == tuple((math.exp(mu) * 3600.0, s) for mu, s in PAIRS)


@given(
    hs.lists(WEIGHT, min_size=168, max_size=168).filter(lambda week: sum(week) > 0),
    hs.text(max_size=60).filter(lambda t: t.strip() != "" and t.isprintable()),
    hs.floats(-0.99, 0.99),
)
@settings(deadline=None, max_examples=30)
def test_any_profile_comes_back_as_it_was(week: list[float], source: str, rho: float) -> None:
    days = {"weekday": None, "weekend": None, "day_of_week": None}
    file = profile(**days, hour_of_week=tuple(week), source=source, rho=rho)
    text = arrival_text(file, ["h"])
    found = profile_of("p", text)
    mean = sum(week) / 168
    assert found.hour_of_week == tuple(rate / mean for rate in week)
    assert (found.source, found.rho, found.energy_kwh) == (source, rho, (2.0, 0.5))


def test_two_kinds_of_stay_at_once_are_refused() -> None:
    text = arrival_text(profile(), []).replace("[stay]", "[stay]\nln_hours = [1.0, 0.5]")
    with pytest.raises(ScenarioError, match="nothing here besides ln_hours_by_hour"):
        profile_of("p", text)
