"""A visit while it is under way at an EVSE: its car, its agenda, and how far it has come.

State only; ``virtual`` decides what happens. Made when the car plugs in, dropped when it leaves, so
that a fleet keeps no objects for visits that are not there yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Final

from simulator.fleet.agenda import changes
from simulator.fleet.rules import SLACK_S
from simulator.fleet.shardplan import StationPlan
from simulator.station.events import Event

OVER: Final = (inf, Event.UNPLUGGED)
"""Stands for the change after the last one."""


class Visit:
    """A visit that is under way at an EVSE."""

    __slots__ = (
        "agenda",
        "charge",
        "ending",
        "following",
        "foreign",
        "held",
        "limited",
        "played_s",
        "row",
        "start_s",
        "state",
        "stop_s",
        "token",
        "transaction",
    )

    def __init__(self, plan: StationPlan, row: int) -> None:
        caps = plan.caps(row)
        self.row = row
        self.start_s = plan.start_s(row)
        self.stop_s = plan.stop_s(row)
        self.token = plan.token(row)
        self.charge = plan.charge(row, caps)
        self.agenda: Iterator[tuple[float, Event]] = changes(
            self.start_s, self.stop_s, plan.full_s(row), *caps
        )
        self.state = next(self.agenda)[1]
        """How charging begins."""
        self.following = next(self.agenda, OVER)
        self.played_s = self.start_s
        """When the last change that was played was due."""
        self.limited = False
        """A charging profile has made a difference."""
        self.transaction = False
        """Energy may flow: the contactor is closed."""
        self.held = False
        """Planned to be over, but an authorisation is still unanswered."""
        self.ending = False
        """The driver is ending it, or something else has."""
        self.foreign = False
        """The transaction is not this driver's: begun from afar."""

    @property
    def due_s(self) -> float:
        """When something is to happen next."""
        if self.transaction:
            return min(self.following[0], self.stop_s)
        return self.stop_s + SLACK_S if self.held else self.stop_s

    def work_out_anew(self, now: float, plan: StationPlan) -> None:
        """Less energy flowed, or flows, than planned: find out when the car is done, if at all."""
        full_s = self.charge.full_at(now, plan.target_soc(self.row))
        self.agenda = changes(self.start_s, self.stop_s, full_s, *plan.caps(self.row))
        self.following = next(self.agenda)
        while self.following[0] <= self.played_s:
            self.following = next(self.agenda, OVER)
