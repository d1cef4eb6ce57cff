"""Controllers in the engine: asked at ticks, judged, and put into force by the kernel's physics."""

from __future__ import annotations

import datetime as dt
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from engine_build import model, site, visits

from simulator.charging.controllers import NAMES
from simulator.engine.control import MOST_FAILURES, ControllerError, site_controls
from simulator.engine.kernel import state
from simulator.engine.outlook import Outlook
from simulator.engine.site import SiteRun
from simulator.engine.world import run_world
from simulator.scenario import ScenarioError
from simulator.scenario.grid_model import Controller

HOUR_S = 3600.0
TICK_S = 900.0
BERLIN = ZoneInfo("Europe/Berlin")
START = dt.datetime(2026, 6, 1, tzinfo=BERLIN)
DAY_S = 24 * HOUR_S


def scenario(folder=Path(), start=START):
    record = SimpleNamespace(billing_interval=TICK_S, interval=TICK_S)
    return SimpleNamespace(start=start, path=folder / "s.toml", file=SimpleNamespace(record=record))


def play(
    plain,
    cars,
    where,
    function=None,
    *,
    duration_s=DAY_S,
    folder=Path(),
    start=START,
    demand_price=0.0,
    **options,
):
    """Run one site with its controller; its result and the notes."""
    run = SiteRun(cars, where, duration_s, kernel=plain, **options)
    functions = {} if function is None else {where.site.name: function}
    prices = {where.name: demand_price}
    controls = site_controls(scenario(folder, start), [run], functions, prices)
    processes = [control.process for control in controls]
    result = run_world([run], duration_s, TICK_S, None, processes).sites[0]
    return result, [note for control in controls for note in control.notes()]


def yard(count=3, kw=11.0, **fields):
    """Direct current, so that there is no minimum but 0."""
    return site(*[model("dc", 1, kw, min_kw=0.0)] * count, policy="uncontrolled", **fields)


