"""How the CSMS keeps to the schemas of OCPP: what of it was checked, and what did not fit.

One ``Conformance`` is shared by all stations of a process. Of the answers to our own calls the
first of each type is checked, then every so-manieth; a CALL is always checked, since a station must
refuse one that does not fit. Broken frames and rules of the protocol are no matter of schemas: the
RPC engine tells of them as they come. Called by ``rpc``; whoever drives the stations reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from simulator.station.payloads import Refusal
from simulator.station.schemas import Misfit, schema

if TYPE_CHECKING:
    from simulator.station.model import Call
    from simulator.station.state import State

ANSWER: Final = "answer"
CALL: Final = "call"
_TEXT: Final = 200


class Type(NamedTuple):
    """A type of message that the CSMS sends: ``side`` is ``answer`` or ``call``."""

    version: str
    side: str
    action: str


class Conformance:
    """What was seen, checked and found of each type of message."""

    __slots__ = ("checked", "every", "examples", "found", "last", "seen")

    def __init__(self, every: int = 1) -> None:
        """Check one in ``every`` answers of each type; 0: none."""
        self.every = every
        self.seen: dict[tuple[str, str], int] = {}
        """Useful answers by version and action."""
        self.checked: dict[Type, int] = {}
        self.last: dict[Type, Any] = {}
        """The last payload of each type that was checked, for whoever asks what checking costs."""
        self.found: dict[tuple[Type, str], int] = {}
        """How many did not fit, by type and kind (a value of ``schemas.Fault``)."""
        self.examples: dict[tuple[Type, str], str] = {}
        """The first of each in words."""

    def due(self, version: str, action: str) -> bool:
        """Is the answer that has come one to check?"""
        key = version, action
        n = self.seen.get(key, 0)
        self.seen[key] = n + 1
        every = self.every
        return every == 1 or (every > 1 and n % every == 0)

    def note(self, kind: Type, payload: Any, misfit: Misfit | None) -> None:
        """One was checked."""
        self.checked[kind] = self.checked.get(kind, 0) + 1
        self.last[kind] = payload
        if misfit is not None:
            key = kind, misfit.fault.value
            self.found[key] = self.found.get(key, 0) + 1
            self.examples.setdefault(key, misfit.text[:_TEXT])


def judge_answer(st: State, now: float, call: Call, payload: Any, useful: bool) -> None:
    """The answer to a call came; ``useful``: the station could make something of it."""
    judge, table, action = st.settings.conformance, st.table, call.action
    if not judge.due(table.version, action) and useful:
        return
    found = table.answer(action).misfit(payload)
    judge.note(Type(table.version, ANSWER, action), payload, found)
    if not useful:
        why = "" if found is None else f": {found.text}"
        st.observer.violation(st.index, "malformed", f"answer to {action}{why}", now)
    elif found is not None:
        why = f"{found.fault.value} in the answer to {action}: {found.text}"
        st.observer.violation(st.index, "schema", why, now)


def judge_call(st: State, now: float, action: str, payload: Any) -> None:
    """A CALL of a known action came. Raises ``Refusal`` unless it fits its schema."""
    judge, table = st.settings.conformance, st.table
    kind = Type(table.version, CALL, action)
    try:
        table.check(action, payload)
    except Refusal:
        found = schema(table.version, action).misfit(payload)
        judge.note(kind, payload, found)
        if found is not None:
            why = f"{found.fault.value} in {action}: {found.text}"
            st.observer.violation(st.index, "schema", why, now)
        raise
    judge.note(kind, payload, None)
