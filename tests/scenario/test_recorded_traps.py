"""The traps of public data: each is found where it is, and only there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulator.scenario import InputError
from simulator.scenario.recorded import Recorded, Trap, read_recorded

Session = tuple[dt.datetime, dt.datetime, float, str]
DENVER = ZoneInfo("America/Denver")
STATE = dict[str, str]


def sessions(n: int = 1500, start: str = "2023-09-04", days: int = 400) -> list[Session]:
    """Local sessions at a public charger: by day, fewer at weekends, some minutes to some hours."""
    rng = np.random.default_rng(11)
    first = dt.datetime.fromisoformat(start)
    made = []
    while len(made) < n:
        day = first + dt.timedelta(days=int(rng.integers(days)))
        if day.weekday() >= 5 and rng.random() < 0.6:
            continue
        begin = day + dt.timedelta(minutes=round(min(max(rng.normal(13, 3.2), 0), 23.9) * 60))
        stay = dt.timedelta(minutes=round(20 + rng.exponential(90)))
        kwh = round(float(0.2 + min(rng.lognormal(1.9, 0.7), 40 * stay.total_seconds() / 3600)), 3)
        made.append((begin, begin + stay, kwh, f"P{rng.integers(8)}"))
    return sorted(made)


def swapped(moment: dt.datetime) -> dt.datetime:
    return moment.replace(day=moment.month, month=moment.day) if moment.day <= 12 else moment


def as_utc(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=DENVER).astimezone(dt.UTC).replace(tzinfo=None)


Read = Callable[..., Recorded]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write sessions as a CSV and read them."""

    def run(made: list[Session], form: str = "%Y-%m-%d %H:%M:%S", **options: Any) -> Recorded:
        path = tmp_path / "sessions.csv"
        rows = [f"{a.strftime(form)},{b.strftime(form)},{kwh},{evse}" for a, b, kwh, evse in made]
        path.write_text("start,end,kwh,evse\n" + "\n".join(rows) + "\n")
        return read_recorded(path, **{"timezone": DENVER.key, **options})

    return run


def trap(found: Recorded, name: str) -> Trap:
    return next(trap for trap in found.traps if trap.name == name)


def states(found: Recorded) -> STATE:
    return {trap.name: trap.state for trap in found.traps if trap.state not in ("none", "noted")}


def test_sound_data_has_no_trap(read: Read) -> None:
    assert states(read(sessions())) == {}


def test_sound_data_around_a_year_has_no_trap(read: Read) -> None:
    for start, days in (("2024-01-01", 366), ("2024-02-20", 60), ("2023-12-20", 31)):
        assert states(read(sessions(start=start, days=days))) == {}


@pytest.mark.parametrize(
    ("start", "days"),
    [("2023-09-04", 250), ("2024-01-01", 366), ("2022-05-16", 1100), ("2024-03-05", 40)],
)
def test_day_and_month_exchanged_is_suspected_and_can_be_put_right(
    read: Read, start: str, days: int
) -> None:
    made = sessions(start=start, days=days)
    wrong = [(swapped(a), swapped(b), kwh, evse) for a, b, kwh, evse in made]
    found = read(wrong)
    assert trap(found, "day-month").state == "suspected", trap(found, "day-month")
    assert trap(found, "day-month").fix == "day-month"
    fixed = read(wrong, fixes=["day-month"])
    assert trap(fixed, "day-month").state == "put right"
    right = read(made)
    assert np.array_equal(fixed.start_s, right.start_s)
    assert np.array_equal(fixed.end_s, right.end_s)


def test_nothing_is_put_right_unasked(read: Read) -> None:
    made = sessions()
    wrong = [(swapped(a), swapped(b), kwh, evse) for a, b, kwh, evse in made]
    found = read(wrong)
    written = {a.replace(tzinfo=DENVER).timestamp() for a, *_ in wrong}
    assert set(found.start_s) <= written


def test_dates_that_mix_both_orders_are_named(read: Read) -> None:
    """Written with slashes, an export that exchanges them has both orders in one column."""
    made = sessions()
    wrong = [(swapped(a), swapped(b), kwh, evse) for a, b, kwh, evse in made]
    found = read(wrong, form="%d/%m/%Y %H:%M")
    assert trap(found, "day-month").state == "suspected"


