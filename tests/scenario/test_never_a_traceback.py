"""Whatever stands in a scenario: it loads, or every mistake is a located problem. No traceback."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simulator.scenario import ScenarioError, load_scenario
from simulator.scenario.document import value_at

WHOLE = """\
fleet = "f.csv"
tokens = "t.csv"
[scenario]
name = "x"
start = "2026-06-01T00:00:00"
timezone = "Europe/Berlin"
seed = 1
duration = "1d"
[[sites]]
name = "a"
count = 2
stations = [{ model = "ac-22-dual", count = 2 }]
grid_limit = "300 kW"
arrivals = "home"
visits_per_evse_day = 1.0
vehicles = "europe-2021"
policy = "equal_share"
control = "local"
rotate = "15m"
queue = 3
[[sites]]
name = "b"
stations = [{ model = "ac-7-single", names = ["x"] }]
[trace]
file = "trace.csv"
site = "b"
start = "2026-06-01T00:00:00"
missing_evse = "create"
model = "ac-7-single"
[csms]
url = "ws://127.0.0.1/"
versions = { "1.6" = 1.0 }
security_profile = 1
password = { env = "X" }
authorised = false
[live]
speed = 1.0
from = "08:00"
stages = [{ kind = "ramp", for = "10s", to = 5 }, { kind = "hold", for = "1m" }]
shards = 1
call_timeout = "30s"
heartbeat = "5m"
max_rate = "500/s"
[slo]
require = ["errors.ratio < 1 %"]
[record]
interval = "15m"
billing_interval = "15m"
"""
DOCUMENT = tomllib.loads(WHOLE)
FILES = {
    "f.csv": "id,version,vendor,model,serial,connectors,password\n"
    + "".join(f"S{n},1.6,V,M,{n},{2 if n < 4 else 1},\n" for n in range(6)),
    "t.csv": "token,type,status\nA,Central,Accepted\n",
    "trace.csv": "session_id,evse,arrival,departure,energy_kWh,max_kW\na,y,0,60,5,7\n",
}


def places(node: Any, loc: tuple = ()) -> list[tuple]:
    items: list[tuple] = []
    if isinstance(node, dict):
        items = [(key, value) for key, value in node.items()]
    elif isinstance(node, list):
        items = list(enumerate(node))
    return [loc] * bool(loc) + [p for key, value in items for p in places(value, (*loc, key))]


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


def load(folder: Path, document: dict[str, Any], **files: str) -> list[str]:
    for name, text in {**FILES, **files}.items():
        (folder / name).write_text(text, encoding="utf-8")
    path = folder / "s.toml"
    path.write_text("\n".join(f"{json.dumps(k)} = {toml(v)}" for k, v in document.items()))
    try:
        load_scenario(path)
    except ScenarioError as error:
        assert str(error) and all(p.expected for p in error.problems)
        return [str(problem) for problem in error.problems]
    return []


SIMPLE = (
    st.none().map(lambda _: {})
    | st.booleans()
    | st.integers(-3, 10**6)
    | st.floats(allow_nan=True)
    | st.sampled_from(["", "x", "a", "b", "1 kW", "10s", "0s", "50 %", "ramp", "hold", "create"])
    | st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=9)
)
VALUES = st.recursive(
    SIMPLE,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "model", "kind", "x"]), inner, max_size=2)
    ),
    max_leaves=3,
)


def test_the_whole_document_is_right(tmp_path: Path) -> None:
    assert load(tmp_path, DOCUMENT) == []


@settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.tuples(st.sampled_from(places(DOCUMENT)), VALUES), min_size=1, max_size=3))
@example([(("sites", 1, "stations", 0, "names", 0), [])])
@example([(("trace", "site"), {})])
@example([(("live", "stages", 0, "to"), [1])])
def test_any_values_anywhere_load_or_are_problems(
    tmp_path: Path, changes: list[tuple[tuple, Any]]
) -> None:
    document = copy.deepcopy(DOCUMENT)
    for loc, value in changes:
        parent = value_at(document, loc[:-1])
        listed = isinstance(parent, list) and isinstance(loc[-1], int) and loc[-1] < len(parent)
        if isinstance(parent, dict) or listed:
            parent[loc[-1]] = value
    load(tmp_path, document)


@settings(
    max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.sampled_from([loc for loc in places(DOCUMENT) if isinstance(loc[-1], str)]))
def test_any_field_left_out_is_at_most_two_problems_of_the_scenario(
    tmp_path: Path, loc: tuple
) -> None:
    document = copy.deepcopy(DOCUMENT)
    del value_at(document, loc[:-1])[loc[-1]]
    lines = [line for line in load(tmp_path, document) if "s.toml" in line]
    assert len(lines) <= 2


@settings(
    max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_input_file_is_read_or_is_a_problem(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    text = FILES[name]
    cut = data.draw(st.integers(0, len(text)))
    noise = data.draw(st.text(st.characters(codec="utf-8"), max_size=6))
    load(tmp_path, DOCUMENT, **{name: text[:cut] + noise + text[cut + len(noise) :]})
