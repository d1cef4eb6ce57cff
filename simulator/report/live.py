"""The page of a live run: verdict, SLO, calls, latency, messages, fleet, transactions, errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulator.report import (
    common,
    live_commands,
    live_conformance,
    live_latency,
    live_reading,
    live_steps,
    live_storms,
    live_trust,
    live_work,
    method,
    words,
)
from simulator.report.page import Block, Cell, Notice, Page, Section, Table, Tile
from simulator.report.reading import Reading


def page(reading: Reading) -> Page:
    """Build the report of a live run, plots included."""
    steps = live_steps.section(reading)
    sections = [
        *([live_storms.section(reading)] if reading.rows("storms") else ()),
        *([steps] if steps is not None else []),
        live_work.calls(reading),
        live_latency.section(reading),
        live_commands.section(reading),
        live_work.messages(reading),
        live_work.fleet(reading),
        live_work.transactions(reading),
        live_trust.errors(reading),
        live_conformance.section(reading),
        live_trust.validity(reading),
        live_trust.deviations(reading),
        live_trust.events(reading),
        common.repeat(reading),
        common.environment(reading),
        method.section(live=True),
    ]
    unread = Section("unread", "Not readable", common.unread(reading))
    return replace(head(reading), sections=[*sections, unread])


def head(reading: Reading) -> Page:
    """The first screen of the report alone: nothing is drawn."""
    verdict = common.verdict(reading)
    tables = [slo_table(reading), live_storms.table(reading)]
    return Page(
        title=reading.name,
        subtitle=_subtitle(reading),
        verdict=verdict,
        state=common.STATES.get(verdict, ""),
        headline=_headline(reading),
        because=because(reading, verdict),
        reasons=common.reasons(reading),
        tiles=_tiles(reading) if reading.summary else (),
        notices=_notices(reading),
        first=[table for table in tables if table],
        summary=common.embedded(reading),
    )


def _subtitle(reading: Reading) -> str:
    target = live_reading.target(reading)
    speed = words.as_number(live_reading.speed(reading))
    parts = [
        "live run",
        reading.started,
        f"target {target}" if target else "",
        f"accelerated {words.figure(speed)} times" if speed not in (None, 1) else "",
    ]
    return " · ".join(part for part in parts if part)


def _headline(reading: Reading) -> str:
    booted, asked = reading.get("stations", "booted"), reading.get("stations", "asked")
    parts = []
    if booted is not None:
        stations = words.plural(asked if asked is not None else booted, "station")
        parts.append(stations if booted == asked else f"{words.count(booted)} of {stations}")
    rate = live_reading.calls_per_s(reading)
    if rate is not None:
        parts.append(f"{words.figure(rate[0])} calls/s")
    for quantile in ("p95", "p50"):
        value = live_reading.latency(reading, "*", "response", quantile)
        if value is not None:
            parts.append(f"{quantile} response {words.latency(value)}")
            break
    return ", ".join(parts) or "Nothing was measured"


def because(reading: Reading, verdict: str) -> str:
    """The verdict and its ground in one sentence."""
    reasons = common.reasons(reading)
    clauses = reading.rows("slo")
    only = f": {reasons[0]}." if len(reasons) == 1 else "."
    if verdict == "PASS":
        n = sum(applies(clause) for clause in clauses)
        every = "the SLO clause holds" if n == 1 else f"all {n} SLO clauses hold"
        if n < len(clauses):
            verbs = "applies and holds" if n == 1 else "apply and hold"
            every = f"{n} of {len(clauses)} SLO clauses {verbs}"
        return f"PASS because {every} and the generator kept up with its plan."
    if verdict == "SLO_MISSED" and reading.get("aborted"):
        return f"SLO_MISSED because the run was {reading.get('aborted')}."
    if verdict == "SLO_MISSED" and clauses:
        missed = sum(not clause.get("ok") for clause in clauses)
        verb = "does" if missed == 1 else "do"
        return f"SLO_MISSED because {missed} of {len(clauses)} SLO clauses {verb} not hold{only}"
    if verdict == "NO_SLO":
        aside = clauses and not any(map(applies, clauses))
        what = "no SLO clause applies to this run" if aside else "the scenario requires nothing"
        return f"NO_SLO because {what}; the generator kept up with its plan."
    if verdict == "INVALID":
        return f"INVALID because the generator did not keep up with its own plan{only}"
    if len(reasons) == 1:
        return f"{verdict} because {reasons[0]}."
    return f"{verdict}, for the reasons below." if reasons else f"{verdict}."


_CONTROL = {
    "local": "the stations keep the grid limit themselves, as behind a local load manager",
    "csms": "only the charging profiles of the CSMS keep the grid limit",
    "none": "nobody keeps the grid limit",
}


def _notices(reading: Reading) -> list[Notice]:
    found = common.notices(reading)
    found += live_storms.notices(reading)
    speed = live_reading.speed(reading)
    if speed is not None and speed != 1:
        found.append(
            Notice(
                f"Accelerated: the plan was compressed {words.figure(speed)} times. Stays, gaps "
                "and battery capacities are divided by that; power, clocks, timeouts and "
                "heartbeats are real. A statement on capacity needs speed 1."
            )
        )
    censored = words.as_number(reading.get("calls", "censored"))
    if censored:
        worst = reading.get("censored_ms", "max")
        found.append(
            Notice(
                f"{words.plural(censored, 'call was', 'calls were')} due and unanswered when the "
                f"run ended, the oldest for {words.latency(worst)}. They take at least that long; "
                "percentiles of answered calls do not show it."
            )
        )
    found += live_trust.notices(reading)
    controls = live_reading.controls(reading)
    if controls:
        total = sum(controls.values())
        told = [
            _CONTROL.get(mode, mode) + (f" ({n} of {total} site groups)" if n < total else "")
            for mode, n in controls.items()
        ]
        found.append(Notice(f"Control: {'; '.join(told)}.", state=""))
    return found


def _tiles(reading: Reading) -> list[Tile]:
    calls = reading.get("calls")
    asked, connected, booted = (
        reading.get("stations", name) for name in ("asked", "connected", "booted")
    )
    short = booted is not None and asked is not None and booted < asked
    p50, p95, p99 = (
        live_reading.latency(reading, "*", "response", q) for q in ("p50", "p95", "p99")
    )
    failed = live_reading.failed(calls)
    tiles = [
        Tile(
            "stations booted",
            words.count(booted),
            f"{words.count(connected)} connected of {words.count(asked)}",
            "bad" if short else "",
        ),
        _rate_tile(reading),
        Tile(
            "p95 response",
            words.latency(p95),
            f"p50 {words.latency(p50)}, p99 {words.latency(p99)}",
        ),
        Tile(
            "failed calls",
            words.share(live_reading.error_ratio(calls)),
            f"{words.count(failed)} of {words.count((calls or {}).get('planned'))}",
        ),
    ]
    if reading.get("transactions"):
        open_ = reading.get("transactions", "unacknowledged")
        tiles.append(
            Tile(
                "transactions",
                words.count(reading.get("transactions", "started")),
                f"{words.count(open_)} unacknowledged",
                "bad" if open_ else "",
            )
        )
    rules = reading.rows("validity")
    if rules:
        valid = all(rule.get("ok") for rule in rules)
        per_cpu = reading.get("generator", "calls_per_cpu_s")
        tiles.append(
            Tile(
                "generator",
                "valid" if valid else "not valid",
                f"{words.count(per_cpu)} calls per CPU s" if per_cpu else "",
                "good" if valid else "bad",
            )
        )
    return tiles


def _rate_tile(reading: Reading) -> Tile:
    rate = live_reading.calls_per_s(reading)
    if rate is None:
        return Tile("calls per second", words.DASH)
    mean, peak, over = rate
    note = over if peak is None else f"{over}, peak {words.count(peak)}"
    return Tile("calls per second", words.figure(mean), note)


def slo_table(reading: Reading) -> Block | None:
    """Each clause with value, limit, margin, n and whether it holds."""
    rows: list[list[str | Cell]] = []
    for clause in reading.rows("slo"):
        unit = str(clause.get("unit", ""))
        text, note = str(clause.get("text", "")), clause.get("note")
        rows.append(
            [
                Cell(text, note=str(note or "")),
                _held(clause),
                common.quantity(clause.get("value"), unit),
                common.quantity(clause.get("limit"), unit),
                _signed(clause.get("margin"), unit),
                words.count(clause.get("n")),
            ]
        )
    if not rows:
        return None
    return Table(
        "Service level objectives",
        ("<clause", "<verdict", "value", "limit", "margin", "n"),
        rows,
        "Margin: how far the value is on the good side of its limit. n: how many values it is "
        "made of. Latencies are of all phases but warm-up, storms and cool-down, here and below.",
    )


def applies(clause: Mapping[str, Any]) -> bool:
    """Whether a clause was judged at all."""
    return bool(clause.get("applies", True))


def _held(clause: Mapping[str, Any]) -> Cell:
    if not applies(clause):
        return Cell("not applicable")
    return Cell("holds", "good") if clause.get("ok") else Cell("missed", "bad")


def _signed(margin: object, unit: str) -> str:
    number = words.as_number(margin)
    if number is None:
        return words.DASH
    return ("+" if number > 0 else "") + common.quantity(number, unit)
