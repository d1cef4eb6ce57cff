"""EVs that speak ISO 15118 (2.0.1 K15-K17): needs told, schedules chosen, followed, told again."""

import pytest
from station_harness import EPOCH, SILENT, Bench, clock

from simulator.station.needs import Needs
from simulator.station.settings import Hardware, Supply

AC = Needs("AC_three_phase", 16.0, 400.0, 20_000.0, 6.0, departure_s=7200.0, max_tuples=12)
DC = Needs(
    "DC", 300.0, 900.0, departure_s=3600.0, max_w=150_000.0, soc_percent=20.4, capacity_wh=77e3
)
NEEDS, SCHEDULE = "NotifyEVChargingNeeds", "NotifyEVChargingSchedule"


@pytest.fixture
def bench(make):
    bench = make(version="2.0.1", evses=2).boot()
    bench.csms.always |= {NEEDS: {"status": "Accepted"}, SCHEDULE: {"status": "Accepted"}}
    return bench


def charge(bench, evse=1, said=AC):
    return (
        bench.do("plug_in", evse).do("ev_needs", evse, said).do("present_token", evse, "T").go(1.0)
    )


def number(bench, evse=1):
    return str(bench.station.evses[evse].tx.id)


def schedule(id, *periods, unit="A"):
    rows = [{"startPeriod": at, "limit": limit} for at, limit in periods]
    return {"id": id, "chargingRateUnit": unit, "chargingSchedulePeriod": rows}


def put(bench, *schedules, evse=1, id=1, **more):
    profile = {
        "id": id,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": list(schedules),
        **({"transactionId": number(bench, evse)} if bench.station.running(evse) else {}),
        **more,
    }
    answer = bench.ask("SetChargingProfile", {"evseId": evse, "chargingProfile": profile})
    bench.go(1.0)
    return answer.get("statusInfo", answer).get("reasonCode", answer["status"])


def amps(bench, evse=1):
    return [w for _, n, w, _ in bench.meter.limits if n == evse][-1] / 690.0


def test_k15_fr_01_and_fr_06_needs_on_ac_are_told_after_the_transaction(bench):
    charge(bench)
    (told,) = bench.payloads(NEEDS)
    assert bench.actions().index("TransactionEvent") < bench.actions().index(NEEDS)
    assert told == {
        "evseId": 1,
        "maxScheduleTuples": 12,
        "chargingNeeds": {
            "requestedEnergyTransfer": "AC_three_phase",
            "departureTime": clock.iso(EPOCH + 7200.0 - 0.05),
            "acChargingParameters": {
                "energyAmount": 20_000,
                "evMinCurrent": 6,
                "evMaxCurrent": 16,
                "evMaxVoltage": 400,
            },
        },
    }


def test_k15_fr_06_needs_on_dc(make):
    built = Hardware("dc", 3, 150e3, 150e3, "cCCS2")
    bench = make(version="2.0.1", hardware=built, supply=Supply(1, 400.0, True, 375.0)).boot()
    charge(bench, 1, DC)
    needs = bench.payloads(NEEDS)[0]["chargingNeeds"]
    assert needs["dcChargingParameters"] == {
        "evMaxCurrent": 300,
        "evMaxVoltage": 900,
        "evMaxPower": 150_000,
        "stateOfCharge": 20,
        "evEnergyCapacity": 77_000,
    }
    with pytest.raises(ValueError, match="this EVSE"):
        bench.do("ev_needs", 1, AC)


def test_k15_fr_01_needs_of_a_transaction_that_runs_already(bench):
    bench.do("plug_in", 1).do("present_token", 1, "T").go(10.0)
    bench.do("ev_needs", 1, AC).go(1.0)
    assert len(bench.payloads(NEEDS)) == 1


def test_k15_fr_16_not_before_somebody_is_authorised(make):
    starts = {"TxCtrlr.TxStartPoint": "EVConnected"}
    bench = make(version="2.0.1", configuration=starts).boot()
    bench.do("plug_in", 1).do("ev_needs", 1, AC).go(10.0)
    assert bench.payloads(NEEDS) == []
    bench.do("present_token", 1, "T").go(1.0)
    assert len(bench.payloads(NEEDS)) == 1


