"""Queueing theory: what the engine must give where a closed formula exists.

Independent replications with fixed seeds; an estimate may differ from theory by three standard
errors.
"""

from __future__ import annotations

import numpy as np
import pytest
from engine_build import posts, services, site, visits

from simulator.engine import Outcome, simulate_site

REPLICATIONS = 24
CUSTOMERS = 8_000
WARM_UP = 1_000
HOUR_S = 3600.0


def erlang_b(servers: int, load: float) -> float:
    """B(c, a) by its recursion."""
    b = 1.0
    for k in range(1, servers + 1):
        b = load * b / (k + load * b)
    return b


def erlang_c(servers: int, load: float) -> float:
    """P(wait) of M/M/c."""
    b = erlang_b(servers, load)
    rho = load / servers
    return b / (1.0 - rho + rho * b)


def birth_death(servers, arrivals, service, patience=0.0, room=500):
    """(P(block), P(wait), P(abandon), Lq) of M/M/c/K+M, as shares of all arrivals."""
    weights = [1.0]
    for n in range(1, servers + room + 1):
        leave = min(n, servers) * service + max(0, n - servers) * patience
        weights.append(weights[-1] * arrivals / leave)
    p = np.array(weights) / sum(weights)
    waiting = np.maximum(np.arange(len(p)) - servers, 0)
    lq = float(p @ waiting)
    return p[-1], p[servers:-1].sum(), patience * lq / arrivals, lq


def assert_agrees(estimates, theory, name):
    mean = np.mean(estimates)
    error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    assert abs(mean - theory) < 3.0 * error, (
        f"{name}: {mean:.5f} +- {error:.5f}, theory {theory:.5f}"
    )


def arrivals(r, per_hour):
    return np.cumsum(r.exponential(HOUR_S / per_hour, CUSTOMERS))


def test_the_formulas_give_the_tabled_values():
    assert erlang_b(2, 1.0) == pytest.approx(0.2)
    assert erlang_b(20, 15.0) == pytest.approx(0.045593, abs=1e-6)
    assert erlang_c(6, 5.0) == pytest.approx(0.587516, abs=1e-6)
    assert erlang_c(20, 15.0) == pytest.approx(0.160429, abs=1e-6)
    block, _, _, lq = birth_death(4, 7.0, 2.0, room=2)
    assert (block, lq / (7.0 * (1 - block))) == pytest.approx((0.139642, 0.072872), abs=1e-6)
    _, wait, abandon, lq = birth_death(4, 7.0, 2.0, patience=4.0)
    assert (wait, abandon, lq) == pytest.approx((0.408420, 0.179534, 0.314185), abs=1e-6)


STAYS = {
    "exponential": lambda r: r.exponential(HOUR_S, CUSTOMERS),
    "constant": lambda r: np.full(CUSTOMERS, HOUR_S),
    "lognormal": lambda r: r.lognormal(-0.5, 1.0, CUSTOMERS) * HOUR_S,
}


@pytest.mark.parametrize("stay", STAYS)
@pytest.mark.parametrize(("servers", "load"), [(2, 1.0), (6, 5.0), (20, 15.0)])
def test_without_a_queue_the_share_of_blocked_visits_is_erlang_b_for_any_stay(servers, load, stay):
    where = site(*posts(servers), queue=False)
    blocked = []
    for seed in range(REPLICATIONS):
        r = np.random.default_rng([11, servers, seed])
        arrival = arrivals(r, load)
        wanted = visits(arrival, departure_s=arrival + STAYS[stay](r))
        plan = simulate_site(wanted, where, float(arrival[-1])).plan
        blocked.append((plan.outcome[WARM_UP:] == Outcome.BLOCKED).mean())
    assert_agrees(blocked, erlang_b(servers, load), "blocked")


