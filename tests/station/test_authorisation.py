"""Tokens: asked for, granted, refused, given back (1.6 §3.5, §4.1, §9.1.6)."""

import pytest
from station_harness import SILENT, Refuse

from simulator.station.ports import CallOutcome


def conf(status, parent=None):
    info = {"status": status}
    if parent is not None:
        info["parentIdTag"] = parent
    return {"idTagInfo": info}


def test_1_6_4_1_energy_only_after_authorisation(make):
    bench = make(latency=3.0).boot().go(60.0)
    bench.do("plug_in", 1).do("present_token", 1, "TAG")
    assert bench.meter.switched == []
    bench.go(7.0)
    assert [on for _, _, on in bench.meter.switched] == [True]


@pytest.mark.parametrize("status", ["Invalid", "Blocked", "Expired", "ConcurrentTx"])
def test_1_6_4_1_a_token_that_is_not_accepted_starts_nothing(make, status):
    bench = make().boot()
    bench.csms.say("Authorize", conf(status))
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(5.0)
    assert "StartTransaction" not in bench.actions() and not bench.station.running(1)
    assert bench.log.violations == [("id_rejected", f"Authorize: {status}")]
    assert bench.station.refused == 1
    bench.do("present_token", 1, "TAG").go(5.0)
    assert bench.station.running(1)


@pytest.mark.parametrize(
    "answer", [Refuse("InternalError"), SILENT, {}, {"idTagInfo": {}}, {"idTagInfo": {"status": 1}}]
)
def test_no_usable_answer_to_authorize_is_a_refusal(make, answer):
    bench = make().boot()
    bench.csms.say("Authorize", answer)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(40.0)
    assert not bench.station.running(1) and bench.station.refused == 1


def test_1_6_4_1_authorize_at_stop_only_if_the_token_is_another_one(make):
    bench = make().boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    bench.forget()
    bench.do("present_token", 1, "tAg").go(1.0)
    assert "Authorize" not in bench.actions()
    assert len(bench.payloads("StopTransaction")) == 1


def test_1_6_3_10_another_token_of_the_same_parent_may_stop(make):
    bench = make().boot()
    bench.csms.say("Authorize", conf("Accepted", "family"), conf("Accepted", "Family"))
    bench.do("plug_in", 1).do("present_token", 1, "MUM").go(1.0)
    bench.do("present_token", 1, "DAD").go(1.0)
    assert bench.payloads("StopTransaction")[0]["idTag"] == "DAD"
    assert [p["idTag"] for p in bench.payloads("Authorize")] == ["MUM", "DAD"]


@pytest.mark.parametrize("answer", [conf("Accepted"), conf("Accepted", "x"), conf("Invalid")])
def test_1_6_4_1_a_stranger_stops_nothing(make, answer):
    bench = make().boot()
    bench.csms.say("Authorize", conf("Accepted", "family"), answer)
    bench.do("plug_in", 1).do("present_token", 1, "MUM").go(1.0)
    bench.do("present_token", 1, "THIEF").go(1.0)
    assert bench.payloads("StopTransaction") == [] and bench.station.running(1)


def test_1_6_9_1_6_authorised_but_never_plugged_in_is_released(make):
    bench = make(configuration={"ConnectionTimeOut": "45"}).boot()
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.statuses(1) == ["Preparing"]
    since = bench.times("StatusNotification")[0]
    bench.go(100.0)
    assert bench.statuses(1) == ["Preparing", "Available"]
    assert bench.times("StatusNotification")[1] == pytest.approx(since + 45.0)
    bench.do("plug_in", 1).go(1.0)
    assert bench.payloads("StartTransaction") == []


def test_token_first_then_plug_starts_the_transaction(make):
    bench = make().boot()
    bench.do("present_token", 1, "TAG").go(20.0).do("plug_in", 1).go(1.0)
    assert bench.actions() == [
        "Authorize",
        "StatusNotification",
        "StartTransaction",
        "StatusNotification",
    ]
    assert bench.statuses(1) == ["Preparing", "Charging"]


def test_1_6_4_9_b1_the_second_presentation_gives_the_place_back(make):
    bench = make().boot()
    bench.do("present_token", 1, "TAG").go(2.0).do("present_token", 1, "TAG").go(2.0)
    assert bench.statuses(1) == ["Preparing", "Available"]
    assert bench.actions().count("Authorize") == 1


def test_1_6_err_3_20_plugged_in_but_no_token_in_time_is_finishing(make):
    bench = make().boot()
    bench.do("plug_in", 1).go(100.0)
    assert bench.statuses(1) == ["Preparing", "Finishing"]
    bench.do("present_token", 1, "TAG").go(2.0)
    assert bench.statuses(1) == ["Preparing", "Finishing", "Preparing", "Charging"]


def test_unplugged_before_the_answer_starts_nothing(make):
    bench = make(latency=2.0).boot().go(60.0)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(3.0)
    assert bench.station.authorising(1)
    bench.do("unplug", 1).go(10.0)
    assert bench.payloads("StartTransaction") == []
    assert bench.statuses(1)[-1] == "Available"


def test_1_6_3_5_4_unknown_tokens_offline_if_allowed(make):
    for allowed, started in (("true", 1), ("false", 0)):
        bench = make(configuration={"AllowOfflineTxForUnknownId": allowed}).boot()
        bench.drop()
        bench.do("plug_in", 1).do("present_token", 1, "TAG").go(60.0)
        assert len(bench.payloads("StartTransaction")) == started
        assert bench.payloads("Authorize") == []


def test_1_6_4_2_1_no_charging_before_the_station_was_ever_accepted(make):
    bench = make()
    bench.reachable = False
    bench.start().go(1.0)
    bench.do("plug_in", 1).do("present_token", 1, "TAG")
    assert not bench.station.running(1)
    bench.reachable = True
    bench.go(30.0)
    assert bench.payloads("StartTransaction") == []


def test_an_authorize_lost_with_the_connection_is_decided_offline(make):
    for allowed in ("true", "false"):
        bench = make(configuration={"AllowOfflineTxForUnknownId": allowed}).boot()
        bench.csms.say("Authorize", SILENT)
        bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
        bench.drop()
        assert bench.station.running(1) is (allowed == "true")
        assert bench.log.ended[-1].outcome is CallOutcome.CONNECTION_LOST


def test_a_token_that_1_6_cannot_carry_is_an_error_of_the_caller(make):
    bench = make().boot()
    for bad in ("", "x" * 21):
        with pytest.raises(ValueError, match="1 to 20 characters"):
            bench.station.present_token(bench.now, 1, bad)
    with pytest.raises(ValueError, match="EVSE 2: expected 1 to 1"):
        bench.station.plug_in(bench.now, 2)
    with pytest.raises(ValueError, match="EVSE 0"):
        bench.station.plug_in(bench.now, 0)


def test_a_token_of_any_characters_is_encoded_as_json(make):
    bench = make().boot()
    bench.do("plug_in", 1).do("present_token", 1, 'a"\\ü😀').go(1.0)
    bench.do("present_token", 1, 'a"\\ü😀').go(1.0)
    assert bench.payloads("StartTransaction")[0]["idTag"] == 'a"\\ü😀'
    assert bench.payloads("StopTransaction")[0]["idTag"] == 'a"\\ü😀'
