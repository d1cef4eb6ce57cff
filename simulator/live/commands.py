"""Load that the CSMS's own API is asked for: the call, the command that comes of it, its effect.

Two kinds of wishes come here: a driver with an app has a charge started from afar, and ``caller``
plays the calls that the scenario declares. Each is followed from the call (``RemoteStart.api``) to
the command at the station (``.command``), the station's answer (``.answered``) and what shows that
it had its effect (``.started``), all counted from when it was due. A command belongs to a wish by
station, action and what is in it, at least its EVSE. One that has not come within ``DELIVERY_S`` is
not delivered; what is open at the end is censored: asked = delivered + not_delivered + censored.

For the embedded CSMS the call is known; for another one the scenario says it (``csms.api``).
``link`` tells what happens at the stations; one of these serves a shard.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from heapq import heappop, heappush
from typing import Any, Final, Protocol

from simulator.fleet.remotestart import AskStart, Begun, command
from simulator.live.apicalls import DELIVERY_S, ApiRules, start_request
from simulator.live.http import HttpClient, Reply, Request
from simulator.live.wishes import Fan, Wish, fits, read, status_of
from simulator.measure.keys import Kind
from simulator.scenario.call_model import APP

KEPT_S: Final = 90.0
"""So long after it was asked for a late command, an answer or an effect is still noted."""
POWER_W: Final = 1.0
"""What draws more or less by this has changed its power."""
NAME: Final = APP
_TAKEN: Final = ("Accepted", "RebootRequired", "Scheduled", "Unlocked", "")


class StepRecorder(Protocol):
    """Who measures."""

    def api_step(
        self,
        name: str,
        station: int,
        due: float,
        ended: float,
        sent: float,
        kind: Kind = Kind.RESPONSE,
    ) -> None:
        """Something asked for at ``due``, by a call written at ``sent``, was there at ``ended``."""
        ...


class PowerMeter(Protocol):
    """Who sees what stations draw."""

    def power_w(self, station: int, now: float) -> float:
        """What a station draws."""
        ...


class _Call:
    """One call of the API under way."""

    __slots__ = ("due", "name", "sent", "station")

    def __init__(self, name: str, station: int, due: float) -> None:
        self.name = name
        self.station = station
        self.due = due
        self.sent = float("nan")

    def written(self, now: float) -> None:
        """It is on its way."""
        self.sent = now


class _Asked:
    """One wish under way."""

    __slots__ = ("answered", "before_w", "call", "done", "id", "over", "seen", "wish")

    def __init__(self, wish: Wish, call: _Call | None) -> None:
        self.wish = wish
        self.call = call
        """None: another one's call asks for this, too."""
        self.seen = False
        self.over = False
        """Not waited for any more."""
        self.id: object = None
        """Of the command, once it has come."""
        self.answered = False
        self.done = not wish.effect
        """There is no effect to wait for, or none any more."""
        self.before_w = float("nan")

    @property
    def sent(self) -> float:
        """When the call was written, as far as it is this one's."""
        return float("nan") if self.call is None else self.call.sent


