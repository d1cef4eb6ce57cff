"""Charging profiles of a running station: what is taken, and what it does to the charge.

1.6 §3.13, §5.5, §5.7, §5.16 and errata over the wire; the rules of 2.0.1 block K at the functions
that its handlers call.
"""

from math import inf

import pytest
from station_harness import EPOCH, SILENT, validator

from simulator.station import clock, smartcharging
from simulator.station.profiles import Kind, Period, Profile, Purpose, Schedule, Unit
from simulator.station.settings import Supply

VOLT3 = 3 * 230.0


def iso(seconds):
    """A time of the run on the CSMS's clock, which the station takes over."""
    return clock.iso(EPOCH + seconds)


def wire(periods, purpose="TxDefaultProfile", unit="A", **changes):
    """A 1.6 profile; ``periods`` are (start, limit) or (start, limit, phases)."""
    schedule = {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [
            dict(zip(("startPeriod", "limit", "numberPhases"), period, strict=False))
            for period in periods
        ],
    }
    for name in ("duration", "startSchedule", "minChargingRate"):
        if name in changes:
            schedule[name] = changes.pop(name)
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
        **changes,
    }


def put(bench, evse, profile):
    request = {"connectorId": evse, "csChargingProfiles": profile}
    validator("SetChargingProfile").validate(request)
    status = bench.ask("SetChargingProfile", request)["status"]
    bench.go(0.1)
    return status


def charge(bench, evse=1, token="TAG"):
    bench.do("plug_in", evse).do("present_token", evse, token)
    return bench.go(1.0)


def limits(bench, evse=1):
    return [watts for _, number, watts, _ in bench.meter.limits if number == evse]


def amps(bench, evse=1):
    """The limit in force, in amperes per phase; inf without one."""
    told = limits(bench, evse)
    return told[-1] / VOLT3 if told else inf


def schedule(bench, evse, duration=3600, unit=None):
    request = {"connectorId": evse, "duration": duration}
    answer = bench.ask(
        "GetCompositeSchedule", request | ({"chargingRateUnit": unit} if unit else {})
    )
    assert answer["status"] == "Accepted"
    periods = answer["chargingSchedule"]["chargingSchedulePeriod"]
    return [(p["startPeriod"], p["limit"]) for p in periods]


# -- purposes and stacking (1.6 §3.13) ------------------------------------------------------------


def test_1_6_3_13_1_a_tx_default_at_0_limits_every_transaction(make):
    bench = make(evses=2).boot()
    assert put(bench, 0, wire([(0, 10)])) == "Accepted"
    charge(bench, 1)
    charge(bench, 2, "OTHER")
    assert amps(bench, 1) == amps(bench, 2) == 10


def test_1_6_3_13_1_a_tx_default_of_the_connector_replaces_the_one_of_connector_0(make):
    bench = make(evses=2).boot()
    put(bench, 0, wire([(0, 10)]))
    put(bench, 2, wire([(0, 16)], chargingProfileId=2, duration=100))
    charge(bench, 1)
    charge(bench, 2, "OTHER")
    assert (amps(bench, 1), amps(bench, 2)) == (10, 16)
    bench.go(200.0)
    assert (amps(bench, 1), amps(bench, 2)) == (10, inf)


def test_1_6_3_13_1_a_tx_profile_overrules_the_default_for_its_transaction_only(make):
    bench = charge(make().boot())
    put(bench, 0, wire([(0, 10)]))
    assert put(bench, 1, wire([(0, 20)], "TxProfile", chargingProfileId=2)) == "Accepted"
    assert amps(bench) == 20
    bench.do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0)
    assert amps(bench) == inf
    assert bench.ask("ClearChargingProfile", {"id": 2}) == {"status": "Unknown"}
    charge(bench)
    assert amps(bench) == 10


def test_1_6_3_13_1_a_tx_profile_needs_its_transaction(make):
    bench = make(evses=2).boot()
    profile = wire([(0, 10)], "TxProfile")
    assert put(bench, 1, profile) == "Rejected"
    charge(bench)
    assert put(bench, 2, profile) == put(bench, 0, profile) == "Rejected"
    assert put(bench, 1, profile | {"transactionId": 999}) == "Rejected"
    assert put(bench, 1, profile | {"transactionId": 1001}) == "Accepted"
    assert amps(bench) == 10


