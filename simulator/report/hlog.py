"""Reading the HdrHistogram log of a run, and percentile curves from its counts.

Knows the file format only; which series are wanted is the caller's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Counts = dict[int, int]
"""Count by value in microseconds (the upper edge of its slot)."""


def read_hlog(
    path: Path, wanted: Callable[[tuple[str, ...]], bool]
) -> dict[tuple[str, ...], Counts]:
    """The counts of each series whose tag, split at ``/``, is ``wanted``.

    Raises OSError where the file cannot be read and ValueError for a line that is no histogram.
    """
    from hdrh.codec import HdrLengthException
    from hdrh.histogram import HdrHistogram

    found: dict[tuple[str, ...], Counts] = {}
    with path.open(encoding="ascii", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.startswith("Tag="):
                continue
            name, _, rest = line[4:].partition(",")
            tag = tuple(name.split("/"))
            if len(tag) < 2 or not wanted(tag):
                continue
            try:
                histogram = HdrHistogram.decode(rest.rstrip().rpartition(",")[2])
            except (HdrLengthException, ValueError, TypeError, IndexError) as error:
                raise ValueError(f"line {number} holds no histogram ({error})") from error
            counts = np.array(histogram.counts[: histogram.counts_len], dtype=np.int64)
            sums = found.setdefault(tag, {})
            for index in np.flatnonzero(counts).tolist():
                low = histogram.get_value_from_index(index)
                us = int(histogram.get_highest_equivalent_value(low))
                sums[us] = sums.get(us, 0) + int(counts[index])
    return found


def curve(counts: Mapping[int, int], points: int = 160) -> tuple[F64, F64]:
    """(share of values at or below, value in ms), both rising, thinned evenly over the nines."""
    values = np.array(sorted(counts), dtype=np.float64)
    reached = np.cumsum([counts[int(us)] for us in values])
    total = float(reached[-1])
    # The curve is drawn up to the last share that a value stands for: 1 - 1/n.
    shares = 1 - np.geomspace(1.0, 1.0 / max(total, 2.0), points)
    ranks = np.clip(np.ceil(shares * total - 1e-9), 1, total)
    chosen = np.searchsorted(reached, ranks)
    return shares, values[chosen] / 1000
