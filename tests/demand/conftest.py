"""Small scenarios with profiles of their own, written out and read as a user's would be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.scenario import Scenario, load_scenario

FLAT = [1] * 24
STATION = {
    "vendor": "Maker",
    "model": "Post",
    "evses": 2,
    "measurands": ["Energy.Active.Import.Register"],
    "meter_interval": "1m",
}


def toml(value: Any) -> str:
    """A value as TOML: JSON, with inline tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return json.dumps(value)


def document(tables: dict[str, Any]) -> str:
    return "".join(f"{key} = {toml(value)}\n" for key, value in tables.items())


def car(name: str, **changes: Any) -> dict[str, Any]:
    """A 60 kWh car for AC and DC; ``changes`` over that."""
    base = {"name": name, "battery_kwh": 60.0, "ac_kw": 11.0, "ac_phases": 3, "dc_kw": 100.0}
    return {**base, **changes}


Make = Callable[..., Scenario]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Build a scenario: ``profile`` and ``cars`` change the profiles, the rest the file."""

    def build(
        *,
        profile: dict[str, Any] | None = None,
        cars: list[dict[str, Any]] | None = None,
        sites: list[dict[str, Any]] | None = None,
        scenario: dict[str, Any] | None = None,
        **more: Any,
    ) -> Scenario:
        folder = tmp_path / "profiles"
        arrivals = {
            "source": "made for a test",
            "weekday": FLAT,
            "weekend": FLAT,
            "day_of_week": [1] * 7,
            "stay": {"ln_hours": [0.5, 0.8]},
            "energy_ln_kwh": [2.0, 0.7],
            **(profile or {}),
        }
        fleet = {"source": "made for a test", "vehicles": cars or [car("a", share=1.0)]}
        ac = {**STATION, "source": "made for a test", "current": "ac", "evse_kw": 22.0}
        dc = {**STATION, "source": "s", "current": "dc", "evse_kw": 150.0, "min_kw": 5.0}
        for name, tables in (
            ("arrivals/t-arrivals", arrivals),
            ("vehicles/t-cars", fleet),
            ("stations/t-ac", ac),
            ("stations/t-dc", dc),
        ):
            path = folder / f"{name}.toml"
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = {key: value for key, value in tables.items() if value is not None}
            path.write_text(document(kept))
        head = {
            "name": "test",
            "seed": 7,
            "start": "2026-06-01T00:00:00",
            "timezone": "Europe/Berlin",
            "duration": "7d",
        }
        whole = {
            "scenario": {**head, **(scenario or {})},
            "sites": sites or [site("home")],
            **more,
        }
        file = tmp_path / "scenario.toml"
        file.write_text(document(whole))
        return load_scenario(file)

    return build


def site(name: str, **changes: Any) -> dict[str, Any]:
    """A site of five AC stations with two EVSEs each; ``changes`` over that."""
    base = {
        "name": name,
        "stations": [{"model": "t-ac", "count": 5}],
        "arrivals": "t-arrivals",
        "visits_per_evse_day": 4.0,
        "vehicles": "t-cars",
    }
    return {**base, **changes}


@pytest.fixture
def one_site() -> Callable[..., dict[str, Any]]:
    """The maker of site tables."""
    return site


@pytest.fixture
def one_car() -> Callable[..., dict[str, Any]]:
    """The maker of cars."""
    return car
