"""Who stations and drivers are on the wire: tokens, passwords, the operator.

Everything derives from the seed and from names (site instance, ordinal, EVSE), never from a
position in a shard. Station ids come from ``scenario``. Tokens of our own begin with ``CSW`` and
cannot collide with real ones; with a token inventory its accepted tokens are spread over the EVSEs.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from simulator.demand.draws import key64
from simulator.fleet.rules import TOKENS_PER_EVSE
from simulator.scenario.problems import InputError, Problem

if TYPE_CHECKING:
    from simulator.scenario import Scenario, StationInstance

OPERATOR: Final = "Chargeswarm"
"""Whose stations they are, where the scenario does not say (``csms.operator``)."""
PREFIX: Final = "CSW"
UNKNOWN: Final = "CSX"
"""Begins the tokens that no inventory of ours lists."""
ACCEPTED: Final = "Accepted"
INVALID: Final = "Invalid"
BLOCKED: Final = "Blocked"
EXPIRED: Final = "Expired"
PROVISIONED: Final = {BLOCKED: "blocked_token", EXPIRED: "expired_token"}
"""Statuses that a CSMS must be told of, and the drivers (``sites.drivers``) who present such."""
NO_CARDS: Final = ("Local", "eMAID")
"""Types of tokens that nobody holds to a reader: a station's own, a car's contract."""


def derived_token(
    seed: int, site: str, ordinal: int, evse: int, k: int, stream: str = "token"
) -> str:
    """Token ``k`` of an EVSE: ``CSW`` and 13 base-32 characters (80 bits of text, 64 of key).

    16 characters, within the 20 of a 1.6 ``idTag``.
    """
    key = key64(seed, site, ordinal, evse, k, stream)
    return PREFIX + base64.b32encode(key.to_bytes(8, "big")).decode().rstrip("=")


def derived_emaid(seed: int, site: str, ordinal: int, evse: int, k: int) -> str:
    """The e-mobility account of driver ``k`` of an EVSE, for a car with a contract (ISO 15118).

    Country ZZ (ISO 3166: for users to assign), provider CSW, instance C and 8 base-32 characters;
    no check digit, which is optional.
    """
    key = key64(seed, site, ordinal, evse, k, "emaid")
    return "ZZ" + PREFIX + "C" + base64.b32encode(key.to_bytes(8, "big")).decode()[:8]


def derived_password(seed: int, site: str, ordinal: int) -> str:
    """Password of a station: 20 base-32 characters, repeatable from the seed.

    It keeps fleets apart on a test target; it is no secret from whoever has the scenario.
    """
    digest = blake2b(digest_size=13, person=b"chargeswarm-pass")
    digest.update(key64(seed, site, ordinal, "password").to_bytes(8, "big"))
    return base64.b32encode(digest.digest()).decode()[:20]


def station_password(
    scenario: Scenario, station: StationInstance, shared: str | None = None
) -> str:
    """The inventory's password, else ``shared`` (``csms.password``), else a derived one."""
    if station.password:
        return station.password
    if shared:
        return shared
    return derived_password(scenario.seed, station.site, station.ordinal)


