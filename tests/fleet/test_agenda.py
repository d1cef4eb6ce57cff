"""The two forms of the agenda's rules agree, and caps are tidied without changing what happens."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.demand.visits import Manner
from simulator.fleet.agenda import (
    CLOSING,
    OPENING,
    Stays,
    changes,
    state_at,
    tabulate,
    tidy_caps,
    visit_agenda,
)
from simulator.fleet.manners import open_spans, playable, split_taps, timed_out, told
from simulator.fleet.terms import Terms
from simulator.station.events import Event

INF = float("inf")
FLAGS = len(fields(Terms)) - 1
# Few distinct moments, so that equal times are common.
moments = st.sampled_from([0.0, 1.0, 2.0, 2.5, 3.0, 5.0, 8.0, 13.0])
powers = st.sampled_from([0.0, 0.0, 3.7, 11.0])


@st.composite
def raw_stays(draw):
    n = draw(st.integers(0, 6))
    start, stop, full, caps = [], [], [], []
    for _ in range(n):
        begin = draw(moments)
        start.append(begin)
        stop.append(draw(st.sampled_from([begin + 1.0, begin + 4.0, begin + 20.0, INF])))
        full.append(draw(st.one_of(moments, st.just(INF))))
        first = draw(st.sampled_from([begin, begin - 2.0, begin]))
        later = draw(st.lists(moments, max_size=6))
        times = sorted([first, *(t for t in later if t >= first)])
        caps.append([(t, draw(powers)) for t in times])
    offset = np.cumsum([0] + [len(c) for c in caps]).astype(np.int64)
    return (
        np.array(start, float),
        np.array(stop, float),
        np.array(full, float),
        offset,
        np.array([t for c in caps for t, _ in c], float),
        np.array([kw for c in caps for _, kw in c], float),
    )


def tidy(raw) -> Stays:
    start, stop, *_ = raw
    full, offset, cap_s, cap_kw = tidy_caps(*raw)
    n = len(start)
    ones = np.ones(n, np.int32)
    return Stays(np.arange(n, dtype=np.int32), ones, start, stop, full, offset, cap_s, cap_kw)


@given(raw_stays(), st.lists(st.sampled_from(Manner), min_size=6, max_size=6))
def test_all_visits_at_once_have_the_events_of_each_visit_by_itself(raw, manners):
    stays = tidy(raw)
    wanted = np.array(manners[: len(stays)], np.int8)
    stays = replace(stays, manner=playable(wanted, stays.start_s, stays.stop_s))
    one_by_one = Counter()
    for row in range(len(stays)):
        caps = slice(stays.cap_offset[row], stays.cap_offset[row + 1])
        for at, event in visit_agenda(
            stays.start_s[row],
            stays.stop_s[row],
            stays.full_s[row],
            stays.cap_s[caps].tolist(),
            stays.cap_kw[caps].tolist(),
            0 if stays.manner is None else stays.manner[row],
        ):
            one_by_one[event, float(at), row] += 1
    at_once = Counter()
    pieces = split_taps(stays)
    for group in tabulate(pieces):
        visits = pieces.station[group.row].tolist()
        for at, visit in zip(group.at_s.tolist(), visits, strict=True):
            at_once[group.event, at, visit] += 1
    assert at_once == one_by_one


@given(
    raw_stays(),
    st.lists(st.sampled_from(Manner), min_size=6, max_size=6),
    st.lists(st.lists(st.booleans(), min_size=FLAGS, max_size=FLAGS), min_size=6, max_size=6),
    st.sampled_from([INF, 0.5, 2.0, 60.0]),
)
def test_every_transaction_begins_once_and_ends_once_wherever_its_points_are(
    raw, manners, flags, wait_s
):
    stays = tidy(raw)
    wanted = np.array(manners[: len(stays)], np.int8)
    stays = replace(stays, manner=playable(wanted, stays.start_s, stays.stop_s))
    terms = Terms(np.full(6, wait_s), *np.array(flags, bool).T)
    pieces = split_taps(timed_out(stays, terms, 1000.0))
    spans, runs = open_spans(pieces, terms)
    happened = {Event.TRANSACTION_STARTED: [], Event.TRANSACTION_ENDED: []}
    for group in told(tabulate(pieces), pieces, terms, 1000.0):
        if group.event in happened:
            visits = pieces.station[group.row].tolist()
            happened[group.event] += zip(group.at_s.tolist(), visits, strict=True)
    began = list(zip(spans.start_s[runs].tolist(), spans.station[runs].tolist(), strict=True))
    ended = runs & np.isfinite(spans.stop_s)
    over = list(zip(spans.stop_s[ended].tolist(), spans.station[ended].tolist(), strict=True))
    assert sorted(happened[Event.TRANSACTION_STARTED]) == sorted(began)
    assert sorted(happened[Event.TRANSACTION_ENDED]) == sorted(over)


@given(raw_stays())
def test_tidied_caps_hold_the_same_power_at_every_moment_that_matters(raw):
    start, stop, full, offset, cap_s, cap_kw = raw
    stays = tidy(raw)
    for row in range(len(stays)):
        before = slice(offset[row], offset[row + 1])
        after = slice(stays.cap_offset[row], stays.cap_offset[row + 1])
        times, kws = stays.cap_s[after].tolist(), stays.cap_kw[after].tolist()
        assert times[0] == start[row]
        assert all(a < b for a, b in pairwise(times))
        assert all(a != b for a, b in pairwise(kws))
        for at in np.arange(start[row], min(stop[row], full[row], 25.0), 0.5):
            raw_cap = cap_kw[before][bisect_right(cap_s[before].tolist(), at) - 1]
            assert kws[bisect_right(times, at) - 1] == raw_cap


@given(raw_stays())
def test_a_visit_opens_changes_state_alternately_and_closes(raw):
    stays = tidy(raw)
    for row in range(len(stays)):
        caps = slice(stays.cap_offset[row], stays.cap_offset[row + 1])
        cap_s, cap_kw = stays.cap_s[caps].tolist(), stays.cap_kw[caps].tolist()
        start, stop, full = stays.start_s[row], stays.stop_s[row], stays.full_s[row]
        events = list(visit_agenda(start, stop, full, cap_s, cap_kw))
        names = [event for _, event in events]
        times = [at for at, _ in events]
        assert times == sorted(times)
        assert tuple(names[:3]) == OPENING
        middle = names[3:-3] if stop < INF else names[3:]
        assert stop == INF or tuple(names[-3:]) == CLOSING
        assert all(a is not b for a, b in pairwise(middle))
        assert Event.SUSPENDED_EV not in middle[:-1]
        for at, event in events[3 : 3 + len(middle)]:
            cap = cap_kw[bisect_right(cap_s, at) - 1]
            assert event is state_at(at, full, cap)


def test_a_change_due_at_the_very_end_is_not_played():
    assert list(changes(0.0, 10.0, 10.0, [0.0], [11.0])) == [(0.0, Event.CHARGING)]
    assert list(changes(0.0, 10.0, INF, [0.0, 10.0], [11.0, 0.0])) == [(0.0, Event.CHARGING)]


def test_a_car_that_wants_nothing_begins_suspended():
    assert list(changes(5.0, 10.0, 5.0, [5.0], [11.0])) == [(5.0, Event.SUSPENDED_EV)]


def test_a_stay_without_recorded_caps_may_charge_all_along():
    full, offset, cap_s, cap_kw = tidy_caps(
        np.array([3.0]), np.array([9.0]), np.array([INF]), np.zeros(2, np.int64), *[np.zeros(0)] * 2
    )
    assert (offset.tolist(), cap_s.tolist(), cap_kw.tolist()) == ([0, 1], [3.0], [INF])
    assert full.tolist() == [INF]


def test_a_car_without_power_does_not_become_full():
    full, *_ = tidy_caps(
        np.array([0.0]),
        np.array([9.0]),
        np.array([5.0]),
        np.array([0, 2]),
        np.array([0.0, 4.0]),
        np.array([11.0, 0.0]),
    )
    assert full.tolist() == [INF]
