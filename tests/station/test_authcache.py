"""The authorisation cache and what it is good for (1.6 §3.5.1, §3.5.4, 2.0.1 C09-C12, C15)."""

import pytest
from station_harness import EPOCH, SILENT

from simulator.station import clock
from simulator.station.model import VALID

PRE = {"LocalPreAuthorize": "true"}
PRE201 = {"AuthCtrlr.LocalPreAuthorize": "true"}


def conf(status, parent=None, expires=None):
    info = {"status": status}
    if parent is not None:
        info["parentIdTag"] = parent
    if expires is not None:
        info["expiryDate"] = clock.iso(EPOCH + expires)
    return {"idTagInfo": info}


def response(status, group=None, expires=None, evses=None):
    info = {"status": status}
    if group is not None:
        info["groupIdToken"] = {"idToken": group, "type": "Central"}
    if expires is not None:
        info["cacheExpiryDateTime"] = clock.iso(EPOCH + expires)
    if evses is not None:
        info["evseId"] = evses
    return {"idTokenInfo": info}


@pytest.fixture
def make201(make):
    def build(**kwargs):
        return make(version="2.0.1", **kwargs)

    return build


def session(bench, token="TAG", evse=1):
    """Plug, tap, charge a while, tap, go."""
    bench.do("plug_in", evse).do("present_token", evse, token).go(5.0)
    bench.do("present_token", evse, token).go(1.0).do("unplug", evse).go(1.0)
    return bench


def offline(bench):
    bench.reachable = False
    bench.drop()
    return bench


def starts(bench, token, evse=1):
    """Does a token start a transaction? Leaves the EVSE free."""
    bench.do("plug_in", evse).do("present_token", evse, token).go(1.0)
    running = bench.station.running(evse)
    bench.do("unplug", evse).go(1.0)
    return running


def test_1_6_3_5_1_the_cache_starts_without_asking_if_local_pre_authorize(make):
    for value, asked in (("true", 1), ("false", 2)):
        bench = make(configuration={"LocalPreAuthorize": value}).boot()
        session(session(bench))
        assert len(bench.payloads("Authorize")) == asked
        assert len(bench.payloads("StartTransaction")) == 2


def test_1_6_3_5_1_the_cache_may_be_switched_off(make):
    bench = make(configuration=PRE | {"AuthorizationCacheEnabled": "false"}).boot()
    session(session(bench))
    assert len(bench.payloads("Authorize")) == 2 and bench.station.cache is None


def test_1_6_3_5_1_the_cache_is_updated_by_authorize_start_and_stop(make):
    bench = make(configuration=PRE).boot()
    bench.csms.say("StopTransaction", {"idTagInfo": {"status": "Blocked"}})
    session(bench)
    assert bench.station.cache["tag"].status == "Blocked"
    bench.csms.say("Authorize", conf("Expired"))
    assert not starts(bench, "TAG")
    assert bench.station.cache["tag"].status == "Expired"
    started = {"transactionId": 9, **conf("Accepted", "family")}
    bench.csms.say("StartTransaction", started)
    session(bench)
    assert bench.station.cache["tag"].group == "family"


def test_1_6_3_5_1_a_stop_without_a_token_says_nothing_of_one(make):
    bench = make().boot()
    bench.csms.say("StopTransaction", {"idTagInfo": {"status": "Blocked"}})
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(5.0).do("unplug", 1).go(1.0)
    assert bench.station.cache["tag"] is VALID


def test_1_6_3_5_1_a_token_known_as_not_valid_is_asked_about_again(make):
    bench = make(configuration=PRE).boot()
    bench.csms.say("Authorize", conf("Blocked"))
    assert not starts(bench, "TAG")
    assert starts(bench, "TAG")
    assert starts(bench, "tag")
    assert len(bench.payloads("Authorize")) == 2


