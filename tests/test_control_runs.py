"""Controllers from the front doors: a shipped example, a function handed in, errors at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.api import compare, load_scenario, simulate
from simulator.cli import run
from simulator.engine.control import ControllerError
from simulator.scenario import ScenarioError

QUIET = {"duration": "1d", "report": False}


def test_the_shipped_example_keeps_its_budget(tmp_path: Path) -> None:
    result = simulate("workplace-smart", out=tmp_path / "own", **QUIET)  # type: ignore[arg-type]
    free = simulate(
        "workplace-smart",
        out=tmp_path / "free",
        controllers={"work": lambda view, forecast: np.full(len(view.visit), np.inf)},
        **QUIET,  # type: ignore[arg-type]
    )
    assert result.summary["peak_kw"]["work"] <= 30.0 + 1e-6
    assert free.summary["peak_kw"]["work"] > 40.0
    assert result.summary["energy_kwh"] > 0.95 * free.summary["energy_kwh"]


def test_failures_of_a_controller_stand_in_the_summary(tmp_path: Path) -> None:
    def flaky(view, forecast):  # type: ignore[no-untyped-def]
        return None if view.now_s == 36000.0 else np.full(len(view.visit), 5.0)

    result = simulate(
        "workplace-smart",
        out=tmp_path / "run",
        controllers={"work": flaky},
        **QUIET,  # type: ignore[arg-type]
    )
    notes = [note for note in result.summary["notes"] if "controller" in note]
    assert len(notes) == 1
    assert notes[0].startswith("work: controller flaky: 1 of 96 answers could not be used")


def test_a_hopeless_controller_ends_the_run_and_its_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(ControllerError, match="work: controller hopeless at 2026-06-01T02:15:00"):

        def hopeless(view, forecast):  # type: ignore[no-untyped-def]
            return [1.0]

        simulate(
            "workplace-smart",
            out=tmp_path / "run",
            controllers={"work": hopeless},
            **QUIET,  # type: ignore[arg-type]
        )
    assert '"failed"' in (tmp_path / "run" / "manifest.json").read_text()


def test_a_site_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="expected a site: work"):
        simulate(
            "workplace-smart",
            out=tmp_path / "run",
            controllers={"wrk": lambda view, forecast: []},
            **QUIET,  # type: ignore[arg-type]
        )


def test_the_command_line_says_what_is_wrong_with_a_users_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.py").write_text("import no_such_module\ndef limits(v, f): ...\n")
    example = Path(__file__).parents[1] / "scenarios" / "workplace-smart.toml"
    text = example.read_text(encoding="utf-8")
    scenario = tmp_path / "s.toml"
    scenario.write_text(text.replace("controllers/least_slack.py", "own.py"), encoding="utf-8")
    assert run(["simulate", str(scenario), "--out", str(tmp_path / "run")]) == 1
    said = capsys.readouterr().err
    assert "s.toml: sites.work.controller.function: value 'own.py:limits'" in said
    assert "ModuleNotFoundError: No module named 'no_such_module'" in said


def test_a_controller_that_is_taken_away_leaves_the_policy_alone(tmp_path: Path) -> None:
    taken = load_scenario("workplace-smart", sets=['sites.work.controller={ kind = "none" }'])
    none = simulate(taken, out=tmp_path / "none", **QUIET)  # type: ignore[arg-type]
    free = simulate(
        "workplace-smart",
        out=tmp_path / "free",
        controllers={"work": lambda view, forecast: np.full(len(view.visit), np.inf)},
        **QUIET,  # type: ignore[arg-type]
    )
    assert none.figures == free.figures


def test_a_function_is_compared_with_the_site_as_it_is() -> None:
    taken = load_scenario("workplace-smart", sets=['sites.work.controller={ kind = "none" }'])

    def gentle(view, forecast):  # type: ignore[no-untyped-def]
        return np.full(len(view.visit), 4.2)

    found = compare(
        taken,
        taken,
        names=("free", "gentle"),
        replications=8,
        duration="1d",
        controllers={"work": gentle},
    )
    assert found["visits"].judgement == "equal"
    assert found["peak_kw"].judgement == "less"
    alone = compare(taken, taken, replications=8, duration="1d")
    assert alone["peak_kw"].a == found["peak_kw"].a
    with pytest.raises(ScenarioError, match="expected a site: work"):
        compare(taken, taken, replications=1, duration="1d", controllers={"wrk": gentle})
