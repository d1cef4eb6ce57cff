"""The embedded CSMS over real sockets, spoken to by a bare client."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from ocpp.messages import Call, CallResult, MessageType, get_validator
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from simulator.csms import CsmsOptions
from simulator.csms.central import CentralSystem
from simulator.csms.door import Registers
from simulator.csms.journal import Journal, JournalError

pytestmark = [pytest.mark.socket, pytest.mark.usefixtures("either_end")]

ANY_PORT = CsmsOptions(port=0)
AT = "2026-06-01T12:00:00.000Z"


def conforms(action: str, answer: list[Any]) -> None:
    """The answer is a CALLRESULT whose payload fits the schema of the specification."""
    assert answer[0] == CallResult.message_type_id == 3, answer
    get_validator(MessageType.CallResult, action, "1.6").validate(answer[2])


async def charge(client: Any, tag: str = "T1", meter_start: int = 0) -> int:
    """A whole transaction; returns its id."""
    begun = await client.call(
        "StartTransaction", connectorId=1, idTag=tag, meterStart=meter_start, timestamp=AT
    )
    number = begun[2]["transactionId"]
    sample = {"value": str(meter_start + 400), "measurand": "Energy.Active.Import.Register"}
    await client.call(
        "MeterValues",
        connectorId=1,
        transactionId=number,
        meterValue=[{"timestamp": AT, "sampledValue": [sample]}],
    )
    await client.call(
        "StopTransaction",
        transactionId=number,
        meterStop=meter_start + 1500,
        timestamp=AT,
        reason="EVDisconnected",
    )
    return int(number)


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"}),
    ("Heartbeat", {}),
    ("Authorize", {"idTag": "T1"}),
    ("StatusNotification", {"connectorId": 0, "errorCode": "NoError", "status": "Available"}),
    (
        "StartTransaction",
        {"connectorId": 1, "idTag": "T1", "meterStart": 0, "timestamp": AT},
    ),
    (
        "MeterValues",
        {"connectorId": 1, "meterValue": [{"timestamp": AT, "sampledValue": [{"value": "1"}]}]},
    ),
    ("StopTransaction", {"transactionId": 1, "meterStop": 1, "timestamp": AT}),
    ("StopTransaction", {"transactionId": 1, "meterStop": 1, "timestamp": AT, "idTag": "T1"}),
    ("DataTransfer", {"vendorId": "somebody"}),
    ("FirmwareStatusNotification", {"status": "Idle"}),
    ("DiagnosticsStatusNotification", {"status": "Idle"}),
    ("LogStatusNotification", {"status": "Uploaded", "requestId": 1}),
    ("SecurityEventNotification", {"type": "SettingSystemTime", "timestamp": AT}),
    ("SignCertificate", {"csr": "-----BEGIN CERTIFICATE REQUEST-----"}),
    ("SignedFirmwareStatusNotification", {"status": "Downloading", "requestId": 1}),
]


@pytest.mark.parametrize("validate", [True, False])
def test_every_action_is_answered_as_the_schema_says(
    run: Any, open_client: Any, validate: bool
) -> None:
    async def scene() -> None:
        options = CsmsOptions(port=0, validate=validate)
        async with CentralSystem(options) as csms, open_client(csms.url) as client:
            for action, payload in CALLS:
                get_validator(Call.message_type_id, action, "1.6").validate(payload)
                conforms(action, await client.call(action, **payload))
            messages = csms.holdings.messages()
            assert messages["StopTransaction"] == 2
            assert messages.total() == len(CALLS)
            assert not csms.holdings.complaints

    run(scene())


def test_boot_tells_interval_and_time(run: Any, open_client: Any) -> None:
    async def scene() -> None:
        options = CsmsOptions(port=0, heartbeat_interval_s=77)
        async with CentralSystem(options) as csms, open_client(csms.url) as client:
            answer = await client.call(
                "BootNotification",
                chargePointVendor="Vendor",
                chargePointModel="Model",
                chargePointSerialNumber="S1",
                firmwareVersion="1.2",
            )
            assert answer[2]["status"] == "Accepted"
            assert answer[2]["interval"] == 77
            assert answer[2]["currentTime"].endswith("Z")
            record = csms.holdings.stations["CP1"]
            told = (record.vendor, record.model, record.serial, record.firmware, record.boots)
            assert told == ("Vendor", "Model", "S1", "1.2", 1)

    run(scene())


@pytest.mark.parametrize(("told", "status"), [("pending", "Pending"), ("rejected", "Rejected")])
def test_boot_status_is_as_asked(run: Any, open_client: Any, told: Any, status: str) -> None:
    async def scene() -> None:
        options = CsmsOptions(port=0, boot_status=told)
        async with CentralSystem(options) as csms, open_client(csms.url) as client:
            answer = await client.boot()
            conforms("BootNotification", answer)
            assert answer[2]["status"] == status

    run(scene())


def test_a_transaction_is_held_from_start_to_stop(run: Any, open_client: Any) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms:
            async with open_client(csms.url, "A") as a, open_client(csms.url, "B") as b:
                first = await charge(a, meter_start=100)
                second = await charge(b)
                status = {"connectorId": 1, "errorCode": "NoError", "status": "Finishing"}
                await a.call("StatusNotification", **status)
            held = csms.holdings
            assert first != second
            transaction = held.transactions[first]
            assert (transaction.station, transaction.reason) == ("A", "EVDisconnected")
            assert transaction.energy_wh == 1500
            assert transaction.meter_values == 1
            assert transaction.last_register == 500.0
            assert held.stations["A"].statuses == {"1": "Finishing"}
            summary = held.summary()
            assert summary["transactions"] == {
                "started": 2,
                "stopped": 2,
                "open": 0,
                "starts_repeated": 0,
                "stops_repeated": 0,
                "stops_unknown": 0,
            }
            assert summary["energy_kwh"] == 3.0
            json.dumps(summary)

    run(scene())


def test_tokens_have_the_status_of_the_register(run: Any, open_client: Any) -> None:
    async def scene() -> None:
        registers = Registers(tokens={"good": "Accepted", "bad": "Blocked", "old": "Expired"})
        csms = CentralSystem(ANY_PORT, registers)
        async with csms, open_client(csms.url) as client:
            for tag, status in (
                ("good", "Accepted"),
                ("bad", "Blocked"),
                ("old", "Expired"),
                ("new", "Invalid"),
            ):
                answer = await client.call("Authorize", idTag=tag)
                assert answer[2]["idTagInfo"]["status"] == status
            answer = await client.call(
                "StartTransaction", connectorId=1, idTag="new", meterStart=0, timestamp=AT
            )
            conforms("StartTransaction", answer)
            assert answer[2]["idTagInfo"]["status"] == "Invalid"

    run(scene())


def test_known_stations_and_passwords(run: Any, open_client: Any) -> None:
    def headers(user: str, password: str) -> dict[str, str]:
        return {
            "Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        }

    async def scene() -> None:
        registers = Registers(passwords={"CP 1": "secret", "open": None})
        async with CentralSystem(ANY_PORT, registers) as csms:
            good = open_client(csms.url, "CP%201", additional_headers=headers("CP 1", "secret"))
            async with good as client, open_client(csms.url, "open") as other:
                assert (await client.boot())[2]["status"] == "Accepted"
                assert (await other.boot())[2]["status"] == "Accepted"
                assert csms.holdings.connected() == 2
            for station, extra, status in (
                ("nobody", {}, 404),
                ("", {}, 404),
                ("CP%201", {}, 401),
                ("CP%201", headers("CP 1", "wrong"), 401),
            ):
                with pytest.raises(InvalidStatus) as refused:
                    async with open_client(csms.url, station, additional_headers=extra):
                        pass
                assert refused.value.response.status_code == status
                challenge = refused.value.response.headers.get("WWW-Authenticate", "")
                assert challenge.startswith("Basic") == (status == 401)
            assert csms.holdings.refused.total() == 4
            assert set(csms.holdings.stations) == {"CP 1", "open"}

    run(scene())


@pytest.mark.parametrize("offered", [["ocpp2.0", "ocpp1.5"], None])
def test_ocpp_j_3_2_without_a_common_subprotocol_it_completes_the_handshake_and_closes(
    run: Any, offered: Any
) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms:
            async with connect(f"{csms.url}/CP1", subprotocols=offered) as socket:
                assert socket.subprotocol is None
                with pytest.raises(ConnectionClosed):
                    await asyncio.wait_for(socket.recv(), 20)
            assert csms.holdings.refused == {"no common sub-protocol": 1}
            assert not csms.holdings.stations

    run(scene())


def test_bad_calls_get_a_callerror_and_the_connection_lives(run: Any, open_client: Any) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms, open_client(csms.url) as client:
            missing = await client.call("Authorize")
            assert missing[0] == 4 and missing[2] == "ProtocolError"
            wrong = await client.call("Authorize", idTag=5)
            assert wrong[0] == 4 and wrong[2] == "TypeConstraintViolation"
            extra = await client.call("Heartbeat", surprise=1)
            assert extra[0] == 4
            unknown = await client.call("MakeCoffee")
            assert unknown[0] == 4
            assert (await client.boot())[0] == 3
            assert csms.holdings.complaints.total() == 4
            assert csms.holdings.messages() == {"BootNotification": 1}

    run(scene())


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "{}",
        "[]",
        "[2]",
        '[9,"a"]',
        '[2,"a",["x"],{}]',
        '[2,"a","Heartbeat",7]',
        b"\xff",
    ],
)
@pytest.mark.parametrize("validate", [True, False])
def test_garbage_is_counted_and_the_connection_lives(
    run: Any, open_client: Any, frame: str | bytes, validate: bool
) -> None:
    async def scene() -> None:
        options = CsmsOptions(port=0, validate=validate)
        async with CentralSystem(options) as csms, open_client(csms.url) as client:
            await client.socket.send(frame)
            await client.socket.send('[2,"last","Heartbeat",{}]')
            while (answer := json.loads(await client.socket.recv()))[1] != "last":
                assert answer[0] == 4
            assert answer[0] == 3
            assert csms.holdings.complaints.total() == 1

    run(scene())


def test_a_station_that_connects_again_replaces_its_old_connection(
    run: Any, open_client: Any
) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms, open_client(csms.url) as old:
            await old.boot()
            async with open_client(csms.url) as new:
                with pytest.raises(ConnectionClosed):
                    await old.socket.recv()
                await new.boot()
                record = csms.holdings.stations["CP1"]
                assert (record.connects, record.boots, record.connected) == (2, 2, True)
                assert csms.holdings.replaced == 1

    run(scene())


def test_stopping_closes_stations_as_going_away(run: Any, open_client: Any) -> None:
    async def scene() -> None:
        csms = CentralSystem(ANY_PORT)
        await csms.start()
        async with open_client(csms.url) as client:
            await client.boot()
            await csms.stop()
            with pytest.raises(ConnectionClosed) as closed:
                await client.socket.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
        assert csms.holdings.summary()["connected"] == 1

    run(scene())


def test_the_database_holds_what_was_told_and_is_continued(
    run: Any, open_client: Any, tmp_path: Path
) -> None:
    file = tmp_path / "csms.sqlite"
    options = CsmsOptions(port=0, sqlite=file)

    async def first_life() -> int:
        async with CentralSystem(options) as csms, open_client(csms.url) as client:
            await client.boot()
            status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
            await client.call("StatusNotification", **status)
            await charge(client)
            begun = await client.call(
                "StartTransaction", connectorId=2, idTag="T2", meterStart=7, timestamp=AT
            )
            return int(begun[2]["transactionId"])

    async def second_life(running: int) -> None:
        async with CentralSystem(options) as csms, open_client(csms.url) as client:
            assert csms.holdings.transactions[running].open
            await client.call("StopTransaction", transactionId=running, meterStop=9, timestamp=AT)
            assert csms.holdings.stops_unknown == 0
            assert await charge(client, "T3") > running

    running = run(first_life())
    run(second_life(running))
    with sqlite3.connect(file) as db:
        rows = db.execute(
            "SELECT id, connector, id_tag, meter_start, meter_stop, reason FROM transactions"
        ).fetchall()
        assert rows == [
            (1, 1, "T1", 0, 1500, "EVDisconnected"),
            (2, 2, "T2", 7, 9, "Local"),
            (3, 1, "T3", 0, 1500, "EVDisconnected"),
        ]
        assert db.execute("SELECT id, vendor, boots FROM stations").fetchall() == [("CP1", "v", 1)]
        assert db.execute("SELECT connector, status FROM statuses").fetchall() == [(1, "Available")]
        values = db.execute("SELECT transaction_id, value, measurand FROM meter_values").fetchall()
        assert values == [(n, "400", "Energy.Active.Import.Register") for n in (1, 3)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("these are my notes, not a database at all, and they are long enough\n" * 20)
    with pytest.raises(JournalError, match=r"notes\.txt"):
        Journal(file)


def test_a_taken_port_is_an_oserror(run: Any) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms:
            with pytest.raises(OSError):
                await CentralSystem(CsmsOptions(port=csms.port)).start()

    run(scene())
