"""Defects that were seen in other charging simulators, one test each: ours does not share them.

The first five, the seventh and the eighth were found by running those programs, the others by
reading them.
"""

from __future__ import annotations

import ast
import datetime as dt
import math
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from engine_build import model, posts, services, site, visits
from validation_world import HOUR_S, Model, replicate

import simulator
from simulator import load_scenario, simulate
from simulator.engine import Outcome, simulate_site
from simulator.engine.control import ControllerError, site_controls
from simulator.engine.site import SiteRun
from simulator.engine.world import run_world
from simulator.scenario.grid_model import Controller

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("interval_s", [60.0, 300.0, 900.0])
def test_1_no_energy_is_created_by_rounding(interval_s):
    """Seen: the state of charge rounded up at every step, +3.6 % in 3 h at steps of a minute."""
    wanted = visits(
        [0.0], departure_s=3 * HOUR_S, soc=0.1, target_soc=1.0, ac_kw=11.0, efficiency_ac=0.9
    )
    result = simulate_site(wanted, site(model("ac")), 4 * HOUR_S, interval_s=interval_s)
    gained = (result.plan.soc_end[0] - 0.1) * 60.0
    assert result.load_kwh.sum() == pytest.approx(33.0, rel=1e-12)
    assert gained == pytest.approx(0.9 * 33.0, rel=1e-12)


def test_2_a_one_phase_car_draws_the_power_of_one_phase():
    """Seen: 16 A on one phase of a 400 V charger taken for 6.4 kW; it is 16 A x 230 V."""
    post = model("ac", evse_kw=3 * 16 * 230 / 1000.0, phases=3)
    cars = visits([0.0, 0.0, 0.0], ac_phases=[1, 2, 3], ac_kw=22.0)
    plan = simulate_site(cars, site(post, post, post), 600.0).plan
    assert plan.limit_kw == pytest.approx([3.68, 7.36, 11.04], rel=1e-12)
    assert plan.energy_kwh == pytest.approx(plan.limit_kw / 6.0, rel=1e-12)


@pytest.mark.parametrize(("current", "efficiency"), [("ac", 0.9), ("dc", 0.95)])
def test_3_losses_do_not_vanish(current, efficiency):
    """Seen: the grid's meter recorded the battery's energy (efficiency 0.9: 9.9 kWh both sides)."""
    wanted = visits([0.0], departure_s=HOUR_S, soc=0.0, target_soc=1.0, ac_kw=11.0, dc_kw=11.0)
    result = simulate_site(wanted, site(model(current, evse_kw=11.0)), 2 * HOUR_S)
    stored = float(result.plan.soc_end[0]) * 60.0
    assert result.load_kwh.sum() == pytest.approx(11.0, rel=1e-12)
    assert stored == pytest.approx(efficiency * 11.0, rel=1e-12)


def test_4a_dc_charging_works():
    """Seen: DC raised NotImplementedError."""
    wanted = visits([0.0], soc=0.1, target_soc=0.8, dc_kw=150.0, curve=1, linger_s=0.0)
    plan = simulate_site(wanted, site(model("dc", 2, 150.0)), HOUR_S).plan
    assert plan.outcome[0] == Outcome.SERVED
    assert plan.limit_kw[0] == 150.0
    assert plan.energy_kwh[0] == pytest.approx(0.7 * 60.0 / 0.95, rel=1e-9)


def test_4b_a_fresh_install_has_every_dependency():
    """Seen: packages imported that the distribution does not ask for, so a fresh install failed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {_canonical(re.split(r"[^\w.-]", line)[0]) for line in project["dependencies"]}
    known = packages_distributions()
    missing = {}
    for path in sorted((ROOT / "simulator").rglob("*.py")):
        for name in _imported(ast.parse(path.read_text())):
            if name in sys.stdlib_module_names or name == "simulator":
                continue
            owners = {_canonical(owner) for owner in known.get(name, [name])}
            if not owners & asked:
                missing[name] = path.relative_to(ROOT).as_posix()
    assert missing == {}
    assert {"numpy", "numba", "simpy"} <= asked


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported(tree):
    """Top-level names of every absolute import, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("soc", [0.95, 0.7, 0.45])
