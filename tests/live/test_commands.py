"""Which command belongs to which call, what is counted of it, and when calls are made."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.callplan import Calls
from simulator.fleet.identity import TokenPools
from simulator.live.apicalls import ApiRules, Template
from simulator.live.caller import AHEAD_S, Caller, Order
from simulator.live.commanded import add_up, called, command_rows, fan_row
from simulator.live.commands import Commands
from simulator.live.http import Reply, Request, Server
from simulator.live.target import Address
from simulator.live.wishes import Fan, Wish
from simulator.measure.keys import API, Kind
from simulator.measure.measurement import merge, select
from simulator.measure.recorder import Recorder
from simulator.measure.validity import check

NOWHERE = Server(Address(2, ("127.0.0.1", 1)), "127.0.0.1:1")
CALL = Request("POST", "/")


class Client:
    """Takes requests and answers none by itself."""

    def __init__(self, *_) -> None:
        self.sent = []

    def send(self, request, written, done) -> None:
        self.sent.append((request, written, done))

    async def close(self) -> None:
        pass


class Meter:
    """Stations whose power somebody sets."""

    def __init__(self) -> None:
        self.watts = 7000.0

    def power_w(self, station, now) -> float:
        return self.watts


def played(story, rules=None):
    """Run a story with commands on a clock of its own; (commands, recorder)."""
    clock = SimpleNamespace(now=0.0)
    recorder = Recorder((), 8, ((0.0, "measure"),))
    meter = Meter()

    async def play():
        rule = rules or ApiRules(NOWHERE, "", None, embedded=True)
        versions = ("1.6", "2.0.1") * 4
        ids = tuple(f"CP{n}" for n in range(8))
        made = Commands(rule, ids, versions, lambda: clock.now, recorder, meter)
        made._client = Client()
        story(made, clock, meter)
        await made.close()
        return made

    return asyncio.run(play()), recorder


def wish(station=0, due=0.0, action="Reset", name="x", **more) -> Wish:
    return Wish(name, station, due, action, **more)


def frame(action, payload, number="9") -> bytes:
    return json.dumps([2, number, action, payload]).encode()


def times(recorder, name, kind=Kind.RESPONSE):
    return select(recorder.result(0.0, record_s=0.0).histograms, kind, name, (), API)


# -- matching -------------------------------------------------------------------------------------

asked = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(("Reset", "ClearCache"))), min_size=1, max_size=12
)


@given(asked, st.randoms(use_true_random=False), st.booleans())
def test_commands_that_tell_which_call_they_are_of_are_matched_to_it(wishes, random, all_come):
    came = [n for n in range(len(wishes)) if all_come or random.random() < 0.7]
    random.shuffle(came)

    def story(made, clock, _):
        for n, (station, action) in enumerate(wishes):
            made.follow(wish(station, float(n), action, f"w{n}", about={"n": n}), float(n), CALL)
        for place, n in enumerate(came):
            clock.now = 20.0 + place * 0.1
            made.look(wishes[n][0], clock.now, frame(wishes[n][1], {"n": n, "more": True}))
            made.look(wishes[n][0], clock.now, frame(wishes[n][1], {"n": n}))  # repeated: nobody's

    made, recorder = played(story)
    for n in range(len(wishes)):
        counts = made.counts[f"w{n}"]
        assert counts["asked"] == counts["delivered"] + counts["censored"] == 1
        assert counts["delivered"] == (n in came)
        assert times(recorder, f"w{n}.command").n == (n in came)
        assert times(recorder, f"w{n}.command", Kind.CENSORED).n == (n not in came)
    for place, n in enumerate(came):
        late_us = times(recorder, f"w{n}.command").max_us
        assert late_us == pytest.approx((20.0 + place * 0.1 - n) * 1e6, rel=2e-3)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), max_size=30))
def test_no_command_counts_twice_and_asked_is_always_the_sum(steps) -> None:
    """Calls and commands in any order, the latter by EVSE alone (0: of the station)."""
    fitting = 0

    def story(made, clock, _):
        nonlocal fitting
        for number, (station, evse, command) in enumerate(steps):
            clock.now = number * 4.0
            made._give_up()
            if command:
                before = made.totals()["delivered"] + made.count("x")["late"]
                made.look(station, clock.now, frame("Reset", {"connectorId": evse}))
                fitting += made.totals()["delivered"] + made.count("x")["late"] - before
            else:
                made.follow(wish(station, clock.now, evse=evse), clock.now, CALL)

    made, recorder = played(story)
    counts = made.count("x")
    assert counts["asked"] == counts["delivered"] + counts["not_delivered"] + counts["censored"]
    assert counts["late"] <= counts["not_delivered"]
    assert counts["delivered"] + counts["late"] == fitting <= sum(step[2] for step in steps)
    assert times(recorder, "x.command").n == counts["delivered"]
    assert times(recorder, "x.late").n == counts["late"]


def test_a_command_in_time_is_not_taken_for_one_that_was_given_up() -> None:
    def story(made, clock, _):
        made.follow(wish(due=0.0), 0.0, CALL)
        clock.now = 31.0
        made._give_up()
        made.follow(wish(due=31.0), 31.0, CALL)
        made.look(0, 31.5, frame("Reset", {}))
        made.look(0, 32.0, frame("Reset", {}))

    made, recorder = played(story)
    counts = made.count("x")
    assert (counts["delivered"], counts["not_delivered"], counts["late"]) == (1, 1, 1)
    assert times(recorder, "x.command").max_us == pytest.approx(0.5e6, rel=2e-3)
    assert times(recorder, "x.late").max_us == pytest.approx(32e6, rel=2e-3)


# -- answers and effects --------------------------------------------------------------------------


def reply(payload, kind=3) -> bytes:
    return json.dumps([kind, "9", payload] if kind == 3 else [4, "9", payload, "", {}]).encode()


@pytest.mark.parametrize(
    ("answer", "watts", "counted"),
    [
        (reply({"status": "Accepted"}), 4000.0, {"power": 1, "status_Accepted": 1}),
        (reply({"status": "Accepted"}), 7000.0, {"unchanged": 1, "status_Accepted": 1}),
        (reply({"status": "Rejected"}), 7000.0, {"refused": 1, "status_Rejected": 1}),
        (reply("NotSupported", 4), 7000.0, {"refused": 1, "status_CALLERROR NotSupported": 1}),
    ],
)
def test_power_that_changes_with_a_command_is_its_effect(answer, watts, counted) -> None:
    def story(made, clock, meter):
        made.follow(wish(due=1.0, action="SetChargingProfile", effect="power"), 1.0, CALL)
        made.look(0, 1.2, frame("SetChargingProfile", {}))
        meter.watts = watts
        made.replied(0, 1.3, answer)
        clock.now = 1.4
        made.settled(0, 1.2)

    made, recorder = played(story)
    always = {"asked": 1, "delivered": 1, "api_calls": 1}
    assert +made.count("x") == always | counted
    assert times(recorder, "x.answered").max_us == pytest.approx(0.3e6, rel=2e-3)
    assert times(recorder, "x.power").n == counted.get("power", 0)


def test_an_effect_that_does_not_come_is_noted_and_forgotten() -> None:
    def story(made, clock, _):
        for key in (("ended", 1), ("ended", 2)):
            made.follow(wish(effect="ended", key=key, about={"t": key[1]}), 0.0, CALL)
            made.look(0, 0.5, frame("Reset", {"t": key[1]}, f"{key[1]}"))
        assert not made.effect(0, 0.6, ("ended", 3))
        assert made.effect(0, 0.6, ("ended", 2))
        assert not made.effect(0, 0.7, ("ended", 2))
        clock.now = 91.0
        made._give_up()
        assert not made._open

    made, recorder = played(story)
    assert (made.count("x")["ended"], made.count("x")["no_effect"]) == (1, 1)
    assert times(recorder, "x.ended").n == 1


def test_an_api_that_fails_is_not_mixed_with_one_that_answers() -> None:
    def story(made, _, __):
        for station in range(4):
            made.follow(wish(station), 0.0, CALL)
        for (_, written, done), answer in zip(
            made._client.sent,
            [Reply(200, "", 0.5), Reply(503, "", 0.1), Reply(0, "timeout", 30.0)],
            strict=False,
        ):
            written(0.01)
            done(answer)
        made._client.sent[3][2](Reply(0, "refused", 0.2))

    made, recorder = played(story)
    counts = made.count("x")
    assert [counts[f"api_{n}"] for n in ("answered", "http_503", "timeout", "refused")] == [1] * 4
    assert times(recorder, "x.api").n == 2  # a timeout at its age
    assert times(recorder, "x.api").max_us == pytest.approx(30e6, rel=2e-3)
    assert times(recorder, "x.api", Kind.ERROR_RESPONSE).n == 2
    assert times(recorder, "x.api", Kind.QUEUE).n == 3


# -- when calls are made --------------------------------------------------------------------------

EVSES = 2


class Sight:
    """Four stations of two EVSEs: 2 is gone, 1 has a transaction at EVSE 2, 3 has no place."""

    def accepted(self, station):
        return station != 2

    def transaction(self, station, evse):
        return (2, 5, 77) if station == 1 else None

    def startable(self, station, evse):
        return None if station == 3 else evse

    def power_w(self, station, now):
        return 0.0


def order(action, **changes) -> Order:
    fields = {
        "name": action,
        "action": action,
        "words": {"1.6": action, "2.0.1": action},
        "request": None,
        "payload": None,
        "limits_w": (11_000.0, 6_000.0),
        "broadcast": False,
        "one_call": False,
    }
    return Order(**fields | changes)


def plan():
    return SimpleNamespace(
        ids=tuple(f"CP{n}" for n in range(4)),
        versions=("1.6",) * 4,
        sites=("yard",),
        site=np.zeros(4, np.int32),
        ordinal=np.arange(1, 5),
        evse_position=np.arange(4) * EVSES,
        tokens=TokenPools(1),
    )


def four(due=0.0, leads=2) -> Calls:
    return Calls(
        np.full(4, due),
        np.zeros(4, np.int32),
        np.arange(1, 5, dtype=np.int32),
        np.arange(4, dtype=np.int32),
        np.ones(4, np.int32),
        np.arange(4, dtype=np.int32),
        np.array([leads, 0, 0, 0], np.int8),
    )


def made_of(asked_for: Order, calls: Calls, rules=None, now: float = 0.0):
    """The requests that a caller makes by ``now``, and what is counted."""
    seen = []

    def story(made, clock, _):
        clock.now = now
        use = rules or ApiRules(NOWHERE, "/api", None, embedded=True)
        caller = Caller((asked_for,), calls, plan(), use, made, Sight(), lambda: clock.now)
        caller._play()
        caller.stop()
        seen.extend(request for request, _, _ in made._client.sent)

    made, _ = played(story)
    return seen, made.count(asked_for.name)


def test_who_cannot_be_commanded_is_skipped_and_counted() -> None:
    sent, counts = made_of(order("RemoteStart"), four())
    assert counts["planned"] == 4 == counts["asked"] + 2
    assert counts["skipped_not_in_operation"] == counts["skipped_no_free_evse"] == 1
    body = json.loads(sent[1].body)
    assert sent[1].target == "/api/stations/CP1/commands" and body["payload"]["connectorId"] == 1
    sent, counts = made_of(order("RemoteStop"), four())
    assert counts["skipped_no_transaction"] == 2 and len(sent) == 1
    assert json.loads(sent[0].body)["payload"] == {"transactionId": 77}


def test_limits_take_turns_and_a_call_for_one_evse_names_it() -> None:
    sent, _ = made_of(order("SetChargingProfile"), four())
    said = [json.loads(request.body)["payload"] for request in sent]
    limits = [
        row["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
        for row in said
    ]
    assert limits == [11_000.0, 6_000.0, 6_000.0] and {row["connectorId"] for row in said} == {1}
    sent, _ = made_of(order("SetChargingProfile", broadcast=True), four())
    assert {json.loads(r.body)["payload"]["connectorId"] for r in sent} == {0}


def test_stations_wait_for_a_broadcast_before_its_one_call_is_made() -> None:
    everybody = order("ClearCache", broadcast=True, one_call=True)
    sent, counts = made_of(everybody, four(due=10.0), now=10.0 - AHEAD_S)
    assert not sent and (counts["planned"], counts["asked"]) == (4, 3)
    sent, counts = made_of(everybody, four(due=10.0), now=10.0)
    assert [request.target for request in sent] == ["/api/broadcast"] and counts["asked"] == 3
    assert json.loads(sent[0].body)["version"] == "1.6"
    sent, counts = made_of(everybody, four(due=10.0, leads=0), now=10.0)
    assert not sent and counts["asked"] == 3  # another shard makes it
    foreign = order(
        "ClearCache", broadcast=True, one_call=True, request=Template("POST", "/clear", "")
    )
    assert len(made_of(foreign, four(due=10.0), now=10.0)[0]) == 1
    assert not made_of(foreign, four(due=10.0, leads=1), now=10.0)[0]  # one for all versions


def test_another_csms_is_asked_in_the_words_of_the_scenario() -> None:
    request = Template("PUT", "/cp/{station}/{connector}", '{"w": {limit_w}, "n": {n}}')
    rules = ApiRules(NOWHERE, "/v1", None, ("X-Key", "k"))
    sent, _ = made_of(order("SetChargingProfile", request=request), four(), rules)
    assert (sent[1].method, sent[1].target) == ("PUT", "/v1/cp/CP1/1")
    assert json.loads(sent[1].body) == {"w": 6000, "n": 2} and ("X-Key", "k") in sent[1].headers


def test_the_most_that_is_open_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr("simulator.live.caller.MOST_OPEN", 2)
    sent, counts = made_of(order("ClearCache"), four())
    assert len(sent) == 2 and counts["skipped_overflow"] == 1


# -- what is told of it ---------------------------------------------------------------------------


def finals(*parts):
    """Shards with what they counted and their broadcasts."""
    return SimpleNamespace(
        finals=[SimpleNamespace(commands=counts, fans=fans) for counts, fans in parts]
    )


def fan(due, asked, *seen):
    found = Fan(due, asked)
    found.seen_s.extend(seen)
    return found


def test_a_broadcast_is_told_over_all_shards() -> None:
    rows = fan_row([fan(15.0, 3, 0.2, 0.1, 0.9), fan(15.0, 18, *[0.3] * 17)])
    assert rows == {
        "due_s": 15.0,
        "asked": 21,
        "seen": 20,
        "first_ms": 100.0,
        "median_ms": 300.0,
        "p95_ms": 300.0,
        "last_ms": 900.0,
    }
    assert fan_row([fan(1.0, 2)])["last_ms"] is None


def test_counts_that_do_not_add_up_make_a_run_invalid() -> None:
    made, recorder = played(lambda made, *_: made.follow(wish(), 0.0, CALL))
    measured = merge([recorder.result(1.0, record_s=0.0)])
    right = command_rows((order("Reset", name="x"),), finals((made.counts, {})), measured)
    (row,) = add_up(right)
    assert row.name == "commands_add_up" and not row.ok and "x: 1 asked" in row.why  # not planned
    made.counts["x"]["planned"] = 3
    made.counts["x"]["skipped_no_transaction"] = 2
    (row,) = add_up(command_rows((order("Reset", name="x"),), finals((made.counts, {})), measured))
    assert row.ok
    assert add_up(command_rows((), finals(({}, {})), measured)) == []
    assert called(right.calls)[0].startswith("what stations send because the CSMS was asked")


def test_a_generator_that_is_late_at_its_calls_is_not_to_be_trusted() -> None:
    def late(seconds):
        def story(made, *_):
            for n in range(100):
                made.follow(wish(due=float(n)), n + seconds, CALL)

        measured = merge([played(story)[1].result(1.0, record_s=0.0)])
        return next(row for row in check(measured) if row.name == "api_wait_p99")

    assert late(0.01).ok and not late(0.05).ok
    nobody = merge([Recorder((), 1).result(1.0, record_s=0.0)])
    assert not [row for row in check(nobody) if row.name == "api_wait_p99"]


def test_what_is_over_is_not_kept_in_memory() -> None:
    def story(made, clock, _):
        for n in range(500):
            clock.now = n * 0.01
            made.follow(wish(n % 8, clock.now, about={"n": n}), clock.now, CALL)
            made.look(n % 8, clock.now, frame("Reset", {"n": n}, str(n)))
            assert made.open == 0
            made.replied(n % 8, clock.now, json.dumps([3, str(n), {}]).encode())
        assert len(made._due) <= 1 and not made._kept and not made._open

    made, _ = played(story)
    assert made.count("x")["answered"] == made.count("x")["delivered"] == 500