@dataclass(frozen=True, slots=True)
class TokenPools:
    """The tokens of every EVSE of a network. Picklable; tokens of our own are made when asked for.

    ``listed`` are the accepted tokens of an inventory (empty: derive), ``evses`` the number of
    EVSEs of the network that they are spread over.
    """

    seed: int
    listed: tuple[str, ...] = ()
    evses: int = 0
    refused: tuple[str, ...] = ()
    """Tokens of the inventory that are neither accepted nor blocked nor expired."""
    blocked: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    """Those that are. Without an inventory every EVSE has its own, as of the good ones."""

    def pool(self, site: str, ordinal: int, evse: int, position: int) -> tuple[str, ...]:
        """Tokens that take turns at an EVSE (1-based in its station).

        ``position`` is the EVSE's 0-based place in the network; it matters for listed tokens only:
        EVSE ``p`` of ``E`` has tokens ``p``, ``p + E``, ``p + 2 E`` ..., or shares one if there are
        fewer tokens than EVSEs.
        """
        if not self.listed:
            return tuple(
                derived_token(self.seed, site, ordinal, evse, k) for k in range(TOKENS_PER_EVSE)
            )
        if len(self.listed) <= self.evses:
            return (self.listed[position % len(self.listed)],)
        return self.listed[position :: self.evses][:TOKENS_PER_EVSE]

    def token(self, site: str, ordinal: int, evse: int, position: int, turn: int) -> str:
        """The token of the ``turn``-th visit (from 0) of an EVSE; arguments as for ``pool``."""
        if not self.listed:
            return derived_token(self.seed, site, ordinal, evse, turn % TOKENS_PER_EVSE)
        pool = self.pool(site, ordinal, evse, position)
        return pool[turn % len(pool)]

    def bad_token(
        self, status: str, site: str, ordinal: int, evse: int, position: int, turn: int
    ) -> str:
        """A token that is no good, for the ``turn``-th visit of an EVSE.

        One that the inventory lists so if there is one. Else one that nobody knows, or, as ``fleet
        export`` tells it, one of the EVSE's own that is to be blocked or expired.
        """
        listed = {BLOCKED: self.blocked, EXPIRED: self.expired}.get(status, self.refused)
        if listed:
            k = turn if status == INVALID else turn % TOKENS_PER_EVSE
            return listed[(position + k * self.evses) % len(listed)]
        if status != INVALID:
            k = turn % TOKENS_PER_EVSE
            return derived_token(self.seed, site, ordinal, evse, k, status)
        return UNKNOWN + derived_token(self.seed, site, ordinal, evse, turn)[len(PREFIX) :]

    def emaid(self, site: str, ordinal: int, evse: int, turn: int) -> str:
        """The contract of the ``turn``-th visit of an EVSE, if its car has one."""
        return derived_emaid(self.seed, site, ordinal, evse, turn % TOKENS_PER_EVSE)

    @property
    def warning(self) -> str | None:
        """What to tell the user about an inventory that is too small, or None."""
        if not self.listed or len(self.listed) >= self.evses:
            return None
        return (
            f"{len(self.listed)} accepted tokens for {self.evses} EVSEs: "
            "a token may be used at several EVSEs at once, which some back-ends refuse"
        )


def token_pools(scenario: Scenario, evses: int) -> TokenPools:
    """The token pools of a network with ``evses`` EVSEs.

    Raises InputError if the scenario names an inventory without a single accepted token, or
    without one of the kind that some of its drivers present.
    """
    if scenario.tokens is None:
        return TokenPools(scenario.seed, (), evses)
    by_status: dict[str, list[str]] = {}
    cards = [token for token in scenario.tokens if token.type not in NO_CARDS]
    for token in cards:
        by_status.setdefault(token.status.capitalize(), []).append(token.token)
    listed = by_status.pop(ACCEPTED, [])
    wanted = ["Accepted"] if not listed else []
    wanted += [status for status in provisioned(scenario) if status not in by_status]
    if wanted:
        label = scenario.file.tokens or "tokens"
        expected = "at least one {} card"
        raise InputError(
            [Problem(label, "column 'status'", None, expected.format(s)) for s in wanted]
        )
    blocked, expired = (tuple(by_status.pop(status, ())) for status in (BLOCKED, EXPIRED))
    refused = {token for tokens in by_status.values() for token in tokens}
    others = tuple(row.token for row in cards if row.token in refused)
    return TokenPools(scenario.seed, tuple(listed), evses, others, blocked, expired)


def provisioned(scenario: Scenario) -> list[str]:
    """The statuses of tokens that drivers of the scenario present, and a CSMS must be told of."""
    drivers = [site.drivers for site in scenario.file.sites if site.drivers is not None]
    return [s for s, name in PROVISIONED.items() if any(getattr(d, name) for d in drivers)]


def evse_positions(evses_per_station: Sequence[int]) -> list[int]:
    """0-based place in the network of each station's first EVSE."""
    positions, total = [], 0
    for evses in evses_per_station:
        positions.append(total)
        total += evses
    return positions
