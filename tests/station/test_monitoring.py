"""OCPP 2.0.1 N02 to N08: monitors, their reports and what they notice."""

import pytest
from station_harness import EPOCH, SILENT, Refuse, boot_conf

from simulator.station import clock
from simulator.station.monitoring import MAX_HELD, MAX_MONITORS
from simulator.station.settings import Preset

POWER = ({"name": "EVSE", "evse": {"id": 1}}, {"name": "Power"})
STATE = (
    {"name": "Connector", "evse": {"id": 1, "connectorId": 1}},
    {"name": "AvailabilityState"},
)
REGISTER = ({"name": "FiscalMetering", "evse": {"id": 1}}, {"name": "EnergyImportRegister"})
HEARTBEAT = ({"name": "OCPPCommCtrlr"}, {"name": "HeartbeatInterval"})
LEVEL = ({"name": "MonitoringCtrlr"}, {"name": "ActiveMonitoringLevel"})
QUIET = "MonitoringCtrlr.OfflineQueuingSeverity"


@pytest.fixture
def make201(make):
    def build(configuration=None, **kwargs):
        conf = {"SampledDataCtrlr.TxUpdatedInterval": "0", **(configuration or {})}
        return make(version="2.0.1", evses=2, configuration=conf, **kwargs).boot()

    return build


@pytest.fixture
def bench(make201):
    return make201()


def element(what, kind, value, severity=5, **more):
    component, variable = what
    return {
        "component": component,
        "variable": variable,
        "type": kind,
        "value": value,
        "severity": severity,
        **more,
    }


def put(bench, *args, **more):
    """Set one monitor; its id, or the status that refused it."""
    data = {"setMonitoringData": [element(*args, **more)]}
    (result,) = bench.ask("SetVariableMonitoring", data)["setMonitoringResult"]
    assert ("id" in result) == (result["status"] == "Accepted")
    return result.get("id", result["status"])


def events(bench):
    """What NotifyEvent told, flat."""
    sent = bench.payloads("NotifyEvent")
    assert {(p["seqNo"], p["tbc"]) for p in sent} <= {(0, False)}  # N07.FR.07, N08.FR.04
    return [event for part in sent for event in part["eventData"]]


def said(bench):
    return [(e["trigger"], e["actualValue"], e.get("cleared", False)) for e in events(bench)]


def charge(bench, evse=1):
    return bench.do("plug_in", evse).do("present_token", evse, "TAG").go(1.0)


def stop(bench):
    return bench.do("present_token", 1, "TAG").go(1.0)


def offline(bench):
    bench.reachable = False
    bench.drop()
    return bench


def online(bench):
    bench.reachable = True
    return bench.go(120.0)


def report(bench, **criteria):
    """Ids by the name of the component, or the status."""
    bench.forget()
    answer = bench.ask("GetMonitoringReport", {"requestId": 3, **criteria})["status"]
    bench.go(1.0)
    sent = bench.payloads("NotifyMonitoringReport")
    assert [p["seqNo"] for p in sent] == list(range(len(sent)))  # N02.FR.09
    assert {p["requestId"] for p in sent} <= {3}  # N02.FR.04
    rows = [row for p in sent for row in p["monitor"]]
    found = sorted(m["id"] for row in rows for m in row["variableMonitoring"])
    return found if answer == "Accepted" else answer


# -- N04: setting ---------------------------------------------------------------------------------


def test_n04_fr_01_and_02_one_result_for_every_element_in_order(bench):
    wanted = [
        element(POWER, "UpperThreshold", 5000.0),
        element(({"name": "Nothing"}, {"name": "Power"}), "Delta", 1),
        element(HEARTBEAT, "Delta", 1, 8),
    ]
    results = bench.ask("SetVariableMonitoring", {"setMonitoringData": wanted})
    for data, result in zip(wanted, results["setMonitoringResult"], strict=True):
        for name in ("component", "variable", "type", "severity"):
            assert result[name] == data[name]
    statuses = [result["status"] for result in results["setMonitoringResult"]]
    assert statuses == ["Accepted", "UnknownComponent", "Accepted"]


