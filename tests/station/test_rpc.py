"""Framing, ids, one outstanding CALL, timeouts and CALLERRORs (1.6J §4)."""

import json

import pytest
from station_harness import SILENT, Refuse

from simulator.station.ports import CallOutcome


def test_1_6j_4_1_1_one_call_outstanding_the_next_after_the_answer(make):
    bench = make(evses=2, latency=1.0)
    bench.start().go(1.5)
    assert len(bench.sent) == 2  # the harness itself refuses a second one on the wire
    bench.go(10.0)
    assert bench.actions() == ["BootNotification"] + ["StatusNotification"] * 3
    assert bench.times("StatusNotification") == [1.0, 2.0, 3.0]


def test_1_6j_4_1_1_timeout_then_the_next(make):
    bench = make().boot()
    bench.csms.say("StatusNotification", SILENT)
    bench.do("plug_in", 1).do("present_token", 1, "T")
    start = bench.now
    bench.go(31.0)
    assert bench.times("Authorize") == [start + 30.0]
    late = [e for e in bench.log.ended if e.outcome is CallOutcome.TIMEOUT]
    assert [(e.action, e.ended - e.written) for e in late] == [("StatusNotification", 30.0)]


def test_1_6_err_3_83_message_timeout_is_configurable(make):
    bench = make().boot()
    assert bench.ask("ChangeConfiguration", {"key": "MessageTimeout", "value": "12"}) == {
        "status": "Accepted"
    }
    bench.csms.say("StatusNotification", SILENT)
    bench.do("plug_in", 1).do("unplug", 1)
    start = bench.now
    bench.go(60.0)
    assert bench.times("StatusNotification") == [start, start + 12.0]


def test_a_late_answer_is_an_answer_to_an_unknown_id(make):
    bench = make().boot()
    bench.csms.say("StatusNotification", SILENT)
    bench.do("plug_in", 1)
    mid = bench.frames[-1][1]
    bench.go(31.0)
    assert bench.feed(json.dumps([3, mid, {}])) == []
    assert bench.log.violations[-1] == ("unknown_id", "type 3")
    assert len(bench.log.outcomes("StatusNotification")) == 3


def test_answers_are_given_while_a_call_is_outstanding(make):
    bench = make(latency=5.0).boot().go(60.0)
    bench.forget()
    bench.do("plug_in", 1)
    assert bench.ask("ClearCache") == {"status": "Accepted"}
    assert [frame[0] for frame in bench.frames] == [2, 3]


def test_1_6j_4_1_4_ids_are_unique_and_begin_with_the_run(make):
    bench = make(evses=2).boot()
    bench.run(2000.0)
    bench.drop()
    bench.run(4000.0)
    assert len(bench.used_ids) > 10
    assert all(mid.startswith("run7.") and len(mid) <= 36 for mid in bench.used_ids)


