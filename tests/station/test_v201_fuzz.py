"""OCPP 2.0.1: whatever comes in, in whatever state: no exception, no call unaccounted for.

The counterpart of ``test_fuzz`` for the second version. Payloads are drawn from the official
schemas themselves, so that most get past the check and into a handler, and then spoiled in places.
"""

import json
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from station_harness import EPOCH, SILENT, Bench, Refuse, boot_conf

from simulator.station import clock
from simulator.station.payloads import INTERNAL
from simulator.station.schemas import document
from simulator.station.settings import Preset
from simulator.station.v201 import TABLE, UNSUPPORTED

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["Accepted", "2026-06-01T06:00:00Z", "TAG"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "status",
                    "idTokenInfo",
                    "totalCost",
                    "updatedPersonalMessage",
                    "currentTime",
                    "interval",
                    "personalMessage",
                    "content",
                    "format",
                    "groupIdToken",
                    "idToken",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)
WORDS = {
    "idToken": ["TAG", "OTHER"],
    "name": [
        "EVSE",
        "Connector",
        "ChargingStation",
        "Power",
        "AvailabilityState",
        "Problem",
        "FiscalMetering",
        "EnergyImportRegister",
        "Display",
        "DisplayMessageCtrlr",
        "DisplayMessages",
        "OCPPCommCtrlr",
        "HeartbeatInterval",
        "OfflineThreshold",
    ],
    "vendorId": ["org.example"],
    "startDateTime": [clock.iso(EPOCH + s) for s in (0, 50, 5000)],
    "endDateTime": [clock.iso(EPOCH + s) for s in (0, 50, 5000)],
}
NUMBERS = (
    st.integers(-1, 5) | st.sampled_from([30, 900, 5000, 2**31, 10**400]) | st.floats(-5.0, 1e4)
)


def drawn(node, of, name=""):
    """Values that fit a node of a schema, small enough to hit what exists."""
    while "$ref" in node:
        node = of["definitions"][node["$ref"].rpartition("/")[2]]
    kind = node.get("type")
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if kind == "object":
        fields = dict(node.get("properties", {}))
        fields.pop("customData", None)
        need = set(node.get("required", ()))
        return st.fixed_dictionaries(
            {key: drawn(part, of, key) for key, part in fields.items() if key in need},
            optional={key: drawn(part, of, key) for key, part in fields.items() if key not in need},
        )
    if kind == "array":
        return st.lists(drawn(node["items"], of, name), min_size=1, max_size=3)
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return NUMBERS.map(lambda n: n if n == 10**400 else int(n))
    if kind == "number":
        return NUMBERS
    if kind == "string":
        longest = min(node.get("maxLength", 20), 20)
        text = st.sampled_from(WORDS[name]) if name in WORDS else st.text(max_size=longest)
        return text | st.text(max_size=longest) if name not in WORDS else text
    return JSON


@cache
def fitting(action):
    schema = document("2.0.1", action)
    return st.tuples(st.just(action), drawn(schema, schema))


NAMES = st.sampled_from(sorted(TABLE.requests | dict.fromkeys(UNSUPPORTED))) | st.text(max_size=20)
CALLS = st.sampled_from(sorted(TABLE.requests)).flatmap(fitting) | st.tuples(NAMES, JSON)
EDITS = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 3)), max_size=3
)
STATES = (
    "off",
    "connecting",
    "booting",
    "pending",
    "rejected",
    "accepted",
    "charging",
    "offline",
    "closing",
    "full",
    "finished",
)
PRESETS = (Preset("Connector", "AvailabilityState", "Delta", 1.0, evse=1, connector=1),)


def bench_of(**more):
    return Bench(
        version="2.0.1",
        evses=2,
        monitors=PRESETS,
        vendors={"org.example": {"": None}},
        **more,
    )


def station_in(state):
    """A bench whose station is in that state."""
    bench = bench_of(max_queue=30, max_frame=5000)
    if state == "off":
        return bench
    if state == "connecting":
        bench.station.start(0.0)
        bench.station.take_effects()
        return bench
    if state == "booting":
        bench.csms.say("BootNotification", SILENT)
    if state in ("pending", "rejected"):
        bench.csms.say("BootNotification", boot_conf(0, state.title(), 50))
    bench.start().go(5.0)
    if state in ("charging", "offline", "finished", "full", "closing"):
        bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    if state == "offline":
        bench.drop()
    if state == "closing":
        bench.station.receive(bench.now, b'[2,"r","Reset",{"type":"Immediate"}]')
    if state == "full":
        bench.do("writable", False)
    if state == "finished":
        bench.close()
    return bench


