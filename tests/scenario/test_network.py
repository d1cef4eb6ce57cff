"""The network: order, names and identities are the same whatever its size and whoever asks."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.scenario import InputError, Network, ScenarioError, load_scenario
from simulator.scenario.network import serial_of

SHIPPED = load_scenario("city-launch")


def identities(network: Network) -> list[str]:
    return [station.id for site in network.sites for station in site.stations]


def test_copies_and_stations_are_named_after_their_place(write) -> None:
    network = load_scenario(write()).network()
    assert [site.name for site in network.sites] == ["ring-road", "ring-road#2", "home"]
    assert identities(network) == [
        "CSW-ring-road-0001",
        "CSW-ring-road-0002",
        "CSW-ring-road-0003",
        "CSW-ring-road.2-0001",
        "CSW-ring-road.2-0002",
        "CSW-ring-road.2-0003",
        "CSW-home-0001",
        "CSW-home-0002",
        "CSW-home-0003",
    ]
    assert (network.stations, network.evses) == (9, 13)
    second = network.sites[1].stations[1]
    assert (second.site, second.ordinal, second.evses) == ("ring-road#2", 2, 2)
    assert (second.model.name, second.version, second.password) == ("dc-150-dual", "1.6", None)
    assert network.sites[1].site is network.sites[0].site
    assert not network.sites[0].trace and second.evse_names is None


def test_versions_are_shared_out_by_a_draw_for_each_station(write) -> None:
    path = write(("[csms]", '[csms]\nversions = { "1.6" = 0.7, "2.0.1" = 0.3 }'))
    scenario = load_scenario(path)

    def versions(network: Network) -> dict[str, str]:
        return {station.id: station.version for site in network.sites for station in site.stations}

    many = versions(scenario.network(3000))
    assert 0.27 < sum(version == "2.0.1" for version in many.values()) / 3000 < 0.33
    few = versions(scenario.network(40))
    assert few == {name: many[name] for name in few}
    reseeded = versions(load_scenario(path, sets=["scenario.seed=99"]).network(3000))
    assert reseeded != many
    more = ['csms.versions={"1.6"=0.5, "2.0.1"=0.5}']
    turned = versions(load_scenario(path, sets=more).network(3000))
    assert all(turned[name] == "2.0.1" for name, version in many.items() if version == "2.0.1")


def test_past_the_end_whole_sites_are_cloned_under_further_names(write) -> None:
    network = load_scenario(write()).network(20)
    assert [site.name for site in network.sites] == [
        "ring-road",
        "ring-road#2",
        "home",
        "ring-road#3",
        "ring-road#4",
        "home#2",
        "ring-road#5",
    ]
    assert network.stations == 20
    assert len(network.sites[-1].stations) == 2
    assert network.sites[5].site.grid_limit == network.sites[2].site.grid_limit


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.integers(1, 2500), st.integers(1, 2500))
def test_a_smaller_network_is_the_beginning_of_a_larger_one(a: int, b: int) -> None:
    small, large = sorted((a, b))
    left, right = identities(SHIPPED.network(small)), identities(SHIPPED.network(large))
    assert len(left) == small and len(right) == large
    assert right[:small] == left
    assert len(set(right)) == large


@pytest.mark.parametrize("stations", [0, -3])
def test_a_network_of_no_stations_is_refused(stations: int) -> None:
    with pytest.raises(ScenarioError) as caught:
        SHIPPED.network(stations)
    assert str(caught.value) == (
        f"stations: value {stations}: expected a whole number of stations of 1 or more"
    )


def test_city_launch_is_a_thousand_stations_with_the_documented_ids() -> None:
    network = SHIPPED.network()
    assert network.stations == 1000
    assert len(set(identities(network))) == 1000
    assert "CSW-ring-road-0042" in identities(network)
    kinds = {site.site.arrivals for site in network.sites}
    assert kinds == {"home", "workplace", "public-ac", "public-dc", "dc-hpc"}
    assert any(site.name.endswith("#2") for site in network.sites)
    live = SHIPPED.file.live
    assert (live.speed, live.from_) == (60.0, "17:00")
    assert sum(stage.for_ for stage in live.stages) == 120.0
    assert len(SHIPPED.file.slo.require) >= 4


def test_boot_storm_connects_everything_at_once() -> None:
    scenario = load_scenario("boot-storm")
    ramp, hold = scenario.file.live.stages
    assert (ramp.kind, ramp.for_, hold.kind) == ("ramp", 0.0, "hold")
    assert ramp.to is not None and ramp.amounts[0].of(scenario.network().stations) == 1000


def test_serial_numbers_fit_ocpp_and_stay_distinct() -> None:
    for network in (SHIPPED.network(3000),):
        serials = [station.serial for site in network.sites for station in site.stations]
        assert len(set(serials)) == 3000
        assert max(len(serial) for serial in serials) <= 25
    long = [f"CSW-{'a' * 30}.{n}-0001" for n in range(1000)]
    assert len({serial_of(identity) for identity in long}) == 1000
    assert all(len(serial_of(identity)) <= 25 for identity in long)


def test_evses_of_a_trace_have_the_names_given_or_names_by_place(
    write, traced: str, header: str
) -> None:
    rows = header + "a,A-2,0,60,5,7\n"
    network = load_scenario(write(text=traced, t__csv=rows)).network()
    assert network.sites[0].trace
    assert network.sites[0].stations[0].evse_names == ("A-1", "A-2")
    swap = ('{ model = "ac-22-dual", names = ["A-1", "A-2"] }', '{ model = "ac-22-dual" }')
    rows = header + "a,0001-2,0,60,5,7\n"
    network = load_scenario(write(swap, text=traced, t__csv=rows)).network()
    assert network.sites[0].stations[0].evse_names == ("0001-1", "0001-2")


def test_evses_that_only_the_trace_knows_are_made_in_order_of_appearance(
    write, traced: str, header: str
) -> None:
    swap = ('"t.csv"', '"t.csv"\nmissing_evse = "create"')
    rows = header + "a,X,0,9,5,7\nb,A-2,0,9,5,7\nc,Y,0,9,5,7\nd,X,10,19,5,7\ne,Z,0,9,5,7\n"
    network = load_scenario(write(swap, text=traced, t__csv=rows)).network()
    names = [station.evse_names for station in network.sites[0].stations]
    assert names == [("A-1", "A-2"), ("X", "Y"), ("Z",)]
    assert [station.evses for station in network.sites[0].stations] == [2, 2, 1]
    swap = ('"t.csv"', '"t.csv"\nmissing_evse = "create"\nmodel = "ac-7-single"')
    network = load_scenario(write(swap, text=traced, t__csv=rows)).network()
    models = [station.model.name for station in network.sites[0].stations]
    assert models == ["ac-22-dual", "ac-7-single", "ac-7-single", "ac-7-single"]
    assert network.evses == 5


def test_an_inventory_gives_the_stations_their_identities_in_order(write) -> None:
    rows = "id,version,vendor,model,serial,connectors,password\n" + "".join(
        f"ST-{n},1.6,Acme,M{n},S{n},{1 + n % 2},\n" for n in range(11)
    )
    scenario = load_scenario(
        write(("[scenario]", 'fleet = "stations.csv"\n[scenario]'), stations__csv=rows)
    )
    network = scenario.network()
    assert identities(network) == [f"ST-{n}" for n in range(11)]
    assert [site.name for site in network.sites] == [
        "ring-road",
        "ring-road#2",
        "home",
        "ring-road#3",
    ]
    second = network.sites[0].stations[1]
    assert (second.vendor, second.model_name, second.serial) == ("Acme", "M1", "S1")
    assert (second.evses, second.ordinal, second.model.name) == (2, 2, "dc-150-dual")
    assert second.password is None
    assert scenario.network(4).stations == 4
    with pytest.raises(ScenarioError) as caught:
        scenario.network(12)
    assert (
        str(caught.value) == "stations: value 12: expected at most the 11 stations of stations.csv"
    )


def test_an_inventory_must_fit_the_evses_of_a_trace(write, traced: str, header: str) -> None:
    rows = "id,version,vendor,model,serial,connectors,password\nS,1.6,Acme,M,1,1,\n"
    path = write(
        ("[scenario]", 'fleet = "stations.csv"\n[scenario]'),
        text=traced,
        t__csv=header + "a,A-1,0,60,5,7\n",
        stations__csv=rows,
    )
    with pytest.raises(InputError) as caught:
        load_scenario(path)
    assert str(caught.value) == (
        "stations.csv: line 2, column 'connectors': value 1: expected 2 connectors, as "
        "CSW-office-0001 has in the trace's site"
    )


def test_a_network_survives_the_way_between_processes() -> None:
    network = SHIPPED.network(30)
    assert pickle.loads(pickle.dumps(network)) == network
