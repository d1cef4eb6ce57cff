"""Each fault target misbehaves in its own way, and in no other."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_sync

from simulator.csms.faulty import GARBAGE, KINDS, FaultyTarget

pytestmark = pytest.mark.socket

BOOT = json.dumps([2, "1", "BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"}])


def open_socket(target: FaultyTarget) -> Any:
    return connect(f"{target.url}/CP1", subprotocols=["ocpp1.6"], compression=None)  # type: ignore[list-item]


def test_garbage_is_never_a_valid_answer(run: Any) -> None:
    async def scene() -> None:
        async with FaultyTarget("garbage") as target, open_socket(target) as client:
            for _ in GARBAGE:
                await client.send(BOOT)
                answer = await client.recv()
                try:
                    kind, message_id, payload = json.loads(answer)
                except (ValueError, TypeError):
                    continue
                assert (kind, message_id, isinstance(payload, dict)) != (3, "1", True)
            assert target.frames == len(GARBAGE)

    run(scene())


def test_silent_takes_calls_and_says_nothing(run: Any) -> None:
    async def scene() -> None:
        async with FaultyTarget("silent") as target, open_socket(target) as client:
            for _ in range(3):
                await client.send(BOOT)
            await (await client.ping())  # answered by the protocol, after the calls were read
            while target.frames < 3:
                await asyncio.sleep(0)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await client.recv()

    run(scene())


def test_callerror_answers_every_call_with_an_error(run: Any) -> None:
    async def scene() -> None:
        async with FaultyTarget("callerror") as target, open_socket(target) as client:
            await client.send(BOOT)
            assert json.loads(await client.recv())[:3] == [4, "1", "InternalError"]

    run(scene())


def test_rejects_boot_and_answers_nothing_else(run: Any) -> None:
    async def scene() -> None:
        async with FaultyTarget("rejects_boot") as target, open_socket(target) as client:
            await client.send('[2,"0","Heartbeat",{}]')
            await client.send(BOOT)
            kind, message_id, payload = json.loads(await client.recv())
            assert (kind, message_id, payload["status"]) == (3, "1", "Rejected")
            assert payload["interval"] == 1

    run(scene())


def test_closes_after_the_handshake(run: Any) -> None:
    async def scene() -> None:
        async with FaultyTarget("closes") as target, open_socket(target) as client:
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert target.connections == 1

    run(scene())


def test_plain_http_answers_with_a_page(run: Any) -> None:
    async def scene() -> None:
        async with FaultyTarget("plain_http") as target:
            with pytest.raises(InvalidStatus) as answer:
                async with open_socket(target):
                    pass
            assert answer.value.response.status_code == 200
            assert b"Hello" in (answer.value.response.body or b"")

    run(scene())


def test_no_handshake_accepts_and_never_answers(run: Any) -> None:
    async def scene() -> None:
        async with FaultyTarget("no_handshake") as target:
            reader, writer = await asyncio.open_connection(*target.url[5:].split(":"))
            writer.write(b"GET /CP1 HTTP/1.1\r\nHost: x\r\n\r\n")
            while target.connections == 0:
                await asyncio.sleep(0)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await reader.read(1)
            writer.close()

    run(scene())


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_also_runs_where_there_is_no_loop(kind: Any) -> None:
    before = threading.active_count()
    with FaultyTarget(kind) as target:
        host, port = target.url[5:].split(":")
        socket.create_connection((host, int(port)), timeout=20).close()
        if kind == "callerror":
            with connect_sync(f"{target.url}/CP1", subprotocols=["ocpp1.6"]) as client:  # type: ignore[list-item]
                client.send(BOOT)
                assert json.loads(client.recv())[0] == 4
    assert threading.active_count() == before
    with pytest.raises(OSError):
        socket.create_connection((host, int(port)), timeout=20)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'sulky': expected one of garbage"):
        FaultyTarget("sulky")  # type: ignore[arg-type]