def mutate(data, edits):
    raw = bytearray(data)
    for at, byte, kind in edits:
        if not raw:
            break
        at %= len(raw)
        if kind == 0:
            raw[at] = byte
        elif kind == 1:
            del raw[at]
        elif kind == 2:
            raw.insert(at, byte)
        else:
            del raw[at:]
    return bytes(raw)


def internal(bench):
    return [served for served in bench.log.served if served[1] == INTERNAL]


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(st.sampled_from(STATES), st.lists(st.binary(max_size=200) | st.text(), max_size=10))
def test_arbitrary_bytes_in_every_state(state, frames):
    bench = station_in(state)
    for data in frames:
        bench.feed(data)
    bench.go(100.0)
    bench.close()


@settings(max_examples=400, deadline=None, suppress_health_check=SLOW)
@given(st.sampled_from(STATES), st.lists(st.tuples(CALLS, EDITS), max_size=8))
def test_valid_and_mutated_calls_in_every_state(state, calls):
    bench = station_in(state)
    for n, ((action, payload), edits) in enumerate(calls):
        bench.feed(mutate(json.dumps([2, f"m{n}", action, payload]).encode(), edits))
        bench.go(3.0)
    bench.go(200.0)
    assert internal(bench) == []
    bench.close()


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(st.dictionaries(st.sampled_from(sorted(TABLE.actions)), st.lists(JSON, max_size=4)))
def test_answers_of_any_content(answers):
    bench = bench_of()
    for action, payloads in answers.items():
        bench.csms.say(action, *payloads)
    bench.start().go(100.0)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(130.0)
    bench.do("transfer", "org.example")
    bench.do("unplug", 1).go(500.0)
    bench.close()


HAPPENINGS = st.one_of(
    st.tuples(st.just("call"), CALLS),
    st.tuples(st.just("go"), st.sampled_from([0.0, 0.02, 0.5, 5.0, 61.0, 400.0])),
    st.tuples(
        st.sampled_from(
            ["plug_in", "unplug", "token", "ev_suspended", "ev_resumed", "fault", "clear_fault"]
        ),
        st.integers(1, 2),
    ),
    st.tuples(st.sampled_from(["drop", "block", "unblock", "reach", "lose", "stop_all"])),
    st.tuples(
        st.just("say"),
        st.sampled_from(sorted(TABLE.actions)),
        st.sampled_from([SILENT, Refuse("InternalError"), {}, None, "text"]),
    ),
)


def live(bench, step):
    what, *rest = step
    if what == "call":
        bench.feed(json.dumps([2, "w", *rest[0]]).encode())
    elif what == "go":
        bench.go(*rest)
    elif what == "say":
        bench.csms.say(*rest)
    elif what == "drop":
        bench.drop()
    elif what in ("reach", "lose"):
        bench.reachable = what == "reach"
    elif what in ("block", "unblock"):
        bench.do("writable", what == "unblock")
    elif what == "token":
        bench.do("present_token", rest[0], "TAG")
    elif what == "stop_all":
        bench.do("stop_all", "Other")
    else:
        bench.do(what, *rest)


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(st.lists(HAPPENINGS, max_size=30))
def test_any_history_keeps_the_books(steps):
    bench = bench_of(max_queue=6, configuration={"SampledDataCtrlr.TxUpdatedInterval": "17"})
    bench.start().go(1.0)
    for step in steps:
        live(bench, step)
    bench.go(100.0)
    assert internal(bench) == []
    assert len(bench.station.timers or ()) <= 60
    bench.close()


def test_memory_stays_bounded_under_a_flood(make):
    bench = make(version="2.0.1", max_queue=30, max_answers=4, backoff_min_s=10_000.0).boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    place = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
    monitor = {**place, "type": "Periodic", "value": 1}
    bench.csms.always["NotifyEvent"] = SILENT
    for n in range(2000):
        data = {"setMonitoringData": [{**monitor, "severity": n % 10}]}
        bench.feed(json.dumps([2, f"s{n}", "SetVariableMonitoring", data]).encode())
        bench.feed(json.dumps([2, f"g{n}", "GetMonitoringReport", {"requestId": n}]).encode())
        bench.feed(json.dumps([2, f"c{n}", "ClearVariableMonitoring", {"id": [n - 5]}]).encode())
    assert len(bench.station.calls or ()) <= 3 and len(bench.station.timers) == 1
    bench.do("writable", False)
    bench.go(9000.0)
    assert len(bench.station.monitoring.held) <= 100 and len(bench.station.queue or ()) <= 31
