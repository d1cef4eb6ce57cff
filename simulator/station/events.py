"""Domain events of a station: what happens to it, whatever the protocol version calls it.

A version table maps each event to the messages that it causes. The station sends by that mapping
and the prediction counts by it, so the two cannot disagree.
"""

from __future__ import annotations

from enum import Enum


class Event(Enum):
    """What happened. An EVSE-wide event is told once for each EVSE that it happens to."""

    BOOT = "boot"
    OPERATIVE = "operative"
    """Boot accepted. Messages are sent once for the station and once for each EVSE."""
    PLUGGED_IN = "plugged_in"
    TOKEN_PRESENTED = "token_presented"
    TRANSACTION_STARTED = "transaction_started"
    TRANSACTION_CHANGED = "transaction_changed"
    """Something that an open transaction is to tell (2.x): authorised, unplugged, stopped ..."""
    CHARGING_STATE = "charging_state"
    """The charging state of an open transaction changed (2.x)."""
    CHARGING = "charging"
    SUSPENDED_EV = "suspended_ev"
    SUSPENDED_EVSE = "suspended_evse"
    SAMPLED = "sampled"
    CLOCK_ALIGNED = "clock_aligned"
    """Once for each EVSE in a transaction."""
    CLOCK_ALIGNED_IDLE = "clock_aligned_idle"
    """Once for each EVSE without a transaction."""
    TRANSACTION_ENDED = "transaction_ended"
    FINISHING = "finishing"
    UNPLUGGED = "unplugged"
    """The EVSE is free again: unplugged, or given back because nobody plugged in."""
    AVAILABILITY = "availability"
    """The CSMS took an EVSE (or the station) out of service, or put it back."""
    FAULTED = "faulted"
    RESERVED = "reserved"
    """The EVSE is kept free for somebody."""
    RESERVATION_ENDED = "reservation_ended"
    """Expired or removed without having been used, and not by the CSMS."""
    LOCAL_LIST_CONFLICT = "local_list_conflict"
    """The CSMS says otherwise of a token than the list that it sent."""
    HEARTBEAT = "heartbeat"
    """Nothing was sent for a heartbeat interval."""
    PROFILES_REPORTED = "profiles_reported"
    """The CSMS asked which charging profiles there are (2.x)."""
    LIMIT_IMPOSED = "limit_imposed"
    LIMIT_CLEARED = "limit_cleared"
    """Somebody else than the CSMS limits what is drawn, or does no longer (2.x)."""
    TRIGGERED = "triggered"
    """The CSMS asked for a message out of turn."""
    REPORT = "report"
    """A part of a report that the CSMS asked for is to be told (2.x)."""
