"""Phases that charging profiles ask for by number or by name (2.0.1 K01.FR.19, FR.43 to FR.49)."""

import pytest

from simulator.station.settings import Supply

CHOOSES = {"SmartChargingCtrlr.ACPhaseSwitchingSupported": "true"}
SWITCHES = {"SmartChargingCtrlr.Phases3to1": "true"}
MAX = "ChargingStationMaxProfile"


def profile(*periods, id=1, purpose="TxDefaultProfile", amps=10.0):
    """``periods``: (numberPhases, phaseToUse) one minute after another."""
    rows = []
    for n, (number, phase) in enumerate(periods):
        row = {"startPeriod": 60 * n, "limit": amps, "numberPhases": number, "phaseToUse": phase}
        rows.append({name: value for name, value in row.items() if value is not None})
    schedule = {
        "id": 1,
        "startSchedule": "2026-06-01T06:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": rows,
    }
    return {
        "id": id,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    }


def put(bench, given, evse=1):
    answer = bench.ask("SetChargingProfile", {"evseId": evse, "chargingProfile": given})
    return answer.get("statusInfo", answer).get("reasonCode", answer["status"])


def build(make, configuration=CHOOSES, **more):
    bench = make(version="2.0.1", evses=2, configuration=configuration, **more).boot()
    return bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)


def test_k01_fr_46_the_phase_that_is_named_is_the_one_in_use(make):
    bench = build(make)
    assert put(bench, profile((1, 2), (1, 3), (3, None))) == "Accepted"
    for lines, phase in ((1, 2), (1, 3), (3, 0)):
        assert bench.meter.limits[-1][3] == lines and bench.meter.chosen[1] == phase
        bench.go(60.0)
    assert bench.meter.limits[0][2] == pytest.approx(2300.0)


def test_k08_the_composite_schedule_names_the_phase(make):
    bench = build(make)
    put(bench, profile((1, 2), (3, None)))
    put(bench, profile((3, None), id=2, purpose=MAX, amps=8.0), 0)
    answer = bench.ask("GetCompositeSchedule", {"evseId": 1, "duration": 600})
    first, second = answer["schedule"]["chargingSchedulePeriod"]
    assert (first["numberPhases"], first["phaseToUse"], first["limit"]) == (1, 2, 8.0)
    assert second["numberPhases"] == 3 and "phaseToUse" not in second


def test_k01_fr_47_without_a_name_the_station_chooses(make):
    bench = build(make, SWITCHES)
    assert put(bench, profile((1, None))) == "Accepted"
    assert bench.meter.limits[-1][3] == 1 and bench.meter.chosen[1] == 0


@pytest.mark.parametrize(
    ("configuration", "wanted", "supply"),
    [
        (CHOOSES, (3, 1), Supply()),  # K01.FR.19
        (CHOOSES, (None, 1), Supply()),
        (CHOOSES, (1, 4), Supply()),
        (CHOOSES, (1, 0), Supply()),
        (CHOOSES, (2, None), Supply()),  # K01.FR.43
        (SWITCHES, (1, 1), Supply()),  # K01.FR.48
        ({}, (1, 1), Supply()),
        ({}, (1, None), Supply()),
        ({}, (1, 2), Supply(lines=1)),
    ],
)
def test_k01_fr_43_and_fr_48_what_cannot_be_promised_is_rejected(
    make, configuration, wanted, supply
):
    assert put(build(make, configuration, supply=supply), profile(wanted)) == "InvalidSchedule"


def test_k01_fr_46_the_one_phase_that_there_is_may_be_named(make):
    assert put(build(make, {}, supply=Supply(lines=1)), profile((1, 1))) == "Accepted"


def test_k01_fr_44_on_dc_phases_mean_nothing(make):
    bench = build(make, {}, supply=Supply(lines=1, volt=400.0, dc=True))
    assert put(bench, profile((3, 2))) == "Accepted"
    assert bench.meter.chosen[1] == 0


@pytest.mark.parametrize("first", [0, 1])
def test_k_3_7_a_phase_that_conflicts_with_that_of_the_station_is_rejected(make, first):
    """Errata 2.36; of the same phase, or where one names none, there is no conflict."""
    bench = build(make)
    both = [(profile((1, 1), id=1, purpose=MAX), 0), (profile((3, None), (1, 2), id=2), 1)]
    (one, at), (other, there) = both[first], both[1 - first]
    assert put(bench, one, at) == "Accepted"
    assert put(bench, other, there) == "InvalidSchedule"
    same = profile((1, 1) if first == 0 else (1, 2), id=3, purpose=other["chargingProfilePurpose"])
    assert put(bench, same, there) == "Accepted"
