"""What is said about a site's controller: kind, options with their units, function, needs."""

from __future__ import annotations

import pytest

from simulator.charging.controllers import CONTROLLERS, catalogue
from simulator.scenario import load_scenario
from simulator.scenario.check_control import option_values

PLACE = 'vehicles = "europe-2021"\n\n[[sites]]'
KNOWN = {"controllers": catalogue()}
AT = "s.toml: sites.ring-road.controller"


@pytest.fixture
def told(say):
    def lines(table, **files):
        swap = (PLACE, f'vehicles = "europe-2021"\ncontroller = {table}\n\n[[sites]]')
        return say(swap, options=KNOWN, **files)

    return lines


WINDOW = '{ from = "17:00", to = "20:00", site = "50 kW" }'


@pytest.mark.parametrize(
    "table",
    [
        '{ kind = "peak_shaving" }',
        '{ kind = "peak_shaving", tick = "5m" }',
        f'{{ kind = "fixed_schedule", options = {{ windows = [{WINDOW}] }} }}',
        '{ kind = "mpc", options = { objective = "peak", horizon = "12h", hard = true } }',
        '{ kind = "lp", options = { objective = "peak", penalty = 50, v2g = true } }',
    ],
)
def test_a_right_controller_is_right(told, table):
    assert told(table) == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            '{ kind = "peak-shaving" }',
            f"{AT}.kind: value 'peak-shaving': expected a controller: none, fixed_schedule, "
            "tou_price, pv_following, peak_shaving, lp or mpc; did you mean 'peak_shaving'?",
        ),
        (
            "{ }",
            f"{AT}: expected either kind (one of ours) or function "
            '("file.py:function", one of yours)',
        ),
        (
            '{ kind = "mpc", function = "a.py:f" }',
            f"{AT}.function: expected either kind (one of ours) or function "
            '("file.py:function", one of yours)',
        ),
        (
            '{ kind = "peak_shaving", tick = "500 ms" }',
            f"{AT}.tick: value '500 ms': expected a tick of 1 s or more",
        ),
        (
            '{ kind = "peak_shaving", options = { level = 3 } }',
            f"{AT}.options.level: value 3: expected a known option (it takes none)",
        ),
        (
            '{ kind = "mpc", options = { objective = "peak", horizont = "12h" } }',
            f"{AT}.options.horizont: value '12h': expected a known option (horizon, perfect, "
            "objective, v2g, hard, penalty or carbon_price); did you mean 'horizon'?",
        ),
        (
            '{ kind = "mpc", options = { objective = "peak", horizon = 12 } }',
            f"{AT}.options.horizon: value 12: expected a duration with its unit, such as "
            "\"15m\"; did you mean '12 s'?",
        ),
        (
            '{ kind = "mpc", options = { objective = "peak", horizon = "-1h" } }',
            f"{AT}.options.horizon: value '-1h': expected a duration above 0",
        ),
        (
            '{ kind = "mpc", options = { objective = "peek" } }',
            f"{AT}.options.objective: value 'peek': expected cost or peak; did you mean 'peak'?",
        ),
        (
            '{ kind = "mpc", options = { objective = "peak", v2g = "yes" } }',
            f"{AT}.options.v2g: value 'yes': expected true or false",
        ),
        (
            '{ kind = "mpc", options = { objective = "peak", penalty = -1 } }',
            f"{AT}.options.penalty: value -1: expected a finite number of 0 or more",
        ),
        (
            '{ kind = "fixed_schedule" }',
            f"{AT}.options.windows: expected this option: When which limit holds",
        ),
        (
            '{ kind = "fixed_schedule", options = { windows = [] } }',
            f"{AT}.options.windows: value []: expected at least one of them",
        ),
        (
            '{ kind = "fixed_schedule", options = { windows = [3] } }',
            f"{AT}.options.windows[0]: value 3: expected a table",
        ),
        (
            '{ kind = "fixed_schedule", options = { windows = "all" } }',
            f"{AT}.options.windows: value 'all': expected a list of tables",
        ),
        (
            '{ kind = "fixed_schedule", options = { windows = [{ from = "7", to = "09:00" }] } }',
            f"{AT}.options.windows[0].from: value '7': expected a time of day such as \"17:00\"",
        ),
        (
            '{ kind = "fixed_schedule", options = { windows = '
            '[{ from = "07:00", to = "09:00", evse = "-3 kW" }] } }',
            f"{AT}.options.windows[0].evse: value '-3 kW': expected a power of 0 or more",
        ),
        (
            '{ kind = "tou_price" }',
            "s.toml: sites.ring-road.tariff: expected this field: the controller tou_price "
            "needs prices",
        ),
        (
            '{ kind = "mpc" }',
            "s.toml: sites.ring-road.tariff: expected this field: the controller mpc needs prices",
        ),
        (
            '{ kind = "lp", options = { objective = "peak", carbon_price = 0.1 } }',
            "s.toml: sites.ring-road.carbon: expected this field: the controller lp needs its "
            "carbon intensity",
        ),
        (
            '{ kind = "pv_following" }',
            "s.toml: sites.ring-road.pv: expected this field: the controller pv_following needs "
            "generation to follow",
        ),
    ],
)
def test_a_wrong_controller_is_said_to_be_wrong_once(told, table, said):
    assert told(table) == [said]


