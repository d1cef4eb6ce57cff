"""Which model a station is of, and which OCPP version it speaks: draws that belong to its name.

A group of stations is of one model or of a mix; versions are stated by the entry of a mix, by the
group, or by the whole run (``csms.versions``), the nearest counts. What an entry, or a group of one
model, states is asked of that model, which must speak it (see `check_mixes`). What is stated of
many models at once leaves each of them its choice: the shares of the versions that it speaks, in
proportion.

Each draw is keyed by (seed, site, number of the station there, what is drawn): it disturbs no
other, and stays what it is whatever else is in the network. Options share the range of the draw in
a fixed order, so that a larger weight of the first takes stations from the others and shuffles
none.
Called by `network`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.scenario.fields import VERSIONS
from simulator.scenario.mix_model import MixEntry, StationGroup
from simulator.scenario.profile_model import StationModel

Shares = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of station: its model, and the shares of the versions that such stations speak."""

    model: StationModel
    shares: Shares
    weight: float = 1.0


def stated(table: StationGroup | MixEntry) -> Shares | None:
    """The versions that a group or an entry of a mix asks for itself; None: it leaves them open."""
    return {table.version: 1.0} if table.version is not None else table.versions


def spoken(shares: Shares, model: StationModel) -> Shares:
    """The shares of the versions that a model speaks, in proportion; they sum to 1.

    Empty if it speaks none of them.
    """
    known = {name: share for name, share in shares.items() if share > 0.0}
    own = {name: share for name, share in known.items() if name in model.versions}
    if len(own) == len(known):
        return own
    total = sum(own.values())
    return {name: share / total for name, share in own.items()}


def kinds_of(
    group: StationGroup, models: Mapping[str, StationModel], run: Shares
) -> tuple[Kind, ...]:
    """What the stations of a group may be: one kind, or those of its mix in order."""
    shares = stated(group) or run
    if group.mix is None:
        assert group.model is not None
        return (kind_of(models[group.model], shares),)
    return tuple(
        Kind(
            models[entry.model], spoken(stated(entry) or shares, models[entry.model]), entry.weight
        )
        for entry in group.mix
    )


def kind_of(model: StationModel, shares: Shares) -> Kind:
    """The kind of stations of a model."""
    return Kind(model, spoken(shares, model))


def drawn_kind(kinds: Sequence[Kind], seed: int, site: str, ordinal: int) -> Kind:
    """The kind of a station."""
    if len(kinds) == 1:
        return kinds[0]
    draw = _draw(seed, site, ordinal, "model") * sum(kind.weight for kind in kinds)
    for kind in kinds[:-1]:
        draw -= kind.weight
        if draw < 0.0:
            return kind
    return kinds[-1]


def drawn_version(shares: Shares, seed: int, site: str, ordinal: int) -> str:
    """The version of a station.

    A larger share of a newer version takes stations from the older ones and changes no others.
    """
    known = [version for version in VERSIONS if shares.get(version, 0.0) > 0.0]
    if len(known) == 1:
        return known[0]
    draw = _draw(seed, site, ordinal, "version")
    for version in known[:-1]:
        draw -= shares[version]
        if draw < 0.0:
            return version
    return known[-1]


def _draw(seed: int, site: str, ordinal: int, what: str) -> float:
    """A number in [0, 1)."""
    key = f"{seed}/{site}/{ordinal}/{what}".encode()
    digest = hashlib.blake2b(key, digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2.0**64
