"""Money and carbon of a simulation: bills, what drivers paid, net load, batteries, CO2.

Only where the run kept books; then also key figures for the first screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulator.report import sim_figures, sim_network, words
from simulator.report.page import Absent, Block, Cell, Equation, Facts, Section, Table, Tile
from simulator.report.patterns import DayCurve, day_curve
from simulator.report.plots import money
from simulator.report.reading import F64, Reading
from simulator.report.sim_reading import net_load

Row = Mapping[str, Any]

_MOST = 400
"""Sites listed one by one."""
_BILL = ("energy_cost", "demand_charge", "fixed", "feed_in_revenue", "total")
_BILL_HEADS = ("<site", "energy bought", "demand charge", "fixed fees", "feed-in", "total")
_BILL_NOTE = (
    "Total = energy + demand charge + fixed fees − feed-in. Per kWh: the total over what vehicles, "
    "building and stations used. Demand charge and fixed fees of a month that is simulated in part "
    "count for that part."
)


def tiles(reading: Reading) -> list[Tile]:
    """Bill, billed peak, revenue and CO2 of the network; nothing without books."""
    found = []
    for row in reading.rows("costs"):
        currency = row.get("currency")
        prefix = f"costs.{currency or 'none'}."
        rate = _per_kwh(reading, currency)
        for name, label, note in (
            ("total", "energy bill", rate and f"{rate} used"),
            ("revenue", "revenue from drivers", _idle(row, currency)),
            ("carbon_kg", "CO2 of the energy bought", _vehicles_carbon(reading, row)),
        ):
            value = words.as_number(row.get(name))
            if value is not None:
                text = sim_figures.shown(prefix + name, value)
                found.append(sim_figures.tile(reading, prefix + name, label, text, note))
    booked = _booked(reading)
    if booked:
        kw = sum(_part(row, "billed_peak_kw") for row in booked)
        label = "net peak, billed" if nets(reading) else "billed peak"
        note = f"largest {sim_network.peak_interval(reading)} mean at the meter"
        if len(booked) > 1:
            note += f", sum of {words.count(len(booked))} meters"
        found.append(sim_figures.tile(reading, "billed_peak_kw", label, words.power(kw), note))
    return found


def section(reading: Reading) -> Section:
    """Everything that the books say."""
    title = "Money and carbon"
    booked = _booked(reading)
    if not booked:
        return Section("money", title, ())
    blocks: list[Block] = [
        *_bills(reading, booked),
        *_drivers(reading, booked),
        *([_net(reading, booked)] if nets(reading) else []),
        _peaks(reading, booked),
        *_energy(reading, booked),
        *_batteries(booked),
    ]
    intro = (
        "Vehicles, building, stations, photovoltaics and battery meet behind a site's meter, which "
        "nets them within each interval; the net load is what is billed."
    )
    return Section("money", title, blocks, intro if nets(reading) else "")


def nets(reading: Reading) -> bool:
    """Whether a meter of the run sees anything besides vehicles."""
    return any(
        words.as_number(row.get("other_kwh")) or row.get("battery") or "pv_kwh" in row
        for row in _booked(reading)
    )


def _booked(reading: Reading) -> list[Row]:
    return [row for row in reading.rows("sites") if isinstance(row.get("costs"), Mapping)]


def _currency(row: Row) -> Any:
    return row["costs"].get("currency")


def _part(row: Row, name: str) -> float:
    """A number of the books of a site; 0 where it has none."""
    return words.as_number(row["costs"].get(name)) or 0.0


# -- bills ------------------------------------------------------------------------------------


def _bills(reading: Reading, booked: Sequence[Row]) -> list[Block]:
    """One table per currency: every site that has a tariff, then their sum."""
    blocks: list[Block] = []
    for total in reading.rows("costs"):
        currency = total.get("currency")
        chosen = [
            row
            for row in booked
            if _currency(row) == currency and row["costs"].get("total") is not None
        ]
        if not chosen:
            continue
        rows: list[list[str | Cell]] = [
            [
                str(row.get("name")),
                *(words.money(row["costs"].get(name), str(currency)) for name in _BILL),
                _rate(row["costs"].get("per_kwh"), currency),
            ]
            for row in _largest(chosen, "total")
        ]
        if len(chosen) > 1:
            prefix = f"costs.{currency}."
            cells = [
                sim_figures.cell(reading, prefix + n, words.money(total.get(n), str(currency)))
                for n in _BILL
            ]
            rows.insert(0, ["all sites", *cells, _per_kwh(reading, currency)])
        blocks.append(Table("The bill", (*_BILL_HEADS, "per kWh"), rows, _bill_note(chosen)))
        if len(chosen) == 1:
            blocks += _spread(reading, f"costs.{currency}.", total)
    return blocks


def _bill_note(chosen: Sequence[Row]) -> str:
    more = len(chosen) - _MOST
    return _BILL_NOTE + (
        f" The {words.count(_MOST)} largest bills; {words.plural(more, 'site')} besides."
        if more > 0
        else ""
    )


def _largest(rows: Sequence[Row], name: str) -> list[Row]:
    """The sites in their order; of very many those with the largest amounts."""
    if len(rows) <= _MOST:
        return list(rows)
    return sorted(rows, key=lambda row: -_part(row, name))[:_MOST]


def _spread(reading: Reading, prefix: str, total: Row) -> list[Block]:
    """The parts of the only bill with their intervals, where the run was repeated."""
    rows: list[tuple[str, str | Cell]] = []
    for name, label in zip(_BILL, _BILL_HEADS[1:], strict=True):
        if sim_figures.between(reading, prefix + name):
            text = words.money(total.get(name), prefix.split(".")[1])
            rows.append((label, sim_figures.cell(reading, prefix + name, text)))
    return [Facts(rows, "The bill over the replications")] if rows else []


def _rate(value: Any, currency: Any) -> str:
    return words.with_unit(value, f"{currency}/kWh") if currency else words.DASH


def _per_kwh(reading: Reading, currency: Any) -> str:
    """The bills of a currency over what was used; nothing where it is not known."""
    cost = used = 0.0
    for row in _booked(reading):
        costs = row["costs"]
        total, rate = words.as_number(costs.get("total")), words.as_number(costs.get("per_kwh"))
        if costs.get("currency") == currency and total is not None:
            if not rate:
                return ""
            cost, used = cost + total, used + total / rate
    return _rate(cost / used, currency) if used else ""


def _idle(row: Row, currency: Any) -> str:
    fees = words.as_number(row.get("idle_fees"))
    return f"{words.money(fees, str(currency))} of it idle fees" if fees else ""


def _vehicles_carbon(reading: Reading, total: Row) -> str:
    kg = words.as_number(total.get("vehicles_carbon_kg"))
    if kg is None:
        return ""
    rows = [r["costs"] for r in _booked(reading) if _currency(r) == total.get("currency")]
    known = sum(costs.get("carbon_kg") is not None for costs in rows)
    partly = f", of {known} of {len(rows)} sites" if known < len(rows) else ""
    return f"{words.mass(kg)} for the vehicles' energy{partly}"


# -- drivers, energy and CO2 ------------------------------------------------------------------


def _drivers(reading: Reading, booked: Sequence[Row]) -> list[Block]:
    """What drivers paid, where they pay, and the vehicles' part of energy cost and CO2."""
    blocks: list[Block] = []
    for row in reading.rows("costs"):
        currency = row.get("currency")
        prefix = f"costs.{currency or 'none'}."
        shown: list[tuple[str, str | Cell]] = [
            (
                sim_figures.label(prefix + name).removesuffix(f" ({currency})"),
                sim_figures.cell(reading, prefix + name, sim_figures.shown(prefix + name, value)),
            )
            for name in (
                "revenue",
                "idle_fees",
                "idle_min",
                "vehicles_cost",
                "others_cost",
                "carbon_kg",
                "vehicles_carbon_kg",
            )
            if (value := words.as_number(row.get(name))) is not None
        ]
        many = len(reading.rows("costs")) > 1
        where = f", {currency or 'sites without a tariff'}" if many else ""
        if shown:
            blocks.append(Facts(shown, f"Drivers, vehicles and CO2{where}"))
    return [*blocks, *_drivers_by_site(booked)]