@pytest.mark.parametrize(("servers", "per_hour", "rate"), [(6, 10.0, 2.0), (8, 14.0, 2.0)])
def test_with_a_queue_and_endless_patience_waiting_is_erlang_c(servers, per_hour, rate):
    where = site(*posts(servers), queue=True)
    share, mean = [], []
    for seed in range(REPLICATIONS):
        r = np.random.default_rng([2, servers, seed])
        arrival = arrivals(r, per_hour)
        wanted = services(arrival, r.exponential(HOUR_S / rate, CUSTOMERS))
        plan = simulate_site(wanted, where, float(arrival[-1]) + 1e6).plan
        assert (plan.outcome == Outcome.SERVED).all()
        wait_s = (plan.plug_in_s - arrival)[WARM_UP:]
        share.append((wait_s > 0.0).mean())
        mean.append(wait_s.mean() / HOUR_S)
    waits = erlang_c(servers, per_hour / rate)
    assert_agrees(share, waits, "share that waits")
    assert_agrees(mean, waits / (servers * rate - per_hour), "mean wait in hours")


@pytest.mark.parametrize(
    ("servers", "room", "per_hour", "rate"), [(4, 2, 7.0, 2.0), (8, 4, 20.0, 2.0)]
)
def test_a_finite_queue_blocks_as_theory_says(servers, room, per_hour, rate):
    where = site(*posts(servers), queue=room)
    theory, _, _, lq = birth_death(servers, per_hour, rate, room=room)
    blocked, mean = [], []
    for seed in range(REPLICATIONS):
        r = np.random.default_rng([3, servers, seed])
        arrival = arrivals(r, per_hour)
        wanted = services(arrival, r.exponential(HOUR_S / rate, CUSTOMERS))
        plan = simulate_site(wanted, where, float(arrival[-1]) + 1e6).plan
        blocked.append((plan.outcome[WARM_UP:] == Outcome.BLOCKED).mean())
        mean.append(np.nanmean((plan.plug_in_s - arrival)[WARM_UP:]) / HOUR_S)
    assert_agrees(blocked, theory, "blocked")
    assert_agrees(mean, lq / (per_hour * (1.0 - theory)), "mean wait in hours")


@pytest.mark.parametrize(
    ("servers", "per_hour", "rate", "patience"), [(4, 7.0, 2.0, 4.0), (2, 2.0, 2.0, 1.0)]
)
def test_impatient_drivers_leave_as_often_as_theory_says(servers, per_hour, rate, patience):
    where = site(*posts(servers), queue=True)
    _, waits, leaves, lq = birth_death(servers, per_hour, rate, patience)
    waited, gone, length = [], [], []
    for seed in range(REPLICATIONS):
        r = np.random.default_rng([4, servers, seed])
        arrival = arrivals(r, per_hour)
        wanted = services(
            arrival,
            r.exponential(HOUR_S / rate, CUSTOMERS),
            patience_s=r.exponential(HOUR_S / patience, CUSTOMERS),
        )
        result = simulate_site(wanted, where, float(arrival[-1]))
        plan = result.plan
        counted = plan.outcome[WARM_UP:]
        in_queue = (counted == Outcome.RENEGED) | ~(plan.plug_in_s <= arrival)[WARM_UP:]
        waited.append(in_queue.mean())
        gone.append((counted == Outcome.RENEGED).mean())
        length.append(result.queue_s.sum() / arrival[-1])
    assert_agrees(waited, waits, "share that waits")
    assert_agrees(gone, leaves, "share that gives up")
    assert_agrees(length, lq, "mean queue")


def test_littles_law_holds_to_the_last_digit_for_queue_and_evses():
    """Time in the queue and at EVSEs, by interval and by visit, is the same time."""
    where = site(*posts(4), queue=True)
    r = np.random.default_rng(5)
    arrival = arrivals(r, 7.0)
    wanted = services(arrival, r.exponential(HOUR_S / 2.0, CUSTOMERS))
    result = simulate_site(wanted, where, float(arrival[-1]) + 1e6)
    plan = result.plan
    assert result.queue_s.sum() == pytest.approx((plan.plug_in_s - arrival).sum(), rel=1e-12)
    occupied = (plan.unplug_s - plan.plug_in_s).sum()
    assert result.occupied_s.sum() == pytest.approx(occupied, rel=1e-12)
    assert result.evse_occupied_s.sum() == pytest.approx(occupied, rel=1e-12)