GIVEN = "def limits(view, forecast):\n    return []\n"


def test_a_function_that_is_there_is_right(told):
    assert told('{ function = "own.py:limits", tick = "1m" }', own__py=GIVEN) == []
    assert told('{ function = "own.py:limits" }', own__py="from other import limits\n") == []
    assert told('{ function = "own.py:limits" }', own__py="limits = lambda v, f: []\n") == []


@pytest.mark.parametrize(
    ("function", "text", "said"),
    [
        (
            "own.py",
            GIVEN,
            "value 'own.py': expected a file and its function, such as \"control.py:limits\"",
        ),
        (
            "owm.py:limits",
            GIVEN,
            "value 'owm.py:limits': expected a Python file that exists; "
            "did you mean 'own.py:limits'?",
        ),
        (
            "own.py:limit",
            GIVEN,
            "value 'own.py:limit': expected a function of own.py (limits); "
            "did you mean 'own.py:limits'?",
        ),
        ("own.py:f", "", "value 'own.py:f': expected a function of own.py (it defines none)"),
        (
            "own.py:f",
            "def f(:\n",
            "value 'own.py:f': expected a file of valid Python (invalid syntax, line 1)",
        ),
    ],
)
def test_a_function_that_is_not_there_is_named(told, function, text, said):
    assert told(f'{{ function = "{function}" }}', own__py=text) == [f"{AT}.function: {said}"]


def test_a_function_takes_no_options(told):
    lines = told('{ function = "own.py:limits", options = { a = 1 } }', own__py=GIVEN)
    assert lines == [f"{AT}.options: value {{...}}: expected nothing here: a function of yours "
                     "takes no options"]  # fmt: skip


def test_options_are_read_in_base_units_and_defaults_filled_in(write):
    table = '{ kind = "mpc", options = { objective = "peak", horizon = "2h" } }'
    path = write((PLACE, f'vehicles = "europe-2021"\ncontroller = {table}\n\n[[sites]]'))
    scenario = load_scenario(path, **KNOWN)
    controller = scenario.file.sites[0].controller
    assert controller.tick == 900.0
    assert option_values(CONTROLLERS["mpc"].plain_options, controller.options) == {
        "horizon": 7200.0,
        "perfect": False,
        "objective": "peak",
        "v2g": False,
        "hard": False,
        "penalty": 1000.0,
        "carbon_price": 0.0,
    }
    windows = {"windows": [{"from": "17:00", "to": "20:30", "site": "0.05 MW"}]}
    assert option_values(CONTROLLERS["fixed_schedule"].plain_options, windows) == {
        "windows": [{"from": 61200.0, "to": 73800.0, "days": "all", "site": 50.0, "evse": None}]
    }


def test_a_site_without_a_controller_needs_none(say):
    assert say(options=KNOWN) == []
