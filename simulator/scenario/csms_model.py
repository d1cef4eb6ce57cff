"""``[csms]`` of a scenario file: the target of a live run, and how ours is set up."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from simulator.scenario import fields as f
from simulator.scenario.table import Table


class Password(Table):
    """Where the stations' password comes from. It never stands in the file."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["env"]}, {"required": ["file"]}]}
    )

    env: Annotated[str | None, Field(description="Environment variable that holds it.")] = None
    file: Annotated[str | None, Field(description="File that holds it, mode 0600.")] = None


class Csms(Table):
    """The target of a live run."""

    url: Annotated[
        f.Url, Field(description="`embedded`, or a WebSocket address; {station_id} is filled in.")
    ] = "embedded"
    versions: Annotated[
        f.Versions,
        Field(
            description="OCPP versions and their shares of the stations. Which station speaks which"
            " is drawn from the seed, its site and its number there; an inventory says it itself."
        ),
    ] = Field(default_factory=lambda: {"1.6": 1.0})
    security_profile: Annotated[
        int, Field(ge=0, le=1, description="0: no credentials; 1: HTTP basic authentication.")
    ] = 0
    password: Annotated[
        Password | None, Field(description="One password for all stations; default: each its own.")
    ] = None
    authorised: Annotated[
        bool, Field(description="You may put load on this target: needed beyond this machine.")
    ] = False
