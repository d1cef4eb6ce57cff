"""OCPP 2.0.1: answers that are too long for one message, told in parts (``tbc``, ``seqNo``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulator.station import clock, rpc
from simulator.station.events import Event
from simulator.station.model import Call, Registration
from simulator.station.ports import CallOutcome
from simulator.station.state import Afterwards, State


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the answer to a request; what builds the message finds it in ``Call.about``."""

    request: int
    number: int
    more: bool
    content: str


def parts(items: Sequence[str], most: int) -> list[str]:
    """The items joined by commas, at most so many to a part."""
    return [",".join(items[i : i + most]) for i in range(0, len(items), most)]


def telling(event: Event, request: int, contents: Sequence[str]) -> Afterwards:
    """Tell all of it once the answer is on its way."""
    return partial(_tell, event, request, contents)


def _tell(event: Event, request: int, contents: Sequence[str], st: State, now: float) -> None:
    last = len(contents) - 1
    for number, content in enumerate(contents):
        part = Part(request, number, number < last, content)
        rpc.raise_event(st, event, now, now, about=part)


def ready(st: State, action: str) -> bool:
    """May such a report be sent? Not before Accepted (B01.FR.10), and one at a time."""
    under_way = st.call is not None and st.call.action == action
    free = not under_way and not rpc.waiting(st, action)
    return free and st.registration is Registration.ACCEPTED


def frame(st: State, now: float, part: Part) -> str:
    """The fields that every numbered part has."""
    return (
        f'"requestId":{part.request},"seqNo":{part.number},"tbc":{"true" if part.more else "false"}'
        f',"generatedAt":"{clock.iso(st.clock_zero + now)}"'
    )


def noted(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """An answer without content."""
    return True


def forgotten(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """A part that did not arrive: the CSMS asks again if it wants to know."""
