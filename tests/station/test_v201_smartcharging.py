"""OCPP 2.0.1 block K over the wire: what is set, refused, reported, cleared, and what it does."""

import pytest


@pytest.fixture
def bench(make):
    return make(version="2.0.1", evses=2).boot()


def profile(id=1, watts=7000.0, purpose="TxDefaultProfile", level=0, **more):
    kind = more.pop("kind", "Absolute")
    schedule = {
        "id": 1,
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": watts}],
    }
    if kind != "Relative":
        schedule["startSchedule"] = "2026-06-01T00:00:00Z"
    return {
        "id": id,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": [schedule],
        **more,
    }


def put(bench, given, evse=1):
    return bench.ask("SetChargingProfile", {"evseId": evse, "chargingProfile": given})


def charge(bench, evse=1):
    return bench.do("plug_in", evse).do("present_token", evse, "TAG").go(1.0)


def test_k01_fr_01_a_profile_limits_the_transaction_that_runs(bench):
    charge(bench)
    assert put(bench, profile(watts=5500.0)) == {"status": "Accepted"}
    assert bench.meter.limits[-1][1:3] == (1, 5500.0)


def test_a_limit_that_no_car_takes_suspends_and_the_transaction_says_so(bench):
    charge(bench)
    put(bench, profile(watts=0.0))
    bench.go(1.0)
    assert bench.events()[-1] == ("Updated", "ChargingStateChanged", "SuspendedEVSE")
    assert bench.ask("ClearChargingProfile", {"chargingProfileId": 1}) == {"status": "Accepted"}
    bench.go(1.0)
    assert bench.events()[-1] == ("Updated", "ChargingStateChanged", "Charging")
    assert bench.ask("ClearChargingProfile", {"chargingProfileId": 1}) == {"status": "Unknown"}


@pytest.mark.parametrize(
    ("given", "evse", "reason"),
    [
        (profile(), 7, "UnknownEvse"),
        (profile(purpose="TxProfile", transactionId="x"), 1, "TxNotFound"),
        (profile(purpose="ChargingStationMaxProfile"), 1, "InvalidProfile"),
        (profile(level=99), 1, "InvalidStackLevel"),
    ],
)
def test_k01_what_is_refused_says_why(bench, given, evse, reason):
    answer = put(bench, given, evse)
    assert answer == {"status": "Rejected", "statusInfo": {"reasonCode": reason}}


def test_k09_fr_01_profiles_are_reported_by_evse_with_tbc_on_all_but_the_last(bench):
    put(bench, profile(1), 1)
    put(bench, profile(2, level=1), 1)
    put(bench, profile(3), 2)
    request = {"requestId": 9, "chargingProfile": {"chargingProfilePurpose": "TxDefaultProfile"}}
    assert bench.ask("GetChargingProfiles", request) == {"status": "Accepted"}
    bench.go(1.0)
    told = bench.payloads("ReportChargingProfiles")
    assert [(p["evseId"], p.get("tbc", False)) for p in told] == [(1, True), (2, False)]
    assert [q["id"] for p in told for q in p["chargingProfile"]] == [1, 2, 3]
    assert all(p["requestId"] == 9 for p in told)


def test_k09_fr_02_nothing_that_fits_is_no_profiles(bench):
    request = {"requestId": 9, "chargingProfile": {"stackLevel": 5}}
    assert bench.ask("GetChargingProfiles", request) == {"status": "NoProfiles"}


def test_b02_fr_02_no_profiles_are_reported_before_accepted(make):
    bench = make(version="2.0.1")
    time = "2026-06-01T06:00:00Z"
    pending = {"status": "Pending", "currentTime": time, "interval": 300}
    bench.csms.always["BootNotification"] = pending
    bench.start().go(1.0)
    assert put(bench, profile()) == {"status": "Accepted"}
    answer = bench.call("GetChargingProfiles", {"requestId": 9, "chargingProfile": {}})
    bench.go(1.0)
    assert answer[0] == 4 and answer[2] == "GenericError"
    assert set(bench.actions()) == {"BootNotification"}


def test_k08_fr_02_the_composite_schedule(bench):
    put(bench, profile(watts=5500.0), 1)
    answer = bench.ask("GetCompositeSchedule", {"evseId": 1, "duration": 60})
    period = answer["schedule"]["chargingSchedulePeriod"][0]
    assert answer["status"] == "Accepted" and period["startPeriod"] == 0
    nowhere = bench.ask("GetCompositeSchedule", {"evseId": 9, "duration": 60})
    assert nowhere["statusInfo"]["reasonCode"] == "UnknownEvse"


def test_k08_fr_02_it_opens_with_what_holds_at_the_moment_and_not_earlier_in_its_second(bench):
    bench.go(0.7)
    start = "2026-06-01T06:00:05.600Z"
    given = profile(watts=6900.0)
    given["chargingSchedule"][0]["startSchedule"] = start
    put(bench, given)
    bench.go(0.1)
    answer = bench.ask("GetCompositeSchedule", {"evseId": 1, "duration": 60})
    (period,) = answer["schedule"]["chargingSchedulePeriod"]
    assert (period["startPeriod"], period["limit"]) == (0, 10.0)
    assert answer["schedule"]["scheduleStart"] == "2026-06-01T06:00:05.000Z"
    assert answer["schedule"]["duration"] == 60


def test_k12_fr_02_a_limit_of_others_is_told_and_changes_the_rate(bench):
    charge(bench)
    bench.do("limit_charging", 0, 5000.0, "EMS").go(1.0)
    (told,) = bench.payloads("NotifyChargingLimit")
    assert told == {"chargingLimit": {"chargingLimitSource": "EMS"}}
    assert bench.events()[-1][1] == "ChargingRateChanged"
    assert bench.meter.limits[-1][2] == pytest.approx(5000.0)
    bench.do("free_charging", 0, "EMS").go(1.0)
    assert bench.payloads("ClearedChargingLimit") == [{"chargingLimitSource": "EMS"}]


def test_f01_a_profile_may_come_with_a_remote_start(bench):
    given = profile(watts=4500.0, purpose="TxProfile", kind="Relative")
    request = {
        "idToken": {"idToken": "APP", "type": "Central"},
        "remoteStartId": 3,
        "evseId": 1,
        "chargingProfile": given,
    }
    assert bench.ask("RequestStartTransaction", request) == {"status": "Accepted"}
    bench.do("plug_in", 1).go(1.0)
    assert bench.meter.limits[-1][1:3] == (1, 4500.0)
    wanted = {"chargingProfilePurpose": "TxProfile"}
    bench.ask("GetChargingProfiles", {"requestId": 1, "chargingProfile": wanted})
    bench.go(1.0)
    (told,) = bench.payloads("ReportChargingProfiles")
    begun = bench.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"]
    assert told["chargingProfile"][0]["transactionId"] == begun


def test_k05_fr_05_a_remote_start_with_a_profile_that_is_no_good_says_why(bench):
    request = {"idToken": {"idToken": "APP", "type": "Central"}, "remoteStartId": 3, "evseId": 1}
    for given, reason in (
        (profile(purpose="TxDefaultProfile"), "InvalidProfile"),
        (profile(purpose="TxProfile", kind="Relative", watts=-1.0), "InvalidSchedule"),
        (profile(purpose="TxProfile", kind="Relative", level=99), "InvalidStackLevel"),
    ):
        answer = bench.ask("RequestStartTransaction", request | {"chargingProfile": given})
        assert answer == {"status": "Rejected", "statusInfo": {"reasonCode": reason}}
    assert not bench.station.waiting(1)
