"""OCPP 2.0.1 block O: messages on the display, requirement by requirement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from station_harness import EPOCH

from simulator.station import clock
from simulator.station.display import Message, Moment, shown, turns


@pytest.fixture
def bench(make):
    return make(version="2.0.1", evses=2).boot()


def message(number=1, priority="NormalCycle", content="hello", **more):
    body = {"format": more.pop("format", "UTF8"), "content": content}
    return {"message": {"id": number, "priority": priority, "message": body, **more}}


def put(bench, *args, **kwargs):
    return bench.ask("SetDisplayMessage", message(*args, **kwargs))["status"]


def at(bench, seconds):
    """A time of the wire, so many seconds from now on."""
    return clock.iso(EPOCH + bench.now + seconds)


def charge(bench):
    bench.do("plug_in", 1).do("present_token", 1, "TAG").go(1.0)
    return bench.payloads("TransactionEvent")[0]["transactionInfo"]["transactionId"]


def ids(bench, **wanted):
    bench.forget()
    answer = bench.ask("GetDisplayMessages", {"requestId": 9, **wanted})
    bench.go(2.0)
    if answer["status"] == "Unknown":
        assert not bench.sent
        return None
    assert answer == {"status": "Accepted"}
    return [
        info["id"]
        for part in bench.payloads("NotifyDisplayMessages")
        for info in part["messageInfo"]
    ]


def screen(bench):
    return bench.station.screen(bench.now)


def test_o01_fr_01_priorities_that_are_not_supported_are_refused(make):
    conf = {"DisplayMessageCtrlr.SupportedPriorities": "InFront,NormalCycle"}
    bench = make(version="2.0.1", configuration=conf).boot()
    assert put(bench, priority="AlwaysFront") == "NotSupportedPriority"
    assert put(bench, priority="InFront") == "Accepted"


@pytest.mark.parametrize("form", ["HTML", "URI"])
def test_o01_fr_03_formats_that_are_not_supported_are_refused(bench, form):
    assert put(bench, format=form) == "NotSupportedMessageFormat"
    assert screen(bench) == ()


def test_ascii_is_printable_ascii(bench):
    assert put(bench, format="ASCII", content="Grüezi") == "Rejected"
    assert put(bench, format="ASCII", content="bell \x07") == "Rejected"
    assert put(bench, format="ASCII", content="hello") == "Accepted"


def test_o01_fr_06_not_before_its_start_and_o01_fr_07_removed_after_its_end(bench):
    begin, end = at(bench, 100.0), at(bench, 200.0)
    assert put(bench, startDateTime=begin, endDateTime=end) == "Accepted"
    assert screen(bench) == ()
    assert screen(bench.go(101.0)) == ("hello",)
    assert screen(bench.go(100.0)) == ()
    assert bench.station.display is None
    assert ids(bench) is None


def test_a_message_that_could_never_be_shown_is_rejected(bench):
    assert put(bench, endDateTime=at(bench, -1.0)) == "Rejected"
    never = {"startDateTime": at(bench, 50.0), "endDateTime": at(bench, 40.0)}
    assert put(bench, **never) == "Rejected"


def test_o01_fr_10_messages_survive_a_reboot(bench):
    put(bench)
    bench.ask("Reset", {"type": "Immediate"})
    bench.go(60.0)
    assert screen(bench) == ("hello",) and ids(bench) == [1]


def test_o01_fr_11_no_more_messages_than_there_is_room_for(make):
    bench = make(version="2.0.1", max_display_messages=2).boot()
    assert [put(bench, n) for n in (1, 2, 3)] == ["Accepted", "Accepted", "Rejected"]
    assert put(bench, 2, content="again") == "Accepted"  # it replaces


def test_o01_fr_12_to_15_always_front_hides_in_front_which_hides_the_cycle(bench):
    put(bench, 1, content="a")
    put(bench, 2, content="b")
    assert screen(bench) == ("a", "b")
    put(bench, 3, "InFront", content="c")
    put(bench, 4, "InFront", content="d")
    assert screen(bench) == ("c", "d")
    put(bench, 5, "AlwaysFront", content="e")
    assert screen(bench) == ("e",)


def test_o01_fr_16_a_new_always_front_message_replaces_the_old_one(bench):
    put(bench, 1, "AlwaysFront", content="old")
    put(bench, 2, "AlwaysFront", content="new")
    assert ids(bench) == [2] and screen(bench) == ("new",)


def test_o01_fr_22_another_display_than_there_is_is_rejected(bench):
    assert put(bench, display={"name": "Display", "instance": "Second"}) == "Rejected"
    assert put(bench, display={"name": "Screen"}) == "Rejected"
    assert put(bench, display={"name": "Display"}) == "Accepted"


def test_a_message_is_shown_in_its_state(bench):
    for number, state in enumerate(("Charging", "Faulted", "Idle", "Unavailable")):
        assert put(bench, number, content=state, state=state) == "Accepted"
    assert screen(bench) == ("Idle",)
    charge(bench)
    assert screen(bench) == ("Charging",)
    bench.do("fault", 0).go(1.0)
    assert screen(bench) == ("Faulted",)
    bench.do("stop_all", "Other").do("clear_fault", 0).do("unplug", 1).go(1.0)
    bench.ask("ChangeAvailability", {"operationalStatus": "Inoperative"})
    assert screen(bench) == ("Unavailable",)


def test_o02_fr_01_a_message_for_an_unknown_transaction_is_refused(bench):
    assert put(bench, transactionId="nobody's") == "UnknownTransaction"


def test_o02_fr_02_a_message_goes_with_its_transaction(bench):
    name = charge(bench)
    put(bench, 1, transactionId=name, content="yours")
    put(bench, 2, transactionId=name, content="idle", state="Idle")
    put(bench, 3, content="all")
    assert screen(bench) == ("yours", "all")
    bench.do("present_token", 1, "TAG").go(1.0)
    assert screen(bench) == ("all",)
    assert ids(bench) == [3]


def test_o03_fr_02_all_messages_and_o03_fr_04_in_parts(bench):
    for number in range(20):
        put(bench, number, content=f"m{number}", startDateTime=at(bench, 5.0))
    assert ids(bench) == list(range(20))
    sent = bench.payloads("NotifyDisplayMessages")
    assert [part["tbc"] for part in sent] == [True, True, False]
    assert {part["requestId"] for part in sent} == {9}  # O03.FR.05
    assert sent[0]["messageInfo"][3]["message"] == {"format": "UTF8", "content": "m3"}


def test_o03_fr_06_without_messages_unknown(bench):
    assert ids(bench) is None


def test_o04_fr_01_the_messages_that_fit_everything_given(bench):
    put(bench, 1, state="Idle")
    put(bench, 2, "InFront", state="Idle")
    put(bench, 3, "InFront")
    assert ids(bench, priority="InFront") == [2, 3]
    assert ids(bench, state="Idle") == [1, 2]
    assert ids(bench, id=[1, 3, 77]) == [1, 3]
    assert ids(bench, id=[1], priority="InFront") is None  # O04.FR.02


def test_o05_a_message_is_cleared_or_unknown(bench):
    put(bench)
    assert bench.ask("ClearDisplayMessage", {"id": 1}) == {"status": "Accepted"}
    assert bench.ask("ClearDisplayMessage", {"id": 1}) == {"status": "Unknown"}
    assert screen(bench) == ()


def test_o06_fr_01_the_same_id_replaces_with_all_that_belongs_to_it(bench):
    put(bench, 1, "InFront", content="old", state="Charging")
    assert put(bench, 1, content="new") == "Accepted"
    assert screen(bench) == ("new",) and ids(bench, priority="InFront") is None


def test_a_display_that_is_switched_off_takes_nothing(make):
    off = {"DisplayMessageCtrlr.Enabled": "false"}
    assert put(make(version="2.0.1", configuration=off).boot()) == "Rejected"


def test_b01_fr_10_nothing_is_reported_before_accepted(make):
    bench = make(version="2.0.1")
    pending = {"status": "Pending", "currentTime": clock.iso(EPOCH), "interval": 50}
    bench.csms.say("BootNotification", pending)
    bench.start().go(1.0)
    put(bench)
    assert bench.call("GetDisplayMessages", {"requestId": 1})[2] == "GenericError"
    assert bench.actions() == ["BootNotification"]


# -- the pure function ----------------------------------------------------------------------------

MESSAGES = st.builds(
    Message,
    id=st.integers(0, 9),
    priority=st.sampled_from(["AlwaysFront", "InFront", "NormalCycle"]),
    content=st.text(min_size=1, max_size=3),
    format=st.just("UTF8"),
    state=st.sampled_from(["", "Idle", "Charging"]),
    begin_s=st.integers(0, 9).map(float),
    end_s=st.integers(0, 9).map(float),
    transaction=st.sampled_from(["", "t1", "t2"]),
)
MOMENTS = st.builds(
    Moment,
    epoch_s=st.integers(0, 9).map(float),
    state=st.sampled_from(["Idle", "Charging"]),
    transactions=st.dictionaries(
        st.sampled_from(["t1", "t2"]), st.sampled_from(["Idle", "Charging"])
    ),
    own=st.lists(st.just("own"), max_size=1).map(tuple),
)


@given(st.lists(MESSAGES, max_size=8), MOMENTS)
def test_what_is_shown_is_a_function_of_messages_and_moment(messages, moment):
    texts = turns(messages, moment)
    due = [
        m
        for m in messages
        if m.begin_s <= moment.epoch_s < m.end_s
        and (not m.transaction or m.transaction in moment.transactions)
        and m.state in ("", moment.transactions.get(m.transaction, moment.state))
    ]
    by = {p: [m.content for m in due if m.priority == p] for p in ("AlwaysFront", "InFront")}
    if by["AlwaysFront"]:
        assert texts == (by["AlwaysFront"][-1],)
    elif by["InFront"] or moment.own:
        assert texts == (*by["InFront"], *moment.own)
    else:
        assert texts == tuple(m.content for m in due)


def test_of_two_always_front_messages_the_newer_one_is_shown():
    both = [Message(n, "AlwaysFront", text, "UTF8") for n, text in enumerate(("old", "new"))]
    assert turns(both, Moment(0.0, "Idle", {})) == ("new",)


def test_texts_take_turns_of_equal_length():
    seen = [shown(("a", "b", "c"), float(second), 5.0) for second in range(30)]
    assert "".join(seen) == "aaaaabbbbbccccc" * 2
    assert shown((), 3.0, 5.0) == ""
