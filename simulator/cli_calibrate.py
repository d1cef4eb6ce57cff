"""The commands ``chargeswarm calibrate ...``: parse, call the API, print. Registered by `cli`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulator.cli_options import column_roles
from simulator.console import print_table

if TYPE_CHECKING:
    from simulator.calibration import Calibration

calibrate_app = typer.Typer(
    no_args_is_help=True, help="Fit profiles to your own data, before anything is simulated."
)

_SHOWN = 5


@calibrate_app.callback()
def _calibrate() -> None:
    """Keep ``arrivals`` a command of its own, though it is the only one."""


@calibrate_app.command("arrivals")
def arrivals(
    sessions: Annotated[
        Path,
        typer.Argument(
            metavar="SESSIONS", help="Recorded sessions: ACN-Data, OCPI CDRs (JSON), or a CSV."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="NAME.toml", help="The profile; default: SESSIONS.toml."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Where the chargers stand, e.g. Europe/Berlin."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE.html",
            help="The goodness-of-fit page; default: beside the profile.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="ROLE=NAME",
            help="Which column of a CSV is start, end, duration, energy, evse or session, e.g. "
            "energy='Total kWh' or start='Start Date+Start Time'. Repeatable.",
        ),
    ] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option(
            "--fix",
            metavar="TRAP",
            help="Put right what was suspected: day-month, utc, local or wh. Repeatable.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Local time from which a CSV counts minutes."),
    ] = None,
    evses: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000_000, help="Number of EVSEs, if the file does not name them all."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Fit an arrival and stay profile to recorded sessions, and say how well it fits.

    Known traps of such data (day and month exchanged, UTC called local time, impossible rows) are
    looked for and named. Nothing is put right unless --fix asks for it.

    Example: chargeswarm calibrate arrivals sessions.csv --timezone Europe/Berlin --out ours.toml
    """
    from simulator.calibration import calibrate_arrivals, check_free
    from simulator.scenario import InputError, Problem
    from simulator.scenario.profile_write import check_name

    target = out if out is not None else Path(f"{sessions.stem}.toml")
    page = report if report is not None else target.with_suffix(".html")
    check_name(target)
    if page.resolve() in (target.resolve(), sessions.resolve()):
        what = "the profile or the sessions"
        expected = f"a file of its own for the page, not that of {what}"
        raise InputError([Problem("", "--report", repr(str(page)), expected)])
    for path in (target, page):
        check_free(path, force)
    done = calibrate_arrivals(
        sessions,
        name=target.stem,
        timezone=timezone,
        columns=column_roles(column or []),
        start=_time(start) if start is not None else None,
        fixes=fix or (),
        evses=evses,
    )
    done.write(target, overwrite=force)
    done.report(page, overwrite=force)
    _say(done, target, page)


def _time(text: str) -> dt.datetime:
    from simulator.scenario import InputError, Problem

    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        expected = 'a local time such as "2026-03-01T00:00"'
        raise InputError([Problem("", "--start", repr(text), expected)]) from None


def _say(done: Calibration, profile: Path, page: Path) -> None:
    """What was read, found and fitted, in a screen."""
    read, fit, good = done.recorded, done.fit, done.goodness
    print(f"{read.path.name}: {read.layout}, {read.rows} rows, {read.zone.key}")
    if read.unread:
        print(f"{len(read.unread)} row(s) could not be read:")
        for row in read.unread[:_SHOWN]:
            print(f"  {row.place}: {row.why}")
        if len(read.unread) > _SHOWN:
            print(f"  ... and {len(read.unread) - _SHOWN} more")
    for note in read.notes:
        print(f"note: {note}")
    for trap in done.found:
        where = f" ({', '.join(trap.places)} ...)" if trap.places else ""
        fix = f" To put it right: --fix {trap.fix}" if trap.fix else ""
        print(f"{trap.state}: {trap.title}: {trap.told}{where}.{fix}")
    outside = fit.too_little + fit.too_much + fit.too_short + fit.too_long
    if outside:
        are = "session is" if outside == 1 else "sessions are"
        print(f"{outside} {are} outside what a profile can draw and not in the fit")
    per_evse = done.visits_per_evse_day
    rate = f", visits_per_evse_day = {per_evse:.3g}" if per_evse is not None else ""
    print(f"fitted to {int(fit.used.sum())} sessions: {fit.visits_per_day:.3g} visits a day{rate}")
    print_table(
        ("", "data", "model", "of hours in the replays' 95 %"),
        [
            ("peak of vehicles plugged in", *(f"{v:.1f}" for v in good.occupied.peak),
             f"{good.occupied.inside:.0%}"),
            ("median energy, kWh", f"{good.energy_kwh.data[2]:.2f}",
             f"{good.energy_kwh.model[2]:.2f}", ""),
            ("median stay, h", f"{good.stay_h.data[2]:.2f}", f"{good.stay_h.model[2]:.2f}", ""),
            ("dispersion of days", f"{good.days.dispersion:.2f}", "1", good.days.verdict),
        ],
    )  # fmt: skip
    print(f"profile: {profile}")
    print(f"page:    {page}")
