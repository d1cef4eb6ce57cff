"""Mixes of models and versions: drawn from the seed and the station's name, or refused by name."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario import InputError, load_scenario
from simulator.scenario.mixes import Kind, drawn_kind, drawn_version
from simulator.scenario.network import Network

MIXED = (
    'stations = [{ model = "home-11-single", count = 3 }]',
    'stations = [{ mix = [{ model = "ac-22-dual", weight = 3 }, '
    '{ model = "ac-22-dual-legacy", weight = 1, version = "1.6" }], count = 200 }]',
)
BOTH = ("[csms]", '[csms]\nversions = { "1.6" = 0.5, "2.0.1" = 0.5 }')
OLD = """\
source = "test"
vendor = "Acme"
model = "Old"
current = "ac"
evses = 2
evse_kw = 22.0
measurands = ["Energy.Active.Import.Register"]
meter_interval = "1m"
versions = ["1.6"]
"""
NEW = OLD.replace('["1.6"]', '["2.0.1"]').replace("evses = 2", "evses = 1")


def kinds(network: Network) -> dict[str, tuple[str, str, int]]:
    return {
        station.id: (station.model.name, station.version, station.evses)
        for site in network.sites
        for station in site.stations
    }


def test_a_mix_is_drawn_by_weight_with_versions_of_its_own(write) -> None:
    network = load_scenario(write(MIXED, BOTH)).network()
    drawn = Counter(kinds(network).values())
    assert 130 <= sum(n for (name, *_), n in drawn.items() if name == "ac-22-dual") <= 170
    legacy = {version for name, version, _ in drawn if name == "ac-22-dual-legacy"}
    assert legacy == {"1.6"}
    assert {v for name, v, _ in drawn if name == "ac-22-dual"} == {"1.6", "2.0.1"}


def test_more_stations_leave_those_that_are_there_as_they_are(write) -> None:
    few = kinds(load_scenario(write(MIXED, BOTH)).network())
    more = kinds(
        load_scenario(write(MIXED, BOTH), sets=["sites.home.stations.0.count=300"]).network()
    )
    assert more.items() >= few.items() and len(more) == len(few) + 100
    other = kinds(load_scenario(write(MIXED, BOTH), sets=["sites.ring-road.count=5"]).network())
    assert other.items() >= few.items()
    cloned = kinds(load_scenario(write(MIXED, BOTH)).network(1000))
    assert cloned.items() >= few.items()
    home = [kind for name, kind in few.items() if name.startswith("CSW-home-")]
    second = [kind for name, kind in cloned.items() if name.startswith("CSW-home.2-")]
    assert len(home) == len(second) == 200 and home != second
    reseeded = kinds(load_scenario(write(MIXED, BOTH), sets=["scenario.seed=7"]).network())
    assert reseeded.keys() == few.keys() and reseeded != few


def test_the_draw_of_a_model_leaves_the_draw_of_the_version_alone(write) -> None:
    plain = 'stations = [{ model = "ac-22-dual", count = 200 }]'
    before = kinds(load_scenario(write((MIXED[0], plain), BOTH)).network())
    after = kinds(load_scenario(write(MIXED, BOTH)).network())
    same = [name for name, kind in after.items() if kind[0] == "ac-22-dual"]
    assert len(same) > 100
    assert all(after[name] == before[name] for name in same)


def test_a_heavier_first_kind_takes_stations_from_the_others_and_shuffles_none(write) -> None:
    light = kinds(load_scenario(write(MIXED)).network())
    heavy = kinds(
        load_scenario(write(MIXED), sets=["sites.home.stations.0.mix.0.weight=9"]).network()
    )
    assert all(heavy[name] == kind for name, kind in light.items() if kind[0] == "ac-22-dual")
    assert Counter(heavy.values()) != Counter(light.values())


@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=6), st.integers(0, 2**40))
def test_some_kind_is_always_drawn(weights: list[float], seed: int) -> None:
    model = next(iter(load_scenario("corridor").models.values()))
    options = [Kind(model, {"1.6": 1.0}, weight) for weight in weights]
    assert drawn_kind(options, seed, "site", 1) in options
    assert drawn_version({"1.6": 0.5, "2.0.1": 0.5}, seed, "site", 1) in ("1.6", "2.0.1")


def test_what_the_run_leaves_open_each_model_takes_as_far_as_it_speaks_it(write) -> None:
    path = write(
        (MIXED[0], 'stations = [{ mix = [{ model = "old" }, { model = "new" }], count = 60 }]'),
        BOTH,
        old__toml=OLD,
        new__toml=NEW,
    )
    drawn = set(kinds(load_scenario(path).network(70)).values())
    assert {("old", "1.6", 2), ("new", "2.0.1", 1)} <= drawn
    assert not {("old", "2.0.1", 2), ("new", "1.6", 1)} & drawn


def test_a_group_states_the_versions_of_its_stations(write) -> None:
    one = '{ model = "home-11-single", count = 3'
    many = one.replace("3", "99")
    for group, spoken in (
        (f'{one}, version = "2.0.1"', {"2.0.1"}),
        (f'{many}, versions = {{ "1.6" = 0.5, "2.0.1" = 0.5 }}', {"1.6", "2.0.1"}),
    ):
        drawn = kinds(load_scenario(write((one, group))).network()).values()
        assert {version for name, version, _ in drawn if "home" in name} == spoken


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (
            '{ model = "old", version = "2.0.1" }',
            "s.toml: sites.home.stations[0].version: value '2.0.1': expected no version but what"
            " the station model old speaks: 1.6; did you mean '1.6'?",
        ),
        (
            '{ model = "old", versions = { "1.6" = 0.5, "2.0.1" = 0.5 } }',
            "s.toml: sites.home.stations[0].versions: value {...}: expected no"
            " version but what the station model old speaks: 1.6",
        ),
        (
            '{ mix = [{ model = "old" }, { model = "new" }], version = "2.0.1" }',
            "s.toml: sites.home.stations[0].version: value '2.0.1': expected a share of a version"
            " that the station model old speaks: 1.6",
        ),
        (
            '{ mix = [{ model = "old", version = "2.0.1" }] }',
            "s.toml: sites.home.stations[0].mix[0].version: value '2.0.1': expected no version but"
            " what the station model old speaks: 1.6; did you mean '1.6'?",
        ),
        (
            '{ model = "new" }, { model = "new" }',
            "s.toml: csms.versions: expected a share of a version that the station model new"
            " speaks: 2.0.1",
        ),
        (
            '{ model = "old", mix = [{ model = "old" }] }',
            "s.toml: sites.home.stations[0].mix: expected either a model or a mix",
        ),
        (
            "{ count = 2 }",
            "s.toml: sites.home.stations[0].model: expected a station profile, or a mix of them",
        ),
        (
            '{ model = "old", version = "1.6", versions = { "1.6" = 1 } }',
            "s.toml: sites.home.stations[0].version: value '1.6': expected either a version or"
            " versions",
        ),
        (
            '{ model = "old", version = "1.7" }',
            "s.toml: sites.home.stations[0].version: value '1.7': expected a supported OCPP"
            " version: 1.6 or 2.0.1; did you mean '1.6'?",
        ),
        (
            '{ mix = [{ model = "old", weight = 0 }] }',
            "s.toml: sites.home.stations[0].mix[0].weight: value 0: expected a number above 0",
        ),
        (
            '{ mix = [{ model = "ald" }] }',
            "s.toml: sites.home.stations[0].mix[0].model: value 'ald'",
        ),
        (
            "{ mix = [] }",
            "s.toml: sites.home.stations[0].mix: value []: expected at least 1 of them",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(say, group: str, said: str) -> None:
    swap = ('{ model = "home-11-single", count = 3 }', group)
    lines = say(swap, old__toml=OLD, new__toml=NEW)
    assert len(lines) == 1 and lines[0].startswith(said), lines


def test_a_version_that_a_model_of_the_run_lacks_is_refused_wherever_the_run_asks_for_it(
    say,
) -> None:
    swap = ('{ model = "home-11-single", count = 3 }', '{ model = "old", count = 3 }')
    only = ("[csms]", '[csms]\nversions = { "2.0.1" = 1.0 }')
    assert say(swap, only, old__toml=OLD) == [
        "s.toml: csms.versions: value {...}: expected a share of a version that the"
        " station model old speaks: 1.6"
    ]
    assert say(swap, BOTH, old__toml=OLD) == []


def test_a_trace_and_a_mix_do_not_go_together(say, traced, header) -> None:
    rows = header + "a,0001-1,2026-06-01T08:00:00+02:00,2026-06-01T09:00:00+02:00,5,11\n"
    group = '{ model = "ac-22-dual", names = ["A-1", "A-2"] }'
    mix = '{ mix = [{ model = "ac-22-dual" }] }'
    assert say((group, mix), text=traced, t__csv=rows) == [
        "s.toml: sites.office.stations[0].mix: expected a model: a trace names EVSEs, and how many"
        " those of a mix have is drawn"
    ]
    named = mix.replace(" }] }", ' }], names = ["A-1", "A-2"] }')
    assert say((group, named), text=traced, t__csv=rows) == [
        "s.toml: sites.office.stations[0].names: value [...]: expected nothing here: how"
        " many EVSEs a station of a mix has is drawn"
    ]


def test_an_inventory_cannot_have_a_model_speak_what_it_does_not(write) -> None:
    groups = '[{ model = "dc-150-dual", count = 2 }, { model = "ac-22-single" }]'
    path = write(
        ("[scenario]", 'fleet = "f.csv"\n[scenario]'),
        (groups, '[{ model = "old" }]'),
        old__toml=OLD,
        f__csv="id,version,vendor,model,serial,connectors,password\nS,2.0.1,Acme,M,1,2,\n",
    )
    with pytest.raises(InputError) as error:
        load_scenario(path)
    said = "line 2, column 'version': value '2.0.1': expected a version that the station model old"
    assert said in str(error.value)


def test_limits_see_every_model_of_a_mix(say) -> None:
    group = '{ mix = [{ model = "home-11-single" }, { model = "depot-150-triple" }] }'
    lines = say(
        ('{ model = "home-11-single", count = 3 }', group),
        ('arrivals = "home"', 'grid_limit = "1 kW"\narrivals = "home"'),
    )
    assert len(lines) == 1 and "at least 1.38 kW" in lines[0]


def test_a_resolved_scenario_reads_as_itself_again(write, tmp_path) -> None:
    scenario = load_scenario(write(MIXED, BOTH))
    groups = scenario.as_dict()["sites"][1]["stations"]
    assert groups[0]["mix"][1] == {"model": "ac-22-dual-legacy", "weight": 1.0, "version": "1.6"}
    assert "model" not in groups[0]


@pytest.mark.parametrize(
    ("group", "right"),
    [
        ('{ model = "ac-22-dual" }', False),
        ('{ model = "ac-22-dual", version = "1.6" }', False),
        ('{ model = "ac-22-dual", version = "2.0.1" }', True),
        ('{ model = "ac-22-dual-legacy" }', False),
        ('{ mix = [{ model = "ac-22-dual-legacy" }, { model = "ac-22-dual" }] }', False),
    ],
)
def test_plug_and_charge_asks_for_the_versions_that_a_site_may_speak(
    say, group: str, right: bool
) -> None:
    home = '{ model = "home-11-single", count = 3 }]'
    lines = say((home, f"{group}]\nstart = {{ rfid = 0.9, plug_and_charge = 0.1 }}"), BOTH)
    assert right == (not lines), lines
    assert right or "sites.home.start.plug_and_charge" in lines[0]
