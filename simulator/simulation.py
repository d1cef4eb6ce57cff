"""One simulation from scenario to run folder: engine, prediction, tables, summary.

Glue without rules of its own. Called by the API; the live counterpart is ``live.run``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.engine import simulate_network
from simulator.engine.kernel.cache import is_warm
from simulator.engine.outages import downtime
from simulator.engine.plan import EngineResult, Outcome, SiteResult
from simulator.fleet.predict import predict_network
from simulator.measure.verdict import Decision, Verdict
from simulator.store import RunFolder, StoreError
from simulator.store.columns import load_table, messages_table, outages_table, sessions_table
from simulator.store.host import host, versions
from simulator.store.summary import Waiting, short_summary, simulation_summary

if TYPE_CHECKING:
    from simulator.engine.world import Process
    from simulator.fleet.predict import Prediction
    from simulator.scenario import Network, Scenario

Progress = Callable[[float, str | None], None]

_ENGINE_SHARE = 0.7
"""Part of the progress bar that the engine fills; the rest is counting and writing."""


def run_simulation(
    scenario: Scenario,
    network: Network,
    *,
    out: Path | str | None = None,
    progress: Progress | None = None,
    command: str | None = None,
    processes: Sequence[Process] = (),
) -> Path:
    """Simulate ``network`` and write the run folder; gives its path.

    An interruption (Ctrl-C) leaves a folder that says so. Raises ScenarioError, StoreError.
    """
    tell = progress or (lambda done, what: None)
    started = time.perf_counter()
    folder = RunFolder.create(out, scenario.name, "simulation")
    folder.write_manifest(
        scenario=scenario.as_dict(),
        scenario_file=scenario.path.name,
        seed=scenario.seed,
        stations=network.stations,
        evses=network.evses,
        duration_s=scenario.duration_s,
        timezone=scenario.timezone.key,
        start=scenario.start.isoformat(),
        command=command,
        versions=versions(),
        host=host(),
    )
    try:
        if not is_warm():
            tell(0.0, "compiling the kernel, once")
        engine = simulate_network(
            scenario,
            network,
            record_caps="pauses",
            processes=processes,
            progress=lambda done: tell(done * _ENGINE_SHARE, None),
        )
        tell(_ENGINE_SHARE, "counting messages")
        prediction = predict_network(engine, scenario, network)
        tell(0.85, "writing tables")
        epoch_s = scenario.start.timestamp()
        folder.write_table("sessions", sessions_table(engine, epoch_s))
        folder.write_table("load", load_table(engine, epoch_s))
        if any(site.outages for site in engine.sites):
            folder.write_table("outages", outages_table(engine, epoch_s))
        folder.write_table("messages", messages_table(_series(prediction), {}, prediction.bin_s))
        decision = Decision(Verdict.NO_SLO, ("a simulation predicts; an SLO is judged live",))
        summary = summarise(engine, scenario, network, prediction, decision)
        summary["wall_s"] = time.perf_counter() - started
        folder.finish(summary)
        tell(1.0, "drawing the report")
    except KeyboardInterrupt:
        stopped = Decision(Verdict.INTERRUPTED, ("stopped by the user",))
        folder.finish(short_summary("simulation", stopped), "interrupted")
        raise
    except Exception as error:
        with contextlib.suppress(StoreError):  # it may be the disk that failed
            folder.write_manifest(status="failed", error=f"{type(error).__name__}: {error}")
        raise
    return folder.path


def summarise(
    engine: EngineResult,
    scenario: Scenario,
    network: Network,
    prediction: Prediction,
    decision: Decision,
) -> dict[str, Any]:
    """The summary of a simulation; ``wall_s`` is the kernel's until the caller knows better."""
    outcomes = sum((_outcomes(site) for site in engine.sites), np.zeros(len(Outcome), np.int64))
    return simulation_summary(
        decision,
        duration_s=engine.duration_s,
        stations=network.stations,
        evses=network.evses,
        sessions={o.name.lower(): int(outcomes[o]) for o in Outcome if o is not Outcome.FUTURE},
        energy_kwh=float(sum(site.load_kwh.sum() for site in engine.sites)),
        peak_kw={site.site.name: site.peak_kw for site in engine.sites},
        peak_15min_kw=_peak_of_means(engine, scenario.file.record.billing_interval),
        unserved_kwh=float(sum(_known(site.plan.unserved_kwh).sum() for site in engine.sites)),
        wait=_waiting(engine),
        events=engine.events,
        wall_s=engine.kernel_s,
        messages=dict(
            zip(prediction.actions, map(int, prediction.series.sum(axis=0)), strict=True)
        ),
        notes=[*prediction.notes, *_trace_notes(scenario, network), *_outage_notes(engine)],
        kernel_s=engine.kernel_s,
        compile_s=engine.compile_s,
        interval_s=engine.interval_s,
        billing_interval_s=scenario.file.record.billing_interval,
        sites=[_site_row(site, engine.duration_s) for site in engine.sites],
    )


