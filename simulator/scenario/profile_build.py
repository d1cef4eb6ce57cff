"""From the layout of a profile file to the profile: weeks, stays, shares, configuration keys.

Each function collects what is wrong and raises it together (ScenarioError).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

from simulator.scenario.fields import VERSIONS
from simulator.scenario.preset_build import RUN_KEYS, preset_mistakes, variables_of
from simulator.scenario.preset_model import Monitor, VendorMessage
from simulator.scenario.problems import Problem, ScenarioError
from simulator.scenario.profile_model import (
    DERIVED_KEYS,
    MINIMUM_A,
    VOLTAGE_V,
    ArrivalFile,
    ArrivalProfile,
    Pair,
    PatienceLaw,
    Quirks,
    StationFile,
    StationModel,
    StayFile,
    Vehicle,
    VehicleMix,
    VehicleMixFile,
)

LONGEST_DELAY_S = 600.0
"""A status that is later than this tells nothing any more."""


class Wrong(Protocol):
    """Makes a located problem."""

    def __call__(self, loc: tuple[str | int, ...], expected: str) -> Problem:
        """The problem with the value at ``loc`` in the file."""
        ...


def build_arrivals(name: str, file: ArrivalFile, wrong: Wrong) -> ArrivalProfile:
    """An arrival profile, its week normalised to the mean 1."""
    problems: list[Problem] = []
    week = _week(file, wrong, problems)
    stay: tuple[Pair, ...] | None = None
    if file.leave_when_done:
        if file.stay is not None:
            problems.append(wrong(("stay",), "no stay where drivers leave when done"))
    elif file.stay is None:
        problems.append(wrong(("stay",), "a stay, or leave_when_done = true"))
    else:
        stay = _stay(file.stay, wrong, problems)
    if file.linger and not file.leave_when_done:
        problems.append(wrong(("linger",), "linger only with leave_when_done = true"))
    if file.overstay is not None and not file.leave_when_done:
        problems.append(wrong(("overstay",), "overstay only with leave_when_done = true"))
    law = _patience_law(file, wrong, problems)
    if file.energy_ln_kwh is None and (
        file.arrival_soc_beta is None or file.target_soc_beta is None
    ):
        expected = "energy_ln_kwh, or both arrival_soc_beta and target_soc_beta"
        problems.append(wrong(("energy_ln_kwh",), expected))
    if problems:
        raise ScenarioError(problems)
    return ArrivalProfile(
        name=name,
        source=file.source,
        description=file.description,
        hour_of_week=week,
        stay_by_hour=stay,
        energy_kwh=file.energy_ln_kwh,
        arrival_soc=file.arrival_soc_beta,
        target_soc=file.target_soc_beta,
        leave_when_done=file.leave_when_done,
        linger=file.linger,
        patience=file.patience,
        rho=file.rho,
        patience_law=law,
        overstay=None if file.overstay is None else (file.overstay.share, file.overstay.mean),
    )


_LAW_FIELDS = {"lognormal": "sigma", "weibull": "shape"}


def _patience_law(file: ArrivalFile, wrong: Wrong, problems: list[Problem]) -> PatienceLaw:
    """The distribution of patience, with the one parameter that it has besides the mean."""
    law = file.patience_law
    if law is None:
        return PatienceLaw("exponential")
    if file.patience is None:
        problems.append(wrong(("patience_law",), "patience_law only with a patience, its mean"))
    parameter = 0.0
    for kind, field in _LAW_FIELDS.items():
        value = getattr(law, field)
        if kind == law.kind and value is None:
            problems.append(wrong(("patience_law", field), f"the {field} of a {kind} patience"))
        elif kind != law.kind and value is not None:
            expected = f"nothing here: only a {kind} patience has a {field}"
            problems.append(wrong(("patience_law", field), expected))
        elif value is not None:
            parameter = value
    return PatienceLaw(law.kind, parameter)


def _week(file: ArrivalFile, wrong: Wrong, problems: list[Problem]) -> tuple[float, ...]:
    """168 rates with mean 1: the days' weights times the hours' weights within the day."""
    parts = {
        "weekday": file.weekday,
        "weekend": file.weekend,
        "day_of_week": file.day_of_week,
    }
    if file.hour_of_week is not None:
        for field, value in parts.items():
            if value is not None:
                problems.append(wrong((field,), "nothing here besides hour_of_week"))
        rates = list(file.hour_of_week)
    else:
        missing = [field for field, value in parts.items() if value is None]
        for field in missing:
            problems.append(wrong((field,), f"{field}, or hour_of_week with 168 weights"))
        if file.weekday is None or file.weekend is None or file.day_of_week is None:
            return ()
        rates = []
        for day, weight in enumerate(file.day_of_week):
            hours = file.weekday if day < 5 else file.weekend
            total = sum(hours)
            if total == 0 and weight > 0:
                field = "weekday" if day < 5 else "weekend"
                problems.append(wrong((field,), "at least one hour above 0"))
                return ()
            rates += [weight * hour / total if total else 0.0 for hour in hours]
    mean = sum(rates) / len(rates)
    if mean <= 0:
        problems.append(wrong(("hour_of_week",), "at least one hour above 0"))
        return ()
    return tuple(rate / mean for rate in rates)


def _stay(stay: StayFile, wrong: Wrong, problems: list[Problem]) -> tuple[Pair, ...]:
    """(median in s, sigma) per hour of arrival."""
    pairs = stay.ln_hours_by_hour or ((stay.ln_hours,) * 24 if stay.ln_hours else None)
    if pairs is not None:
        given = "ln_hours_by_hour" if stay.ln_hours_by_hour else "ln_hours"
        for field in ("ln_hours", "mean_by_hour", "sigma_ln"):
            if field != given and getattr(stay, field) is not None:
                problems.append(wrong(("stay", field), f"nothing here besides {given}"))
        return tuple((math.exp(mu) * 3600.0, sigma) for mu, sigma in pairs)
    if stay.mean_by_hour is None or stay.sigma_ln is None:
        for field in ("mean_by_hour", "sigma_ln"):
            if getattr(stay, field) is None:
                problems.append(wrong(("stay", field), f"{field}, or ln_hours"))
        return ()
    means: dict[int, float] = {}
    for key, value in stay.mean_by_hour.items():
        if not (key.isdecimal() and int(key) < 24) or int(key) in means:
            problems.append(
                wrong(("stay", "mean_by_hour", key), "an hour of arrival, 00 to 23, once")
            )
            continue
        means[int(key)] = value
    if not means:
        return ()
    sigma = stay.sigma_ln
    # The mean of a lognormal is its median times exp(sigma^2 / 2).
    return tuple((m * math.exp(-sigma * sigma / 2), sigma) for m in around_the_clock(means))


def around_the_clock(known: dict[int, float]) -> tuple[float, ...]:
    """24 values: those known, and straight lines between them across midnight."""
    hours = sorted(known)
    result = []
    for hour in range(24):
        before = max((h for h in hours if h <= hour), default=hours[-1] - 24)
        after = min((h for h in hours if h >= hour), default=hours[0] + 24)
        left, right = known[before % 24], known[after % 24]
        weight = (hour - before) / (after - before) if after != before else 0.0
        result.append(left + (right - left) * weight)
    return tuple(result)


def build_mix(name: str, file: VehicleMixFile, wrong: Wrong) -> VehicleMix:
    """A vehicle mix; cars without a share divide what is left of 1 evenly."""
    problems: list[Problem] = []
    listed = sum(car.share for car in file.vehicles if car.share is not None)
    unlisted = sum(1 for car in file.vehicles if car.share is None)
    if listed > 1 + 1e-6 or (not unlisted and abs(listed - 1) > 1e-6):
        problems.append(wrong(("vehicles",), f"shares that sum to 1, not {listed:g}"))
    rest = max(0.0, 1.0 - listed) / unlisted if unlisted else 0.0
    cars = []
    seen: set[str] = set()
    for index, car in enumerate(file.vehicles):
        if car.name in seen:
            problems.append(wrong(("vehicles", index, "name"), "a name of its own"))
        seen.add(car.name)
        if car.ac_kw == 0 and car.dc_kw == 0:
            problems.append(wrong(("vehicles", index, "ac_kw"), "a power, on AC or on DC"))
        for knot, expected in _curve_mistakes(car.curve, car.dc_kw):
            problems.append(wrong(("vehicles", index, "curve", *knot), expected))
        cars.append(
            Vehicle(
                name=car.name,
                share=rest if car.share is None else car.share,
                battery_kwh=car.battery_kwh,
                ac_kw=car.ac_kw,
                ac_phases=car.ac_phases,
                dc_kw=car.dc_kw,
                curve=car.curve,
                efficiency_ac=car.efficiency_ac,
                efficiency_dc=car.efficiency_dc,
                v2g_kw=car.v2g_kw,
            )
        )
    if problems:
        raise ScenarioError(problems)
    total = sum(car.share for car in cars)
    if total <= 0:
        raise ScenarioError([wrong(("vehicles",), "shares that sum to 1, not 0")])
    return VehicleMix(name, file.source, file.description, tuple(cars))


def _curve_mistakes(curve: tuple[Pair, ...], dc_kw: float) -> Iterator[tuple[tuple[int, ...], str]]:
    """Knots rise from SoC 0 to 1, above 0 kW and at most the car's DC power."""
    if not curve:
        return
    if curve[0][0] != 0.0 or curve[-1][0] != 1.0:
        yield (), "knots from SoC 0 to SoC 1"
    for index, (soc, kw) in enumerate(curve):
        if index and soc <= curve[index - 1][0]:
            yield (index,), f"an SoC above that of the knot before, not {soc:g}"
        if not 0 < kw <= dc_kw:
            yield (index,), f"a power above 0 and at most dc_kw = {dc_kw:g}, not {kw:g}"


