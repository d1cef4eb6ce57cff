"""A finished run as the caller of the public functions gets it: a view of its folder.

Made by ``api``; whatever it shows is read through ``store``.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from simulator.store import Run


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """A finished run: its summary, its tables as DataFrames, its folder."""

    run: Run
    trouble: str = ""
    """What could not be done with the run afterwards: its report could not be written."""

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.run.path

    @property
    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` holds."""
        return self.run.summary

    @property
    def verdict(self) -> str:
        """``PASS``, ``NO_SLO``, ``SLO_MISSED``, ``INVALID``, ``INTERRUPTED`` ..."""
        return str(self.summary.get("verdict", "INTERRUPTED"))

    @property
    def exit_code(self) -> int:
        """What the command line returns for this run: a simulation without fault gives 0.

        1 where the verdict is good and a part of the results could not be written.
        """
        from simulator.measure.verdict import exit_code

        incomplete = self.trouble or self.summary.get("not_written")
        return exit_code(self.verdict) or int(bool(incomplete))

    @property
    def report(self) -> Path:
        """The report, a single HTML file."""
        return self.path / "report.html"

    @property
    def sessions(self) -> pd.DataFrame:
        """What became of every visit (simulation)."""
        return self.run.table("sessions")

    @property
    def load(self) -> pd.DataFrame:
        """Exact energy and mean power per site and interval (simulation)."""
        return self.run.table("load")

    @property
    def figures(self) -> dict[str, float]:
        """The figures of a simulation by name, see ``store.figures``; nan where it has none."""
        found = self.summary.get("figures", {})
        return {name: float("nan") if value is None else value for name, value in found.items()}

    @property
    def stations(self) -> pd.DataFrame:
        """Energy, sessions and utilisation of every station (simulation)."""
        return self.run.table("stations")

    @property
    def network(self) -> pd.DataFrame:
        """The load of the whole network per interval (simulation)."""
        return self.run.table("network")

    @property
    def replications(self) -> pd.DataFrame:
        """Every figure of every replication (simulation); empty where there was one run."""
        return self.run.table("replications")

    @property
    def messages(self) -> pd.DataFrame:
        """OCPP calls per time bucket and action, predicted and measured."""
        return self.run.table("messages")

    @property
    def ledger(self) -> pd.DataFrame:
        """Every transaction as its station knows it (live)."""
        return self.run.table("ledger")

    @property
    def events(self) -> pd.DataFrame:
        """What happened besides calls: errors with their last frames, deviations (live)."""
        return self.run.table("events")

    def text(self) -> str:
        """The run in a few lines, for a terminal."""
        from simulator.report import brief

        return brief(self.path)

    def __repr__(self) -> str:
        return f"<Result {self.verdict} {self.path}>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text())}</pre>"


def finished(path: Path, *, report: bool) -> Result:
    """The run in a folder, which is given its report unless ``report`` is false."""
    from simulator.store import read_run
    from simulator.store.errors import NotWrittenError

    trouble = ""
    if report:
        from simulator.report import render

        try:
            render(path)
        except (NotWrittenError, OSError) as error:
            trouble = f"no report: {error}; 'chargeswarm report {path}' writes it later"
        except KeyboardInterrupt:  # the run itself is over, and its verdict stands
            trouble = f"interrupted at the report; 'chargeswarm report {path}' writes it"
    return Result(read_run(path), trouble)
