"""Limits and composite schedules against a slow evaluation that is right at sight.

``Slow`` knows no order, no search and no arithmetic of edges: it lists every period of every
repetition as an interval and asks which of them hold a moment. Limits are compared at every edge
that it knows, half a second around them, and at moments drawn at random.
"""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from simulator.station.composite import (
    Installed,
    Session,
    composite,
    limits_at,
    next_change,
    split,
    whole,
)
from simulator.station.profiles import (
    Kind,
    Period,
    Profile,
    Purpose,
    Recurrency,
    Schedule,
    Unit,
    flaw,
    in_force,
    next_edge,
)
from simulator.station.settings import Supply

DAY = 86_400
HORIZON = 3 * DAY
SUPPLIES = (
    Supply(lines=3, volt=230.0, evse_a=32.0, station_a=50.0),
    Supply(lines=1, volt=230.0, evse_a=32.0),
    Supply(lines=1, volt=400.0, dc=True, evse_a=375.0, station_a=500.0, least_a=10.0),
)


class Slow:
    """The meaning of a set of profiles, evaluated without any thought for time."""

    def __init__(self, book, supply, sessions):
        self.book, self.supply, self.sessions = book, supply, sessions

    def intervals(self, profile, start):
        """(from, to, period) of every period of every repetition."""
        schedule = profile.schedules[0]
        base = start if profile.kind is Kind.RELATIVE or schedule.start is None else schedule.start
        if base is None:
            return
        step = profile.recurrency
        for n in range(1 if step is None else HORIZON // step + 12):
            origin = base + (n * step if step else 0)
            last = origin + min(schedule.duration_s, step or inf)
            ends = [p.start_s for p in schedule.periods[1:]] + [inf]
            for period, end in zip(schedule.periods, ends, strict=True):
                until = min(origin + end, last, profile.valid_to)
                yield max(origin + period.start_s, profile.valid_from), until, period

    def period(self, profile, at, start):
        found = [p for a, b, p in self.intervals(profile, start) if a <= at < b]
        assert len(found) <= 1
        return found[0] if found else None

    def edges(self):
        for item in self.book:
            for session in self.sessions:
                for a, b, _ in self.intervals(item.profile, self.start(item, session.begun)):
                    yield from (a, b)
            yield from (item.profile.valid_from, item.profile.valid_to)

    @staticmethod
    def start(item, begun):
        return begun if item.profile.purpose in (Purpose.TX, Purpose.TX_DEFAULT) else item.since

    def lead(self, purpose, evse, at, begun):
        """(amperes per line, lines) of the profile that leads, or None."""
        own = [i for i in self.book if i.profile.purpose is purpose and i.evse == evse]
        if purpose is Purpose.TX_DEFAULT:
            levels = {i.profile.level for i in own}
            own += [
                i
                for i in self.book
                if i.profile.purpose is purpose and i.evse == 0 and i.profile.level not in levels
            ]
        for item in sorted(own, key=lambda i: i.profile.level, reverse=True):
            period = self.period(item.profile, at, self.start(item, begun))
            if period is not None:
                return self.current(period, item.profile.schedules[0].unit)
        return None

    def current(self, period, unit):
        if self.supply.dc:
            amps = period.limit if unit is Unit.A else period.limit / self.supply.volt
            return amps, 1
        phases = 3 if period.phases is None else period.phases
        amps = period.limit if unit is Unit.A else period.limit / phases / self.supply.volt
        return amps, min(phases, self.supply.lines)

    def own(self, evse, at, begun):
        tx = self.lead(Purpose.TX, evse, at, begun)
        if tx is None:
            tx = self.lead(Purpose.TX_DEFAULT, evse, at, begun)
        return [x for x in (tx, self.lead(Purpose.EXTERNAL, evse, at, begun)) if x is not None]

    def station(self, at):
        both = (self.lead(p, 0, at, None) for p in (Purpose.STATION_MAX, Purpose.EXTERNAL))
        return [x for x in both if x is not None]


# Quarters of a second are exact in binary, as the sums of Unix times are.
moment = st.integers(0, 4 * HORIZON).map(lambda n: n / 4.0)
seconds = st.integers(1, 2 * DAY)


@st.composite
def schedules(draw, kind):
    starts = draw(st.lists(st.integers(1, 2 * DAY), max_size=4, unique=True).map(sorted))
    unit = draw(st.sampled_from(Unit))
    limit = st.integers(0, 60).map(float) if unit is Unit.A else st.integers(0, 40_000).map(float)
    phases = st.sampled_from([None, 1, 3])
    return Schedule(
        unit,
        tuple(Period(float(s), draw(limit), draw(phases)) for s in [0, *starts]),
        None if kind is Kind.RELATIVE else draw(moment),
        float(draw(st.one_of(st.just(inf), seconds))),
        draw(st.sampled_from([None, None, 8.0])),
    )


@st.composite
def profiles(draw, id, purpose):
    kind = draw(st.sampled_from(Kind))
    valid_from = draw(st.one_of(st.just(-inf), moment))
    lasts = draw(st.one_of(st.just(inf), seconds))
    return Profile(
        id,
        draw(st.integers(0, 3)),
        purpose,
        kind,
        (draw(schedules(kind)),),
        draw(st.sampled_from(Recurrency)) if kind is Kind.RECURRING else None,
        valid_from,
        lasts if valid_from == -inf else valid_from + lasts,
    )


@st.composite
def books(draw, evses=3):
    """Profiles as a station would hold them: no two of a purpose, level and EVSE."""
    book = {}
    for id in range(draw(st.integers(0, 7))):
        purpose = draw(st.sampled_from(Purpose))
        low = 1 if purpose is Purpose.TX else 0
        high = 0 if purpose is Purpose.STATION_MAX else evses
        item = Installed(draw(st.integers(low, high)), draw(profiles(id, purpose)), draw(moment))
        book[item.evse, purpose, item.profile.level] = item
    return tuple(book.values())


@st.composite
def cases(draw):
    book = draw(books())
    numbers = draw(st.permutations([1, 2, 3]))[: draw(st.integers(1, 3))]
    begun = sorted(draw(moment) for _ in numbers)
    sessions = [Session(n, b, draw(st.booleans())) for n, b in zip(numbers, begun, strict=True)]
    return book, draw(st.sampled_from(SUPPLIES)), sessions


def moments(slow, more):
    found = {0.0, *more}
    for edge in slow.edges():
        if 0.0 <= edge <= HORIZON:
            found |= {edge, edge - 0.5, edge + 0.5, edge - 0.25}
    return sorted(found)[:: 1 + len(found) // 150]


@settings(max_examples=80, deadline=None)
@given(profiles(1, Purpose.TX_DEFAULT), st.one_of(st.none(), moment), st.lists(moment, max_size=5))
def test_the_period_in_force_is_the_one_whose_interval_holds_the_moment(profile, start, more):
    assert flaw(profile) == ""
    slow = Slow((), SUPPLIES[0], [])
    edges = sorted(
        {e for a, b, _ in slow.intervals(profile, start) for e in (a, b) if 0 <= e < HORIZON}
    )
    for at in [*more, *edges, *(e + 0.25 for e in edges), *(e - 0.25 for e in edges)]:
        assert in_force(profile, at, start) == slow.period(profile, at, start)


@settings(max_examples=80, deadline=None)
@given(profiles(1, Purpose.TX_DEFAULT), moment, st.lists(moment, min_size=1, max_size=3))
def test_nothing_changes_before_the_next_edge_and_no_edge_is_missed(profile, start, begins):
    slow = Slow((), SUPPLIES[0], [])
    real = sorted({e for a, b, _ in slow.intervals(profile, start) for e in (a, b)})
    for at in begins:
        edge = next_edge(profile, at, start)
        assert edge > at
        for e in real:
            if at < e < edge:
                # An interval that the window of validity empties is no edge.
                assert slow.period(profile, e, start) == slow.period(profile, at, start)


@settings(max_examples=60, deadline=None)
@given(cases(), st.lists(moment, max_size=4))
def test_k08_fr_04_a_limit_is_the_least_of_what_leads_and_the_sum_keeps_the_stations(case, more):
    book, supply, sessions = case
    slow = Slow(book, supply, sessions)
    for at in moments(slow, more):
        offers = limits_at(book, supply, at, sessions)
        caps = slow.station(at)
        cap = min((a for a, _ in caps), default=inf)
        drawn = 0.0
        for session in sessions:
            offer = offers[session.evse]
            own = slow.own(session.evse, at, session.begun)
            least = min((a for a, _ in own), default=inf)
            if cap == inf:
                assert offer.amps == pytest.approx(least)
            assert offer.amps <= least + 1e-9 and offer.amps <= cap + 1e-9
            assert offer.lines == min([supply.lines, *(n for _, n in own + caps)])
            for amps, lines in own + caps:
                assert offer.amps * offer.lines <= amps * lines + 1e-9
            if not session.idle and offer.amps >= supply.least_a - 1e-9:
                drawn += offer.amps
        assert drawn <= cap + 1e-6


@settings(max_examples=60, deadline=None)
@given(cases(), st.lists(moment, min_size=1, max_size=3))
def test_limits_hold_until_the_next_change_and_it_is_found_in_finitely_many_steps(case, begins):
    book, supply, sessions = case
    slow = Slow(book, supply, sessions)
    every = moments(slow, ())
    for at in begins:
        until = next_change(book, at, sessions)
        assert until > at
        now = limits_at(book, supply, at, sessions)
        for between in (m for m in every if at < m < until):
            assert limits_at(book, supply, between, sessions) == now


@settings(max_examples=50, deadline=None)
@given(cases(), moment, st.integers(1, 2 * DAY), st.integers(0, 3))
def test_a_composite_schedule_says_at_every_moment_what_the_limits_are(case, at, duration, evse):
    book, supply, sessions = case
    spoken, stretches = composite(book, supply, at, duration, sessions, evse, 3)
    assert spoken == duration and stretches[0].start_s == 0.0
    assert all(a.start_s < b.start_s and a[1:] != b[1:] for a, b in pairwise(stretches))
    present = [s._replace(idle=s.idle and s.evse != evse) for s in sessions]
    known = {s.evse for s in sessions}
    present += [Session(n, at) for n in ([evse] if evse else (1, 2, 3)) if n not in known]
    slow = Slow(book, supply, present)
    for m in moments(slow, [at]):
        if not at <= m < at + duration:
            continue
        said = [s for s in stretches if s.start_s <= m - at][-1]
        if evse:
            offer = limits_at(book, supply, m, present, local=True)[evse]
            assert (said.amps, said.lines, said.phase) == offer
            assert said.watts == pytest.approx(offer.amps * offer.lines * supply.volt)
            continue
        caps = [(supply.station_a, supply.lines), *slow.station(m)]
        owns = [slow.own(s.evse, m, s.begun) for s in present]
        each = [min([supply.evse_a, *(a for a, _ in own)]) for own in owns]
        assert said.amps == pytest.approx(min(sum(each), min(a for a, _ in caps)))
        for amps, lines in caps:
            assert said.watts <= amps * lines * supply.volt + 1e-6


shares = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from([0.0, 6.0, 12.0])), min_size=1, max_size=6
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 200), shares)
@example(10, [(32, 6.0), (32, 6.0)])
@example(0, [(32, 6.0)])
def test_a_shared_limit_is_kept_used_up_and_shared_evenly(cap, claims):
    wants = [float(want) for want, _ in claims]
    least = [floor for _, floor in claims]
    give = split(float(cap), wants, least)
    assert sum(give) <= cap + 1e-9
    assert all(0.0 <= g <= w for g, w in zip(give, wants, strict=True))
    active = [i for i, g in enumerate(give) if g > 0.0]
    for i in active:
        assert give[i] >= min(least[i], wants[i]) - 1e-9
    # Who gets less than it wants gets as much as anybody.
    for i in active:
        if give[i] < wants[i] - 1e-9:
            assert give[i] == pytest.approx(max(give))
            assert sum(give) == pytest.approx(cap)
    # The first of all is left out only if the whole would be of no use to it.
    if wants[0] > 0.0 and give[0] == 0.0:
        assert len(active) == 0 or least[0] > 0.0


