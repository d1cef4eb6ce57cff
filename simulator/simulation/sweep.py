"""Sweeps: many variants of a scenario, each so many times, to one tidy table.

Every finished trial (a point and a replication) is kept at once, so that a sweep that was stopped
goes on where it was. A trial that fails is recorded with its error and stops nothing. Called by the
API, which loads the scenarios; ``points`` makes the points, ``store.sweepfolder`` keeps the files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.simulation.compare import differences, number
from simulator.simulation.network_run import jobs_for, warm_up
from simulator.simulation.points import Point
from simulator.simulation.replicate import Trial, trial_figures, trial_visits
from simulator.simulation.run import check_warmup
from simulator.simulation.statistics import interval
from simulator.simulation.workers import Spread
from simulator.store.figures import unit_of
from simulator.store.host import versions
from simulator.store.sweepfolder import SweepFolder, write_trial

if TYPE_CHECKING:
    import pandas as pd

    from simulator.scenario import Scenario

Tell = Callable[[float, str | None], None]

SHOWN = ("energy_kwh", "unserved_kwh", "peak_15min_kw", "wait_p95_s")
"""Figures that a sweep prints unless others are asked for."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that failed."""

    point: Point
    replication: int
    error: str


@dataclass(frozen=True, slots=True, repr=False)
class Sweep:
    """A sweep, finished or as far as it came."""

    path: Path
    points: tuple[Point, ...]
    replications: int
    table: pd.DataFrame
    """Tidy: point, replication, a column per varied field, figure, unit, value."""
    failures: tuple[Failure, ...]
    done: int
    """Trials that are finished, failed ones included."""

    @property
    def exit_code(self) -> int:
        """0 if every trial gave figures, 1 if any failed."""
        return 1 if self.failures else 0

    def summary(self, figure: str) -> pd.DataFrame:
        """One row per point: its fields, then mean, low, high (95 %), sd, n of a figure.

        Raises KeyError for a figure that no trial has.
        """
        import pandas as pd

        chosen = self.table[self.table["figure"] == figure]
        if chosen.empty:
            known = ", ".join(dict.fromkeys(self.table["figure"]))
            raise KeyError(f"no figure {figure!r}; there are {known}")
        rows = []
        for index, point in enumerate(self.points):
            found = interval(chosen.loc[chosen["point"] == index, "value"].tolist())
            rows.append(
                {
                    "point": index,
                    **dict(point.values),
                    "mean": found.mean,
                    "low": found.low,
                    "high": found.high,
                    "sd": found.sd,
                    "n": found.n,
                }
            )
        return pd.DataFrame(rows)

    def against(self, baseline: int, figure: str) -> pd.DataFrame:
        """One row per point: its fields, then the mean difference to the point ``baseline``, low,
        high (95 %), sd, n and the judgement (``more``, ``less``, ``noise``, ``equal``).

        Differences are taken replication by replication, in which all points meet the same visits
        (common random numbers) unless the demand itself is varied. Raises KeyError for a figure
        that no trial has, IndexError for a point that is none.
        """
        import pandas as pd

        if not 0 <= baseline < len(self.points):
            raise IndexError(f"point {baseline}: expected 0 to {len(self.points) - 1}")
        fields = self.summary(figure).drop(columns=["mean", "low", "high", "sd", "n"])
        chosen = self.table[self.table["figure"] == figure]
        values = chosen.pivot(index="replication", columns="point", values="value")
        values = values.reindex(columns=range(len(self.points)))
        first = [{figure: value} for value in values[baseline]]
        rows = []
        for index in range(len(self.points)):
            (found,) = differences(first, [{figure: value} for value in values[index]])
            d = found.difference
            rows.append(
                {
                    "difference": d.mean,
                    "low": d.low,
                    "high": d.high,
                    "sd": d.sd,
                    "n": d.n,
                    "judgement": found.judgement,
                }
            )
        return pd.concat([fields, pd.DataFrame(rows)], axis="columns")

    def with_figure(
        self, figure: str, make: Callable[[pd.DataFrame], pd.Series[Any]], unit: str = ""
    ) -> Sweep:
        """The same sweep with one figure more, made of its others trial by trial.

        ``make`` gets a DataFrame with a row per trial and a column per figure:
        ``found.with_figure("lost", lambda f: (f.balked + f.reneged) / f.visits)``.
        """
        import pandas as pd

        trial = ["point", "replication"]
        values = make(self.table.pivot(index=trial, columns="figure", values="value"))
        first = self.table.drop_duplicates(trial).set_index(trial)
        rows = first.assign(figure=figure, unit=unit, value=values).reset_index()
        table = pd.concat([self.table, rows[self.table.columns]], ignore_index=True)
        return replace(self, table=table)

    def text(self, figures: Sequence[str] = SHOWN) -> str:
        """The points with the means of some figures, and half the width of their intervals."""
        fields = list(dict.fromkeys(f for point in self.points for f, _ in point.values))
        units = [f" [{unit_of(name)}]" if unit_of(name) else "" for name in figures]
        cells = [[*fields, *(f"{n}{u}" for n, u in zip(figures, units, strict=True))]]
        means = {name: self._means(name) for name in figures}
        for index, point in enumerate(self.points):
            values = dict(point.values)
            cells.append(
                [*(values.get(f, "") for f in fields), *(means[n][index] for n in figures)]
            )
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in cells]
        total = len(self.points) * self.replications
        lines += ["", f"{self.done} of {total} trials, {self.replications} replications"]
        lines += [
            f"failed: {f.point.text} (replication {f.replication}): {f.error}"
            for f in self.failures[:10]
        ]
        if len(self.failures) > 10:
            lines.append(f"... and {len(self.failures) - 10} more")
        lines += [f"table   {self.path / 'sweep.csv'}"]
        if self.report is not None:
            lines += [f"report  {self.report}"]
        return "\n".join(line.rstrip() for line in lines)

    @property
    def report(self) -> Path | None:
        """The page about it, where one was written."""
        page = self.path / "report.html"
        return page if page.is_file() else None

    def _means(self, figure: str) -> list[str]:
        if figure not in set(self.table["figure"]):
            return ["-"] * len(self.points)
        frame = self.summary(figure)
        return [
            with_half_width(mean, (high - low) / 2)
            for mean, low, high in zip(frame["mean"], frame["low"], frame["high"], strict=True)
        ]

    def __repr__(self) -> str:
        return f"<Sweep of {len(self.points)} points, {self.replications} replications {self.path}>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text())}</pre>"


