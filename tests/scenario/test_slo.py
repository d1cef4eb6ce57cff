"""SLO clauses: the whole grammar is read, and nothing outside it."""

from __future__ import annotations

import pytest

from simulator.scenario.problems import FieldError
from simulator.scenario.slo import ACTIONS, COUNTS, KINDS, STATISTICS, parse_clause
from simulator.station.versions import TABLES

OPS = ("<", "<=", "=", ">=", ">")


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", [*ACTIONS, "*"])
def test_every_latency_clause_is_read(action: str, kind: str, op: str) -> None:
    for statistic in STATISTICS:
        clause = parse_clause(f"{statistic}({action}.{kind}) {op} 500 ms")
        assert (clause.statistic, clause.actions, clause.kind) == (statistic, (action,), kind)
        assert (clause.op, clause.limit, clause.unit, clause.path) == (op, 0.5, "s", None)


def test_there_are_clauses_for_every_message_that_a_station_sends_and_for_no_other() -> None:
    sent = {action for table in TABLES.values() for action in table.actions}
    assert list(ACTIONS) == sorted(sent)


@pytest.mark.parametrize("path", COUNTS)
def test_every_count_clause_is_read(path: str) -> None:
    clause = parse_clause(f" {path}<=3 ")
    assert (clause.path, clause.op, clause.limit, clause.unit) == (path, "<=", 3.0, "count")
    assert (clause.statistic, clause.actions, clause.kind) == (None, (), None)


def test_the_error_ratio_is_read_as_a_share() -> None:
    clause = parse_clause("errors.ratio < 0.1 %")
    assert clause.limit == pytest.approx(0.001)
    assert clause.unit == "ratio"
    assert clause.text == "errors.ratio < 0.1 %"


@pytest.mark.parametrize(
    ("text", "expected", "meant"),
    [
        ("p98(*.response) < 1 s", "a statistic out of p50", "p99(*.response) < 1 s"),
        (
            "p95(Autorize.response) < 1 s",
            "a message out of Authorize",
            "p95(Authorize.response) < 1 s",
        ),
        ("p95(*.respnse) < 1 s", "a kind of latency out of", "p95(*.response) < 1 s"),
        ("p95(*.response) < 500", "a duration with its unit", "p95(*.response) < 500 s"),
        ("p95(*.response) < 500 kW", "a duration with its unit", None),
        ("p95(*.response) < -1 s", "a limit of 0 or more", None),
        ("error.ratio < 1 %", "a figure out of errors.ratio", "errors.ratio < 1 %"),
        ("errors.ratio < 1 kW", "a ratio such as", None),
        ("calls.timeout < 0.5", "a whole number after '<'", None),
        ("p95(*.response) != 1 s", "a clause such as", None),
        ("fast please", "a clause such as", None),
        ("", "a clause such as", None),
    ],
)
def test_what_is_no_clause_is_refused(text: str, expected: str, meant: str | None) -> None:
    with pytest.raises(FieldError) as caught:
        parse_clause(text)
    assert caught.value.expected.startswith(expected)
    assert caught.value.suggestion == meant


def test_actions_of_several_versions_are_judged_together() -> None:
    clause = parse_clause("p99( StartTransaction | TransactionEvent .response) < 2 s")
    assert clause.actions == ("StartTransaction", "TransactionEvent")
    with pytest.raises(FieldError, match="a message out of") as caught:
        parse_clause("p99(StartTransaction|TransactionEvnt.response) < 2 s")
    assert caught.value.suggestion == "p99(StartTransaction|TransactionEvent.response) < 2 s"
    with pytest.raises(FieldError, match="a message out of"):
        parse_clause("p99(*|Heartbeat.response) < 2 s")
    with pytest.raises(FieldError, match="a clause such as"):
        parse_clause("p99(Heartbeat|.response) < 2 s")
