"""What a live run amounts to: the sum of its shards, judged, compared with the prediction, written.

Called by ``run`` once the shards are gone, however they went.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from simulator.live.aftermath import aftermath, failed, latency, series_rows
from simulator.live.commanded import add_up, called, command_rows
from simulator.live.conformance import conformance
from simulator.live.keeping import Pieces
from simulator.live.steprows import capacity, capacity_words, step_rows
from simulator.live.trace import join_traces
from simulator.measure.agreement import allowance
from simulator.measure.errors import ErrorLog, error_name
from simulator.measure.machine import remarks
from simulator.measure.measurement import Measurement, merge
from simulator.measure.slo import evaluate
from simulator.measure.validity import Limits, check, loosened
from simulator.measure.verdict import Decision, Verdict, decide
from simulator.station.versions import TABLES
from simulator.store.atomic import replacing
from simulator.store.columns import messages_table, seconds_table, station_messages_table
from simulator.store.errors import NotWrittenError
from simulator.store.folder import HLOG, RunFolder, Status
from simulator.store.summary import TransactionCounts, live_summary

if TYPE_CHECKING:
    from simulator.fleet.predict import Prediction
    from simulator.live.hooks import Deed
    from simulator.live.prepare import Prepared
    from simulator.live.supervise import Fleet
    from simulator.scenario import Scenario

FRAMES_FILE = "frames.jsonl"


@dataclass(slots=True)
class Happened:
    """Things that happened to a run besides what its shards measured."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, at_s: float, kind: str, detail: str, shard: int | None = None, station: str = ""
    ) -> None:
        """A row of the table ``events``."""
        self.rows.append(
            {"at_s": at_s, "shard": shard, "station": station, "kind": kind, "detail": detail}
        )


def conclude(
    folder: RunFolder,
    prepared: Prepared,
    fleet: Fleet,
    happened: Happened,
    *,
    drain_s: float,
    more: dict[str, Any],
    deeds: Mapping[int, Deed] | None = None,
) -> dict[str, Any]:
    """Write every table and the summary, and end the folder; returns the summary."""
    measurement = merge([final.measurement for final in fleet.finals])
    prediction = prepared.predict(fleet.epoch_at_zero)
    transactions = _transactions(fleet)
    stations = {
        "asked": prepared.expected,
        "connected": sum(shard.connected for shard in measurement.shards),
        "booted": sum(shard.booted for shard in measurement.shards),
    }
    counts = {
        "started": transactions.started,
        "stopped": transactions.stopped,
        "unacknowledged": transactions.unacknowledged,
        "discarded_after_attempts": transactions.discarded_after_attempts,
        "at_risk_of_duplicate": transactions.at_risk_of_duplicate,
    }
    clauses = evaluate(
        prepared.scenario.file.slo.require,
        measurement,
        counts,
        stations,
        sent=sendable({version for plan in prepared.plans for version in plan.versions}),
    )
    limits = limits_of(prepared.scenario)
    storms = aftermath(prepared, fleet, measurement, deeds or {})
    commanded = command_rows(prepared.errands.orders, fleet, measurement)
    validity = [*check(measurement, limits), *failed(storms), *add_up(commanded)]
    decision = decide(
        validity=validity,
        clauses=clauses,
        interrupted=_interruption(fleet),
        aborted=fleet.aborted or None,
        lost_shards=[fleet.lost[number] for number in sorted(fleet.lost)],
    )
    rows = step_rows(prepared.steps, measurement, prepared.scenario.file.slo.require, limits)
    folder.release()
    pieces = Pieces(folder.path)
    _write_tables(folder, pieces, prepared, fleet, measurement, prediction, happened)
    struck = prepared.weather.struck() | prepared.errands.stations(prepared.network)
    compared = compare(prediction, measurement, struck)
    summary = live_summary(
        measurement,
        decision,
        asked=prepared.expected,
        transactions=transactions,
        slo=clauses,
        validity=validity,
        loosened=[limit.as_dict() for limit in loosened(limits)],
        remarks=[remark.as_dict() for remark in remarks(measurement)],
        duration_s=measurement.ended_s,
        predicted=prediction.totals(),
        prediction=compared,
        notes=notes(prepared.scenario, prediction, compared) + called(commanded.calls),
        phases=_phases(prepared, measurement.ended_s),
        steps=[row.as_dict() for row in rows],
        capacity=capacity_words(rows, has_slo=bool(clauses)),
        capacity_step=best.step if (best := capacity(rows)) is not None else None,
        aborted=fleet.aborted or None,
        speed=prepared.window.speed,
        from_s=prepared.window.from_s,
        run_s=prepared.window.run_s,
        drain_s=drain_s,
        drained=bool(fleet.finals) and all(final.drained for final in fleet.finals),
        deviations=dict(_deviations(fleet)),
        left_out=sum(plan.left_out for plan in prepared.plans),
        shards=len(prepared.plans),
        remote_starts=commanded.starts,
        commands=commanded.calls,
        loop=fleet.loop,
        conformance=conformance(
            [final.judged for final in fleet.finals if final.judged is not None],
            measurement.errors,
            measurement.generator()["cpu_s"] or 0.0,
        ),
        build_s=fleet.build_s,
        not_written=pieces.missing,
        **({"storms": storms, "storm_latency_ms": latency(measurement)} if storms else {}),
        **more,
    )
    try:
        folder.finish(summary, _status(decision))
    except NotWrittenError as error:
        calls = measurement.calls()
        raise NotWrittenError(
            f"{error}. The run is over: {decision.verdict}, {calls.answered} of {calls.planned}"
            " calls answered; its summary could not be kept"
        ) from error
    return summary


