"""What a boot script asks, it asks after each accepted boot, in order; a bad one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator.csms import CsmsOptions
from simulator.csms.central import CentralSystem
from simulator.csms.onboot import fill, read, with_root
from simulator.scenario import ScenarioError

SCRIPT = """
[["1.6"]]
action = "GetConfiguration"
payload = { key = ["HeartbeatInterval"] }

[["1.6"]]
action = "ClearCache"
timeout_s = 5

[["2.0.1"]]
action = "GetBaseReport"
payload = { requestId = "{request_id}", reportBase = "FullInventory" }

[["2.0.1"]]
action = "DataTransfer"
payload = { vendorId = "me", data = "{station_id} at {now}" }
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "boot.toml"
    path.write_text(SCRIPT)
    return path


@pytest.mark.socket
def test_a_boot_is_followed_by_the_commands_of_the_version(
    run: Any, obedient: Any, script: Path
) -> None:
    async def scene() -> None:
        async with CentralSystem(CsmsOptions(port=0, on_boot=script)) as csms:
            async with obedient(csms.url, "old", "1.6") as old:
                await old.boot()
                asked = [await old.next_command() for _ in range(2)]
                assert asked == [
                    ("GetConfiguration", {"key": ["HeartbeatInterval"]}),
                    ("ClearCache", {}),
                ]
                await old.boot()
                assert (await old.next_command())[0] == "GetConfiguration"
            async with obedient(csms.url, "new", "2.0.1") as new:
                await new.boot()
                first, then = await new.next_command(), await new.next_command()
                await new.boot()
                again = await new.next_command()
                assert first[0] == again[0] == "GetBaseReport"
                assert 0 < first[1]["requestId"] < again[1]["requestId"]
                assert then[1]["data"].startswith("new at 20")

    run(scene())


@pytest.mark.socket
@pytest.mark.parametrize("told", ["pending", "rejected"])
def test_a_boot_that_is_not_accepted_is_followed_by_nothing(
    run: Any, obedient: Any, script: Path, told: Any
) -> None:
    async def scene() -> None:
        options = CsmsOptions(port=0, on_boot=script, boot_status=told)
        async with CentralSystem(options) as csms, obedient(csms.url) as station:
            await station.boot()
            await station.call("Heartbeat")
            assert station.commands == [] and csms.holdings.commands == {}

    run(scene())


@pytest.mark.socket
def test_a_refused_command_does_not_end_the_script_and_a_lost_connection_does(
    run: Any, obedient: Any, script: Path
) -> None:
    async def scene() -> None:
        options = CsmsOptions(port=0, on_boot=script)
        async with CentralSystem(options) as csms, obedient(csms.url) as station:
            station.answers = {
                "GetConfiguration": lambda frame: [4, frame[1], "InternalError", "", {}],
            }
            await station.boot()
            assert (await station.next_command())[0] == "GetConfiguration"
            assert (await station.next_command())[0] == "ClearCache"
            station.answers = {"GetConfiguration": lambda frame: None}
            await station.boot()
            await station.next_command()
        assert csms.holdings.commands["GetConfiguration"] == {"callerror": 1, "closed": 1}
        assert csms.holdings.commands["ClearCache"] == {"answered": 1}

    run(scene())


def test_the_script_about_certificates_brings_the_root_before_it_asks_for_a_request() -> None:
    script = read(Path("new-certificates"))
    for version, last in (("1.6", "ExtendedTriggerMessage"), ("2.0.1", "TriggerMessage")):
        _, install, ask = script[version]
        assert install.action == "InstallCertificate" and ask.action == last
        assert with_root(install.payload, lambda: "PEM")["certificate"] == "PEM"


def test_the_script_that_ships_is_found_by_its_name() -> None:
    script = read(Path("usual-questions"))
    for version, first in (("1.6", "GetConfiguration"), ("2.0.1", "GetBaseReport")):
        assert script[version][0].action == first
        assert {"SendLocalList", "SetChargingProfile"} <= {s.action for s in script[version]}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[["1.6"]]\naction = "Rest"\n',
         '"1.6"[0].action: value \'Rest\': expected a command that a CSMS sends in OCPP 1.6; '
         "did you mean 'Reset'?"),
        ('[["1.6"]]\n', "\"1.6\"[0].action: expected this field: the command's name"),
        ('[["1.6"]]\naction = "Reset"\n', '"1.6"[0].payload.type: expected this field'),
        ('[["2.0.1"]]\naction = "Reset"\npayload = { type = "Soft" }\n',
         "\"2.0.1\"[0].payload.type: value 'Soft': expected one of Immediate, OnIdle"),
        ('[["1.6"]]\naction = "ClearCache"\ntimeout = 5\n',
         "\"1.6\"[0].timeout: value 5: expected a known field (action, payload or timeout_s); "
         "did you mean 'timeout_s'?"),
        ('[["1.6"]]\naction = "ClearCache"\ntimeout_s = 0\n',
         '"1.6"[0].timeout_s: value 0: expected seconds above 0, at most 600'),
        ('[["1.6"]]\naction = "ClearCache"\npayload = 5\n',
         '"1.6"[0].payload: value 5: expected an object (a payload in JSON)'),
        ('[["1.6"]]\naction = "ReserveNow"\n[["1.6".payload]]\n',
         '"1.6"[0].payload: value [...]: expected an object (a payload in JSON)'),
        ('[["1.6"]]\naction = "ReserveNow"\npayload = { expiryDate = 2026-06-01 }\n',
         '"1.6"[0].payload: value 2026-06-01: expected times in quotes, as OCPP writes them, '
         'or "{now}"'),
        ('[["2.1"]]\naction = "Reset"\n',
         '"2.1": value [...]: expected commands for an OCPP version spoken here: 1.6 or 2.0.1; '
         "did you mean '2.0.1'?"),
        ('"1.6" = "Reset"\n',
         '"1.6": value \'Reset\': expected a list of commands, each begun with [["1.6"]]'),
        ("", 'expected at least one command, under [["1.6"]] or so'),
        ("[[1.6]\n", "line 1, column 6: value '[[1.6]': expected valid TOML"),
    ],
)  # fmt: skip
def test_a_bad_script_names_file_field_value_and_what_was_expected(
    tmp_path: Path, text: str, line: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as error:
        read(path)
    assert str(error.value).splitlines()[0].startswith(f"{path}: {line}")


def test_a_missing_script_names_those_that_ship(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="did you mean 'usual-questions'"):
        read(Path("usual-question"))
    with pytest.raises(ScenarioError, match=r"none\.toml: expected a file that exists"):
        read(tmp_path / "none.toml")


def test_braces_are_filled_at_any_depth() -> None:
    payload = {"a": [{"b": "{station_id}"}], "c": "at {now}", "d": 5, "e": None}
    filled = fill(payload, "CP1", "noon")
    assert filled == {"a": [{"b": "CP1"}], "c": "at noon", "d": 5, "e": None}
    assert payload["c"] == "at {now}"
