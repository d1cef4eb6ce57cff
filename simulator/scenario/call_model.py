"""``csms.calls`` of a scenario: commands that a live run has the CSMS send, by the CSMS's own API.

Which commands need nothing said but their name, with the embedded CSMS, is `PRESETS`; what is in
them is in ``fleet.orders``.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from simulator.scenario import api_fields as a
from simulator.scenario import fields as f
from simulator.scenario.table import Table

PRESETS: Final = (
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "ClearChargingProfile",
    "DataTransfer",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetLocalListVersion",
    "GetVariables",
    "RemoteStart",
    "RemoteStop",
    "Reset",
    "SetChargingProfile",
    "SetVariables",
    "TriggerMessage",
    "UnlockConnector",
)
"""RemoteStart and RemoteStop are each version's own word for it."""
OTHERS: Final = (
    "CancelReservation",
    "CertificateSigned",
    "ClearDisplayMessage",
    "ClearVariableMonitoring",
    "CostUpdated",
    "CustomerInformation",
    "DeleteCertificate",
    "ExtendedTriggerMessage",
    "GetBaseReport",
    "GetChargingProfiles",
    "GetDiagnostics",
    "GetDisplayMessages",
    "GetInstalledCertificateIds",
    "GetLog",
    "GetMonitoringReport",
    "GetReport",
    "GetTransactionStatus",
    "InstallCertificate",
    "PublishFirmware",
    "ReserveNow",
    "SendLocalList",
    "SetDisplayMessage",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "SetNetworkProfile",
    "SetVariableMonitoring",
    "SignedUpdateFirmware",
    "UnpublishFirmware",
    "UpdateFirmware",
)
STEPS: Final = ("api", "command", "late", "answered", "started", "ended", "power", "booted")
"""What is timed of a command, each from when it was due: the API's answer, the command at the
station, one that came later than it was waited for, the station's answer written; and of some, the
effect."""
APP: Final = "RemoteStart"
"""The name under which what drivers with an app ask for is measured."""


class CallRequest(Table):
    """A call of the CSMS's own API; {station}, {evse} and so on are filled in."""

    method: Annotated[a.Method, Field(description="HTTP method.")] = "POST"
    path: Annotated[a.CallPath, Field(description="Below the API's address.")]
    body: Annotated[
        a.CallBody, Field(description="JSON; quotes in what is filled in are escaped.")
    ] = ""


class Call(Table):
    """A command that stations are sent again and again, by calls of the CSMS's own API."""

    action: Annotated[
        str,
        f.choice("a command of OCPP", *PRESETS, *OTHERS),
        Field(description="The command that stations are to see."),
    ]
    name: Annotated[
        a.CallName | None, Field(description="What it is measured as; default: the action.")
    ] = None
    rate: Annotated[
        f.Rate | None, Field(description="So often, each time another station; evenly spaced.")
    ] = None
    every: Annotated[
        f.Duration | None, Field(description="So often, to all of its stations at once.")
    ] = None
    from_: Annotated[
        f.DurationOrZero,
        Field(alias="from", description="From then on, counted from the start of the run."),
    ] = 0.0
    until: Annotated[f.Duration | None, Field(description="Until then; default: the end.")] = None
    sites: Annotated[
        tuple[str, ...] | None, Field(strict=False, description="Where; default: everywhere.")
    ] = None
    models: Annotated[
        tuple[str, ...] | None,
        Field(strict=False, description="Station profiles; default: of any."),
    ] = None
    version: Annotated[
        f.Version | None, Field(description="Only stations that speak it; default: any that can.")
    ] = None
    share: Annotated[f.Ratio, Field(description="Of these stations, drawn by the seed.")] = 1.0
    limits: Annotated[
        tuple[f.Power, ...] | None,
        Field(
            strict=False,
            min_length=1,
            description="SetChargingProfile: the power that is left, at each place in turn."
            " Default: 11 kW and 6 kW.",
        ),
    ] = None
    payload: Annotated[
        a.CallBody | None,
        Field(description="Embedded CSMS: what is in the command (JSON), not the preset."),
    ] = None
    request: Annotated[
        CallRequest | None, Field(description="Another CSMS: the call that has it send that.")
    ] = None
