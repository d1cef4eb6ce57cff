"""Reservations: made, used, refused to others, ended (1.6 §5.1, §5.13; 2.0.1 block H)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from station_harness import EPOCH, SILENT, Bench

from simulator.station import clock


class Version:
    """The same wishes in the words of one version, and what the station says in return."""

    def __init__(self, make, version):
        self.make, self.version = make, version

    def bench(self, **options):
        return self.make(version=self.version, **options).boot()

    def reserve(self, bench, number=1, evse=1, token="ME", group=None, seconds=600.0):
        return bench.ask("ReserveNow", self.wish(bench, number, evse, token, group, seconds))[
            "status"
        ]

    def wish(self, bench, number=1, evse=1, token="ME", group=None, seconds=600.0):
        until = clock.iso(EPOCH + bench.now + seconds)
        if self.version == "1.6":
            rest = {"parentIdTag": group} if group else {}
            return {
                "reservationId": number,
                "connectorId": evse,
                "idTag": token,
                "expiryDate": until,
                **rest,
            }
        wish = {
            "id": number,
            "expiryDateTime": until,
            "idToken": {"idToken": token, "type": "ISO14443"},
        }
        if evse:
            wish["evseId"] = evse
        if group:
            wish["groupIdToken"] = {"idToken": group, "type": "Central"}
        return wish

    def info(self, status="Accepted", group=None):
        if self.version == "1.6":
            return {"idTagInfo": {"status": status} | ({"parentIdTag": group} if group else {})}
        info = {"status": status}
        if group:
            info["groupIdToken"] = {"idToken": group, "type": "Central"}
        return {"idTokenInfo": info}

    def used(self, bench):
        """Reservation ids that starts of transactions told."""
        action = "StartTransaction" if self.version == "1.6" else "TransactionEvent"
        return [p["reservationId"] for p in bench.payloads(action) if "reservationId" in p]

    def unavailable(self, bench, evse):
        if self.version == "1.6":
            request = {"connectorId": evse, "type": "Inoperative"}
        else:
            where = {"evse": {"id": evse}} if evse else {}
            request = {"operationalStatus": "Inoperative", **where}
        bench.ask("ChangeAvailability", request)
        bench.go(1.0)

    def ends(self, bench):
        return [
            (p["reservationId"], p["reservationUpdateStatus"])
            for p in bench.payloads("ReservationStatusUpdate")
        ]

    def told(self, *ends):
        """What 2.0.1 tells of ends; 1.6 has no message for it."""
        return [] if self.version == "1.6" else list(ends)


@pytest.fixture(params=["1.6", "2.0.1"])
def either(make, request):
    return Version(make, request.param)


@pytest.fixture
def v16(make):
    return Version(make, "1.6")


@pytest.fixture
def v201(make):
    return Version(make, "2.0.1")


def tap(bench, evse, token):
    bench.do("plug_in", evse).do("present_token", evse, token).go(1.0)
    return bench.station.running(evse)


def test_1_6_5_13_and_h01_fr_23_a_reserved_connector_is_reported_so(either):
    bench = either.bench(evses=2)
    assert either.reserve(bench) == "Accepted"
    bench.go(1.0)
    assert bench.statuses(1) == ["Reserved"] and bench.statuses(2) == []


def test_1_6_5_13_and_h03_fr_01_the_reserved_token_uses_it_and_says_so(either):
    bench = either.bench()
    either.reserve(bench, number=77)
    assert tap(bench, 1, "me")
    assert either.used(bench) == [77]
    bench.do("unplug", 1).go(1.0)
    expected = ["Preparing", "Charging", "Finishing", "Available"]
    if either.version == "2.0.1":
        expected = ["Occupied", "Available"]
    assert bench.statuses(1) == ["Reserved", *expected]
    assert tap(bench, 1, "OTHER") and either.used(bench) == [77]
    assert either.ends(bench) == []


def test_1_6_5_13_others_are_refused_without_asking(either):
    bench = either.bench(evses=2)
    either.reserve(bench)
    assert not tap(bench, 1, "OTHER")
    assert bench.payloads("Authorize") == []
    assert tap(bench, 2, "OTHER")


def test_g01_fr_09_a_strangers_cable_changes_nothing(either):
    bench = either.bench()
    either.reserve(bench)
    bench.do("plug_in", 1).go(100.0)
    assert bench.statuses(1) == ["Reserved"]
    bench.do("unplug", 1).go(1.0)
    assert bench.statuses(1) == ["Reserved"]


def test_h03_fr_04_and_1_6_5_13_the_group_may_use_it_and_is_asked_for(either):
    bench = either.bench()
    either.reserve(bench, number=8, group="family")
    bench.csms.say("Authorize", either.info(group="strangers"), either.info(group="FAMILY"))
    assert not tap(bench, 1, "OTHER")
    bench.do("present_token", 1, "DAD").go(1.0)
    assert bench.station.running(1) and either.used(bench) == [8]
    assert len(bench.payloads("Authorize")) == 2


def test_h03_fr_07_the_group_may_be_known_here(make):
    for version, key in (("1.6", "LocalPreAuthorize"), ("2.0.1", "AuthCtrlr.LocalPreAuthorize")):
        words = Version(make, version)
        bench = words.bench(configuration={key: "true"})
        name = "StartTransaction" if version == "1.6" else "TransactionEvent"
        number = {"transactionId": 1} if version == "1.6" else {}
        for token, group in (("DAD", "family"), ("OTHER", "strangers")):
            info = words.info(group=group)
            bench.csms.always |= {"Authorize": info, name: info | number}
            tap(bench, 1, token)
            bench.do("unplug", 1).go(1.0)
        bench.forget()
        words.reserve(bench, group="family")
        assert not tap(bench, 1, "OTHER")
        bench.do("unplug", 1)
        assert tap(bench, 1, "DAD")
        assert bench.payloads("Authorize") == [] and words.used(bench) == [1]


def test_1_6_5_13_occupied_if_plugged_in_or_reserved(either):
    bench = either.bench(evses=3)
    bench.do("plug_in", 1).go(1.0)
    assert either.reserve(bench, 1, 1) == "Occupied"
    assert either.reserve(bench, 1, 2) == "Accepted"
    assert either.reserve(bench, 2, 2) == "Occupied"
    tap(bench, 3, "X")
    assert either.reserve(bench, 3, 3) == "Occupied"
    assert either.reserve(bench, 3, 0) == "Occupied"


@pytest.mark.parametrize("evse", [0, 1])
def test_1_6_5_13_and_h01_fr_12_faulted(either, evse):
    bench = either.bench(evses=2)
    bench.do("fault", evse)
    assert either.reserve(bench, 1, 1) == "Faulted"
    assert either.reserve(bench, 1, 2) == ("Accepted" if evse else "Faulted")


@pytest.mark.parametrize("evse", [0, 1])
def test_1_6_5_13_and_h01_fr_14_unavailable(either, evse):
    bench = either.bench(evses=2)
    either.unavailable(bench, evse)
    assert either.reserve(bench, 1, 1) == "Unavailable"
    assert either.reserve(bench, 1, 0) == ("Accepted" if evse else "Unavailable")


def test_1_6_5_13_and_h01_fr_02_the_same_id_replaces(either):
    bench = either.bench(evses=2)
    either.reserve(bench, 1, 1)
    assert either.reserve(bench, 1, 2, "YOU") == "Accepted"
    bench.go(1.0)
    assert bench.statuses(1) == ["Reserved", "Available"] and bench.statuses(2) == ["Reserved"]
    assert tap(bench, 1, "ANY") and not tap(bench, 2, "ME")
    assert either.reserve(bench, 1, 1) == "Occupied"
    bench.do("present_token", 2, "YOU").go(1.0)
    assert bench.station.running(2) and either.used(bench) == [1]


@pytest.mark.parametrize("number", [2, -1])
def test_an_evse_that_is_not_there_cannot_be_reserved(either, number):
    bench = either.bench()
    frame = bench.call("ReserveNow", either.wish(bench, evse=number))
    refused = frame[0] == 4 and frame[2] == "PropertyConstraintViolation"
    assert refused or frame[2] == {"status": "Rejected"}


def test_a_reservation_of_the_past_is_rejected(either):
    assert either.reserve(either.bench(), seconds=-1.0) == "Rejected"


def test_h01_fr_01_a_station_may_be_set_to_accept_none(v201):
    bench = v201.bench(configuration={"ReservationCtrlr.Enabled": "false"})
    assert v201.reserve(bench) == "Rejected"


def test_h01_fr_09_a_type_of_connector_that_there_is_not_cannot_be_reserved(v201):
    bench = v201.bench()
    wish = v201.wish(bench, evse=0) | {"connectorType": "cCCS2"}
    assert bench.ask("ReserveNow", wish) == {"status": "Rejected"}


def test_1_6_9_3_1_and_h01_fr_19_connector_0_only_if_supported(make):
    off = {
        "1.6": {"ReserveConnectorZeroSupported": "false"},
        "2.0.1": {"ReservationCtrlr.NonEvseSpecific": "false"},
    }
    for version, keys in off.items():
        words = Version(make, version)
        bench = words.bench(configuration=keys)
        assert words.reserve(bench, evse=0) == "Rejected"
        assert words.reserve(bench, evse=1) == "Accepted"


# -- no particular EVSE ---------------------------------------------------------------------------


def test_1_6_5_13_and_h01_fr_07_one_evse_remains_for_a_reservation_of_any(either):
    bench = either.bench(evses=3)
    assert either.reserve(bench, evse=0) == "Accepted"
    bench.go(1.0)
    assert "Reserved" not in bench.statuses()
    assert tap(bench, 1, "A") and tap(bench, 2, "B")
    assert bench.statuses(3) == ["Reserved"]
    assert not tap(bench, 3, "C")
    bench.do("unplug", 3)
    assert tap(bench, 3, "ME") and either.used(bench) == [1]


def test_h01_fr_20_as_many_reservations_as_free_evses(either):
    bench = either.bench(evses=2)
    either.reserve(bench, 1, 0, "ME")
    assert either.reserve(bench, 2, 0, "YOU") == "Accepted"
    bench.go(1.0)
    assert bench.statuses(1) == bench.statuses(2) == ["Reserved"]
    assert either.reserve(bench, 3, 0, "HER") == "Occupied"
    assert either.reserve(bench, 3, 1, "HER") == "Occupied"
    assert tap(bench, 2, "ME") and either.used(bench) == [1]
    bench.do("present_token", 1, "WHO").go(1.0)
    assert not bench.station.running(1)


def test_h02_fr_06_once_cancelled_everything_is_free_again(either):
    bench = either.bench()
    either.reserve(bench, evse=0)
    bench.go(1.0)
    assert bench.ask("CancelReservation", {"reservationId": 1}) == {"status": "Accepted"}
    bench.go(1.0)
    assert bench.statuses(1) == ["Reserved", "Available"]


def test_h03_fr_03_any_evse_will_do_also_one_that_is_not_kept(either):
    bench = either.bench(evses=2)
    either.reserve(bench, 5, 0)
    bench.do("present_token", 2, "ME").go(1.0).do("plug_in", 2).go(1.0)
    assert either.used(bench) == [5]
    assert tap(bench, 1, "WHO")
    assert "Reserved" not in bench.statuses()


def test_a_free_evse_frees_the_one_that_was_kept(either):
    bench = either.bench(evses=2)
    either.reserve(bench, evse=0)
    tap(bench, 1, "A")
    bench.do("unplug", 1).go(1.0)
    assert bench.statuses(2) == ["Reserved", "Available"]


# -- ends -----------------------------------------------------------------------------------------


def test_1_6_5_1_and_h02_cancel_reservation(either):
    bench = either.bench()
    assert bench.ask("CancelReservation", {"reservationId": 1}) == {"status": "Rejected"}
    either.reserve(bench)
    assert bench.ask("CancelReservation", {"reservationId": 2}) == {"status": "Rejected"}
    assert bench.ask("CancelReservation", {"reservationId": 1}) == {"status": "Accepted"}
    bench.go(1.0)
    assert bench.statuses(1) == ["Reserved", "Available"] and either.ends(bench) == []
    assert tap(bench, 1, "OTHER") and either.used(bench) == []


def test_1_6_5_13_and_h04_a_reservation_expires(either):
    bench = either.bench()
    either.reserve(bench, 4, seconds=120.0)
    due = bench.now + 120.0
    bench.go(200.0)
    assert bench.statuses(1) == ["Reserved", "Available"]
    assert bench.times("StatusNotification")[1] == pytest.approx(due, abs=0.11)
    assert either.ends(bench) == either.told((4, "Expired"))
    assert tap(bench, 1, "OTHER") and either.used(bench) == []


def test_whoever_waits_at_a_reserved_evse_may_charge_once_it_is_free(either):
    bench = either.bench()
    either.reserve(bench, seconds=120.0)
    bench.do("plug_in", 1).go(121.0)
    if either.version == "1.6":
        assert bench.statuses(1) == ["Reserved", "Preparing"]
        bench.go(60.0)
        assert bench.statuses(1)[-1] == "Finishing"
    bench.do("present_token", 1, "OTHER").go(1.0)
    assert bench.station.running(1)


def test_a_replaced_reservation_expires_at_its_new_time(either):
    bench = either.bench()
    either.reserve(bench, 4, seconds=100.0)
    either.reserve(bench, 4, seconds=300.0)
    bench.go(200.0)
    assert bench.statuses(1) == ["Reserved"]
    either.reserve(bench, 4, seconds=20.0)
    bench.go(30.0)
    assert bench.statuses(1) == ["Reserved", "Available"]
    bench.go(200.0)
    assert either.ends(bench) == either.told((4, "Expired"))


@pytest.mark.parametrize("evse", [0, 1])
def test_1_6_5_13_and_h01_fr_16_a_fault_ends_it(either, evse):
    bench = either.bench()
    either.reserve(bench)
    bench.go(1.0).do("fault", evse).go(1.0)
    assert either.ends(bench) == either.told((1, "Removed"))
    bench.do("clear_fault", evse).go(1.0)
    assert bench.statuses(1)[-1] == "Available" and tap(bench, 1, "OTHER")


@pytest.mark.parametrize("evse", [0, 1])
def test_1_6_5_13_and_h01_fr_17_unavailability_ends_it(either, evse):
    bench = either.bench()
    either.reserve(bench)
    bench.go(1.0)
    either.unavailable(bench, evse)
    assert bench.statuses(1) == ["Reserved", "Unavailable"]
    assert either.ends(bench) == either.told((1, "Removed"))


def test_a_reservation_of_any_lives_as_long_as_one_evse_does(either):
    bench = either.bench(evses=2)
    either.reserve(bench, evse=0)
    bench.do("fault", 1).go(1.0)
    assert bench.statuses(2) == ["Reserved"] and either.ends(bench) == []
    bench.do("fault", 2).go(1.0)
    assert either.ends(bench) == either.told((1, "Removed"))


def test_1_6_4_9_a_reservation_outlives_a_reset(either):
    bench = either.bench(reboot_s=5.0)
    either.reserve(bench, number=6)
    kind = "Hard" if either.version == "1.6" else "Immediate"
    bench.ask("Reset", {"type": kind})
    bench.go(60.0)
    assert bench.statuses(1)[-1] == "Reserved"
    assert not tap(bench, 1, "OTHER")
    bench.do("present_token", 1, "ME").go(1.0)
    assert either.used(bench) == [6]


def test_b12_err_2_14_a_reservation_is_no_idle_situation(v201):
    bench = v201.bench()
    v201.reserve(bench, seconds=100.0)
    assert bench.ask("Reset", {"type": "OnIdle"}) == {"status": "Scheduled"}
    assert not tap(bench, 1, "OTHER")
    bench.do("present_token", 1, "ME").go(50.0)
    assert bench.station.running(1) and bench.payloads("BootNotification") == []
    bench.do("unplug", 1).go(60.0)
    assert len(bench.payloads("BootNotification")) == 1


def test_ends_of_an_outage_are_told_after_it(either):
    bench = either.bench()
    either.reserve(bench, 4, seconds=30.0)
    bench.go(1.0)
    bench.reachable = False
    bench.drop()
    bench.go(100.0)
    bench.reachable = True
    bench.go(200.0)
    assert bench.statuses(1) == ["Reserved", "Available"]
    assert either.ends(bench) == either.told((4, "Expired"))


def test_an_end_whose_answer_was_lost_is_told_again(v201):
    bench = v201.bench()
    v201.reserve(bench, 4, seconds=30.0)
    bench.csms.say("ReservationStatusUpdate", SILENT)
    bench.go(31.0)
    bench.drop()
    bench.go(60.0)
    assert v201.ends(bench) == [(4, "Expired")] * 2


def test_1_6_5_13_1_a_token_that_is_not_accepted_does_not_end_it(v16):
    bench = v16.bench()
    v16.reserve(bench)
    bench.csms.say("Authorize", v16.info("Blocked"))
    assert not tap(bench, 1, "ME")
    assert bench.statuses(1) == ["Reserved"]
    bench.do("present_token", 1, "ME").go(1.0)
    assert v16.used(bench) == [1]


def test_h03_fr_09_in_2_0_1_presenting_its_token_ends_it_whatever_the_csms_says(v201):
    bench = v201.bench()
    v201.reserve(bench)
    bench.csms.say("Authorize", v201.info("Blocked"))
    bench.do("present_token", 1, "ME").go(1.0)
    assert not bench.station.waiting(1)
    assert bench.statuses(1) == ["Reserved", "Available"]
    assert tap(bench, 1, "OTHER")


def test_h03_fr_09_a_remote_start_for_its_token_ends_it_too(v201):
    bench = v201.bench(configuration={"AuthCtrlr.AuthorizeRemoteStart": "true"})
    v201.reserve(bench, number=4)
    token = {"idToken": "ME", "type": "ISO14443"}
    bench.ask("RequestStartTransaction", {"evseId": 1, "idToken": token, "remoteStartId": 1})
    bench.go(1.0)
    assert bench.statuses(1) == ["Reserved", "Available"]
    bench.do("plug_in", 1).go(1.0)
    assert v201.used(bench) == [4]


def test_1_6_5_13_1_who_never_plugs_in_keeps_the_reservation(v16):
    bench = v16.bench()
    v16.reserve(bench)
    bench.do("present_token", 1, "ME").go(100.0)
    assert bench.statuses(1) == ["Reserved", "Preparing", "Available", "Reserved"]
    assert tap(bench, 1, "ME") and v16.used(bench) == [1]


def test_h03_fr_09_and_fr_10_in_2_0_1_the_accepted_token_ends_it(v201):
    bench = v201.bench()
    v201.reserve(bench)
    bench.do("present_token", 1, "ME").go(1.0)
    assert bench.statuses(1) == ["Reserved", "Available"]
    bench.go(100.0)
    assert tap(bench, 1, "OTHER") and v201.used(bench) == []


def test_e01_fr_13_and_e03_fr_03_the_next_event_tells_the_reservation(v201):
    for point, index in (("EVConnected", 1), ("Authorized", 0), ("PowerPathClosed", 0)):
        bench = v201.bench(configuration={"TxCtrlr.TxStartPoint": point})
        v201.reserve(bench, number=9)
        if point == "Authorized":
            bench.do("present_token", 1, "ME").do("plug_in", 1).go(1.0)
        else:
            bench.do("plug_in", 1).go(1.0)
            assert bench.statuses(1) == ["Reserved"]
            bench.do("present_token", 1, "ME").go(1.0)
        events = bench.payloads("TransactionEvent")
        assert [p.get("reservationId") for p in events].index(9) == index
        assert v201.used(bench) == [9] and bench.statuses(1)[-1] == "Occupied"


# -- from afar ------------------------------------------------------------------------------------


def start(bench, token, evse=None, group=None):
    if bench.version == "1.6":
        request = {"idTag": token} | ({"connectorId": evse} if evse else {})
        return bench.ask("RemoteStartTransaction", request)["status"]
    request = {"idToken": {"idToken": token, "type": "ISO14443"}, "remoteStartId": 1}
    if evse:
        request["evseId"] = evse
    if group:
        request["groupIdToken"] = {"idToken": group, "type": "Central"}
    return bench.ask("RequestStartTransaction", request)["status"]


def test_1_6_5_11_and_f02_fr_23_a_remote_start_for_another_is_rejected(either):
    bench = either.bench(evses=2)
    either.reserve(bench)
    assert start(bench, "OTHER", 1) == "Rejected"
    assert start(bench, "ME", 1) == "Accepted"
    bench.go(1.0).do("plug_in", 1).go(1.0)
    assert either.used(bench) == [1]


def test_f02_fr_24_a_remote_start_for_the_group(v201):
    bench = v201.bench()
    v201.reserve(bench, group="family")
    assert start(bench, "DAD", 1, "strangers") == "Rejected"
    assert start(bench, "DAD", 1, "Family") == "Accepted"


def test_f02_fr_22_the_station_chooses_what_was_reserved(either):
    bench = either.bench(evses=3)
    either.reserve(bench, evse=2)
    assert start(bench, "ME") == "Accepted"
    bench.do("plug_in", 2).go(1.0)
    assert either.used(bench) == [1]
    assert start(bench, "OTHER") == "Accepted"


# -- any history ----------------------------------------------------------------------------------

STEP = st.one_of(
    st.tuples(
        st.just("reserve"),
        st.integers(1, 3),
        st.integers(0, 2),
        st.sampled_from("AB"),
        st.sampled_from([None, "G"]),
        st.sampled_from([5.0, 40.0, 400.0]),
    ),
    st.tuples(st.just("cancel"), st.integers(1, 3)),
    st.tuples(
        st.sampled_from(["plug_in", "unplug", "fault", "clear_fault", "A", "B", "C"]),
        st.integers(1, 2),
    ),
    st.tuples(st.just("arrive"), st.integers(1, 2), st.sampled_from("ABC")),
    st.tuples(st.just("go"), st.sampled_from([0.02, 1.0, 10.0, 70.0])),
    st.tuples(st.just("drop")),
    st.tuples(st.just("availability"), st.integers(0, 2), st.booleans()),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["1.6", "2.0.1"]), st.lists(STEP, max_size=30))
def test_nobody_but_whom_it_is_for_begins_at_a_reserved_evse(version, steps):
    bench = Bench(version=version, evses=2).boot()
    words = Version(None, version)
    station = bench.station
    for step in steps:
        book = station.reservations
        named = {r.evse: r for r in book.by_id.values() if r.evse} if book else {}
        before = [evse.tx for evse in station.evses]
        if step[0] == "reserve" and station.link == 2:
            bench.call("ReserveNow", words.wish(bench, *step[1:]))
        elif step[0] == "cancel" and station.link == 2:
            bench.call("CancelReservation", {"reservationId": step[1]})
        elif step[0] == "availability" and station.link == 2:
            kind = "Operative" if step[2] else "Inoperative"
            where = {"evse": {"id": step[1]}} if step[1] else {}
            request = {"connectorId": step[1], "type": kind}
            if version == "2.0.1":
                request = {"operationalStatus": kind, **where}
            bench.call("ChangeAvailability", request)
        elif step[0] == "arrive":
            tap(bench, step[1], step[2])
        elif step[0] in "ABC":
            bench.do("present_token", step[1], step[0])
        elif step[0] in ("plug_in", "unplug", "fault", "clear_fault"):
            bench.do(step[0], step[1])
        elif step[0] == "go":
            bench.go(step[1])
        elif step[0] == "drop":
            bench.drop()
        epoch = station.clock_zero + bench.now
        for evse in station.evses[1:]:
            claim = named.get(evse.number)
            fresh = evse.tx is not None and evse.tx is not before[evse.number]
            if fresh and claim is not None and claim.expires > epoch and step[0] == "arrive":
                assert claim.is_for(evse.tx.token, "", None)
        check(bench)
    assert ("ReserveNow", "InternalError") not in bench.log.served
    bench.close()


def check(bench):
    """The book and the EVSEs agree."""
    station = bench.station
    if station.reservations is None:
        return
    held = list(station.reservations.by_id.values())
    assert len(held) <= 2
    for reservation in held:
        assert reservation.expires > station.clock_zero + bench.now - 0.01
        if reservation.evse:
            evse = station.evses[reservation.evse]
            assert evse.reserved and evse.operative and not evse.fault
            assert evse.tx is None or not evse.tx.granted
