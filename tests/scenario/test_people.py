"""What a site says of drivers and vehicles: each kind of nonsense is named where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.scenario import ScenarioError, load_profile, load_scenario

HOME = 'arrivals = "home"\nvisits_per_evse_day = 0.5\nvehicles = "europe-2021"\n'
BUS = (
    '[[sites.depot]]\nvehicle = "City bus 292 kWh"\ncount = 4\nback = "19:30"\nout = "05:15"\n'
    'used = "190 kWh"\n'
)
RING = (
    'arrivals = "public-dc"\nvisits_per_evse_day = 6.0\nvehicles = "europe-2021"',
    'arrivals = "public-dc"\nvisits_per_evse_day = 6.0\nvehicles = "depot-example"',
)

CITY = Path(__file__).parents[2] / "scenarios" / "city-launch.toml"


def at(where: str, text: str) -> tuple[str, str]:
    """The end of the home site, with one more field."""
    return HOME, HOME + text + "\n"


RICH = """\
balking = [1.0, "70 %", 0.2]
reroute = { to = ["ring-road"], travel = "8m" }
reservations = { share = "20 %", lead = "45m", grace = "10m", no_show = 0.1 }
plug_in_probability = 0.8
delayed_start = { share = 0.3, at = "23:00" }
priority = { share = 0.1, weight = 3 }
vehicle_to_grid = { share = 0.5, reserve = 0.4 }
drivers = { unplug = "10 %", double_tap = 0.02, wrong_token = 0.05, walk_away = 0.01, \
blocked_token = 0.01, expired_token = "1 %", second_try = 0.5 }
"""


def test_everything_that_a_site_can_say_of_people_is_read(say: Any) -> None:
    assert say(at("home", RICH)) == []


def test_stations_of_both_versions_know_drivers_of_every_manner() -> None:
    manners = "sites.ring-road.drivers={ unplug = 0.1, walk_away = 0.1, double_tap = 0.1 }"
    mixed = 'csms.versions={ "1.6" = 0.5, "2.0.1" = 0.5 }'
    assert load_scenario(CITY, sets=[manners, mixed])


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (
            "balking = [0.5, 0.9]",
            "balking[1]: value 0.9: expected no larger chance than behind a shorter queue",
        ),
        (
            "drivers = { unplug = 0.8, walk_away = 0.4 }",
            "drivers: value {...}: expected shares of at most 1 together, not 1.2",
        ),
        (
            "drivers = { unplug = 0.5, blocked_token = 0.3, expired_token = 0.3 }",
            "drivers: value {...}: expected shares of at most 1 together, not 1.1",
        ),
        (
            "drivers = { unplug = 0.5, second_try = 0.3 }",
            "drivers.second_try: value 0.3: expected nothing here, or drivers who are refused "
            "(wrong_token, blocked_token or expired_token)",
        ),
        ("drivers = { unplug = 2 }", "drivers.unplug: value 2: expected a ratio of at most 1"),
        ("balking = [1.5]", "balking[0]: value 1.5: expected a ratio of at most 1"),
        (
            'reroute = { to = ["home"], travel = "8m" }',
            "reroute.to[0]: value 'home': expected another site: ring-road",
        ),
        (
            'reroute = { to = ["ring-raod"], travel = "8m" }',
            "reroute.to[0]: value 'ring-raod': expected a site: ring-road; "
            "did you mean 'ring-road'?",
        ),
        (
            'reroute = { to = ["ring-road", "ring-road"], travel = "8m" }',
            "reroute.to[1]: value 'ring-road': expected a site that is not listed before it",
        ),
        (
            'reroute = { to = ["ring-road"], travel = "0s" }',
            "reroute.travel: value '0s': expected a duration above 0",
        ),
        (
            'reroute = { to = [], travel = "8m" }',
            "reroute.to: value []: expected at least 1 of them",
        ),
        (
            "plug_in_probability = 0.0",
            "plug_in_probability: value 0.0: expected a number above 0",
        ),
        (
            "reservations = { share = 1.2 }",
            "reservations.share: value 1.2: expected a ratio of at most 1",
        ),
        (
            'reservations = { share = 0.2, lead = "0m" }',
            "reservations.lead: value '0m': expected a duration above 0",
        ),
        (
            'delayed_start = { share = 0.2, at = "24:00" }',
            "delayed_start.at: value '24:00': expected a time of day such as \"17:00\"",
        ),
        (
            "priority = { share = 0.2, weight = 1 }",
            "priority.weight: value 1: expected a number above 1",
        ),
        (
            "vehicle_to_grid = { reserve = 1.5 }",
            "vehicle_to_grid.reserve: value 1.5: expected a number of at most 1",
        ),
        (
            "tariff_followers = 0.5",
            "tariff_followers: value 0.5: expected nothing here, or a retail tariff that the "
            "drivers go by (retail)",
        ),
        (
            'idle_response = "5 %"',
            "idle_response: value '5 %': expected nothing here, or a retail tariff that the "
            "drivers go by (retail)",
        ),
    ],
)
def test_each_mistake_of_a_site_is_one_located_message(say: Any, field: str, message: str) -> None:
    assert say(at("home", field)) == [f"s.toml: sites.home.{message}"]


def depot(**changes: str) -> tuple[str, str]:
    """The home site as a depot, with fields changed."""
    text = BUS
    for field, value in changes.items():
        lines = [line for line in text.splitlines() if not line.startswith(f"{field} = ")]
        text = "\n".join([*lines, f"{field} = {value}"]) + "\n"
    return HOME, 'vehicles = "depot-example"\n' + text


def test_a_depot_needs_no_arrivals(say: Any) -> None:
    assert say(depot()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"vehicle": '"City bus"'},
            "vehicle: value 'City bus': expected a vehicle of depot-example: City bus 292 kWh or "
            "Delivery van 113 kWh; did you mean 'City bus 292 kWh'?",
        ),
        (
            {"used": '"400 kWh"'},
            "used: value '400 kWh': expected at most what its battery holds (263 kWh)",
        ),
        (
            {"out": '"19:30"'},
            "out: value '19:30': expected another time of day than back",
        ),
        (
            {"jitter": '"4h"'},
            "jitter: value '4h': expected less than 195m, a third of the stay",
        ),
        (
            {"out": '"10:30"', "jitter": '"3h"'},
            "jitter: value '3h': expected less than 3h, a third of the time away",
        ),
        ({"count": "0"}, "count: value 0: expected a number of 1 or more"),
        (
            {"days": '"weekend"'},
            "days: value 'weekend': expected days: all, weekdays or weekends; "
            "did you mean 'weekends'?",
        ),
        ({"spread": "2.0"}, "spread: value 2.0: expected a number of at most 1"),
        ({"back": '"7 pm"'}, "back: value '7 pm': expected a time of day such as \"17:00\""),
    ],
)
def test_each_mistake_of_a_depot_is_one_located_message(
    say: Any, changes: dict[str, str], message: str
) -> None:
    assert say(depot(**changes)) == [f"s.toml: sites.home.depot[0].{message}"]


def test_what_nobody_at_the_site_could_do_is_refused(say: Any) -> None:
    table, habit = depot()
    for field in ("balking = [0.5]", "plug_in_probability = 0.5", "reservations = { share = 0.1 }"):
        where = field.split(" ")[0]
        (line,) = say((table, f"{field}\n{habit}"))
        assert line.startswith(f"s.toml: sites.home.{where}: value ")
        assert line.endswith("nothing here: it is for drivers of an arrival profile (arrivals)")
    (line,) = say((table, "vehicle_to_grid = { share = 1.0 }\n" + habit))
    assert line == (
        "s.toml: sites.home.vehicle_to_grid: value {...}: expected nothing here, or vehicles of "
        "which some give back (v2g_kw; depot-example has none)"
    )
    (line,) = say((table, habit.replace('vehicles = "depot-example"\n', "")))
    assert line == "s.toml: sites.home.vehicles: expected a vehicle mix (the site has a depot)"
    (line,) = say((table, "visits_per_evse_day = 0.5\n" + habit))
    assert line == (
        "s.toml: sites.home.visits_per_evse_day: value 0.5: expected nothing here: it needs "
        "arrivals, and a depot has a schedule"
    )


def test_a_replayed_trace_has_no_habits(say: Any, traced: str, header: str) -> None:
    rows = header + "1,A-1,480,540,5,11\n"
    swap = ('name = "office"\n', 'name = "office"\npriority = { share = 0.5 }\n')
    (line,) = say(swap, text=traced, t__csv=rows)
    assert line == (
        "s.toml: sites.office.priority: value {...}: expected nothing here: it is for cars of a "
        "vehicle mix (arrivals or depot)"
    )


def test_what_a_scenario_says_of_people_survives_being_written(write: Any, tmp_path: Path) -> None:
    depot = BUS.replace("City bus 292 kWh", "MG ZS EV (2020)").replace("190 kWh", "40 kWh")
    scenario = load_scenario(write(at("home", RICH + depot)))
    told = scenario.as_dict()["sites"][1]
    assert told["balking"] == ["1", "0.7", "0.2"]
    assert told["reroute"] == {"to": ["ring-road"], "travel": "8m"}
    assert told["depot"][0]["out"] == "05:15"
    json.dumps(told)


DAY = ", ".join(["1"] * 24)
ARRIVAL = f"""\
source = "x"
weekday = [{DAY}]
weekend = [{DAY}]
day_of_week = [1, 1, 1, 1, 1, 1, 1]
energy_ln_kwh = [2, 1]
leave_when_done = true
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'patience = "5m"\npatience_law = { kind = "lognromal" }',
            "patience_law.kind: value 'lognromal': expected a distribution: exponential, "
            "lognormal, weibull or fixed; did you mean 'lognormal'?",
        ),
        (
            'patience = "5m"\npatience_law = { kind = "lognormal" }',
            "patience_law.sigma: expected the sigma of a lognormal patience",
        ),
        (
            'patience = "5m"\npatience_law = { kind = "weibull", shape = 0 }',
            "patience_law.shape: value 0: expected a number of 0.1 or more",
        ),
        (
            'patience = "5m"\npatience_law = { kind = "fixed", sigma = 1 }',
            "patience_law.sigma: value 1: expected nothing here: only a lognormal patience has a "
            "sigma",
        ),
        (
            'patience_law = { kind = "fixed" }',
            "patience_law: value {...}: expected patience_law only with a patience, its mean",
        ),
        (
            'overstay = { share = 1.5, mean = "1h" }',
            "overstay.share: value 1.5: expected a ratio of at most 1",
        ),
        ("overstay = { share = 0.5 }", "overstay.mean: expected this field"),
    ],
)
def test_each_mistake_of_a_profile_is_one_located_message(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(ARRIVAL + text + "\n")
    with pytest.raises(ScenarioError) as error:
        load_profile("arrivals", "mine", tmp_path)
    lines = [str(problem).replace(f"{tmp_path}/", "") for problem in error.value.problems]
    assert lines == [f"mine.toml: {message}"]


def test_a_vehicle_that_takes_no_power_is_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'source = "x"\nvehicles = [{ name = "a", battery_kwh = 5, ac_kw = 0, ac_phases = 1 }]\n'
    )
    with pytest.raises(ScenarioError, match=r"vehicles\.a\.ac_kw: value 0: expected a power"):
        load_profile("vehicles", "mine", tmp_path)
