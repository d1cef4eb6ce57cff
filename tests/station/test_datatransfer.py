"""DataTransfer in both directions and both versions (1.6 §4.3, §5.6; 2.0.1 P01, P02)."""

import pytest
from station_harness import SILENT

VENDORS = {"Org.Example": {"": None, "text": "done", "deep": {"a": [1, 2.5, None]}}}


@pytest.fixture(params=["1.6", "2.0.1"])
def bench(make, request):
    return make(version=request.param, vendors=VENDORS).boot()


def ask(bench, **payload):
    return bench.ask("DataTransfer", payload)


def test_p01_fr_05_an_unknown_vendor(bench):
    assert ask(bench, vendorId="com.example", messageId="text") == {"status": "UnknownVendorId"}


def test_p01_fr_06_an_unknown_message(bench):
    assert ask(bench, vendorId="org.example", messageId="x") == {"status": "UnknownMessageId"}


def test_p01_fr_07_a_known_message_is_accepted_with_its_data(bench):
    assert ask(bench, vendorId="org.example") == {"status": "Accepted"}
    answer = {"status": "Accepted", "data": "done"}
    assert ask(bench, vendorId="ORG.example", messageId="text", data="x") == answer


def test_p01_data_is_any_json_in_2_0_1_and_text_in_1_6(bench):
    data = ask(bench, vendorId="org.example", messageId="deep")["data"]
    assert data == ('{"a":[1,2.5,null]}' if bench.version == "1.6" else {"a": [1, 2.5, None]})


def test_p02_fr_04_the_station_sends_one_itself(bench):
    bench.csms.say("DataTransfer", {"status": "UnknownVendorId"})
    assert bench.station.transfer(bench.now, "org.example", "hello", "world")
    bench._perform()
    bench.go(1.0)
    sent = {"vendorId": "org.example", "messageId": "hello", "data": "world"}
    assert bench.payloads("DataTransfer") == [sent]
    assert bench.log.violations == []


def test_p02_offline_nothing_is_sent(bench):
    bench.drop()
    assert not bench.station.transfer(bench.now, "org.example")
    bench.go(60.0)
    assert bench.payloads("DataTransfer") == []


def test_p02_an_answer_that_never_comes_changes_nothing(bench):
    bench.csms.say("DataTransfer", SILENT)
    bench.do("transfer", "org.example").go(40.0)
    assert [e.outcome.name for e in bench.log.ended if e.action == "DataTransfer"] == ["TIMEOUT"]


@pytest.mark.parametrize(("vendor", "message"), [("", None), ("v" * 256, None), ("v", "m" * 51)])
def test_ids_that_no_version_allows_are_refused(bench, vendor, message):
    with pytest.raises(ValueError, match="expected"):
        bench.station.transfer(bench.now, vendor, message)
