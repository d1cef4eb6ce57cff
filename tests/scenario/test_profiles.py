"""Profiles: every shipped one is whole and normalised; wrong ones are located."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.api import known_names
from simulator.scenario import (
    ArrivalProfile,
    ScenarioError,
    StationModel,
    VehicleMix,
    find_profile,
    list_profiles,
    list_scenarios,
    load_profile,
    load_scenario,
)
from simulator.scenario.profile_build import around_the_clock
from simulator.scenario.profile_model import Quirks
from simulator.scenario.profiles import data_folder, names

ARRIVALS, MIXES, MODELS = (names(kind) for kind in ("arrivals", "vehicles", "stations"))


def arrivals(name: str) -> ArrivalProfile:
    profile = load_profile("arrivals", name)
    assert isinstance(profile, ArrivalProfile)
    return profile


@pytest.mark.parametrize("name", ARRIVALS)
def test_every_week_has_168_hours_with_mean_one_and_every_stay_24(name: str) -> None:
    profile = arrivals(name)
    assert len(profile.hour_of_week) == 168
    assert sum(profile.hour_of_week) / 168 == pytest.approx(1.0, abs=1e-12)
    assert min(profile.hour_of_week) >= 0
    if profile.leave_when_done:
        assert profile.stay_by_hour is None and profile.linger > 0
    else:
        assert profile.stay_by_hour is not None and len(profile.stay_by_hour) == 24
        assert all(60 < median < 86400 for median, _ in profile.stay_by_hour)
    assert profile.source and profile.description


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("home", 0.857),
        ("workplace", 0.0),
        ("public-ac", 0.903),
        ("public-dc", 0.963),
        ("dc-hpc", 0.894),
    ],
)
def test_a_weekend_day_has_the_measured_share_of_a_weekday(name: str, ratio: float) -> None:
    week = arrivals(name).hour_of_week
    weekday, weekend = sum(week[:120]) / 5, sum(week[120:]) / 2
    assert weekend / weekday == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize(
    ("name", "mean", "median"),
    [
        ("home", 24.4, 19.4),
        ("home-apartment", 11.45, 8.43),
        ("workplace", 12.8, 8.8),
        ("public-ac", 12.5, 7.2),
        ("public-dc", 10.31, 9.32),
    ],
)
def test_the_energies_have_the_mean_and_median_of_their_source(
    name: str, mean: float, median: float
) -> None:
    energy = arrivals(name).energy_kwh
    assert energy is not None
    mu, sigma = energy
    assert math.exp(mu + sigma**2 / 2) == pytest.approx(mean, rel=0.07)
    assert math.exp(mu) == pytest.approx(median, rel=0.12)


@pytest.mark.parametrize(
    ("name", "hour", "hours"),
    [
        ("home", 17, 14.9),
        ("home", 8, 3.6),
        ("workplace", 7, 8.4),
        ("workplace", 15, 2.4),
        ("public-ac", 18, 12.5),
    ],
)
def test_stays_have_the_mean_that_the_source_gives_for_the_hour(
    name: str, hour: int, hours: float
) -> None:
    stay = arrivals(name).stay_by_hour
    assert stay is not None
    median, sigma = stay[hour]
    assert median * math.exp(sigma**2 / 2) / 3600 == pytest.approx(hours)


def test_fast_charging_goes_from_a_third_to_four_fifths() -> None:
    profile = arrivals("dc-hpc")
    assert profile.energy_kwh is None
    for beta, mean in ((profile.arrival_soc, 0.3367), (profile.target_soc, 0.7914)):
        assert beta is not None
        assert beta[0] / sum(beta) == pytest.approx(mean, abs=0.01)


@pytest.mark.parametrize("name", MIXES)
def test_every_mix_has_shares_that_sum_to_one_and_whole_curves(name: str) -> None:
    mix = load_profile("vehicles", name)
    assert isinstance(mix, VehicleMix)
    assert len(mix.vehicles) >= (20 if name == "europe-2021" else 2)
    assert sum(car.share for car in mix.vehicles) == pytest.approx(1.0, abs=1e-12)
    assert len({car.name for car in mix.vehicles}) == len(mix.vehicles)
    for car in mix.vehicles:
        soc = [knot[0] for knot in car.curve or ((0.0, car.dc_kw), (1.0, car.dc_kw))]
        assert soc[0] == 0.0 and soc[-1] == 1.0 and soc == sorted(set(soc))
        assert all(0 < kw <= car.dc_kw for _, kw in car.curve)


def test_known_mistakes_of_the_source_are_put_right() -> None:
    mix = load_profile("vehicles", "europe-2021")
    assert isinstance(mix, VehicleMix)
    cars = {car.name: car for car in mix.vehicles}
    assert (cars["BMW iX3 (2020)"].ac_phases, cars["BMW iX3 (2020)"].ac_kw) == (3, 11.0)
    assert cars["Tesla Model 3 LR"].share == 0.202
    unlisted = [car.share for car in mix.vehicles if car.share < 0.01]
    assert len(unlisted) == 14 and sum(unlisted) == pytest.approx(0.049)


@pytest.mark.parametrize("name", MODELS)
def test_every_station_model_is_virtual_whole_and_consistent(name: str) -> None:
    model = load_profile("stations", name)
    assert isinstance(model, StationModel)
    assert model.vendor == "Chargeswarm" and model.model.startswith("Virtual")
    assert len(model.vendor) <= 20 and len(model.model) <= 20
    assert model.evse_kw <= model.station_kw <= model.evse_kw * model.evses
    keys = model.configuration
    assert keys["NumberOfConnectors"] == str(model.evses)
    assert keys["MeterValueSampleInterval"] == str(int(model.meter_interval))
    assert keys["MeterValuesSampledData"].split(",") == list(model.measurands)
    assert keys["ClockAlignedDataInterval"] == ("900" if "quarter-hour" in name else "0")
    assert keys["HeartbeatInterval"] == str(int(model.heartbeat or 0))
    assert keys["StopTransactionOnInvalidId"] == "true"
    assert keys["TransactionMessageRetryInterval"] == "60"
    assert len(model.measurands) >= 3
    if model.current == "ac":
        assert model.min_kw == pytest.approx(6 * 230 * model.phases / 1000)
        assert model.least_kw == pytest.approx(1.38)
    else:
        assert model.least_kw == model.min_kw > 0
        assert "SoC" in model.measurands
    # Nobody has measured what these virtual stations lose or take for themselves.
    assert (model.efficiency, model.standby_kw) == (1.0, 0.0)
    assert hash(model) == hash(load_profile("stations", name))


def test_the_list_has_every_shipped_profile_with_its_source() -> None:
    rows = list_profiles()
    assert {(row.kind, row.name) for row in rows} >= {
        ("arrivals", "home"),
        ("vehicles", "europe-2021"),
        ("stations", "dc-150-dual"),
    }
    assert all(row.source and row.description for row in rows)
    assert len(rows) == sum(1 for _ in data_folder("profiles").glob("*/*.toml"))


def test_the_list_has_every_shipped_scenario_and_all_load() -> None:
    rows = list_scenarios()
    assert [row.name for row in rows] == sorted(
        path.stem for path in data_folder("scenarios").glob("*.toml")
    )
    for row in rows:
        scenario = load_scenario(row.name, **known_names())
        assert scenario.name == row.name and row.description
        assert load_scenario(row.path, **known_names()).as_dict() == scenario.as_dict()


def test_profiles_beside_the_scenario_are_found(write, tmp_path: Path) -> None:
    text = (
        'source = "mine"\nvehicles = [{ name = "a", battery_kwh = 50, ac_kw = 7, ac_phases = 1 }]\n'
    )
    folder = tmp_path / "profiles" / "vehicles"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(text)
    scenario = load_scenario(write(('"europe-2021"', '"mine"')))
    assert scenario.vehicles["mine"].vehicles[0].share == 1.0
    assert scenario.vehicles["mine"].vehicles[0].curve == ()
    assert set(scenario.vehicles) == {"mine", "europe-2021"}
    assert any(row.name == "mine" for row in list_profiles(tmp_path))


def test_a_shipped_name_cannot_be_taken_silently(say, tmp_path: Path) -> None:
    folder = tmp_path / "profiles" / "arrivals"
    folder.mkdir(parents=True)
    (folder / "home.toml").write_text("")
    assert say() == [
        "s.toml: sites.home.arrivals: value 'home': expected a name that is not taken: a profile "
        "'home' (arrivals) is shipped"
    ]


def test_looking_for_what_does_not_exist_names_the_nearest() -> None:
    for kind, name, near in (
        ("arrivals", "hmoe", "home"),
        ("arrival", "home", "arrivals"),
        (None, "hpc-300-duel", "hpc-300-dual"),
    ):
        with pytest.raises(ScenarioError) as caught:
            find_profile(kind, name)
        assert caught.value.problems[0].suggestion == near
        assert caught.value.exit_code == 1


def test_a_profile_is_found_by_its_name_alone() -> None:
    assert find_profile(None, "home") == find_profile("arrivals", "home")
    assert find_profile(None, "ac-22-dual").read_text(encoding="utf-8").startswith("source = ")


@given(st.dictionaries(st.integers(0, 23), st.floats(0.1, 20), min_size=1, max_size=24))
def test_values_around_the_clock_keep_those_known_and_stay_between_them(
    known: dict[int, float],
) -> None:
    values = around_the_clock(known)
    assert len(values) == 24
    assert all(values[hour] == value for hour, value in known.items())
    assert min(known.values()) - 1e-9 <= min(values)
    assert max(values) <= max(known.values()) + 1e-9


def test_shipped_data_is_found_in_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "simulator"
    folder = package / "_data" / "profiles" / "arrivals"
    folder.mkdir(parents=True)
    (folder / "only-here.toml").write_text("")
    monkeypatch.setattr("importlib.resources.files", lambda name: tmp_path / "site-packages" / name)
    assert names("arrivals") == ["only-here"]


def test_at_least_ten_archetypes_and_some_with_the_quirks_of_old_firmware() -> None:
    models = [load_profile("stations", name) for name in MODELS]
    kinds = [model for model in models if isinstance(model, StationModel)]
    assert len(kinds) >= 10
    assert len({kind.model for kind in kinds}) == len(kinds)
    said = {name for kind in kinds for name in Quirks.__slots__ if getattr(kind.quirks, name)}
    assert said == set(Quirks.__slots__)
    plain = load_profile("stations", "ac-22-dual")
    assert isinstance(plain, StationModel) and plain.quirks == Quirks()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("register_step_wh = 7", "10, 100 or 1000 Wh"),
        ('status_delay = "11m"', "at most 10 min"),
        ("clock_drift_ppm = -1", "quirks.clock_drift_ppm"),
        ("boots = true", "quirks.boots"),
    ],
)
def test_a_wrong_quirk_is_located(tmp_path: Path, text: str, expected: str) -> None:
    folder = tmp_path / "profiles" / "stations"
    folder.mkdir(parents=True)
    shipped = (data_folder("profiles") / "stations" / "ac-22-dual.toml").read_text()
    (folder / "odd.toml").write_text(f"{shipped}\n[quirks]\n{text}\n")
    with pytest.raises(ScenarioError, match=r"odd\.toml") as found:
        load_profile("stations", "odd", tmp_path)
    assert expected in str(found.value)
