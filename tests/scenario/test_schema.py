"""The JSON Schema accepts what people write and the reader accepts, and refuses slips."""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from typing import Any

import jsonschema
import pytest

from simulator.api import known_names
from simulator.engine.policies import NAMES
from simulator.scenario import json_schema, list_scenarios, load_scenario
from simulator.scenario.model import ScenarioFile
from simulator.scenario.profiles import names

SCHEMA = json_schema(**known_names())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def as_editors_see_it(value: Any) -> Any:
    """TOML has dates; JSON Schema sees them as text."""
    if isinstance(value, dict):
        return {key: as_editors_see_it(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_editors_see_it(inner) for inner in value]
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def errors(document: Any) -> list[str]:
    return [error.json_path for error in VALIDATOR.iter_errors(as_editors_see_it(document))]


def test_the_schema_is_a_schema_and_plain_json() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("row", list_scenarios(), ids=lambda row: row.name)
def test_shipped_scenarios_pass_as_written_and_as_resolved(row: Any) -> None:
    assert errors(tomllib.loads(row.path.read_text(encoding="utf-8"))) == []
    assert errors(load_scenario(row.path, **known_names()).as_dict()) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('"300 kW"', "300", "$.sites[0].grid_limit"),
        ('"300 kW"', '"300 kWh"', "$.sites[0].grid_limit"),
        ("grid_limit", "gird_limit", "$.sites[0]"),
        ("count = 2\n", "count = 0\n", "$.sites[0].count"),
        ('"ramp"', '"rmap"', "$.live.stages[0].kind"),
        (', to = "100 %"', "", "$.live.stages[0]"),
        ('for = "1m"', 'for = "1m", to = 5', "$.live.stages[1]"),
        ('name = "test"\n', "", "$.scenario"),
        ("[live]", '[live]\nfrom = "25:00"', "$.live.from"),
        ('"embedded"', '"embedded"\nversions = { "2.1" = 1.0 }', "$.csms.versions"),
        ('"embedded"', '"embedded"\npassword = { env = "A", file = "b" }', "$.csms.password"),
        ("visits_per_evse_day = 6.0", 'policy = "fair"', "$.sites[0].policy"),
    ],
)
def test_a_slip_is_refused_where_it_stands(old: str, new: str, path: str, good: str) -> None:
    assert old in good
    assert errors(tomllib.loads(good)) == []
    assert errors(tomllib.loads(good.replace(old, new, 1))) == [path]


def test_every_field_has_a_description_to_show() -> None:
    def walk(node: Any, where: str) -> None:
        for key, field in node.get("properties", {}).items():
            told = field.get("description") or "$ref" in field
            assert told or "anyOf" in field or where == "versions", f"{where}.{key}"

    walk(SCHEMA, "top")
    for name, table in SCHEMA["$defs"].items():
        if name not in {"Csms"}:
            walk(table, name)
        assert table["additionalProperties"] is False
        assert table["description"]


def test_editors_are_offered_what_exists() -> None:
    site = SCHEMA["$defs"]["Site"]["properties"]
    assert site["policy"]["enum"] == list(NAMES)
    assert site["control"]["enum"] == ["local", "csms", "none"]
    assert site["arrivals"]["anyOf"][0]["enum"] == names("arrivals")
    group = SCHEMA["$defs"]["StationGroup"]["properties"]
    assert group["model"]["anyOf"][0]["enum"] == names("stations")
    assert site["rotate"]["default"] == "15m"


def test_no_field_is_missing_from_the_schema() -> None:
    assert set(SCHEMA["properties"]) == set(ScenarioFile.model_fields)
    assert {"for", "to", "kind", "each", "swing"} <= set(SCHEMA["$defs"]["Stage"]["properties"])
    assert "from" in SCHEMA["$defs"]["Live"]["properties"]


def test_editors_are_offered_controllers_and_events_that_exist() -> None:
    schema = json_schema(controllers=("price",), events=("outage",))
    assert schema["$defs"]["Controller"]["properties"]["kind"]["enum"] == ["price"]
    assert schema["$defs"]["Event"]["properties"]["kind"]["enum"] == ["outage"]
    assert schema["$defs"]["Series"]["properties"]["profile"]["anyOf"][0]["enum"] == names("series")
