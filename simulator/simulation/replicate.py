"""The same scenario with other draws: figures of each replication, and their intervals.

Replication 0 has the scenario's own seed. Draws belong to names, not to variants: replication r of
one variant meets the same visits as replication r of another (common random numbers), wherever the
two ask for the same sites and arrivals. Called by ``run``, ``compare`` and ``sweep``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from simulator.demand.draws import key64
from simulator.measure.verdict import Decision, Verdict
from simulator.simulation.groups import expected_visits
from simulator.simulation.network_run import jobs_for, run_network
from simulator.simulation.part import NOTHING, Own
from simulator.simulation.statistics import interval
from simulator.simulation.workers import Spread
from simulator.store.figures import figures

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.scenario import Scenario

_LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Trial:
    """One replication of one variant. Crosses process borders."""

    scenario: Scenario
    """With its own seed, that of replication 0."""
    stations: int | None
    replication: int


def replication_seed(seed: int, replication: int) -> int:
    """The seed of a replication: that of the scenario for the first, then one by key."""
    if replication == 0:
        return seed
    return key64(seed, "replication", replication) & _LARGEST_SEED


def trial_figures(trial: Trial, own: Own = NOTHING) -> dict[str, float]:
    """Simulate a replication in this process, and keep its figures alone."""
    seed = replication_seed(trial.scenario.seed, trial.replication)
    scenario = trial.scenario.replace(seed=seed)
    network = scenario.network(trial.stations)
    totals = run_network(scenario, network, jobs=1, own=own)
    return figures(totals.summary(Decision(Verdict.NO_SLO, ()), wall_s=0.0, compile_s=0.0))


class Trials:
    """The work of a process that is given trials."""

    def __init__(self, own: Own) -> None:
        self._own = own

    def __call__(self, trial: Trial) -> dict[str, float]:
        """The figures of a trial."""
        return trial_figures(trial, self._own)

    def finish(self) -> None:
        """Nothing is gathered."""


def run_trials(
    trials: Sequence[Trial],
    *,
    jobs: int | None = None,
    own: Own = NOTHING,
    tell: Callable[[float], None] = lambda done: None,
) -> list[dict[str, float]]:
    """The figures of each trial, in order; the kernel must be compiled."""
    if not trials:
        return []
    used = 1 if own else jobs_for(jobs, sum(map(trial_visits, trials)), len(trials))
    found = []
    with Spread(Trials, own, trials, used) as under_way:
        for done in under_way:
            found.append(done)
            tell(len(found) / len(trials))
    return found


def trial_visits(trial: Trial) -> float:
    """About how many visits a trial has."""
    network = trial.scenario.network(trial.stations)
    return sum(expected_visits(trial.scenario, site) for site in network.sites)


def intervals(found: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """Mean and 95 % interval of every figure over the replications, as the summary has them."""
    return {
        name: asdict(interval([one[name] for one in found if name in one])) for name in names(found)
    }


def names(found: Iterable[Mapping[str, float]]) -> list[str]:
    """The figures that any replication has, in order of appearance."""
    return list(dict.fromkeys(name for one in found for name in one))


def tidy(found: Sequence[Mapping[str, float]]) -> dict[str, list[Any]]:
    """The columns of the table ``replications``."""
    cells = [(r, name, value) for r, one in enumerate(found) for name, value in one.items()]
    return {
        "replication": [r for r, _, _ in cells],
        "figure": [name for _, name, _ in cells],
        "value": [value for _, _, value in cells],
    }
