"""The exported inventory: private, whole or absent, and read back as the same network."""

from __future__ import annotations

import stat
from dataclasses import replace

import pytest

from simulator.csms.door import read_registers
from simulator.csms.options import CsmsOptions
from simulator.csms.tokens import Tokens
from simulator.fleet.identity import evse_positions, station_password, token_pools
from simulator.fleet.inventory import ExportError, export
from simulator.fleet.rules import TOKENS_PER_EVSE
from simulator.scenario import load_scenario

SCENARIO = """
[scenario]
name = "small"
seed = 7
start = 2026-06-01T00:00:00

[[sites]]
name = "hub"
count = 2
stations = [{ model = "dc-150-dual", count = 2 }, { model = "ac-22-single", count = 3 }]
arrivals = "public-dc"
visits_per_evse_day = 6.0
vehicles = "europe-2021"
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SCENARIO)
    return load_scenario(path)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_read_back_as_the_same_network_with_the_same_tokens(small, tmp_path):
    network = small.network()
    stations, tokens = export(small, network, tmp_path)
    assert (stations.name, tokens.name) == ("stations.csv", "tokens.csv")
    path = tmp_path / "again.toml"
    path.write_text('fleet = "stations.csv"\ntokens = "tokens.csv"\n' + SCENARIO)
    again = load_scenario(path)
    read = again.network()
    assert [site.name for site in read.sites] == [site.name for site in network.sites]
    for mine, other in zip(network.sites, read.sites, strict=True):
        resolved = [replace(s, password=station_password(small, s)) for s in mine.stations]
        assert list(other.stations) == resolved
    every = [s for site in network.sites for s in site.stations]
    first = evse_positions([s.evses for s in every])
    own, listed = token_pools(small, network.evses), token_pools(again, read.evses)
    assert listed.listed and listed.warning is None
    for station, position in zip(every, first, strict=True):
        for evse in range(1, station.evses + 1):
            where = (station.site, station.ordinal, evse, position + evse - 1)
            assert listed.pool(*where) == own.pool(*where)


def test_tokens_to_be_blocked_and_expired_are_exported_and_read_back(small, tmp_path):
    drivers = "drivers = { blocked_token = 0.1, expired_token = 0.1, wrong_token = 0.1 }\n"
    path = tmp_path / "small.toml"
    path.write_text(SCENARIO + drivers)
    own = load_scenario(path)
    network = own.network()
    _, tokens = export(own, network, tmp_path)
    path = tmp_path / "again.toml"
    path.write_text('fleet = "stations.csv"\ntokens = "tokens.csv"\n' + SCENARIO + drivers)
    again = load_scenario(path)
    derived, listed = token_pools(own, network.evses), token_pools(again, network.evses)
    known = Tokens(read_registers(CsmsOptions(tokens=tokens)).tokens)
    every = [s for site in network.sites for s in site.stations]
    for station, position in zip(every, evse_positions([s.evses for s in every]), strict=True):
        for evse in range(1, station.evses + 1):
            for turn in range(9):
                where = (station.site, station.ordinal, evse, position + evse - 1, turn)
                assert known.standing(derived.token(*where)).status == "Accepted"
                for status in ("Blocked", "Expired", "Invalid"):
                    token = derived.bad_token(status, *where)
                    assert listed.bad_token(status, *where) == token
                    standing = known.standing(token)
                    assert standing.status == standing.status_16 == status


def test_an_inventory_is_exported_as_it_was_read(small, tmp_path):
    export(small, small.network(), tmp_path)
    path = tmp_path / "again.toml"
    path.write_text('fleet = "stations.csv"\ntokens = "tokens.csv"\n' + SCENARIO)
    again = load_scenario(path)
    copies = export(again, again.network(), tmp_path / "copy")
    for name, copy in zip(("stations.csv", "tokens.csv"), copies, strict=True):
        assert copy.read_text() == (tmp_path / name).read_text()


def test_the_files_are_for_their_owner_only(small, tmp_path):
    for path in export(small, small.network(), tmp_path / "new" / "folder"):
        assert mode(path) == 0o600
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {
        "stations.csv",
        "tokens.csv",
    }


@pytest.mark.parametrize("there", ["stations.csv", "tokens.csv"])
def test_nothing_is_overwritten_unasked(small, tmp_path, there):
    (tmp_path / there).write_text("mine")
    with pytest.raises(ExportError, match=rf"{there}: there already"):
        export(small, small.network(), tmp_path)
    assert (tmp_path / there).read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {there, "small.toml"}


def test_overwriting_on_request_makes_the_files_private_again(small, tmp_path):
    for name in ("stations.csv", "tokens.csv"):
        (tmp_path / name).write_text("old")
        (tmp_path / name).chmod(0o644)
    for path in export(small, small.network(), tmp_path, overwrite=True):
        assert mode(path) == 0o600
        assert path.read_text() != "old"


def test_a_folder_that_cannot_be_made_is_a_clear_error(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="file"):
        export(small, small.network(), tmp_path / "file" / "below")


def test_a_failure_half_way_leaves_nothing_behind(small, tmp_path, monkeypatch):
    import simulator.fleet.inventory as module

    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", broken)
    folder = tmp_path / "out"
    with pytest.raises(ExportError, match="No space left"):
        export(small, small.network(), folder)
    assert list(folder.iterdir()) == []


def test_the_shared_password_of_a_scenario_is_exported(tmp_path, monkeypatch):
    monkeypatch.setenv("FLEET_SECRET", "sesame-sesame-sesame")
    path = tmp_path / "small.toml"
    path.write_text(
        SCENARIO + '\n[csms]\nsecurity_profile = 1\npassword = { env = "FLEET_SECRET" }\n'
    )
    scenario = load_scenario(path)
    stations, _ = export(scenario, scenario.network(), tmp_path / "out")
    rows = stations.read_text().splitlines()[1:]
    assert rows and all(row.endswith(",sesame-sesame-sesame") for row in rows)


def test_who_has_no_card_is_listed_too_and_changes_nobody_s_card(tmp_path):
    path = tmp_path / "mixed.toml"
    versions = '[csms]\nversions = { "2.0.1" = 1.0 }\n'
    start = "start = { rfid = 0.5, free = 0.3, plug_and_charge = 0.2 }\n"
    path.write_text(SCENARIO + start + versions)
    scenario = load_scenario(path)
    network = scenario.network()
    _, tokens = export(scenario, network, tmp_path)
    rows = [line.split(",") for line in tokens.read_text().splitlines()[1:]]
    contracts = [token for token, kind, _ in rows if kind == "eMAID"]
    assert len(set(contracts)) == TOKENS_PER_EVSE * network.evses
    assert all(len(token) == 14 for token in contracts)
    path.write_text('tokens = "tokens.csv"\n' + SCENARIO + start + versions)
    again = token_pools(load_scenario(path), network.evses)
    assert again.listed and not set(again.listed) & set(contracts)


def test_stations_of_1_6_list_the_id_tag_of_their_button(tmp_path):
    path = tmp_path / "free.toml"
    path.write_text(SCENARIO + "start = { rfid = 0.5, free = 0.5 }\n")
    scenario = load_scenario(path)
    network = scenario.network()
    _, tokens = export(scenario, network, tmp_path)
    rows = [line.split(",") for line in tokens.read_text().splitlines()[1:]]
    own = [station.serial[-20:] for site in network.sites for station in site.stations]
    assert [token for token, kind, _ in rows if kind == "Local"] == own


def test_drivers_who_drive_on_find_their_contracts_known(tmp_path):
    path = tmp_path / "on.toml"
    on = (
        "balking = [1.0]\nstart = { rfid = 0.5, plug_and_charge = 0.5 }\n"
        'reroute = { to = ["next"], travel = "10m" }\n'
    )
    site = SCENARIO[SCENARIO.index("[[sites]]") :]
    others = "".join(site.replace('"hub"', f'"{name}"') for name in ("next", "far"))
    path.write_text(f'{SCENARIO}{on}{others}[csms]\nversions = {{ "2.0.1" = 1.0 }}\n')
    scenario = load_scenario(path)
    network = scenario.network()
    _, tokens = export(scenario, network, tmp_path)
    contracts = [line for line in tokens.read_text().splitlines() if ",eMAID," in line]
    evses = sum(site.evses for site in network.sites if site.site.name in ("hub", "next"))
    assert len(contracts) == TOKENS_PER_EVSE * evses < TOKENS_PER_EVSE * network.evses