def test_k15_fr_10_and_fr_19_the_schedule_that_results_is_told(bench):
    charge(bench)
    assert put(bench, schedule(7, (0, 10.0), (600, 20.0))) == "Accepted"
    (told,) = bench.payloads(SCHEDULE)
    rows = told["chargingSchedule"]["chargingSchedulePeriod"]
    assert told["evseId"] == 1 and told["chargingSchedule"]["id"] == 7
    assert clock.parse(told["timeBase"]) == pytest.approx(EPOCH + bench.now, abs=3.0)
    assert [p["limit"] for p in rows] == [10.0, 16.0]
    assert rows[1]["startPeriod"] == pytest.approx(600, abs=1)
    assert told["chargingSchedule"]["duration"] == pytest.approx(7200 - bench.now, abs=3)


def test_sc_04_the_composite_schedule_is_no_more_than_the_ev_takes(bench):
    charge(bench)
    answer = bench.ask("GetCompositeSchedule", {"evseId": 1, "duration": 60})
    assert answer["schedule"]["chargingSchedulePeriod"][0]["limit"] == 16.0
    other = bench.ask("GetCompositeSchedule", {"evseId": 2, "duration": 60})
    assert other["schedule"]["chargingSchedulePeriod"][0]["limit"] == 32.0


def test_k15_fr_07_of_several_schedules_the_ev_takes_what_gives_it_most(bench):
    charge(bench)
    some = (schedule(1, (0, 8.0)), schedule(2, (0, 6.0), (600, 14.0)), schedule(3, (0, 10.0)))
    assert put(bench, *some) == "Accepted"
    assert bench.payloads(SCHEDULE)[-1]["chargingSchedule"]["id"] == 2
    assert amps(bench) == 6.0
    bench.go(600.0)
    assert amps(bench) == 14.0


def test_k15_fr_07_what_it_could_not_take_or_comes_too_late_counts_for_nothing(bench):
    charge(bench)
    assert put(bench, schedule(1, (0, 7.0), (7500, 32.0)), schedule(2, (0, 8.0))) == "Accepted"
    assert amps(bench) == 8.0
    assert put(bench, schedule(1, (0, 32.0)), schedule(2, (0, 16.0))) == "Accepted"
    assert bench.payloads(SCHEDULE)[-1]["chargingSchedule"]["id"] == 1


def test_k01_fr_34_several_schedules_are_for_such_evs_alone(bench):
    both = schedule(1, (0, 8.0)), schedule(2, (0, 10.0))
    bench.do("plug_in", 2).do("present_token", 2, "U").go(1.0)
    assert put(bench, *both, evse=2) == "InvalidSchedule"
    charge(bench)
    assert put(bench, *both, evse=2) == "InvalidSchedule"
    assert put(bench, *both, chargingProfilePurpose="TxDefaultProfile") == "InvalidSchedule"
    assert put(bench, *both) == "Accepted"


def test_k15_fr_07_no_more_periods_than_the_ev_can_take(bench):
    charge(bench)
    long = schedule(1, *((60 * n, 10.0) for n in range(13)))
    assert put(bench, long) == "TooManyElements"


def test_k15_fr_17_a_profile_before_the_needs_comes_too_early(bench):
    bench.csms.say("TransactionEvent", SILENT)
    charge(bench)
    assert bench.payloads(NEEDS) == []
    assert put(bench, schedule(1, (0, 8.0))) == "InvalidMessageSeq"


@pytest.mark.parametrize("status", ["Rejected", "Processing", "Accepted"])
def test_k15_fr_03_to_fr_05_whatever_the_answer_charging_goes_on(bench, status):
    bench.csms.say(NEEDS, {"status": status})
    charge(bench).go(300.0)
    assert bench.events()[-1][2] == "Charging" and bench.payloads(SCHEDULE) == []


