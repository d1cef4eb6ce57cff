"""Several processes that are one CSMS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from simulator.csms import CsmsOptions
from simulator.csms.holdings import Holdings, merged
from simulator.csms.process import WorkersError
from simulator.csms.transactions import Transaction
from simulator.csms.workers import Workers, reserved

AT = "2026-06-01T12:00:00.000Z"


def test_what_workers_hold_is_put_together() -> None:
    a, b = Holdings(step=2), Holdings(next_transaction=2, step=2)
    first, _ = a.start("S1", 1, "T", AT, 0, "Accepted")
    second, _ = b.start("S2", 1, "T", AT, 0, "Accepted")
    assert (first.id, second.id) == (1, 2)
    b.adopt(Transaction(1, "S1", 1, "T", AT, 0, "Accepted"))
    b.stop(1, AT, 500, "Local")
    for part in (a, b):
        part.station("S1").connects += 1
        part.station("S1").messages["Heartbeat"] += 2
        part.complaints["x"] += 1
    whole = merged([a, b])
    assert whole.station("S1").connects == 2
    assert whole.station("S1").messages == Counter(Heartbeat=4)
    assert (whole.started, whole.stopped, whole.complaints["x"]) == (2, 1, 2)
    assert whole.transactions[1].meter_stop == 500  # the worker that knows more of it
    assert whole.summary()["transactions"]["open"] == 1


def test_numbers_of_workers_never_meet() -> None:
    for step in (1, 2, 5):
        for first in range(1, step + 1):
            holdings = Holdings(next_transaction=first, step=step)
            for last in (0, 3, 17, 18, 40):
                holdings.number_on(last)
                assert holdings.next_transaction > last
                assert (holdings.next_transaction - first) % step == 0


def test_a_port_that_is_taken_is_not_joined() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError), reserved("127.0.0.1", other.getsockname()[1]):
            pass


async def said(url: str, station: str, action: str, **payload: Any) -> Any:
    """Connect anew, to whichever worker it is, and make one call."""
    protocol: Any = "ocpp1.6"
    async with connect(f"{url}/{station}", subprotocols=[protocol], compression=None) as socket_:
        await socket_.send(json.dumps([2, "1", action, payload]))
        return json.loads(await asyncio.wait_for(socket_.recv(), 20))[2]


@pytest.mark.process
@pytest.mark.socket
@pytest.mark.parametrize("fast", [True, False])
def test_a_station_may_come_back_to_another_worker(fast: bool) -> None:
    start = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": AT}

    async def scene(url: str) -> None:
        for station in ("A", "B", "C"):
            numbers = {
                (await said(url, station, "StartTransaction", **start))["transactionId"]
                for _ in range(6)
            }
            (number,) = numbers
            stop = {"transactionId": number, "meterStop": 70, "timestamp": AT}
            for _ in range(3):
                await said(url, station, "StopTransaction", **stop)

    with Workers(CsmsOptions(port=0, fast=fast, workers=2)) as csms:
        asyncio.run(scene(csms.url))
    assert csms.holdings is not None
    summary: Any = csms.holdings.summary()
    told = summary["transactions"]
    assert (told["started"], told["stopped"], told["open"]) == (3, 3, 0)
    assert (told["starts_repeated"], told["stops_repeated"], told["stops_unknown"]) == (15, 6, 0)
    assert (summary["stations"], summary["connects"]) == (3, 27)
    assert summary["energy_kwh"] == 0.21


@pytest.mark.process
@pytest.mark.socket
def test_a_worker_that_dies_is_told(tmp_path: Path) -> None:
    workers = Workers(CsmsOptions(port=0, fast=True, workers=2, sqlite=tmp_path / "db"))
    with pytest.raises(WorkersError, match="worker 1 died"), workers:
        assert workers.dead() is None
        os.kill(workers.pids[1], signal.SIGKILL)
        while workers.dead() is None:
            os.sched_yield()
    assert workers.holdings is not None
