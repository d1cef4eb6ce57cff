"""Commands over one connection: one CALL at a time, and what became of each.

Knows the frames of OCPP-J and nothing of what they mean. The ``ocpp`` package parses what comes in
and hands answers to :meth:`Line.put_nowait`, as to the queue whose place a line takes: that queue
would keep every answer that nobody waits for.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from websockets.exceptions import ConnectionClosed

from simulator.csms.commands import wrong_answer

WAITING: Final = 64
"""Commands that may wait for their turn at one station."""
_SHOWN: Final = 1000
"""Characters kept of what a station says wrong."""

Result = Literal["answered", "callerror", "invalid_answer", "timeout", "closed", "busy"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command."""

    station: str
    version: str
    action: str
    result: Result
    """``answered``: a CALLRESULT that fits its schema; ``invalid_answer``: one that does not;
    ``callerror``; ``timeout``: no answer in time; ``closed``: the connection went; ``busy``: too
    many commands wait for this station."""
    seconds: float = 0.0
    """From sending to the end of waiting."""
    payload: Any = None
    """The answer's payload, as it came."""
    error: dict[str, Any] | None = None
    """Of a CALLERROR: code, description, details."""
    problems: tuple[str, ...] = ()
    """Of an invalid answer: what does not fit."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-able values, without what is empty."""
        said: dict[str, Any] = {
            "station": self.station,
            "version": self.version,
            "action": self.action,
            "result": self.result,
            "seconds": round(self.seconds, 4),
        }
        if self.payload is not None:
            said["payload"] = self.payload
        if self.error is not None:
            said["error"] = self.error
        if self.problems:
            said["problems"] = list(self.problems)
        return said


class Line:
    """The CSMS's side of the calls that it makes on one connection."""

    def __init__(
        self,
        station: str,
        version: str,
        send: Callable[[str], Awaitable[None]],
        complain: Callable[[str], None],
    ) -> None:
        """``send`` writes a frame; ``complain`` counts what cannot be used, by a word."""
        self._station = station
        self.version = version
        self._send = send
        self._complain = complain
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._open: tuple[str, asyncio.Future[Any]] | None = None
        self._closed = False

    def put_nowait(self, message: Any) -> None:
        """Take a CALLRESULT or CALLERROR that the package has parsed."""
        if self._open is None or self._open[0] != message.unique_id:
            self._complain("answer to no open call")
            return
        _, answer = self._open
        if not answer.done():
            answer.set_result(message)

    def close(self) -> None:
        """End every command that waits: the connection is gone."""
        self._closed = True
        if self._open is not None and not self._open[1].done():
            self._open[1].set_result(None)

    async def call(self, action: str, payload: dict[str, Any], timeout_s: float) -> Outcome:
        """Send a command when its turn has come, and wait for the answer.

        The payload is sent as it is. ``timeout_s`` runs from sending. Never raises for what the
        station or the connection does.
        """
        if self._closed:
            return self._outcome(action, "closed")
        if self._waiting >= WAITING:
            return self._outcome(action, "busy")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._call(action, payload, timeout_s)
        finally:
            self._waiting -= 1

    async def _call(self, action: str, payload: dict[str, Any], timeout_s: float) -> Outcome:
        if self._closed:
            return self._outcome(action, "closed")
        unique_id = str(uuid.uuid4())
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open = (unique_id, answer)
        frame = json.dumps([2, unique_id, action, payload], separators=(",", ":"))
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(frame)
                message = await answer
        except TimeoutError:
            return self._outcome(action, "timeout", time.perf_counter() - begun)
        except ConnectionClosed:
            message = None
        finally:
            self._open = None
        return self._read(action, message, time.perf_counter() - begun)

    def _read(self, action: str, message: Any, seconds: float) -> Outcome:
        """Judge what came."""
        if message is None:
            return self._outcome(action, "closed", seconds)
        if message.message_type_id == 4:
            error = {
                "code": str(message.error_code)[:_SHOWN],
                "description": str(message.error_description)[:_SHOWN],
                "details": message.error_details,
            }
            return self._outcome(action, "callerror", seconds, error=error)
        wrong = tuple(map(str, wrong_answer(self.version, action, message.payload)))
        result: Result = "invalid_answer" if wrong else "answered"
        return self._outcome(action, result, seconds, payload=message.payload, problems=wrong)

    def _outcome(self, action: str, result: Result, seconds: float = 0.0, **more: Any) -> Outcome:
        return Outcome(self._station, self.version, action, result, seconds, **more)
