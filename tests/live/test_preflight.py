"""What is looked at before a fleet goes out, and the words in which it is refused."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from websockets.sync.server import serve
from websockets.typing import Subprotocol

from simulator.csms import CsmsOptions
from simulator.csms.faulty import FaultyTarget
from simulator.csms.process import EmbeddedCsms
from simulator.live import preflight
from simulator.live.connection import Upgrade
from simulator.live.errors import RefusedError, TargetUnreachableError
from simulator.live.target import Address, parse_target

LOOPBACK = Address(socket.AF_INET, ("127.0.0.1", 9000))
ELSEWHERE = Address(socket.AF_INET, ("192.0.2.1", 9000))


def try_out(
    url: str, timeout_s: float = 5.0, password: str | None = None, version: str = "1.6"
) -> preflight.Reached:
    target = preflight.read_target(url)
    found = preflight.addresses(target)
    upgrade = Upgrade(target).by_version((version,))[version]
    return preflight.reach(upgrade, found, "CSW-a-0001", password, timeout_s)


def test_load_beyond_this_machine_needs_the_word() -> None:
    target = parse_target("ws://csms.example/")
    preflight.check_authorised(target, (LOOPBACK,), False)
    preflight.check_authorised(target, (LOOPBACK, ELSEWHERE), True)
    with pytest.raises(RefusedError, match=r"csms\.authorised = true") as caught:
        preflight.check_authorised(target, (LOOPBACK, ELSEWHERE), False)
    assert caught.value.exit_code == 1


def test_the_rate_is_bounded_where_the_scenario_says_so() -> None:
    preflight.check_rate(1e9, None)
    preflight.check_rate(50.0, 50.0)
    with pytest.raises(RefusedError, match="51 calls in its busiest second, more than the 50"):
        preflight.check_rate(51.0, 50.0)


def test_open_files_are_counted_before_they_run_out() -> None:
    preflight.check_file_limit(1)
    with pytest.raises(RefusedError, match=r"ulimit -n"):
        preflight.check_file_limit(10**10)


def test_a_url_that_cannot_be_a_target_is_refused() -> None:
    with pytest.raises(RefusedError, match="begins with ws:// or wss://"):
        preflight.read_target("https://127.0.0.1/")


def test_a_host_that_does_not_exist_is_unreachable() -> None:
    with pytest.raises(TargetUnreachableError, match=r"no-such-host\.invalid.*dns") as caught:
        preflight.addresses(parse_target("ws://no-such-host.invalid/"))
    assert caught.value.exit_code == 4


@pytest.mark.socket
def test_nobody_listens(closed_port) -> None:
    with pytest.raises(TargetUnreachableError, match=r"tcp_refused.*nobody listens") as caught:
        try_out(f"ws://127.0.0.1:{closed_port}/ocpp")
    assert f"ws://127.0.0.1:{closed_port}/ocpp/CSW-a-0001" in str(caught.value)


@pytest.mark.socket
@pytest.mark.parametrize(
    ("kind", "words", "timeout_s"),
    [
        ("plain_http", "http_other: HTTP 200", 5.0),
        ("no_handshake", r"http_timeout: nothing in 0\.1 s", 0.1),
    ],
)
def test_what_answers_is_no_csms(kind, words, timeout_s) -> None:
    with FaultyTarget(kind) as target, pytest.raises(TargetUnreachableError, match=words):
        try_out(target.url, timeout_s)


@pytest.mark.socket
def test_a_target_that_speaks_websocket_is_reached_whatever_comes_after() -> None:
    with FaultyTarget("silent") as target:
        reached = try_out(target.url)
        assert reached.address.is_loopback


@pytest.mark.process
@pytest.mark.socket
def test_an_unknown_station_and_a_wrong_password_are_told_apart(tmp_path: Path) -> None:
    stations = tmp_path / "stations.csv"
    stations.write_text(
        "id,version,vendor,model,serial,connectors,password\n"
        "CSW-a-0001,1.6,V,M,S,1,right-password-0001\n"
    )
    stations.chmod(0o600)
    with EmbeddedCsms(CsmsOptions(port=0, stations=stations)) as csms:
        assert try_out(csms.url, password="right-password-0001").upgrade_s >= 0.0
        with pytest.raises(TargetUnreachableError, match=r"http_401.*password"):
            try_out(csms.url, password="wrong")
        target = preflight.read_target(csms.url)
        with pytest.raises(TargetUnreachableError, match=r"http_404.*fleet export"):
            found = preflight.addresses(target)
            preflight.reach(Upgrade(target), found, "CSW-b-0001", None, 5.0)


@pytest.mark.socket
def test_a_version_that_the_target_does_not_speak_is_named() -> None:
    with serve(lambda _: None, "127.0.0.1", 0, select_subprotocol=old) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        assert try_out(url).upgrade_s >= 0.0
        with pytest.raises(TargetUnreachableError, match=r"ocpp2\.0\.1 is asked for: csms\.vers"):
            try_out(url, version="2.0.1")
        server.shutdown()


def old(_: object, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return Subprotocol("ocpp1.6") if "ocpp1.6" in offered else None


def test_what_will_be_done_to_a_system_is_said_first(capsys) -> None:
    from types import SimpleNamespace as Made

    from simulator.live.run import Site, _announce

    site = Site(parse_target("ws://csms.example:9000/ocpp"), (ELSEWHERE,))
    prepared = Made(expected=1000, window=Made(run_s=120.0))
    _announce(site, prepared, 512.4)  # type: ignore[arg-type]
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "target csms.example:9000 (192.0.2.1): 1000 stations for 120 s,"
        " up to 512 calls per second\n"
    )


@pytest.mark.socket
def test_a_host_that_takes_no_connection_is_a_timeout_of_tcp() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        words = r"tcp_timeout: no TCP connection in 0\.1 s"
        with pytest.raises(TargetUnreachableError, match=words):
            try_out(f"ws://127.0.0.1:{port}/ocpp", 0.1)
        for filler in fillers:
            filler.close()
