"""The charging station as its driver sees it: the lifecycle, what happens to it, what it wants.

No I/O: frames and events come in with the time, effects come out and are performed by the driver
(``take_effects`` after every call). The areas do the work; this file is the door and the agenda.
``due`` says when the plan wanted something to happen, ``now`` is the clock; both in seconds of the
run. A station is single-threaded and never calls back except to its meter and its observer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import inf
from typing import Final

from simulator.station import (
    authorisation,
    boot,
    datatransfer,
    display,
    firmware,
    heartbeat,
    limits,
    link,
    logs,
    metervalues,
    monitoring,
    needs,
    notices,
    outage,
    plugandcharge,
    plugs,
    power,
    quirks,
    reservations,
    reset,
    rpc,
    security,
    securitylog,
    smartcharging,
    statuses,
    timers,
    transactions,
    txqueue,
)
from simulator.station.effects import Effect
from simulator.station.events import Event
from simulator.station.model import (
    LOCK_FAILURE,
    OUT_FAULT,
    Evse,
    Link,
    Registration,
    Status,
)
from simulator.station.ports import Transfer
from simulator.station.state import State

FAULT_CODES: Final = frozenset(
    (
        "ConnectorLockFailure",
        "GroundFailure",
        "HighTemperature",
        "InternalError",
        "OtherError",
        "OverCurrentFailure",
        "OverVoltage",
        "PowerMeterFailure",
        "PowerSwitchFailure",
        "ReaderFailure",
        "ResetFailure",
        "UnderVoltage",
        "WeakSignal",
    )
)
"""1.6 §7.6 without NoError and the two that are warnings (§4.9, §3.5.2)."""
ISO_2: Final = "urn:iso:15118:2:2013:MsgDef"


class Station(State):
    """One charging station. See ``State`` for the constructor and ``ports`` for what it needs."""

    __slots__ = ()

    # -- lifecycle --------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """Power on: asks for a connection."""
        if not self.ended and self.link is Link.OFF and self.link_due == inf:
            if self.settings.monitors and self.table.installed is not None:
                self.table.installed(self, now)
            link.power_on(self, now)

    def switch_off(self, now: float) -> None:
        """Power off in good order, until ``start`` is called again."""
        if not self.ended:
            power.switch_off(self, now)

    def connected(self, now: float) -> None:
        """The WebSocket is open and writable."""
        if not self.ended:
            link.connected(self, now)
            self._settle(now)

    def disconnected(self, now: float, reason: str = "") -> None:
        """The WebSocket is gone, or could not be opened; the station backs off and tries again."""
        if not self.ended:
            if "401" in reason:
                securitylog.record(self, now, "FailedToAuthenticateAtCsms", reason)
            link.disconnected(self, now)
            if self.firmware is not None:
                firmware.check(self, now)
            if self.log is not None:
                logs.check(self, now)

    def insecure(self, now: float, event: str, info: str) -> None:
        """The attempt to connect failed in a way that is a security event (2.0.1 appendix 1)."""
        if not self.ended:
            security.suspect(self, now, event, info)

    def receive(self, now: float, data: bytes | str) -> None:
        """A text frame came in. Never raises, whatever it holds."""
        if self.ended:
            return
        quirks.tick(self, now)
        rpc.receive(self, now, data)
        self._settle(now)

    def writable(self, now: float, yes: bool) -> None:
        """The socket takes frames again (True), or wants none for now (False)."""
        if not self.ended and self.link is Link.ONLINE:
            rpc.writable(self, now, yes)
            rpc.pump(self, now)

    def written(self, now: float) -> None:
        """The ``Send`` with ``call=True`` has been written."""
        rpc.written(self, now)

    def take_effects(self) -> list[Effect]:
        """What the station wants done, oldest first; the caller must not change an empty list."""
        effects = self.effects
        if effects:
            self.effects = []
        return effects

    def power_off(self, now: float) -> None:
        """The power fails: it stops dead, and transactions are cut off."""
        outage.off(self, now)

    def power_on(self, now: float, plugged: Collection[int] = ()) -> None:
        """The power is back: boots, with cars at the EVSEs named."""
        outage.on(self, now, plugged)

    def reset(self, now: float, hard: bool) -> None:
        """Somebody at the station resets it, as a Reset of the CSMS would."""
        if not self.ended:
            reset.begin(self, now, hard)
            self._settle(now)

    def align(self, now: float, seconds: int | None) -> None:
        """Clock-aligned meter values at this interval from now on; None: at the settings' own."""
        if not self.ended:
            metervalues.align_every(self, now, seconds)

    def finish(self, now: float) -> None:
        """The run is over: what is due and unanswered is censored, nothing more happens."""
        if not self.ended or self.dark:
            self.ended, self.dark = True, False
            rpc.censor(self, now)

    @property
    def next_deadline(self) -> float:
        """When ``wake`` must be called next; ``inf`` if nothing is due."""
        if self.ended:
            return inf
        due = min(
            self.call_due,
            self.evse_due,
            self.aligned_due,
            self.retry_due,
            self.limit_due,
            self.link_due,
            self.beat_due,
            self.timer_due,
        )
        if self.link is Link.ONLINE:
            due = min(due, self.boot_due, self.day_due, self.reset_due)
        return due

    def wake(self, now: float) -> None:
        """Do everything that is due by ``now``."""
        if self.ended:
            return
        quirks.tick(self, now)
        if self.limit_due <= now:
            # First, so that a meter value of the same moment shows the new limit.
            smartcharging.wake(self, now)
        if self.evse_due <= now:
            self._wake_evses(now)
        while self.aligned_due <= now:
            metervalues.wake_aligned(self, now)
        if self.timer_due <= now:
            timers.wake(self, now)
        if self.call_due <= now and rpc.time_out(self, now):
            link.close(self, now, 1001, "no answers")
        if self.link_due <= now:
            link.wake(self, now)
        if self.boot_due <= now:
            boot.wake(self, now)
        if self.retry_due <= now:
            txqueue.retry(self, now)
        if self.beat_due <= now:
            rpc.pump(self, now)  # a message that leaves now ends the silence
        if self.beat_due <= now or (self.day_due <= now and self.link is Link.ONLINE):
            heartbeat.wake(self, now)
        self._settle(now)

    def _wake_evses(self, now: float) -> None:
        for evse in self.evses:
            if evse.sample_due <= now:
                metervalues.wake(self, now, evse)
            if evse.status_due <= now:
                statuses.wake(self, now, evse)
            if evse.plug_due <= now:
                authorisation.wake(self, now, evse)
        statuses.rearm(self)

    def _look(self, now: float) -> None:
        """Let monitors see what happened, where there are any."""
        if self.monitoring is not None:
            monitoring.check(self, now)

    def _settle(self, now: float) -> None:
        """Something happened: a reset may have waited for it, and messages may leave."""
        if self.firmware is not None:
            firmware.check(self, now)
        if self.log is not None:
            logs.check(self, now)
        if self.notices is not None:
            notices.go(self, now)
        if self.needs is not None:
            needs.check(self, now)
        if self.reservations is not None:
            reservations.settle(self, now)
        self._look(now)
        if self.resetting:
            reset.check(self, now)
        if self.evse_resets:
            reset.check_evses(self, now)
        rpc.pump(self, now)

    # -- what happens at the station --------------------------------------------------------------

    def plug_in(self, now: float, evse: int, due: float | None = None) -> None:
        """A cable joins an EV and this EVSE."""
        if not self.ended:
            plugs.plugged_in(self, now, now if due is None else due, self._evse(evse))
            self._settle(now)

    def arrive(self, now: float, evse: int, due: float | None = None) -> None:
        """A car stands before this EVSE, which matters where there is a sensor (2.x)."""
        if not self.ended:
            plugs.arrived(self, now, now if due is None else due, self._evse(evse))
            self._settle(now)

    def depart(self, now: float, evse: int, due: float | None = None) -> None:
        """It has driven away."""
        if not self.ended:
            plugs.departed(self, now, now if due is None else due, self._evse(evse))
            self._settle(now)

    def present_token(
        self, now: float, evse: int, token: str, due: float | None = None, kind: str = ""
    ) -> None:
        """A driver presents a token: starts, or stops what the same token began.

        ``kind`` is its type in 2.x (IdTokenEnumType), "" the usual one; a start button presents the
        empty token of type NoAuthorization (2.0.1 C02; in 1.6 that is an idTag of the station's
        own). Raises ValueError for a token that is empty otherwise, or longer than the version
        allows.
        """
        longest = self.table.longest_token
        button = kind == authorisation.NO_AUTHORIZATION and not token
        if not 0 < len(token) <= longest and not button:
            raise ValueError(f"token {token!r}: expected 1 to {longest} characters")
        if not self.ended:
            at = now if due is None else due
            if button:
                token = authorisation.own_token(self)
            authorisation.present(self, now, at, self._evse(evse), token, kind)
            self._settle(now)

    def present_contract(
        self, now: float, evse: int, contract: plugandcharge.Contract, due: float | None = None
    ) -> None:
        """An EV that is plugged in identifies itself by a contract certificate (2.0.1 C07).

        Raises ValueError where version or station know no such thing.
        """
        if not self.table.messages[Event.EV_CERTIFICATE] or self.keys is None:
            raise ValueError(f"{self.identity.id}: no contract certificates are known here")
        if not self.ended:
            at, where = now if due is None else due, self._evse(evse)
            if where.plugged and where.token is None:
                kind = plugandcharge.EMAID
                authorisation.present(self, now, at, where, contract.emaid, kind, contract)
            self._settle(now)

    def unplug(self, now: float, evse: int, due: float | None = None) -> None:
        """The EV leaves; ends what still runs (EVDisconnected)."""
        if not self.ended:
            plugs.unplugged(self, now, now if due is None else due, self._evse(evse))
            self._settle(now)

    def ev_suspended(self, now: float, evse: int, due: float | None = None) -> None:
        """The EV takes no more power."""
        self._suspension(now, evse, due, ev=True)

    def ev_resumed(self, now: float, evse: int, due: float | None = None) -> None:
        """The EV takes power again."""
        self._suspension(now, evse, due, ev=False)

    def evse_suspended(self, now: float, evse: int, due: float | None = None) -> None:
        """The EVSE offers no power (a limit)."""
        self._suspension(now, evse, due, offered=False)

    def evse_resumed(self, now: float, evse: int, due: float | None = None) -> None:
        """The EVSE offers power again."""
        self._suspension(now, evse, due, offered=True)

    def _suspension(
        self,
        now: float,
        number: int,
        due: float | None,
        ev: bool | None = None,
        offered: bool | None = None,
    ) -> None:
        evse = self._evse(number)
        if self.ended or evse.tx is None:
            return
        if ev is not None:
            evse.ev_suspended = ev
        if offered is not None:
            evse.evse_suspended = not offered
        smartcharging.refresh(self, now, now, told=True)
        statuses.update(self, now, now if due is None else due, evse)
        self._settle(now)

    def fault(
        self, now: float, evse: int, due: float | None = None, code: str = "OtherError"
    ) -> None:
        """A fault that prevents charging (0: of the station itself); ends what runs there (Other).

        ``code`` is one of ``FAULT_CODES``; ValueError for others.
        """
        where = self._evse(evse, 0)
        if code not in FAULT_CODES:
            raise ValueError(f"fault {code!r}: expected one of {', '.join(sorted(FAULT_CODES))}")
        if not self.ended:
            at = now if due is None else due
            where.fault = code
            for each in self._under(where):
                each.auth = each.token = each.parent = None
                transactions.stop(self, now, at, each, "Other")
                if each is not where:
                    each.out |= OUT_FAULT
                    each.finishing = False
                statuses.update(self, now, at, each)
            self._tell_lock(now, where, code)
            self._settle(now)

    def _tell_lock(self, now: float, where: Evse, code: str) -> None:
        if code == LOCK_FAILURE and where.number and self.table.lock_told is not None:
            self.table.lock_told(self, now, where)

    def _under(self, where: Evse) -> Sequence[Evse]:
        """What a fault of an EVSE or of the station keeps from charging (2.0.1 G04.FR.07).

        1.6 has a status of its own for the station, and no word on what it means for the others.
        """
        whole = not where.number and self.table.word(where) is None
        return self.evses if whole else (where,)

    def clear_fault(self, now: float, evse: int, due: float | None = None) -> None:
        """The fault is mended."""
        where = self._evse(evse, 0)
        if not self.ended:
            code, where.fault = where.fault, ""
            for each in self._under(where):
                each.out &= ~OUT_FAULT
                statuses.update(self, now, now if due is None else due, each)
            self._tell_lock(now, where, code)
            self._settle(now)

    def ev_certificate(
        self, now: float, exi: str, schema: str = ISO_2, update: bool = False
    ) -> bool:
        """An EV asks for a contract certificate with this EXI request (base64), 2.x only.

        False: it could not be passed on. Raises ValueError without a request in base64.
        """
        passed = not self.ended and plugandcharge.ask(
            self, now, plugandcharge.Wish(exi, schema, update)
        )
        self._settle(now)
        return passed

    def ev_needs(self, now: float, evse: int, said: needs.Needs) -> bool:
        """An EV that speaks ISO 15118 says what it needs, at first or anew, 2.x only.

        False: none is plugged in there. Raises ValueError for what the EVSE does not have.
        """
        known = not self.ended and needs.ask(self, now, self._evse(evse), said)
        self._settle(now)
        return known

    def limit_charging(self, now: float, evse: int, watts: float, source: str = "EMS") -> None:
        """Somebody else than the CSMS limits an EVSE, or with 0 the whole station.

        ``source`` is one of ``limits.SOURCES``. Raises ValueError for another, and for what is no
        power.
        """
        where = self._evse(evse, 0).number
        if not self.ended:
            limits.impose(self, now, where, watts, source)
            self._settle(now)

    def free_charging(self, now: float, evse: int, source: str = "EMS") -> bool:
        """That limit is gone. False: there was none."""
        gone = not self.ended and limits.lift(self, now, self._evse(evse, 0).number, source)
        self._settle(now)
        return gone

    def stop_all(self, now: float, reason: str, due: float | None = None) -> None:
        """End every running transaction; ``reason`` is one of 1.6 §7.36."""
        if not self.ended:
            transactions.stop_all(self, now, now if due is None else due, reason)
            self._settle(now)

    def transfer(
        self, now: float, vendor: str, message: str | None = None, data: object = None
    ) -> bool:
        """Tell the CSMS something that OCPP has no message for (DataTransfer).

        False: there is no accepted connection. Raises ValueError for ids that are too long.
        """
        if self.ended or not datatransfer.send(self, now, vendor, message, data):
            return False
        self._settle(now)
        return True

    def transferred(
        self, now: float, transfer: int, outcome: Transfer, digest: bytes = b""
    ) -> None:
        """A ``Download`` or ``Upload`` ended; ``digest`` is the SHA-256 of what was fetched.

        Without a digest (nothing was really fetched) a signature is not looked at.
        """
        if not self.ended:
            known = firmware.transferred(self, now, transfer, outcome, digest)
            if not known:
                logs.transferred(self, now, transfer, outcome)
            self._settle(now)

    # -- what a driver may want to know -----------------------------------------------------------

    def _evse(self, number: int, least: int = 1) -> Evse:
        if not least <= number < len(self.evses):
            count = len(self.evses) - 1
            raise ValueError(f"{self.identity.id}: EVSE {number}: expected {least} to {count}")
        return self.evses[number]

    def running(self, evse: int) -> bool:
        """Does a transaction run there?"""
        return self._evse(evse).tx is not None

    def authorising(self, evse: int) -> bool:
        """Does a token there wait for the CSMS's answer?"""
        return self._evse(evse).auth is not None

    def waiting(self, evse: int) -> bool:
        """Does an accepted token there wait for the plug?"""
        return self._evse(evse).token is not None

    def status(self, evse: int) -> Status:
        """The status of an EVSE, or with 0 of the station."""
        return self._evse(evse, 0).status

    def screen(self, now: float) -> tuple[str, ...]:
        """What takes turns on the display now, each for ``display_cycle_s``; 1.6 has no display."""
        return display.on_screen(self, now)

    @property
    def accepted(self) -> bool:
        """Has the CSMS accepted the BootNotification?"""
        return self.registration is Registration.ACCEPTED

    @property
    def pending(self) -> int:
        """Calls that are due and not answered yet."""
        retry = 1 if self.retry_due != inf else 0
        waiting = len(self.calls or ()) + len(self.queue or ()) - retry
        return waiting + (1 if self.call is not None and not self.call.queued else 0)
