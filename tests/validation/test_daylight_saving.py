"""Weeks in which clocks change, through the whole chain: file, draws, kernel."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from validation_world import HOUR_S, Model, replicate, scenario

from simulator.demand.arrivals import local_hours

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN, SUMMER = "2026-03-23T00:00:00", "2026-10-19T00:00:00", "2026-06-01T00:00:00"
COMING_HOME = tuple(1.0 if hour % 24 == 17 else 0.0 for hour in range(168))


def model(start, week=COMING_HOME):
    stay = "ln_hours = [1.0, 0.3]"
    return Model(400, 40.0, stay=stay, queue=False, week=week, start=start, zone="Europe/Berlin")


def local(seconds, start):
    origin = dt.datetime.fromisoformat(start).replace(tzinfo=BERLIN).timestamp()
    return [dt.datetime.fromtimestamp(origin + t, BERLIN) for t in seconds]


@pytest.mark.parametrize(("start", "hours"), [(SPRING, 167), (AUTUMN, 169), (SUMMER, 168)])
def test_a_week_across_the_change_has_as_many_hours_as_its_clocks_show(start, hours):
    made = scenario(model(start))
    table = local_hours(made.start, made.timezone, hours * HOUR_S)
    assert len(table.hour_of_week) == hours
    after = local_hours(made.start, made.timezone, (hours + 1) * HOUR_S)
    assert after.hour_of_week[hours] == 0  # Monday, midnight


@pytest.mark.parametrize(
    ("start", "utc_hours"), [(SPRING, {15, 16}), (AUTUMN, {15, 16}), (SUMMER, {15})]
)
def test_who_comes_home_at_five_does_so_before_and_after_the_change(start, utc_hours):
    result = replicate(model(start), 1, 0, 14 * 24).result
    arrivals = local(result.visits.arrival_s, start)
    assert len(arrivals) > 5000
    assert {moment.hour for moment in arrivals} == {17}
    assert {moment.astimezone(dt.UTC).hour for moment in arrivals} == utc_hours
    plugged = local(result.plan.plug_in_s[np.isfinite(result.plan.plug_in_s)], start)
    assert {moment.hour for moment in plugged} == {17}


def test_the_hour_that_comes_twice_has_twice_the_visits_and_the_missing_one_none():
    by_hour = {}
    for start in (SPRING, AUTUMN, SUMMER):
        at = replicate(model(start, (1.0,) * 168), 1, 0, 24 * 7).result.visits.arrival_s
        sunday = [m for m in local(at, start) if m.weekday() == 6]
        by_hour[start] = np.bincount([m.hour for m in sunday], minlength=24)
    assert by_hour[SPRING][2] == 0
    assert by_hour[SUMMER][2] == pytest.approx(40, abs=4 * 40**0.5)
    assert by_hour[AUTUMN][2] == pytest.approx(80, abs=4 * 80**0.5)
    assert by_hour[AUTUMN][2] > 1.4 * by_hour[AUTUMN][3]


def test_a_mean_over_the_week_stays_what_the_scenario_says():
    """The rate is per hour that passes: a week of 167 hours has 167 / 168 of the visits."""
    made = {
        start: len(replicate(model(start, (1.0,) * 168), 1, 0, hours).result.visits)
        for start, hours in ((SPRING, 167), (AUTUMN, 169))
    }
    assert made[SPRING] == pytest.approx(40 * 167, abs=4 * (40 * 167) ** 0.5)
    assert made[AUTUMN] == pytest.approx(40 * 169, abs=4 * (40 * 169) ** 0.5)
