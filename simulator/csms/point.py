"""The reference end of a connection: parsing, schemas and errors by the ``ocpp`` package.

An implementation that is not ours reads what stations send, checks it, and words CALLERRORs; what
is answered is decided by the handlers of :mod:`simulator.csms.answers`. One point per connection.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any, Final, TypeVar, cast

import ocpp.v16
import ocpp.v201
from ocpp.charge_point import camel_to_snake_case
from ocpp.exceptions import OCPPError
from ocpp.routing import after as route_after
from ocpp.routing import on as route

from simulator.csms import answers16, answers201
from simulator.csms.answers import Version
from simulator.csms.desk import Desk
from simulator.csms.holdings import Holdings
from simulator.csms.line import Line

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


def on(action: str) -> Callable[[_Handler], _Handler]:
    """Mark a method as the handler of an action: the package's decorator, with types."""
    return cast("Callable[[_Handler], _Handler]", route(action))


def after(action: str) -> Callable[[_Handler], _Handler]:
    """Mark a method to be called once an action has been answered."""
    return cast("Callable[[_Handler], _Handler]", route_after(action))


class Complaints:
    """What the ``ocpp`` package logs, as counters: it reports what it cannot handle as a log line.

    Takes the place of a ``logging.Logger``; the package calls ``info`` for every frame.
    """

    __slots__ = ("_holdings",)

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings

    def info(self, *_: object) -> None:
        """Ignore the log of frames."""

    def exception(self, *_: object) -> None:
        """Count an error by its class: the package calls this in its ``except`` blocks."""
        error = sys.exc_info()[1]
        self.count(error.code if isinstance(error, OCPPError) else type(error).__name__)

    def count(self, word: str) -> None:
        """Count a complaint."""
        self._holdings.complaints[word] += 1


class _Point:
    """What the points of every version add to the package's ``ChargePoint``."""

    id: str
    route_message: Callable[[str | bytes], Awaitable[None]]
    _response_queue: Line
    route_map: dict[str, dict[str, Any]]

    def __init__(self, station_id: str, connection: Any) -> None:
        super().__init__(station_id, connection)  # type: ignore[call-arg]
        self._payload: dict[str, Any] = {}
        self._connected = connection

    def begin(self, desk: Desk) -> None:
        """Be served by this desk from now on."""
        self._desk = desk
        self.logger = Complaints(desk.holdings)
        self.line = Line(desk.station, desk.version, self._connected.send, self.logger.count)
        self._response_queue = self.line
        if not desk.options.validate:
            for handlers in self.route_map.values():
                handlers["_skip_schema_validation"] = True

    async def _handle_call(self, msg: Any) -> Any:
        """Keep the payload as it came, beside the package's translation of it."""
        self._payload = msg.payload
        return await super()._handle_call(msg)  # type: ignore[misc]

    async def leave(self, code: int, reason: str) -> None:
        """Close the connection."""
        await self._connected.close(code, reason)


def _method(version: Version, action: str, answer: type) -> Any:
    """Return the method that answers an action, in the types that the package wants."""
    handler, kept = version.handlers[action], action in version.kept

    async def method(self: _Point, **_: Any) -> Any:
        said = handler(self._desk, self._payload)
        if kept and (keeping := self._desk.keeping()) is not None:
            await keeping
        return answer(**camel_to_snake_case(said))

    method.__name__ = method.__qualname__ = f"on_{action}"
    return on(action)(method)


def _follow(version: Version, action: str) -> Any:
    """Return the method that does what follows an answer."""
    then = version.after[action]

    def method(self: _Point, **_: Any) -> None:
        then(self._desk, self._payload)

    method.__name__ = method.__qualname__ = f"after_{action}"
    return after(action)(method)


def _make(version: Version, package: ModuleType) -> type[_Point]:
    methods = {
        f"on_{action}": _method(version, action, getattr(package.call_result, action))
        for action in version.handlers
    }
    methods |= {f"after_{action}": _follow(version, action) for action in version.after}
    return type(f"Point{version.name}", (_Point, package.ChargePoint), methods)


Point = _Point
POINTS: Final[Mapping[str, type[_Point]]] = {
    "1.6": _make(answers16.VERSION, ocpp.v16),
    "2.0.1": _make(answers201.VERSION, ocpp.v201),
}
"""The reference end by OCPP version."""
