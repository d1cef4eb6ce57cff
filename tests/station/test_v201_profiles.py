"""Charging profiles as OCPP 2.0.1 writes them: read, written back, valid by its schemas."""

import json
from functools import cache
from importlib.resources import files
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from simulator.station import clock, smartcharging, v201_profiles
from simulator.station.profiles import Kind, Period, Profile, Purpose, Recurrency, Schedule, Unit

EPOCH = clock.parse("2026-06-01T06:00:00Z")


@cache
def validator(name):
    path = files("ocpp.v201") / "schemas" / f"{name}.json"
    return Draft7Validator(json.loads(path.read_text(encoding="utf-8-sig")))


FULL = {
    "id": 7,
    "stackLevel": 2,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Recurring",
    "recurrencyKind": "Weekly",
    "validFrom": "2026-06-01T06:00:00.000Z",
    "validTo": "2026-07-01T06:00:00.000Z",
    "transactionId": "tx-1",
    "chargingSchedule": [
        {
            "id": 3,
            "startSchedule": "2026-06-01T00:00:00.000Z",
            "duration": 3600,
            "chargingRateUnit": "A",
            "minChargingRate": 6.0,
            "salesTariff": {
                "id": 1,
                "salesTariffEntry": [{"relativeTimeInterval": {"start": 0}, "ePriceLevel": 2}],
            },
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 16.0, "numberPhases": 1, "phaseToUse": 2},
                {"startPeriod": 60, "limit": 8.0},
            ],
        }
    ],
}


def test_every_field_is_read_and_written_back():
    validator("SetChargingProfileRequest").validate({"evseId": 1, "chargingProfile": FULL})
    profile = v201_profiles.read(FULL)
    assert profile == Profile(
        7,
        2,
        Purpose.TX,
        Kind.RECURRING,
        (
            Schedule(
                Unit.A,
                (Period(0.0, 16.0, 1, 2), Period(60.0, 8.0)),
                clock.parse("2026-06-01T00:00:00Z"),
                3600.0,
                6.0,
                3,
                '{"id":1,"salesTariffEntry":[{"relativeTimeInterval":{"start":0},"ePriceLevel":2}]}',
            ),
        ),
        Recurrency.WEEKLY,
        EPOCH,
        clock.parse("2026-07-01T06:00:00Z"),
        "tx-1",
    )
    assert v201_profiles.write(profile) == FULL


whole = st.integers(0, 10**6).map(float)
schedules = st.builds(
    Schedule,
    st.sampled_from(Unit),
    st.lists(
        st.builds(Period, whole, whole, st.sampled_from([None, 1, 2, 3]), st.none()),
        min_size=1,
        max_size=4,
    ).map(tuple),
    st.none() | whole.map(lambda s: EPOCH + s),
    st.just(inf) | whole,
    st.none() | whole,
    st.integers(0, 99),
)
parts = {
    "id": st.integers(-5, 2**31 - 1),
    "level": st.integers(0, 9),
    "purpose": st.sampled_from(Purpose),
    "schedules": st.lists(schedules, min_size=1, max_size=3).map(tuple),
    "valid_from": st.just(-inf) | whole.map(lambda s: EPOCH + s),
    "valid_to": st.just(inf) | whole.map(lambda s: EPOCH + s),
    "transaction": st.none() | st.text("abc-9", min_size=1, max_size=36),
}
every = st.builds(
    Profile, kind=st.just(Kind.RECURRING), recurrency=st.sampled_from(Recurrency), **parts
) | st.builds(Profile, kind=st.sampled_from([Kind.ABSOLUTE, Kind.RELATIVE]), **parts)


@settings(max_examples=100, deadline=None)
@given(every)
def test_k09_what_is_reported_is_valid_and_reads_as_what_was_set(profile):
    told = v201_profiles.write(profile)
    report = {"requestId": 1, "chargingLimitSource": "CSO", "evseId": 1, "chargingProfile": [told]}
    validator("ReportChargingProfilesRequest").validate(report)
    assert v201_profiles.read(told) == profile


def test_a_time_that_is_none_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="validTo 'soon': expected"):
        v201_profiles.read({**FULL, "validTo": "soon"})


def test_k08_the_composite_schedule_is_valid(make):
    bench = make().boot()
    station = bench.station
    profile = v201_profiles.read({**FULL, "chargingProfilePurpose": "TxDefaultProfile"})
    smartcharging.install(station, bench.now, 1, profile, strict=True)
    found = smartcharging.composite_of(station, bench.now, 1, 600, Unit.W)
    schedule = json.loads(v201_profiles.composite_json(found, 1, dc=False))
    answer = {"status": "Accepted", "schedule": schedule}
    validator("GetCompositeScheduleResponse").validate(answer)
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 22080.0, "numberPhases": 3}
    ]