def test_1_6_3_13_1_a_charge_point_max_profile_is_for_connector_0_alone(make):
    bench = make().boot()
    assert put(bench, 1, wire([(0, 10)], "ChargePointMaxProfile")) == "Rejected"
    assert put(bench, 0, wire([(0, 10)], "ChargePointMaxProfile")) == "Accepted"


def test_1_6_3_13_2_the_highest_stack_level_that_is_valid_prevails(make):
    bench = make().boot()
    now = bench.now
    put(bench, 1, wire([(0, 10)]))
    window = {"validFrom": iso(now + 100), "validTo": iso(now + 200)}
    put(bench, 1, wire([(0, 16)], chargingProfileId=2, stackLevel=5, **window))
    put(bench, 1, wire([(0, 8)], chargingProfileId=3, stackLevel=2, validTo=iso(now + 300)))
    charge(bench).run(now + 400.0)
    assert [(t - now, w / VOLT3) for t, _, w, _ in bench.meter.limits[1:]] == [
        (pytest.approx(100.0, abs=0.1), 16),
        (pytest.approx(200.0, abs=0.1), 8),
        (pytest.approx(300.0, abs=0.1), 10),
    ]


def test_1_6_3_13_2_a_profile_of_the_same_purpose_and_level_replaces_the_old_one(make):
    bench = charge(make().boot())
    put(bench, 1, wire([(0, 10)]))
    put(bench, 1, wire([(0, 12)], chargingProfileId=2, validFrom=iso(bench.now + 50)))
    assert amps(bench) == inf
    bench.go(60.0)
    assert amps(bench) == 12
    assert bench.ask("ClearChargingProfile", {"id": 1}) == {"status": "Unknown"}


def test_1_6_3_13_3_the_charge_point_max_limits_the_sum_of_the_connectors(make):
    bench = charge(make(evses=3).boot(), 1)
    put(bench, 0, wire([(0, 24)], "ChargePointMaxProfile"))
    assert amps(bench, 1) == 24
    charge(bench, 2, "B")
    assert (amps(bench, 1), amps(bench, 2)) == (12, 12)
    charge(bench, 3, "C")
    assert [amps(bench, n) for n in (1, 2, 3)] == [8, 8, 8]
    # What one may not use is handed on, by its own profile or because its EV is full.
    put(bench, 1, wire([(0, 6)], chargingProfileId=2))
    assert [amps(bench, n) for n in (1, 2, 3)] == [6, 9, 9]
    bench.do("ev_suspended", 2).go(1.0)
    assert [amps(bench, n) for n in (1, 3)] == [6, 18]
    bench.do("ev_resumed", 2).go(1.0)
    assert [amps(bench, n) for n in (1, 2, 3)] == [6, 9, 9]
    bench.do("present_token", 3, "C").go(1.0)
    assert [amps(bench, n) for n in (1, 2)] == [6, 18]


def test_1_6_3_13_3_who_would_get_too_little_waits_and_the_first_goes_on(make):
    bench = charge(make(evses=2).boot(), 1)
    put(bench, 0, wire([(0, 10)], "ChargePointMaxProfile"))
    charge(bench, 2, "B")
    assert (amps(bench, 1), amps(bench, 2)) == (10, 0)
    assert bench.statuses(2)[-1] == "SuspendedEVSE"
    bench.do("unplug", 1).go(1.0)
    assert amps(bench, 2) == 10 and bench.statuses(2)[-1] == "Charging"


def test_K01_FR_21_min_charging_rate_is_heeded_when_a_limit_is_shared(make):
    bench = make(evses=2).boot()
    put(bench, 0, wire([(0, 32)], minChargingRate=12))
    put(bench, 0, wire([(0, 20)], "ChargePointMaxProfile", chargingProfileId=2))
    charge(bench, 1)
    charge(bench, 2, "B")
    assert (amps(bench, 1), amps(bench, 2)) == (20, 0)


def test_1_6_3_13_6_profiles_rule_offline_as_they_do_online(make):
    bench = charge(make().boot())
    put(bench, 1, wire([(0, 16), (100, 8), (400, 20)], "TxProfile"))
    bench.drop()
    bench.reachable = False
    bench.go(150.0)
    assert amps(bench) == 8
    bench.go(300.0)
    assert amps(bench) == 20


# -- schedules ------------------------------------------------------------------------------------


