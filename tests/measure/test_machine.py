from __future__ import annotations

from dataclasses import fields

import pytest

from simulator.measure.machine import MachineSample, remarks
from simulator.measure.measurement import Measurement, merge
from simulator.measure.recorder import Recorder
from simulator.measure.validity import Limits, ValidityRow, check, loosened
from simulator.measure.verdict import ExitCode, decide
from simulator.scenario.live_model import Validity

PHASES = ((0.0, "connect"), (10.0, "measure"), (50.0, "cooldown"))


def seen(*samples: MachineSample) -> Measurement:
    recorder = Recorder((), 1, PHASES)
    for sample in samples:
        recorder.machine(sample)
    return merge([recorder.result(60.0, record_s=1e-6)])


def rows(measurement: Measurement, limits: Limits | None = None) -> dict[str, ValidityRow]:
    return {row.name: row for row in check(measurement, limits)}


def test_one_period_without_processor_in_the_measured_window_is_invalid() -> None:
    row = rows(
        seen(
            MachineSample(0.0, throttled=7, throttled_s=0.5),
            MachineSample(30.0, throttled=8, throttled_s=0.58),
            MachineSample(60.0, throttled=8, throttled_s=0.58),
        )
    )["throttled"]
    assert not row.ok and row.measured == 1.0 and "0.08 s" in row.why
    decision = decide(validity=[row])
    assert decision.exit_code == ExitCode.INVALID and decision.reasons[0].startswith("throttled: 1")


def test_what_was_throttled_before_the_run_or_while_it_closes_does_not_count() -> None:
    measurement = seen(
        MachineSample(-1.0, throttled=2),
        MachineSample(0.0, throttled=7),
        MachineSample(50.0, throttled=7),
        MachineSample(59.0, throttled=9),
    )
    assert rows(measurement)["throttled"].ok
    assert rows(measurement)["throttled"].measured == 0.0


def test_stolen_time_is_a_share_of_all_processors() -> None:
    def run(stolen: float) -> ValidityRow:
        first = MachineSample(0.0, cpu_s=1000.0, steal_s=5.0)
        last = MachineSample(50.0, cpu_s=1100.0, steal_s=5.0 + stolen)
        return rows(seen(first, last))["steal"]

    assert run(4.9).ok and run(4.9).measured == pytest.approx(0.049)
    assert not run(5.1).ok


def test_a_system_that_does_not_tell_is_said_to_and_breaks_no_rule() -> None:
    found = rows(seen(MachineSample(0.0), MachineSample(60.0)))
    assert found["steal"].measured is None and "does not tell" in found["steal"].why
    assert found["throttled"].measured is None and found["throttled"].ok
    assert rows(seen())["steal"].measured is None


def test_what_tcp_lost_is_a_remark_and_no_rule() -> None:
    first = MachineSample(0.0, retransmits=100, listen_drops=3)
    measurement = seen(first, MachineSample(60.0, retransmits=142, listen_drops=3))
    assert [(r.name, r.count) for r in remarks(measurement)] == [("tcp_retransmits", 42)]
    assert not any("tcp" in name for name in rows(measurement))
    assert remarks(seen()) == []


def test_the_scenarios_limits_are_the_rules_unless_it_says_otherwise() -> None:
    table = Validity()
    assert {f.name: getattr(table, f.name) for f in fields(Limits)} == {
        f.name: getattr(Limits(), f.name) for f in fields(Limits)
    }
    assert set(type(table).model_fields) == {f.name for f in fields(Limits)}


@pytest.mark.parametrize("field", fields(Limits), ids=lambda field: field.name)
def test_every_limit_is_looser_in_one_direction_only(field) -> None:
    usual = getattr(Limits(), field.name)
    kinder = usual / 2 if field.name == "sends_achieved" else usual * 2 + 1
    stricter = 1.0 if field.name == "sends_achieved" else usual / 2
    assert [row.name for row in loosened(Limits(**{field.name: kinder}))] == [field.name]
    assert loosened(Limits(**{field.name: stricter})) == []


def test_a_looser_limit_is_told_with_its_default() -> None:
    told = [str(row) for row in loosened(Limits(loop_lag_p99=0.05, cpu_share=0.95, throttled=3))]
    assert told == [
        "loop_lag_p99 50 ms (default 10)",
        "cpu_share 0.95 (default 0.85)",
        "throttled 3 (default 0)",
    ]
