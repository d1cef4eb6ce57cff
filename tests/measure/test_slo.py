from __future__ import annotations

import pytest

from simulator.measure.keys import Kind
from simulator.measure.measurement import merge
from simulator.measure.recorder import Recorder
from simulator.measure.slo import ClauseResult, evaluate
from simulator.scenario.slo import parse_clause
from simulator.station.ports import CallOutcome

TRANSACTIONS = {"started": 3, "unacknowledged": 0, "lost": None}


@pytest.fixture
def judge(measured):
    def _judge(recorder: Recorder, text: str) -> ClauseResult:
        [result] = evaluate(
            [parse_clause(text)], measured(recorder), TRANSACTIONS, {"booted": 1, "connected": 1}
        )
        return result

    return _judge


def filled(play, n: int = 300, **call) -> Recorder:
    recorder = Recorder((), 1, ((0.0, "measure"), (1000.0, "cooldown")))
    for number in range(n):
        play(recorder, due=number / 10, **call)
    return recorder


def test_a_percentile_under_its_limit_is_met_with_room_to_spare(play, judge) -> None:
    found = judge(filled(play, service=0.1), "p99(Heartbeat.response) < 500 ms")
    assert found.ok
    assert found.value == pytest.approx(0.1, rel=1e-3)
    assert found.margin == pytest.approx(0.4, rel=1e-3)
    assert (found.limit, found.unit, found.n, found.note) == (0.5, "s", 300, "")


def test_a_percentile_over_its_limit_is_missed(play, judge) -> None:
    recorder = filled(play, n=980)
    for _ in range(20):
        play(recorder, service=2.0)
    found = judge(recorder, "p99(*.response) <= 1 s")
    assert not found.ok
    assert found.margin == pytest.approx(-1.0, rel=1e-2)
    assert judge(recorder, "p95(*.response) <= 1 s").ok


def test_timeouts_decide_at_their_age(play, judge) -> None:
    recorder = filled(play, n=290)
    for _ in range(10):
        play(recorder, outcome=CallOutcome.TIMEOUT, service=30.0)
    assert judge(recorder, "p99(*.response) < 5 s").value == pytest.approx(30, rel=1e-3)
    assert not judge(recorder, "p99(*.service) < 5 s").ok


def test_too_few_values_are_judged_by_the_worst_of_them(play, judge) -> None:
    recorder = filled(play, n=50, service=0.1)
    text = "p99(*.response) < 500 ms"
    found = judge(recorder, text)
    assert found.ok
    assert "n too small for p99 (needs 299)" in found.note
    play(recorder, service=0.6)
    found = judge(recorder, text)
    assert (found.ok, found.n) == (False, 51)
    assert found.value == pytest.approx(0.6, rel=1e-3)


def test_p999_needs_2995_values(play, judge) -> None:
    assert "needs 2995" in judge(filled(play, n=2994), "p99.9(*.response) < 1 s").note
    assert judge(filled(play, n=2995), "p99.9(*.response) < 1 s").note == ""


def test_a_lower_limit_is_judged_by_the_smallest_of_too_few_values(play, judge) -> None:
    recorder = filled(play, n=4, service=0.5)
    play(recorder, service=0.1)
    assert not judge(recorder, "p95(*.service) > 200 ms").ok


def test_a_clause_about_what_never_happened_is_not_met(play, judge) -> None:
    found = judge(filled(play), "p95(StopTransaction.response) < 1 s")
    assert (found.ok, found.value, found.n, found.margin) == (False, None, 0, None)
    assert found.note == "no such call was answered"