def build_model(name: str, file: StationFile, wrong: Wrong) -> StationModel:
    """A station model; configuration keys that follow from fields are filled in."""
    problems: list[Problem] = []
    if file.current == "dc" and file.min_kw is None:
        problems.append(wrong(("min_kw",), "the least power of a DC station"))
    if file.current == "ac" and file.min_kw is not None:
        problems.append(wrong(("min_kw",), f"nothing here: on AC it is {MINIMUM_A:g} A"))
    if file.phases == 2:
        problems.append(wrong(("phases",), "1 or 3"))
    problems += _split_mistakes(file, wrong)
    station_kw = file.station_kw
    if station_kw is None:
        station_kw = file.evse_kw * file.evses
        if file.modules is not None and file.module_kw is not None:
            station_kw = min(station_kw, file.modules * file.module_kw)
    if not file.evse_kw <= station_kw <= file.evse_kw * file.evses:
        expected = "between evse_kw and evse_kw times evses"
        problems.append(wrong(("station_kw",), expected))
    for field in ("meter_interval", "clock_aligned_interval", "heartbeat"):
        seconds = getattr(file, field)
        if seconds is not None and seconds != int(seconds):
            problems.append(wrong((field,), "whole seconds, as OCPP 1.6 has them"))
    if file.quirks.register_step_wh not in (0, 10, 100, 1000):
        problems.append(wrong(("quirks", "register_step_wh"), "10, 100 or 1000 Wh"))
    if file.quirks.status_delay > LONGEST_DELAY_S:
        expected = f"at most {LONGEST_DELAY_S / 60:g} min"
        problems.append(wrong(("quirks", "status_delay"), expected))
    for key in file.configuration:
        if key in DERIVED_KEYS:
            problems.append(wrong(("configuration", key), f"the field {DERIVED_KEYS[key]} instead"))
        if key in RUN_KEYS:
            expected = f"{RUN_KEYS[key]} in the scenario instead"
            problems.append(wrong(("configuration", key), expected))
    problems += preset_mistakes(file, wrong)
    if problems:
        raise ScenarioError(problems)
    min_kw = file.min_kw
    if min_kw is None:
        min_kw = MINIMUM_A * VOLTAGE_V * file.phases / 1000.0
    return StationModel(
        name=name,
        source=file.source,
        description=file.description,
        vendor=file.vendor,
        model=file.model,
        current=file.current,
        evses=file.evses,
        evse_kw=file.evse_kw,
        station_kw=station_kw,
        phases=file.phases,
        min_kw=min_kw,
        measurands=file.measurands,
        meter_interval=file.meter_interval,
        clock_aligned_interval=file.clock_aligned_interval,
        heartbeat=file.heartbeat,
        configuration=_configuration(file),
        efficiency=file.efficiency,
        standby_kw=file.standby_w / 1000.0,
        split=file.split,
        modules=file.modules or 0,
        module_kw=file.module_kw or 0.0,
        variables={name: value for name, (_, value) in variables_of(file).items()},
        monitors=tuple(
            Monitor(**{name: getattr(row, name) for name in Monitor.__slots__})
            for row in file.monitors
        ),
        vendor_messages=tuple(
            VendorMessage(row.vendor, row.message, row.data) for row in file.vendor_messages
        ),
        versions=tuple(version for version in VERSIONS if version in file.versions),
        quirks=Quirks(**{name: getattr(file.quirks, name) for name in Quirks.__slots__}),
    )


