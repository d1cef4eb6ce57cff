"""The closed list of error classes, and a log that counts them and keeps the first examples.

A status such as ``Authorize: Invalid`` is an answer and no error: it is kept in the same log, in
``REFUSALS``, and counted apart. ``local_fd`` and ``local_port`` are faults of the generator and
make a run invalid.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class ErrorKind(StrEnum):
    """Every class of error that a run can report."""

    DNS = "dns"
    TCP_REFUSED = "tcp_refused"
    TCP_TIMEOUT = "tcp_timeout"
    TCP_RESET = "tcp_reset"
    TCP_OTHER = "tcp_other"
    LOCAL_FD = "local_fd"
    LOCAL_PORT = "local_port"
    LOCAL_DISK = "local_disk"
    """A file of the run could not be written on; what was measured is not touched."""
    TLS_ALERT = "tls_alert"
    """The peer refused the handshake, or our certificate, by an alert."""
    TLS_VERIFY = "tls_verify"
    """The peer's certificate is not to be trusted."""
    TLS_PROTOCOL = "tls_protocol"
    """No common version or cipher, or a broken record."""
    TLS_MALFORMED = "tls_malformed"
    """What answers speaks no TLS."""
    TLS_CLOSED = "tls_closed"
    """Closed in the middle of the handshake."""
    TLS_TIMEOUT = "tls_timeout"
    TLS_OWN_CERTIFICATE = "tls_own_certificate"
    """The station's own certificate or key cannot be used."""
    HTTP_401 = "http_401"
    HTTP_403 = "http_403"
    HTTP_404 = "http_404"
    HTTP_429 = "http_429"
    HTTP_5XX = "http_5xx"
    HTTP_OTHER = "http_other"
    HTTP_TIMEOUT = "http_timeout"
    HTTP_MALFORMED = "http_malformed"
    BAD_SUBPROTOCOL = "bad_subprotocol"
    BAD_EXTENSION = "bad_extension"
    """An extension of WebSocket was selected that nobody offered, or not so."""
    WS_CLOSE = "ws_close"
    ABNORMAL_1006 = "abnormal_1006"
    WS_PROTOCOL = "ws_protocol"
    PING_TIMEOUT = "ping_timeout"
    OCPP_CALLERROR = "ocpp_callerror"
    OCPP_MALFORMED = "ocpp_malformed"
    OCPP_SCHEMA = "ocpp_schema"
    """An answer or a CALL that does not fit the schema of its message."""
    OCPP_UNKNOWN_ACTION = "ocpp_unknown_action"
    """A CALL of an action that the version does not have."""
    OCPP_UNKNOWN_ID = "ocpp_unknown_id"
    OCPP_FORBIDDEN = "ocpp_forbidden"
    """A CALL to a station that was not accepted."""
    OCPP_FLOOD = "ocpp_flood"
    """CALLs without end, whose answers are not read."""
    OCPP_OTHER = "ocpp_other"
    CALL_TIMEOUT = "call_timeout"
    BOOT_PENDING = "boot_pending"
    BOOT_REJECTED = "boot_rejected"
    ID_REJECTED = "id_rejected"


QUALIFIED = frozenset(
    {
        ErrorKind.TLS_ALERT,
        ErrorKind.TLS_VERIFY,
        ErrorKind.TLS_PROTOCOL,
        ErrorKind.WS_CLOSE,
        ErrorKind.OCPP_CALLERROR,
        ErrorKind.OCPP_SCHEMA,
    }
)
"""Classes told apart by the first word of their detail: the alert, what is wrong with the
certificate, close code, error code, or in which way a schema is missed."""
CONNECTING = frozenset(
    kind
    for kind in ErrorKind
    if kind.split("_")[0] in ("dns", "tcp", "tls", "http", "local", "bad")
    and kind is not ErrorKind.LOCAL_DISK
)
"""Ways in which an attempt at a connection fails."""
LOCAL = frozenset({ErrorKind.LOCAL_FD, ErrorKind.LOCAL_PORT})
"""Faults of the generator's own machine that keep stations from connecting."""
REFUSALS = frozenset({ErrorKind.ID_REJECTED})
"""Answers that decline, and are no errors."""
MAX_QUALIFIERS = 32
"""Per class and log; a CSMS that invents codes does not fill the memory."""
EXAMPLES = 3
FRAMES = 20
_DETAIL_LENGTH = 500
_CONTROL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), "�")
"""What a target may send and no report should hold; line ends and tabs stay."""

Frame = str | tuple[float, str, str]
"""A frame as text, or as (seconds since T0, ``in`` or ``out``, text)."""
Frames = Sequence[Frame] | Callable[[], Sequence[Frame]]