def test_a_daily_profile_keeps_to_utc_through_the_change_to_daylight_saving_time():
    """2026-03-29 in Berlin: 18:00 local on the 28th is 19:00 local on the 30th."""
    start = 1_774_717_200.0  # 2026-03-28T17:00:00Z
    schedule = Schedule(Unit.A, (Period(0.0, 10.0),), start, 3600.0)
    daily = Profile(1, 0, Purpose.TX_DEFAULT, Kind.RECURRING, (schedule,), Recurrency.DAILY)
    for day in range(4):
        assert in_force(daily, start + day * DAY, None) is not None
        assert in_force(daily, start + day * DAY - 1.0, None) is None
    assert next_edge(daily, start + 3600.0, None) == start + DAY


@settings(max_examples=200, deadline=None)
@given(st.floats(1.7e9, 2.0e9), st.floats(0.0, 1e8), st.sampled_from(Recurrency))
def test_edges_of_unix_times_with_any_fraction_are_met_to_the_last_bit(start, later, recurrency):
    """Else a station would be woken at an edge and find itself a hair before it."""
    periods = (Period(0.0, 10.0), Period(100.0, 8.0), Period(50_000.0, 6.0))
    schedule = Schedule(Unit.A, periods, start, 60_000.0)
    profile = Profile(1, 0, Purpose.TX_DEFAULT, Kind.RECURRING, (schedule,), recurrency)
    at = start + later
    assume(at < 2.0**31)
    before = in_force(profile, at, None)
    for _ in range(6):
        at = next_edge(profile, at, None)
        after = in_force(profile, at, None)
        assert after != before
        before = after