def test_1_6_3_5_1_an_entry_expires(make):
    bench = make(configuration=PRE).boot()
    bench.csms.say("Authorize", conf("Accepted", expires=100.0))
    bench.csms.say("StartTransaction", {"transactionId": 1, **conf("Accepted", expires=100.0)})
    session(bench)
    offline(bench).go(100.0)
    assert not starts(bench, "TAG")
    assert bench.station.cache["tag"].status == "Expired"


def test_1_6_3_5_1_not_valid_entries_make_room_first_then_the_oldest(make):
    bench = make(max_cached_tokens=3).boot()
    for token, status in (("A", "Accepted"), ("B", "Blocked"), ("C", "Accepted")):
        bench.csms.say("Authorize", conf(status))
        starts(bench, token)
    starts(bench, "D")
    assert list(bench.station.cache) == ["a", "c", "d"]
    starts(bench, "A")
    starts(bench, "E")
    assert list(bench.station.cache) == ["d", "a", "e"]


def test_1_6_err_3_4_the_cache_survives_a_reset(make):
    bench = make().boot()
    session(bench)
    bench.ask("Reset", {"type": "Hard"})
    bench.go(60.0)
    assert "tag" in bench.station.cache


def test_1_6_5_4_clear_cache_forgets_every_token(make):
    bench = make(configuration=PRE).boot()
    session(bench)
    assert bench.ask("ClearCache") == {"status": "Accepted"}
    session(bench)
    assert len(bench.payloads("Authorize")) == 2


def test_an_idle_station_has_no_cache_no_list_no_book(make):
    bench = make().boot()
    bench.do("plug_in", 1).go(1.0).do("unplug", 1).go(1.0)
    station = bench.station
    assert station.cache is station.local_list is station.reservations is None


@pytest.mark.parametrize(
    ("known", "local", "unknown", "started"),
    [
        ("Accepted", "true", "false", True),
        ("Accepted", "false", "false", False),
        ("Accepted", "false", "true", True),
        ("Blocked", "true", "true", False),
        (None, "true", "false", False),
        (None, "true", "true", True),
    ],
)
def test_1_6_3_5_4_offline_the_known_by_local_authorize_offline_the_unknown_by_their_own_key(
    make, known, local, unknown, started
):
    keys = {"LocalAuthorizeOffline": local, "AllowOfflineTxForUnknownId": unknown}
    bench = make(configuration=keys).boot()
    if known is not None:
        bench.csms.say("Authorize", conf(known))
        starts(bench, "TAG")
    offline(bench)
    assert starts(bench, "TAG") is started


def test_1_6_3_10_offline_another_token_of_the_same_parent_may_stop(make):
    bench = make().boot()
    for token in ("MUM", "DAD", "THIEF"):
        info = conf("Accepted", "x" if token == "THIEF" else "family")
        bench.csms.say("Authorize", info)
        bench.csms.say("StartTransaction", {"transactionId": 3, **info})
        starts(bench, token)
    offline(bench)
    bench.do("plug_in", 1).do("present_token", 1, "MUM").do("present_token", 1, "THIEF")
    assert bench.station.running(1)
    bench.do("present_token", 1, "DAD")
    assert not bench.station.running(1)


def test_c01_fr_03_a_cached_token_of_the_group_stops_without_asking(make201):
    bench = make201().boot()
    bench.csms.always["Authorize"] = response("Accepted", "family")
    bench.csms.always["TransactionEvent"] = response("Accepted", "family")
    for token in ("MUM", "DAD"):
        starts(bench, token)
    bench.do("plug_in", 1).do("present_token", 1, "MUM").go(1.0)
    bench.forget()
    bench.do("present_token", 1, "DAD").go(1.0)
    assert "Authorize" not in bench.actions()
    last = bench.payloads("TransactionEvent")[-1]
    assert last["eventType"] == "Ended" and last["idToken"]["idToken"] == "DAD"