def test_k15_fr_15_offline_the_default_profile_counts_and_needs_are_told_later(bench):
    default = {"id": 9, "chargingProfilePurpose": "TxDefaultProfile"}
    assert put(bench, schedule(1, (0, 8.0)), **default) == "Accepted"
    bench.reachable = False
    bench.drop()
    bench.go(1.0)
    charge(bench)
    assert amps(bench) == 8.0 and bench.payloads(NEEDS) == []
    bench.reachable = True
    bench.go(200.0)
    assert len(bench.payloads(NEEDS)) == 1


def test_k15_needs_that_the_connection_took_away_are_told_again(bench):
    bench.csms.say(NEEDS, SILENT)
    charge(bench)
    bench.drop()
    bench.go(200.0)
    assert len(bench.payloads(NEEDS)) == 2


def test_k16_fr_02_and_fr_09_a_new_profile_is_a_new_schedule_and_asks_for_no_needs(bench):
    charge(bench)
    put(bench, schedule(1, (0, 8.0)))
    put(bench, schedule(1, (0, 12.0)))
    assert len(bench.payloads(NEEDS)) == 1
    limits = [
        p["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
        for p in bench.payloads(SCHEDULE)
    ]
    assert limits == [8.0, 12.0]


def test_k16_fr_02_limits_of_others_and_cleared_profiles_are_new_schedules_too(bench):
    charge(bench)
    put(bench, schedule(4, (0, 12.0)))
    bench.do("limit_charging", 0, 6900.0).go(1.0)
    bench.do("free_charging", 0).go(1.0)
    bench.ask("ClearChargingProfile", {"chargingProfileId": 1})
    bench.go(1.0)
    told = [p["chargingSchedule"] for p in bench.payloads(SCHEDULE)]
    assert [s["chargingSchedulePeriod"][0]["limit"] for s in told] == [12.0, 10.0, 12.0, 16.0]
    assert [s["id"] for s in told] == [4, 4, 4, 0]


def test_k16_fr_02_what_leaves_the_schedule_as_it_is_is_not_told(bench):
    charge(bench)
    put(bench, schedule(1, (0, 8.0)))
    bench.forget()
    bench.do("limit_charging", 0, 40_000.0).go(1.0)
    bench.do("plug_in", 2).do("present_token", 2, "U").go(1.0).do("unplug", 2).go(1.0)
    assert bench.payloads(SCHEDULE) == []


def test_k17_fr_01_and_fr_10_new_needs_are_told_and_answered_by_a_schedule(bench):
    charge(bench)
    put(bench, schedule(1, (0, 8.0)))
    bench.do("ev_needs", 1, Needs("AC_three_phase", 16.0, 400.0, 30_000.0)).go(1.0)
    again = bench.payloads(NEEDS)[-1]["chargingNeeds"]
    assert len(bench.payloads(NEEDS)) == 2 and "departureTime" not in again
    assert put(bench, schedule(1, (0, 8.0))) == "Accepted"
    assert len(bench.payloads(SCHEDULE)) == 2


def test_needs_end_with_the_transaction_and_with_the_plug(bench):
    charge(bench).do("unplug", 1).go(1.0)
    assert bench.station.needs is None
    bench.do("plug_in", 1).do("ev_needs", 1, AC).do("unplug", 1)
    assert bench.station.needs is None
    bench.do("plug_in", 1).do("present_token", 1, "T").go(1.0)
    assert len(bench.payloads(NEEDS)) == 1


def test_without_a_plug_and_in_1_6_there_is_nobody_to_ask(bench):
    assert not bench.station.ev_needs(bench.now, 1, AC)
    older = Bench(version="1.6").boot().do("plug_in", 1)
    assert not older.station.ev_needs(older.now, 1, AC) and older.station.needs is None
    older.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "AC"},
        {"energy_wh": None},
        {"max_a": 0.0},
        {"max_v": float("nan")},
    ],
)
def test_needs_that_no_ev_can_have(wrong):
    with pytest.raises(ValueError, match="expected"):
        Needs(
            **({"mode": "AC_three_phase", "max_a": 16.0, "max_v": 400.0, "energy_wh": 1.0} | wrong)
        )
