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
    HEARTBEAT = "heartbeat"
    """Nothing was sent for a heartbeat interval."""
    FIRMWARE = "firmware"
    """A firmware update entered a new state."""
    SIGNED_FIRMWARE = "signed_firmware"
    """So did one whose firmware is signed (1.6 has a message of its own for it)."""
    LOG = "log"
    """The upload of a log entered a new state."""
    DIAGNOSTICS = "diagnostics"
    """So did one that was asked for as diagnostics (1.6)."""
    SECURITY = "security"
    """Something that whoever guards the network wants to know."""
    CERTIFICATE_WANTED = "certificate_wanted"
    """A key pair was made, and its certificate wants signing."""
    CERTIFICATE_STATUS = "certificate_status"
    """Whether a certificate of the station's own was revoked wants knowing (2.x)."""
    EV_CERTIFICATE = "ev_certificate"
    """An EV wants a contract certificate (2.x)."""
    TRIGGERED = "triggered"
    """The CSMS asked for a message out of turn."""
