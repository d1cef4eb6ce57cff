"""What no single field of a scenario can know: each check looks at several.

Works on the tables as read (after `document.repair`), not on the typed model, so that one wrong
field elsewhere does not hide these. A field that is wrong by itself is left out: one message per
mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from simulator.scenario import addresses, fields, units
from simulator.scenario.check_calls import check_calls
from simulator.scenario.check_limits import check_limits
from simulator.scenario.check_live import check_live
from simulator.scenario.check_mixes import check_mixes
from simulator.scenario.check_money import check_money
from simulator.scenario.check_people import check_people, has_depot
from simulator.scenario.check_results import check_results
from simulator.scenario.check_security import check_security
from simulator.scenario.check_stages import check_stages
from simulator.scenario.check_starts import check_starts
from simulator.scenario.check_storms import check_storms
from simulator.scenario.clock import localise
from simulator.scenario.document import Labels, Loc, path_text, value_at
from simulator.scenario.problems import FieldError, Problem, listed, nearest, shown
from simulator.scenario.profile_model import StationModel
from simulator.scenario.profiles import Library


class Tables:
    """The scenario's tables, and which places in them are known to be wrong."""

    def __init__(
        self, document: dict[str, Any], bad: Iterable[Loc], labels: Labels, library: Library
    ) -> None:
        self.document = document
        self.bad = tuple(bad)
        self.labels = labels
        self.library = library

    def wrong(self, loc: Loc) -> bool:
        """Whether the value there, or a table around it, was found wrong."""
        return any(loc[: len(bad)] == bad for bad in self.bad)

    def get(self, *loc: str | int) -> Any:
        """The value there; None if there is none or if it is wrong."""
        return None if self.wrong(loc) else value_at(self.document, loc)

    def has(self, *loc: str | int) -> bool:
        """Whether anything stands there, right or wrong."""
        return value_at(self.document, loc) is not None

    def quantity(self, kind: units.Quantity, *loc: str | int) -> float | None:
        """The value there in base units."""
        value = self.get(*loc)
        return units.parse(kind, value) if value is not None else None

    def tables(self, *loc: str | int) -> Iterator[int]:
        """Indices of the tables in the list there."""
        items = self.get(*loc)
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict):
                yield index

    def model(self, *loc: str | int) -> StationModel | None:
        """The station model named there."""
        profile = self.library.get("stations", self.get(*loc))
        return profile if isinstance(profile, StationModel) else None

    def models(self, *loc: str | int) -> list[StationModel | None]:
        """The models of a group of stations: its own, or its mix's; None for unknown ones."""
        if not self.has(*loc, "mix"):
            return [self.model(*loc, "model")]
        found = [self.model(*loc, "mix", n, "model") for n in self.tables(*loc, "mix")]
        return found or [None]

    def problem(
        self, loc: Loc, expected: str, suggestion: str | None = None, *, show: bool = True
    ) -> Problem:
        """The problem with what stands there."""
        value = value_at(self.document, loc)
        text = shown(value, str(loc[-1])) if show and value is not None else None
        return Problem(
            self.labels.of(loc), path_text(self.document, loc), text, expected, suggestion
        )


def check(tables: Tables) -> list[Problem]:
    """Every problem between fields."""
    found: list[Problem] = []
    for part in (_start, _names, _sources, _evse_names, _limits, _trace, _csms, _record):
        found += part(tables)
    found += check_people(tables)
    found += check_starts(tables)
    found += check_money(tables)
    found += check_results(tables)
    found += check_limits(tables)
    found += check_security(tables)
    found += check_mixes(tables)
    found += check_stages(tables)
    found += check_live(tables)
    found += check_storms(tables)
    found += check_calls(tables)
    return found


def trace_site(tables: Tables) -> int | None:
    """Index of the site that replays the trace: the one named, or the only one without demand."""
    if not tables.has("trace"):
        return None
    sites = list(tables.tables("sites"))
    name = tables.get("trace", "site")
    if name is not None:
        return next((i for i in sites if tables.get("sites", i, "name") == name), None)
    free = [
        i
        for i in sites
        if not tables.has("sites", i, "arrivals") and not has_depot(tables, ("sites", i))
    ]
    return free[0] if free and not tables.has("trace", "site") else None


def _start(tables: Tables) -> Iterator[Problem]:
    if tables.wrong(("scenario", "timezone")):
        return
    zone = tables.get("scenario", "timezone") or "UTC"
    for loc in (("scenario", "start"), ("trace", "start")):
        value = tables.get(*loc)
        if value is not None:
            try:
                localise(fields.read_local_time(value), ZoneInfo(zone))
            except FieldError as error:
                yield tables.problem(loc, error.expected, error.suggestion)


def _names(tables: Tables) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index in tables.tables("sites"):
        name = tables.get("sites", index, "name")
        if not isinstance(name, str):
            continue
        if name in first:
            expected = f"a name of its own (sites[{first[name]}] is called that)"
            yield tables.problem(("sites", index, "name"), expected)
        first.setdefault(name, index)


