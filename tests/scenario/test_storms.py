"""What a scenario says of storms: each kind of nonsense is named where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenario import ScenarioError, load_scenario
from simulator.scenario.storm_model import FIELDS, Storm

SHIPPED = Path(__file__).parents[2] / "scenarios"
HEAD = (SHIPPED / "city-launch.toml").read_text("utf-8")


@pytest.fixture
def stormy(tmp_path: Path):
    """Loads the city with these lines of storms; gives the scenario."""

    def load(text: str, sets=()):
        file = tmp_path / "storms.toml"
        file.write_text(f"{HEAD}\n{text}")
        return load_scenario(file, sets=sets)

    return load


def problems(stormy, text: str, sets=()) -> str:
    with pytest.raises(ScenarioError) as refused:
        stormy(f"[[live.storms]]\n{text}", sets)
    return str(refused.value)


CUT = 'kind = "power_cut"\nat = "30s"\nfor = "20s"\n'
RESTART = 'kind = "csms_restart"\nat = "30s"\nfor = "5s"\n'
OUTSIDE = 'csms.url="ws://127.0.0.1:9000/ocpp"'


def test_a_storm_is_read_with_its_units(stormy) -> None:
    text = CUT + 'sites = ["ring-road"]\nclose = "silent"\nback_off = "naive"\nshare = "30 %"\n'
    (storm,) = stormy(f"[[live.storms]]\n{text}").file.live.storms
    assert (storm.kind, storm.at, storm.for_, storm.share) == ("power_cut", 30.0, 20.0, 0.3)
    assert (storm.sites, storm.close, storm.back_off) == (("ring-road",), "silent", "naive")


def test_storms_follow_one_another(stormy) -> None:
    text = f"[[live.storms]]\n{CUT}[[live.storms]]\n" + CUT.replace("30s", "60s")
    assert len(stormy(text).file.live.storms) == 2


@pytest.mark.parametrize(
    ("text", "sets", "message"),
    [
        ('kind = "power_cutt"\nat = "1s"', (), "kind: value 'power_cutt': .*did you mean"),
        ('kind = "power_cut"\nat = "30s"', (), "for: .*how long it lasts"),
        (CUT.replace("20s", "500ms"), (), "for: .*1s or more"),
        (CUT + 'sites = ["rng-road"]', (), r"sites\[0\]: .*did you mean 'ring-road'"),
        (CUT + "sites = []", (), "sites: .*one site or more"),
        (CUT + 'hook = { url = "http://localhost/" }', (), "hook: .*nothing here"),
        (CUT + "instances = 4", (), "instances: .*rolling_deploy"),
        (CUT.replace("30s", "110s"), (), "at: .*over before the stages are"),
        ('kind = "mass_reset"\nat = "30s"\nfor = "5s"', (), "for: .*nothing here"),
        ('kind = "profile_broadcast"\nat = "30s"', (), "limit: .*the power that is left"),
        ('kind = "firmware_campaign"\nat = "30s"', (OUTSIDE,), "hook: .*has the target do it"),
        (RESTART + 'close = "rst"', (), "close: .*really killed"),
        (RESTART + 'close = "silent"', (OUTSIDE,), "close: .*would not notice"),
        (RESTART + "hook = {}", (), "hook: .*docker restart"),
        (RESTART + 'hook = { url = "ftp://x/" }', (), "hook.url: .*http://"),
        (RESTART + 'hook = { url = "http://example.com/" }', (), "hook.url: .*loopback"),
        (RESTART + 'hook = { command = "x", body = "{}" }', (), "body: .*goes with a url"),
        (
            RESTART + 'close = "rst"\nhook = { url = "http://localhost/" }',
            (OUTSIDE,),
            "close: .*the hook closes",
        ),
        (
            'kind = "quarter_hour"\nat = "30s"\nfor = "60s"\ninterval = "1500ms"',
            (),
            "interval: .*whole seconds",
        ),
        (f"{CUT}[[live.storms]]\n{CUT}", (), r"storms\[1\].at: .*after the one before"),
    ],
)
def test_nonsense_is_named_where_it_stands(stormy, text, sets, message) -> None:
    import re

    found = problems(stormy, text, sets)
    assert re.search(message, found), found


def test_every_field_is_taken_by_some_kind_or_by_all() -> None:
    named = {field.alias or name for name, field in Storm.model_fields.items()}
    assert named - set(FIELDS) == {"kind", "at", "recovery"}
    assert set(FIELDS) <= named


@pytest.mark.parametrize("name", ["csms-restart", "power-cut"])
def test_the_storms_that_ship_are_small_and_quick(name) -> None:
    scenario = load_scenario(name)
    assert scenario.network().stations == 200
    assert sum(stage.for_ for stage in scenario.file.live.stages) <= 90.0
    assert len(scenario.file.live.storms) == 1


@pytest.mark.parametrize("name", ["csms-restart-20k", "power-cut-20k"])
def test_the_storms_of_twenty_thousand_are_bounded_and_leave_room_to_recover(name) -> None:
    scenario = load_scenario(name)
    live = scenario.file.live
    assert scenario.network().stations == 20_000 and live.speed == 1.0
    assert sum(stage.for_ for stage in live.stages) == 300.0
    (storm,) = live.storms
    assert storm.back_off == "spec" and live.stages[0].for_ < storm.at
    leaving_s = sum(stage.for_ for stage in live.stages[:2])
    assert storm.at + storm.for_ + storm.recovery <= leaving_s


def test_the_fifty_thousand_have_a_quarter_hour_in_their_ten_minutes() -> None:
    scenario = load_scenario("fifty-thousand")
    network, live = scenario.network(), scenario.file.live
    ramp, hold, leave = live.stages
    assert network.stations == 50_000 and hold.for_ == 600.0 and live.speed == 1.0
    assert ramp.for_ < live.quarter_hour_at < ramp.for_ + hold.for_ and leave.amounts[0].count == 0
    kinds = {station.model for site in network.sites for station in site.stations}
    assert {(k.meter_interval, k.clock_aligned_interval) for k in kinds} == {(60.0, 900.0)}
    assert live.heartbeat == 300.0
