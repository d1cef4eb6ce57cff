"""A virtual station: an OCPP station, the cars that plug into it, and the plan that it replays.

The driver talks to it as it would to a ``station.Station``: it has the same lifecycle, and wakes
for both (its agenda and the station's own deadlines, in order of due time however late the driver
is). What stands at its EVSEs, and the meter, is in ``bays``; the agenda that moves it is here.

What the CSMS does never changes who arrives or leaves when. Where it changes anything else (a token
refused, an answer too late, a remote stop) a deviation is recorded.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from simulator.demand.draws import Draws, key64
from simulator.demand.visits import Manner, Means
from simulator.fleet.agenda import IDLE
from simulator.fleet.bays import Bays
from simulator.fleet.deviations import Deviations, Kind
from simulator.fleet.remotestart import AskStart, Begun
from simulator.fleet.rules import SLACK_S
from simulator.fleet.shardplan import FIRMWARE, StationPlan, StationSpec
from simulator.fleet.switching import Switch
from simulator.fleet.visit import OVER, Visit
from simulator.station import firmware
from simulator.station.events import Event
from simulator.station.settings import Identity, Settings
from simulator.station.station import Station
from simulator.station.versions import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.fleet.contracts import Mobility
    from simulator.station.effects import Effect
    from simulator.station.ports import Keys, Observer, Transfer


class VirtualStation(Bays):
    """One station of a shard; ``index`` is how observer and deviations know it."""

    __slots__ = ("_asked", "_mobility", "_now", "_powerless", "_switch")

    def __init__(
        self,
        index: int,
        spec: StationSpec,
        plan: StationPlan,
        settings: Settings,
        observer: Observer,
        epoch_at_zero: float,
        deviations: Deviations,
        keys: Keys | None = None,
        mobility: Mobility | None = None,
    ) -> None:
        draws = Draws(key64(plan.shard.tokens.seed, spec.site, spec.ordinal, "station"))
        super().__init__(index, spec, plan, draws, deviations)
        self._mobility = mobility
        self._asked = 0
        switchings = plan.switchings
        self._switch = Switch(switchings) if switchings else None
        self._powerless = False
        self._now = -inf
        identity = Identity(
            spec.id, spec.vendor, spec.model, spec.serial, FIRMWARE, spec.evses, spec.password
        )
        self.station = Station(
            index,
            identity,
            TABLES[spec.version],
            settings,
            self,
            draws,
            observer,
            epoch_at_zero,
            keys,
        )

    # -- lifecycle, for the driver --------------------------------------------------------------

    @property
    def next_deadline(self) -> float:
        """When to be woken, in run seconds; ``inf``: not at all."""
        due = min(self._due, self.station.next_deadline)
        switch = self._switch
        if switch is None:
            return due
        return switch.due if switch.off else min(due, switch.due)

    @property
    def switched_off(self) -> bool:
        """A stage has switched it off, after it was on."""
        return self._switch is not None and self._switch.off

    @property
    def firmware(self) -> str:
        """The version of its firmware."""
        return firmware.version(self.station)

    def start(self, now: float) -> None:
        """Power on."""
        self._now = now
        self.station.start(now)

    def connected(self, now: float) -> None:
        """The connection that the station asked for is open."""
        self._now = now
        self.station.connected(now)

    def disconnected(self, now: float, reason: str) -> None:
        """The connection is gone, or could not be opened."""
        self._now = now
        self.station.disconnected(now, reason)

    def insecure(self, now: float, event: str, info: str) -> None:
        """The attempt to connect failed in a way that is a security event."""
        self._now = now
        self.station.insecure(now, event, info)

    def receive(self, now: float, data: bytes | str) -> None:
        """A text frame from the CSMS."""
        self._now = now
        self.station.receive(now, data)
        if self._asleep:
            self._look()
        if self._switch is not None and self._switch.leaving:
            self._leave_if_answered(now)

    def writable(self, now: float, flag: bool) -> None:
        """Whether the connection takes more."""
        self._now = now
        self.station.writable(now, flag)

    def written(self, now: float) -> None:
        """The CALL of the last ``Send`` is on the wire."""
        self.station.written(now)

    def transferred(
        self, now: float, transfer: int, outcome: Transfer, digest: bytes, *, played: bool
    ) -> None:
        """A file was transferred, or (``played``) only the time passed that it would take."""
        self._now = now
        if played:
            self._deviations.add(now, self._index, 0, Kind.PLAYED_TRANSFER)
        self.station.transferred(now, transfer, outcome, digest)

    def take_effects(self) -> Sequence[Effect | AskStart | Begun]:
        """What the station wants done, and what its drivers ask of the CSMS."""
        effects = self.station.take_effects()
        if self._asks is None:
            return effects
        asks, self._asks = self._asks, None
        return [*effects, *asks]

    def wake(self, now: float) -> None:
        """Let everything happen that is due: see ``_play``, and ``switching``."""
        switch = self._switch
        while switch is not None and switch.due <= now:
            due = max(switch.due, self._now)
            if not switch.off:
                self._play(due)
            self._turn(due, switch)
        if switch is None or not switch.off:
            self._play(now)

    def _turn(self, now: float, switch: Switch) -> None:
        """The station is switched on, or off once what it has sent is answered."""
        if switch.off:
            switch.turn()
            self._asleep = True
            self._arm()
            if not self._powerless:
                self._boot(now)
        elif switch.leaving:
            switch.turn()
            self.station.switch_off(now)
        elif self._powerless:
            # Nothing is asked of it any more, and it can tell nobody.
            self._end_visits(now, "Local")
            switch.turn()
        else:
            self._end_visits(now, "Local")
            switch.leave(now)
            self._leave_if_answered(now)

    def _leave_if_answered(self, now: float) -> None:
        switch = self._switch
        if switch is not None and not self.station.pending:
            self._turn(now, switch)

    def _play(self, now: float) -> None:
        """Play what is due on the agenda and at the station, in order.

        A late driver changes no order: each thing happens at its due time, or at the last moment
        that the station has seen if that is later. At one moment the agenda goes first, so that a
        transaction that ends takes no sample at its end.
        """
        station = self.station
        while True:
            due, own = self._due, station.next_deadline
            if due <= now and due <= own:
                self._now = max(due, self._now)
                self._step(self._now)
            elif own <= now:
                self._now = max(own, self._now)
                station.wake(self._now)
                if self._asleep:
                    self._look()
                if station.next_deadline <= own:
                    # Not settled by its own due time: let it see the real one, once.
                    self._now = now
                    station.wake(now)
                    if station.next_deadline <= own:
                        break
            else:
                break
        self._now = max(now, self._now)

    def power_off(self, now: float) -> None:
        """The power fails: cars stay where they are, and come and go, but nothing flows."""
        self.wake(now)
        self._dark = self._powerless = True
        for visit in self._visits:
            if visit is not None:
                visit.cut_off()
        self.station.power_off(now)
        self._dark = False
        self._asleep = True
        self._arm()

    def power_on(self, now: float) -> None:
        """The power is back: the station boots; who is still there charges on once it may.

        One that a stage has switched off meanwhile boots when it is switched on again.
        """
        self.wake(now)
        self._powerless = False
        if not self.switched_off:
            self._boot(now)

    def _boot(self, now: float) -> None:
        """It has power and is switched on: as after an outage, or for the first time in a while."""
        plugged = [n for n, visit in enumerate(self._visits, 1) if visit and visit.plugged]
        self.station.power_on(now, plugged)
        if self._switch is not None:
            self.station.start(now)

    def stop_all(self, now: float, reason: str = "Local") -> None:
        """End every visit now and begin no other."""
        self.wake(now)
        self._closed = True
        self._end_visits(now, reason)

    def _end_visits(self, now: float, reason: str) -> None:
        for visit in self._visits:
            if visit is not None:
                visit.ending = True
        self.station.stop_all(now, reason)
        for evse, visit in enumerate(self._visits, 1):
            if visit is not None:
                self._unplug(now, evse, visit, now)
        self._arm()

    def finish(self, now: float) -> None:
        """The run is over: whatever the station has open is censored."""
        self._closed = True
        self._due = inf
        self._switch = None
        self.station.finish(now)

    # -- the agenda -----------------------------------------------------------------------------

    def _look(self) -> None:
        """Has the station been accepted? Then drivers may come."""
        if self.station.accepted:
            self._asleep = False
            for evse, visit in enumerate(self._visits, 1):
                if visit is not None and visit.cut:
                    visit.cut = False
                    self._identify(self._now, evse, visit, self._now)
            self._arm()

    def _step(self, now: float) -> None:
        """Play the next item of the agenda; ends come before starts at one moment."""
        evse = min(
            range(1, self.spec.evses + 1),
            key=lambda evse: (self._evse_due(evse), self._visits[evse - 1] is None),
        )
        visit = self._visits[evse - 1]
        if visit is None:
            self._arrive(now, evse)
        elif visit.tap_s < visit.stop_s and visit.tap_s <= visit.due_s:
            due = visit.tap_s
            if visit.tap(now, self.station.authorising(evse)):
                self.station.present_token(now, evse, visit.token, due)
        elif visit.transaction and visit.following[0] < visit.stop_s:
            self._change(now, evse, visit)
        else:
            self._leave(now, evse, visit)
        self._arm()

    def _arrive(self, now: float, evse: int) -> None:
        """A car plugs in and its driver presents a token."""
        if not self.station.accepted:
            self._asleep = True
            return
        row = self._rows[evse - 1]
        self._rows[evse - 1] = row + 1
        due = self._plan.start_s(row)
        late_s = now - due
        if late_s > SLACK_S:
            over = self._plan.stop_s(row) <= now
            kind = Kind.MISSED if over else Kind.LATE_BEGIN
            self._deviations.add(now, self._index, evse, kind, late_s)
            if over:
                return
        visit = self._visits[evse - 1] = Visit(self._plan, row)
        visit.charge.done = visit.state is Event.SUSPENDED_EV
        station = self.station
        station.arrive(now, evse, due)
        if visit.manner != Manner.WALKS_AWAY:
            station.plug_in(now, evse, due)
        if not visit.foreign and not visit.transaction:
            self._identify(now, evse, visit, due)

    def _identify(self, now: float, evse: int, visit: Visit, due: float) -> None:
        """The driver, or the car, says who pays; by app he says so to the CSMS."""
        if visit.means == Means.APP:
            self._asked += 1
            visit.asked = self._asked
            self._tell(AskStart(evse, visit.token, due, visit.asked))
        elif visit.means == Means.CONTRACT and self._mobility is not None:
            contract = self._mobility.contract(visit.token)
            self.station.present_contract(now, evse, contract, due)
        else:
            self.station.present_token(now, evse, visit.token, due, visit.kind)

    def _change(self, now: float, evse: int, visit: Visit) -> None:
        """The charging state changes: the car is full, or its cap becomes 0 or is lifted."""
        due, event = visit.following
        visit.played_s, visit.state = due, event
        visit.following = next(visit.agenda, OVER)
        if event is Event.SUSPENDED_EV:
            visit.charge.finish(now)
            self.station.ev_suspended(now, evse, due)
        elif event is Event.SUSPENDED_EVSE:
            self.station.evse_suspended(now, evse, due)
        else:
            self.station.evse_resumed(now, evse, due)

    def _leave(self, now: float, evse: int, visit: Visit) -> None:
        """The driver ends the visit, as planned or because nothing came of it."""
        due = visit.stop_s
        if visit.transaction:
            if visit.held:
                due = now
            visit.ending = True
            pulls = visit.unplugs and self.station.conf.stop_on_disconnect
            if not visit.foreign and not pulls:
                self.station.present_token(now, evse, visit.token, due, visit.kind)
        elif not visit.ending:
            if not visit.held and (visit.waits_for_app or self.station.authorising(evse)):
                visit.held = True
                return
            if visit.manner not in IDLE and not visit.cut:
                self._deviations.add(now, self._index, evse, Kind.NOT_STARTED, now - visit.start_s)
            due = now if visit.held else due
        self._unplug(now, evse, visit, due)

    def _unplug(self, now: float, evse: int, visit: Visit, due: float) -> None:
        if visit.manner == Manner.WALKS_AWAY and self.station.waiting(evse):
            self.station.present_token(now, evse, visit.token, due)  # which gives the EVSE back
        self.station.unplug(now, evse, due)
        self.station.depart(now, evse, due)
        visit.charge.advance(now)
        self._registers[evse - 1] += visit.charge.energy_wh
        self._visits[evse - 1] = None
