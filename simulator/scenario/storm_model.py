"""The ``live.storms`` of a scenario: bad moments of a live run, each a recipe by name.

What a kind of storm does is in `fleet.storms`; which fields it takes is `FIELDS`, which the checks
go by.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from simulator.scenario import fields as f
from simulator.scenario.table import Table

Kind = Literal[
    "csms_restart",
    "rolling_deploy",
    "power_cut",
    "mass_reset",
    "quarter_hour",
    "firmware_campaign",
    "profile_broadcast",
]
Close = Literal["clean", "fin", "rst", "silent"]

LASTS: Final = ("csms_restart", "rolling_deploy", "power_cut", "quarter_hour")
"""Kinds that last for a time."""
CHOOSES: Final = (
    "power_cut",
    "mass_reset",
    "quarter_hour",
    "firmware_campaign",
    "profile_broadcast",
)
"""Kinds that may hit a part of the network."""
CUTS: Final = ("csms_restart", "rolling_deploy")
"""Kinds in which the target closes connections: by a hook, or by us instead."""
COMMANDS: Final = ("mass_reset", "firmware_campaign", "profile_broadcast")
"""Kinds in which the CSMS sends a command to many stations."""

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "for": LASTS,
    "sites": CHOOSES,
    "share": CHOOSES,
    "close": (*CUTS, "power_cut"),
    "back_off": (*CUTS, "power_cut", "mass_reset", "firmware_campaign"),
    "spread": ("power_cut", "mass_reset"),
    "instances": ("rolling_deploy",),
    "reset": ("mass_reset",),
    "interval": ("quarter_hour",),
    "firmware": ("firmware_campaign",),
    "limit": ("profile_broadcast",),
    "hook": (*CUTS, *COMMANDS),
}
"""Fields that only some kinds take."""


class Hook(Table):
    """What the run does to the target's side: an HTTP call, or a command of this machine."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["url"]}, {"required": ["command"]}]}
    )

    method: Annotated[
        Literal["GET", "POST", "PUT", "DELETE"],
        f.choice("a method", "GET", "POST", "PUT", "DELETE"),
        Field(description="Of the HTTP call."),
    ] = "POST"
    url: Annotated[str | None, Field(description="Called when the storm begins.")] = None
    body: Annotated[str, Field(description="Sent with it, as JSON.")] = ""
    command: Annotated[
        str | None, Field(description="Run when the storm begins; needs --allow-hooks.")
    ] = None


class Storm(Table):
    """A bad moment of a live run."""

    kind: Annotated[
        Kind,
        f.choice(
            "a kind of storm",
            "csms_restart",
            "rolling_deploy",
            "power_cut",
            "mass_reset",
            "quarter_hour",
            "firmware_campaign",
            "profile_broadcast",
        ),
        Field(description="What happens."),
    ]
    at: Annotated[f.Duration, Field(description="When it begins, from the start of the run.")]
    for_: Annotated[
        f.Duration | None, Field(alias="for", description="How long it lasts, wall clock.")
    ] = None
    recovery: Annotated[
        f.Duration,
        Field(description="So long after it calls count to the phase `storm`, not to `measure`."),
    ] = 60.0
    sites: Annotated[
        tuple[str, ...] | None, Field(strict=False, description="Where; default: everywhere.")
    ] = None
    share: Annotated[f.Ratio, Field(description="Of the stations there, drawn by the seed.")] = 1.0
    close: Annotated[
        Close | None,
        f.choice("a way to close", "clean", "fin", "rst", "silent"),
        Field(
            description="How connections end: close frame, FIN, RST, or not at all (a socket that"
            " nobody reads, reset when the power is back). Default: as the kind does it."
        ),
    ] = None
    back_off: Annotated[
        Literal["spec", "naive"],
        f.choice("a back-off", "spec", "naive"),
        Field(description="naive: stations reconnect at once, and then every second."),
    ] = "spec"
    spread: Annotated[
        f.DurationOrZero, Field(description="Stations come back (or are reset) within this time.")
    ] = 0.0
    instances: Annotated[
        int, Field(ge=2, le=1000, description="Of the CSMS, deployed one after another.")
    ] = 4
    reset: Annotated[
        Literal["soft", "hard"],
        f.choice("a kind of reset", "soft", "hard"),
        Field(description="soft (2.0.1: OnIdle), or hard (2.0.1: Immediate)."),
    ] = "soft"
    interval: Annotated[
        f.Duration, Field(description="Of the clock-aligned meter values: whole seconds.")
    ] = 900.0
    firmware: Annotated[str, Field(description="Address that stations are sent to.")] = (
        "http://firmware.invalid/next.bin"
    )
    limit: Annotated[f.Power | None, Field(description="For every transaction.")] = None
    hook: Annotated[Hook | None, Field(description="What starts it on the target's side.")] = None
