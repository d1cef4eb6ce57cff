"""What a station needs from outside, as narrow protocols: draws, the meter, and who watches.

All times are seconds on the clock of the run, handed in by the driver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class EvState(IntEnum):
    """What an energised EV does with the power that it is offered."""

    CHARGING = 0
    SUSPENDED_EV = 1
    """Offered power, the EV takes none."""
    SUSPENDED_EVSE = 2
    """No power on offer."""


class Draws(Protocol):
    """A stream of random draws that belongs to one station."""

    def uniform(self) -> float:
        """A number in [0, 1)."""
        ...

    def below(self, n: int) -> int:
        """A whole number in [0, n)."""
        ...


class Meter(Protocol):
    """The energy meter and contactor of a station, one per EVSE (1-based).

    ``evse`` 0 is the main meter, at the grid connection: the sum of all. It knows no SoC.
    """

    def register_wh(self, now: float, evse: int) -> float:
        """Energy.Active.Import.Register: never falls in the station's lifetime."""
        ...

    def power_w(self, now: float, evse: int) -> float:
        """Power.Active.Import of all phases."""
        ...

    def current_a(self, now: float, evse: int) -> float:
        """Per phase on AC, total on DC; of the main meter the most that flows in a line."""
        ...

    def lines_a(self, now: float, evse: int) -> Sequence[float]:
        """AC: the current of each line of the supply, L1 first.

        Asked only where ``Settings.lines_metered`` says how many there are.
        """
        ...

    def voltage_v(self, now: float, evse: int) -> float:
        """Line to neutral on AC and of the main meter, at the outlet on DC."""
        ...

    def phases(self, now: float, evse: int) -> int | None:
        """Phases that the EV charges on; None where that is not known (DC, no EV)."""
        ...

    def soc_percent(self, now: float, evse: int) -> float | None:
        """0..100; None where the station cannot know it (AC, no EV)."""
        ...

    def energise(self, now: float, evse: int) -> None:
        """The contactor closes: an authorised transaction runs."""
        ...

    def drawing(self, now: float, evse: int) -> EvState:
        """What the EV does now. Asked right after ``energise``; later changes are told by calls."""
        ...

    def release(self, now: float, evse: int) -> None:
        """The contactor opens."""
        ...

    def limit(self, now: float, evse: int, watts: float, lines: int, phase: int = 0) -> None:
        """From now on the transaction may draw so much; ``inf``: as much as it can.

        ``watts`` is for ``lines`` phases together (AC; an EV on fewer of them gets its part) or for
        the one line of DC. ``phase``: which line it is, where one is left on and the CSMS chose it
        (1 to 3; 0: any). Called when it changes, always while a transaction runs or right after.
        """
        ...


class Transfer(IntEnum):
    """How the transfer of a file ended."""

    DONE = 0
    FAILED = 1
    """No connection, an error of the server, too large ..."""
    DENIED = 2
    """The server lets nobody in, or not us."""
    UNSUPPORTED = 3
    """No way of transfer that is known here, or that the server offers."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the station wants to know of an X.509 certificate; times are epoch seconds."""

    pem: str
    fingerprint: str
    """SHA-256 of its DER form, in hexadecimal."""
    common_name: str
    organisation: str
    serial: str
    """Hexadecimal, without leading zeroes."""
    not_before: float
    not_after: float
    authority: bool
    """It may sign certificates."""
    self_signed: bool
    responder: str = ""
    """Where its revocation can be asked for (OCSP)."""


