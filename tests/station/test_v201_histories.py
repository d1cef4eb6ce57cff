"""OCPP 2.0.1: whatever drivers and CSMS do, the events of every transaction make sense (E)."""

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from station_harness import SILENT, Bench, Refuse

from simulator.station.ports import EvState
from simulator.station.settings import Hardware
from simulator.station.v201_keys import POINTS

SOME = st.lists(st.sampled_from(sorted(POINTS)), min_size=1, max_size=3, unique=True)
EVSE = st.integers(1, 2)
TOKENS = st.sampled_from(["A", "B"])
CHARGE = st.tuples(st.just("charge"), EVSE, TOKENS, st.permutations(["arrive", "plug_in", "token"]))
LEAVE = st.tuples(st.just("leave"), EVSE, st.permutations(["unplug", "depart"]))
STEPS = st.one_of(
    CHARGE,
    CHARGE,
    CHARGE,
    LEAVE,
    st.tuples(st.just("token"), EVSE, TOKENS),
    st.tuples(st.just("go"), st.sampled_from([1.0, 20.0])),
    st.tuples(
        st.sampled_from(
            [
                "arrive",
                "depart",
                "plug_in",
                "unplug",
                "ev_suspended",
                "ev_resumed",
                "evse_suspended",
                "evse_resumed",
                "fault",
                "clear_fault",
            ]
        ),
        EVSE,
    ),
    st.tuples(st.just("token"), EVSE, TOKENS),
    st.tuples(st.just("go"), st.sampled_from([0.0, 1.0, 20.0, 61.0, 200.0])),
    st.tuples(st.just("meter"), st.sampled_from(list(EvState))),
    st.tuples(st.just("start"), EVSE, TOKENS),
    st.tuples(st.just("stop"), EVSE),
    st.tuples(st.just("reset"), st.sampled_from(["Immediate", "OnIdle"]), st.integers(0, 2)),
    st.tuples(st.just("change"), st.sampled_from(["Operative", "Inoperative"]), st.integers(0, 2)),
    st.tuples(st.just("say"), st.sampled_from(["Invalid", "Accepted", "fail", "silent"])),
    st.tuples(st.sampled_from(["drop", "lose", "reach"])),
)
CONF = st.fixed_dictionaries(
    {
        "TxCtrlr.TxStartPoint": SOME.map(",".join),
        "TxCtrlr.TxStopPoint": SOME.map(",".join),
        "TxCtrlr.StopTxOnEVSideDisconnect": st.sampled_from(["true", "false"]),
        "TxCtrlr.StopTxOnInvalidId": st.sampled_from(["true", "false"]),
        "TxCtrlr.MaxEnergyOnInvalidId": st.sampled_from(["0", "100"]),
        "AuthCtrlr.AuthorizeRemoteStart": st.sampled_from(["true", "false"]),
    }
)


def act(bench, step):
    what, *rest = step
    if what in ("charge", "leave"):
        for one in rest[-1]:
            token = rest[1:2] if one == "token" else []
            act(bench, (one, rest[0], *token))
            act(bench, ("go", 1.0))
    elif what == "token":
        bench.do("present_token", *rest)
    elif what == "go":
        bench.go(*rest)
    elif what == "meter":
        bench.meter.state = rest[0]
    elif what == "start":
        token = {"idToken": rest[1], "type": "ISO14443"}
        request = {"evseId": rest[0], "idToken": token, "remoteStartId": 5}
        bench.call("RequestStartTransaction", request)
    elif what == "stop":
        tx = bench.station.evses[rest[0]].tx
        name = "none" if tx is None else tx.id
        bench.call("RequestStopTransaction", {"transactionId": name})
    elif what == "reset":
        where = {"evseId": rest[1]} if rest[1] else {}
        bench.call("Reset", {"type": rest[0], **where})
    elif what == "change":
        where = {"evse": {"id": rest[1]}} if rest[1] else {}
        bench.call("ChangeAvailability", {"operationalStatus": rest[0], **where})
    elif what == "say":
        said = {"fail": Refuse(), "silent": SILENT}
        answer = said.get(rest[0], {"idTokenInfo": {"status": rest[0]}})
        bench.csms.say("TransactionEvent", answer)
    elif what == "drop":
        bench.drop()
    elif what in ("lose", "reach"):
        bench.reachable = what == "reach"
    else:
        bench.do(what, *rest)