@pytest.mark.parametrize(
    ("data", "mid", "code"),
    [
        (b"", "-1", "FormationViolation"),
        (b"not json", "-1", "FormationViolation"),
        (b"\xff\xfe\x00", "-1", "FormationViolation"),
        (b'[2,"a\xc3(","Reset",{}]', "-1", "FormationViolation"),
        (b'{"a":1}', "-1", "FormationViolation"),
        (b"[]", "-1", "FormationViolation"),
        (b"[2]", "-1", "FormationViolation"),
        (b'["2","x","Reset",{}]', "-1", "FormationViolation"),
        (b"[" * 100_000, "-1", "FormationViolation"),
        (b'[2,"x","Reset",' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]", "-1", None),
        (b'[2,"x","DataTransfer",{"vendorId":"' + b"v" * 300_000 + b'"}]', "-1", None),
        (b'[2,7,"Reset",{}]', "-1", "FormationViolation"),
        (b'[2,"","Reset",{}]', "-1", "FormationViolation"),
        (b'[2,"' + b"i" * 37 + b'","Reset",{}]', "-1", "FormationViolation"),
        (b'[2,"x","Reset"]', "x", "ProtocolError"),
        (b'[2,"x"]', "x", "ProtocolError"),
        (b'[2,"x","Reset",{},{}]', "x", "FormationViolation"),
        (b'[2,"x",5,{}]', "x", "FormationViolation"),
        (b'[2,"x","Reset",[]]', "x", "FormationViolation"),
        (b'[2,"x","Reset",{}]', "x", "ProtocolError"),
        (b'[2,"x","Reset",null]', "x", "ProtocolError"),
        (b'[2,"x","Reset",{"type":5}]', "x", "TypeConstraintViolation"),
        (b'[2,"x","Reset",{"type":"Warm"}]', "x", "PropertyConstraintViolation"),
        (b'[2,"x","Reset",{"type":"Soft","now":true}]', "x", "FormationViolation"),
        (b'[2,"x","RemoteStartTransaction",{"idTag":"' + b"t" * 21 + b'"}]', "x", "Property"),
        (b'[2,"x","RemoteStartTransaction",{"idTag":"t","connectorId":0}]', "x", "Property"),
        (b'[2,"x","RemoteStopTransaction",{"transactionId":true}]', "x", "TypeConstraint"),
        (b'[2,"x","RemoteStopTransaction",{"transactionId":1.5}]', "x", "TypeConstraint"),
        (b'[2,"x","GetConfiguration",{"key":"A"}]', "x", "TypeConstraintViolation"),
        (b'[2,"x","GetConfiguration",{"key":[5]}]', "x", "TypeConstraintViolation"),
        (
            json.dumps([2, "x", "GetConfiguration", {"key": ["k"] * 51}]).encode(),
            "x",
            "OccurenceConstraintViolation",
        ),
        (b'[2,"x","MakeCoffee",{}]', "x", "NotImplemented"),
        (b'[2,"x","reset",{"type":"Soft"}]', "x", "NotImplemented"),
        (b'[2,"x","SetChargingProfile",{}]', "x", "ProtocolError"),
        (b'[2,"x","SendLocalList",{}]', "x", "ProtocolError"),
        (b'[2,"x","UpdateFirmware",{}]', "x", "ProtocolError"),
        (b'[2,"x","SignedUpdateFirmware",{}]', "x", "ProtocolError"),
    ],
)
def test_1_6j_4_2_3_what_cannot_be_handled_is_answered_with_its_error_code(make, data, mid, code):
    bench = make().boot()
    (frame,) = bench.feed(data)
    assert frame[0] == 4 and frame[1] == mid
    assert frame[2].startswith(code or "FormationViolation")
    assert bench.log.served[-1][1] == frame[2]


@pytest.mark.parametrize(
    "data",
    [
        b'[3,"nobody",{}]',
        b'[4,"nobody","GenericError","",{}]',
        b'[4,"-1","FormationViolation","",{}]',
        b"[3,null,{}]",
        b'[3,["x"],{}]',
        b'[3,"nobody"]',
        b'[5,"x",{}]',
        b'[99999999999999999999999999,"x"]',
        b'[0,"x"]',
    ],
)
def test_an_answer_to_nothing_or_an_unknown_type_is_counted_and_not_answered(make, data):
    """1.6J §4.1.3: unknown message types are ignored; an error is never answered by an error."""
    bench = make().boot()
    assert bench.feed(data) == []
    assert len(bench.log.violations) == 1


@pytest.mark.parametrize("data", [b"\xf0\x9f", "[3,\ud800]", "", "[2,", '["\\ud800"]'])
def test_text_that_is_no_text_never_raises(make, data):
    bench = make().boot()
    assert len(bench.feed(data)) == 1


@pytest.mark.parametrize("payload", ["text", [], 5, True])
def test_an_answer_with_a_payload_of_the_wrong_kind_ends_its_call(make, payload):
    bench = make().boot()
    bench.csms.say("StatusNotification", payload)
    bench.do("plug_in", 1).go(1.0)
    assert bench.log.outcomes("StatusNotification")[-1] is CallOutcome.ANSWERED
    why = "answer to StatusNotification: the payload is not an object"
    assert bench.log.violations[-1] == ("malformed", why)