def test_5_what_a_vehicle_gives_back_does_not_depend_on_its_state_of_charge(soc):
    """Seen: a discharge curve of half the power that rose to all of it at a full battery."""
    seen = []

    def drain(world):
        yard = world.sites["yard"]
        yield world.env.timeout(1.0)
        yard.set_controls([-5.5])
        for _ in range(4):
            yield world.env.timeout(300.0)
            seen.append(yard.load_kw)

    wanted = visits(
        [0.0],
        departure_s=4 * HOUR_S,
        soc=soc,
        target_soc=soc,
        ac_kw=11.0,
        discharge_kw=5.5,
        reserve_soc=0.3,
    )
    run = SiteRun(wanted, site(model("ac"), name="yard"), 2 * HOUR_S)
    plan = run_world([run], 2 * HOUR_S, 900.0, processes=[drain]).sites[0].plan
    assert seen == [-5.5] * 4
    given = plan.discharged_kwh[0]
    assert given == pytest.approx(min(5.5 * (2.0 - 1.0 / 3600.0), (soc - 0.3) * 60.0 * 0.9))
    assert plan.soc_end[0] == pytest.approx(soc - given / 0.9 / 60.0)


def test_6_an_error_in_a_users_process_ends_the_run_with_its_own_traceback(tmp_path):
    """Seen: errors inside a strategy turned into text, and the run "completed"."""

    class MineError(RuntimeError):
        pass

    def breaks(world):
        yield world.env.timeout(3600.0)
        raise MineError("at one o'clock")

    out = tmp_path / "run"
    with pytest.raises(MineError, match="at one o'clock"):
        simulate("city-launch", stations=5, out=out, processes=[breaks], report=False)
    assert simulator.open_run(out).run.manifest["status"] == "failed"


def test_6_limits_are_kept_whatever_the_policy_wants():
    """Seen: grid limits that were checked afterwards, not enforced."""
    from simulator.engine.policies import NAMES

    for policy in NAMES:
        where = site(*[model("dc", evse_kw=100.0)] * 4, limit=120.0, policy=policy)
        wanted = visits([0.0] * 4, battery_kwh=400.0, soc=0.0, target_soc=1.0, dc_kw=100.0)
        result = simulate_site(wanted, where, HOUR_S)
        assert result.peak_kw <= 120.0 * (1.0 + 1e-12)
        assert result.load_kwh.sum() <= 120.0 * (1.0 + 1e-12)
        assert result.load_kwh.sum() > 119.0


CARS = {"battery_kwh": 400.0, "soc": 0.0, "target_soc": 1.0, "dc_kw": 100.0}


def control(ask):
    """Six hours of two cars behind 120 kW under a controller: the site's result and the notes.

    ``ask`` is a function, or one of the engine's controllers as a scenario names it.
    """
    own = {} if isinstance(ask, Controller) else {"yard": ask}
    where = site(
        *[model("dc", evse_kw=100.0, min_kw=0.0)] * 2,
        limit=120.0,
        name="yard",
        controller=None if own else ask,
    )
    cars = visits([0.0, 0.0], departure_s=5 * HOUR_S, **CARS)
    run = SiteRun(cars, where, 6 * HOUR_S)
    record = SimpleNamespace(billing_interval=900.0, interval=900.0)
    start = dt.datetime(2026, 6, 1, tzinfo=ZoneInfo("UTC"))
    scenario = SimpleNamespace(start=start, path=Path("s"), file=SimpleNamespace(record=record))
    (one,) = site_controls(scenario, [run], own, {"yard": 0.0})
    return run_world([run], 6 * HOUR_S, 900.0, processes=[one.process]).sites[0], one.notes()