def sound(bench):
    """What must be true of a station at any moment."""
    for evse in bench.station.evses[1:]:
        tx = evse.tx
        energised = evse.number in bench.meter.since
        if energised:
            assert tx is not None and tx.powered and tx.granted and evse.plugged
            assert not evse.fault and not evse.stopped_energy
        if tx is None or tx.granted:
            continue
        assert not tx.powered and evse.token is None


def histories(bench):
    """The events of each transaction as the CSMS took them, the last attempt of each."""
    found = {}
    for event in bench.payloads("TransactionEvent"):
        of = found.setdefault(event["transactionInfo"]["transactionId"], {})
        if event["seqNo"] in of:
            again = {**event, "offline": None}
            assert again == {**of[event["seqNo"]], "offline": None}, "tried again, it is the same"
        of[event["seqNo"]] = event
    return [[of[number] for number in sorted(of)] for of in found.values()]


def tell(events):
    """Does the story of a transaction hold together?"""
    assert [e["seqNo"] for e in events] == list(range(len(events)))
    assert events[0]["eventType"] == "Started"
    assert all(e["eventType"] == "Updated" for e in events[1:-1])
    assert all(a["timestamp"] <= b["timestamp"] for a, b in pairwise(events))
    states = [e["transactionInfo"]["chargingState"] for e in events]
    for (a, one), (b, other) in pairwise(zip(states, events, strict=True)):
        if other["triggerReason"] == "ChargingStateChanged" and other["eventType"] == "Updated":
            assert a != b, (one, other)
    for before, event in pairwise(events):
        if event["triggerReason"] == "CablePluggedIn":
            assert "evse" in event and before["transactionInfo"]["chargingState"] == "Idle"
    for event in events:
        named = "idToken" in event
        ends = event["triggerReason"] == "StopAuthorized"
        begins = event["triggerReason"] in ("Authorized", "RemoteStart")
        assert named or not (begins or ends), event
        assert not named or begins or ends or event["eventType"] == "Started", event
        remote = "remoteStartId" in event["transactionInfo"]
        assert remote == (event["triggerReason"] == "RemoteStart"), event
        assert ("stoppedReason" in event["transactionInfo"]) == (event["eventType"] == "Ended")


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(CONF, st.lists(STEPS, min_size=3, max_size=25))
def test_e_any_history_of_a_transaction_is_sound(configuration, steps):
    bench = Bench(
        version="2.0.1",
        evses=2,
        hardware=Hardware(bay_sensor=True),
        configuration={
            **configuration,
            "SampledDataCtrlr.TxUpdatedInterval": "0",
            "OCPPCommCtrlr.MessageAttempts[TransactionEvent]": "99",
            "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]": "1",
        },
        backoff_random_s=0.0,
        backoff_repeats=0,
    )
    bench.boot()
    for step in steps:
        act(bench, step)
        sound(bench)
    bench.reachable = True
    bench.csms.script.clear()
    for evse in (1, 2):
        bench.do("unplug", evse).do("depart", evse)
    bench.go(1200.0)
    for evse in (1, 2):
        tx = bench.station.evses[evse].tx
        assert tx is None or tx.granted, "nothing is left that nobody would end"
    stories = histories(bench)
    for events in stories:
        tell(events)
    over = sum(events[-1]["eventType"] == "Ended" for events in stories)
    running = sum(e.tx is not None and e.tx.opened for e in bench.station.evses)
    assert over + running == len(stories)
    bench.close()
