"""Times on the wire (1.6 §3.14, §3.15): ISO 8601, UTC, milliseconds."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.station import clock


@given(st.integers(946_684_800_000, 4_102_444_800_000))
def test_iso_is_what_datetime_would_write(millis):
    expected = datetime.fromtimestamp(millis // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert clock.iso(millis / 1000.0) == f"{expected}.{millis % 1000:03d}Z"
    assert clock.parse(clock.iso(millis / 1000.0)) == pytest.approx(millis / 1000.0, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-06-01T08:00:00+02:00", "2026-06-01T06:00:00Z"),
        ("2026-06-01T06:00:00", "2026-06-01T06:00:00Z"),
        ("2026-06-01T06:00:00.1234567Z", "2026-06-01T06:00:00.123456Z"),
        ("2026-06-01T06:00:00.5Z", "2026-06-01T06:00:00.500Z"),
    ],
)
def test_1_6_3_15_fractions_and_zones_of_others_are_understood(text, same):
    assert clock.parse(text) == clock.parse(same) is not None


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999-05:00"])
def test_for_ever_is_a_time_and_can_be_told(text):
    """What many back-ends send where something never ends."""
    assert clock.iso(clock.parse(text)) == "9999-12-31T23:59:59.000Z"


@pytest.mark.parametrize("text", ["", "now", "2026-13-01T00:00:00Z", 5, None, [], "2026-06-01"])
def test_what_is_no_usable_time_is_none(text):
    assert clock.parse(text) is None


@pytest.mark.parametrize(
    ("text", "epoch_s"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("0001-01-01T00:00:00+14:00", 0.0),
        ("9999-12-31T23:59:59Z", 253_402_300_799.0),
        ("9999-12-31T23:59:59-12:00", 253_402_300_799.0),
    ],
)
def test_1_6_3_15_any_year_is_a_time_though_no_clock_is_set_to_it(text, epoch_s):
    assert clock.parse(text) == epoch_s
    assert not clock.settable(epoch_s)