class Keys(Protocol):
    """Key pairs, certificates and signatures. Private keys are opaque to the station."""

    def pair(self, station: str, number: int) -> bytes:
        """The ``number``-th key pair of a station."""
        ...

    def request(self, key: bytes, common_name: str, organisation: str) -> str:
        """A certificate signing request in PEM (RFC 2986)."""
        ...

    def read(self, pem: str) -> tuple[Certificate, ...]:
        """The certificates of a PEM text, in its order; ValueError if it is none, or not all."""
        ...

    def belongs(self, certificate: Certificate, key: bytes) -> bool:
        """Is it for that key pair?"""
        ...

    def signed(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Did the issuer, by name and by key, sign it?"""
        ...

    def hashes(
        self, certificate: Certificate, issuer: Certificate, algorithm: str
    ) -> tuple[str, str]:
        """Hash of the issuer's name and of its key as in RFC 6960 §4.1.1, in hexadecimal.

        ``algorithm`` is SHA256, SHA384 or SHA512.
        """
        ...

    def verify(self, certificate: str, signature: str, digest: bytes) -> bool:
        """Is ``signature`` (base64) the certificate's, over a file with that SHA-256?"""
        ...


class CallOutcome(IntEnum):
    """How one attempt at a CALL ended. Every planned attempt ends in exactly one of these."""

    ANSWERED = 0
    CALLERROR = 1
    TIMEOUT = 2
    CONNECTION_LOST = 3
    CENSORED = 4
    """Due, but unanswered when the run ended."""
    SKIPPED = 5
    """Given up before it was written: the connection that it waited on was lost and it is not for
    later, or the queue was full."""


class Observer(Protocol):
    """Who measures. One per shard; ``station`` is the index that the station was given."""

    def call_planned(self, station: int, action: str, due: float, attempt: int) -> None:
        """An attempt at a CALL is due (attempt 1 = a new logical message, 2 and more = retries)."""
        ...

    def call_finished(
        self,
        station: int,
        action: str,
        outcome: CallOutcome,
        due: float,
        written: float,
        ended: float,
        protocol_wait: float,
        station_wait: float,
        detail: str,
    ) -> None:
        """The attempt ended. ``written`` is nan if it never left.

        ``written - due`` is the queue time: ``protocol_wait`` (an earlier call unanswered, the
        socket not writable) plus ``station_wait`` (offline, boot gate, back-off, retry interval)
        plus the rest, which is the generator's own. ``detail`` is the error code of a CALLERROR,
        why a call was skipped, else "".
        """
        ...

    def call_served(
        self, station: int, action: str, received: float, answered: float, code: str
    ) -> None:
        """A CALL of the CSMS was answered by the station; ``code`` is "" or our CALLERROR's code.

        ``action`` is one that the version knows, else "?" (an unreadable CALL, an unknown action).
        """
        ...

    def violation(self, station: int, kind: str, detail: str, now: float) -> None:
        """The CSMS broke the protocol, or refused: ``kind`` is one of

        ``malformed`` (a frame, or the payload of an answer, that cannot be used), ``schema`` (a
        message that misses its JSON schema: a CALL is refused, an answer used as far as it goes;
        the first word of ``detail`` says in which way), ``unknown_action`` (a CALL that the
        version does not have), ``unknown_id`` (an answer to no outstanding CALL: late or
        invented), ``boot_pending``, ``boot_rejected``,
        ``id_rejected`` (a token was not accepted), ``forbidden`` (a CALL that the specification
        rules out at this moment), ``flood`` (CALLs without reading the answers).
        """
        ...

    def booted(self, station: int, now: float) -> None:
        """A BootNotification was accepted."""
        ...

    def transaction_started(
        self, station: int, evse: int, local_id: int, token: str, now: float, meter_wh: float
    ) -> None:
        """A transaction began at the station; ``local_id`` is the station's own running number."""
        ...

    def transaction_confirmed(
        self, station: int, local_id: int, transaction_id: str, status: str, now: float
    ) -> None:
        """The CSMS acknowledged the start (1.6: with its transaction id)."""
        ...

    def transaction_stopped(
        self, station: int, local_id: int, reason: str, now: float, meter_wh: float
    ) -> None:
        """The transaction ended at the station; ``reason`` as in 1.6 §7.36."""
        ...

    def transaction_closed(self, station: int, local_id: int, now: float) -> None:
        """The CSMS acknowledged the end."""
        ...

    def transaction_message(self, station: int, local_id: int, what: str, now: float) -> None:
        """``retried``: sent again because its answer was lost or of no use: the CSMS may know it.

        ``discarded``: the start or the end of the transaction was given up, its attempts used up.
        (Meter values given up are seen in ``call_finished`` alone.)
        """
        ...
