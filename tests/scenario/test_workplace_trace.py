"""The shipped trace is made by the procedure here. Run this file to write it again."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import random
from bisect import bisect
from itertools import accumulate
from statistics import NormalDist
from typing import cast
from zoneinfo import ZoneInfo

from simulator.scenario import ArrivalProfile, VehicleMix, load_profile, load_scenario
from simulator.scenario.profiles import data_folder

SEED, DAYS, PER_DAY, EVSES = 2026, 5, 42, 24
FIRST = dt.datetime(2026, 6, 1, tzinfo=ZoneInfo("Europe/Berlin"))
PATH = data_folder("scenarios") / "traces" / "workplace-week.csv"


def make() -> str:
    """42 drivers a day from the profile, each at the lowest free EVSE; who finds none drives on."""
    profile = cast(ArrivalProfile, load_profile("arrivals", "workplace"))
    cars = cast(VehicleMix, load_profile("vehicles", "europe-2021")).vehicles
    assert profile.stay_by_hour is not None and profile.energy_kwh is not None
    draw, normal = random.Random(SEED), NormalDist()

    def gauss() -> float:
        return normal.inv_cdf(min(max(draw.random(), 1e-9), 1 - 1e-9))

    shares = list(accumulate(car.share for car in cars))
    free = [0.0] * EVSES
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["session_id", "evse", "arrival", "departure", "energy_kWh", "max_kW"])
    number = 0
    for day in range(DAYS):
        hours = list(accumulate(profile.hour_of_week[24 * day : 24 * day + 24]))
        for driver in range(PER_DAY):
            # One arrival in each of 42 equally likely slices of the day.
            u = (driver + draw.random()) / PER_DAY * hours[-1]
            hour = bisect(hours, u)
            before = hours[hour - 1] if hour else 0.0
            minute = int(60 * (24 * day + hour + (u - before) / (hours[hour] - before)))
            z = gauss()
            median_s, sigma = profile.stay_by_hour[hour]
            stay_h = min(max(median_s / 3600 * math.exp(sigma * z), 0.25), 14.0)
            mu, spread = profile.energy_kwh
            y = profile.rho * z + math.sqrt(1 - profile.rho**2) * gauss()
            car = cars[min(bisect(shares, draw.random()), len(cars) - 1)]
            power = min(car.ac_kw, 11.0)
            energy = min(math.exp(mu + spread * y), 0.95 * power * stay_h, 0.9 * car.battery_kwh)
            evse = next((e for e, until in enumerate(free) if until <= minute), None)
            if evse is None:
                continue
            free[evse] = minute + math.ceil(60 * stay_h)
            number += 1
            arrival, departure = (
                (FIRST + dt.timedelta(minutes=m)).isoformat(timespec="minutes")
                for m in (minute, free[evse])
            )
            writer.writerow(
                [
                    f"week-{number:03d}",
                    f"A-{evse + 1:02d}",
                    arrival,
                    departure,
                    f"{energy:.2f}",
                    f"{power:.1f}",
                ]
            )
    return out.getvalue()


def test_the_shipped_trace_is_what_the_procedure_makes() -> None:
    assert PATH.read_text(encoding="utf-8") == make()


def test_the_shipped_trace_loads_and_no_evse_is_used_twice_at_once() -> None:
    scenario = load_scenario("workplace-trace")
    trace = scenario.trace
    assert trace is not None
    assert 150 <= len(trace) <= 250
    assert (trace.departure_s > trace.arrival_s).all()
    assert trace.arrival_s.min() >= 0 and trace.arrival_s.max() < scenario.duration_s
    until: dict[str, float] = {}
    for row in sorted(range(len(trace)), key=lambda i: trace.arrival_s[i]):
        assert until.get(trace.evse[row], 0.0) <= trace.arrival_s[row]
        until[trace.evse[row]] = trace.departure_s[row]
    names = {name for s in scenario.network().sites[0].stations for name in s.evse_names or ()}
    assert set(trace.evse) <= names


if __name__ == "__main__":
    PATH.write_text(make(), encoding="utf-8")
