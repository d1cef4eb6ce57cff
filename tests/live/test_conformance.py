"""What a live run tells of how the CSMS keeps to OCPP, and what finding out cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.csms import CsmsOptions
from simulator.csms.options import Faults
from simulator.csms.process import EmbeddedCsms
from simulator.live.conformance import conformance, examine
from simulator.live.run import run_live
from simulator.measure.errors import ErrorKind, ErrorLog
from simulator.report import render
from simulator.scenario import load_scenario
from simulator.station.conformance import ANSWER, CALL, Conformance, Type
from simulator.station.schemas import schema
from simulator.store import read_run

HEARTBEAT = Type("1.6", ANSWER, "Heartbeat")
RESET = Type("1.6", CALL, "Reset")


def judged(answers: int, resets: int) -> Conformance:
    judge = Conformance(2)
    check = schema("1.6", "Reset")
    for _ in range(answers):
        if judge.due("1.6", "Heartbeat"):
            judge.note(HEARTBEAT, {"currentTime": "2026-06-01T00:00:00Z"}, None)
    for _ in range(resets):
        payload = {"type": "Maybe"}
        judge.note(RESET, payload, check.misfit(payload))
    return judge


def test_what_checking_cost_is_how_often_times_what_it_takes_once() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            self.now += 0.01  # whatever is done ten times takes 10 ms
            return self.now

    # 7 answers seen, 4 of them checked, 3 calls checked: 1 ms each time.
    assert examine(judged(7, 3), Clock()).cost_s == pytest.approx(14e-3)


def test_the_parts_of_shards_are_added_up_and_protocol_errors_told_beside() -> None:
    errors = ErrorLog()
    errors.add(ErrorKind.OCPP_UNKNOWN_ID, "type 3", station="a", now=1.0, count=5)
    errors.add(ErrorKind.CALL_TIMEOUT, "no answer", station="a", now=1.0)
    parts = [examine(judged(7, 3)), examine(judged(2, 1))]
    found = conformance(parts, errors, 2.0)
    assert found is not None
    assert found["one_in"] == 2
    assert found["seen"] == {"answer": 9, "call": 4}
    assert found["checked"] == {"answer": 5, "call": 4}
    assert found["protocol"] == {"ocpp_unknown_id": 5}
    assert found["schema"] == [
        {
            **{"version": "1.6", "side": "call", "action": "Reset", "kind": "value"},
            **{"count": 4, "checked": 4, "first": "type is none of Hard, Soft"},
        }
    ]
    assert found["cpu_s"] == pytest.approx(sum(part.cost_s for part in parts))
    assert found["cpu_share"] == pytest.approx(found["cpu_s"] / 2.0)
    assert conformance([], errors, 2.0) is None


SCENARIO = """
[scenario]
name = "small"
start = 2026-06-01T00:00:00

[[sites]]
name = "yard"
stations = [{ model = "ac-22-dual", count = 4 }]
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"

[csms]
versions = { "1.6" = 0.5, "2.0.1" = 0.5 }

[live]
speed = 600
from = "17:00"
shards = 1
stages = [{ kind = "ramp", for = "100ms", to = "100 %" }, { kind = "hold", for = "1400ms" }]
"""


@pytest.mark.process
@pytest.mark.socket
def test_a_csms_with_wrong_answers_is_told_by_kind_and_what_that_cost(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SCENARIO)
    with EmbeddedCsms(CsmsOptions(port=0, faults=Faults(wrong_answers=1.0))) as csms:
        sets = ["live.check_answers=1", "live.deflate=10", f"csms.url={csms.url}"]
        scenario = load_scenario(file, sets=sets)
        run = read_run(run_live(scenario, out=tmp_path / "run", screen="none", drain_s=0.2))
    assert run.summary["deflate"] == {"1.6": True, "2.0.1": True}  # compressed all the while
    found = run.summary["conformance"]
    assert found["seen"]["answer"] == found["checked"]["answer"] > 0
    assert found["seen"]["answer"] == run.summary["calls"]["answered"]
    wrong = {(row["version"], row["action"]): row["kind"] for row in found["schema"]}
    assert wrong.keys() >= {("1.6", "BootNotification"), ("2.0.1", "BootNotification")}
    assert sum(row["count"] for row in found["schema"]) == found["checked"]["answer"]
    # An answer to a boot without a status cannot be used; the kinds of others are classes.
    assert found["protocol"]["ocpp_malformed"] == run.summary["errors"]["ocpp_malformed"] > 0
    assert 0.0 < found["cpu_share"] < 1.0
    page = render(run.path).read_text()
    assert "Messages that do not fit their schema" in page and "CPU time" in page
