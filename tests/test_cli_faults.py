"""What the machine does to a command: full disks, closed pipes, Ctrl-C, too little memory."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import simulator.simulation.part as part
import simulator.simulation.run as run_module
from simulator.cli import run
from simulator.console import ENVIRONMENT
from simulator.store import read_run

TINY = ["simulate", "city-launch", "--stations", "1", "--duration", "1s"]
MAIN = [sys.executable, "-c", "from simulator.cli import main; main()"]


def failing(error: BaseException) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("code", sorted(ENVIRONMENT))
def test_what_the_machine_refuses_is_one_line(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "simulator.api.load_scenario", failing(OSError(code, os.strerror(code), "some/file"))
    )
    assert run(["scenarios", "validate", "city-launch"]) == 1
    assert capsys.readouterr().err == f"chargeswarm: some/file: {os.strerror(code)}\n"


def test_any_other_system_error_is_our_fault_and_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("simulator.api.load_scenario", failing(OSError(errno.EBADF, "bad")))
    assert run(["scenarios", "validate", "city-launch"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_too_little_memory_says_what_to_make_smaller_and_marks_the_run_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(part, "simulate_network", failing(MemoryError()))
    assert run([*TINY, "--out", str(tmp_path / "run")]) == 1
    shown = capsys.readouterr().err
    assert "not enough memory" in shown and "record.interval" in shown
    assert "Traceback" not in shown
    assert read_run(tmp_path / "run").status == "failed"


def test_a_full_disk_names_the_file_and_marks_the_run_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", failing(full))
    assert run([*TINY, "--out", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err == (
        f"chargeswarm: {tmp_path}/run/load.parquet: cannot be written: "
        f"{os.strerror(errno.ENOSPC)}\n"
    )
    assert read_run(tmp_path / "run").status == "failed"
    assert [entry.name for entry in (tmp_path / "run").iterdir()] == ["manifest.json"]


def test_ctrl_c_says_so_is_130_and_leaves_a_folder_that_reads_as_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_module, "run_network", failing(KeyboardInterrupt()))
    assert run([*TINY, "--out", str(tmp_path / "run")]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    found = read_run(tmp_path / "run")
    assert (found.status, found.summary["verdict"]) == ("interrupted", "INTERRUPTED")
    assert run(["report", str(tmp_path / "run")]) == 0


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["--help"], 0), (["scenarios", "schema"], 0), (["scenarios", "validate", "nowhere"], 1)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_reader_that_goes_away_changes_no_exit_code(argv: list[str], code: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*MAIN, *argv], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == code
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_standard_output_that_is_full_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*MAIN, "scenarios", "schema"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1, done.stderr
    said = done.stderr.splitlines()  # a slow machine makes libraries talk: ours is the last line
    assert said[-1] == f"chargeswarm: {os.strerror(errno.ENOSPC)}"
    assert "Traceback" not in done.stderr and sum("chargeswarm:" in line for line in said) == 1


@pytest.mark.parametrize("duration", ["0s", "-5s", "4000d", "10", "soon"])
def test_a_duration_that_cannot_be_is_shown_as_it_was_written(
    duration: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", "city-launch", "--duration", duration]) == 1
    assert f"duration: value '{duration}': expected a duration" in capsys.readouterr().err


def test_what_a_trace_does_not_replay_is_said_in_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "late,A-01,2019-06-01T08:00Z,2019-06-01T09:00Z,5,11\n"
    trace = tmp_path / "old.csv"
    trace.write_text("session_id,evse,arrival,departure,energy_kWh,max_kW\n" + rows)
    argv = ["simulate", "workplace-trace", "--set", f"trace.file={trace}"]
    assert run([*argv, "--out", str(tmp_path / "run")]) == 0
    note = "office: of 1 rows of the trace 1 begin before the scenario starts"
    assert f"Note: {note}.\n" in capsys.readouterr().out
    assert note in json.loads((tmp_path / "run" / "summary.json").read_text())["notes"]


def test_one_override_may_stand_without_a_list() -> None:
    from simulator import load_scenario

    assert load_scenario("city-launch", sets="scenario.seed=9").seed == 9


def test_a_table_that_cannot_be_written_is_told_before_the_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in (tmp_path, tmp_path / "nowhere" / "table.csv"):
        argv = ["compare", "city-launch", "--set", "sites.0.policy=edf", "--out", str(out)]
        assert run(argv) == 1
        said = f"chargeswarm: --out: value '{out}': expected a file in a folder that exists\n"
        assert capsys.readouterr().err == said


def test_what_a_users_code_prints_does_not_get_into_the_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(
        "def limits(view, forecast):\n    print('hello')\n    return view.control_kw\n"
    )
    function = f'sites.0.controller={{function="{tmp_path}/mine.py:limits", tick="12h"}}'
    argv = ["simulate", "workplace-trace", "--duration", "1d", "--set", function, "--json"]
    assert run([*argv, "--out", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["kind"] == "simulation"
    assert "hello" in shown.err
