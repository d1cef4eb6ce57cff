"""Load that the CSMS's own API is asked for: the call, the command that comes of it, its effect.

So far one kind: a driver with an app has a charge started from afar. Each is followed from the call
(`RemoteStart.api`) to the command at the station (`RemoteStart.command`) and the transaction
(`RemoteStart.started`), all counted from when the driver wanted it. A command belongs to a call by
station, action and EVSE. One that has not come within ``DELIVERY_S`` is not delivered; what is open
at the end is censored: asked = delivered + not_delivered + censored.

For the embedded CSMS the call is known; for another one the scenario says it (``csms.api``).
``link`` tells what happens at the stations; one of these serves a shard.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol
from urllib.parse import quote

from simulator.fleet.remotestart import ACTIONS, EVSE, AskStart, Begun, command
from simulator.live.http import HttpClient, Reply, Request, Server

DELIVERY_S: Final = 30.0
NAME: Final = "RemoteStart"
STEPS: Final = ("api", "command", "started")
_STARTS: Final = frozenset(ACTIONS.values())


@dataclass(frozen=True, slots=True)
class Template:
    """A call as the scenario writes it: {station}, {evse} and {token} are filled in."""

    method: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class ApiRules:
    """The API of the CSMS. Picklable."""

    server: Server
    prefix: str
    """Of every path, without a slash at its end."""
    start: Template | None
    """None: that of the embedded CSMS."""
    header: tuple[str, str] | None = None


class StepRecorder(Protocol):
    """Who measures."""

    def api_step(self, name: str, station: int, due: float, ended: float, sent: float) -> None:
        """Something asked for at ``due``, by a call written at ``sent``, was there at ``ended``."""
        ...


class _Asked:
    """One wish under way."""

    __slots__ = ("due", "evse", "number", "over", "seen", "sent", "since", "station")

    def __init__(self, station: int, ask: AskStart, since: float) -> None:
        self.station = station
        self.evse = ask.evse
        self.number = ask.number
        self.due = ask.due
        self.since = since
        self.sent = float("nan")
        self.seen = False
        self.over = False
        """Not waited for any more."""

    def written(self, now: float) -> None:
        """The call is on its way."""
        self.sent = now


class Commands:
    """The calls of one shard, and what becomes of them."""

    def __init__(
        self,
        rules: ApiRules,
        ids: Sequence[str],
        versions: Sequence[str],
        clock: Callable[[], float],
        recorder: StepRecorder,
    ) -> None:
        self._rules = rules
        self._ids = ids
        self._versions = versions
        self._clock = clock
        self._recorder = recorder
        self._client: HttpClient | None = None
        self._open: dict[int, list[_Asked]] = {}
        """By station, oldest first: not begun yet."""
        self._due: deque[_Asked] = deque()
        """In the order in which they are given up."""
        self._timer: asyncio.TimerHandle | None = None
        self.counts: Counter[str] = Counter()

    def ask(self, station: int, now: float, wish: AskStart) -> None:
        """Call the API for a driver."""
        asked = _Asked(station, wish, now)
        waiting = self._open.setdefault(station, [])
        waiting[:] = [other for other in waiting if other.evse != wish.evse]
        waiting.append(asked)
        self._due.append(asked)
        self.counts["asked"] += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELIVERY_S, self._give_up)
        if self._client is None:
            self._client = HttpClient(self._rules.server, self._clock)
        call = request_of(self._rules, self._ids[station], self._versions[station], wish)
        self._client.send(call, asked.written, partial(self._answered, asked))

    def look(self, station: int, now: float, frame: bytes) -> None:
        """A frame for a station: is it a command that somebody waits for?"""
        waiting = self._open.get(station)
        if not waiting:
            return
        evse = _start_at(frame)
        if evse is None:
            return
        for asked in waiting:
            if not asked.seen and evse in (0, asked.evse):
                asked.seen = True
                self.counts["late" if asked.over else "delivered"] += 1
                asked.over = True
                self._step("command", asked, now)
                return

    def begun(self, station: int, now: float, what: Begun) -> None:
        """What was asked for has begun."""
        waiting = self._open.get(station, [])
        for asked in waiting:
            if asked.number == what.number:
                self.counts["started"] += 1
                self._step("started", asked, now)
                waiting.remove(asked)
                break
        if not waiting:
            self._open.pop(station, None)

    async def close(self) -> None:
        """The run is over: what is open is censored."""
        if self._timer is not None:
            self._timer.cancel()
        self.counts["censored"] += sum(not asked.over for asked in self._due)
        self._due.clear()
        self._open.clear()
        if self._client is not None:
            await self._client.close()

    # -- inside ---------------------------------------------------------------------------------

    def _answered(self, asked: _Asked, reply: Reply) -> None:
        if 200 <= reply.status < 300:
            self.counts["api_answered"] += 1
            self._step("api", asked, reply.ended)
        else:
            self.counts[f"api_{reply.problem or f'http_{reply.status}'}"] += 1

    def _step(self, step: str, asked: _Asked, now: float) -> None:
        self._recorder.api_step(f"{NAME}.{step}", asked.station, asked.due, now, asked.sent)

    def _give_up(self) -> None:
        """Whose command has not come in time is not waited for."""
        self._timer = None
        now = self._clock()
        while self._due:
            left = self._due[0].since + DELIVERY_S - now
            if left > 0.0 and not self._due[0].over:
                self._timer = asyncio.get_running_loop().call_later(left, self._give_up)
                return
            asked = self._due.popleft()
            if not asked.over:
                asked.over = True
                self.counts["not_delivered"] += 1


def request_of(rules: ApiRules, station: str, version: str, wish: AskStart) -> Request:
    """The call for a driver at a station."""
    headers = [("Content-Type", "application/json")]
    if rules.header is not None:
        headers.append(rules.header)
    if rules.start is None:
        action, payload = command(version, wish.evse, wish.token, wish.number)
        body = json.dumps({"action": action, "payload": payload, "timeout_s": DELIVERY_S})
        target = f"{rules.prefix}/stations/{quote(station, safe='')}/commands"
        return Request("POST", target, tuple(headers), body.encode())
    values = {"station": station, "evse": str(wish.evse), "token": wish.token}
    path, body = rules.start.path, rules.start.body
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
        body = body.replace(f"{{{name}}}", json.dumps(value, ensure_ascii=False)[1:-1])
    return Request(rules.start.method, rules.prefix + path, tuple(headers), body.encode())


def _start_at(frame: bytes) -> int | None:
    """The EVSE of a command to start (0: it names none); None: it is another frame."""
    try:
        found = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) != 4 or found[0] != 2:
        return None
    action, payload = found[2:]
    if action not in _STARTS or not isinstance(payload, dict):
        return None
    evse = payload.get(EVSE[action], 0)
    return evse if isinstance(evse, int) else None