def test_c09_fr_11_a_token_of_the_group_that_is_not_accepted_stops_nothing(make201):
    bench = make201().boot()
    bench.csms.say("Authorize", response("Accepted", "family"), response("Blocked", "family"))
    bench.do("plug_in", 1).do("present_token", 1, "MUM").go(1.0)
    bench.do("present_token", 1, "DAD").go(1.0)
    assert bench.station.running(1)


def test_c10_fr_03_and_c12_fr_05_a_cached_token_that_is_not_accepted_is_asked_about(make201):
    for key, asked in (("false", 2), ("true", 1)):
        setting = {"AuthCacheCtrlr.DisablePostAuthorize": key}
        bench = make201(configuration=PRE201 | setting).boot()
        bench.csms.say("Authorize", response("Blocked"))
        assert not starts(bench, "TAG")
        assert starts(bench, "TAG") is (asked == 2)
        assert len(bench.payloads("Authorize")) == asked


def test_c10_fr_05_the_cache_is_updated_by_transaction_events(make201):
    bench = make201(configuration=PRE201 | {"TxCtrlr.StopTxOnInvalidId": "false"}).boot()
    bench.csms.say("TransactionEvent", response("Blocked"))
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    assert bench.station.cache["tag"].status == "Blocked"


def test_c10_fr_08_an_entry_lives_as_long_as_life_time(make201):
    bench = make201(configuration=PRE201 | {"AuthCacheCtrlr.LifeTime": "50"}).boot()
    starts(bench, "TAG")
    starts(bench, "TAG")
    assert len(bench.payloads("Authorize")) == 1
    bench.go(51.0)
    starts(bench, "TAG")
    assert len(bench.payloads("Authorize")) == 2


def test_c10_fr_13_the_csms_may_say_how_long(make201):
    bench = make201(configuration=PRE201).boot()
    bench.csms.always["Authorize"] = response("Accepted", expires=60.0)
    bench.csms.always["TransactionEvent"] = response("Accepted", expires=60.0)
    starts(bench, "TAG")
    bench.go(60.0)
    starts(bench, "TAG")
    assert len(bench.payloads("Authorize")) == 2


def test_c10_err_2_21_what_is_over_already_is_not_cached_and_goes_if_it_was(make):
    def charge(bench):
        return bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)

    bench = make(version="2.0.1", configuration=PRE201).boot()
    charge(bench).do("present_token", 1, "TAG").do("unplug", 1).go(1.0)
    assert bench.station.cache
    bench.csms.say("TransactionEvent", response("Accepted", expires=-3600.0))
    charge(bench)
    assert bench.station.running(1) and not bench.station.cache
    bench.drop()
    bench.do("present_token", 1, "TAG").do("unplug", 1)
    charge(bench)  # unknown, not expired: OfflineTxForUnknownIdEnabled decides
    assert bench.station.running(1)


def test_c11_fr_03_and_fr_04_clear_cache(make201):
    bench = make201().boot()
    starts(bench, "TAG")
    assert bench.ask("ClearCache") == {"status": "Accepted"} and bench.station.cache is None
    bench = make201(configuration={"AuthCacheCtrlr.Enabled": "false"}).boot()
    assert bench.ask("ClearCache") == {"status": "Rejected"}


def test_c12_fr_02_a_cached_token_starts_with_a_transaction_event_alone(make201):
    bench = make201(configuration=PRE201).boot()
    starts(bench, "TAG")
    bench.forget()
    starts(bench, "TAG")
    assert "Authorize" not in bench.actions()
    assert bench.payloads("TransactionEvent")[0]["idToken"]["idToken"] == "TAG"


def test_c15_fr_01_a_token_that_passed_as_unknown_is_not_cached(make201):
    bench = offline(make201().boot())
    assert starts(bench, "TAG") and bench.station.cache is None


def test_c01_fr_21_a_token_charges_only_where_it_is_allowed(make201):
    bench = make201(evses=2).boot()
    bench.csms.always["Authorize"] = response("Accepted", evses=[2])
    assert not starts(bench, "TAG", 1) and starts(bench, "TAG", 2)