def test_1_6j_4_2_1_null_is_as_good_as_an_empty_payload(make):
    bench = make().boot()
    bench.csms.say("StatusNotification", None)
    bench.do("plug_in", 1).go(1.0)
    assert bench.log.violations == []
    (frame,) = bench.feed(b'[2,"x","ClearCache",null]')
    assert frame == [3, "x", {"status": "Accepted"}]


def test_a_callerror_ends_the_call_and_its_code_is_told(make):
    bench = make().boot()
    bench.csms.say("StatusNotification", Refuse("SecurityError"))
    bench.do("plug_in", 1).go(1.0)
    last = bench.log.ended[-1]
    assert (last.outcome, last.detail) == (CallOutcome.CALLERROR, "SecurityError")
    bench.csms.say("StatusNotification", SILENT)
    bench.do("unplug", 1)
    bench.feed(json.dumps([4, bench.frames[-1][1]]))
    assert bench.log.ended[-1].detail == "?"
    assert bench.log.kinds() == ["malformed"]


def test_a_strange_id_is_echoed_exactly(make):
    bench = make().boot()
    mid = 'ä"\\\n\u2028😀'
    assert bench.call("ClearCache", mid=mid)[1] == mid


def test_nothing_is_sent_while_the_socket_takes_nothing(make):
    bench = make().boot()
    bench.do("writable", False)
    bench.do("plug_in", 1)
    assert bench.call("ClearCache") is None
    assert bench.frames == []
    bench.go(2.0)
    bench.do("writable", True)
    assert [frame[0] for frame in bench.frames] == [3, 2]


def test_answers_kept_for_a_full_socket_are_bounded(make):
    bench = make(max_answers=4).boot()
    bench.do("writable", False)
    for _ in range(10):
        bench.call("ClearCache")
    assert bench.log.kinds() == ["flood"] * 6
    bench.do("writable", True)
    assert len(bench.frames) == 4


def test_a_connection_may_be_dropped_after_timeouts_in_a_row(make):
    bench = make(timeouts_before_reconnect=2).boot()
    bench.csms.say("StatusNotification", SILENT, SILENT)
    bench.do("plug_in", 1).do("unplug", 1)
    start = bench.now
    bench.go(100.0)
    assert [(round(at - start, 6), why) for at, _, why in bench.closes] == [(60.0, "no answers")]
    assert len(bench.connects) == 2


def test_a_run_id_that_would_break_the_ids_is_refused(make):
    from simulator.station.settings import Settings

    for bad in ("", "x" * 21, 'a"b', "a.b", "ü"):
        with pytest.raises(ValueError, match="run_id"):
            Settings(bad)


def test_1_6j_4_2_3_a_fault_of_the_stations_own_is_an_internal_error(make):
    from dataclasses import replace

    from simulator.station.state import Request
    from simulator.station.v16 import TABLE

    def broken(st, now, payload):
        raise KeyError("oops")

    bench = make().boot()
    requests = {**TABLE.requests, "ClearCache": Request({}, broken)}
    bench.station.table = replace(TABLE, requests=requests)
    assert bench.call("ClearCache")[2] == "InternalError"
    assert bench.log.served == [("ClearCache", "InternalError")]


def test_frames_for_a_connection_that_is_gone_are_not_written_to_the_next_one(make):
    bench = make().boot()
    bench.station.plug_in(bench.now, 1)
    bench.station.disconnected(bench.now, "gone")
    assert bench.station.take_effects() == []
    assert bench.log.ended[-1].outcome is CallOutcome.CONNECTION_LOST


def test_timeouts_in_a_row_are_those_of_one_connection(make):
    bench = make(timeouts_before_reconnect=2).boot()
    bench.csms.say("StatusNotification", SILENT, SILENT)
    bench.do("plug_in", 1).go(31.0)
    bench.drop()
    bench.do("unplug", 1).go(80.0)
    assert bench.log.outcomes().count(CallOutcome.TIMEOUT) == 2 and bench.closes == []
