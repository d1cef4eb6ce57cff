"""OCPP 2.0.1 N09 and N10: what is kept of a customer, told and forgotten."""

import pytest
from station_harness import Refuse

TAG = {"idToken": "tag", "type": "ISO14443"}
HASH = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "0a",
    "issuerKeyHash": "0b",
    "serialNumber": "01",
}
MESSAGE = {"format": "UTF8", "content": "for you: " + "x" * 500}


@pytest.fixture
def bench(make):
    return make(version="2.0.1").boot()


def ask(bench, report=True, clear=False, **who):
    bench.forget()
    payload = {"requestId": 4, "report": report, "clear": clear, **who}
    status = bench.ask("CustomerInformation", payload)["status"]
    bench.go(2.0)
    sent = bench.payloads("NotifyCustomerInformation")
    assert bool(sent) == (status == "Accepted")
    assert [part["seqNo"] for part in sent] == list(range(len(sent)))
    assert [part["tbc"] for part in sent] == [True] * (len(sent) - 1) + [False] * bool(sent)
    assert {part["requestId"] for part in sent} <= {4}
    return "".join(part["data"] for part in sent) if sent else status


def charge(bench):
    bench.csms.say("Authorize", {"idTokenInfo": {"status": "Accepted", "personalMessage": MESSAGE}})
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    return bench.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"]


def test_n09_fr_05_what_is_kept_is_told_in_parts(bench):
    name = charge(bench)
    data = ask(bench, idToken=TAG)
    assert len(bench.payloads("NotifyCustomerInformation")) == 2
    assert name in data and "at EVSE 1, running since 2026-06-01T06:00:05" in data
    assert MESSAGE["content"] in data


def test_n09_fr_05_a_transaction_that_is_not_told_yet_is_known(bench):
    name = charge(bench)
    bench.csms.say("TransactionEvent", Refuse())
    bench.do("unplug", 1).go(1.0)
    data = ask(bench, idToken=TAG)
    assert f"Transaction {name} since" in data and "not sent to the end" in data
    assert ask(bench, clear=True, idToken=TAG) == "Rejected"
    bench.go(60.0)
    assert "not sent" not in ask(bench, idToken=TAG)


def test_n09_fr_05_a_running_transaction_is_told_once(bench):
    name = charge(bench)
    bench.csms.say("TransactionEvent", Refuse())
    bench.do("ev_suspended", 1).go(1.0)
    assert bench.station.queue
    assert ask(bench, idToken=TAG).count(name) == 1


def test_n09_fr_05_cache_list_and_reservations_are_told(bench):
    charge(bench)
    bench.do("present_token", 1, "TAG").go(1.0).do("unplug", 1).go(1.0)
    entry = {"idToken": TAG, "idTokenInfo": {"status": "Blocked"}}
    sent = {"versionNumber": 1, "updateType": "Full", "localAuthorizationList": [entry]}
    assert bench.ask("SendLocalList", sent)["status"] == "Accepted"
    data = ask(bench, idToken=TAG)
    assert "Authorisation cache: Accepted" in data
    assert "Local authorisation list: Blocked" in data
    held = {"id": 3, "expiryDateTime": "2026-06-02T06:00:00Z", "idToken": TAG, "evseId": 1}
    assert bench.ask("ReserveNow", held)["status"] == "Accepted"
    assert "Reservation 3 of EVSE 1 until 2026-06-02T06:00:00" in ask(bench, idToken=TAG)
    assert ask(bench, clear=True, idToken=TAG) == "Rejected"
    assert bench.ask("CancelReservation", {"reservationId": 3})["status"] == "Accepted"
    ask(bench, clear=True, idToken=TAG)
    left = ask(bench, idToken=TAG)
    assert left == "Local authorisation list: Blocked"  # N10.FR.02: that is the CSMS's


@pytest.mark.parametrize(
    "who", [{"idToken": {"idToken": "OTHER", "type": "ISO14443"}}, {"customerIdentifier": "TAG"}]
)
def test_n09_fr_06_one_message_says_that_there_is_nothing(bench, who):
    charge(bench)
    assert ask(bench, **who) == "No data found."


def test_n09_fr_06_a_token_of_another_kind_is_another_one(bench):
    charge(bench)
    assert ask(bench, idToken={**TAG, "type": "Central"}) == "No data found."


def test_n09_fr_06_no_certificates_of_customers_are_kept(bench):
    assert ask(bench, customerCertificate=HASH) == "No data found."


def test_n09_fr_07_neither_report_nor_clear_is_rejected(bench):
    assert ask(bench, report=False, idToken=TAG) == "Rejected"


def test_n09_fr_09_exactly_one_reference(bench):
    assert ask(bench) == "Invalid"
    assert ask(bench, idToken=TAG, customerIdentifier="x") == "Invalid"


def test_n10_fr_03_told_and_forgotten(bench):
    charge(bench)
    bench.do("present_token", 1, "TAG").go(1.0)
    assert ask(bench, clear=True, idToken=TAG).startswith("Message at EVSE 1: for you")
    assert bench.station.tariffs is None
    assert ask(bench, idToken=TAG) == "No data found."


def test_n10_fr_04_nothing_to_forget(bench):
    assert ask(bench, clear=True, idToken=TAG) == "No data found."


def test_n10_fr_05_what_is_under_way_cannot_be_forgotten(bench):
    charge(bench)
    assert ask(bench, clear=True, idToken=TAG) == "Rejected"
    assert ask(bench, idToken=TAG) != "No data found."


def test_n10_fr_06_forgotten_without_a_report(bench):
    charge(bench)
    bench.do("present_token", 1, "TAG").go(1.0)
    assert ask(bench, report=False, clear=True, idToken=TAG) == "Data cleared."
    assert ask(bench, idToken=TAG) == "No data found."


def test_n10_other_customers_are_not_touched(bench):
    charge(bench)
    other = {"idToken": "OTHER", "type": "ISO14443"}
    assert ask(bench, clear=True, idToken=other) == "No data found."
    assert "running" in ask(bench, idToken=TAG)
