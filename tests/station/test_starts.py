"""Starts without a card: a button or nothing at all (C02), an EV with a contract (C07)."""

import pytest
from station_harness import KEYS, Refuse
from station_papers import BELOW, OPERATOR, authority, hash_data, leaf, root

from simulator.station.plugandcharge import Contract

BUTTON = "NoAuthorization"
OCSP = "http://ocsp.example"
EMAID = "ZZCSWC12345678"
MIDDLE = authority("Mobility Sub", by=OPERATOR, responder=OCSP)
LEAF = leaf("ZZCSWC12345678", MIDDLE, "Mobility", serial=0x77AA, responder=OCSP)
OVER = leaf("ZZCSWC12345678", MIDDLE, "Mobility", serial=0x77AB, start=-90, days=30)


def contract(*papers):
    return Contract(EMAID, tuple(KEYS.read(paper.pem)[0] for paper in papers or (LEAF, MIDDLE)))


def shown(**status):
    return {"idTokenInfo": {"status": "Accepted"}, **status}


def build(make, *, rooted=True, offline="true", centrally="false", **more):
    names = {
        "ISO15118Ctrlr.ContractValidationOffline": offline,
        "ISO15118Ctrlr.CentralContractValidationAllowed": centrally,
        **more,
    }
    bench = make(version="2.0.1", configuration=names).boot()
    if rooted:
        bench.ask("InstallCertificate", root(OPERATOR, "MORootCertificate"))
        bench.forget()
    return bench


def plug_and_charge(bench, what=None):
    return bench.do("plug_in", 1).do("present_contract", 1, what or contract()).go(1.0)


def cut_off(bench):
    bench.reachable = False
    bench.drop()
    return bench.go(1.0)


# -- without authorisation ------------------------------------------------------------------------


def test_c02_fr_01_a_start_button_starts_with_the_empty_token(make):
    bench = make(version="2.0.1").boot()
    bench.do("plug_in", 1).do("present_token", 1, "", kind=BUTTON).go(1.0)
    assert "Authorize" not in bench.actions()
    (begun,) = [p for p in bench.payloads("TransactionEvent") if p["eventType"] == "Started"]
    assert begun["idToken"] == {"idToken": "", "type": BUTTON}
    bench.do("present_token", 1, "", kind=BUTTON).go(1.0)
    assert bench.payloads("TransactionEvent")[-1]["idToken"]["type"] == BUTTON
    assert not bench.station.running(1)


def test_c02_fr_03_what_is_said_of_nobody_is_not_cached(make):
    bench = make(version="2.0.1").boot()
    bench.do("plug_in", 1).do("present_token", 1, "", kind=BUTTON).go(1.0)
    assert not bench.station.cache


@pytest.mark.parametrize(("given", "told"), [("", "SN-1"), ("FREE", "FREE")])
def test_a_button_of_1_6_starts_with_an_id_tag_of_the_stations_own(make, given, told):
    bench = make(configuration={"FreeVendIdTag": given}).boot()
    bench.do("plug_in", 1).do("present_token", 1, "", kind=BUTTON).go(1.0)
    assert "Authorize" not in bench.actions()
    assert [p["idTag"] for p in bench.payloads("StartTransaction")] == [told]
    bench.do("present_token", 1, "", kind=BUTTON).go(1.0)
    assert [p["idTag"] for p in bench.payloads("StopTransaction")] == [told]


def test_where_nobody_is_authorised_the_plug_starts(make):
    bench = make(configuration={"FreeVendActive": "true"}).boot()
    bench.do("plug_in", 1).go(1.0)
    assert [p["idTag"] for p in bench.payloads("StartTransaction")] == ["SN-1"]
    bench.do("present_token", 1, "TAG").go(1.0)
    assert "Authorize" not in bench.actions() and bench.station.running(1)
    bench.do("unplug", 1).go(1.0)
    assert [p["reason"] for p in bench.payloads("StopTransaction")] == ["EVDisconnected"]


def test_such_a_start_that_the_csms_does_not_want_ends(make):
    bench = make().boot()
    refused = {"transactionId": 5, "idTagInfo": {"status": "Invalid"}}
    bench.csms.say("StartTransaction", refused)
    bench.do("plug_in", 1).do("present_token", 1, "", kind=BUTTON).go(1.0)
    assert [p["reason"] for p in bench.payloads("StopTransaction")] == ["DeAuthorized"]


