"""What the CSMS holds is what the stations told, once."""

from __future__ import annotations

from simulator.csms.answers import registers_wh
from simulator.csms.holdings import Holdings, Transaction


def start(holdings: Holdings, station: str = "a", at: str = "2026-06-01T00:00:00Z") -> Transaction:
    return holdings.start(station, 1, "token", at, 1000, "Accepted")[0]


def test_transaction_ids_are_unique_over_all_stations() -> None:
    holdings = Holdings()
    ids = [start(holdings, f"s{i}").id for i in range(100)]
    assert len(set(ids)) == 100
    assert holdings.started == 100


def test_a_repeated_start_is_the_same_transaction() -> None:
    holdings = Holdings()
    first = start(holdings)
    again, new = holdings.start("a", 1, "token", "2026-06-01T00:00:00Z", 1000, "Accepted")
    assert (again.id, new) == (first.id, False)
    other = start(holdings, at="2026-06-01T00:00:01Z")
    assert other.id != first.id
    assert (holdings.started, holdings.starts_repeated) == (2, 1)


def test_a_stop_counts_once_and_an_unknown_one_is_told_apart() -> None:
    holdings = Holdings()
    transaction = start(holdings)
    assert holdings.stop(transaction.id, "2026-06-01T01:00:00Z", 4500, "Local") is transaction
    assert holdings.stop(transaction.id, "2026-06-01T01:00:00Z", 4500, "Local") is None
    assert holdings.stop(99, "2026-06-01T01:00:00Z", 4500, None) is None
    assert (holdings.stopped, holdings.stops_repeated, holdings.stops_unknown) == (1, 1, 1)
    assert transaction.energy_wh == 3500


def test_the_energy_of_an_open_transaction_is_its_last_sample() -> None:
    holdings = Holdings()
    transaction = start(holdings)
    assert transaction.open and transaction.energy_wh == 0.0
    transaction.last_register = 1750.0
    assert transaction.energy_wh == 750.0
    assert holdings.summary()["energy_kwh"] == 0.75


def test_ids_continue_after_those_of_an_earlier_life() -> None:
    holdings = Holdings()
    old = Transaction(41, "a", 1, "token", "2026-06-01T00:00:00Z", 1000, "Accepted")
    holdings.adopt(old)
    assert start(holdings) is old
    assert start(holdings, "b").id == 42


def sampled(**value: object) -> list[dict[str, object]]:
    return [{"timestamp": "2026-06-01T00:00:00Z", "sampledValue": [value]}]


def test_the_total_registers_are_found_among_sampled_values() -> None:
    energy = "Energy.Active.Import.Register"
    assert registers_wh(sampled(value="12.5")) == [12.5]
    assert registers_wh(sampled(value="2", unit="kWh")) == [2000.0]
    assert registers_wh(sampled(value="7", measurand=energy, unit="Wh")) == [7.0]
    assert registers_wh(sampled(value="7", measurand="Power.Active.Import")) == []
    assert registers_wh(sampled(value="7", measurand=energy, phase="L1")) == []
    assert registers_wh(sampled(value="7A0F", measurand=energy, format="SignedData")) == []
    assert registers_wh(sampled(value="seven")) == []
    assert registers_wh(sampled(value="1") + sampled(value="2")) == [1.0, 2.0]
    assert registers_wh([]) == []


def test_registers_of_2_0_1_have_a_unit_and_a_multiplier() -> None:
    assert registers_wh(sampled(value=12.5)) == [12.5]
    assert registers_wh(sampled(value=12.5, unitOfMeasure={"unit": "kWh"})) == [12500.0]
    assert registers_wh(sampled(value=3, unitOfMeasure={"multiplier": 3})) == [3000.0]
    assert registers_wh(sampled(value=3, unitOfMeasure={"multiplier": 9999})) == []
