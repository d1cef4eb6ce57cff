"""What is validated against theory: one registry, read by the tests and by the table's printer.

A case is a model, the figures that theory gives for it, and an experiment that measures the same
figures in one replication. Parameter sets: (servers, arrivals, service, patience), rates per hour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from validation_formulas import (
    birth_death,
    clipped_lognormal_mean_h,
    erlang_b,
    erlang_c,
    occupancy_by_hour,
)
from validation_world import HOUR_S, Model, Replication, replicate

from simulator.demand.draws import key64
from simulator.demand.drivers import STAY_BOUNDS_S
from simulator.engine import Outcome
from simulator.simulation.statistics import t_quantile

REPLICATIONS = 24
SEED = 1
CHANCE = 0.01
"""Of one figure or more of all cases beyond its bound, where the simulator is right: what a seed
that nobody has tried yet would risk. The bound of one figure is the quantile of Student's t for
its replications with this chance divided by the number of figures (Bonferroni): 4.5 standard
errors for 24 replications and 63 figures.

Seeds 2 to 21 were tried: of their 1260 figures 7 were beyond 3 standard errors (8 expected) and one
beyond its bound (0.2 expected: M/G/infinity, P(N > a), seed 21); the root of their mean square is
1.01. Both cases that stood out, this and M/M/c with c = 8, lie within 1.3 standard errors of theory
over 720 further replications each, so it was chance and nothing was done about it.
"""
RESOLUTION = 0.15
"""Of theory: every figure's bound is closer than this, so that an error of this size shows."""
STAY_BOUNDS_H = (STAY_BOUNDS_S[0] / HOUR_S, STAY_BOUNDS_S[1] / HOUR_S)

