"""How a quantity is spread over millions of visits, in some hundred counts.

100 bins per decade between 0.001 and 100 million, each 2.3 % wide, and one for 0: parts of a run
are counted apart and added up without loss. Exact quantiles of waits do not come from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_PER_DECADE: Final = 100
_LOWEST: Final = -3
_HIGHEST: Final = 8
BINS: Final = (_HIGHEST - _LOWEST) * _PER_DECADE + 2
"""The first is 0, the last is open."""


def counts(values: F64) -> I64:
    """Values per bin, shape (BINS,); what is not finite is left out, below 0 counts as 0."""
    values = values[np.isfinite(values)]
    above = values[values > 0.0]
    place = np.ceil(np.log10(above) * _PER_DECADE).astype(np.int64) - _LOWEST * _PER_DECADE + 1
    found = np.bincount(np.clip(place, 1, BINS - 1), minlength=BINS)
    found[0] = len(values) - len(above)
    return found


def rows(spreads: Mapping[str, I64]) -> dict[str, list[Any]]:
    """The columns of the table ``distributions``; empty bins are left out."""
    columns: dict[str, list[Any]] = {"quantity": [], "low": [], "high": [], "count": []}
    edges = 10.0 ** (np.arange(BINS - 1) / _PER_DECADE + _LOWEST)
    for quantity, found in spreads.items():
        for place in np.flatnonzero(found).tolist():
            columns["quantity"].append(quantity)
            columns["low"].append(float(edges[place - 2]) if place > 1 else 0.0)
            columns["high"].append(_high(edges, place))
            columns["count"].append(int(found[place]))
    return columns


def _high(edges: F64, place: int) -> float | None:
    """Where a bin ends; None for the last one, which is open."""
    if place == 0:
        return 0.0
    return float(edges[place - 1]) if place < BINS - 1 else None
