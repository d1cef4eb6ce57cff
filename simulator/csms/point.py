"""What the points of every version owe to the ``ocpp`` package: its decorators, with types.

Parsing, schema checks, CALLERRORs and serialisation are the package's, so that an implementation
that is not ours answers our stations. One point per connection: :mod:`simulator.csms.point16` or
:mod:`simulator.csms.point201`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

from ocpp.exceptions import OCPPError
from ocpp.routing import after as route_after
from ocpp.routing import on as route

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


def prepare(point: Any, desk: Desk, connection: Any, complaints: Complaints) -> Line:
    """Give a point of the package its line, and honour ``--no-validate``; returns the line."""
    line = Line(desk.station, desk.version, connection.send, complaints.count)
    point._response_queue = line
    if not desk.options.validate:
        for handlers in point.route_map.values():
            handlers["_skip_schema_validation"] = True
    return line
