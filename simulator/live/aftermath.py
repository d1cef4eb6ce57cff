"""What came of a run's storms: a row each for the summary, and their series.

Called by ``outcome``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.aligned import aligned_ticks
from simulator.fleet.recovery import Series, recovery
from simulator.fleet.storms import until
from simulator.live.hooks import Deed, Source, source
from simulator.live.transfers import SIMULATED_S
from simulator.measure.keys import Kind
from simulator.measure.measurement import latency_row
from simulator.measure.stormlog import StormSum, add_up
from simulator.measure.validity import ValidityRow

if TYPE_CHECKING:
    from simulator.fleet.storms import Storm
    from simulator.live.prepare import Prepared
    from simulator.live.supervise import Fleet
    from simulator.measure.measurement import Measurement

PHASE: Final = "storm"
UNSTRUCK: Final = (
    "no multiple of its interval since midnight fell into it: make it last longer, or say"
    " live.quarter_hour_at"
)
NOTES: Final[dict[str, str]] = {
    "emulated": "Emulated: nothing happened to the target; the stations did it to themselves.",
    "silent": "Silent: sockets stayed open, unread and unanswered, and were reset (RST) when the"
    " power was back; the kernel went on acknowledging what arrived.",
    "fetched": "Files were really fetched, from the hosts in live.transfer_hosts alone.",
    "played": f"Downloads were simulated: {SIMULATED_S:g} s each, and nothing was fetched"
    " (live.transfer_hosts names the hosts that may be asked).",
    "away": "While the target was away (emulated) stations were turned away by the generator.",
}


def aftermath(
    prepared: Prepared,
    fleet: Fleet,
    measurement: Measurement,
    deeds: Mapping[int, Deed],
) -> list[dict[str, Any]]:
    """A row for each storm that had begun; times to recover count from its end (``back_s``)."""
    rows = []
    for storm, wish in zip(
        prepared.weather.storms, prepared.scenario.file.live.storms, strict=True
    ):
        if storm.at_s >= measurement.ended_s:
            continue
        how = source(storm, wish)
        deed = deeds.get(storm.number)
        storm = _as_it_was(storm, how, deed)
        total, series = _series(prepared, fleet, measurement, storm)
        rows.append(
            {
                "number": storm.number,
                "kind": storm.kind,
                "source": how,
                "emulated": storm.emulated,
                "at_s": storm.at_s,
                "back_s": storm.back_s,
                "phase_end_s": min(storm.end_s, prepared.window.run_s),
                "close": storm.close if _closes(storm) else None,
                "back_off": "naive" if storm.naive else "spec",
                "stations_hit": total.hit,
                "in_operation_before": total.present,
                "lost_connection": total.lost,
                **asdict(recovery(series)),
                "transactions_unacknowledged": _unacknowledged(fleet, storm.number),
                "readings": _readings(storm, fleet.epoch_at_zero),
                "firmware": total.firmware if storm.kind == "firmware_campaign" else None,
                "deed": None if deed is None else asdict(deed),
                "notes": _notes(storm, how, prepared.scenario.file.live.transfer_hosts),
            }
        )
    return rows


def _as_it_was(storm: Storm, how: Source, deed: Deed | None) -> Storm:
    """The storm with the moment at which the embedded CSMS really listened again."""
    if how != "embedded" or storm.kind != "csms_restart" or deed is None or not deed.ok:
        return storm
    late_s = max(deed.at_s + deed.took_s - storm.back_s, 0.0)
    return replace(storm, for_s=storm.for_s + late_s, recovery_s=storm.recovery_s - late_s)


def series_rows(prepared: Prepared, fleet: Fleet, measurement: Measurement) -> list[dict[str, Any]]:
    """The table ``storms``: each storm second by second."""
    rows = []
    for storm in prepared.weather.storms:
        if storm.at_s >= measurement.ended_s:
            continue
        total, seen = _series(prepared, fleet, measurement, storm)
        rate = _padded(
            measurement.grid.values("written", measurement.grid.length), len(seen.backlog)
        )
        levels = seen.present + np.cumsum(seen.changes)
        for second in range(int(storm.at_s), ceil(seen.until_s)):
            place = int(np.searchsorted(seen.changes_s, second + 1.0))
            rows.append(
                {
                    "storm": storm.number,
                    "kind": storm.kind,
                    "second": second,
                    "operating": int(levels[place - 1]) if place else seen.present,
                    "connected": int(total.connected[second]),
                    "attempts": int(seen.attempts[second]),
                    "accepted": int(seen.accepted[second]),
                    "booted": int(seen.booted[second]),
                    "backlog": int(seen.backlog[second]),
                    "calls": int(rate[second]),
                }
            )
    return rows


def latency(measurement: Measurement) -> dict[str, Any]:
    """Latencies of the calls that fell due in a storm or its recovery, by message type."""
    phases = {key.phase for key in measurement.histograms}
    others = phases - {PHASE}
    found = {}
    for action in ("*", *sorted({key.action for key in measurement.histograms})):
        kinds = {kind: measurement.select(kind, action, others) for kind in _KINDS}
        if kinds[Kind.RESPONSE].n:
            found[action] = {str(kind): latency_row(h) for kind, h in kinds.items()}
    return found


_KINDS: Final = (Kind.RESPONSE, Kind.SERVICE, Kind.DELAYED)


def failed(rows: Sequence[Mapping[str, Any]]) -> list[ValidityRow]:
    """A run is not valid whose storm did not take place: it shows nothing of it."""
    found = []
    for row in rows:
        deed = row["deed"]
        if row["source"] in ("hook", "embedded"):
            ok = deed is not None and deed["ok"]
            why = "it was not begun" if deed is None else deed["detail"]
            name = f"storm {row['number']} ({row['kind']}) took place"
            found.append(ValidityRow(name, 1.0, float(ok), "count", ok, why))
        if row["readings"] == 0:
            name = f"storm {row['number']} ({row['kind']}) took place"
            found.append(ValidityRow(name, 1.0, 0.0, "count", False, UNSTRUCK))
    return found


def _series(
    prepared: Prepared, fleet: Fleet, measurement: Measurement, storm: Storm
) -> tuple[StormSum, Series]:
    until_s = min(
        until(prepared.weather.storms, storm.number, prepared.window.run_s), measurement.ended_s
    )
    seconds = max(measurement.grid.length, ceil(until_s), ceil(storm.back_s)) + 1
    records = [
        record for final in fleet.finals for record in final.storms if record.number == storm.number
    ]
    total = add_up(records, seconds)
    return total, Series(
        storm.at_s,
        storm.back_s,
        until_s,
        total.present,
        total.lost,
        total.changes_s,
        total.changes,
        total.attempts,
        total.accepted,
        total.booted,
        _padded(measurement.backlog(), seconds),
        max((s.end_s for s in prepared.weather.storms[: storm.number]), default=0.0),
    )


def _padded(row: NDArray[np.int64], seconds: int) -> NDArray[np.int64]:
    out = np.zeros(seconds, np.int64)
    out[: len(row)] = row[:seconds]
    return out


def _unacknowledged(fleet: Fleet, number: int) -> int:
    """Transactions of the stations hit that the CSMS had not acknowledged when the run ended."""
    count = 0
    for final in fleet.finals:
        hit = {i for record in final.storms if record.number == number for i in record.hit.tolist()}
        count += sum(
            entry.confirmed_s is None or (entry.stop_s is not None and entry.closed_s is None)
            for entry in final.ledger
            if entry.station in hit
        )
    return count


def _readings(storm: Storm, epoch_at_zero: float) -> int | None:
    """How often the clock strikes during a quarter hour; None: it is another storm."""
    if storm.kind != "quarter_hour":
        return None
    ticks = aligned_ticks(storm.interval_s, storm.back_s, epoch_at_zero)
    return sum(tick >= storm.at_s for tick in ticks)


def _closes(storm: Storm) -> bool:
    return storm.ours and storm.kind in ("power_cut", "csms_restart", "rolling_deploy")


def _notes(storm: Storm, how: Source, hosts: Sequence[str]) -> list[str]:
    notes = []
    if how == "emulated":
        notes.append(NOTES["emulated"])
        if storm.kind == "csms_restart":
            notes.append(NOTES["away"])
    if _closes(storm) and storm.close == "silent":
        notes.append(NOTES["silent"])
    if storm.kind == "firmware_campaign":
        notes.append(NOTES["fetched" if hosts else "played"])
    return notes
