"""Histograms as an HdrHistogram V2 interval log (``.hlog``), one tagged line per series.

Any HdrHistogram reader opens the file; values are microseconds. The encoding is that of the
``hdrhistogram`` package. This module writes and does not judge; ``Measurement.hlog`` calls it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from simulator.measure.histogram import DIGITS, HIGHEST_US, LOWEST_US, SLOTS, Histogram


def encode(histogram: Histogram) -> str:
    """The histogram as HdrHistogram's base64 text (compressed V2)."""
    from hdrh.histogram import HdrHistogram

    twin = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)
    if twin.counts_len != SLOTS:
        raise RuntimeError(f"hdrhistogram has {twin.counts_len} slots where {SLOTS} are expected")
    indices, counts = histogram.nonzero()
    for index, count in zip(indices.tolist(), counts.tolist(), strict=True):
        twin.counts[index] = count
    if len(indices):
        twin.set_internal_tacking_values(int(indices[0]), int(indices[-1]), histogram.n)
    return str(twin.encode().decode("ascii"))


def write_hlog(
    path: Path,
    series: Mapping[str, Histogram],
    *,
    start_epoch_s: float,
    length_s: float,
    comments: tuple[str, ...] = (),
) -> None:
    """Write every non-empty series as one interval of ``length_s`` from ``start_epoch_s``.

    Tags must hold no comma and no white space. Raises OSError if the file cannot be written.
    """
    started = datetime.fromtimestamp(start_epoch_s, UTC).isoformat()
    lines = [
        *(f"#{comment}" for comment in comments),
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {start_epoch_s:.3f} (seconds since epoch), {started}]",
        f"#[BaseTime: {start_epoch_s:.3f} (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    for tag, histogram in series.items():
        if "," in tag or any(character.isspace() for character in tag):
            raise ValueError(f"tag {tag!r} holds a comma or white space")
        if histogram.n:
            longest_ms = histogram.max_us / 1000
            lines.append(f"Tag={tag},0.000,{length_s:.3f},{longest_ms:.3f},{encode(histogram)}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii", errors="backslashreplace")
