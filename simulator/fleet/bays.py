"""The bays of a virtual station: who stands at each EVSE, and what its meter and contactor do.

It is the ``Meter`` of its station: energy flows while the contactor is closed, by the physics of
``simulator.charging``. It knows when something is next due at an EVSE, but plays nothing: that is
the agenda of ``virtual``, which is made of this and keeps its visits.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from simulator.fleet.deviations import Deviations, Kind
from simulator.fleet.remotestart import AskStart, Begun
from simulator.fleet.rules import MAINS_LINES, MAINS_V, PACK_EMPTY_V, PACK_FULL_V, SLACK_S
from simulator.fleet.shardplan import StationPlan, StationSpec
from simulator.fleet.visit import Visit
from simulator.station.events import Event
from simulator.station.ports import EvState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.demand.draws import Draws
    from simulator.fleet.charge import Charge
    from simulator.station.station import Station

_REGISTER_SPAN_KWH: Final = 20_000
_BEGINS: Final = {
    Event.CHARGING: EvState.CHARGING,
    Event.SUSPENDED_EV: EvState.SUSPENDED_EV,
    Event.SUSPENDED_EVSE: EvState.SUSPENDED_EVSE,
}


class Bays:
    """The EVSEs of a station, and the visits that are under way at them."""

    __slots__ = (
        "_asks",
        "_asleep",
        "_closed",
        "_dark",
        "_deviations",
        "_due",
        "_index",
        "_plan",
        "_registers",
        "_rows",
        "_visits",
        "spec",
        "station",
    )

    station: Station

    def __init__(
        self,
        index: int,
        spec: StationSpec,
        plan: StationPlan,
        draws: Draws,
        deviations: Deviations,
    ) -> None:
        self.spec = spec
        self._index = index
        self._plan = plan
        self._deviations = deviations
        self._asks: list[AskStart | Begun] | None = None
        self._rows = [plan.stays(evse)[0] for evse in range(1, spec.evses + 1)]
        self._visits: list[Visit | None] = [None] * spec.evses
        self._registers = [1000.0 * draws.below(_REGISTER_SPAN_KWH) for _ in range(spec.evses)]
        self._asleep = True
        """Not accepted by the CSMS (again) yet: nobody comes."""
        self._closed = False
        """Nobody comes any more."""
        self._dark = False
        """The power is failing: what is cut off now is the grid's fault."""
        self._due = inf

    def _arm(self) -> None:
        """Work out when the agenda goes on."""
        self._due = min(map(self._evse_due, range(1, self.spec.evses + 1)))

    def _evse_due(self, evse: int) -> float:
        visit = self._visits[evse - 1]
        if visit is not None:
            return visit.due_s
        row = self._rows[evse - 1]
        if self._closed or self._asleep or row >= self._plan.stays(evse)[1]:
            return inf
        return self._plan.start_s(row)

    def _tell(self, what: AskStart | Begun) -> None:
        if self._asks is None:
            self._asks = []
        self._asks.append(what)

    # -- the meter and the contactor, for the station -------------------------------------------

    def energise(self, now: float, evse: int) -> None:
        """The contactor closes: a transaction begins."""
        visit = self._visits[evse - 1]
        running = self.station.evses[evse].tx
        own = visit is not None and running is not None and visit.owns(running)
        if not own or visit is None or visit.ending:
            self._deviations.add(now, self._index, evse, Kind.UNPLANNED_START)
        if visit is None:
            return
        if visit.waits_for_app and running is not None:
            visit.token, visit.kind = running.token or "", running.kind
            self._tell(Begun(evse, visit.asked))
        visit.transaction = True
        visit.foreign = not own
        if own and visit.bad:
            self._deviations.add(now, self._index, evse, Kind.NOT_REFUSED)
        visit.begun(now)
        visit.charge.close(now)
        late_s = now - visit.start_s
        if late_s > SLACK_S and not visit.charge.done:
            kind = Kind.CHARGED_ON if visit.resumed else Kind.LATE_START
            self._deviations.add(now, self._index, evse, kind, late_s)
            visit.work_out_anew(now, self._plan)
            if visit.resumed:
                visit.pass_over(now)
        self._arm()

    def drawing(self, now: float, evse: int) -> EvState:
        """How charging begins, by the plan: changes since then follow one by one."""
        visit = self._visits[evse - 1]
        if visit is None:
            return EvState.SUSPENDED_EV
        return _BEGINS[visit.state]

    def release(self, now: float, evse: int) -> None:
        """The contactor opens: the transaction is over, or its energy was cut off."""
        visit = self._visits[evse - 1]
        if visit is None:
            return
        visit.charge.open(now)
        if self._dark:
            self._deviations.add(now, self._index, evse, Kind.CUT_OFF)
        elif visit.transaction and not visit.ending and not visit.tapping:
            visit.ending = True
            self._deviations.add(now, self._index, evse, Kind.STOPPED_EARLY)
        visit.transaction = False
        self._arm()

    def limit(self, now: float, evse: int, watts: float, lines: int, phase: int = 0) -> None:
        """What charging profiles leave the car; when it is done is worked out anew."""
        visit = self._visits[evse - 1]
        if visit is None:
            return
        charge = visit.charge
        if self.spec.kind.current == "ac":
            charge.lines, charge.phase = min(charge.phases, lines), phase
            watts *= charge.lines / lines
        changed = charge.limit(now, watts / 1000.0)
        if not changed or not visit.transaction or charge.done:
            return
        if charge.limited and not visit.limited:
            visit.limited = True
            self._deviations.add(now, self._index, evse, Kind.LIMITED)
        visit.work_out_anew(now, self._plan)
        self._arm()

    def register_wh(self, now: float, evse: int) -> float:
        """Energy imported since the station was built; EVSE 0: all of them."""
        if evse == 0:
            return sum(self.register_wh(now, n) for n in range(1, self.spec.evses + 1))
        charge = self._charge(evse)
        if charge is None:
            return self._registers[evse - 1]
        charge.advance(now)
        return self._registers[evse - 1] + charge.energy_wh

    def power_w(self, now: float, evse: int) -> float:
        """Power drawn from the grid; EVSE 0: all together."""
        if evse == 0:
            return sum(self.power_w(now, n) for n in range(1, self.spec.evses + 1))
        charge = self._charge(evse)
        return 0.0 if charge is None else charge.power_kw(now) * 1000.0

    def current_a(self, now: float, evse: int) -> float:
        """AC: per phase in use. DC: what the car gets. EVSE 0: in the line that bears most."""
        if evse == 0:
            return max(self.lines_a(now, 0))
        charge = self._charge(evse)
        if charge is None:
            return 0.0
        power_w = charge.power_kw(now) * 1000.0
        if self.spec.kind.current == "ac":
            return power_w / (MAINS_V * charge.lines)
        return power_w * charge.efficiency / _pack_v(charge)

    def lines_a(self, now: float, evse: int) -> Sequence[float]:
        """What each line of the mains bears.

        A car that uses fewer than all begins with L1, or with the phase that the CSMS chose.
        """
        kind = self.spec.kind
        amps = [0.0] * (kind.phases if kind.current == "ac" else MAINS_LINES)
        for number in range(1, self.spec.evses + 1) if evse == 0 else (evse,):
            charge = self._charge(number)
            if charge is None:
                continue
            used = min(charge.lines, len(amps)) if kind.current == "ac" else len(amps)
            each = charge.power_kw(now) * 1000.0 / (MAINS_V * used)
            first = max(charge.phase - 1, 0) if used == 1 else 0
            for line in range(first, min(first + used, len(amps))):
                amps[line] += each
        return amps

    def voltage_v(self, now: float, evse: int) -> float:
        """AC and EVSE 0: line to neutral. DC: the pack's, 0 without a car."""
        if evse == 0 or self.spec.kind.current == "ac":
            return MAINS_V
        charge = self._charge(evse)
        if charge is None:
            return 0.0
        charge.advance(now)
        return _pack_v(charge)

    def phases(self, now: float, evse: int) -> int | None:
        """AC: as many as the car can use of those that it is offered."""
        visit = self._visits[evse - 1]
        if visit is None or self.spec.kind.current != "ac":
            return None
        return min(visit.charge.lines, self.spec.kind.phases)

    def soc_percent(self, now: float, evse: int) -> float | None:
        """State of charge, which only DC stations are told."""
        charge = self._charge(evse) if evse else None
        if charge is None or self.spec.kind.current == "ac":
            return None
        charge.advance(now)
        return charge.soc * 100.0

    def _charge(self, evse: int) -> Charge | None:
        visit = self._visits[evse - 1]
        return None if visit is None else visit.charge


def _pack_v(charge: Charge) -> float:
    return PACK_EMPTY_V + (PACK_FULL_V - PACK_EMPTY_V) * charge.soc
