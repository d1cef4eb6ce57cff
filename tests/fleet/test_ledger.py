"""The ledger tells every transaction as its station knows it."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest

from simulator.fleet.ledger import COLUMNS, Counts, Ledger


def full_life(ledger: Ledger, station: int, local_id: int) -> None:
    ledger.transaction_started(station, 1, local_id, "CSWTOKEN", 10.0, 1000.0)
    ledger.transaction_confirmed(station, local_id, "77", "Accepted", 10.5)
    ledger.transaction_stopped(station, local_id, "Local", 70.0, 1900.0)
    ledger.transaction_closed(station, local_id, 70.2)


def test_a_transaction_that_went_well():
    ledger = Ledger()
    full_life(ledger, 3, 1)
    (row,) = ledger.rows(lambda index: f"CSW-{index}", 1_780_000_000.0)
    assert tuple(row) == COLUMNS
    assert row["station_id"] == "CSW-3"
    assert row["transaction_id"] == "77"
    assert row["energy_wh"] == 900.0
    assert row["start_utc"] == datetime.fromtimestamp(1_780_000_010, UTC)
    assert (row["start_acked"], row["stop_acked"], row["state"]) == (True, True, "closed")
    assert ledger.counts() == Counts(1, 1, 0, 0, 0)


def test_a_transaction_that_still_runs_has_no_end():
    ledger = Ledger()
    ledger.transaction_started(0, 2, 1, "T", 1.0, 5.0)
    ledger.transaction_confirmed(0, 1, "0", "Accepted", 1.1)
    (row,) = ledger.rows(str, 0.0)
    assert (row["state"], row["stop_utc"], row["energy_wh"]) == ("open", None, None)
    assert row["transaction_id"] == "0"
    assert ledger.counts() == Counts(1, 0, 0, 0, 0)


def test_what_the_csms_never_acknowledged_is_counted_once():
    ledger = Ledger()
    ledger.transaction_started(0, 1, 1, "T", 1.0, 0.0)
    ledger.transaction_stopped(0, 1, "Local", 2.0, 1.0)
    ledger.transaction_started(0, 1, 2, "T", 3.0, 1.0)
    ledger.transaction_confirmed(0, 2, "9", "Accepted", 3.1)
    ledger.transaction_stopped(0, 2, "Local", 4.0, 1.0)
    counts = ledger.counts()
    assert (counts.started, counts.stopped, counts.unacknowledged) == (2, 2, 2)
    assert [entry.state for entry in ledger] == ["stopped", "stopped"]


def test_retries_are_a_risk_of_duplicates_and_discards_are_final():
    ledger = Ledger()
    full_life(ledger, 0, 1)
    full_life(ledger, 0, 2)
    ledger.transaction_message(0, 1, "retried", 20.0)
    ledger.transaction_message(0, 1, "retried", 30.0)
    ledger.transaction_message(0, 2, "discarded", 30.0)
    counts = ledger.counts()
    assert (counts.at_risk_of_duplicate, counts.discarded_after_attempts) == (1, 1)
    rows = ledger.rows(str, 0.0)
    assert [row["retries"] for row in rows] == [2, 0]
    assert [row["state"] for row in rows] == ["closed", "discarded"]


def test_the_same_local_id_at_two_stations_is_two_transactions():
    ledger = Ledger()
    full_life(ledger, 0, 1)
    full_life(ledger, 1, 1)
    assert len(ledger) == 2


def test_an_unknown_fate_is_an_error():
    ledger = Ledger()
    full_life(ledger, 0, 1)
    with pytest.raises(ValueError, match="eaten"):
        ledger.transaction_message(0, 1, "eaten", 0.0)


def test_times_are_told_by_the_stations_own_clock_too_and_outlive_the_clock():
    ledger = Ledger(lambda station, now: 1000.0 * (station + 1) + now)
    ledger.transaction_started(1, 1, 1, "T", 5.0, 0.0)
    ledger.transaction_stopped(1, 1, "Local", 8.0, 1.0)
    (row,) = pickle.loads(pickle.dumps(ledger)).rows(str, 0.0)
    assert row["start_utc"].timestamp() == 5.0
    assert row["start_told_utc"].timestamp() == 2005.0
    assert row["stop_told_utc"].timestamp() == 2008.0