def test_1_6_7_13_periods_last_until_the_next_and_the_last_until_the_duration_ends(make):
    bench = charge(make().boot())
    begun = bench.station.evses[1].tx.begun
    put(bench, 1, wire([(0, 10), (60, 20), (180, 6)], "TxProfile", duration=240))
    bench.go(300.0)
    changes = [(t - begun, w / VOLT3) for t, _, w, _ in bench.meter.limits[1:]]
    assert changes == [(pytest.approx(60), 20), (pytest.approx(180), 6), (pytest.approx(240), inf)]


def test_1_6_err_3_44_what_is_longer_than_the_recurrence_is_never_reached(make):
    bench = make().boot()
    profile = wire(
        [(0, 10), (90_000, 6)],
        chargingProfileKind="Recurring",
        recurrencyKind="Daily",
        startSchedule=iso(bench.now - 100),
        duration=200_000,
    )
    assert put(bench, 1, profile) == "Accepted"
    charge(bench).go(2 * 86_400.0)
    assert limits(bench) == [10 * VOLT3]


def test_K01_FR_13_a_recurring_schedule_leaves_its_gaps_to_others(make):
    bench = make().boot()
    zero = bench.now
    put(bench, 1, wire([(0, 20)]))
    daily = wire(
        [(0, 10)],
        chargingProfileId=2,
        stackLevel=1,
        chargingProfileKind="Recurring",
        recurrencyKind="Daily",
        startSchedule=iso(zero + 3600),
        duration=1800,
    )
    put(bench, 1, daily)
    charge(bench).run(zero + 2 * 86_400.0)
    changes = [(round(t - zero), w / VOLT3) for t, _, w, _ in bench.meter.limits[1:]]
    assert changes == [(3600, 10), (5400, 20), (90_000, 10), (91_800, 20)]


def test_K01_FR_30_a_schedule_has_no_effect_before_its_start(make):
    bench = charge(make().boot())
    start = bench.now + 500
    profile = wire([(0, 10)], chargingProfileKind="Absolute", startSchedule=iso(start))
    put(bench, 1, profile)
    bench.run(start - 1.0)
    assert amps(bench) == inf
    bench.run(start + 1.0)
    assert amps(bench) == 10


def test_times_are_by_the_stations_own_clock(make):
    """Its clock runs 40 s ahead of the CSMS's after the first heartbeat: the edge comes earlier."""
    bench = charge(make().boot())
    profile = wire([(0, 10)], chargingProfileKind="Absolute", startSchedule=iso(1000))
    put(bench, 1, profile)
    bench.csms.say("Heartbeat", {"currentTime": iso(bench.now + 40.0)})
    bench.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    bench.run(1100.0)
    assert bench.meter.limits[0][0] == pytest.approx(960.0, abs=1.0)


def test_a_clock_that_is_put_back_a_little_repeats_nothing(make):
    bench = charge(make().boot())
    put(bench, 1, wire([(0, 10)], chargingProfileKind="Absolute", startSchedule=iso(1000)))
    bench.run(1001.0)
    bench.csms.say("Heartbeat", {"currentTime": iso(bench.now - 10.0)})
    bench.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    bench.go(100.0)
    assert limits(bench) == [10 * VOLT3]


def test_a_station_that_is_woken_late_is_where_it_should_be(make):
    bench = charge(make().boot())
    put(bench, 1, wire([(0, 10), (60, 20), (61, 12)], "TxProfile"))
    bench.run(bench.now + 100.0, late=5.0)
    assert [w / VOLT3 for w in limits(bench)] == [10, 12]


# -- units and phases -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "limit", "watts"),
    [("A", 10.0, 6900.0), ("W", 6900.0, 6900.0), ("W", 11040.0, 11040.0)],
)
def test_1_6_err_3_69_amperes_are_for_each_phase_and_watts_for_all_of_them(
    make, unit, limit, watts
):
    bench = charge(make().boot())
    put(bench, 1, wire([(0, limit)], unit=unit))
    assert bench.meter.limits[-1][1:] == (1, pytest.approx(watts), 3)


def test_1_6_err_3_34_more_phases_than_there_are_leave_the_limit_as_it_is(make):
    bench = charge(make(supply=Supply(lines=1)).boot())
    put(bench, 1, wire([(0, 10, 3)]))
    assert bench.meter.limits[-1][1:] == (1, 2300.0, 1)
    put(bench, 1, wire([(0, 6900.0)], unit="W"))
    assert bench.meter.limits[-1][1:] == (1, pytest.approx(2300.0), 1)


