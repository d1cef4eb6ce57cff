"""How the HTTP API shows stations, transactions and what became of a broadcast."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from simulator.csms.holdings import StationRecord
from simulator.csms.line import Outcome
from simulator.csms.transactions import Transaction

SHOWN: Final = 1000
"""Outcomes that the answer to a broadcast lists."""


def page(rows: Iterable[Any], limit: int) -> tuple[list[Any], bool]:
    """Return the first rows, and whether there are more."""
    taken = list(itertools.islice(rows, limit + 1))
    return taken[:limit], len(taken) > limit


def wire_id(transaction: Transaction) -> str:
    """Return the id of a transaction as the station says it."""
    return transaction.wire_id or str(transaction.id)


def station_row(record: StationRecord) -> dict[str, Any]:
    """Return a station in short."""
    return {
        "id": record.id,
        "connected": record.connected,
        "version": record.version,
        "connects": record.connects,
        "boots": record.boots,
        "vendor": record.vendor,
        "model": record.model,
        "serial": record.serial,
        "firmware": record.firmware,
    }


def transaction_row(transaction: Transaction) -> dict[str, Any]:
    """Return a transaction; energy and registers in Wh."""
    t = transaction
    row: dict[str, Any] = {
        "number": t.id,
        "transaction_id": wire_id(t),
        "version": t.version,
        "station": t.station,
        "evse": t.evse,
        "connector": t.connector,
        "token": t.token,
        "token_status": t.token_status,
        "open": t.open,
        "start_at": t.start_at,
        "stop_at": t.stop_at,
        "reason": t.reason,
        "meter_start_wh": t.meter_start,
        "meter_stop_wh": t.meter_stop,
        "last_register_wh": t.last_register,
        "energy_wh": t.energy_wh,
        "meter_values": t.meter_values,
    }
    if t.sequence is not None:
        row["charging_state"] = t.charging_state
        row["begun"] = t.begun
        row["events"] = {
            "next_seq_no": t.sequence.next,
            "missing": sorted(t.sequence.missing),
            "repeated": t.sequence.repeated,
            "offline": t.offline_events,
        }
    return row


def told(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return the answer to a broadcast; what went wrong is listed first."""
    statuses: Counter[str] = Counter()
    for outcome in outcomes:
        if isinstance(outcome.payload, dict) and isinstance(outcome.payload.get("status"), str):
            statuses[outcome.payload["status"]] += 1
    listed = sorted(outcomes, key=lambda outcome: outcome.result == "answered")
    return {
        "stations": len(outcomes),
        "results": dict(Counter(outcome.result for outcome in outcomes)),
        "statuses": dict(statuses),
        "outcomes": [outcome.as_json() for outcome in listed[:SHOWN]],
    }