def cars(seed=1, count=6, evses=3, **columns):
    """Constant power, and everything at ticks."""
    r = np.random.default_rng(seed)
    evse = np.arange(count) % evses
    start = np.sort(r.integers(0, 8, count)) + 32 * (np.arange(count) // evses)
    stay = r.integers(6, 24, count)
    soc = r.uniform(0.2, 0.8, count)
    order = np.argsort(start, kind="stable")
    values = {
        "departure_s": (start + stay)[order] * TICK_S,
        "soc": soc,
        "target_soc": np.minimum(1.0, soc + r.uniform(0.1, 0.4, count)),
        "battery_kwh": 40.0,
        "dc_kw": 50.0,
        "ac_kw": 0.0,
        "evse": evse[order],
    } | columns
    return visits(start[order] * TICK_S, **values)


def controlled(kind, count=3, **options):
    return yard(count, controller=Controller(kind=kind, options=options))


PRICE = np.tile([0.1, 0.2, 0.4, 0.3], 24)


def test_a_function_sets_limits_from_its_tick_on(plain):
    def limits(view, forecast):
        return np.full(3, 4.0 if view.now_s < 2 * HOUR_S else math.inf)

    one = visits([0.0], departure_s=DAY_S, dc_kw=50.0, ac_kw=0.0, evse=1)
    result, notes = play(plain, one, yard(), limits)
    load_kw = result.load_kwh * 4
    assert load_kw[:8] == pytest.approx(4.0)
    assert load_kw[8:12] == pytest.approx(11.0)
    assert notes == []


def test_a_limit_holds_for_who_plugs_in_between_two_ticks(plain):
    one = visits([1000.0], departure_s=DAY_S, dc_kw=50.0, ac_kw=0.0)
    result, _ = play(plain, one, yard(), lambda view, forecast: np.full(3, 5.0))
    assert result.peak_kw == pytest.approx(5.0)


def test_a_controller_sees_what_has_happened_up_to_its_tick_and_nothing_more(plain):
    seen = []

    def watch(view, forecast):
        seen.append((view.now_s, view.visit.tolist(), view.soc.copy(), forecast))
        return np.full(3, math.inf)

    two = visits([TICK_S, 2 * TICK_S + 1], departure_s=DAY_S, dc_kw=50.0, ac_kw=0.0, soc=0.2)
    play(plain, two, yard(), watch, duration_s=HOUR_S)
    assert [now for now, *_ in seen] == [0.0, TICK_S, 2 * TICK_S, 3 * TICK_S]
    assert [sorted(rows) for _, rows, *_ in seen][:3] == [[-1, -1, -1], [-1, -1, 0], [-1, -1, 0]]
    assert max(seen[2][2]) == pytest.approx(0.2 + 11 * 0.95 * 0.25 / 60)
    assert [len(forecast) for *_, forecast in seen] == [4, 3, 2, 1]
    assert all(forecast.visits is None for *_, forecast in seen)


@pytest.mark.parametrize("kind", ["tou_price", "peak_shaving", "pv_following", "mpc"])
def test_what_comes_later_changes_nothing_now(plain, kind):
    """Two runs that are the same until noon are controlled the same until noon."""
    whole, part = cars(count=6), cars(count=6)
    late = whole.arrival_s > 7 * HOUR_S
    part.target_soc[late] = part.soc[late] + 0.02
    options = {"objective": "peak"} if kind == "mpc" else {}
    loads = [
        play(plain, v, controlled(kind, **options), price=PRICE, feed_in=np.zeros(96))[0].load_kwh
        for v in (whole, part)
    ]
    noon = int(whole.arrival_s[late].min() / TICK_S)
    assert loads[0][:noon].tobytes() == loads[1][:noon].tobytes()
    assert loads[0].tobytes() != loads[1].tobytes()


@pytest.mark.parametrize("kind", ["tou_price", "peak_shaving", "lp", "mpc"])
def test_the_same_run_twice_is_the_same_to_the_last_bit(plain, kind):
    results = [
        play(plain, cars(3), controlled(kind), price=PRICE, feed_in=np.zeros(96))[0]
        for _ in range(2)
    ]
    assert results[0].load_kwh.tobytes() == results[1].load_kwh.tobytes()
    assert results[0].plan.soc_end.tobytes() == results[1].plan.soc_end.tobytes()


def answers():
    def write(view, forecast):
        view.soc[0] = 0.0

    def broken(view, forecast):
        raise RuntimeError("no licence")

    return [
        (lambda v, f: np.array([1.0, math.nan, 1.0]), "EVSE 1 got nan"),
        (lambda v, f: np.array([1.0, -math.inf, 1.0]), "EVSE 1 got -inf"),
        (lambda v, f: np.ones(2), "not an array of shape (2,)"),
        (lambda v, f: 5.0, "not an array of shape ()"),
        (lambda v, f: np.ones((3, 1)), "not an array of shape (3, 1)"),
        (lambda v, f: [[1.0], [1.0, 2.0], 3.0], "expected 3 numbers"),
        (lambda v, f: None, "it gave nothing back"),
        (lambda v, f: ["a", "b", "c"], "not list of <U1"),
        (lambda v, f: [True, True, False], "not list of bool"),
        (lambda v, f: {"limits": 3}, "not dict of object"),
        (lambda v, f: np.ones(3) * 1j, "not ndarray of complex128"),
        (broken, "RuntimeError: no licence; test_control.py, line"),
        (lambda v, f: sys.exit(0), "SystemExit: 0"),
        (write, "read-only"),
        (lambda v: np.ones(3), "TypeError"),
    ]


@pytest.mark.parametrize(("bad", "said"), answers())
def test_an_unusable_answer_is_noted_and_that_tick_runs_without_limits(plain, bad, said):
    calls = []

    def flaky(view, forecast):
        calls.append(view.now_s)
        return bad(view, forecast) if len(calls) in (3, 4) else np.zeros(3)

    one = visits([0.0], departure_s=DAY_S, dc_kw=50.0, ac_kw=0.0)
    result, notes = play(plain, one, yard(), flaky, duration_s=2 * HOUR_S)
    assert result.load_kwh * 4 == pytest.approx([0, 0, 11, 11, 0, 0, 0, 0])
    assert len(notes) == 1
    assert "yard: controller flaky: 2 of 8 answers could not be used" in notes[0]
    assert "first at 2026-06-01T00:30:00+02:00" in notes[0]
    assert said in notes[0]


def test_too_many_unusable_answers_in_a_row_end_the_run(plain):
    def hopeless(view, forecast):
        return [math.nan] * 3

    with pytest.raises(ControllerError) as caught:
        play(plain, cars(), yard(), hopeless)
    said = str(caught.value)
    assert said.startswith("yard: controller hopeless at 2026-06-01T02:15:00+02:00: no usable")
    assert f"{MOST_FAILURES} times in a row" in said
    assert caught.value.exit_code == 1


def test_a_good_answer_now_and_then_keeps_the_run_alive(plain):
    def moody(view, forecast):
        good = round(view.now_s / TICK_S) % MOST_FAILURES == 0
        return np.zeros(3) if good else None

    _, notes = play(plain, cars(), yard(), moody)
    assert "86 of 96 answers" in notes[0]


def test_an_interruption_is_not_taken_for_a_bad_answer(plain):
    def interrupted(view, forecast):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(plain, cars(), yard(), interrupted)


def test_infinity_and_whole_numbers_are_limits(plain):
    one = visits([0.0], departure_s=DAY_S, dc_kw=50.0, ac_kw=0.0, evse=2)
    result, notes = play(plain, one, yard(), lambda v, f: [math.inf, 0, 7])
    assert (result.peak_kw, notes) == (7.0, [])


def test_a_program_that_must_serve_everybody_and_cannot_names_site_tick_and_shortfall(plain):
    short = visits(
        [TICK_S], departure_s=TICK_S + HOUR_S, dc_kw=50.0, ac_kw=0.0, soc=0.1, target_soc=0.9
    )
    said = (
        r"yard: controller {} at 2026-06-01T00:{}:00\+02:00: no plan serves everybody: "
        r"39\.526 kWh of 1 vehicle cannot be delivered"
    )
    for kind, minute in (("lp", "00"), ("mpc", "15")):
        options = {"objective": "peak", "hard": True}
        with pytest.raises(ControllerError, match=said.format(kind, minute)):
            play(plain, short, controlled(kind, **options))


@pytest.mark.parametrize("seed", range(3))
def test_the_engine_confirms_what_the_program_promised(plain, seed):
    """Cost in the kernel's books: the optimum is reached by lp and mpc, and beaten by nobody."""
    v, money = cars(seed), {"price": PRICE, "feed_in": np.zeros(96)}
    best, notes = play(plain, v, controlled("lp"), **money)
    cost = float(best.plan.cost.sum())
    assert f"optimum {cost:.2f} (energy {cost:.2f}, demand 0.00)" in notes[0]
    energy = best.plan.energy_kwh.sum()
    known, _ = play(plain, v, controlled("mpc", perfect=True, horizon="2d"), **money)
    assert float(known.plan.cost.sum()) == pytest.approx(cost, abs=1e-6)
    for kind in ("mpc", "tou_price", "peak_shaving"):
        other, _ = play(plain, v, controlled(kind), **money)
        assert other.plan.energy_kwh.sum() == pytest.approx(energy)
        assert float(other.plan.cost.sum()) >= cost - 1e-6
    assert float(play(plain, v, yard(), **money)[0].plan.cost.sum()) > cost


def test_the_demand_charge_is_part_of_the_optimum(plain):
    v, money = cars(2), {"price": PRICE, "feed_in": np.zeros(96)}

    def bill(kind):
        result, _ = play(plain, v, controlled(kind), demand_price=10.0, **money)
        return float(result.plan.cost.sum() + 10.0 * (result.load_kwh * 4).max())

    assert bill("lp") <= bill("mpc") + 1e-6
    assert bill("lp") < bill("tou_price")


@pytest.mark.parametrize("kind", ["lp", "mpc", "tou_price"])
def test_vehicles_give_back_above_their_reserve_and_leave_with_their_target(plain, kind):
    lowest = []
    v = visits(
        [0.0, 0.0],
        departure_s=8 * HOUR_S,
        soc=0.9,
        target_soc=0.9,
        battery_kwh=40.0,
        dc_kw=50.0,
        ac_kw=0.0,
    )
    both = {"discharge_kw": np.array([10.0, 0.0]), "reserve_soc": np.array([0.5, 0.5])}
    v = replace(v, **both)
    price = np.repeat([0.8, 0.1], 48)
    price[16:] = 0.1
    changes = np.zeros(1, state.CHANGE)
    changes["what"], changes["node"], changes["kw"] = state.BASE_LOAD, -1, 30.0
    where = controlled(kind, v2g=True)
    run = SiteRun(v, where, DAY_S, price=price, feed_in=np.zeros(96), changes=changes, kernel=plain)
    (control,) = site_controls(scenario(), [run])

    def watch(world):
        while True:
            lowest.append(world.sites["yard"].view().soc[0])
            yield world.env.timeout(300.0)

    result = run_world([run], DAY_S, TICK_S, None, [control.process, watch]).sites[0]
    plan = result.plan
    assert plan.discharged_kwh[0] == pytest.approx(16.0 * 0.95)  # 0.4 of 40 kWh
    assert plan.discharged_kwh[1] == 0.0
    assert min(soc for soc in lowest if soc > 0.0) >= 0.5 - 1e-9
    assert plan.soc_end[0] == pytest.approx(0.9)


def test_a_schedule_goes_by_the_local_clock_across_daylight_saving(plain):
    """Clocks go forward at two: five o'clock local time is four hours after midnight."""
    night = dt.datetime(2026, 3, 29, tzinfo=BERLIN)
    windows = [{"from": "05:00", "to": "06:00", "evse": "2 kW"}]
    one = visits([0.0], departure_s=DAY_S, dc_kw=50.0, ac_kw=0.0, soc=0.0, battery_kwh=900.0)
    where = controlled("fixed_schedule", windows=windows)
    load_kw = play(plain, one, where, start=night)[0].load_kwh * 4
    assert np.flatnonzero(load_kw < 3.0).tolist() == [16, 17, 18, 19]


def test_the_outlook_averages_prices_load_and_limits_over_the_tick(plain):
    changes = np.zeros(3, state.CHANGE)
    changes["time_s"] = [0.0, 450.0, 3600.0]
    changes["what"] = state.BASE_LOAD
    changes["node"] = -1
    changes["kw"] = [4.0, 8.0, -2.0]
    price = np.arange(8.0)
    run = SiteRun(
        cars(),
        yard(limit=50.0),
        2 * HOUR_S,
        price=price,
        changes=changes,
        kernel=plain,
    )
    outlook = Outlook(scenario(), run, 1800.0, demand_price=7.0)
    run.advance(0.0)
    forecast = outlook.forecast(0, run.view())
    assert forecast.price.tolist() == [0.5, 2.5, 4.5, 6.5]
    assert forecast.base_kw.tolist() == [7.0, 8.0, -2.0, -2.0]
    assert forecast.limit_kw.tolist() == [46.0, 42.0, 52.0, 52.0]  # now, then means
    assert forecast.clock_s.tolist() == [0.0, 1800.0, 3600.0, 5400.0]
    assert set(forecast.weekday.tolist()) == {0}
    assert (forecast.demand_price, forecast.billing_s) == (7.0, 900.0)
    with pytest.raises(ValueError, match="read-only"):
        forecast.price[0] = 0.0


def test_what_acts_by_hand_is_seen_at_the_next_tick(plain):
    seen = []

    def watch(view, forecast):
        seen.append((float(forecast.base_kw[0]), float(forecast.limit_kw[0])))
        return np.full(3, math.inf)

    run = SiteRun(cars(), yard(limit=50.0), HOUR_S, kernel=plain)
    (control,) = site_controls(scenario(), [run], {"yard": watch})

    def by_hand(world):
        yield world.env.timeout(1000.0)
        world.sites["yard"].set_base(12.0)
        world.sites["yard"].set_limit(20.0)

    run_world([run], HOUR_S, TICK_S, None, [by_hand, control.process])
    assert seen == [(0.0, 50.0), (0.0, 50.0), (12.0, 8.0), (12.0, 8.0)]


def test_billing_periods_are_calendar_months(plain):
    run = SiteRun(cars(), yard(), 3 * DAY_S, kernel=plain)
    start = dt.datetime(2026, 1, 31, tzinfo=BERLIN)
    outlook = Outlook(scenario(start=start), run, 12 * HOUR_S)
    assert outlook.forecast(0, run.view()).period.tolist() == [0, 0, 1, 1, 1, 1]


def user_file(tmp_path, text):
    (tmp_path / "own.py").write_text(text, encoding="utf-8")
    return yard(controller=Controller(function="own.py:limits"))


def test_a_function_is_loaded_from_the_file_that_the_scenario_names(plain, tmp_path):
    (tmp_path / "beside.py").write_text("LIMIT = 3.0\n", encoding="utf-8")
    where = user_file(
        tmp_path,
        "from beside import LIMIT\n"
        "def limits(view, forecast):\n"
        "    return [LIMIT] * len(view.visit)\n",
    )
    result, _ = play(plain, cars(), where, folder=tmp_path)
    assert result.peak_kw <= 9.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0\n", "can be imported (ZeroDivisionError: division by zero; own.py, line 1)"),
        ("import not_there\n", "can be imported (ModuleNotFoundError"),
        ("def limits(:\n", "can be imported (SyntaxError"),
        ("raise SystemExit(3)\n", "can be imported (SystemExit: 3; own.py, line 1)"),
        ("def other(view, forecast): ...\n", "a function that own.py defines"),
        ("limits = 3\n", "a function that own.py defines"),
    ],
)
def test_a_function_that_cannot_be_had_is_named_with_its_field(plain, tmp_path, text, said):
    where = user_file(tmp_path, text)
    with pytest.raises(ScenarioError) as caught:
        play(plain, cars(), where, folder=tmp_path)
    line = str(caught.value)
    assert line.startswith("s.toml: sites.yard.controller.function: value 'own.py:limits'")
    assert said in line


def test_a_file_that_is_not_there_is_named(plain, tmp_path):
    where = yard(controller=Controller(function="gone.py:limits"))
    with pytest.raises(ScenarioError, match=r"expected a Python file that exists \(gone.py\)"):
        play(plain, cars(), where, folder=tmp_path)


def test_functions_for_sites_that_do_not_exist_are_refused(plain):
    run = SiteRun(cars(), yard(), DAY_S, kernel=plain)
    with pytest.raises(ScenarioError, match=r"value 'yarn': expected a site: yard; did you mean"):
        site_controls(scenario(), [run], {"yarn": lambda v, f: None})
    with pytest.raises(ScenarioError, match="expected a function of view and forecast"):
        site_controls(scenario(), [run], {"yard": 5})


def test_every_controller_says_what_it_is():
    ours = ("fixed_schedule", "tou_price", "pv_following", "peak_shaving", "lp", "mpc")
    assert list(NAMES) == ["none", *ours]
