"""The terminal screen as pure functions of a run's progress; no terminal needed."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from simulator.live.screen import (
    LineScreen,
    LiveScreen,
    NoScreen,
    Progress,
    clock_text,
    line,
    ms_text,
    open_screen,
    progress_of,
    render,
)

BUSY = Progress(
    scenario="city-launch",
    target="127.0.0.1:9000",
    phase="measure",
    mode="running",
    now_s=65.0,
    run_s=120.0,
    speed=60.0,
    stations=1000,
    connected=998,
    booted=997,
    asked_per_s=512.4,
    achieved_per_s=511.6,
    answered=40_000,
    in_flight=12,
    p50_ms=1.234,
    p99_ms=45.6,
    lag_p99_ms=2.0,
    errors={"call_timeout": 3, "tcp_refused": 40},
)


def drawn(progress: Progress) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(render(progress))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_panel_says_how_things_stand() -> None:
    text = drawn(BUSY)
    for part in (
        *("city-launch", "127.0.0.1:9000", "x60", "measure", "1:05 of 2:00", "0:55 left"),
        *("998 of 1000", "997", "512 calls/s", "1.2 ms", "45.6 ms", "12", "2.0 ms"),
        "40 tcp_refused, 3 call_timeout",
    ):
        assert part in text


def test_before_the_first_answer_there_is_nothing_to_say_but_no_error() -> None:
    text = drawn(Progress("s", "t", "starting", "running", -0.2, 60.0, 1.0, 10))
    assert "no errors" in text and "0 of 10" in text and "0:00 of 1:00" in text


def test_after_the_end_it_drains_and_an_asked_for_end_is_shown() -> None:
    assert "draining" in drawn(replace(BUSY, now_s=121.0))
    assert "stopping" in drawn(replace(BUSY, mode="stopping"))


def test_markup_in_names_is_shown_as_it_is() -> None:
    assert "[red]x[/red]" in drawn(replace(BUSY, notes=("[red]x[/red]",)))
    assert "[bold]" in drawn(replace(BUSY, scenario="[bold]"))


def test_many_kinds_of_error_are_summed_up() -> None:
    errors = {f"kind{n}": n + 1 for n in range(9)}
    assert "4 more kinds" in drawn(replace(BUSY, errors=errors))


def test_plain_lines_come_every_few_seconds_and_at_each_phase() -> None:
    out = io.StringIO()
    screen = LineScreen(out, every_s=5.0)
    for now in (0.0, 1.0, 4.9, 5.0, 6.0):
        screen.update(replace(BUSY, now_s=now))
    screen.update(replace(BUSY, now_s=6.1, phase="cooldown"))
    screen.note("done")
    screen.close()
    lines = out.getvalue().splitlines()
    assert [text.split()[0] for text in lines] == ["0:00/2:00", "0:05/2:00", "0:06/2:00", "done"]
    assert "errors 43" in lines[0] and "p99 45.6 ms" in lines[0]


def test_which_screen_is_opened() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert isinstance(open_screen("auto", io.StringIO()), LineScreen)
    assert isinstance(open_screen("auto", Terminal()), LiveScreen)
    assert isinstance(open_screen("plain", Terminal()), LineScreen)
    assert isinstance(open_screen("none", Terminal()), NoScreen)
    own = NoScreen()
    assert open_screen(own) is own
    with pytest.raises(ValueError, match="expected auto, plain or none"):
        open_screen("fancy")  # type: ignore[arg-type]


def test_the_live_screen_leaves_the_terminal_as_it_was() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    screen = LiveScreen(out)
    screen.note("starting")
    screen.update(BUSY)
    screen.close()
    screen.close()
    assert "starting" in out.getvalue() and "city-launch" in out.getvalue()


def test_snapshots_become_progress() -> None:
    combined = {
        **{"connected": 1, "booted": 2, "asked_per_s": 3.0, "achieved_per_s": 4.0},
        **{"planned": 10, "calls": {"answered": 6, "timeout": 1}, "errors": {"dns": 1}},
        **{"p50_ms": None, "p99_ms": 5.0, "lag_p99_ms": None},
    }
    progress = progress_of(combined, BUSY, phase="boot")
    assert (progress.connected, progress.answered, progress.in_flight) == (1, 6, 3)
    assert (progress.phase, progress.errors, progress.p50_ms) == ("boot", {"dns": 1}, None)


def test_how_times_and_latencies_read() -> None:
    assert [clock_text(s) for s in (-1, 0, 59.9, 60, 3661)] == [
        *("0:00", "0:00", "0:59", "1:00", "1:01:01")
    ]
    assert [ms_text(v) for v in (None, 0.5, 99.94, 123.4, 12345.0)] == [
        *("-", "0.5 ms", "99.9 ms", "123 ms", "12.3 s")
    ]
    assert "phase" not in line(BUSY)