def test_6_an_error_in_a_controller_is_told_and_a_lasting_one_ends_the_run():
    """Seen: errors inside a strategy turned into text, and the run "completed"."""

    def breaks(view, forecast):
        raise ZeroDivisionError("no cars, no mean")

    with pytest.raises(
        ControllerError, match="yard: controller breaks at 2026-06-01T02:15"
    ) as seen:
        control(breaks)
    first = seen.value
    while first.__cause__ is not None:
        first = first.__cause__
    assert isinstance(first, ZeroDivisionError)  # with the line of the user's file
    assert first.__traceback__.tb_next.tb_frame.f_code.co_name == "breaks"
    assert "no cars, no mean" in str(seen.value)

    def stumbles(view, forecast):
        return 1 / 0 if view.now_s == HOUR_S else [10.0, 10.0]

    result, notes = control(stumbles)
    assert len(notes) == 1
    assert "1 of 24 answers could not be used" in notes[0]
    assert "ZeroDivisionError" in notes[0]
    load_kw = result.load_kwh[:20] * 4
    assert load_kw[:4] == pytest.approx(20.0)
    assert load_kw[4] == pytest.approx(120.0)  # one tick under the site's policy, as documented
    assert load_kw[5:] == pytest.approx(20.0)


@pytest.mark.parametrize("asks", [1000.0, 100.0, math.inf, 61.0])
def test_6_limits_are_kept_whatever_a_controller_wants(asks):
    """Seen: grid limits that were checked afterwards, not enforced."""
    result, notes = control(lambda view, forecast: [asks, asks])
    assert notes == []
    assert result.peak_kw <= 120.0 * (1.0 + 1e-12)
    assert result.load_kwh[:4].sum() == pytest.approx(120.0)


@pytest.mark.parametrize("kind", ["lp", "mpc"])
def test_7_a_plan_that_cannot_be_kept_is_an_error_where_it_must_be(kind):
    """Seen: schedules that cannot be met brought a warning and nothing else.

    Two cars want 400 kWh each at 95 %; five hours of 120 kW are 242.105 kWh too few.
    """
    options = {"objective": "peak", "hard": True}
    with pytest.raises(ControllerError, match=r"no plan serves everybody: 242\.105 kWh"):
        control(Controller(kind=kind, options=options))


def test_7_a_site_without_any_constraint_works():
    """Seen: a crash where no constraint was given, so that users added a dummy."""
    wanted = visits([0.0] * 3, soc=0.0, target_soc=1.0, ac_kw=11.0)
    result = simulate_site(wanted, site(*[model("ac")] * 3, limit=None), HOUR_S)
    assert result.load_kwh.sum() == pytest.approx(33.0)
    assert result.limit_bound_s == 0.0


def test_8_stays_are_in_the_units_that_they_are_written_in():
    """Seen: a longest stay documented in periods and compared with hours."""
    for text, hours in (('"8h"', 8.0), ('"480m"', 8.0), ('"28800 s"', 8.0)):
        means = ", ".join(f'"{hour}" = {text}' for hour in range(24))
        stay = f"mean_by_hour = {{ {means} }}\nsigma_ln = 0.0"
        plan = replicate(Model(50, 2.0, stay=stay, queue=False), 1, 0, 48).result.plan
        lasted = (plan.unplug_s - plan.plug_in_s) / HOUR_S
        assert len(lasted) > 50
        assert lasted == pytest.approx(hours, rel=1e-9)


def test_8_a_session_shorter_than_any_interval_delivers_its_energy():
    """Seen: sessions shorter than a period became no period and delivered nothing."""
    wanted = visits([100.0], departure_s=120.0, soc=0.1, target_soc=1.0, dc_kw=100.0)
    result = simulate_site(wanted, site(model("dc", evse_kw=90.0)), HOUR_S, interval_s=900.0)
    assert result.plan.energy_kwh[0] == pytest.approx(90.0 * 20.0 / 3600.0, rel=1e-9)
    assert result.load_kwh.sum() == pytest.approx(90.0 * 20.0 / 3600.0, rel=1e-9)


