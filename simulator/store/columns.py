"""Tables made of what the engine and the recorder hand over. Arrow in, no files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from simulator.engine.plan import EngineResult, Outcome, SiteResult
from simulator.store.tables import SCHEMAS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.measure.measurement import Measurement

    F64 = NDArray[np.float64]


def sessions_table(result: EngineResult, epoch_s: float) -> pa.Table:
    """One row per visit that came within the horizon; ``epoch_s``: Unix time of the start."""
    return _concat("sessions", (_sessions(site, epoch_s) for site in result.sites))


def _sessions(site: SiteResult, epoch_s: float) -> pa.Table:
    plan, visits = site.plan, site.visits
    used = plan.evse >= 0
    evse = np.where(used, plan.evse, 0)
    has_evse = len(site.evse_station) > 0
    station = site.evse_station[evse] if has_evse else np.zeros(len(evse), np.int32)
    number = site.evse_number[evse] if has_evse else np.zeros(len(evse), np.int32)
    names = pa.array([s.id for s in site.site.stations], pa.string())
    wait = plan.plug_in_s - visits.arrival_s
    columns: dict[str, Any] = {
        "site": _repeated(site.site.name, len(visits)),
        "station": pa.DictionaryArray.from_arrays(
            pa.array(station.astype(np.int32), mask=~used), names
        ).cast(pa.string()),
        "evse": pa.array(number.astype(np.int32), mask=~used),
        "session": pa.nulls(len(visits), pa.string())
        if visits.label is None
        else list(visits.label),
        "outcome": _named([o.name.lower() for o in Outcome], plan.outcome),
        "arrival": _instants(visits.arrival_s, epoch_s),
        "plug_in": _instants(plan.plug_in_s, epoch_s),
        "charge_end": _instants(plan.charge_end_s, epoch_s),
        "unplug": _instants(plan.unplug_s, epoch_s),
        "wait_s": _floats(wait),
        "energy_kwh": _floats(plan.energy_kwh),
        "unserved_kwh": _floats(plan.unserved_kwh),
        "limit_kw": _floats(plan.limit_kw),
        "battery_kwh": _floats(visits.battery_kwh),
        "soc_arrival": _floats(visits.soc),
        "soc_target": _floats(visits.target_soc),
        "soc_end": _floats(plan.soc_end),
    }
    came = pa.array(plan.outcome != Outcome.FUTURE)
    return pa.table(columns, schema=SCHEMAS["sessions"]).filter(came)


def load_table(result: EngineResult, epoch_s: float) -> pa.Table:
    """One row per site and recording interval; ``epoch_s`` as for ``sessions_table``.

    The last interval is shorter where the duration is no multiple of it; means are over the part
    that was simulated.
    """
    return _concat("load", (_load(site, result, epoch_s) for site in result.sites))


def _load(site: SiteResult, result: EngineResult, epoch_s: float) -> pa.Table:
    start: F64 = np.arange(len(site.load_kwh), dtype=np.float64) * result.interval_s
    length = np.clip(result.duration_s - start, 1e-9, result.interval_s)
    columns: dict[str, Any] = {
        "site": _repeated(site.site.name, len(start)),
        "start": _instants(start, epoch_s),
        "start_s": start,
        "energy_kwh": site.load_kwh,
        "mean_kw": site.load_kwh * 3600.0 / length,
        "occupied_evses": site.occupied_s / length,
        "queue": site.queue_s / length,
    }
    return pa.table(columns, schema=SCHEMAS["load"])


def outages_table(result: EngineResult, epoch_s: float) -> pa.Table:
    """One row per time without service of a site or an EVSE; ``epoch_s`` as above."""
    return _concat("outages", (_outages(site, result, epoch_s) for site in result.sites))


def _outages(site: SiteResult, result: EngineResult, epoch_s: float) -> pa.Table:
    evse = np.array([outage.evse for outage in site.outages], np.int32)
    start = np.array([outage.from_s for outage in site.outages], np.float64)
    end = np.array([outage.to_s for outage in site.outages], np.float64)
    whole = evse < 0
    names = pa.array([s.id for s in site.site.stations], pa.string())
    station = site.evse_station[evse].astype(np.int32)
    columns: dict[str, Any] = {
        "site": _repeated(site.site.name, len(evse)),
        "station": pa.DictionaryArray.from_arrays(pa.array(station, mask=whole), names).cast(
            pa.string()
        ),
        "evse": pa.array(site.evse_number[evse].astype(np.int32), mask=whole),
        "start": _instants(start, epoch_s),
        "end": _instants(end, epoch_s),
        "start_s": start,
        "lasted_s": np.where(np.isnan(end), result.duration_s, end) - start,
    }
    return pa.table(columns, schema=SCHEMAS["outages"])


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


def _named(names: list[str], codes: NDArray[np.integer[Any]]) -> pa.Array:
    index = pa.array(codes.astype(np.int32))
    return pa.DictionaryArray.from_arrays(index, pa.array(names, pa.string())).cast(pa.string())


def _floats(values: F64) -> pa.Array:
    """nan and infinities become null."""
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))


def _instants(seconds: F64, epoch_s: float) -> pa.Array:
    """Plan seconds as UTC instants to the millisecond; nan and infinities become null."""
    known = np.isfinite(seconds)
    ms = np.rint((np.where(known, seconds, 0.0) + epoch_s) * 1000).astype(np.int64)
    return pa.array(ms, pa.int64(), mask=~known).cast(pa.timestamp("ms", tz="UTC"))
