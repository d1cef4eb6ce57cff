"""Transactions that the database has wrongly on request, and the others that it has rightly."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from simulator.csms import CsmsOptions
from simulator.csms.central import CentralSystem
from simulator.csms.faults import BOOKING, Mischief
from simulator.csms.options import Faults

AT = "2026-06-01T12:00:00.000Z"


def mischief(**faults: Any) -> Mischief:
    made = Mischief()
    made.set(Faults(**faults), sqlite=True)
    return made


def recorded(file: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(file) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM recorded ORDER BY number")]


async def charge_16(station: Any, i: int) -> Any:
    begun = await station.call(
        "StartTransaction", connectorId=1, idTag=f"T{i}", meterStart=i, timestamp=AT
    )
    number = begun["transactionId"]
    await station.call("StopTransaction", transactionId=number, meterStop=i + 500, timestamp=AT)
    return str(number)


async def charge_201(station: Any, i: int) -> Any:
    value = [{"timestamp": AT, "sampledValue": [{"value": i}]}]
    event = {"timestamp": AT, "transactionInfo": {"transactionId": f"tx-{i}"}}
    began = {"eventType": "Started", "triggerReason": "CablePluggedIn", "seqNo": 0}
    token = {"idToken": f"T{i}", "type": "ISO14443"}
    await station.call(
        "TransactionEvent", **event, **began, evse={"id": 1}, idToken=token, meterValue=value
    )
    value = [{"timestamp": AT, "sampledValue": [{"value": i + 500}]}]
    ended = {"eventType": "Ended", "triggerReason": "EVDeparted", "seqNo": 1}
    await station.call("TransactionEvent", **event, **ended, meterValue=value)
    return f"tx-{i}"


@pytest.mark.socket
@pytest.mark.parametrize(("version", "charge"), [("1.6", charge_16), ("2.0.1", charge_201)])
def test_books_are_falsified_as_asked_and_nothing_else_is(
    run: Any, obedient: Any, tmp_path: Path, version: str, charge: Any
) -> None:
    file = tmp_path / "csms.sqlite"
    chosen = Faults(seed=4, lose_transactions=0.2, double_transactions=0.2, wrong_energy=0.2)
    options = CsmsOptions(port=0, sqlite=file, faults=chosen)

    async def scene() -> tuple[list[str], Any, Any]:
        async with CentralSystem(options) as csms, obedient(csms.url, "S", version) as station:
            ids = [await charge(station, i) for i in range(30)]
            assert csms.holdings.summary()["energy_kwh"] == 15.0  # the API tells the truth
            return ids, csms.mischief.falsified, dict(csms.mischief.done)

    ids, falsified, done = run(scene())
    expected = mischief(**{name: getattr(chosen, name) for name in ("seed", *BOOKING)})
    fates = {name: expected.booking("S", i + 1) for i, name in enumerate(ids)}
    assert {kind: len(names) for kind, names in falsified.items()} == done
    for kind in BOOKING:
        assert [f"S/{name}" for name in ids if fates[name] == kind] == falsified[kind] != []
    rows = recorded(file)
    by_start = Counter((row["station"], row["token"]) for row in rows)
    for i, name in enumerate(ids):
        copies = {"lose_transactions": 0, "double_transactions": 2}.get(fates[name] or "", 1)
        assert by_start["S", f"T{i}"] == copies
        energy = 1500 if fates[name] == "wrong_energy" else 500
        assert {row["energy_wh"] for row in rows if row["token"] == f"T{i}"} <= {energy}
    if version == "2.0.1":
        assert Counter(row["transaction_id"] for row in rows) == {
            name: by_start["S", f"T{i}"] for i, name in enumerate(ids) if by_start["S", f"T{i}"]
        }
    assert len({row["number"] for row in rows}) == len(rows)


@pytest.mark.socket
def test_a_doubled_transaction_goes_on_as_itself_in_the_next_life(
    run: Any, obedient: Any, tmp_path: Path
) -> None:
    file = tmp_path / "csms.sqlite"
    start = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": AT}

    async def first() -> Any:
        options = CsmsOptions(port=0, sqlite=file, faults=Faults(double_transactions=1.0))
        async with CentralSystem(options) as csms, obedient(csms.url) as station:
            return await station.call("StartTransaction", **start)

    async def second(number: int) -> None:
        async with (
            CentralSystem(CsmsOptions(port=0, sqlite=file)) as csms,
            obedient(csms.url) as station,
        ):
            again = await station.call("StartTransaction", **start)
            assert again["transactionId"] == number
            stop = {"transactionId": number, "meterStop": 9, "timestamp": AT}
            await station.call("StopTransaction", **stop)

    number = run(first())["transactionId"]
    run(second(number))
    assert [(row["number"], row["energy_wh"]) for row in recorded(file)] == [(1, 9), (2, None)]
