"""Tables made of what the prediction and the recorder count. Called by ``live`` and ``simulation``.

Arrow in, no files; ``folder`` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from simulator.store.tables import SCHEMAS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.measure.measurement import Measurement


def messages_table(
    predicted: Mapping[tuple[str, str], NDArray[np.integer[Any]]],
    measured: Mapping[tuple[str, str], NDArray[np.integer[Any]]],
    bucket_s: float,
) -> pa.Table:
    """Counts per bucket from series by (action, direction), each starting at 0; zeros left out."""
    parts = []
    for source, series in (("predicted", predicted), ("measured", measured)):
        for (action, direction), counts in sorted(series.items()):
            where = np.flatnonzero(counts)
            columns: dict[str, Any] = {
                "source": _repeated(source, len(where)),
                "bucket_s": where * bucket_s,
                "action": _repeated(action, len(where)),
                "direction": _repeated(direction, len(where)),
                "count": np.asarray(counts)[where].astype(np.int64),
            }
            parts.append(pa.table(columns, schema=SCHEMAS["messages"]))
    return _concat("messages", parts)


def station_messages_table(
    measurement: Measurement, predicted: Mapping[tuple[str, str], int]
) -> pa.Table:
    """Predicted and answered calls by (station id, action); rows where both are 0 are left out."""
    ids, actions, counts = measurement.station_counts("answered")
    measured = {
        (ids[row], actions[column]): int(counts[row, column])
        for row, column in zip(*np.nonzero(counts), strict=True)
    }
    keys = sorted(measured.keys() | {key for key, count in predicted.items() if count})
    return pa.Table.from_pylist(
        [
            {
                "station": station,
                "action": action,
                "predicted": int(predicted.get((station, action), 0)),
                "measured": measured.get((station, action), 0),
            }
            for station, action in keys
        ],
        schema=SCHEMAS["station_messages"],
    )


def seconds_table(measurement: Measurement) -> pa.Table:
    """The per-second series of a live run."""
    return pa.table(measurement.seconds(), schema=SCHEMAS["seconds"])


def _concat(name: str, parts: Iterable[pa.Table]) -> pa.Table:
    return pa.concat_tables([SCHEMAS[name].empty_table(), *parts])


def _repeated(text: str, n: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), n)