@pytest.mark.parametrize(
    ("component", "variable", "status"),
    [
        ({"name": "Nothing"}, {"name": "Power"}, "UnknownComponent"),  # N04.FR.03
        ({"name": "EVSE"}, {"name": "Power"}, "UnknownComponent"),
        ({"name": "EVSE", "evse": {"id": 3}}, {"name": "Power"}, "UnknownComponent"),
        ({"name": "EVSE", "evse": {"id": 0}}, {"name": "Power"}, "UnknownComponent"),
        ({"name": "Connector", "evse": {"id": 1, "connectorId": 2}}, {"name": "Problem"}, 0),
        ({"name": "EVSE", "instance": "x", "evse": {"id": 1}}, {"name": "Power"}, 0),
        ({"name": "EVSE", "evse": {"id": 1}}, {"name": "Colour"}, "UnknownVariable"),  # N04.FR.04
        (
            {"name": "EVSE", "evse": {"id": 1}},
            {"name": "Power", "instance": "L1"},
            "UnknownVariable",
        ),
        ({"name": "evse", "evse": {"id": 1}}, {"name": "POWER"}, 1),
    ],
)
def test_n04_fr_03_and_04_unknown_components_and_variables(bench, component, variable, status):
    assert put(bench, (component, variable), "Delta", 1) == (status or "UnknownComponent")


def test_n04_fr_05_no_threshold_on_what_is_no_number(bench):
    assert put(bench, STATE, "UpperThreshold", 1) == "UnsupportedMonitorType"
    assert put(bench, STATE, "Delta", 1) == 1


@pytest.mark.parametrize("value", [-1, 10])
def test_n04_fr_06_no_threshold_out_of_the_range_of_the_variable(bench, value):
    assert put(bench, LEVEL, "UpperThreshold", value) == "Rejected"
    assert put(bench, LEVEL, "LowerThreshold", value) == "Rejected"
    assert put(bench, LEVEL, "LowerThreshold", 9) == 1


def test_n04_fr_09_no_more_elements_than_items_per_message(make201):
    bench = make201({"MonitoringCtrlr.ItemsPerMessage[SetVariableMonitoring]": "2"})
    data = [element(POWER, "Delta", 1, severity) for severity in range(3)]
    answer = bench.call("SetVariableMonitoring", {"setMonitoringData": data})
    assert answer[2] == "OccurrenceConstraintViolation"
    assert report(bench) == "EmptyResultSet"


def test_n04_fr_10_one_monitor_of_a_type_and_severity_for_each_variable(bench):
    assert put(bench, POWER, "UpperThreshold", 67, 4) == 1
    assert put(bench, POWER, "UpperThreshold", 78, 4) == "Duplicate"
    assert put(bench, POWER, "UpperThreshold", 78, 5) == 2
    assert put(bench, POWER, "UpperThreshold", 67, 4, id=2) == "Duplicate"
    assert put(bench, POWER, "UpperThreshold", 68, 4, id=1) == 1


def test_n04_fr_12_a_monitor_is_replaced_by_its_id(bench):
    number = put(bench, POWER, "UpperThreshold", 5000)
    assert put(bench, POWER, "Delta", 7, 3, id=number) == number
    bench.forget()
    bench.ask("GetMonitoringReport", {"requestId": 1})
    bench.go(1.0)
    (row,) = bench.payloads("NotifyMonitoringReport")[0]["monitor"]
    assert row["variableMonitoring"] == [
        {"id": number, "type": "Delta", "value": 7.0, "severity": 3, "transaction": False}
    ]


def test_n04_fr_13_and_16_an_id_of_no_monitor_or_of_another_variables(bench):
    assert put(bench, POWER, "Delta", 1, id=9) == "Rejected"
    number = put(bench, POWER, "Delta", 1)
    assert put(bench, STATE, "Delta", 1, id=number) == "Rejected"


@pytest.mark.parametrize(
    ("kind", "value", "severity"),
    [
        ("Delta", -1, 5),  # N04.FR.14
        ("Delta", 1, 10),
        ("Delta", 1, -1),
        ("Periodic", 0, 5),
        ("PeriodicClockAligned", -900, 5),
    ],
)
def test_n04_fr_14_values_that_no_monitor_can_have(bench, kind, value, severity):
    assert put(bench, POWER, kind, value, severity) == "Rejected"