def with_half_width(mean: float, half: float) -> str:
    """``434 ± 189``: a mean with no more decimals than its interval bears out."""
    if not (np.isfinite(mean) and np.isfinite(half)):
        return number(mean)
    if half <= 1e-9 * abs(mean):
        return number(mean)  # the replications agree
    decimals = max(0, min(6, 1 - int(np.floor(np.log10(half)))))
    return f"{mean:,.{decimals}f} ± {half:,.{decimals}f}".replace(",", " ")


@dataclass(frozen=True, slots=True)
class _Job:
    """A trial and where to keep it. Crosses process borders."""

    trial: Trial
    path: Path
    values: tuple[tuple[str, str], ...]


class Keeping:
    """The work of a process that is given trials of a sweep: each is kept as it is finished."""

    def __init__(self, _: None) -> None: ...

    def __call__(self, job: _Job) -> None:
        """Run a trial and write its file; an error is its result."""
        started = time.perf_counter()
        row: dict[str, Any] = {
            "values": dict(job.values),
            "replication": job.trial.replication,
        }
        try:
            check_warmup(job.trial.scenario)
            row["figures"] = trial_figures(job.trial)
        except Exception as error:  # whatever it is, the other points go on
            row["error"] = f"{type(error).__name__}: {error}"
        row["wall_s"] = time.perf_counter() - started
        write_trial(job.path, row)

    def finish(self) -> None:
        """Nothing is gathered."""


