"""How a latency series is named: action, direction, version, phase, kind."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What a series measures, of one attempt at a call."""

    RESPONSE = "response"
    """Answer - due, over answered calls and, at their age, timed-out ones."""
    SERVICE = "service"
    """Answer - written, over answered calls and, at their age, timed-out ones; for calls of the
    CSMS (direction ``csms``) the station's own turnaround."""
    QUEUE = "queue"
    """Written - due, over every attempt that was written, however it ended."""
    QUEUE_PROTOCOL = "queue_protocol"
    """The CSMS's part of ``queue``: an earlier call unanswered, or the socket not writable."""
    QUEUE_STATION = "queue_station"
    """The scenario's part: offline, boot gate, back-off, retry interval."""
    QUEUE_GENERATOR = "queue_generator"
    """Our own part, the rest. It counts against the validity of the run."""
    DELAYED = "delayed"
    """Answer - due once more, over answered calls that had a station wait."""
    ERROR_RESPONSE = "error_response"
    """Answer - due of calls answered by a CALLERROR."""
    ERROR_SERVICE = "error_service"
    """Answer - written of calls answered by a CALLERROR."""
    LOST = "lost"
    """Age (since due) of calls whose connection went away before an answer."""
    CENSORED = "censored"
    """Age (since due) of calls unanswered when the run ended: the latency is at least this."""
    CENSORED_SERVICE = "censored_service"
    """Age since written of calls written but unanswered when the run ended."""
    CENSORED_QUEUE = "censored_queue"
    """Age since due of calls that were still waiting to be written when the run ended."""


SINCE_WRITTEN: Final = {
    Kind.RESPONSE: Kind.SERVICE,
    Kind.ERROR_RESPONSE: Kind.ERROR_SERVICE,
    Kind.CENSORED: Kind.CENSORED_SERVICE,
}
"""What is counted from when it was written, by what is counted from when it was due."""
API: Final = "api"
"""The direction of what somebody wants of the CSMS's own API."""


class SeriesKey(NamedTuple):
    """The name of one latency series."""

    action: str
    direction: str
    """``station`` (the station calls), ``csms`` (the CSMS calls) or ``api`` (its own is called)."""
    version: str
    phase: str
    kind: Kind

    @property
    def tag(self) -> str:
        """The series' name in the ``.hlog`` file, without commas or white space."""
        name = "/".join((self.action, self.direction, self.version, self.phase, self.kind))
        return "_".join(name.replace(",", " ").split())
