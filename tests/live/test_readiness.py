"""``chargeswarm preflight``: each thing that can stand in the way is said, with its exit code."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulator import cli
from simulator.csms.faulty import FaultyTarget
from simulator.live import ceiling, readiness
from simulator.live.calibrated import Calibration, CalibrationError
from simulator.live.ceiling import Ceiling
from simulator.live.nulltarget import Null
from simulator.live.readiness import Readiness, ports, run_preflight
from simulator.scenario import load_scenario

CEILING = Ceiling(500, 1000.0, 22_000.0, 25_000.0, 20_000.0, ())
Run = Callable[..., Readiness]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ceiling], None]:
    """Makes the calibration known, so that none is measured."""

    def _known(found: Ceiling) -> None:
        there = Calibration(found, "2026-01-01 10:00 UTC", 0.1)
        monkeypatch.setattr(readiness, "remembered", lambda: there)

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
    def fail() -> Calibration:
        raise CalibrationError("no end within 60 s")

    monkeypatch.setattr(readiness, "remembered", lambda: None)
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
    monkeypatch.setattr(readiness, "remembered", lambda: None)
    monkeypatch.setattr(readiness, "calibrate", lambda: busy)
    monkeypatch.setattr(readiness, "remember", pytest.fail)
    with FaultyTarget("silent") as target:
        found = checked(target.url)
    ok, text = rows(found)["generator"]
    assert ok is False and "other work on this machine" in text and "load 9.0 before" in text
    assert "margin" not in rows(found) and found.exit_code == 1


def test_every_connection_needs_a_port(tmp_path: Path) -> None:
    file = tmp_path / "range"
    file.write_text("32768\t60999\n")
    assert ports(28_232, file).ok
    short = ports(28_233, file)
    assert short.ok is False and "28232 (32768 to 60999): widen" in short.text
    assert ports(5, tmp_path / "nothing").ok is None


@pytest.mark.usefixtures("known")
def test_the_command_prints_a_table_or_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(readiness, "target_checks", lambda _: [])
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