def sendable(versions: Iterable[str]) -> frozenset[str]:
    """Every action that stations of these OCPP versions can send."""
    return frozenset(action for version in versions for action in TABLES[version].actions)


def limits_of(scenario: Scenario) -> Limits:
    """What the scenario's table ``validity`` allows the generator."""
    table = scenario.file.validity
    return Limits(**{item.name: getattr(table, item.name) for item in fields(Limits)})


def compare(
    prediction: Prediction, measurement: Measurement, struck: Collection[str] = ()
) -> dict[str, Any]:
    """Predicted against measured calls, by action: totals, and in how many stations they differ.

    ``exact``: at every station the calls are as many as the plan determines (``agreement``).
    Stations that a storm or a command has ``struck`` are not judged: no plan foresees what they
    send.
    """
    ids, actions, answered = measurement.station_counts("answered")
    column = {action: number for number, action in enumerate(actions)}
    row = {name: number for number, name in enumerate(ids)}
    table = prediction.station_totals()
    result: dict[str, Any] = {}
    exact = True
    for action in sorted({*prediction.actions, *actions}):
        differ = worst = 0
        for name, predicted in table.items():
            known = name in row and action in column
            measured = int(answered[row[name], column[action]]) if known else 0
            gap = abs(measured - predicted.get(action, 0))
            differ += gap > 0
            worst = max(worst, gap)
            if name in struck:
                continue
            allowed = allowance(action, prediction.begun.get(name, 0))
            exact = exact and (allowed is None or gap <= allowed)
        result[action] = {
            "predicted": prediction.totals().get(action, 0),
            "measured": int(answered[:, column[action]].sum()) if action in column else 0,
            "stations_differing": differ,
            "largest_difference": worst,
        }
    judged = sum(name not in struck for name in table)
    return {
        "by_action": result,
        "exact": exact if judged else None,
        "stations_not_judged": len(table) - judged,
    }


def notes(scenario: Scenario, prediction: Prediction, compared: dict[str, Any]) -> list[str]:
    """What the prediction leaves out, of this plan and of what the CSMS asked for."""
    found = list(prediction.notes)
    script = scenario.file.csms.embedded.on_boot
    if script is not None:
        found.append(
            f"what stations send because the boot script {script} asks for it is not predicted,"
            " nor what an interval changes that it sets"
        )
    unforeseen = [
        f"{row['measured']} {action}"
        for action, row in compared["by_action"].items()
        if row["measured"] and not row["predicted"]
    ]
    if unforeseen:
        found.append(f"sent besides what was predicted: {', '.join(unforeseen)}")
    return found


def event_rows(errors: ErrorLog, shard: int) -> list[dict[str, Any]]:
    """The kept examples of a shard's errors, as rows of ``events``."""
    return [
        {
            "at_s": example.at_s,
            "shard": shard,
            "station": example.station,
            "kind": error_name(kind, qualifier),
            "detail": example.detail,
            "frames": list(example.frames),
        }
        for (kind, qualifier), entry in errors.classes.items()
        for example in entry.examples
    ]