def test_fewer_phases_at_the_same_current_are_another_stretch():
    periods = (Period(0.0, 10.0, 3), Period(60.0, 10.0, 1))
    profile = Profile(1, 0, Purpose.TX_DEFAULT, Kind.RELATIVE, (Schedule(Unit.A, periods),))
    _, found = composite((Installed(0, profile, 0.0),), SUPPLIES[0], 0.0, 100, [], 1, 1)
    assert [tuple(stretch) for stretch in found] == [
        (0.0, 10.0, 6900.0, 3, 0),
        (60.0, 10.0, 2300.0, 1, 0),
    ]


def test_an_absolute_profile_before_its_start_and_after_its_end_says_nothing():
    schedule = Schedule(Unit.A, (Period(0.0, 10.0),), 100.0, 50.0)
    profile = Profile(1, 0, Purpose.TX_DEFAULT, Kind.ABSOLUTE, (schedule,))
    said = [in_force(profile, at, 0.0) is not None for at in (99.9, 100.0, 149.9, 150.0)]
    assert said == [False, True, True, False]
    edges = [next_edge(profile, at, 0.0) for at in (0.0, 100.0, 150.0)]
    assert edges == [100.0, 150.0, inf]
    late = Profile(2, 0, Purpose.STATION_MAX, Kind.RELATIVE, (Schedule(Unit.A, (Period(0, 8.0),)),))
    book = (Installed(0, late, 500.0),)
    assert whole(book, SUPPLIES[0], 499.0).amps == inf
    assert whole(book, SUPPLIES[0], 500.0).amps == 8.0
