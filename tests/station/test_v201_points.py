"""OCPP 2.0.1: where transactions begin and end (TxStartPoint, TxStopPoint; E01, E06, E09, E10)."""

import pytest

from simulator.station.ports import EvState
from simulator.station.settings import Hardware

BAY = Hardware(bay_sensor=True)
CABLE = Hardware(current="dc", connector="cCCS2", bay_sensor=True)
APP = {"idToken": "APP", "type": "Central"}


@pytest.fixture
def make201(make):
    def build(start="PowerPathClosed", stop="EVConnected,Authorized", hardware=BAY, **more):
        points = {
            "TxCtrlr.TxStartPoint": start,
            "TxCtrlr.TxStopPoint": stop,
            "SampledDataCtrlr.TxUpdatedInterval": "90",
        }
        configuration = {**points, **more.pop("configuration", {})}
        return make(version="2.0.1", configuration=configuration, hardware=hardware, **more).boot()

    return build


def events(bench):
    """(type, trigger, charging state), and what the event tells besides."""
    return [
        (
            p["eventType"],
            p["triggerReason"],
            p["transactionInfo"].get("chargingState"),
            p.get("idToken", {}).get("idToken"),
            "evse" in p,
            p["transactionInfo"].get("stoppedReason"),
        )
        for p in bench.payloads("TransactionEvent")
    ]


def whole_session(bench):
    bench.do("arrive", 1).do("plug_in", 1).go(1.0).do("present_token", 1, "TAG").go(1.0)
    bench.do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0).do("depart", 1).go(1.0)
    return events(bench)


def test_e01_fr_01_and_e06_fr_01_a_transaction_may_last_as_long_as_the_car_is_in_the_bay(make201):
    assert whole_session(make201("ParkingBayOccupancy", "ParkingBayOccupancy")) == [
        ("Started", "EVDetected", "Idle", None, True, None),
        ("Updated", "CablePluggedIn", "EVConnected", None, True, None),
        ("Updated", "Authorized", "EVConnected", "TAG", False, None),
        ("Updated", "ChargingStateChanged", "Charging", None, False, None),
        ("Updated", "StopAuthorized", "EVConnected", "TAG", False, None),
        ("Updated", "EVCommunicationLost", "Idle", None, False, None),
        ("Ended", "EVDeparted", "Idle", None, False, "Local"),
    ]


def test_e01_fr_02_and_e06_fr_02_as_long_as_the_cable_is_plugged_in(make201):
    assert whole_session(make201("EVConnected", "EVConnected")) == [
        ("Started", "CablePluggedIn", "EVConnected", None, True, None),
        ("Updated", "Authorized", "EVConnected", "TAG", False, None),
        ("Updated", "ChargingStateChanged", "Charging", None, False, None),
        ("Updated", "StopAuthorized", "EVConnected", "TAG", False, None),
        ("Ended", "EVCommunicationLost", "Idle", None, False, "Local"),
    ]


@pytest.mark.parametrize("stop", ["Authorized", "PowerPathClosed", "EVConnected,Authorized"])
def test_e01_fr_05_and_e06_fr_03_fr_06_as_long_as_somebody_is_authorised(make201, stop):
    assert whole_session(make201("PowerPathClosed", stop)) == [
        ("Started", "Authorized", "EVConnected", "TAG", True, None),
        ("Updated", "ChargingStateChanged", "Charging", None, False, None),
        ("Ended", "StopAuthorized", "EVConnected", "TAG", False, "Local"),
    ]


def test_e01_fr_03_and_e01_fr_16_the_evse_is_told_again_once_the_ev_is_connected(make201):
    bench = make201("Authorized").do("present_token", 1, "TAG").go(1.0).do("plug_in", 1).go(1.0)
    assert events(bench) == [
        ("Started", "Authorized", "Idle", "TAG", True, None),
        ("Updated", "CablePluggedIn", "EVConnected", None, True, None),
        ("Updated", "ChargingStateChanged", "Charging", None, False, None),
    ]