def run_sweep(
    base: Scenario,
    points: Sequence[Point],
    scenarios: Sequence[Scenario],
    *,
    replications: int,
    stations: int | None = None,
    jobs: int | None = None,
    out: Path | str | None = None,
    tell: Tell = lambda done, what: None,
    started: Callable[[Path], None] = lambda path: None,
) -> Sweep:
    """Run every point (``scenarios`` are theirs, in order) so many times, and collect the table.

    Trials that ``out`` holds already are not run again, except failed ones; ``started`` is told
    the folder before anything runs. After Ctrl-C the table
    holds what is finished, and KeyboardInterrupt goes on to the caller. Raises StoreError, and
    WorkerLostError.
    """
    folder = SweepFolder.open(out, base.name, _identity(base, stations))
    folder.write_plan({point.key: dict(point.values) for point in points}, replications)
    started(folder.path)
    todo = [
        _Job(Trial(scenario, stations, r), folder.trial_path(point.key, r), point.values)
        for r in range(replications)
        for point, scenario in zip(points, scenarios, strict=True)
        if "figures" not in (folder.trial(point.key, r) or {})
    ]
    total = len(points) * replications
    try:
        if todo:
            warm_up(lambda what: tell(0.0, what))
            sizes: dict[int, float] = {}
            for job in todo:
                if id(job.trial.scenario) not in sizes:
                    sizes[id(job.trial.scenario)] = trial_visits(job.trial)
            visits = sum(sizes[id(job.trial.scenario)] for job in todo)
            used = jobs_for(jobs, visits, len(todo))
            tell((total - len(todo)) / total, None)
            with Spread(Keeping, None, todo, used, ordered=False) as under_way:
                for more, _ in enumerate(under_way, start=1):
                    done = total - len(todo) + more
                    tell(done / total, f"trial {done} of {total}")
    finally:
        result = _collect(folder, points, replications)
    return result


def _collect(folder: SweepFolder, points: Sequence[Point], replications: int) -> Sweep:
    import pandas as pd

    fields = list(dict.fromkeys(field for point in points for field, _ in point.values))
    columns = ["point", "replication", *fields, "figure", "unit", "value"]
    rows: list[list[Any]] = []
    failures = []
    done = 0
    for index, point in enumerate(points):
        values = dict(point.values)
        for r in range(replications):
            found = folder.trial(point.key, r)
            if found is None:
                continue
            done += 1
            if "error" in found:
                failures.append(Failure(point, r, str(found["error"])))
            for figure, value in found.get("figures", {}).items():
                number_ = np.nan if value is None else float(value)
                given = [values.get(field) for field in fields]
                rows.append([index, r, *given, figure, unit_of(figure), number_])
    table = pd.DataFrame(rows, columns=columns)
    sweep = Sweep(folder.path, tuple(points), replications, table, tuple(failures), done)
    folder.write_tables(table, _points(sweep, fields))
    return sweep


def _points(sweep: Sweep, fields: Sequence[str]) -> pd.DataFrame:
    """Every figure of every point with its interval."""
    import pandas as pd

    columns = ["point", *fields, "figure", "unit", "mean", "low", "high", "sd", "n"]
    figures = list(dict.fromkeys(sweep.table["figure"]))
    parts = [
        sweep.summary(figure).assign(figure=figure, unit=unit_of(figure)) for figure in figures
    ]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True).reindex(columns=columns)


def _identity(base: Scenario, stations: int | None) -> dict[str, Any]:
    """All that a trial depends on besides its point and the number of its replication."""
    scenario = base.as_dict()
    scenario.get("scenario", {}).pop("replications", None)
    inputs = blake2b(digest_size=8)
    for profiles in (base.arrivals, base.vehicles, base.models):
        inputs.update(repr(sorted(profiles.items())).encode())
    if base.trace is not None:
        for column in (base.trace.arrival_s, base.trace.departure_s, base.trace.energy_kwh):
            inputs.update(np.ascontiguousarray(column).tobytes())
        inputs.update("\n".join(base.trace.evse).encode())
    return {
        "version": versions()["chargeswarm"],
        "stations": stations,
        "scenario": scenario,
        "inputs": inputs.hexdigest(),
    }