def test_8_no_versions_are_compared_as_texts():
    """Seen: "1.10.0" taken for older than "1.4.0"."""
    for path in sorted((ROOT / "simulator").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and any(
                isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for op in node.ops
            ):
                names = [n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)]
                assert "__version__" not in names, f"{path.name}:{node.lineno}"


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "day"
    return simulate("city-launch", stations=420, duration="1d", out=out, report=False)


def test_9_what_is_called_kw_is_a_power_and_what_is_called_kwh_an_energy(day):
    """Seen: energies in columns named kW."""
    load, sessions = day.load, day.sessions
    assert [name for name in load.columns if name.endswith("_kw")] == ["mean_kw"]
    length_h = load.groupby("site").start_s.diff().dropna().unique() / HOUR_S
    assert length_h.tolist() == [0.25]
    assert (load.mean_kw * 0.25).to_numpy() == pytest.approx(load.energy_kwh.to_numpy(), rel=1e-9)
    charged = sessions[sessions.energy_kwh > 0.0]
    end = charged.charge_end.fillna(charged.unplug).dropna()
    hours = (end - charged.plug_in[end.index]).dt.total_seconds() / HOUR_S
    most = charged.limit_kw[end.index] * hours
    assert (charged.energy_kwh[end.index] <= most * (1.0 + 1e-6) + 1e-3).all()
    assert (charged.energy_kwh <= charged.battery_kwh / 0.8).all()


def test_9_drivers_can_queue():
    """Seen: occupancy that never queues, because nobody arrives at a full site."""
    wanted = services([0.0, 10.0, 20.0], [600.0] * 3)
    plan = simulate_site(wanted, site(*posts(1)), HOUR_S).plan
    assert plan.plug_in_s == pytest.approx([0.0, 600.0, 1200.0])


@pytest.mark.parametrize("name", ["home", "workplace", "public-ac", "public-dc", "dc-hpc"])
def test_9_no_shipped_profile_is_flat(name):
    """Seen: a motorway profile that was a flat line, with the same stay for everybody."""
    from simulator.scenario import load_profile

    profile = load_profile("arrivals", name)
    assert max(profile.hour_of_week) > 2.0
    assert min(profile.hour_of_week) < 0.5
    assert profile.leave_when_done or min(sigma for _, sigma in profile.stay_by_hour) > 0.2


def test_10_visits_of_the_last_hours_arrive_and_the_horizon_bends_nothing():
    """Seen: nobody may arrive who would not depart before the end; one draw per free port."""
    stay = "ln_hours = [2.3, 0.5]"  # about ten hours
    seen = replicate(Model(900, 50.0, stay=stay, queue=True), 4, 0, 240).result.visits.arrival_s
    last = (seen > 228 * HOUR_S).sum()
    assert last == pytest.approx(12 * 50, abs=4 * math.sqrt(12 * 50))
    longer = replicate(Model(900, 50.0, stay=stay, queue=True), 4, 0, 480).result.visits.arrival_s
    assert longer[: len(seen)].tobytes() == seen.tobytes()
    scenario = load_scenario("city-launch").replace(duration_s=86_400.0)
    result = simulator.engine.simulate_network(scenario, scenario.network(400))
    outcomes = np.concatenate([site.plan.outcome for site in result.sites])
    assert (outcomes == Outcome.RUNNING).sum() > 50  # still plugged in at the end, and counted


def test_11_local_time_profiles_survive_the_change_of_clocks():
    """Seen: mended late in another generator. Here every week of the year, in three zones."""
    from simulator.demand.arrivals import local_hours

    for name, changes in (("Europe/Berlin", 2), ("America/New_York", 2), ("Asia/Tokyo", 0)):
        zone = ZoneInfo(name)
        start = dt.datetime(2026, 1, 5, tzinfo=zone)
        table = local_hours(start, zone, 364 * 86_400.0)
        at = [dt.datetime.fromtimestamp(start.timestamp() + t, zone) for t in table.begin_s[:-1]]
        assert [m.weekday() * 24 + m.hour for m in at] == table.hour_of_week.tolist()
        steps = np.diff(table.hour_of_week) % 168
        assert (steps != 1).sum() == changes
