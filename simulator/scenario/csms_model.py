"""``[csms]`` of a scenario file: the target of a live run, its API, and how ours is set up."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from simulator.scenario import api_fields as a
from simulator.scenario import fields as f
from simulator.scenario.call_model import Call
from simulator.scenario.table import Table


class Password(Table):
    """Where the stations' password comes from. It never stands in the file."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["env"]}, {"required": ["file"]}]}
    )

    env: Annotated[str | None, Field(description="Environment variable that holds it.")] = None
    file: Annotated[str | None, Field(description="File that holds it, mode 0600.")] = None


class Embedded(Table):
    """How our own CSMS is set up for a run against it (`url = "embedded"`)."""

    on_boot: Annotated[
        str | None,
        Field(
            description="Commands that it sends after each accepted boot: a TOML file, relative to"
            " this one, or one that ships."
        ),
    ] = None
    heartbeat: Annotated[
        f.Duration | None,
        Field(description="Interval in its answer to BootNotification; default: `live.heartbeat`."),
    ] = None
    http: Annotated[
        int | None,
        Field(ge=0, le=65535, description="Port of its HTTP API on this machine; 0: any free one."),
    ] = None
    sqlite: Annotated[
        str | None,
        Field(description="Database that it writes, relative to this file; an old one goes on."),
    ] = None
    stations: Annotated[
        str | None,
        Field(description="Stations that it knows (CSV); it refuses others. Default: any."),
    ] = None
    tokens: Annotated[
        str | None,
        Field(description="Tokens that it knows (CSV); others are Invalid. Default: any."),
    ] = None

    @property
    def given(self) -> tuple[str, ...]:
        """The options that are set."""
        return tuple(n for n in type(self).model_fields if getattr(self, n) is not None)


class ApiHeader(Table):
    """A header that each call of an API has. Its value never stands in the file."""

    name: Annotated[a.HeaderName, Field(description="Its name.")] = "Authorization"
    env: Annotated[a.Variable, Field(description="Environment variable that holds its value.")]


class ApiCall(Table):
    """A call of the CSMS's own API; {station}, {evse} and {token} are filled in."""

    method: Annotated[a.Method, Field(description="HTTP method.")] = "POST"
    path: Annotated[a.Path, Field(description="Below the API's address.")]
    body: Annotated[a.Body, Field(description="JSON; quotes in what is filled in are escaped.")] = (
        ""
    )


class Api(Table):
    """The HTTP API by which the CSMS is asked to command its stations."""

    url: Annotated[a.Address, Field(description="Where it is.")]
    header: Annotated[ApiHeader | None, Field(description="Who calls, such as a bearer token.")] = (
        None
    )
    start: Annotated[ApiCall | None, Field(description="Starts a charge, as an app does.")] = None


class Tls(Table):
    """How stations speak TLS."""

    min: Annotated[
        Literal["1.2", "1.3"],
        f.choice("a version of TLS", "1.2", "1.3"),
        Field(description="The oldest version that stations accept."),
    ] = "1.2"
    max: Annotated[
        Literal["1.2", "1.3"],
        f.choice("a version of TLS", "1.2", "1.3"),
        Field(description="The newest version that stations know."),
    ] = "1.3"
    resumption: Annotated[
        bool, Field(description="Stations that come back resume their session, if the CSMS lets.")
    ] = False


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
        int,
        Field(
            ge=0,
            le=3,
            description="0: no credentials; 1: password; 2: password over TLS; 3: certificate of"
            " each station, over TLS.",
        ),
    ] = 0
    ca: Annotated[
        str | None,
        Field(
            description="PEM file of the authorities that alone may vouch for the CSMS; default:"
            " those of this system. The embedded CSMS has its own."
        ),
    ] = None
    client_certificates: Annotated[
        str | None,
        Field(
            description="Folder of the stations' certificates, as `fleet certificates` writes it:"
            " <id>.pem and <id>.key. Default with the embedded CSMS: made for the run."
        ),
    ] = None
    operator: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            description="Name of the operator in the stations' certificates and requests for them;"
            " default: Chargeswarm.",
        ),
    ] = None
    tls: Annotated[
        Tls | None,
        Field(description="How stations speak TLS; default: 1.2 or 1.3."),
    ] = None
    password: Annotated[
        Password | None, Field(description="One password for all stations; default: each its own.")
    ] = None
    api: Annotated[
        Api | None,
        Field(description="Its HTTP API, for drivers with an app and calls; embedded: known."),
    ] = None
    calls: Annotated[
        tuple[Call, ...],
        Field(strict=False, description="Commands that live runs have it send, by its API."),
    ] = ()
    authorised: Annotated[
        bool, Field(description="You may put load on this target: needed beyond this machine.")
    ] = False
    embedded: Annotated[
        Embedded, Field(description="How our own CSMS is set up, where it is the target.")
    ] = Field(default_factory=Embedded)
