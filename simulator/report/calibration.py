"""The goodness-of-fit page of a calibration: what was read, what is wrong with it, how it fits.

Built from the columns and verdicts of the fit; called by `simulator.calibration`. Not a run: there
is no folder behind it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.report import words
from simulator.report.page import Block, Cell, Code, Facts, Notice, Page, Section, Table, Text, Tile
from simulator.report.page import State as Colour
from simulator.report.plots import fitted
from simulator.report.plots.axes import Clock

if TYPE_CHECKING:
    from simulator.demand.calibrate import Fit
    from simulator.demand.goodness import Goodness, Spread
    from simulator.scenario import ArrivalProfile
    from simulator.scenario.recorded import Recorded, Trap

_COLOURS: dict[str, Colour] = {
    "none": "good",
    "left out": "warn",
    "suspected": "bad",
    "put right": "warn",
    "noted": "warn",
}
_SHOWN = 20
_AGREES = 0.8
"""Share of the hours of the week within the replays from which a fit is shown as good."""


def page(
    recorded: Recorded,
    traps: Sequence[Trap],
    fit: Fit,
    good: Goodness,
    profile: ArrivalProfile,
    text: str,
) -> Page:
    """The page, plots included."""
    suspected = [trap for trap in traps if trap.state == "suspected"]
    return Page(
        title=profile.name,
        subtitle=f"calibration · arrivals and stays · {recorded.path.name}",
        verdict="DATA SUSPECT" if suspected else "FITTED",
        state="bad" if suspected else "good" if good.occupied.inside >= _AGREES else "warn",
        headline=_headline(fit, recorded),
        because=_because(suspected, good),
        reasons=(),
        tiles=_tiles(fit, good),
        notices=[Notice(_advice(trap), "bad") for trap in suspected],
        first=(),
        sections=[
            _data(recorded, traps, fit),
            _week(good),
            _days(fit, good, recorded),
            _sessions(fit, good),
            _method(good),
            Section("profile", "The profile", [Code(text, f"{profile.name}.toml")]),
        ],
        summary=_summary(traps, fit, good),
    )


def _headline(fit: Fit, recorded: Recorded) -> str:
    days = int(fit.calendar.counted.sum())
    where = f" at {words.plural(fit.evses, 'EVSE')}" if fit.evses else ""
    return (
        f"{words.plural(int(fit.used.sum()), 'session')} on {words.plural(days, 'day')}{where}: "
        f"{words.figure(fit.visits_per_day)} visits a day"
    )


def _because(suspected: Sequence[Trap], good: Goodness) -> str:
    if suspected:
        names = words.listed([trap.title.lower() for trap in suspected])
        return f"Look at the data first: {names}. The fit below rests on the data as it is."
    inside = words.share(good.occupied.inside, 2)
    data, model = (words.figure(peak) for peak in good.occupied.peak)
    return (
        f"Drawn from the profile again, the number of vehicles plugged in covers the data in "
        f"{inside} of the hours of the week (95 % if the model were true); its peak is {model} "
        f"and was {data}."
    )


def _advice(trap: Trap) -> str:
    fix = f" Run again with --fix {trap.fix} to put it right." if trap.fix else ""
    return f"{trap.title}: {trap.told}.{fix}"


def _tiles(fit: Fit, good: Goodness) -> list[Tile]:
    per_evse = fit.visits_per_evse_day
    return [
        Tile(
            "visits per EVSE and day",
            words.figure(per_evse),
            "visits_per_evse_day" if per_evse is not None else "the file names no EVSEs",
        ),
        Tile("energy, median", words.with_unit(good.energy_kwh.data[2], "kWh"), "per session"),
        Tile("stay, median", words.duration(good.stay_h.data[2] * 3600), "plugged in"),
        Tile("correlation", words.figure(round(fit.rho, 2)), "of ln energy and ln stay"),
        Tile(
            "days vary",
            words.figure(good.days.dispersion),
            f"times a Poisson process: {good.days.verdict}",
        ),
        Tile(
            "occupancy within replays",
            words.share(good.occupied.inside, 2),
            "of the hours of the week",
        ),
    ]


def _data(recorded: Recorded, traps: Sequence[Trap], fit: Fit) -> Section:
    rows: list[tuple[str, str | Cell]] = [
        ("layout", recorded.layout),
        ("time zone", recorded.zone.key),
        ("rows", words.count(recorded.rows)),
        ("could not be read", words.count(len(recorded.unread))),
        ("left out, see below", words.count(recorded.left_out)),
        ("less than 0.5 kWh", words.count(fit.too_little)),
        ("more than 200 kWh", words.count(fit.too_much)),
        ("shorter than 2 minutes", words.count(fit.too_short)),
        ("longer than 5 days", words.count(fit.too_long)),
        ("sessions of the fit", words.count(int(fit.used.sum()))),
    ]
    rows += [(f"{role}, from", name) for role, name in recorded.columns.items()]
    order = {"suspected": 0, "put right": 1, "left out": 2, "noted": 3, "none": 4}
    listed: list[list[str | Cell]] = [
        [
            trap.title,
            Cell(trap.state, _COLOURS[trap.state]),
            words.count(trap.rows) if trap.rows else words.DASH,
            Cell(_sentence(trap.told), note=_places(trap)),
        ]
        for trap in sorted(traps, key=lambda trap: order[trap.state])
    ]
    blocks: list[Block] = [
        Facts(rows),
        Table(
            "Traps that were looked for",
            ("<trap", "<found", "rows", "<what was found"),
            listed,
            "Left out: rows that no charger can have written. Suspected: nothing was changed; "
            "--fix puts it right where it says so.",
        ),
    ]
    if recorded.unread:
        shown = [[row.place, row.why] for row in recorded.unread[:_SHOWN]]
        many = len(recorded.unread)
        note = f"The first {_SHOWN} of {words.count(many)}." if many > _SHOWN else ""
        blocks.append(Table("Rows that could not be read", ("<where", "<why"), shown, note))
    blocks += [Text(f"Note: {note}.") for note in recorded.notes]
    return Section("data", "The data", blocks)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _places(trap: Trap) -> str:
    if not trap.places:
        return ""
    more = trap.rows - len(trap.places)
    return ", ".join(trap.places) + (f" and {words.count(more)} more" if more > 0 else "")


def _week(good: Goodness) -> Section:
    parts = (
        (
            "fit-arrivals",
            "Visits per hour of the week",
            "Mean number of sessions that begin in each local hour.",
            "visits per hour",
            good.arrivals,
        ),
        (
            "fit-occupied",
            "Vehicles plugged in, by hour of the week",
            "Mean number at a time. The replay has no queue: the recorded sessions had found an "
            "EVSE.",
            "vehicles plugged in",
            good.occupied,
        ),
        (
            "fit-energy-week",
            "Energy of the sessions that begin in each hour of the week",
            "The model has one distribution of energy for all hours.",
            "kWh per hour",
            good.energy,
        ),
    )
    blocks: list[Block] = [
        fitted.week(name, title, caption, label, w.data, w.model, w.low, w.high)
        for name, title, caption, label, w in parts
    ]
    rows = [
        [
            title,
            words.share(w.inside, 2),
            words.figure(w.peak[0]),
            words.figure(w.peak[1]),
            words.figure(w.data.mean()),
            words.figure(w.model.mean()),
        ]
        for _, title, _, _, w in parts
    ]
    heads = ("<", "hours within 95 %", "peak, data", "peak, model", "mean, data", "mean, model")
    blocks.append(Table("The week in figures", heads, rows))
    return Section(
        "week",
        "Data and replay by hour of the week",
        blocks,
        f"{good.replays} replays of the same period, drawn from the profile by the code that a "
        "simulation uses. The band holds the middle 95 % of them.",
    )


def _days(fit: Fit, good: Goodness, recorded: Recorded) -> Section:
    import datetime as dt

    calendar = fit.calendar
    first = np.searchsorted(calendar.day_of_hour, np.arange(len(calendar.weekday)))
    begin = np.append(calendar.hours.begin_s[first], calendar.hours.begin_s[-1])
    origin = dt.datetime.fromtimestamp(float(recorded.start_s[0]), recorded.zone)
    origin = origin.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    holes = [(hole.first_day, hole.days) for hole in calendar.holes]
    days = good.days
    said = {
        "Poisson": "The days vary as those of a Poisson process do.",
        "over-dispersed": (
            "The days vary more than a Poisson process: busy days come busier and quiet ones "
            "quieter than the model has them (weather, holidays, seasons, growth). Peaks of single "
            "days will be understated."
        ),
        "under-dispersed": (
            "The days vary less than a Poisson process, as where the same drivers come every day "
            "or the EVSEs are always full. Peaks of single days will be overstated."
        ),
        "unknown": "There are no days to judge by.",
    }[days.verdict]
    blocks: list[Block] = [
        fitted.days(begin, days.observed, days.expected, holes, Clock(origin, recorded.zone)),
        Text(
            f"Index of dispersion {words.figure(days.dispersion)}; replays have "
            f"{words.figure(days.low)} to {words.figure(days.high)}. {said}"
        ),
    ]
    return Section("days", "Days", blocks)


def _sessions(fit: Fit, good: Goodness) -> Section:
    blocks: list[Block] = [
        fitted.distribution(
            "fit-energy",
            "Energy per session",
            f"Lognormal; largest distance between the two {words.share(good.energy_kwh.distance)}.",
            "kWh",
            good.energy_kwh.values,
            good.energy_kwh.drawn,
        ),
        fitted.distribution(
            "fit-stay",
            "Time plugged in",
            "Lognormal by hour of arrival; largest distance from it, over all hours, "
            f"{words.share(good.stay_h.distance)}.",
            "hours",
            good.stay_h.values,
            good.stay_h.drawn,
        ),
        fitted.stays(good.arrival_hour, good.stay_h.values, fit.stay.mu, fit.stay.sigma),
    ]
    rows = [
        *_quantiles("energy, kWh", good.energy_kwh),
        *_quantiles("stay, h", good.stay_h),
    ]
    heads = ("<", "mean", "10 %", "median", "90 %", "KS distance")
    note = (
        "KS distance (Kolmogorov-Smirnov): the largest distance between the two curves above. It "
        "has no p-value: the parameters were fitted to the same sessions, which "
        "makes it look better than it is, and with thousands of sessions any simple law is "
        "rejected. Judge by the size: below 5 % hardly visible, above 15 % another shape."
    )
    blocks.append(Table("Distributions in figures", heads, rows, note))
    return Section("sessions", "Energy and stay", blocks)


def _quantiles(name: str, spread: Spread) -> list[list[str]]:
    return [
        [f"{name}: data", *(words.figure(v) for v in spread.data), words.DASH],
        [
            f"{name}: model",
            *(words.figure(v) for v in spread.model),
            words.share(spread.distance),
        ],
    ]


def _method(good: Goodness) -> Section:
    told = (
        "Rates: visits per hour over the days that the data covers. Weekday and weekend hours with "
        "a weight for each day, or 168 rates, whichever predicts the even weeks from the odd ones "
        "and the reverse better (Poisson likelihood; 168 rates need four weeks). Shares of hours "
        "are drawn towards a smoothed day by 24 visits, 168 rates towards the day by 10.",
        "Stay: ln hours by hour of arrival, mean and variance drawn towards those of all hours as "
        "far as the hours do not differ more than chance (random effects). Energy: ln kWh, one for "
        "all hours. Correlation: of ln energy and what the hour leaves open of ln stay.",
        "Only sessions of 0.5 to 200 kWh and of 2 minutes to 5 days are in the fit, since only "
        "those can be drawn. Holes (two days or more without any session that a Poisson process "
        "would leave with a chance below one in a million) are no exposure.",
        "A record of sessions does not know who drove on because every EVSE was taken: where the "
        "site is often full, true demand is higher than the fitted rate.",
    )
    return Section("method", "How it was fitted", [Text(text) for text in told])


def _summary(traps: Sequence[Trap], fit: Fit, good: Goodness) -> dict[str, Any]:
    """The figures of the page for reuse."""
    return {
        "schema": "chargeswarm-calibration/1",
        "sessions": int(fit.used.sum()),
        "days": int(fit.calendar.counted.sum()),
        "evses": fit.evses,
        "visits_per_day": fit.visits_per_day,
        "visits_per_evse_day": fit.visits_per_evse_day,
        "shape": fit.week.shape,
        "energy_ln_kwh": list(fit.energy),
        "rho": fit.rho,
        "dispersion": {
            "index": None if math.isnan(good.days.dispersion) else good.days.dispersion,
            "replays": [good.days.low, good.days.high],
            "verdict": good.days.verdict,
        },
        "ks_distance": {
            "stay": good.stay_h.distance,
            "energy": good.energy_kwh.distance,
        },
        "hours_within_replays": {
            "arrivals": good.arrivals.inside,
            "occupied": good.occupied.inside,
            "energy": good.energy.inside,
        },
        "traps": [
            {"name": t.name, "state": t.state, "rows": t.rows, "told": t.told} for t in traps
        ],
    }
