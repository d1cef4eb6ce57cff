"""The sequence of a transaction's events, and reports in parts: in whatever order they come."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simulator.csms.reports import Reports
from simulator.csms.transactions import MOST_MISSING, Sequence

AT = "2026-06-01T12:00:00.000Z"


@given(st.lists(st.integers(0, 40), max_size=80))
def test_a_sequence_knows_what_came_what_came_again_and_what_lacks(numbers: list[int]) -> None:
    sequence = Sequence()
    for at, number in enumerate(numbers):
        assert sequence.take(number) == (number not in numbers[:at])
    seen = set(numbers)
    assert sequence.missing == set(range(max(seen, default=-1) + 1)) - seen
    assert sequence.repeated == len(numbers) - len(seen)


def test_a_wild_number_does_not_fill_the_memory() -> None:
    sequence = Sequence()
    assert sequence.take(2**31 - 1)
    assert len(sequence.missing) == MOST_MISSING


def part(number: int, tbc: bool, rows: list[Any], request: int = 1, at: str = AT) -> dict[str, Any]:
    return {
        "requestId": request,
        "generatedAt": at,
        "seqNo": number,
        "tbc": tbc,
        "reportData": rows,
    }


@given(st.permutations(range(6)))
def test_parts_make_the_same_report_in_any_order(order: list[int]) -> None:
    reports = Reports()
    for number in order:
        reports.take("a", "NotifyReport", part(number, number < 5, [number, -number]))
    (report,) = reports.of("a")
    assert report.complete and report.missing == []
    assert report.content() == [n for number in range(6) for n in (number, -number)]
    assert reports.completed == 1


def test_a_report_without_its_last_part_is_not_complete() -> None:
    reports = Reports()
    report = reports.take("a", "NotifyReport", part(0, True, [0]))
    assert not report.complete
    report = reports.take("a", "NotifyReport", part(2, False, [2]))
    assert not report.complete and report.missing == [1]
    assert report.as_json(content=False)["missingParts"] == [1]
    assert reports.take("a", "NotifyReport", part(1, True, [1])).complete


def test_the_same_request_answered_again_is_a_new_report() -> None:
    reports = Reports()
    reports.take("a", "NotifyReport", part(0, True, ["old"]))
    reports.take("a", "NotifyReport", part(1, False, ["old"]))
    reports.take("a", "NotifyReport", part(0, False, ["new"], at="2026-06-02T00:00:00Z"))
    (report,) = reports.of("a")
    assert report.complete and report.content() == ["new"]
    assert reports.completed == 2


def test_a_part_that_comes_again_changes_nothing() -> None:
    reports = Reports()
    for number in (0, 0, 1):
        reports.take("a", "NotifyReport", part(number, number < 1, [number]))
    (report,) = reports.of("a")
    assert report.content() == [0, 1] and reports.completed == 1


def test_stations_and_requests_are_told_apart() -> None:
    reports = Reports()
    for station, request in (("a", 1), ("a", 2), ("b", 1)):
        reports.take(station, "NotifyReport", part(0, False, [station, request], request))
    assert [report.content() for report in reports.of("a")] == [["a", 1], ["a", 2]]
    assert [report.content() for report in reports.of("b")] == [["b", 1]]


def test_reports_without_sequence_numbers_are_joined_as_they_come() -> None:
    reports = Reports()
    for request in (7, 7):
        for evse, tbc in ((1, True), (2, False)):
            payload = {
                "requestId": request,
                "chargingLimitSource": "CSO",
                "evseId": evse,
                "tbc": tbc,
                "chargingProfile": [{"id": evse}],
            }
            report = reports.take("a", "ReportChargingProfiles", payload)
        assert report.complete
        assert [row["evseId"] for row in report.content()] == [1, 2]
        assert "tbc" not in report.content()[0]


def test_customer_information_is_a_text() -> None:
    reports = Reports()
    for number, text in ((1, "world"), (0, "hello ")):
        payload = {
            "requestId": 1,
            "generatedAt": AT,
            "seqNo": number,
            "tbc": number < 1,
            "data": text,
        }
        report = reports.take("a", "NotifyCustomerInformation", payload)
    assert report.complete and report.content() == "hello world"


def test_the_oldest_reports_go_when_they_grow_too_many() -> None:
    reports = Reports(budget=20_000)
    for request in range(100):
        reports.take("a", "NotifyReport", part(0, False, ["x" * 1000], request))
    held = reports.of("a")
    assert 0 < len(held) < 20 and held[-1].request_id == 99
    assert reports.dropped == 100 - len(held)
    reports.take("a", "NotifyReport", part(0, False, ["x" * 100_000], 200))
    assert [report.request_id for report in reports.of("a")] == [200]
