"""Which way each station takes to the CSMS: from which of our addresses to which of its.

Sources go round by the station's place in the network, so they are the same however many shards
there are. Addresses of the host are taken in turn, by station and by attempt, unless one is pinned:
a station that fails at one tries the next, as a failover wants it. A thread looks the name up when
the shard starts and every ``LOOK_UP_S`` after that, since the system's resolver does not tell how
long its answer is good for; the loop only ever sees addresses.
"""

from __future__ import annotations

import asyncio
import ipaddress
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.live.dial import DialRules
from simulator.live.failures import ConnectError
from simulator.live.target import Address, Target, resolve

LOOK_UP_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Routes:
    """What a shard needs to know of the ways to the target; picklable."""

    target: Target
    addresses: tuple[Address, ...]
    """Where the target was found before the start, at least one, all of one family."""
    timeout_s: float
    sources: tuple[str, ...] = ()
    pin: bool = False
    """Stay with the first address and look nothing up again."""
    authorised: bool = False
    """Load may be put on more than this machine; without it other addresses are not dialled."""

    @property
    def fixed(self) -> bool:
        """There is nothing to look up again."""
        return self.pin or is_address(self.target.host)

    def usable(self, found: Sequence[Address]) -> tuple[Address, ...]:
        """Those of the addresses found that may be dialled: of the family that answered."""
        family = self.addresses[0].family
        return tuple(
            address
            for address in found
            if address.family == family and (self.authorised or address.is_loopback)
        )


def is_address(host: str) -> bool:
    """Is that an IP address, so that nothing need be looked up?"""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def routes_of(
    target: Target,
    found: Sequence[Address],
    reached: Address,
    *,
    timeout_s: float,
    sources: Sequence[str],
    pin: bool,
    authorised: bool,
) -> Routes:
    """The ways to a target of which ``reached`` has answered: it first, then those like it."""
    same = [a for a in found if a.family == reached.family and a != reached]
    addresses = (reached,) if pin else (reached, *same)
    return Routes(target, addresses, timeout_s, tuple(sources), pin, authorised)


class Router:
    """The ways of one shard's stations. ``place`` is each one's number in the network."""

    def __init__(self, routes: Routes, place: Sequence[int]) -> None:
        self._routes = routes
        self._place = place
        self._tries = bytearray(len(place))
        self._addresses = routes.addresses
        self._rules: dict[tuple[Address, str | None], DialRules] = {}

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where stations connect to now."""
        return self._addresses

    def __call__(self, station: int) -> DialRules:
        """The way that a station takes for its next attempt."""
        sources, addresses = self._routes.sources, self._addresses
        place, tries = self._place[station], self._tries[station]
        self._tries[station] = (tries + 1) & 0xFF
        source, turn = None, place
        if sources:
            turn, which = divmod(place, len(sources))
            source = sources[which]
        address = addresses[(turn + tries) % len(addresses)]
        key = address, source
        rules = self._rules.get(key)
        if rules is None:
            rules = self._rules[key] = DialRules(address, self._routes.timeout_s, source)
        return rules

    def found(self, addresses: Sequence[Address]) -> bool:
        """The name was looked up again. False: nothing that may be dialled is among it."""
        usable = self._routes.usable(addresses)
        if not usable:
            return False
        if set(usable) != set(self._addresses):
            self._addresses = usable
            self._rules.clear()
        return True


OnLookUp = Callable[[float, Sequence[Address], str], None]
"""(seconds that it took, addresses found, what went wrong or "")."""


class Resolver:
    """Looks a host's name up, in a thread of its own, while a loop runs.

    ``done`` is called in the loop. ``resolve`` stands in for the system's resolver in tests.
    """

    def __init__(
        self,
        target: Target,
        done: OnLookUp,
        *,
        every_s: float = LOOK_UP_S,
        look_up: Callable[[Target], Sequence[Address]] = resolve,
    ) -> None:
        self._target = target
        self._done = done
        self._every_s = every_s
        self._look_up = look_up
        self._over = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin; to be called in the loop."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="resolver", daemon=True).start()

    def stop(self) -> None:
        """No more look-ups; one that is under way ends by itself and is not told."""
        self._over.set()

    def _run(self) -> None:
        loop = self._loop
        assert loop is not None
        while not self._over.is_set():
            began = time.perf_counter()
            found: Sequence[Address] = ()
            why = ""
            try:
                found = self._look_up(self._target)
            except ConnectError as error:
                why = error.detail
            took = time.perf_counter() - began
            if self._over.is_set():
                return
            try:
                loop.call_soon_threadsafe(self._tell, took, found, why)
            except RuntimeError:  # the loop has closed meanwhile
                return
            self._over.wait(self._every_s)

    def _tell(self, took: float, found: Sequence[Address], why: str) -> None:
        if not self._over.is_set():
            self._done(took, found, why)
