"""This machine has no descriptor or no port left: the generator's fault, and the run is INVALID."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

from simulator.live.dial import DialRules, dial
from simulator.live.failures import ConnectError
from simulator.live.target import Address
from simulator.measure.measurement import merge
from simulator.measure.recorder import Recorder
from simulator.measure.validity import check
from simulator.measure.verdict import ExitCode, decide

DIAL = "simulator.live.dial"

RULES = DialRules(Address(socket.AF_INET, ("127.0.0.1", 9)), 1.0)


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


async def attempt(patch: pytest.MonkeyPatch, number: int, where: str) -> ConnectError:
    """An attempt at a connection that the system refuses at its first step or its second."""
    if where == "socket":
        patch.setattr(f"{DIAL}.socket.socket", failing(number))
    else:
        patch.setattr(asyncio.get_running_loop(), "sock_connect", failing(number))
    with pytest.raises(ConnectError) as caught:
        await dial(RULES, failing(0), lambda: 0.0)
    patch.undo()
    return caught.value


@pytest.mark.parametrize(
    ("number", "where", "kind"),
    [
        (errno.EMFILE, "socket", "local_fd"),
        (errno.ENFILE, "socket", "local_fd"),
        (errno.EADDRNOTAVAIL, "connect", "local_port"),
    ],
)
def test_an_attempt_without_descriptor_or_port_makes_the_run_invalid(
    monkeypatch: pytest.MonkeyPatch, number: int, where: str, kind: str
) -> None:
    failure = asyncio.run(attempt(monkeypatch, number, where))
    assert str(failure.kind) == kind and os.strerror(number) in failure.detail
    recorder = Recorder((), 1)
    recorder.error(0, failure.kind, failure.detail, 1.0)
    rows = check(merge([recorder.result(2.0, record_s=1e-6)]))
    decision = decide(validity=[row for row in rows if row.name == "local_errors"])
    assert decision.exit_code == ExitCode.INVALID
    assert decision.reasons == (
        "local_errors: 1 count, limit 0 (shard 0: out of file descriptors or local ports)",
    )