def test_c01_fr_25_tokens_of_different_types_are_different(make201):
    bench = make201(configuration=PRE201).boot()
    starts(bench, "1234")
    bench.do("plug_in", 1).do("present_token", 1, "1234", kind="KeyCode").go(1.0)
    assert [p["idToken"]["type"] for p in bench.payloads("Authorize")] == ["ISO14443", "KeyCode"]
    bench.do("present_token", 1, "1234").go(1.0)
    assert bench.station.running(1)


def test_c02_fr_01_a_start_button_is_not_authorised(make201):
    bench = make201().boot()
    bench.do("plug_in", 1).do("present_token", 1, "", kind="NoAuthorization").go(1.0)
    assert "Authorize" not in bench.actions() and bench.station.running(1)
    token = bench.payloads("TransactionEvent")[0]["idToken"]
    assert token == {"idToken": "", "type": "NoAuthorization"}
    assert bench.station.cache is None  # C02.FR.03


def test_c05_fr_01_and_fr_02_a_central_token_is_neither_asked_about_nor_cached(make201):
    bench = make201(configuration={"AuthCtrlr.AuthorizeRemoteStart": "true"}).boot()
    bench.do("plug_in", 1)
    token = {"idToken": "APP", "type": "Central"}
    bench.csms.always["TransactionEvent"] = response("Accepted")
    bench.ask("RequestStartTransaction", {"idToken": token, "remoteStartId": 1})
    bench.go(1.0)
    assert "Authorize" not in bench.actions() and bench.station.running(1)
    assert bench.station.cache is None


def test_c06_fr_02_a_local_token_is_always_asked_about(make201):
    bench = make201(configuration=PRE201).boot()
    for _ in range(2):
        bench.do("plug_in", 1).do("present_token", 1, "T1", kind="Local").go(1.0)
        bench.do("unplug", 1).go(1.0)
    assert len(bench.payloads("Authorize")) == 2


def test_c16_fr_02_a_master_pass_ends_every_transaction(make201):
    bench = make201(evses=2, configuration={"AuthCtrlr.MasterPassGroupId": "POLICE"}).boot()
    for evse in (1, 2):
        bench.do("plug_in", evse).do("present_token", evse, f"T{evse}").go(1.0)
    bench.forget()
    bench.csms.say("Authorize", response("Accepted", "police"))
    bench.do("present_token", 1, "BADGE").go(1.0)
    ended = bench.payloads("TransactionEvent")
    assert [p["eventType"] for p in ended] == ["Ended", "Ended"]
    assert {p["transactionInfo"]["stoppedReason"] for p in ended} == {"MasterPass"}
    assert {p["idToken"]["idToken"] for p in ended} == {"BADGE"}


def test_c16_fr_03_and_c12_fr_09_a_master_pass_starts_nothing(make201):
    bench = make201(configuration=PRE201 | {"AuthCtrlr.MasterPassGroupId": "POLICE"}).boot()
    bench.csms.always["Authorize"] = response("Accepted", "POLICE")
    assert not starts(bench, "BADGE")
    assert not starts(bench, "BADGE")


def test_c16_fr_03_nor_from_afar_and_it_stops_nothing_there(make201):
    keys = {"AuthCtrlr.MasterPassGroupId": "POLICE", "AuthCtrlr.AuthorizeRemoteStart": "true"}
    bench = make201(evses=2, configuration=keys).boot()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    bench.csms.always["Authorize"] = response("Accepted", "POLICE")
    badge = {"idToken": {"idToken": "BADGE", "type": "ISO14443"}, "remoteStartId": 1}
    group = {"groupIdToken": {"idToken": "Police", "type": "Central"}}
    assert bench.ask("RequestStartTransaction", badge | group) == {"status": "Rejected"}
    assert bench.ask("RequestStartTransaction", badge)["status"] == "Accepted"
    bench.do("plug_in", 2).go(2.0)
    assert bench.station.running(1) and not bench.station.running(2)


