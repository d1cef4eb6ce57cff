"""Units: what people write becomes base units and comes back; everything else is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario import units
from simulator.scenario.problems import FieldError

ALL = (units.POWER, units.ENERGY, units.DURATION, units.RATIO, units.RATE)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (units.POWER, "600 kW", 600.0),
        (units.POWER, "600kW", 600.0),
        (units.POWER, " 1.5 MW ", 1500.0),
        (units.POWER, "7_400 W", 7.4),
        (units.POWER, ".5 kW", 0.5),
        (units.ENERGY, "500 Wh", 0.5),
        (units.ENERGY, "2 MWh", 2000.0),
        (units.DURATION, "15m", 900.0),
        (units.DURATION, "15 min", 900.0),
        (units.DURATION, "2 h", 7200.0),
        (units.DURATION, "1d", 86400.0),
        (units.DURATION, "500 ms", 0.5),
        (units.RATIO, "80 %", 0.8),
        (units.RATIO, "0.5", 0.5),
        (units.RATIO, 0.25, 0.25),
        (units.RATE, "500/s", 500.0),
        (units.RATE, "60 /min", 1.0),
    ],
)
def test_text_with_a_unit_becomes_the_base_unit(
    kind: units.Quantity, text: object, value: float
) -> None:
    assert units.parse(kind, text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        (units.POWER, 600, "600 kW"),
        (units.POWER, "600", "600 kW"),
        (units.POWER, "600 kw", "600 kW"),
        (units.POWER, "600 kWh", "600 kW"),
        (units.ENERGY, "50 kW", "50 kWh"),
        (units.DURATION, 15, "15 s"),
        (units.DURATION, "15 mins", "15 min"),
        (units.RATE, 500, "500/s"),
        (units.POWER, "lots", None),
        (units.POWER, "", None),
        (units.POWER, "kW", None),
        (units.POWER, True, None),
        (units.POWER, None, None),
        (units.POWER, ["600 kW"], None),
        (units.POWER, float("nan"), None),
        (units.POWER, "1e400 kW", None),
        (units.DURATION, "1h30m", None),
        (units.RATIO, "80 percent", None),
        (units.RATIO, float("inf"), None),
    ],
)
def test_what_is_not_the_quantity_is_refused_with_the_nearest_right_spelling(
    kind: units.Quantity, value: object, meant: str | None
) -> None:
    with pytest.raises(FieldError) as caught:
        units.parse(kind, value)
    assert kind.example in caught.value.expected
    assert caught.value.suggestion == meant


@given(
    st.sampled_from(ALL),
    st.floats(min_value=0.0, max_value=1e15, allow_nan=False, allow_subnormal=False),
)
def test_every_value_survives_writing_and_reading_to_the_last_bit(
    kind: units.Quantity, value: float
) -> None:
    assert units.parse(kind, units.text(kind, value)) == value


@given(st.sampled_from(ALL), st.floats(0, 1e9), st.data())
def test_editors_accept_what_the_reader_accepts(
    kind: units.Quantity, number: float, data: st.DataObject
) -> None:
    unit = data.draw(st.sampled_from(list(kind.units)))
    space = data.draw(st.sampled_from(["", " "]))
    text = f"{number!r}{space}{unit}"
    units.parse(kind, text)
    assert re.search(kind.pattern, text)


@given(st.sampled_from(ALL), st.text(max_size=12))
def test_no_text_ends_in_anything_but_a_finite_number_or_a_clear_error(
    kind: units.Quantity, text: str
) -> None:
    try:
        value = units.parse(kind, text)
    except FieldError:
        return
    assert value == value and abs(value) != float("inf")
    assert re.search(kind.pattern, text)


@pytest.mark.parametrize(
    ("quantity", "text", "value"),
    [
        (units.RATIO, "99.9 %", 0.999),
        (units.RATIO, "0.1 %", 0.001),
        (units.DURATION, "1.1 ms", 0.0011),
        (units.RATE, "30/min", 0.5),
        (units.DURATION, "1e-999999999s", 0.0),
    ],
)
def test_a_quantity_is_the_number_nearest_to_what_was_written(quantity, text, value) -> None:
    assert units.parse(quantity, text) == value
