"""By what drivers start: shares, what a version or a CSMS cannot do, and the API of a CSMS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.scenario import ScenarioError, load_scenario
from simulator.scenario.problems import InputError

CITY = Path(__file__).parents[2] / "scenarios" / "city-launch.toml"
FOREIGN = 'csms.url="ws://127.0.0.1:9000/ocpp"'
APP = "sites.ring-road.start={ rfid = 0.5, app = 0.5 }"
API = (
    'csms.api={ url = "http://127.0.0.1:8080/v1", header = { env = "TOKEN" }, '
    'start = { path = "/start/{station}/{evse}", body = "{token}" } }'
)


def refused(*sets: str) -> str:
    with pytest.raises(ScenarioError) as error:
        load_scenario(CITY, sets=list(sets))
    return str(error.value)


def test_all_ways_to_start_are_read() -> None:
    start = "sites.ring-road.start={ rfid = 0.5, app = '25 %', free = 0.1, plug_and_charge = 0.15 }"
    scenario = load_scenario(CITY, sets=[start, 'csms.versions={ "2.0.1" = 1.0 }'])
    found = [site.start for site in scenario.file.sites if site.start is not None]
    assert [(s.rfid, s.app, s.free, s.plug_and_charge) for s in found] == [(0.5, 0.25, 0.1, 0.15)]


@pytest.mark.parametrize("start", ["{ rfid = 0.5 }", "{ app = 0.9, free = 0.2 }", "{ }"])
def test_shares_sum_to_1(start: str) -> None:
    assert "shares that sum to 1, not" in refused(f"sites.ring-road.start={start}")


@pytest.mark.parametrize("versions", ['{ "1.6" = 1.0 }', '{ "1.6" = 0.1, "2.0.1" = 0.9 }'])
def test_plug_and_charge_is_refused_where_stations_speak_1_6(versions: str) -> None:
    start = "sites.ring-road.start={ rfid = 0.9, plug_and_charge = 0.1 }"
    said = refused(start, f"csms.versions={versions}")
    assert "start.plug_and_charge: value 0.1: expected nothing here: OCPP 1.6 knows no" in said


def test_an_app_needs_an_api_at_another_csms() -> None:
    assert load_scenario(CITY, sets=[APP])
    assert "start.app: value 0.5: expected nothing here, or the call" in refused(APP, FOREIGN)
    scenario = load_scenario(CITY, sets=[APP, FOREIGN, API])
    api = scenario.file.csms.api
    assert api is not None and api.start.method == "POST"
    assert scenario.api_secret({"TOKEN": "Bearer x"}) == "Bearer x"
    for environment in ({}, {"TOKEN": "a\r\nb"}, {"TOKEN": "ü"}):
        with pytest.raises(ScenarioError, match=r"csms\.api\.header\.env"):
            scenario.api_secret(environment)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("http://127.0.0.1:8080/v1", "ws://127.0.0.1:8080"), "did you mean 'http://127.0.0.1"),
        (("http://127.0.0.1:8080/v1", "http://u:p@127.0.0.1"), "without credentials"),
        (("http://127.0.0.1:8080/v1", "http://csms.example"), "authorised = true if you may"),
        (("{station}", "{staton}"), "nothing in braces but {station}, {evse}"),
        (('"{token}"', '"{tokn}"'), "did you mean '{token}'?"),
        (('"/start', '"start'), "a path such as /stations/{station}/start"),
        (('env = "TOKEN"', 'env = "TOKEN", name = "a b"'), "the name of an HTTP header"),
        (('env = "TOKEN"', 'env = "TOKEN", name = "Host"'), "does not have already"),
        (('path = "', 'method = "PST", path = "'), "did you mean 'POST'?"),
    ],
)
def test_what_is_wrong_with_an_api_is_said(change: tuple[str, str], message: str) -> None:
    assert message in refused(FOREIGN, API.replace(*change))


def test_the_embedded_csms_has_an_api_of_its_own() -> None:
    assert "csms.api: expected nothing here: the embedded CSMS" in refused(API)


def test_drivers_of_a_trace_have_cards() -> None:
    trace = CITY.with_name("workplace-trace.toml")
    scenario = load_scenario(trace)
    name = scenario.file.sites[0].name
    with pytest.raises(ScenarioError, match=r"start: value \{\.\.\.\}: expected nothing here"):
        load_scenario(trace, sets=[f"sites.{name}.start={{ free = 1.0 }}"])


def test_an_inventory_of_1_6_stations_has_no_plug_and_charge(tmp_path: Any) -> None:
    (tmp_path / "stations.csv").write_text(
        "id,version,vendor,model,serial,connectors,password\nA,1.6,V,M,S,2,\n"
    )
    (tmp_path / "stations.csv").chmod(0o600)
    text = CITY.with_name("corridor.toml").read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text('fleet = "stations.csv"\n' + text, encoding="utf-8")
    with pytest.raises(InputError, match=r"line 2, column 'version'.*plug and charge"):
        load_scenario(tmp_path / "own.toml")
