"""The ``stations`` of a site: groups of one model, or of models in a weighted mix."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from simulator.scenario import fields as f
from simulator.scenario.table import Table


class MixEntry(Table):
    """One kind of station in a mix."""

    model: Annotated[str, f.profile("stations"), Field(description="Station profile.")]
    weight: Annotated[
        float, Field(gt=0, le=1e9, description="Its share, against the weights of the others.")
    ] = 1.0
    version: Annotated[f.Version | None, Field(description="OCPP version that it speaks.")] = None
    versions: Annotated[
        f.Versions | None,
        Field(description="OCPP versions and their shares; default: those of the group."),
    ] = None


class StationGroup(Table):
    """Stations of a site: all of one model, or each drawn from a mix."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["model"]}, {"required": ["mix"]}]}
    )

    model: Annotated[
        Annotated[str, f.profile("stations")] | None, Field(description="Station profile.")
    ] = None
    mix: Annotated[
        tuple[MixEntry, ...] | None,
        Field(
            strict=False,
            min_length=1,
            description="Instead of one model: weighted kinds. Which station is of which kind is"
            " drawn from the seed, its site and its number there.",
        ),
    ] = None
    count: Annotated[int, Field(ge=1, le=f.MOST_STATIONS, description="How many of them.")] = 1
    version: Annotated[f.Version | None, Field(description="OCPP version that they speak.")] = None
    versions: Annotated[
        f.Versions | None,
        Field(description="OCPP versions and their shares; default: `csms.versions`."),
    ] = None
    names: Annotated[
        tuple[str, ...] | None,
        Field(strict=False, description="EVSE names that a trace uses, station by station."),
    ] = None
    under: Annotated[
        str | None, Field(description="The limit of the site's tree that they hang under.")
    ] = None
    wiring: Annotated[
        Literal["rotated", "L1", "L2", "L3", "L1L2", "L2L3", "L3L1", "rotated-LL"],
        f.choice(
            "how the stations are wired",
            "rotated",
            "L1",
            "L2",
            "L3",
            "L1L2",
            "L2L3",
            "L3L1",
            "rotated-LL",
        ),
        Field(description="Phase of the first conductor; rotated: station by station."),
    ] = "rotated"
