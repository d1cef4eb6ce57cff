"""The calls of the CSMS's API that a live run makes, checked against the rest of the scenario.

Part of :mod:`simulator.scenario.checks`, of the same kind: works on the tables as read, one message
per mistake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.scenario import api_fields, units
from simulator.scenario.call_model import APP, PRESETS
from simulator.scenario.check_storms import stages_s
from simulator.scenario.problems import FieldError, Problem, listed, nearest
from simulator.scenario.slo import parse_clause

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables
    from simulator.scenario.document import Loc


def check_calls(tables: Tables) -> Iterator[Problem]:
    """Every problem of the calls, and of clauses about them."""
    names: dict[str, int] = {}
    for index in tables.tables("csms", "calls"):
        loc = ("csms", "calls", index)
        action = tables.get(*loc, "action")
        yield from _times(tables, loc)
        yield from _places(tables, loc)
        if isinstance(action, str):
            yield from _content(tables, loc, action)
            yield from _name(tables, loc, action, names)
    yield from _clauses(tables, names)


def _name(tables: Tables, loc: Loc, action: str, names: dict[str, int]) -> Iterator[Problem]:
    given = tables.get(*loc, "name")
    name = " ".join((given if isinstance(given, str) else action).split())
    field = "name" if isinstance(given, str) else "action"
    if name in names:
        other = f"csms.calls[{names[name]}] is measured as that"
        yield tables.problem((*loc, field), f"a name of its own ({other})")
    elif name == APP and _with_app(tables):
        expected = f"a name other than {APP}, as which starts by app are measured"
        yield tables.problem((*loc, field), expected)
    names.setdefault(name, int(loc[-1]))


def _with_app(tables: Tables) -> bool:
    return any(tables.get("sites", i, "start", "app") for i in tables.tables("sites"))


def _times(tables: Tables, loc: Loc) -> Iterator[Problem]:
    both = [field for field in ("rate", "every") if tables.has(*loc, field)]
    if len(both) != 1:
        expected = 'rate = "5/s" (one station each time) or every = "30s" (all at once)'
        yield tables.problem(loc, expected, show=False)
    begin = tables.quantity(units.DURATION, *loc, "from") or 0.0
    end, run_s = tables.quantity(units.DURATION, *loc, "until"), stages_s(tables)
    if end is not None and end <= begin:
        yield tables.problem((*loc, "until"), "a time after that of `from`")
    elif run_s is not None and begin >= run_s:
        expected = f"a time before the stages are over ({units.text(units.DURATION, run_s)})"
        yield tables.problem((*loc, "from"), expected)


def _places(tables: Tables, loc: Loc) -> Iterator[Problem]:
    """Sites and models must be there."""
    sites = list(tables.tables("sites"))
    groups = [
        ("sites", i, "stations", group)
        for i in sites
        for group in tables.tables("sites", i, "stations")
    ]
    for field, what, known in (
        ("sites", "a site", [tables.get("sites", i, "name") for i in sites]),
        ("models", "a station profile of this network", [tables.get(*g, "model") for g in groups]),
    ):
        words = [word for word in dict.fromkeys(known) if isinstance(word, str)]
        given = tables.get(*loc, field)
        if given == []:
            yield tables.problem((*loc, field), "one or more; any: leave the field out")
        if len(words) < len(set(map(str, known))):
            continue
        for place, name in enumerate(given if isinstance(given, list) else ()):
            if isinstance(name, str) and name not in words:
                expected = f"{what}: {listed(words)}"
                yield tables.problem((*loc, field, place), expected, nearest(name, words))


def _content(tables: Tables, loc: Loc, action: str) -> Iterator[Problem]:
    """Who is asked for it, in which words."""
    url = tables.get("csms", "url")
    embedded = url in (None, "embedded") and not tables.wrong(("csms", "url"))
    if tables.has(*loc, "limits") and action != "SetChargingProfile":
        yield tables.problem((*loc, "limits"), "nothing here: it is for SetChargingProfile")
    if embedded and tables.has(*loc, "request"):
        expected = "nothing here: the embedded CSMS's API is known"
        yield tables.problem((*loc, "request"), expected, show=False)
    elif embedded and action not in PRESETS and not tables.has(*loc, "payload"):
        expected = f"what is in {action} (JSON); without it: {listed(PRESETS)}"
        yield tables.problem((*loc, "payload"), expected, show=False)
    elif embedded:
        yield from _payload(tables, loc)
    elif isinstance(url, str):
        if tables.has(*loc, "payload"):
            expected = "nothing here: it is for the embedded CSMS (another one: request)"
            yield tables.problem((*loc, "payload"), expected, show=False)
        yield from _request(tables, loc)


def _payload(tables: Tables, loc: Loc) -> Iterator[Problem]:
    text = tables.get(*loc, "payload")
    if not isinstance(text, str):
        return
    for name in api_fields.CALL_PLACES:
        text = text.replace(f"{{{name}}}", "1")
    try:
        right = isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        right = False
    if not right:
        yield tables.problem((*loc, "payload"), "an object in JSON once the braces are filled in")


def _request(tables: Tables, loc: Loc) -> Iterator[Problem]:
    request = tables.get(*loc, "request")
    if not tables.has(*loc, "request"):
        expected = 'the call of this CSMS\'s API, such as { path = "/stations/{station}/reset" }'
        yield tables.problem((*loc, "request"), expected, show=False)
        return
    if not tables.has("csms", "api"):
        yield tables.problem(
            ("csms", "api"), 'the API of this CSMS, such as { url = "http://..." }'
        )
    if not isinstance(request, dict) or not tables.has(*loc, "rate"):
        return
    text = f"{request.get('path', '')} {request.get('body', '')}"
    if "station" not in api_fields.places(text):
        expected = "{station} in path or body: which station it is for (every: one call for all)"
        yield tables.problem((*loc, "request"), expected, show=False)


def _clauses(tables: Tables, names: dict[str, int]) -> Iterator[Problem]:
    """A clause about calls must be about some that there are."""
    known = [*names, *([APP] if _with_app(tables) and APP not in names else [])]
    if any(tables.wrong(("csms", "calls", i)) for i in names.values()):
        return
    required = tables.get("slo", "require")
    for place, text in enumerate(required if isinstance(required, list) else ()):
        try:
            clause = parse_clause(text) if isinstance(text, str) else None
        except FieldError:
            continue
        if clause is None or not clause.of_calls:
            continue
        for name in clause.actions:
            if name not in known:
                some = listed(known) if known else "there is none"
                near = nearest(name, known)
                better = re.sub(re.escape(name), near, text, count=1) if near else None
                yield tables.problem(
                    ("slo", "require", place), f"the name of a call (csms.calls): {some}", better
                )