def test_a_clause_about_what_no_station_can_send_does_not_apply(play, measured) -> None:
    measurement = measured(filled(play))
    clauses = [
        parse_clause("p99(StartTransaction.response) < 2 s"),
        parse_clause("p99(TransactionEvent.response) < 2 s"),
        parse_clause("p99(StartTransaction|Heartbeat.response) < 2 s"),
        parse_clause("p99(*.response) < 2 s"),
        parse_clause("calls.timeout = 0"),
    ]
    never, silent, *others = evaluate(
        clauses, measurement, TRANSACTIONS, sent={"Heartbeat", "TransactionEvent"}
    )
    assert (never.applies, never.ok, never.value, never.n) == (False, True, None, 0)
    assert "no station of this run can send StartTransaction" in never.note
    assert (silent.applies, silent.ok) == (True, False)  # it could have been sent, and was not
    assert all(found.applies and found.ok for found in others)
    assert not evaluate(clauses[:1], measurement, TRANSACTIONS)[0].ok


def test_several_actions_are_judged_as_one(play, measured) -> None:
    recorder = Recorder((), 1, ((0.0, "measure"), (1000.0, "cooldown")))
    for number in range(300):
        play(recorder, action="StartTransaction", due=number / 10, service=0.1)
    for number in range(30):
        play(recorder, action="TransactionEvent", due=number / 10, service=0.9)
    [both] = evaluate(
        [parse_clause("p99(StartTransaction|TransactionEvent.response) < 500 ms")],
        measured(recorder),
        TRANSACTIONS,
    )
    assert (both.ok, both.n) == (False, 330)


def test_calls_still_unanswered_beyond_the_limit_count_against_it(play, judge) -> None:
    recorder = filled(play, n=290)
    for _ in range(10):
        play(recorder, outcome=CallOutcome.CENSORED, service=8.0)
    found = judge(recorder, "p99(*.response) < 5 s")
    assert (found.ok, found.n) == (False, 300)
    assert "10 unanswered at the end" in found.note
    assert not judge(recorder, "p99(*.service) < 5 s").ok


def test_calls_unanswered_for_less_than_the_limit_say_nothing(play, judge) -> None:
    recorder = filled(play, n=300)
    for _ in range(10):
        play(recorder, outcome=CallOutcome.CENSORED, service=0.2)
    found = judge(recorder, "p99(*.response) < 5 s")
    assert (found.ok, found.n, found.note) == (True, 300, "")


def test_calls_never_written_count_against_a_limit_on_the_queue(play, judge) -> None:
    recorder = filled(play, n=300)
    for _ in range(10):
        call = {"written": False, "queue": 9.0, "service": 0.0, "protocol": 9.0}
        play(recorder, outcome=CallOutcome.CENSORED, **call)
    assert not judge(recorder, "p99(*.queue) < 1 s").ok


def test_callerrors_do_not_make_a_percentile_look_better(play, judge) -> None:
    recorder = filled(play, n=300, service=0.4)
    for _ in range(3000):
        play(recorder, outcome=CallOutcome.CALLERROR, service=0.001)
    assert judge(recorder, "p50(*.response) < 100 ms").value == pytest.approx(0.4, rel=1e-3)


def test_the_error_ratio_is_of_calls_that_were_decided(play, judge) -> None:
    recorder = filled(play, n=997)
    for outcome in (CallOutcome.CALLERROR, CallOutcome.TIMEOUT, CallOutcome.CONNECTION_LOST):
        play(recorder, outcome=outcome)
    play(recorder, outcome=CallOutcome.SKIPPED)
    play(recorder, outcome=CallOutcome.CENSORED)
    found = judge(recorder, "errors.ratio < 0.1 %")
    assert (found.ok, found.value, found.n, found.unit) == (False, 0.003, 1000, "ratio")
    assert judge(recorder, "errors.ratio < 0.5 %").ok


def test_an_error_ratio_of_nothing_is_not_met(judge) -> None:
    found = judge(Recorder((), 1), "errors.ratio < 1 %")
    assert (found.ok, found.note) == (False, "no call and no connection was tried")


def test_connections_that_fail_count_in_the_error_ratio(play, judge) -> None:
    recorder = filled(play, n=6)
    recorder.connect_step("upgrade", 0.001)
    recorder.error(0, "tcp_refused", "Connection refused", 1.0)
    recorder.error(0, "http_5xx", "503", 2.0)
    recorder.error(0, "ws_close", "1001 going away", 3.0)
    recorder.error(0, "call_timeout", "no answer to Heartbeat", 4.0)
    found = judge(recorder, "errors.ratio < 1 %")
    assert (found.ok, found.n) == (False, 9)
    assert found.value == pytest.approx(2 / 9)
    assert found.note == "2 attempts at a connection failed among them"


