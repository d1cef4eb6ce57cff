"""The row of each step: drained or not, VALID or not, and which step is the largest good one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.steps import Step
from simulator.live.stepboard import StepBoard
from simulator.live.steprows import Backlog, capacity, capacity_words, drained, line, step_rows
from simulator.measure.measurement import merge
from simulator.measure.progress import combine
from simulator.measure.recorder import Recorder
from simulator.scenario.slo import parse_clause
from simulator.station.ports import CallOutcome

CLAUSES = [parse_clause("p95(*.response) < 500 ms"), parse_clause("stations.booted >= 1")]
STEPS = (
    Step(1, "step", 0.0, 20.0, 10, 1.0, ("measure-1",)),
    Step(2, "step", 20.0, 40.0, 20, 1.0, ("measure-2",)),
    Step(3, "back", 40.0, 60.0, 10, 1.0, ("change-3",)),
)
PHASES = ((0.0, "measure-1"), (20.0, "measure-2"), (40.0, "change-3"))


def played(service: dict[int, float], until: float = 60.0, per_s: int = 20) -> Recorder:
    """A healthy generator; calls due in each step take so long."""
    recorder = Recorder(("Heartbeat",), 1, PHASES)
    cpu = 0.0
    for tick in range(int(until * per_s)):
        due = (tick + 0.5) / per_s
        if tick % per_s == 0:
            recorder.cpu(due, cpu := cpu + 0.01)
            recorder.snapshot(due)
        recorder.lag(0.0005)
        recorder.call_planned(0, "Heartbeat", due, 1)
        took = service[min(int(due // 20.0), 2)]
        recorder.call_finished(
            0, "Heartbeat", CallOutcome.ANSWERED, due, due, due + took, 0.0, 0.0, ""
        )
    return recorder


def rows_of(*recorders: Recorder, until: float = 60.0):
    return step_rows(STEPS, merge([r.result(until, record_s=1e-6) for r in recorders]), CLAUSES)


def test_the_largest_step_that_met_the_slo_is_named():
    rows = rows_of(played({0: 0.01, 1: 0.6, 2: 0.01}))
    assert [row.slo for row in rows] == [True, False, True]
    assert [row.valid for row in rows] == [True] * 3, [row.broken for row in rows]
    assert capacity(rows) is rows[0]
    told = capacity_words(rows, has_slo=True)
    assert told == (
        "the largest step that met the SLO, drained and was VALID is step 1: 10 stations,"
        " 20 calls per second"
    )
    assert [row.p50_ms for row in rows] == pytest.approx([10.0, 600.0, 10.0], rel=1e-3)
    assert [row.asked_per_s for row in rows] == [20.0] * 3
    assert line(rows[1]).endswith("errors 0  drained  VALID  SLO missed")


def test_two_shards_add_up_in_each_row():
    one, two = played({0: 0.01, 1: 0.02, 2: 0.01}), played({0: 0.03, 1: 0.02, 2: 0.01})
    rows = rows_of(one, two)
    assert [row.n for row in rows] == [800, 800, 800]
    assert [row.asked_per_s for row in rows] == [40.0] * 3
    assert capacity(rows) is rows[1]
    assert capacity_words(rows, has_slo=True).endswith("; nothing larger was tried")


def test_a_step_in_which_the_generator_was_late_does_not_count():
    recorder = played({0: 0.01, 1: 0.01, 2: 0.01}, until=20.0)
    late = played({0: 0.01, 1: 0.01, 2: 0.01})
    late.snapshot(25.0)
    for _ in range(20):
        late.lag(0.05)
    assert recorder.loop_lag.n
    shard = late.result(60.0, record_s=1e-6)
    rows = step_rows(STEPS, merge([shard]), CLAUSES)
    assert [row.valid for row in rows] == [True, False, True]
    assert rows[1].broken == ("loop_lag_p99",) and capacity(rows) is rows[0]


def test_a_run_that_ended_early_has_the_rows_of_the_steps_that_were_over():
    assert [r.step for r in rows_of(played({0: 0.01, 1: 0.01}, until=25.0), until=25.0)] == [1]


def test_without_a_slo_or_a_level_nothing_is_called_capacity():
    rows = rows_of(played({0: 0.01, 1: 0.01, 2: 0.01}))
    assert "requires nothing" in capacity_words([replace(r, slo=None) for r in rows], has_slo=False)
    assert "no step stayed at one level" in capacity_words(rows[2:], has_slo=True)
    bad = [replace(row, drained=False) for row in rows]
    assert capacity_words(bad, has_slo=True) == "no step met the SLO, drained and was VALID"


def course(rate: float, able: float, response_s: float, length: int = 60) -> Backlog:
    """The backlog of a CSMS that answers ``able`` calls a second, and takes that long for each."""
    t = np.arange(1, length + 1, dtype=np.float64)
    behind = np.maximum(rate - able, 0.0) * t
    return Backlog(t, behind + min(rate, able) * response_s)


@given(st.floats(1, 5000), st.floats(0.0, 2.0))
def test_a_csms_that_keeps_up_is_drained_however_slow_it_is(rate, response_s):
    assert drained(rate, course(rate, rate * 2.0, response_s).edges(0.0, 60.0))


@given(st.floats(5, 5000), st.floats(0.0, 0.9), st.floats(0.0, 0.2))
def test_a_csms_that_falls_behind_is_not(rate, share, response_s):
    assert not drained(rate, course(rate, rate * share, response_s).edges(0.0, 60.0))


def test_a_backlog_that_was_there_and_is_worked_off_is_drained():
    t = np.arange(1, 61, dtype=np.float64)
    assert drained(100.0, Backlog(t, np.maximum(500.0 - 20.0 * t, 1.0)).edges(0.0, 60.0))
    assert drained(1.0, Backlog(np.zeros(0), np.zeros(0)).edges(0.0, 60.0))


def test_the_board_prints_each_row_once_its_shards_have_told_of_it():
    said: list[str] = []
    board = StepBoard(STEPS, CLAUSES, said.append)
    shards = [played({0: 0.01, 1: 0.01, 2: 0.01}, until=22.0) for _ in range(2)]
    for number, shard in enumerate(shards):
        shard.shard = number
    sums = combine([shard.snapshot(21.5) for shard in shards])
    board.hear(shards[0].finished_phases(21.5))
    board.look(21.5, sums, 2)
    assert said == []
    board.hear(shards[1].finished_phases(21.5))
    board.look(21.7, sums, 2)
    board.look(21.9, sums, 2)
    (row,) = said
    assert row.startswith("step 1 step 0-20 s  stations 0/10  demand x1  40 asked 40 sent /s")


def test_the_board_does_not_wait_for_ever_for_a_shard():
    said: list[str] = []
    board = StepBoard(STEPS, CLAUSES, said.append)
    shard = played({0: 0.01, 1: 0.01, 2: 0.01}, until=24.0)
    sums = combine([shard.snapshot(23.0)])
    board.hear(shard.finished_phases(23.0))
    board.look(23.0, sums, 2)
    assert said == []
    board.look(24.5, sums, 2)
    assert len(said) == 1
