"""Tokens and passwords: repeatable, of the right form, never used twice at once."""

from __future__ import annotations

import re
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.identity import (
    TokenPools,
    derived_password,
    derived_token,
    evse_positions,
    station_password,
    token_pools,
)
from simulator.fleet.rules import TOKENS_PER_EVSE
from simulator.scenario import InputError
from simulator.scenario.inventory import InventoryToken
from simulator.scenario.people_model import Drivers


def test_a_token_has_its_prefix_and_fits_an_id_tag():
    assert derived_token(42, "ring-road", 7, 1, 0) == derived_token(42, "ring-road", 7, 1, 0)
    assert re.fullmatch(r"CSW[A-Z2-7]{13}", derived_token(42, "ring-road", 7, 1, 0))


def test_every_evse_has_tokens_of_its_own():
    pools = TokenPools(1)
    tokens = [
        token
        for site in ("a", "a#2")
        for ordinal in range(1, 30)
        for evse in (1, 2)
        for token in pools.pool(site, ordinal, evse, 0)
    ]
    assert len(set(tokens)) == len(tokens) == 2 * 29 * 2 * TOKENS_PER_EVSE
    assert not set(tokens) & set(TokenPools(2).pool("a", 1, 1, 0))


def test_passwords_fit_both_protocol_generations_and_differ():
    passwords = {derived_password(1, "a", ordinal) for ordinal in range(200)}
    assert len(passwords) == 200
    assert all(re.fullmatch(r"[A-Z2-7]{20}", password) for password in passwords)


@pytest.mark.parametrize(
    ("own", "shared", "expected"),
    [("mine", "all", "mine"), (None, "all", "all"), (None, None, derived_password(3, "a", 1))],
)
def test_the_inventorys_password_goes_before_the_shared_and_the_derived(own, shared, expected):
    station = SimpleNamespace(site="a", ordinal=1, password=own)
    assert station_password(SimpleNamespace(seed=3), station, shared) == expected


def listed(tokens, evses, **drivers):
    sites = [SimpleNamespace(drivers=Drivers(**drivers))]
    scenario = SimpleNamespace(
        seed=1, tokens=tokens, file=SimpleNamespace(tokens="tokens.csv", sites=sites)
    )
    return token_pools(scenario, evses)


def test_only_accepted_tokens_of_an_inventory_are_used():
    pools = listed(
        [
            InventoryToken(f"T{i}", "Central", s)
            for i, s in enumerate(("Accepted", "Blocked", "Accepted", "Expired", "Accepted"))
        ],
        2,
    )
    assert pools.listed == ("T0", "T2", "T4")
    assert pools.warning is None


def test_bad_tokens_are_the_inventorys_where_it_lists_such():
    statuses = ("Accepted", "Blocked", "Invalid", "Expired", "NoCredit", "Blocked")
    pools = listed([InventoryToken(f"T{i}", "Central", s) for i, s in enumerate(statuses)], 2)
    seen = {
        status: {
            pools.bad_token(status, "a", 1, evse, evse - 1, turn)
            for evse in (1, 2)
            for turn in range(4)
        }
        for status in ("Invalid", "Blocked", "Expired")
    }
    assert seen == {"Invalid": {"T2", "T4"}, "Blocked": {"T1", "T5"}, "Expired": {"T3"}}


def test_bad_tokens_of_our_own_are_nobody_elses():
    pools = TokenPools(1)
    every = [
        find(site, ordinal, evse, 0, turn)
        for find in (
            pools.token,
            partial(pools.bad_token, "Blocked"),
            partial(pools.bad_token, "Expired"),
            partial(pools.bad_token, "Invalid"),
        )
        for site in "ab"
        for ordinal in (1, 2)
        for evse in (1, 2)
        for turn in range(TOKENS_PER_EVSE)
    ]
    assert len(set(every)) == len(every) == 4 * 8 * TOKENS_PER_EVSE
    assert max(map(len, every)) <= 20


@pytest.mark.parametrize("status", ["Blocked", "Expired"])
def test_an_inventory_without_what_its_drivers_present_is_an_error(status):
    rows = [InventoryToken("T", "Central", "Accepted")]
    with pytest.raises(InputError, match=rf"tokens\.csv.*at least one {status} card"):
        listed(rows, 1, **{f"{status.lower()}_token": 0.1})
    assert listed([*rows, InventoryToken("U", "Central", status)], 1, unplug=0.1)


def test_an_inventory_without_accepted_tokens_is_an_error_that_names_the_file():
    with pytest.raises(InputError, match=r"tokens\.csv.*Accepted"):
        listed([InventoryToken("T", "Central", "Blocked")], 1)


def test_too_few_tokens_are_shared_and_warned_of():
    pools = listed([InventoryToken(f"T{i}", "Central", "Accepted") for i in range(3)], 5)
    assert [pools.pool("a", 1, 1, position) for position in range(5)] == [
        ("T0",),
        ("T1",),
        ("T2",),
        ("T0",),
        ("T1",),
    ]
    assert "3 accepted tokens for 5 EVSEs" in pools.warning


@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 40))
def test_listed_tokens_are_spread_so_that_no_two_evses_share_one(tokens, evses, turn):
    pools = listed([InventoryToken(f"T{i}", "Central", "Accepted") for i in range(tokens)], evses)
    used = [pools.pool("a", 1, 1, position) for position in range(evses)]
    assert all(1 <= len(pool) <= TOKENS_PER_EVSE for pool in used)
    flat = [token for pool in used for token in pool]
    if tokens >= evses:
        assert len(set(flat)) == len(flat)
    for position in range(evses):
        assert pools.token("a", 1, 1, position, turn) in used[position]


def test_positions_count_evses_in_network_order():
    assert evse_positions([2, 1, 3]) == [0, 2, 3]