def _split_mistakes(file: StationFile, wrong: Wrong) -> Iterator[Problem]:
    """Modules are all there, or none; what they carry fits an EVSE and its minimum."""
    if file.split != "modules":
        for field in ("modules", "module_kw"):
            if getattr(file, field) is not None:
                yield wrong((field,), 'nothing here: only split = "modules" has modules')
    for field, what in (("modules", "how many modules"), ("module_kw", "what a module carries")):
        if file.split == "modules" and getattr(file, field) is None:
            yield wrong((field,), f'{what}, where split = "modules"')
    if file.split != "policy" and file.evses == 1:
        yield wrong(("split",), "nothing here: a station with one EVSE has nothing to split")
    if file.split != "modules" or file.modules is None or file.module_kw is None:
        return
    total = file.modules * file.module_kw
    if file.module_kw < (file.min_kw or 0.0):
        expected = f"a module that carries min_kw = {file.min_kw:g} kW"
        yield wrong(("module_kw",), expected)
    if file.evse_kw > total:
        yield wrong(("evse_kw",), f"at most what all modules carry, {total:g} kW")
    if file.station_kw is not None and file.station_kw > total:
        yield wrong(("station_kw",), f"at most what all modules carry, {total:g} kW")


def _configuration(file: StationFile) -> dict[str, str]:
    """OCPP 1.6 keys: those of the file, and those that follow from its fields."""
    keys = {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in file.configuration.items()
    }
    keys["NumberOfConnectors"] = str(file.evses)
    keys["MeterValuesSampledData"] = ",".join(file.measurands)
    keys["MeterValueSampleInterval"] = str(int(file.meter_interval))
    keys["ClockAlignedDataInterval"] = str(int(file.clock_aligned_interval))
    if file.heartbeat is not None:
        keys["HeartbeatInterval"] = str(int(file.heartbeat))
    return dict(sorted(keys.items()))
