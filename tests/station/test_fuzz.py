"""Whatever comes in, and whatever happens in whatever order: no exception, no call unaccounted for.

The harness checks after every step that planned = ended + pending, validates every frame that goes
out, and refuses a second CALL on the wire.
"""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from station_harness import SILENT, Bench, Refuse, boot_conf

from simulator.station.payloads import INTERNAL
from simulator.station.schemas import schema
from simulator.station.v16 import TABLE, UNSUPPORTED
from simulator.station.v16_codes import FORMATION

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(["Accepted", "Rejected", "2026-06-01T06:00:00Z", "Hard", "Soft", "TAG"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(
                [
                    "status",
                    "currentTime",
                    "interval",
                    "idTagInfo",
                    "transactionId",
                    "connectorId",
                    "type",
                    "key",
                    "value",
                    "idTag",
                    "requestedMessage",
                    "vendorId",
                    "parentIdTag",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
NAMES = st.sampled_from(sorted(TABLE.requests) + sorted(UNSUPPORTED)) | st.text(max_size=20)
PLAUSIBLE = {
    "connectorId": st.integers(-1, 4) | JSON,
    "type": st.sampled_from(["Hard", "Soft", "Operative", "Inoperative", "x"]) | JSON,
    "key": st.sampled_from(
        [
            "MeterValueSampleInterval",
            "ClockAlignedDataInterval",
            "StopTxnSampledData",
            "HeartbeatInterval",
            "TransactionMessageAttempts",
            "MinimumStatusDuration",
            "MessageTimeout",
            "TransactionMessageRetryInterval",
        ]
    )
    | JSON,
    "value": st.sampled_from(["0", "1", "7", "900", "2147483647", "", "SoC", "true"]) | JSON,
    "idTag": st.sampled_from(["TAG", "R"]) | JSON,
    "requestedMessage": st.sampled_from(
        ["BootNotification", "Heartbeat", "MeterValues", "StatusNotification", "x"]
    )
    | JSON,
    "transactionId": st.integers(999, 1004) | JSON,
    "vendorId": st.text(max_size=9),
    "reservationId": st.integers(1, 3) | JSON,
    "expiryDate": st.sampled_from(["2026-06-01T06:01:00Z", "2030-01-01T00:00:00Z"]) | JSON,
    "listVersion": st.integers(-1, 3) | JSON,
    "updateType": st.sampled_from(["Full", "Differential"]) | JSON,
    "localAuthorizationList": st.lists(
        st.fixed_dictionaries(
            {"idTag": st.sampled_from(["TAG", "token", "other"])},
            optional={
                "idTagInfo": st.sampled_from([{"status": "Accepted"}, {"status": "Blocked"}])
            },
        ),
        max_size=3,
    )
    | JSON,
}
NUMBER = st.sampled_from([-1, 0, 1, 60, 2**31 - 1, 2**40, 1e308]) | JSON
WHEN = st.sampled_from(["2026-06-01T06:00:50Z", "2026-06-01T06:01:40+00:00", "x"])
SCHEDULE = st.fixed_dictionaries(
    {
        "chargingRateUnit": st.sampled_from(["A", "W"]),
        "chargingSchedulePeriod": st.lists(
            st.fixed_dictionaries({"startPeriod": NUMBER, "limit": NUMBER}), max_size=3
        )
        | st.just([{"startPeriod": 0, "limit": 5}, {"startPeriod": 30, "limit": 9.5}]),
    },
    optional={"duration": NUMBER, "startSchedule": WHEN, "minChargingRate": NUMBER},
)
PROFILE = st.fixed_dictionaries(
    {
        "chargingProfileId": st.integers(0, 3),
        "stackLevel": st.integers(-1, 10),
        "chargingProfilePurpose": st.sampled_from(
            ["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"]
        ),
        "chargingProfileKind": st.sampled_from(["Absolute", "Recurring", "Relative"]),
        "chargingSchedule": SCHEDULE,
    },
    optional={
        "recurrencyKind": st.sampled_from(["Daily", "Weekly"]),
        "validFrom": WHEN,
        "validTo": WHEN,
        "transactionId": st.integers(999, 1004),
    },
)
PLAUSIBLE |= {
    "csChargingProfiles": PROFILE | JSON,
    "chargingProfile": PROFILE | JSON,
    "duration": NUMBER,
    "chargingRateUnit": st.sampled_from(["A", "W", "x"]),
    "stackLevel": NUMBER,
    "id": NUMBER,
}
PAYLOAD = st.fixed_dictionaries({}, optional=PLAUSIBLE) | JSON


def shaped(action):
    """Payloads with just the fields of the action, so that most get past the check."""
    fields = schema("1.6", action).fields
    return st.tuples(
        st.just(action),
        st.fixed_dictionaries({}, optional={name: PLAUSIBLE.get(name, JSON) for name in fields}),
    )


CALLS = st.sampled_from(sorted(TABLE.requests)).flatmap(shaped) | st.tuples(NAMES, PAYLOAD)
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


def station_in(state):
    """A bench whose station is in that state."""
    bench = Bench(evses=2, max_queue=30, max_frame=5000)
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
        bench.station.receive(bench.now, b'[2,"r","Reset",{"type":"Hard"}]')
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


EDITS = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 3)), max_size=4
)


def internal(bench):
    return [served for served in bench.log.served if served[1] == INTERNAL]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(STATES), st.lists(st.binary(max_size=200) | st.text(), max_size=10))