def test_K01_FR_43_fewer_phases_only_where_they_can_be_switched_off(make):
    profile = wire([(0, 10, 1)])
    assert put(charge(make().boot()), 1, profile) == "Rejected"
    can = {"ConnectorSwitch3to1PhaseSupported": "true"}
    bench = charge(make(configuration=can).boot())
    assert put(bench, 1, wire([(0, 10, 2)])) == "Rejected"
    assert put(bench, 1, profile) == "Accepted"
    assert bench.meter.limits[-1][1:] == (1, 2300.0, 1)


def test_K01_FR_44_phases_mean_nothing_on_dc(make):
    supply = Supply(lines=1, volt=400.0, dc=True, evse_a=375.0, least_a=10.0)
    bench = charge(make(supply=supply).boot())
    assert put(bench, 1, wire([(0, 50_000.0, 3)], unit="W")) == "Accepted"
    assert bench.meter.limits[-1][1:] == (1, 50_000.0, 1)
    assert schedule(bench, 1, unit="W") == [(0, 50_000.0)]
    assert schedule(bench, 1, unit="A") == [(0, 125.0)]


# -- real effect ----------------------------------------------------------------------------------


def test_1_6_4_9_0_a_is_suspended_evse_and_back(make):
    sampled = {"MeterValuesSampledData": "Power.Active.Import", "MeterValueSampleInterval": "60"}
    bench = charge(make(configuration=sampled).boot())
    bench.forget()
    put(bench, 1, wire([(0, 0), (200, 10)], "TxProfile"))
    assert bench.statuses(1) == ["SuspendedEVSE"]
    bench.go(250.0)
    assert bench.statuses(1) == ["SuspendedEVSE", "Charging"]
    values = [p["meterValue"][0]["sampledValue"][0]["value"] for p in bench.payloads("MeterValues")]
    assert values == ["0", "0", "0", "6900"]
    bench.do("present_token", 1, "TAG").go(1.0)
    started, stopped = (e for e in bench.log.transactions if e[0] in ("started", "stopped"))
    ran = bench.now - 1.0 - started[4] - 200.0
    assert stopped[3] - started[5] == pytest.approx(6900.0 * ran / 3600.0 + 3.4, abs=4.0)


def test_1_6_4_9_less_than_can_be_offered_is_suspended_evse(make):
    bench = charge(make().boot())
    put(bench, 1, wire([(0, 5.9)]))
    assert limits(bench) == [0.0] and bench.statuses(1)[-1] == "SuspendedEVSE"
    put(bench, 1, wire([(0, 6.0)]))
    assert amps(bench) == 6 and bench.statuses(1)[-1] == "Charging"


def test_1_6_err_3_8_a_default_that_is_set_changed_or_cleared_takes_running_transactions_along(
    make,
):
    bench = charge(make().boot())
    put(bench, 0, wire([(0, 10)]))
    assert amps(bench) == 10
    put(bench, 0, wire([(0, 20)]))
    assert amps(bench) == 20
    assert bench.ask("ClearChargingProfile", {"id": 1}) == {"status": "Accepted"}
    assert amps(bench) == inf and bench.station.running(1)


def test_the_answer_is_on_its_way_before_the_limit_takes_effect(make):
    bench = charge(make().boot())
    frames = len(bench.frames)
    put(bench, 1, wire([(0, 0)]))
    kinds = [(f[0], f[2] if f[0] == 2 else "") for f in bench.frames[frames:]]
    assert kinds == [(3, ""), (2, "StatusNotification")]


def test_a_station_without_profiles_keeps_nothing_for_them(make):
    bench = charge(make().boot())
    assert bench.station.smart is None and bench.station.limit_due == inf
    put(bench, 1, wire([(0, 10), (60, 20)], "TxProfile"))
    assert bench.station.limit_due < inf
    bench.do("unplug", 1).go(1.0)
    assert bench.station.smart is None and bench.station.limit_due == inf


# -- RemoteStart, reboot --------------------------------------------------------------------------


