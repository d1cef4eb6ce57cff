from __future__ import annotations

import pytest

from simulator.measure.slo import ClauseResult
from simulator.measure.validity import ValidityRow
from simulator.measure.verdict import EXIT_CODES, ExitCode, Verdict, decide, exit_code

MET = ClauseResult("p50(*.response) < 1 s", 0.5, 1.0, "s", 0.5, 10, True, "")
MISSED = ClauseResult("errors.ratio < 1 %", 0.02, 0.01, "ratio", -0.01, 100, False, "a note")
ASIDE = ClauseResult("p50(X.response) < 1 s", None, 1.0, "s", None, 0, True, "not so", False)
VALID = ValidityRow("loop_lag_p99", 10.0, 1.0, "ms", True, "shard 0")
LATE = ValidityRow("loop_lag_p99", 10.0, 25.0, "ms", False, "shard 1: p99 of 9 probes")


def test_pass_needs_every_clause() -> None:
    assert decide(validity=[VALID], clauses=[MET, MET]).verdict is Verdict.PASS
    assert decide(validity=[VALID], clauses=[MET, MISSED]).verdict is Verdict.SLO_MISSED


def test_without_clauses_there_is_nothing_to_pass() -> None:
    decision = decide(validity=[VALID])
    assert (decision.verdict, decision.exit_code) == (Verdict.NO_SLO, 0)


def test_a_clause_that_does_not_apply_passes_nothing_and_is_named() -> None:
    decision = decide(validity=[VALID], clauses=[MET, ASIDE])
    assert decision.verdict is Verdict.PASS
    assert decision.reasons == (
        "all 1 clauses of the SLO that apply are met",
        "p50(X.response) < 1 s: not so",
    )
    assert decide(validity=[VALID], clauses=[MISSED, ASIDE]).verdict is Verdict.SLO_MISSED
    alone = decide(validity=[VALID], clauses=[ASIDE])
    assert alone.verdict is Verdict.NO_SLO
    assert "p50(X.response) < 1 s: not so" in alone.reasons


def test_invalid_beats_the_slo_and_the_reasons_of_both_are_given() -> None:
    for clause in (MET, MISSED):
        assert decide(validity=[LATE], clauses=[clause]).verdict is Verdict.INVALID
    assert decide(validity=[LATE], clauses=[MISSED]).reasons == (
        "loop_lag_p99: 25 ms, limit 10 (shard 1: p99 of 9 probes)",
        "errors.ratio < 1 %: 0.02 ratio (a note)",
    )
    assert decide(validity=[LATE]).verdict is Verdict.INVALID


def test_the_gravest_wins() -> None:
    everything = {
        "validity": [LATE],
        "clauses": [MISSED],
        "lost_shards": ["shard 2 died"],
        "unreachable": "nobody listens on 127.0.0.1:1",
        "interrupted": "Ctrl-C after 3 s",
    }
    order = ["interrupted", "unreachable", "lost_shards", "validity", "clauses"]
    verdicts = []
    for name in order:
        verdicts.append(str(decide(**everything).verdict))
        del everything[name]
    assert verdicts == [
        "INTERRUPTED",
        "TARGET_UNREACHABLE",
        "SHARD_LOST",
        "INVALID",
        "SLO_MISSED",
    ]


def test_an_empty_reason_still_counts() -> None:
    assert decide(interrupted="").verdict is Verdict.INTERRUPTED


def test_every_verdict_has_its_exit_code() -> None:
    assert {str(verdict): exit_code(verdict) for verdict in Verdict} == {
        "PASS": 0,
        "NO_SLO": 0,
        "SLO_MISSED": 2,
        "INVALID": 3,
        "SHARD_LOST": 5,
        "TARGET_UNREACHABLE": 4,
        "INTERRUPTED": 130,
        "INTERNAL_ERROR": 70,
    }
    assert set(EXIT_CODES) == set(Verdict)
    assert ExitCode.USAGE == 1


def test_an_unknown_verdict_has_none() -> None:
    with pytest.raises(ValueError, match="SPLENDID"):
        exit_code("SPLENDID")


def test_a_value_that_is_not_known_is_called_so() -> None:
    row = ValidityRow("loop_lag_p99", 10.0, None, "ms", False, "never ran")
    assert decide(validity=[row]).reasons == ("loop_lag_p99: unknown ms, limit 10 (never ran)",)
