"""The scenario file as typed models: one class per TOML table, values in base units.

This is the whole file and its small tables; the larger ones stand by theme in the ``*_model``
modules that are imported here. Fields have the names they have in the file (``for`` and ``from``
are Python keywords: ``for_``, ``from_``). Powers are kW, durations seconds, ratios 0..1. What one
table cannot know of another is checked in `checks`; profiles are read in `profiles`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from simulator.scenario import fields as f
from simulator.scenario.csms_model import Csms
from simulator.scenario.live_model import Live, Validity
from simulator.scenario.site_model import Site
from simulator.scenario.slo_model import Slo
from simulator.scenario.table import Table


class ScenarioSection(Table):
    """What is run, when, and with which random numbers."""

    name: Annotated[f.Title, Field(description="Name of the scenario; run folders begin with it.")]
    description: Annotated[str, Field(description="One line for people.")] = ""
    seed: Annotated[int, Field(ge=0, description="Same seed, same visits.")] = 1
    start: Annotated[f.LocalTime, Field(description="Local time of the first instant.")]
    timezone: Annotated[f.Zone, Field(description="IANA zone of `start` and the profiles.")] = "UTC"
    duration: Annotated[
        f.Duration, Field(description="Length of the horizon, as elapsed time.")
    ] = 86400.0
    replications: Annotated[
        int,
        Field(
            ge=1,
            le=f.MOST_REPLICATIONS,
            description="Runs with other draws; figures get an interval.",
        ),
    ] = 1
    warmup: Annotated[
        f.DurationOrZero, Field(description="Left out of the figures, from the start.")
    ] = 0.0


class Event(Table):
    """Something that goes wrong, or is out of the ordinary; a process of the simulated world."""

    kind: Annotated[str, f.event(), Field(description="What happens.")]
    sites: Annotated[
        tuple[str, ...] | None, Field(strict=False, description="Where; default: everywhere.")
    ] = None
    options: Annotated[dict[str, Any], Field(description="What the kind takes.")] = Field(
        default_factory=dict
    )


class Trace(Table):
    """Recorded sessions that a site replays."""

    file: Annotated[str, Field(description="CSV or ACN-Data JSON, relative to this file.")]
    site: Annotated[
        str | None, Field(description="Site that replays it; default: the one without arrivals.")
    ] = None
    start: Annotated[
        f.LocalTime | None,
        Field(description="Local time that minutes in the trace count from; default: the start."),
    ] = None
    missing_evse: Annotated[
        Literal["error", "create"],
        f.choice("what to do with an EVSE that the site lacks", "error", "create"),
        Field(description="What to do with an EVSE that the site lacks."),
    ] = "error"
    model: Annotated[
        Annotated[str, f.profile("stations")] | None,
        Field(description="Station profile of made EVSEs; default: the site's first."),
    ] = None


class Record(Table):
    """What is recorded."""

    interval: Annotated[f.Duration, Field(description="Interval of the load curve.")] = 900.0
    billing_interval: Annotated[
        f.Duration, Field(description="Interval whose mean power is billed.")
    ] = 900.0
    evses: Annotated[bool, Field(description="Keep the load curve of every EVSE too.")] = False


class ScenarioFile(Table):
    """A whole scenario file."""

    scenario: ScenarioSection
    sites: Annotated[
        tuple[Site, ...], Field(strict=False, min_length=1, description="The network.")
    ]
    trace: Trace | None = None
    events: Annotated[
        tuple[Event, ...], Field(strict=False, description="What is out of the ordinary.")
    ] = ()
    csms: Csms = Field(default_factory=Csms)
    live: Live = Field(default_factory=Live)
    slo: Slo = Field(default_factory=Slo)
    validity: Validity = Field(default_factory=Validity)
    record: Record = Field(default_factory=Record)
    fleet: Annotated[
        str | None, Field(description="Inventory of existing stations (stations.csv).")
    ] = None
    tokens: Annotated[str | None, Field(description="Inventory of tokens (tokens.csv).")] = None
