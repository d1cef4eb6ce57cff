"""The embedded CSMS as a process: starts, says where, ends when told, and never lingers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator import cli
from simulator.csms import CsmsOptions
from simulator.csms.options import Faults
from simulator.csms.process import CsmsProcessError, EmbeddedCsms, arguments
from simulator.csms.service import parse, table

pytestmark = [pytest.mark.process, pytest.mark.socket]

LIMIT_S = 60
AT = "2026-06-01T12:00:00.000Z"


def launch(*args: str, **more: Any) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "simulator.csms", *args]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(line, **{**pipes, **more})


def test_the_command_line_means_the_options() -> None:
    options = CsmsOptions(
        host="::1",
        port=0,
        stations=Path("s.csv"),
        tokens=Path("t.csv"),
        boot_status="pending",
        heartbeat_interval_s=10,
        sqlite=Path("x.db"),
        http=0,
        http_host="::1",
        on_boot=Path("boot.toml"),
        ca=Path("ca"),
        certificate_lifetime_s=90 * 86_400.0,
        operator="Operator",
        contract_roots=Path("roots"),
        exi_response=Path("answer.exi"),
        faults=Faults(
            seed=-5,
            service_time="lognormal(20ms, 0.5)",
            drop_answers=0.01,
            close_connections=0.02,
            call_errors=0.03,
            wrong_answers=1e-05,
            lose_transactions=0.1,
            double_transactions=0.2,
            wrong_energy=1 / 3,
        ),
        validate=False,
        tls_cert=Path("c.pem"),
        tls_key=Path("c.key"),
        client_ca=Path("ca.pem"),
        client_certificates="optional",
        json=True,
        until_stdin_closes=True,
    )
    assert parse(arguments(options)) == options
    assert parse(arguments(CsmsOptions())) == CsmsOptions() == parse([])
    said = parse(["--lose-transactions", "1%", "--certificate-lifetime", "90d", "--fault-seed=3"])
    assert said.faults == Faults(seed=3, lose_transactions=0.01)
    assert said.certificate_lifetime_s == 90 * 86_400.0


def test_a_whole_life(run: Any, open_client: Any) -> None:
    async def scene(url: str) -> None:
        async with open_client(url) as client:
            await client.boot()
            begun = await client.call(
                "StartTransaction", connectorId=1, idTag="T", meterStart=0, timestamp=AT
            )
            number = begun[2]["transactionId"]
            await client.call("StopTransaction", transactionId=number, meterStop=500, timestamp=AT)

    with EmbeddedCsms() as csms:
        csms.check()
        assert csms.holdings is None
        run(scene(csms.url))
    assert csms.holdings is not None
    assert csms.holdings["boots"] == 1
    assert csms.holdings["transactions"]["stopped"] == 1
    assert csms.holdings["energy_kwh"] == 0.5
    assert csms.holdings["messages"]["StopTransaction"] == 1
    csms.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_an_account_of_what_it_holds(number: signal.Signals) -> None:
    process = launch("--port", "0")
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["listening"].startswith("ws://127.0.0.1:")
    process.send_signal(number)
    out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    assert out == b""
    assert b"transactions started" in err and b"Traceback" not in err


def test_json_prints_one_object_at_the_end() -> None:
    process = launch("--port", "0", "--json")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=LIMIT_S)
    assert json.loads(out)["stations"] == 0
    assert err == b""


def test_it_ends_with_the_process_that_started_it_and_not_by_ctrl_c(
    run: Any, open_client: Any
) -> None:
    async def scene(url: str) -> None:
        async with open_client(url) as client:
            await client.boot()

    process = launch("--port", "0", "--until-stdin-closes", stdin=subprocess.PIPE)
    assert process.stdout is not None and process.stdin is not None
    url = json.loads(process.stdout.readline())["listening"]
    process.send_signal(signal.SIGINT)
    process.stdin.write(b"anything\n")
    process.stdin.flush()
    run(scene(url))
    assert process.poll() is None
    _, err = process.communicate(timeout=LIMIT_S)  # closes standard input
    assert process.returncode == 0
    assert b"BootNotification" in err


def test_it_is_commanded_over_http_and_from_the_command_line(
    run: Any, obedient: Any, http: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "boot.toml"
    script.write_text('[["1.6"]]\naction = "GetConfiguration"\n')

    def command(url: str, *args: str) -> tuple[int, Any]:
        code = cli.run(["command", *args, "--csms", url])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else said.err

    async def scene(csms: EmbeddedCsms) -> None:
        async with obedient(csms.url, "CP1") as station:
            await station.boot()
            assert await station.next_command() == ("GetConfiguration", {})
            station.answers = {
                "Reset": {"status": "Accepted"},
                "ClearCache": lambda frame: [4, frame[1], "NotSupported", "", {}],
                "GetConfiguration": lambda frame: None,
            }
            soft = ("CP1", "Reset", '{"type": "Soft"}')
            code, said = await asyncio.to_thread(command, csms.http_url, *soft)
            assert (code, said["payload"]) == (0, {"status": "Accepted"})
            for code, args, word in (
                (1, ("CP1", "Reset"), "payload.type"),
                (1, ("CP1", "ClearCache"), "NotSupported"),
                (1, ("CP2", "ClearCache"), "CP2"),
                (1, ("CP1", "Reset", "{type: Soft}"), "expected a JSON object in quotes"),
                (4, ("CP1", "GetConfiguration", "{}", "--timeout", "0.05"), "timeout"),
            ):
                found, said = await asyncio.to_thread(command, csms.http_url, *args)
                assert found == code and word in str(said), args
            status, answer = await http(csms.http_url, "GET", "/summary")
            assert status == 200 and answer["commands"]["Reset"] == {"answered": 1}
        for url, code, word in (
            ("http://127.0.0.1:1", 4, "is chargeswarm csms --http up?"),
            ("ws://127.0.0.1:1", 1, "expected the address that chargeswarm csms --http prints"),
            ("http://[x", 1, "expected the address"),
        ):
            found, said = await asyncio.to_thread(command, url, *soft)
            assert found == code and word in said

    with EmbeddedCsms(CsmsOptions(port=0, http=0, on_boot=script)) as csms:
        run(scene(csms))
    assert csms.holdings is not None
    assert csms.holdings["commands"]["GetConfiguration"] == {"answered": 1, "timeout": 1}


def test_a_taken_port_of_the_api_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = rf"exit code 4.*127\.0\.0\.1:{port}: .*choose another --http"
        with pytest.raises(CsmsProcessError, match=said):
            EmbeddedCsms(CsmsOptions(port=0, http=port)).start()


def test_a_bad_boot_script_is_said_in_one_line(tmp_path: Path) -> None:
    script = tmp_path / "boot.toml"
    script.write_text('[["1.6"]]\naction = "Rest"\n')
    with pytest.raises(CsmsProcessError, match=r"exit code 1.*boot\.toml.*action.*'Reset'"):
        EmbeddedCsms(CsmsOptions(port=0, on_boot=script)).start()


def test_a_taken_port_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            CsmsProcessError, match=rf"exit code 4.*127\.0\.0\.1:{port}: .*choose another --port"
        ):
            EmbeddedCsms(CsmsOptions(port=port)).start()


def test_a_bad_inventory_is_said_in_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "none.csv"
    with pytest.raises(CsmsProcessError, match=r"exit code 1.*none\.csv"):
        EmbeddedCsms(CsmsOptions(port=0, stations=missing)).start()


def test_a_fault_that_is_none_is_said_in_one_line() -> None:
    for faults, said in (
        (Faults(service_time="soon"), "service_time: value 'soon': expected a time"),
        (Faults(lose_transactions=0.1), "lose_transactions: value 0.1: expected a database"),
    ):
        with pytest.raises(CsmsProcessError, match=f"exit code 1.*{said}"):
            EmbeddedCsms(CsmsOptions(port=0, faults=faults)).start()


def test_death_is_noticed() -> None:
    csms = EmbeddedCsms()
    csms.start()
    os.kill(csms.pid, signal.SIGKILL)
    os.waitid(os.P_PID, csms.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(CsmsProcessError, match="died"):
        csms.check()
    csms.stop()
    assert csms.holdings is None


def test_a_usage_error_has_exit_code_1() -> None:
    for args in (
        ["--port", "99999"],
        ["--boot-status", "maybe"],
        ["--heartbeat-interval", "0"],
        ["--certificate-lifetime", "1"],
        ["--drop-answers", "150%"],
    ):
        process = launch(*args)
        _, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 1
        assert args[0].encode() in err


def test_the_help_says_that_it_is_a_test_target() -> None:
    process = launch("--help")
    out, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    assert b"test target" in out and b"not a CSMS to operate stations with" in out


def test_inventory_files_are_honoured(run: Any, open_client: Any, tmp_path: Path) -> None:
    stations, tokens = tmp_path / "stations.csv", tmp_path / "tokens.csv"
    stations.write_text("id,version,vendor,model,serial,connectors,password\nCP1,1.6,v,m,s,1,\n")
    tokens.write_text("token,type,status\nGood,Local,Accepted\nBAD,Local,Blocked\n")

    async def scene(url: str) -> None:
        async with open_client(url) as client:
            for tag, status in (("GOOD", "Accepted"), ("bad", "Blocked"), ("x", "Invalid")):
                answer = await client.call("Authorize", idTag=tag)
                assert answer[2]["idTagInfo"]["status"] == status
        with pytest.raises(Exception, match="404"):
            async with open_client(url, "CP2"):
                pass

    with EmbeddedCsms(CsmsOptions(port=0, stations=stations, tokens=tokens)) as csms:
        run(scene(csms.url))


def test_a_restart_on_the_same_database_knows_the_transactions(
    run: Any, open_client: Any, tmp_path: Path
) -> None:
    options = CsmsOptions(port=0, sqlite=tmp_path / "csms.db")

    async def begin(url: str) -> Any:
        async with open_client(url) as client:
            return await client.call(
                "StartTransaction", connectorId=1, idTag="T", meterStart=0, timestamp=AT
            )

    async def end(url: str, number: int) -> Any:
        async with open_client(url) as client:
            return await client.call(
                "StopTransaction", transactionId=number, meterStop=1, timestamp=AT
            )

    with EmbeddedCsms(options) as csms:
        number = run(begin(csms.url))[2]["transactionId"]
    with EmbeddedCsms(options) as csms:
        run(end(csms.url, number))
    assert csms.holdings is not None
    held = csms.holdings["transactions"]
    assert (held["stopped"], held["stops_unknown"], held["open"]) == (1, 0, 0)


def test_the_table_for_people_names_what_went_wrong() -> None:
    from simulator.csms.holdings import Holdings

    holdings = Holdings()
    holdings.refused["unknown station"] += 3
    holdings.stop(5, AT, 0, None)
    holdings.commanded("Reset", "answered")
    text = table({**holdings.summary(), "faults": {"drop_answers": 4}})
    assert "fault: drop answers" in text
    assert "refused: unknown station" in text and "stops unknown" in text
    assert "command Reset" in text and "1 answered" in text
    assert "stops repeated" not in text
