"""Stations that read their meters by clocks of their own: as many readings, not in one moment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.fleet.aligned import between_readings, clock_errors
from simulator.fleet.liveplan import build_live_plan
from simulator.fleet.predict import Prediction, predict_live
from simulator.fleet.tally import Silence
from simulator.scenario import load_scenario

EPOCH = 900.0 * 2_000_000


@given(st.integers(1, 3000), st.floats(0.0, 30.0))
def test_the_errors_are_a_normal_distribution_s_quantiles(n: int, spread_s: float) -> None:
    errors = clock_errors(np.arange(n), spread_s)
    assert errors.shape == (n,)
    assert abs(errors.mean()) <= spread_s * 4.0 / np.sqrt(n)
    if n >= 100:
        assert errors.std() == pytest.approx(spread_s, rel=0.1)


def live(kit, version: str, spread: str) -> Prediction:
    """30 stations of two EVSEs with a car each; the clock strikes after half a minute."""
    site = kit.site(
        "a", [kit.model(evses=2, clock_aligned_interval=900.0)] * 30, versions=[version]
    )
    stays = [kit.Stay(2 * number, 0.0, 600.0) for number in range(30)]
    network, engine = kit.made_up([(site, stays)], 600.0)
    scenario = load_scenario("city-launch", sets=[f"live.clock_spread={spread}"])
    plan = build_live_plan(
        scenario,
        network,
        engine,
        from_s=0.0,
        speed=1.0,
        run_s=60.0,
        connect_due=np.zeros(30),
    )
    return predict_live(scenario, [plan], heartbeat_s=1e9, epoch_at_zero=EPOCH + 870.0)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_clocks_that_are_off_spread_the_same_readings(kit, version: str) -> None:
    at_once, spread = live(kit, version, "0s"), live(kit, version, "4s")
    assert at_once.totals() == spread.totals()
    assert (at_once.per_station == spread.per_station).all()
    told = [prediction.series.sum(axis=1)[20:41] for prediction in (at_once, spread)]
    assert told[0].max() == 90 and told[0].argmax() == 10  # two EVSEs and the main meter each
    assert told[1].sum() == 90 and 5 <= told[1].max() <= 20 and (spread.series >= 0).all()


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(1.0, 400.0), st.floats(1.0, 400.0)), min_size=1, max_size=20),
    st.floats(0.0, 5.0),
)
def test_silences_are_cut_at_each_station_s_own_moment(spans, spread_s: float) -> None:
    n = len(spans)
    start = np.array([a for a, _ in spans])
    silence = Silence(np.arange(n, dtype=np.int32), start, start + np.array([b for _, b in spans]))
    late = clock_errors(np.arange(n), spread_s)
    parts = list(between_readings(silence, np.full(n, 300.0), 1000.0, EPOCH, late))
    for part in parts:
        for station, a, b in zip(part.station, part.start_s, part.end_s, strict=True):
            inner = [t + late[station] for t in (300.0, 600.0, 900.0)]
            assert not any(a + 1e-6 < tick < b - 1e-6 for tick in inner)
    whole = sum(float((part.end_s - part.start_s).sum()) for part in parts)
    assert whole == pytest.approx(float((silence.end_s - silence.start_s).sum()))
