"""Commands that somebody waits for, and whether a frame on the wire is one of them. Pure.

``commands`` keeps them and counts what becomes of them.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Wish:
    """A command that a station is to get."""

    name: str
    """As what it is measured."""
    station: int
    due: float
    action: str
    """On the wire."""
    evse: int = 0
    """0: of no importance."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Fields that are in the command, as far as they are known."""
    effect: str = ""
    """The step that shows it; "": none does."""
    key: tuple[object, ...] = ()
    """What the station tells when that happens."""
    broadcast: int = 0
    """The number of the broadcast that it is a part of; 0: of none."""


@dataclass(slots=True)
class Fan:
    """What came of one broadcast at the stations of a shard."""

    due_s: float
    asked: int = 0
    seen_s: array[float] = field(default_factory=lambda: array("d"))
    """When its commands were at their stations, seconds from when it was due."""


def fits(wish: Wish, action: str, payload: Mapping[str, Any]) -> bool:
    """Whether a command is what was wished for, as far as one can tell."""
    if wish.action != action or any(payload.get(k, ...) != v for k, v in wish.about.items()):
        return False
    return wish.evse == 0 or evse_of(payload) in (0, wish.evse)


def evse_of(payload: Mapping[str, Any]) -> int:
    """The EVSE that a command is about; 0: it names none."""
    inner = payload.get("evse")
    named = payload.get("evseId", payload.get("connectorId"))
    if named is None and isinstance(inner, dict):
        named = inner.get("id")
    return named if isinstance(named, int) else 0


def read(frame: bytes, kind: int) -> list[Any] | None:
    """A frame of that kind of message, if it is one: at least [kind, id, ...]."""
    if not frame.lstrip().startswith(b"["):
        return None
    try:
        found = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) < 3 or found[0] != kind:
        return None
    if kind == 2 and not (len(found) == 4 and isinstance(found[3], dict)):
        return None
    return found


def status_of(answer: Sequence[Any]) -> str:
    """How a station took a command, in its word; "": the answer has none."""
    if answer[0] == 4:
        return f"CALLERROR {answer[2]}"
    status = answer[2].get("status") if isinstance(answer[2], dict) else None
    return status if isinstance(status, str) else ""
