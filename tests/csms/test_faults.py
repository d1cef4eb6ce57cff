"""Misbehaviour on request: what strikes, how often, and that it repeats itself."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import statistics
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp.messages import MessageType, get_validator
from websockets.exceptions import ConnectionClosed

from simulator.csms import CsmsOptions
from simulator.csms import faults as faults_module
from simulator.csms.api import Api
from simulator.csms.central import CentralSystem
from simulator.csms.faults import (
    ANSWERING,
    BOOKING,
    MOST_WAITING,
    Mischief,
    check,
    draw,
    read_service_time,
)
from simulator.csms.options import Faults
from simulator.csms.process import EmbeddedCsms
from simulator.csms.web import WebServer
from simulator.scenario.problems import FieldError, InputError

pytestmark = pytest.mark.usefixtures("either_end")

AT = "2026-06-01T12:00:00.000Z"
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


def mischief(**faults: Any) -> Mischief:
    made = Mischief()
    made.set(Faults(**faults), sqlite=True)
    return made


@given(st.integers(0, 2**64), st.text(), st.integers(1, 10**9))
def test_a_draw_lies_in_0_1_and_repeats_itself(seed: int, station: str, number: int) -> None:
    first = draw(seed, "answer", station, number)
    assert 0.0 <= first < 1.0
    assert first == draw(seed, "answer", station, number)
    assert first != draw(seed + 1, "answer", station, number)
    assert first != draw(seed, "answer", station, number + 1)


@given(st.floats(0.0, 1.0, exclude_max=True), st.floats(0.0, 1.0, exclude_max=True))
def test_a_service_time_grows_with_its_share(a: float, b: float) -> None:
    for text in ("20ms", "exponential(20ms)", "lognormal(20ms, 0.5)"):
        service = read_service_time(text)
        low, high = sorted((a, b))
        assert 0.0 <= service.quantile(low) <= service.quantile(high)


def test_service_times_have_their_mean_their_median_and_their_sigma() -> None:
    shares = [(i + 0.5) / 20_000 for i in range(20_000)]
    assert {read_service_time("1.4s").quantile(share) for share in (0.0, 0.5, 0.99)} == {1.4}
    mean = statistics.fmean(map(read_service_time("exponential(20ms)").quantile, shares))
    assert mean == pytest.approx(0.020, rel=1e-3)
    times = list(map(read_service_time("lognormal(20ms, 0.5)").quantile, shares))
    assert statistics.median(times) == pytest.approx(0.020, rel=1e-3)
    assert statistics.pstdev(map(math.log, times)) == pytest.approx(0.5, rel=1e-2)
    assert statistics.fmean(times) == pytest.approx(0.020 * math.exp(0.125), rel=1e-2)


@pytest.mark.parametrize(
    "text",
    [
        *("", "20", "20 parsecs", "uniform(1s)", "lognormal(20ms)", "exponential(1s, 2)", "-1s"),
        *("lognormal(20ms, x)", "lognormal(20ms, nan)", "1h", "constant(1s", "lognormal(1s, -1)"),
    ],
)
def test_a_service_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(FieldError, match=r"such as 20ms.*lognormal"):
        read_service_time(text)


def test_every_mistake_is_named() -> None:
    wrong = Faults(service_time="soon", drop_answers=2.0, call_errors=-1.0, wrong_energy=0.1)
    with pytest.raises(InputError) as caught:
        check(wrong, sqlite=False)
    fields = Counter(problem.where for problem in caught.value.problems)
    assert set(fields) == {"drop_answers", "call_errors", "wrong_energy", "service_time"}
    with pytest.raises(InputError, match="at most 1 together"):
        check(Faults(drop_answers=0.6, wrong_answers=0.6), sqlite=False)
    check(Faults(lose_transactions=0.5, double_transactions=0.5, drop_answers=1.0), sqlite=True)


@pytest.mark.parametrize("kinds", [ANSWERING, BOOKING])
def test_fates_have_their_shares_and_exclude_one_another(kinds: tuple[str, ...]) -> None:
    made = mischief(seed=7, **dict.fromkeys(kinds, 0.1))
    choose = made.fate if kinds is ANSWERING else made.booking
    fates = Counter(choose(f"CP{i % 50}", i // 50) for i in range(20_000))
    for kind in kinds:
        assert fates[kind] == pytest.approx(2000, abs=5 * math.sqrt(1800))  # 5 sigma
    assert fates.keys() == {*kinds, None}


# -- over the wire --------------------------------------------------------------------------------


def statuses(run: Any, open_client: Any, number: int, **faults: Any) -> tuple[list[Any], Any]:
    """What becomes of so many StatusNotifications, and what the CSMS holds."""

    async def scene() -> tuple[list[Any], Any]:
        seen: list[Any] = []
        async with CentralSystem(CsmsOptions(port=0, faults=Faults(**faults))) as csms:
            left = number
            while left:
                async with open_client(csms.url) as client:
                    try:
                        while left:
                            left -= 1
                            try:
                                answer = await asyncio.wait_for(
                                    client.call("StatusNotification", **STATUS), 0.25
                                )
                            except TimeoutError:
                                seen.append("silence")
                            else:
                                seen.append(answer[0] if answer[2:] != [{}] else "right")
                    except ConnectionClosed:
                        seen.append("closed")
            summary = csms.holdings.summary()
            return seen, (summary["messages"], dict(csms.mischief.done), summary["complaints"])

    found: tuple[list[Any], Any] = run(scene())
    return found


@pytest.mark.socket
@pytest.mark.parametrize(
    ("fault", "seen", "handled"),
    [
        ("drop_answers", "silence", 4),
        ("close_connections", "closed", 4),
        ("call_errors", 4, 0),
        ("wrong_answers", 3, 4),
    ],
)
def test_each_fault_does_what_it_says(
    run: Any, open_client: Any, fault: str, seen: Any, handled: int
) -> None:
    found, (messages, done, complaints) = statuses(run, open_client, 4, **{fault: 1.0})
    assert found == [seen] * 4
    assert messages.get("StatusNotification", 0) == handled
    assert done == {fault: 4} and not complaints


@pytest.mark.socket
def test_the_same_seed_strikes_the_same_calls(run: Any, open_client: Any) -> None:
    chosen = {"call_errors": 0.3, "wrong_answers": 0.3}
    found = [statuses(run, open_client, 40, seed=seed, **chosen)[0] for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    expected = mischief(seed=1, **chosen)
    words = {"call_errors": 4, "wrong_answers": 3, None: "right"}
    assert found[0] == [words[expected.fate("CP1", i)] for i in range(1, 41)]


@pytest.mark.socket
def test_a_station_that_connects_again_does_not_meet_the_same_fates_again(
    run: Any, open_client: Any
) -> None:
    found, _ = statuses(run, open_client, 30, seed=1, close_connections=0.5)
    expected = mischief(seed=1, close_connections=0.5)
    words = {"close_connections": "closed", None: "right"}
    assert found == [words[expected.fate("CP1", i)] for i in range(1, 31)]


@pytest.mark.socket
def test_a_wrong_answer_fits_no_schema(run: Any, obedient: Any, least_payload: Any) -> None:
    async def scene() -> None:
        options = CsmsOptions(port=0, faults=Faults(wrong_answers=1.0))
        async with CentralSystem(options) as csms, obedient(csms.url, "C", "2.0.1") as station:
            for action in ("Heartbeat", "MeterValues", "NotifyReport"):
                payload = least_payload(MessageType.Call, action, "2.0.1")
                with pytest.raises(Exception, match="aFieldOfNoSchema"):
                    await station.call(action, **payload)
            for version in ("1.6", "2.0.1"):
                validator = get_validator(MessageType.CallResult, "StatusNotification", version)
                assert not validator.is_valid({"aFieldOfNoSchema": True})

    run(scene())


@pytest.mark.socket
def test_a_late_answer_comes_when_it_is_due_and_holds_up_nothing_else(
    run: Any, obedient: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is the wait itself: a gate in its place, opened by the test."""

    async def scene() -> None:
        gate, due = asyncio.Event(), []

        async def until(when: float) -> None:
            due.append(when - asyncio.get_running_loop().time())
            await gate.wait()

        monkeypatch.setattr(faults_module, "_until", until)
        options = CsmsOptions(port=0, faults=Faults(seed=3, service_time="lognormal(30s, 0.5)"))
        async with CentralSystem(options) as csms, obedient(csms.url) as station:
            waiting = asyncio.ensure_future(station.boot())
            outcome = await csms.command("CP1", "ClearCache", {}) or None
            while outcome is None:
                await asyncio.sleep(0)
                outcome = await csms.command("CP1", "ClearCache", {})
            assert outcome.result == "answered"  # while the answer to the boot waits
            while not due:
                await asyncio.sleep(0)
            assert not waiting.done()
            gate.set()
            assert (await waiting)["status"] == "Accepted"
            service = read_service_time("lognormal(30s, 0.5)")
            drawn = service.quantile(draw(3, "service", "CP1", 1))
            assert drawn - 5 < due[0] <= drawn

    run(scene())


