"""Plays the calls of the CSMS's API that a scenario declares, each when it is due.

One timer, at most BATCH calls per turn of the loop. What a call says is put together when it is
due, since only then it is known which transaction runs. A station that is not in operation then is
not asked for, which is counted: planned = asked + skipped. What comes of a call, ``commands``
follows; ``shard`` starts this with the fleet.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.callplan import Calls
from simulator.fleet.orders import EFFECTS, OF_AN_EVSE, Aim, preset
from simulator.fleet.shardplan import ShardPlan
from simulator.live.apicalls import ApiRules, Template, fill
from simulator.live.commands import Commands
from simulator.live.http import Request
from simulator.live.sight import Sight
from simulator.live.wishes import Wish

BATCH: Final = 32
AHEAD_S: Final = 0.5
"""So long before its call is made, stations wait for the command of a broadcast."""
MOST_OPEN: Final = 50_000
"""Commands of one shard that are waited for at once; who would be more is skipped."""


@dataclass(frozen=True, slots=True)
class Order:
    """One of the scenario's calls, as it is made. Picklable."""

    name: str
    action: str
    words: Mapping[str, str]
    """The action on the wire by version."""
    request: Template | None
    """None: the embedded CSMS is asked."""
    payload: str | None
    """For the embedded CSMS, in place of the preset."""
    limits_w: tuple[float, ...]
    broadcast: bool
    one_call: bool
    """Of a broadcast: one call does for all stations of a version."""

    @property
    def whole(self) -> bool:
        """It is about stations, not EVSEs."""
        return self.broadcast and self.action not in OF_AN_EVSE


class Caller:
    """The calls of one shard, in order of time."""

    def __init__(
        self,
        orders: tuple[Order, ...],
        calls: Calls,
        plan: ShardPlan,
        rules: ApiRules,
        commands: Commands,
        sight: Sight,
        clock: Callable[[], float],
    ) -> None:
        self._orders = orders
        self._calls = calls
        self._plan = plan
        self._rules = rules
        self._commands = commands
        self._sight = sight
        self._clock = clock
        self._when, self._rows = _agenda(orders, calls)
        self._next = 0
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None

    def start(self) -> None:
        """Wait for the first call."""
        self._arm()

    def stop(self) -> None:
        """No call follows."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = None
        if self._next >= len(self._when):
            return
        loop = asyncio.get_running_loop()
        delay = self._when[self._next] - self._clock()
        if delay <= 0.0:
            self._timer = loop.call_soon(self._play)
        else:
            self._timer = loop.call_later(ceil(delay * 1e3) * 1e-3, self._play)

    def _play(self) -> None:
        """What is due."""
        for _ in range(BATCH):
            if self._next >= len(self._when) or self._when[self._next] > self._clock():
                break
            row = self._rows[self._next]
            self._next += 1
            if row < 0:
                self._tell_all(-1 - row)
            else:
                self._ask(row)
        self._arm()

    def _ask(self, row: int) -> None:
        """Have a station commanded; in a broadcast by one call: wait for its command."""
        calls, commands = self._calls, self._commands
        order = self._orders[calls.call[row]]
        station, due, n = int(calls.station[row]), float(calls.due_s[row]), int(calls.n[row])
        counts = commands.count(order.name)
        counts["planned"] += 1
        aim, local_id, why = self._aim(order, row)
        if why or commands.open >= MOST_OPEN:
            counts[f"skipped_{why or 'overflow'}"] += 1
            return
        action = order.words[aim.version]
        payload, request = self._request(order, action, aim)
        wish = Wish(
            order.name,
            station,
            due,
            action,
            _evse(order, aim),
            _about(aim, payload),
            EFFECTS.get(order.action, ""),
            _key(order, aim, local_id),
            n if order.broadcast else 0,
        )
        commands.follow(wish, self._clock(), None if order.one_call else request, due)

    def _tell_all(self, row: int) -> None:
        """The one call of a broadcast."""
        calls = self._calls
        order = self._orders[calls.call[row]]
        station, due = int(calls.station[row]), float(calls.due_s[row])
        aim = self._aim(order, row)[0]
        _, request = self._request(order, order.words[aim.version], aim)
        self._commands.call(order.name, station, due, self._clock(), request)

    def _aim(self, order: Order, row: int) -> tuple[Aim, int, str]:
        """Whom the call is for, the station's own number of its transaction, and why not."""
        plan, why, local_id = self._plan, "", 0
        calls = self._calls
        station, evse, n = int(calls.station[row]), int(calls.evse[row]), int(calls.n[row])
        transaction: int | str = ""
        if not self._sight.accepted(station):
            why = "not_in_operation"
        elif order.action == "RemoteStart":
            free = self._sight.startable(station, evse)
            why, evse = ("no_free_evse", evse) if free is None else ("", free)
        elif order.action == "RemoteStop":
            found = self._sight.transaction(station, evse)
            if found is None:
                why = "no_transaction"
            else:
                evse, local_id, transaction = found
        position = int(plan.evse_position[station]) + evse - 1
        site = plan.sites[plan.site[station]]
        aim = Aim(
            plan.ids[station],
            plan.versions[station],
            0 if order.whole else evse,
            n,
            plan.tokens.token(site, int(plan.ordinal[station]), evse, position, n),
            transaction,
            order.limits_w[int(calls.turn[row]) % len(order.limits_w)],
        )
        return aim, local_id, why

    def _request(
        self, order: Order, action: str, aim: Aim
    ) -> tuple[dict[str, Any] | None, Request]:
        """What the command is known to say, and the call that asks for it."""
        rules = self._rules
        if order.request is not None:
            path, body = order.request.filled(aim.values())
            return None, rules.request(order.request.method, path, body)
        payload = payload_of(order, aim)
        if order.one_call:
            return payload, rules.to_all(aim.version, action, payload)
        return payload, rules.to_station(aim.station, action, payload)


