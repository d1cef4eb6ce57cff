"""``chargeswarm preflight``: each thing that can stand in the way is said, with its exit code."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simulator import cli
from simulator.csms.faulty import FaultyTarget
from simulator.fleet.certificates import Holder, write
from simulator.fleet.storms import Storm, comes_back_s
from simulator.live import ceiling, readiness
from simulator.live.calibrated import Calibration, CalibrationError, cache_file, layer_of
from simulator.live.ceiling import Ceiling
from simulator.live.nulltarget import Null, context
from simulator.live.readiness import Readiness, herds, ports, run_preflight
from simulator.live.target import Address
from simulator.scenario import load_scenario
from simulator.station.settings import Settings

CEILING = Ceiling(500, 1000.0, 22_000.0, 25_000.0, 20_000.0, ())
Run = Callable[..., Readiness]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ceiling], None]:
    """Makes the calibration known, so that none is measured."""

    def _known(found: Ceiling) -> None:
        there = Calibration(found, "2026-01-01 10:00 UTC", 0.1)
        monkeypatch.setattr(readiness, "remembered", lambda _: there)

    _known(CEILING)
    return _known


def rows(found: Readiness) -> dict[str, tuple[bool | None, str]]:
    return {check.name: (check.ok, check.text) for check in found.checks}


def checked(url: str, **sets: str) -> Readiness:
    given = [f"{name.replace('__', '.')}={value}" for name, value in sets.items()]
    scenario = load_scenario("city-launch", sets=given, csms_url=url)
    return run_preflight(scenario, stations=20, duration_s=10.0)


@pytest.mark.socket
@pytest.mark.usefixtures("known")
def test_a_target_that_speaks_is_timed_and_the_plan_fits() -> None:
    with FaultyTarget("silent") as target:
        found = checked(target.url)
    told = rows(found)
    ok, text = told["target 1.6"]
    assert ok and "speaks ocpp1.6: TCP" in text and "WebSocket ping" in text
    assert told["margin"][0] and told["descriptors"][0] and told["rate"][0]
    assert found.exit_code == 0 and json.dumps(found.as_dict())


@pytest.mark.socket
@pytest.mark.usefixtures("known")
def test_a_target_that_is_not_there_is_exit_4_and_the_rest_is_checked_all_the_same(
    closed_port: int,
) -> None:
    found = checked(f"ws://127.0.0.1:{closed_port}/")
    ok, text = rows(found)["target 1.6"]
    assert ok is False and "tcp_refused" in text and found.exit_code == 4
    assert rows(found)["margin"][0]


@pytest.mark.usefixtures("known")
def test_a_target_without_an_address_is_exit_4() -> None:
    found = checked("ws://no-such-host.invalid/", csms__authorised="true")
    assert "dns" in rows(found)["target"][1] and found.exit_code == 4


@pytest.mark.socket
def test_a_herd_that_this_machine_cannot_send_is_refused_with_numbers(
    known: Callable[[Ceiling], None],
) -> None:
    known(replace(CEILING, calls_per_s=20.0))
    with FaultyTarget("silent") as target:
        found = checked(target.url, validity__loop_lag_p99="1 s")
    ok, text = rows(found)["margin"]
    assert ok is False and "calls/s in its busiest 100 ms" in text and "processes" in text
    assert found.exit_code == 1 and found.margin is not None and found.margin.used > 1.0
    assert rows(found)["validity"] == (None, "looser limits: loop_lag_p99 1000 ms (default 10)")


@pytest.mark.socket
@pytest.mark.usefixtures("known")
def test_a_plan_above_the_rate_that_is_allowed_is_refused() -> None:
    with FaultyTarget("silent") as target:
        found = checked(target.url, live__max_rate="1/s")
    assert "live.max_rate" in rows(found)["rate"][1] and found.exit_code == 1


@pytest.mark.socket
def test_a_calibration_that_fails_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> Calibration:
        raise CalibrationError("no end within 60 s")

    monkeypatch.setattr(readiness, "remembered", lambda _: None)
    monkeypatch.setattr(readiness, "calibrate", fail)
    with FaultyTarget("silent") as target:
        found = checked(target.url)
    assert rows(found)["generator"] == (None, "not calibrated: no end within 60 s")
    assert "margin" not in rows(found) and found.exit_code == 0


@pytest.mark.socket
def test_a_machine_too_busy_for_any_rate_is_said_and_not_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = Calibration(replace(CEILING, calls_per_s=0.0), "2026-01-01 10:00 UTC", 9.0)
    monkeypatch.setattr(readiness, "remembered", lambda _: None)
    monkeypatch.setattr(readiness, "calibrate", lambda _: busy)
    monkeypatch.setattr(readiness, "remember", pytest.fail)
    with FaultyTarget("silent") as target:
        found = checked(target.url)
    ok, text = rows(found)["generator"]
    assert ok is False and "other work on this machine" in text and "load 9.0 before" in text
    assert "margin" not in rows(found) and found.exit_code == 1


HERE = [Address(socket.AF_INET, (f"127.0.0.{n}", 9000)) for n in (1, 2)]


def test_every_connection_needs_a_port_and_each_way_has_a_range_of_them() -> None:
    assert ports(28_032, (), HERE[:1], lambda: 28_232).ok
    short = ports(28_033, (), HERE[:1], lambda: 28_232)
    assert short.ok is False and "more ports than the 28232" in short.text
    for sources, found in ((("127.0.0.1", "127.0.0.2"), HERE[:1]), ((), HERE)):
        wide = ports(56_064, sources, found, lambda: 28_232)
        assert wide.ok and "on each of 2 ways" in wide.text
        assert ports(56_065, sources, found, lambda: 28_232).ok is False
    assert ports(5, (), HERE, lambda: None).ok is None


@pytest.mark.socket
@pytest.mark.process
@pytest.mark.parametrize("profile", [2, 3])
def test_a_preflight_with_tls_shakes_hands_and_says_whose_ceiling_it_goes_by(
    monkeypatch: pytest.MonkeyPatch, profile: int
) -> None:
    asked: list[int] = []

    def known(profile: int) -> Calibration:
        asked.append(profile)
        return Calibration(CEILING, "2026-01-01 10:00 UTC", 0.1, layer_of(profile))

    monkeypatch.setattr(readiness, "remembered", known)
    told = rows(checked("embedded", csms__security_profile=str(profile)))
    ok, text = told["target 1.6"]
    assert ok and " TLS " in text and asked == [profile]
    assert told["generator"][1].count("(one process, TLS") == 1


@pytest.mark.socket
@pytest.mark.parametrize("profile", [2, 3])
def test_a_calibration_with_tls_connects_through_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: int
) -> None:
    for name, value in (("SATURATED_S", 0.05), ("STEP_S", 0.05), ("STEPS", 1)):
        monkeypatch.setattr(ceiling, name, value)
    plan = ceiling.calibration_plan(5)
    holders = [Holder(*pair) for pair in zip(plan.ids, plan.serials, strict=True)]
    write(tmp_path, holders if profile == 3 else (), "Us", hosts=(ceiling.HOST,))

    async def whole() -> Ceiling:
        secured = context(tmp_path, mutual=profile == 3)
        loop = asyncio.get_running_loop()
        async with await loop.create_server(Null, ceiling.HOST, 0, ssl=secured) as server:
            port = server.sockets[0].getsockname()[1]
            return await ceiling._calibrate(port, 5, profile, tmp_path)

    found = asyncio.run(whole())
    assert found.connects_per_s > 0.0 and found.saturated_per_s > 0.0


def test_each_layer_has_a_calibration_of_its_own() -> None:
    files = {profile: cache_file(layer_of(profile)).name for profile in range(4)}
    assert files[0] == files[1] and len(set(files.values())) == 3


@pytest.mark.socket
@pytest.mark.usefixtures("known")
def test_a_name_is_looked_up_again_and_it_is_said_how_often() -> None:
    with FaultyTarget("silent") as target:
        url = target.url.replace("127.0.0.1", "localhost")
        ok, text = rows(checked(url))["name"]
        assert ok is None and "every 60 s: the system's resolver tells no TTL" in text
        assert "kept for the whole run" in rows(checked(url, live__pin="true"))["name"][1]


@pytest.mark.usefixtures("known")
def test_the_command_prints_a_table_or_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(readiness, "target_checks", lambda *_: [])
    short = ["preflight", "city-launch", "--stations", "12", "--duration", "5s"]
    assert cli.run([*short, "--csms", "ws://127.0.0.1:9/"]) == 0
    said = capsys.readouterr()
    assert "of what this machine sends validly" in " ".join(said.out.split())
    assert cli.run([*short, "--json", "--set", "live.max_rate=1/s"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == 1 and found["margin"]["shard"] == 0


@pytest.mark.socket
def test_a_calibration_measures_connections_and_steps_down_to_a_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("SATURATED_S", 0.1), ("STEP_S", 0.1), ("STEPS", 2)):
        monkeypatch.setattr(ceiling, name, value)

    async def whole() -> Ceiling:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Null, "127.0.0.1", 0)
        async with server:
            return await ceiling._calibrate(server.sockets[0].getsockname()[1], 10)

    found = asyncio.run(whole())
    assert found.stations == 10 and found.connects_per_s > 0.0
    assert found.saturated_per_s > 0.0 and found.calls_per_cpu_s >= found.saturated_per_s * 0.5
    assert 1 <= len(found.steps) <= 2
    first = found.steps[0]
    assert first["asked_per_s"] == pytest.approx(found.saturated_per_s * ceiling.FIRST_STEP)
    assert first["written_per_s"] > 0.0
    valid = [step["written_per_s"] for step in found.steps if step["valid"]]
    assert found.calls_per_s == max(valid, default=0.0)


@pytest.mark.process
def test_the_null_target_ends_with_its_parent() -> None:
    command: list[Any] = [sys.executable, "-m", "simulator.live.nulltarget"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as target:
        assert target.stdout is not None and int(target.stdout.readline()) > 0
        assert target.stdin is not None
        target.stdin.close()
        assert target.wait(20) == 0


@pytest.mark.socket
@pytest.mark.usefixtures("known")
def test_a_target_that_declines_compression_is_said() -> None:
    with FaultyTarget("silent") as target:
        ok, text = rows(checked(target.url, live__deflate="12"))["target 1.6"]
        assert ok and text.endswith("declines permessage-deflate: frames are not compressed")
    ok, text = rows(checked("embedded", live__deflate="12"))["target 1.6"]
    assert ok and text.endswith(", compresses")


def test_the_herd_after_a_storm_is_held_against_what_this_machine_connects() -> None:
    def told(**changes: object) -> str:
        storm = replace(Storm(0, "power_cut", 30.0, 10.0, spread_s=4.0, ours=True), **changes)
        weather = SimpleNamespace(storms=(storm,), hits=(np.arange(6_000),))
        prepared: Any = SimpleNamespace(weather=weather, plans=[None])
        return "".join(check.text for check in herds(prepared, CEILING, 2))

    assert "6000 stations come back within 4 s, 1500 a second: 150% of" in told()
    assert told().endswith("the generator, not the target, will set their pace")
    spec = told(kind="csms_restart")
    assert "600 a second: 60%" in spec and "pace" not in spec
    assert "6000 a second" in told(kind="csms_restart", naive=True)
    assert told(kind="quarter_hour") == ""
    assert comes_back_s(Storm(0, "csms_restart", 1.0)) == Settings("r").backoff_random_s
