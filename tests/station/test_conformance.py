"""Which frames of the CSMS are held against the schemas, and what is told of those that miss."""

import pytest

from simulator.station.conformance import ANSWER, CALL, Conformance, Type
from simulator.station.schemas import schema


@pytest.mark.parametrize(("every", "checked"), [(1, 25), (10, 3), (24, 2), (100, 1), (0, 0)])
def test_the_first_of_each_type_is_checked_and_then_every_so_manieth(every, checked):
    judge = Conformance(every)
    for action in ("Heartbeat", "MeterValues"):
        assert [judge.due("1.6", action) for _ in range(25)].count(True) == checked
    assert judge.due("2.0.1", "Heartbeat") is (every > 0)
    assert judge.seen["1.6", "Heartbeat"] == 25


def test_what_misses_is_counted_by_kind_with_the_first_in_words():
    judge = Conformance()
    kind = Type("1.6", ANSWER, "Heartbeat")
    check = schema("1.6", "HeartbeatResponse")
    for payload in ({"currentTime": "noon"}, {}, {"currentTime": "tea"}, {"currentTime": 5}):
        judge.note(kind, payload, check.misfit(payload))
    assert judge.checked == {kind: 4} and judge.last == {kind: {"currentTime": 5}}
    assert judge.found == {(kind, "value"): 2, (kind, "missing"): 1, (kind, "type"): 1}
    assert judge.examples[kind, "missing"] == "currentTime is missing"


def test_an_answer_off_its_schema_is_told_by_kind_and_used_as_far_as_it_goes(make):
    bench = make().boot()
    bench.csms.say("StatusNotification", {"aFieldOfNoSchema": True})
    bench.do("plug_in", 1).go(1.0)
    (told,) = bench.log.violations
    assert told[0] == "schema"
    assert told[1].startswith("shape in the answer to StatusNotification: 'aFieldOfNoSchema' is")


def test_an_answer_that_is_not_checked_is_still_told_where_it_cannot_be_used(make):
    bench = make()
    judge = bench.station.settings.conformance
    judge.every = 0
    bench.csms.say("BootNotification", {"status": "Perhaps"})
    bench.start().go(20.0)
    why = "answer to BootNotification: currentTime is missing"
    assert bench.log.violations == [("malformed", why)]
    assert judge.checked == {Type("1.6", ANSWER, "BootNotification"): 1}


@pytest.mark.parametrize(
    ("action", "payload", "kind", "told"),
    [
        ("Reset", {"type": "Maybe"}, "schema", "value in Reset: type is none of Hard, Soft"),
        ("Reset", {}, "schema", "missing in Reset: type is missing"),
        ("NoSuchAction", {}, "unknown_action", "NoSuchAction"),
    ],
)
def test_a_call_off_its_schema_is_told_and_refused(make, action, payload, kind, told):
    bench = make().boot()
    frame = bench.call(action, payload)
    assert frame[0] == 4
    assert bench.log.violations == [(kind, told)]
    judge = bench.station.settings.conformance
    known = Type("1.6", CALL, action) in judge.checked
    assert known is (kind == "schema") and len(judge.found) == known


def test_a_call_as_it_should_be_is_checked_whatever_is_done_with_answers(make):
    bench = make().boot()
    judge = bench.station.settings.conformance
    judge.every = 0
    assert bench.call("ClearCache", {})[0] == 3
    assert judge.checked[Type("1.6", CALL, "ClearCache")] == 1 and judge.found == {}
    assert bench.log.violations == []
