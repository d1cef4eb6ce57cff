"""What is said about trees of limits, wiring and cabinets that cannot be."""

from __future__ import annotations

import pytest

HOME = 'vehicles = "europe-2021"\n\n[csms]'
STATIONS = '[{ model = "home-11-single", count = 3 }]'


def limits(text: str) -> tuple[str, str]:
    """Limits for the second site."""
    return HOME, HOME.replace("[csms]", f"{text}\n[csms]")


def limit(name: str, rest: str = 'limit = "20 kW"') -> str:
    return f'[[sites.limits]]\nname = "{name}"\n{rest}\n'


def under(name: str, more: str = "") -> tuple[str, str]:
    return STATIONS, f'[{{ model = "home-11-single", count = 3, under = "{name}"{more} }}]'


def test_a_tree_with_currents_windows_and_a_transformer_is_right(say) -> None:
    tree = limit(
        "hall",
        'limit = "40 kW"\ncurrent = "63 A"\nneutral = "30 A"\n'
        'transformer = { current = "20 A", voltage = 400 }\n'
        'windows = [{ from = "17:00", to = "20:00", days = "weekdays", limit = "10 kW" }]',
    )
    tree += limit("row", 'under = "hall"\nlimit = "20 kW"')
    assert say(limits(tree), under("row", ', wiring = "L2"')) == []


@pytest.mark.parametrize(
    ("swaps", "messages"),
    [
        (
            [limits(limit("hall")), under("hal")],
            [
                "sites.home.stations[0].under: value 'hal': expected a limit of this site: hall; "
                "did you mean 'hall'?"
            ],
        ),
        (
            [under("hall")],
            [
                "sites.home.stations[0].under: value 'hall': expected a limit of this site (it "
                "has none)"
            ],
        ),
        (
            [limits(limit("hall") + limit("hall"))],
            [
                "sites.home.limits[1].name: value 'hall': expected a name of its own (limits[0] "
                "is called that)"
            ],
        ),
        (
            [limits(limit("hall", 'under = "hall"\nlimit = "20 kW"'))],
            [
                "sites.home.limits.hall.under: value 'hall': expected a limit that does not hang "
                "under this one"
            ],
        ),
        (
            [
                limits(
                    limit("a", 'under = "b"\nlimit = "20 kW"')
                    + limit("b", 'under = "a"\nlimit = "20 kW"')
                )
            ],
            [
                "sites.home.limits.a.under: value 'b': expected a limit that does not hang under "
                "this one (a under b under a)"
            ],
        ),
        (
            [limits(limit("hall", ""))],
            [
                "sites.home.limits.hall.limit: expected a limit, a current, a neutral or a "
                "transformer"
            ],
        ),
        (
            [limits(limit("hall", 'limit = "1 kW"')), under("hall")],
            [
                "sites.home.limits.hall.limit: value '1 kW': expected at least 1.38 kW, below "
                "which no home-11-single can charge"
            ],
        ),
        (
            [
                limits(
                    limit("hall", 'limit = "1 kW"') + limit("row", 'under = "hall"\nlimit = "9 kW"')
                ),
                under("row"),
            ],
            [
                "sites.home.limits.hall.limit: value '1 kW': expected at least 1.38 kW, below "
                "which no home-11-single can charge"
            ],
        ),
        (
            [limits(limit("hall", 'current = "5 A"')), under("hall")],
            [
                "sites.home.limits.hall.current: value '5 A': expected at least 6 A, below which "
                "no home-11-single can charge"
            ],
        ),
        (
            [
                limits(
                    limit(
                        "hall",
                        'limit = "9 kW"\n'
                        'windows = [{ from = "17:00", to = "20:00", limit = "1 kW" }]',
                    )
                ),
                under("hall"),
            ],
            [
                "sites.home.limits.hall.windows[0].limit: value '1 kW': expected at least "
                "1.38 kW, below which no home-11-single can charge"
            ],
        ),
        (
            [
                limits(
                    limit("a", 'under = "c"\nlimit = "20 kW"')
                    + limit("b", 'under = "a"\nlimit = "20 kW"')
                    + limit("c", 'under = "b"\nlimit = "20 kW"')
                )
            ],
            [
                "sites.home.limits.a.under: value 'c': expected a limit that does not hang under "
                "this one (a under c under b under a)"
            ],
        ),
        (
            [limits(limit("row", 'under = "hal"\nlimit = "20 kW"') + limit("hall"))],
            [
                "sites.home.limits.row.under: value 'hal': expected a limit of this site: row or "
                "hall; did you mean 'hall'?"
            ],
        ),
        (
            [(STATIONS, f'{STATIONS}\ngrid_current = "5 A"')],
            [
                "sites.home.grid_current: value '5 A': expected at least 6 A, below which no "
                "home-11-single can charge"
            ],
        ),
        (
            [
                (
                    STATIONS,
                    f'{STATIONS}\ngrid_limit = "20 kW"\n'
                    'grid_windows = [{ from = "17:00", to = "20:00", limit = "1 kW" }]',
                )
            ],
            [
                "sites.home.grid_windows[0].limit: value '1 kW': expected at least 1.38 kW, "
                "below which no home-11-single can charge"
            ],
        ),
        (
            [limits(limit("hall", 'current = "-5 A"'))],
            [
                "sites.home.limits.hall.current: value '-5 A': expected a current above 0; did "
                "you mean '5 A'?"
            ],
        ),
        (
            [limits(limit("hall", 'neutral = "0 A"'))],
            ["sites.home.limits.hall.neutral: value '0 A': expected a current above 0"],
        ),
        (
            [limits(limit("hall", 'transformer = { current = "20 A", voltage = 0 }'))],
            ["sites.home.limits.hall.transformer.voltage: value 0: expected a number above 50"],
        ),
        (
            [(STATIONS, '[{ model = "home-11-single", wiring = "L4" }]')],
            [
                "sites.home.stations[0].wiring: value 'L4': expected how the stations are wired: "
                "rotated, L1, L2, L3, L1L2, L2L3, L3L1 or rotated-LL"
            ],
        ),
        (
            [(STATIONS, '[{ model = "home-11-single", wiring = "rotated-LL" }]')],
            [
                "sites.home.stations[0].wiring: value 'rotated-LL': expected rotated, L1, L2 or "
                "L3: home-11-single has three phases"
            ],
        ),
        (
            [(STATIONS, '[{ model = "home-11-single", wiring = "L1L2" }]')],
            [
                "sites.home.stations[0].wiring: value 'L1L2': expected rotated, L1, L2 or L3: "
                "home-11-single has three phases"
            ],
        ),
        (
            [(STATIONS, '[{ model = "dc-50-single", wiring = "L1" }]')],
            [
                "sites.home.stations[0].wiring: value 'L1': expected nothing here: a DC station "
                "draws evenly on all phases"
            ],
        ),
    ],
)
def test_a_limit_that_cannot_be_is_named_and_located(swaps, messages, say) -> None:
    assert [line.split(": ", 1)[1] for line in say(*swaps)] == messages