def test_utc_as_local_is_suspected_by_the_place_of_the_night(read: Read) -> None:
    made = sessions()
    wrong = [(as_utc(a), as_utc(b), kwh, evse) for a, b, kwh, evse in made]
    found = trap(read(wrong), "utc")
    assert (found.state, found.fix) == ("suspected", "utc")
    assert "America/Denver" in found.told
    fixed = read(wrong, fixes=["utc"])
    assert np.array_equal(fixed.start_s, read(made).start_s)
    assert states(fixed) == {"utc": "put right"}


def test_local_time_labelled_utc_is_suspected(read: Read) -> None:
    made = sessions()
    found = read(made, form="%Y-%m-%dT%H:%M:%SZ")
    assert (trap(found, "utc").state, trap(found, "utc").fix) == ("suspected", "local")
    fixed = read(made, form="%Y-%m-%dT%H:%M:%SZ", fixes=["local"])
    assert np.array_equal(fixed.start_s, read(made).start_s)


def test_a_displacement_that_no_fix_explains_asks_for_the_zone(read: Read) -> None:
    found = trap(read(sessions(), timezone="UTC", form="%Y-%m-%d %H:%M:%S+12:00"), "utc")
    assert found.state == "suspected"


def test_one_start_time_in_every_row_is_fabricated_or_a_date(read: Read) -> None:
    made = [(a.replace(hour=11, minute=20), b, kwh, evse) for a, b, kwh, evse in sessions()]
    found = trap(read(made), "same-start")
    assert found.state == "suspected"
    assert "11:20" in found.told


def test_durations_of_zero_or_less_are_left_out_with_their_lines(read: Read) -> None:
    made = sessions()
    made[3] = (made[3][0], made[3][0], 1.0, "P1")
    made[7] = (made[7][0], made[7][0] - dt.timedelta(hours=1), 1.0, "P1")
    found = read(made)
    assert trap(found, "duration").rows == 2
    assert trap(found, "duration").places == ("line 5", "line 9")
    assert len(found) == len(made) - 2
    assert found.rows == len(made)


def test_energies_above_400_kw_are_left_out(read: Read) -> None:
    made = sessions()
    made[3] = (made[3][0], made[3][0] + dt.timedelta(minutes=6), 41.0, "P1")
    made[4] = (made[4][0], made[4][0] + dt.timedelta(minutes=6), 39.0, "P1")
    assert trap(read(made), "power").places == ("line 5",)


def test_the_same_row_again_is_left_out(read: Read) -> None:
    made = sessions()
    found = read([*made, made[5], made[5], made[9]])
    assert trap(found, "duplicate").rows == 3
    assert len(found) == len(made)


def test_wh_called_kwh_is_suspected_and_can_be_put_right(read: Read) -> None:
    made = [(a, b, round(kwh * 1000), evse) for a, b, kwh, evse in sessions()]
    assert trap(read(made), "wh").fix == "wh"
    fixed = read(made, fixes=["wh"])
    assert states(fixed) == {"wh": "put right"}
    assert fixed.energy_kwh.max() < 500


def test_a_date_in_another_century_is_left_out(read: Read) -> None:
    made = sessions()
    late = made[0][0].replace(year=2091)
    found = read([*made, (late, late + dt.timedelta(hours=1), 5.0, "P1")])
    assert trap(found, "stray").places == (f"line {len(made) + 2}",)
    assert len(found) == len(made)


def test_two_cars_at_one_evse_are_noted_and_stay_in(read: Read) -> None:
    made = sorted((a, b, kwh, "P1") for a, b, kwh, _ in sessions(n=3000, days=100))
    found = read(made)
    assert trap(found, "overlap").state == "noted"
    assert "stations with several?" in trap(found, "overlap").told
    assert len(found) == len(made)


def test_fixes_have_to_be_known_and_not_to_contradict(read: Read) -> None:
    with pytest.raises(InputError, match="did you mean 'day-month'"):
        read(sessions(n=30), fixes=["daymonth"])
    with pytest.raises(InputError, match="not both"):
        read(sessions(n=30), fixes=["utc", "local"])
