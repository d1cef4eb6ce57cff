"""From a file of sessions to a profile that a scenario uses, with its page."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import numpy as np
import pytest

from simulator import calibrate_arrivals, load_scenario
from simulator.calibration import Calibration
from simulator.cli import run
from simulator.scenario import load_profile

ZONE = "Europe/Berlin"
SCENARIO = """\
[scenario]
name = "ours"
start = 2026-06-01T00:00:00
timezone = "Europe/Berlin"

[[sites]]
name = "yard"
stations = [{ model = "ac-22-dual", count = 4 }]
arrivals = "ours"
visits_per_evse_day = 1.5
vehicles = "europe-2021"
"""


def write(folder: Path, name: str = "sessions.csv", shift_h: float = 0.0, more: str = "") -> Path:
    """Twelve weeks at six EVSEs: mornings on weekdays."""
    rng = np.random.default_rng(5)
    rows = []
    for day in range(84):
        begin = dt.datetime(2026, 1, 5) + dt.timedelta(days=day)
        for _ in range(rng.poisson(9 if begin.weekday() < 5 else 2)):
            hour = float(min(max(rng.normal(12, 3), 0), 23.9))
            start = begin + dt.timedelta(hours=hour + shift_h)
            end = start + dt.timedelta(hours=float(rng.lognormal(1.2, 0.6)))
            kwh = min(float(rng.lognormal(2.0, 0.6)), 300 * (end - start).total_seconds() / 3600)
            evse = f"P{rng.integers(6)}"
            rows.append(f"{start:%Y-%m-%d %H:%M:%S},{end:%Y-%m-%d %H:%M:%S},{kwh:.3f},{evse}")
    path = folder / name
    path.write_text("start,end,kwh,evse\n" + "\n".join(sorted(rows)) + "\n" + more)
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    folder = tmp_path_factory.mktemp("sessions")
    return calibrate_arrivals(write(folder), name="ours", timezone=ZONE, replays=10)


def test_the_profile_works_in_a_scenario_beside_it(done: Calibration, tmp_path: Path) -> None:
    done.write(tmp_path / "ours.toml")
    (tmp_path / "s.toml").write_text(SCENARIO)
    scenario = load_scenario(tmp_path / "s.toml")
    assert scenario.arrivals["ours"] == done.profile
    assert load_profile("arrivals", "ours", tmp_path) == done.profile


def test_the_figures_are_those_of_the_sessions(done: Calibration) -> None:
    assert done.visits_per_evse_day == pytest.approx((9 * 5 + 2 * 2) / 7 / 6, rel=0.1)
    assert done.fit.energy == pytest.approx((2.0, 0.6), abs=0.06)
    assert {trap.name for trap in done.found} == {"overlap"}  # EVSEs are drawn at random
    assert "visits_per_evse_day" in done.text


def test_the_same_file_gives_the_same_bytes(done: Calibration, tmp_path: Path) -> None:
    again = calibrate_arrivals(done.recorded.path, name="ours", timezone=ZONE, replays=10)
    assert again.text == done.text
    one, two = done.report(tmp_path / "a.html"), again.report(tmp_path / "b.html")
    assert one.read_bytes() == two.read_bytes()


def test_the_page_is_whole_and_holds_the_table_of_traps(done: Calibration, tmp_path: Path) -> None:
    text = done.report(tmp_path / "fit.html").read_text("utf-8")
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert text.count("<figure") == 7
    assert "Not drawn" not in text
    for trap in done.traps:
        assert trap.title.split(" (")[0] in text
    embedded = re.search(r'<script type="application/json" id="summary">(.*?)</script>', text)
    assert embedded is not None
    assert json.loads(embedded[1])["sessions"] == int(done.fit.used.sum())


def test_the_command_writes_profile_and_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, more="soon,later,5,P1\n2026-03-02 07:00:00,2026-03-02 07:00:00,5,P1\n")
    out = tmp_path / "ours.toml"
    assert run(["calibrate", "arrivals", str(path), "--timezone", ZONE, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert out.is_file()
    assert (tmp_path / "ours.html").is_file()
    assert "1 row(s) could not be read" in said
    assert "column 'start' is 'soon'" in said
    assert "left out: Durations of zero or less: 1 row:" in said


def test_suspected_utc_is_said_on_the_screen_and_the_page_and_nothing_is_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, shift_h=7.0)
    command = ["calibrate", "arrivals", str(path), "--timezone", "America/Denver", "--force"]
    command += ["--out", str(tmp_path / "ours.toml"), "--report", str(tmp_path / "p.html")]
    assert run(command) == 0
    assert "To put it right: --fix utc" in capsys.readouterr().out
    page = (tmp_path / "p.html").read_text()
    assert "DATA SUSPECT" in page
    written = load_profile("arrivals", "ours", tmp_path)
    assert run([*command, "--fix", "utc"]) == 0
    fixed = load_profile("arrivals", "ours", tmp_path)
    peak = [int(np.argmax(p.hour_of_week[:24])) for p in (written, fixed)]
    assert peak[0] - peak[1] == pytest.approx(7, abs=2)
    assert "put right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--timezone", "Mars/Base"], "--timezone"),
        ([], "--timezone"),
        (["--timezone", ZONE, "--out", "home.toml"], "shipped"),
        (["--timezone", ZONE, "--out", "ours.csv"], "ends in .toml"),
        (["--timezone", ZONE, "--column", "kwh"], "ROLE=NAME"),
        (["--timezone", ZONE, "--start", "soon"], "--start"),
        (["--timezone", ZONE, "--fix", "all"], "--fix"),
        (["--timezone", ZONE, "--out", "nowhere/ours.toml"], "a folder that exists"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_1(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    assert run(["calibrate", "arrivals", "sessions.csv", *options]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not list(tmp_path.glob("*.html"))


def test_files_are_not_replaced_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path)
    taken = tmp_path / "ours.toml"
    taken.write_text("mine")
    command = ["calibrate", "arrivals", str(path), "--timezone", ZONE, "--out", str(taken)]
    assert run(command) == 1
    assert "--force" in capsys.readouterr().err
    assert taken.read_text() == "mine"
    assert not (tmp_path / "ours.html").exists()


def test_wh_called_kwh_stops_with_the_fix_in_the_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = [f"2026-01-{day:02}" for day in range(1, 29)]
    rows = [f"{day} {h:02}:00,{day} {h + 1:02}:00,{5000 + h}" for day in days for h in (8, 12)]
    path = tmp_path / "s.csv"
    path.write_text("start,end,kwh\n" + "\n".join(rows))
    out = str(tmp_path / "o.toml")
    command = ["calibrate", "arrivals", str(path), "--timezone", ZONE, "--out", out]
    assert run(command) == 1
    assert "--fix wh" in capsys.readouterr().err
    assert run([*command, "--fix", "wh"]) == 0


HEADER = "id,evse,start,end,kwh\n"
BACKWARDS = "s,E,2025-03-03T09:00,2025-03-03T08:00,5\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (bytes(range(256)) * 9, "text (a CSV or JSON), not binary data"),
        (HEADER.encode() + b"\0" * 99, "text (a CSV or JSON), not binary data"),
        (HEADER.encode("utf-16"), "text in UTF-8, not in UTF-16"),
        (
            b"evse,evse,start,end,kwh\n",
            "header: value 'evse': expected one column of this name (it would be the evse), not 2",
        ),
        (HEADER.encode() + b"s,E,1\n", "(line 2: expected 5 values, as the header has, not 3)\n"),
        (HEADER.encode() + b"s,E,2025-03-03T08:00,2025-03-03T09:00,nan\n", "0 or more)\n"),
        ((HEADER + BACKWARDS * 40).encode(), "expected sessions that can be true ("),
    ],
    ids=["binary", "null", "utf-16", "twice", "short", "nan", "backwards"],
)
def test_a_file_that_cannot_be_fitted_is_told_by_its_cause_and_leaves_nothing(
    data: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sessions.csv").write_bytes(data)
    argv = [str(tmp_path / "sessions.csv"), "--timezone", ZONE, "--out", str(tmp_path / "a.toml")]
    assert run(["calibrate", "arrivals", *argv]) == 1
    shown = capsys.readouterr().err
    assert said in shown and "Traceback" not in shown
    assert [path.name for path in tmp_path.iterdir()] == ["sessions.csv"]


def test_the_page_may_not_take_the_profiles_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions, out = write(tmp_path), str(tmp_path / "a.toml")
    argv = ["calibrate", "arrivals", str(sessions), "--timezone", ZONE, "--out", out]
    for page in (out, str(sessions)):
        assert run([*argv, "--report", page, "--force"]) == 1
        assert f"--report: value '{page}': expected a file of its own" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["sessions.csv"]
