"""Every command of both versions goes out, and what stations make of it comes back."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from ocpp.messages import MessageType

from simulator.csms import CsmsOptions
from simulator.csms.central import CentralSystem
from simulator.csms.commands import COMMANDS, schema, wrong_action, wrong_answer, wrong_payload
from simulator.csms.line import WAITING

ANY_PORT = CsmsOptions(port=0)
SOON = 0.05

EVERY = [(version, action) for version in COMMANDS for action in COMMANDS[version]]

STATIONS_ONLY_16 = 13
STATIONS_ONLY_201 = 24


def test_the_tables_have_every_command_of_the_specification() -> None:
    folder = files("ocpp")
    for version, only, own in (
        ("v16", STATIONS_ONLY_16, COMMANDS["1.6"]),
        ("v201", STATIONS_ONLY_201, COMMANDS["2.0.1"]),
    ):
        names = {entry.name for entry in (folder / version / "schemas").iterdir()}
        answers = {name.removesuffix("Response.json") for name in names if "Response" in name}
        assert set(own) <= answers and len(answers) == len(own) + only
        assert list(own) == sorted(set(own))


@pytest.mark.socket
@pytest.mark.parametrize("version", list(COMMANDS))
def test_every_command_reaches_the_station_as_given_and_its_answer_comes_back(
    run: Any, obedient: Any, least_payload: Any, version: str
) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms, obedient(csms.url, "S", version) as station:
            sent = []
            for action in COMMANDS[version]:
                payload = least_payload(MessageType.Call, action, version)
                assert wrong_payload(version, action, payload) == []
                outcome = await csms.command("S", action, payload)
                assert outcome is not None and outcome.result == "answered", action
                assert outcome.payload == least_payload(MessageType.CallResult, action, version)
                assert (outcome.station, outcome.version, outcome.action) == ("S", version, action)
                sent.append((action, payload))
            assert station.commands == sent
            told = csms.holdings.summary()["commands"]
            assert told == {action: {"answered": 1} for action in COMMANDS[version]}

    run(scene())


@pytest.mark.socket
def test_what_goes_wrong_with_a_command_is_told_apart(run: Any, obedient: Any) -> None:
    def late(frame: Any) -> None:
        unanswered.append(frame)

    unanswered: list[Any] = []

    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms:
            async with obedient(csms.url, "S") as station:
                station.answers = {
                    "ClearCache": lambda frame: [4, frame[1], "NotSupported", "no cache", {"a": 1}],
                    "Reset": {"status": "Perhaps"},
                    "UnlockConnector": lambda frame: [3, frame[1], "not an object"],
                    "GetLocalListVersion": late,
                }
                outcome = await csms.command("S", "ClearCache", {})
                assert outcome is not None and outcome.result == "callerror"
                assert outcome.error == {
                    "code": "NotSupported",
                    "description": "no cache",
                    "details": {"a": 1},
                }
                outcome = await csms.command("S", "Reset", {"type": "Soft"})
                assert outcome is not None and outcome.result == "invalid_answer"
                assert outcome.payload == {"status": "Perhaps"}
                assert outcome.problems == (
                    "status: value 'Perhaps': expected one of Accepted, Rejected",
                )
                outcome = await csms.command("S", "UnlockConnector", {"connectorId": 1})
                assert outcome is not None and outcome.result == "invalid_answer"
                outcome = await csms.command("S", "GetLocalListVersion", {}, SOON)
                assert outcome is not None and outcome.result == "timeout"
                assert outcome.seconds >= SOON
                late_answer = [3, unanswered[0][1], {"listVersion": 1}]
                await station.socket.send(json.dumps(late_answer))
                await station.call("Heartbeat")
                assert csms.holdings.complaints == {"answer to no open call": 1}
                waiting = asyncio.ensure_future(csms.command("S", "GetLocalListVersion", {}))
                behind = asyncio.ensure_future(csms.command("S", "ClearCache", {}))
                while (await station.next_command())[0] != "GetLocalListVersion" or len(
                    unanswered
                ) < 2:
                    pass
            for task in (waiting, behind):
                outcome = await asyncio.wait_for(task, 20)
                assert outcome is not None and outcome.result == "closed"
            assert await csms.command("S", "ClearCache", {}) is None
            assert csms.holdings.summary()["commands"] == {
                "ClearCache": {"callerror": 1, "closed": 1},
                "GetLocalListVersion": {"timeout": 1, "closed": 1},
                "Reset": {"invalid_answer": 1},
                "UnlockConnector": {"invalid_answer": 1},
            }

    run(scene())


@pytest.mark.socket
def test_a_station_has_one_command_at_a_time_and_a_bounded_queue(run: Any, obedient: Any) -> None:
    async def scene() -> None:
        held: list[Any] = []

        def hold(frame: Any) -> Any:
            held.append(frame)

        async with CentralSystem(ANY_PORT) as csms, obedient(csms.url, "S") as station:
            station.answers = {"ClearCache": hold}
            tasks = [
                asyncio.ensure_future(csms.command("S", "ClearCache", {}))
                for _ in range(WAITING + 3)
            ]
            await station.next_command()
            await station.call("Heartbeat")
            assert len(station.commands) == 1
            done = [task.result().result for task in tasks if task.done()]
            assert done == ["busy"] * 3
            station.answers = {}
            await station.socket.send(json.dumps([3, held[0][1], {"status": "Accepted"}]))
            outcomes = await asyncio.wait_for(asyncio.gather(*tasks), 20)
            assert sum(outcome.result == "answered" for outcome in outcomes) == WAITING

    run(scene())


@pytest.mark.socket
def test_commands_are_written_down_without_what_they_carry(
    run: Any, obedient: Any, tmp_path: Path
) -> None:
    file = tmp_path / "csms.sqlite"

    async def scene() -> None:
        options = CsmsOptions(port=0, sqlite=file)
        async with CentralSystem(options) as csms, obedient(csms.url, "S") as station:
            station.answers = {"ChangeConfiguration": {"status": "Accepted"}}
            payload = {"key": "AuthorizationKey", "value": "hush-hush-hush-hush"}
            await csms.command("S", "ChangeConfiguration", payload)

    run(scene())
    with sqlite3.connect(file) as db:
        rows = db.execute("SELECT station, action, result, answer FROM commands").fetchall()
    assert rows == [("S", "ChangeConfiguration", "answered", '{"status": "Accepted"}')]
    for path in tmp_path.iterdir():
        assert b"hush" not in path.read_bytes()


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_a_payload_with_a_field_of_no_message_is_found(
    least_payload: Any, version: str, action: str
) -> None:
    payload = least_payload(MessageType.Call, action, version)
    (mistake,) = wrong_payload(version, action, {**payload, "noSuchField": 1})
    assert mistake.field == "noSuchField"
    for name in payload:
        less = {key: value for key, value in payload.items() if key != name}
        (mistake,) = wrong_payload(version, action, less)
        assert (mistake.field, mistake.expected) == (name, "this field")
    assert schema(version, action)["type"] == "object"


@pytest.mark.parametrize(
    ("version", "action", "payload", "line"),
    [
        ("1.6", "Reset", {"type": "soft"},
         "type: value 'soft': expected one of Hard, Soft; did you mean 'Soft'?"),
        ("1.6", "Reset", {"typ": "Soft", "type": "Soft"},
         "typ: value 'Soft': expected a field of this message; did you mean 'type'?"),
        ("1.6", "Reset", [], "value []: expected an object (a payload in JSON)"),
        ("1.6", "UnlockConnector", {"connectorId": "1"},
         "connectorId: value '1': expected a value of type integer"),
        ("1.6", "ChangeConfiguration", {"key": "k" * 51, "value": ""},
         "key: value '***': expected text of at most 50 characters"),
        ("2.0.1", "GetVariables", {"getVariableData": []},
         "getVariableData: value []: expected at least 1 of them"),
        ("2.0.1", "SetVariables", {"setVariableData": [
            {"component": {}, "variable": {"name": "x"}, "attributeValue": "1"}]},
         "setVariableData[0].component.name: expected this field"),
    ],
)  # fmt: skip
def test_a_mistake_names_field_value_and_what_was_expected(
    version: str, action: str, payload: Any, line: str
) -> None:
    assert [str(mistake) for mistake in wrong_payload(version, action, payload)] == [line]


def test_limits_of_1_6_have_one_decimal() -> None:
    def profile(limit: float) -> Any:
        return {
            "connectorId": 0,
            "csChargingProfiles": {
                "chargingProfileId": 1,
                "stackLevel": 0,
                "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Relative",
                "chargingSchedule": {
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
                },
            },
        }

    for limit in (0.1, 0.3, 21.4, 16, 1e3):
        assert wrong_payload("1.6", "SetChargingProfile", profile(limit)) == []
    (mistake,) = wrong_payload("1.6", "SetChargingProfile", profile(21.44))
    where = "csChargingProfiles.chargingSchedule.chargingSchedulePeriod[0].limit"
    assert str(mistake) == f"{where}: value 21.44: expected a multiple of 0.1"


def test_an_action_that_is_no_command_has_the_nearest_named() -> None:
    assert wrong_action("1.6", "Reset") is None
    text = str(wrong_action("1.6", "RemoteStart"))
    assert "OCPP 1.6" in text and "did you mean 'RemoteStartTransaction'?" in text
    for action in ("Heartbeat", "GetBaseReport", 5, None, ""):
        assert wrong_action("1.6", action) is not None
    assert wrong_action("2.0.1", "GetBaseReport") is None


def test_answers_are_held_to_their_schemas() -> None:
    assert wrong_answer("2.0.1", "Reset", {"status": "Scheduled"}) == []
    assert wrong_answer("1.6", "Reset", {"status": "Scheduled"})
    assert wrong_answer("1.6", "Reset", None)
