"""The terminal while a live run lasts. ``render`` is pure; ``open_screen`` picks how it is shown.

On a terminal a panel is redrawn in place, elsewhere a line is printed every few seconds, and with
"none" nothing at all. It writes to standard error: standard output belongs to the result.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from rich.console import RenderableType

ScreenKind = Literal["auto", "plain", "none"]
LINE_EVERY_S: Final = 5.0
_ERRORS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """A run at one moment, all shards together. Rates are per second over the last seconds."""

    scenario: str
    target: str
    phase: str
    mode: str
    """``running``, ``stopping`` or ``aborting``."""
    now_s: float
    run_s: float
    speed: float
    stations: int
    """Stations that the run is to connect."""
    connected: int = 0
    booted: int = 0
    asked_per_s: float = 0.0
    achieved_per_s: float = 0.0
    answered: int = 0
    in_flight: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    lag_p99_ms: float | None = None
    commands: Mapping[str, int] = field(default_factory=dict)
    """Of the CSMS, that somebody asked for: ``asked``, ``delivered``, ``not_delivered``."""
    errors: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pids: Mapping[int, int] = field(default_factory=dict)
    """Process ids by shard."""

    @property
    def left_s(self) -> float:
        """Seconds until the stages are over; 0 in the cooldown."""
        return max(self.run_s - self.now_s, 0.0)


class Screen(Protocol):
    """Who shows a run."""

    def note(self, text: str) -> None:
        """Something worth a line of its own."""
        ...

    def update(self, progress: Progress) -> None:
        """How things stand; several times a second."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


def clock_text(seconds: float) -> str:
    """``1:05`` or ``1:02:03``; before T0 ``0:00``."""
    whole = int(max(seconds, 0.0))
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"


def ms_text(value: float | None) -> str:
    """A latency as people read it."""
    if value is None:
        return "-"
    if value >= 10_000.0:
        return f"{value / 1000.0:.1f} s"
    return f"{value:.0f} ms" if value >= 100.0 else f"{value:.1f} ms"


def line(progress: Progress) -> str:
    """How things stand in one plain line."""
    p = progress
    parts = [
        f"{clock_text(p.now_s)}/{clock_text(p.run_s)} {_phase(p)}",
        f"connected {p.connected}/{p.stations}",
        f"booted {p.booted}",
        f"rate {p.asked_per_s:.0f} asked {p.achieved_per_s:.0f} sent /s",
        f"p50 {ms_text(p.p50_ms)} p99 {ms_text(p.p99_ms)}",
        f"in flight {p.in_flight}",
        f"errors {sum(p.errors.values())}",
        f"lag {ms_text(p.lag_p99_ms)}",
    ]
    if p.commands.get("asked"):
        parts.append(f"commands {_commands(p.commands)}")
    return "  ".join(parts)


def _commands(counts: Mapping[str, int]) -> str:
    missing = counts.get("not_delivered", 0)
    text = f"{counts.get('delivered', 0)} of {counts['asked']}"
    return text + (f", {missing} not delivered" if missing else "")


def _phase(progress: Progress) -> str:
    return progress.phase if progress.mode == "running" else progress.mode


