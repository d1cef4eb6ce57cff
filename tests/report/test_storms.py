"""What the report says of storms: the table, the course, and what must be said of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from simulator.report import brief, render

STORM = {
    "number": 0,
    "kind": "csms_restart",
    "source": "emulated",
    "emulated": True,
    "at_s": 40.0,
    "back_s": 50.0,
    "phase_end_s": 80.0,
    "close": "fin",
    "back_off": "spec",
    "stations_hit": 1000,
    "in_operation_before": 998,
    "lost_connection": 998,
    "lowest": 3,
    "to_95_s": 14.21,
    "to_100_s": 22.6,
    "retry_amplification": 1.26,
    "peak_accepts_per_s": 123,
    "peak_boots_per_s": 0,
    "backlog_before": 3,
    "backlog_peak": 879,
    "backlog_cleared_s": 16.0,
    "transactions_unacknowledged": 0,
    "deed": None,
    "notes": ["Emulated: nothing happened to the target; the stations did it to themselves."],
}
SECONDS = [
    {
        "storm": 0,
        "kind": "csms_restart",
        "second": 40 + n,
        "operating": 10 * n,
        "connected": 11 * n,
        "attempts": n,
        "accepted": n,
        "booted": 0,
        "backlog": 100 - n,
        "calls": 5 * n,
    }
    for n in range(60)
]


@pytest.fixture
def stormy(live_run):
    """A live run whose summary has this storm."""

    def make(name="stormy", **changes) -> Path:
        summary = json.loads((live_run(f"{name}-first", tables=False) / "summary.json").read_text())
        summary |= {
            "storms": [STORM | changes],
            "storm_latency_ms": {
                "*": {
                    "response": {"n": 400, "p50": 6.6, "p95": 12900.0, "p99": 16859.0, "max": 2e4}
                }
            },
            "prediction": summary["prediction"] | {"stations_not_judged": 998},
        }
        from simulator.store.tables import write_parquet

        run = live_run(name, summary=summary)
        write_parquet(run, "storms", SECONDS)
        return run

    return make


def text_of(run: Path) -> str:
    render(run)
    text = (run / "report.md").read_text("utf-8").replace("\u202f", " ")
    return re.sub(r"\\(.)", r"\1", text)


def test_a_storm_is_on_the_first_screen_and_on_the_terminal(stormy) -> None:
    run = stormy()
    text = text_of(run)
    row = (
        r"\| csms restart at 40 s .*\| 1 000 \| 3 \| 14.2 s \| 22.6 s \| 1.26 \| 123 \| 879 \| 0 \|"
    )
    assert re.search(row, text), text[:3000]
    assert "14.2 s" in brief(run) and "csms restart at 40 s" in brief(run)


def test_what_was_emulated_is_said_before_anything_else(stormy) -> None:
    assert "csms restart at 40 s is emulated" in text_of(stormy())


def test_a_hook_that_failed_is_said(stormy) -> None:
    deed = {"at_s": 40.0, "took_s": 0.1, "ok": False, "detail": "Connection refused"}
    text = text_of(stormy(source="hook", emulated=False, deed=deed))
    assert "did not take place: Connection refused" in text


@pytest.mark.parametrize(("took", "late"), [(22.6, False), (31.0, True), (None, True)])
def test_a_recovery_longer_than_its_phase_is_said(stormy, took, late) -> None:
    assert ("not all were back when its phase ended" in text_of(stormy(to_100_s=took))) == late


def test_the_course_of_a_storm_is_drawn_and_its_latencies_stand_apart(stormy) -> None:
    run = stormy()
    text = text_of(run)
    assert (run / "plots" / "storm-0.svg").exists()
    assert "Latency in storms" in text and "12.9 s" in text
    assert "998 stations that a storm hit, or that came up" in text


def test_a_run_without_storms_says_nothing_of_them(live_report: Path) -> None:
    assert "## Storms" not in (live_report / "report.md").read_text("utf-8")


def test_the_prediction_does_not_claim_stations_that_a_storm_touched(stormy) -> None:
    text = text_of(stormy("claims"))
    assert "The prediction knows no storms. Of 998 stations that a storm hit" in text
    assert "at every station that no storm touched" in text
    assert "at every station." not in text


def test_a_storm_that_cost_nobody_the_connection_says_so(stormy) -> None:
    quiet = {"source": "hook", "emulated": False, "lost_connection": 0}
    text = text_of(stormy("quiet", kind="rolling_deploy", **quiet))
    assert "rolling deploy at 40 s: no station lost its connection" in text
    assert "no station lost" not in text_of(stormy("told", kind="profile_broadcast", **quiet))