def _agenda(orders: tuple[Order, ...], calls: Calls) -> tuple[list[float], list[int]]:
    """(when, row of the plan) in order of time; -1 - row is the one call of a broadcast.

    Of a broadcast by one call every shard is ready before the call is made, wherever that is.
    """
    at_once = np.array([order.one_call for order in orders], np.bool_)[calls.call]
    rows = np.arange(len(calls.due_s))
    callers = rows[one_calls(orders, calls)]
    when = np.concatenate([calls.due_s - AHEAD_S * at_once, calls.due_s[callers]])
    order = np.argsort(when, kind="stable")
    return when[order].tolist(), np.concatenate([rows, -1 - callers])[order].tolist()


def one_calls(orders: tuple[Order, ...], calls: Calls) -> NDArray[np.bool_]:
    """At which rows the one call of a broadcast is due: the embedded CSMS's is for one version."""
    least = np.array([(1 if o.request is None else 2) if o.one_call else 3 for o in orders])
    found: NDArray[np.bool_] = calls.leads >= least.astype(np.int8)[calls.call]
    return found


def payload_of(order: Order, aim: Aim) -> dict[str, Any]:
    """What is in a command of the embedded CSMS. Raises ValueError for text that is no JSON."""
    if order.payload is None:
        return preset(order.action, aim)
    found: dict[str, Any] = json.loads(fill(order.payload, aim.values()))
    return found


def _evse(order: Order, aim: Aim) -> int:
    """By which EVSE a command is known, where what is in it is not."""
    if order.request is None:
        return 0
    text = order.request.path + order.request.body
    return aim.evse if "{evse}" in text or "{connector}" in text else 0


def _about(aim: Aim, payload: dict[str, Any] | None) -> Mapping[str, Any]:
    if payload is not None:
        return payload
    return {"transactionId": aim.transaction} if aim.transaction != "" else {}


def _key(order: Order, aim: Aim, local_id: int) -> tuple[object, ...]:
    """What the station tells when the command has its effect."""
    effect = EFFECTS.get(order.action)
    if effect == "started":
        return ("started", aim.evse)
    return ("ended", local_id) if effect == "ended" else ("booted",)
