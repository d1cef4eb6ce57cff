"""OCPP 1.6-J as a table: event -> messages, message -> builder and answer, request -> handler.

``TABLE`` is what a station is made with and what the prediction counts by. All profiles of 1.6, as
SupportedFeatureProfiles says, and the security whitepaper.
"""

from __future__ import annotations

from typing import Final

from simulator.station import (
    authorisation,
    boot,
    datatransfer,
    heartbeat,
    statuses,
    v16_authorisation,
    v16_firmware,
    v16_profiles,
    v16_reservation,
    v16_security,
)
from simulator.station import v16_messages as messages
from simulator.station.events import Event
from simulator.station.state import Action, Part, VersionTable, together
from simulator.station.v16_codes import CODES, FORMATION, PROTOCOL
from simulator.station.v16_keys import configure
from simulator.station.v16_requests import REQUESTS

_STATUS: Final = ("StatusNotification",)

MESSAGES: Final = {
    Event.BOOT: ("BootNotification",),
    Event.OPERATIVE: _STATUS,
    Event.PLUGGED_IN: _STATUS,
    Event.TOKEN_PRESENTED: ("Authorize",),
    Event.TRANSACTION_STARTED: ("StartTransaction",),
    Event.TRANSACTION_CHANGED: (),
    Event.CHARGING_STATE: (),
    Event.CHARGING: _STATUS,
    Event.SUSPENDED_EV: _STATUS,
    Event.SUSPENDED_EVSE: _STATUS,
    Event.SAMPLED: ("MeterValues",),
    Event.CLOCK_ALIGNED: ("MeterValues",),
    Event.CLOCK_ALIGNED_IDLE: ("MeterValues",),
    Event.TRANSACTION_ENDED: ("StopTransaction",),
    Event.FINISHING: _STATUS,
    Event.UNPLUGGED: _STATUS,
    Event.AVAILABILITY: _STATUS,
    Event.FAULTED: _STATUS,
    Event.HEARTBEAT: ("Heartbeat",),
    Event.TRIGGERED: (),
    Event.LIMIT_IMPOSED: (),
    Event.LIMIT_CLEARED: (),
    Event.REPORT: (),
    Event.MONITORED: (),
    Event.MONITORING_REPORTED: (),
    Event.DISPLAY_REPORTED: (),
    Event.CUSTOMER_REPORTED: (),
}
"""TRIGGERED causes nothing itself: the CSMS names the message that it wants. 1.6 has no reports."""

ACTIONS: Final = {
    "Authorize": Action(messages.authorize, messages.authorize_answered, authorisation.failed),
    "BootNotification": Action(messages.boot, boot.answered, boot.failed),
    "Heartbeat": Action(messages.heartbeat, heartbeat.answered, heartbeat.failed),
    "MeterValues": Action(
        messages.meter_values,
        messages.noted,
        messages.forgotten,
        queued=True,
        needs_id=True,
        expendable=frozenset(
            (Event.SAMPLED, Event.CLOCK_ALIGNED, Event.CLOCK_ALIGNED_IDLE, Event.TRIGGERED)
        ),
    ),
    "StartTransaction": Action(
        messages.start, messages.start_answered, messages.start_failed, queued=True
    ),
    "StatusNotification": Action(messages.status, messages.noted, statuses.failed),
    "StopTransaction": Action(
        messages.stop, messages.stop_answered, messages.stop_failed, queued=True, needs_id=True
    ),
}

CORE: Final = Part(MESSAGES, ACTIONS, REQUESTS)
_ALL: Final = together(
    CORE,
    v16_profiles.PART,
    v16_authorisation.PART,
    v16_reservation.PART,
    datatransfer.PART,
    v16_firmware.PART,
    v16_security.PART,
)
"""A functional area with messages of its own is one more part here."""

UNSUPPORTED: Final = frozenset(_ALL.actions) - frozenset(_ALL.requests)
"""Known and not served: a station's own messages, sent to one."""

TABLE: Final = VersionTable(
    version="1.6",
    subprotocol="ocpp1.6",
    messages=_ALL.messages,
    actions=_ALL.actions,
    requests=_ALL.requests,
    unsupported=UNSUPPORTED,
    configure=configure,
    codes=CODES,
    formation=FORMATION,
    incomplete=PROTOCOL,
    unknown_type=None,
    rejected=None,
    longest_token=20,
    word=messages.word,
    told=messages.told,
    charging_state=messages.charging_state,
    transaction_id=messages.transaction_id,
)