def test_e01_fr_06_a_transaction_may_wait_for_energy_to_flow(make201):
    bench = make201("EnergyTransfer")
    bench.meter.state = EvState.SUSPENDED_EV
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(60.0)
    assert not events(bench) and not bench.log.transactions
    bench.meter.state = EvState.CHARGING
    bench.do("ev_resumed", 1).go(90.5)
    assert events(bench)[0] == ("Started", "ChargingStateChanged", "Charging", "TAG", True, None)
    started = bench.payloads("TransactionEvent")[0]
    assert started["seqNo"] == 0 and started["meterValue"]
    sampled = bench.times("TransactionEvent")[1] - bench.times("TransactionEvent")[0]
    assert sampled == pytest.approx(90.0)  # from the start of the transaction
    bench.do("present_token", 1, "TAG").go(1.0)
    assert events(bench)[-1][:2] == ("Ended", "StopAuthorized")


def test_e01_fr_06_nothing_is_told_of_a_transaction_that_never_had_energy(make201):
    bench = make201("EnergyTransfer")
    bench.meter.state = EvState.SUSPENDED_EV
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    request = {"requestedMessage": "TransactionEvent"}
    assert bench.ask("TriggerMessage", request) == {"status": "Rejected"}
    bench.do("present_token", 1, "TAG").do("unplug", 1).go(1.0)
    assert not events(bench) and not bench.log.transactions


def test_f02_fr_21_one_that_waits_for_energy_still_says_that_it_was_begun_from_afar(make201):
    bench = make201("EnergyTransfer").do("plug_in", 1)
    bench.ask("RequestStartTransaction", {"idToken": APP, "remoteStartId": 7, "evseId": 1})
    bench.go(1.0)
    assert events(bench) == [("Started", "RemoteStart", "Charging", "APP", True, None)]


def test_e06_fr_07_a_transaction_may_end_when_energy_ceases_to_flow(make201):
    bench = make201("PowerPathClosed", "EnergyTransfer")
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    bench.do("ev_suspended", 1).go(1.0)
    assert events(bench)[-1] == (
        "Ended",
        "ChargingStateChanged",
        "EVConnected",
        None,
        False,
        "StoppedByEV",
    )
    assert not bench.station.running(1)


def test_e06_fr_07_a_limit_that_no_car_takes_ends_it_too(make201):
    bench = make201("PowerPathClosed", "EnergyTransfer")
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0).do("evse_suspended", 1).go(1.0)
    assert events(bench)[-1][1::4] == ("ChargingStateChanged", "Other")


def test_e06_fr_07_it_does_not_end_before_energy_has_flowed(make201):
    bench = make201("PowerPathClosed", "EnergyTransfer")
    bench.meter.state = EvState.SUSPENDED_EV
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(5.0)
    assert bench.station.running(1)
    bench.do("present_token", 1, "TAG").go(1.0)
    assert events(bench)[-1][:2] == ("Ended", "StopAuthorized")


def test_e05_fr_02_where_energy_ends_transactions_a_refused_token_ends_it_so(make201):
    bench = make201(
        "PowerPathClosed", "EnergyTransfer", configuration={"TxCtrlr.StopTxOnInvalidId": "false"}
    )
    bench.csms.say("TransactionEvent", {"idTokenInfo": {"status": "Invalid"}})
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    assert events(bench)[-1][1::4] == ("ChargingStateChanged", "DeAuthorized")


# -- the cable is unplugged at the EV --------------------------------------------------------------


@pytest.mark.parametrize("stop", ["EVConnected", "PowerPathClosed", "EVConnected,Authorized"])
@pytest.mark.parametrize("flag", ["true", "false"])
def test_e06_fr_02_a_lost_connection_ends_what_ends_by_the_plug(make201, stop, flag):
    keys = {"TxCtrlr.StopTxOnEVSideDisconnect": flag}
    bench = make201("EVConnected", stop, configuration=keys)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0)
    end = ("Ended", "EVCommunicationLost", "Idle", None, False, "EVDisconnected")
    assert events(bench)[-1] == end


def test_e09_fr_01_it_ends_the_authorisation_and_so_what_ends_by_that(make201):
    bench = make201("PowerPathClosed", "Authorized")
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0)
    end = ("Ended", "EVCommunicationLost", "Idle", None, False, "EVDisconnected")
    assert events(bench)[-1] == end