def render(progress: Progress) -> RenderableType:
    """The panel of a terminal."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    p = progress
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(style="dim", justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_row("connected", f"{p.connected} of {p.stations}", "booted", str(p.booted))
    grid.add_row(
        "asked", f"{p.asked_per_s:.0f} calls/s", "achieved", f"{p.achieved_per_s:.0f} calls/s"
    )
    grid.add_row("response p50", ms_text(p.p50_ms), "p99", ms_text(p.p99_ms))
    grid.add_row("answered", str(p.answered), "in flight", str(p.in_flight))
    lag_bad = p.lag_p99_ms is not None and p.lag_p99_ms > 10.0
    lag = Text(ms_text(p.lag_p99_ms), style="red" if lag_bad else "")
    grid.add_row("loop lag p99", lag, "phase", _phase(p))
    if p.commands.get("asked"):
        grid.add_row("commands", _commands(p.commands), "", "")
    done = min(max(p.now_s / p.run_s, 0.0), 1.0) if p.run_s > 0.0 else 1.0
    head = Table.grid(expand=True)
    head.add_column(no_wrap=True)
    head.add_column(justify="right", no_wrap=True)
    left = f"{clock_text(p.left_s)} left" if p.left_s else "draining"
    head.add_row(
        Text(_phase(p), style="bold"), f"{clock_text(p.now_s)} of {clock_text(p.run_s)}, {left}"
    )
    notes = [Text(note, style="yellow") for note in p.notes[-3:]]
    title = f"{p.scenario} -> {p.target}"
    if p.speed != 1.0:
        title += f"  x{p.speed:g}"
    bar = Table.grid(expand=True)
    bar.add_row(ProgressBar(total=1.0, completed=done, width=74))
    return Panel(
        Group(head, bar, grid, _errors(p.errors), *notes),
        title=Text(title),
        title_align="left",
        width=78,
    )


def _errors(errors: Mapping[str, int]) -> RenderableType:
    from rich.text import Text

    if not errors:
        return Text("no errors", style="green")
    most = sorted(errors.items(), key=lambda row: (-row[1], row[0]))
    shown = ", ".join(f"{count} {name}" for name, count in most[:_ERRORS_SHOWN])
    rest = len(most) - _ERRORS_SHOWN
    more = f", {rest} more kinds" if rest > 0 else ""
    return Text(f"errors: {shown}{more}", style="red")


class LiveScreen:
    """A panel redrawn in place."""

    def __init__(self, out: IO[str]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=out)
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)
        self._running = False

    def note(self, text: str) -> None:
        """Print above the panel."""
        self._console.print(text, markup=False, highlight=False)

    def update(self, progress: Progress) -> None:
        """Redraw."""
        if not self._running:
            self._live.start()
            self._running = True
        self._live.update(render(progress))

    def close(self) -> None:
        """Take the panel away."""
        if self._running:
            self._live.stop()
            self._running = False


class LineScreen:
    """A line every few seconds, and at each change of phase."""

    def __init__(self, out: IO[str], every_s: float = LINE_EVERY_S) -> None:
        self._out = out
        self._every_s = every_s
        self._next_s = float("-inf")
        self._phase = ""

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, file=self._out, flush=True)

    def update(self, progress: Progress) -> None:
        """Print a line if it is time for one."""
        phase = _phase(progress)
        if progress.now_s >= self._next_s or phase != self._phase:
            self._phase = phase
            self._next_s = progress.now_s + self._every_s
            self.note(line(progress))

    def close(self) -> None:
        """Nothing to take away."""


class NoScreen:
    """Shows nothing."""

    def note(self, text: str) -> None:
        """Not shown."""

    def update(self, progress: Progress) -> None:
        """Not shown."""

    def close(self) -> None:
        """Nothing to take away."""


def open_screen(kind: ScreenKind | Screen, out: IO[str] | None = None) -> Screen:
    """The screen that was asked for; ``auto`` is a panel where ``out`` (stderr) is a terminal."""
    stream = sys.stderr if out is None else out
    if not isinstance(kind, str):
        return kind
    if kind == "none":
        return NoScreen()
    if kind == "auto" and stream.isatty():
        return LiveScreen(stream)
    if kind in ("auto", "plain"):
        return LineScreen(stream)
    raise ValueError(f"screen {kind!r}: expected auto, plain or none")


def progress_of(combined: Mapping[str, Any], base: Progress, **changes: Any) -> Progress:
    """``base`` brought up to date with the combined snapshots of all shards."""
    from dataclasses import replace

    calls = combined["calls"]
    return replace(
        base,
        connected=combined["connected"],
        booted=combined["booted"],
        asked_per_s=combined["asked_per_s"],
        achieved_per_s=combined["achieved_per_s"],
        answered=calls.get("answered", 0),
        in_flight=combined["planned"] - sum(calls.values()),
        p50_ms=combined["p50_ms"],
        p99_ms=combined["p99_ms"],
        lag_p99_ms=combined["lag_p99_ms"],
        errors=combined["errors"],
        commands=combined.get("commands", {}),
        **changes,
    )
