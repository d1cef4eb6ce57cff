"""A small right scenario, and what is said about a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.scenario import ScenarioError, load_scenario

GOOD = """\
[scenario]
name = "test"
start = 2026-06-01T00:00:00
timezone = "Europe/Berlin"

[[sites]]
name = "ring-road"
count = 2
stations = [{ model = "dc-150-dual", count = 2 }, { model = "ac-22-single" }]
grid_limit = "300 kW"
arrivals = "public-dc"
visits_per_evse_day = 6.0
vehicles = "europe-2021"

[[sites]]
name = "home"
stations = [{ model = "home-11-single", count = 3 }]
arrivals = "home"
visits_per_evse_day = 0.5
vehicles = "europe-2021"

[csms]
url = "embedded"

[live]
stages = [{ kind = "ramp", for = "10s", to = "100 %" }, { kind = "hold", for = "1m" }]
"""

TRACED = """\
[scenario]
name = "traced"
start = 2026-06-01T00:00:00
timezone = "Europe/Berlin"

[[sites]]
name = "office"
stations = [{ model = "ac-22-dual", names = ["A-1", "A-2"] }]

[trace]
file = "t.csv"
"""

HEADER = "session_id,evse,arrival,departure,energy_kWh,max_kW\n"

Write = Callable[..., Path]
Say = Callable[..., list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a scenario, with texts replaced and more files beside it."""

    def make(*swaps: tuple[str, str], text: str = GOOD, **files: str) -> Path:
        for old, new in swaps:
            assert old in text, old
            text = text.replace(old, new, 1)
        for name, content in files.items():
            path = tmp_path / name.replace("__", ".")
            path.write_text(content, encoding="utf-8")
        path = tmp_path / "s.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return make


@pytest.fixture
def say(write: Write, tmp_path: Path) -> Say:
    """The lines said about a scenario, with the file called ``s.toml``; [] if it is right."""

    def lines(
        *swaps: tuple[str, str],
        text: str = GOOD,
        options: dict[str, Any] | None = None,
        **files: str,
    ) -> list[str]:
        path = write(*swaps, text=text, **files)
        try:
            load_scenario(path, **(options or {}))
        except ScenarioError as error:
            return [str(problem).replace(f"{tmp_path}/", "") for problem in error.problems]
        return []

    return lines


@pytest.fixture
def good() -> str:
    return GOOD


@pytest.fixture
def traced() -> str:
    return TRACED


@pytest.fixture
def header() -> str:
    return HEADER