def _sources(tables: Tables) -> Iterator[Problem]:
    """Each site has arrivals with their figures or a depot, or replays the trace."""
    replays = trace_site(tables)
    unclear = _unclear(tables)
    for index in tables.tables("sites"):
        loc = ("sites", index)
        arrivals, depot = tables.has(*loc, "arrivals"), has_depot(tables, loc)
        if (arrivals or depot) and index == replays:
            field = "arrivals" if arrivals else "depot"
            yield tables.problem((*loc, field), f"no {field} where the site replays the trace")
        elif not arrivals and not depot and index != replays and not unclear:
            expected = "arrivals, a depot, or a [trace] that this site replays"
            yield tables.problem((*loc, "arrivals"), expected)
        for field, what in (
            ("visits_per_evse_day", "visits per EVSE and day, such as 1.5"),
            ("vehicles", "a vehicle mix"),
        ):
            if arrivals and not tables.has(*loc, field):
                yield tables.problem((*loc, field), f"{what} (the site has arrivals)")
            elif not arrivals and index == replays and tables.has(*loc, field):
                expected = "nothing here: it needs arrivals, and this site replays the trace"
                yield tables.problem((*loc, field), expected)
            elif depot and not arrivals and field != "vehicles" and tables.has(*loc, field):
                expected = "nothing here: it needs arrivals, and a depot has a schedule"
                yield tables.problem((*loc, field), expected)


def _unclear(tables: Tables) -> bool:
    """Whether a trace names a site that cannot be told."""
    return tables.has("trace", "site") and trace_site(tables) is None


def _evse_names(tables: Tables) -> Iterator[Problem]:
    replays = trace_site(tables)
    if _unclear(tables):
        return
    for index in tables.tables("sites"):
        seen: set[str] = set()
        for group in tables.tables("sites", index, "stations"):
            loc = ("sites", index, "stations", group, "names")
            names = tables.get(*loc)
            if not isinstance(names, list):
                continue
            if index != replays:
                yield tables.problem(loc, "nothing here: only a trace uses EVSE names")
                continue
            model = tables.model(*loc[:-1], "model")
            count = tables.get(*loc[:-1], "count") if tables.has(*loc[:-1], "count") else 1
            if model is not None and isinstance(count, int) and len(names) != count * model.evses:
                expected = f"{count * model.evses} names ({count} x {model.evses} EVSEs)"
                yield tables.problem(loc, f"{expected}, not {len(names)}", show=False)
            for place, name in enumerate(names):
                if not isinstance(name, str):
                    continue
                if name in seen:
                    yield tables.problem((*loc, place), "a name that no other EVSE of the site has")
                seen.add(name)


def _limits(tables: Tables) -> Iterator[Problem]:
    for index in tables.tables("sites"):
        limit = tables.quantity(units.POWER, "sites", index, "grid_limit")
        groups = tables.tables("sites", index, "stations")
        models = [m for group in groups for m in tables.models("sites", index, "stations", group)]
        known = [model for model in models if model is not None]
        if limit is None or not known or len(known) < len(models):
            continue
        least = min(known, key=lambda model: model.least_kw)
        if limit < least.least_kw:
            expected = f"at least {least.least_kw:g} kW, below which no {least.name} can charge"
            yield tables.problem(("sites", index, "grid_limit"), expected)


def _trace(tables: Tables) -> Iterator[Problem]:
    if not tables.has("trace"):
        return
    name = tables.get("trace", "site")
    known = [tables.get("sites", i, "name") for i in tables.tables("sites")]
    words = [word for word in known if isinstance(word, str)]
    nameless = len(words) < len(known)
    if name is not None and name not in words and not nameless:
        yield tables.problem(("trace", "site"), f"a site: {listed(words)}", nearest(name, words))
    elif not tables.has("trace", "site") and trace_site(tables) is None and known:
        expected = f"the site that replays the trace ({listed(words)}), without arrivals"
        yield tables.problem(("trace", "site"), expected)
    creates = tables.get("trace", "missing_evse") == "create"
    if tables.has("trace", "model") and not creates and not tables.wrong(("trace", "missing_evse")):
        expected = 'nothing here: only missing_evse = "create" makes EVSEs'
        yield tables.problem(("trace", "model"), expected)


def _csms(tables: Tables) -> Iterator[Problem]:
    url = tables.get("csms", "url")
    if (
        isinstance(url, str)
        and not addresses.is_loopback(url)
        and tables.get("csms", "authorised") is not True
        and not tables.wrong(("csms", "authorised"))
    ):
        expected = "a loopback address, or csms.authorised = true if you may put load on it"
        yield tables.problem(("csms", "url"), expected)
    password = tables.get("csms", "password")
    if isinstance(password, dict):
        given = [key for key in ("env", "file") if key in password]
        if len(given) != 1 and not any(tables.wrong(("csms", "password", k)) for k in password):
            expected = '{ env = "VARIABLE" } or { file = "path" }'
            yield tables.problem(("csms", "password"), expected)
        if tables.get("csms", "security_profile") in (None, 0, 3) and not tables.wrong(
            ("csms", "security_profile")
        ):
            expected = "nothing here: only security_profile = 1 or 2 sends a password"
            yield tables.problem(("csms", "password"), expected)


def _record(tables: Tables) -> Iterator[Problem]:
    interval = tables.quantity(units.DURATION, "record", "interval")
    billing = tables.quantity(units.DURATION, "record", "billing_interval")
    interval = 900.0 if interval is None and not tables.has("record", "interval") else interval
    billing = 900.0 if billing is None and not tables.has("record", "billing_interval") else billing
    if interval is None or billing is None:
        return
    if interval < 1.0:
        yield tables.problem(("record", "interval"), "an interval of 1 s or more")
        return
    times = billing / interval
    if abs(times - round(times)) > 1e-9 or round(times) < 1:
        field = "billing_interval" if tables.has("record", "billing_interval") else "interval"
        expected = f"a billing interval ({units.text(units.DURATION, billing)}) that is a multiple"
        expected += f" of the recording interval ({units.text(units.DURATION, interval)})"
        yield tables.problem(("record", field), expected)
