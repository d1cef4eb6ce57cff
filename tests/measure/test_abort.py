"""Clauses that end a run early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.measure.abort import Watch, figure
from simulator.measure.progress import combine
from simulator.measure.recorder import Recorder
from simulator.measure.verdict import ExitCode, Verdict, decide
from simulator.scenario.slo import PATHS, parse_clause, watchable
from simulator.scenario.slo_model import Abort
from simulator.station.ports import CallOutcome

SUMS = {
    **{"now_s": 10.0, "connected": 8, "booted": 6, "planned": 500, "p50_ms": 20.0},
    **{"p95_ms": 900.0, "p99_ms": None, "calls": {"answered": 400, "timeout": 7}},
    **{"answered_lately": 90, "failed_lately": 6, "refused_lately": 4, "opened_lately": 0},
}


def clause(when: str, for_: str = "3s") -> Abort:
    return Abort.model_validate({"when": when, "for": for_})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("errors.ratio > 5 %", 0.1),
        ("p95(*.response) > 1 s", 0.9),
        ("p99(*.response) > 1 s", None),
        ("calls.timeout > 5", 7.0),
        ("calls.planned > 5", 500.0),
        ("stations.connected < 9", 8.0),
        ("stations.booted_ratio < 90 %", 0.6),
    ],
)
def test_each_figure_is_read_off_the_snapshots(text, value):
    assert figure(parse_clause(text), SUMS, 10) == value


@pytest.mark.parametrize("path", PATHS)
def test_whatever_may_be_watched_is_known_while_a_run_lasts(path):
    found = parse_clause(f"{path} > 1" + (" %" if path.endswith("ratio") else ""))
    recorder = Recorder(("Heartbeat",), 2)
    sums = combine([recorder.snapshot(3.0)])
    if watchable(found):
        figure(found, sums, 2)
    else:
        with pytest.raises(ValueError, match="not known while a run lasts"):
            figure(found, sums, 2)


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(1, 6))
def test_a_run_ends_at_the_first_moment_at_which_a_clause_has_held_for_its_time(bad, for_s):
    watch = Watch([clause("errors.ratio > 5 %", f"{for_s}s")], 10)
    said = None
    for second, is_bad in enumerate(bad):
        failed = 50 if is_bad else 0
        why = watch.look(
            SUMS | {"now_s": float(second), "failed_lately": failed, "refused_lately": 0}
        )
        if why and said is None:
            said = second
    wanted = [second for second in range(for_s, len(bad)) if all(bad[second - for_s : second + 1])]
    assert said == (wanted[0] if wanted else None)


def test_where_nothing_was_answered_a_latency_holds_nothing_up():
    watch = Watch([clause("p99(*.response) > 1 s", "1s")], 10)
    assert [watch.look(SUMS | {"now_s": float(t)}) for t in range(5)] == [None] * 5


def test_a_snapshot_that_says_nothing_new_is_not_counted_twice():
    watch = Watch([clause("calls.timeout > 5", "2s")], 10)
    assert not any(watch.look(SUMS | {"now_s": t}) for t in (1.0, 1.0, 2.9, 2.9))
    why = watch.look(SUMS | {"now_s": 3.0})
    assert why == "aborted early at 3 s by slo.abort[0]: calls.timeout > 5 for 2 s (now 7)"


def test_the_verdict_of_an_aborted_run_is_that_it_missed_its_slo():
    decision = decide(aborted="aborted early at 3 s by slo.abort[0]: ...")
    assert decision.verdict is Verdict.SLO_MISSED and decision.exit_code == ExitCode.SLO_MISSED
    assert decision.reasons == ("aborted early at 3 s by slo.abort[0]: ...",)
    assert decide(aborted="why", interrupted="Ctrl-C").verdict is Verdict.INTERRUPTED


def test_the_recorder_knows_what_failed_lately(play):
    recorder = Recorder(("Heartbeat",), 2)
    play(recorder, due=1.0)
    for due in (8.0, 9.0):
        play(recorder, due=due)
    play(recorder, outcome=CallOutcome.TIMEOUT, due=9.0)
    recorder.error(0, "tcp_refused", "nobody", 9.5)
    recorder.connected(0, 9.7)
    sums = combine([recorder.snapshot(11.0)])
    assert [sums[f"{name}_lately"] for name in ("answered", "failed", "refused", "opened")] == [
        *(2, 1, 1, 1)
    ]
    assert figure(parse_clause("errors.ratio > 1 %"), sums, 2) == pytest.approx(2 / 5)
