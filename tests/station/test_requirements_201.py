"""Requirements of OCPP 2.0.1 that no other room of tests states on its own."""

import itertools

import pytest
from station_harness import EPOCH, Refuse

from simulator.station import clock, v201


@pytest.fixture
def make201(make):
    def build(**kwargs):
        return make(version="2.0.1", **kwargs)

    return build


def session(bench, token="TAG"):
    bench.do("plug_in", 1).do("present_token", 1, token).go(130.0)
    return bench.do("present_token", 1, token).do("unplug", 1).go(1.0)


def told(bench):
    """(transaction, number) of every event sent."""
    return [
        (p["transactionInfo"]["transactionId"], p["seqNo"])
        for p in bench.payloads("TransactionEvent")
    ]


def test_e01_fr_07_events_are_numbered_from_0_without_a_gap(make201):
    bench = make201().boot()
    session(session(bench), "OTHER")
    for _, events in itertools.groupby(told(bench), key=lambda event: event[0]):
        numbers = [number for _, number in events]
        assert numbers == list(range(len(numbers))) and len(numbers) > 3


def test_e01_fr_08_transaction_ids_are_never_used_again(make201):
    bench = make201().boot()
    session(session(bench))
    bench.ask("Reset", {"type": "Immediate"})
    session(bench.go(60.0))
    assert len({name for name, _ in told(bench)}) == 3


def test_b02_fr_05_a_remote_start_while_pending_is_rejected(make201):
    bench = make201()
    time = clock.iso(EPOCH)
    bench.csms.say("BootNotification", {"status": "Pending", "currentTime": time, "interval": 600})
    bench.start().go(1.0)
    request = {"idToken": {"idToken": "APP", "type": "Central"}, "remoteStartId": 1}
    assert bench.ask("RequestStartTransaction", request) == {"status": "Rejected"}


def test_e04_fr_05_a_full_queue_gives_up_updates_with_readings_first(make201):
    bench = make201(max_queue=4, configuration={"SampledDataCtrlr.TxUpdatedInterval": "10"}).boot()
    bench.reachable = False
    bench.drop()
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(100.0)
    bench.do("present_token", 1, "TAG").do("unplug", 1)
    queue = bench.station.queue
    kinds = [call.event.value for call in queue]
    assert len(queue) <= 5
    assert kinds[0] == "transaction_started" and kinds[-1] == "transaction_ended"


def test_e14_fr_02_what_waits_for_a_retry_is_in_the_queue(make201):
    bench = make201().boot()
    bench.csms.say("TransactionEvent", Refuse())
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    name = told(bench)[0][0]
    answer = bench.ask("GetTransactionStatus", {"transactionId": name})
    assert answer == {"messagesInQueue": True, "ongoingIndicator": True}
    assert bench.ask("GetTransactionStatus") == {"messagesInQueue": True}


def test_g02_fr_01_a_heartbeat_after_an_interval_of_silence(make201):
    bench = make201()
    bench.csms.interval = 90
    bench.boot().go(200.0)
    assert bench.actions() == ["Heartbeat", "Heartbeat"]


def test_c11_clear_cache_has_an_answer(make201):
    assert make201().boot().ask("ClearCache")["status"] in ("Accepted", "Rejected")


def test_p01_fr_05_data_for_an_unknown_vendor(make201):
    answer = make201().boot().ask("DataTransfer", {"vendorId": "nobody", "data": {"a": 1}})
    assert answer == {"status": "UnknownVendorId"}


@pytest.mark.parametrize("action", sorted(v201.TABLE.unsupported))
def test_p4_4_3_an_action_without_support_is_answered_not_supported(make201, action):
    assert make201().boot().call(action, {"anything": 1})[2] == "NotSupported"
