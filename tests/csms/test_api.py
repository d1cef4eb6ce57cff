"""The HTTP API: commands go out, what is known comes back, and a mistake is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from simulator.csms import CsmsOptions
from simulator.csms.api import Api
from simulator.csms.central import CentralSystem
from simulator.csms.commands import COMMANDS
from simulator.csms.door import Registers
from simulator.csms.openapi import document
from simulator.csms.routes import ROUTES, SCHEMAS
from simulator.csms.trouble import Trouble
from simulator.csms.web import WebServer

pytestmark = [pytest.mark.socket, pytest.mark.usefixtures("either_end")]

AT = "2026-06-01T12:00:00.000Z"
RESET = {"action": "Reset", "payload": {"type": "Soft"}}


@asynccontextmanager
async def both(registers: Registers | None = None) -> AsyncIterator[tuple[CentralSystem, str]]:
    """A CSMS and the address of its API."""
    async with CentralSystem(CsmsOptions(port=0), registers) as csms:
        web = WebServer("127.0.0.1", 0, Api(csms))
        await web.start()
        try:
            yield csms, web.url
        finally:
            await web.stop()


def fits(name: str, value: Any) -> None:
    """The value is what the OpenAPI document promises under this name."""
    Draft202012Validator(SCHEMAS[name]).validate(value)


def test_a_command_is_answered_with_what_the_station_says(
    run: Any, obedient: Any, http: Any
) -> None:
    async def scene() -> None:
        async with both() as (csms, url), obedient(csms.url, "CP 1/a") as station:
            path = "/stations/CP%201%2Fa/commands"
            station.answers = {"Reset": {"status": "Rejected"}}
            status, answer = await http(url, "POST", path, RESET)
            assert status == 200 and station.commands == [("Reset", {"type": "Soft"})]
            assert (answer["result"], answer["payload"]) == ("answered", {"status": "Rejected"})
            fits("Outcome", answer)
            station.answers = {"Reset": lambda frame: [4, frame[1], "InternalError", "sorry", {}]}
            status, answer = await http(url, "POST", path, RESET)
            assert (status, answer["error"]["code"]) == (502, "InternalError")
            fits("Outcome", answer)
            station.answers = {"Reset": {"status": 5}}
            status, answer = await http(url, "POST", path, RESET)
            assert (status, answer["result"]) == (502, "invalid_answer") and answer["problems"]
            station.answers = {"Reset": lambda frame: None}
            status, answer = await http(url, "POST", path, {**RESET, "timeout_s": 0.05})
            assert (status, answer["result"]) == (504, "timeout")
            fits("Outcome", answer)

    run(scene())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "action"),
        ({"action": 5}, "action"),
        ({"action": "Rest"}, "action"),
        ({"action": "GetBaseReport"}, "action"),
        ({"action": "Reset"}, "payload.type"),
        ({"action": "Reset", "payload": {"type": "Gentle"}}, "payload.type"),
        ({"action": "Reset", "payload": [1]}, "payload"),
        ({"action": "Reset", "payload": {"type": "Soft", "when": 1}}, "payload.when"),
        ({**RESET, "timeout_s": 0}, "timeout_s"),
        ({**RESET, "timeout_s": 1e9}, "timeout_s"),
        ({**RESET, "timeout_s": "soon"}, "timeout_s"),
        ({**RESET, "station": "x"}, "station"),
    ],
)
def test_a_wrong_command_is_400_and_names_the_field(
    run: Any, obedient: Any, http: Any, body: Any, field: str
) -> None:
    async def scene() -> None:
        async with both() as (csms, url), obedient(csms.url, "S") as station:
            status, answer = await http(url, "POST", "/stations/S/commands", body)
            assert status == 400 and field in [row["field"] for row in answer["problems"]]
            fits("Error", answer)
            assert station.commands == []

    run(scene())


def test_stations_that_are_unknown_or_gone_are_told_apart(
    run: Any, obedient: Any, http: Any
) -> None:
    async def scene() -> None:
        async with both() as (csms, url):
            async with obedient(csms.url, "CP1") as station:
                await station.boot()
            status, answer = await http(url, "POST", "/stations/CP2/commands", RESET)
            assert status == 404 and "did you mean 'CP1'?" in answer["error"]
            while csms.connected():
                await asyncio.sleep(0)
            status, answer = await http(url, "POST", "/stations/CP1/commands", RESET)
            assert status == 409 and "not connected" in answer["error"]
            fits("Error", answer)

    run(scene())


def test_stations_and_transactions_of_both_versions_are_shown(
    run: Any, obedient: Any, http: Any
) -> None:
    async def scene() -> None:
        async with (
            both(Registers(tokens={"t": "Accepted"})) as (csms, url),
            obedient(csms.url, "old") as old,
            obedient(csms.url, "new", "2.0.1") as new,
        ):
            await old.boot()
            await new.boot()
            begun = await old.call(
                "StartTransaction", connectorId=1, idTag="T", meterStart=5, timestamp=AT
            )
            event = {"timestamp": AT, "triggerReason": "Authorized"}
            await new.call(
                "TransactionEvent",
                eventType="Started",
                seqNo=0,
                transactionInfo={"transactionId": "tx"},
                idToken={"idToken": "x", "type": "Local"},
                **event,
            )
            await new.call(
                "TransactionEvent",
                eventType="Ended",
                seqNo=2,
                transactionInfo={"transactionId": "tx"},
                **event,
            )
            await new.call("FirmwareStatusNotification", status="Installed")

            async def get(path: str) -> Any:
                status, answer = await http(url, "GET", path)
                assert status == 200, answer
                return answer

            rows = (await get("/stations"))["stations"]
            assert [(row["id"], row["version"]) for row in rows] == [
                ("new", "2.0.1"),
                ("old", "1.6"),
            ]
            assert len((await get("/stations?version=1.6&connected=true"))["stations"]) == 1
            assert (await get("/stations?connected=false"))["stations"] == []
            page = await get("/stations?limit=1")
            assert page["next"] == "new"
            page = await get("/stations?limit=1&after=new")
            assert [row["id"] for row in page["stations"]] == ["old"] and not page["next"]
            station = await get("/stations/new")
            notes = {"FirmwareStatusNotification": {"status": "Installed"}}
            assert station["notifications"] == notes and station["open_transactions"] == []
            assert station["messages"]["TransactionEvent"] == 2
            one, two = (await get("/transactions"))["transactions"]
            assert one["transaction_id"] == str(begun["transactionId"]) and one["open"]
            assert (two["transaction_id"], two["token_status"]) == ("tx", "Invalid")
            assert two["events"] == {
                "next_seq_no": 3,
                "missing": [1],
                "repeated": 0,
                "offline": 0,
            }
            for query, found in (
                ("open=true", [1]),
                ("open=false", [2]),
                ("station=old", [1]),
                ("token=X", [2]),
                ("version=2.0.1", [2]),
                ("transaction_id=tx", [2]),
                ("after=1", [2]),
                ("station=nobody", []),
            ):
                rows = (await get(f"/transactions?{query}"))["transactions"]
                assert [row["number"] for row in rows] == found, query
            assert (await get("/transactions?limit=1"))["next"] == 1
            assert (await get("/summary"))["transactions"]["started"] == 2

    run(scene())


def test_reports_are_shown_whole(run: Any, obedient: Any, http: Any) -> None:
    async def scene() -> None:
        async with both() as (csms, url), obedient(csms.url, "S", "2.0.1") as station:
            row = {
                "component": {"name": "OCPPCommCtrlr"},
                "variable": {"name": "HeartbeatInterval"},
                "variableAttribute": [{"value": "300"}],
            }
            for number in (0, 1):
                await station.call(
                    "NotifyReport",
                    requestId=9, generatedAt=AT, seqNo=number, tbc=number == 0, reportData=[row],
                )  # fmt: skip
            event = {
                "eventId": 1, "timestamp": AT, "trigger": "Alerting", "actualValue": "1",
                "eventNotificationType": "HardWiredNotification",
                "component": {"name": "C"}, "variable": {"name": "V"},
            }  # fmt: skip
            await station.call("NotifyEvent", generatedAt=AT, seqNo=0, eventData=[event])
            _, answer = await http(url, "GET", "/stations/S/reports?request_id=9")
            (report,) = answer["reports"]
            assert report["complete"] and report["content"] == [row, row]
            _, answer = await http(url, "GET", "/stations/S/reports?content=false")
            assert [report["action"] for report in answer["reports"]] == [
                "NotifyReport",
                "NotifyEvent",
            ]
            assert "content" not in answer["reports"][0]
            assert (await http(url, "GET", "/stations/T/reports"))[0] == 404

    run(scene())


def test_a_broadcast_reaches_all_that_are_meant(run: Any, obedient: Any, http: Any) -> None:
    async def scene() -> None:
        async with (
            both() as (csms, url),
            obedient(csms.url, "a") as a,
            obedient(csms.url, "b") as b,
            obedient(csms.url, "c", "2.0.1") as c,
        ):
            for station, said in ((a, "Accepted"), (b, "Rejected"), (c, "Accepted")):
                station.answers = {"ClearCache": {"status": said}}
            status, answer = await http(url, "POST", "/broadcast", {"action": "ClearCache"})
            assert status == 200 and answer["stations"] == 3
            assert answer["results"] == {"answered": 3}
            assert answer["statuses"] == {"Accepted": 2, "Rejected": 1}
            for outcome in answer["outcomes"]:
                fits("Outcome", outcome)
            status, answer = await http(url, "POST", "/broadcast", RESET)
            assert status == 400 and "2.0.1" in answer["error"]
            assert answer["problems"][0]["field"] == "payload.type"
            assert len(a.commands) == 1
            b.answers = {"Reset": lambda frame: None}
            body = {**RESET, "version": "1.6", "timeout_s": 0.05}
            status, answer = await http(url, "POST", "/broadcast", body)
            assert answer["results"] == {"answered": 1, "timeout": 1}
            assert answer["outcomes"][0]["station"] == "b"
            assert len(c.commands) == 1
            body = {"action": "ClearCache", "stations": ["a", "a"]}
            _, answer = await http(url, "POST", "/broadcast", body)
            assert answer["stations"] == 1
            body["stations"] = ["a", "z"]
            status, answer = await http(url, "POST", "/broadcast", body)
            assert status == 400 and answer["problems"][0]["value"] == "'z'"

    run(scene())


def test_a_token_can_be_changed_while_stations_are_connected(
    run: Any, obedient: Any, http: Any
) -> None:
    async def scene() -> None:
        async with both() as (csms, url), obedient(csms.url, "S", "2.0.1") as station:
            body = {"status": "Blocked", "group": "G", "cache_expiry": AT}
            assert (await http(url, "PUT", "/tokens/AbC", body))[0] == 200
            answer = await station.call("Authorize", idToken={"idToken": "aBc", "type": "Local"})
            assert answer["idTokenInfo"]["status"] == "Blocked"
            assert answer["idTokenInfo"]["groupIdToken"]["idToken"] == "G"
            assert answer["idTokenInfo"]["cacheExpiryDateTime"] == AT
            _, answer = await http(url, "GET", "/tokens")
            assert answer["tokens"]["abc"] == body and answer["default"] == "Accepted"
            for wrong, field in (
                ({"status": "Fine"}, "status"),
                ({}, "status"),
                ({"status": "Blocked", "group": "g" * 21}, "group"),
                ({"status": "Blocked", "cache_expiry": "tomorrow"}, "cache_expiry"),
            ):
                status, answer = await http(url, "PUT", "/tokens/x", wrong)
                assert status == 400 and answer["problems"][0]["field"] == field

    run(scene())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/station", 404),
        ("GET", "/stations/", 404),
        ("POST", "/stations", 405),
        ("GET", "/broadcast", 405),
        ("GET", "/stations?conected=true", 400),
        ("GET", "/stations?connected=maybe", 400),
        ("GET", "/stations?limit=0", 400),
        ("GET", "/transactions?after=x", 400),
        ("GET", "/transactions?after=" + "9" * 5000, 400),
        ("GET", "/summary?x=1", 400),
        ("GET", "/commands/1.5/Reset", 404),
        ("GET", "/commands/1.6/Rest", 404),
        ("GET", "/stations/nobody", 404),
    ],
)
def test_a_wrong_request_gets_an_error(
    run: Any, http: Any, method: str, path: str, status: int
) -> None:
    async def scene() -> None:
        async with both() as (_, url):
            found, answer = await http(url, method, path)
            assert found == status
            fits("Error", answer)

    run(scene())


def test_the_document_describes_every_route_and_no_other(run: Any, http: Any) -> None:
    async def scene() -> Any:
        async with both() as (_, url):
            assert (await http(url, "GET", "/commands")) == (
                200,
                {version: list(actions) for version, actions in COMMANDS.items()},
            )
            status, schema = await http(url, "GET", "/commands/1.6/SetChargingProfile")
            assert status == 200 and "csChargingProfiles" in schema["properties"]
            return (await http(url, "GET", "/openapi.json"))[1]

    said = run(scene())
    assert said == json.loads(json.dumps(document()))
    described = {
        (method.upper(), path) for path, methods in said["paths"].items() for method in methods
    }
    assert described == {(route.method, route.path) for route in ROUTES}
    names = [
        operation["operationId"] for path in said["paths"].values() for operation in path.values()
    ]
    assert len(set(names)) == len(names) and all(
        hasattr(Api, name) != hasattr(Trouble, name) for name in names
    )
    for path, methods in said["paths"].items():
        for operation in methods.values():
            in_path = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"]
            assert in_path == [part[1:-1] for part in path.split("/") if part.startswith("{")]
    for name in _references(said):
        assert name.removeprefix("#/components/schemas/") in said["components"]["schemas"]
    for schema in said["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if "$ref" in value else []
        return here + [name for item in value.values() for name in _references(item)]
    if isinstance(value, list):
        return [name for item in value for name in _references(item)]
    return []
