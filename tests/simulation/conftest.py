"""Small networks, and what a run leaves of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SMALL = """
[scenario]
name = "small"
seed = 7
start = 2026-01-05T00:00:00
timezone = "Europe/Berlin"
duration = "1d"

[[sites]]
name = "hub"
count = 3
stations = [{ model = "dc-50-single", count = 3 }]
grid_limit = "60 kW"
arrivals = "public-dc"
visits_per_evse_day = 25.0
vehicles = "europe-2021"

[[sites]]
name = "kerb"
stations = [{ model = "ac-22-dual", count = 2 }]
grid_limit = "30 kW"
arrivals = "public-ac"
visits_per_evse_day = 6.0
vehicles = "europe-2021"
queue = 2
"""

Write = Callable[..., Path]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A scenario of four sites, busy enough for queues."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path
