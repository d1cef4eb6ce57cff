"""How the embedded CSMS misbehaves on request: late, lost and wrong answers, and wrong books.

What happens to a call is drawn from the seed, the station and how many calls came from it, so that
a run repeats itself whatever order the stations come in. Without any fault the CSMS does not come
here. Targets that are broken in one way each are in :mod:`simulator.csms.faulty`. Called by
:mod:`simulator.csms.central`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from math import exp, log
from statistics import NormalDist
from typing import Any, Final, Literal, TypeVar, get_args

from websockets.exceptions import ConnectionClosed

from simulator.csms.options import Faults
from simulator.scenario.problems import FieldError, InputError, Problem, shown
from simulator.scenario.units import DURATION, parse

MOST_WAITING: Final = 64
"""Answers of one connection that may be late at the same time; one more call and it is closed."""
MOST_SERVICE_S: Final = 600.0
_NORMAL: Final = NormalDist()
_KINDS: Final = re.compile(r"\s*([a-z]+)\s*\(([^()]*)\)\s*")
_EXPECTED: Final = (
    "a time such as 20ms, or constant(20ms), exponential(20ms) (its mean) or"
    " lognormal(20ms, 0.5) (its median, sigma)"
)
_WRONG: Final = {"aFieldOfNoSchema": True}

Answering = Literal["drop_answers", "close_connections", "call_errors", "wrong_answers"]
ANSWERING: Final[tuple[Answering, ...]] = get_args(Answering)
"""What may become of a call, at most one of them."""
Booking = Literal["lose_transactions", "double_transactions", "wrong_energy"]
BOOKING: Final[tuple[Booking, ...]] = get_args(Booking)
"""What may become of a transaction in the database, at most one of them."""
_Kind = TypeVar("_Kind", bound=str)
RATIOS: Final = (*ANSWERING, *BOOKING)


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """How long an answer takes, from the call's arrival on: ``quantile`` inverts the distribution.

    The event loop's timer keeps it to a millisecond. Where the CSMS itself takes longer, it is
    longer.
    """

    kind: str
    scale_s: float
    """The time of ``constant``, the mean of ``exponential``, the median of ``lognormal``."""
    sigma: float = 0.0

    def quantile(self, share: float) -> float:
        """Return the time in seconds that a share (0 <= share < 1) of answers take at most."""
        if self.kind == "constant":
            return self.scale_s
        if self.kind == "exponential":
            return -self.scale_s * log(1.0 - share)
        if share <= 0.0:
            return 0.0
        return self.scale_s * exp(self.sigma * _NORMAL.inv_cdf(share))


def read_service_time(text: str) -> ServiceTime:
    """Read ``lognormal(20ms, 0.5)`` and the like; FieldError for what is no distribution."""
    match = _KINDS.fullmatch(text)
    kind, arguments = (match[1], match[2].split(",")) if match else ("constant", [text])
    wanted = {"constant": 1, "exponential": 1, "lognormal": 2}.get(kind)
    if len(arguments) != wanted:
        raise FieldError(_EXPECTED)
    try:
        scale_s = parse(DURATION, arguments[0].strip())
        sigma = float(arguments[1]) if wanted == 2 else 0.0
    except (FieldError, ValueError):
        raise FieldError(_EXPECTED) from None
    if not 0.0 <= scale_s <= MOST_SERVICE_S or not 0.0 <= sigma <= 5.0:
        raise FieldError(f"{_EXPECTED}, 0 to {MOST_SERVICE_S:g} s and sigma 0 to 5")
    return ServiceTime(kind, scale_s, sigma)


def check(faults: Faults, sqlite: bool) -> None:
    """Raise InputError with everything that is wrong; ``sqlite``: there is a database."""
    problems = []
    for name in RATIOS:
        value = getattr(faults, name)
        if not 0.0 <= value <= 1.0:
            problems.append(Problem("faults", name, shown(value), "a ratio from 0 to 1"))
        if value and name in BOOKING and not sqlite:
            expected = "a database to falsify (--sqlite FILE)"
            problems.append(Problem("faults", name, shown(value), expected))
    for kinds in (ANSWERING, BOOKING):
        total = sum(getattr(faults, name) for name in kinds)
        if total > 1.0:
            expected = f"at most 1 together with {', '.join(kinds[1:])}"
            problems.append(Problem("faults", kinds[0], f"{total:g} together", expected))
    if faults.service_time:
        try:
            read_service_time(faults.service_time)
        except FieldError as error:
            value = shown(faults.service_time)
            problems.append(Problem("faults", "service_time", value, error.expected))
    if problems:
        raise InputError(problems)


def draw(seed: int, *what: object) -> float:
    """Return a number in [0, 1) that follows from its arguments."""
    digest = blake2b(repr((seed, *what)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2.0**64


@dataclass(slots=True)
class Mischief:
    """The faults of one CSMS: what they are, and what they have done."""

    faults: Faults = field(default_factory=Faults)
    done: Counter[str] = field(default_factory=Counter)
    """How often each has struck."""
    falsified: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in BOOKING})
    """Transactions in the database that are not as they were told, as ``station/id``."""
    active: bool = False
    """Whether any call may be answered otherwise than at once and rightly."""
    _service: ServiceTime | None = None
    _calls: Counter[str] = field(default_factory=Counter)

    def count(self, station: str) -> int:
        """Return the number of a station's next call, from 1 on, over all of its connections."""
        self._calls[station] += 1
        return self._calls[station]

    def set(self, faults: Faults, sqlite: bool) -> None:
        """Change the faults, from the next call and the next transaction on; InputError."""
        check(faults, sqlite)
        self.faults = faults
        self._service = read_service_time(faults.service_time) if faults.service_time else None
        self.active = bool(faults.service_time) or any(getattr(faults, n) for n in ANSWERING)

    def delay_s(self, station: str, number: int) -> float:
        """Return how long a station's call takes."""
        if self._service is None:
            return 0.0
        return self._service.quantile(draw(self.faults.seed, "service", station, number))

    def fate(self, station: str, number: int) -> Answering | None:
        """Return what becomes of a station's call, counted from 1; None: it is answered rightly."""
        return self._choose(ANSWERING, "answer", station, number)

    def booking(self, station: str, number: int) -> Booking | None:
        """Return how a station's transaction, counted from 1, is written down; None: rightly."""
        return self._choose(BOOKING, "transaction", station, number)

    def falsify(self, kind: Booking, name: str) -> None:
        """Remember that a transaction was falsified."""
        self.done[kind] += 1
        self.falsified[kind].append(name)

    def as_json(self) -> dict[str, Any]:
        """Return the faults and what they have done."""
        now = {item.name: getattr(self.faults, item.name) for item in fields(self.faults)}
        return {"faults": now, "done": dict(self.done), "falsified": self.falsified}

    def _choose(self, kinds: tuple[_Kind, ...], *what: object) -> _Kind | None:
        left = draw(self.faults.seed, *what)
        for kind in kinds:
            left -= getattr(self.faults, kind)
            if left < 0.0:
                return kind
        return None