def test_with_every_shard_lost_a_ratio_is_not_met_rather_than_an_accident() -> None:
    clauses = [parse_clause("errors.ratio < 1 %"), parse_clause("stations.booted_ratio >= 99 %")]
    found = evaluate(clauses, merge([]), TRANSACTIONS, {"asked": 10, "booted": 0})
    assert [(row.ok, row.n) for row in found] == [(False, 0), (False, 10)]


@pytest.mark.parametrize(("booted", "ok"), [(1000, True), (999, True), (998, False)])
def test_stations_that_the_csms_never_accepts_miss_the_slo(booted: int, ok: bool) -> None:
    [found] = evaluate(
        [parse_clause("stations.booted_ratio >= 99.9 %")],
        merge([]),
        TRANSACTIONS,
        {"asked": 1000, "booted": booted},
    )
    assert (found.ok, found.value, found.unit) == (ok, booted / 1000, "ratio")


def test_counts_are_judged(play, judge) -> None:
    recorder = filled(play, n=10)
    play(recorder, outcome=CallOutcome.TIMEOUT)
    assert judge(recorder, "transactions.unacknowledged = 0").ok
    assert not judge(recorder, "transactions.started = 0").ok
    assert not judge(recorder, "calls.timeout <= 0").ok
    assert judge(recorder, "calls.answered >= 10").ok
    assert judge(recorder, "stations.booted = 1").ok


def test_a_count_that_nobody_knows_is_not_met(play, judge) -> None:
    found = judge(filled(play), "transactions.at_risk_of_duplicate = 0")
    assert (found.ok, found.note) == (False, "transactions.at_risk_of_duplicate is not known")


def test_calls_due_in_the_cooldown_are_left_out(play, judge) -> None:
    recorder = filled(play, n=300)
    for number in range(100):
        play(recorder, due=2000.0 + number, service=20.0)
    found = judge(recorder, "max(*.response) < 1 s")
    assert (found.ok, found.n) == (True, 300)


def test_mean_and_max_are_exact(play, judge) -> None:
    recorder = filled(play, n=9, service=0.1)
    play(recorder, service=1.1)
    assert judge(recorder, "mean(*.response) <= 200 ms").value == pytest.approx(0.2, rel=1e-9)
    assert judge(recorder, "max(*.response) < 1 s").value == pytest.approx(1.1, rel=1e-9)


def test_a_step_of_calls_is_judged_by_the_calls_name_from_when_it_was_due(judge) -> None:
    recorder = Recorder((), 1, ((0.0, "measure"),))
    for number in range(100):
        recorder.api_step("cap one.command", 0, number, number + 0.2, number + 0.1)
    found = judge(recorder, "p95(cap one.command) < 500 ms")
    assert found.ok and found.n == 100 and found.value == pytest.approx(0.2, rel=1e-2)
    missing = judge(recorder, "p95(cap one.power) < 500 ms")
    assert not missing.ok and missing.note == "nothing of that kind was seen"
    assert not judge(recorder, "p95(*.response) < 500 ms").n  # stations' calls are others


def test_commands_that_did_not_come_are_over_the_limit(judge) -> None:
    recorder = Recorder((), 1, ((0.0, "measure"),))
    for number in range(90):
        recorder.api_step("cap.command", 0, number, number + 0.2, number + 0.1)
    for number in range(10):
        recorder.api_step("cap.command", 0, number, number + 30.0, number + 0.1, Kind.CENSORED)
    found = judge(recorder, "p95(cap.command) < 500 ms")
    assert not found.ok and found.n == 100
    assert found.note == "10 did not come, or not before the end, longer than the limit"
    assert judge(recorder, "p95(cap.command) < 40 s").n == 90
