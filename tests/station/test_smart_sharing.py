"""Charging that others limit: who shares a station, who comes first, who else sets limits.

2.0.1 block K: K03 and K04 (sharing), K11 to K13 and the rules of chapter 4 (limits of others), and
what relative profiles count from. What profiles do otherwise is in test_smartcharging.py.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from station_harness import EPOCH

from simulator.station import clock
from simulator.station.composite import Installed, Session, limits_at
from simulator.station.profiles import Kind, Period, Profile, Purpose, Schedule, Unit
from simulator.station.settings import Supply


@pytest.fixture
def bench(make):
    return make(version="2.0.1", evses=2).boot()


def station_max(watts, id=1):
    schedule = {
        "id": 1,
        "startSchedule": clock.iso(EPOCH),
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": watts}],
    }
    profile = {
        "id": id,
        "stackLevel": 0,
        "chargingProfilePurpose": "ChargingStationMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    }
    return {"evseId": 0, "chargingProfile": profile}


def relative(periods, purpose="TxDefaultProfile", **more):
    rows = [{"startPeriod": at, "limit": watts} for at, watts in periods]
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": rows}
    return {
        "id": 5,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": [schedule],
        **more,
    }


def charge(bench, evse=1, token="TAG"):
    return bench.do("plug_in", evse).do("present_token", evse, token).go(1.0)


def watts(bench):
    """The limits in force, by EVSE."""
    return {evse: told for _, evse, told, _ in bench.meter.limits}


def rates(bench):
    """The transactions that told of another rate."""
    return [
        p["transactionInfo"]["transactionId"].rpartition("-")[2]
        for p in bench.payloads("TransactionEvent")
        if p["triggerReason"] == "ChargingRateChanged"
    ]


def significance(bench, percent):
    data = {
        "component": {"name": "SmartChargingCtrlr"},
        "variable": {"name": "LimitChangeSignificance"},
        "attributeValue": percent,
    }
    (result,) = bench.ask("SetVariables", {"setVariableData": [data]})["setVariableResult"]
    assert result["attributeStatus"] == "Accepted"


# -- what transactions and the station tell (SC.02, SC.03) ----------------------------------------


def test_sc_02_sharing_with_another_tells_the_new_rate(bench):
    bench.ask("SetChargingProfile", station_max(12_000.0))
    charge(bench, 1).forget()
    charge(bench, 2)
    assert watts(bench) == {1: 6000.0, 2: 6000.0}
    assert rates(bench) == ["1"]
    bench.forget()
    bench.do("unplug", 2).go(1.0)
    assert rates(bench) == ["1"] and watts(bench)[1] == 12_000.0


def test_sc_02_the_csms_own_profile_is_not_told_back(bench):
    charge(bench, 1).forget()
    bench.ask("SetChargingProfile", station_max(7000.0))
    bench.go(1.0)
    assert watts(bench)[1] == 7000.0 and rates(bench) == []


def test_sc_02_a_rate_that_stays_as_it_is_is_not_told(bench):
    """The car takes 11 kW: it feels no limit above that."""
    bench.ask("SetChargingProfile", station_max(40_000.0))
    charge(bench, 1).forget()
    charge(bench, 2)
    assert watts(bench)[1] == 20_000.0 and rates(bench) == []


def test_sc_03_and_k11_fr_04_small_changes_of_the_rate_are_not_told(bench):
    significance(bench, "10.0")
    charge(bench, 1).forget()
    bench.do("limit_charging", 1, 10_000.0).go(1.0)
    assert rates(bench) == [] and watts(bench)[1] == pytest.approx(10_000.0)
    bench.do("limit_charging", 1, 8900.0).go(1.0)
    assert rates(bench) == ["1"]


def test_k11_fr_02_and_k12_fr_02_small_changes_of_the_limit_are_not_told(bench):
    significance(bench, "10.0")
    for limit, told in ((10_000.0, 1), (10_900.0, 1), (9900.0, 1), (8000.0, 2), (8000.0, 2)):
        bench.do("limit_charging", 0, limit).go(1.0)
        assert len(bench.payloads("NotifyChargingLimit")) == told, limit


def test_k11_fr_03_with_the_schedule_where_the_csms_wants_it(make):
    wanted = {"SmartChargingCtrlr.NotifyChargingLimitWithSchedules": "true"}
    bench = make(version="2.0.1", configuration=wanted).boot()
    bench.do("limit_charging", 1, 7000.0, "SO").go(1.0)
    (told,) = bench.payloads("NotifyChargingLimit")
    (schedule,) = told["chargingSchedule"]
    assert told["evseId"] == 1 and told["chargingLimit"] == {"chargingLimitSource": "SO"}
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 7000.0}]
    assert clock.parse(schedule["startSchedule"]) == pytest.approx(EPOCH + 5.0, abs=0.1)


@pytest.mark.parametrize(("source", "limit"), [("CSO", 5.0), ("me", 5.0), ("EMS", -1.0)])
def test_k11_fr_05_the_csms_itself_is_no_other_source(bench, source, limit):
    with pytest.raises(ValueError, match="expected"):
        bench.do("limit_charging", 0, limit, source)


def test_k12_fr_02_a_limit_of_an_outage_is_told_after_it(bench):
    bench.reachable = False
    bench.drop()
    bench.go(1.0).forget()
    bench.do("limit_charging", 0, 5000.0)
    bench.reachable = True
    bench.go(120.0)
    assert len(bench.payloads("NotifyChargingLimit")) == 1


def test_k12_fr_05_reported_as_external_constraints_with_an_id_below_0(bench):
    bench.do("limit_charging", 2, 5000.0, "SO").go(1.0)
    wanted = {"chargingProfilePurpose": "ChargingStationExternalConstraints"}
    bench.ask("GetChargingProfiles", {"requestId": 1, "chargingProfile": wanted})
    bench.go(1.0)
    (told,) = bench.payloads("ReportChargingProfiles")
    assert (told["evseId"], told["chargingLimitSource"]) == (2, "SO")
    assert [profile["id"] < 0 for profile in told["chargingProfile"]] == [True]


def test_k13_fr_01_to_fr_03_once_it_is_gone_it_limits_nothing_and_that_is_told(bench):
    charge(bench, 1)
    bench.do("limit_charging", 1, 5000.0).go(1.0).forget()
    bench.do("free_charging", 1).go(1.0)
    assert bench.payloads("ClearedChargingLimit") == [{"chargingLimitSource": "EMS", "evseId": 1}]
    assert rates(bench) == ["1"] and bench.meter.power_w(bench.now, 1) == 11_000.0
    bench.forget()
    bench.do("free_charging", 1).go(1.0)
    assert bench.sent == []


def test_a_limit_of_others_rules_in_1_6_too_where_nothing_tells_of_it(make):
    bench = make().boot()
    charge(bench, 1).forget()
    bench.do("limit_charging", 1, 5000.0).go(1.0)
    assert watts(bench)[1] == pytest.approx(5000.0) and bench.sent == []


# -- who comes first (K03) ------------------------------------------------------------------------


def prefer(bench, priority, action="Authorize"):
    info = {"idTokenInfo": {"status": "Accepted", "chargingPriority": priority}}
    bench.csms.say(action, info)


def test_k03_fr_04_a_higher_priority_is_served_first(bench):
    bench.ask("SetChargingProfile", station_max(16_000.0))
    charge(bench, 1)
    prefer(bench, 5)
    charge(bench, 2, "VIP")
    assert watts(bench) == {1: 0.0, 2: 16_000.0}
    assert ("Updated", "ChargingStateChanged", "SuspendedEVSE") in bench.events()
    assert rates(bench) == ["1"]
    bench.do("unplug", 2).go(1.0)
    assert watts(bench)[1] == 16_000.0


def test_k03_fr_05_the_word_on_the_transaction_counts_for_it_alone(bench):
    bench.ask("SetChargingProfile", station_max(16_000.0))
    charge(bench, 1)
    prefer(bench, 5)
    bench.csms.say("TransactionEvent", {"chargingPriority": -1})
    charge(bench, 2, "VIP")
    assert watts(bench) == {1: 16_000.0, 2: 0.0}
    bench.do("unplug", 2).go(1.0)
    prefer(bench, 5)
    charge(bench, 2, "VIP")
    assert watts(bench) == {1: 0.0, 2: 16_000.0}


def test_k03_fr_04_a_priority_that_the_station_remembers_counts_offline(make):
    offline = {"AuthCtrlr.LocalAuthorizeOffline": "true"}
    bench = make(version="2.0.1", evses=2, configuration=offline).boot()
    bench.ask("SetChargingProfile", station_max(16_000.0))
    prefer(bench, 5)
    prefer(bench, 5, "TransactionEvent")
    charge(bench, 2, "VIP").do("unplug", 2).go(1.0)
    bench.reachable = False
    bench.drop()
    charge(bench, 1)
    charge(bench, 2, "VIP")
    assert watts(bench) == {1: 0.0, 2: 16_000.0}


@pytest.mark.parametrize("odd", [10, -10, "5", None, True, 1.5])
def test_k03_fr_06_without_a_usable_priority_it_is_0(bench, odd):
    bench.ask("SetChargingProfile", station_max(16_000.0))
    charge(bench, 1)
    bench.csms.say("TransactionEvent", {"chargingPriority": odd})
    charge(bench, 2)
    assert watts(bench) == {1: 8000.0, 2: 8000.0}


sessions = st.lists(st.tuples(st.booleans(), st.integers(-9, 9)), min_size=1, max_size=4).map(
    lambda rows: [Session(n, 0.0, idle, p) for n, (idle, p) in enumerate(rows, 1)]
)


@given(sessions, st.floats(0.0, 150.0))
def test_k03_fr_04_nobody_is_less_well_served_for_the_sake_of_a_lower_priority(present, amps):
    schedule = Schedule(Unit.A, (Period(0.0, amps),), start=0.0)
    cap = Profile(1, 0, Purpose.STATION_MAX, Kind.ABSOLUTE, (schedule,))
    book = (Installed(0, cap, 0.0),)
    found = limits_at(book, Supply(), 1.0, present)
    drawn = [found[s.evse].amps for s in present if not s.idle]
    assert sum(drawn) <= amps + 1e-6
    for priority in {s.priority for s in present}:
        alone = limits_at(book, Supply(), 1.0, [s for s in present if s.priority >= priority])
        for session in present:
            if session.priority >= priority:
                assert found[session.evse].amps == pytest.approx(alone[session.evse].amps)


# -- what frees a share, and what relative profiles count from ------------------------------------


def test_k04_fr_01_who_stops_with_the_plug_still_in_frees_the_share(make):
    """TxStopPoint EVConnected alone: the transaction goes on, without energy."""
    stops = {"TxCtrlr.TxStopPoint": "EVConnected"}
    bench = make(version="2.0.1", evses=2, configuration=stops).boot()
    bench.ask("SetChargingProfile", station_max(12_000.0))
    charge(bench, 1, "A")
    charge(bench, 2, "B")
    bench.do("present_token", 2, "B").go(1.0)
    assert bench.station.running(2) and watts(bench)[1] == 12_000.0


def test_k01_fr_42_relative_periods_count_from_when_energy_can_flow(make):
    starts = {"TxCtrlr.TxStartPoint": "EVConnected"}
    bench = make(version="2.0.1", configuration=starts).boot()
    bench.do("plug_in", 1).go(100.0)
    given = relative([(0, 5000.0), (60, 9000.0)])
    bench.ask("SetChargingProfile", {"evseId": 1, "chargingProfile": given})
    answer = bench.ask("GetCompositeSchedule", {"evseId": 1, "duration": 300})
    periods = answer["schedule"]["chargingSchedulePeriod"]
    assert [p["startPeriod"] for p in periods] == [0, pytest.approx(60, abs=1)]
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.meter.limits[-1][2] == pytest.approx(5000.0)
    bench.go(60.0)
    assert bench.meter.limits[-1][2] == pytest.approx(9000.0)


def test_k01_fr_42_a_profile_that_comes_later_counts_from_the_same_moment(bench):
    charge(bench, 1).go(29.0)
    number = bench.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"]
    given = relative([(0, 5000.0), (60, 9000.0)], "TxProfile", transactionId=number)
    bench.ask("SetChargingProfile", {"evseId": 1, "chargingProfile": given})
    assert bench.meter.limits[-1][2] == pytest.approx(5000.0)
    bench.go(31.0)
    assert bench.meter.limits[-1][2] == pytest.approx(9000.0)


@pytest.mark.parametrize("seconds", [0, -5])
def test_k08_fr_05_a_schedule_of_no_length_cannot_be_reported(bench, seconds):
    answer = bench.ask("GetCompositeSchedule", {"evseId": 1, "duration": seconds})
    assert answer == {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidValue"}}