def test_arbitrary_bytes_in_every_state(state, frames):
    bench = station_in(state)
    for data in frames:
        bench.feed(data)
    bench.go(100.0)
    bench.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(STATES), st.lists(st.tuples(CALLS, EDITS), max_size=8))
def test_valid_and_mutated_calls_in_every_state(state, calls):
    bench = station_in(state)
    for n, ((action, payload), edits) in enumerate(calls):
        bench.feed(mutate(json.dumps([2, f"m{n}", action, payload]).encode(), edits))
        bench.go(3.0)
    bench.go(200.0)
    assert internal(bench) == []
    bench.close()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(sorted(TABLE.actions)), st.lists(JSON, max_size=4)))
def test_answers_of_any_content(answers):
    bench = Bench(evses=2)
    for action, payloads in answers.items():
        bench.csms.say(action, *payloads)
    bench.start().go(100.0)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(130.0)
    bench.do("unplug", 1).go(500.0)
    bench.close()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["charging", "booting", "accepted"]),
    st.integers(3, 4),
    st.lists(JSON, max_size=4),
    EDITS,
)
def test_answers_of_any_form_to_the_outstanding_call(state, kind, rest, edits):
    bench = station_in(state)
    bench.csms.always = dict.fromkeys(TABLE.actions, SILENT)
    bench.do("plug_in", 2)
    mid = bench.station.call_id
    bench.feed(mutate(json.dumps([kind, mid, *rest]).encode(), edits))
    bench.csms.always = {}
    bench._outstanding.clear()
    bench.close()


WORLD = st.one_of(
    st.tuples(st.just("call"), CALLS),
    st.tuples(st.just("go"), st.sampled_from([0.0, 0.02, 0.5, 5.0, 61.0, 400.0])),
    st.tuples(
        st.just("do"),
        st.sampled_from(
            [
                "plug_in",
                "unplug",
                "token",
                "other",
                "ev_suspended",
                "ev_resumed",
                "evse_suspended",
                "evse_resumed",
                "fault",
                "clear_fault",
                "drop",
                "block",
                "unblock",
                "stop_all",
            ]
        ),
        st.integers(1, 2),
    ),
    st.tuples(
        st.just("say"),
        st.sampled_from(sorted(TABLE.actions)),
        st.sampled_from([SILENT, Refuse("InternalError"), Refuse("x"), {}, None, "text"]),
    ),
    st.tuples(st.just("reachable"), st.booleans()),
)


def live(bench, step):
    what = step[0]
    if what == "call":
        action, payload = step[1]
        bench.feed(json.dumps([2, "w", action, payload]).encode())
    elif what == "go":
        bench.go(step[1])
    elif what == "say":
        bench.csms.say(step[1], step[2])
    elif what == "reachable":
        bench.reachable = step[1]
    elif step[1] == "drop":
        bench.drop()
    elif step[1] in ("block", "unblock"):
        bench.do("writable", step[1] == "unblock")
    elif step[1] in ("token", "other"):
        bench.do("present_token", step[2], step[1])
    elif step[1] == "stop_all":
        bench.do("stop_all", "Local")
    else:
        bench.do(step[1], step[2])


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WORLD, max_size=40))
def test_any_history_keeps_the_books(steps):
    bench = Bench(evses=2, max_queue=6, configuration={"MeterValueSampleInterval": "17"})
    bench.start().go(1.0)
    for step in steps:
        live(bench, step)
    bench.go(100.0)
    assert internal(bench) == []
    bench.close()


def test_memory_stays_bounded_under_a_flood(make):
    bench = make(max_queue=30, max_answers=4, backoff_min_s=10_000.0).boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    bench.do("writable", False)
    for n in range(2000):
        action = ("TriggerMessage", {"requestedMessage": "StatusNotification"})
        bench.feed(json.dumps([2, f"{n}", *action]).encode())
    assert len(bench.station.answers) == 4 and len(bench.station.calls) <= 3
    bench.drop()
    bench.go(9000.0)
    assert len(bench.station.queue) <= 31
    (served,) = {code for action, code in bench.log.served if action == "?"} or {FORMATION}
    assert served == FORMATION