class Commands:
    """The calls of one shard, and what becomes of them."""

    def __init__(
        self,
        rules: ApiRules,
        ids: Sequence[str],
        versions: Sequence[str],
        clock: Callable[[], float],
        recorder: StepRecorder,
        meter: PowerMeter | None = None,
    ) -> None:
        self._rules = rules
        self._ids = ids
        self._versions = versions
        self._clock = clock
        self._recorder = recorder
        self._meter = meter
        self._client: HttpClient | None = None
        self._open: dict[int, list[_Asked]] = {}
        """By station, oldest first: something of it is still to come."""
        self._due: list[tuple[float, int, _Asked]] = []
        """A heap: when each is given up."""
        self._kept: list[tuple[float, int, _Asked]] = []
        """... and forgotten."""
        self._number = 0
        self.open = 0
        """Commands that are waited for."""
        self._timer: asyncio.TimerHandle | None = None
        self._touched: _Asked | None = None
        """Whose command the station is just taking in."""
        self.counts: dict[str, Counter[str]] = {}
        """By name."""
        self.fans: dict[tuple[str, int], Fan] = {}
        """Broadcasts by name and number."""

    # -- wishes ---------------------------------------------------------------------------------

    def ask(self, station: int, now: float, wish: AskStart) -> None:
        """Call the API for a driver."""
        version = self._versions[station]
        action, payload = command(version, wish.evse, wish.token, wish.number)
        waiting = self._open.get(station)
        if waiting:  # who stood there before has gone
            waiting[:] = [a for a in waiting if a.wish.name != NAME or a.wish.evse != wish.evse]
        request = start_request(self._rules, self._ids[station], action, payload, wish)
        key = ("begun", wish.number)
        told = Wish(NAME, station, wish.due, action, wish.evse, {}, "started", key)
        self.follow(told, now, request)

    def follow(
        self, wish: Wish, now: float, request: Request | None, since: float | None = None
    ) -> None:
        """Make the call, and wait for what comes of it. No request: another one's does for it.

        ``since`` is when waiting begins; None: now.
        """
        self.count(wish.name)["asked"] += 1
        if wish.broadcast:
            self.fans.setdefault((wish.name, wish.broadcast), Fan(wish.due)).asked += 1
        call = None
        if request is not None:
            call = self._send(wish.name, wish.station, wish.due, now, request)
        asked = _Asked(wish, call)
        self._open.setdefault(wish.station, []).append(asked)
        self._number += 1
        begun = now if since is None else since
        heappush(self._due, (begun + DELIVERY_S, self._number, asked))
        self.open += 1
        while self._due[0][2].over:
            self._put_by(*heappop(self._due))
        if self._timer is None:
            self._arm(now)

    def call(self, name: str, station: int, due: float, now: float, request: Request) -> None:
        """Make a call that is for other stations."""
        self._send(name, station, due, now, request)

    def count(self, name: str) -> Counter[str]:
        """What is counted under a name."""
        found = self.counts.get(name)
        if found is None:
            found = self.counts[name] = Counter()
        return found

    def totals(self) -> Counter[str]:
        """What was asked for and came so far, all names together."""
        total: Counter[str] = Counter()
        for counts in self.counts.values():
            total.update({k: counts[k] for k in ("asked", "delivered", "not_delivered")})
        return total

    # -- what stations tell ---------------------------------------------------------------------

    def look(self, station: int, now: float, frame: bytes) -> None:
        """A frame for a station: is it a command that somebody waits for?"""
        waiting = self._open.get(station)
        if not waiting or all(asked.seen for asked in waiting):
            return
        found = read(frame, 2)
        if found is None:
            return
        asked = _whose(waiting, found[2], found[3])
        if asked is None:
            return
        asked.seen, asked.id = True, found[1]
        wish = asked.wish
        self.count(wish.name)["late" if asked.over else "delivered"] += 1
        self._step("late" if asked.over else "command", asked, now)
        self.open -= not asked.over
        asked.over = True
        if wish.broadcast:
            self.fans[wish.name, wish.broadcast].seen_s.append(now - wish.due)
        self._touched = asked
        if wish.effect == "power" and self._meter is not None:
            asked.before_w = self._meter.power_w(station, now)

    def replied(self, station: int, now: float, frame: bytes) -> None:
        """A station's answer to a command has been written."""
        waiting = self._open.get(station)
        if not waiting or all(a.answered or not a.seen for a in waiting):
            return
        found = read(frame, 3) or read(frame, 4)
        for asked in waiting:
            if found is None or not asked.seen or asked.answered or asked.id != found[1]:
                continue
            asked.answered = True
            status = status_of(found)
            self.count(asked.wish.name)[f"status_{status}" if status else "answered"] += 1
            self._step("answered", asked, now)
            if status not in _TAKEN and not asked.done:
                asked.done = True
                self.count(asked.wish.name)["refused"] += 1
            self._tidy(station, asked)
            return

    def settled(self, station: int, now: float) -> None:
        """The station has done all that the last frame made it do."""
        asked, self._touched = self._touched, None
        if asked is None or asked.done or asked.wish.effect != "power" or self._meter is None:
            return
        asked.done = True
        if abs(self._meter.power_w(station, now) - asked.before_w) >= POWER_W:
            self.count(asked.wish.name)["power"] += 1
            self._step("power", asked, self._clock())
        else:
            self.count(asked.wish.name)["unchanged"] += 1
        self._tidy(station, asked)

    def begun(self, station: int, now: float, what: Begun) -> None:
        """What a driver asked for has begun."""
        self.effect(station, now, ("begun", what.number))

    def effect(self, station: int, now: float, key: tuple[object, ...]) -> bool:
        """Something has happened at a station: was it a command that did it?"""
        for asked in self._open.get(station, ()):
            if asked.seen and not asked.done and asked.wish.key == key:
                asked.done = True
                self.count(asked.wish.name)[asked.wish.effect] += 1
                self._step(asked.wish.effect, asked, now)
                self._tidy(station, asked)
                return True
        return False

    async def close(self) -> None:
        """The run is over: what is open is censored."""
        if self._timer is not None:
            self._timer.cancel()
        now = self._clock()
        for _, _, asked in self._due:
            if not asked.over:
                asked.over = True
                self.count(asked.wish.name)["censored"] += 1
                self._step("command", asked, now, Kind.CENSORED)
        for waiting in self._open.values():
            for asked in waiting:
                if asked.seen and not asked.done:
                    self.count(asked.wish.name)["effect_open"] += 1
        self._due.clear()
        self._kept.clear()
        self._open.clear()
        if self._client is not None:
            await self._client.close()

    # -- inside ---------------------------------------------------------------------------------

    def _send(self, name: str, station: int, due: float, now: float, request: Request) -> _Call:
        call = _Call(name, station, due)
        if self._client is None:
            self._client = HttpClient(self._rules.server, self._clock)
        self.count(name)["api_calls"] += 1
        self._recorder.api_step(f"{name}.api", station, due, now, call.sent, Kind.QUEUE_GENERATOR)
        self._client.send(request, call.written, partial(self._answered, call))
        return call

    def _answered(self, call: _Call, reply: Reply) -> None:
        if 200 <= reply.status < 300:
            what, kind = "api_answered", Kind.RESPONSE
        else:
            what = f"api_{reply.problem or f'http_{reply.status}'}"
            kind = Kind.RESPONSE if reply.problem == "timeout" else Kind.ERROR_RESPONSE
        self.count(call.name)[what] += 1
        name, sent = f"{call.name}.api", call.sent
        if sent == sent:
            nan = float("nan")
            self._recorder.api_step(name, call.station, call.due, sent, nan, Kind.QUEUE)
        self._recorder.api_step(name, call.station, call.due, reply.ended, sent, kind)

    def _step(self, step: str, asked: _Asked, now: float, kind: Kind = Kind.RESPONSE) -> None:
        wish = asked.wish
        name = f"{wish.name}.{step}"
        self._recorder.api_step(name, wish.station, wish.due, now, asked.sent, kind)

    def _tidy(self, station: int, asked: _Asked) -> None:
        """Nothing of it is still to come."""
        if asked.answered and asked.done:
            self._forget(station, asked)

    def _forget(self, station: int, asked: _Asked) -> None:
        waiting = self._open.get(station, [])
        if asked in waiting:
            waiting.remove(asked)
        if not waiting:
            self._open.pop(station, None)

    def _arm(self, now: float) -> None:
        """Wait for the next that is to be given up or forgotten."""
        self._timer = None
        times = [heap[0][0] for heap in (self._due, self._kept) if heap]
        if times:
            wait_s = max(min(times) - now, 0.01)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._give_up)

    def _give_up(self) -> None:
        """Whose command has not come in time is not waited for."""
        now = self._clock()
        while self._due and (self._due[0][2].over or self._due[0][0] <= now):
            until, number, asked = heappop(self._due)
            if not asked.over:
                asked.over = True
                self.open -= 1
                self.count(asked.wish.name)["not_delivered"] += 1
                self._step("command", asked, now, Kind.CENSORED)
            self._put_by(until, number, asked)
        while self._kept and self._kept[0][0] <= now:
            asked = heappop(self._kept)[2]
            if asked.seen and not asked.done:
                asked.done = True
                self.count(asked.wish.name)["no_effect"] += 1
            self._forget(asked.wish.station, asked)
        self._arm(now)

    def _put_by(self, until: float, number: int, asked: _Asked) -> None:
        """Of what is not waited for any more, something may still be to come."""
        if not (asked.answered and asked.done):
            heappush(self._kept, (until - DELIVERY_S + KEPT_S, number, asked))


def _whose(waiting: Sequence[_Asked], action: str, payload: Mapping[str, Any]) -> _Asked | None:
    """Who waits for a command: the first in time whom it fits, else the first who did wait."""
    own = [asked for asked in waiting if not asked.seen and fits(asked.wish, action, payload)]
    return next((asked for asked in own if not asked.over), own[0] if own else None)
