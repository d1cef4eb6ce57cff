"""Sharing of limits: never exceeded, nothing wasted, max-min fair against a slow obvious twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.charging.sharing import admit, fill, fill_tree, floors_fit, greedy

TOLERANCE_KW = 1e-8


def level_by_bisection(limit_kw, floor, want, weight):
    """The obvious way: raise one level until the limit is used up."""

    def shares(level):
        return np.clip(level * weight, floor, want)

    if want.sum() <= limit_kw:
        return want.copy()
    low, high = 0.0, want.max() / weight.min() + 1.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if shares(middle).sum() <= limit_kw:
            low = middle
        else:
            high = middle
    return shares(low)


class Crowd:
    """Members under a tree of limits, laid out from the root to the leaves."""

    def __init__(self, limit, parent, group, floor, want, weight):
        self.limit, self.parent = limit, parent
        self.floor, self.want, self.weight = floor, want, weight
        self.group = group
        count = len(limit)
        self.below = np.zeros((count, len(want)), bool)
        for i, g in enumerate(group):
            while g >= 0:
                self.below[g, i] = True
                g = parent[g]
        self.start = np.array([np.flatnonzero(row)[0] if row.any() else 0 for row in self.below])
        self.stop = self.start + self.below.sum(axis=1)

    def fits(self, give, slack=1e-12):
        return (self.below @ give <= self.limit * (1 + slack) + slack).all()

    def fill(self):
        n, count = len(self.want), len(self.limit)
        give, spare, held = np.zeros(n), np.zeros(n), np.zeros(count, np.int64)
        fill_tree(
            self.limit,
            self.start,
            self.stop,
            count,
            n,
            self.floor,
            self.want,
            self.weight,
            give,
            spare,
            held,
        )
        return give, held

    def serve(self, order, want=None, limit=None):
        n, count = len(self.want), len(self.limit)
        give, left, held = np.zeros(n), np.zeros(count), np.zeros(count, np.int64)
        head = (self.limit if limit is None else limit, self.parent, count, self.group)
        if want is None:
            admit(*head, np.array(order), n, self.floor, left, give, held)
        else:
            greedy(*head, np.array(order), n, self.floor, want, left, give, held)
        return give, held


def progressive(crowd):
    """Max-min by its definition: raise one level for all, fix whom a full limit holds, go on."""
    give = crowd.floor.copy()
    fixed = np.zeros(len(give), bool)

    def at(level):
        share = np.clip(level * crowd.weight, crowd.floor, crowd.want)
        return np.where(fixed, give, share)

    top = (crowd.want / crowd.weight).max() + 1.0
    while not fixed.all():
        low, high = 0.0, top
        if crowd.fits(at(top)):
            return at(top)
        for _ in range(100):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if crowd.fits(at(middle)) else (low, middle)
        give = at(low)
        full = crowd.below @ at(high) > crowd.limit * (1 + 1e-12) + 1e-12
        fixed = fixed | crowd.below[full].any(axis=0)
    return give


@st.composite
def crowds(draw):
    """Trees up to four deep with floors that fit, and limits from tight to loose."""
    kw = st.one_of(st.floats(0.0, 50.0), st.sampled_from([0.0, 1.38, 4.14, 11.0, 22.0]))
    parent, group = [-1], []

    def grow(g, depth):
        for _ in range(draw(st.integers(0 if depth else 1, 3))):
            group.append(g)
        for _ in range(draw(st.integers(0, 3)) if depth < 3 and len(parent) < 9 else 0):
            parent.append(g)
            grow(len(parent) - 1, depth + 1)

    grow(0, 0)
    n = len(group)
    want = np.array(draw(st.lists(kw, min_size=n, max_size=n)))
    floors = draw(st.lists(st.sampled_from([0.0, 1.38, 4.14]), min_size=n, max_size=n))
    floor = np.minimum(want, floors)
    weight = np.array(draw(st.lists(st.sampled_from([1.0, 1.0, 0.3, 2.0]), min_size=n, max_size=n)))
    crowd = Crowd(np.zeros(len(parent)), np.array(parent), np.array(group), floor, want, weight)
    part = np.array(draw(st.lists(st.floats(0.0, 1.2), min_size=len(parent), max_size=len(parent))))
    least = crowd.below @ floor
    # A sum in another order may differ in the last bit.
    crowd.limit = (least + part * (crowd.below @ want - least)) * (1 + 1e-12)
    return crowd


@settings(max_examples=200, deadline=None)
@given(crowds())
def test_one_limit_gives_what_bisection_gives(crowd):
    limit_kw, floor, want, weight = crowd.limit[0], crowd.floor, crowd.want, crowd.weight
    give = np.zeros(len(want))
    held = fill(limit_kw, floor, want, weight, give, 0, len(want))
    expected = level_by_bisection(limit_kw, floor, want, weight)
    assert give == pytest.approx(expected, abs=TOLERANCE_KW)
    assert held == (want.sum() > limit_kw) or want.sum() == pytest.approx(limit_kw)


@settings(max_examples=300, deadline=None)
@given(crowds())
def test_a_tree_is_filled_max_min_fairly(crowd):
    give, _ = crowd.fill()
    assert crowd.fits(give)
    assert (give <= crowd.want + TOLERANCE_KW).all()
    assert (give >= crowd.floor - TOLERANCE_KW).all()
    assert give == pytest.approx(progressive(crowd), abs=1e-6)


@settings(max_examples=300, deadline=None)
@given(crowds())
def test_whoever_is_held_back_is_below_a_limit_that_says_so_and_is_used_up(crowd):
    give, held = crowd.fill()
    used = crowd.below @ give
    assert (used[held > 0] >= crowd.limit[held > 0] * (1 - 1e-8) - TOLERANCE_KW).all()
    for i in np.flatnonzero(give < crowd.want - TOLERANCE_KW):
        assert held[crowd.below[:, i]].any()


def test_an_unused_share_goes_to_the_other_plug():
    """Two plugs share 172.5 kW equally; what one cannot use, the other gets."""
    for want, expected in (([150.0, 150.0], [86.25, 86.25]), ([50.0, 150.0], [50.0, 122.5])):
        crowd = Crowd(
            np.array([172.5]),
            np.array([-1]),
            np.array([0, 0]),
            np.zeros(2),
            np.array(want),
            np.ones(2),
        )
        assert crowd.fill()[0].tolist() == expected


def test_the_floor_of_one_is_paid_by_the_others():
    give = np.zeros(3)
    fill(9.0, np.array([4.14, 0.0, 0.0]), np.full(3, 11.0), np.ones(3), give, 0, 3)
    assert give == pytest.approx([4.14, 2.43, 2.43])


@settings(max_examples=200, deadline=None)
@given(crowds(), st.randoms(use_true_random=False), st.floats(0.1, 1.0))
def test_who_is_admitted_fits_and_who_is_not_does_not(crowd, random, squeeze):
    order = list(range(len(crowd.want)))
    random.shuffle(order)
    crowd.limit = crowd.limit * squeeze
    taken, held = crowd.serve(order)
    assert ((taken == 0.0) | (taken == crowd.floor)).all()
    assert crowd.fits(taken)
    used = crowd.below @ taken
    for i in np.flatnonzero(taken < crowd.floor):
        above = crowd.below[:, i]
        assert (used[above] + crowd.floor[i] > crowd.limit[above] - TOLERANCE_KW).any()
        assert held[above].any()
    if floors_fit(crowd.limit, crowd.start, crowd.stop, len(crowd.limit), crowd.floor * (1 + 1e-9)):
        assert (taken == crowd.floor).all()


@settings(max_examples=200, deadline=None)
@given(crowds(), st.randoms(use_true_random=False))
def test_greedy_gives_each_in_order_as_much_as_every_limit_leaves(crowd, random):
    order = list(range(len(crowd.want)))
    random.shuffle(order)
    give, held = crowd.serve(order, crowd.want)
    expected = np.zeros(len(give))
    for i in order:
        above = crowd.below[:, i]
        room = (crowd.limit - crowd.below @ expected)[above].min()
        share = min(crowd.want[i], max(room, 0.0))
        if abs(share - crowd.floor[i]) < TOLERANCE_KW:
            share = give[i]  # either way
        expected[i] = share if share >= crowd.floor[i] else 0.0
        assert give[i] == pytest.approx(expected[i], abs=1e-7)
        expected[i] = give[i]
        if give[i] < crowd.want[i] - TOLERANCE_KW:
            assert held[above].any()