def _write_tables(
    folder: RunFolder,
    pieces: Pieces,
    prepared: Prepared,
    fleet: Fleet,
    measurement: Measurement,
    prediction: Prediction,
    happened: Happened,
) -> None:
    """In the order of what would be missed most on a full disk."""
    by_station = {
        (name, action): count
        for name, row in prediction.station_totals().items()
        for action, count in row.items()
    }
    predicted = {
        (action, "station"): prediction.series[:, number]
        for number, action in enumerate(prediction.actions)
    }
    by_second = measurement.messages_by_second()
    tables: dict[str, Callable[[], Any]] = {
        "ledger": lambda: _ledger_rows(fleet),
        "events": lambda: _event_rows(fleet, happened),
        "seconds": lambda: seconds_table(measurement),
        "messages": lambda: messages_table(predicted, by_second, prediction.bin_s),
        "station_messages": lambda: station_messages_table(measurement, by_station),
    }
    if prepared.weather.storms:
        tables["storms"] = lambda: series_rows(prepared, fleet, measurement)
    for name, rows in tables.items():
        with pieces.piece(f"{name}.parquet"):
            folder.write_table(name, rows())
    with pieces.piece(HLOG), replacing(folder.path / HLOG) as temporary:
        measurement.hlog(
            temporary,
            start_epoch_s=fleet.epoch_at_zero,
            comments=(f"scenario {prepared.scenario.name}",),
        )
    if prepared.traced:
        parts = [folder.path / f"frames-{number}.jsonl" for number in range(len(prepared.plans))]
        with pieces.piece(FRAMES_FILE, larger=False):
            join_traces(parts, folder.path / FRAMES_FILE, folder.redactor)


def _event_rows(fleet: Fleet, happened: Happened) -> list[dict[str, Any]]:
    rows = list(happened.rows)
    for final in fleet.finals:
        shard = final.measurement
        rows += event_rows(shard.errors, shard.shard)
        rows += _deviation_rows(final, shard.station_ids)
    for number, trace in fleet.traces.items():
        rows.append({"at_s": fleet.ended_s, "shard": number, "kind": "shard_lost", "detail": trace})
    return sorted(rows, key=lambda row: float(row["at_s"]))


def _ledger_rows(fleet: Fleet) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for final in fleet.finals:
        names = final.measurement.station_ids
        rows += final.ledger.rows(names.__getitem__, fleet.epoch_at_zero)
    return rows


def _deviation_rows(final: Any, ids: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "at_s": row.at_s,
            "shard": final.measurement.shard,
            "station": ids[row.station],
            "kind": str(row.kind),
            "detail": f"EVSE {row.evse}" + (f", {row.late_s:.1f} s late" if row.late_s else ""),
        }
        for row in final.deviations.rows
    ]


def _deviations(fleet: Fleet) -> Counter[str]:
    total: Counter[str] = Counter()
    for final in fleet.finals:
        total.update(final.deviations.counts)
    return total


def _transactions(fleet: Fleet) -> TransactionCounts:
    counts = [final.ledger.counts() for final in fleet.finals]
    return TransactionCounts(
        started=sum(c.started for c in counts),
        stopped=sum(c.stopped for c in counts),
        unacknowledged=sum(c.unacknowledged for c in counts),
        discarded_after_attempts=sum(c.discarded_after_attempts for c in counts),
        at_risk_of_duplicate=sum(c.at_risk_of_duplicate for c in counts),
    )


def _phases(prepared: Prepared, ended_s: float) -> list[dict[str, Any]]:
    """The phases that took place."""
    return [
        {"phase": span.name, "start_s": span.start_s, "end_s": min(span.end_s, ended_s)}
        for span in prepared.spans
        if span.start_s < ended_s
    ]


def _interruption(fleet: Fleet) -> str | None:
    if not fleet.interrupted:
        return None
    how = "stopped orderly" if fleet.interrupted == 1 else "aborted"
    return f"interrupted by the user after {fleet.ended_s:.0f} s and {how}"


def _status(decision: Decision) -> Status:
    if decision.verdict is Verdict.INTERRUPTED:
        return "interrupted"
    return "failed" if decision.verdict is Verdict.SHARD_LOST else "finished"