def test_e09_fr_01_once_plugged_in_again_energy_waits_for_another_authorisation(make201):
    bench = make201("ParkingBayOccupancy", "ParkingBayOccupancy").do("arrive", 1)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    bench.forget()
    bench.do("unplug", 1).go(1.0).do("plug_in", 1).go(1.0)
    assert events(bench) == [
        ("Updated", "EVCommunicationLost", "Idle", None, False, None),
        ("Updated", "CablePluggedIn", "EVConnected", None, True, None),
    ]
    assert not bench.meter.since
    bench.do("present_token", 1, "TAG").go(1.0)
    assert events(bench)[2:] == [
        ("Updated", "Authorized", "EVConnected", "TAG", False, None),
        ("Updated", "ChargingStateChanged", "Charging", None, False, None),
    ]


SUSPENDS = {"TxCtrlr.StopTxOnEVSideDisconnect": "false"}


@pytest.mark.parametrize("stop", ["Authorized", "ParkingBayOccupancy,Authorized"])
def test_e10_unplugged_at_the_ev_it_is_suspended_and_goes_on_when_plugged_in_again(make201, stop):
    bench = make201("PowerPathClosed", stop, configuration=SUSPENDS).do("arrive", 1)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    bench.forget()
    bench.do("unplug", 1).go(1.0)
    assert bench.statuses(1) == ["Available"] and not bench.meter.since
    bench.do("plug_in", 1).go(1.0)
    assert events(bench) == [
        ("Updated", "EVCommunicationLost", "Idle", None, False, None),
        ("Updated", "CablePluggedIn", "EVConnected", None, True, None),
        ("Updated", "ChargingStateChanged", "Charging", None, False, None),
    ]
    assert bench.statuses(1) == ["Available", "Occupied"] and bench.meter.since


def test_e10_the_token_ends_it_while_the_cable_hangs_loose(make201):
    bench = make201("PowerPathClosed", "Authorized", configuration=SUSPENDS)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(300.0)
    assert bench.station.running(1)
    bench.do("present_token", 1, "TAG").go(1.0)
    assert events(bench)[-1] == ("Ended", "StopAuthorized", "Idle", "TAG", False, "Local")
    assert bench.statuses(1) == ["Occupied", "Available"]


@pytest.mark.parametrize(
    ("stop", "end"),
    [
        ("Authorized", ("Ended", "EVConnectTimeout", "Idle", None, False, "Timeout")),
        ("ParkingBayOccupancy", ("Updated", "EVConnectTimeout", "Idle", None, False, None)),
    ],
)
def test_e10_fr_02_a_fixed_cable_that_is_not_plugged_in_again_in_time(make201, stop, end):
    bench = make201("PowerPathClosed", stop, hardware=CABLE, configuration=SUSPENDS)
    bench.do("arrive", 1).do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    bench.do("unplug", 1).go(61.0)
    assert events(bench)[-1] == end
    bench.forget()
    bench.do("plug_in", 1).go(1.0)
    assert not bench.meter.since


def test_e06_fr_07_a_disconnection_is_an_end_of_energy(make201):
    bench = make201("PowerPathClosed", "EnergyTransfer", configuration=SUSPENDS)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0)
    end = ("Ended", "EVCommunicationLost", "Idle", None, False, "EVDisconnected")
    assert events(bench)[-1] == end


# -- the bay ---------------------------------------------------------------------------------------


def test_e03_fr_15_not_plugged_in_in_time_the_car_in_the_bay_keeps_the_transaction(make201):
    bench = make201("ParkingBayOccupancy", "ParkingBayOccupancy").do("arrive", 1)
    bench.do("present_token", 1, "TAG").go(61.0)
    assert events(bench)[1:] == [
        ("Updated", "Authorized", "Idle", "TAG", False, None),
        ("Updated", "EVConnectTimeout", "Idle", None, False, None),
    ]
    bench.do("plug_in", 1).go(1.0)
    assert not bench.meter.since and events(bench)[-1][1] == "CablePluggedIn"
    bench.do("unplug", 1).do("depart", 1).go(1.0)
    assert events(bench)[-1] == ("Ended", "EVDeparted", "Idle", None, False, "Timeout")


