"""Policies: how a site shares its limits among the vehicles at each decision.

One file per policy, all of one shape:

- ``NAME`` and ``SUMMARY``;
- ``ALLOCATOR``: ``"greedy"`` gives vehicles what they want in order of their key, smallest first,
  equals in the order of their EVSEs; ``"fill"`` is max-min water-filling with the key as weight
  (above 0), in which the vehicles that have to pause take turns every ``rotate`` seconds;
- ``CHANGES = True`` where a key changes while a vehicle charges, with time or with its SoC: keys
  are then worked out at every decision, and while a limit holds somebody back every
  ``policy_interval`` besides (otherwise once, when a vehicle starts);
- ``TURNS = True`` for a greedy policy that hands on the turn every ``rotate`` (``site.turn`` is 1
  at that decision and 0 otherwise);
- ``key(site, evse, now) -> float``, plain scalar Python on the records of
  ``engine/kernel/state.py``. ``evse.soc_now`` and ``evse.want_kw`` hold for the present moment
  when it is called.

A policy never sees a limit and cannot break one: the allocators keep them. To add a policy, add
a file and name it in ``_MODULES``. Importing this package needs no compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.engine.policies import (
    edf,
    equal_share,
    fcfs,
    llf,
    priority,
    round_robin,
    uncontrolled,
    weighted,
)

Key = Callable[[Any, Any, float], float]

_MODULES = (uncontrolled, equal_share, round_robin, fcfs, edf, llf, priority, weighted)


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as the engine uses it: a key and the allocator that reads it."""

    name: str
    summary: str
    greedy: bool
    key: Key
    changes: bool
    """Its order changes between events."""
    turns: bool
    """Greedy, and hands on the turn."""


def _policy(module: Any) -> Policy:
    if module.ALLOCATOR not in ("greedy", "fill"):
        raise ValueError(f"{module.__name__}: unknown allocator {module.ALLOCATOR!r}")
    return Policy(
        module.NAME,
        module.SUMMARY,
        module.ALLOCATOR == "greedy",
        module.key,
        getattr(module, "CHANGES", False),
        getattr(module, "TURNS", False),
    )


POLICIES: Mapping[str, Policy] = {module.NAME: _policy(module) for module in _MODULES}
NAMES: tuple[str, ...] = tuple(POLICIES)