def test_there_is_an_end_to_monitors(make201):
    bench = make201({"MonitoringCtrlr.ItemsPerMessage[SetVariableMonitoring]": "9"})
    kinds = ("UpperThreshold", "LowerThreshold", "Delta", "Periodic")
    places = (POWER, REGISTER)
    found = [put(bench, p, k, 5, s) for p in places for k in kinds for s in range(10)]
    assert found.count("Rejected") == 80 - MAX_MONITORS


def test_monitoring_that_is_switched_off_sets_nothing(make201):
    assert put(make201({"MonitoringCtrlr.Enabled": "false"}), POWER, "Delta", 1) == "Rejected"


# -- N07: alerts ----------------------------------------------------------------------------------


def test_n07_fr_16_above_an_upper_threshold_and_n07_fr_02_back_again(bench):
    number = put(bench, POWER, "UpperThreshold", 5000)
    stop(charge(bench))
    assert said(bench) == [("Alerting", "11000", False), ("Alerting", "0", True)]
    first, second = events(bench)
    assert first["variableMonitoringId"] == number  # N07.FR.06
    assert first["component"] == POWER[0] and first["variable"] == POWER[1]
    assert first["eventNotificationType"] == "CustomMonitor"
    assert first["eventId"] != second["eventId"]
    started = bench.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"]
    assert first["transactionId"] == started


def test_n07_fr_17_below_a_lower_threshold_and_not_on_it(bench):
    assert put(bench, POWER, "LowerThreshold", 0) == 1
    assert put(bench, POWER, "LowerThreshold", 0.5, 4) == 2
    bench.go(1.0)
    assert [e["variableMonitoringId"] for e in events(bench)] == [2]
    assert [c for *_, c in said(charge(bench))] == [False, True]


def test_n07_fr_16_what_exceeds_already_is_told_at_once(bench):
    charge(bench)
    put(bench, POWER, "UpperThreshold", 5000)
    assert said(bench.go(1.0)) == [("Alerting", "11000", False)]


def test_n07_fr_11_a_new_threshold_is_weighed_against_the_old_one(bench):
    charge(bench)
    number = put(bench, POWER, "UpperThreshold", 20_000)
    put(bench, POWER, "UpperThreshold", 5000, id=number)
    bench.go(1.0)
    put(bench, POWER, "UpperThreshold", 6000, id=number)  # still over it: nothing new
    bench.go(1.0)
    put(bench, POWER, "UpperThreshold", 20_000, id=number)
    bench.go(1.0)
    assert said(bench) == [("Alerting", "11000", False), ("Alerting", "11000", True)]


def test_n07_fr_12_what_is_removed_is_not_told_as_cleared(bench):
    number = put(bench, POWER, "UpperThreshold", 5000)
    charge(bench).forget()
    assert bench.ask("ClearVariableMonitoring", {"id": [number]}) == {
        "clearMonitoringResult": [{"id": number, "status": "Accepted"}]
    }
    assert said(stop(bench)) == []


def test_n07_fr_18_a_delta_counts_from_what_was_told_last(bench):
    put(bench, REGISTER, "Delta", 100)
    charge(bench).go(200.0)  # 11 kW: 100 Wh are 32.7 s; meters are looked at every 10 s
    values = [float(value) for trigger, value, _ in said(bench) if trigger == "Delta"]
    assert len(values) == 5
    steps = [b - a for a, b in zip([1e6, *values], values, strict=False)]
    assert all(100.0 < step <= 130.0 + 11.0 for step in steps)


def test_n07_fr_19_a_delta_of_what_is_no_number_is_any_change(bench):
    put(bench, STATE, "Delta", 1)
    bench.do("plug_in", 1).go(1.0).do("unplug", 1).go(1.0)
    assert said(bench) == [("Delta", "Occupied", False), ("Delta", "Available", False)]


def test_settings_can_be_watched_as_they_are_in_force(bench):
    put(bench, HEARTBEAT, "Delta", 1)
    bench.csms.say("BootNotification", boot_conf(bench.now, interval=77))
    bench.ask("Reset", {"type": "Immediate"})
    bench.go(60.0)
    assert said(bench) == [("Delta", "77", False)]