def test_1_6_5_16_2_the_profile_of_a_remote_start_is_for_its_transaction(make):
    bench = make().boot()
    profile = wire([(0, 10)], "TxProfile", chargingProfileId=9, stackLevel=3)
    start = {"connectorId": 1, "idTag": "APP", "chargingProfile": profile}
    validator("RemoteStartTransaction").validate(start)
    assert bench.ask("RemoteStartTransaction", start) == {"status": "Accepted"}
    bench.do("plug_in", 1).go(1.0)
    assert amps(bench) == 10
    # One with the id that the transaction has got replaces it (errata 3.42).
    new = wire([(0, 12)], "TxProfile", chargingProfileId=10, stackLevel=3, transactionId=1001)
    assert put(bench, 1, new) == "Accepted"
    assert amps(bench) == 12 and len(smartcharging.matching(bench.station)) == 1
    bench.do("unplug", 1).go(1.0)
    charge(bench, 1, "APP")
    assert amps(bench) == inf


def test_a_remote_start_that_came_to_nothing_leaves_no_profile_behind(make):
    bench = make(configuration={"ConnectionTimeOut": "20"}).boot()
    start = {"idTag": "APP", "chargingProfile": wire([(0, 10)], "TxProfile")}
    bench.ask("RemoteStartTransaction", start)
    bench.go(60.0)
    charge(bench, 1, "APP")
    assert bench.station.running(1) and limits(bench) == []


@pytest.mark.parametrize(
    "profile",
    [
        wire([(0, 10)]),
        wire([(0, 10)], "TxProfile", transactionId=5),
        wire([(5, 10)], "TxProfile"),
        wire([(0, 10)], "TxProfile", stackLevel=10),
    ],
)
def test_1_6_5_16_2_a_remote_start_with_a_profile_that_is_no_good_is_rejected(make, profile):
    bench = make().boot()
    start = {"connectorId": 1, "idTag": "APP", "chargingProfile": profile}
    assert bench.ask("RemoteStartTransaction", start) == {"status": "Rejected"}
    assert not bench.go(1.0).statuses(1)


def test_1_6_err_3_37_profiles_survive_a_reboot_and_those_of_transactions_do_not(make):
    bench = charge(make(reboot_s=5.0).boot())
    put(bench, 1, wire([(0, 10)]))
    put(bench, 1, wire([(0, 12)], "TxProfile", chargingProfileId=2))
    bench.ask("Reset", {"type": "Hard"})
    bench.go(60.0)
    assert [item.profile.id for item in smartcharging.matching(bench.station)] == [1]
    bench.do("unplug", 1)
    charge(bench)
    assert amps(bench) == 10


# -- acceptance (1.6 §5.16, §9.4) -----------------------------------------------------------------


@pytest.mark.parametrize(
    "profile",
    [
        wire([]),
        wire([(10, 10)]),
        wire([(0, 10), (0, 8)]),
        wire([(0, 10), (60, 8), (30, 8)]),
        wire([(0, -1)]),
        wire([(0, 10)], duration=0),
        wire([(0, 10)], stackLevel=-1),
        wire([(0, 10, 4)]),
        wire([(0, 10)], chargingProfileKind="Recurring"),
        wire([(0, 10)], validFrom=iso(10), validTo=iso(10)),
    ],
)
def test_1_6_5_16_a_profile_that_makes_no_sense_is_rejected(make, profile):
    bench = charge(make().boot())
    assert put(bench, 1, profile) == "Rejected"
    assert bench.meter.limits == [] and bench.station.smart is None


def test_1_6_9_4_the_limits_of_the_configuration_keys_hold(make):
    keys = {
        "ChargeProfileMaxStackLevel": "2",
        "ChargingScheduleAllowedChargingRateUnit": "Power",
        "ChargingScheduleMaxPeriods": "3",
        "MaxChargingProfilesInstalled": "2",
    }
    bench = make(configuration=keys).boot()
    rows = bench.ask("GetConfiguration", {"key": list(keys)})["configurationKey"]
    assert {row["key"]: (row["value"], row["readonly"]) for row in rows} == {
        key: (value, True) for key, value in keys.items()
    }
    good = wire([(0, 9000), (60, 8000), (90, 7000)], unit="W", stackLevel=2)
    assert put(bench, 1, good | {"stackLevel": 3}) == "Rejected"
    assert put(bench, 1, wire([(n, 9000) for n in range(4)], unit="W")) == "Rejected"
    assert put(bench, 1, wire([(0, 10)])) == "Rejected"
    assert put(bench, 1, good) == "Accepted"
    assert put(bench, 1, good | {"chargingProfileId": 2, "stackLevel": 1}) == "Accepted"
    assert put(bench, 1, good | {"chargingProfileId": 3, "stackLevel": 0}) == "Rejected"
    assert put(bench, 1, good | {"chargingProfileId": 3}) == "Accepted"
    assert {item.profile.id for item in smartcharging.matching(bench.station)} == {2, 3}