Experiment = Callable[[int], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Case:
    """A model and its figures: what theory says, and how one replication (a seed) measures them."""

    name: str
    theory: Mapping[str, float]
    experiment: Experiment
    replications: int = REPLICATIONS


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as found over all replications."""

    case: str
    name: str
    theory: float
    mean: float
    error: float
    """Standard error of the mean."""
    n: int

    @property
    def half_width(self) -> float:
        """Half of the 95 % confidence interval."""
        return t_quantile(0.975, self.n - 1) * self.error

    @property
    def distance(self) -> float:
        """From theory, in standard errors."""
        return (self.mean - self.theory) / self.error

    @property
    def bound(self) -> float:
        """Largest distance that chance may explain, see ``CHANCE``."""
        figures = sum(len(case.theory) for case in CASES)
        return t_quantile(1.0 - CHANCE / figures / 2.0, self.n - 1)

    @property
    def agrees(self) -> bool:
        """Within the bound of theory."""
        return abs(self.distance) < self.bound


def seed(name: str, k: int, base: int = SEED) -> int:
    """Seed of replication ``k`` of a case: every case has draws of its own."""
    return key64(base, name, k) >> 33


def run(case: Case, base: int = SEED) -> Iterator[Figure]:
    """Every figure of a case over its replications."""
    found = [case.experiment(seed(case.name, k, base)) for k in range(case.replications)]
    for name, theory in case.theory.items():
        values = np.array([figures[name] for figures in found])
        error = float(values.std(ddof=1)) / math.sqrt(len(values))
        yield Figure(case.name, name, theory, float(values.mean()), error, len(values))


def window_h(model: Model, visits: int) -> tuple[int, int]:
    """Warm-up and end: past the relaxation of the busiest state, then so many visits."""
    service = model.service or 1.0
    gap = math.sqrt(model.servers) - math.sqrt(model.arrivals / service)
    warm = math.ceil((10.0 + 4.0 / max(gap**2, 0.04)) / service)
    return warm, warm + math.ceil(visits / model.arrivals)


def _case(
    name: str,
    model: Model,
    figures: Mapping[str, tuple[float, Callable[[Replication], float]]],
    visits: int = 15_000,
) -> Case:
    warm_h, until_h = window_h(model, visits)

    def experiment(seed: int) -> dict[str, float]:
        seen = replicate(model, seed, warm_h, until_h)
        return {figure: measure(seen) for figure, (_, measure) in figures.items()}

    return Case(name, {figure: theory for figure, (theory, _) in figures.items()}, experiment)


def _blocked(seen: Replication) -> float:
    return seen.share(Outcome.BLOCKED)


def _erlang_b(servers: int, load: float, visits: int = 15_000) -> Case:
    model = Model(servers, load, service=1.0, queue=False)
    theory = erlang_b(servers, load)
    name = f"Erlang-B, c = {servers}, a = {load:g}"
    return _case(name, model, {"blocked": (theory, _blocked)}, visits)


def _insensitive(servers: int, load: float, sigma: float) -> Case:
    """Erlang-B holds for any law of the stay: here lognormal, or constant."""
    mean_h = math.exp(sigma**2 / 2.0)
    model = Model(servers, load / mean_h, stay=f"ln_hours = [0.0, {sigma}]", queue=False)
    theory = erlang_b(servers, load / mean_h * _mean_stay(1.0, sigma))
    law = "lognormal stay" if sigma else "constant stay"
    name = f"Erlang-B, c = {servers}, a = {load:g}, {law}"
    return _case(name, model, {"blocked": (theory, _blocked)})


def _mean_stay(median_h: float, sigma: float) -> float:
    return clipped_lognormal_mean_h(median_h, sigma, STAY_BOUNDS_H) if sigma else median_h


def _erlang_c(servers: int, load: float, visits: int = 15_000) -> Case:
    model = Model(servers, load, service=1.0)
    figures = {"waits": (erlang_c(servers, load), lambda seen: seen.waits)}
    return _case(f"Erlang-C, c = {servers}, a = {load:g}", model, figures, visits)


def _mmc(servers: int, arrivals: float, service: float) -> Case:
    theory = birth_death(servers, arrivals, service)
    figures = {
        "wait, h": (theory.wait_h, lambda seen: seen.wait_h),
        "queue": (theory.queue, lambda seen: seen.queue),
        "system": (theory.system, lambda seen: seen.queue + seen.busy),
    }
    name = f"M/M/c, c = {servers}, λ = {arrivals:g}, μ = {service:g}"
    return _case(name, Model(servers, arrivals, service), figures, visits=50_000)


def _mmck(servers: int, places: int, arrivals: float, service: float) -> Case:
    room = places - servers
    theory = birth_death(servers, arrivals, service, room=room)
    figures = {
        "blocked": (theory.blocked, _blocked),
        "wait, h": (theory.wait_h, lambda seen: seen.wait_h),
    }
    name = f"M/M/c/K, c = {servers}, K = {places}, λ = {arrivals:g}, μ = {service:g}"
    return _case(name, Model(servers, arrivals, service, queue=room), figures)


def _mmcm(servers: int, arrivals: float, service: float, patience: float) -> Case:
    theory = birth_death(servers, arrivals, service, patience=patience)
    figures = {
        "waits": (theory.waits, lambda seen: seen.waits),
        "abandons": (theory.abandons, lambda seen: seen.share(Outcome.RENEGED)),
        "queue": (theory.queue, lambda seen: seen.queue),
        "λ(1 - P_ab) / (cμ x utilisation)": (1.0, _throughput),
    }
    name = f"M/M/c+M, c = {servers}, λ = {arrivals:g}, μ = {service:g}, θ = {patience:g}"
    return _case(name, Model(servers, arrivals, service, patience=patience), figures)


def _throughput(seen: Replication) -> float:
    served = seen.rate * (1.0 - seen.share(Outcome.RENEGED))
    return served / ((seen.model.service or 1.0) * seen.busy)


def _little(servers: int, arrivals: float, service: float) -> Case:
    """L / (λ W), where L comes from the recorded intervals and λ W from the visits."""

    def ratio(length: float, seen: Replication, hours: float) -> float:
        return length / (seen.rate * hours)

    def times(seen: Replication) -> tuple[float, float]:
        plan = seen.result.plan
        stay = float((plan.unplug_s - plan.plug_in_s)[seen.counted].mean()) / HOUR_S
        return seen.wait_h, stay

    figures = {
        "queue: L / λW": (1.0, lambda seen: ratio(seen.queue, seen, times(seen)[0])),
        "service: L / λW": (1.0, lambda seen: ratio(seen.busy, seen, times(seen)[1])),
        "system: L / λW": (1.0, lambda seen: ratio(seen.queue + seen.busy, seen, sum(times(seen)))),
    }
    name = f"Little's law, M/M/c, c = {servers}, λ = {arrivals:g}, μ = {service:g}"
    return _case(name, Model(servers, arrivals, service), figures)


def _infinite(load: float, sigma: float) -> Case:
    """M/G/infinity: the occupancy is Poisson, whatever the law of the stay."""
    mean_h = _mean_stay(1.0, sigma)
    servers = math.ceil(load + 8.0 * math.sqrt(load) + 5.0)
    model = Model(servers, load / mean_h, stay=f"ln_hours = [0.0, {sigma}]", queue=False)
    warm_h, until_h = 100, 1000 if load > 10 else 1500
    every_h = 4

    def experiment(seed: int) -> dict[str, float]:
        plan = replicate(model, seed, warm_h, until_h).result.plan
        assert (plan.outcome == Outcome.SERVED).all()  # else there were too few EVSEs
        at = np.arange(warm_h, until_h, every_h) * HOUR_S
        there = np.searchsorted(np.sort(plan.plug_in_s), at, side="right")
        there -= np.searchsorted(np.sort(plan.unplug_s), at, side="right")
        return {
            "mean occupancy": float(there.mean()),
            "variance of the occupancy": float(((there - load) ** 2).mean()),
            "P(N > a)": float((there > load).mean()),
        }

    k = np.arange(0, servers + 1)
    log_p = k * math.log(load) - load - np.array([math.lgamma(n + 1.0) for n in k])
    poisson = np.exp(log_p)
    theory = {"mean occupancy": load, "variance of the occupancy": load}
    theory["P(N > a)"] = float(poisson[k > load].sum())
    law = f"lognormal stay (σ = {sigma:g})" if sigma else "constant stay"
    return Case(f"M/G/∞, a = {load:g}, {law}", theory, experiment)


WEEK = tuple(
    (1.0 + 0.9 * math.sin(2.0 * math.pi * (hour % 24 - 9) / 24.0)) * (1.0 if hour < 120 else 0.4)
    for hour in range(168)
)
"""Quiet nights, a peak at 15:00, quiet weekends."""

STAY_BY_HOUR_H = tuple(2.0 + 4.0 * (15 <= hour <= 20) for hour in range(24))
"""Median stay by hour of arrival: those who come home stay longer."""


def week_model(**changes: object) -> Model:
    """NHPP/G/infinity over a week: 60 EVSEs, 3 arrivals an hour on the average of a week."""
    means = ", ".join(
        f'"{hour}" = "{STAY_BY_HOUR_H[hour] * math.exp(0.5 * 0.5**2)!r} h"' for hour in range(24)
    )
    stay = f"mean_by_hour = {{ {means} }}\nsigma_ln = 0.5"
    return Model(90, 3.0, stay=stay, queue=False, week=WEEK, **changes)  # type: ignore[arg-type]


def week_theory() -> list[float]:
    """Mean occupancy in each of the 168 hours, from an empty start."""
    rate = 3.0 * np.array(WEEK) / np.mean(WEEK)
    stays = [(median, 0.5) for median in STAY_BY_HOUR_H]
    return [float(m) for m in occupancy_by_hour(rate, stays, STAY_BOUNDS_H)]


def week_occupancy(seed: int) -> list[float]:
    """Occupied EVSEs in each hour of one simulated week."""
    seen = replicate(week_model(), seed, 0, 168)
    assert (seen.result.plan.outcome == Outcome.SERVED).all()
    return [float(s) / HOUR_S for s in seen.result.occupied_s[:168]]


def _week() -> Case:
    """Single hours of the week, and the whole of it; every hour is tested by itself elsewhere."""
    hours = {
        "Monday 04-05 h": 4,
        "Tuesday 15-16 h": 39,
        "Friday 20-21 h": 116,
        "Sunday 12-13 h": 156,
    }
    theory = week_theory()

    def experiment(seed: int) -> dict[str, float]:
        seen = week_occupancy(seed)
        return {name: seen[hour] for name, hour in hours.items()} | {"week": float(np.mean(seen))}

    figures = {name: theory[hour] for name, hour in hours.items()}
    return Case(
        "NHPP/G/∞, stay by hour of arrival: m(t)",
        figures | {"week": float(np.mean(theory))},
        experiment,
        replications=600,
    )


CASES: tuple[Case, ...] = (
    *(_erlang_b(c, a) for c, a in ((1, 0.5), (2, 1), (4, 2), (6, 5), (10, 8), (20, 15), (50, 45))),
    _erlang_b(100, 95, 30_000),
    _erlang_b(1000, 1100),  # more than it can take: at 980 the same power takes ten times as long
    _insensitive(6, 5, 1.0),
    _insensitive(20, 15, 0.0),
    *(_erlang_c(c, a) for c, a in ((1, 0.5), (2, 1), (4, 2), (6, 5), (10, 8), (20, 15))),
    _erlang_c(50, 45, 30_000),
    _erlang_c(100, 95, 50_000),
    _erlang_c(200, 190, 60_000),
    _mmc(6, 10, 2),
    _mmc(8, 14, 2),
    _mmck(4, 6, 7, 2),
    _mmck(8, 12, 20, 2),
    _mmcm(4, 7, 2, 4),
    _mmcm(4, 10, 2, 4),
    _mmcm(8, 16, 2, 6),
    _mmcm(2, 2, 2, 1),
    _little(6, 10, 2),
    _infinite(3, 1.0),
    _infinite(30, 0.7),
    _infinite(30, 0.0),
    _week(),
)