@pytest.mark.parametrize(
    ("component", "variable", "after"),
    [
        ({"name": "ChargingStation"}, {"name": "Problem"}, "true"),
        ({"name": "ChargingStation"}, {"name": "AvailabilityState"}, "Faulted"),
    ],
)
def test_the_station_itself_can_be_watched(bench, component, variable, after):
    put(bench, (component, variable), "Delta", 1)
    assert said(bench.do("fault", 0).go(1.0)) == [("Delta", after, False)]


def test_the_station_is_as_available_as_its_evses(bench):
    put(bench, ({"name": "ChargingStation"}, {"name": "AvailabilityState"}), "Delta", 1)
    bench.do("plug_in", 1).go(1.0)
    assert said(bench) == []
    bench.do("plug_in", 2).go(1.0)
    assert said(bench) == [("Delta", "Occupied", False)]


def test_the_number_of_display_messages_can_be_watched(bench):
    put(bench, ({"name": "DisplayMessageCtrlr"}, {"name": "DisplayMessages"}), "Delta", 0)
    info = {"id": 1, "priority": "InFront", "message": {"format": "UTF8", "content": "x"}}
    info["endDateTime"] = clock.iso(EPOCH + bench.now + 30.0)
    bench.ask("SetDisplayMessage", {"message": info})
    assert said(bench.go(40.0)) == [("Delta", "1", False), ("Delta", "0", False)]
    assert bench.times("NotifyEvent")[-1] == pytest.approx(bench.now - 10.0, abs=0.1)


def test_a_monitor_of_transactions_rests_without_one(bench):
    put(bench, STATE, "Delta", 1, transaction=True)
    bench.do("plug_in", 1).go(1.0).do("unplug", 1).go(1.0)
    assert said(bench) == []
    put(bench, POWER, "LowerThreshold", 1, transaction=True)
    bench.go(1.0)
    charge(bench).do("unplug", 1).go(1.0)
    assert [trigger for trigger, *_ in said(bench)] == ["Delta"]


def test_a_threshold_within_transactions_begins_anew_with_each(bench):
    put(bench, POWER, "UpperThreshold", 5000, transaction=True)
    for _ in range(2):
        charge(bench).do("unplug", 1).go(1.0)
    assert said(bench) == [("Alerting", "11000", False)] * 2


def test_only_meters_are_looked_at_from_time_to_time(bench):
    put(bench, STATE, "Delta", 1)
    assert charge(bench).station.timers is None
    put(bench, POWER, "Delta", 1)
    assert len(bench.station.timers) == 1


def test_what_happens_at_once_is_told_in_one_message(bench):
    put(bench, STATE, "Delta", 1)
    put(bench, ({"name": "EVSE", "evse": {"id": 1}}, {"name": "AvailabilityState"}), "Delta", 1)
    bench.do("plug_in", 1).go(1.0)
    (sent,) = bench.payloads("NotifyEvent")
    assert len(sent["eventData"]) == 2


def test_one_message_at_a_time_and_bounded_memory(bench):
    bench.csms.always["NotifyEvent"] = SILENT
    put(bench, STATE, "Delta", 1)
    for _ in range(MAX_HELD):
        bench.do("plug_in", 1).do("unplug", 1)
    assert len(bench.station.monitoring.held) == MAX_HELD
    calls = [c for c in bench.station.calls or () if c.action == "NotifyEvent"]
    assert len(calls) <= 1


def test_a_refused_event_is_not_told_again(bench):
    bench.csms.say("NotifyEvent", Refuse())
    put(bench, STATE, "Delta", 1)
    bench.do("plug_in", 1).go(100.0)
    assert len(bench.payloads("NotifyEvent")) == 1


# -- N07, N08: offline, level ---------------------------------------------------------------------


def test_n07_fr_04_offline_events_up_to_the_severity_are_kept(make201):
    bench = make201({QUIET: "4"})
    put(bench, STATE, "Delta", 1, 4)
    offline(bench).do("plug_in", 1).go(1.0)
    then = clock.iso(bench.station.clock_zero + bench.now - 1.0)
    bench.do("unplug", 1)
    assert said(bench) == []
    assert said(online(bench)) == [("Delta", "Occupied", False), ("Delta", "Available", False)]
    assert events(bench)[0]["timestamp"] == then


def test_n07_fr_04_the_rest_looks_again_when_it_is_online(make201):
    bench = make201({QUIET: "4"})
    put(bench, STATE, "Delta", 1, 5)
    offline(bench).do("plug_in", 1).do("unplug", 1).do("plug_in", 1).go(1.0)
    assert bench.station.monitoring.held == []
    assert said(online(bench)) == [("Delta", "Occupied", False)]


