"""Calibration from a file of recorded sessions to a profile, its page and its verdicts.

Glue: reading is `scenario.recorded`, the fit `demand.calibrate`, its judgement `demand.goodness`,
the page `report.calibration`. Public: `calibrate_arrivals`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simulator.demand.calibrate import F64, Fit, Observed, TooFewError, fit_arrivals
from simulator.demand.goodness import REPLAYS, Goodness, goodness, quiet_stretch
from simulator.scenario.problems import InputError, Problem, ScenarioError
from simulator.scenario.profile_model import ArrivalFile, StayFile
from simulator.scenario.profile_write import arrival_text, check_name, profile_of
from simulator.scenario.recorded import Recorded, Trap, read_recorded
from simulator.scenario.recorded_time import to_faces

if TYPE_CHECKING:
    from simulator.scenario import ArrivalProfile

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted profile with everything that it rests on."""

    recorded: Recorded
    profile: ArrivalProfile
    fit: Fit
    goodness: Goodness
    traps: tuple[Trap, ...]
    """All that were looked for; see ``found`` for those that concern this file."""
    text: str
    """The profile as TOML."""
    seen: Observed

    @property
    def found(self) -> tuple[Trap, ...]:
        """The traps that this file has."""
        return tuple(trap for trap in self.traps if trap.state != "none")

    @property
    def visits_per_evse_day(self) -> float | None:
        """For the site of a scenario that uses the profile; None if the file names no EVSEs."""
        return self.fit.visits_per_evse_day

    def write(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the profile; a scenario in the same folder finds it by the file's stem.

        Raises ScenarioError where the name cannot be used, or is taken and not to be replaced.
        """
        from simulator.store.atomic import write_text

        target = Path(path)
        check_name(target)
        check_free(target, overwrite)
        write_text(target, self.text)
        return target

    def report(self, path: str | Path, *, overwrite: bool = True) -> Path:
        """Write the goodness-of-fit page, one self-contained HTML file."""
        from simulator.report.calibration import page
        from simulator.report.write import html
        from simulator.store.atomic import write_text

        target = Path(path)
        check_free(target, overwrite)
        shown = page(self.recorded, self.traps, self.fit, self.goodness, self.profile, self.text)
        write_text(target, html(shown))
        return target


def calibrate_arrivals(
    path: str | Path,
    *,
    name: str | None = None,
    timezone: str | None = None,
    columns: Mapping[str, str] | None = None,
    start: dt.datetime | None = None,
    fixes: Sequence[str] = (),
    evses: int | None = None,
    seed: int = 1,
    replays: int = REPLAYS,
) -> Calibration:
    """Fit an arrival and stay profile to recorded sessions (ACN-Data, OCPI CDRs, any CSV).

    ``name`` is the profile's (default: the file's stem). ``timezone`` is where the chargers stand;
    ``columns`` maps start, end, duration, energy, evse and session to columns of a CSV; ``start``
    is the local time from which a CSV counts minutes; ``fixes`` put right what was suspected
    ("day-month", "utc", "local", "wh"); ``evses`` is the number of EVSEs if the file does not name
    them all. ``replays`` draws of the same period judge the fit. Raises InputError.
    """
    recorded = read_recorded(
        Path(path), timezone=timezone, columns=columns, start=start, fixes=fixes
    )
    seen = _observed(recorded, evses)
    try:
        fit = fit_arrivals(seen)
    except TooFewError as error:
        raise _refused(recorded, str(error)) from None
    called = name or Path(path).stem
    text = arrival_text(_file(recorded, fit), _heading(recorded, fit, seen))
    profile = profile_of(called, text)
    judged = goodness(seen, fit, profile, seed, replays)
    traps = (*recorded.traps, *_gaps(fit, seen))
    return Calibration(recorded, profile, fit, judged, traps, text, seen)


def _refused(recorded: Recorded, expected: str) -> InputError:
    """What a fit needs and the file does not have, with what may be the reason."""
    for trap in recorded.traps:
        if trap.state == "suspected":
            expected += f"; {trap.title}: {trap.told}" + (
                f" (--fix {trap.fix})" if trap.fix else ""
            )
    return InputError([Problem(str(recorded.path), "", None, expected)])


def _observed(recorded: Recorded, evses: int | None) -> Observed:
    """Seconds since the local midnight before the first session."""
    zone = recorded.zone
    if not len(recorded):
        others = [trap for trap in recorded.traps if trap.rows and trap.state != "suspected"]
        why = "; ".join(f"{trap.title}: {trap.told}" for trap in others)
        raise _refused(recorded, "sessions that can be true" + (f" ({why})" if why else ""))
    first = dt.datetime.fromtimestamp(float(recorded.start_s[0]), zone)
    origin = first.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    begin = origin.timestamp()
    known = len(recorded.evses) or None
    return Observed(
        origin=origin,
        zone=zone,
        start_s=np.maximum(recorded.start_s - begin, 0.0),
        stay_s=recorded.end_s - recorded.start_s,
        energy_kwh=recorded.energy_kwh,
        evses=known if evses is None else evses,
    )


def _day(seen: Observed, day: int) -> str:
    face = to_faces(np.array([seen.origin.timestamp()]), seen.zone)[0] + day * 86_400.0
    return str(np.datetime64(int(face), "s").astype("datetime64[D]"))


def _gaps(fit: Fit, seen: Observed) -> list[Trap]:
    """Holes in the data, and stretches of weeks with hardly any use."""
    title = "Days without any session"
    holes = fit.calendar.holes
    gap = Trap("gap", title, "none", 0, "no run of days that chance would not leave empty")
    if holes:
        days = sum(hole.days for hole in holes)
        spans = [
            _day(seen, h.first_day)
            + (f" to {_day(seen, h.first_day + h.days - 1)}" if h.days > 1 else "")
            for h in sorted(holes, key=lambda h: -h.days)[:_SHOWN]
        ]
        told = f"{days} days in {len(holes)} holes, which are no part of the fit: "
        gap = Trap("gap", title, "left out", 0, told + ", ".join(spans))
    title = "Weeks of less than half the usual use"
    stretch = quiet_stretch(fit)
    if stretch is None:
        return [gap, Trap("quiet", title, "none", 0, "no three weeks on end below half the median")]
    first, days, level = stretch
    told = (
        f"{_day(seen, first)} to {_day(seen, first + days - 1)}: {level:.0%} of the median week "
        "(a lockdown, a closure, a start?). They are part of the fit"
    )
    return [gap, Trap("quiet", title, "noted", 0, told)]


def _rounded(values: F64) -> tuple[float, ...]:
    """To five significant digits."""
    return tuple(float(f"{value:.5g}") for value in values.tolist())


def _file(recorded: Recorded, fit: Fit) -> ArrivalFile:
    week, stay = fit.week, fit.stay
    by_hour = not math.isinf(stay.shrinkage)
    pairs = tuple(
        (round(float(m), 4), round(float(s), 4)) for m, s in zip(stay.mu, stay.sigma, strict=True)
    )
    own = week.shape == "hour of week"
    assumptions = [
        f"Hours of the week: {week.why}.",
        f"An hour's stay is drawn towards the mean of all by {stay.shrinkage:.1f} sessions' weight."
        if by_hour
        else "One lognormal stay for all hours of arrival: the hours do not differ.",
        "Drivers who find no free EVSE wait until their departure: a record of sessions knows no "
        "queue, and visits that found none are not in it.",
    ]
    assumptions += [f"{t.title}: {t.told}." for t in recorded.traps if t.state == "suspected"]
    return ArrivalFile(
        source=f"{recorded.path.name}, {fit.used.sum()} sessions ({recorded.layout})",
        description=f"Fitted to {recorded.path.name}",
        assumptions=tuple(assumptions),
        stay=StayFile(ln_hours_by_hour=pairs) if by_hour else StayFile(ln_hours=pairs[0]),
        energy_ln_kwh=(round(fit.energy[0], 4), round(fit.energy[1], 4)),
        rho=round(fit.rho, 3),
        weekday=None if own else _rounded(week.weekday),
        weekend=None if own else _rounded(week.weekend),
        day_of_week=None if own else _rounded(week.day_of_week),
        hour_of_week=_rounded(week.hour_of_week) if own else None,
    )


def _heading(recorded: Recorded, fit: Fit, seen: Observed) -> list[str]:
    """What the file says above the figures."""
    days = int(fit.calendar.counted.sum())
    last = _day(seen, len(fit.calendar.weekday) - 1)
    lines = [
        f"Fitted by chargeswarm calibrate arrivals to {recorded.path.name}:",
        f"{int(fit.used.sum())} sessions on {days} days from {_day(seen, 0)} to {last}, "
        f"{recorded.zone.key}.",
    ]
    if fit.visits_per_evse_day is not None:
        lines += [
            f"{fit.visits_per_day:.2f} visits a day at {fit.evses} EVSEs. In a scenario's site:",
            f"visits_per_evse_day = {fit.visits_per_evse_day:.3g}",
        ]
    else:
        lines.append(
            f"{fit.visits_per_day:.2f} visits a day; the file does not say at how many EVSEs."
        )
    return lines


def check_free(path: Path, overwrite: bool) -> None:
    """Raise ScenarioError if a file cannot be written there, or is there and not to be replaced."""
    if path.is_dir() or (path.exists() and not overwrite):
        expected = "a file that does not exist yet, or --force to replace it"
        raise ScenarioError([Problem("", "", repr(str(path)), expected)])
    if not path.parent.is_dir():
        expected = f"a folder that exists ({path.parent})"
        raise ScenarioError([Problem("", "", repr(str(path)), expected)])


__all__ = ["Calibration", "calibrate_arrivals", "check_free"]
