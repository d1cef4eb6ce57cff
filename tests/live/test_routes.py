"""From where to where each station connects, and when the name is looked up again."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.live.errors import RefusedError
from simulator.live.failures import ConnectError
from simulator.live.routes import Resolver, Router, Routes, is_address, routes_of
from simulator.live.sockets import (
    SPARE_PORTS,
    check_ports,
    check_sources,
    local_ports,
    loopback_sources,
)
from simulator.live.target import Address, parse_target
from simulator.measure.errors import ErrorKind

TARGET = parse_target("ws://csms.example:9000/ocpp")


def v4(last: int, net: str = "127.0.0") -> Address:
    return Address(socket.AF_INET, (f"{net}.{last}", 9000))


def routes(addresses: int = 1, sources: int = 0, **more) -> Routes:
    return Routes(
        TARGET,
        tuple(v4(n) for n in range(1, addresses + 1)),
        5.0,
        tuple(f"127.0.1.{n}" for n in range(1, sources + 1)),
        **more,
    )


@given(st.integers(1, 6), st.integers(0, 6), st.integers(1, 8))
def test_stations_go_round_all_ways_evenly_however_many_shards_there_are(addresses, sources, n):
    ways = addresses * max(sources, 1)
    fleet = list(range(3 * ways))
    whole = [Router(routes(addresses, sources), fleet)(k) for k in fleet]
    used = Counter((way.address, way.source) for way in whole)
    assert len(used) == ways and set(used.values()) == {3}
    for shard in range(n):
        mine = fleet[shard::n]
        router = Router(routes(addresses, sources), mine)
        assert [router(k) for k in range(len(mine))] == [whole[place] for place in mine]


def test_a_station_that_fails_at_one_address_tries_the_next_from_the_same_source():
    router = Router(routes(3, 2), [4, 5])
    tries = [router(0) for _ in range(4)]
    assert [way.address for way in tries] == [v4(3), v4(1), v4(2), v4(3)]
    assert {way.source for way in tries} == {"127.0.1.1"}
    assert router(1).source == "127.0.1.2"


def test_a_name_that_means_something_else_now_moves_the_stations():
    router = Router(routes(2), [0, 1])
    assert router.found([v4(2), v4(7)])
    assert {router(0).address, router(1).address} == {v4(2), v4(7)}


def test_only_addresses_that_may_be_dialled_are_taken_over():
    elsewhere, six = v4(1, "10.0.0"), Address(socket.AF_INET6, ("::1", 9000, 0, 0))
    router = Router(routes(1), [0])
    assert not router.found([elsewhere]) and not router.found([six]) and not router.found([])
    assert router(0).address == v4(1)
    assert Router(routes(1, authorised=True), [0]).found([elsewhere])


def test_the_address_that_answered_comes_first_and_its_family_alone_is_used():
    found = (Address(socket.AF_INET6, ("::1", 9000, 0, 0)), v4(1), v4(2))
    how = {"timeout_s": 5.0, "sources": (), "authorised": False}
    spread = routes_of(TARGET, found, v4(2), pin=False, **how)
    assert spread.addresses == (v4(2), v4(1)) and not spread.fixed
    pinned = routes_of(TARGET, found, v4(2), pin=True, **how)
    assert pinned.addresses == (v4(2),) and pinned.fixed
    assert is_address("127.0.0.1") and is_address("fe80::1%eth0") and not is_address("csms.example")


def test_a_name_is_looked_up_off_the_loop_and_again():
    threads, told = [], []

    def look_up(_):
        threads.append(threading.current_thread())
        if len(threads) == 2:
            raise ConnectError(ErrorKind.DNS, "no such name")
        return (v4(len(threads)),)

    async def run() -> None:
        enough = asyncio.Event()

        def done(took, found, why):
            assert threading.current_thread() is threading.main_thread() and took >= 0.0
            told.append((found, why))
            if len(told) == 3:
                enough.set()

        resolver = Resolver(TARGET, done, every_s=0.001, look_up=look_up)
        resolver.start()
        await asyncio.wait_for(enough.wait(), 10.0)
        resolver.stop()
        told_by_then = len(told)
        await asyncio.sleep(0.02)
        assert len(told) == told_by_then

    asyncio.run(run())
    assert told[:3] == [((v4(1),), ""), ((), "no such name"), ((v4(3),), "")]
    assert threading.main_thread() not in threads


def test_ports_are_counted_by_pair_of_source_and_address():
    def ports() -> int:
        return 1000 + SPARE_PORTS

    check_ports(1000, (), [v4(1)], ports)
    check_ports(6000, ("a", "b"), [v4(1), v4(2), v4(3)], ports)
    check_ports(10**6, (), [v4(1)], lambda: None)
    with pytest.raises(RefusedError, match="name 2 addresses of this machine"):
        check_ports(1001, (), [v4(1)], ports)
    with pytest.raises(RefusedError, match="name 4 addresses"):
        check_ports(6001, ("a",), [v4(1), v4(2)], ports)


def test_the_systems_ports_are_read_less_those_that_it_keeps(tmp_path: Path):
    given_, kept = tmp_path / "range", tmp_path / "reserved"
    given_.write_text("32768\t60999\n")
    kept.write_text("8080,40000-40009,60998-61010\n")
    assert local_ports(given_, kept) == 60999 - 32768 + 1 - 10 - 2
    assert local_ports(tmp_path / "none", kept) is None


@pytest.mark.socket
def test_sources_must_be_addresses_of_this_machine():
    check_sources(("127.0.0.1", "127.0.0.5"), socket.AF_INET)
    with pytest.raises(RefusedError, match=r"live.sources\[1\]: 192.0.2.1 is no address of this"):
        check_sources(("127.0.0.1", "192.0.2.1"), socket.AF_INET)
    with pytest.raises(RefusedError, match=r"live.sources\[0\]: ::1: the target's is an IPv4 one"):
        check_sources(("::1",), socket.AF_INET)


def test_a_fleet_that_would_fill_the_ports_of_one_address_connects_from_several() -> None:
    here = [Address(socket.AF_INET, ("127.0.0.1", 9000))]
    there = [Address(socket.AF_INET, ("192.0.2.1", 9000))]
    assert loopback_sources(250, here, lambda: 1_200) == ()
    assert loopback_sources(251, here, lambda: 1_200, "linux") == ("127.0.0.1", "127.0.0.2")
    assert len(loopback_sources(1_001, here, lambda: 1_200, "linux")) == 5
    assert loopback_sources(9_000, there, lambda: 1_200, "linux") == ()
    assert loopback_sources(9_000, here, lambda: 1_200, "darwin") == ()
    assert loopback_sources(9_000, here, lambda: None, "linux") == ()