def test_tc_n_23_what_is_as_before_after_the_outage_is_not_told(make201):
    bench = make201({QUIET: "4"})
    put(bench, STATE, "Delta", 1, 5)
    offline(bench).do("plug_in", 1).do("unplug", 1)
    assert said(online(bench)) == []


def test_n07_fr_04_what_the_connection_took_away_is_told_again(bench):
    put(bench, STATE, "Delta", 1)
    bench.csms.say("NotifyEvent", SILENT)
    bench.do("plug_in", 1).go(1.0)
    bench.drop()
    bench.go(60.0)
    sent = events(bench)
    assert len(sent) == 2 and sent[0] == sent[1]


def test_n07_fr_04_above_the_severity_it_is_not_told_again(make201):
    bench = make201({QUIET: "4"})
    put(bench, STATE, "Delta", 1, 5)
    bench.csms.say("NotifyEvent", SILENT)
    bench.do("plug_in", 1).go(1.0)
    bench.drop()
    assert len(events(bench.go(60.0))) == 1


def test_n07_fr_13_and_14_monitors_outlive_a_reboot_and_clear_after_it(bench):
    put(bench, POWER, "UpperThreshold", 5000)
    charge(bench).ask("Reset", {"type": "Immediate"})
    bench.go(60.0)
    assert said(bench) == [("Alerting", "11000", False), ("Alerting", "0", True)]
    assert report(bench) == [1]


def test_n05_fr_03_and_n07_fr_15_nothing_above_the_level(bench):
    put(bench, STATE, "Delta", 1, 6)
    assert bench.ask("SetMonitoringLevel", {"severity": 5}) == {"status": "Accepted"}
    assert said(bench.do("plug_in", 1).go(1.0)) == []
    bench.ask("SetMonitoringLevel", {"severity": 6})
    assert said(bench.do("unplug", 1).do("plug_in", 1).go(1.0))[-1] == ("Delta", "Occupied", False)


@pytest.mark.parametrize("severity", [-1, 10])
def test_n05_fr_02_a_level_out_of_range_is_rejected(bench, severity):
    assert bench.ask("SetMonitoringLevel", {"severity": severity}) == {"status": "Rejected"}


# -- N08: periodic --------------------------------------------------------------------------------


def test_n08_fr_06_every_so_many_seconds_from_when_it_was_set(bench):
    begin = bench.now
    number = put(bench, REGISTER, "Periodic", 30)
    bench.go(100.0)
    assert [t - begin for t in bench.times("NotifyEvent")] == pytest.approx([30.0, 60.0, 90.0])
    assert {e["trigger"] for e in events(bench)} == {"Periodic"}  # N08.FR.05
    put(bench, REGISTER, "Periodic", 3000, id=number)
    assert len(events(bench.go(100.0))) == 3


def test_n08_fr_07_at_multiples_of_the_stations_own_clock(bench):
    put(bench, REGISTER, "PeriodicClockAligned", 900)
    bench.go(3600.0)
    assert [e["timestamp"][11:19] for e in events(bench)] == [
        "06:15:00",
        "06:30:00",
        "06:45:00",
        "07:00:00",
    ]


def test_n08_a_station_woken_late_leaves_out_what_it_slept_through(bench):
    put(bench, REGISTER, "Periodic", 10)
    at = bench.now
    bench.now = at + 35.0
    bench.station.wake(bench.now)
    bench._perform()
    bench.go(6.0)
    assert [t - at for t in bench.times("NotifyEvent")] == pytest.approx([35.0, 40.0])
    assert len(events(bench)) == 2


@pytest.mark.parametrize(("severity", "told"), [(4, 3), (5, 0)])
def test_n08_fr_03_offline_up_to_the_severity(make201, severity, told):
    bench = make201({QUIET: "4"}, backoff_min_s=100.0)
    put(bench, REGISTER, "Periodic", 30, severity)
    offline(bench).go(91.0)
    bench.reachable = True
    bench.go(25.0)
    assert len(events(bench)) == told


