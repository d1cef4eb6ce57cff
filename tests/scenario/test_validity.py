"""The table ``[validity]``: what the generator may show, checked like any other field."""

from __future__ import annotations

import pytest

from simulator.scenario import load_scenario


def test_without_the_table_the_rules_are_the_usual_ones(write) -> None:
    table = load_scenario(write()).file.validity
    assert (table.loop_lag_p99, table.sends_achieved, table.throttled) == (0.010, 0.98, 0)


def test_limits_are_read_in_their_units(write) -> None:
    text = '[validity]\nloop_lag_p99 = "25 ms"\nsteal = "10 %"\nlocal_errors = 2\n[csms]'
    table = load_scenario(write(("[csms]", text))).file.validity
    assert (table.loop_lag_p99, table.steal, table.local_errors) == (0.025, 0.10, 2)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            'loop_lag_p99 = "0 ms"',
            "validity.loop_lag_p99: value '0 ms': expected a duration above 0",
        ),
        (
            'cpu_for = "11m"',
            "validity.cpu_for: value '11m': expected a duration of at most 10m",
        ),
        (
            "sends_achieved = 1.5",
            "validity.sends_achieved: value 1.5: expected a ratio of at most 1",
        ),
        ("throttled = -1", "validity.throttled: value -1: expected a number of 0 or more"),
        ("gc_pause_max = 20", "validity.gc_pause_max: value 20: expected a duration with its unit"),
        ('loops = "1 ms"', "validity.loops: value '1 ms': expected a known field"),
    ],
)
def test_a_limit_that_is_none_is_refused(say, line: str, told: str) -> None:
    found = say(("[csms]", f"[validity]\n{line}\n[csms]"))
    assert len(found) == 1 and found[0].startswith(f"s.toml: {told}"), found
