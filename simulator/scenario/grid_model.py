"""What stands between a site's grid connection and its stations, as tables of a scenario file.

Limits and the times at which they hold, the battery, the loads and generators behind the meter,
and the controller that sets limits at ticks. Written under ``[[sites]]`` (see `site_model`); the
engine makes its own records of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from simulator.scenario import fields as f
from simulator.scenario.table import Table


class Window(Table):
    """A time of the local day at which something holds."""

    from_: Annotated[f.Clock, Field(alias="from", description="Local time of day.")]
    to: Annotated[f.Clock, Field(description="Local time of day; past midnight if not after from.")]
    days: Annotated[
        Literal["all", "weekdays", "weekends"],
        f.choice("days", "all", "weekdays", "weekends"),
        Field(description="On which days the window begins."),
    ] = "all"


class LimitWindow(Window):
    """A limit that holds at certain times."""

    limit: Annotated[f.Power, Field(description="Instead of the limit that holds otherwise.")]


class Transformer(Table):
    """A delta-wye transformer above the stations of a limit."""

    current: Annotated[f.Current, Field(description="Current in each line of the delta side.")]
    voltage: Annotated[
        float, Field(gt=50, le=50_000, description="Phase to neutral on the delta side, V.")
    ]


class Limit(Table):
    """A limit between the site's grid connection and its stations."""

    name: Annotated[f.Name, Field(description="Name, for `under`.")]
    under: Annotated[
        str | None, Field(description="The limit above; default: the grid connection.")
    ] = None
    limit: Annotated[f.Power | None, Field(description="Power of all stations below.")] = None
    current: Annotated[
        f.Current | None, Field(description="Current on each of the three phases.")
    ] = None
    neutral: Annotated[
        f.Current | None, Field(description="Current of the unbalance (phasor sum of the phases).")
    ] = None
    transformer: Annotated[
        Transformer | None, Field(description="Currents on the far side of a transformer.")
    ] = None
    windows: Annotated[
        tuple[LimitWindow, ...], Field(strict=False, description="Other limits at certain times.")
    ] = ()


class Battery(Table):
    """A stationary battery behind the site's meter."""

    capacity: Annotated[f.Energy, Field(description="Usable energy.")]
    power: Annotated[f.Power, Field(description="Most power, either way.")]
    efficiency: Annotated[float, Field(gt=0, le=1, description="There and back.")] = 0.9
    soc: Annotated[float, Field(ge=0, le=1, description="State of charge at the start.")] = 0.5
    target: Annotated[
        f.Power | None,
        Field(description="Net load that it keeps; default: none drawn from or fed into the grid."),
    ] = None


class Series(Table):
    """A load or generation over time: a profile of the week, or a file."""

    profile: Annotated[
        Annotated[str, f.profile("series")] | None,
        Field(description="Shape, from profiles/series."),
    ] = None
    file: Annotated[
        str | None, Field(description="CSV with columns time and kW, relative to this file.")
    ] = None
    peak: Annotated[
        f.Power | None,
        Field(description="The shape's largest value; of a generator in the sun: its rating."),
    ] = None


class Controller(Table):
    """What sets limits at ticks: one of ours, or a function of yours."""

    kind: Annotated[str | None, f.controller(), Field(description="One of ours, by name.")] = None
    function: Annotated[
        str | None, Field(description="`file.py:function` of yours, relative to this file.")
    ] = None
    tick: Annotated[f.Duration, Field(description="How often it is asked.")] = 900.0
    options: Annotated[dict[str, Any], Field(description="What the controller takes besides.")] = (
        Field(default_factory=dict)
    )
