"""The state machine of EVSEs and what the CSMS hears of it (1.6 §4.9)."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from station_harness import EPOCH, SILENT, Bench

from simulator.station import clock
from simulator.station.model import Status
from simulator.station.ports import CallOutcome, EvState
from simulator.station.statuses import TRANSITIONS
from simulator.station.v16_messages import STATUS

BY_NAME = {name: status for status, name in STATUS.items()}


def charge(bench, evse=1, token="TAG"):
    bench.do("plug_in", evse).do("present_token", evse, token)
    return bench.go(1.0)


def test_1_6_4_9_a_session_goes_through_preparing_charging_finishing_available(make):
    bench = charge(make().boot())
    bench.do("ev_suspended", 1).go(1.0).do("ev_resumed", 1).go(1.0)
    bench.do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0)
    assert bench.statuses(1) == [
        "Preparing",
        "Charging",
        "SuspendedEV",
        "Charging",
        "Finishing",
        "Available",
    ]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (EvState.CHARGING, "Charging"),
        (EvState.SUSPENDED_EV, "SuspendedEV"),
        (EvState.SUSPENDED_EVSE, "SuspendedEVSE"),
    ],
)
def test_1_6_4_9_the_first_status_of_a_transaction_is_what_the_ev_does(make, state, status):
    """B3, B4, B5."""
    bench = make().boot()
    bench.meter.state = state
    charge(bench)
    assert bench.statuses(1) == ["Preparing", status]


def test_1_6_4_9_suspended_evse_wins_over_suspended_ev(make):
    bench = charge(make().boot())
    bench.forget()
    bench.do("ev_suspended", 1).go(1.0)
    bench.do("evse_suspended", 1).go(1.0)
    assert bench.statuses(1) == ["SuspendedEV", "SuspendedEVSE"]
    bench.do("ev_resumed", 1).do("ev_suspended", 1).go(1.0)
    bench.do("evse_resumed", 1).go(1.0)
    assert bench.statuses(1) == ["SuspendedEV", "SuspendedEVSE", "SuspendedEV"]


def test_1_6_4_9_from_preparing_out_of_service_by_way_of_available(make):
    bench = make().boot()
    bench.do("plug_in", 1).go(1.0)
    bench.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    bench.go(1.0)
    assert bench.statuses(1) == ["Preparing", "Available", "Unavailable"]


def test_1_6_4_9_finishing_until_unplugged(make):
    bench = charge(make().boot())
    bench.do("present_token", 1, "TAG").go(5000.0)
    assert bench.statuses(1)[-1] == "Finishing"
    bench.do("unplug", 1).go(1.0)
    assert bench.statuses(1)[-1] == "Available"


def test_1_6_4_9_unplugged_while_charging_ends_the_transaction_and_says_why(make):
    bench = charge(make().boot())
    bench.forget()
    bench.do("unplug", 1).go(1.0)
    assert bench.actions() == ["StopTransaction", "StatusNotification", "StatusNotification"]
    assert bench.payloads("StopTransaction")[0]["reason"] == "EVDisconnected"
    assert "idTag" not in bench.payloads("StopTransaction")[0]
    finishing, available = bench.payloads("StatusNotification")
    assert finishing["status"] == "Finishing" and finishing["info"] == "EV side disconnected"
    assert available["status"] == "Available" and "info" not in available


def test_1_6_4_9_without_stop_on_ev_side_disconnect_the_transaction_goes_on(make):
    bench = make(configuration={"StopTransactionOnEVSideDisconnect": "false"}).boot()
    charge(bench).forget()
    bench.do("unplug", 1).go(1.0)
    (suspended,) = bench.payloads("StatusNotification")
    assert suspended["status"] == "SuspendedEV" and suspended["info"] == "EV side disconnected"
    bench.do("plug_in", 1).go(1.0)
    assert bench.statuses(1)[-1] == "Charging"
    bench.do("unplug", 1).go(1.0).do("present_token", 1, "TAG").go(1.0)
    assert bench.statuses(1)[-1] == "Available"
    assert len(bench.payloads("StopTransaction")) == 1


def test_1_6_4_9_fault_and_return_to_the_state_before(make):
    bench = make(evses=2).boot()
    bench.do("fault", 2, code="GroundFailure").go(1.0)
    assert bench.payloads("StatusNotification")[0]["errorCode"] == "GroundFailure"
    bench.do("present_token", 2, "TAG").go(1.0)
    assert "Authorize" not in bench.actions()
    bench.do("clear_fault", 2).go(1.0)
    assert bench.statuses(2) == ["Faulted", "Available"]


def test_1_6_4_9_a_fault_ends_the_transaction(make):
    bench = charge(make().boot())
    bench.forget()
    bench.do("fault", 1).go(1.0)
    assert bench.actions() == ["StopTransaction", "StatusNotification"]
    assert bench.payloads("StopTransaction")[0]["reason"] == "Other"
    bench.do("clear_fault", 1).go(1.0)
    assert bench.statuses(1) == ["Faulted", "Finishing"]


def test_1_6_4_9_connector_0_is_only_available_unavailable_or_faulted(make):
    bench = charge(make(evses=2).boot())
    bench.do("fault", 0).go(1.0).do("clear_fault", 0).go(1.0)
    bench.ask("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"})
    bench.go(1.0).do("unplug", 1).go(1.0)
    bench.ask("ChangeAvailability", {"connectorId": 0, "type": "Operative"})
    bench.go(1.0)
    assert bench.statuses(0) == ["Faulted", "Available", "Unavailable", "Available"]


def test_1_6_9_1_20_minimum_status_duration_lets_short_states_pass_unsaid(make):
    bench = make(configuration={"MinimumStatusDuration": "10"}).boot()
    start = bench.now
    bench.do("plug_in", 1).go(4.0).do("unplug", 1).go(30.0)
    assert bench.statuses() == []
    bench.do("plug_in", 1).go(30.0)
    assert bench.statuses(1) == ["Preparing"]
    assert bench.times("StatusNotification") == [start + 34.0 + 10.0]
    assert bench.log.planned[-1][1] == start + 44.0


def test_1_6_4_9_after_an_outage_only_the_current_status_of_what_changed(make):
    bench = make(evses=3).boot()
    bench.drop()
    bench.do("plug_in", 1).do("plug_in", 2).do("unplug", 2).do("fault", 3)
    bench.go(30.0)
    told = [(p["connectorId"], p["status"]) for p in bench.payloads("StatusNotification")]
    assert told == [(1, "Preparing"), (3, "Faulted")]


def test_a_status_whose_answer_was_lost_is_said_again(make):
    bench = make(evses=2).boot()
    bench.csms.say("StatusNotification", SILENT)
    bench.do("plug_in", 1).do("plug_in", 2).go(1.0)
    bench.drop()
    assert bench.log.outcomes()[-2:] == [CallOutcome.CONNECTION_LOST, CallOutcome.SKIPPED]
    bench.go(30.0)
    assert [p["connectorId"] for p in bench.payloads("StatusNotification")] == [1, 1, 2]


def test_1_6_4_9_statuses_carry_the_time_of_the_change(make):
    bench = make().boot()
    bench.drop()
    bench.go(2.0).do("plug_in", 1)
    changed = bench.now
    bench.go(30.0)
    (payload,) = bench.payloads("StatusNotification")
    stamp = clock.parse(payload["timestamp"])
    assert stamp - EPOCH == pytest.approx(changed, abs=0.06)


def test_the_transition_table_is_the_specifications():
    """The table in §4.9; B6 from errata 3.20."""
    rows = {
        "Available": "Preparing Charging SuspendedEV SuspendedEVSE Reserved Unavailable Faulted",
        "Preparing": "Available Charging SuspendedEV SuspendedEVSE Finishing Faulted",
        "Charging": "Available SuspendedEV SuspendedEVSE Finishing Unavailable Faulted",
        "SuspendedEV": "Available Charging SuspendedEVSE Finishing Unavailable Faulted",
        "SuspendedEVSE": "Available Charging SuspendedEV Finishing Unavailable Faulted",
        "Finishing": "Available Preparing Unavailable Faulted",
        "Reserved": "Available Preparing Unavailable Faulted",
        "Unavailable": "Available Preparing Charging SuspendedEV SuspendedEVSE Faulted",
        "Faulted": "Available Preparing Charging SuspendedEV SuspendedEVSE Finishing Reserved "
        "Unavailable",
    }
    assert {
        STATUS[old]: {STATUS[new] for new in allowed} for old, allowed in TRANSITIONS.items()
    } == {old: set(new.split()) for old, new in rows.items()}


RESERVATION = {"expiryDate": "2026-06-01T06:03:00Z"}
STEPS = st.sampled_from(
    [
        ("plug_in",),
        ("unplug",),
        ("present_token", "A"),
        ("present_token", "B"),
        ("ev_suspended",),
        ("ev_resumed",),
        ("evse_suspended",),
        ("evse_resumed",),
        ("fault",),
        ("clear_fault",),
        ("call", "ChangeAvailability", {"type": "Inoperative"}),
        ("call", "ChangeAvailability", {"type": "Operative"}),
        ("call", "UnlockConnector", {}),
        ("call", "RemoteStartTransaction", {"idTag": "R"}),
        ("call", "ReserveNow", {**RESERVATION, "idTag": "A", "reservationId": 1}),
        ("call", "ReserveNow", {**RESERVATION, "idTag": "B", "reservationId": 2}),
        ("reserve_any", {**RESERVATION, "idTag": "B", "reservationId": 3, "connectorId": 0}),
        ("cancel", {"reservationId": 1}),
        ("wait", 1.0),
        ("wait", 70.0),
        ("refuse",),
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(STEPS, st.integers(1, 2)), max_size=40))
def test_1_6_4_9_only_transitions_of_the_table_are_ever_reported(steps):
    bench = Bench(evses=2).boot()
    for step, evse in steps:
        if step[0] == "wait":
            bench.go(step[1])
        elif step[0] == "refuse":
            bench.csms.say("StartTransaction", refused := {"transactionId": 5})
            refused["idTagInfo"] = {"status": "Blocked"}
        elif step[0] == "reserve_any":
            bench.call("ReserveNow", step[1])
        elif step[0] == "cancel":
            bench.call("CancelReservation", step[1])
        elif step[0] == "call":
            bench.call(step[1], {"connectorId": evse, **step[2]})
        else:
            bench.do(step[0], evse, *step[1:])
    bench.go(100.0)
    for evse in (1, 2):
        told = [Status.AVAILABLE, *(BY_NAME[name] for name in bench.statuses(evse))]
        for old, new in itertools.pairwise(told):
            assert new in TRANSITIONS[old], (old, new)
        assert told[-1] is bench.station.status(evse)
    bench.close()


def test_1_6_9_1_20_after_an_outage_a_young_status_still_has_to_last(make):
    bench = make(
        configuration={"MinimumStatusDuration": "10"}, backoff_min_s=30.0, backoff_random_s=0.0
    ).boot()
    bench.drop()
    bench.go(25.0).do("plug_in", 1)
    due = bench.now + 10.0
    bench.go(30.0)
    assert bench.times("StatusNotification") == [due] and due > bench.connects[1]
