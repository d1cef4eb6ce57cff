"""The storms of a live run, checked against the rest of the scenario.

Part of :mod:`simulator.scenario.checks`, of the same kind: works on the tables as read, one message
per mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from simulator.scenario import addresses, units
from simulator.scenario.problems import Problem, listed, nearest
from simulator.scenario.storm_model import COMMANDS, CUTS, FIELDS, LASTS

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables
    from simulator.scenario.document import Loc

SHORTEST_CUT_S = 1.0
"""A shorter power cut would be over before its connections are."""


def check_storms(tables: Tables) -> Iterator[Problem]:
    """Every problem of the storms."""
    end_s = stages_s(tables)
    before = 0.0
    for index in tables.tables("live", "storms"):
        loc = ("live", "storms", index)
        kind = tables.get(*loc, "kind")
        if not isinstance(kind, str) or tables.wrong((*loc, "kind")):
            continue
        yield from _fields(tables, loc, kind)
        yield from _sites(tables, loc)
        yield from _hook(tables, loc)
        yield from _source(tables, loc, kind)
        at_s = tables.quantity(units.DURATION, *loc, "at")
        if at_s is None:
            continue
        last_s = tables.quantity(units.DURATION, *loc, "for") or 0.0
        if at_s < before:
            yield tables.problem((*loc, "at"), "a storm that begins after the one before is over")
        before = at_s + last_s
        if end_s is not None and before >= end_s:
            text = units.text(units.DURATION, end_s)
            expected = f"a storm that is over before the stages are ({text})"
            yield tables.problem((*loc, "at"), expected)


def _fields(tables: Tables, loc: Loc, kind: str) -> Iterator[Problem]:
    """A field that the kind does not take, or one that it needs."""
    for field, kinds in FIELDS.items():
        if tables.has(*loc, field) and kind not in kinds:
            yield tables.problem(
                (*loc, field), f"nothing here: it is for {listed(kinds)}", show=field != "hook"
            )
    if kind in LASTS and not tables.has(*loc, "for"):
        yield tables.problem((*loc, "for"), 'how long it lasts, such as "30s"')
    if kind == "profile_broadcast" and not tables.has(*loc, "limit"):
        yield tables.problem((*loc, "limit"), 'the power that is left, such as "7 kW"')
    last_s = tables.quantity(units.DURATION, *loc, "for")
    if kind == "power_cut" and last_s is not None and last_s < SHORTEST_CUT_S:
        yield tables.problem((*loc, "for"), "1s or more")
    interval = tables.quantity(units.DURATION, *loc, "interval")
    if interval is not None and (interval != round(interval) or interval < 1.0):
        yield tables.problem((*loc, "interval"), "whole seconds, 1s or more")
    if kind in CUTS and tables.get(*loc, "close") == "silent":
        expected = "clean, fin or rst: a station would not notice that its CSMS fell silent"
        yield tables.problem((*loc, "close"), expected)


def _sites(tables: Tables, loc: Loc) -> Iterator[Problem]:
    names = [tables.get("sites", i, "name") for i in tables.tables("sites")]
    known = [name for name in names if isinstance(name, str)]
    given = tables.get(*loc, "sites")
    for place, name in enumerate(given if isinstance(given, list) else ()):
        if isinstance(name, str) and name not in known and len(known) == len(names):
            expected = f"a site: {listed(known)}"
            yield tables.problem((*loc, "sites", place), expected, nearest(name, known))
    if given == []:
        yield tables.problem((*loc, "sites"), "one site or more; none: leave the field out")


def _hook(tables: Tables, loc: Loc) -> Iterator[Problem]:
    hook = tables.get(*loc, "hook")
    if not isinstance(hook, dict):
        return
    url, command = hook.get("url"), hook.get("command")
    if (url is None) == (command is None):
        expected = '{ url = "http://127.0.0.1:9001/faults" } or { command = "docker restart csms" }'
        yield tables.problem((*loc, "hook"), expected, show=False)
        return
    if command is not None:
        for field in ("method", "body"):
            if field in hook:
                yield tables.problem((*loc, "hook", field), "nothing here: it goes with a url")
        return
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
        yield tables.problem((*loc, "hook", "url"), "an http:// or https:// address")
    elif not addresses.is_loopback(url) and tables.get("csms", "authorised") is not True:
        expected = "a loopback address, or csms.authorised = true if you may do that to it"
        yield tables.problem((*loc, "hook", "url"), expected)


def _source(tables: Tables, loc: Loc, kind: str) -> Iterator[Problem]:
    """Who brings the storm about: a hook, the embedded CSMS, or we instead of the target."""
    embedded = tables.get("csms", "url") in (None, "embedded") and not tables.wrong(("csms", "url"))
    hook = tables.has(*loc, "hook")
    if kind in COMMANDS and kind != "mass_reset" and not embedded and not hook:
        expected = "a hook that has the target do it (the embedded CSMS needs none)"
        yield tables.problem((*loc, "hook"), expected)
    if kind in CUTS and tables.has(*loc, "close"):
        if hook:
            yield tables.problem((*loc, "close"), "nothing here: the hook closes connections")
        elif kind == "csms_restart" and embedded:
            expected = "nothing here: the embedded CSMS is really killed"
            yield tables.problem((*loc, "close"), expected)
    if kind == "rolling_deploy" and hook and tables.has(*loc, "instances"):
        yield tables.problem((*loc, "instances"), "nothing here: the hook closes connections")


def stages_s(tables: Tables) -> float | None:
    """How long the run lasts; None: not known."""
    if not tables.has("live", "stages"):
        return 120.0
    total = 0.0
    for index in tables.tables("live", "stages"):
        seconds = tables.quantity(units.DURATION, "live", "stages", index, "for")
        if seconds is None:
            return None
        total += seconds
    return total