# -- plug and charge ------------------------------------------------------------------------------


def test_c07_fr_01_and_fr_02_the_csms_is_asked_by_emaid_and_hashes(make):
    bench = build(make)
    plug_and_charge(bench)
    (asked,) = bench.payloads("Authorize")
    assert asked["idToken"] == {"idToken": EMAID, "type": "eMAID"} and "certificate" not in asked
    first, second = asked["iso15118CertificateHashData"]
    assert first == hash_data(LEAF, MIDDLE) | {"responderURL": OCSP}
    assert second == hash_data(MIDDLE, OPERATOR) | {"responderURL": OCSP}
    (begun,) = [p for p in bench.payloads("TransactionEvent") if p["eventType"] == "Started"]
    assert begun["idToken"]["type"] == "eMAID"


def test_c07_fr_01_the_csms_is_asked_even_where_the_cache_knows_the_emaid(make):
    bench = build(make, **{"AuthCtrlr.LocalPreAuthorize": "true"})
    for _ in range(2):
        plug_and_charge(bench).do("unplug", 1).go(1.0)
    assert len(bench.payloads("Authorize")) == 2


@pytest.mark.parametrize("centrally", [True, False])
def test_c07_fr_06_without_a_root_the_chain_goes_to_the_csms_if_it_may(make, centrally):
    bench = build(make, rooted=False, centrally=str(centrally).lower())
    plug_and_charge(bench)
    (asked,) = bench.payloads("Authorize")
    assert asked.get("certificate") == (LEAF.pem + MIDDLE.pem if centrally else None)
    assert len(asked["iso15118CertificateHashData"]) == 1


@pytest.mark.parametrize(
    "answer",
    [
        shown(certificateStatus="ContractCancelled"),
        shown(certificateStatus="CertChainError"),
        {"idTokenInfo": {"status": "Invalid"}, "certificateStatus": "Accepted"},
        Refuse(),
    ],
)
def test_c07_fr_13_to_fr_17_token_and_contract_must_both_be_good(make, answer):
    bench = build(make)
    bench.csms.say("Authorize", answer)
    plug_and_charge(bench)
    assert not bench.station.running(1) and "TransactionEvent" not in bench.actions()


@pytest.mark.parametrize("answer", [shown(certificateStatus="Accepted"), shown()])
def test_c07_fr_14_and_then_the_ev_charges(make, answer):
    bench = build(make)
    bench.csms.say("Authorize", answer)
    assert plug_and_charge(bench).station.running(1)


def test_c07_fr_07_offline_no_contract_is_good_unless_the_station_may_look(make):
    bench = cut_off(build(make, offline="false"))
    assert not plug_and_charge(bench).station.running(1)


@pytest.mark.parametrize(
    ("papers", "rooted", "good"),
    [
        ((LEAF, MIDDLE), True, True),
        ((LEAF, MIDDLE), False, False),
        ((OVER, MIDDLE), True, False),
        ((LEAF, BELOW), True, False),
    ],
)
def test_c07_fr_08_and_fr_12_offline_the_chain_is_followed_to_a_root(make, papers, rooted, good):
    bench = cut_off(build(make, rooted=rooted))
    assert plug_and_charge(bench, contract(*papers)).station.running(1) is good


def test_c07_fr_09_offline_what_is_known_of_the_emaid_counts(make):
    bench = build(make)
    bench.csms.say("Authorize", {"idTokenInfo": {"status": "Blocked"}})
    plug_and_charge(bench).do("unplug", 1).go(1.0)
    assert not plug_and_charge(cut_off(bench)).station.running(1)


def test_c07_fr_12_offline_an_unknown_emaid_is_for_its_variable_to_say(make):
    bench = cut_off(build(make, **{"AuthCtrlr.OfflineTxForUnknownIdEnabled": "false"}))
    assert not plug_and_charge(bench).station.running(1)


def test_a_contract_needs_the_plug_and_a_version_that_knows_it(make):
    bench = build(make)
    bench.do("present_contract", 1, contract()).go(1.0)
    assert bench.actions() == []
    for other in (make().boot(), make(version="2.0.1", keys=None).boot()):
        with pytest.raises(ValueError, match="no contract certificates"):
            other.do("present_contract", 1, contract())
