"""Messages between the parent and its shards: pickles with their length in front, over a pipe.

Both ends are this program, started by itself; nothing of the target ever reaches a pickle's code.
The parent reads and writes in threads (blocking); a shard reads in its loop and never waits to
write a snapshot: one that does not fit is left out.
"""

from __future__ import annotations

import os
import pickle
import struct
from typing import Any, Final

_LENGTH: Final = struct.Struct("!Q")
BACKLOG_BYTES: Final = 1 << 20
"""Unsent bytes above which a shard leaves snapshots out."""


class PipeClosedError(Exception):
    """The other end is gone."""


def encode(message: object) -> bytes:
    """A message as it travels."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def write_message(fd: int, message: object) -> None:
    """Write a whole message, waiting as long as it takes. Raises PipeClosedError."""
    view = memoryview(encode(message))
    try:
        while view:
            view = view[os.write(fd, view) :]
    except (BrokenPipeError, OSError) as error:
        raise PipeClosedError(str(error)) from None


def read_message(fd: int) -> Any:
    """Read a whole message, waiting for it. Raises PipeClosedError."""
    (length,) = _LENGTH.unpack(_read_exactly(fd, _LENGTH.size))
    return pickle.loads(_read_exactly(fd, length))


def _read_exactly(fd: int, count: int) -> bytearray:
    data = bytearray()
    while len(data) < count:
        try:
            chunk = os.read(fd, min(count - len(data), 1 << 20))
        except OSError as error:
            raise PipeClosedError(str(error)) from None
        if not chunk:
            raise PipeClosedError("the other end closed the pipe")
        data += chunk
    return data


class Inbox:
    """Messages put together from whatever a non-blocking read brings."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """The messages that are complete now, in order."""
        buffer = self._buffer
        buffer += data
        messages = []
        while len(buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer)
            stop = _LENGTH.size + length
            if len(buffer) < stop:
                break
            messages.append(pickle.loads(memoryview(buffer)[_LENGTH.size : stop].tobytes()))
            del buffer[:stop]
        return messages


class Outbox:
    """The writing end of a shard: waits for ``finish`` only."""

    __slots__ = ("_waiting", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._waiting = bytearray()

    def offer(self, message: object) -> bool:
        """Send a message if the pipe has room for it; False if it was left out."""
        self.push()
        if len(self._waiting) > BACKLOG_BYTES:
            return False
        self._waiting += encode(message)
        self.push()
        return True

    def push(self) -> None:
        """Write what waits, as far as it goes. Raises PipeClosedError."""
        while self._waiting:
            try:
                written = os.write(self.fd, self._waiting)
            except BlockingIOError:
                return
            except OSError as error:
                raise PipeClosedError(str(error)) from None
            del self._waiting[:written]

    def finish(self, message: object) -> None:
        """Write everything that waits and then the message, waiting as long as it takes."""
        os.set_blocking(self.fd, True)
        self.push()
        write_message(self.fd, message)
