"""What was answered survives kill -9: a real process, real transactions, a real kill."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from simulator.csms import CsmsOptions
from simulator.csms.central import CentralSystem
from simulator.csms.journal import Journal, JournalError
from simulator.csms.process import EmbeddedCsms
from simulator.csms.transactions import MOST_MISSING, Event, Transaction

pytestmark = [pytest.mark.socket, pytest.mark.usefixtures("either_end")]

AT = "2026-06-01T12:00:00.000Z"
ENOUGH = 400
"""Answers after which the process is killed."""


def recorded(file: Path) -> dict[tuple[str, str], dict[str, Any]]:
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.row_factory = sqlite3.Row
        rows = [dict(row) for row in db.execute("SELECT * FROM recorded")]
    return {(row["station"], row["transaction_id"]): row for row in rows}


@pytest.mark.process
def test_every_transaction_that_was_answered_is_there_after_a_kill(
    run: Any, obedient: Any, tmp_path: Path
) -> None:
    file = tmp_path / "csms.sqlite"
    options = CsmsOptions(port=0, sqlite=file)
    csms = EmbeddedCsms(options)
    csms.start()
    answered: dict[tuple[str, str], dict[str, Any]] = {}
    count = 0
    killed = asyncio.Event()
    lines: list[asyncio.Task[None]] = []

    def heard(key: tuple[str, str], **what: Any) -> None:
        nonlocal count
        answered.setdefault(key, {}).update(what)
        count += 1
        if count == ENOUGH:
            os.kill(csms.pid, signal.SIGKILL)
            killed.set()

    async def station_16(name: str) -> None:
        async with obedient(csms.url, name) as station:
            lines.append(station._task)
            for i in range(10_000):
                start = {"connectorId": 2, "idTag": f"T{i}", "meterStart": i, "timestamp": AT}
                begun = await station.call("StartTransaction", **start)
                key = (name, str(begun["transactionId"]))
                heard(key, evse=2, token=f"T{i}", start_at=AT, meter_start_wh=i)
                stop = {"meterStop": i + 7, "timestamp": AT, "reason": "Local"}
                number = begun["transactionId"]
                await station.call("StopTransaction", transactionId=number, **stop)
                heard(key, stop_at=AT, meter_stop_wh=i + 7, energy_wh=7, reason="Local")

    async def station_201(name: str) -> None:
        async with obedient(csms.url, name, "2.0.1") as station:
            lines.append(station._task)
            for i in range(10_000):

                async def tell(kind: str, seq_no: int, i: int = i, **more: Any) -> None:
                    value = {"value": i + 7 * seq_no}
                    await station.call(
                        "TransactionEvent",
                        eventType=kind,
                        triggerReason="RemoteStart",
                        seqNo=seq_no,
                        timestamp=AT,
                        transactionInfo={"transactionId": f"tx-{i}"},
                        meterValue=[{"timestamp": AT, "sampledValue": [value]}],
                        **more,
                    )

                token = {"idToken": f"T{i}", "type": "ISO14443"}
                await tell("Started", 0, evse={"id": 3, "connectorId": 1}, idToken=token)
                key = (name, f"tx-{i}")
                heard(key, evse=3, connector=1, token=f"T{i}", start_at=AT, meter_start_wh=i)
                await tell("Ended", 1)
                heard(key, stop_at=AT, meter_stop_wh=i + 7, energy_wh=7, reason="Local")

    async def scene() -> None:
        stations = [station_16(f"A{i}") for i in range(4)] + [station_201(f"B{i}") for i in "xyz"]
        tasks = [asyncio.ensure_future(station) for station in stations]
        await killed.wait()
        await asyncio.wait(lines)  # each connection is gone
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(scene())
    csms.stop()
    assert csms.holdings is None  # it was killed
    rows = recorded(file)
    assert sum(1 for what in answered.values() if "stop_at" in what) > ENOUGH / 4
    for key, told in answered.items():
        assert {name: rows[key][name] for name in told} == told, key
    unanswered = len(rows) - len(answered)
    assert 0 <= unanswered <= 7  # at most one call is open at each station

    async def goes_on() -> None:
        async with CentralSystem(options) as again, obedient(again.url, "A0") as station:
            key, told = next(item for item in answered.items() if item[0][0] == "A0")
            start = {"connectorId": 2, "idTag": told["token"], "timestamp": AT}
            begun = await station.call(
                "StartTransaction", **start, meterStart=told["meter_start_wh"]
            )
            assert str(begun["transactionId"]) == key[1]
            assert again.holdings.starts_repeated == 1

    run(goes_on())
    assert len(recorded(file)) == len(rows)


def transaction(number: int = 1, **more: Any) -> Transaction:
    return Transaction(number, "CP1", 1, "T", AT, 0, "Accepted", **more)


def test_what_waits_is_answered_after_the_commit_and_not_before(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "csms.sqlite"

    async def scene() -> None:
        journal = Journal(file)
        journal.transaction(transaction())
        waiting = asyncio.ensure_future(journal.settling())
        await asyncio.sleep(0)
        assert not waiting.done() and not recorded(file)  # nobody writes yet
        journal.start()
        await waiting
        assert recorded(file)
        for number in range(2, 50):
            journal.transaction(transaction(number))
            await journal.settling()
            assert len(recorded(file)) == number
        journal.close()

    run(scene())


def test_a_transaction_that_cannot_be_written_is_answered_with_an_error(
    run: Any, open_client: Any, tmp_path: Path
) -> None:
    file = tmp_path / "csms.sqlite"
    start = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": AT}

    async def scene() -> None:
        async with CentralSystem(CsmsOptions(port=0, sqlite=file)) as csms:
            with contextlib.closing(sqlite3.connect(file)) as db:
                db.execute("DROP TABLE transactions")
            async with open_client(csms.url) as client:
                answer = await client.call("StartTransaction", **start)
                assert answer[0] == 4 and answer[2] == "InternalError"
                assert (await client.call("Heartbeat"))[0] == 3
            assert csms.holdings.complaints == {"JournalError": 1}

    with pytest.raises(JournalError, match="no such table"):
        run(scene())


def test_a_number_beyond_64_bits_stops_no_writer(
    run: Any, open_client: Any, tmp_path: Path
) -> None:
    file = tmp_path / "csms.sqlite"
    start = {"connectorId": 1, "idTag": "T", "meterStart": 10**30, "timestamp": AT}
    written: list[float] = []

    async def scene() -> None:
        server = CentralSystem(CsmsOptions(port=0, sqlite=file))
        async with server as csms, open_client(csms.url) as client:
            huge = await client.call("StartTransaction", **start)
            # The fast end takes no number of more than 64 bits.
            assert (huge[0], server.options.fast) in ((3, False), (4, True))
            small = await client.call("StartTransaction", **{**start, "meterStart": 5})
            assert small[0] == 3
            written.extend([5] if server.options.fast else [1e30, 5])

    run(scene())
    assert [row["meter_start_wh"] for row in recorded(file).values()] == written


def test_e_gaps_of_an_earlier_life_are_still_gaps(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "csms.sqlite"

    def tell(journal: Journal, number: int, *seq_nos: int) -> None:
        held = transaction(number, version="2.0.1", wire_id=f"tx-{number}")
        from simulator.csms.transactions import Sequence

        held.sequence = Sequence()
        for seq_no in seq_nos:
            held.sequence.take(seq_no)
            journal.event(number, Event("CP1", held.wire_id, "Updated", seq_no, AT, "Clock"))
        journal.transaction(held)

    async def scene() -> None:
        journal = Journal(file)
        journal.start()
        tell(journal, 1, 0, 1, 2)
        tell(journal, 2, 0, 3, 5, 1)
        tell(journal, 3, 10 * MOST_MISSING)
        await journal.settling()
        journal.close()
        journal = Journal(file)
        missing = [t.sequence.missing for t in journal.transactions() if t.sequence is not None]
        assert missing[:2] == [set(), {2, 4}]
        assert len(missing[2]) <= MOST_MISSING
        journal.close()

    run(scene())


def test_the_view_names_its_columns_as_a_comparison_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "csms.sqlite"
    journal = Journal(file)
    journal.start()
    journal.transaction(transaction(stop_at=AT, meter_stop=7, reason="Local", evse=1))
    journal.close()
    assert json.loads(json.dumps(list(recorded(file).values()))) == [
        {
            "station": "CP1",
            "version": "1.6",
            "transaction_id": "1",
            "evse": 1,
            "connector": 1,
            "token": "T",
            "start_at": AT,
            "stop_at": AT,
            "meter_start_wh": 0,
            "meter_stop_wh": 7,
            "energy_wh": 7,
            "reason": "Local",
            "number": 1,
        }
    ]