@pytest.mark.socket
def test_late_answers_are_bounded_and_do_not_hold_up_the_end(run: Any, open_client: Any) -> None:
    async def scene() -> None:
        options = CsmsOptions(port=0, faults=Faults(service_time="600s"))
        async with CentralSystem(options) as csms, open_client(csms.url) as client:
            for i in range(MOST_WAITING + 1):
                await client.socket.send(json.dumps([2, str(i), "StatusNotification", STATUS]))
            with pytest.raises(ConnectionClosed, match="1008"):
                await client.socket.recv()
            assert csms.holdings.messages()["StatusNotification"] == MOST_WAITING
            assert not csms.holdings.complaints

    run(scene())


@asynccontextmanager
async def with_api(options: CsmsOptions) -> AsyncIterator[tuple[CentralSystem, str]]:
    async with CentralSystem(options) as csms:
        web = WebServer("127.0.0.1", 0, Api(csms))
        await web.start()
        try:
            yield csms, web.url
        finally:
            await web.stop()


@pytest.mark.socket
def test_faults_are_changed_over_http(run: Any, open_client: Any, http: Any) -> None:
    async def scene() -> None:
        async with with_api(CsmsOptions(port=0)) as (csms, url):
            async with open_client(csms.url) as client:
                assert (await client.call("Heartbeat"))[0] == 3
                status, said = await http(url, "POST", "/faults", {"call_errors": "100%"})
                assert status == 200 and said["faults"]["call_errors"] == 1.0
                assert (await client.call("Heartbeat"))[0] == 4
                await http(url, "POST", "/faults", {"seed": 5})
                assert (await client.call("Heartbeat"))[0] == 4
                await http(url, "POST", "/faults", {"call_errors": 0})
                assert (await client.call("Heartbeat"))[0] == 3
                _, said = await http(url, "GET", "/faults")
                assert said["done"] == {"call_errors": 2}
                assert said["faults"] == {
                    **dict.fromkeys((*ANSWERING, *BOOKING), 0.0),
                    "call_errors": 0,
                    "seed": 5,
                    "service_time": "",
                }
            for body, word in (
                ({"call_errors": "150%"}, "call_errors"),
                ({"call_errors": 1.5}, "call_errors"),
                ({"cal_errors": 1}, "did you mean 'call_errors'"),
                ({"service_time": "soon"}, "lognormal"),
                ({"stall": "1.4"}, "1.4 s"),
                ({"stall": "2h"}, "at most 3600 s"),
                ({"wrong_energy": 0.1}, "--sqlite"),
                ({"drop_answers": 0.6, "wrong_answers": "60%"}, "together"),
            ):
                status, said = await http(url, "POST", "/faults", body)
                assert status == 400 and word in json.dumps(said), (body, said)
            assert not csms.mischief.active

    run(scene())


@pytest.mark.socket
def test_a_stall_freezes_the_whole_process_for_its_time(
    run: Any, http: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        frozen = asyncio.Event()
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            frozen.set()

        monkeypatch.setattr("simulator.csms.central.time.sleep", sleep)
        async with with_api(CsmsOptions(port=0)) as (_, url):
            status, said = await http(url, "POST", "/faults", {"stall": "1.4s"})
            assert status == 200 and said["done"] == {"stall": 1}
            await frozen.wait()
        assert slept == [1.4]

    run(scene())


@pytest.mark.process
@pytest.mark.socket
def test_a_crash_is_a_kill(run: Any, http: Any) -> None:
    csms = EmbeddedCsms(CsmsOptions(port=0, http=0))
    csms.start()
    process = csms._process
    assert process is not None
    status, _ = run(http(csms.http_url, "POST", "/faults", {"crash": True}))
    assert status == 200
    assert process.wait(30) == -signal.SIGKILL
    csms.stop()
    assert csms.holdings is None
