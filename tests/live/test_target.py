"""URLs of targets and of stations."""

from __future__ import annotations

import socket

import pytest

from simulator.live.failures import ConnectError
from simulator.live.target import Address, TargetError, parse_target, resolve


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://h", "ws://h:80/A%2Fb"),
        ("ws://h:9000/", "ws://h:9000/A%2Fb"),
        ("ws://h/ocpp", "ws://h:80/ocpp/A%2Fb"),
        ("ws://h/ocpp/?k=v", "ws://h:80/ocpp/A%2Fb?k=v"),
        ("ws://h/{station_id}/ocpp", "ws://h:80/A%2Fb/ocpp"),
        ("ws://h/ocpp?id={station_id}", "ws://h:80/ocpp?id=A%2Fb"),
        ("ws://[::1]:9/x", "ws://[::1]:9/x/A%2Fb"),
        ("wss://h/", "wss://h:443/A%2Fb"),
        ("wss://h:9000/ocpp", "wss://h:9000/ocpp/A%2Fb"),
    ],
)
def test_the_identity_has_its_place_in_the_url(url, expected) -> None:
    assert parse_target(url).url("A/b") == expected


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://h/", "begins with ws://"),
        ("http://h/", "begins with ws://"),
        ("wss:///x", "wss://HOST"),
        ("ws:///x", "ws://HOST"),
        ("ws://{station_id}/x", "ws://HOST"),
        ("ws://u:p@h/x", "user name"),
        ("ws://h/x#f", "fragment"),
        ("ws://h:99999/", "99999|range|port"),
        ("ws://h/{station_id}/{station_id}", "only once"),
        ("ws://h/ä", "printable ASCII"),
    ],
)
def test_what_cannot_be_a_target_is_said(url, words) -> None:
    with pytest.raises(TargetError, match=f"(?i){words}"):
        parse_target(url)


def test_loopback_is_told_from_the_rest() -> None:
    assert Address(socket.AF_INET, ("127.0.0.1", 1)).is_loopback
    assert Address(socket.AF_INET6, ("::1", 1, 0, 0)).is_loopback
    assert not Address(socket.AF_INET, ("192.0.2.1", 1)).is_loopback


def test_numbers_need_no_resolver_and_bad_names_are_dns_errors() -> None:
    (address,) = resolve(parse_target("ws://127.0.0.1:9000/"))
    assert address.sockaddr == ("127.0.0.1", 9000)
    with pytest.raises(ConnectError) as caught:
        resolve(parse_target("ws://no-such-host.invalid/"))
    assert caught.value.kind == "dns"
