"""The calls of the CSMS's API of a run before it begins, in the parent: what is asked for when.

Called by ``prepare``. ``caller`` makes them, ``commands`` follows them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from simulator.fleet.callplan import Calls, plan_calls
from simulator.fleet.orders import LIMITS_W, OF_AN_EVSE, Aim, words
from simulator.live.apicalls import Template
from simulator.live.caller import Order, one_calls, payload_of
from simulator.live.errors import RefusedError
from simulator.scenario import api_fields

if TYPE_CHECKING:
    from simulator.scenario import Network, Scenario
    from simulator.scenario.call_model import Call

_APART: Final = ("station", "evse", "connector", "token", "transaction")
"""Places in a template that differ from station to station."""


@dataclass(frozen=True, slots=True)
class Errands:
    """All calls of a run; stations by their place in the network."""

    orders: tuple[Order, ...]
    calls: Calls

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self.orders)

    @property
    def requests(self) -> int:
        """HTTP requests that are planned."""
        if not self.orders:
            return 0
        at_once = np.array([order.one_call for order in self.orders], np.bool_)[self.calls.call]
        return int((~at_once | one_calls(self.orders, self.calls)).sum())

    def stations(self, network: Network) -> frozenset[str]:
        """Ids of the stations that are to get a command."""
        every = [station.id for site in network.sites for station in site.stations]
        return frozenset(every[index] for index in np.unique(self.calls.station).tolist())


def plan_errands(scenario: Scenario, network: Network, run_s: float) -> Errands:
    """The calls of a run of ``run_s`` seconds. Raises RefusedError for some that cannot be."""
    calls = scenario.file.csms.calls
    if not calls:
        return Errands((), plan_calls((), (), (), network, scenario.seed, run_s))
    orders = tuple(map(order_of, calls))
    try:
        planned = plan_calls(
            calls,
            [order.name for order in orders],
            [frozenset(order.words) for order in orders],
            network,
            scenario.seed,
            run_s,
        )
    except ValueError as error:
        raise RefusedError(str(error)) from None
    spoken = {station.version for site in network.sites for station in site.stations}
    for number, order in enumerate(orders):
        if order.request is None:
            _check(number, order, spoken & order.words.keys())
    return Errands(orders, planned)


def order_of(call: Call) -> Order:
    """How a call of the scenario is made."""
    from simulator.csms.commands import COMMANDS  # loads the schemas' library

    broadcast = call.every is not None
    if call.request is not None:
        text = call.request.path + call.request.body
        one_call = broadcast and "station" not in api_fields.places(text)
    else:
        same = call.payload is None and call.action not in OF_AN_EVSE
        same = same or (call.payload is not None and not _apart(call.payload))
        everywhere = call.share == 1.0 and call.sites is None and call.models is None
        one_call = broadcast and same and everywhere
    request = call.request
    return Order(
        name=call.name or call.action,
        action=call.action,
        words={
            version: word
            for version, word in words(call.action, COMMANDS).items()
            if call.version in (None, version)
        },
        request=None if request is None else Template(request.method, request.path, request.body),
        payload=call.payload,
        limits_w=tuple(kw * 1000.0 for kw in call.limits) if call.limits else LIMITS_W,
        broadcast=broadcast,
        one_call=one_call,
    )


def _apart(text: str) -> bool:
    return bool(set(api_fields.places(text)) & set(_APART))


def _check(number: int, order: Order, versions: Collection[str]) -> None:
    """What the embedded CSMS is asked to send must be right by OCPP."""
    from simulator.csms.commands import wrong_payload

    for version in sorted(versions):
        aim = Aim("CSW-1", version, 1, 1, "CSW-1", 1 if version == "1.6" else "1", 1000.0)
        found = wrong_payload(version, order.words[version], payload_of(order, aim))
        if found:
            raise RefusedError(f"csms.calls[{number}].payload: OCPP {version}: {found[0]}")