def test_n08_a_monitor_of_transactions_counts_on_and_speaks_within_one(bench):
    put(bench, REGISTER, "Periodic", 30, transaction=True)
    assert events(bench.go(100.0)) == []
    charge(bench)
    assert len(events(bench.go(60.0))) == 2


# -- N02, N03, N06 --------------------------------------------------------------------------------


def test_n02_fr_11_all_monitors_and_n02_fr_12_to_14_by_criteria(bench):
    kinds = ("UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned")
    one, two, three, four, five = (put(bench, POWER, kind, 500) for kind in kinds)
    assert report(bench) == [one, two, three, four, five]
    assert report(bench, monitoringCriteria=["ThresholdMonitoring"]) == [one, two]
    assert report(bench, monitoringCriteria=["DeltaMonitoring"]) == [three]
    assert report(bench, monitoringCriteria=["PeriodicMonitoring"]) == [four, five]


def test_n02_fr_05_and_08_by_component_and_variable(bench):
    power = put(bench, POWER, "Delta", 1)
    level = put(bench, POWER, "UpperThreshold", 1)
    other = put(bench, ({"name": "EVSE", "evse": {"id": 2}}, {"name": "Power"}), "Delta", 1)
    state = put(bench, ({"name": "EVSE", "evse": {"id": 1}}, STATE[1]), "Delta", 1)

    def by(component, variable=None, **more):
        row = {"component": component} | ({"variable": variable} if variable else {})
        return report(bench, componentVariable=[row], **more)

    assert by({"name": "EVSE"}) == [power, level, other, state]  # N02.FR.16, 19
    assert by({"name": "EVSE", "evse": {"id": 1}}) == [power, level, state]
    assert by({"name": "EVSE", "evse": {"id": 1}}, {"name": "Power"}) == [power, level]
    both = {"monitoringCriteria": ["ThresholdMonitoring"]}
    assert by({"name": "EVSE"}, **both) == [level]
    assert by({"name": "Connector"}) == "EmptyResultSet"  # N02.FR.10
    assert by({"name": "EVSE", "instance": "x"}) == "EmptyResultSet"
    assert by({"name": "EVSE"}, {"name": "Power", "instance": "L1"}) == "EmptyResultSet"


def test_n02_fr_03_in_parts(make201):
    bench = make201()
    integers = [
        ("OCPPCommCtrlr", "OfflineThreshold"),
        ("OCPPCommCtrlr", "WebSocketPingInterval"),
        ("AlignedDataCtrlr", "Interval"),
        ("SampledDataCtrlr", "TxUpdatedInterval"),
        ("TxCtrlr", "EVConnectionTimeOut"),
        ("TxCtrlr", "StopTxOnInvalidId"),
        ("TxCtrlr", "StopTxOnEVSideDisconnect"),
        ("AuthCtrlr", "AuthorizeRemoteStart"),
        ("AuthCtrlr", "LocalPreAuthorize"),
        ("AuthCtrlr", "LocalAuthorizeOffline"),
        ("MonitoringCtrlr", "OfflineQueuingSeverity"),
        ("MonitoringCtrlr", "ActiveMonitoringBase"),
        ("ChargingStation", "Power"),
        ("ChargingStation", "Problem"),
        ("ChargingStation", "AvailabilityState"),
        ("FiscalMetering", "EnergyImportRegister"),
        ("DisplayMessageCtrlr", "DisplayMessages"),
    ]
    for component, variable in integers:
        assert isinstance(put(bench, ({"name": component}, {"name": variable}), "Delta", 1), int)
    assert len(report(bench)) == 17
    assert [p["tbc"] for p in bench.payloads("NotifyMonitoringReport")] == [True, False]


def test_n06_fr_02_and_05_one_result_for_every_id(bench):
    number = put(bench, POWER, "Delta", 1)
    answer = bench.ask("ClearVariableMonitoring", {"id": [77, number, number]})
    statuses = [(r["id"], r["status"]) for r in answer["clearMonitoringResult"]]
    assert statuses == [(77, "NotFound"), (number, "Accepted"), (number, "NotFound")]
    assert report(bench) == "EmptyResultSet"


def test_n06_fr_06_no_more_ids_than_items_per_message(bench):
    answer = bench.call("ClearVariableMonitoring", {"id": list(range(51))})
    assert answer[2] == "OccurrenceConstraintViolation"


