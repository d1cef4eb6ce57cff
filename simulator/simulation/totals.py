"""The network's sums, from the parts of a simulation in order, and the summary made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.engine.plan import Outcome
from simulator.fleet.predict import MINUTE_S, network_notes
from simulator.simulation import spread
from simulator.simulation.notes import outage_notes, trace_notes, warmup_notes
from simulator.simulation.site_figures import Sums, added, first_interval
from simulator.store.atomic import plain
from simulator.store.books import network_fields
from simulator.store.figures import figures
from simulator.store.siterows import instants
from simulator.store.summary import Waiting, simulation_summary

if TYPE_CHECKING:
    import pyarrow as pa

    from simulator.measure.verdict import Decision
    from simulator.scenario import Network, Scenario
    from simulator.simulation.part import Part

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class Totals:
    """Everything about a network that does not grow with its visits (but for the waits)."""

    def __init__(self, scenario: Scenario, network: Network) -> None:
        self._scenario = scenario
        self._network = network
        self._sums: Sums | None = None
        self._sites: list[dict[str, Any]] = []
        self._waits: list[F64] = []
        self._messages: dict[str, I64] = {}
        self._recorded = True
        self._notes: list[str] = []
        self.events = 0
        self.parts = 0
        """Tasks added so far."""
        self.kernel_s = 0.0

    def add(self, part: Part) -> None:
        """Add the next part."""
        self._sites += part.sites
        self._waits.append(part.sums.waits_s)
        sums = Sums(
            part.sums.outcomes,
            part.sums.unserved_kwh,
            part.sums.series,
            np.zeros(0),
            part.sums.spreads,
        )
        self._sums = sums if self._sums is None else added((self._sums, sums))
        self._notes += part.notes
        self.events += part.events
        self.parts += 1
        self.kernel_s += part.kernel_s

    def add_messages(self, found: Sequence[tuple[Mapping[str, I64], bool]]) -> None:
        """Add what each worker counted."""
        for series, recorded in found:
            self._recorded &= recorded
            for action, counts in series.items():
                if action in self._messages:
                    self._messages[action] = self._messages[action] + counts
                else:
                    self._messages[action] = counts

    # -- small tables ---------------------------------------------------------------------------

    def messages(self) -> pa.Table:
        """The predicted calls per minute."""
        from simulator.store.columns import messages_table

        found = {(action, "station"): counts for action, counts in self._messages.items()}
        return messages_table(found, {}, MINUTE_S)

    def network(self) -> dict[str, Any]:
        """The columns of the network's load."""
        energy, occupied, queue = self._series()
        interval_s = self._interval_s
        start = np.arange(len(energy), dtype=np.float64) * interval_s
        length = np.clip(self._scenario.duration_s - start, 1e-9, interval_s)
        return {
            "start": instants(start, self._scenario.start.timestamp()),
            "start_s": start,
            "energy_kwh": energy,
            "mean_kw": energy * 3600.0 / length,
            "occupied_evses": occupied / length,
            "queue": queue / length,
        }

    def distributions(self) -> dict[str, list[Any]]:
        """The columns of how waits, energies and stays are spread."""
        return spread.rows(self._sums.spreads if self._sums is not None else {})

    # -- the summary ----------------------------------------------------------------------------

    def summary(self, decision: Decision, *, wall_s: float, compile_s: float) -> dict[str, Any]:
        """The summary of the simulation."""
        scenario, network, sites = self._scenario, self._network, self._sites
        record = scenario.file.record
        counts = self._sums.outcomes if self._sums is not None else np.zeros(len(Outcome), int)
        lacking = self._sums.unserved_kwh if self._sums is not None else np.zeros(len(Outcome))
        grid_kwh, battery_kwh = _sum(sites, "grid_kwh"), _sum(sites, "battery_kwh")
        summary = simulation_summary(
            decision,
            duration_s=scenario.duration_s,
            stations=network.stations,
            evses=network.evses,
            sessions={o.name.lower(): int(counts[o]) for o in Outcome if o is not Outcome.FUTURE},
            energy_kwh=_sum(sites, "energy_kwh"),
            peak_kw={row["name"]: row["peak_kw"] for row in sites},
            peak_15min_kw=self._peak_of_means(record.billing_interval),
            network_peak_kw=self._peak_bounds(),
            unserved_kwh=_sum(sites, "unserved_kwh"),
            rerouted=int(_sum(sites, "rerouted")),
            wait=self._waiting(),
            events=self.events,
            wall_s=wall_s,
            messages=self._message_totals(),
            notes=[
                *network_notes(network, self._recorded, any(row["outages"] for row in sites)),
                *self._notes,
                *outage_notes(sites),
                *warmup_notes(scenario),
                *trace_notes(scenario, network),
            ],
            warmup_s=scenario.file.scenario.warmup,
            unserved_by_outcome={
                o.name.lower(): float(lacking[o]) for o in Outcome if lacking[o] > 0.0
            },
            ledger={
                "grid_kwh": grid_kwh,
                "battery_kwh": battery_kwh,
                "losses_kwh": grid_kwh - battery_kwh,
            },
            kernel_s=self.kernel_s,
            compile_s=compile_s,
            interval_s=record.interval,
            billing_interval_s=record.billing_interval,
            sites=sites,
            **network_fields(sites),
        )
        return summary | {"figures": plain(figures(summary))}

    @property
    def _interval_s(self) -> float:
        return float(self._scenario.file.record.interval)

    @property
    def _warmup_s(self) -> float:
        return float(self._scenario.file.scenario.warmup)

    def _series(self) -> F64:
        if self._sums is None:
            return np.zeros((3, 0))
        return self._sums.series

    def _peak_bounds(self) -> dict[str, float]:
        """Between what the network's largest instantaneous power lies.

        Sites run by themselves, so their peaks are known and the instant at which they add up most
        is not. It is no less than any site's peak nor than the mean of any recording interval (for
        vehicles that give back at one site while another has its peak, the mean alone), and no more
        than the sum of the peaks.
        """
        load = self._series()[0]
        length = np.clip(
            self._scenario.duration_s - np.arange(len(load)) * self._interval_s,
            1e-9,
            self._interval_s,
        )
        means = (load * 3600.0 / length)[first_interval(self._warmup_s, self._interval_s) :]
        least = float(means.max(initial=0.0))
        peaks = [float(row["peak_kw"]) for row in self._sites]
        if not any(site.site.vehicle_to_grid is not None for site in self._network.sites):
            least = max([least, *peaks])
        return {"at_least": least, "at_most": max(least, sum(peaks))}

    def _peak_of_means(self, billing_s: float) -> float:
        """Largest mean power of the network over whole billing intervals, in kW.

        Both intervals start at plan time 0; the billing interval is a multiple of the recording
        one. Those that begin within the warm-up are left out.
        """
        load = self._series()[0]
        per = max(1, round(billing_s / self._interval_s))
        padded = np.pad(load, (0, -len(load) % per)).reshape(-1, per)
        means = padded.sum(axis=1)[first_interval(self._warmup_s, billing_s) :]
        return float(means.max(initial=0.0) * 3600.0 / billing_s)

    def _message_totals(self) -> dict[str, int]:
        first = first_interval(self._warmup_s, MINUTE_S)
        return {
            action: int(counts[first:].sum()) for action, counts in sorted(self._messages.items())
        }

    def _waiting(self) -> Waiting:
        """Waits of the visits that got an EVSE or gave up, exactly; the many zeros are counted."""
        counts = self._sums.spreads["wait_s"] if self._sums is not None else np.zeros(1, int)
        visits = int(counts.sum())
        if not visits:
            return Waiting(0, 0, None, None, None, None)
        waits = np.sort(np.concatenate(self._waits))
        zeros = visits - len(waits)
        return Waiting(
            visits=visits,
            waited=len(waits),
            mean_s=float(waits.sum() / visits),
            p50_s=quantile(waits, zeros, 0.50),
            p95_s=quantile(waits, zeros, 0.95),
            max_s=float(waits[-1]) if len(waits) else 0.0,
        )


def quantile(above: F64, zeros: int, q: float) -> float:
    """The quantile (linear between two values) of sorted values ``above`` 0 and ``zeros`` zeros."""
    place = q * (zeros + len(above) - 1)
    low = int(place)

    def at(rank: int) -> float:
        return 0.0 if rank < zeros else float(above[min(rank - zeros, len(above) - 1)])

    return at(low) + (at(low + 1) - at(low)) * (place - low) if place > low else at(low)


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(sum(row[name] for row in rows))
