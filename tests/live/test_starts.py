"""Drivers without a card on live runs: whole runs, the calls of an API, and what is refused."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from simulator.csms.options import CsmsOptions
from simulator.csms.process import EmbeddedCsms
from simulator.fleet.remotestart import AskStart, Begun, command
from simulator.live import commands as module
from simulator.live.apicalls import ApiRules, Template, start_request
from simulator.live.commands import Commands
from simulator.live.errors import TargetUnreachableError
from simulator.live.http import HttpClient, Request, Server
from simulator.live.run import run_live
from simulator.live.target import Address
from simulator.measure.keys import Kind
from simulator.scenario import load_scenario
from simulator.store import read_run

SCENARIO = """
[scenario]
name = "starts"
seed = 7
start = 2026-06-01T00:00:00
timezone = "Europe/Berlin"

[[sites]]
name = "yard"
count = 2
stations = [{{ model = "ac-22-dual", count = 3 }}]
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"
start = {{ {start} }}

[csms]
url = "{url}"
versions = {{ {versions} }}
{api}

[live]
speed = 600
from = "17:00"
shards = 1
stages = [{{ kind = "ramp", for = "500ms", to = "100 %" }}, {{ kind = "hold", for = "5s" }}]
"""
API = """
[csms.api]
url = "{url}/"
header = {{ env = "STARTS_TOKEN" }}
[csms.api.start]
path = "/stations/{{station}}/commands"
body = '''{body}'''
"""
BODY = (
    '{"action": "RemoteStartTransaction", "payload": {"connectorId": {evse}, "idTag": "{token}"}}'
)


def scenario(tmp_path, start, versions='"1.6" = 1.0', url="embedded", api=""):
    file = tmp_path / "starts.toml"
    file.write_text(SCENARIO.format(start=start, versions=versions, url=url, api=api))
    return load_scenario(file)


def ran(loaded, tmp_path):
    summary = read_run(run_live(loaded, out=tmp_path / "run", screen="none")).summary
    assert summary["prediction"]["exact"], summary["prediction"]
    return summary


def followed(summary):
    """The calls add up, and every step of a start was measured."""
    starts = summary["remote_starts"]
    assert starts["asked"] == sum(starts[n] for n in ("delivered", "not_delivered", "censored"))
    assert starts["asked"] == starts["delivered"] == starts["started"] == starts["api_answered"]
    assert {row["n"] for row in starts["latency_ms"].values()} == {starts["asked"]}
    return starts["asked"]


@pytest.mark.process
@pytest.mark.socket
def test_all_ways_to_start_against_the_embedded_csms_as_foreseen(tmp_path) -> None:
    start = "rfid = 0.25, app = 0.25, free = 0.25, plug_and_charge = 0.25"
    summary = ran(scenario(tmp_path, start, '"2.0.1" = 1.0'), tmp_path)
    assert followed(summary) > 0
    begun = summary["transactions"]["started"]
    assert 0 < summary["prediction"]["by_action"]["Authorize"]["measured"] < begun


@pytest.mark.process
@pytest.mark.socket
def test_apps_at_a_csms_whose_api_the_scenario_declares(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("STARTS_TOKEN", "Bearer not-to-be-told")
    with EmbeddedCsms(CsmsOptions(port=0, http=0)) as csms:
        api = API.format(url=csms.http_url, body=BODY)
        loaded = scenario(tmp_path, "app = 0.9, free = 0.1", url=csms.url, api=api)
        summary = ran(loaded, tmp_path)
    assert followed(summary) > 0
    # Stations of this model ask about a token that comes from afar.
    authorised = summary["prediction"]["by_action"]["Authorize"]["measured"]
    assert authorised == summary["remote_starts"]["asked"] < summary["transactions"]["started"]
    for file in (tmp_path / "run").rglob("*"):
        assert not file.is_file() or b"not-to-be-told" not in file.read_bytes()


@pytest.mark.socket
def test_an_api_where_nobody_is_refuses_the_run_before_it_begins(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("STARTS_TOKEN", "x")
    with EmbeddedCsms(CsmsOptions(port=0)) as csms:
        api = API.format(url="http://127.0.0.1:9", body=BODY)
        loaded = scenario(tmp_path, "app = 1.0", url=csms.url, api=api)
        with pytest.raises(TargetUnreachableError, match=r"csms\.api\.url: http://127\.0\.0\.1:9"):
            run_live(loaded, out=tmp_path / "run", screen="none")


# -- the calls ------------------------------------------------------------------------------------

NOWHERE = Server(Address(2, ("127.0.0.1", 1)), "127.0.0.1:1")


def test_a_template_is_filled_in_where_it_stands_and_escaped() -> None:
    start = Template("PUT", "/s/{station}/{evse}", '{"tag": "{token}", "n": {evse}}')
    rules = ApiRules(NOWHERE, "/api", start, ("X-Key", "k"))
    wish = AskStart(2, 'T"\\', 1.0, 1)
    call = start_request(rules, "a/b", *command("1.6", 2, "T", 1), wish)
    assert (call.method, call.target) == ("PUT", "/api/s/a%2Fb/2")
    assert json.loads(call.body) == {"tag": 'T"\\', "n": 2}
    assert call.headers == (("Content-Type", "application/json"), ("X-Key", "k"))


class Client:
    """Takes requests and answers none by itself."""

    def __init__(self, *_) -> None:
        self.sent = []

    def send(self, request, written, done) -> None:
        self.sent.append((request, written, done))

    async def close(self) -> None:
        pass


class Steps:
    def __init__(self) -> None:
        self.rows = []

    def api_step(self, name, station, due, ended, sent, kind=Kind.RESPONSE) -> None:
        if kind is Kind.RESPONSE:
            self.rows.append((name, station, due, ended, sent))


def frame(version, evse, **more):
    action, payload = command(version, evse, "T", 1)
    return json.dumps([2, "1", action, payload | more]).encode()


@pytest.fixture
def followed_by(monkeypatch):
    """Runs a story with the calls of two stations on a clock of its own."""
    monkeypatch.setattr(module, "HttpClient", Client)

    def run(story):
        async def play():
            clock = SimpleNamespace(now=0.0)
            steps = Steps()
            rules = ApiRules(NOWHERE, "", None, embedded=True)
            calls = Commands(rules, ("a", "b"), ("1.6", "2.0.1"), lambda: clock.now, steps)
            story(calls, clock)
            await calls.close()
            return calls.counts.get("RemoteStart", {}), steps.rows

        return asyncio.run(play())

    return run


def test_a_wish_is_followed_from_the_call_to_the_transaction(followed_by) -> None:
    def story(calls, clock):
        calls.ask(0, 10.1, AskStart(1, "T", 10.0, 7))
        (_, written, done) = calls._client.sent[0]
        written(10.2)
        calls.look(0, 10.3, b'[2,"9","TriggerMessage",{"requestedMessage":"Heartbeat"}]')
        calls.look(0, 10.3, b"[3,")
        calls.look(0, 10.35, frame("1.6", 2))
        calls.look(1, 10.35, frame("1.6", 1))
        calls.look(0, 10.4, frame("1.6", 1))
        calls.look(0, 10.45, frame("1.6", 1))
        calls.begun(0, 10.5, Begun(1, 6))
        calls.begun(0, 10.6, Begun(1, 7))
        done(module.Reply(200, "", 10.7))

    counts, rows = followed_by(story)
    assert +counts == {
        "asked": 1,
        "delivered": 1,
        "started": 1,
        "api_calls": 1,
        "api_answered": 1,
    }
    assert rows == [
        ("RemoteStart.command", 0, 10.0, 10.4, 10.2),
        ("RemoteStart.started", 0, 10.0, 10.6, 10.2),
        ("RemoteStart.api", 0, 10.0, 10.7, 10.2),
    ]


@pytest.mark.parametrize("names_evse", [True, False])
def test_a_command_that_names_no_evse_is_for_who_waits_longest(followed_by, names_evse) -> None:
    def story(calls, clock):
        calls.ask(1, 0.0, AskStart(1, "T", 0.0, 1))
        calls.ask(1, 1.0, AskStart(2, "T", 1.0, 2))
        said = frame("2.0.1", 2) if names_evse else frame("2.0.1", 2).replace(b"evseId", b"x")
        calls.look(1, 2.0, said)

    counts, rows = followed_by(story)
    assert +counts == {"asked": 2, "delivered": 1, "censored": 1, "api_calls": 2, "effect_open": 1}
    assert [due for _, _, due, _, _ in rows] == [1.0 if names_evse else 0.0]


def test_a_command_that_does_not_come_in_time_is_not_delivered(followed_by) -> None:
    def story(calls, clock):
        for station in (0, 1):
            calls.ask(station, 0.0, AskStart(1, "T", 0.0, 1))
        clock.now = 20.0
        calls.ask(0, 20.0, AskStart(2, "T", 20.0, 2))
        calls._client.sent[0][2](module.Reply(404, "", 1.0))
        calls._client.sent[1][2](module.Reply(0, "timeout", 30.0))
        clock.now = 30.0
        calls._give_up()
        calls.look(1, 31.0, frame("2.0.1", 1))

    counts, _ = followed_by(story)
    assert +counts == {
        "asked": 3,
        "not_delivered": 2,
        "censored": 1,
        "late": 1,
        "api_calls": 3,
        "effect_open": 1,
        "api_http_404": 1,
        "api_timeout": 1,
    }


# -- HTTP -----------------------------------------------------------------------------------------


async def talk(answers, requests):
    """Send to a server that gives these answers in turn; (replies, connections, what it read)."""
    read, connections = [], 0
    left = iter(answers)

    async def serve(reader, writer):
        nonlocal connections
        connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                read.append(head + await reader.readexactly(size))
                answer = next(left)
                writer.write(answer)
                await writer.drain()
                if b"close" in answer or not answer:
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    address = Address(2, ("127.0.0.1", port))
    client = HttpClient(Server(address, f"127.0.0.1:{port}"), loop.time)
    replies = []
    for request in requests:
        told = loop.create_future()
        client.send(request, lambda now: None, told.set_result)
        replies.append(await told)
    await client.close()
    server.close()
    return replies, connections, read


def said(status, more=""):
    return f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n{more}\r\nok".encode()


@pytest.mark.socket
def test_a_connection_is_kept_and_replaced_when_the_server_closes_it() -> None:
    answers = [said(200), said(503), said(200, "Connection: close\r\n"), said(200)]
    asked = [Request("POST", "/x", (("X-Key", "k"),), b"{}")] * 4
    replies, connections, read = asyncio.run(talk(answers, asked))
    assert [reply.status for reply in replies] == [200, 503, 200, 200] and connections == 2
    assert read[0].startswith(b"POST /x HTTP/1.1\r\n") and read[0].endswith(b"\r\n\r\n{}")
    assert b"X-Key: k\r\n" in read[0]


@pytest.mark.socket
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"", "closed"),
        (b"SSH-2.0-nothing\r\n\r\n", "no_http"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 9999999\r\n\r\n" + bytes(2 << 20), "too_large"),
    ],
)
def test_an_answer_that_is_none_has_a_name_and_the_next_call_is_answered(answer, problem) -> None:
    asked = [Request("POST", "/x")] * 2
    replies, _, _ = asyncio.run(talk([answer, said(200)], asked))
    assert [(reply.status, reply.problem) for reply in replies] == [(0, problem), (200, "")]


@pytest.mark.socket
def test_where_nobody_listens_a_call_is_refused() -> None:
    async def call():
        told = asyncio.get_running_loop().create_future()
        client = HttpClient(NOWHERE, lambda: 0.0)
        client.send(Request("POST", "/"), lambda now: None, told.set_result)
        reply = await told
        await client.close()
        return reply

    assert asyncio.run(call()).problem == "refused"