def test_1_6_5_16_the_same_id_replaces_wherever_it_was(make):
    bench = make(evses=2).boot()
    put(bench, 1, wire([(0, 10)]))
    put(bench, 2, wire([(0, 12)], stackLevel=4))
    (item,) = smartcharging.matching(bench.station)
    assert (item.evse, item.profile.level) == (2, 4)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"connectorId": 9, "csChargingProfiles": wire([(0, 10)])}, "PropertyConstraintViolation"),
        ({"connectorId": -1, "csChargingProfiles": wire([(0, 10)])}, "PropertyConstraintViolation"),
        (
            {"connectorId": 1, "csChargingProfiles": wire([(0, 10)], unit="kW")},
            "PropertyConstraintViolation",
        ),
        (
            {"connectorId": 1, "csChargingProfiles": wire([(0, 10)], validTo="soon")},
            "PropertyConstraintViolation",
        ),
        ({"connectorId": 1, "csChargingProfiles": wire([(0, "10")])}, "TypeConstraintViolation"),
        ({"connectorId": 1}, "ProtocolError"),
    ],
)
def test_1_6_err_3_38_3_39_wrong_words_and_connectors_are_call_errors(make, request_, code):
    assert make().boot().call("SetChargingProfile", request_)[2] == code


# -- ClearChargingProfile, GetCompositeSchedule ---------------------------------------------------


def stocked(make):
    bench = make(evses=2).boot()
    put(bench, 0, wire([(0, 10)], chargingProfileId=1))
    put(bench, 0, wire([(0, 30)], "ChargePointMaxProfile", chargingProfileId=2))
    put(bench, 1, wire([(0, 10)], chargingProfileId=3, stackLevel=1))
    put(bench, 2, wire([(0, 10)], chargingProfileId=4, stackLevel=1))
    return bench


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        ({"id": 3}, [1, 2, 4]),
        ({"id": 3, "connectorId": 2, "stackLevel": 7}, [1, 2, 4]),
        ({"connectorId": 0}, [3, 4]),
        ({"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1}, [1, 2]),
        ({"chargingProfilePurpose": "TxDefaultProfile", "connectorId": 2}, [1, 2, 3]),
        ({}, []),
    ],
)
def test_1_6_5_5_all_that_meet_every_criterion_are_cleared(make, criteria, left):
    bench = stocked(make)
    assert bench.ask("ClearChargingProfile", criteria) == {"status": "Accepted"}
    assert [item.profile.id for item in smartcharging.matching(bench.station)] == left


@pytest.mark.parametrize("criteria", [{"id": 9}, {"connectorId": 1, "stackLevel": 0}])
def test_1_6_5_5_nothing_to_clear_is_unknown(make, criteria):
    bench = stocked(make)
    assert bench.ask("ClearChargingProfile", criteria) == {"status": "Unknown"}
    assert bench.ask("ClearChargingProfile") == {"status": "Accepted"}
    assert bench.ask("ClearChargingProfile") == {"status": "Unknown"}


def test_1_6_5_7_the_composite_schedule_of_a_connector_and_of_the_charge_point(make):
    bench = make(evses=2).boot()
    start = iso(bench.now + 600)
    absolute = {"chargingProfileKind": "Absolute", "startSchedule": start}
    put(bench, 0, wire([(0, 16)], chargingProfileId=1))
    put(bench, 0, wire([(0, 10)], "ChargePointMaxProfile", chargingProfileId=2, **absolute))
    charge(bench)
    answer = bench.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 900})
    body = answer.pop("chargingSchedule")
    assert clock.parse(answer.pop("scheduleStart")) == pytest.approx(EPOCH + bench.now, abs=1.0)
    assert answer == {"status": "Accepted", "connectorId": 1}
    (first, second) = body.pop("chargingSchedulePeriod")
    assert body == {"duration": 900, "chargingRateUnit": "A"}
    assert first == {"startPeriod": 0, "limit": 16.0, "numberPhases": 3}
    assert (second["limit"], second["startPeriod"]) == (10.0, pytest.approx(600 - 1.5, abs=1.5))
    assert [limit for _, limit in schedule(bench, 0)] == [32.0, 10.0]
    assert [limit for _, limit in schedule(bench, 0, unit="W")] == [22080.0, 6900.0]
    assert schedule(bench, 1, duration=60) == [(0, 16.0)]


