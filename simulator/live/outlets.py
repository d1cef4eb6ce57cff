"""Where a live run can be watched from outside: a Prometheus endpoint and lines of JSON.

``run`` opens them before anything is planned, so that a wrong address costs nobody a run, hands
them every snapshot, and closes them. Without any of them nothing is gathered for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.live.jsonlines import SecondLines, open_lines
from simulator.live.metrics import MetricsServer
from simulator.live.screen import Progress
from simulator.measure.detail import Detail, combine_details
from simulator.measure.exposition import Facts, exposition


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: the address of the endpoint, and the file (or ``-``) of the lines."""

    metrics: str | None = None
    jsonl: str | Path | None = None

    @property
    def any(self) -> bool:
        """Whether shards are to tell details."""
        return self.metrics is not None or self.jsonl is not None


class Outlets:
    """The outlets of one run."""

    def __init__(self, wanted: Wanted, say: Callable[[str], None]) -> None:
        """Open them. Raises RefusedError."""
        self._facts = Facts("", "", "planning", 0.0, 0, 0, 0, 0)
        self._detail = Detail()
        self._lines: SecondLines | None = None
        self._server: MetricsServer | None = None
        if wanted.jsonl is not None:
            self._lines = SecondLines(open_lines(wanted.jsonl), say)
        if wanted.metrics is not None:
            try:
                self._server = MetricsServer(wanted.metrics, self._page)
            except BaseException:
                self.close()
                raise
            say(f"metrics at {self._server.url}")

    def begin(self, phase_of: Callable[[float], str], **about: Any) -> None:
        """The run is about to start."""
        if self._lines is not None:
            self._lines.phase_of = phase_of
            self._lines.write("start", **about)

    def take(
        self, snapshots: Sequence[dict[str, Any]], progress: Progress, epoch_at_zero: float
    ) -> None:
        """How things stand."""
        details = [snapshot["detail"] for snapshot in snapshots if "detail" in snapshot]
        if not details:
            return
        detail = combine_details(details)
        self._facts = Facts(
            scenario=progress.scenario,
            target=progress.target,
            phase=progress.phase,
            run_s=max(snapshot["now_s"] for snapshot in snapshots),
            stations=progress.stations,
            connected=progress.connected,
            booted=progress.booted,
            in_flight=progress.in_flight,
            errors=progress.errors,
            commands=progress.commands,
            cpu_s={s["shard"]: s["cpu_s"] for s in snapshots},
            rss_bytes={s["shard"]: s["rss_kb"] * 1024.0 for s in snapshots},
        )
        self._detail = detail
        if self._lines is not None:
            lag = progress.lag_p99_ms
            state = {"stations": progress.stations, "lag_p99_ms": lag, **storm_of(snapshots)}
            self._lines.take(detail, epoch_at_zero, **state)

    def end(self, summary: dict[str, Any], path: Path) -> None:
        """What the run amounts to."""
        if self._lines is not None:
            names = ["verdict", "exit_code", "reasons", "stations", "calls"]
            names += ["storms"] if "storms" in summary else []
            self._lines.write("end", run=str(path), **{name: summary.get(name) for name in names})

    def close(self) -> None:
        """Nothing more is served or written."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._lines is not None:
            self._lines.close()
            self._lines = None

    def _page(self) -> str:
        return exposition(self._facts, self._detail)


def storm_of(snapshots: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How the storm under way stands, over all shards; nothing without one."""
    rows = [row for row in (s.get("storm") for s in snapshots) if row is not None]
    if not rows:
        return {}
    number = max(row["number"] for row in rows)
    mine = [row for row in rows if row["number"] == number]
    names = ("hit", "present", "operating")
    return {"storm": {"number": number} | {n: sum(row[n] for row in mine) for n in names}}
