"""The people of a site and what they do, as tables of a scenario file.

Written under ``[[sites]]`` (see `site_model`); visits are drawn from them by ``demand``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.scenario import fields as f
from simulator.scenario.table import Table


class Reroute(Table):
    """Where drivers go who find no place."""

    to: Annotated[
        tuple[str, ...], Field(strict=False, min_length=1, description="Sites, in order.")
    ]
    travel: Annotated[f.Duration, Field(description="Time to the next one.")]


class Reservations(Table):
    """Drivers who reserve."""

    share: Annotated[f.Ratio, Field(description="Of all visits.")]
    lead: Annotated[f.Duration, Field(description="Held so long before the arrival.")] = 1800.0
    grace: Annotated[f.Duration, Field(description="And so long after it, if nobody comes.")] = (
        900.0
    )
    no_show: Annotated[f.Ratio, Field(description="Of those who reserve.")] = 0.0


class DelayedStart(Table):
    """Cars with a timer of their own."""

    share: Annotated[f.Ratio, Field(description="Of all visits.")]
    at: Annotated[f.Clock, Field(description="Local time at which they begin, if plugged in then.")]


class VehicleToGrid(Table):
    """Cars that give back, where their model and a controller do."""

    share: Annotated[f.Ratio, Field(description="Of the drivers whose car can.")] = 1.0
    reserve: Annotated[float, Field(ge=0, le=1, description="SoC never gone below.")] = 0.4


class Priority(Table):
    """Drivers whom a policy prefers."""

    share: Annotated[f.Ratio, Field(description="Of all visits.")]
    weight: Annotated[float, Field(gt=1, description="Against 1 for everybody else.")] = 2.0


class Drivers(Table):
    """How drivers deal with the stations; the rest stop with the card that they began with."""

    unplug: Annotated[
        f.Ratio, Field(description="Unplug without stopping (a locked cable is stopped first).")
    ] = 0.0
    double_tap: Annotated[
        f.Ratio, Field(description="Stop by a second tap what they have just begun; begin anew.")
    ] = 0.0
    wrong_token: Annotated[
        f.Ratio, Field(description="Plug in, are refused, and leave without charging.")
    ] = 0.0
    walk_away: Annotated[
        f.Ratio, Field(description="Are authorised and never plug in (ConnectionTimeOut).")
    ] = 0.0
    blocked_token: Annotated[
        f.Ratio, Field(description="As `wrong_token`, with one that the CSMS has blocked.")
    ] = 0.0
    expired_token: Annotated[
        f.Ratio, Field(description="As `wrong_token`, with one that is no longer valid.")
    ] = 0.0
    second_try: Annotated[
        f.Ratio, Field(description="Of those refused: tap a good token then, and charge.")
    ] = 0.0


class Start(Table):
    """By what drivers start a charge: shares that sum to 1 (of another manner: by card)."""

    rfid: Annotated[f.Ratio, Field(description="A card at the reader.")] = 0.0
    app: Annotated[
        f.Ratio, Field(description="An app: the CSMS starts from afar; stopped by unplugging.")
    ] = 0.0
    free: Annotated[
        f.Ratio, Field(description="A button, without token (1.6: an idTag of the station's own).")
    ] = 0.0
    plug_and_charge: Annotated[
        f.Ratio, Field(description="A contract certificate in the car (2.0.1); by unplugging.")
    ] = 0.0


class Depot(Table):
    """Vehicles with a schedule that come back every day with what they have used."""

    vehicle: Annotated[str, Field(description="Name of a vehicle in the site's mix.")]
    count: Annotated[int, Field(ge=1, description="How many.")]
    back: Annotated[f.Clock, Field(description="Local time of coming back.")]
    out: Annotated[f.Clock, Field(description="Local time of leaving, the last before it is due.")]
    days: Annotated[
        Literal["all", "weekdays", "weekends"],
        f.choice("days", "all", "weekdays", "weekends"),
        Field(description="On which days they come back."),
    ] = "weekdays"
    used: Annotated[f.Energy, Field(description="Energy used on a day out, out of the battery.")]
    spread: Annotated[
        float, Field(ge=0, le=1, description="Standard deviation of `used`, as a part of it.")
    ] = 0.1
    jitter: Annotated[f.DurationOrZero, Field(description="Standard deviation of coming back.")] = (
        600.0
    )
