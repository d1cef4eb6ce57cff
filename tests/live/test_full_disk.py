"""A trace that cannot be written is this program's failure, and never the CSMS's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from simulator.live.trace import Tracer, TraceWriteError

FULL = Path("/dev/full")
WORDS = "frames.jsonl: No space left on device"

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


def test_writing_flushing_and_closing_say_so() -> None:
    tracer = Tracer(FULL, 0.0)
    tracer.write(0.0, "s", True, b"[]")
    with pytest.raises(TraceWriteError, match=WORDS):
        tracer.flush()
    with pytest.raises(TraceWriteError, match=WORDS):
        tracer.write(0.0, "s", True, b"[]")
    with pytest.raises(TraceWriteError, match=WORDS):
        tracer.close()
    assert not issubclass(TraceWriteError, OSError)


@pytest.mark.socket
def test_it_reaches_the_loops_exception_handler_and_is_no_error_of_the_run(bench, play) -> None:
    async def quiet(connection: ServerConnection) -> None:
        await connection.wait_closed()

    faults: list[Any] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: faults.append(context.get("exception")))
        async with serve(quiet, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:  # type: ignore[list-item]
            b = bench(next(iter(server.sockets)).getsockname()[1])
            tracer = b.link._trace = Tracer(FULL, 0.0)
            tracer.write(0.0, "s", True, b"[]")
            with pytest.raises(TraceWriteError):
                tracer.flush()
            b.link.start(0.0)
            await b.until(lambda: bool(faults))
            b.link.abort()
            await b.until(lambda: not b.link.connected)
            with pytest.raises(TraceWriteError):
                tracer.close()

    play(work())
    assert [type(fault) for fault in faults] == [TraceWriteError]
    assert str(faults[0]) == WORDS


@pytest.mark.socket
def test_a_full_disk_reaches_the_handler_of_a_shard_as_a_fault() -> None:
    from types import SimpleNamespace as Made

    from simulator.live.shard import _fault

    found: list[BaseException] = []
    aborted: list[bool] = []
    fleet: Any = Made(abort=lambda: aborted.append(True))
    tracer = Tracer(FULL, 0.0)
    tracer.write(0.0, "s", True, b"[]")
    with pytest.raises(TraceWriteError) as caught:
        tracer.flush()
    loop: Any = None
    _fault(found, fleet, loop, {"exception": caught.value})
    assert found == [caught.value] and aborted == [True]
    with pytest.raises(TraceWriteError):
        tracer.close()