def _drivers_by_site(booked: Sequence[Row]) -> list[Block]:
    """The same by site, where there are several; only what any of them has."""
    if len(booked) < 2:
        return []
    heads = {
        "revenue": "revenue",
        "idle_fees": "idle fees",
        "idle_min": "idle time",
        "carbon_kg": "CO2 of the energy bought",
        "vehicles_carbon_kg": "CO2 of the vehicles' energy",
    }
    shown = [n for n in heads if any(row["costs"].get(n) is not None for row in booked)]
    rows = [
        [
            str(row.get("name")),
            *(_amount(name, row["costs"].get(name), _currency(row)) for name in shown),
        ]
        for row in _largest(booked, "revenue")
    ]
    title = "Drivers and CO2 by site"
    return [Table(title, ("<site", *(heads[name] for name in shown)), rows)]


def _amount(name: str, value: Any, currency: Any) -> str:
    """A number of a site's books as text, by the name of its field."""
    if name in ("revenue", "idle_fees"):
        return words.money(value, str(currency or ""))
    return sim_figures.shown(name, value)


def _energy(reading: Reading, booked: Sequence[Row]) -> list[Block]:
    """Where the energy came from and went, of all sites with books."""
    bought, sold = (sum(_part(row, n) for row in booked) for n in ("bought_kwh", "sold_kwh"))
    rows: list[tuple[str, str | Cell]] = [
        ("bought from the grid", words.energy(bought)),
        ("given to the grid", words.energy(sold)),
    ]
    for name, label in (("pv_kwh", "photovoltaics"), ("standby_kwh", "the stations' standby")):
        known = [v for row in booked if (v := words.as_number(row.get(name)))]
        if known:
            rows.append((label, words.energy(sum(known))))
    return [Facts(rows, "Energy at the meter")]


