"""--set: a path leads to one place, a value is TOML or text, and what it does is what is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario import ScenarioError, load_scenario
from simulator.scenario.document import path_text, table_fields, value_at
from simulator.scenario.model import ScenarioFile
from simulator.scenario.overrides import apply, toml_value
from simulator.scenario.problems import listed
from simulator.scenario.site_model import Site

SITE_FIELDS = listed(list(table_fields(Site)))
FILE_FIELDS = listed(list(table_fields(ScenarioFile)))

WORDS = st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True)
LEAVES = st.integers() | st.booleans() | st.text(max_size=8).filter(lambda t: "\x7f" not in t)
TREES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(WORDS, inner, min_size=1, max_size=4), max_leaves=8
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sites.0.count", 3),
        ("sites[0].count", 3),
        ("sites.ring-road.count", 3),
        ("sites.home.visits_per_evse_day", 1.5),
        ("sites.ring-road.grid_limit", "400 kW"),
        ("sites.ring-road.stations[1].model", "ac-11-single"),
        ("scenario.seed", 99),
        ("scenario.name", "other"),
        ("slo.require", ["errors.ratio < 1 %"]),
    ],
)
def test_every_way_to_write_a_path_leads_to_its_field(path: str, value: object, write) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    scenario = load_scenario(write(), sets=[f"{path}={text}"])
    dumped = scenario.as_dict()
    names = [site["name"] for site in dumped["sites"]]
    here = dumped
    for part in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(here, list):
            here = here[names.index(part) if part in names else int(part)]
        else:
            here = here[part]
    assert here == value


def test_the_paths_that_messages_print_can_be_set(write, good: str) -> None:
    scenario = load_scenario(write())
    document = scenario.as_dict()
    printed = path_text(document, ("sites", 0, "stations", 1, "model"))
    assert printed == "sites.ring-road.stations[1].model"
    assert load_scenario(write(), sets=[f"{printed}=ac-7-single"]).file.sites[0].stations[
        1
    ].model == ("ac-7-single")


def test_later_overrides_win_and_tables_that_are_missing_are_made(write) -> None:
    sets = ["record.interval=5m", "scenario.seed=1", "scenario.seed=2", 'csms.versions."1.6"=1.0']
    scenario = load_scenario(write(), sets=sets)
    assert scenario.seed == 2
    assert scenario.file.record.interval == 300.0
    assert scenario.file.csms.versions == {"1.6": 1.0}


@given(TREES.filter(lambda tree: isinstance(tree, dict)), st.data())
def test_setting_a_leaf_changes_that_leaf_and_nothing_else(tree: dict, data: st.DataObject) -> None:
    loc: tuple = ()
    here: object = tree
    while isinstance(here, dict):
        key = data.draw(st.sampled_from(sorted(here)))
        loc, here = (*loc, key), here[key]
    value = data.draw(LEAVES)
    text = json.dumps(value) if not isinstance(value, str) else value
    changed, where, problems = apply(tree, [".".join(loc) + "=" + text])
    assert problems == [] and where == [(loc, "--set")]
    assert value_at(changed, loc) == toml_value(text.strip())
    parent = value_at(changed, loc[:-1])
    parent[loc[-1]] = here
    assert changed == tree


@given(st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False))
def test_toml_values_are_read_as_toml(value: object) -> None:
    assert toml_value(json.dumps(value)) == value


@given(st.from_regex(r"[a-zA-Z/][ a-zA-Z0-9/._-]{0,12}", fullmatch=True))
def test_text_that_is_no_toml_is_taken_as_it_is(text: str) -> None:
    if text not in {"true", "false", "inf", "nan"}:
        assert toml_value(text) == text


def test_a_value_cannot_smuggle_in_another_field() -> None:
    assert toml_value("1\nother = 2") == "1\nother = 2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "scenario.seed",
            "--set: value 'scenario.seed': expected path=value, such as sites.0.count=3",
        ),
        ("=3", "--set: value '=3': expected path=value, such as sites.0.count=3"),
        ("a..b=3", "--set: value 'a..b=3': expected path=value, such as sites.0.count=3"),
        (
            "sites.ring-raod.count=3",
            "--set: sites: value 'ring-raod': expected an index from 0 to 1, or a name: "
            "ring-road or home; did you mean 'ring-road'?",
        ),
        (
            "sites.7.count=3",
            "--set: sites: value '7': expected an index from 0 to 1, or a name: ring-road or home",
        ),
        (
            "scenario.name.x=3",
            "--set: scenario.name: value 'scenario.name.x': expected a path that ends at "
            "scenario.name",
        ),
        (
            "scenario.seed.x=3",
            "--set: scenario.seed: value {...}: expected a whole number",
        ),
        (
            "sites.home.cuont=3",
            f"--set: sites.home.cuont: value 3: expected a known field ({SITE_FIELDS}); "
            "did you mean 'count'?",
        ),
        (
            "sites.ring-road.cuont=3",
            f"--set: sites.ring-road.cuont: value 3: expected a known field ({SITE_FIELDS}); "
            "did you mean 'count'?",
        ),
        (
            "lvie.speed=3",
            f"--set: lvie: value {{...}}: expected a known field ({FILE_FIELDS}); "
            "did you mean 'live'?",
        ),
        (
            "sites.home.count=-3",
            "--set: sites.home.count: value -3: expected a number of 1 or more",
        ),
        ("sites.home.count=3.5", "--set: sites.home.count: value 3.5: expected a whole number"),
    ],
)
def test_a_wrong_override_is_reported_as_an_override(text: str, message: str, say) -> None:
    assert say(options={"sets": [text]}) == [message]


def test_a_wrong_value_in_a_misspelt_override_is_reported_as_an_override_too(say) -> None:
    lines = say(options={"sets": ["sites.home.cuont=0"]})
    assert [line.split(": value")[0] for line in lines] == [
        "--set: sites.home.cuont",
        "--set: sites.home.count",
    ]


def test_a_trace_given_by_override_is_relative_to_the_working_directory(
    write, traced: str, header: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(text=traced, t__csv=header + "in-folder,A-1,0,60,5,7\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "t.csv").write_text(header + "elsewhere,A-1,0,60,5,7\n")
    monkeypatch.chdir(elsewhere)
    trace = load_scenario(path).trace
    assert trace is not None and trace.session_id == ["in-folder"]
    trace = load_scenario(path, sets=["trace.file=t.csv"]).trace
    assert trace is not None and trace.session_id == ["elsewhere"]
    with pytest.raises(ScenarioError, match=r"^--set: trace\.file: value 't2\.csv'.*'t\.csv'\?$"):
        load_scenario(path, sets=["trace.file=t2.csv"])


def test_seed_and_target_given_as_arguments_are_checked_like_the_file(say) -> None:
    assert say(options={"seed": -1}) == [
        "--seed: scenario.seed: value -1: expected a number of 0 or more"
    ]
    assert say(options={"csms_url": "ws://csms.example/ocpp"}) == [
        "--csms: csms.url: value 'ws://csms.example/ocpp': expected a loopback address, or "
        "csms.authorised = true if you may put load on it"
    ]