def test_auth_ctrlr_enabled_off_whoever_plugs_in_may_charge(make201):
    bench = make201(configuration={"AuthCtrlr.Enabled": "false"}).boot()
    bench.do("plug_in", 1).go(1.0)
    assert bench.payloads("TransactionEvent")[0]["idToken"]["type"] == "NoAuthorization"
    bench.do("present_token", 1, "TAG").go(1.0)
    assert bench.station.running(1) and "Authorize" not in bench.actions()
    bench.do("unplug", 1).go(1.0).do("present_token", 1, "TAG").do("plug_in", 1).go(1.0)
    assert bench.payloads("TransactionEvent")[-2]["idToken"]["idToken"] == "TAG"


def test_disable_remote_authorization_leaves_it_to_cache_and_list(make201):
    bench = make201(configuration={"AuthCtrlr.DisableRemoteAuthorization": "true"}).boot()
    assert not starts(bench, "TAG")
    entry = {"idToken": {"idToken": "TAG", "type": "ISO14443"}, **response("Accepted")}
    update = {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": [entry]}
    assert bench.ask("SendLocalList", update) == {"status": "Accepted"}
    assert starts(bench, "TAG") and "Authorize" not in bench.actions()


# -- MaxEnergyOnInvalidId -------------------------------------------------------------------------


def test_1_6_9_1_14_max_energy_on_invalid_id_is_delivered_and_no_more(make):
    keys = {"StopTransactionOnInvalidId": "false", "MaxEnergyOnInvalidId": "1100"}
    bench = make(configuration=keys).boot()
    bench.csms.say("StartTransaction", {"transactionId": 5, **conf("Blocked")})
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(350.0)
    assert bench.statuses(1)[-1] == "Charging"
    bench.go(30.0)
    assert bench.statuses(1)[-1] == "SuspendedEVSE" and bench.station.running(1)
    assert bench.meter.register_wh(bench.now, 1) - 1_000_000.0 == pytest.approx(1100.0, abs=1.0)


@pytest.mark.parametrize("limit", ["0", "1100"])
def test_e05_fr_02_and_fr_03_energy_flows_until_max_energy_on_invalid_id(make201, limit):
    keys = {"TxCtrlr.StopTxOnInvalidId": "false", "TxCtrlr.MaxEnergyOnInvalidId": limit}
    bench = make201(configuration=keys).boot()
    bench.csms.say("TransactionEvent", response("Invalid"))
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(350.0)
    suspended = ("Updated", "ChargingStateChanged", "SuspendedEVSE")
    assert (suspended in bench.events()) is (limit == "0")
    bench.go(30.0)
    assert bench.events().count(suspended) == 1 and bench.station.running(1)
    delivered = bench.meter.register_wh(bench.now, 1) - 1_000_000.0
    assert delivered == pytest.approx(float(limit), abs=1.0)


def test_e05_fr_10_stop_tx_on_invalid_id_wins(make201):
    bench = make201(configuration={"TxCtrlr.MaxEnergyOnInvalidId": "1100"}).boot()
    bench.csms.say("TransactionEvent", response("Invalid"))
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(5.0)
    assert not bench.station.running(1)


def test_a_token_refused_before_the_plug_gets_no_energy(make201):
    keys = {"TxCtrlr.StopTxOnInvalidId": "false", "TxCtrlr.TxStartPoint": "Authorized"}
    bench = make201(configuration=keys).boot()
    bench.csms.say("TransactionEvent", response("Invalid"))
    bench.do("present_token", 1, "TAG").go(5.0).do("plug_in", 1).go(5.0)
    assert (bench.now, 1, True) not in bench.meter.switched
    assert not any(on for _, _, on in bench.meter.switched)


def test_an_answer_that_never_comes_teaches_nothing(make):
    bench = make().boot()
    bench.csms.say("Authorize", SILENT)
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(60.0)
    assert bench.station.cache is None
