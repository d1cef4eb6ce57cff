"""Random draws that belong to a name, not to a position.

A key is made of the seed and the names of the thing that draws (site, ordinal, stream). Adding a
site, a station or a shard therefore changes nobody else's draws, and the same thing draws the same
numbers in every process. Two sources follow from a key: a numpy generator for columns of draws,
and :class:`Draws`, eight bytes of state, for the thousands of small things that draw now and then.

Nothing here is fit for secrets.
"""

from __future__ import annotations

import math
from hashlib import blake2b

import numpy as np

_MASK = (1 << 64) - 1
_GOLDEN_GAMMA = 0x9E3779B97F4A7C15
_UNIT = 2.0**-53


def key64(seed: int, *names: str | int) -> int:
    """Return the 64-bit key of ``names`` under ``seed``; the same for ever and on every machine.

    Every part is encoded with its kind and its length, so that ``("a", "bc")``, ``("ab", "c")``,
    ``("1",)`` and ``(1,)`` all differ.
    """
    digest = blake2b(digest_size=8, person=b"chargeswarm")
    for part in (seed, *names):
        text = str(int(part)) if isinstance(part, int) else part
        kind = "i" if isinstance(part, int) else "s"
        data = text.encode()
        digest.update(f"{kind}{len(data)}:".encode())
        digest.update(data)
    return int.from_bytes(digest.digest(), "big")


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return a numpy generator (Philox) of its own for ``names``: for columns of draws.

    A longer column drawn from a fresh generator begins with the shorter one.
    """
    return np.random.Generator(np.random.Philox(key=key64(seed, *names)))


class Draws:
    """A stream of single draws with 64 bits of state: SplitMix64 (Steele, Lea, Flood, 2014).

    A ``random.Random`` takes 2.9 KB and a numpy generator 3.7, too much for one per station.
    """

    __slots__ = ("_state",)

    def __init__(self, key: int) -> None:
        """Start the stream at ``key``, usually from :func:`key64`."""
        self._state = key & _MASK

    def bits(self) -> int:
        """Return the next 64 random bits as an integer."""
        self._state = (self._state + _GOLDEN_GAMMA) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def uniform(self) -> float:
        """Return a number in [0, 1)."""
        return (self.bits() >> 11) * _UNIT

    def below(self, n: int) -> int:
        """Return a whole number in 0..n-1; the bias is below n / 2**64.

        Raises ValueError if ``n`` is not positive.
        """
        if n <= 0:
            raise ValueError(f"below({n}): expected a positive number")
        return (self.bits() * n) >> 64

    def normal(self) -> float:
        """Return a standard normal number (Box-Muller, the cosine half)."""
        radius = math.sqrt(-2.0 * math.log1p(-self.uniform()))
        return radius * math.cos(2.0 * math.pi * self.uniform())