PRESETS = (
    Preset("ChargingStation", "Problem", "Delta", 1.0, 2, hardwired=True),
    Preset("Connector", "AvailabilityState", "Delta", 1.0, 8, evse=1, connector=1),
)


def base(bench, name):
    assert bench.ask("SetMonitoringBase", {"monitoringBase": name}) == {"status": "Accepted"}
    return report(bench)


def test_a_station_comes_with_the_monitors_of_its_model(make201):
    bench = make201(monitors=PRESETS)
    bench.do("plug_in", 1).go(1.0).do("fault", 0).go(1.0)
    kinds = [e["eventNotificationType"] for e in events(bench)]
    assert kinds == ["PreconfiguredMonitor", "HardWiredMonitor"]


def test_n03_fr_03_all_leaves_custom_monitors_and_changed_ones(make201):
    bench = make201(monitors=PRESETS)
    assert report(bench) == [1, 2]
    custom = put(bench, POWER, "Delta", 1)
    assert put(bench, STATE, "Delta", 1, 3, id=2) == 2
    bench.do("plug_in", 1).go(1.0)
    assert events(bench)[-1]["eventNotificationType"] == "CustomMonitor"  # N04.FR.15
    assert base(bench, "All") == [1, 2, custom]


def test_n03_fr_04_factory_default_brings_back_what_was_preconfigured(make201):
    bench = make201(monitors=PRESETS)
    put(bench, POWER, "Delta", 1)
    put(bench, STATE, "Delta", 1, 3, id=2)
    found = base(bench, "FactoryDefault")
    rows = [r for p in bench.payloads("NotifyMonitoringReport") for r in p["monitor"]]
    severities = [m["severity"] for row in rows for m in row["variableMonitoring"]]
    assert len(found) == 2 and severities == [2, 8]


def test_n03_fr_05_hard_wired_monitors_alone(make201):
    bench = make201(monitors=PRESETS)
    put(bench, POWER, "Delta", 1)
    assert base(bench, "HardWiredOnly") == [1]
    assert len(base(bench, "All")) == 2


def test_n04_fr_18_and_n06_fr_03_what_is_hard_wired_stays(make201):
    bench = make201(monitors=PRESETS)
    problem = ({"name": "ChargingStation"}, {"name": "Problem"})
    assert put(bench, problem, "Delta", 1, 2, id=1) == "Rejected"
    answer = bench.ask("ClearVariableMonitoring", {"id": [1]})
    assert answer["clearMonitoringResult"] == [{"id": 1, "status": "Rejected"}]


def test_a_monitor_of_the_settings_that_cannot_be_is_named(make):
    bench = make(version="2.0.1", monitors=(Preset("EVSE", "Colour", "Delta", 1.0, evse=1),))
    with pytest.raises(ValueError, match=r"EVSE\.Colour, EVSE 1: UnknownVariable"):
        bench.start()


def test_an_idle_station_without_monitors_holds_none(bench):
    charge(bench)
    assert bench.station.monitoring is None and bench.station.timers is None


def test_n04_what_never_changes_cannot_be_watched_and_says_so(bench):
    phases = ({"name": "ChargingStation"}, {"name": "SupplyPhases"})
    assert put(bench, phases, "Delta", 1) == "UnsupportedMonitorType"
    bench.ask("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"})
    bench.go(60.0)
    rows = [row for part in bench.payloads("NotifyReport") for row in part["reportData"]]
    says = {
        row["variable"]["name"]: row["variableCharacteristics"]["supportsMonitoring"]
        for row in rows
        if row["component"]["name"] == "ChargingStation"
    }
    assert not says["SupplyPhases"] and says["Power"] and says["AvailabilityState"]


def test_n07_fr_10_of_a_secret_it_is_told_that_it_changed_and_no_more(make201):
    bench = make201()
    secret = ({"name": "SecurityCtrlr"}, {"name": "BasicAuthPassword"})
    assert isinstance(put(bench, secret, "Delta", 1), int)
    data = {
        "component": secret[0],
        "variable": secret[1],
        "attributeValue": "another-secret-secret",
    }
    bench.ask("SetVariables", {"setVariableData": [data]})
    bench.go(1.0)
    (event,) = events(bench)
    assert event["actualValue"] == "" and event["trigger"] == "Delta"
