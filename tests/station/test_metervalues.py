"""When meters are read, and what for (1.6 §3.16, §4.7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from station_harness import EPOCH

from simulator.station import clock

ALL = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC"
NOTHING = {"MeterValueSampleInterval": "0"}


def charge(bench, evse=1, token="TAG"):
    bench.do("plug_in", evse).do("present_token", evse, token)
    return bench.go(0.2)


def values(payload):
    (meter_value,) = payload["meterValue"]
    return {s["measurand"]: (s["value"], s.get("unit")) for s in meter_value["sampledValue"]}


def stamps(bench):
    return [
        clock.parse(p["meterValue"][0]["timestamp"]) - EPOCH for p in bench.payloads("MeterValues")
    ]


def test_1_6_3_16_1_samples_at_exact_multiples_from_the_start_of_the_transaction(make):
    bench = make(configuration={"MeterValueSampleInterval": "7"}).boot()
    charge(bench)
    began = bench.log.transactions[0][4]
    bench.go(70.0)
    due = [due for action, due, _ in bench.log.planned if action == "MeterValues"]
    assert due == [began + 7.0 * k for k in range(1, 11)]


def test_samples_stay_due_at_their_multiples_however_late_the_station_is_woken(make):
    bench = make(configuration={"MeterValueSampleInterval": "7"}).boot()
    charge(bench)
    began = bench.log.transactions[0][4]
    bench.run(bench.now + 70.0, late=2.0)
    due = [due for action, due, _ in bench.log.planned if action == "MeterValues"]
    assert due == [began + 7.0 * k for k in range(1, 10)]
    late = [e for e in bench.log.ended if e.action == "MeterValues"]
    assert [e.rest for e in late] == pytest.approx([2.0] * 9)


def test_samples_missed_in_one_long_pause_are_all_taken(make):
    bench = make(configuration={"MeterValueSampleInterval": "2"}).boot()
    charge(bench)
    bench.now += 11.0
    bench.go(0.5)
    assert len(bench.payloads("MeterValues")) == 5


def test_samples_due_before_a_late_stop_are_taken_and_none_after(make):
    bench = make(configuration={"MeterValueSampleInterval": "10"}).boot()
    charge(bench)
    began = bench.log.transactions[0][4]
    stop_due = began + 20.0
    bench.now = began + 35.0
    bench.do("present_token", 1, "TAG", due=stop_due).go(5.0)
    assert len(bench.payloads("MeterValues")) == 1
    assert [a for a in bench.actions() if a != "StatusNotification"][-2:] == [
        "MeterValues",
        "StopTransaction",
    ]


def test_1_6_9_1_19_interval_0_means_no_samples(make):
    bench = make(configuration=NOTHING).boot()
    charge(bench).go(1000.0)
    assert bench.payloads("MeterValues") == []


def test_1_6_7_31_measurands_with_their_units(make):
    bench = make(configuration={"MeterValuesSampledData": ALL}).boot()
    charge(bench).go(61.0)
    (payload,) = bench.payloads("MeterValues")
    assert values(payload) == {
        "Energy.Active.Import.Register": ("1000183", "Wh"),
        "Power.Active.Import": ("11000", "W"),
        "Current.Import": ("15.9", "A"),
        "Voltage": ("230.0", "V"),
        "SoC": ("50", "Percent"),
    }
    contexts = {s["context"] for s in payload["meterValue"][0]["sampledValue"]}
    assert contexts == {"Sample.Periodic"}
    assert payload["transactionId"] == 1001 and payload["connectorId"] == 1


def test_soc_is_left_out_where_the_station_cannot_know_it(make):
    bench = make(configuration={"MeterValuesSampledData": "SoC,Voltage"}).boot()
    bench.meter.soc = None
    charge(bench).go(61.0)
    assert list(values(bench.payloads("MeterValues")[0])) == ["Voltage"]


def test_nothing_is_sent_when_there_is_nothing_to_say(make):
    bench = make(configuration={"MeterValuesSampledData": "SoC"}).boot()
    bench.meter.soc = None
    charge(bench).go(200.0)
    assert bench.payloads("MeterValues") == []


def test_an_accelerated_sample_interval_holds_until_the_csms_sets_one(make):
    bench = make(sample_interval_s=2.5).boot()
    charge(bench).go(10.0)
    assert len(bench.payloads("MeterValues")) == 4
    bench.ask("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "60"})
    bench.go(45.0)
    assert len(bench.payloads("MeterValues")) == 4
    bench.go(10.0)
    assert len(bench.payloads("MeterValues")) == 5


def test_a_changed_interval_counts_from_the_start_of_the_transaction(make):
    bench = make(configuration={"MeterValueSampleInterval": "600"}).boot()
    charge(bench)
    began = bench.log.transactions[0][4]
    bench.run(began + 95.0)
    bench.ask("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "30"})
    bench.run(began + 155.0)
    due = [due for action, due, _ in bench.log.planned if action == "MeterValues"]
    assert due == [began + 120.0, began + 150.0]


def test_1_6_3_16_2_clock_aligned_at_multiples_from_midnight_of_the_stations_own_clock(make):
    bench = make(evses=2, configuration={"ClockAlignedDataInterval": "900", **NOTHING}).boot()
    charge(bench, 2)
    bench.forget()
    bench.run(3000.0)
    offset = EPOCH + bench.now - (bench.station.clock_zero + bench.now)
    assert offset == pytest.approx(0.05, abs=0.01)  # taken from an answer that took 50 ms
    due = [due for action, due, _ in bench.log.planned if action == "MeterValues"]
    hours = [900.0] * 3 + [1800.0] * 3 + [2700.0] * 3
    assert due == pytest.approx([at + 0.05 for at in hours], abs=0.011)
    assert stamps(bench) == hours
    rows = [(p["connectorId"], p.get("transactionId")) for p in bench.payloads("MeterValues")]
    assert rows[:3] == [(1, None), (2, 1001), (0, None)]
    contexts = {
        s["context"]
        for p in bench.payloads("MeterValues")
        for s in p["meterValue"][0]["sampledValue"]
    }
    assert contexts == {"Sample.Clock"}


def test_stations_whose_clocks_differ_are_not_aligned_with_each_other(make):
    dues = []
    for draw in (0.2, 0.7):
        bench = make(
            draws=draw,
            clock_spread_s=1.0,
            configuration={"ClockAlignedDataInterval": "900", **NOTHING},
        ).boot()
        bench.log.planned.clear(), bench.log.ended.clear()
        bench.run(1000.0)
        dues += [due for action, due, _ in bench.log.planned if action == "MeterValues"]
    assert len(dues) == 2 and abs(dues[0] - dues[1]) > 0.1


def test_an_aligned_instant_is_read_once_although_the_clock_is_put_back(make):
    bench = make(configuration={"ClockAlignedDataInterval": "900", **NOTHING}).boot()
    bench.csms.say("Heartbeat", *[{"currentTime": clock.iso(EPOCH + 880.0)}] * 2)
    bench.run(900.5)
    assert len(bench.payloads("MeterValues")) == 1
    bench.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    bench.go(60.0)
    assert len(bench.payloads("MeterValues")) == 1


def test_1_6_3_16_2_clock_aligned_readings_are_queued_offline(make):
    bench = make(
        configuration={"ClockAlignedDataInterval": "900", **NOTHING}, backoff_min_s=3000.0
    ).boot()
    bench.drop()
    bench.run(4000.0)
    assert stamps(bench) == [900.0, 1800.0, 2700.0, 3600.0]


def test_1_6_3_16_5_no_metering_data_in_the_stop_unless_configured(make):
    bench = make().boot()
    charge(bench).go(130.0).do("unplug", 1).go(1.0)
    assert "transactionData" not in bench.payloads("StopTransaction")[0]


def test_1_6_err_3_14_transaction_data_has_begin_samples_and_end(make):
    bench = make(
        configuration={
            "MeterValueSampleInterval": "10",
            "MeterValuesSampledData": "",
            "StopTxnSampledData": "Energy.Active.Import.Register,SoC",
        }
    ).boot()
    charge(bench).go(35.0).do("unplug", 1).go(1.0)
    assert bench.payloads("MeterValues") == []
    data = bench.payloads("StopTransaction")[0]["transactionData"]
    contexts = [row["sampledValue"][0]["context"] for row in data]
    assert contexts == ["Transaction.Begin", *["Sample.Periodic"] * 3, "Transaction.End"]
    assert [len(row["sampledValue"]) for row in data] == [2] * 5
    first, last = data[0]["sampledValue"][0]["value"], data[-1]["sampledValue"][0]["value"]
    assert int(first) == bench.payloads("StartTransaction")[0]["meterStart"]
    assert int(last) == bench.payloads("StopTransaction")[0]["meterStop"]


def test_1_6_3_16_2_transaction_data_may_be_clock_aligned(make):
    bench = make(
        configuration={
            **NOTHING,
            "ClockAlignedDataInterval": "60",
            "MeterValuesAlignedData": "",
            "StopTxnAlignedData": "Energy.Active.Import.Register",
        }
    ).boot()
    charge(bench).run(200.0).do("unplug", 1).go(1.0)
    data = bench.payloads("StopTransaction")[0]["transactionData"]
    assert [clock.parse(row["timestamp"]) - EPOCH for row in data[1:-1]] == [60.0, 120.0, 180.0]
    assert data[1]["sampledValue"][0]["context"] == "Sample.Clock"


def test_1_6_err_3_91_transaction_data_is_bounded_and_keeps_begin_and_end(make):
    bench = make(
        configuration={
            "MeterValueSampleInterval": "1",
            "MeterValuesSampledData": "",
            "StopTxnSampledData": "Energy.Active.Import.Register",
            "StopTransactionMaxMeterValues": "20",
        }
    ).boot()
    charge(bench).go(500.0).do("unplug", 1).go(1.0)
    data = bench.payloads("StopTransaction")[0]["transactionData"]
    assert 10 <= len(data) <= 20
    contexts = [row["sampledValue"][0]["context"] for row in data]
    assert contexts[0] == "Transaction.Begin" and contexts[-1] == "Transaction.End"


def test_1_6_5_17_triggered_meter_values_are_the_latest_of_the_sampled_measurands(make):
    bench = make(evses=2, configuration={**NOTHING, "MeterValuesSampledData": "Voltage"}).boot()
    charge(bench, 2).forget()
    bench.ask("TriggerMessage", {"requestedMessage": "MeterValues"})
    bench.go(1.0)
    rows = [(p["connectorId"], p.get("transactionId")) for p in bench.payloads("MeterValues")]
    assert rows == [(1, None), (2, 1001), (0, None)]
    sample = bench.payloads("MeterValues")[0]["meterValue"][0]["sampledValue"][0]
    assert sample["context"] == "Trigger" and sample["measurand"] == "Voltage"


DAY = 86_400.0


@given(
    st.floats(1.6e9, 2.0e9),
    st.integers(1, 86_400),
)
def test_the_next_aligned_instant_is_the_first_multiple_from_midnight_that_is_later(at, interval):
    then = clock.next_aligned(at, float(interval))
    assert then > at
    assert then - at <= interval
    midnight = then // DAY * DAY
    assert then == midnight or (then - midnight) % interval == 0.0


def test_aligned_readings_missed_in_one_long_pause_are_all_taken(make):
    bench = make(configuration={"ClockAlignedDataInterval": "10", **NOTHING}).boot().run(105.0)
    count = len(bench.payloads("MeterValues"))
    bench.now = 157.0
    bench.go(1.0)
    assert len(bench.payloads("MeterValues")) == count + 5


def test_a_clock_that_is_set_moves_the_next_aligned_reading(make):
    bench = make(configuration={"ClockAlignedDataInterval": "900", **NOTHING})
    bench.csms.interval = 500
    bench.boot()
    bench.csms.say("Heartbeat", {"currentTime": clock.iso(EPOCH + 600.0)})
    bench.run(899.0)
    due = [due for action, due, _ in bench.log.planned if action == "MeterValues"]
    set_at = next(e.ended for e in bench.log.ended if e.action == "Heartbeat")
    assert due == pytest.approx([set_at + 300.0])
