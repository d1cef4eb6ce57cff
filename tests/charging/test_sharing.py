"""Sharing of limits: never exceeded, nothing wasted, max-min fair against a slow obvious twin."""

from __future__ import annotations

from itertools import pairwise

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


def poured(site_kw, group_kw, group, floor, want, weight, step=0.02):
    """Max-min as a child would do it: pour for all at once in small drops, each while it fits."""
    give = floor.copy()
    level = 0.0
    while level < (want / weight).max():
        level += step
        for i in range(len(want)):
            drop = min(max(level * weight[i], floor[i]), want[i]) - give[i]
            room = min(site_kw - give.sum(), group_kw[group[i]] - give[group == group[i]].sum())
            if 0.0 < drop <= room:
                give[i] += drop
    return give


@st.composite
def crowds(draw):
    """Members in groups, with floors, wants, weights and limits under which the floors fit."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4).filter(lambda s: sum(s) > 0))
    n = sum(sizes)
    kw = st.one_of(st.floats(0.0, 50.0), st.sampled_from([0.0, 1.38, 4.14, 11.0, 22.0]))
    want = np.array(draw(st.lists(kw, min_size=n, max_size=n)))
    floor = np.minimum(
        want, draw(st.lists(st.sampled_from([0.0, 1.38, 4.14]), min_size=n, max_size=n))
    )
    weight = np.array(draw(st.lists(st.sampled_from([1.0, 1.0, 0.3, 2.0]), min_size=n, max_size=n)))
    group = np.repeat(np.arange(len(sizes)), sizes)
    start = np.concatenate([[0], np.cumsum(sizes)])
    part = st.floats(0.0, 1.2)
    group_kw = np.array(
        [
            floor[a:b].sum() + draw(part) * (want[a:b].sum() - floor[a:b].sum())
            for a, b in pairwise(start)
        ]
    )
    site_kw = floor.sum() + draw(part) * (want.sum() - floor.sum())
    # A sum in another order may differ in the last bit.
    return site_kw * (1 + 1e-12), group_kw * (1 + 1e-12), group, start, floor, want, weight


def run_tree(crowd):
    site_kw, group_kw, _, start, floor, want, weight = crowd
    give, middle = np.zeros(len(want) + 1), np.zeros(len(want) + 1)
    bound = fill_tree(site_kw, group_kw, start, len(group_kw), floor, want, weight, give, middle)
    return give[:-1], bound


@settings(max_examples=300, deadline=None)
@given(crowds())
def test_one_limit_gives_what_bisection_gives(crowd):
    site_kw, _, _, _, floor, want, weight = crowd
    give = np.zeros(len(want))
    held = fill(site_kw, floor, want, weight, give, 0, len(want))
    assert give == pytest.approx(level_by_bisection(site_kw, floor, want, weight), abs=TOLERANCE_KW)
    assert held == (want.sum() > site_kw) or want.sum() == pytest.approx(site_kw)


@settings(max_examples=300, deadline=None)
@given(crowds())
def test_two_levels_never_exceed_a_limit_nor_a_want_nor_go_below_a_floor(crowd):
    site_kw, group_kw, group, _, floor, want, _ = crowd
    give, _ = run_tree(crowd)
    assert give.sum() <= site_kw + TOLERANCE_KW
    assert (np.bincount(group, give, len(group_kw)) <= group_kw + TOLERANCE_KW).all()
    assert (give <= want + TOLERANCE_KW).all()
    assert (give >= floor - TOLERANCE_KW).all()


@settings(max_examples=300, deadline=None)
@given(crowds())
def test_two_levels_waste_nothing(crowd):
    """Whoever gets less than it wants is below a limit that is used up."""
    site_kw, group_kw, group, _, _, want, _ = crowd
    give, bound = run_tree(crowd)
    inside = np.bincount(group, give, len(group_kw))
    for i in np.flatnonzero(give < want - TOLERANCE_KW):
        group_full = inside[group[i]] >= group_kw[group[i]] - TOLERANCE_KW
        site_full = give.sum() >= site_kw - TOLERANCE_KW
        assert group_full or (site_full and bound)


@settings(max_examples=200, deadline=None)
@given(crowds())
def test_two_levels_are_max_min_fair(crowd):
    """Nobody could get more except from somebody who has less or equally much (by weight)."""
    site_kw, group_kw, group, _, floor, want, weight = crowd
    give, _ = run_tree(crowd)
    inside = np.bincount(group, give, len(group_kw))
    site_full = give.sum() >= site_kw - 1e-7
    for i in np.flatnonzero(give < want - 1e-6):
        group_full = inside[group[i]] >= group_kw[group[i]] - 1e-7
        rivals = np.arange(len(want)) if site_full and not group_full else group == group[i]
        richer = give[rivals] / weight[rivals] > give[i] / weight[i] + 1e-6
        assert not (richer & (give[rivals] > floor[rivals] + 1e-6)).any()


@settings(max_examples=40, deadline=None)
@given(crowds())
def test_two_levels_give_what_pouring_in_small_drops_gives(crowd):
    """Two drops of difference: one that did not fit, and one of whoever was served before."""
    site_kw, group_kw, group, _, floor, want, weight = crowd
    give, _ = run_tree(crowd)
    slow = poured(site_kw, group_kw, group, floor, want, weight)
    assert give == pytest.approx(slow, abs=2 * 0.02 * weight.max() * len(want))


def test_an_unused_share_goes_to_the_other_plug():
    """Two plugs share 172.5 kW equally; what one cannot use, the other gets."""
    give, middle = np.zeros(2), np.zeros(2)
    args = (np.array([172.5]), np.array([0, 2]), 1, np.zeros(2))
    fill_tree(1e9, *args, np.array([150.0, 150.0]), np.ones(2), give, middle)
    assert give.tolist() == [86.25, 86.25]
    fill_tree(1e9, *args, np.array([50.0, 150.0]), np.ones(2), give, middle)
    assert give.tolist() == [50.0, 122.5]


def test_the_floor_of_one_is_paid_by_the_others():
    give = np.zeros(3)
    fill(9.0, np.array([4.14, 0.0, 0.0]), np.full(3, 11.0), np.ones(3), give, 0, 3)
    assert give == pytest.approx([4.14, 2.43, 2.43])


@settings(max_examples=200, deadline=None)
@given(crowds(), st.randoms(use_true_random=False), st.floats(0.1, 1.0))
def test_who_is_admitted_fits_and_who_is_not_does_not(crowd, random, squeeze):
    site_kw, group_kw, group, start, floor, want, _ = crowd
    site_kw, group_kw = site_kw * squeeze, group_kw * squeeze
    order = list(range(len(want)))
    random.shuffle(order)
    admitted, left = np.full(len(want), -1.0), np.zeros(len(group_kw))
    refused = admit(site_kw, group_kw, group, np.array(order), len(want), floor, left, admitted)
    taken = floor * admitted
    inside = np.bincount(group, taken, len(group_kw))
    assert set(admitted) <= {0.0, 1.0}
    assert taken.sum() <= site_kw + TOLERANCE_KW
    assert (inside <= group_kw + TOLERANCE_KW).all()
    for i in np.flatnonzero(admitted == 0.0):
        fits = (
            inside[group[i]] + floor[i] <= group_kw[group[i]] - TOLERANCE_KW
            and taken.sum() + floor[i] <= site_kw - TOLERANCE_KW
        )
        assert not fits
    everybody = floors_fit(site_kw, group_kw, start, len(group_kw), floor)
    if everybody and not np.isclose(floor.sum(), site_kw):
        assert not refused


@settings(max_examples=200, deadline=None)
@given(crowds(), st.randoms(use_true_random=False))
def test_greedy_gives_in_order_and_keeps_every_limit(crowd, random):
    site_kw, group_kw, group, _, floor, want, _ = crowd
    order = list(range(len(want)))
    random.shuffle(order)
    give, left = np.zeros(len(want)), np.zeros(len(group_kw))
    greedy(site_kw, group_kw, group, np.array(order), len(want), floor, want, left, give)
    inside = np.bincount(group, give, len(group_kw))
    assert give.sum() <= site_kw + TOLERANCE_KW
    assert (inside <= group_kw + TOLERANCE_KW).all()
    assert ((give == 0.0) | (give >= floor)).all()
    # Whoever comes first gets all that it wants as far as its own group and the site allow.
    first = order[0]
    expected = min(want[first], group_kw[group[first]], site_kw)
    assert give[first] == (expected if expected >= floor[first] else 0.0)
