"""A visit while it is under way at an EVSE: its car, its agenda, and how far it has come.

State only; ``virtual`` decides what happens. Made when the car plugs in, dropped when it leaves, so
that a fleet keeps no objects for visits that are not there yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Final

from simulator.demand.visits import Manner, Means
from simulator.fleet.agenda import IDLE, TRIES_AGAIN, TURNED_AWAY, changes
from simulator.fleet.means import UNPLUGS
from simulator.fleet.rules import SLACK_S, TAP_S, TRY_S
from simulator.fleet.shardplan import StationPlan
from simulator.station.authorisation import NO_AUTHORIZATION
from simulator.station.events import Event
from simulator.station.model import Transaction
from simulator.station.plugandcharge import EMAID
from simulator.station.transactions import same_token

KINDS: Final[dict[int, str]] = {Means.BUTTON: NO_AUTHORIZATION, Means.CONTRACT: EMAID}
"""Types of tokens that are not the usual one."""
OVER: Final = (inf, Event.UNPLUGGED)
"""Stands for the change after the last one."""


class Visit:
    """A visit that is under way at an EVSE."""

    __slots__ = (
        "agenda",
        "asked",
        "charge",
        "cut",
        "ending",
        "following",
        "foreign",
        "held",
        "kind",
        "limited",
        "manner",
        "means",
        "played_s",
        "resumed",
        "row",
        "second_token",
        "start_s",
        "state",
        "stop_s",
        "tap_s",
        "taps",
        "token",
        "transaction",
    )

    def __init__(self, plan: StationPlan, row: int) -> None:
        caps = plan.caps(row)
        self.row = row
        self.start_s = plan.start_s(row)
        self.stop_s = plan.stop_s(row)
        good, bad = plan.token(row), plan.bad_token(row)
        self.token = good if bad is None else bad
        """What the driver presents."""
        self.manner = plan.manner(row)
        self.means = plan.means(row)
        self.kind = KINDS.get(self.means, "")
        """The type of the token (2.x)."""
        self.asked = 0
        """The number by which an app has asked for the start; 0: it has not."""
        twice, tries = self.manner == Manner.TAPS_TWICE, self.manner in TRIES_AGAIN
        self.second_token = good if tries else None
        """What the driver presents once ``token`` is refused."""
        self.taps = 2 if twice else 0
        """Taps still to come of a driver who taps twice: one that stops, one that begins anew."""
        self.tap_s = self.start_s + (TAP_S if twice else TRY_S if tries else inf)
        """When the next of them is due, or the second token."""
        self.charge = plan.charge(row, caps)
        self.agenda: Iterator[tuple[float, Event]] = changes(
            self.start_s, self.stop_s, plan.full_s(row), *caps
        )
        self.state = next(self.agenda)[1]
        """How charging begins, or goes on if it begins anew."""
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

        self.cut = False
        """A power cut ended it before its time: it goes on when the power is back."""
        self.resumed = False
        """It has gone on once."""

    @property
    def plugged(self) -> bool:
        """Is the car there?"""
        return self.manner != Manner.WALKS_AWAY

    def cut_off(self) -> None:
        """The power fails: whoever wants more charges on later, the others just leave."""
        wants = not self.ending and not self.foreign and not self.charge.done
        self.cut = self.resumed = wants and self.manner not in IDLE
        self.ending = not self.cut
        self.held = False
        self.tap_s = inf
        if self.second_token is not None:
            self.token, self.second_token = self.second_token, None

    @property
    def due_s(self) -> float:
        """When something is to happen next."""
        if self.transaction:
            return min(self.following[0], self.stop_s, self.tap_s)
        return min(self.stop_s + SLACK_S if self.held else self.stop_s, self.tap_s)

    @property
    def waits_for_app(self) -> bool:
        """Has an app asked for a start that has not come?"""
        return self.asked > 0 and not self.transaction and not self.ending

    @property
    def unplugs(self) -> bool:
        """Does the driver end by pulling the plug?"""
        return self.manner == Manner.PULLS or self.means in UNPLUGS

    def owns(self, running: Transaction) -> bool:
        """Is the transaction this driver's? What an app asked for has the token the CSMS chose."""
        if self.means == Means.APP:
            return self.asked > 0
        if self.means == Means.BUTTON:
            return running.kind == NO_AUTHORIZATION
        return same_token(running.token, self.token)

    @property
    def tapping(self) -> bool:
        """Does the second tap end the transaction that the first began?"""
        return self.taps == 1 and self.tap_s < inf

    def begun(self, now: float) -> None:
        """The transaction has begun; a second tap that came too early for it comes again."""
        if self.taps == 2 and self.tap_s == inf:
            self.tap_s = now + TAP_S

    @property
    def bad(self) -> bool:
        """Is the token that the driver presents no good?"""
        return self.manner in TURNED_AWAY or self.second_token is not None

    def tap(self, now: float, asked: bool) -> bool:
        """A driver who taps more than once is about to: is there something to stop, or to begin?

        ``asked``: the CSMS has not answered yet to what was presented before.
        """
        due, self.tap_s = self.tap_s, inf
        if self.second_token is not None:
            if self.transaction or self.ending or self.foreign:
                return False
            if asked:
                self.tap_s = now + TRY_S
                return False
            self.token, self.second_token = self.second_token, None
            self._catch_up(now, due)
            return True
        if self.ending or self.foreign or (self.taps == 2 and not self.transaction):
            return False
        self.taps -= 1
        if self.taps:
            self.tap_s = due + TAP_S
            return True
        self._catch_up(now, due)
        return True

    def _catch_up(self, now: float, due: float) -> None:
        """Nothing was there to follow the changes up to now."""
        while self.following[0] <= due:
            self.played_s, self.state = self.following
            self.following = next(self.agenda, OVER)
            if self.state is Event.SUSPENDED_EV:
                self.charge.finish(now)

    def pass_over(self, now: float) -> None:
        """Nothing was there to follow the changes up to now: charging goes on as they left it."""
        while self.following[0] <= now:
            self.played_s, self.state = self.following
            self.following = next(self.agenda, OVER)

    def work_out_anew(self, now: float, plan: StationPlan) -> None:
        """Less energy flowed, or flows, than planned: find out when the car is done, if at all."""
        full_s = self.charge.full_at(now, plan.target_soc(self.row))
        self.agenda = changes(self.start_s, self.stop_s, full_s, *plan.caps(self.row))
        self.following = next(self.agenda)
        while self.following[0] <= self.played_s:
            self.following = next(self.agenda, OVER)
