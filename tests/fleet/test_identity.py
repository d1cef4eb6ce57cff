"""Tokens and passwords: repeatable, of the right form, never used twice at once."""

from __future__ import annotations

import re
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


def listed(tokens, evses):
    scenario = SimpleNamespace(
        seed=1, tokens=tokens, file=SimpleNamespace(tokens="tokens.csv", sites=())
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