def test_1_6_5_7_without_profiles_it_is_what_station_and_connector_bear(make):
    bench = make(evses=2, supply=Supply(evse_a=16.0, station_a=20.0)).boot()
    assert schedule(bench, 1) == [(0, 16.0)]
    assert schedule(bench, 0) == [(0, 20.0)]


@pytest.mark.parametrize(
    "request_",
    [
        {"connectorId": 3, "duration": 60},
        {"connectorId": -1, "duration": 60},
        {"connectorId": 1, "duration": 0},
        {"connectorId": 1, "duration": 60, "chargingRateUnit": "W"},
    ],
)
def test_1_6_5_7_what_cannot_be_reported_is_rejected(make, request_):
    units = {"ChargingScheduleAllowedChargingRateUnit": "Current"}
    answer = make(evses=2, configuration=units).boot().ask("GetCompositeSchedule", request_)
    assert answer == {"status": "Rejected"}


def test_1_6_err_3_24_an_unknown_unit_is_a_call_error(make):
    request = {"connectorId": 1, "duration": 60, "chargingRateUnit": "kW"}
    code = make().boot().call("GetCompositeSchedule", request)[2]
    assert code == "PropertyConstraintViolation"


def test_a_composite_schedule_has_no_more_periods_than_the_station_states(make):
    bench = make(configuration={"ChargingScheduleMaxPeriods": "4"}).boot()
    daily = {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"}
    put(bench, 1, wire([(0, 10), (3600, 20)], startSchedule=iso(0), **daily))
    answer = bench.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 2**31 - 1})
    body = answer["chargingSchedule"]
    assert len(body["chargingSchedulePeriod"]) == 4
    assert body["duration"] == pytest.approx(2 * 86_400, abs=10)


def test_K08_FR_06_without_a_transaction_as_if_one_ran_under_the_default(make):
    bench = charge(make(evses=2).boot(), 1)
    put(bench, 0, wire([(0, 14)]))
    put(bench, 0, wire([(0, 20)], "ChargePointMaxProfile", chargingProfileId=2))
    assert schedule(bench, 2) == [(0, 10.0)]
    assert amps(bench, 1) == 14


# -- the stricter rules of 2.0.1 ------------------------------------------------------------------


def neutral(id=1, level=0, purpose=Purpose.TX_DEFAULT, kind=Kind.RELATIVE, **changes):
    start = None if kind is Kind.RELATIVE else EPOCH
    parts = changes.pop("schedules", (Schedule(Unit.A, (Period(0.0, 10.0),), start),))
    return Profile(id, level, purpose, kind, parts, **changes)


def refused(bench, evse, profile):
    return smartcharging.refusal(bench.station, evse, profile, strict=True)


def test_K01_FR_06_39_the_same_purpose_and_level_twice_is_a_duplicate(make):
    bench = charge(make().boot())
    station = bench.station
    smartcharging.install(station, bench.now, 1, neutral(valid_to=EPOCH + 1e6), True)
    assert refused(bench, 1, neutral(id=2)) == "DuplicateProfile"
    assert refused(bench, 1, neutral(id=2, valid_from=EPOCH + 1e6)) == ""
    assert refused(bench, 1, neutral(id=2, level=1)) == refused(bench, 1, neutral(level=1)) == ""
    tx = neutral(id=5, purpose=Purpose.TX, transaction="1001")
    assert refused(bench, 1, tx) == ""
    smartcharging.install(station, bench.now, 1, tx, True)
    again = neutral(id=6, purpose=Purpose.TX, transaction="1001", valid_from=EPOCH + 1e6)
    assert refused(bench, 1, again) == "DuplicateProfile"


@pytest.mark.parametrize(("first", "then"), [(0, 1), (1, 0)])
def test_K01_FR_52_53_a_default_of_an_evse_and_one_of_the_station_do_not_share_a_level(
    make, first, then
):
    bench = make().boot()
    smartcharging.install(bench.station, bench.now, first, neutral(), True)
    assert refused(bench, then, neutral(id=2)) == "DuplicateProfile"
    assert refused(bench, then, neutral()) == ""


