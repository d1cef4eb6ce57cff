"""One HTTP API before several workers, and passwords that all of them know."""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from simulator.csms import CsmsOptions
from simulator.csms.front import Front
from simulator.csms.shelf import Shelf
from simulator.csms.web import HttpError, Reply, Request
from simulator.csms.workers import Workers

PROTOCOL: Any = "ocpp1.6"
STATIONS = [f"S{number}" for number in range(8)]


def ask(url: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    request = urllib.request.Request(url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@asynccontextmanager
async def fleet(url: str) -> AsyncIterator[dict[str, list[str]]]:
    """Stations that take every command, and what each was sent."""
    seen: dict[str, list[str]] = {name: [] for name in STATIONS}

    async def live(name: str, ready: asyncio.Event) -> None:
        async with connect(f"{url}/{name}", subprotocols=[PROTOCOL], compression=None) as line:
            await line.send('[2,"h","Heartbeat",{}]')
            async for text in line:
                frame = json.loads(text)
                if frame[0] == 2:
                    seen[name].append(frame[2])
                    await line.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
                else:
                    ready.set()

    events = [asyncio.Event() for _ in STATIONS]
    tasks = [
        asyncio.create_task(live(name, event)) for name, event in zip(STATIONS, events, strict=True)
    ]
    await asyncio.gather(*(event.wait() for event in events))
    yield seen
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.process
@pytest.mark.socket
def test_a_command_finds_the_worker_that_holds_the_station() -> None:
    reset = {"action": "Reset", "payload": {"type": "Soft"}}

    async def scene(csms: Workers) -> None:
        url = csms.http_url

        async def said(*asked: Any) -> tuple[int, Any]:
            return await asyncio.to_thread(ask, url, *asked)

        async with fleet(csms.url) as seen:
            for name in STATIONS:
                for _ in range(2):  # looked for, then known
                    status, answer = await said("POST", f"/stations/{name}/commands", reset)
                    assert (status, answer["station"], answer["result"]) == (200, name, "answered")
                assert (await said("GET", f"/stations/{name}"))[1]["connected"]
            assert set(map(tuple, seen.values())) == {("Reset", "Reset")}
            status, answer = await said("POST", "/broadcast", reset)
            assert (status, answer["results"]) == (200, {"answered": 8})
            some = {"stations": STATIONS[:5]}
            status, answer = await said("POST", "/broadcast", reset | some)
            assert (status, answer["statuses"]) == (200, {"Accepted": 5})
            assert [len(seen[name]) for name in STATIONS] == [4] * 5 + [3] * 3
            status, answer = await said("POST", "/broadcast", reset | {"stations": ["S1", "no"]})
            assert status == 400 and answer["problems"][0]["value"] == "'no'"
            assert (await said("POST", "/stations/no/commands", reset))[0] == 404
            wrong = await said("POST", "/stations/S1/commands", {"action": "Reset", "payload": {}})
            assert wrong[0] == 400 and "payload.type" in wrong[1]["error"]
            assert (await said("GET", "/summary"))[0] == 501
            listed = (await said("GET", "/stations?limit=3"))[1]
            assert [row["id"] for row in listed["stations"]] == ["S0", "S1", "S2"]
            rest = (await said("GET", f"/stations?limit=100&after={listed['next']}"))[1]
            assert [row["id"] for row in rest["stations"]] == STATIONS[3:]

    with Workers(CsmsOptions(port=0, fast=True, workers=2, http=0)) as csms:
        asyncio.run(scene(csms))
    assert csms.holdings is not None
    assert csms.holdings.commands["Reset"] == {"answered": 8 * 2 + 8 + 5}


class Stub:
    """A worker that holds some stations."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    async def ask(self, request: Request) -> Reply:
        if request.path == ("_here",):
            return Reply([name for name in json.loads(request.body) if name in self.names])
        here = request.path[1] in self.names
        return Reply({"result": "answered"}) if here else Reply({"error": "not connected"}, 409)


def test_a_station_that_has_moved_to_another_worker_is_looked_for_again() -> None:
    async def scene() -> None:
        one, two = Stub("A"), Stub()
        front = Front([one, two])  # type: ignore[list-item]
        request = Request("POST", ("stations", "A", "commands"), {}, {}, b"{}")
        assert (await front(request)).status == 200
        one.names, two.names = set(), {"A"}
        assert (await front(request)).status == 200
        two.names = set()
        assert (await front(request)).status == 409
        with pytest.raises(HttpError, match="nobody puts it together"):
            await front(Request("GET", ("transactions",), {}, {}))

    asyncio.run(scene())


def test_what_was_taken_counts_and_what_was_offered_before_does_not(tmp_path: Path) -> None:
    here, there = Shelf(tmp_path), Shelf(tmp_path)
    assert there.taken("../A") is there.offered("../A") is None
    here.offer("../A", b"one")
    assert there.offered("../A") == b"one" and there.taken("../A") is None
    here.take("../A", b"two")
    assert there.taken("../A") == b"two" and there.offered("../A") is None
    assert all(path.stat().st_mode & 0o77 == 0 for path in tmp_path.iterdir())


@pytest.mark.process
@pytest.mark.socket
def test_a_changed_password_is_known_to_every_worker(tmp_path: Path) -> None:
    known = tmp_path / "stations.csv"
    known.write_text(
        "id,version,vendor,model,serial,connectors,password\nS1,1.6,V,M,1,1,old-password-16chars\n"
    )
    new = "new-password-16chars"
    change = {
        "action": "ChangeConfiguration",
        "payload": {"key": "AuthorizationKey", "value": new.encode().hex()},
    }

    def line(url: str, password: str) -> Any:
        word = base64.b64encode(f"S1:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {word}"}
        return connect(
            f"{url}/S1", subprotocols=[PROTOCOL], additional_headers=headers, compression=None
        )

    async def scene(csms: Workers) -> None:
        async with line(csms.url, "old-password-16chars") as socket_:
            path = "/stations/S1/commands"
            sent = asyncio.create_task(asyncio.to_thread(ask, csms.http_url, "POST", path, change))
            frame = json.loads(await asyncio.wait_for(socket_.recv(), 20))
            await socket_.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
            assert (await sent)[1]["payload"] == {"status": "Accepted"}
        for _ in range(12):  # the kernel deals connections out: both workers are asked
            async with line(csms.url, new):
                pass
            with pytest.raises(InvalidStatus):
                await line(csms.url, "old-password-16chars").__aenter__()

    known.chmod(0o600)
    options = CsmsOptions(port=0, fast=True, workers=2, http=0, stations=known)
    with Workers(options) as csms:
        asyncio.run(scene(csms))
    assert csms.holdings is not None and csms.holdings.refused["wrong password"] == 12