def _trace_notes(scenario: Scenario, network: Network) -> list[str]:
    """What of a trace is not replayed, in words."""
    from simulator.demand import trace_notice

    notes = []
    for site in network.sites:
        if site.trace and scenario.trace is not None:
            seen = trace_notice(scenario.trace, site, 0.0, scenario.duration_s)
            for count, why in (
                (seen.before, "begin before the scenario starts"),
                (seen.after, "begin after its end"),
                (seen.elsewhere, "use an EVSE that this smaller network does not have"),
                (seen.overlapping, "arrive before an earlier one has left their EVSE, and wait"),
            ):
                if count:
                    notes.append(f"{site.name}: of {seen.rows} rows of the trace {count} {why}")
    return notes


def _outage_notes(engine: EngineResult) -> list[str]:
    """What outages cost the network, in words; nothing where there were none."""
    if not any(site.outages for site in engine.sites):
        return []
    rows = [_outage_row(site, engine.duration_s) for site in engine.sites]
    evses = [len(site.evse_kw) for site in engine.sites]
    part = sum(row["availability"] * n for row, n in zip(rows, evses, strict=True)) / sum(evses)
    failed = sum(row["failed"] for row in rows)
    missing = sum(row["failed_unserved_kwh"] for row in rows)
    return [
        f"EVSEs were in service {100.0 * part:.2f} % of the time; failures cut {failed} sessions"
        f" short, of which {missing:.1f} kWh are missing"
    ]


def _outage_row(site: SiteResult, duration_s: float) -> dict[str, Any]:
    """Time out of service, and the sessions that a failure ended."""
    evses = len(site.evse_kw)
    out_s = downtime(site).out.seconds(evses, duration_s).sum() if site.outages else 0.0
    failed = site.plan.outcome == Outcome.FAILED
    return {
        "outages": len(site.outages),
        "availability": 1.0 - float(out_s) / max(evses * duration_s, 1e-9),
        "failed": int(failed.sum()),
        "failed_unserved_kwh": float(_known(site.plan.unserved_kwh[failed]).sum()),
    }


def _series(prediction: Prediction) -> dict[tuple[str, str], Any]:
    return {
        (action, "station"): prediction.series[:, column]
        for column, action in enumerate(prediction.actions)
    }


def _outcomes(site: SiteResult) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.bincount(site.plan.outcome, minlength=len(Outcome))


def _known(values: Any) -> Any:
    return values[np.isfinite(values)]


def _peak_of_means(engine: EngineResult, billing_s: float) -> float:
    """Largest mean power of the network over whole billing intervals, in kW.

    Both intervals start at plan time 0; the billing interval is a multiple of the recording one.
    """
    load = np.sum([site.load_kwh for site in engine.sites], axis=0)
    per = max(1, round(billing_s / engine.interval_s))
    padded = np.pad(load, (0, -len(load) % per))
    return float(padded.reshape(-1, per).sum(axis=1).max(initial=0.0) * 3600.0 / billing_s)


def _waiting(engine: EngineResult) -> Waiting:
    """Waits of the visits that plugged in, and of those that gave up (until they left)."""
    parts = []
    for site in engine.sites:
        plan, visits = site.plan, site.visits
        plugged = np.isfinite(plan.plug_in_s)
        parts.append((plan.plug_in_s - visits.arrival_s)[plugged])
        gave_up = plan.outcome == Outcome.RENEGED
        left = np.minimum(visits.arrival_s + visits.patience_s, visits.departure_s)
        parts.append((left - visits.arrival_s)[gave_up])
    waits = np.concatenate(parts) if parts else np.zeros(0)
    if not len(waits):
        return Waiting(0, 0, None, None, None)
    return Waiting(
        visits=len(waits),
        waited=int((waits > 0).sum()),
        mean_s=float(waits.mean()),
        p95_s=float(np.quantile(waits, 0.95)),
        max_s=float(waits.max()),
    )


def _site_row(site: SiteResult, duration_s: float) -> dict[str, Any]:
    outcomes = _outcomes(site)
    evses = len(site.evse_kw)
    return {
        "name": site.site.name,
        "stations": len(site.site.stations),
        "evses": evses,
        "sessions": int(outcomes[Outcome.SERVED] + outcomes[Outcome.RUNNING]),
        "energy_kwh": float(site.load_kwh.sum()),
        "unserved_kwh": float(_known(site.plan.unserved_kwh).sum()),
        "peak_kw": site.peak_kw,
        "peak_s": site.peak_s,
        "grid_limit_kw": site.site.site.grid_limit,
        "limit_bound_s": site.limit_bound_s,
        "utilisation": float(site.evse_occupied_s.sum() / max(evses * duration_s, 1e-9)),
        "blocked": int(outcomes[Outcome.BLOCKED]),
        "reneged": int(outcomes[Outcome.RENEGED]),
        "unsuitable": int(outcomes[Outcome.UNSUITABLE]),
        **_outage_row(site, duration_s),
    }
