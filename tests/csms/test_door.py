"""OCPP-J 1.6, section 3: who may connect, and as whom."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.csms.door import choose_subprotocol, refuse, station_of


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("path", "station"),
    [
        ("/CP001", "CP001"),
        ("/ocpp/CP001", "CP001"),
        ("/a/b/RDAM%20123?x=/y", "RDAM 123"),
        ("/ocpp/CSW-ring-road.2-0001", "CSW-ring-road.2-0001"),
        ("/ocpp/a%2Fb", "a/b"),
        ("/Z%C3%BCrich", "Zürich"),
        ("/", ""),
        ("/ocpp/", ""),
        ("", ""),
    ],
)
def test_the_last_element_of_the_path_names_the_station(path: str, station: str) -> None:
    assert station_of(path) == station


def test_without_an_inventory_everybody_with_a_name_may_come() -> None:
    assert refuse("x", None, None) is None
    assert refuse("x", "Basic nonsense", None) is None
    nameless = refuse("", None, None)
    assert nameless is not None and nameless.status == 404


def test_an_unknown_station_gets_404_and_a_wrong_password_401() -> None:
    known = {"a": "secret", "b": None}
    assert refuse("b", None, known) is None
    assert refuse("a", basic("a", "secret"), known) is None
    assert refuse("a", "basic" + basic("a", "secret")[5:], known) is None
    unknown = refuse("c", basic("a", "secret"), known)
    assert unknown is not None and unknown.status == 404
    for header in (
        None,
        basic("a", "Secret"),
        basic("b", "secret"),
        "Bearer abc",
        "Basic !!!",
        "Basic",
        basic("a", "sécret"),
    ):
        refusal = refuse("a", header, known)
        assert refusal is not None and refusal.status == 401


@given(st.text(min_size=1).filter(lambda s: ":" not in s), st.text(min_size=1), st.text())
def test_only_the_password_itself_opens(station: str, password: str, other: str) -> None:
    known = {station: password}
    assert refuse(station, basic(station, password), known) is None
    assert (refuse(station, basic(station, other), known) is None) == (password == other)


@given(st.text())
def test_no_header_breaks_the_door(header: str) -> None:
    assert refuse("a", header, {"a": "secret"}) is not None


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["ocpp1.6"], "ocpp1.6"),
        (["ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1"),
        (["ocpp1.6", "ocpp2.0.1"], "ocpp1.6"),
        (["ocpp2.1", "ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1"),
        (["ocpp2.0", "ocpp2.1"], None),
        (["OCPP1.6"], None),
        ([], None),
    ],
)
def test_the_subprotocol_is_chosen_among_those_offered(
    offered: list[str], chosen: str | None
) -> None:
    assert choose_subprotocol(offered) == chosen