class FaultyWire:
    """One connection that misbehaves: stands between a point of the ``ocpp`` package and its wire.

    A call has a task of its own, so that a late answer holds up nothing else.
    """

    def __init__(self, station: str, point: Any, connection: Any, mischief: Mischief) -> None:
        """Wrap ``connection`` and become that of ``point``."""
        self._station = station
        self._point = point
        self._connection = connection
        self._mischief = mischief
        self._fates: dict[str, tuple[float, Answering | None]] = {}
        """When and how open calls are answered, by message id."""
        self._tasks: set[asyncio.Task[None]] = set()
        point._connection = self

    async def take(self, frame: str | bytes, complain: Callable[[Exception], None]) -> None:
        """Handle a frame as the faults say; ``complain`` gets what the package does not foresee."""
        message_id = _call_id(frame)
        if message_id is None:
            await self._point.route_message(frame)
            return
        if len(self._tasks) >= MOST_WAITING:
            # OCPP-J 2.0.1, section 4.1.1 (1.6: 4.1.1): a station has one call open at a time.
            await self._connection.close(1008, f"more than {MOST_WAITING} calls wait")
            return
        mischief = self._mischief
        number = mischief.count(self._station)
        due = asyncio.get_running_loop().time() + mischief.delay_s(self._station, number)
        fate = mischief.fate(self._station, number)
        if fate is not None:
            mischief.done[fate] += 1
        self._fates[message_id] = (due, fate)
        task = asyncio.ensure_future(self._answer(frame, message_id, due, fate, complain))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Give up what is not answered yet: the connection is gone."""
        for task in self._tasks:
            task.cancel()

    async def send(self, message: str) -> None:
        """Send what the package answers, when and if it is to be sent."""
        message_id = json.loads(message)[1]
        due, fate = self._fates.get(message_id, (0.0, None))
        await _until(due)
        if fate == "wrong_answers":
            message = json.dumps([3, message_id, _WRONG])
        elif fate == "close_connections":
            self._connection.transport.abort()
        if fate not in ("drop_answers", "close_connections"):
            await self._connection.send(message)

    async def _answer(
        self,
        frame: str | bytes,
        message_id: str,
        due: float,
        fate: Answering | None,
        complain: Callable[[Exception], None],
    ) -> None:
        try:
            if fate == "call_errors":  # the call has no effect here
                await _until(due)
                error = [4, message_id, "InternalError", "a fault that was asked for", {}]
                await self._connection.send(json.dumps(error))
            else:
                await self._point.route_message(frame)
        except ConnectionClosed:
            pass
        except Exception as error:
            complain(error)
        finally:
            self._fates.pop(message_id, None)


async def _until(due: float) -> None:
    left = due - asyncio.get_running_loop().time()
    if left > 0.0:
        await asyncio.sleep(left)


def _call_id(frame: str | bytes) -> str | None:
    """Return the id of a CALL; None for any other frame."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    if isinstance(message, list) and len(message) == 4 and message[0] == 2:
        return message[1] if isinstance(message[1], str) else None
    return None