# -- net load, peaks, batteries ---------------------------------------------------------------


def _net(reading: Reading, booked: Sequence[Row]) -> Block:
    found = net_load(reading)
    if found is None:
        return Absent("Net load on the mean day", "the table of load has no columns of other load")

    def day(values: F64) -> DayCurve:
        return day_curve(found.seconds, values, found.interval_s, reading.clock())

    def layers(parts: Sequence[tuple[str, F64]]) -> list[tuple[str, DayCurve]]:
        return [(name, day(values)) for name, values in parts if np.abs(values).max() > 0]

    return money.net_load(
        layers(
            [
                ("building", found.building),
                ("battery charging", found.charging),
                ("vehicles", found.vehicles),
            ]
        ),
        layers([("photovoltaics", found.pv), ("battery discharging", found.discharging)]),
        day(found.net),
        sum(_part(row, "billed_peak_kw") for row in booked),
        len(booked),
    )


def _peaks(reading: Reading, booked: Sequence[Row]) -> Block:
    """The vehicles' peak beside the net one, both by their full names."""
    interval = sim_network.peak_interval(reading)
    if len(booked) == 1 == len(reading.rows("sites")):
        row = booked[0]
        return Facts(
            [
                (label, sim_figures.cell(reading, name, words.power(value)))
                for name, label, value in (
                    (
                        "peak_15min_kw",
                        f"vehicles alone, largest {interval} mean",
                        reading.get("peak_15min_kw"),
                    ),
                    (
                        "billed_peak_kw",
                        f"net at the meter, largest {interval} mean: billed",
                        _part(row, "billed_peak_kw"),
                    ),
                    ("peak_kw", "vehicles alone, largest instant", row.get("peak_kw")),
                    ("net_peak_kw", "net at the meter, largest instant", row.get("net_peak_kw")),
                )
            ],
            "Peaks",
        )
    heads = (
        "<site",
        "vehicles alone, largest instant",
        "net at the meter, largest instant",
        f"net at the meter, largest {interval} mean: billed",
    )
    rows = [
        [
            str(row.get("name")),
            words.power(row.get("peak_kw")),
            words.power(row.get("net_peak_kw")),
            words.power(_part(row, "billed_peak_kw")),
        ]
        for row in _largest(booked, "billed_peak_kw")
    ]
    return Table("Peaks by site", heads, rows)


_LEDGER = ("charged_kwh", "discharged_kwh", "lost_kwh", "gained_kwh")
_BALANCE = 1e-6
"""Of what was charged: what rounding may leave over."""


def _batteries(booked: Sequence[Row]) -> list[Block]:
    """What went through the stationary batteries: an equation, and a row each of several."""
    held = [(row, row["battery"]) for row in booked if isinstance(row.get("battery"), Mapping)]
    if not held:
        return []
    charged, *rest = (
        sum(words.as_number(ledger.get(name)) or 0.0 for _, ledger in held) for name in _LEDGER
    )
    left = charged - sum(rest)
    holds = abs(left) <= _BALANCE * max(charged, 1.0)
    heads = ("<site", "charged", "discharged", "lost", "gained", "SoC at the start", "at the end")
    rows = [
        [
            str(row.get("name")),
            *(words.energy(ledger.get(name)) for name in _LEDGER),
            words.share(ledger.get("soc_start")),
            words.share(ledger.get("soc_end")),
        ]
        for row, ledger in held[:_MOST]
    ]
    return [
        Table("Stationary batteries", heads, rows, "Charged and discharged on the grid side."),
        Equation(
            ("charged", words.energy(charged)),
            [
                (name, words.energy(value))
                for name, value in zip(("discharged", "lost", "gained"), rest, strict=True)
            ],
            holds,
            "The battery's ledger adds up."
            if holds
            else f"The battery's ledger does not add up: {words.energy(left)} are left over.",
        ),
    ]
