"""OCPP 2.0.1 as a table: event -> messages, message -> builder and answer, request -> handler.

``TABLE`` is what a station is made with and what the prediction counts by.
"""

from __future__ import annotations

from typing import Final

from simulator.station import (
    authorisation,
    boot,
    datatransfer,
    heartbeat,
    statuses,
    transactions,
    v201_authorisation,
    v201_customer,
    v201_display,
    v201_firmware,
    v201_monitoring,
    v201_needs,
    v201_network,
    v201_reports,
    v201_reservation,
    v201_security,
    v201_smartcharging,
    v201_tariff,
    v201_variables,
)
from simulator.station import v201_events as events
from simulator.station import v201_messages as messages
from simulator.station.events import Event
from simulator.station.state import Action, Part, VersionTable, together
from simulator.station.v16_messages import forgotten, noted
from simulator.station.v201_codes import CODES, FORMAT, SECURITY, UNKNOWN_TYPE
from simulator.station.v201_configure import configure
from simulator.station.v201_requests import REQUESTS

_STATUS: Final = ("StatusNotification",)
_EVENT: Final = ("TransactionEvent",)
_FIRST_TO_GO: Final = frozenset(
    (Event.SAMPLED, Event.CLOCK_ALIGNED, Event.CLOCK_ALIGNED_IDLE, Event.TRIGGERED)
)
"""Updated events with readings alone (E04.FR.05)."""

CORE: Final = Part(
    {
        Event.BOOT: ("BootNotification",),
        Event.OPERATIVE: _STATUS,
        Event.PLUGGED_IN: _STATUS,
        Event.TOKEN_PRESENTED: ("Authorize",),
        Event.TRANSACTION_STARTED: _EVENT,
        Event.TRANSACTION_CHANGED: _EVENT,
        Event.CHARGING_STATE: _EVENT,
        Event.CHARGING: (),
        Event.SUSPENDED_EV: (),
        Event.SUSPENDED_EVSE: (),
        Event.SAMPLED: _EVENT,
        Event.CLOCK_ALIGNED: _EVENT,
        Event.CLOCK_ALIGNED_IDLE: ("MeterValues",),
        Event.TRANSACTION_ENDED: _EVENT,
        Event.FINISHING: (),
        Event.UNPLUGGED: _STATUS,
        Event.AVAILABILITY: _STATUS,
        Event.FAULTED: _STATUS,
        Event.HEARTBEAT: ("Heartbeat",),
        Event.TRIGGERED: (),
    },
    {
        "Authorize": Action(messages.authorize, messages.authorize_answered, authorisation.failed),
        "BootNotification": Action(messages.boot, boot.answered, boot.failed),
        "Heartbeat": Action(messages.heartbeat, heartbeat.answered, heartbeat.failed),
        "MeterValues": Action(
            messages.meter_values, noted, forgotten, queued=True, expendable=_FIRST_TO_GO
        ),
        "StatusNotification": Action(messages.status, noted, statuses.failed),
        "TransactionEvent": Action(
            events.event,
            events.answered,
            events.failed,
            queued=True,
            expendable=_FIRST_TO_GO,
            offline=events.went_offline,
        ),
    },
    REQUESTS,
)
"""A status is told only where the connector's word changes (``messages.told``); how charging goes
is the transaction's to tell."""

_ALL: Final = together(
    CORE,
    v201_variables.PART,
    v201_reports.PART,
    v201_network.PART,
    v201_smartcharging.PART,
    v201_needs.PART,
    v201_authorisation.PART,
    v201_reservation.PART,
    datatransfer.PART,
    v201_customer.PART,
    v201_display.PART,
    v201_monitoring.PART,
    v201_tariff.PART,
    v201_firmware.PART,
    v201_security.PART,
)
"""A functional area with messages of its own is one more part here."""

UNSUPPORTED: Final = frozenset(
    (
        "CancelReservation",
        "CertificateSigned",
        "ClearChargingProfile",
        "ClearDisplayMessage",
        "ClearVariableMonitoring",
        "CostUpdated",
        "CustomerInformation",
        "DeleteCertificate",
        "GetBaseReport",
        "GetChargingProfiles",
        "GetCompositeSchedule",
        "GetDisplayMessages",
        "GetInstalledCertificateIds",
        "GetLocalListVersion",
        "GetLog",
        "GetMonitoringReport",
        "GetReport",
        "GetVariables",
        "InstallCertificate",
        "PublishFirmware",
        "ReserveNow",
        "SendLocalList",
        "SetChargingProfile",
        "SetDisplayMessage",
        "SetMonitoringBase",
        "SetMonitoringLevel",
        "SetNetworkProfile",
        "SetVariableMonitoring",
        "SetVariables",
        "UnpublishFirmware",
        "UpdateFirmware",
        # A station's own messages, sent to one.
        "Authorize",
        "BootNotification",
        "ClearedChargingLimit",
        "FirmwareStatusNotification",
        "Get15118EVCertificate",
        "GetCertificateStatus",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "NotifyChargingLimit",
        "NotifyCustomerInformation",
        "NotifyDisplayMessages",
        "NotifyEVChargingNeeds",
        "NotifyEVChargingSchedule",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyReport",
        "PublishFirmwareStatusNotification",
        "ReportChargingProfiles",
        "ReservationStatusUpdate",
        "SecurityEventNotification",
        "SignCertificate",
        "StatusNotification",
        "TransactionEvent",
    )
)

TABLE: Final = VersionTable(
    version="2.0.1",
    subprotocol="ocpp2.0.1",
    messages=_ALL.messages,
    actions=_ALL.actions,
    requests=_ALL.requests,
    unsupported=UNSUPPORTED - _ALL.requests.keys(),
    configure=configure,
    codes=CODES,
    formation=FORMAT,
    incomplete=FORMAT,
    unknown_type=UNKNOWN_TYPE,
    rejected=SECURITY,
    longest_token=36,
    word=messages.word,
    told=messages.told,
    charging_state=messages.charging_state,
    transaction_id=events.transaction_id,
    energy=transactions.energy,
    lock_told=v201_monitoring.lock_told,
    installed=v201_monitoring.installed,
)