def test_K01_FR_03_09_16_28_33_a_tx_profile_names_a_transaction_that_runs(make):
    bench = make(evses=2).boot()
    tx = neutral(purpose=Purpose.TX, transaction="1001")
    assert refused(bench, 1, tx) == "TxNotFound"
    charge(bench)
    assert refused(bench, 1, tx) == ""
    assert refused(bench, 0, tx) == "InvalidProfile"
    assert refused(bench, 9, tx) == "UnknownEvse"
    assert refused(bench, 2, tx) == "TxNotFound"
    assert refused(bench, 1, neutral(purpose=Purpose.TX, transaction="7")) == "TxNotFound"
    assert refused(bench, 1, neutral(purpose=Purpose.TX)) == "InvalidProfile"


def test_K01_FR_22_34_38_40_41_what_the_csms_shall_not_send(make):
    bench = make().boot()
    one = Schedule(Unit.A, (Period(0.0, 10.0),))
    for evse, profile, reason in (
        (0, neutral(purpose=Purpose.EXTERNAL), "InvalidProfile"),
        (1, neutral(schedules=(one, one)), "InvalidSchedule"),
        (0, neutral(purpose=Purpose.STATION_MAX), "InvalidProfile"),
        (1, neutral(kind=Kind.ABSOLUTE, schedules=(one,)), "InvalidSchedule"),
        (1, neutral(schedules=(Schedule(Unit.A, (Period(0.0, 10.0),), EPOCH),)), "InvalidSchedule"),
    ):
        assert refused(bench, evse, profile) == reason
    assert refused(bench, 0, neutral(purpose=Purpose.STATION_MAX, kind=Kind.ABSOLUTE)) == ""


def test_K01_FR_48_the_phase_cannot_be_chosen(make):
    bench = make(configuration={"ConnectorSwitch3to1PhaseSupported": "true"}).boot()
    chosen = Schedule(Unit.A, (Period(0.0, 10.0, 1, 2),))
    assert refused(bench, 1, neutral(schedules=(chosen,))) == "InvalidSchedule"


def test_K11_K13_a_limit_of_somebody_else_limits_and_is_not_the_csmss_to_clear(make):
    bench = charge(make(evses=2).boot(), 1)
    charge(bench, 2, "B")
    station = bench.station
    external = neutral(id=100, purpose=Purpose.EXTERNAL)
    smartcharging.impose(station, bench.now, 0, external, "EMS")
    assert [amps(bench, n) for n in (1, 2)] == [10, 0]
    smartcharging.impose(station, bench.now, 2, neutral(id=101, purpose=Purpose.EXTERNAL), "SO")
    assert refused(bench, 1, neutral(id=100)) == "DuplicateProfile"
    assert not smartcharging.clear(station, bench.now, id=100)
    assert not smartcharging.clear(station, bench.now)
    assert len(smartcharging.matching(station, sources=("EMS",))) == 1
    assert smartcharging.lift(station, bench.now, 0, "EMS")
    assert not smartcharging.lift(station, bench.now, 0, "EMS")
    assert [amps(bench, n) for n in (1, 2)] == [inf, 10]


def test_K09_FR_03_profiles_are_found_by_id_or_by_criteria(make):
    bench = stocked(make)

    def found(*args, **criteria):
        return [i.profile.id for i in smartcharging.matching(bench.station, *args, **criteria)]

    assert found((1, 4, 7)) == [1, 4]
    assert found(evse=0) == [1, 2]
    assert found(purpose=Purpose.TX_DEFAULT, level=1) == [3, 4]
    assert found(sources=("SO",)) == []


def test_a_start_that_is_refused_afterwards_frees_its_share(make):
    """Energy alone is cut off (StopTransactionOnInvalidId false): nothing is drawn there."""
    bench = make(evses=2, configuration={"StopTransactionOnInvalidId": "false"}).boot()
    charge(bench, 1)
    put(bench, 0, wire([(0, 20)], "ChargePointMaxProfile"))
    bench.csms.say("StartTransaction", {"transactionId": 5, "idTagInfo": {"status": "Invalid"}})
    charge(bench, 2, "B")
    assert bench.station.running(2) and amps(bench, 1) == 20


def test_a_transaction_without_an_id_yet_takes_no_profile_that_names_one(make):
    bench = make().boot()
    bench.csms.say("StartTransaction", SILENT)
    charge(bench)
    assert put(bench, 1, wire([(0, 10)], "TxProfile", transactionId=1001)) == "Rejected"
    assert put(bench, 1, wire([(0, 10)], "TxProfile")) == "Accepted"