def test_f02_fr_08_the_same_for_one_that_the_csms_started(make201):
    bench = make201("ParkingBayOccupancy", "ParkingBayOccupancy").do("arrive", 1).go(1.0)
    name = bench.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"]
    request = {"idToken": APP, "remoteStartId": 5, "evseId": 1}
    answer = bench.ask("RequestStartTransaction", request)
    assert answer == {"status": "Accepted", "transactionId": name}  # F01.FR.13
    bench.go(61.0)
    assert [e[1] for e in events(bench)] == ["EVDetected", "RemoteStart", "EVConnectTimeout"]
    assert bench.payloads("TransactionEvent")[1]["transactionInfo"]["remoteStartId"] == 5


def test_e03_fr_05_where_nothing_else_would_end_it_the_timeout_does(make201):
    bench = make201("ParkingBayOccupancy", "EVConnected").do("arrive", 1)
    bench.do("present_token", 1, "TAG").go(61.0)
    assert events(bench)[-1] == ("Ended", "EVConnectTimeout", "Idle", None, False, "Timeout")


def test_e06_a_car_that_leaves_without_having_plugged_in_leaves_no_transaction_open(make201):
    bench = make201("ParkingBayOccupancy", "EVConnected").do("arrive", 1).go(5.0)
    bench.do("depart", 1).go(1.0)
    assert events(bench)[-1] == ("Ended", "EVDeparted", "Idle", None, False, "EVDisconnected")


def test_e02_fr_17_a_car_that_moves_is_told_of_while_a_transaction_runs(make201):
    bench = make201("Authorized", "Authorized").do("present_token", 1, "TAG").go(1.0)
    bench.do("arrive", 1).do("plug_in", 1).go(1.0)
    assert [e[1] for e in events(bench)][:3] == ["Authorized", "EVDetected", "CablePluggedIn"]
    bench.do("depart", 1).go(1.0)
    assert events(bench)[-1][:2] == ("Updated", "EVDeparted")


def test_e06_fr_01_an_occupied_bay_and_a_plug_end_it_whichever_goes_first(make201):
    bench = make201("ParkingBayOccupancy", "ParkingBayOccupancy,EVConnected").do("arrive", 1)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0)
    assert events(bench)[-1][:2] == ("Ended", "EVCommunicationLost")
    bench.do("depart", 1).go(1.0)
    assert events(bench)[-1][:2] == ("Ended", "EVCommunicationLost")


def test_e01_fr_01_a_car_that_moves_means_nothing_where_nobody_counts_by_it(make201):
    bench = make201().do("arrive", 1).go(5.0).do("depart", 1).go(1.0)
    assert not events(bench) and not bench.statuses()


@pytest.mark.parametrize("name", ["TxStartPoint", "TxStopPoint"])
def test_e01_without_a_sensor_in_the_bay_the_point_is_refused(make201, name):
    def put(bench, value):
        item = {"component": {"name": "TxCtrlr"}, "variable": {"name": name}}
        answer = bench.ask("SetVariables", {"setVariableData": [{**item, "attributeValue": value}]})
        return answer["setVariableResult"][0]["attributeStatus"]

    blind = make201(hardware=Hardware())
    assert put(blind, "ParkingBayOccupancy") == "Rejected"
    assert put(make201(), "ParkingBayOccupancy,EVConnected") == "Accepted"
    assert put(blind, "DataSigned") == "Rejected"  # no meter here signs
    assert not blind.do("arrive", 1).go(1.0).payloads("TransactionEvent")


def test_e01_what_a_point_may_be_is_in_the_values_list(make201):
    def allowed(bench):
        bench.ask(
            "GetReport",
            {
                "requestId": 1,
                "componentVariable": [
                    {"component": {"name": "TxCtrlr"}, "variable": {"name": "TxStartPoint"}}
                ],
            },
        )
        (row,) = bench.go(1.0).payloads("NotifyReport")[-1]["reportData"]
        return row["variableCharacteristics"]["valuesList"]

    assert "ParkingBayOccupancy" in allowed(make201())
    assert allowed(make201(hardware=Hardware())) == (
        "EVConnected,Authorized,PowerPathClosed,EnergyTransfer"
    )