def http_error(status: int) -> ErrorKind:
    """The class of an HTTP status with which an upgrade was refused."""
    if 500 <= status <= 599:
        return ErrorKind.HTTP_5XX
    try:
        return ErrorKind(f"http_{status}")
    except ValueError:
        return ErrorKind.HTTP_OTHER


def violation_kind(name: str) -> ErrorKind:
    """The class of a station's ``violation``: ``malformed`` is ``ocpp_malformed``, and so on."""
    for candidate in (name, f"ocpp_{name}"):
        try:
            return ErrorKind(candidate)
        except ValueError:
            continue
    return ErrorKind.OCPP_OTHER


@dataclass(frozen=True, slots=True)
class ErrorExample:
    """One occurrence of an error, with the last frames of its station (oldest first)."""

    at_s: float
    station: str
    detail: str
    frames: tuple[str, ...] = ()


@dataclass(slots=True)
class ErrorClass:
    """How often a class occurred, its first and last time, and its first examples."""

    count: int = 0
    first_s: float = float("inf")
    last_s: float = float("-inf")
    examples: list[ErrorExample] = field(default_factory=list)


class ErrorLog:
    """Errors by (class, qualifier)."""

    __slots__ = ("classes",)

    def __init__(self) -> None:
        self.classes: dict[tuple[ErrorKind, str], ErrorClass] = {}

    def add(
        self,
        kind: ErrorKind,
        detail: str,
        *,
        station: Callable[[], str] | str,
        now: float,
        frames: Frames = (),
        count: int = 1,
    ) -> None:
        """Count an error; station and frames are asked for only if the example is kept."""
        entry = self._entry(kind, detail)
        entry.count += count
        entry.first_s = min(entry.first_s, now)
        entry.last_s = max(entry.last_s, now)
        if len(entry.examples) < EXAMPLES:
            name = station if isinstance(station, str) else station()
            last = (frames() if callable(frames) else frames)[-FRAMES:]
            lines = tuple(_line(frame) for frame in last)
            text = detail[:_DETAIL_LENGTH].translate(_CONTROL)
            entry.examples.append(ErrorExample(now, name, text, lines))

    def _entry(self, kind: ErrorKind, detail: str) -> ErrorClass:
        words = detail.split(maxsplit=1) if kind in QUALIFIED else []
        qualifier = words[0][:60] if words else ""
        entry = self.classes.get((kind, qualifier))
        if entry is None:
            if sum(known is kind for known, _ in self.classes) >= MAX_QUALIFIERS:
                qualifier = "..."
            entry = self.classes.setdefault((kind, qualifier), ErrorClass())
        return entry

    def add_log(self, other: ErrorLog) -> None:
        """Add another shard's errors; the earliest examples stay."""
        for (kind, qualifier), theirs in other.classes.items():
            entry = self._entry(kind, qualifier)
            entry.count += theirs.count
            entry.first_s = min(entry.first_s, theirs.first_s)
            entry.last_s = max(entry.last_s, theirs.last_s)
            both = sorted([*entry.examples, *theirs.examples], key=lambda example: example.at_s)
            entry.examples = both[:EXAMPLES]

    def count(self, kinds: Iterable[ErrorKind] | None = None) -> int:
        """Occurrences of the classes given, or of all."""
        wanted = None if kinds is None else set(kinds)
        return sum(
            entry.count
            for (kind, _), entry in self.classes.items()
            if wanted is None or kind in wanted
        )

    def total(self, kinds: Collection[ErrorKind]) -> int:
        """How many errors there were of these kinds."""
        return sum(entry.count for (kind, _), entry in self.classes.items() if kind in kinds)

    def counts(self, *, refusals: bool = False) -> dict[str, int]:
        """Count by name, most frequent first: ``{"ocpp_callerror(InternalError)": 3, ...}``.

        Either of the errors, or of the refusals.
        """
        rows = sorted(self.classes.items(), key=lambda row: (-row[1].count, row[0]))
        return {
            error_name(kind, qualifier): entry.count
            for (kind, qualifier), entry in rows
            if (kind in REFUSALS) is refusals
        }


def _line(frame: Frame) -> str:
    if isinstance(frame, str):
        return frame.translate(_CONTROL)
    at_s, direction, text = frame
    return f"{at_s:.3f} {direction} {text}".translate(_CONTROL)


def error_name(kind: ErrorKind, qualifier: str) -> str:
    """A class as reports show it."""
    return f"{kind}({qualifier})" if qualifier else str(kind)
