"""The embedded CSMS in OCPP 2.0.1, spoken to by the ocpp package's own station."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from ocpp.messages import MessageType
from ocpp.v201 import ChargePoint, call
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from simulator.csms import CsmsOptions
from simulator.csms.central import CentralSystem
from simulator.csms.commands import COMMANDS
from simulator.csms.door import Registers
from simulator.csms.tokens import Standing

pytestmark = [pytest.mark.socket, pytest.mark.usefixtures("either_end")]

ANY_PORT = CsmsOptions(port=0)
AT = "2026-06-01T12:00:00.000Z"
VERSION = "2.0.1"

SENT_BY_STATIONS = (
    "Authorize",
    "BootNotification",
    "ClearedChargingLimit",
    "DataTransfer",
    "FirmwareStatusNotification",
    "Get15118EVCertificate",
    "GetCertificateStatus",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "NotifyChargingLimit",
    "NotifyCustomerInformation",
    "NotifyDisplayMessages",
    "NotifyEVChargingNeeds",
    "NotifyEVChargingSchedule",
    "NotifyEvent",
    "NotifyMonitoringReport",
    "NotifyReport",
    "PublishFirmwareStatusNotification",
    "ReportChargingProfiles",
    "ReservationStatusUpdate",
    "SecurityEventNotification",
    "SignCertificate",
    "StatusNotification",
    "TransactionEvent",
)


class Station:
    """The ocpp package's ChargePoint, connected; it checks every answer by its schema."""

    def __init__(self, url: str, station: str = "CS1") -> None:
        offered: Any = ["ocpp2.0.1", "ocpp1.6"]
        self._connect = connect(f"{url}/{station}", compression=None, subprotocols=offered)

    async def __aenter__(self) -> Station:
        socket = await self._connect
        assert socket.subprotocol == "ocpp2.0.1"
        self._socket, self._point = socket, ChargePoint("CS1", socket, response_timeout=20)
        self._task = asyncio.ensure_future(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._task

    async def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._point.start()

    async def say(self, payload: Any) -> Any:
        return await self._point.call(payload, suppress=False)


def event(kind: str, seq_no: int, **more: Any) -> Any:
    info = {"transaction_id": more.pop("transaction_id", "tx-1"), **more.pop("info", {})}
    return call.TransactionEvent(
        event_type=kind,
        timestamp=more.pop("timestamp", AT),
        trigger_reason=more.pop("trigger_reason", "MeterValuePeriodic"),
        seq_no=seq_no,
        transaction_info=info,
        **more,
    )


def register(value: float, **more: Any) -> list[dict[str, Any]]:
    return [{"timestamp": AT, "sampled_value": [{"value": value, **more}]}]


def test_stations_and_csms_share_every_message_of_the_version() -> None:
    both = set(SENT_BY_STATIONS) & set(COMMANDS[VERSION])
    assert both == {"DataTransfer"}
    assert len(set(SENT_BY_STATIONS) | set(COMMANDS[VERSION])) == 64


@pytest.mark.parametrize("validate", [True, False])
def test_every_message_of_a_station_is_answered_as_its_schema_says(
    run: Any, obedient: Any, least_payload: Any, validate: bool
) -> None:
    async def scene() -> None:
        options = CsmsOptions(port=0, validate=validate)
        async with CentralSystem(options) as csms, obedient(csms.url, "CS1", VERSION) as station:
            for action in SENT_BY_STATIONS:
                await station.call(action, **least_payload(MessageType.Call, action, VERSION))
            assert set(csms.holdings.messages()) == set(SENT_BY_STATIONS)
            assert csms.holdings.messages().total() == len(SENT_BY_STATIONS)
            assert not csms.holdings.complaints
            assert csms.holdings.stations["CS1"].version == VERSION

    run(scene())


def test_what_the_csms_cannot_do_is_refused(run: Any, obedient: Any, least_payload: Any) -> None:
    refusals = {
        "Get15118EVCertificate": "Failed",
        "GetCertificateStatus": "Failed",
        "NotifyEVChargingNeeds": "Rejected",
        "DataTransfer": "UnknownVendorId",
        "SignCertificate": "Rejected",
        "NotifyEVChargingSchedule": "Accepted",
    }

    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms, obedient(csms.url, "CS1", VERSION) as station:
            for action, status in refusals.items():
                payload = least_payload(MessageType.Call, action, VERSION)
                assert (await station.call(action, **payload))["status"] == status
            assert set(csms.holdings.stations["CS1"].notes) == set(refusals)

    run(scene())


def test_both_versions_live_on_one_port(run: Any, obedient: Any) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms:
            async with obedient(csms.url, "old", "1.6") as old, Station(csms.url, "new") as new:
                await old.boot()
                station = {"vendor_name": "V", "model": "M", "serial_number": "S"}
                answer = await new.say(
                    call.BootNotification(charging_station=station, reason="PowerUp")
                )
                assert (answer.status, answer.interval) == ("Accepted", 300)
                assert csms.connected() == ["new", "old"]
                assert csms.version_of("old") == "1.6" and csms.version_of("new") == VERSION
            record = csms.holdings.stations["new"]
            assert (record.vendor, record.model, record.serial, record.boots) == ("V", "M", "S", 1)

    run(scene())


def test_a_transaction_is_held_from_started_to_ended(run: Any) -> None:
    async def scene() -> None:
        registers = Registers(tokens={"good": "Accepted"})
        csms = CentralSystem(ANY_PORT, registers)
        async with csms, Station(csms.url) as station:
            answer = await station.say(
                event(
                    "Started",
                    0,
                    trigger_reason="Authorized",
                    id_token={"id_token": "GOOD", "type": "ISO14443"},
                    evse={"id": 2, "connector_id": 1},
                    info={"charging_state": "EVConnected"},
                    meter_value=register(10.0, unit_of_measure={"unit": "kWh"}),
                )
            )
            assert answer.id_token_info == {"status": "Accepted"}
            answer = await station.say(
                event(
                    "Updated",
                    1,
                    info={"charging_state": "Charging"},
                    offline=True,
                    meter_value=register(12_500.0),
                )
            )
            assert answer.id_token_info is None
            held = csms.holdings.told("CS1", "tx-1")
            assert held is not None and held.open and held.energy_wh == 2500
            assert (held.evse, held.connector, held.token) == (2, 1, "GOOD")
            assert held.charging_state == "Charging"
            await station.say(
                event(
                    "Ended",
                    2,
                    info={"stopped_reason": "EVDisconnected"},
                    meter_value=register(14_000.0),
                )
            )
            assert not held.open and held.reason == "EVDisconnected" and held.energy_wh == 4000
            summary = csms.holdings.summary()
            assert summary["energy_kwh"] == 4.0
            assert summary["transaction_events"] == {
                "missing": 0,
                "repeated": 0,
                "offline": 1,
                "without_start": 0,
            }

    run(scene())


def test_gaps_repetitions_and_a_missing_start_are_counted(run: Any) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms, Station(csms.url) as station:
            await station.say(event("Started", 0))
            await station.say(event("Started", 0))
            await station.say(event("Updated", 3))
            await station.say(event("Updated", 1))
            await station.say(event("Ended", 4))
            await station.say(event("Updated", 7, transaction_id="tx-2"))
            held = csms.holdings
            assert held.told("CS1", "tx-1").sequence.missing == {2}  # type: ignore[union-attr]
            assert held.summary()["transaction_events"] == {
                "missing": 8,
                "repeated": 1,
                "offline": 0,
                "without_start": 1,
            }
            assert (held.started, held.stopped) == (2, 1)
            other = held.told("CS1", "tx-2")
            assert other is not None and other.open and not other.begun

    run(scene())


def test_one_id_at_two_stations_is_two_transactions(run: Any) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms:
            async with Station(csms.url, "A") as a, Station(csms.url, "B") as b:
                await a.say(event("Started", 0))
                await b.say(event("Started", 0))
            assert len(csms.holdings.transactions) == 2

    run(scene())


def test_tokens_stand_as_the_register_says(run: Any) -> None:
    async def scene() -> None:
        csms = CentralSystem(ANY_PORT, Registers(tokens={"good": "Accepted", "bad": "Blocked"}))
        async with csms, Station(csms.url) as station:
            csms.tokens.put("Fleet", Standing("NotAtThisTime", "GROUP", AT))

            async def status(token: str, kind: str = "ISO14443", **more: Any) -> Any:
                id_token = {"id_token": token, "type": kind}
                return await station.say(call.Authorize(id_token=id_token, **more))

            for token, expected in (("good", "Accepted"), ("BAD", "Blocked"), ("new", "Invalid")):
                assert (await status(token)).id_token_info == {"status": expected}
            assert (await status("", "NoAuthorization")).id_token_info["status"] == "Accepted"
            info = (await status("FLEET")).id_token_info
            assert info["cache_expiry_date_time"] == AT
            assert info["group_id_token"]["id_token"] == "GROUP"
            pem = "-----BEGIN CERTIFICATE-----"
            for token, expected in (("good", "Accepted"), ("bad", "ContractCancelled")):
                answer = await status(token, "eMAID", certificate=pem)
                assert answer.certificate_status == expected
            answer = await station.say(
                event("Started", 0, id_token={"id_token": "new", "type": "ISO14443"})
            )
            assert answer.id_token_info == {"status": "Invalid"}
            assert csms.holdings.transactions[1].token_status == "Invalid"

    run(scene())


def test_1_6_is_told_of_groups_and_in_its_own_words(run: Any, obedient: Any) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms, obedient(csms.url) as station:
            csms.tokens.put("Fleet", Standing("NotAtThisTime", "GROUP", AT))
            answer = await station.call("Authorize", idTag="fleet")
            assert answer["idTagInfo"] == {
                "status": "Invalid",
                "parentIdTag": "GROUP",
                "expiryDate": AT,
            }

    run(scene())


def test_statuses_are_by_evse_and_connector(run: Any) -> None:
    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms, Station(csms.url) as station:
            for evse, status in ((1, "Occupied"), (2, "Available"), (1, "Faulted")):
                await station.say(
                    call.StatusNotification(
                        timestamp=AT, connector_status=status, evse_id=evse, connector_id=1
                    )
                )
            statuses = csms.holdings.stations["CS1"].statuses
            assert statuses == {"1.1": "Faulted", "2.1": "Available"}

    run(scene())


def test_a_report_in_parts_is_put_together(run: Any) -> None:
    def data(name: str) -> list[dict[str, Any]]:
        attribute = {"value": name, "type": "Actual"}
        part = {"component": {"name": "C"}, "variable": {"name": name}}
        return [{**part, "variable_attribute": [attribute]}]

    def part(number: int, name: str, tbc: bool) -> Any:
        return call.NotifyReport(
            request_id=5, generated_at=AT, seq_no=number, tbc=tbc, report_data=data(name)
        )

    async def scene() -> None:
        async with CentralSystem(ANY_PORT) as csms, Station(csms.url) as station:
            await station.say(part(0, "a", True))
            await station.say(part(2, "c", False))
            (report,) = csms.holdings.reports.of("CS1")
            assert (report.complete, report.missing) == (False, [1])
            await station.say(part(1, "b", True))
            assert report.complete
            assert [row["variable"]["name"] for row in report.content()] == ["a", "b", "c"]
            assert report.content()[0]["variableAttribute"] == [{"value": "a", "type": "Actual"}]

    run(scene())


def test_the_database_holds_2_0_1_and_is_continued(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "csms.sqlite"
    options = CsmsOptions(port=0, sqlite=file)

    async def first_life() -> None:
        async with CentralSystem(options) as csms, Station(csms.url) as station:
            token = {"id_token": "T", "type": "ISO14443"}
            await station.say(
                event("Started", 0, id_token=token, evse={"id": 1}, meter_value=register(5.0))
            )
            await station.say(call.FirmwareStatusNotification(status="Installed"))

    async def second_life() -> None:
        async with CentralSystem(options) as csms, Station(csms.url) as station:
            await station.say(event("Ended", 1, meter_value=register(9.0)))
            assert csms.holdings.summary()["transaction_events"] == {
                "missing": 0,
                "repeated": 0,
                "offline": 0,
                "without_start": 0,
            }
            assert csms.holdings.transactions[1].energy_wh == 4.0
            assert not csms.holdings.transactions[1].open

    run(first_life())
    run(second_life())
    with sqlite3.connect(file) as db:
        rows = db.execute(
            "SELECT version, wire_id, evse, id_tag, meter_start, meter_stop, next_seq_no"
            " FROM transactions"
        ).fetchall()
        assert rows == [("2.0.1", "tx-1", 1, "T", 5, 9, 2)]
        kinds = db.execute("SELECT seq_no, kind FROM transaction_events").fetchall()
        assert kinds == [(0, "Started"), (1, "Ended")]
        values = db.execute("SELECT transaction_id, value FROM meter_values").fetchall()
        assert values == [(1, "5.0"), (1, "9.0")]
        notes = db.execute("SELECT action, payload FROM notifications").fetchall()
        assert notes == [("FirmwareStatusNotification", '{"status": "Installed"}')]


def test_a_database_of_an_earlier_version_is_continued(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "old.sqlite"
    with sqlite3.connect(file) as db:
        db.execute(
            "CREATE TABLE transactions (id INTEGER PRIMARY KEY, station TEXT, connector INTEGER,"
            " id_tag TEXT, token_status TEXT, start_at TEXT, meter_start INTEGER, stop_at TEXT,"
            " meter_stop INTEGER, reason TEXT)"
        )
        row = (41, "CP1", 1, "T", "Accepted", AT, 0, None, None, None)
        db.execute("INSERT INTO transactions VALUES (?,?,?,?,?,?,?,?,?,?)", row)

    async def scene() -> None:
        async with CentralSystem(CsmsOptions(port=0, sqlite=file)) as csms:
            old = csms.holdings.transactions[41]
            assert (old.version, old.evse, old.open) == ("1.6", 1, True)
            async with Station(csms.url) as station:
                await station.say(event("Started", 0))
            assert csms.holdings.told("CS1", "tx-1") is csms.holdings.transactions[42]

    run(scene())


def test_bad_calls_get_a_callerror_and_the_connection_lives(run: Any, open_client: Any) -> None:
    async def scene() -> None:
        protocols = {"subprotocols": ["ocpp2.0.1"]}
        async with CentralSystem(ANY_PORT) as csms:
            async with open_client(csms.url, "CS1", **protocols) as client:
                for action, payload in (
                    ("TransactionEvent", {}),
                    ("Authorize", {"idToken": {"idToken": 5, "type": "ISO14443"}}),
                    ("Heartbeat", {"surprise": 1}),
                    ("StartTransaction", {}),
                    ("Reset", {"type": "Immediate"}),
                ):
                    assert (await client.call(action, **payload))[0] == 4, action
                assert (await client.call("Heartbeat"))[0] == 3
            assert csms.holdings.complaints.total() == 5
            assert csms.holdings.messages() == {"Heartbeat": 1}

    run(scene())
