"""Readings of single phases, and of the main meter (1.6 §3.16.3, §4.7, §9.1.17; 2.0.1 J01)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.station.reading import neutral_a, phases_of

ALL = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC"
NOTHING = {"MeterValueSampleInterval": "0"}


def charge(bench, evse=1, token="TAG"):
    bench.do("plug_in", evse).do("present_token", evse, token)
    return bench.go(0.2)


def read(payload):
    """{(measurand, phase): value} of the one reading of a message."""
    (meter_value,) = payload["meterValue"]
    found = {
        (s["measurand"], s.get("phase", "")): float(s["value"]) for s in meter_value["sampledValue"]
    }
    assert len(found) == len(meter_value["sampledValue"])
    return found


def ask_for(bench, measurands, key="MeterValuesSampledData"):
    return bench.ask("ChangeConfiguration", {"key": key, "value": measurands})["status"]


def sampled(make, measurands, **options):
    bench = make(configuration={"MeterValuesSampledData": measurands}, **options).boot()
    charge(bench)
    bench.meter.lines[1] = (10.0, 10.0, 10.0)
    bench.go(61.0)
    (payload,) = bench.payloads("MeterValues")
    return read(payload)


def test_1_6_3_16_3_a_measurand_is_read_on_every_phase_that_the_meter_tells(make):
    found = sampled(make, ALL, lines_metered=3)
    assert {phase for name, phase in found if name == "Current.Import"} == {"L1", "L2", "L3", "N"}
    assert {phase for name, phase in found if name == "Voltage"} == {"L1-N", "L2-N", "L3-N"}
    assert {phase for name, phase in found if name == "SoC"} == {""}
    assert found["Energy.Active.Import.Register", ""] > 1_000_000.0
    total = found["Power.Active.Import", ""]
    assert sum(found["Power.Active.Import", f"L{n}"] for n in (1, 2, 3)) == pytest.approx(
        total, abs=2
    )
    assert found["Current.Import", "N"] == 0.0


def test_a_meter_of_two_lines_tells_two(make):
    found = sampled(make, "Current.Import,Voltage", lines_metered=2)
    assert list(found) == [
        *(("Current.Import", phase) for phase in ("L1", "L2", "N")),
        *(("Voltage", phase) for phase in ("L1-N", "L2-N")),
    ]


def test_without_phases_there_is_one_figure(make):
    assert set(sampled(make, ALL)) == {(name, "") for name in ALL.split(",")}


def test_1_6_9_1_17_a_measurand_may_be_combined_with_a_phase(make):
    bench = make(lines_metered=3).boot()
    assert ask_for(bench, "Voltage.L1,Current.Import.L2,Voltage.L1-L2") == "Accepted"
    charge(bench)
    bench.meter.lines[1] = (16.0, 8.0, 0.0)
    bench.go(61.0)
    found = read(bench.payloads("MeterValues")[0])
    assert found == {
        ("Voltage", "L1"): 230.0,
        ("Current.Import", "L2"): 8.0,
        ("Voltage", "L1-L2"): 398.4,
    }


def test_1_6_3_16_4_a_phase_that_is_not_measured_is_rejected(make):
    for options in ({}, {"lines_metered": 1}):
        bench = make(**options).boot()
        assert ask_for(bench, "Voltage.L2") == "Rejected"
        assert ask_for(bench, "Voltage.L7") == "Rejected"
        assert ask_for(bench, "SoC.L1") == "Rejected"


def test_what_is_asked_for_twice_is_told_once(make):
    found = sampled(make, "Current.Import.L1,Current.Import", lines_metered=3)
    assert [phase for _, phase in found] == ["L1", "L2", "L3", "N"]


def test_transaction_data_has_phases_too(make):
    changes = {**NOTHING, "StopTxnSampledData": "Current.Import"}
    bench = make(configuration=changes, lines_metered=3).boot()
    charge(bench).do("unplug", 1).go(1.0)
    (first, *_) = bench.payloads("StopTransaction")[0]["transactionData"]
    assert [s["phase"] for s in first["sampledValue"]] == ["L1", "L2", "L3", "N"]


def test_j01_fr_14_every_phase_for_which_a_measurand_is_supported(make):
    changes = {"SampledDataCtrlr.TxUpdatedMeasurands": "Current.Import,Power.Active.Import"}
    bench = make(version="2.0.1", configuration=changes, lines_metered=3).boot()
    charge(bench).go(61.0)
    (event, *_) = [
        p for p in bench.payloads("TransactionEvent") if p["triggerReason"] == "MeterValuePeriodic"
    ]
    assert [phase for _, phase in read(event)] == ["L1", "L2", "L3", "N", "", "L1", "L2", "L3"]


@given(st.lists(st.floats(0.0, 80.0), min_size=1, max_size=3))
def test_the_neutral_bears_no_more_than_the_phases_and_nothing_if_they_are_equal(amps):
    found = neutral_a(tuple(amps))
    assert 0.0 <= found <= max(amps) + 1e-6
    if len(amps) == 1:
        assert found == pytest.approx(amps[0])
    assert neutral_a((amps[0],) * 3) == pytest.approx(0.0, abs=1e-5)


def test_registers_are_told_as_a_whole_alone():
    assert phases_of("Energy.Active.Import.Register", 3) == ("",)


# -- the main meter -------------------------------------------------------------------------------


def aligned(make, evses, version="1.6", **configuration):
    bench = make(version=version, evses=evses, configuration=configuration).boot()
    for evse in range(1, evses + 1):
        charge(bench, evse, f"TAG{evse}")
    bench.forget()
    bench.run(901.0)
    return bench


def test_1_6_4_7_connector_0_is_the_main_meter_and_has_no_transaction(make):
    changes = {"ClockAlignedDataInterval": "900", "MeterValuesAlignedData": ALL, **NOTHING}
    bench = aligned(make, 2, **changes)
    rows = {p["connectorId"]: p for p in bench.payloads("MeterValues")}
    assert set(rows) == {0, 1, 2}
    assert "transactionId" not in rows[0]
    main = read(rows[0])
    assert ("SoC", "") not in main
    for name in ("Energy.Active.Import.Register", "Power.Active.Import"):
        own = [read(rows[n])[name, ""] for n in (1, 2)]
        assert main[name, ""] == pytest.approx(sum(own), abs=2)


def test_the_only_evse_is_its_own_main_meter(make):
    bench = aligned(make, 1, ClockAlignedDataInterval="900", **NOTHING)
    assert [p["connectorId"] for p in bench.payloads("MeterValues")] == [1]


def test_j01_fr_03_evse_0_is_the_whole_station(make):
    bench = aligned(make, 2, "2.0.1", **{"AlignedDataCtrlr.Interval": "900"})
    assert [p["evseId"] for p in bench.payloads("MeterValues")] == [0]


def test_j01_fr_20_the_main_meter_is_silent_too_during_a_transaction(make):
    changes = {"AlignedDataCtrlr.Interval": "900", "AlignedDataCtrlr.SendDuringIdle": "true"}
    assert not aligned(make, 2, "2.0.1", **changes).payloads("MeterValues")


def test_1_6_5_17_meter_values_of_connector_0_may_be_triggered(make):
    bench = make(evses=2, configuration=NOTHING).boot()
    bench.ask("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 0})
    bench.go(1.0)
    assert [p["connectorId"] for p in bench.payloads("MeterValues")] == [0]
