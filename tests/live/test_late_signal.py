"""A signal that comes when the fleet is home already: the results are written all the same."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from simulator.live.run import run_live
from simulator.live.screen import NoScreen
from simulator.result import finished
from simulator.scenario import load_scenario
from simulator.store import RunFolder, read_run

pytestmark = [pytest.mark.process, pytest.mark.socket]

SCENARIO = """
[scenario]
name = "late"
start = 2026-06-01T00:00:00

[[sites]]
name = "yard"
stations = [{ model = "ac-22-dual", count = 2 }]
grid_limit = "50 kW"
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"

[live]
shards = 1
stages = [{ kind = "ramp", for = "200ms", to = "100 %" }, { kind = "hold", for = "800ms" }]
"""


class Impatient(NoScreen):
    """Signals as soon as the results are being written."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number
        self.signalled = 0

    def note(self, text: str) -> None:
        if text == "writing the results":
            self.signalled += 1
            os.kill(os.getpid(), self.number)


@pytest.fixture
def careful():
    """SIGTERM ends this process where the run does not take it: let it raise instead."""

    def ended(number: int, _frame: object) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGTERM, ended)
    yield ended
    assert signal.getsignal(signal.SIGTERM) is ended
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_results_are_written_is_too_late(tmp_path: Path, careful, number) -> None:
    file = tmp_path / "late.toml"
    file.write_text(SCENARIO)
    before = signal.getsignal(signal.SIGINT)
    screen = Impatient(number)
    run = read_run(run_live(load_scenario(file), out=tmp_path / "run", screen=screen))
    assert screen.signalled == 1 and signal.getsignal(signal.SIGINT) is before
    assert run.status == "finished"
    assert run.summary["verdict"] not in ("INTERRUPTED", "SHARD_LOST")
    assert run.summary["stations"]["booted"] == 2
    assert len(run.table("seconds")) > 0 and run.table("ledger") is not None
    assert (run.path / "latency.hlog").exists()


def test_a_signal_before_the_start_ends_the_run_as_ever(tmp_path: Path) -> None:
    class Early(NoScreen):
        def note(self, text: str) -> None:
            if text.startswith("building"):
                os.kill(os.getpid(), signal.SIGINT)

    file = tmp_path / "late.toml"
    file.write_text(SCENARIO)
    with pytest.raises(KeyboardInterrupt):
        run_live(load_scenario(file), out=tmp_path / "run", screen=Early())
    run = read_run(tmp_path / "run")
    assert run.status == "interrupted" and run.summary["verdict"] == "INTERRUPTED"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyboardInterrupt(), "interrupted at the report; 'chargeswarm report"),
        (OSError(28, "No space left on device"), r"no report: .*No space left on device"),
    ],
)
def test_a_run_without_its_report_still_has_its_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str
) -> None:
    folder = RunFolder.create(tmp_path / "run", "late", "live")
    folder.finish({"verdict": "PASS", "reasons": [], "not_written": []})

    def fail(_: Path) -> Path:
        raise error

    monkeypatch.setattr("simulator.report.render", fail)
    result = finished(folder.path, report=True)
    assert re.search(words, result.trouble)
    assert result.verdict == "PASS" and result.exit_code == 1 and "PASS" in result.text()
    assert finished(folder.path, report=False).exit_code == 0
