"""Meter values of 2.0.1: what is kept for the end has intervals of its own (J01, J02)."""

import pytest


@pytest.fixture
def make201(make):
    def build(**kwargs):
        return make(version="2.0.1", **kwargs)

    return build


def switch_off(bench, component):
    data = {
        "component": {"name": component},
        "variable": {"name": "Enabled"},
        "attributeValue": "false",
    }
    answer = bench.ask("SetVariables", {"setVariableData": [data]})
    assert answer["setVariableResult"][0]["attributeStatus"] == "Accepted"


def kept(bench, context):
    (ended,) = [p for p in bench.payloads("TransactionEvent") if p["eventType"] == "Ended"]
    values = [row["sampledValue"][0] for row in ended["meterValue"]]
    return [value["context"] for value in values].count(context)


def test_j02_tx_ended_interval_is_an_interval_of_its_own(make201):
    changes = {
        "SampledDataCtrlr.TxUpdatedInterval": "25",
        "SampledDataCtrlr.TxEndedInterval": "10",
    }
    bench = make201(configuration=changes).boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(61.0)
    bench.do("present_token", 1, "TAG").go(1.0)
    assert [e[1] for e in bench.events()].count("MeterValuePeriodic") == 2
    assert kept(bench, "Sample.Periodic") == 6
    assert kept(bench, "Transaction.Begin") == kept(bench, "Transaction.End") == 1


def test_j02_a_tx_ended_interval_of_0_keeps_begin_and_end_alone(make201):
    bench = make201(configuration={"SampledDataCtrlr.TxUpdatedInterval": "10"}).boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(61.0)
    bench.do("present_token", 1, "TAG").go(1.0)
    assert [e[1] for e in bench.events()].count("MeterValuePeriodic") == 6
    assert kept(bench, "Sample.Periodic") == 0
    assert kept(bench, "Transaction.Begin") == kept(bench, "Transaction.End") == 1


def test_j01_aligned_data_for_the_end_has_an_interval_of_its_own_too(make201):
    changes = {
        "AlignedDataCtrlr.Interval": "60",
        "AlignedDataCtrlr.TxEndedInterval": "20",
        "AlignedDataCtrlr.TxEndedMeasurands": "Voltage",
        "SampledDataCtrlr.TxUpdatedInterval": "0",
    }
    bench = make201(configuration=changes).boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(125.0)
    bench.do("present_token", 1, "TAG").go(1.0)
    assert [e[1] for e in bench.events()].count("MeterValueClock") == 2
    assert kept(bench, "Sample.Clock") == 6


def test_j01_send_during_idle_keeps_clock_aligned_values_from_transactions(make201):
    changes = {"AlignedDataCtrlr.Interval": "30", "AlignedDataCtrlr.SendDuringIdle": "true"}
    bench = make201(evses=2, configuration=changes).boot()
    bench.go(61.0)
    assert bench.actions().count("MeterValues") == 6
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(90.0)
    assert bench.actions().count("MeterValues") == 6
    assert "MeterValueClock" not in [e[1] for e in bench.events()]
    bench.do("unplug", 1).go(30.0)
    assert bench.actions().count("MeterValues") == 9


@pytest.mark.parametrize("name", ["SampledDataCtrlr", "AlignedDataCtrlr"])
def test_j02_meter_values_that_are_disabled_are_not_sent(make201, name):
    changes = {"AlignedDataCtrlr.Interval": "30", "SampledDataCtrlr.TxUpdatedInterval": "30"}
    bench = make201(configuration=changes).boot()
    switch_off(bench, name)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(61.0)
    triggers = {e[1] for e in bench.events()}
    off = "MeterValuePeriodic" if name.startswith("Sampled") else "MeterValueClock"
    on = {"MeterValuePeriodic", "MeterValueClock"} - {off}
    assert off not in triggers and on <= triggers
