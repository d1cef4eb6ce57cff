from __future__ import annotations

import pytest

from simulator.measure.errors import (
    EXAMPLES,
    LOCAL,
    MAX_QUALIFIERS,
    ErrorKind,
    ErrorLog,
    http_error,
    violation_kind,
)


def add(log: ErrorLog, kind: ErrorKind, detail: str = "", now: float = 1.0, **more) -> None:
    log.add(kind, detail, station="s", now=now, **more)


def test_callerrors_are_told_apart_by_their_code_and_refusals_are_not_by_their_text() -> None:
    log = ErrorLog()
    add(log, ErrorKind.OCPP_CALLERROR, "InternalError to Heartbeat")
    add(log, ErrorKind.OCPP_CALLERROR, "InternalError to Authorize")
    add(log, ErrorKind.OCPP_CALLERROR, "GenericError to Authorize")
    add(log, ErrorKind.TCP_REFUSED, "127.0.0.1:1")
    add(log, ErrorKind.TCP_REFUSED, "127.0.0.1:2")
    assert log.counts() == {
        "ocpp_callerror(InternalError)": 2,
        "tcp_refused": 2,
        "ocpp_callerror(GenericError)": 1,
    }


def test_a_target_that_invents_codes_does_not_fill_the_memory() -> None:
    log = ErrorLog()
    for number in range(3 * MAX_QUALIFIERS):
        add(log, ErrorKind.OCPP_CALLERROR, f"Code{number} x")
    assert len(log.classes) == MAX_QUALIFIERS + 1
    assert log.counts()["ocpp_callerror(...)"] == 2 * MAX_QUALIFIERS
    assert log.count() == 3 * MAX_QUALIFIERS


def test_adding_logs_adds_counts_and_keeps_the_earliest_examples() -> None:
    one, two = ErrorLog(), ErrorLog()
    for now in (5.0, 6.0, 7.0, 8.0):
        add(one, ErrorKind.CALL_TIMEOUT, f"one {now}", now)
    add(two, ErrorKind.CALL_TIMEOUT, "two", 5.5)
    add(two, ErrorKind.LOCAL_PORT, "none left", 9.0)
    one.add_log(two)
    entry = one.classes[ErrorKind.CALL_TIMEOUT, ""]
    assert (entry.count, entry.first_s, entry.last_s) == (5, 5.0, 8.0)
    assert [example.at_s for example in entry.examples] == [5.0, 5.5, 6.0]
    assert len(entry.examples) == EXAMPLES
    assert one.count(LOCAL) == 1


def test_a_log_that_was_added_is_left_as_it_was() -> None:
    one, two = ErrorLog(), ErrorLog()
    add(two, ErrorKind.DNS, "x")
    one.add_log(two)
    one.add_log(two)
    assert (one.count(), two.count()) == (2, 1)
    assert len(two.classes[ErrorKind.DNS, ""].examples) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "http_401"),
        (404, "http_404"),
        (429, "http_429"),
        (503, "http_5xx"),
        (302, "http_other"),
    ],
)
def test_http_statuses_have_a_class(status: int, kind: str) -> None:
    assert http_error(status) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("malformed", "ocpp_malformed"),
        ("unknown_id", "ocpp_unknown_id"),
        ("boot_pending", "boot_pending"),
        ("forbidden", "ocpp_forbidden"),
        ("flood", "ocpp_flood"),
        ("anything else", "ocpp_other"),
    ],
)
def test_violations_have_a_class(name: str, kind: str) -> None:
    assert violation_kind(name) == kind


def test_a_very_long_detail_is_cut() -> None:
    log = ErrorLog()
    add(log, ErrorKind.OCPP_MALFORMED, "x" * 10_000)
    assert len(log.classes[ErrorKind.OCPP_MALFORMED, ""].examples[0].detail) == 500


def test_a_declined_token_is_counted_apart_from_errors() -> None:
    log = ErrorLog()
    add(log, ErrorKind.ID_REJECTED, "Authorize: Invalid")
    add(log, ErrorKind.BOOT_REJECTED, "Rejected")
    assert log.counts() == {"boot_rejected": 1}
    assert log.counts(refusals=True) == {"id_rejected": 1}
