"""The comparison of the stations' transactions with the CSMS's records."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from simulator.measure.reconcile import Ours, Theirs, reconcile

T = 1_780_000_000.0


def ours(number=1, **more):
    said = {
        "station": f"S{number % 3}",
        "connector": 1 + number % 2,
        "token": f"T{number}",
        "transaction_id": str(number),
        "start": T + 60.0 * number,
        "stop": T + 60.0 * number + 30.0,
        "meter_start": 1000.0 * number,
        "meter_stop": 1000.0 * number + 500.0,
        "start_acked": True,
        "stop_acked": True,
    }
    return Ours(**(said | more))


def recorded(one: Ours, **more):
    """What a CSMS without fault records."""
    said = Theirs(
        one.station,
        one.connector,
        one.token,
        one.transaction_id,
        one.start,
        one.stop,
        one.meter_start,
        one.meter_stop,
    )
    return replace(said, **more)


def compare(mine, theirs):
    stations = frozenset({"S0", "S1", "S2"})
    return reconcile(mine, theirs, stations=stations, since=T, until=T + 1e6)


def kinds(mine, theirs):
    return dict(compare(mine, theirs).counts)


def test_records_that_agree_leave_nothing():
    mine = [ours(n) for n in range(20)]
    found = compare(mine, [recorded(one) for one in mine])
    assert (found.compared, found.matched, found.differences, found.clean) == (20, 20, (), True)


def test_a_lost_transaction_is_found():
    mine = [ours(1), ours(2)]
    found = compare(mine, [recorded(mine[0])])
    (difference,) = found.differences
    assert (difference.kind, difference.transaction_id) == ("lost", "2")
    assert not found.clean


def test_what_was_never_answered_is_not_the_fault_of_the_csms():
    mine = [ours(1, start_acked=False, stop_acked=False, transaction_id=None)]
    found = compare(mine, [])
    assert dict(found.counts) == {"not_delivered": 1} and found.clean


def test_a_start_whose_answer_was_lost_is_found_by_place_time_and_register():
    mine = ours(1, start_acked=False, transaction_id=None)
    assert kinds([mine], [recorded(mine, transaction_id="77", start=mine.start + 1.9)]) == {}
    assert kinds([mine], [recorded(mine, transaction_id="77", start=mine.start + 2.1)]) == {
        "not_delivered": 1,
        "unknown": 1,
    }
    assert "unknown" in kinds([mine], [recorded(mine, meter_start=mine.meter_start + 5.0)])


def test_a_doubled_transaction_is_found_whichever_of_the_two_has_the_id():
    mine = ours(1)
    twin = recorded(mine, transaction_id="2", stop=None, meter_stop=None)
    for theirs in ([recorded(mine), twin], [twin, recorded(mine)]):
        assert kinds([mine], theirs) == {"duplicated": 1}
    assert kinds([mine], [recorded(mine), recorded(mine)]) == {"duplicated": 1}


def test_two_transactions_that_look_alike_are_not_a_doubled_one():
    mine = [
        ours(1, start_acked=False, transaction_id=None),
        ours(1, start=ours(1).start + 1.0, start_acked=False, transaction_id=None),
    ]
    assert (
        kinds(mine, [recorded(one, transaction_id=str(9 + n)) for n, one in enumerate(mine)]) == {}
    )


def test_a_wrong_energy_is_found_beyond_one_watt_hour():
    mine = ours(1)
    assert kinds([mine], [recorded(mine, meter_stop=mine.meter_stop + 1.0)]) == {}
    found = compare([mine], [recorded(mine, meter_stop=mine.meter_stop + 1.1)])
    (difference,) = found.differences
    assert difference.kind == "wrong_energy"
    assert (difference.ours, difference.theirs) == ("500.0 Wh", "501.1 Wh")
    by_field = recorded(mine, meter_start=None, meter_stop=None, energy=490.0)
    assert kinds([mine], [by_field]) == {"wrong_energy": 1}


def test_an_acknowledged_end_that_is_not_recorded_is_lost():
    mine = ours(1)
    assert kinds([mine], [recorded(mine, stop=None, meter_stop=None)]) == {"end_lost": 1}
    pending = replace(mine, stop_acked=False)
    assert kinds([pending], [recorded(mine, stop=None, meter_stop=None)]) == {}


def test_an_end_of_which_the_station_knows_nothing():
    mine = ours(1)
    running = replace(mine, stop=None, meter_stop=None, stop_acked=False)
    found = compare([running], [recorded(mine)])
    assert dict(found.counts) == {"ended_elsewhere": 1} and found.clean


def test_tokens_are_equal_in_any_case_and_else_wrong():
    mine = ours(1)
    assert kinds([mine], [recorded(mine, token="t1")]) == {}
    assert kinds([mine], [recorded(mine, token="other")]) == {"wrong_token": 1}


def test_records_of_others_are_counted_and_left_alone():
    mine = ours(1)
    theirs = [
        recorded(mine),
        recorded(mine, station="elsewhere"),
        recorded(mine, transaction_id="5", start=T - 86_400.0),
    ]
    found = compare([mine], theirs)
    assert (found.elsewhere, found.differences) == (2, ())


def test_a_record_that_nobody_knows():
    stranger = recorded(ours(2), transaction_id="99", token="stranger")
    found = compare([ours(1)], [recorded(ours(1)), stranger])
    assert dict(found.counts) == {"unknown": 1} and not found.clean


@given(
    st.lists(st.integers(0, 30), unique=True, max_size=20),
    st.lists(st.sampled_from(["lose", "double", "energy", "fine"]), min_size=31, max_size=31),
    st.randoms(use_true_random=False),
)
def test_every_injected_fault_is_found_and_no_other(numbers, fates, shuffle):
    mine, theirs, expected = [], [], {}
    for number in numbers:
        one = ours(number)
        mine.append(one)
        fate = fates[number]
        if fate != "lose":
            theirs.append(recorded(one))
        if fate == "double":
            theirs.append(recorded(one, transaction_id=f"again-{number}"))
        if fate == "energy":
            theirs[-1] = recorded(one, meter_stop=one.meter_stop - 7.0)
        kind = {"lose": "lost", "double": "duplicated", "energy": "wrong_energy"}.get(fate)
        if kind:
            expected[kind] = expected.get(kind, 0) + 1
    shuffle.shuffle(theirs)
    assert kinds(mine, theirs) == expected
