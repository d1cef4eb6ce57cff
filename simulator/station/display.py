"""The display: messages of the CSMS, and what a driver sees at a moment (2.0.1 block O).

A station has one display for all its EVSEs. What is on it is worked out from the messages and the
moment (``turns``), never kept. Messages go with their end time or with their transaction, and
outlive a reboot. The station's own words (``tariff``) take turns with the messages in front; only
an AlwaysFront message hides them.

Not done: a message has one content in one language (2.0.1), so there is none to choose (O01.FR.08).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, inf
from typing import TYPE_CHECKING, Final

from simulator.station import tariff, timers
from simulator.station.model import Evse, Status

if TYPE_CHECKING:
    from simulator.station.configuration import Screen
    from simulator.station.state import State

ALWAYS: Final = "AlwaysFront"
FRONT: Final = "InFront"
NORMAL: Final = "NormalCycle"
_CHARGING: Final = (Status.CHARGING, Status.SUSPENDED_EV, Status.SUSPENDED_EVSE)


@dataclass(frozen=True, slots=True)
class Message:
    """A message that the CSMS has set. Times are Unix times."""

    id: int
    priority: str
    content: str
    format: str
    state: str = ""
    """Shown in this state alone; "" in any."""
    begin_s: float = -inf
    end_s: float = inf
    transaction: str = ""
    """Shown while this one runs, and removed after it."""
    wire: str = ""
    """As it was set, for the report (JSON)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """All that decides what is shown, but for the messages."""

    epoch_s: float
    state: str
    """Of the station: Charging, Faulted, Idle or Unavailable."""
    transactions: Mapping[str, str]
    """The running ones, with the state of the EVSE of each."""
    own: tuple[str, ...] = ()
    """What the station itself has to say to drivers."""


def turns(messages: Iterable[Message], at: Moment) -> tuple[str, ...]:
    """What takes turns on the display at a moment, in order. Empty: nothing is shown."""
    due = [message for message in messages if _applies(message, at)]
    always = [message.content for message in due if message.priority == ALWAYS]
    if always:
        return (always[-1],)
    front = tuple(message.content for message in due if message.priority == FRONT) + at.own
    return front or tuple(message.content for message in due)


def _applies(message: Message, at: Moment) -> bool:
    if not message.begin_s <= at.epoch_s < message.end_s:
        return False
    state = at.state
    if message.transaction:
        if message.transaction not in at.transactions:
            return False
        state = at.transactions[message.transaction]
    return not message.state or message.state == state


def shown(texts: Sequence[str], epoch_s: float, each_s: float) -> str:
    """Which of the texts has its turn; "" if there is none."""
    return texts[floor(epoch_s / each_s) % len(texts)] if texts else ""


def state_of(evses: Iterable[Evse]) -> str:
    """MessageStateEnumType of these EVSEs together."""
    statuses = {evse.status for evse in evses}
    if not statuses.isdisjoint(_CHARGING):
        return "Charging"
    if statuses <= {Status.FAULTED}:
        return "Faulted"
    return "Unavailable" if statuses <= {Status.FAULTED, Status.UNAVAILABLE} else "Idle"


def moment(st: State, now: float) -> Moment:
    """What the station's display depends on now."""
    whole = st.evses[0].status
    if whole is Status.FAULTED:
        state = "Faulted"
    elif whole is Status.UNAVAILABLE:
        state = "Unavailable"
    else:
        state = state_of(st.evses[1:])
    running = {str(e.tx.id): state_of((e,)) for e in st.evses[1:] if e.tx is not None}
    return Moment(st.clock_zero + now, state, running, tariff.notices(st))


def on_screen(st: State, now: float) -> tuple[str, ...]:
    """What takes turns on the station's display now."""
    screen = st.conf.screen
    if screen is None:
        return ()
    return turns(st.display or () if screen.enabled else (), moment(st, now))


# -- what becomes of messages ---------------------------------------------------------------------


def put(st: State, now: float, message: Message) -> str:
    """Set a message, in place of one of the same id: DisplayMessageStatusEnumType."""
    screen = st.conf.screen
    if screen is None or not screen.enabled:
        return "Rejected"
    expire(st, now, now)
    refused = _refused(st, now, screen, message)
    if refused:
        return refused
    kept = [m for m in st.display or () if m.id != message.id]
    if message.priority == ALWAYS:
        kept = [m for m in kept if m.priority != ALWAYS]
    if len(kept) >= st.settings.max_display_messages:
        return "Rejected"
    _keep(st, [*kept, message])
    return "Accepted"


def _refused(st: State, now: float, screen: Screen, message: Message) -> str:
    if message.priority not in screen.priorities:
        return "NotSupportedPriority"
    if message.format not in screen.formats:
        return "NotSupportedMessageFormat"
    if message.transaction and message.transaction not in _running(st):
        return "UnknownTransaction"
    printable = message.content.isascii() and message.content.isprintable()
    if message.format == "ASCII" and not printable:
        return "Rejected"
    never = message.end_s <= max(st.clock_zero + now, message.begin_s)
    return "Rejected" if never or message.id < 0 else ""


def clear(st: State, now: float, number: int) -> bool:
    """Remove a message. False: there is none of this id."""
    expire(st, now, now)
    kept = [message for message in st.display or () if message.id != number]
    if len(kept) == len(st.display or ()):
        return False
    _keep(st, kept)
    return True


def matching(
    st: State, now: float, numbers: Sequence[int] | None, priority: str | None, state: str | None
) -> list[Message]:
    """The messages that fit everything that is given (O03, O04)."""
    expire(st, now, now)
    return [
        message
        for message in st.display or ()
        if (numbers is None or message.id in numbers)
        and priority in (None, message.priority)
        and state in (None, message.state)
    ]


def expire(st: State, now: float, due: float) -> None:
    """Messages whose time or transaction is over go (O01.FR.07, O02.FR.02)."""
    if st.display is not None:
        _keep(st, current(st, now))


def current(st: State, now: float) -> list[Message]:
    """The messages that are neither out of date nor of a transaction that has ended."""
    epoch_s, running = st.clock_zero + now, _running(st)
    return [
        message
        for message in st.display or ()
        if epoch_s < message.end_s and (not message.transaction or message.transaction in running)
    ]


def _running(st: State) -> set[str]:
    return {str(evse.tx.id) for evse in st.evses if evse.tx is not None}


def _keep(st: State, messages: list[Message]) -> None:
    st.display = messages or None
    first = min((message.end_s for message in messages), default=inf)
    timers.instead(st, first - st.clock_zero, expire)
