"""A wrong scenario: every mistake at once, one message each, with file, field, value and remedy."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from simulator.scenario import InputError, Problem, ScenarioError, load_scenario
from simulator.scenario.problems import SHOWN, nearest, shown

AUTHORISE = "a loopback address, or csms.authorised = true if you may put load on it"


def test_the_example_is_right(say) -> None:
    assert say() == []


def test_all_mistakes_are_reported_at_once_and_each_once(say) -> None:
    lines = say(
        ("count = 2\n", "cuont = 0\n"),
        ('"300 kW"', "300"),
        ('"public-dc"', '"publik-dc"'),
        ("visits_per_evse_day = 0.5\n", ""),
        ('"embedded"', '"ws://csms.example/"'),
        ('"10s"', '"10"'),
        ("Europe/Berlin", "Europe/Berlim"),
    )
    assert [line.split(": ")[1] for line in sorted(lines)] == sorted(
        [
            "sites.ring-road.cuont",
            "sites.ring-road.count",
            "sites.ring-road.grid_limit",
            "sites.ring-road.arrivals",
            "sites.home.visits_per_evse_day",
            "csms.url",
            "live.stages[0].for",
            "scenario.timezone",
        ]
    )


def test_a_misspelt_field_is_not_also_reported_as_missing(say) -> None:
    for name in ("arivals", "vehicels", "visits_per_evse_dya"):
        right = {"arivals": "arrivals", "vehicels": "vehicles"}.get(name, "visits_per_evse_day")
        lines = say((f"\n{right} = ", f"\n{name} = "))
        assert len(lines) == 1 and lines[0].endswith(f"did you mean '{right}'?")


def test_a_wrong_item_does_not_make_its_list_too_short(say) -> None:
    text = '[scenario]\nname = "x"\nstart = 2026-06-01\nsites = [3]\n'
    text = "sites = [3]\n[scenario]\nname = 'x'\nstart = 2026-06-01\n"
    assert say(text=text) == ["s.toml: sites[0]: value 3: expected a table"]


def test_mistakes_in_a_trace_come_along_with_those_of_the_scenario(
    say, traced: str, header: str
) -> None:
    lines = say(('name = "traced"', "name = 3"), text=traced, t__csv=header + "a,A-1,0,60,nan,7\n")
    assert lines == [
        "s.toml: scenario.name: value 3: expected text in quotes",
        "t.csv: line 2, column 'energy_kWh': value 'nan': expected an energy in kWh of 0 or more",
    ]


@pytest.mark.parametrize(
    ("url", "authorised", "right"),
    [
        ("ws://localhost:9000/", False, True),
        ("ws://127.0.0.1/", False, True),
        ("ws://127.8.9.1:80/x", False, True),
        ("ws://[::1]:9000/", False, True),
        ("embedded", False, True),
        ("ws://0.0.0.0/", False, False),
        ("ws://localhost.example/", False, False),
        ("ws://128.0.0.1/", False, False),
        ("ws://[::2]/", False, False),
        ("ws://csms.example/ocpp", True, True),
    ],
)
def test_only_this_machine_may_be_loaded_without_leave(
    url: str, authorised: bool, right: bool, say
) -> None:
    leave = "\nauthorised = true" if authorised else ""
    lines = say(('"embedded"', f'"{url}"{leave}'))
    assert (lines == []) is right
    if not right:
        assert lines == [f"s.toml: csms.url: value {url!r}: expected {AUTHORISE}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[scenario]\nname = \n",
            "line 2, column 8: value 'name =': expected valid TOML (Invalid value)",
        ),
        (
            "[scenario\n",
            "line 1, column 10: value '[scenario': expected valid TOML "
            "(Expected ']' at the end of a table declaration)",
        ),
        (
            'a = "x',
            "line 1, column 7: value 'a = \"x': expected valid TOML (Unterminated string)",
        ),
        (
            "a = 1\na = 2\n",
            "line 2, column 6: value 'a = 2': expected valid TOML (Cannot overwrite a value)",
        ),
    ],
)
def test_broken_toml_is_located(text: str, message: str, say) -> None:
    assert say(text=text) == [f"s.toml: {message}"]


def test_a_file_that_is_no_text_is_located(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(b"a = \xff")
    with pytest.raises(ScenarioError, match=r"s\.toml: byte 4: expected text in UTF-8$"):
        load_scenario(path)


def test_a_scenario_that_does_not_exist_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    expected = (
        "expected a scenario file, or the name of a shipped scenario "
        "(boot-storm, city-launch, workplace-smart, workplace-trace)"
    )
    with pytest.raises(ScenarioError) as caught:
        load_scenario("city-lunch")
    assert str(caught.value) == f"value 'city-lunch': {expected}; did you mean 'city-launch'?"
    (tmp_path / "mine.toml").write_text("")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path / "mien.toml")
    assert caught.value.problems[0].suggestion == str(tmp_path / "mine.toml")
    with pytest.raises(ScenarioError, match="expected a scenario file"):
        load_scenario(tmp_path)


def test_a_mistake_in_a_profile_beside_the_scenario_names_the_profile_and_is_said_once(say) -> None:
    profile = (
        'source = "mine"\nvehicles = [{ name = "a", battery_kwh = -5, ac_kw = 7, ac_phases = 1 }]\n'
    )
    lines = say(
        ('vehicles = "europe-2021"', 'vehicles = "mine"'),
        ('vehicles = "europe-2021"', 'vehicles = "mine"'),
        mine__toml=profile,
    )
    assert lines == ["mine.toml: vehicles.a.battery_kwh: value -5: expected a number above 0"]


def test_errors_print_the_first_problems_and_count_the_rest() -> None:
    error = InputError(Problem("f", f"line {n}", None, "more") for n in range(SHOWN + 3))
    lines = str(error).splitlines()
    assert len(lines) == SHOWN + 1
    assert lines[0] == "f: line 0: expected more"
    assert lines[-1] == "... and 3 more"
    assert len(error.problems) == SHOWN + 3


def test_errors_survive_the_way_between_processes() -> None:
    error = InputError([Problem("f", "x", "'1'", "2", "3")])
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is InputError
    assert back.problems == error.problems
    assert str(back) == "f: x: value '1': expected 2; did you mean '3'?"


def test_values_are_shown_short_and_secrets_never() -> None:
    assert shown("x" * 100).endswith("...") and len(shown("x" * 100)) == 60
    assert shown("hunter2", "password") == "'***'"
    assert shown("hunter2", "AuthorizationKey") == "'***'"
    assert shown(True) == "true"
    assert nearest(7, ["7"]) is None
    assert nearest("LIVE", ["live", "csms"]) == "live"


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + "/a.toml", "./", "..", "/", "a\0b"])
def test_whatever_is_given_as_a_scenario_gets_a_message(name: str) -> None:
    with pytest.raises(ScenarioError, match="expected a scenario file"):
        load_scenario(name)
